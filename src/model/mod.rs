//! Inventory and snapshots to one resolved model: defaults filled, references followed, names checked. Templates see
//! exactly this. Reads no files and knows nothing of templates.

mod authority;
mod build;
mod certificate;
mod chart;
mod component;
mod conventions;
mod delivery;
mod issuer;
mod names;
mod resolution;
mod source;
mod variables;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::inventory::{Delivery, EnvironmentName, IssuerKind, Versions};
use crate::yaml::Path;

pub use authority::AuthorityChart;
pub use build::{Extent, build};
pub use certificate::Certificate;
pub use component::ComponentUse;
pub use conventions::helm_fullname;
pub use issuer::{Issuer, PasswordReference, Provisioner, ProvisionerProblem, provisioner_problem};
pub use resolution::KnownSnapshot;
pub use variables::{Variable, json_schema, variables};

/// One environment, resolved.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Its name.
    pub environment: EnvironmentName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// How the GitOps engine consumes the tree.
    pub delivery: Delivery,
    /// Versions of what runs in the cluster, where known; null where not.
    pub versions: KnownVersions,
    /// The namespace in whose folder the component lies; null where there is nothing to render.
    pub home: Option<String>,
    /// The step-issuer controller; null where somebody else installs it.
    pub step_issuer: Option<StepIssuer>,
    /// StepIssuers by their name in the inventory.
    pub issuers: BTreeMap<String, Issuer>,
    /// StepClusterIssuers by their name in the inventory.
    pub cluster_issuers: BTreeMap<String, Issuer>,
    /// Issuers of the inventory that cannot be rendered, because their CA has not run yet or lacks what they need. Not for
    /// templates.
    #[serde(skip)]
    pub waiting_issuers: Vec<IssuerReference>,
    /// Certificates by their name in the inventory.
    pub certificates: BTreeMap<String, Certificate>,
    /// Exporters by the name of their authority.
    pub exporters: BTreeMap<String, Exporter>,
    /// Certificate authorities by their name in the inventory.
    pub authorities: BTreeMap<String, Authority>,
    /// Components of the user's own that are switched on, by name. Not for templates: each sees its own values only.
    #[serde(skip)]
    pub components: BTreeMap<String, ComponentUse>,
    /// Where cert-manager runs.
    pub cert_manager: CertManager,
    /// Who needs the right to approve requests; null where the chart brings it.
    pub approver: Option<CertManager>,
    /// Where the engine finds the repository.
    pub git: Git,
    /// What Argo CD is told of the tree; null where it is told nothing.
    pub argo_cd: Option<ArgoCd>,
    /// The files that all this comes from.
    pub sources: Sources,
    /// Where in the inventory an entry comes from, where its name alone does not say it. Not for templates.
    #[serde(skip)]
    pub origins: BTreeMap<Vec<String>, Path>,
}

/// Where the engine finds the repository.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// Address as the engine knows it; null where nothing names it.
    pub url: Option<String>,
    /// Branch, tag or commit.
    pub revision: String,
    /// Folder of the repository's files in it; empty at its root.
    pub path: String,
}

/// What Argo CD is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCd {
    /// Its namespace.
    pub namespace: String,
}

/// The same as in the inventory, with null where nothing is known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownVersions {
    /// cert-manager.
    pub cert_manager: Option<String>,
    /// Kubernetes.
    pub kubernetes: Option<String>,
    /// kustomize.
    pub kustomize: Option<String>,
    /// Helm.
    pub helm: Option<String>,
    /// step-issuer, where its chart is not in the inventory.
    pub step_issuer: Option<String>,
    /// trust-manager.
    pub trust_manager: Option<String>,
}

impl From<&Versions> for KnownVersions {
    fn from(versions: &Versions) -> KnownVersions {
        let Versions { cert_manager, kubernetes, kustomize, helm, step_issuer, trust_manager } = versions.clone();
        KnownVersions { cert_manager, kubernetes, kustomize, helm, step_issuer, trust_manager }
    }
}

/// The step-issuer controller.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepIssuer {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// The chart; null where somebody else installs the controller.
    pub chart: Option<Chart>,
    /// Chart values to write, sorted by key.
    pub values: Map<String, Value>,
    /// The ServiceAccount that the chart makes, and forgets to give a namespace; null where it makes none.
    pub chart_service_account: Option<String>,
    /// The same as the regular expression that kustomize takes as a target's name.
    pub chart_service_account_pattern: Option<String>,
}

/// A Helm chart.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// Repository.
    pub repo: String,
    /// Exact version.
    pub version: String,
}

/// A ServiceAccount that may read the two public objects of one authority.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exporter {
    /// Name of the ServiceAccount, Role and RoleBinding.
    pub name: String,
    /// Namespace of the authority.
    pub namespace: String,
    /// Names by resource: `configmaps`, `secrets`.
    pub objects: BTreeMap<&'static str, Vec<String>>,
}

/// A certificate authority: one release of the chart `step-certificates`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authority {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// What the names of the chart's objects begin with.
    pub fullname: String,
    /// URL at which step-issuer reaches the CA.
    pub url: String,
    /// How many days before its end a root or intermediate is told of; null where the usual numbers hold.
    pub expiry_horizon_days: Option<u32>,
    /// The chart that installs it; null where somebody else does, or where it cannot be rendered yet.
    pub chart: Option<AuthorityChart>,
    /// Chart values to write, sorted by key.
    pub values: Map<String, Value>,
    /// The name of the folder of what installs it.
    pub folder: String,
}

/// The controller of cert-manager, which approves requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManager {
    /// Its namespace.
    pub namespace: String,
    /// Its ServiceAccount.
    pub service_account: String,
}

/// The files that a model comes from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sources {
    /// The inventory.
    #[schemars(with = "String")]
    pub inventory: Utf8PathBuf,
    /// Layers in the order in which they were merged.
    pub layers: Vec<String>,
    /// Snapshots, sorted.
    #[schemars(with = "Vec<String>")]
    pub snapshots: Vec<Utf8PathBuf>,
}

/// What an issuer reference needs to know of an issuer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerReference {
    /// Kind.
    pub kind: IssuerKind,
    /// Name of the object.
    pub name: String,
    /// Namespace of a StepIssuer, which serves no other one. Not for templates: an `issuerRef` has no namespace.
    #[serde(skip)]
    pub namespace: Option<String>,
}
