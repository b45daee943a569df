//! How the roots of the authorities reach those who must trust them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One object with roots, and one way to spread it: exactly one of `bundle`, `configMaps`, `replicator` and `reflector`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Trust {
    /// Name of the object, and of everything that is made from it. Default: the key of this entry.
    pub name: Option<String>,
    /// The authorities whose roots are spread. Default: all of them.
    pub authorities: Option<Vec<String>>,
    /// The key under which the roots stand, as PEM. Default: `ca.crt`.
    pub key: Option<String>,
    /// A Bundle, from which trust-manager makes an object of its name in every namespace that is selected.
    pub bundle: Option<TrustBundle>,
    /// A ConfigMap in each of these namespaces; nothing needs to run in the cluster for it.
    pub config_maps: Option<Vec<String>>,
    /// One ConfigMap that mittwald's kubernetes-replicator copies.
    pub replicator: Option<Replicator>,
    /// One ConfigMap that emberstack's reflector copies.
    pub reflector: Option<Reflector>,
}

/// What trust-manager is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TrustBundle {
    /// What it makes in each namespace. It makes Secrets only where its chart says `secretTargets.enabled`. Default: `configMap`.
    pub target: Option<BundleTarget>,
    /// Namespaces by their labels. Default: every namespace.
    pub namespace_selector: Option<LabelSelector>,
    /// Whether the public CAs of trust-manager's own package are added; it must have been installed with that package.
    /// Default: false.
    #[serde(rename = "useDefaultCAs")]
    pub use_default_cas: Option<bool>,
    /// A Java key store beside the PEM text, with the password `changeit`, which trust-manager takes where none is given.
    pub jks: Option<BundleJks>,
    /// A PKCS#12 store beside the PEM text, without a password.
    pub pkcs12: Option<BundlePkcs12>,
}

/// What a Bundle becomes in each namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BundleTarget {
    /// A ConfigMap.
    #[default]
    ConfigMap,
    /// A Secret.
    Secret,
}

/// A Java key store of a Bundle.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundleJks {
    /// The key under which it stands, such as `truststore.jks`.
    pub key: String,
}

/// A PKCS#12 store of a Bundle.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundlePkcs12 {
    /// The key under which it stands, such as `truststore.p12`.
    pub key: String,
    /// How it is encrypted. Default: trust-manager's, `LegacyRC2`, which OpenSSL 3 and Java 20 no longer read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Pkcs12Profile>,
}

/// Encryption of a PKCS#12 store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Pkcs12Profile {
    /// For what is very old.
    LegacyRC2,
    /// For what is old.
    LegacyDES,
    /// The present one.
    Modern2023,
}

/// Namespaces by their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that a namespace must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// What must hold for its labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
}

/// What must hold for one label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LabelExpression {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: LabelOperator,
    /// The values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum LabelOperator {
    /// It has one of the values.
    In,
    /// It has none of the values.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// What replicator is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Replicator {
    /// Namespace of the ConfigMap that is copied.
    pub namespace: String,
    /// Namespaces that get a copy. `*` stands for any characters: `team-*`; it becomes a regular expression.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Labels of namespaces that get a copy, too.
    #[serde(default)]
    pub selector: BTreeMap<String, String>,
    /// Whether the copies are objects of this tree, which replicator only fills; then each namespace must be named in full.
    /// Default: false, replicator makes them.
    pub copies: Option<bool>,
}

/// What reflector is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reflector {
    /// Namespace of the ConfigMap that is copied.
    pub namespace: String,
    /// Namespaces that get a copy. `*` stands for any characters: `team-*`; it becomes a regular expression.
    pub namespaces: Vec<String>,
    /// Whether the copies are objects of this tree, which reflector only fills; then each namespace must be named in full.
    /// Default: false, reflector makes them.
    pub copies: Option<bool>,
}

/// Copies of the Secret of a certificate, private key included.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Share {
    /// Who copies.
    pub with: CopyProgram,
    /// Namespaces that get a copy. `*` stands for any characters: `team-*`; whoever can make such a namespace gets the key.
    pub namespaces: Vec<String>,
}

/// A program that copies objects between namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CopyProgram {
    /// mittwald's kubernetes-replicator.
    Replicator,
    /// emberstack's reflector.
    Reflector,
}
