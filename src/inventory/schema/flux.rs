//! What Flux is told, where it delivers the tree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Flux, where it delivers the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Flux {
    /// Namespace of Flux's own objects: Kustomizations, the HelmRelease, and where the chart comes from. Default: `flux-system`.
    pub namespace: Option<String>,
    /// What their names begin with. Default: `trustree-`.
    pub name_prefix: Option<String>,
    /// Where Flux gets the tree from.
    #[serde(default)]
    pub source: FluxSource,
    /// How often Flux compares the cluster with the tree, and looks for the chart. Default: `10m`.
    pub interval: Option<String>,
    /// How soon it tries again what failed. Default: `1m`.
    pub retry_interval: Option<String>,
    /// How long a stage may take until everything in it is ready. Default: `5m`.
    pub timeout: Option<String>,
    /// Whether Flux deletes what is no longer in the tree. Default: true.
    pub prune: Option<bool>,
    /// Kustomizations of yours that must be ready before the first stage, such as the one that brings cert-manager: `name`,
    /// or `namespace/name`.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// Where Flux gets the tree from: an object of Flux that watches this repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FluxSource {
    /// Its kind. Default: `GitRepository`.
    pub kind: Option<FluxSourceKind>,
    /// Its name. Default: `flux-system`, which `flux bootstrap` makes; `trustree` where it is created here.
    pub name: Option<String>,
    /// Its namespace. Default: that of Flux's other objects.
    pub namespace: Option<String>,
    /// Whether to render it, as a GitRepository with `git.url` and `git.revision`. Default: false.
    pub create: Option<bool>,
    /// Where it is rendered: how often it looks for new commits. Default: `1m`.
    pub interval: Option<String>,
    /// Where it is rendered: the Secret beside it with what the repository asks for.
    pub secret_name: Option<String>,
}

/// Kinds that hold a tree for Flux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub enum FluxSourceKind {
    /// A Git repository.
    #[default]
    GitRepository,
    /// An artifact in a registry, as `flux push artifact` makes it.
    #[serde(rename = "OCIRepository")]
    OciRepository,
    /// A bucket.
    Bucket,
}
