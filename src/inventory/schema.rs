//! The fields of an inventory, as strict typed structs. The doc comments become the text of the JSON Schema.
//! The structs hold no places: a finding names a path, and the merged tree knows where that path was set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// StepIssuer and StepClusterIssuer objects, by a name of yours, which is also the object's unless `name` says otherwise.
    #[serde(default)]
    pub issuers: BTreeMap<String, Issuer>,
    /// Certificate objects, by a name of yours, which is also the object's unless `name` says otherwise.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// Whether to render a ServiceAccount that may read each authority's public configuration, and nothing else. Default: false.
    pub exporter: Option<bool>,
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

/// How the GitOps engine consumes the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// `kustomization.yaml` with `helmCharts`, for `kustomize build --enable-helm` and Argo CD.
    #[default]
    Kustomize,
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
}

/// A Helm chart.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Chart {
    /// Exact version, such as `1.11.0`.
    pub version: String,
    /// Chart repository. Default: `https://smallstep.github.io/helm-charts`.
    pub repo: Option<String>,
}

/// The two kinds of issuer that step-issuer serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum IssuerKind {
    /// Serves every namespace.
    StepClusterIssuer,
    /// Serves its own namespace.
    StepIssuer,
}

/// A StepIssuer or StepClusterIssuer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Issuer {
    /// `StepIssuer` serves its own namespace, `StepClusterIssuer` every one.
    pub kind: IssuerKind,
    /// Name of the object. Default: the key of this entry.
    pub name: Option<String>,
    /// Namespace of a StepIssuer; a StepClusterIssuer has none.
    pub namespace: Option<String>,
    /// The authority that signs. May be left out when there is only one.
    pub authority: Option<String>,
    /// The JWK provisioner that signs.
    pub provisioner: Provisioner,
}

/// A JWK provisioner, chosen by name; its key id comes from the CA snapshot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provisioner {
    /// Name of the provisioner at the CA.
    pub name: String,
    /// The Secret with the password of this provisioner's key.
    pub password_ref: PasswordReference,
}

/// A key in a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PasswordReference {
    /// Name of the Secret.
    pub name: String,
    /// Namespace of the Secret: needed by a StepClusterIssuer, forbidden for a StepIssuer, which reads its own.
    pub namespace: Option<String>,
    /// Key in the Secret. Default: `password`.
    pub key: Option<String>,
}

/// A cert-manager Certificate. Durations are Go durations: `24h`, `90m`, never days.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Certificate {
    /// Name of the object. Default: the key of this entry.
    pub name: Option<String>,
    /// Namespace of the object and of its Secret.
    pub namespace: String,
    /// Which of `issuers` signs. May be left out when there is only one.
    pub issuer: Option<String>,
    /// Name of the Secret that receives key and certificate. Default: `<name>-tls`.
    pub secret_name: Option<String>,
    /// Common name, at most 64 characters.
    pub common_name: Option<String>,
    /// Subject fields; the CA's default template drops them.
    pub subject: Option<Subject>,
    /// DNS names. A wildcard stands for exactly one label.
    #[serde(default)]
    pub dns_names: Vec<String>,
    /// IP addresses.
    #[serde(default)]
    pub ip_addresses: Vec<String>,
    /// URIs.
    #[serde(default)]
    pub uris: Vec<String>,
    /// E-mail addresses.
    #[serde(default)]
    pub email_addresses: Vec<String>,
    /// Lifetime. Default: what the CA gives (24h unless its claims say otherwise).
    pub duration: Option<String>,
    /// How long before the end the certificate is renewed. Default: a third of its lifetime.
    pub renew_before: Option<String>,
    /// The same as a percentage of the lifetime, from 1 to 99.
    pub renew_before_percentage: Option<u8>,
    /// Key usages that cert-manager asks for; the CA's default template drops them.
    #[serde(default)]
    pub usages: Vec<String>,
    /// Whether cert-manager writes the usages into the request.
    pub encode_usages_in_request: Option<bool>,
    /// The private key.
    pub private_key: Option<PrivateKey>,
    /// Signature algorithm of the request, such as `ECDSAWithSHA256`.
    pub signature_algorithm: Option<String>,
    /// Labels and annotations of the Secret.
    pub secret_template: Option<SecretTemplate>,
    /// Key stores written beside the PEM files.
    pub keystores: Option<Keystores>,
    /// More formats written beside the PEM files.
    #[serde(default)]
    pub additional_output_formats: Vec<AdditionalOutputFormat>,
    /// How many old CertificateRequests are kept, at least 1.
    pub revision_history_limit: Option<u32>,
}

/// Subject fields of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Subject {
    /// O
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// C
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// OU
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<String>,
    /// L
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub localities: Vec<String>,
    /// ST
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provinces: Vec<String>,
    /// STREET
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub street_addresses: Vec<String>,
    /// postalCode
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postal_codes: Vec<String>,
    /// serialNumber
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

/// The private key of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PrivateKey {
    /// `RSA`, `ECDSA` or `Ed25519`. Default: cert-manager's, RSA.
    pub algorithm: Option<String>,
    /// Size in bits: RSA 2048 to 8192, ECDSA 256, 384 or 521.
    pub size: Option<u32>,
    /// `PKCS1` or `PKCS8`.
    pub encoding: Option<String>,
    /// `Always` makes a new key at every renewal. Default: `Always`.
    pub rotation_policy: Option<String>,
}

/// Labels and annotations of the Secret that a certificate writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SecretTemplate {
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Key stores that cert-manager writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Keystores {
    /// A Java key store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jks: Option<Keystore>,
    /// A PKCS#12 key store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Keystore>,
}

/// One key store. Its password is a reference: an inventory holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Keystore {
    /// Whether it is written.
    pub create: bool,
    /// The Secret with the store's password.
    pub password_secret_ref: SecretKey,
}

/// A key in a Secret of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Key in the Secret.
    pub key: String,
}

/// A format that cert-manager writes beside `tls.crt` and `tls.key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AdditionalOutputFormat {
    /// `DER` or `CombinedPEM`.
    #[serde(rename = "type")]
    pub format: String,
}

/// The JSON Schema of an inventory, made from these types.
pub fn json_schema() -> Value {
    schemars::schema_for!(EnvironmentFile).to_value()
}
