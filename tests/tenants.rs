//! Two hundred tenants with two thousand certificates: every object once, every reference resolved, and kustomize builds it.
//!
//! What needs kustomize is ignored unless asked for:
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test tenants -- --ignored

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_yaml::Value;
use tempfile::TempDir;

const TENANTS: usize = 200;
const CERTIFICATES: usize = 10;
/// Tenants that have a StepIssuer of their own.
const OWN: usize = TENANTS / 10;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn inventory(delivery: &str) -> String {
    let mut text = format!(
        "apiVersion: trustree.dev/v1alpha1\nkind: Environment\ndelivery: {delivery}\nauthorities: {{internal: {{namespace: smallstep}}}}\n\
         versions: {{stepIssuer: \"0.11\"}}\nstepIssuer: {{namespace: smallstep}}\nissuers:\n  tenants:\n    kind: StepClusterIssuer\n    \
         provisioner: {{name: step-issuer, passwordRef: {{name: password, namespace: smallstep}}}}\ntenantDefaults:\n  issuer: tenants\n  \
         namespaceLabels: {{tenant: \"{{tenant}}\"}}\n  requesters: [{{kind: Group, name: \"{{tenant}}-developers\"}}]\n  trust: {{}}\n  \
         certificates:\n"
    );
    for number in 0..CERTIFICATES {
        let _ = writeln!(text, "    web-{number}: {{dnsNames: [\"web-{number}.{{namespace}}.svc\"], duration: 24h}}");
    }
    text.push_str("tenants:\n");
    for number in 0..TENANTS {
        let own = "{issuer: null, stepIssuer: {provisioner: {name: step-issuer, passwordRef: {name: password}}}}";
        let _ = writeln!(text, "  team-{number}: {}", if number < OWN { own } else { "{}" });
    }
    text
}

/// A repository with these tenants, rendered and checked.
fn rendered(delivery: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let environment = folder.path().join("environments/demo");
    fs::create_dir_all(&environment).expect("a folder");
    fs::write(environment.join("inventory.yaml"), inventory(delivery)).expect("written");
    let snapshot = root().join("tests/cases/tenants-get-what-the-inventory-says/input/environments/demo/ca-snapshot.yaml");
    fs::copy(snapshot, environment.join("ca-snapshot.yaml")).expect("copied");
    for arguments in [["render"].as_slice(), &["check", "--strict", "--as-of", "2027-06-01"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_trustree")).args(arguments).current_dir(folder.path()).output().expect("it runs");
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let is_silent = ["error", "warning", "note"].iter().all(|level| !told.contains(level));
        assert!(output.status.success() && is_silent, "{arguments:?}: {told}");
    }
    folder
}

fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    path.iter().try_fold(object, |node, key| node.get(key)).and_then(Value::as_str).unwrap_or_default()
}

fn objects_in(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("YAML")).collect()
}

/// What a kustomization takes up, following the folders that it names.
fn built(folder: &Path, objects: &mut Vec<Value>) {
    let kustomization =
        fs::read_to_string(folder.join("kustomization.yaml")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for document in objects_in(&kustomization) {
        for resource in document["resources"].as_sequence().expect("a kustomization that is not empty") {
            let path = folder.join(resource.as_str().expect("a path"));
            if path.is_dir() {
                built(&path, objects);
            } else {
                objects.extend(objects_in(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))));
            }
        }
    }
}

/// Looks at the objects of an environment; how many there are of each kind.
fn look(objects: &[Value]) -> BTreeMap<String, usize> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut identities = BTreeSet::new();
    for object in objects {
        let [kind, namespace, name] =
            [["kind"].as_slice(), &["metadata", "namespace"], &["metadata", "name"]].map(|path| text(object, path));
        assert!(identities.insert((kind, namespace, name)), "{kind} {namespace}/{name} stands twice");
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    for certificate in objects.iter().filter(|object| text(object, &["kind"]) == "Certificate") {
        let [kind, name] = ["kind", "name"].map(|key| text(certificate, &["spec", "issuerRef", key]));
        let namespace = if kind == "StepIssuer" { text(certificate, &["metadata", "namespace"]) } else { "" };
        assert!(identities.contains(&(kind, namespace, name)), "nothing makes {kind} {namespace}/{name}");
    }
    kinds
}

fn expected() -> BTreeMap<String, usize> {
    let kinds = [
        ("Certificate", TENANTS * CERTIFICATES),
        ("ClusterRole", 1),
        ("ClusterRoleBinding", 1),
        ("ConfigMap", TENANTS),
        ("Namespace", TENANTS),
        ("Role", TENANTS),
        ("RoleBinding", TENANTS),
        ("StepClusterIssuer", 1),
        ("StepIssuer", OWN),
    ];
    kinds.into_iter().map(|(kind, number)| (kind.to_owned(), number)).collect()
}

const STAGES: [&str; 3] = ["controller", "issuers", "certificates"];

#[test]
fn each_object_of_many_tenants_is_there_once_and_has_its_issuer() {
    let folder = rendered("kustomize");
    let mut objects = Vec::new();
    built(&folder.path().join("out/demo"), &mut objects);
    assert_eq!(look(&objects), expected());
    let folder = rendered("flux");
    let mut objects = Vec::new();
    STAGES.iter().for_each(|stage| built(&folder.path().join("out/demo/flux").join(stage), &mut objects));
    assert_eq!(look(&objects), expected());
}

#[test]
#[ignore = "needs two versions of kustomize in TRUSTREE_TOOLS"]
fn kustomize_builds_many_tenants() {
    let tools = PathBuf::from(std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names a folder"));
    let versions: Vec<PathBuf> = fs::read_dir(&tools)
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("kustomize-")))
        .collect();
    assert!(versions.len() > 1, "two versions of kustomize are needed");
    for (delivery, folders) in [("kustomize", vec![String::new()]), ("flux", STAGES.map(|stage| format!("flux/{stage}")).to_vec())] {
        let repository = rendered(delivery);
        for kustomize in &versions {
            let mut objects = Vec::new();
            for folder in &folders {
                let mut command = Command::new(kustomize);
                let output = command.arg("build").arg(repository.path().join("out/demo").join(folder)).output().expect("it runs");
                assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
                objects.extend(objects_in(&String::from_utf8_lossy(&output.stdout)));
            }
            assert_eq!(look(&objects), expected(), "{} {delivery}", kustomize.display());
        }
    }
}
