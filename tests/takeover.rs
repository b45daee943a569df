//! `trustree init --from`: what a hand-written repository becomes, against what was there.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;
use trustree::fleet::Repository;
use trustree::outside::files::OpenFolder;
use trustree::snapshot::{ImportRequest, Input, import};
use trustree::takeover::{Refusal, Request, State, Takeover, Target, take_over};

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

fn put(folder: &TempDir, path: &str, text: &str) {
    let target = folder.path().join(path);
    fs::create_dir_all(target.parent().expect("a folder")).expect("made");
    fs::write(target, text).expect("written");
}

/// The files of the test CA, as a folder would give them.
fn dump() -> Vec<Input> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ca-a");
    let file = |name: &str| Input { name: name.to_owned(), bytes: fs::read(folder.join(name)).expect("a file of the CA") };
    vec![file("ca.json"), file("root_ca.crt"), file("intermediate_ca.crt")]
}

/// The bundle of the test CA, and the key id of its provisioner `step-issuer`.
fn bundle_and_kid() -> (String, String) {
    let request = ImportRequest { release: None, replace: false, drop_roots: Vec::new(), as_of: jiff::civil::date(2027, 6, 1) };
    let snapshot = import(dump(), &request, None).expect("a snapshot").snapshot;
    let kid = snapshot.provisioner("step-issuer").and_then(|provisioner| provisioner.kid.clone()).expect("a key id");
    (snapshot.ca_bundle(), kid)
}

fn issuer(kind: &str, metadata: &str, namespace: &str, bundle: &str, kid: &str) -> String {
    format!(
        "apiVersion: certmanager.step.sm/v1beta1\nkind: {kind}\nmetadata: {{{metadata}}}\nspec:\n  url: https://step-certificates.smallstep.svc.cluster.local\n  caBundle: {bundle}\n  provisioner:\n    name: step-issuer\n    kid: {kid}\n    passwordRef: {{name: step-issuer-password, {namespace}key: password}}\n"
    )
}

fn certificate(name: &str, namespace: &str, more: &str) -> String {
    let key = if more.contains("privateKey:") { "" } else { "  privateKey: {rotationPolicy: Always}\n" };
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  secretName: {name}-tls\n  issuerRef: {{group: certmanager.step.sm, kind: StepClusterIssuer, name: tenants}}\n  dnsNames: [{name}.{namespace}.svc.cluster.local]\n{key}{more}"
    )
}

/// A repository that needs no repair: a base with the chart and the issuer, two overlays with certificates.
fn clean() -> TempDir {
    let (bundle, kid) = bundle_and_kid();
    let folder = TempDir::new().expect("a folder");
    let chart = "helmCharts:\n  - name: step-issuer\n    repo: https://smallstep.github.io/helm-charts\n    version: 1.11.0\n    releaseName: step-issuer\n    namespace: smallstep\n    includeCRDs: true\n    valuesFile: values.yaml\n";
    put(&folder, "base/kustomization.yaml", &format!("{KUSTOMIZATION}{chart}resources: [issuer.yaml]\n"));
    put(&folder, "base/values.yaml", "serviceAccount:\n  create: true\n  name: step-issuer\n");
    put(&folder, "base/issuer.yaml", &issuer("StepClusterIssuer", "name: tenants", "namespace: smallstep, ", &bundle, &kid));
    for (overlay, more) in [
        ("prod", "  duration: 24h0m0s\n  renewBefore: 8h0m0s\n"),
        ("dev", "  commonName: api\n  duration: 12h0m0s\n  privateKey: {rotationPolicy: Always, algorithm: ECDSA, size: 256}\n"),
    ] {
        put(
            &folder,
            &format!("overlays/{overlay}/kustomization.yaml"),
            &format!("{KUSTOMIZATION}resources: [../../base, certificates.yaml]\n"),
        );
        let certificates =
            format!("{}---\n{}", certificate("api", "payments", more), certificate("api", "orders", "  duration: 24h0m0s\n"));
        put(&folder, &format!("overlays/{overlay}/certificates.yaml"), &certificates);
    }
    folder
}

/// Takes a repository over, with the test CA for these environments.
fn taken(folder: &Utf8Path, environments: &[&str]) -> Result<Takeover, Refusal> {
    let empty = TempDir::new().expect("a folder");
    let root = Utf8PathBuf::from_path_buf(empty.path().to_owned()).expect("UTF-8");
    let repository = Repository::open(Box::new(OpenFolder::open(&root).expect("opened"))).map_err(|_| ()).expect("a repository");
    let dumps = environments.iter().map(|name| ((*name).to_owned(), dump())).collect();
    let request = Request {
        below: Utf8PathBuf::new(),
        names: Vec::new(),
        dumps,
        as_of: jiff::civil::date(2027, 6, 1),
        layers: Vec::new(),
        stays: false,
    };
    let target = Target { settings: repository.settings(), templates: repository.templates() };
    take_over(&OpenFolder::open(folder).expect("opened"), &request, target)
}

fn utf8(folder: &TempDir) -> &Utf8Path {
    Utf8Path::from_path(folder.path()).expect("UTF-8")
}

fn trustree(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ["TRUSTREE_", "GIT_"].iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command.output().expect("runs")
}

/// Every object below a folder, by kind, namespace and name, as an independent reader sees it.
fn objects(folder: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("listed");
        if !entry.file_type().is_file() || entry.path().extension().is_none_or(|kind| kind != "yaml") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("read");
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value: Value = serde::Deserialize::deserialize(document).expect("YAML");
            let Some(kind) = value["kind"].as_str().filter(|kind| *kind != "Kustomization") else { continue };
            let key = format!("{kind} {} {}", value["metadata"]["namespace"], value["metadata"]["name"]);
            assert!(found.insert(key.clone(), value).is_none(), "{key} stands twice");
        }
    }
    found
}

#[test]
fn a_clean_repository_renders_to_the_very_same_objects() {
    let old = clean();
    let found = taken(utf8(&old), &["dev", "prod"]).expect("taken over");
    for environment in &found.environments {
        let others: Vec<_> = environment.objects.iter().filter(|one| one.state != State::Same).collect();
        assert!(others.is_empty(), "{others:#?}");
        assert_eq!(environment.objects.len(), 4, "a release, an issuer, two certificates");
        assert_eq!(
            (environment.left.as_slice(), environment.remarks.as_slice(), environment.findings.as_slice()),
            (&[][..], &[][..], &[][..])
        );
    }
    let new = TempDir::new().expect("a folder");
    for (path, text) in &found.files {
        put(&new, path.as_str(), text);
    }
    let rendered = trustree(new.path(), &["render"]);
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    for name in ["dev", "prod"] {
        let mut expected = objects(&old.path().join("overlays").join(name));
        expected.extend(objects(&old.path().join("base")));
        assert_eq!(objects(&new.path().join("out").join(name)), expected, "{name}");
        let read = |path: String| -> Value { serde_yaml::from_str(&fs::read_to_string(path).expect("read")).expect("YAML") };
        let ours = format!("{}/out/{name}/smallstep/step-issuer", new.path().display());
        let theirs = format!("{}/base", old.path().display());
        assert_eq!(read(format!("{ours}/values.yaml")), read(format!("{theirs}/values.yaml")));
        let chart = |folder: &str| read(format!("{folder}/kustomization.yaml"))["helmCharts"].clone();
        assert_eq!(chart(&ours), chart(&theirs));
    }
}

#[test]
fn what_environments_share_stands_in_a_layer_and_nothing_twice() {
    let found = taken(utf8(&clean()), &["dev", "prod"]).expect("taken over");
    let paths: Vec<&str> = found.files.keys().map(|path| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "environments/_layers/base.yaml",
            "environments/dev/ca-snapshot.yaml",
            "environments/dev/inventory.yaml",
            "environments/prod/ca-snapshot.yaml",
            "environments/prod/inventory.yaml"
        ]
    );
    let layer = &found.files[Utf8Path::new("environments/_layers/base.yaml")];
    let own = &found.files[Utf8Path::new("environments/prod/inventory.yaml")];
    for shared in ["stepIssuer:", "authorities:", "tenants:", "orders-api:"] {
        assert!(layer.contains(shared) && !own.contains(shared), "{shared}\n{layer}\n{own}");
    }
    assert!(own.contains("payments-api:") && !layer.contains("payments-api:"), "{layer}\n{own}");
}

#[test]
fn every_file_of_a_clean_repository_may_go_and_none_is_touched() {
    let old = clean();
    let before = files(old.path());
    let found = taken(utf8(&old), &[]).expect("taken over");
    let all: BTreeSet<Utf8PathBuf> = before.keys().cloned().collect();
    assert_eq!((found.deletion.files, found.deletion.parts.len()), (all, 0));
    let run = trustree(old.path(), &["init", "new", "--from", ".", "--yes"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let after: BTreeMap<_, _> = files(old.path()).into_iter().filter(|(path, _)| !path.starts_with("new")).collect();
    assert_eq!(after, before);
}

fn files(folder: &Path) -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("listed")).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let below = Utf8PathBuf::from_path_buf(entry.path().strip_prefix(folder).expect("below").to_owned()).expect("UTF-8");
            (below, fs::read(entry.path()).expect("read"))
        })
        .collect()
}

/// One overlay with one issuer that has this bundle, provisioner and key id, and one certificate.
fn with_issuer(bundle: &str, name: &str, kid: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    put(&folder, "overlays/prod/kustomization.yaml", &format!("{KUSTOMIZATION}resources: [issuer.yaml, certificate.yaml]\n"));
    let text = issuer("StepClusterIssuer", "name: tenants", "namespace: smallstep, ", bundle, kid);
    put(&folder, "overlays/prod/issuer.yaml", &text.replace("name: step-issuer\n", &format!("name: {name}\n")));
    put(&folder, "overlays/prod/certificate.yaml", &certificate("api", "payments", ""));
    folder
}

/// What becomes of the issuer: its state and the codes of the reasons.
fn issuer_of(found: &Takeover) -> (State, Vec<&'static str>) {
    let one = found.environments[0].objects.iter().find(|one| one.identity.kind == "StepClusterIssuer").expect("an issuer");
    (one.state, one.reasons.iter().filter_map(|reason| Some(reason.rule?.code)).collect())
}

#[test]
fn an_issuer_with_another_root_is_told_apart_from_one_in_another_spelling() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let (bundle, kid) = bundle_and_kid();
    let other = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ca-b/root_ca.crt")).expect("a root");
    let found = taken(utf8(&with_issuer(&STANDARD.encode(other), "step-issuer", &kid)), &["prod"]).expect("taken over");
    assert_eq!(issuer_of(&found), (State::Differs, vec!["ca-bundle-differs"]));
    let spelled = format!("# a comment\n{}", String::from_utf8(STANDARD.decode(bundle).expect("base64")).expect("PEM"));
    let found = taken(utf8(&with_issuer(&STANDARD.encode(spelled), "step-issuer", &kid)), &["prod"]).expect("taken over");
    assert_eq!(issuer_of(&found), (State::Differs, vec![]));
}

#[test]
fn name_and_key_id_that_do_not_belong_together_are_told_and_one_is_chosen() {
    let (bundle, kid) = bundle_and_kid();
    let provisioner = |name: &str, kid: &str| {
        let found = taken(utf8(&with_issuer(&bundle, name, kid)), &["prod"]).expect("taken over");
        let text = &found.files[Utf8Path::new("environments/prod/inventory.yaml")];
        let inventory: Value = serde_yaml::from_str(text).expect("YAML");
        let name = inventory["issuers"]["tenants"]["provisioner"]["name"].as_str().expect("a name").to_owned();
        (name, issuer_of(&found).1, found.environments[0].remarks.len())
    };
    assert_eq!(provisioner("step-issuer", &kid), ("step-issuer".to_owned(), vec![], 0));
    // Both exist: what is written by name counts, and the other way is told.
    assert_eq!(provisioner("admin", &kid), ("admin".to_owned(), vec!["issuer-kid-of-another-provisioner"], 1));
    // Only the key id is right.
    assert_eq!(provisioner("stepissuer", &kid).0, "step-issuer");
    // Only the name is right.
    let (name, codes, remarks) = provisioner("step-issuer", "nobodys");
    assert_eq!((name.as_str(), remarks), ("step-issuer", 1));
    assert_eq!(codes, ["issuer-kid-of-another-provisioner"]);
}

#[test]
fn without_a_dump_the_authority_waits_and_the_provisioners_name_is_taken() {
    let (bundle, kid) = bundle_and_kid();
    let found = taken(utf8(&with_issuer(&bundle, "step-issuer", &kid)), &[]).expect("taken over");
    assert_eq!(issuer_of(&found).0, State::Waits);
    assert!(found.environments[0].remarks[0].contains(&kid), "{:?}", found.environments[0].remarks);
    assert!(found.files[Utf8Path::new("environments/prod/inventory.yaml")].contains("snapshot: pending"));
}

#[test]
fn an_issuer_whose_provisioner_the_authority_does_not_have_says_that_and_not_that_a_snapshot_is_missing() {
    let (bundle, _) = bundle_and_kid();
    let found = taken(utf8(&with_issuer(&bundle, "nobody", "nobodys")), &["prod"]).expect("taken over");
    let issuer = found.environments[0].objects.iter().find(|one| one.identity.kind == "StepClusterIssuer").expect("an issuer");
    assert_eq!(issuer.state, State::Waits);
    assert!(issuer.reasons.iter().any(|reason| reason.rule.is_some_and(|rule| rule.code == "provisioner-not-found")));
    assert!(issuer.reasons.iter().all(|reason| !reason.text.contains("until then")), "{:?}", issuer.reasons);
}

#[test]
fn an_issuer_that_waits_says_what_of_it_an_inventory_cannot_say() {
    let (bundle, kid) = bundle_and_kid();
    let old = with_issuer(&bundle, "step-issuer", &kid);
    put(
        &old,
        "overlays/prod/issuer.yaml",
        &issuer("StepClusterIssuer", "name: tenants, labels: {team: web}", "namespace: smallstep, ", &bundle, &kid),
    );
    let found = taken(utf8(&old), &[]).expect("taken over");
    let issuer = found.environments[0].objects.iter().find(|one| one.identity.kind == "StepClusterIssuer").expect("an issuer");
    assert_eq!(issuer.state, State::Waits);
    assert!(issuer.reasons.iter().any(|reason| reason.text.contains("metadata.labels")), "{:?}", issuer.reasons);
}

#[test]
fn a_controller_that_others_install_gets_no_new_rights() {
    let (bundle, kid) = bundle_and_kid();
    let found = taken(utf8(&with_issuer(&bundle, "step-issuer", &kid)), &["prod"]).expect("taken over");
    let states: Vec<State> = found.environments[0].objects.iter().map(|one| one.state).collect();
    assert_eq!(states, [State::Same, State::Same]);
}

mod reference {
    use super::*;

    #[test]
    #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
    fn the_recipe_differs_exactly_in_its_repairs() {
        let folder = std::env::var("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the folder of the reference files");
        let old = TempDir::new().expect("a folder");
        let place = "overlays/prod/smallstep/step-issuer";
        for file in ["kustomization.yaml", "post-install-job.yaml", "rbac-stepissuer.yaml"] {
            put(&old, &format!("{place}/{file}"), &fs::read_to_string(format!("{folder}/recipe/{file}")).expect("a file of the recipe"));
        }
        put(&old, &format!("{place}/values.yaml"), "replicaCount: 1\n");
        let found = taken(utf8(&old), &["prod"]).expect("taken over");
        let [environment] = found.environments.as_slice() else { panic!("one environment") };
        assert_eq!(environment.name.as_str(), "prod");
        let fields: BTreeMap<&str, Vec<&str>> = environment
            .objects
            .iter()
            .filter(|one| one.state == State::Differs)
            .map(|one| {
                (one.identity.kind.as_str(), one.change.iter().flat_map(|change| &change.fields).map(|field| field.path.as_str()).collect())
            })
            .collect();
        assert_eq!(fields["StepIssuer"], ["spec.provisioner.kid", "spec.caBundle"]);
        assert_eq!(fields["Helm release"][0], "includeCRDs");
        let values = &fields["Helm release"][1..];
        for repaired in ["affinity", "kubeRBACproxy", "serviceAccount"] {
            assert!(values.iter().any(|path| path.starts_with(&format!("values.{repaired}"))), "{repaired}: {fields:?}");
        }
        assert_eq!(values.len(), 3, "{fields:?}");
        let others: Vec<&&str> = fields["Certificate"].iter().filter(|path| !path.starts_with("spec.secretTemplate.annotations")).collect();
        assert_eq!(others, [&"spec.dnsNames[]", &"spec.dnsNames[]", &"spec.duration", &"spec.renewBefore"]);
        let gone: Vec<&str> =
            environment.objects.iter().filter(|one| one.state == State::Gone).map(|one| one.identity.kind.as_str()).collect();
        assert_eq!(gone, ["Job", "ClusterRole", "ClusterRoleBinding"]);
        assert!(environment.objects.iter().all(|one| one.state == State::Same || !one.reasons.is_empty()));
        assert!(environment.findings.iter().all(|finding| finding.level < trustree::finding::Level::Error), "{:#?}", environment.findings);
        assert_eq!(found.deletion.files.len(), 4);
    }
}
