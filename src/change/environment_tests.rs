use super::*;
use crate::change::test_support::{intermediate, root};
use crate::tree::OutPath;

fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: OutPath::new(path).expect("path"),
        cause: Cause::InputsChanged,
        action: if after.is_some() { Action::Write } else { Action::Delete },
        blocked: false,
        before: before.map(|text| text.as_bytes().to_vec()),
        after: after.map(Into::into),
    }
}

fn plan(changes: Vec<FileChange>, same: &[(&str, &str)]) -> Plan {
    let same = same.iter().map(|(path, text)| (OutPath::new(path).expect("path"), (*text).into())).collect();
    Plan { changes, same, ..Plan::default() }
}

fn found(changes: Vec<FileChange>, same: &[(&str, &str)]) -> Vec<Change> {
    super::changes(&plan(changes, same), "out/one", "one")
}

/// Risk, kind of change, file, and the sentences of each change.
fn told(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            let name = change.object.as_ref().map_or_else(String::new, |object| format!(" {object}"));
            let place = |path: &Option<Utf8PathBuf>| path.as_ref().map_or_else(String::new, |path| format!(" {path}"));
            let sentences = change.meanings.iter().map(|meaning| format!("; {}", meaning.text)).collect::<String>();
            format!("{} {:?}{name}{}{}{sentences}", change.risk, change.what, place(&change.from), place(&change.file))
        })
        .collect()
}

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n---\n")
}

fn issuer(name: &str, bundle: &str) -> String {
    let bundle = serde_json::to_string(bundle).expect("JSON");
    format!(
        "apiVersion: certmanager.step.sm/v1beta1\nkind: StepIssuer\nmetadata: {{name: {name}, namespace: ns}}\nspec: {{url: 'https://ca', caBundle: {bundle}}}\n---\n"
    )
}

fn key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate().expect("key")
}

#[test]
fn an_object_in_another_file_has_moved() {
    let (a, b) = (map("a", "1"), map("b", "1"));
    let both = format!("{a}{b}");
    let changes = found(vec![file("x.yaml", Some(&both), Some(&b)), file("y.yaml", None, Some(&map("a", "2")))], &[]);
    assert_eq!(told(&changes), ["rest ObjectMoved ConfigMap `a` out/one/x.yaml out/one/y.yaml"]);
    assert_eq!(changes[0].fields.len(), 1);
}

#[test]
fn a_file_with_another_name_is_renamed() {
    let both = format!("{}{}", map("a", "1"), map("b", "1"));
    let changed = format!("{}{}", map("a", "1"), map("b", "2"));
    let changes = found(vec![file("new.yaml", None, Some(&changed)), file("old.yaml", Some(&both), None)], &[]);
    assert_eq!(told(&changes), ["rest FileRenamed out/one/old.yaml out/one/new.yaml", "rest ObjectChanged ConfigMap `b` out/one/new.yaml"]);
}

#[test]
fn what_has_no_name_is_told_by_its_file() {
    let changes = found(
        vec![
            file(
                "kustomization.yaml",
                Some("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n"),
                Some("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a, b]\n"),
            ),
            file("values.yaml", Some("replicaCount: 1\n"), Some("replicaCount: 2\n")),
            file("notes.txt", Some("a\nb\n"), Some("a\nc\nd\n")),
        ],
        &[],
    );
    assert_eq!(
        told(&changes),
        [
            "rest FileChanged Kustomization out/one/kustomization.yaml",
            "rest FileChanged out/one/notes.txt; 2 lines added, 1 removed",
            "rest FileChanged out/one/values.yaml"
        ]
    );
    assert_eq!(changes[0].fields[0].path, "resources[]");
    assert_eq!(changes[2].fields[0].path, "replicaCount");
}

#[test]
fn a_document_without_a_name_goes_and_comes_without_its_file() {
    let nameless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n";
    let both = format!("{}{nameless}", map("a", "1"));
    let gone = found(vec![file("x.yaml", Some(&both), Some(&map("a", "1")))], &[]);
    assert_eq!(told(&gone), ["rest DocumentRemoved ConfigMap out/one/x.yaml"]);
    let come = found(vec![file("x.yaml", Some(&map("a", "1")), Some(&both))], &[]);
    assert_eq!(told(&come), ["rest DocumentAdded ConfigMap out/one/x.yaml"]);
    assert_eq!(told(&found(vec![file("x.yaml", Some(nameless), None)], &[])), ["rest FileRemoved ConfigMap out/one/x.yaml"]);
}

#[test]
fn only_comments_or_layout_are_told_as_such() {
    let text = map("a", "1");
    for other in [format!("# Generated\n{text}"), text.replace("{name: a}", "\n  name: \"a\"")] {
        assert_eq!(told(&found(vec![file("x.yaml", Some(&text), Some(&other))], &[])), ["rest LayoutOnly out/one/x.yaml"]);
    }
    assert_eq!(told(&found(vec![file("x.yaml", None, Some("# nothing\n"))], &[])), ["rest FileAdded out/one/x.yaml"]);
}

#[test]
fn what_cannot_be_read_is_not_taken_for_nothing() {
    let one = root("One", &key());
    let changes = found(vec![file("x.yaml", Some("a: ["), Some(&issuer("i", &one)))], &[]);
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].risk, changes[0].what, changes[0].meanings[0].code), (Risk::Trust, What::FileChanged, Code::Unreadable));
    assert!(changes[0].meanings[0].text.starts_with("what is there now cannot be read (not valid YAML: "), "{changes:?}");
}

#[test]
fn an_edited_file_that_is_left_takes_nothing_away() {
    let left = FileChange { action: Action::Leave, ..file("x.yaml", Some(&map("a", "1")), None) };
    assert_eq!(told(&found(vec![left], &[])), ["rest FileLeft out/one/x.yaml; no longer rendered, and edited by hand: it stays as it is"]);
}

#[test]
fn trust_comes_first_and_looks_at_files_that_stay() {
    let (key_one, key_two) = (key(), key());
    let (one, two) = (root("One", &key_one), root("Two", &key_two));
    let both = format!("{one}{two}");
    let change = || {
        vec![
            file("a.yaml", Some(&map("m", "1")), Some(&map("m", "2"))),
            file("i.yaml", Some(&issuer("i", &both)), Some(&issuer("i", &two))),
        ]
    };
    let alone = told(&found(change(), &[]));
    assert!(
        alone[0].starts_with("trust ObjectChanged StepIssuer `i` in namespace `ns` out/one/i.yaml; root removed: `CN=One`"),
        "{alone:?}"
    );
    assert!(alone[1].starts_with("rest ObjectChanged ConfigMap `m`"), "{alone:?}");
    let beside = told(&found(change(), &[("j.yaml", &issuer("j", &one))]));
    let wanted = "root removed while StepIssuer `j` in namespace `ns` still trusts it for the same CA: `CN=One`";
    assert!(beside[0].contains(wanted), "{beside:?}");
    let chain = format!("stepIssuer: {{}}\nchain: {}\n", serde_json::to_string(&intermediate("Middle", &one, &key_one)).expect("JSON"));
    let beside = told(&found(change(), &[("values.yaml", &chain)]));
    assert!(beside[0].contains("root removed while `CN=Middle` in `values.yaml` is still issued by it"), "{beside:?}");
}

#[test]
fn an_issuer_that_goes_takes_its_root_with_it() {
    let one = root("One", &key());
    let gone = || vec![file("i.yaml", Some(&issuer("i", &one)), None)];
    let alone = told(&found(gone(), &[]));
    assert!(
        alone[0].starts_with("trust ObjectRemoved StepIssuer `i` in namespace `ns` out/one/i.yaml; root removed with its object: `CN=One`"),
        "{alone:?}"
    );
    let beside = told(&found(gone(), &[("j.yaml", &issuer("j", &one))]));
    assert!(beside[0].contains("root removed with its object (StepIssuer `j` in namespace `ns` still trusts it): `CN=One`"), "{beside:?}");
}

#[test]
fn rights_are_those_of_roles_and_bindings_in_any_file() {
    let role = |verbs: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: x}}\nrules: [{{apiGroups: [''], resources: [secrets], verbs: [{verbs}]}}]\n"
        )
    };
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: x}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: b, namespace: a}]\n";
    let changes = found(vec![file("role.yaml", Some(&role("get")), Some(&role("get, list")))], &[("binding.yaml", binding)]);
    assert_eq!(
        told(&changes),
        [
            "RBAC RightsChanged ServiceAccount `b` in namespace `a`; ServiceAccount `a/b` may now `list` secrets in namespace `x`",
            "RBAC ObjectChanged Role `r` in namespace `x` out/one/role.yaml"
        ]
    );
    // A role that moves or is laid out differently gives nobody anything.
    let moved = found(
        vec![file("role.yaml", Some(&role("get")), None), file("roles.yaml", None, Some(&role("get")))],
        &[("binding.yaml", binding)],
    );
    assert_eq!(told(&moved), ["rest FileRenamed out/one/role.yaml out/one/roles.yaml"]);
}

#[test]
fn a_duration_written_differently_and_another_issuer_are_told_apart() {
    let certificate = |duration: &str, issuer: &str| {
        format!(
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: c, namespace: ns}}\nspec: {{duration: {duration}, issuerRef: {{name: {issuer}}}}}\n"
        )
    };
    let of = |after: &str| found(vec![file("c.yaml", Some(&certificate("24h", "i")), Some(after))], &[]);
    let rewritten = of(&certificate("24h0m0s", "i"));
    assert_eq!((rewritten[0].risk, rewritten[0].fields[0].op), (Risk::Rest, Op::Rewrite));
    assert_eq!(of(&certificate("24h", "j"))[0].risk, Risk::Issuer);
}

#[test]
fn the_same_change_has_the_same_fingerprint_in_every_environment() {
    let change = |environment: &str, value: &str| {
        let (old, new) = (
            format!("# environments/{environment}/inventory.yaml\n{}", map("a", "1")),
            format!("# environments/{environment}/inventory.yaml\n{}", map("a", value)),
        );
        let text = |value: &str| format!("see environments/{environment}/inventory.yaml\n{value}\n");
        let plan = plan(vec![file("x.yaml", Some(&old), Some(&new)), file("n.txt", Some(&text("1")), Some(&text(value)))], &[]);
        let changes = super::changes(&plan, &format!("out/{environment}"), environment);
        changes.into_iter().map(|change| change.fingerprint).collect::<Vec<_>>()
    };
    assert_eq!(change("one", "2"), change("two", "2"));
    let (two, three) = (change("one", "2"), change("one", "3"));
    assert!(two[0] != three[0] && two[1] != three[1]);
}

#[test]
fn the_content_of_a_secret_never_leaves() {
    let secret =
        |value: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: ns}}\nstringData: {{password: {value}}}\n");
    for (before, after) in [(Some("hunter2"), Some("hunter3")), (None, Some("hunter2")), (Some("hunter2"), None)] {
        let changes = found(vec![file("s.yaml", before.map(secret).as_deref(), after.map(secret).as_deref())], &[]);
        let text = serde_json::to_string(&changes).expect("JSON");
        assert!(!text.contains("hunter") && text.contains("\"Secret\""), "{text}");
    }
    for nameless in [
        "apiVersion: v1\nkind: Secret\nmetadata: {generateName: s-}\nstringData: {a: hunter2}\n",
        "kind: Secret\nstringData: {a: hunter2}\n",
        "apiVersion: v1\nkind: SecretList\nitems: [{metadata: {generateName: s-}, stringData: {a: hunter2}}]\n",
    ] {
        let changes = found(vec![file("values.yaml", Some(nameless), Some("a: 1\n"))], &[]);
        let text = serde_json::to_string(&changes).expect("JSON");
        assert!(!text.contains("hunter") && text.contains("hidden"), "{text}");
    }
}

#[test]
fn what_takes_others_along_is_told_when_it_goes() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: stepissuers.certmanager.step.sm}\nspec: {names: {kind: StepIssuer}}\n";
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: issuer, namespace: flux-system}\nspec: {}\n";
    let gone = told(&found(vec![file("crd.yaml", Some(definition), None), file("release.yaml", Some(release), None)], &[]));
    assert!(gone.iter().any(|one| one.starts_with("issuer ") && one.ends_with("every StepIssuer in the cluster")), "{gone:?}");
    assert!(gone.iter().any(|one| one.starts_with("issuer ") && one.contains("uninstalls")), "{gone:?}");
    let marks = "annotations: {argocd.argoproj.io/sync-options: Prune=false, kustomize.toolkit.fluxcd.io/prune: disabled}, name";
    let marked = told(&found(vec![file("crd.yaml", Some(&definition.replace("{name: step", &format!("{{{marks}: step"))), None)], &[]));
    assert!(marked.iter().all(|one| !one.contains("prunes")), "{marked:?}");
    let kept = told(&found(vec![file("crd.yaml", Some(definition), Some(&definition.replace("StepIssuer", "Other")))], &[]));
    assert!(kept.iter().all(|one| !one.contains("prunes")), "{kept:?}");
}
