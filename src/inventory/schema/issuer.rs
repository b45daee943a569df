//! Issuers and their provisioners.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
