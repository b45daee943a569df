//! Rendering one document again with something changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::candidate::Candidate;
use crate::fleet::{Repository, Resolved};
use crate::inflate::Inflations;
use crate::inventory::{EnvironmentName, Inventory};
use crate::manifest::{Document, Origin};
use crate::model::{self, Extent, KnownSnapshot};
use crate::render::render;
use crate::snapshot::Snapshot;
use crate::yaml::{Fact, Node, Path, Segment, Value};

/// Entries of one map that are kept beside the document's own: a field of it hardly depends on more of them.
const ENTRIES_KEPT: usize = 16;

/// One document, to be rendered again and again.
pub(super) struct Probe<'a> {
    repository: &'a Repository,
    environment: &'a EnvironmentName,
    inventory: &'a Inventory,
    snapshots: &'a BTreeMap<String, KnownSnapshot>,
    /// What came out of charts; it stays as it is, whatever is changed.
    inflations: &'a Inflations,
    /// The merged inventory without entries that other documents are rendered for.
    tree: Node,
    document: &'a Document,
    field: &'a Path,
    /// What the field is when nothing is changed.
    before: Option<Value>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        environment: &'a EnvironmentName,
        resolved: &'a Resolved,
        inflations: &'a Inflations,
        (document, field): (&'a Document, &'a Path),
    ) -> Probe<'a> {
        let mut tree = resolved.inventory.tree.clone();
        prune(&mut tree, entry_of(document));
        let (inventory, snapshots) = (&resolved.inventory, &resolved.snapshots);
        let mut probe = Probe { repository, environment, inventory, snapshots, inflations, tree, document, field, before: None };
        probe.before = probe.field(&probe.tree, probe.snapshots);
        probe
    }

    /// The inventory that is tried with.
    pub(super) fn tree(&self) -> &Node {
        &self.tree
    }

    /// The entry that the document is rendered for.
    pub(super) fn entry(&self) -> Option<&'a Path> {
        entry_of(self.document)
    }

    /// Whether the field becomes another one when the candidate changes. A document that is gone tells nothing.
    pub(super) fn moves(&self, candidate: &Candidate) -> bool {
        let is_other = |after: Option<Value>| after.is_some() && after != self.before;
        match candidate {
            Candidate::Written { path, others } | Candidate::Default { path, others, .. } => others.iter().any(|other| {
                let mut tree = self.tree.clone();
                set(&mut tree, path.segments(), Node::from(other.clone()).value);
                is_other(self.field(&tree, self.snapshots))
            }),
            Candidate::Whole { path } => {
                let mut tree = self.tree.clone();
                take_out(&mut tree, path.segments());
                is_other(self.field(&tree, self.snapshots))
            }
            Candidate::Provisioner { authority, name } => {
                let changed = self.with_snapshot(authority, |snapshot| {
                    if let Fact::Known(provisioners) = &mut snapshot.provisioners
                        && let Some(provisioner) = provisioners.get_mut(name)
                    {
                        provisioner.kid = Some("trustree-probe".to_owned());
                    }
                });
                is_other(self.field(&self.tree, &changed))
            }
            Candidate::Root { authority, fingerprint } => {
                let changed = self.with_snapshot(authority, |snapshot| {
                    snapshot.roots.retain(|root| root.certificate.fingerprint() != *fingerprint);
                });
                is_other(self.field(&self.tree, &changed))
            }
        }
    }

    fn with_snapshot(&self, authority: &str, change: impl FnOnce(&mut Snapshot)) -> BTreeMap<String, KnownSnapshot> {
        let mut snapshots = self.snapshots.clone();
        if let Some(KnownSnapshot::Here(snapshot, _)) = snapshots.get_mut(authority) {
            change(Arc::make_mut(snapshot));
        }
        snapshots
    }

    /// The field as it is rendered from these; None where the document is not rendered. A field that is gone is null.
    fn field(&self, tree: &Node, snapshots: &BTreeMap<String, KnownSnapshot>) -> Option<Value> {
        let inventory = Inventory::of_tree(tree.clone(), &self.inventory.file, &self.inventory.layers)?;
        let (model, _) = model::build(self.environment, &inventory, snapshots, Extent::Known);
        let rendered = render(&model, self.repository.templates(), self.repository.settings(), self.inflations);
        // A tenant's entry is rendered in each of its namespaces: the one in the same file comes first.
        let same = || rendered.documents.iter().filter(|document| self.is_the_same(document));
        let document = same().find(|document| document.file == self.document.file).or_else(|| same().next())?;
        Some(document.node.value_at(self.field).map_or(Value::Null, without_places))
    }

    /// Whether that is the document at hand, whatever it is called now.
    fn is_the_same(&self, other: &Document) -> bool {
        let (Origin::Rendered { entry, template }, Origin::Rendered { entry: other_entry, template: other_template }) =
            (&self.document.origin, &other.origin)
        else {
            return false;
        };
        entry == other_entry && template == other_template && self.document.file.file_name() == other.file.file_name()
    }
}

fn entry_of(document: &Document) -> Option<&Path> {
    match &document.origin {
        Origin::Rendered { entry, .. } => entry.as_ref(),
        Origin::Written(_) => None,
    }
}

/// A value that equals another one wherever they stand.
fn without_places(node: &Node) -> Value {
    Node::from(node.to_json()).value
}

/// Takes entries out that other documents are rendered for.
fn prune(tree: &mut Node, entry: Option<&Path>) {
    let own = |map: &str| match entry.map(Path::segments) {
        Some([Segment::Key(first), Segment::Key(key), ..]) if **first == *map => Some(key.clone()),
        _ => None,
    };
    for name in ["certificates", "tenants"] {
        let own = own(name);
        let Some(map) = tree.get_mut(name).and_then(Node::as_map_mut) else { continue };
        let others: Vec<Box<str>> = map.iter().map(|(key, _)| Box::from(key)).filter(|key| Some(key) != own.as_ref()).collect();
        let kept = if own.is_some() { 0 } else { ENTRIES_KEPT };
        others.iter().skip(kept).for_each(|key| drop(map.remove(key)));
    }
}

/// Takes what a path of keys leads to out of its map.
fn take_out(node: &mut Node, path: &[Segment]) {
    let Value::Map(map) = &mut node.value else { return };
    match path {
        [Segment::Key(last)] => drop(map.remove(last)),
        [Segment::Key(key), rest @ ..] => {
            if let Some(entry) = map.get_mut(key) {
                take_out(&mut entry.node, rest);
            }
        }
        _ => {}
    }
}

/// Sets the value at a path; maps that are missing on the way are made.
fn set(node: &mut Node, path: &[Segment], value: Value) {
    match path {
        [] => node.value = value,
        [Segment::Index(index), rest @ ..] => {
            if let Value::List(items) = &mut node.value
                && let Some(item) = items.get_mut(*index)
            {
                set(item, rest, value);
            }
        }
        [Segment::Key(key), rest @ ..] => {
            if !matches!(node.value, Value::Map(_)) {
                node.value = Value::Map(crate::yaml::Map::default());
            }
            let Value::Map(map) = &mut node.value else { return };
            set(&mut map.entry_or_null(key).node, rest, value);
        }
    }
}
