//! What could decide a field: every value of the inventory that concerns the document, every field of it that is not set
//! and has a default, every fact of a snapshot that is rendered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::inventory::json_schema;
use crate::model::KnownSnapshot;
use crate::pki::Fingerprint;
use crate::yaml::{Node, Path, Segment, Value};

/// Fields that say what a file is, or are about findings, and never render.
const NEVER_RENDERED: &[&str] = &["apiVersion", "kind", "extends", "rules"];
/// A map that is one whole, without entries.
const STEP_ISSUER: &str = "stepIssuer";
/// Maps that bring documents with them.
const WHOLE: &[&str] = &["certificates", "issuers", "authorities", "tenants", "trust", STEP_ISSUER];
/// A text that no inventory holds.
const PROBE: &str = "trustree-probe";

/// Something that is changed to see whether the field moves.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Candidate {
    /// A value of the merged inventory, and others to try in its place.
    Written { path: Path, others: Vec<Json> },
    /// A whole entry, or a whole map of entries, to be taken away: that it is there may be what decides.
    Whole { path: Path },
    /// A field that nobody set, what the schema says of it, and values to try.
    Default { path: Path, description: String, others: Vec<Json> },
    /// The key id of a provisioner.
    Provisioner { authority: String, name: String },
    /// A root of the CA.
    Root { authority: String, fingerprint: Fingerprint },
}

impl Candidate {
    /// Every scalar of the tree, those of the entry first.
    pub(super) fn written(tree: &Node, entry: Option<&Path>, snapshots: &BTreeMap<String, KnownSnapshot>) -> Vec<Candidate> {
        let provisioners: BTreeSet<&str> = snapshots
            .values()
            .filter_map(|snapshot| snapshot.snapshot()?.provisioners().known())
            .flat_map(|provisioners| provisioners.keys().map(String::as_str))
            .collect();
        let mut leaves = Vec::new();
        collect(tree, &Path::default(), &mut leaves);
        let mut candidates: Vec<Candidate> = leaves
            .into_iter()
            .filter(|(path, _)| !matches!(path.segments(), [Segment::Key(first), ..] if NEVER_RENDERED.contains(&&**first)))
            .map(|(path, value)| Candidate::Written { others: others(tree, &provisioners, &path, value), path })
            .collect();
        // The sort is stable: what is nearest comes first, the rest stays in order.
        candidates.sort_by_key(|candidate| match candidate {
            Candidate::Written { path, .. } => !entry.is_some_and(|entry| path.segments().starts_with(entry.segments())),
            _ => true,
        });
        candidates
    }

    /// Every entry of the maps whose entries become documents, then those maps as a whole.
    pub(super) fn wholes(tree: &Node) -> Vec<Candidate> {
        let maps = || WHOLE.iter().filter(|name| tree.get(name).is_some());
        let keys = |name: &&str| -> Vec<Path> {
            let entries = tree.get(name).and_then(Node::as_map).filter(|_| **name != *STEP_ISSUER);
            entries.into_iter().flat_map(|map| map.iter().map(|(key, _)| Path::of([name, key]))).collect()
        };
        let paths = maps().flat_map(keys).chain(maps().map(|name| Path::of([*name])));
        paths.map(|path| Candidate::Whole { path }).collect()
    }

    /// Where in the inventory it stands; None for a fact of a snapshot.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Candidate::Written { path, .. } | Candidate::Whole { path } | Candidate::Default { path, .. } => Some(path),
            Candidate::Provisioner { .. } | Candidate::Root { .. } => None,
        }
    }

    /// Fields that the schema knows and the tree does not set: those of the entry, and those that stand once.
    pub(super) fn defaults(tree: &Node, entry: Option<&Path>) -> Vec<Candidate> {
        let schema = json_schema();
        let mut candidates = Vec::new();
        unset(&schema, &schema, Some(tree), &Path::default(), &mut candidates);
        candidates.sort_by_key(|candidate| match candidate {
            Candidate::Default { path, .. } => !entry.is_some_and(|entry| path.segments().starts_with(entry.segments())),
            _ => true,
        });
        candidates
    }

    /// Every fact of the snapshots that a document can hold.
    pub(super) fn of_snapshots(snapshots: &BTreeMap<String, KnownSnapshot>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (authority, snapshot) in snapshots {
            let Some(snapshot) = snapshot.snapshot() else { continue };
            let names = snapshot.provisioners().known().into_iter().flat_map(BTreeMap::keys);
            candidates.extend(names.map(|name| Candidate::Provisioner { authority: authority.clone(), name: name.clone() }));
            let roots = snapshot.roots().iter().map(|root| root.certificate.fingerprint());
            candidates.extend(roots.map(|fingerprint| Candidate::Root { authority: authority.clone(), fingerprint }));
        }
        candidates
    }
}

/// The scalars below a node, each with its path.
fn collect<'a>(node: &'a Node, path: &Path, leaves: &mut Vec<(Path, &'a Value)>) {
    match &node.value {
        Value::Map(map) => map.iter().for_each(|(key, entry)| collect(&entry.node, &path.key(key), leaves)),
        Value::List(items) => items.iter().enumerate().for_each(|(index, item)| collect(item, &path.index(index), leaves)),
        value => leaves.push((path.clone(), value)),
    }
}

/// Other values to try in the place of one: a name of something else that the inventory has, or what it never has.
fn others(tree: &Node, provisioners: &BTreeSet<&str>, path: &Path, value: &Value) -> Vec<Json> {
    match value {
        Value::Boolean(value) => vec![Json::Bool(!value)],
        Value::Integer(value) => vec![Json::from(value.wrapping_add(1)), Json::from(1)],
        Value::Float(_) | Value::Null => vec![Json::from(1)],
        Value::List(_) | Value::Map(_) => Vec::new(),
        Value::String(text) => {
            let map = match path.segments().last() {
                Some(Segment::Key(key)) if matches!(&**key, "issuer" | "authority") => {
                    tree.get(if &**key == "issuer" { "issuers" } else { "authorities" })
                }
                _ => None,
            };
            let names = map.and_then(Node::as_map).into_iter().flat_map(|map| map.iter().map(|(key, _)| key.to_owned()));
            let words = ["StepIssuer", "StepClusterIssuer", "Always", "Never", "RSA", "ECDSA"].map(str::to_owned);
            let provisioners = provisioners.iter().filter(|_| is_provisioner(path)).map(|name| (*name).to_owned());
            let tried = std::iter::once(PROBE.to_owned()).chain(names).chain(provisioners).chain(words);
            tried.filter(|other| **other != **text).map(Json::String).collect()
        }
    }
}

/// Whether a path names a provisioner of the CA.
fn is_provisioner(path: &Path) -> bool {
    matches!(path.segments(), [.., Segment::Key(parent), Segment::Key(name)] if **parent == *"provisioner" && **name == *"name")
}

/// Scalars that a schema knows and a node does not have, through every map that the node has.
fn unset(root: &Json, schema: &Json, node: Option<&Node>, path: &Path, candidates: &mut Vec<Candidate>) {
    let schema = resolved(root, schema);
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        for (key, entry) in node.and_then(Node::as_map).into_iter().flat_map(|map| map.iter()) {
            unset(root, values, Some(&entry.node), &path.key(key), candidates);
        }
    }
    for (name, field) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        if path.is_empty() && NEVER_RENDERED.contains(&name.as_str()) {
            continue;
        }
        let below = path.key(name);
        let found = node.and_then(|node| node.get(name));
        let inner = resolved(root, field);
        if inner.get("properties").is_some() || inner.get("additionalProperties").is_some_and(Json::is_object) {
            unset(root, field, found, &below, candidates);
        } else if found.is_none() {
            let others = values_of(root, inner);
            if !others.is_empty() {
                let description = field.get("description").and_then(Json::as_str).unwrap_or_default().replace('\n', " ");
                candidates.push(Candidate::Default { path: below, description, others });
            }
        }
    }
}

/// What a schema means: references followed, "or null" left out.
fn resolved<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let mut schema = schema;
    // Our own schema nests references two deep.
    for _ in 0..8 {
        let reference = schema.get("$ref").and_then(Json::as_str).and_then(|reference| reference.strip_prefix('#'));
        let choices = schema.get("anyOf").and_then(Json::as_array);
        let chosen = choices.and_then(|choices| choices.iter().find(|choice| choice.get("type") != Some(&Json::from("null"))));
        match (reference.and_then(|reference| root.pointer(reference)), chosen) {
            (Some(next), _) | (None, Some(next)) => schema = next,
            (None, None) => break,
        }
    }
    schema
}

/// Values that a schema of a scalar allows, to be tried.
fn values_of(root: &Json, schema: &Json) -> Vec<Json> {
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return words.clone();
    }
    if let Some(choices) = schema.get("oneOf").and_then(Json::as_array) {
        return choices.iter().filter_map(|choice| resolved(root, choice).get("const").cloned()).collect();
    }
    let is = |kind: &str| match schema.get("type") {
        Some(Json::String(only)) => only == kind,
        Some(Json::Array(kinds)) => kinds.iter().any(|known| known == kind),
        _ => false,
    };
    if is("boolean") {
        vec![Json::Bool(true), Json::Bool(false)]
    } else if is("string") {
        vec![Json::from(PROBE)]
    } else if is("integer") {
        vec![Json::from(3)]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn tree(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect("readable").remove(0)
    }

    #[test]
    fn the_documents_own_entry_is_tried_first() {
        let tree = tree("apiVersion: x\nclusterDomain: a\ncertificates:\n  web:\n    dnsNames: [a, b]\n");
        let entry = Path::of(["certificates", "web"]);
        let paths: Vec<String> = Candidate::written(&tree, Some(&entry), &BTreeMap::new())
            .iter()
            .map(|candidate| if let Candidate::Written { path, .. } = candidate { path.to_string() } else { String::new() })
            .collect();
        assert_eq!(paths, ["certificates.web.dnsNames[0]", "certificates.web.dnsNames[1]", "clusterDomain"]);
    }

    #[test]
    fn entries_come_before_their_map() {
        let tree = tree("certificates:\n  a: {namespace: x}\n  b: {namespace: x}\nstepIssuer: {namespace: y}\n");
        let paths: Vec<String> = Candidate::wholes(&tree).iter().filter_map(Candidate::path).map(ToString::to_string).collect();
        assert_eq!(paths, ["certificates.a", "certificates.b", "certificates", "stepIssuer"]);
    }

    #[test]
    fn what_nobody_set_is_found_in_the_schema() {
        let tree = tree("certificates:\n  web:\n    namespace: a\n    privateKey: {algorithm: RSA}\n");
        let entry = Path::of(["certificates", "web"]);
        let defaults = Candidate::defaults(&tree, Some(&entry));
        let has = |wanted: &str| {
            defaults.iter().any(|candidate| matches!(candidate, Candidate::Default { path, .. } if path.to_string() == wanted))
        };
        assert!(has("certificates.web.privateKey.rotationPolicy") && has("certificates.web.name") && has("clusterDomain"));
        assert!(!has("certificates.web.namespace") && !has("certificates.web.privateKey.algorithm"));
    }
}
