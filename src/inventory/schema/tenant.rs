//! Tenants: namespaces that belong together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Provisioner, TenantCertificate};

/// Namespaces that belong together, and what lies in each of them. In names of any kind, subjects and labels `{namespace}`,
/// `{tenant}` and `{clusterDomain}` stand for what they are there.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tenant {
    /// The tenant's namespaces; `{tenant}` stands for its name. Default: one that has the tenant's name.
    pub namespaces: Option<Vec<String>>,
    /// Which of `issuers` signs the tenant's certificates. May be left out when there is only one, or with `stepIssuer`.
    pub issuer: Option<String>,
    /// A StepIssuer of its own in each namespace, in place of `issuer`.
    pub step_issuer: Option<TenantIssuer>,
    /// Certificate objects in each namespace, by a name of yours, which is also the object's unless `name` says otherwise.
    #[serde(default)]
    pub certificates: BTreeMap<String, TenantCertificate>,
    /// Labels of the Namespace object, which is rendered where this is given, also when it is `{}`. It is kept by Argo CD and
    /// Flux when it is no longer rendered.
    pub namespace_labels: Option<BTreeMap<String, String>>,
    /// Who may create, change and delete Certificates in each namespace, and nothing else.
    #[serde(default)]
    pub requesters: Vec<Requester>,
    /// A ConfigMap with the roots of the CA in each namespace.
    pub trust: Option<TenantTrust>,
    /// A NetworkPolicy that lets pods of each namespace reach the CA and DNS, and nothing else. Certificates do not need it.
    pub network_policy: Option<TenantNetworkPolicy>,
}

/// A StepIssuer in each namespace of a tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TenantIssuer {
    /// Name of the object. Default: `step-issuer`.
    pub name: Option<String>,
    /// The authority that signs. May be left out when there is only one.
    pub authority: Option<String>,
    /// The JWK provisioner that signs. The Secret with its password lies in the same namespace.
    pub provisioner: Provisioner,
}

/// Kinds of subjects that RBAC knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum RequesterKind {
    /// A ServiceAccount.
    ServiceAccount,
    /// A group, as the API server's authentication names it.
    Group,
    /// A user, likewise.
    User,
}

/// Who may create Certificates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Requester {
    /// `ServiceAccount`, `Group` or `User`.
    pub kind: RequesterKind,
    /// Name.
    pub name: String,
    /// Namespace of a ServiceAccount. Default: the namespace that it may create Certificates in.
    pub namespace: Option<String>,
}

/// A ConfigMap with roots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TenantTrust {
    /// Name of the ConfigMap. Default: `ca-roots`.
    pub config_map: Option<String>,
    /// Key in the ConfigMap. Default: `ca.crt`.
    pub key: Option<String>,
    /// The authority whose roots it holds. Default: the one that signs the tenant's certificates.
    pub authority: Option<String>,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TenantNetworkPolicy {
    /// Labels of the pods that it is for. Mind that a pod with an egress policy reaches only what its policies allow; `{}`, for
    /// every pod, suits namespaces that forbid everything else already.
    pub pod_labels: BTreeMap<String, String>,
    /// The port on which the CA's pods listen. Default: 9000, as in the chart.
    pub port: Option<u16>,
    /// The authority. Default: the one that signs the tenant's certificates.
    pub authority: Option<String>,
}
