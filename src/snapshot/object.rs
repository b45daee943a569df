//! Objects of Kubernetes: which of them may hold a part of a CA, and their data, decoded only where it is asked for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;

use crate::finding::{Place, listed};
use crate::yaml::{Node, Value};

/// Annotations that replicators put on their copies.
const COPY_MARKS: [&str; 4] = [
    "replicator.v1.mittwald.de/replicated-from-version",
    "replicator.v1.mittwald.de/replicated-at",
    "reflector.v1.k8s.emberstack.com/reflects",
    "kubed.appscode.com/origin",
];

/// A ConfigMap or Secret.
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The Helm release that it belongs to, where a label or annotation says so.
    pub(super) release: Option<String>,
    /// Whether a replicator made it.
    pub(super) is_copy: bool,
    parts: BTreeMap<String, Part>,
}

/// One value of an object or one file.
pub(super) struct Part {
    content: Content,
    pub(super) place: Place,
}

enum Content {
    Plain(Vec<u8>),
    Base64(String),
    /// The values file of `step ca init --helm` holds ca.json as a map.
    Tree(serde_json::Value),
}

impl Part {
    pub(super) fn plain(bytes: Vec<u8>, place: Place) -> Part {
        Part { content: Content::Plain(bytes), place }
    }

    pub(super) fn tree(value: serde_json::Value, place: Place) -> Part {
        Part { content: Content::Tree(value), place }
    }

    /// The bytes, or what is wrong with their encoding; empty for a map.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, &'static str> {
        match &self.content {
            Content::Plain(bytes) => Ok(bytes.clone()),
            Content::Base64(text) => {
                let plain: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
                STANDARD.decode(plain).map_err(|_| "is no base64, as the data of a Secret must be")
            }
            Content::Tree(_) => Ok(Vec::new()),
        }
    }

    /// The map, where it was one from the start.
    pub(super) fn as_tree(&self) -> Option<&serde_json::Value> {
        match &self.content {
            Content::Tree(value) => Some(value),
            _ => None,
        }
    }
}

impl Object {
    /// A ConfigMap or Secret from its node; `kind` where its list implies one.
    pub(super) fn read(node: &Node, kind: &str, file: &Utf8Path) -> Object {
        let metadata = node.get("metadata");
        let text = |name: &str| metadata.and_then(|metadata| metadata.get_str(name)).unwrap_or_default().to_owned();
        let labels = metadata.and_then(|metadata| metadata.get("labels"));
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let release = labels
            .and_then(|labels| labels.get_str("app.kubernetes.io/instance"))
            .or_else(|| annotations.and_then(|annotations| annotations.get_str("meta.helm.sh/release-name")))
            .map(str::to_owned);
        // Only the marks of replicators are looked up: `last-applied-configuration` repeats the whole object.
        let is_copy = COPY_MARKS.iter().any(|mark| annotations.is_some_and(|annotations| annotations.get(mark).is_some()));
        let mut parts = BTreeMap::new();
        let mut take = |field: &str, encoded: bool| {
            let Some(data) = node.get(field).and_then(Node::as_map) else { return };
            for (key, entry) in data.iter() {
                let Value::String(text) = &entry.node.value else { continue };
                let content = if encoded { Content::Base64(text.to_string()) } else { Content::Plain(text.as_bytes().to_vec()) };
                parts.insert(key.to_owned(), Part { content, place: Place::at(file, entry.node.at) });
            }
        };
        take("data", kind == "Secret");
        take("binaryData", true);
        take("stringData", false);
        let namespace = text("namespace");
        Object { kind: kind.to_owned(), namespace, name: text("name"), release, is_copy, parts }
    }

    /// Whether the object holds keys or passwords by its name or type, so that nothing of it is ever read.
    pub(super) fn is_off_limits(node: &Node) -> bool {
        let name = node.get("metadata").and_then(|metadata| metadata.get_str("name")).unwrap_or_default();
        let private = node.get_str("type").is_some_and(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.contains("private-key") || kind.contains("password") || kind.contains("service-account-token")
        });
        private || name.ends_with("-secrets") || name.ends_with("-password") || name.ends_with("-bootstrap")
    }

    /// The value under a key.
    pub(super) fn part(&self, key: &str) -> Option<&Part> {
        self.parts.get(key)
    }

    /// Keys and values.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.parts.iter().map(|(key, part)| (key.as_str(), part))
    }

    /// What all names of its release begin with: its own name without the ending.
    pub(super) fn prefix(&self) -> &str {
        let name = self.name.as_str();
        ["-config", "-certs"].iter().find_map(|ending| name.strip_suffix(ending)).filter(|prefix| !prefix.is_empty()).unwrap_or(name)
    }

    /// The object and its keys in words, never a value.
    pub(super) fn described(&self) -> String {
        let namespace = if self.namespace.is_empty() { String::new() } else { format!("{}/", self.namespace) };
        let keys = match self.parts.is_empty() {
            true => "without data".to_owned(),
            false => format!("with {}", listed(self.parts.keys().take(8).map(String::as_str))),
        };
        format!("{} `{namespace}{}` {keys}", self.kind, self.name)
    }
}
