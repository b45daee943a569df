//! What people wrote: settings, layers and inventories, read and merged, each value with the place that set it.
//!
//! Knows nothing of CA snapshots; what the fields lead to is `model/`'s business.

mod layers;
mod merge;
mod name;
mod rules;
mod schema;
mod settings;
mod snapshots;
mod tenants;

pub use layers::{INVENTORY_FILE, Inventory, Layers};
pub use name::EnvironmentName;
pub use schema::{
    AcmeIssuer, AdditionalOutputFormat, ArgoCd, ArgoCdApplication, ArgoCdApplicationSet, ArgoCdAutomation, ArgoCdDestination, Authority,
    AuthorityMode, AuthorityProvisioner, AuthorityProvisionerKind, Bootstrap, BootstrapImages, BundleJks, BundlePkcs12, BundleTarget,
    CaIssuer, CertManager, Certificate, Chart, Component, ConfigMapKey, CopyProgram, Delivery, EnvironmentFile, ExporterCronJob,
    ExternalAccountBinding, FileKind, Flux, FluxSource, FluxSourceKind, Git, Http01, Http01Gateway, Http01Ingress, Issuer, IssuerKind,
    Keystore, Keystores, LabelExpression, LabelOperator, LabelSelector, Layout, OverrideLevel, PasswordReference, Patch, PatchTarget,
    Pkcs12Profile, PrivateKey, Provisioner, Reflector, Replicator, Requester, RequesterKind, Resources, RuleOverride, SecretKey,
    SecretName, SecretTemplate, Share, Solver, SolverSelector, StepIssuer, Subject, Tenant, TenantCertificate, TenantIssuer,
    TenantNetworkPolicy, TenantTrust, Trust, TrustBundle, Versions, json_schema,
};
pub use settings::{SETTINGS_FILE, Settings};
pub use snapshots::SnapshotReference;
