//! An object as rules look at it: by paths, where null counts as absent.

use crate::manifest::{Document, Identity};
use crate::yaml::{Node, Path, Value};

/// An object with its document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) document: &'a Document,
    pub(super) identity: &'a Identity,
}

impl<'a> Object<'a> {
    /// The object that a document is; None for values and kustomizations.
    pub(super) fn new(document: &'a Document) -> Option<Object<'a>> {
        Some(Object { document, identity: document.identity()? })
    }

    /// Whether it is of that group and kind.
    pub(super) fn is(&self, group: &str, kind: &str) -> bool {
        self.identity.group == group && self.identity.kind == kind
    }

    pub(super) fn name(&self) -> &'a str {
        &self.identity.name
    }

    /// The namespace that it names; None where it names none.
    pub(super) fn namespace(&self) -> Option<&'a str> {
        self.identity.namespace.as_deref()
    }

    /// The value at a path of plain keys, such as `spec.issuerRef.name`.
    pub(super) fn get(&self, path: &str) -> Option<&'a Node> {
        value(&self.document.node, path)
    }

    /// The string there.
    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path)?.as_str()
    }

    /// The containers of the Pod that it is or makes, with their paths; nothing for a kind that makes none.
    pub(super) fn containers(&self) -> impl Iterator<Item = (Path, &'a Node)> + use<'a> {
        let pod = match (self.identity.group.as_str(), self.identity.kind.as_str()) {
            ("", "Pod") => "spec",
            ("apps", "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet") | ("batch", "Job") => "spec.template.spec",
            ("batch", "CronJob") => "spec.jobTemplate.spec.template.spec",
            _ => "",
        };
        let object = *self;
        let lists = ["initContainers", "containers"].into_iter().filter(move |_| !pod.is_empty());
        lists.flat_map(move |list| object.items(&format!("{pod}.{list}")))
    }

    /// The items of the list there, each with its path; nothing where there is no list.
    pub(super) fn items(&self, path: &str) -> impl Iterator<Item = (Path, &'a Node)> + use<'a> {
        let list = Path::of(path.split('.'));
        let items = self.get(path).and_then(Node::as_list).unwrap_or_default();
        items.iter().enumerate().map(move |(index, item)| (list.index(index), item))
    }

    /// The strings of the list there, each with its path.
    pub(super) fn texts(&self, path: &str) -> impl Iterator<Item = (Path, &'a str)> + use<'a> {
        self.items(path).filter_map(|(path, item)| Some((path, item.as_str()?)))
    }

    /// The annotations that are strings, each with its path.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, Path, &'a str)> + use<'a> {
        annotations(self.get("metadata.annotations"), Path::of(["metadata", "annotations"]))
    }

    /// The strings of a map of annotations at any other path, such as `spec.secretTemplate.annotations`.
    pub(super) fn annotations_at(&self, path: &str) -> impl Iterator<Item = (&'a str, Path, &'a str)> + use<'a> {
        annotations(self.get(path), Path::of(path.split('.')))
    }
}

fn annotations(map: Option<&Node>, path: Path) -> impl Iterator<Item = (&str, Path, &str)> {
    let entries = map.and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
    entries.filter_map(move |(key, entry)| Some((key, path.key(key), entry.node.as_str()?)))
}

/// Whether another program fills a text in before the API server sees it, as Flux does with `${NAME}`.
pub(super) fn is_filled_in_later(text: &str) -> bool {
    ["${", "$(", "{{"].iter().any(|mark| text.contains(mark))
}

/// The value at a path of plain keys below a node.
pub(super) fn value<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    let found = path.split('.').try_fold(node, |node, key| node.get(key))?;
    (found.value != Value::Null).then_some(found)
}
