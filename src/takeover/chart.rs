//! How somebody installs the charts of step-issuer and of the CA: through kustomize's `helmCharts` or Flux's HelmRelease.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};

use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART};
use crate::manifest::kustomization::{Part, resolve};
use crate::manifest::{Identity, Shape};
use crate::model::helm_fullname;
use crate::yaml::{Node, Path};

/// Fields of an entry of `helmCharts` that are understood, or that change nothing for these charts.
const UNDERSTOOD: &[&str] = &[
    "additionalValuesFiles",
    "includeCRDs",
    "kubeVersion",
    "name",
    "namespace",
    "releaseName",
    "repo",
    "skipHooks",
    "skipTests",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "version",
];
/// The same of the `spec` of a HelmRelease.
const UNDERSTOOD_BY_FLUX: &[&str] =
    &["chart", "install", "interval", "releaseName", "storageNamespace", "targetNamespace", "timeout", "upgrade", "values"];

/// One release of a chart.
#[derive(Debug, Clone)]
pub(super) struct ChartUse {
    /// The chart's name.
    pub(super) chart: String,
    /// Whether Flux installs it.
    pub(super) is_flux: bool,
    /// The file that asks for it.
    pub(super) file: Utf8PathBuf,
    /// The entry of `helmCharts`, or the HelmRelease.
    pub(super) node: Node,
    pub(super) release: String,
    pub(super) namespace: Option<String>,
    pub(super) version: Option<String>,
    pub(super) repo: Option<String>,
    /// Where the chart lies, where somebody said so.
    pub(super) home: Option<String>,
    pub(super) brings_crds: bool,
    pub(super) kube_version: Option<String>,
    pub(super) values: Map<String, Value>,
    /// The files of values, with what they hold.
    pub(super) value_files: Vec<(Utf8PathBuf, Node)>,
    /// What of it is not understood.
    pub(super) not_taken: Vec<String>,
}

impl ChartUse {
    pub(super) fn is_step_issuer(&self) -> bool {
        self.chart == STEP_ISSUER_CHART
    }

    pub(super) fn is_step_certificates(&self) -> bool {
        self.chart == STEP_CERTIFICATES_CHART
    }

    /// What the names of the chart's objects begin with.
    pub(super) fn fullname(&self) -> String {
        let text = |key: &str| self.values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text("fullnameOverride"), text("nameOverride")) {
            (Some(fullname), _) => fullname.to_owned(),
            (None, name) => helm_fullname(&self.release, name.unwrap_or(&self.chart)),
        }
    }

    /// How it is called in a list.
    pub(super) fn shown(&self) -> String {
        format!("chart `{}`, release `{}`", self.chart, self.release)
    }
}

/// The charts of a kustomization.
pub(super) fn of_kustomization(part: &Part, all: &[Part]) -> Vec<ChartUse> {
    let home = part.node.get("helmGlobals").and_then(|globals| globals.get_str("chartHome"));
    let charts = part.node.get("helmCharts").and_then(Node::as_list).unwrap_or_default();
    charts.iter().filter_map(|node| of_entry(part, node, home, all)).collect()
}

fn of_entry(part: &Part, node: &Node, home: Option<&str>, all: &[Part]) -> Option<ChartUse> {
    let chart = node.get_str("name")?;
    let text = |key: &str| node.get_str(key).map(str::to_owned).filter(|text| !text.is_empty());
    let mut not_taken: Vec<String> = node
        .as_map()
        .into_iter()
        .flat_map(|map| map.iter())
        .filter(|(key, _)| !UNDERSTOOD.contains(key))
        .map(|(key, _)| format!("`{key}` of the chart `{chart}`"))
        .collect();
    let (values, value_files) = values(part, node, all, &mut not_taken);
    Some(ChartUse {
        chart: chart.to_owned(),
        is_flux: false,
        file: part.file.clone(),
        node: node.clone(),
        release: text("releaseName").unwrap_or_else(|| chart.to_owned()),
        namespace: text("namespace").or_else(|| part.node.get_str("namespace").map(str::to_owned)),
        version: text("version"),
        repo: text("repo"),
        home: home.map(str::to_owned),
        brings_crds: node.get("includeCRDs").is_some_and(|node| node.value == crate::yaml::Value::Boolean(true)),
        kube_version: text("kubeVersion"),
        values,
        value_files,
        not_taken,
    })
}

/// The values that Helm gets, as kustomize puts them together.
fn values(part: &Part, chart: &Node, all: &[Part], not_taken: &mut Vec<String>) -> (Map<String, Value>, Vec<(Utf8PathBuf, Node)>) {
    let folder = part.file.parent().unwrap_or(Utf8Path::new(""));
    let mut files = Vec::new();
    let mut read = |entry: &str| {
        let path = resolve(folder, entry)?;
        let found = all.iter().find(|part| part.shape == Shape::Values && part.file == path);
        match found {
            Some(values) => {
                files.push((path, values.node.clone()));
                object(&values.node)
            }
            None => {
                not_taken.push(format!("the values in `{path}`, which could not be read"));
                None
            }
        }
    };
    let inline = chart.get("valuesInline").and_then(object).unwrap_or_default();
    let is_replaced = chart.get_str("valuesMerge") == Some("replace") && !inline.is_empty();
    let file = chart.get_str("valuesFile").filter(|_| !is_replaced).and_then(&mut read).unwrap_or_default();
    let mut values = match chart.get_str("valuesMerge") {
        Some("merge") => merged(inline, file),
        _ => merged(file, inline),
    };
    for entry in chart.get("additionalValuesFiles").and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_str) {
        values = merged(values, read(entry).unwrap_or_default());
    }
    (values, files)
}

fn object(node: &Node) -> Option<Map<String, Value>> {
    match node.to_json() {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Maps merge, everything else of `over` wins.
fn merged(mut under: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let value = match (under.remove(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => Value::Object(merged(under, over)),
            (_, value) => value,
        };
        under.insert(key, value);
    }
    under
}

/// The chart of a HelmRelease; `repositories` leads from the name of a HelmRepository to its address.
pub(super) fn of_helm_release(part: &Part, identity: &Identity, repository: impl Fn(&str) -> Option<String>) -> Option<ChartUse> {
    let at = |path: &[&str]| part.node.value_at(&Path::of(path.iter().copied()));
    let text = |path: &[&str]| at(path).and_then(Node::as_str).map(str::to_owned);
    let chart = text(&["spec", "chart", "spec", "chart"])?;
    let chart = chart.rsplit('/').next().unwrap_or(&chart).to_owned();
    let mut not_taken: Vec<String> = at(&["spec"])
        .and_then(Node::as_map)
        .into_iter()
        .flat_map(|map| map.iter())
        .filter(|(key, _)| !UNDERSTOOD_BY_FLUX.contains(key))
        .map(|(key, _)| format!("`spec.{key}` of HelmRelease `{}`", identity.name))
        .collect();
    let repo = text(&["spec", "chart", "spec", "sourceRef", "name"]).and_then(|name| repository(&name));
    if repo.is_none() {
        not_taken.push(format!("the source of HelmRelease `{}`, which does not lie here", identity.name));
    }
    let skips = |path: &[&str]| text(path).is_some_and(|policy| policy == "Skip");
    Some(ChartUse {
        chart,
        is_flux: true,
        file: part.file.clone(),
        node: part.node.clone(),
        release: text(&["spec", "releaseName"]).unwrap_or_else(|| identity.name.clone()),
        namespace: text(&["spec", "targetNamespace"]).or_else(|| identity.namespace.clone()),
        version: text(&["spec", "chart", "spec", "version"]),
        repo,
        home: None,
        brings_crds: !skips(&["spec", "install", "crds"]),
        kube_version: None,
        values: at(&["spec", "values"]).and_then(object).unwrap_or_default(),
        value_files: Vec::new(),
        not_taken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn part(file: &str, text: &str, shape: Shape) -> Part {
        let node = read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0);
        Part { file: file.into(), node, shape }
    }

    #[test]
    fn values_are_put_together_as_kustomize_does_it() {
        let file = part("a/values.yaml", "replicaCount: 2\nimage: {tag: a}\n", Shape::Values);
        let more = part("a/more.yaml", "nodeSelector: {a: b}\n", Shape::Values);
        for (merge, expected) in [("override", 3), ("merge", 2), ("replace", 3)] {
            let text = format!(
                "namespace: pki\nhelmCharts:\n  - {{name: step-issuer, version: 1.11.0, valuesFile: values.yaml, valuesMerge: {merge}, valuesInline: {{replicaCount: 3, image: {{pullPolicy: Always}}}}, additionalValuesFiles: [more.yaml]}}\n"
            );
            let kustomization = part("a/kustomization.yaml", &text, Shape::Kustomization);
            let charts = of_kustomization(&kustomization, &[file.clone(), more.clone()]);
            let [chart] = charts.as_slice() else { panic!("{charts:?}") };
            assert_eq!(chart.values["replicaCount"], expected, "{merge}");
            assert_eq!(chart.values["nodeSelector"]["a"], "b");
            assert_eq!(chart.values["image"].get("tag").is_some(), merge != "replace", "{merge}");
            assert_eq!((chart.namespace.as_deref(), chart.brings_crds), (Some("pki"), false));
        }
    }

    #[test]
    fn a_helm_release_is_read_with_its_repository_and_what_it_says_beyond_is_named() {
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\nspec: {chart: {spec: {chart: step-issuer, version: 1.11.0, sourceRef: {kind: HelmRepository, name: c}}}, valuesFrom: [], values: {replicaCount: 2}}\n";
        let part = part("a.yaml", text, Shape::Object);
        let identity = crate::manifest::identity_of(&part.node).expect("an object");
        let chart = of_helm_release(&part, &identity, |name| Some(format!("https://{name}"))).expect("a chart");
        assert_eq!((chart.release.as_str(), chart.namespace.as_deref(), chart.repo.as_deref()), ("a", Some("b"), Some("https://c")));
        assert_eq!(chart.not_taken, ["`spec.valuesFrom` of HelmRelease `a`"]);
    }
}
