//! How the tree reaches the cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the GitOps engine consumes the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// `kustomization.yaml` with `helmCharts`, for `kustomize build --enable-helm` and Argo CD.
    #[default]
    Kustomize,
    /// Flux's own objects for charts, and kustomizations without them, in stages that Flux takes one after the other.
    Flux,
    /// Plain objects: charts are inflated here, by Helm, and their objects lie in the tree. For any engine.
    Manifests,
}

/// The repository as the engine sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Git {
    /// Address under which the engine fetches it.
    pub url: Option<String>,
    /// Branch, tag or commit that it follows. Default: `main`.
    pub revision: Option<String>,
    /// Folder in the Git repository where this repository of trustree lies. Default: its root.
    pub path: Option<String>,
}
