//! Fields of kustomizations.

use camino::Utf8Path;

use super::super::Lint;
use super::super::object::value;
use super::numbers;
use crate::finding::{CHART_HOME_NEEDS_VALUES_FILE, KUSTOMIZE_NAMESPACE_REWRITES};
use crate::manifest::kustomization::resolve;
use crate::manifest::{Document, is_cluster_scoped};
use crate::yaml::{Node, Path};

/// The charts of a kustomization, each with its path.
pub(super) fn charts(document: &Document) -> impl Iterator<Item = (Path, &Node)> {
    let list = Path::of(["helmCharts"]);
    let charts = document.node.get("helmCharts").and_then(Node::as_list).unwrap_or_default();
    charts.iter().enumerate().map(move |(index, chart)| (list.index(index), chart))
}

pub(super) fn check(lint: &mut Lint<'_>) {
    for document in lint.kustomizations.clone() {
        check_chart_home(lint, document);
        check_namespace_of_charts(lint, document);
        if !document.is_written() {
            check_namespace_of_ours(lint, document);
        }
    }
}

/// kustomize reads a chart's own values as a file of the kustomization, which must lie below it.
fn check_chart_home(lint: &mut Lint<'_>, document: &Document) {
    let Some(home) = value(&document.node, "helmGlobals.chartHome").and_then(Node::as_str) else { return };
    let Some(folder) = document.file.parent() else { return };
    if resolve(folder, home).is_some_and(|path| path.starts_with(folder)) {
        return;
    }
    for (path, chart) in charts(document).filter(|(_, chart)| value(chart, "valuesFile").is_none()) {
        let name = chart.get_str("name").unwrap_or("the chart");
        let message = format!("`{name}` lies in `{home}`, outside of this folder, and has no `valuesFile`");
        let help = "write `valuesFile:` with a file below this folder, an empty one if need be: kustomize may not read the chart's own `values.yaml` there";
        lint.report(&CHART_HOME_NEEDS_VALUES_FILE, document, &path, message, help);
    }
}

/// Before 5.8 kustomize moves what a chart makes, later it leaves it where it was.
fn check_namespace_of_charts(lint: &mut Lint<'_>, document: &Document) {
    let Some(namespace) = value(&document.node, "namespace").and_then(Node::as_str).filter(|namespace| !namespace.is_empty()) else {
        return;
    };
    let version = lint.scope.model.versions.kustomize.as_deref();
    if version.is_some_and(|version| numbers(version).as_slice() >= [5, 8].as_slice()) {
        return;
    }
    let is_root = document.file.parent() == Some(&*document.root);
    let reached = |other: &&Document| other.file == document.file || is_root && other.root == document.root;
    let elsewhere = lint.kustomizations.iter().copied().filter(reached).flat_map(charts).find_map(|(_, chart)| {
        let own = value(chart, "namespace").and_then(Node::as_str).filter(|own| !own.is_empty() && *own != namespace)?;
        Some((chart.get_str("name").unwrap_or_default().to_owned(), own.to_owned()))
    });
    if let Some((chart, own)) = elsewhere {
        let until = version.map_or_else(|| "before 5.8 kustomize moves".to_owned(), |version| format!("kustomize {version} moves"));
        let message = format!("`namespace: {namespace}` stands over the chart `{chart}`, which is for `{own}`: {until} its objects");
        let help = "take `namespace:` out here and write the namespace into each object";
        lint.report(&KUSTOMIZE_NAMESPACE_REWRITES, document, &Path::of(["namespace"]), message, help);
    }
}

/// A kustomization of ours over objects of ours; those that somebody wrote are judged where they are built.
fn check_namespace_of_ours(lint: &mut Lint<'_>, document: &Document) {
    let Some(namespace) = value(&document.node, "namespace").and_then(Node::as_str) else { return };
    let moved = lint.objects.iter().find(|object| {
        let is_elsewhere = object.namespace().is_some_and(|own| own != namespace);
        is_elsewhere && object.document.root == document.root && !is_cluster_scoped(&object.identity.group, &object.identity.kind)
    });
    if let Some(moved) = moved {
        let message = format!("`namespace: {namespace}` moves {}", moved.identity);
        let help = "take `namespace:` out of the template of the kustomization: every object that is rendered names its own";
        lint.report(&KUSTOMIZE_NAMESPACE_REWRITES, document, &Path::of(["namespace"]), message, help);
    }
}

/// Whether a kustomization names a file of its own folder.
pub(super) fn names(document: &Document, file: &Utf8Path) -> bool {
    let list = |key: &str| document.node.get(key).and_then(Node::as_list).unwrap_or_default();
    let patches = ["patches", "patchesJson6902"].into_iter().flat_map(list).filter_map(|patch| patch.get_str("path"));
    let named = ["resources", "patchesStrategicMerge"].into_iter().flat_map(list).filter_map(Node::as_str);
    let folder = document.file.parent().unwrap_or(Utf8Path::new(""));
    named.chain(patches).any(|entry| resolve(folder, entry).is_some_and(|path| path == file))
}
