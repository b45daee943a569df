//! Rules about any object. What we render is checked where it is rendered; here it is what somebody wrote, and what
//! takes several documents to see.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::object::Object;
use super::{Lint, shape};
use crate::finding::{CLUSTER_SCOPED_WITH_NAMESPACE, Finding, MANIFEST_DUPLICATE, Place};
use crate::manifest::kustomization::is_kustomization_file;
use crate::manifest::{Document, Flaw, Identity, flaws_of, is_cluster_scoped, is_placeholder};
use crate::yaml::{Node, Path, Segment, Value};

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    for document in lint.scope.documents.iter().filter(|document| document.is_written()) {
        check_fields(lint, document);
    }
    for object in lint.objects.clone() {
        check_scope(lint, object);
    }
    check_duplicates(lint);
}

/// Fields, names and secret material of a document that somebody wrote.
fn check_fields(lint: &mut Lint<'_>, document: &Document) {
    for flaw in flaws_of(&document.node, document.identity(), shape(document)) {
        let path = flaw.path();
        let is_about_value = !matches!(flaw, Flaw::SecretMaterial(_));
        if is_about_value && (holds_placeholder(&document.node, &path) || !flaw.is_about_key() && !lint.is_followed(document)) {
            continue;
        }
        let place = if flaw.is_about_key() { lint.key_place(document, &path) } else { lint.place(document, &path) };
        let finding = flaw.finding(place);
        let help = finding.help.clone().unwrap_or_else(|| help_for(&flaw).to_owned());
        lint.add(document, finding.help(help));
    }
}

pub(super) fn help_for(flaw: &Flaw) -> &'static str {
    match flaw {
        Flaw::Name(..) => "give it another name here; the API server refuses this one",
        _ => "the API server refuses the object as it is; correct the value here",
    }
}

/// Whether another program fills in the value at a path before the API server sees it.
fn holds_placeholder(node: &Node, path: &Path) -> bool {
    let found = path.segments().iter().try_fold(node, |node, segment| match (segment, &node.value) {
        (Segment::Key(key), Value::Map(map)) => map.get(key),
        (Segment::Index(index), Value::List(items)) => items.get(*index),
        _ => None,
    });
    found.and_then(Node::as_str).is_some_and(is_placeholder)
}

fn check_scope(lint: &mut Lint<'_>, object: Object<'_>) {
    let Identity { group, kind, namespace: Some(namespace), name } = object.identity else { return };
    let path = Path::of(["metadata", "namespace"]);
    let place = lint.place(object.document, &path);
    // kustomize writes its `namespace:` into every kind that it does not know.
    let is_from_kustomize = matches!(&place, Place::File { file, .. } if is_kustomization_file(file));
    if is_cluster_scoped(group, kind) && !is_from_kustomize {
        let message = format!("{kind} `{name}` lies in no namespace, and this one says `{namespace}`");
        let help = "take `namespace:` out of its metadata: the API server drops it, and the engine then sees a difference for ever";
        lint.add(object.document, Finding::new(&CLUSTER_SCOPED_WITH_NAMESPACE, place, message).help(help));
    }
}

/// The same object twice: in one root, or in two with other fields.
fn check_duplicates(lint: &mut Lint<'_>) {
    let mut known: BTreeMap<(&Identity, Option<&Utf8Path>), Vec<Object<'_>>> = BTreeMap::new();
    for object in lint.objects.clone() {
        // Without a namespace of its own an object goes where an Application or a Flux Kustomization sends its folder.
        let Identity { group, kind, namespace, .. } = object.identity;
        let is_sent = namespace.is_none() && !is_cluster_scoped(group, kind);
        let folder = object.document.root.parent().filter(|_| is_sent);
        known.entry((object.identity, folder)).or_default().push(object);
    }
    let built: BTreeSet<Utf8PathBuf> =
        lint.kustomizations.iter().filter_map(|document| document.file.parent()).map(Utf8Path::to_owned).collect();
    // A file beside a kustomization that does not name it goes nowhere.
    let is_left_out =
        |document: &Document| document.root == document.file && document.file.parent().is_some_and(|folder| built.contains(folder));
    for objects in known.values().filter(|objects| objects.len() > 1) {
        let first = objects[0];
        for other in &objects[1..] {
            let (one, two) = (first.document, other.document);
            let are_ours = !one.is_written() && !two.is_written();
            // Two overlays over one base are alternatives; and what one makes of ours takes its place.
            let is_overlay = one.root != two.root && one.file == two.file;
            let is_known = lint.is_followed(one) && lint.is_followed(two) && !is_left_out(one) && !is_left_out(two);
            if !are_ours && !is_overlay && is_known {
                report_duplicate(lint, first, *other);
            }
        }
    }
}

fn report_duplicate(lint: &mut Lint<'_>, first: Object<'_>, other: Object<'_>) {
    let name = Path::of(["metadata", "name"]);
    let identity = first.identity;
    let is_one_root = first.document.root == other.document.root;
    let difference = first_difference(&first.document.node, &other.document.node, &Path::default());
    // Ours comes first among the documents: the finding is about what somebody wrote.
    let there = told(&lint.place(first.document, &name), first.document);
    let (message, help) = match difference {
        _ if is_one_root => {
            let message = format!("{identity} stands here a second time; the first one is in {there}");
            (
                message,
                "take one of the two out, or give it another name; kustomize refuses both together, and kubectl applies one over the other",
            )
        }
        Some(path) => {
            let message = format!("{identity} is made twice, with another `{path}`; the other one is in {there}");
            (message, "take one of the two out: whichever is applied last wins, and the engine changes it back and forth")
        }
        None => return,
    };
    let place = lint.place(other.document, &name);
    lint.add(other.document, Finding::new(&MANIFEST_DUPLICATE, place, message).help(help));
}

fn told(place: &Place, document: &Document) -> String {
    match place {
        Place::File { file, line, .. } if *line > 0 => format!("`{file}:{line}`"),
        _ => format!("`{}`, which is rendered", document.file),
    }
}

/// The first path at which two values differ, wherever they stand.
fn first_difference(one: &Node, other: &Node, path: &Path) -> Option<Path> {
    match (&one.value, &other.value) {
        (Value::Map(map), Value::Map(more)) => {
            let keys: BTreeSet<&str> = map.iter().chain(more.iter()).map(|(key, _)| key).collect();
            keys.into_iter().find_map(|key| match (map.get(key), more.get(key)) {
                (Some(one), Some(other)) => first_difference(one, other, &path.key(key)),
                _ => Some(path.key(key)),
            })
        }
        (Value::List(items), Value::List(more)) if items.len() == more.len() => {
            items.iter().zip(more).enumerate().find_map(|(index, (one, other))| first_difference(one, other, &path.index(index)))
        }
        (one, other) if one == other => None,
        _ => Some(path.clone()),
    }
}
