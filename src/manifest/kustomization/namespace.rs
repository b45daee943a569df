//! `namespace:` of a kustomization.

use super::resource::{Resource, each_at, set_text};
use crate::manifest::scope::is_cluster_scoped_for_kustomize;
use crate::yaml::At;

/// Namespaces that a base writes so that an overlay puts another one in their place; `system` is kubebuilder's.
const PLACEHOLDERS: &[&str] = &["", "default", "system"];

/// An object that was moved out of the namespace that its own file names.
#[derive(Debug, PartialEq)]
pub(super) struct Moved {
    /// `Certificate `web``.
    pub(super) object: String,
    /// The namespace that its file names.
    pub(super) from: String,
}

/// Puts every object into a namespace; those that their own file had put into another one are told. `is_own` says whether
/// a place lies in the file of an object, and not in a kustomization below.
pub(super) fn apply(resources: &mut [Resource], namespace: &str, at: At, is_own: &dyn Fn(At) -> bool) -> Vec<Moved> {
    let mut moved = Vec::new();
    for resource in resources {
        resource.remember();
        resource.is_named_anew = true;
        if (resource.group(), resource.kind()) == ("", "Namespace") {
            set_text(&mut resource.node, &["metadata", "name"], namespace, at);
        } else if !is_cluster_scoped_for_kustomize(resource.group(), resource.kind()) {
            if let Some(before) = resource.node.get("metadata").and_then(|metadata| metadata.get("namespace"))
                && let Some(from) = before.as_str().filter(|from| !PLACEHOLDERS.contains(from) && *from != namespace)
                && is_own(before.at)
            {
                moved.push(Moved { object: format!("{} `{}`", resource.kind(), resource.current().name), from: from.to_owned() });
            }
            set_text(&mut resource.node, &["metadata", "namespace"], namespace, at);
        }
        if resource.group() == "rbac.authorization.k8s.io" && resource.kind().ends_with("Binding") {
            // Only the subject `default` is put there too.
            each_at(&mut resource.node, &["subjects", "*"], &mut |subject| {
                if subject.get_str("kind") == Some("ServiceAccount") && subject.get_str("name") == Some("default") {
                    set_text(subject, &["namespace"], namespace, at);
                }
            });
        }
        resource.remember();
    }
    moved
}
