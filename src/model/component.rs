//! Components of the user's own that are switched on. Whether there is such a component, and whether its values are right,
//! is for whoever has the templates to say.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::finding::NAME_INVALID;
use crate::inventory;
use crate::manifest::dns_label_problem;
use crate::model::resolution::Resolution;
use crate::yaml::Path;

/// A component of the user's own, as an inventory switches it on.
#[derive(Debug, Clone)]
pub struct ComponentUse {
    /// Its values, as they were given.
    pub values: Map<String, Value>,
    /// The namespace that it is for, where the inventory says one.
    pub namespace: Option<String>,
}

/// The components that are switched on.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> BTreeMap<String, ComponentUse> {
    let fields = resolution.fields;
    for (name, written) in &fields.components {
        if let Some((namespace, problem)) = written.namespace.as_deref().and_then(|name| Some((name, dns_label_problem(name)?))) {
            let message = format!("`{namespace}` cannot be used as a name in Kubernetes: {problem}");
            resolution.report(&NAME_INVALID, Path::of(["components", name, "namespace"]), message, "use a name such as `smallstep`");
        }
    }
    let of = |inventory::Component { values, namespace }: inventory::Component| ComponentUse { values, namespace };
    fields.components.iter().map(|(name, written)| (name.clone(), of(written.clone()))).collect()
}
