//! The fields of an inventory, as strict typed structs. The doc comments become the text of the JSON Schema.
//! The structs hold no places: a finding names a path, and the merged tree knows where that path was set.

mod argo_cd;
mod authority;
mod certificate;
mod component;
mod delivery;
mod flux;
mod issuer;
mod job;
mod kustomize;
mod tenant;
mod trust;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use argo_cd::{ArgoCd, ArgoCdApplication, ArgoCdApplicationSet, ArgoCdAutomation, ArgoCdDestination};
pub use authority::{AuthorityMode, AuthorityProvisioner, AuthorityProvisionerKind};
pub use certificate::{
    AdditionalOutputFormat, Certificate, Keystore, Keystores, PrivateKey, SecretKey, SecretTemplate, Subject, TenantCertificate,
};
pub use component::Component;
pub use delivery::{Delivery, Git};
pub use flux::{Flux, FluxSource, FluxSourceKind};
pub use issuer::{
    AcmeIssuer, CaIssuer, ExternalAccountBinding, Http01, Http01Gateway, Http01Ingress, Issuer, IssuerKind, PasswordReference, Provisioner,
    SecretName, Solver, SolverSelector,
};
pub use job::{Bootstrap, BootstrapImages, ConfigMapKey, ExporterCronJob, Resources};
pub use kustomize::{Layout, Patch, PatchTarget};
pub use tenant::{Requester, RequesterKind, Tenant, TenantIssuer, TenantNetworkPolicy, TenantTrust};
pub use trust::{
    BundleJks, BundlePkcs12, BundleTarget, CopyProgram, LabelExpression, LabelOperator, LabelSelector, Pkcs12Profile, Reflector,
    Replicator, Share, Trust, TrustBundle,
};

/// The API version that every file of ours carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The present one.
    #[serde(rename = "trustree.dev/v1alpha1")]
    V1Alpha1,
}

/// What a file is: an environment of its own, or a layer that others extend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FileKind {
    /// One cluster or stage.
    Environment,
    /// Shared inventory that others extend.
    Layer,
}

/// One environment, after its layers were merged in; a layer has the same fields.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "trustree inventory")]
pub struct EnvironmentFile {
    /// Always `trustree.dev/v1alpha1`.
    pub api_version: ApiVersion,
    /// `Environment`, or `Layer` for a file below `_layers/`.
    pub kind: FileKind,
    /// Layers to start from, merged left to right as JSON Merge Patch (RFC 7386): maps merge, scalars and lists
    /// replace, `null` removes. A name means `environments/_layers/<name>.yaml`.
    #[serde(default)]
    pub extends: Vec<String>,
    /// Labels of the environment, for `--selector`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The cluster's DNS domain. Default: `cluster.local`.
    pub cluster_domain: Option<String>,
    /// How the GitOps engine consumes the tree. Default: `kustomize`.
    pub delivery: Option<Delivery>,
    /// How the files of the environment lie. Default: `self-contained`.
    pub layout: Option<Layout>,
    /// Mirrors of images, by the image's name or what it begins with: `cr.step.sm/smallstep: registry.example.com/smallstep`.
    /// A whole name may be given a tag with a digest as well: `registry.example.com/step-issuer:0.11.0@sha256:…`. Put into the
    /// values of the chart, where these do not name the image themselves.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// The repository as the GitOps engine sees it.
    #[serde(default)]
    pub git: Git,
    /// Argo CD, where it takes up the tree.
    pub argo_cd: Option<ArgoCd>,
    /// Flux, where it delivers the tree.
    pub flux: Option<Flux>,
    /// Versions of what runs in the cluster, where they matter.
    #[serde(default)]
    pub versions: Versions,
    /// Where cert-manager runs. Its controller must be allowed to approve requests for step-issuer.
    #[serde(default)]
    pub cert_manager: CertManager,
    /// The certificate authorities (releases of the chart `step-certificates`) that issuers use, by a name of yours.
    #[serde(default)]
    pub authorities: BTreeMap<String, Authority>,
    /// The step-issuer controller. Leave it out where somebody else installs it.
    pub step_issuer: Option<StepIssuer>,
    /// Who signs certificates: StepIssuer, StepClusterIssuer, Issuer and ClusterIssuer objects, by a name of yours, which is also the object's unless `name` says otherwise.
    #[serde(default)]
    pub issuers: BTreeMap<String, Issuer>,
    /// Certificate objects, by a name of yours, which is also the object's unless `name` says otherwise.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// Whether to render a ServiceAccount that may read each authority's public configuration, and nothing else. Default: where there is
    /// an `exporterCronJob`.
    /// How the roots of the authorities reach those who must trust them, by a name of yours, which is also the object's unless
    /// `name` says otherwise.
    #[serde(default)]
    pub trust: BTreeMap<String, Trust>,
    /// What every tenant has that does not say otherwise: each tenant is merged over it as JSON Merge Patch (RFC 7386).
    pub tenant_defaults: Option<Tenant>,
    /// Tenants by a name of yours: namespaces that belong together, and what lies in each of them. `{}` is a tenant that has
    /// what the defaults say.
    #[serde(default)]
    pub tenants: BTreeMap<String, Tenant>,
    /// Components of your own, from the folder of templates, that are rendered here, by their name. `{}` switches one on that
    /// needs no values, and `null` takes away what a layer switched on.
    #[serde(default)]
    pub components: BTreeMap<String, Component>,
    /// Whether to render a ServiceAccount that may read each authority's public configuration, and nothing else. Default: false.
    pub exporter: Option<bool>,
    /// A CronJob that runs as that ServiceAccount and proposes changed snapshots as a pull request.
    pub exporter_cron_job: Option<ExporterCronJob>,
    /// A Job that applies what waits for a CA snapshot while there is none yet.
    pub bootstrap: Option<Bootstrap>,
    /// Whether to render the right of cert-manager to approve requests for step-issuer. Default: where the chart does not bring it.
    pub approver: Option<bool>,
    /// Rules whose level is another one here, by their code.
    #[serde(default)]
    pub rules: BTreeMap<String, RuleOverride>,
}

/// Another level for a rule, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RuleOverride {
    /// The level of the rule's findings. `off` leaves them out.
    pub level: OverrideLevel,
    /// Why, for whoever reads it next year.
    pub reason: Option<String>,
}

/// A level that a person may give to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub enum OverrideLevel {
    /// Not reported.
    Off,
    /// Informs.
    Note,
    /// Fails `check --strict`.
    Warning,
    /// Keeps the environment from being written.
    Error,
}

/// Versions, written as strings: `"1.36"` leaves the patch level open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Versions {
    /// cert-manager, such as `"1.19"`: fields that it does not know yet are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<String>,
    /// Kubernetes, such as `"1.36"`: handed to Helm, whose charts may ask for a minimum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// kustomize, such as `"5.8"`: older than 5.3 it looks for charts elsewhere, and is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<String>,
    /// Helm, such as `"4.0"`: kustomize calls it, and needs to be new enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<String>,
    /// step-issuer, where its chart is not in the inventory, such as `"0.11"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_issuer: Option<String>,
    /// trust-manager, such as `"0.24"`: which of its kinds it looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_manager: Option<String>,
    /// Flux, such as `"2.6"`: before 2.5 it cannot wait for Step issuers, and older than 2.3 it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux: Option<String>,
}

/// Where cert-manager runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertManager {
    /// Namespace of cert-manager's controller. Default: `cert-manager`.
    pub namespace: Option<String>,
    /// ServiceAccount of cert-manager's controller. Default: `cert-manager`.
    pub service_account: Option<String>,
}

/// A certificate authority: one release of the chart `step-certificates`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Authority {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the Helm release. Default: `step-certificates`.
    pub release: Option<String>,
    /// The chart's full name, where `fullnameOverride` or `nameOverride` changed it.
    pub fullname: Option<String>,
    /// Whether the chart keeps `<fullname>-config` as a Secret. Default: false.
    pub config_as_secret: Option<bool>,
    /// Whether the chart keeps `<fullname>-certs` as a Secret. Default: false.
    pub certs_as_secret: Option<bool>,
    /// URL at which step-issuer reaches the CA; its host must be among the CA's `dnsNames`.
    /// Default: `https://<fullname>.<namespace>.svc.<clusterDomain>`.
    pub url: Option<String>,
    /// Path of the CA snapshot below the repository, or `pending` where the CA has not run yet. Default:
    /// `ca-snapshot.yaml` beside the inventory, with several authorities `ca-snapshot.<authority>.yaml`.
    pub snapshot: Option<String>,
    /// How many days before a root or the issuing intermediate ends `check` begins to say so. Default: 90 for roots and 30
    /// for intermediates.
    pub expiry_horizon_days: Option<u32>,
    /// The chart that installs the CA. Leave it out where somebody else installs it.
    pub chart: Option<Chart>,
    /// Where that chart gets keys, certificates and configuration from. Default: `bootstrap`.
    pub mode: Option<AuthorityMode>,
    /// Chart values that differ from the chart's defaults; checked against the keys that the chart version knows. Secrets
    /// have no place here.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// Provisioners of `mode: inject`, by name: what the snapshot does not tell of them, and ACME provisioners that it does
    /// not hold yet.
    #[serde(default)]
    pub provisioners: BTreeMap<String, AuthorityProvisioner>,
}

/// The step-issuer controller, installed through its Helm chart.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepIssuer {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the Helm release. Default: `step-issuer`.
    pub release: Option<String>,
    /// The chart. Leave it out where somebody else installs the controller.
    pub chart: Option<Chart>,
    /// Chart values that differ from the chart's defaults; checked against the keys that the chart version knows.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// Whether values that equal the chart's defaults are written too. Default: false.
    pub explicit_values: Option<bool>,
    /// Changes to what the chart makes, and to what is rendered beside it, by a name of yours. They run in order of their names.
    #[serde(default)]
    pub patches: BTreeMap<String, Patch>,
}

/// A Helm chart.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Chart {
    /// Exact version, such as `1.11.0`.
    pub version: String,
    /// Chart repository: an `https://` address, or an `oci://` one without the name of the chart. Default:
    /// `https://smallstep.github.io/helm-charts`; none where `home` is given, so that nothing is fetched.
    pub repo: Option<String>,
    /// Folder of charts that lie in the repository, as a path below its root. Without `repo` the chart lies in
    /// `<home>/step-issuer`, with it in `<home>/step-issuer-<version>/step-issuer`. Only with `delivery: kustomize`.
    pub home: Option<String>,
    /// Folder of the chart below the repository, for `delivery: manifests`: it is inflated from there, without a network.
    pub path: Option<String>,
}

/// The JSON Schema of an inventory, made from these types.
pub fn json_schema() -> Value {
    schemars::schema_for!(EnvironmentFile).to_value()
}
