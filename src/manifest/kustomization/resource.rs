//! An object on its way through a kustomization, and small ways to change its fields.

use camino::Utf8PathBuf;

use crate::yaml::{At, Entry, Map, Node, Value};

/// What an object is called, at some moment of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

/// An object on its way.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// The file that holds it; the kustomization for one that was generated.
    pub(super) file: Utf8PathBuf,
    pub(super) node: Node,
    /// What it was called, from the file on; the first is the one that it was read with.
    pub(super) names: Vec<Name>,
    /// Prefixes and suffixes that it was given, so that two copies of one base are told apart.
    pub(super) affixes: Vec<(String, String)>,
    /// Whether a kustomization has set its name or namespace, perhaps to what it was before.
    pub(super) is_named_anew: bool,
}

impl Resource {
    pub(super) fn new(file: Utf8PathBuf, node: Node) -> Resource {
        let mut resource = Resource { file, node, names: Vec::new(), affixes: Vec::new(), is_named_anew: false };
        resource.names.push(resource.current());
        resource
    }

    pub(super) fn group(&self) -> &str {
        let version = self.node.get_str("apiVersion").unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    pub(super) fn version(&self) -> &str {
        let version = self.node.get_str("apiVersion").unwrap_or_default();
        version.split_once('/').map_or(version, |(_, version)| version)
    }

    pub(super) fn kind(&self) -> &str {
        self.node.get_str("kind").unwrap_or_default()
    }

    /// What it is called now.
    pub(super) fn current(&self) -> Name {
        let metadata = self.node.get("metadata");
        let text = |key: &str| metadata.and_then(|metadata| metadata.get_str(key)).map(str::to_owned);
        Name { name: text("name").unwrap_or_default(), namespace: text("namespace") }
    }

    /// Remembers what it is called now, before or after that changes.
    pub(super) fn remember(&mut self) {
        let current = self.current();
        if !self.names.contains(&current) {
            self.names.push(current);
        }
    }
}

/// The text under `key`, and where it stands.
pub(super) fn placed_text<'a>(node: &'a Node, key: &str) -> Option<(&'a str, At)> {
    let value = node.get(key)?;
    Some((value.as_str()?, value.at))
}

/// The texts of a list.
pub(super) fn texts<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a str, At)> {
    items(node, key).iter().filter_map(|item| Some((item.as_str()?, item.at)))
}

/// The items of a list; nothing where there is none.
pub(super) fn items<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

/// A string with its place.
pub(super) fn text_node(text: &str, at: At) -> Node {
    Node { at, value: Value::String(text.into()) }
}

/// The value at a path of keys; maps that are missing, or null, are made. None where something else is in the way.
pub(super) fn make<'a>(node: &'a mut Node, path: &[&str], at: At) -> Option<&'a mut Node> {
    let Some((key, rest)) = path.split_first() else { return Some(node) };
    if node.value == Value::Null {
        node.value = Value::Map(Map::default());
    }
    let map = node.as_map_mut()?;
    if map.get(key).is_none() {
        map.insert(key, Entry { key: at, node: Node { at, value: Value::Null } });
    }
    make(&mut map.get_mut(key)?.node, rest, at)
}

/// Sets the string at a path of keys.
pub(super) fn set_text(node: &mut Node, path: &[&str], text: &str, at: At) {
    if let Some(value) = make(node, path, at) {
        *value = text_node(text, at);
    }
}

/// Every value that a path of keys leads to; `*` stands for each item of a list.
pub(super) fn each_at(node: &mut Node, path: &[&str], change: &mut dyn FnMut(&mut Node)) {
    match path.split_first() {
        None => change(node),
        Some((&"*", rest)) => {
            if let Value::List(items) = &mut node.value {
                items.iter_mut().for_each(|item| each_at(item, rest, change));
            }
        }
        Some((key, rest)) => {
            if let Some(next) = node.get_mut(key) {
                each_at(next, rest, change);
            }
        }
    }
}

/// The path to the Pod that a kind makes; None for a kind that makes none.
pub(super) fn pod_path(group: &str, kind: &str) -> Option<&'static [&'static str]> {
    Some(match (group, kind) {
        ("", "Pod") => &[],
        ("apps", "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet") | ("batch", "Job") | ("", "ReplicationController") => {
            &["spec", "template"]
        }
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
        _ => return None,
    })
}
