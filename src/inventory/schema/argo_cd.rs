//! What Argo CD is told of the tree.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Argo CD takes up the tree: objects get sync waves, and a kustomization takes up all folders of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ArgoCd {
    /// Namespace of Argo CD. Default: `argocd`.
    pub namespace: Option<String>,
    /// Project that Applications belong to. Default: `default`.
    pub project: Option<String>,
    /// Whether to render that project, allowed to do what the tree needs and no more. Default: false.
    pub app_project: Option<bool>,
    /// An Application that points at the tree of this environment.
    pub application: Option<ArgoCdApplication>,
    /// An ApplicationSet that makes an Application for every environment of the repository.
    pub application_set: Option<ArgoCdApplicationSet>,
    /// Whether to render health checks for StepIssuer and StepClusterIssuer, to be merged into the ConfigMap `argocd-cm`.
    /// Default: false.
    pub health_checks: Option<bool>,
}

/// An Application of Argo CD.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ArgoCdApplication {
    /// Its name. Default: `trustree-<environment>`.
    pub name: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The cluster that it writes to. Default: the one that Argo CD runs in.
    pub destination: ArgoCdDestination,
    /// When it syncs by itself. Default: somebody presses the button.
    pub automated: Option<ArgoCdAutomation>,
    /// Options of its syncs, such as `CreateNamespace=true`.
    pub sync_options: Vec<String>,
}

/// An ApplicationSet that finds the environments by their folders in the output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ArgoCdApplicationSet {
    /// Its name. Default: `trustree`.
    pub name: Option<String>,
    /// Labels of the Applications that it makes.
    pub labels: BTreeMap<String, String>,
    /// Environments that it leaves out, as patterns: `dev-*`.
    pub exclude: Vec<String>,
    /// The cluster that every Application writes to. Default: the one that Argo CD knows by the name of the environment.
    pub destination: Option<ArgoCdDestination>,
    /// When the Applications sync by themselves. Default: somebody presses the button.
    pub automated: Option<ArgoCdAutomation>,
    /// Options of their syncs, such as `CreateNamespace=true`.
    pub sync_options: Vec<String>,
}

/// A cluster as Argo CD knows it: by its name or by its address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ArgoCdDestination {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address of its API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// Syncs without a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ArgoCdAutomation {
    /// Whether objects that Git no longer holds are deleted. Default: false.
    pub prune: bool,
    /// Whether changes made in the cluster are undone. Default: false.
    pub self_heal: bool,
}
