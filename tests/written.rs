//! What somebody puts beside our files: found, followed, judged, and never more than it may cost.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const OURS: &str = "out/prod/smallstep/step-issuer";

/// The good repository of the rules, with files laid over it.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/_good");
    for entry in walkdir::WalkDir::new(&good) {
        let entry = entry.expect("listed");
        let target = folder.path().join(entry.path().strip_prefix(&good).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
    for (path, text) in files {
        put(&folder, path, text);
    }
    folder
}

fn put(folder: &TempDir, path: &str, text: &str) {
    let target = folder.path().join(path);
    fs::create_dir_all(target.parent().expect("a folder")).expect("made");
    fs::write(target, text).expect("written");
}

fn run(folder: &TempDir, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    command.args(["--quiet"]).args(arguments).args(["--output", "json"]).current_dir(folder.path());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ["TRUSTREE_", "GIT_"].iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// What a check finds: code and place.
fn found(folder: &TempDir) -> Vec<String> {
    let report = run(folder, &["check", "--as-of", "2027-06-01"]);
    let findings = report["environments"][0]["findings"].as_array().expect("findings").clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings.iter().map(|finding| format!("{} {}:{}", text(finding, "rule"), text(finding, "file"), finding["line"])).collect()
}

const OVERLAY: &str = "resources: [../smallstep/step-issuer]\npatches:\n  - target: {kind: Certificate, name: web}\n    patch: |-\n      - op: add\n        path: /spec/usage\n        value: [server auth]\n";

#[test]
fn an_overlay_over_ours_is_judged_where_it_changes_something() {
    // Nothing was rendered yet: what we would write counts, and not what lies there.
    let folder = repository(&[("out/prod/overlay/kustomization.yaml", OVERLAY)]);
    assert_eq!(found(&folder), ["manifest-unknown-field out/prod/overlay/kustomization.yaml:6"]);
    // What stands in the inventory is told there, and not a second time.
    let plain = repository(&[("out/prod/overlay/kustomization.yaml", "resources: [../smallstep/step-issuer]\n")]);
    assert_eq!(found(&plain), Vec::<String>::new());
}

/// An overlay over ours with further lines, and what a check finds there.
fn over(lines: &str) -> Vec<String> {
    let text = format!("resources:\n  - ../smallstep/step-issuer\n{lines}");
    found(&repository(&[("out/prod/over/kustomization.yaml", &text)]))
}

fn patch(kind: &str, patch: &str) -> String {
    format!("patches:\n  - target: {{kind: {kind}}}\n    patch: |-\n      {}\n", patch.replace('\n', "\n      "))
}

fn set(path: &str, value: &str) -> String {
    format!("- op: replace\n  path: {path}\n  value: {value}")
}

#[test]
fn an_overlay_that_breaks_ours_is_told_where_it_does_so() {
    let file = "out/prod/over/kustomization.yaml";
    let issuer = |value: &str| over(&patch("StepIssuer", value));
    let certificate = |value: &str| over(&patch("Certificate", value));
    let admin = load_kid("admin");
    for (found, rule, line) in [
        (issuer(&set("/spec/provisioner/name", "admin")), "issuer-kid-of-another-provisioner", 8),
        (certificate(&set("/spec/duration", "72h0m0s")), "duration-over-maximum", 8),
        (certificate("- op: remove\n  path: /spec/issuerRef/group"), "issuer-group-missing", 4),
        (certificate("- op: remove\n  path: /spec/dnsNames"), "certificate-without-name", 4),
        (certificate(&set("/spec/issuerRef/kind", "StepClusterIssuer")), "issuer-unresolved", 8),
        (
            over(
                "patches:\n  - patch: |-\n      $patch: delete\n      apiVersion: certmanager.step.sm/v1beta1\n      kind: StepIssuer\n      metadata: {name: step-issuer, namespace: smallstep}\n",
            ),
            "issuer-unresolved",
            4,
        ),
        (over("namePrefix: pre-\n"), "issuer-unresolved", 3),
    ] {
        assert!(found.contains(&format!("{rule} {file}:{line}")), "{rule}: {found:?}");
    }
    let both = format!("{}\n{}", set("/spec/provisioner/name", "admin"), set("/spec/provisioner/kid", &admin));
    assert_eq!(issuer(&both), Vec::<String>::new());
}

#[test]
fn a_line_of_ours_beside_the_patch_is_not_to_blame() {
    let text = format!("resources: [../smallstep/step-issuer]\n{}", patch("Certificate", &set("/spec/duration", "1h0m0s")));
    let folder = repository(&[("out/prod/over/kustomization.yaml", &text)]);
    let inventory = "environments/prod/inventory.yaml";
    let before = fs::read_to_string(folder.path().join(inventory)).expect("read");
    put(&folder, inventory, &format!("{before}    renewBefore: 8h\n"));
    assert_eq!(found(&folder), ["renew-before-too-long out/prod/over/kustomization.yaml:7"]);
}

/// The key id of a provisioner in the snapshot of the good repository.
fn load_kid(provisioner: &str) -> String {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/_good/environments/prod/ca-snapshot.yaml");
    let snapshot: Value = serde_yaml::from_str(&fs::read_to_string(good).expect("read")).expect("YAML");
    snapshot["provisioners"][provisioner]["kid"].as_str().expect("a key id").to_owned()
}

#[test]
fn an_overlay_that_breaks_nothing_is_not_told_of() {
    for lines in [
        "labels: [{pairs: {team: web}}]\n",
        "commonLabels: {team: web}\n",
        "commonAnnotations: {team: web}\n",
        &patch("Certificate", &set("/spec/secretName", "other-tls")),
        &patch("Certificate", &set("/spec/dnsNames", "[other.example.com]")),
    ] {
        assert_eq!(over(lines), Vec::<String>::new(), "{lines}");
    }
    // Two of them are alternatives: what both make is never there twice.
    let one = "resources: [../smallstep/step-issuer]\npatches:\n  - target: {kind: Certificate}\n    patch: '[{op: replace, path: /metadata/name, value: a}]'\n";
    let folder = repository(&[("out/prod/one/kustomization.yaml", one), ("out/prod/two/kustomization.yaml", &one.replace(": a}", ": b}"))]);
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn files_of_ours_are_not_taken_for_somebodys() {
    let folder = repository(&[]);
    run(&folder, &["render"]);
    assert_eq!(found(&folder), Vec::<String>::new());
    // In the ledger, and no longer rendered: whoever plans speaks of it.
    let inventory = fs::read_to_string(folder.path().join("environments/prod/inventory.yaml")).expect("read");
    let (head, _) = inventory.split_once("certificates:").expect("certificates");
    put(&folder, "environments/prod/inventory.yaml", head);
    assert!(folder.path().join(OURS).join("certificates.yaml").is_file());
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn what_is_written_is_judged_in_a_check_and_never_stands_in_the_way() {
    let folder = repository(&[("out/prod/broken.yaml", "kind: ConfigMap\na: [\n"), ("out/prod/mkdocs.yml", "extra: !!python/name:a.b\n")]);
    assert_eq!(found(&folder).len(), 1);
    let report = run(&folder, &["render"]);
    assert_eq!(report["environments"][0]["findings"].as_array().map(Vec::len), Some(0), "{report:#}");
    assert!(folder.path().join(OURS).join("kustomization.yaml").is_file());
}

#[test]
fn our_kustomization_always_says_what_somebody_elses_may_leave_out() {
    let folder = repository(&[]);
    run(&folder, &["render"]);
    let text = fs::read_to_string(folder.path().join(OURS).join("kustomization.yaml")).expect("rendered");
    let kustomization: Value = serde_yaml::from_str(&text).expect("YAML");
    let charts = kustomization["helmCharts"].as_array().expect("charts");
    assert!(!charts.is_empty());
    for chart in charts {
        assert_eq!(chart["includeCRDs"], Value::Bool(true));
        assert_eq!(chart["namespace"], "smallstep");
    }
    assert_eq!(kustomization.get("namespace"), None);
    assert_eq!(kustomization["kind"], "Kustomization");
}

const OVER_A_CHART: &str = "namespace: team\nhelmCharts:\n  - name: podinfo\n    version: 6.9.0\n    repo: https://charts.example.org\n    releaseName: podinfo\n    namespace: podinfo\n    includeCRDs: true\n";

#[test]
fn a_namespace_over_a_chart_matters_to_an_old_kustomize() {
    let folder = repository(&[("out/prod/podinfo/kustomization.yaml", OVER_A_CHART)]);
    let layer = "environments/_layers/base.yaml";
    let text = fs::read_to_string(folder.path().join(layer)).expect("read");
    let is_told = || found(&folder).iter().any(|finding| finding.starts_with("kustomize-namespace-rewrites "));
    assert!(!is_told(), "5.8 leaves what a chart makes where it is");
    for version in ["  kustomize: \"5.7.1\"\n", ""] {
        put(&folder, layer, &text.replace("  kustomize: \"5.8\"\n", version));
        assert!(is_told(), "{version}");
    }
}

#[test]
fn a_hook_of_argo_cd_is_ignored_only_where_flux_is_in_sight() {
    let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {argocd.argoproj.io/hook: Sync}\n";
    let folder = repository(&[("out/prod/a.yaml", hook)]);
    assert_eq!(found(&folder), Vec::<String>::new());
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: flux-system}\nspec: {path: ./apps}\n";
    put(&folder, "out/prod/flux.yaml", flux);
    assert_eq!(found(&folder), ["hook-ignored out/prod/a.yaml:5"]);
}

#[test]
fn what_something_else_fills_in_is_not_judged() {
    let object = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: \"${name}\", namespace: \"${namespace}\"}\nspec:\n  secretName: a\n  issuerRef: {name: \"${issuer}\"}\n  revisionHistoryLimit: ${limit}\n";
    let folder = repository(&[("out/prod/a.yaml", object)]);
    let found = found(&folder);
    assert!(!found.iter().any(|finding| finding.starts_with("manifest-")), "{found:?}");
}

#[test]
fn a_component_that_nobody_uses_is_left_alone() {
    let folder = repository(&[
        (
            "out/prod/component/kustomization.yaml",
            "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatches: [{path: patch.yaml}]\n",
        ),
        ("out/prod/component/patch.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2}\n"),
    ]);
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn what_kustomize_and_helm_take_is_no_mistake() {
    let folder = repository(&[
        // A key that is not there is made, and an empty part of a target means any.
        (
            "out/prod/app/kustomization.yaml",
            "resources: [a.yaml]\npatches:\n  - target: {group: '', version: v1, kind: ConfigMap, name: ''}\n    patch: |-\n      - {op: replace, path: /data/b, value: c}\n",
        ),
        ("out/prod/app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n"),
        // A chart that is all dependencies.
        ("out/prod/umbrella/Chart.yaml", "apiVersion: v2\nname: umbrella\nversion: 0.1.0\n"),
        ("out/prod/umbrella/values.yaml", "podinfo: {replicaCount: 2}\n"),
        // Values with a `kind` of their own.
        ("out/prod/values/step-certificates.yaml", "kind: Deployment\nreplicaCount: 1\n"),
    ]);
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn a_patch_below_empty_lines_is_found_where_it_stands() {
    let text = OVERLAY.replace("patch: |-\n", "patch: |-\n\n\n");
    let folder = repository(&[("out/prod/overlay/kustomization.yaml", &text)]);
    assert_eq!(found(&folder), ["manifest-unknown-field out/prod/overlay/kustomization.yaml:8"]);
}

#[test]
fn two_folders_may_go_into_two_namespaces() {
    let object = |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{b: {value}}}\n");
    let built = "resources: [a.yaml]\n";
    let folder = repository(&[
        ("out/prod/one/a.yaml", &object("c")),
        ("out/prod/two/a.yaml", &object("d")),
        ("out/prod/three/kustomization.yaml", built),
        ("out/prod/three/a.yaml", &object("e")),
    ]);
    assert_eq!(found(&folder), Vec::<String>::new());
    // One folder goes into one.
    put(&folder, "out/prod/one/b.yaml", &object("f"));
    assert_eq!(found(&folder), ["manifest-duplicate out/prod/one/b.yaml:3"]);
}

#[test]
fn a_reference_that_something_else_fills_in_is_not_judged() {
    let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a, namespace: web}\nspec:\n  secretName: a\n  duration: 24h0m0s\n  dnsNames: [a.web.svc.cluster.local]\n  issuerRef: {name: filled-in, kind: StepClusterIssuer, group: certmanager.step.sm}\n";
    let replaced = "resources: [a.yaml]\nreplacements: [{path: elsewhere.yaml}]\n";
    let folder = repository(&[("out/prod/app/kustomization.yaml", replaced), ("out/prod/app/a.yaml", certificate)]);
    assert_eq!(found(&folder), ["kustomization-not-checked out/prod/app/kustomization.yaml:1"]);
    let plain = repository(&[("out/prod/app/kustomization.yaml", "resources: [a.yaml]\n"), ("out/prod/app/a.yaml", certificate)]);
    assert_eq!(found(&plain), ["issuer-unresolved out/prod/app/a.yaml:8"]);
}

#[test]
fn a_generator_may_add_to_the_one_above() {
    let text = "configMapGenerator:\n  - name: a\n    literals: [b=c]\n  - name: a\n    behavior: merge\n    literals: [d=e]\n";
    let folder = repository(&[("out/prod/app/kustomization.yaml", text)]);
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn a_generated_secret_is_one_too() {
    let text = "secretGenerator:\n  - name: empty\n    literals: [password=]\n  - name: full\n    literals: [user=me, password=hunter2]\n";
    let folder = repository(&[("out/prod/app/kustomization.yaml", text)]);
    assert_eq!(found(&folder), ["manifest-secret-material out/prod/app/kustomization.yaml:5"]);
}

#[cfg(unix)]
#[test]
fn links_are_passed_over_without_a_word() {
    let folder =
        repository(&[("elsewhere/a.yaml", "kind: [\n"), ("out/prod/app/kustomization.yaml", "resources: [linked.yaml, ../folder]\n")]);
    std::os::unix::fs::symlink("../../../elsewhere/a.yaml", folder.path().join("out/prod/app/linked.yaml")).expect("a link");
    std::os::unix::fs::symlink("../../elsewhere", folder.path().join("out/prod/folder")).expect("a link");
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[test]
fn a_kustomization_cannot_leave_the_repository() {
    let above = "../".repeat(30);
    let text = format!("resources: [{above}etc, /etc]\npatches: [{{path: {above}etc/passwd}}]\n");
    let folder = repository(&[("out/prod/app/kustomization.yaml", &text)]);
    assert_eq!(found(&folder), ["kustomization-not-checked out/prod/app/kustomization.yaml:1"]);
}

#[test]
fn there_is_an_end_to_what_is_looked_at() {
    let deep = format!("out/prod/{}a.yaml", "d/".repeat(40));
    let folder = repository(&[(&deep, "kind: [\n")]);
    for number in 0..10_001 {
        put(&folder, &format!("out/prod/many/{number:05}.yaml"), "level: debug\n");
    }
    let large = format!("a: {}\n", "x".repeat(17 * 1024 * 1024));
    put(&folder, "out/prod/a-large-one.yaml", &large);
    let found = found(&folder);
    assert!(found.iter().all(|finding| finding.starts_with("manifest-not-checked ")), "{found:?}");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn folders_that_include_each_other_many_times_cost_little() {
    let folder = repository(&[("out/prod/level-0/kustomization.yaml", "resources: [../level-1, ./../level-1, .//../level-1]\n")]);
    for level in 1..24 {
        let next = level + 1;
        let text = format!("resources: [../level-{next}, ./../level-{next}, .//../level-{next}]\n");
        put(&folder, &format!("out/prod/level-{level}/kustomization.yaml"), &text);
    }
    put(&folder, "out/prod/level-24/kustomization.yaml", "resources: [one.yaml]\n");
    put(&folder, "out/prod/level-24/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n");
    let started = std::time::Instant::now();
    let found = found(&folder);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(found.iter().any(|finding| finding.starts_with("kustomization-not-checked ")), "{found:?}");
}

#[test]
fn a_patch_for_everything_cannot_fill_the_memory() {
    let mut objects = String::new();
    for number in 0..5000 {
        let _ = write!(objects, "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a-{number}}}\n---\n");
    }
    let patch = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: any}}\ndata: {{a: {}}}\n", "x".repeat(1024 * 1024));
    let kustomization = "resources: [all.yaml]\npatches: [{path: patch.yaml, target: {kind: ConfigMap}}]\n";
    let folder = repository(&[
        ("out/prod/app/all.yaml", &objects),
        ("out/prod/app/patch.yaml", &patch),
        ("out/prod/app/kustomization.yaml", kustomization),
    ]);
    assert_eq!(found(&folder), ["kustomization-not-checked out/prod/app/kustomization.yaml:1"]);
}

mod reference {
    use super::*;

    /// The recipe that this program was made against, as somebody would put it into the output folder, with the values
    /// file that it names.
    #[test]
    #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
    fn the_recipe_is_told_what_is_wrong_with_it() {
        let reference = std::env::var_os("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the reference files");
        let folder = repository(&[("out/prod/recipe/values.yaml", "replicaCount: 1\n")]);
        for name in ["kustomization.yaml", "post-install-job.yaml", "rbac-stepissuer.yaml"] {
            let text = fs::read_to_string(Path::new(&reference).join("recipe").join(name)).expect("the recipe");
            put(&folder, &format!("out/prod/recipe/{name}"), &text);
        }
        let found = found(&folder);
        for expected in [
            "service-account-vanishes out/prod/recipe/post-install-job.yaml:13",
            "hook-ignored out/prod/recipe/post-install-job.yaml:7",
            "image-mutable-tag out/prod/recipe/post-install-job.yaml:16",
            "rbac-apply-needs-patch out/prod/recipe/rbac-stepissuer.yaml:8",
            "rbac-apply-needs-patch out/prod/recipe/rbac-stepissuer.yaml:11",
            "rbac-cluster-wide-write out/prod/recipe/rbac-stepissuer.yaml:8",
            "rbac-reaches-ca-keys out/prod/recipe/rbac-stepissuer.yaml:13",
            "chart-crds-missing out/prod/recipe/kustomization.yaml:7",
            "chart-image-withdrawn out/prod/recipe/kustomization.yaml:11",
            "chart-default-service-account out/prod/recipe/kustomization.yaml:14",
            "affinity-pins-controller out/prod/recipe/kustomization.yaml:22",
        ] {
            assert!(found.iter().any(|finding| finding == expected), "{expected}: {found:?}");
        }
    }
}
