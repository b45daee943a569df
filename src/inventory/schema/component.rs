//! Components of the user's own.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A component of one's own, switched on.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Component {
    /// Its values, as the schema in its `component.yaml` wants them.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// The namespace that it is for: `component.namespace` in its templates.
    pub namespace: Option<String>,
}
