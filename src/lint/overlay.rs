//! Kustomizations that somebody wrote over what we render: which of our objects they replace, and where it stands what an
//! overlay does to them.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::Scope;
use super::object::{Object, value};
use super::trust::is_step_issuer;
use crate::finding::{Finding, Place};
use crate::manifest::kustomization::resolve;
use crate::manifest::{Content, Document, Identity};
use crate::model::KnownSnapshot;
use crate::yaml::{At, Node, Path, Value};

/// What overlays over ours are made of.
#[derive(Debug, Default)]
pub(super) struct Overlays<'a> {
    /// Our files.
    ours: BTreeSet<&'a Utf8Path>,
    /// The files of ours that a root builds again, by that root.
    replaced: BTreeMap<&'a Utf8Path, BTreeSet<&'a Utf8Path>>,
}

impl<'a> Overlays<'a> {
    pub(super) fn new(scope: &Scope<'a>) -> Overlays<'a> {
        let rendered = || scope.documents.iter().filter(|document| !document.is_written());
        let ours: BTreeSet<&Utf8Path> = rendered().map(|document| &*document.file).collect();
        let mut replaced: BTreeMap<&Utf8Path, BTreeSet<&Utf8Path>> = BTreeMap::new();
        // What waits for a snapshot is judged, and is not among what an overlay builds.
        let is_known = |name: &String| matches!(scope.snapshots.get(name), Some(KnownSnapshot::Here(..)));
        if scope.model.authorities.keys().all(is_known) {
            for document in scope.documents.iter().filter(|document| document.is_written() && document.content == Content::Kustomization) {
                let Some(folder) = document.file.parent().filter(|_| ours.contains(&*document.file)) else { continue };
                let files = rendered().filter(|rendered| rendered.root == folder).map(|rendered| &*rendered.file);
                replaced.entry(&document.root).or_default().extend(files);
            }
        }
        Overlays { ours, replaced }
    }

    /// Whether the file that holds a document is one of ours, whoever builds it.
    pub(super) fn is_of_ours(&self, document: &Document) -> bool {
        self.ours.contains(&*document.file)
    }

    /// Whether one of two documents is built again by the root of the other one, so that never both are applied.
    pub(super) fn exclude_each_other(&self, one: &Document, other: &Document) -> bool {
        one.root != other.root && (self.replaces(one, other) || self.replaces(other, one))
    }

    fn replaces(&self, document: &Document, other: &Document) -> bool {
        self.replaced.get(&*document.root).is_some_and(|files| files.contains(&*other.file))
    }

    /// Moves a finding about what an overlay builds away from a line of ours, which nobody can edit: to what the overlay
    /// says. None where the line is not ours.
    pub(super) fn blamed(&self, scope: &Scope<'a>, document: &Document, finding: &Finding) -> Option<Place> {
        let Place::File { file, .. } = &finding.place else { return None };
        if !document.is_written() || !self.ours.contains(&**file) {
            return None;
        }
        let in_root = || scope.documents.iter().filter(|other| other.is_written() && other.root == document.root);
        let kustomization = in_root()
            .find(|other| other.content == Content::Kustomization && other.file.parent() == Some(&*document.root))
            .filter(|kustomization| !self.ours.contains(&*kustomization.file));
        let changed = |document: &Document| {
            let at = self.change_in(document, &document.node, &mut Vec::new())?;
            let (file, at) = document.written_at(at);
            Some(Place::at(&file, at))
        };
        let at = |path: Path| kustomization.map(|found| Place::at(&found.file, found.node.place(&path)));
        let patched = |identity: &Identity| kustomization.and_then(|found| patch_of(&found.node, identity)).and_then(at);
        // What the document itself became, then the issuer that it may name, then where ours comes in.
        let own = || changed(document).or_else(|| document.identity().and_then(patched));
        let issuers = || in_root().filter_map(Object::new).filter(is_step_issuer);
        let of_issuer = || issuers().find_map(|issuer| changed(issuer.document));
        let of_lost_issuer = || {
            let lost =
                scope.documents.iter().filter_map(Object::new).filter(|object| !object.document.is_written() && is_step_issuer(object));
            lost.filter_map(|issuer| patched(issuer.identity)).next()
        };
        let entry = || kustomization.and_then(|found| self.entry_of(found)).and_then(at);
        let whole = || Place::whole(kustomization.map_or(&document.root, |found| &found.file));
        Some(own().or_else(of_issuer).or_else(of_lost_issuer).or_else(entry).unwrap_or_else(whole))
    }

    /// The first value in an object of ours that somebody else wrote; labels and annotations do no harm.
    fn change_in<'n>(&self, document: &Document, node: &'n Node, way: &mut Vec<&'n str>) -> Option<At> {
        if way.as_slice() == ["metadata", "labels"] || way.as_slice() == ["metadata", "annotations"] {
            return None;
        }
        match &node.value {
            Value::Map(map) => map.iter().find_map(|(key, entry)| {
                way.push(key);
                let found = self.change_in(document, &entry.node, way);
                way.pop();
                found
            }),
            Value::List(items) => items.iter().find_map(|item| self.change_in(document, item, way)),
            _ => (!self.ours.contains(&*document.written_at(node.at).0)).then_some(node.at),
        }
    }

    /// Where a kustomization names a folder of ours.
    fn entry_of(&self, kustomization: &Document) -> Option<Path> {
        let folder = kustomization.file.parent()?;
        let is_ours = |entry: &str| {
            let leads_to = resolve(folder, entry);
            leads_to.is_some_and(|path| self.ours.iter().any(|file| file.parent() == Some(&*path)))
        };
        ["resources", "bases", "components"].into_iter().find_map(|key| {
            let entries = value(&kustomization.node, key)?.as_list()?;
            let index = entries.iter().position(|entry| entry.as_str().is_some_and(is_ours))?;
            Some(Path::of([key]).index(index))
        })
    }
}

/// The patch of a kustomization that is for an object, by its target or by its own text.
fn patch_of(kustomization: &Node, identity: &Identity) -> Option<Path> {
    let patches = kustomization.get("patches").and_then(Node::as_list)?;
    let is_it = |patch: &Node| {
        let text = patch.get_str("patch").unwrap_or_default();
        match patch.get("target") {
            Some(target) => {
                target.get_str("kind") == Some(&identity.kind) && target.get_str("name").is_none_or(|name| name == identity.name)
            }
            None => {
                let says = |key: &str, word: &str| text.contains(&format!("{key}: {word}"));
                says("kind", &identity.kind) && says("name", &identity.name)
            }
        }
    };
    let index = patches.iter().position(is_it)?;
    Some(Path::of(["patches"]).index(index))
}
