//! How a certificate authority is installed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the chart of a CA gets its keys, certificates and configuration from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AuthorityMode {
    /// The chart's own Job makes a new CA in the cluster.
    #[default]
    Bootstrap,
    /// `ca.json` and certificates are rendered, from the snapshot; the key and its password lie in Secrets of yours:
    /// `<fullname>-secrets` with the key `intermediate_ca_key`, and `<fullname>-ca-password` with the key `password`.
    Inject,
    /// Everything lies in Secrets and ConfigMaps of yours.
    ExistingSecrets,
}

/// What a provisioner of a CA whose `ca.json` is rendered needs beside the snapshot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuthorityProvisioner {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: AuthorityProvisionerKind,
    /// The encrypted key of a JWK provisioner, five parts with dots between them. The CA hands it to everybody; who has it
    /// and guesses the password can ask for certificates.
    pub encrypted_key: Option<String>,
    /// Whether an ACME provisioner makes the first name the common name where a request has none. Default: false.
    #[serde(rename = "forceCN")]
    pub force_cn: Option<bool>,
}

/// The types of provisioners that can be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AuthorityProvisionerKind {
    /// For ACME clients. The snapshot need not hold it.
    #[serde(rename = "ACME")]
    Acme,
    /// The kind that step-issuer uses. Its public key comes from the snapshot.
    #[serde(rename = "JWK")]
    Jwk,
}
