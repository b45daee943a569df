//! Patches: read as kustomize would read them, each with a target, so that one that meets nothing in a kustomization is no
//! mistake there.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{Finding, MANIFEST_SECRET_MATERIAL, PATCH_INVALID, Place};
use crate::inventory::{self, PatchTarget};
use crate::manifest::kustomization::{InlinePatch, PatchSelector, inline_patch};
use crate::model::resolution::Resolution;
use crate::yaml::{At, Keys, Node, Path, Value, block_entries, read};

/// Kinds that only the chart makes.
const OF_THE_CHART: &[&str] = &["CustomResourceDefinition", "Deployment", "Service"];
/// Kinds that only we render.
const OURS: &[&str] = &["Certificate", "StepClusterIssuer", "StepIssuer"];

/// A patch with its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    /// Its name in the inventory.
    pub name: String,
    /// Which objects it changes.
    pub target: PatchTarget,
    /// The patch as text.
    pub patch: String,
}

impl Patch {
    /// Its entry in the inventory.
    pub fn entry(&self) -> Path {
        Path::of(["stepIssuer", "patches", &self.name])
    }

    /// What of the inventory stands at a line and column of its text.
    pub fn place_of(&self, at: At) -> Place {
        let documents = read(&self.patch, at.file, Keys::AsKubernetes).unwrap_or_default();
        let (is_key, found) = documents.first().and_then(|node| path_to(node, at, &Path::default())).unwrap_or_default();
        let path = self.entry().key("patch").join(found.segments());
        if is_key { Place::InventoryKey(path) } else { Place::Inventory(path) }
    }

    /// Whether it may change what the chart makes.
    pub(super) fn meets_the_chart(&self) -> bool {
        !OURS.contains(&self.target.kind.as_str())
    }

    /// Whether it may change what is rendered beside the chart.
    pub(super) fn meets_ours(&self) -> bool {
        !OF_THE_CHART.contains(&self.target.kind.as_str())
    }
}

/// The path to what stands at a place, and whether that is its key. A map stands where its first key does, which is meant
/// then.
fn path_to(node: &Node, at: At, path: &Path) -> Option<(bool, Path)> {
    let inner = match &node.value {
        Value::Map(map) => map.iter().find_map(|(key, entry)| {
            let path = path.key(key);
            if entry.key == at { Some((true, path)) } else { path_to(&entry.node, at, &path) }
        }),
        Value::List(items) => items.iter().enumerate().find_map(|(index, item)| path_to(item, at, &path.index(index))),
        _ => None,
    };
    inner.or_else(|| (node.at == at).then(|| (false, path.clone())))
}

/// The patches that can be used, in order of their names.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> Vec<Patch> {
    let Some(step_issuer) = &resolution.fields.step_issuer else { return Vec::new() };
    step_issuer.patches.iter().filter_map(|(name, written)| resolve_one(resolution, name, written)).collect()
}

fn resolve_one(resolution: &mut Resolution<'_>, name: &str, written: &inventory::Patch) -> Option<Patch> {
    let path = Path::of(["stepIssuer", "patches", name]);
    let patch = text_of(&written.patch);
    let read = match inline_patch(&patch) {
        Ok(read) => read,
        Err(problem) => {
            let message = format!("kustomize cannot use the patch `{name}`: {problem}");
            let help = "write a list of operations (`- {op: replace, path: /spec/replicas, value: 2}`), or a part of the object with its apiVersion, kind and name";
            resolution.report(&PATCH_INVALID, path.key("patch"), message, help);
            return None;
        }
    };
    let target = match (&written.target, &read) {
        (Some(target), _) => target.clone(),
        (None, InlinePatch::Strategic(object)) => target_of(object),
        (None, InlinePatch::Operations) => {
            let message = format!("the patch `{name}` is a list of operations and does not say for which object");
            resolution.report(&PATCH_INVALID, path.clone(), message, "write `target:` with the kind and name of the object");
            return None;
        }
    };
    if let Err(problem) = PatchSelector::new(&node_of(&target)) {
        let message = format!("the target of the patch `{name}` cannot be used: {problem}");
        let help = "name the object as it is called; a pattern is a regular expression, such as `step-issuer-.*`";
        resolution.report(&PATCH_INVALID, path.key("target"), message, help);
        return None;
    }
    if target.kind == "Secret" {
        let message = format!("the patch `{name}` would write into a Secret, and what is in Git is no secret");
        let finding = Finding::new(&MANIFEST_SECRET_MATERIAL, Place::Inventory(path.key("target")), message);
        resolution.findings.push(finding.help("let the cluster make the Secret, or bring it sealed or encrypted, beside what is rendered"));
        return None;
    }
    Some(Patch { name: name.to_owned(), target, patch })
}

/// The text of a patch that was written as text or as structure.
fn text_of(patch: &serde_json::Value) -> String {
    match patch {
        serde_json::Value::String(text) => text.trim_end().to_owned(),
        other => {
            let mut text = String::new();
            block_entries(other, 0, &mut text);
            text
        }
    }
}

/// The object that a part of one names. Of what a name may hold, only the dot means more in a regular expression.
fn target_of(object: &Node) -> PatchTarget {
    let exactly = |text: &str| text.replace('.', "\\.");
    let api_version = object.get_str("apiVersion").unwrap_or_default();
    let (group, version) = api_version.split_once('/').map_or((None, api_version), |(group, version)| (Some(group), version));
    let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get_str(key)).map(exactly);
    PatchTarget {
        group: group.map(exactly),
        version: Some(version.to_owned()),
        kind: object.get_str("kind").unwrap_or_default().to_owned(),
        name: metadata("name"),
        namespace: metadata("namespace"),
        ..PatchTarget::default()
    }
}

/// A target as kustomize reads it.
pub(crate) fn node_of(target: &PatchTarget) -> Node {
    // A struct of texts is always a value.
    Node::from(serde_json::to_value(target).unwrap_or_default())
}
