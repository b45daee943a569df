//! Charts in a kustomization's `helmCharts`.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::usage::{ChartUse, Crds, Engine, Version, chart_name};
use super::values::{Layer, Values};
use super::version::is_pinned;
use crate::lint::object::value;
use crate::manifest::{Content, Document};
use crate::yaml::{Node, Path, Value};

/// Every chart of a kustomization.
pub(super) fn charts<'a>(document: &'a Document, documents: &'a [Document]) -> Vec<ChartUse<'a>> {
    let charts = document.node.get("helmCharts").and_then(Node::as_list).unwrap_or_default();
    charts.iter().enumerate().filter_map(|(index, node)| chart(document, index, node, documents)).collect()
}

fn chart<'a>(document: &'a Document, index: usize, node: &'a Node, documents: &'a [Document]) -> Option<ChartUse<'a>> {
    let path = Path::of(["helmCharts"]).index(index);
    let text = |key: &str| node.get_str(key).filter(|text| !text.is_empty());
    let version_path = path.key("version");
    let version = match (value(node, "version"), text("repo")) {
        // A chart in a folder is used as it is, whatever version is written.
        (_, None) => match text("version").filter(|version| is_pinned(version)) {
            Some(text) => Version::Written { text: text.to_owned(), document, path: version_path },
            None => Version::Elsewhere,
        },
        (Some(version), Some(_)) if version.as_str() != Some("") => Version::Written { text: shown(version), document, path: version_path },
        (_, Some(_)) => Version::Newest { document, path: version_path },
    };
    let are_included = node.get("includeCRDs").is_some_and(|include| include.value == Value::Boolean(true));
    Some(ChartUse {
        name: chart_name(text("name")?),
        version,
        release: text("releaseName").map(str::to_owned),
        namespace: text("namespace").or_else(|| document.node.get_str("namespace")),
        engine: Engine::Kustomize,
        crds: if are_included { Crds::Included } else { Crds::LeftOut(path.key("includeCRDs")) },
        document,
        values: values(document, &path, node, documents),
        path,
    })
}

/// A version as it was written, which may be a number by mistake.
pub(super) fn shown(version: &Node) -> String {
    match &version.value {
        Value::String(text) => text.to_string(),
        _ => version.to_json().to_string(),
    }
}

/// What `valuesMerge` makes of file and inline values: `override` lets inline win, `merge` the file, `replace` drops the
/// file. Additional files go to Helm behind both, so they win over all.
fn values<'a>(document: &'a Document, path: &Path, node: &'a Node, documents: &'a [Document]) -> Values<'a> {
    let mut values = Values::default();
    let additional = node.get("additionalValuesFiles").and_then(Node::as_list).unwrap_or_default();
    for name in additional.iter().rev().filter_map(Node::as_str) {
        push_file(&mut values, document, name, documents);
    }
    let inline = value(node, "valuesInline").map(|inline| Layer::below(document, path.key("valuesInline"), inline));
    let file = node.get_str("valuesFile").filter(|name| !name.is_empty());
    match node.get_str("valuesMerge") {
        Some("merge") => {
            file.into_iter().for_each(|name| push_file(&mut values, document, name, documents));
            values.layers.extend(inline);
        }
        Some("replace") if inline.is_some() => values.layers.extend(inline),
        _ => {
            values.layers.extend(inline);
            file.into_iter().for_each(|name| push_file(&mut values, document, name, documents));
        }
    }
    values
}

fn push_file<'a>(values: &mut Values<'a>, kustomization: &'a Document, name: &str, documents: &'a [Document]) {
    let folder = kustomization.file.parent().unwrap_or(Utf8Path::new(""));
    let file = normal(&folder.join(name));
    let mut fitting = documents.iter().filter(|document| document.content == Content::Values && document.file == file);
    let near = fitting.clone().find(|document| document.root == kustomization.root);
    match near.or_else(|| fitting.next()) {
        Some(document) => values.layers.push(Layer::below(document, Path::default(), &document.node)),
        None => values.are_incomplete = true,
    }
}

/// A path without `.` and `..`.
fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::ParentDir => drop(parts.pop()),
            Utf8Component::Normal(part) => parts.push(part),
            _ => {}
        }
    }
    parts.iter().collect()
}
