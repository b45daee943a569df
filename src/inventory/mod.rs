//! What people wrote: settings, layers and inventories, read and merged, each value with the place that set it.
//!
//! Knows nothing of CA snapshots; what the fields lead to is `model/`'s business.

mod layers;
mod name;
mod rules;
mod schema;
mod settings;
mod snapshots;
mod tenants;

pub use layers::{INVENTORY_FILE, Inventory, Layers};
pub use name::EnvironmentName;
pub use schema::{
    AdditionalOutputFormat, ArgoCd, Authority, CertManager, Certificate, Chart, Delivery, EnvironmentFile, FileKind, Git, Issuer,
    IssuerKind, Keystore, Keystores, OverrideLevel, PasswordReference, PrivateKey, Provisioner, Requester, RequesterKind, RuleOverride,
    SecretKey, SecretTemplate, StepIssuer, Subject, Tenant, TenantCertificate, TenantIssuer, TenantNetworkPolicy, TenantTrust, Versions,
    json_schema,
};
pub use settings::{SETTINGS_FILE, Settings};
pub use snapshots::SnapshotReference;
