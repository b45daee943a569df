//! How somebody installs the charts of step-issuer and of the CA: through kustomize's `helmCharts` or Flux's HelmRelease.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};

use super::material::Left;
use super::settings::Mirror;
use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART};
use crate::manifest::kustomization::{Part, resolve};
use crate::manifest::{Identity, Shape};
use crate::model::helm_fullname;
use crate::yaml::{Keys, Node, Path, read};

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
    &["chart", "chartRef", "install", "interval", "releaseName", "storageNamespace", "targetNamespace", "timeout", "upgrade", "values"];

/// One release of a chart.
#[derive(Debug, Clone)]
pub(super) struct ChartUse {
    /// The chart's name.
    pub(super) chart: String,
    /// Who installs it.
    pub(super) engine: Engine,
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
    /// Mirrors of its images that kustomizations name.
    pub(super) images: Vec<Mirror>,
    /// Patches of kustomizations that `stepIssuer.patches` can say, by their names.
    pub(super) patches: Vec<(String, Value)>,
    /// What kustomizations make of it that an inventory cannot say.
    pub(super) dropped: Vec<Left>,
    /// What of kustomizations stands in the inventory now, with its file.
    pub(super) moved: Vec<(Utf8PathBuf, String)>,
}

/// Who installs a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// kustomize, through `helmCharts`.
    Kustomize,
    /// Flux, through a HelmRelease.
    Flux,
    /// Argo CD, through an Application.
    Argo,
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

    /// Whether an inventory says everything of it.
    pub(super) fn is_whole(&self) -> bool {
        self.not_taken.is_empty() && self.dropped.is_empty()
    }

    /// Whether it names one version and not a range.
    pub(super) fn has_exact_version(&self) -> bool {
        self.version.as_deref().is_some_and(is_exact)
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
        engine: Engine::Kustomize,
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
        images: Vec::new(),
        patches: Vec::new(),
        dropped: Vec::new(),
        moved: Vec::new(),
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

/// Whether a chart's version is one and not a range.
pub(super) fn is_exact(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default().trim_start_matches('v');
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
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

/// Fields of `spec.chart.spec` of a HelmRelease that are understood, or that change nothing of what is rendered.
const UNDERSTOOD_OF_CHART: &[&str] = &["chart", "interval", "sourceRef", "version"];
/// The same of the `spec` of a HelmRepository and an OCIRepository.
const UNDERSTOOD_OF_SOURCE: &[&str] = &["interval", "ref", "timeout", "type", "url"];

/// Fields at a path that are not among those that are known.
fn unknown<'n>(node: &'n Node, path: &[&str], known: &'static [&str]) -> impl Iterator<Item = String> + use<'n> {
    let at = format!("{}.", path.join("."));
    let fields = node.value_at(&Path::of(path.iter().copied())).and_then(Node::as_map);
    let keys = fields.into_iter().flat_map(|map| map.iter()).filter(|(key, _)| !known.contains(key));
    keys.map(move |(key, _)| format!("{at}{key}"))
}

/// What a HelmRelease takes its chart from: its chart, version and repository.
struct From {
    chart: String,
    version: Option<String>,
    repo: Option<String>,
}

/// The chart of a HelmRelease; `source` gives the HelmRepository or OCIRepository of a kind and name.
pub(super) fn of_helm_release<'n>(part: &Part, identity: &Identity, source: impl Fn(&str, &str) -> Option<&'n Node>) -> Option<ChartUse> {
    let at = |path: &[&str]| part.node.value_at(&Path::of(path.iter().copied()));
    let text = |path: &[&str]| at(path).and_then(Node::as_str).map(str::to_owned);
    let release = &identity.name;
    let unknown_fields =
        unknown(&part.node, &["spec"], UNDERSTOOD_BY_FLUX).chain(unknown(&part.node, &["spec", "chart", "spec"], UNDERSTOOD_OF_CHART));
    let mut not_taken: Vec<String> = unknown_fields.map(|field| format!("`{field}` of HelmRelease `{release}`")).collect();
    let (kind, name) = source_of(&part.node)?;
    let found = source(&kind, &name);
    match found {
        Some(node) => not_taken.extend(unknown(node, &["spec"], UNDERSTOOD_OF_SOURCE).map(|field| format!("`{field}` of {kind} `{name}`"))),
        None => not_taken.push(format!("the source of HelmRelease `{release}`, which does not lie here")),
    }
    let url = found.and_then(|node| node.get("spec")?.get_str("url")).map(|url| url.trim_end_matches('/'));
    let From { chart, version, repo } = match text(&["spec", "chart", "spec", "chart"]) {
        Some(chart) => From {
            chart: chart.rsplit('/').next().unwrap_or(&chart).to_owned(),
            version: text(&["spec", "chart", "spec", "version"]),
            repo: url.map(str::to_owned),
        },
        None => {
            // The whole of an OCIRepository is one chart.
            let (repo, chart) = url.and_then(|url| url.rsplit_once('/')).unwrap_or(("", &name));
            let tag = found.and_then(|node| node.get("spec")?.get("ref")?.get_str("tag")).map(str::to_owned);
            From { chart: chart.to_owned(), version: tag, repo: Some(repo.to_owned()).filter(|repo| !repo.is_empty()) }
        }
    };
    let skips = |path: &[&str]| text(path).is_some_and(|policy| policy == "Skip");
    Some(ChartUse {
        chart,
        engine: Engine::Flux,
        file: part.file.clone(),
        node: part.node.clone(),
        release: text(&["spec", "releaseName"]).unwrap_or_else(|| identity.name.clone()),
        namespace: text(&["spec", "targetNamespace"]).or_else(|| identity.namespace.clone()),
        version,
        repo,
        home: None,
        brings_crds: !skips(&["spec", "install", "crds"]),
        kube_version: None,
        values: at(&["spec", "values"]).and_then(object).unwrap_or_default(),
        value_files: Vec::new(),
        not_taken,
        images: Vec::new(),
        patches: Vec::new(),
        dropped: Vec::new(),
        moved: Vec::new(),
    })
}

/// Kind and name of what a HelmRelease takes its chart from.
pub(super) fn source_of(release: &Node) -> Option<(String, String)> {
    let at = |path: &[&str]| release.value_at(&Path::of(path.iter().copied()));
    let reference = at(&["spec", "chart", "spec", "sourceRef"]).or_else(|| at(&["spec", "chartRef"]));
    let has_chart = at(&["spec", "chart", "spec", "chart"]).is_some();
    let reference = reference
        .map(|node| (node.get_str("kind").unwrap_or("HelmRepository").to_owned(), node.get_str("name").unwrap_or_default().to_owned()));
    reference.or_else(|| has_chart.then(|| ("HelmRepository".to_owned(), String::new())))
}

/// The charts that an Application of Argo CD installs: from a repository of charts, not from Git.
pub(super) fn of_application(part: &Part, identity: &Identity) -> Vec<ChartUse> {
    let Some(spec) = part.node.get("spec") else { return Vec::new() };
    let several = spec.get("sources").and_then(Node::as_list).unwrap_or_default();
    let namespace = spec.get("destination").and_then(|destination| destination.get_str("namespace"));
    spec.get("source").into_iter().chain(several).filter_map(|source| of_argo_source(part, identity, namespace, source)).collect()
}

fn of_argo_source(part: &Part, identity: &Identity, namespace: Option<&str>, source: &Node) -> Option<ChartUse> {
    const UNDERSTOOD: &[&str] = &["releaseName", "skipCrds", "skipSchemaValidation", "skipTests", "values", "valuesObject", "version"];
    let chart = source.get_str("chart")?;
    let helm = source.get("helm");
    let fields = helm.and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
    let mut not_taken: Vec<String> = fields
        .filter(|(key, _)| !UNDERSTOOD.contains(key))
        .map(|(key, _)| format!("`helm.{key}` of Application `{}`", identity.name))
        .collect();
    let written = helm.and_then(|helm| helm.get_str("values")).map(|text| read(text, 0, Keys::AsKubernetes));
    let values = match (helm.and_then(|helm| helm.get("valuesObject")), written) {
        (Some(values), _) => object(values).unwrap_or_default(),
        (None, Some(Ok(documents))) => documents.first().and_then(object).unwrap_or_default(),
        (None, Some(Err(_))) => {
            not_taken.push(format!("`helm.values` of Application `{}`, which is no YAML", identity.name));
            Map::new()
        }
        (None, None) => Map::new(),
    };
    let text = |key: &str| source.get_str(key).map(str::to_owned);
    // Argo CD writes a registry of OCI without its scheme.
    let repo = text("repoURL").map(|repo| if repo.contains("://") { repo } else { format!("oci://{repo}") });
    let skips = helm.and_then(|helm| helm.get("skipCrds")).is_some_and(|node| node.value == crate::yaml::Value::Boolean(true));
    Some(ChartUse {
        chart: chart.rsplit('/').next().unwrap_or(chart).to_owned(),
        engine: Engine::Argo,
        file: part.file.clone(),
        node: part.node.clone(),
        release: helm.and_then(|helm| helm.get_str("releaseName")).unwrap_or(&identity.name).to_owned(),
        namespace: namespace.map(str::to_owned),
        version: text("targetRevision"),
        repo,
        home: None,
        brings_crds: !skips,
        kube_version: None,
        values,
        value_files: Vec::new(),
        not_taken,
        images: Vec::new(),
        patches: Vec::new(),
        dropped: Vec::new(),
        moved: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\nspec: {chart: {spec: {chart: step-issuer, version: 1.11.0, valuesFiles: [x], sourceRef: {kind: HelmRepository, name: c}}}, valuesFrom: [], values: {replicaCount: 2}}\n";
        let part = part("a.yaml", text, Shape::Object);
        let identity = crate::manifest::identity_of(&part.node).expect("an object");
        let source = read("spec: {url: 'https://c', secretRef: {name: d}}", 0, Keys::AsKubernetes).expect("YAML").remove(0);
        let chart = of_helm_release(&part, &identity, |_, _| Some(&source)).expect("a chart");
        assert_eq!((chart.release.as_str(), chart.namespace.as_deref(), chart.repo.as_deref()), ("a", Some("b"), Some("https://c")));
        assert_eq!(
            chart.not_taken,
            [
                "`spec.valuesFrom` of HelmRelease `a`",
                "`spec.chart.spec.valuesFiles` of HelmRelease `a`",
                "`spec.secretRef` of HelmRepository `c`"
            ]
        );
    }
}
