//! Charts that Argo CD builds: the sources of an `Application`.

use std::borrow::Cow;

use super::kustomize::shown;
use super::usage::{ChartUse, Crds, Engine, Version, chart_name};
use super::values::{Layer, Source, Values};
use crate::lint::object::{Object, value};
use crate::yaml::{Keys, Node, Path, Value, read};

/// Every source of an Application that is a chart.
pub(super) fn charts(object: Object<'_>) -> Vec<ChartUse<'_>> {
    if !object.is("argoproj.io", "Application") {
        return Vec::new();
    }
    let one = object.get("spec.source").map(|source| (Path::of(["spec", "source"]), source));
    one.into_iter().chain(object.items("spec.sources")).filter_map(|(path, source)| chart(object, path, source)).collect()
}

fn chart<'a>(application: Object<'a>, path: Path, source: &'a Node) -> Option<ChartUse<'a>> {
    let document = application.document;
    let version_path = path.key("targetRevision");
    let version = match value(source, "targetRevision") {
        Some(version) if version.as_str() != Some("") => Version::Written { text: shown(version), document, path: version_path },
        _ => Version::Newest { document, path: version_path },
    };
    let helm = path.key("helm");
    let is_skipped = value(source, "helm.skipCrds").is_some_and(|skip| skip.value == Value::Boolean(true));
    let release = value(source, "helm.releaseName").and_then(Node::as_str).unwrap_or(application.name());
    Some(ChartUse {
        name: chart_name(source.get_str("chart")?),
        version,
        release: Some(release.to_owned()),
        namespace: application.text("spec.destination.namespace"),
        engine: Engine::ArgoCd,
        crds: if is_skipped { Crds::LeftOut(helm.key("skipCrds")) } else { Crds::Included },
        document,
        values: values(application, &helm, source),
        path,
    })
}

/// Parameters win over values, and `valuesObject` stands in for `values`; files of values are not in the tree.
fn values<'a>(application: Object<'a>, helm: &Path, source: &'a Node) -> Values<'a> {
    let document = application.document;
    let is_more = |path: &str| value(source, path).and_then(Node::as_list).is_some_and(|list| !list.is_empty());
    let mut values = Values { layers: Vec::new(), are_incomplete: is_more("helm.valueFiles") || is_more("helm.fileParameters") };
    if let Some(list) = value(source, "helm.parameters").and_then(Node::as_list).filter(|list| !list.is_empty()) {
        let names = list.iter().map(|parameter| parameter.get_str("name").unwrap_or_default().to_owned()).collect();
        match parameters(list) {
            Some(node) => {
                let source = Source::Parameters(helm.key("parameters"), names);
                values.layers.push(Layer { document, node: Cow::Owned(node), source });
            }
            None => values.are_incomplete = true,
        }
    }
    if let Some(node) = value(source, "helm.valuesObject") {
        values.layers.push(Layer::below(document, helm.key("valuesObject"), node));
    } else if let Some(text) = value(source, "helm.values").and_then(Node::as_str) {
        match read(text, 0, Keys::AsKubernetes).map(|documents| documents.into_iter().next()) {
            Ok(Some(node)) if node.as_map().is_some() => {
                values.layers.push(Layer { document, node: Cow::Owned(node), source: Source::Text(helm.key("values")) });
            }
            Ok(_) => {}
            Err(_) => values.are_incomplete = true,
        }
    }
    values
}

/// The map that a list of parameters stands for; None where a name is more than plain keys with dots.
fn parameters(list: &[Node]) -> Option<Node> {
    let mut root = serde_json::Map::new();
    for parameter in list {
        let (name, text) = (parameter.get_str("name")?, parameter.get_str("value")?);
        let is_forced = parameter.get("forceString").is_some_and(|force| force.value == Value::Boolean(true));
        let mut keys: Vec<&str> = name.split('.').collect();
        let last = keys.pop().filter(|_| !name.contains(['[', '\\', '{', ',']) && !text.starts_with('{'))?;
        let mut level = &mut root;
        for key in keys {
            level = level.entry(key).or_insert_with(|| serde_json::json!({})).as_object_mut()?;
        }
        level.insert(last.to_owned(), if is_forced { text.into() } else { typed(text) });
    }
    Some(Node::from(serde_json::Value::Object(root)))
}

/// What `helm --set` takes a text for.
fn typed(text: &str) -> serde_json::Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        "null" => serde_json::Value::Null,
        _ if text == "0" || !text.starts_with('0') => text.parse::<i64>().map_or_else(|_| text.into(), Into::into),
        _ => text.into(),
    }
}
