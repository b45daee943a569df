//! Issuers and their provisioners.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The kinds of issuer: the two that step-issuer serves, and cert-manager's own two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum IssuerKind {
    /// Serves every namespace.
    StepClusterIssuer,
    /// Serves its own namespace.
    StepIssuer,
    /// cert-manager's own; serves every namespace.
    ClusterIssuer,
    /// cert-manager's own; serves its own namespace.
    Issuer,
}

impl IssuerKind {
    /// Whether step-issuer serves it.
    pub fn is_step(self) -> bool {
        matches!(self, IssuerKind::StepClusterIssuer | IssuerKind::StepIssuer)
    }

    /// Whether it serves every namespace, and has none itself.
    pub fn is_cluster(self) -> bool {
        matches!(self, IssuerKind::StepClusterIssuer | IssuerKind::ClusterIssuer)
    }

    /// The API group of its objects.
    pub fn group(self) -> &'static str {
        if self.is_step() { "certmanager.step.sm" } else { "cert-manager.io" }
    }

    /// The resource that rights are given for.
    pub fn resource(self) -> &'static str {
        match self {
            IssuerKind::StepClusterIssuer => "stepclusterissuers",
            IssuerKind::StepIssuer => "stepissuers",
            IssuerKind::ClusterIssuer => "clusterissuers",
            IssuerKind::Issuer => "issuers",
        }
    }

    /// The kind as Kubernetes writes it.
    pub fn word(self) -> &'static str {
        match self {
            IssuerKind::StepClusterIssuer => "StepClusterIssuer",
            IssuerKind::StepIssuer => "StepIssuer",
            IssuerKind::ClusterIssuer => "ClusterIssuer",
            IssuerKind::Issuer => "Issuer",
        }
    }
}

/// Who signs certificates: an issuer of step-issuer or of cert-manager.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Issuer {
    /// `StepIssuer` and `Issuer` serve their own namespace, `StepClusterIssuer` and `ClusterIssuer` every one.
    pub kind: IssuerKind,
    /// Name of the object. Default: the key of this entry.
    pub name: Option<String>,
    /// Namespace of a StepIssuer or Issuer; the other two kinds have none.
    pub namespace: Option<String>,
    /// The authority that signs. May be left out when there is only one, and where `ca` or `acme.server` says who signs.
    pub authority: Option<String>,
    /// The provisioner that signs: a JWK provisioner for a StepIssuer or StepClusterIssuer, which cannot do without; an
    /// ACME provisioner for `acme`, which may be left out when the authority has only one.
    pub provisioner: Option<Provisioner>,
    /// For an Issuer or ClusterIssuer: cert-manager signs with a CA of its own.
    pub ca: Option<CaIssuer>,
    /// For an Issuer or ClusterIssuer: an ACME server signs, such as the authority's.
    pub acme: Option<AcmeIssuer>,
}

/// A provisioner, chosen by name; the key id of a JWK provisioner comes from the CA snapshot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provisioner {
    /// Name of the provisioner at the CA.
    pub name: String,
    /// The Secret with the password of a JWK provisioner's key; an ACME provisioner has none.
    pub password_ref: Option<PasswordReference>,
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

/// A CA whose key lies in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CaIssuer {
    /// The Secret with `tls.crt` and `tls.key` of the CA. It lies in the issuer's namespace; that of a ClusterIssuer in
    /// cert-manager's cluster resource namespace, which is the one that cert-manager runs in unless it was told otherwise.
    pub secret_name: String,
}

/// An ACME server and how it is shown that a name is ours.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AcmeIssuer {
    /// The server's directory, an `https` URL. Default: that of the authority's ACME provisioner; its roots come along.
    pub server: Option<String>,
    /// Where the server may write to.
    pub email: Option<String>,
    /// The Secret in which cert-manager keeps the key of the account. It lies where that of `ca.secretName` would.
    /// Default: `<name>-account-key`.
    pub private_key_secret_ref: Option<SecretName>,
    /// How names are proved, at least one way.
    pub solvers: Vec<Solver>,
    /// Binds the account to one that the server knows already.
    pub external_account_binding: Option<ExternalAccountBinding>,
    /// The chain to take where the server offers several, by the common name of its root.
    pub preferred_chain: Option<String>,
    /// The profile of certificates to ask the server for.
    pub profile: Option<String>,
    /// Whether `duration` of certificates is sent to the server; step-ca heeds it, many others refuse it. Default: false.
    pub enable_duration_feature: Option<bool>,
}

/// A Secret by its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret.
    pub name: String,
}

/// An account that an ACME server knows already.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExternalAccountBinding {
    /// The id of its key.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// The Secret with its key.
    pub key_secret_ref: super::SecretKey,
}

/// One way to prove names: exactly one of `http01` and `dns01`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Solver {
    /// The names that it is for. Default: all that no other one fits better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SolverSelector>,
    /// Over HTTP at port 80 of each name. Proves no wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http01: Option<Http01>,
    /// With a record in DNS, by the provider's name, as cert-manager has it: `route53`, `rfc2136`, `webhook`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns01: Option<Map<String, Value>>,
}

/// The names that a solver is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SolverSelector {
    /// Names in full, wildcards included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// Zones with all names below them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_zones: Vec<String>,
    /// Labels of the certificates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// Where the proof over HTTP is served: exactly one of `ingress` and `gatewayHTTPRoute`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Http01 {
    /// By an Ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Http01Ingress>,
    /// By an HTTPRoute of the Gateway API.
    #[serde(rename = "gatewayHTTPRoute", skip_serializing_if = "Option::is_none")]
    pub gateway_http_route: Option<Http01Gateway>,
}

/// An Ingress for a proof.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Http01Ingress {
    /// Class of the Ingress, as a field of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// Class of the Ingress, as an annotation, for controllers that look there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// An Ingress that is there already and gets another path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Type of the Service, `NodePort` or `ClusterIP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// What else the solver's pod has, as cert-manager has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Map<String, Value>>,
    /// Labels and annotations of the Ingress, as cert-manager has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_template: Option<Map<String, Value>>,
}

/// An HTTPRoute for a proof.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Http01Gateway {
    /// The Gateways that it belongs to, as the Gateway API has it: `name`, `namespace`, `kind`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<Map<String, Value>>,
    /// Labels of the HTTPRoute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Type of the Service, `NodePort` or `ClusterIP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// What else the solver's pod has, as cert-manager has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Map<String, Value>>,
}
