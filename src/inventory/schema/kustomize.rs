//! What concerns kustomizations: how they are laid out, and patches in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the files of an environment lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Everything of an environment lies in its own folder.
    #[default]
    SelfContained,
    /// What brings the controller (chart, values, patches) lies in `_shared` beside the environments, once for all whose
    /// controllers are equal, and their kustomizations name it. Only with `delivery: kustomize`.
    Shared,
}

/// A change to objects that are rendered or that the chart makes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// Which objects are changed. May be left out where the patch is a part of an object, with its kind and name.
    pub target: Option<PatchTarget>,
    /// A part of an object (strategic merge) or a list of operations (JSON 6902), as YAML or as a text that holds YAML.
    pub patch: Value,
}

/// Which objects a patch changes: every part that is given must hold. All but the selectors are regular expressions that
/// match as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PatchTarget {
    /// API group, such as `apps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// API version, such as `v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels that the object has, such as `app=web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
    /// Annotations that the object has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<String>,
}
