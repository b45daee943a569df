//! The bootstrap Job does in its pod what Git does later: the pod is laid out as the Job says, its containers are run, and
//! what they would apply is what is rendered once the snapshot is committed. Its rights are exactly those that this takes.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// Namespace, group, resource, name and verb; no namespace for what lies in none.
type Right = (String, String, String, String, String);

/// A repository with one environment, `demo`: the authority `internal` is pending and `edge` is known.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new(change: impl FnOnce(&mut Value)) -> Repository {
        let repository = Repository { folder: TempDir::new().expect("a folder") };
        let mut inventory = inventory();
        change(&mut inventory);
        repository.put("trustree.yaml", "rules: {duration-unset: {level: error, reason: we always say it}}\n");
        repository.put("environments/demo/inventory.yaml", &inventory.to_string());
        repository.put("environments/demo/ca-snapshot.edge.yaml", &text_of("tests/rules/_good/environments/prod/ca-snapshot.yaml"));
        repository
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, text: &str) {
        put(&self.path(path), text);
    }

    fn render(&self) {
        run(self.folder.path(), &["render"]);
    }

    /// Every object below a folder of `out/demo/`.
    fn objects(&self, below: &str) -> Vec<Value> {
        let files = walkdir::WalkDir::new(self.path(&format!("out/demo/{below}"))).sort_by_file_name().into_iter().flatten();
        let files = files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "yaml"));
        files
            .flat_map(|entry| read_all(&fs::read_to_string(entry.path()).expect("a file")))
            .filter(|object| object["metadata"].is_object())
            .collect()
    }

    /// The one object of a kind.
    fn object(&self, kind: &str) -> Value {
        let mut found: Vec<Value> = self.objects("").into_iter().filter(|object| object["kind"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found.remove(0)
    }

    fn job_name(&self) -> String {
        self.render();
        self.object("Job")["metadata"]["name"].as_str().expect("a name").to_owned()
    }
}

fn inventory() -> Value {
    let url = "https://step-certificates.smallstep.svc.cluster.local";
    let password = json!({"name": "step-issuer-password"});
    let password_of_all = json!({"name": "step-issuer-password", "namespace": "smallstep"});
    json!({
        "apiVersion": "trustree.dev/v1alpha1",
        "kind": "Environment",
        "versions": {"certManager": "1.19", "kubernetes": "1.34"},
        "authorities": {
            "internal": {"namespace": "smallstep", "snapshot": "pending", "configAsSecret": true},
            "edge": {"namespace": "edge", "url": url}
        },
        "stepIssuer": {"namespace": "smallstep", "chart": {"version": "1.11.0"}, "values": {"serviceAccount": {"create": true}}},
        "issuers": {
            "near": {"kind": "StepIssuer", "namespace": "smallstep", "authority": "internal", "provisioner": {"name": "step-issuer", "passwordRef": password}},
            "wide": {"kind": "StepClusterIssuer", "name": "everywhere", "authority": "internal", "provisioner": {"name": "step-issuer", "passwordRef": password_of_all}},
            "known": {"kind": "StepIssuer", "namespace": "edge", "authority": "edge", "provisioner": {"name": "step-issuer", "passwordRef": password}}
        },
        "certificates": {
            "web": {"namespace": "smallstep", "issuer": "near", "dnsNames": ["web.smallstep.svc.cluster.local"], "duration": "24h"},
            "shop": {"namespace": "shop", "name": "shop-front", "issuer": "wide", "dnsNames": ["shop.shop.svc.cluster.local"], "duration": "24h"},
            "other": {"namespace": "edge", "issuer": "known", "dnsNames": ["other.edge.svc.cluster.local"], "duration": "24h"}
        },
        "bootstrap": {"images": {"trustree": format!("registry.example.com/trustree@{DIGEST}"), "kubectl": format!("registry.example.com/kubectl@{DIGEST}")}}
    })
}

/// What an export of the authority finds, as files for `snapshot import`.
fn export_into(folder: &Path) {
    let data = |path: &str| text_of(&format!("tests/data/authorities/{path}"));
    let keys: Value = serde_json::from_str(&data("keys.json")).expect("keys");
    let provisioner = json!({"type": "JWK", "name": "step-issuer", "key": keys["p-256"], "encryptedKey": "e30.e30.e30.e30.e30"});
    let ca_json = json!({
        "root": "/home/step/certs/root_ca.crt", "crt": "/home/step/certs/intermediate_ca.crt",
        "dnsNames": ["step-certificates.smallstep.svc.cluster.local"], "authority": {"provisioners": [provisioner]}
    });
    put(&folder.join("config/ca.json"), &ca_json.to_string());
    for file in ["root_ca.crt", "intermediate_ca.crt"] {
        put(&folder.join("certs").join(file), &data(&format!("p-256/{file}")));
    }
}

fn import(repository: &Path, export: &Path, authority: &[&str]) {
    let arguments = ["snapshot", "import", export.to_str().expect("a path"), "--env", "demo"];
    run(repository, &[&arguments[..], authority].concat());
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn text_of(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn run(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRUSTREE_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).current_dir(folder).output().expect("the program starts");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
}

fn read_all(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("YAML")).collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// Lays the pod out, runs what runs in it, and gives what it would apply.
fn applied_in_the_pod(repository: &Repository) -> Vec<Value> {
    let (job, input) = (repository.object("Job"), repository.object("ConfigMap"));
    assert_eq!(job["metadata"]["name"], input["metadata"]["name"]);
    let pod = TempDir::new().expect("a folder");
    let inside = |path: &str| pod.path().join(path.trim_start_matches('/'));
    for container in list(&job, "/spec/template/spec/initContainers") {
        for mount in list(container, "/volumeMounts") {
            let path = mount["mountPath"].as_str().expect("a path");
            match mount["name"].as_str() {
                Some("input") => {
                    let key = mount["subPath"].as_str().expect("a key");
                    put(&inside(path), input["data"][key].as_str().expect("a file"));
                }
                Some("snapshots" | "out") => fs::create_dir_all(inside(path)).expect("a folder"),
                _ => {}
            }
        }
        let arguments = texts(container, "/args");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let folder = inside(container["workingDir"].as_str().expect("a folder"));
        match arguments.as_slice() {
            ["snapshot", "export", "--env", "demo", rest @ .., "--wait", _, "--interval", _] => {
                let export = TempDir::new().expect("a folder");
                export_into(export.path());
                import(&folder, export.path(), rest);
            }
            other => run(&folder, other),
        }
    }
    let arguments = texts(&job, "/spec/template/spec/containers/0/args");
    assert_eq!(arguments[..3], ["apply", "--server-side", "--field-manager=trustree-bootstrap"]);
    let files = arguments[3..].chunks(2).map(|pair| {
        assert_eq!(pair[0], "--filename");
        inside(&pair[1])
    });
    files.flat_map(|file| read_all(&fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))).collect()
}

fn key(object: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

fn is_step_issuer_or_certificate(object: &Value) -> bool {
    ["StepIssuer", "StepClusterIssuer", "Certificate"].iter().any(|kind| object["kind"] == *kind)
}

#[test]
fn what_the_job_applies_is_what_is_rendered_once_the_snapshot_is_there() {
    let repository = Repository::new(|_| {});
    repository.put(
        "templates/step-issuer/certificate.yaml.j2",
        &text_of("templates/step-issuer/certificate.yaml.j2").replace("\nspec:\n", "\n  labels:\n    cluster: {{ environment }}\nspec:\n"),
    );
    repository.render();
    let known: BTreeSet<_> = repository.objects("").iter().filter(|object| is_step_issuer_or_certificate(object)).map(key).collect();
    let applied: BTreeMap<_, _> = applied_in_the_pod(&repository).into_iter().map(|object| (key(&object), object)).collect();
    assert_eq!(applied.len(), 4, "{:?}", applied.keys());

    let export = TempDir::new().expect("a folder");
    export_into(export.path());
    import(repository.folder.path(), export.path(), &["--authority", "internal"]);
    repository.render();
    let rendered = repository.objects("").into_iter().filter(is_step_issuer_or_certificate).map(|object| (key(&object), object));
    let rendered: BTreeMap<_, _> = rendered.filter(|(key, _)| !known.contains(key)).collect();
    assert_eq!(applied, rendered);
    assert!(!repository.path("out/demo/smallstep/bootstrap").exists(), "with the snapshot the Job is gone");
}

#[test]
fn the_rights_are_exactly_those_that_the_job_needs() {
    let repository = Repository::new(|_| {});
    repository.render();
    let mut needed: BTreeSet<Right> = BTreeSet::new();
    for object in applied_in_the_pod(&repository) {
        let (kind, namespace, name) = key(&object);
        let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/')).expect("a group").0.to_owned();
        let resource = format!("{}s", kind.to_lowercase());
        for verb in ["get", "create", "patch"] {
            needed.insert((namespace.clone(), group.clone(), resource.clone(), name.clone(), verb.to_owned()));
        }
    }
    for (resource, name) in [("configmaps", "step-certificates-certs"), ("secrets", "step-certificates-config")] {
        needed.insert(("smallstep".into(), String::new(), resource.into(), name.into(), "get".into()));
    }

    let mut given: BTreeSet<Right> = BTreeSet::new();
    let objects = repository.objects("smallstep/bootstrap");
    for role in objects.iter().filter(|object| object["kind"] == "Role" || object["kind"] == "ClusterRole") {
        let (kind, namespace, name) = key(role);
        let binding = objects.iter().find(|object| key(object) == (format!("{kind}Binding"), namespace.clone(), name.clone()));
        let subject = &binding.expect("a binding")["subjects"];
        assert_eq!(*subject, json!([{"kind": "ServiceAccount", "name": "trustree-bootstrap", "namespace": "smallstep"}]));
        for rule in list(role, "/rules") {
            let names = texts(rule, "/resourceNames");
            assert!(!names.is_empty(), "every right is one by name: {rule}");
            for group in texts(rule, "/apiGroups") {
                for (resource, name, verb) in texts(rule, "/resources").iter().flat_map(|resource| {
                    let verbs = texts(rule, "/verbs");
                    let pairs = names.iter().flat_map(move |name| verbs.clone().into_iter().map(move |verb| (name.clone(), verb)));
                    pairs.map(|(name, verb)| (resource.clone(), name, verb)).collect::<Vec<_>>()
                }) {
                    given.insert((namespace.clone(), group.clone(), resource, name, verb));
                }
            }
        }
    }
    assert_eq!(given, needed);
}

#[test]
fn the_token_lies_only_where_the_api_server_is_asked() {
    let repository = Repository::new(|inventory| {
        inventory["exporterCronJob"] = cron_job();
    });
    repository.render();
    let with_token = |pod: &Value| -> Vec<String> {
        assert_eq!(pod["automountServiceAccountToken"], false);
        let containers = list(pod, "/initContainers").iter().chain(list(pod, "/containers"));
        let has_token = |container: &&Value| list(container, "/volumeMounts").iter().any(|mount| mount["name"] == "token");
        containers.filter(has_token).map(|container| container["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(with_token(&repository.object("Job")["spec"]["template"]["spec"]), ["export", "apply"]);
    for job in repository.objects("").iter().filter(|object| object["kind"] == "CronJob") {
        assert_eq!(with_token(&job["spec"]["jobTemplate"]["spec"]["template"]["spec"]), ["export"]);
    }
}

#[test]
fn every_container_is_locked_down() {
    let repository = Repository::new(|inventory| {
        inventory["exporterCronJob"] = cron_job();
    });
    repository.render();
    let pods = [("Job", "/spec/template/spec"), ("CronJob", "/spec/jobTemplate/spec/template/spec")];
    let mut containers = 0;
    for (kind, pointer) in pods {
        for object in repository.objects("").iter().filter(|object| object["kind"] == kind) {
            let pod = object.pointer(pointer).expect("a pod");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            for container in list(pod, "/initContainers").iter().chain(list(pod, "/containers")) {
                let expected =
                    json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true});
                assert_eq!(container["securityContext"], expected);
                assert!(container["image"].as_str().is_some_and(|image| image.contains("@sha256:")), "{container}");
                assert!(["trustree", "kubectl", "git"].contains(&container["command"][0].as_str().unwrap_or_default()), "no shell");
                assert_eq!(list(container, "/command").len(), 1);
                assert!(container["resources"]["limits"]["memory"].is_string());
                containers += 1;
            }
        }
    }
    assert_eq!(containers, 3 + 2 * 3);
}

fn cron_job() -> Value {
    json!({
        "schedule": "17 3 * * *", "timeZone": "Etc/UTC", "image": format!("registry.example.com/trustree-bot@{DIGEST}"),
        "repository": "https://git.example.com/platform/clusters.git", "forgeToken": {"name": "forge", "key": "token"},
        "gitCredentials": {"name": "forge", "key": "git-credentials"}, "hostCertificates": {"name": "git-host", "key": "ca.crt"},
        "imagePullSecrets": ["registry"], "timeout": "5m"
    })
}

#[test]
fn another_content_is_another_job_and_the_same_one_is_not() {
    let name = Repository::new(|_| {}).job_name();
    assert_eq!(Repository::new(|_| {}).job_name(), name);
    let of = |change: fn(&mut Value)| Repository::new(change).job_name();
    assert_eq!(
        of(|inventory| inventory["certificates"]["other"]["duration"] = json!("12h")),
        name,
        "what is known is none of its business"
    );
    assert_ne!(of(|inventory| inventory["certificates"]["web"]["duration"] = json!("12h")), name);
    assert_ne!(of(|inventory| inventory["bootstrap"]["timeout"] = json!("20m")), name);
    assert_ne!(of(|inventory| inventory["bootstrap"]["images"]["kubectl"] = json!(format!("mirror.example.com/kubectl@{DIGEST}"))), name);
    assert_ne!(of(|inventory| inventory["bootstrap"]["resources"] = json!({"limits": {"memory": "1Gi"}})), name);
    let repository = Repository::new(|_| {});
    repository
        .put("templates/bootstrap/job.yaml.j2", &text_of("templates/bootstrap/job.yaml.j2").replace("backoffLimit: 4", "backoffLimit: 5"));
    assert_ne!(repository.job_name(), name);
}

/// The tool that reads objects into the types of Kubernetes: see `e2e/strict`.
fn strict() -> PathBuf {
    PathBuf::from(std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names a folder with the tools")).join("strict")
}

fn objects_below(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten().map(walkdir::DirEntry::into_path);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("values.yaml")).collect()
}

#[test]
#[ignore = "needs the program in e2e/strict: .ci/run builds it"]
fn everything_rendered_fits_the_types_of_kubernetes() {
    let ssh = Repository::new(|inventory| {
        inventory["exporterCronJob"] = cron_job();
        inventory["exporterCronJob"]["repository"] = json!("ssh://git@git.example.com/platform/clusters.git");
        inventory["exporterCronJob"]["sshSecret"] = json!("git-ssh");
        inventory["exporterCronJob"].as_object_mut().expect("a map").remove("gitCredentials");
        inventory["argoCd"] = json!({});
    });
    let https = Repository::new(|inventory| {
        inventory["exporterCronJob"] = cron_job();
        inventory["bootstrap"]["imagePullSecrets"] = json!(["registry"]);
    });
    let flux = Repository::new(|inventory| inventory["delivery"] = json!("flux"));
    let mut files = objects_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("out"));
    for repository in [&ssh, &https, &flux] {
        repository.render();
        files.extend(objects_below(&repository.path("out")));
    }
    let cases = walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).into_iter().flatten();
    let rendered = cases.map(walkdir::DirEntry::into_path).filter(|path| path.is_dir() && path.ends_with("expected/out"));
    files.extend(rendered.flat_map(|folder| objects_below(&folder)));
    // Files that somebody wrote by hand, and broke for the case, are no business of ours.
    let is_ours = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.starts_with("# Generated by trustree"));
    files.retain(is_ours);
    let output = Command::new(strict()).args(&files).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let checked: usize = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    assert!(checked > 20, "{checked} objects");
}

/// The other direction: no field of Kubernetes is unknown to us.
#[test]
#[ignore = "needs the program in e2e/strict: .ci/run builds it"]
fn every_field_of_kubernetes_is_known() {
    let repository = Repository::new(|_| {});
    for kind in ["Job", "CronJob"] {
        let output = Command::new(strict()).args(["-sample", kind]).output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        repository.put(&format!("out/demo/sample/{kind}.yaml"), &String::from_utf8_lossy(&output.stdout));
    }
    repository.render();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    let output = command.args(["check", "--output", "json"]).current_dir(repository.folder.path()).output().expect("the program starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = report.to_string();
    assert!(text.contains("schedule-invalid"), "the samples are looked at: {text}");
    assert!(!text.contains("manifest-unknown-field") && !text.contains("manifest-wrong-type"), "{text}");
}
