//! Inventory and snapshots to one resolved model: defaults filled, references followed, names checked. Templates see
//! exactly this. Reads no files and knows nothing of templates.

mod argo_cd;
mod authority;
mod build;
mod cert_manager_issuer;
mod certificate;
mod chart;
mod chart_source;
mod component;
mod conventions;
mod copies;
mod delivery;
mod exporter;
mod flux;
mod images;
mod inflation;
mod issuer;
mod job;
mod kustomization;
mod names;
mod patch;
mod placeholder;
mod resolution;
mod source;
mod tenant;
mod trust;
mod variables;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::inventory::{Delivery, EnvironmentName, IssuerKind, Layout, Versions};
use crate::yaml::Path;

pub use argo_cd::{ArgoCd, ArgoCdApplication, ArgoCdApplicationSet, ProjectCluster};
pub use authority::AuthorityChart;
pub use build::{Extent, build};
pub use cert_manager_issuer::{Acme, CertManagerIssuer};
pub use certificate::Certificate;
pub use component::ComponentUse;
pub use conventions::helm_fullname;
pub use flux::{Flux, FluxChartSource, FluxNamespace, FluxReference, FluxRelease, FluxSource, GitRepository};
pub use inflation::{ChartRequest, ChartSource};
pub use issuer::{Issuer, PasswordReference, Provisioner, ProvisionerProblem, provisioner_problem};
pub use job::{Bootstrap, BootstrapImages, ClusterRights, Export, ExporterJob, JobRole, JobRule, Name};
pub use patch::Patch;
pub(crate) use patch::node_of as target_node;
pub use resolution::KnownSnapshot;
pub use tenant::{NamespaceObject, NetworkPolicy, Requesters, Roots, Subject, TenantNamespace};
pub use trust::{Trust, TrustBundle, TrustConfigMap};
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
    /// How its files lie.
    pub layout: Layout,
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
    /// cert-manager's own Issuers by their name in the inventory.
    pub cert_manager_issuers: BTreeMap<String, CertManagerIssuer>,
    /// cert-manager's own ClusterIssuers by their name in the inventory.
    pub cert_manager_cluster_issuers: BTreeMap<String, CertManagerIssuer>,
    /// Issuers of the inventory that cannot be rendered, because their CA has not run yet or lacks what they need. Not for
    /// templates.
    #[serde(skip)]
    pub waiting_issuers: Vec<IssuerReference>,
    /// Certificates by their name in the inventory.
    pub certificates: BTreeMap<String, Certificate>,
    /// What spreads the roots of the authorities; null where the inventory asks for nothing, or no root is known yet.
    pub trust: Option<Trust>,
    /// Namespaces of tenants by their name, with what is rendered into each.
    pub tenant_namespaces: BTreeMap<String, TenantNamespace>,
    /// The authority behind each tenant's own StepIssuer, by the tenant's name. Not for templates.
    #[serde(skip)]
    pub tenant_authorities: BTreeMap<String, String>,
    /// Exporters by the name of their authority.
    pub exporters: BTreeMap<String, Exporter>,
    /// CronJobs of the exporters, by the name of their authority.
    pub exporter_jobs: BTreeMap<String, ExporterJob>,
    /// The bootstrap, where something waits for a snapshot: one entry, `bootstrap`, or none.
    pub bootstraps: BTreeMap<String, Bootstrap>,
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
    /// What Flux is told; null where it does not deliver the tree.
    pub flux: Option<Flux>,
    /// The files that all this comes from.
    pub sources: Sources,
    /// Charts that are inflated before the tree is rendered, by the name that a component's `chart:` leads to. Not for
    /// templates.
    #[serde(skip)]
    pub inflations: BTreeMap<String, ChartRequest>,
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
    /// Flux.
    pub flux: Option<String>,
}

impl From<&Versions> for KnownVersions {
    fn from(versions: &Versions) -> KnownVersions {
        let Versions { cert_manager, kubernetes, kustomize, helm, step_issuer, trust_manager, flux } = versions.clone();
        KnownVersions { cert_manager, kubernetes, kustomize, helm, step_issuer, trust_manager, flux }
    }
}

/// The step-issuer controller.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepIssuer {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// What the names of the chart's objects begin with; null where there is no chart.
    pub fullname: Option<String>,
    /// The chart; null where somebody else installs the controller.
    pub chart: Option<Chart>,
    /// Which of the charts that are inflated beforehand this one is; null where the engine inflates it.
    pub inflation: Option<String>,
    /// Chart values to write, sorted by key.
    pub values: Map<String, Value>,
    /// The ServiceAccount that the chart makes, and forgets to give a namespace; null where it makes none.
    pub chart_service_account: Option<String>,
    /// The same as the regular expression that kustomize takes as a target's name.
    pub chart_service_account_pattern: Option<String>,
    /// Whether a file of values is written: where there are values, and where kustomize may not read those of the chart.
    pub has_values_file: bool,
    /// Whether what brings the controller lies in a folder that environments share.
    pub is_shared: bool,
    /// What the name of that folder begins with; null where there is no chart.
    pub base_name: Option<String>,
    /// Every patch, in order of the names.
    pub patches: Vec<Patch>,
    /// Those that may change what the chart makes.
    pub chart_patches: Vec<Patch>,
    /// Those that may change what is rendered beside it.
    pub own_patches: Vec<Patch>,
    /// Those that change only what the chart makes, and so lie where the chart is taken up.
    pub base_patches: Vec<Patch>,
}

/// A Helm chart.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// Repository; null where the chart is taken from `home` as it lies there.
    pub repo: Option<String>,
    /// Exact version.
    pub version: String,
    /// Folder of charts below the repository; null where kustomize keeps its own.
    pub home: Option<String>,
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
    /// Which of the charts that are inflated beforehand this one is; null where the engine inflates it.
    pub inflation: Option<String>,
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
    /// API group of the kind.
    pub group: &'static str,
    /// Kind.
    pub kind: IssuerKind,
    /// Name of the object.
    pub name: String,
    /// Namespace of a StepIssuer or Issuer, which serves no other one. Not for templates: an `issuerRef` has no namespace.
    #[serde(skip)]
    pub namespace: Option<String>,
}
