//! Strategic merge: a patch that looks like the object. Maps are merged; lists of maps are merged by the key that the
//! API names for them, for the kinds of Kubernetes itself, and are replaced in any other kind, as kustomize does it.
//! What a patch sets keeps its place in the patch.

use crate::yaml::{Entry, Map, Node, Value};

/// API groups whose lists kustomize knows.
const KNOWN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
];

/// Lists that are merged, with the key by which their items are known. Source: `x-kubernetes-patch-merge-key` in the
/// OpenAPI description of Kubernetes.
const MERGE_KEYS: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("ports", &["containerPort", "port"]),
    ("imagePullSecrets", &["name"]),
    ("secrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("webhooks", &["name"]),
];

/// What a patch makes of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is changed.
    Changed,
    /// It goes away.
    Deleted,
}

/// Merges a patch into an object of an API group.
pub(super) fn merge(object: &mut Node, patch: &Node, group: &str) -> Outcome {
    match directive(patch) {
        Some("delete") => return Outcome::Deleted,
        Some("replace") => *object = without_directive(patch),
        _ => merge_values(object, patch, KNOWN_GROUPS.contains(&group)),
    }
    Outcome::Changed
}

fn directive(node: &Node) -> Option<&str> {
    node.get_str("$patch")
}

/// Words that speak to whoever merges, and are no fields.
fn is_directive(key: &str) -> bool {
    key == "$patch" || key == "$retainKeys" || key.starts_with("$setElementOrder/") || key.starts_with("$deleteFromPrimitiveList/")
}

/// A value that comes whole from a patch: directives and nulls are not part of it.
fn without_directive(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(map) => {
            let mut kept = Map::default();
            for (key, entry) in map.iter().filter(|(key, entry)| !is_directive(key) && entry.node.value != Value::Null) {
                kept.insert(key, Entry { key: entry.key, node: without_directive(&entry.node) });
            }
            Value::Map(kept)
        }
        Value::List(items) => Value::List(items.iter().filter(|item| directive(item) != Some("delete")).map(without_directive).collect()),
        other => other.clone(),
    };
    Node { at: node.at, value }
}

fn merge_values(object: &mut Node, patch: &Node, is_known: bool) {
    let (Value::Map(_), Value::Map(changes)) = (&object.value, &patch.value) else {
        *object = without_directive(patch);
        return;
    };
    for (key, change) in changes.iter().filter(|(key, _)| !is_directive(key)) {
        let Some(map) = object.as_map_mut() else { return };
        if change.node.value == Value::Null || directive(&change.node) == Some("delete") {
            map.remove(key);
            continue;
        }
        match map.get_mut(key) {
            Some(entry) if directive(&change.node) != Some("replace") => merge_entry(key, entry, change, is_known),
            _ => map.insert(key, Entry { key: change.key, node: without_directive(&change.node) }),
        }
    }
}

fn merge_entry(key: &str, entry: &mut Entry, change: &Entry, is_known: bool) {
    match (&mut entry.node.value, &change.node.value) {
        (Value::Map(_), Value::Map(_)) => merge_values(&mut entry.node, &change.node, is_known),
        (Value::List(items), Value::List(changes)) if is_known => match merge_key(key, items, changes) {
            Some(merge_key) => *items = merge_lists(std::mem::take(items), changes, merge_key),
            None if key == "finalizers" => {
                let new = changes.iter().filter(|change| !items.iter().any(|item| item.value == change.value)).cloned();
                let all = new.chain(items.iter().cloned()).collect();
                *items = all;
            }
            None => *entry = Entry { key: change.key, node: without_directive(&change.node) },
        },
        _ => *entry = Entry { key: change.key, node: without_directive(&change.node) },
    }
}

/// The key by which the items of both lists are known; None for a list that is replaced.
fn merge_key(list: &str, items: &[Node], changes: &[Node]) -> Option<&'static str> {
    let (_, keys) = MERGE_KEYS.iter().find(|(name, _)| *name == list)?;
    let has = |key: &str| items.iter().chain(changes).all(|item| item.get(key).is_some() || directive(item) == Some("replace"));
    keys.iter().copied().find(|key| has(key))
}

/// The items of the patch first, then those that it does not name.
fn merge_lists(items: Vec<Node>, changes: &[Node], key: &str) -> Vec<Node> {
    if changes.iter().any(|change| directive(change) == Some("replace")) {
        return changes.iter().filter(|change| directive(change).is_none()).map(without_directive).collect();
    }
    // A port is the same one only with its protocol.
    let same = |one: &Node, other: &Node| {
        let protocol = |node: &Node| node.get_str("protocol").unwrap_or("TCP").to_owned();
        let is_port = key == "containerPort" || key == "port";
        one.get(key).map(|node| &node.value) == other.get(key).map(|node| &node.value) && (!is_port || protocol(one) == protocol(other))
    };
    let mut rest = items;
    let mut merged = Vec::new();
    for change in changes {
        let known = rest.iter().position(|item| same(item, change)).map(|index| rest.remove(index));
        match (known, directive(change)) {
            (_, Some("delete")) => {}
            (Some(mut item), _) => {
                merge_values(&mut item, change, true);
                merged.push(item);
            }
            (None, _) => merged.push(without_directive(change)),
        }
    }
    merged.extend(rest);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn one(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0)
    }

    fn merged(object: &str, patch: &str, group: &str) -> serde_json::Value {
        let mut node = one(object);
        assert_eq!(merge(&mut node, &one(patch), group), Outcome::Changed);
        node.to_json()
    }

    #[test]
    fn lists_of_kubernetes_are_merged_by_their_key_and_others_are_replaced() {
        let object = "spec: {containers: [{name: a, image: x}, {name: b}], args: [one]}";
        let patch = "spec: {containers: [{name: c}, {name: b, image: z}], args: [two]}";
        let known = serde_json::json!({"spec": {"containers": [{"name": "c"}, {"name": "b", "image": "z"}, {"name": "a", "image": "x"}], "args": ["two"]}});
        assert_eq!(merged(object, patch, "apps"), known);
        let replaced = serde_json::json!({"spec": {"containers": [{"name": "c"}, {"name": "b", "image": "z"}], "args": ["two"]}});
        assert_eq!(merged(object, patch, "example.org"), replaced);
    }

    #[test]
    fn a_patch_can_take_away() {
        assert_eq!(merged("a: {b: 1, c: 2}", "a: {b: null}", ""), serde_json::json!({"a": {"c": 2}}));
        assert_eq!(merged("a: {b: 1, c: 2}", "a: {$patch: delete}", ""), serde_json::json!({}));
        assert_eq!(merged("a: {b: 1, c: 2}", "a: {$patch: replace, d: 3}", ""), serde_json::json!({"a": {"d": 3}}));
        let list = merged("env: [{name: A}, {name: B}]", "env: [{name: A, $patch: delete}]", "");
        assert_eq!(list, serde_json::json!({"env": [{"name": "B"}]}));
        assert_eq!(merge(&mut one("a: 1"), &one("$patch: delete"), ""), Outcome::Deleted);
    }

    #[test]
    fn two_ports_of_one_number_differ_in_their_protocol() {
        let list = merged("ports: [{port: 53}]", "ports: [{port: 53, protocol: UDP}]", "");
        assert_eq!(list, serde_json::json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}));
    }
}
