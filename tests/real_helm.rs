//! Charts that are inflated by the real Helm: what kustomize builds of the tree is what Helm gives.
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test real_helm -- --ignored

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::Value;

const INVENTORY: &str = "apiVersion: trustree.dev/v1alpha1
kind: Environment
delivery: manifests
versions: {kubernetes: \"1.36\"}
stepIssuer:
  namespace: smallstep
  chart:
    version: 1.11.0
    path: charts/step-issuer
  values:
    serviceAccount: {create: true}
    replicaCount: 2
";

/// Group, kind, namespace and name.
type Id = (String, String, String, String);

fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder with helm and kustomize");
    Path::new(&folder).join(name)
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {errors}", program.display());
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn trustree(arguments: &[&str], folder: &Path) -> String {
    run(Path::new(env!("CARGO_BIN_EXE_trustree")), arguments, folder)
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("listed");
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(&target).expect("a folder"),
            false => drop(fs::copy(entry.path(), &target).expect("copied")),
        }
    }
}

/// The objects of a stream, read by another reader than ours.
fn objects(text: &str) -> BTreeMap<Id, Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("YAML"));
    let id = |object: &Value| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("/apiVersion"), text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    };
    documents.filter(|object| !object.is_null()).map(|object| (id(&object), object)).collect()
}

#[test]
#[ignore = "needs kustomize and helm: .ci/run installs them"]
fn what_kustomize_builds_without_helm_is_what_helm_gives() {
    let sandbox = tempfile::tempdir().expect("a folder");
    let work = sandbox.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/step-issuer"), &work.join("charts/step-issuer"));
    fs::create_dir_all(work.join("environments/demo")).expect("a folder");
    fs::write(work.join("environments/demo/inventory.yaml"), INVENTORY).expect("written");
    let helm = tool("helm");
    let helm_path = helm.to_str().expect("UTF-8");
    trustree(&["render", "--allow-helm", "--helm", helm_path], work);
    trustree(&["check", "--strict"], work);
    trustree(&["check", "--strict", "--allow-helm", "--helm", helm_path], work);

    let values = "{\"replicaCount\": 2, \"serviceAccount\": {\"create\": true}}";
    fs::write(work.join("values.json"), values).expect("written");
    let arguments = ["template", "step-issuer", "charts/step-issuer", "--namespace=smallstep", "--include-crds", "--kube-version=1.36"];
    let text = run(&helm, &[&arguments[..], &["--values=values.json"]].concat(), work);
    let mut expected = BTreeMap::new();
    for ((version, kind, namespace, name), mut object) in objects(&text) {
        // The only object of the chart that leaves its namespace to Helm.
        let is_account = kind == "ServiceAccount" && namespace.is_empty();
        if is_account {
            object["metadata"]["namespace"] = "smallstep".into();
        }
        // Helm never deletes a definition; engines must be told not to.
        if kind == "CustomResourceDefinition" {
            object["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] = "Prune=false".into();
            object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] = "disabled".into();
        }
        let namespace = if is_account { "smallstep".to_owned() } else { namespace };
        expected.insert((version, kind, namespace, name), object);
    }
    assert!(expected.len() > 10, "{expected:#?}");
    for version in ["5.5.0", "5.8.1"] {
        let built = run(&tool(&format!("kustomize-{version}")), &["build", "out/demo/smallstep/step-issuer"], work);
        assert_eq!(objects(&built), expected, "kustomize {version}");
    }
}

/// Serves the files of a folder on this machine until the test ends; its address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let length = stream.read(&mut request).expect("a request");
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let name = text.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = fs::read(folder.join(name)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // Helm may have gone away.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

#[test]
#[ignore = "needs helm: .ci/run installs it"]
fn a_chart_out_of_a_repository_gives_the_same_objects_as_in_a_folder() {
    let sandbox = tempfile::tempdir().expect("a folder");
    let work = sandbox.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/step-issuer"), &work.join("charts/step-issuer"));
    let helm = tool("helm");
    fs::create_dir_all(work.join("served")).expect("a folder");
    run(&helm, &["package", "charts/step-issuer", "--destination", "served"], work);
    let address = serve(work.join("served"));
    run(&helm, &["repo", "index", "served", "--url", &address], work);
    for (name, place) in [("folder", "path: charts/step-issuer".to_owned()), ("fetched", format!("repo: {address}"))] {
        fs::create_dir_all(work.join("environments").join(name)).expect("a folder");
        let inventory = INVENTORY.replace("path: charts/step-issuer", &place);
        fs::write(work.join("environments").join(name).join("inventory.yaml"), inventory).expect("written");
    }
    trustree(&["render", "--allow-helm", "--helm", helm.to_str().expect("UTF-8")], work);
    trustree(&["check", "--strict"], work);
    let objects_of = |name: &str| {
        let folder = work.join(format!("out/{name}/smallstep/step-issuer"));
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).expect("rendered") {
            let path = entry.expect("listed").path();
            let text = fs::read_to_string(&path).expect("text");
            if path.extension().is_some_and(|extension| extension == "yaml") {
                all.extend(objects(&text));
            }
        }
        all
    };
    assert!(objects_of("fetched").len() > 10);
    assert_eq!(objects_of("fetched"), objects_of("folder"));
}
