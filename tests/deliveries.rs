//! One inventory, delivered in every way: what arrives in the cluster must be the same, object by object.
//!
//! `.ci/run tools` installs the tools and definitions; `.ci/run real-tools` runs this. By hand:
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test deliveries -- --ignored
//!
//! The chart is our stand-in in `charts`: nothing is fetched.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use trustree::manifest::crd::{Checked, CrdCatalog};
use trustree::manifest::is_cluster_scoped;
use trustree::yaml::Node;

/// The way of delivering that the others are compared with.
const FIRST: Delivery = Delivery { name: "kustomize", arrives: through_kustomize };
/// The others. Each gives every object that arrives, given the environment's folder.
const OTHERS: &[Delivery] = &[Delivery { name: "flux", arrives: through_flux }, Delivery { name: "manifests", arrives: through_manifests }];

/// The groups of Flux's own objects: how the tree is delivered, and not what arrives.
const FLUX: &str = ".toolkit.fluxcd.io";
/// The folder of the chart that lies in the repository.
const VENDORED: &str = "charts/step-issuer";
/// Name of the environment.
const ENVIRONMENT: &str = "demo";

struct Delivery {
    name: &'static str,
    arrives: fn(&Tools, &Path, &Path) -> Vec<Value>,
}

#[test]
#[ignore = "needs kustomize and helm: .ci/run installs them"]
fn every_way_of_delivering_brings_the_same_objects() {
    let tools = Tools::from_environment();
    for (name, inventory) in inventories() {
        for kustomize in tools.kustomizes() {
            let arriving = |delivery: &Delivery| {
                let repository = render(&for_manifests(&with(&inventory, json!({"delivery": delivery.name}))));
                let objects = (delivery.arrives)(&tools, &kustomize, &repository.path().join("out").join(ENVIRONMENT));
                by_id(objects.into_iter().map(|object| normalised(object, &inventory)).collect())
            };
            let expected = arriving(&FIRST);
            assert!(expected.keys().any(|id| id.starts_with("Deployment")), "{name}: no controller in {:?}", expected.keys());
            for delivery in OTHERS {
                let arrived = arriving(delivery);
                for id in expected.keys().chain(arrived.keys()).collect::<BTreeSet<_>>() {
                    assert_eq!(expected.get(id), arrived.get(id), "{name}: {} and {} differ in {id}", FIRST.name, delivery.name);
                }
                println!("{name}: {} objects alike through {} and {}", expected.len(), FIRST.name, delivery.name);
            }
        }
    }
}

#[test]
#[ignore = "needs kubeconform and the definitions of Flux, with TRUSTREE_FLUX_CRDS=<folder>: .ci/run installs them"]
fn what_flux_is_told_obeys_its_definitions() {
    let tools = Tools::from_environment();
    let definitions = PathBuf::from(std::env::var_os("TRUSTREE_FLUX_CRDS").expect("TRUSTREE_FLUX_CRDS names a folder"));
    for (folder, version) in [("newest", None), ("oldest", Some("2.3"))] {
        let files = files_in(&definitions.join(folder));
        let catalog = catalog(&files);
        let schemas = Schemas::new(&tools, &files);
        let mut kinds: BTreeSet<String> = BTreeSet::new();
        for (name, inventory) in inventories() {
            let mut inventory = with(&inventory, json!({"delivery": "flux"}));
            if let Some(version) = version {
                inventory = with(&inventory, json!({"versions": {"flux": version}}));
            }
            let repository = render(&inventory);
            let told: Vec<Value> = objects_below(&repository.path().join("out").join(ENVIRONMENT)).into_iter().filter(is_of_flux).collect();
            for object in &told {
                let answer = catalog.check(&Node::from(object.clone()));
                match answer {
                    Checked::Flaws(flaws) => assert!(flaws.is_empty(), "{name}: {flaws:?} in {object}"),
                    Checked::UnknownKind => continue,
                    other => panic!("{name}: {other:?}"),
                }
                kinds.insert(text(&object["kind"]));
                schemas.check(&tools, object).unwrap_or_else(|problem| panic!("{name}: {problem} in {object}"));
                // Definitions that let everything pass would prove nothing.
                let mut bad = object.clone();
                bad["spec"]["wating"] = json!(true);
                let answer = catalog.check(&Node::from(bad.clone()));
                assert!(matches!(&answer, Checked::Flaws(flaws) if !flaws.is_empty()), "{answer:?} for {bad}");
                assert!(schemas.check(&tools, &bad).is_err(), "{bad} passed");
            }
        }
        let expected: &[&str] = match version {
            None => &["GitRepository", "HelmRelease", "HelmRepository", "Kustomization", "OCIRepository"],
            // Of the older ones only those of the source-controller are at hand.
            Some(_) => &["GitRepository", "HelmRepository", "OCIRepository"],
        };
        assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected, "with {folder}");
    }
}

// --- inventories ---------------------------------------------------------------

/// Inventories by name, without a way of delivering.
fn inventories() -> Vec<(&'static str, Value)> {
    let base = json!({
        "apiVersion": "trustree.dev/v1alpha1",
        "kind": "Environment",
        "authorities": {"internal": {"namespace": "smallstep"}},
        "stepIssuer": {"namespace": "smallstep", "chart": {"version": "1.11.0"}, "values": {
            "serviceAccount": {"create": true}, "replicaCount": 2, "nodeSelector": {"kubernetes.io/os": "linux"}}},
        "exporter": true,
        "issuers": {"step-issuer": {"kind": "StepIssuer", "namespace": "smallstep",
            "provisioner": {"name": "step-issuer", "passwordRef": {"name": "step-issuer-password"}}}},
        "certificates": {
            "web": {"namespace": "smallstep", "dnsNames": ["web.smallstep.svc.cluster.local"], "duration": "24h"},
            "api": {"namespace": "smallstep", "dnsNames": ["api.smallstep.svc.cluster.local"], "duration": "24h"}}
    });
    let own_names = json!({
        "certManager": {"namespace": "pki", "serviceAccount": "cert-manager-controller"},
        "stepIssuer": {"namespace": "pki", "release": "edge", "explicitValues": true,
            "values": {"serviceAccount": {"name": "edge.issuer"}, "image": {"tag": "0.11.0"}}},
    });
    let registry = json!({"stepIssuer": {"chart": {"repo": "oci://registry.example.com/charts"}, "values": null}});
    let source = json!({"git": {"url": "https://git.example.com/fleet.git", "revision": "v1.2.3", "path": "infra"}});
    let without_values = with(&with(&base, registry), source);
    vec![("plain", base.clone()), ("own names", with(&base, own_names)), ("registry", without_values)]
}

/// What Flux is told beyond the inventory, where it delivers: another way of delivering refuses it.
fn for_flux(inventory: &Value) -> Value {
    let is_flux = inventory["delivery"] == "flux";
    let has_address = inventory["git"]["url"].is_string();
    let flux = json!({"flux": {"namePrefix": "pki-", "interval": "30m", "timeout": "10m", "dependsOn": ["infra/cert-manager", "base"],
        "source": {"create": true, "secretName": "fleet"}}});
    if is_flux && has_address { with(inventory, flux) } else { inventory.clone() }
}

/// A chart that is inflated beforehand lies in the repository: nothing is fetched.
fn for_manifests(inventory: &Value) -> Value {
    let is_it = inventory["delivery"] == "manifests";
    let chart = json!({"stepIssuer": {"chart": {"repo": null, "path": VENDORED}}});
    if is_it { with(inventory, chart) } else { inventory.clone() }
}

/// JSON Merge Patch.
fn with(value: &Value, change: Value) -> Value {
    let mut merged = value.clone();
    merge(&mut merged, change);
    merged
}

fn merge(value: &mut Value, change: Value) {
    let Value::Object(change) = change else { return *value = change };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, new) in change {
        match new {
            Value::Null => drop(value.as_object_mut().and_then(|map| map.remove(&key))),
            new => merge(&mut value[&key], new),
        }
    }
}

/// A repository with that inventory, rendered.
fn render(inventory: &Value) -> TempDir {
    let repository = TempDir::new().expect("a temporary folder");
    let environment = repository.path().join("environments").join(ENVIRONMENT);
    fs::create_dir_all(&environment).expect("can be made");
    let snapshot = root().join("tests/rules/_good/environments/prod/ca-snapshot.yaml");
    fs::write(environment.join("ca-snapshot.yaml"), fs::read(snapshot).expect("readable")).expect("can be written");
    let written = serde_yaml::to_string(&for_flux(inventory)).expect("can be written");
    fs::write(environment.join("inventory.yaml"), written).expect("can be written");
    let mut process = Command::new(env!("CARGO_BIN_EXE_trustree"));
    process.arg("render").current_dir(repository.path());
    if inventory["delivery"] == "manifests" {
        put_chart("step-issuer", &text(&inventory["stepIssuer"]["chart"]["version"]), &repository.path().join(VENDORED));
        process.arg("--allow-helm").arg("--helm").arg(Tools::from_environment().path("helm"));
    }
    run(&mut process);
    repository
}

// --- ways of delivering ---------------------------------------------------------

/// Everything is in the kustomizations, the chart included.
fn through_kustomize(tools: &Tools, kustomize: &Path, environment: &Path) -> Vec<Value> {
    let folder = kustomizations_below(environment).into_iter().next().expect("a kustomization");
    let kustomization = read_one(&folder.join("kustomization.yaml"));
    for chart in kustomization["helmCharts"].as_array().into_iter().flatten() {
        let (name, version) = (text(&chart["name"]), text(&chart["version"]));
        put_chart(&name, &version, &folder.join("charts").join(format!("{name}-{version}")).join(&name));
    }
    let helm = tools.path("helm");
    let helm = helm.to_str().expect("a UTF-8 path");
    let folder = folder.to_str().expect("a UTF-8 path");
    read_all(&run(Command::new(kustomize).args(["build", "--enable-helm", "--helm-command", helm, folder])))
}

/// Everything is written out: no engine needs Helm.
fn through_manifests(_: &Tools, kustomize: &Path, environment: &Path) -> Vec<Value> {
    let folder = kustomizations_below(environment).into_iter().next().expect("a kustomization");
    let mut objects = read_all(&run(Command::new(kustomize).arg("build").arg(folder)));
    // Only what is written out can carry the marks that keep an engine from pruning a definition: Helm never deletes one, and
    // kustomize takes the chart's as it is.
    for definition in objects.iter_mut().filter(|object| object["kind"] == "CustomResourceDefinition") {
        let annotations = definition["metadata"]["annotations"].as_object_mut().expect("annotations");
        assert_eq!(annotations.remove("argocd.argoproj.io/sync-options"), Some(json!("Prune=false")));
        assert_eq!(annotations.remove("kustomize.toolkit.fluxcd.io/prune"), Some(json!("disabled")));
        if annotations.is_empty() {
            definition["metadata"].as_object_mut().expect("a map").remove("annotations");
        }
    }
    objects
}

/// Flux takes up the folders that its Kustomizations name, and installs the charts of its releases.
fn through_flux(tools: &Tools, kustomize: &Path, environment: &Path) -> Vec<Value> {
    let repository = environment.parent().and_then(Path::parent).expect("a repository");
    let build = |folder: &Path| read_all(&run(Command::new(kustomize).arg("build").arg(folder)));
    let told = build(&environment.join("flux"));
    let stages = told.iter().filter(|object| object["kind"] == "Kustomization");
    let mut arrived = Vec::new();
    for stage in stages {
        let path = text(&stage["spec"]["path"]);
        // Where the repository lies below the root of the one that Flux reads, the test has only the lower part.
        let folder = path.trim_start_matches("./").trim_start_matches("infra/");
        arrived.extend(build(&repository.join(folder)));
    }
    let (releases, plain): (Vec<Value>, Vec<Value>) = arrived.into_iter().partition(is_of_flux);
    let installed = releases.iter().filter(|object| object["kind"] == "HelmRelease").flat_map(|release| install(tools, release, &releases));
    // Flux tries a whole stage before it applies any of it, so the namespace of a release must be among what it applies. The
    // others leave it to whoever made the cluster, or to `CreateNamespace=true`.
    let (made, plain): (Vec<Value>, Vec<Value>) = plain.into_iter().partition(|object| object["kind"] == "Namespace");
    for namespace in &made {
        assert_eq!(namespace["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/ssa"], "IfNotPresent", "{namespace}");
    }
    assert_eq!(made.len(), 1);
    installed.chain(plain).collect()
}

/// What Helm makes of a release, CRDs included.
fn install(tools: &Tools, release: &Value, sources: &[Value]) -> Vec<Value> {
    let spec = &release["spec"];
    for action in ["install", "upgrade"] {
        assert_eq!(spec[action]["crds"], "CreateReplace", "{release}");
    }
    let (name, version) = match spec["chart"]["spec"].as_object() {
        Some(chart) => (text(&chart["chart"]), text(&chart["version"])),
        None => {
            let wanted = [&spec["chartRef"]["kind"], &spec["chartRef"]["name"], &release["metadata"]["namespace"]];
            let is_it = |source: &&Value| [&source["kind"], &source["metadata"]["name"], &source["metadata"]["namespace"]] == wanted;
            let source = sources.iter().find(is_it).unwrap_or_else(|| panic!("no source for {release}"));
            let url = text(&source["spec"]["url"]);
            (url.rsplit('/').next().unwrap_or_default().to_owned(), text(&source["spec"]["ref"]["tag"]))
        }
    };
    let folder = TempDir::new().expect("a temporary folder");
    let chart = folder.path().join(&name);
    put_chart(&name, &version, &chart);
    let values = folder.path().join("values.yaml");
    fs::write(&values, serde_yaml::to_string(spec.get("values").unwrap_or(&json!({}))).expect("can be written")).expect("can be written");
    let mut helm = Command::new(tools.path("helm"));
    helm.arg("template").arg(text(&spec["releaseName"])).arg(&chart).args(["--include-crds", "--namespace"]);
    helm.arg(text(&spec["targetNamespace"])).arg("--values").arg(values);
    read_all(&run(&mut helm))
}

/// Our stand-in, as that version.
fn put_chart(name: &str, version: &str, to: &Path) {
    let from = root().join("charts").join(name);
    for entry in walkdir::WalkDir::new(&from) {
        let entry = entry.expect("can be listed");
        let target = to.join(entry.path().strip_prefix(&from).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).expect("can be made");
        } else {
            fs::write(&target, fs::read(entry.path()).expect("readable")).expect("can be written");
        }
    }
    let about = with(&read_one(&to.join("Chart.yaml")), json!({"version": version}));
    fs::write(to.join("Chart.yaml"), serde_yaml::to_string(&about).expect("can be written")).expect("can be written");
}

/// Every difference that is allowed, taken out: an object of a chart without a namespace goes to the release's. Helm does
/// so when it installs, `helm template` does not print it, and the kustomization writes it.
fn normalised(mut object: Value, inventory: &Value) -> Value {
    let version = text(&object["apiVersion"]);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if !is_cluster_scoped(group, &text(&object["kind"])) && object["metadata"]["namespace"].is_null() {
        object["metadata"]["namespace"] = inventory["stepIssuer"]["namespace"].clone();
    }
    object
}

// --- definitions -----------------------------------------------------------------

fn catalog(files: &[PathBuf]) -> CrdCatalog {
    let named = files.iter().map(|file| (file.to_str().expect("a UTF-8 path").into(), fs::read(file).expect("readable")));
    let (catalog, findings) = CrdCatalog::new(named);
    assert_eq!(findings, [], "{files:?}");
    catalog
}

/// JSON schemas made from CustomResourceDefinitions.
struct Schemas(TempDir);

impl Schemas {
    fn new(tools: &Tools, files: &[PathBuf]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        run(Command::new(tools.path("python")).arg(root().join("e2e/crd_schemas.py")).arg(folder.path()).args(files));
        Self(folder)
    }

    /// What kubeconform says of an object; one without a schema is refused, too.
    fn check(&self, tools: &Tools, object: &Value) -> Result<(), String> {
        let input = self.0.path().join("input.yaml");
        fs::write(&input, serde_yaml::to_string(object).expect("can be written")).expect("can be written");
        let location = self.0.path().join("{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
        let mut kubeconform = Command::new(tools.path("kubeconform"));
        let output = kubeconform.arg("-schema-location").arg(location).arg(&input).output().expect("kubeconform can be started");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
    }
}

// --- objects, tools and files ------------------------------------------------------

fn is_of_flux(object: &Value) -> bool {
    text(&object["apiVersion"]).split_once('/').is_some_and(|(group, _)| group.ends_with(FLUX))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn by_id(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for object in objects {
        let metadata = &object["metadata"];
        let id = [&object["kind"], &object["apiVersion"], &metadata["namespace"], &metadata["name"]].map(text).join(" ");
        assert!(found.insert(id.clone(), object).is_none(), "{id} is there twice");
    }
    found
}

/// Every object in a file that is no kustomization.
fn objects_below(folder: &Path) -> Vec<Value> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.expect("can be listed").into_path());
    let manifests =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml") && !file.ends_with("kustomization.yaml"));
    manifests.flat_map(|file| read_all(&fs::read_to_string(file).expect("readable"))).collect()
}

fn kustomizations_below(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.expect("can be listed"));
    let found = entries.filter(|entry| entry.file_name() == "kustomization.yaml");
    found.filter_map(|entry| entry.path().parent().map(Path::to_owned)).collect()
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("can be listed").path()).collect();
    files.sort();
    files
}

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
        let is_it = |file: &PathBuf| file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("kustomize-"));
        let found: Vec<PathBuf> = files_in(&self.0).into_iter().filter(is_it).collect();
        assert!(found.len() > 1, "two versions of kustomize are needed in TRUSTREE_TOOLS: run `.ci/run tools`");
        found
    }
}

/// Runs a program that knows nothing of this machine, and reaches no network.
fn run(command: &mut Command) -> String {
    command.env_clear().env("HOME", std::env::temp_dir()).env("PATH", "/usr/bin:/bin");
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{err}\n{out}");
    out.into_owned()
}
