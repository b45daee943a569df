//! What people wrote: settings, layers and inventories, read and merged, each value with the place that set it.
//!
//! Knows nothing of CA snapshots; what the fields lead to is `model/`'s business.

mod layers;
mod name;
mod rules;
mod schema;
mod settings;
mod snapshots;

pub use layers::{INVENTORY_FILE, Inventory, Layers};
pub use name::EnvironmentName;
pub use schema::{
    AdditionalOutputFormat, ArgoCd, Authority, AuthorityMode, AuthorityProvisioner, AuthorityProvisionerKind, CertManager, Certificate,
    Chart, Component, Delivery, EnvironmentFile, FileKind, Git, Issuer, IssuerKind, Keystore, Keystores, OverrideLevel, PasswordReference,
    PrivateKey, Provisioner, RuleOverride, SecretKey, SecretTemplate, StepIssuer, Subject, Versions, json_schema,
};
pub use settings::{SETTINGS_FILE, Settings};
pub use snapshots::SnapshotReference;
