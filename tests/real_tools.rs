//! What `out/` holds is built with the real kustomize and helm, as an engine would, and looked at object by object.
//!
//! `.ci/run tools` installs the tools; `.ci/run real-tools` runs this. By hand:
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test real_tools -- --ignored --skip with_the_published_charts
//!
//! The chart is our stand-in in `charts`, put where kustomize looks for a chart that it has pulled: nothing is fetched.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Kinds that live in no namespace.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("cert-manager.io", "ClusterIssuer"),
    ("certmanager.step.sm", "StepClusterIssuer"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("trust-manager.io", "ClusterBundle"),
    ("trust.cert-manager.io", "Bundle"),
];

/// Groups whose other kinds all live in one.
const KNOWN_GROUPS: &[&str] = &[
    "",
    "apps",
    "argoproj.io",
    "batch",
    "cert-manager.io",
    "certmanager.step.sm",
    "coordination.k8s.io",
    "helm.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "source.toolkit.fluxcd.io",
];

/// What the chart brings besides its own objects.
const CRDS: &[&str] = &["stepclusterissuers.certmanager.step.sm", "stepissuers.certmanager.step.sm"];

#[test]
#[ignore = "needs kustomize and helm: .ci/run installs them"]
fn every_overlay_builds_alike_with_both_versions_of_kustomize() {
    let tools = Tools::from_environment();
    for name in overlays() {
        let overlay = Overlay::copy(&name);
        overlay.put_charts(&test_chart());
        let built = overlay.build_and_look(&tools);
        overlay.assert_values_arrived(&tools, &built);
        println!("{name}: {} objects", built.len());
    }
}

#[test]
#[ignore = "needs the published charts, with TRUSTREE_REAL_CHARTS=<folder> holding step-issuer-<version>/step-issuer: \
            cargo test --test real_tools -- --ignored with_the_published_charts"]
fn every_overlay_builds_with_the_published_charts() {
    let tools = Tools::from_environment();
    let folder = PathBuf::from(std::env::var_os("TRUSTREE_REAL_CHARTS").expect("TRUSTREE_REAL_CHARTS names a folder"));
    let versions: Vec<String> = names_in(&folder).iter().filter_map(|name| Some(name.strip_prefix("step-issuer-")?.to_owned())).collect();
    assert!(!versions.is_empty(), "no step-issuer-<version> in {}", folder.display());
    for name in overlays() {
        for version in &versions {
            let mut overlay = Overlay::copy(&name);
            if !overlay.set_chart_version(version) {
                continue;
            }
            overlay.put_charts(&|chart, version| folder.join(format!("{chart}-{version}")).join(chart));
            let built = overlay.build_and_look(&tools);
            println!("{name} with {version}: {} objects", built.len());
        }
    }
}

/// A `namespace:` in the kustomization would make these two one, or move them.
#[test]
#[ignore = "needs kustomize and helm: .ci/run installs them"]
fn certificates_of_one_name_stay_in_their_namespaces() {
    let tools = Tools::from_environment();
    let certificate = |namespace: &str| {
        json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": "twin", "namespace": namespace},
            "spec": {"secretName": "twin", "dnsNames": ["twin.example"], "issuerRef": {"name": "any"}},
        })
    };
    for name in overlays() {
        let mut overlay = Overlay::copy(&name);
        overlay.put_charts(&test_chart());
        overlay.add_resource("twins.yaml", &[certificate("castor"), certificate("pollux")]);
        let built = overlay.build_and_look(&tools);
        let twins: Vec<&str> = built.keys().filter(|id| id.name == "twin").map(|id| id.namespace.as_str()).collect();
        assert_eq!(twins, ["castor", "pollux"], "{name}");
    }
}

/// However the chart is taken up, the cluster gets the same.
#[test]
#[ignore = "needs kustomize and helm: .ci/run installs them"]
fn every_way_to_take_up_the_chart_builds_the_same() {
    let tools = Tools::from_environment();
    let inventory = |chart: &str, more: &str| {
        format!(
            "apiVersion: trustree.dev/v1alpha1\nkind: Environment\n{more}images: {{cr.step.sm: registry.example.com/step}}\n\
             stepIssuer:\n  namespace: smallstep\n  chart: {{version: 1.11.0{chart}}}\n  values: {{serviceAccount: {{create: true}}}}\n  \
             patches:\n    history:\n      patch: {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: step-issuer, namespace: smallstep}}, \
             spec: {{revisionHistoryLimit: 3}}}}\n    labels:\n      target: {{kind: Deployment|ClusterRole}}\n      patch: {{apiVersion: any, kind: any, metadata: {{name: any, labels: {{team: platform}}}}}}\n    account:\n      target: {{kind: ServiceAccount, name: step-issuer, namespace: smallstep}}\n      \
             patch: [{{op: add, path: /metadata/annotations, value: {{mark: \"yes\"}}}}]\n"
        )
    };
    let shared = "layout: shared\n";
    let ways = [
        ("plain", inventory("", "")),
        ("oci", inventory(", repo: oci://registry.example.com/charts", "")),
        ("home", inventory(", home: vendor/charts", "")),
        ("home-and-repository", inventory(", home: vendor/charts, repo: https://charts.example.com", "")),
        ("shared", inventory("", shared)),
        ("shared-home", inventory(", home: vendor/charts", shared)),
        ("shared-oci", inventory(", repo: oci://registry.example.com/charts", shared)),
    ];
    let work = TempDir::new().expect("a temporary folder");
    for (name, text) in &ways {
        let folder = work.path().join("environments").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("inventory.yaml"), text).expect("can be written");
    }
    let chart = root().join("charts/step-issuer");
    copy_folder(&chart, &work.path().join("vendor/charts/step-issuer"));
    copy_folder(&chart, &work.path().join("vendor/charts/step-issuer-1.11.0/step-issuer"));
    run(Command::new(env!("CARGO_BIN_EXE_trustree")).arg("render").current_dir(work.path()));
    // Where no folder of charts is named, kustomize keeps its own beside what names the chart.
    for entry in walkdir::WalkDir::new(work.path().join("out")).into_iter().map(|entry| entry.expect("can be listed")) {
        let has_own = entry.file_name() == "kustomization.yaml" && {
            let kustomization = read_one(entry.path());
            kustomization.get("helmCharts").is_some() && kustomization.get("helmGlobals").is_none()
        };
        if has_own {
            let folder = entry.path().parent().expect("a folder");
            copy_folder(&chart, &folder.join("charts/step-issuer-1.11.0/step-issuer"));
        }
    }
    let helm = tools.path("helm");
    let mut seen: Option<BTreeMap<Id, Value>> = None;
    for (name, _) in &ways {
        let folder = work.path().join("out").join(name).join("smallstep/step-issuer");
        for kustomize in tools.kustomizes() {
            let text = run(Command::new(&kustomize).args(["build", "--enable-helm", "--helm-command"]).arg(&helm).arg(&folder));
            let place = format!("{name} built with {}", kustomize.display());
            let built = by_id(&place, read_all(&text));
            let deployment = built.iter().find(|(id, _)| id.kind == "Deployment").map(|(_, object)| object).expect("a Deployment");
            assert_eq!(deployment["spec"]["revisionHistoryLimit"], 3, "{place}");
            assert_eq!(deployment["metadata"]["labels"]["team"], "platform", "{place}");
            let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
            assert_eq!(image, "registry.example.com/step/smallstep/step-issuer:0.11.0", "{place}");
            let account = built.iter().find(|(id, _)| id.kind == "ServiceAccount").expect("a ServiceAccount");
            assert_eq!(account.0.namespace, "smallstep", "{place}");
            assert_eq!(account.1["metadata"]["annotations"]["mark"], "yes", "{place}");
            match &seen {
                Some(before) => assert_eq!(*before, built, "{place}"),
                None => seen = Some(built),
            }
        }
    }
}

#[test]
#[ignore = "needs kustomize, helm and kubeconform: .ci/run installs them"]
fn every_object_obeys_its_definition() {
    let tools = Tools::from_environment();
    let ours = Schemas::from_definitions(&tools, &files_in(&root().join("charts/step-issuer/crds")));
    ours.assert_they_bite(&tools);
    let published = std::env::var_os("TRUSTREE_REFERENCE")
        .map(|folder| Schemas::from_definitions(&tools, &newest(files_in(&Path::new(&folder).join("crds")))));
    if published.is_none() {
        println!("TRUSTREE_REFERENCE is not set: only StepIssuer and StepClusterIssuer are checked, by our own definitions");
    }
    for name in overlays() {
        let overlay = Overlay::copy(&name);
        overlay.put_charts(&test_chart());
        let objects = overlay.build_and_look(&tools).into_values().collect::<Vec<_>>();
        for schemas in [Some(&ours), published.as_ref()].into_iter().flatten() {
            let checked = schemas.check(&tools, &objects).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            println!("{name}: {checked} of {} objects checked", objects.len());
        }
    }
}

// --- the tree and its copy ---------------------------------------------------

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folders below `out/` with a `kustomization.yaml`, relative to it.
fn overlays() -> Vec<String> {
    let out = root().join("out");
    let found: Vec<String> = walkdir::WalkDir::new(&out)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("out/ can be listed"))
        .filter(|entry| entry.file_name() == "kustomization.yaml")
        // A component is built by whoever takes it up.
        .filter(|entry| read_one(entry.path())["kind"] != "Component")
        .map(|entry| {
            let folder = entry.path().parent().and_then(|folder| folder.strip_prefix(&out).ok()).expect("a folder below out/");
            folder.to_str().expect("a UTF-8 path").to_owned()
        })
        .filter(|name| has_our_charts(&out.join(name)))
        .collect();
    assert!(!found.is_empty(), "no kustomization.yaml below out/");
    found
}

/// Whether every chart that a folder asks for is one that we have a stand-in for.
fn has_our_charts(folder: &Path) -> bool {
    let entries =
        folders_of(folder).into_iter().flat_map(|(_, kustomization)| kustomization["helmCharts"].as_array().cloned().unwrap_or_default());
    entries.into_iter().all(|entry| root().join("charts").join(entry["name"].as_str().unwrap_or_default()).is_dir())
}

/// A folder with the folders that its kustomization takes up, each with its kustomization.
fn folders_of(folder: &Path) -> Vec<(PathBuf, Value)> {
    let kustomization = read_one(&folder.join("kustomization.yaml"));
    let resources = kustomization["resources"].as_array().cloned().unwrap_or_default();
    let named = resources.iter().map(|entry| folder.join(entry.as_str().expect("a path"))).filter(|path| path.is_dir());
    let below: Vec<(PathBuf, Value)> = named.flat_map(|folder| folders_of(&folder)).collect();
    std::iter::once((folder.to_owned(), kustomization)).chain(below).collect()
}

/// A folder of `out/` in a copy of all of it, so that what it refers to is there too.
struct Overlay {
    name: String,
    folder: PathBuf,
    kustomization: Value,
    _copy: TempDir,
}

impl Overlay {
    fn copy(name: &str) -> Self {
        let copy = TempDir::new().expect("a temporary folder");
        copy_folder(&root().join("out"), copy.path());
        let folder = copy.path().join(name);
        let kustomization = read_one(&folder.join("kustomization.yaml"));
        Self { name: name.to_owned(), folder, kustomization, _copy: copy }
    }

    fn write_kustomization(&self) {
        let text = serde_yaml::to_string(&self.kustomization).expect("can be written");
        fs::write(self.folder.join("kustomization.yaml"), text).expect("can be written");
    }

    fn add_resource(&mut self, file: &str, objects: &[Value]) {
        fs::write(self.folder.join(file), as_stream(objects)).expect("can be written");
        match &mut self.kustomization["resources"] {
            Value::Array(resources) => resources.push(json!(file)),
            none => *none = json!([file]),
        }
        self.write_kustomization();
    }

    /// False if there is no step-issuer chart in here.
    fn set_chart_version(&mut self, version: &str) -> bool {
        let charts = self.kustomization.get_mut("helmCharts").and_then(Value::as_array_mut);
        let mut any = false;
        for chart in charts.into_iter().flatten().filter(|chart| chart["name"] == "step-issuer") {
            chart["version"] = json!(version);
            any = true;
        }
        self.write_kustomization();
        any
    }

    fn charts(&self) -> Vec<Chart> {
        let charts = |(folder, kustomization): (PathBuf, Value)| {
            let home = kustomization["helmGlobals"]["chartHome"].as_str().unwrap_or("charts").to_owned();
            let entries = kustomization["helmCharts"].as_array().cloned().unwrap_or_default();
            entries.into_iter().map(move |entry| Chart::new(&folder, &home, &entry)).collect::<Vec<_>>()
        };
        folders_of(&self.folder).into_iter().flat_map(charts).collect()
    }

    /// Puts charts where kustomize looks before it pulls; `source` knows where the chart of a name and version is.
    fn put_charts(&self, source: &dyn Fn(&str, &str) -> PathBuf) {
        for chart in self.charts() {
            let from = source(&chart.name, &chart.version);
            assert!(from.is_dir(), "{}: there is no chart `{}` at {}", self.name, chart.name, from.display());
            copy_folder(&from, &chart.folder);
            let about = chart.folder.join("Chart.yaml");
            let mut value = read_one(&about);
            value["version"] = json!(chart.version);
            fs::write(&about, serde_yaml::to_string(&value).expect("can be written")).expect("can be written");
        }
    }

    /// What the files say that the kustomization lists.
    fn plain_objects(&self) -> Vec<Value> {
        // A key that moves or renames things, or reads more files, must first be understood here.
        const KNOWN: &[&str] = &["apiVersion", "kind", "resources", "helmCharts", "helmGlobals", "patches"];
        let objects = |(folder, kustomization): (PathBuf, Value)| {
            let keys = kustomization.as_object().expect("a kustomization is a map").keys();
            let unknown: Vec<_> = keys.filter(|key| !KNOWN.contains(&key.as_str())).collect();
            assert!(unknown.is_empty(), "{}: kustomization.yaml has {unknown:?}, which these tests do not know", folder.display());
            let resources = kustomization["resources"].as_array().cloned().unwrap_or_default();
            let files = resources.into_iter().map(move |file| folder.join(file.as_str().expect("a path"))).filter(|path| !path.is_dir());
            files
                .flat_map(|file| read_all(&fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))))
                .collect::<Vec<_>>()
        };
        folders_of(&self.folder).into_iter().flat_map(objects).collect()
    }

    /// Builds with each kustomize and asserts all that must hold whatever the chart.
    fn build_and_look(&self, tools: &Tools) -> BTreeMap<Id, Value> {
        self.assert_no_file_is_idle();
        let mut seen: Option<(String, BTreeMap<Id, Value>)> = None;
        for kustomize in tools.kustomizes() {
            let version = kustomize.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
            let folder = self.folder.to_str().expect("a UTF-8 path");
            let helm = tools.path("helm");
            let helm = helm.to_str().expect("a UTF-8 path");
            let text = run(Command::new(kustomize).args(["build", "--enable-helm", "--helm-command", helm, folder]));
            let built = by_id(&format!("{} built with {version}", self.name), read_all(&text));
            self.look(tools, &version, &built);
            if let Some((other, before)) = &seen {
                for id in before.keys().chain(built.keys()).collect::<BTreeSet<_>>() {
                    assert_eq!(before.get(id), built.get(id), "{}: {other} and {version} disagree on {id}", self.name);
                }
            }
            seen = Some((version, built));
        }
        seen.expect("there is a kustomize").1
    }

    /// A file that the kustomization does not name does nothing.
    fn assert_no_file_is_idle(&self) {
        let charts = self.charts();
        let resources = self.kustomization.get("resources").and_then(Value::as_array);
        let mut named: BTreeSet<&str> = resources.into_iter().flatten().filter_map(Value::as_str).collect();
        named.extend(charts.iter().flat_map(|chart| &chart.values).map(String::as_str));
        let patches = self.kustomization.get("patches").and_then(Value::as_array);
        named.extend(patches.into_iter().flatten().filter_map(|patch| patch["path"].as_str()));
        named.insert("kustomization.yaml");
        for file in names_in(&self.folder).iter().filter(|file| file.ends_with(".yaml")) {
            assert!(named.contains(file.as_str()), "{}: kustomization.yaml does not name {file}", self.name);
        }
    }

    fn look(&self, tools: &Tools, version: &str, built: &BTreeMap<Id, Value>) {
        let place = format!("{} built with {version}", self.name);
        let mut expected = BTreeSet::new();
        for object in self.plain_objects() {
            let id = Id::of(&object);
            assert_eq!(built.get(&id), Some(&object), "{place}: {id} is not as in its file");
            assert!(expected.insert(id.clone()), "{place}: {id} is in the files twice");
        }
        for chart in self.charts() {
            for object in chart.template(tools) {
                let mut id = Id::of(&object);
                if !id.is_cluster_scoped() {
                    // Also those that the chart leaves without one.
                    id.namespace.clone_from(&chart.namespace);
                }
                assert!(built.contains_key(&id), "{place}: {id} of chart {} is missing or in another namespace", chart.name);
                assert!(expected.insert(id.clone()), "{place}: {id} comes from a file and from chart {}", chart.name);
            }
            for crd in CRDS {
                let is_there = built.keys().any(|id| id.kind == "CustomResourceDefinition" && id.name == *crd);
                assert!(is_there || chart.name != "step-issuer", "{place}: the definition {crd} is missing");
            }
        }
        for id in built.keys() {
            assert!(expected.contains(id), "{place}: nobody asked for {id}");
            assert_eq!(id.namespace.is_empty(), id.is_cluster_scoped(), "{place}: {id} is in the wrong scope");
        }
    }

    /// Our stand-in writes down the values that it was given.
    fn assert_values_arrived(&self, tools: &Tools, built: &BTreeMap<Id, Value>) {
        for chart in self.charts() {
            let templated = chart.template(tools);
            let name = templated.iter().map(Id::of).find(|id| id.kind == "ConfigMap" && id.name.ends_with("-values"));
            let mut id = name.expect("the stand-in writes its values");
            id.namespace.clone_from(&chart.namespace);
            let text = built[&id]["data"]["values.json"].as_str().expect("text");
            let arrived: Value = serde_json::from_str(text).expect("JSON");
            let mut written = json!({});
            for file in &chart.values {
                merge(&mut written, read_one(&chart.overlay.join(file)));
            }
            assert_leaves(&self.name, "", &written, &arrived);
        }
    }
}

/// As Helm does with several files: maps merge, of everything else the later one counts.
fn merge(values: &mut Value, later: Value) {
    match (values, later) {
        (Value::Object(map), Value::Object(later)) => {
            for (key, value) in later {
                merge(map.entry(key).or_insert(Value::Null), value);
            }
        }
        (values, later) => *values = later,
    }
}

fn assert_leaves(place: &str, path: &str, written: &Value, arrived: &Value) {
    match written {
        Value::Object(map) => {
            assert!(arrived.is_object(), "{place}: value `{path}` is a map, and {arrived} arrived");
            for (key, value) in map {
                assert_leaves(place, &format!("{path}.{key}"), value, &arrived[key]);
            }
        }
        // Helm counts in floating point.
        Value::Number(number) => assert_eq!(number.as_f64(), arrived.as_f64(), "{place}: value `{path}`"),
        _ => assert_eq!(written, arrived, "{place}: value `{path}`"),
    }
}

/// An entry of `helmCharts`.
struct Chart {
    name: String,
    version: String,
    namespace: String,
    folder: PathBuf,
    values: Vec<String>,
    overlay: PathBuf,
    entry: Value,
}

impl Chart {
    fn new(overlay: &Path, home: &str, entry: &Value) -> Self {
        for key in ["valuesInline", "valuesMerge", "nameTemplate"] {
            assert!(entry.get(key).is_none(), "helmCharts has `{key}`, which these tests do not know");
        }
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        assert!(!text("namespace").is_empty(), "helmCharts[].namespace must be set: {entry}");
        // Without a repository kustomize looks for a chart under its bare name.
        let below = if text("repo").is_empty() { name.clone() } else { format!("{name}-{version}/{name}") };
        let more = entry.get("additionalValuesFiles").and_then(Value::as_array);
        let values = entry.get("valuesFile").into_iter().chain(more.into_iter().flatten());
        Self {
            folder: overlay.join(home).join(below),
            values: values.map(|file| file.as_str().expect("a path").to_owned()).collect(),
            namespace: text("namespace"),
            overlay: overlay.to_owned(),
            entry: entry.clone(),
            name,
            version,
        }
    }

    /// What helm alone makes of it.
    fn template(&self, tools: &Tools) -> Vec<Value> {
        let mut helm = Command::new(tools.path("helm"));
        helm.current_dir(&self.overlay).arg("template").arg(self.entry["releaseName"].as_str().unwrap_or("release-name"));
        helm.arg(&self.folder).args(["--namespace", &self.namespace]);
        if self.entry["includeCRDs"] == true {
            helm.arg("--include-crds");
        }
        if let Some(version) = self.entry["kubeVersion"].as_str() {
            helm.args(["--kube-version", version]);
        }
        for file in &self.values {
            helm.args(["--values", file]);
        }
        read_all(&run(&mut helm))
    }
}

/// Our stand-in, for every version of it.
fn test_chart() -> impl Fn(&str, &str) -> PathBuf {
    |chart, _version| root().join("charts").join(chart)
}

// --- objects -----------------------------------------------------------------

/// What makes an object itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Id {
    fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = text(&object["apiVersion"]);
        let group = version.split_once('/').map_or(String::new(), |(group, _)| group.to_owned());
        let metadata = &object["metadata"];
        Self { group, kind: text(&object["kind"]), namespace: text(&metadata["namespace"]), name: text(&metadata["name"]) }
    }

    fn is_cluster_scoped(&self) -> bool {
        let known = KNOWN_GROUPS.contains(&self.group.as_str());
        let cluster = CLUSTER_SCOPED.contains(&(self.group.as_str(), self.kind.as_str()));
        assert!(known || cluster, "{self}: add its group to the tables of this test");
        cluster
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} {}/{}", self.kind, self.group, self.namespace, self.name)
    }
}

fn by_id(place: &str, objects: Vec<Value>) -> BTreeMap<Id, Value> {
    let mut found = BTreeMap::new();
    for object in objects {
        let id = Id::of(&object);
        assert!(!id.kind.is_empty() && !id.name.is_empty(), "{place}: no object: {object}");
        assert!(found.insert(id.clone(), object).is_none(), "{place}: {id} is there twice");
    }
    found
}

fn read_all(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let values = documents.map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error} in:\n{text}")));
    values.filter(|value| !value.is_null()).collect()
}

fn read_one(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn as_stream(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{}", serde_yaml::to_string(object).expect("can be written"))).collect()
}

// --- schemas -----------------------------------------------------------------

/// JSON schemas made from CustomResourceDefinitions.
struct Schemas {
    folder: TempDir,
}

impl Schemas {
    fn from_definitions(tools: &Tools, files: &[PathBuf]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        run(Command::new(tools.path("python")).arg(root().join("e2e/crd_schemas.py")).arg(folder.path()).args(files));
        Self { folder }
    }

    /// The number of objects that have a schema here, all of which obey it; or what is wrong with the others.
    fn check(&self, tools: &Tools, objects: &[Value]) -> Result<usize, String> {
        let input = self.folder.path().join("input.yaml");
        fs::write(&input, as_stream(objects)).expect("can be written");
        let location = self.folder.path().join("{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
        let mut kubeconform = scrubbed(&mut Command::new(tools.path("kubeconform")));
        kubeconform.args(["-output", "json", "-verbose", "-ignore-missing-schemas", "-schema-location"]).arg(location).arg(&input);
        let output = kubeconform.output().expect("kubeconform can be started");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("kubeconform answers in JSON");
        let resources = answer["resources"].as_array().expect("a list");
        assert_eq!(resources.len(), objects.len(), "kubeconform saw all objects");
        let (mut valid, mut refused) = (0, Vec::new());
        for resource in resources {
            match resource["status"].as_str() {
                Some("statusValid") => valid += 1,
                Some("statusSkipped") => {}
                _ => refused.push(format!("{} {}: {}", resource["kind"], resource["name"], resource["msg"])),
            }
        }
        if !refused.is_empty() || !output.status.success() {
            return Err(refused.join("\n"));
        }
        let have_schema = objects.iter().filter(|object| self.knows(object)).count();
        assert_eq!(valid, have_schema, "kubeconform did not find all schemas: {answer}");
        Ok(valid)
    }

    fn knows(&self, object: &Value) -> bool {
        let (Some(version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
            return false;
        };
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        self.folder.path().join(group).join(format!("{}_{version}.json", kind.to_lowercase())).is_file()
    }

    /// Schemas that let everything pass would prove nothing.
    fn assert_they_bite(&self, tools: &Tools) {
        let good = json!({
            "apiVersion": "certmanager.step.sm/v1beta1",
            "kind": "StepIssuer",
            "metadata": {"name": "any", "namespace": "any"},
            "spec": {
                "url": "https://ca.example",
                "caBundle": "Q0E=",
                "provisioner": {"name": "any", "kid": "any", "passwordRef": {"name": "any", "key": "any"}},
            },
        });
        assert_eq!(self.check(tools, std::slice::from_ref(&good)), Ok(1));
        for (path, value) in [
            ("/spec/caBundle", json!("Q0E=\n")),
            ("/spec/url", json!(true)),
            ("/spec/provisioner", json!({"name": "any"})),
            ("/spec/provisioner", json!({"name": "any", "kid": "any", "keyID": "any"})),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(path).expect("is there") = value;
            assert!(self.check(tools, &[bad.clone()]).is_err(), "{bad} passed");
        }
    }
}

/// Of files called `<project>-v<version>.<rest>`, for each rest the one of the highest version.
fn newest(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut best: BTreeMap<String, (Vec<u64>, PathBuf)> = BTreeMap::new();
    for file in files {
        let name = file.file_name().and_then(OsStr::to_str).expect("a UTF-8 name").to_owned();
        let (_, after) = name.split_once("-v").unwrap_or_else(|| panic!("{name} tells no version"));
        let version: Vec<u64> = after.split('.').map_while(|part| part.parse().ok()).collect();
        let rest: Vec<&str> = after.split('.').skip(version.len()).collect();
        let held = best.entry(rest.join(".")).or_default();
        if version >= held.0 {
            *held = (version, file);
        }
    }
    best.into_values().map(|(_, file)| file).collect()
}

// --- tools and files ---------------------------------------------------------

/// The folder of programs that `.ci/run tools` fills.
struct Tools(PathBuf);

impl Tools {
    fn from_environment() -> Self {
        let folder = std::env::var_os("TRUSTREE_TOOLS")
            .expect("TRUSTREE_TOOLS is not set: run `.ci/run tools`, then name the folder bin/ of its cache");
        Self(PathBuf::from(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        assert!(path.is_file(), "there is no {} in TRUSTREE_TOOLS: run `.ci/run tools`", path.display());
        path
    }

    fn kustomizes(&self) -> Vec<PathBuf> {
        let names = names_in(&self.0);
        let found: Vec<PathBuf> = names.iter().filter(|name| name.starts_with("kustomize-")).map(|name| self.path(name)).collect();
        assert!(found.len() > 1, "two versions of kustomize are needed in TRUSTREE_TOOLS: run `.ci/run tools`");
        found
    }
}

/// Knows nothing of this machine, and reaches no network: what is not in the copy is missing.
fn scrubbed(command: &mut Command) -> Command {
    let mut fresh = Command::new(command.get_program());
    fresh.args(command.get_args()).env_clear().env("HOME", std::env::temp_dir());
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY"] {
        fresh.env(proxy, "http://127.0.0.1:9");
    }
    // Only for the `/bin/sh` wrappers; the tools are named by their full paths.
    fresh.env("PATH", "/usr/bin:/bin");
    if let Some(folder) = command.get_current_dir() {
        fresh.current_dir(folder);
    }
    fresh
}

fn run(command: &mut Command) -> String {
    let output = scrubbed(command).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{err}\n{out}");
    out.into_owned()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("can be listed").file_name().into_string().expect("a UTF-8 name")).collect();
    names.sort();
    names
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    names_in(folder).iter().map(|name| folder.join(name)).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("can be listed");
        let target = to.join(entry.path().strip_prefix(from).expect("listed below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).expect("can be made");
        } else {
            assert!(entry.file_type().is_file(), "{} is neither a file nor a folder", entry.path().display());
            // Not `fs::copy`, which takes a read-only mode along.
            fs::write(&target, fs::read(entry.path()).expect("readable")).expect("can be written");
        }
    }
}
