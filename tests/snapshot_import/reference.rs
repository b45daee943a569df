//! Every reference file is imported, or refused for the right reason.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use trustree::snapshot::{Input, import, is_wanted, load};

use super::support::{codes, imported, input, refused, reloaded, request};

/// The folder of the reference files.
fn reference() -> Utf8PathBuf {
    Utf8PathBuf::from(std::env::var("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the folder of the reference files"))
}

fn file(folder: &Utf8Path, path: &str) -> Input {
    input(path, fs::read(folder.join(path)).expect(path))
}

fn renamed(folder: &Utf8Path, path: &str, name: &str) -> Input {
    Input { name: name.to_owned(), ..file(folder, path) }
}

fn folder_of(folder: &Utf8Path, path: &str) -> Vec<Input> {
    let entries = fs::read_dir(folder.join(path)).expect(path).map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = entries.filter(|name| is_wanted(Utf8Path::new(name))).collect();
    names.sort();
    names.into_iter().map(|name| renamed(folder, &format!("{path}/{name}"), &name)).collect()
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn the_bootstrap_release_gives_the_snapshot_of_the_worked_example_byte_for_byte() {
    let folder = reference();
    let example = fs::read_to_string(folder.join("../example/environments/prod-tokyo/ca-snapshot.yaml")).expect("example");
    load(example.as_bytes(), "ca-snapshot.yaml".into()).expect("the example loads");
    let single = vec![file(&folder, "real/bootstrap.certs.single.yaml"), file(&folder, "real/bootstrap.config.single.yaml")];
    for inputs in [
        vec![file(&folder, "real/bootstrap.configmaps.yaml")],
        vec![file(&folder, "real/bootstrap.configmaps.json")],
        single.clone(),
        folder_of(&folder, "real/folder"),
    ] {
        let shown = format!("{inputs:?}");
        let imported = imported(inputs);
        assert_eq!(imported.to_yaml(), example, "{shown}");
        assert_eq!(imported.notes, [], "{shown}");
        assert_eq!(reloaded(&imported), imported.snapshot);
    }
    for half in single {
        assert_eq!(codes(&refused(vec![half])), ["snapshot-incomplete"]);
    }
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn the_inject_release_imports_under_its_own_name() {
    let folder = reference();
    let imported = imported(vec![file(&folder, "real/inject.configmaps.yaml")]);
    assert_eq!((imported.release.as_deref(), imported.namespace.as_deref()), (Some("pki-step-certificates"), Some("pki")));
    assert_eq!(
        imported.snapshot.roots()[0].certificate.fingerprint().to_string(),
        "e1fcbb53d68165847b366d2011c8b2ab99a470dfc2e6cfddd7210640abb17051"
    );
    assert_eq!(imported.notes, []);
    assert_eq!(reloaded(&imported), imported.snapshot);
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn several_releases_are_told_apart() {
    let folder = reference();
    let both = || vec![file(&folder, "real/bootstrap.configmaps.yaml"), file(&folder, "real/inject.configmaps.yaml")];
    let findings = refused(both());
    assert_eq!(codes(&findings), ["snapshot-ambiguous"]);
    assert!(findings[0].message.contains("smallstep/step-certificates") && findings[0].message.contains("pki/pki-step-certificates"));
    for release in ["pki", "pki-step-certificates", "pki/pki-step-certificates"] {
        let mut request = request();
        request.release = Some(release.to_owned());
        assert_eq!(import(both(), &request, None).expect(release).namespace.as_deref(), Some("pki"));
    }
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn answers_of_the_api_import_with_unknown_facts() {
    let folder = reference();
    let imported = imported(folder_of(&folder, "real/api"));
    let text = imported.to_yaml();
    assert!(text.contains("enableAdmin: unknown") && text.contains("dnsNames: unknown") && text.contains("version: unknown"), "{text}");
    assert_eq!(imported.snapshot.provisioners().known().map(|all| all.len()), Some(3));
    assert_eq!(imported.snapshot.intermediates().len(), 1);
    assert_eq!(reloaded(&imported), imported.snapshot);
    let first_page = vec![file(&folder, "real/api/provisioners.limit1.json"), file(&folder, "real/api/roots.pem")];
    let findings = refused(first_page);
    assert_eq!(codes(&findings), ["snapshot-incomplete"]);
    assert!(findings[0].message.contains("nextCursor"));
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn the_samples_import_in_every_form_to_the_same_snapshot() {
    let folder = reference();
    let forms = [
        vec!["samples/kubectl-get-cm-o-json.json"],
        vec!["samples/existingSecrets-certs.secret.yaml", "samples/existingSecrets-config.secret.yaml"],
        vec!["samples/step-certificates-certs.configmap.yaml", "samples/step-certificates-config.configmap.yaml"],
    ];
    let mut texts = Vec::new();
    for form in forms {
        let imported = imported(form.into_iter().map(|path| file(&folder, path)).collect());
        // The sample's intermediate is of another CA.
        assert_eq!(codes(&imported.notes), ["ca-chain-broken"]);
        assert!(imported.to_yaml().contains("root: unknown"));
        assert_eq!(reloaded(&imported), imported.snapshot);
        texts.push(imported.to_yaml());
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
    let plain = imported(vec![renamed(&folder, "samples/ca.json", "ca.json"), renamed(&folder, "samples/root_ca.crt", "root_ca.crt")]);
    assert_eq!(plain.notes, []);
    let claims = plain.snapshot.tls_claims("step-issuer").expect("known");
    assert_eq!(claims.max.to_string(), "2160h0m0s");
    // All of them at once are still one CA.
    let all = imported(folder_of(&folder, "samples"));
    assert_eq!(all.snapshot.intermediates().len(), 1);
    assert_eq!(all.release.as_deref(), Some("step-certificates"));
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn ca_files_of_upstream_import_with_their_roots() {
    let folder = reference();
    for (configuration, root, provisioners, notes) in [
        ("certificates-ca-testdata.ca.json", "certificates-ca-testdata.root_ca.crt", 5, vec!["snapshot-partial"]),
        ("certificates-ca-testdata.federated-ca.json", "certificates-ca-testdata.root_ca.crt", 1, vec!["snapshot-partial"]),
        ("certificates-ca-testdata.rotate-ca-2.json", "certificates-ca-testdata.root_ca.crt", 1, vec!["snapshot-partial"]),
        ("certificates-examples-pki.ca.json", "certificates-examples-pki.root_ca.crt", 4, vec![]),
        ("certificates-examples-federation-kubernetes.ca.json", "certificates-examples-federation-kubernetes.root_ca.crt", 1, vec![]),
        ("certificates-examples-pki.ca.json", "certificates-ca-testdata.rsa_root_ca.crt", 4, vec![]),
    ] {
        let inputs =
            vec![renamed(&folder, &format!("ca/{configuration}"), "ca.json"), renamed(&folder, &format!("ca/{root}"), "root_ca.crt")];
        let plain = imported(inputs);
        assert_eq!(plain.snapshot.provisioners().known().map(|all| all.len()), Some(provisioners), "{configuration}");
        assert_eq!(codes(&plain.notes), notes, "{configuration}");
        assert_eq!(reloaded(&plain), plain.snapshot);
        assert!(!plain.to_yaml().contains("password") && !plain.to_yaml().contains("asdf"));
        // Under their upstream names too.
        if root.starts_with(configuration.split(".ca.json").next().unwrap_or_default()) {
            let inputs = vec![file(&folder, &format!("ca/{configuration}")), file(&folder, &format!("ca/{root}"))];
            assert_eq!(imported(inputs).snapshot, plain.snapshot);
        }
    }
    let text = imported(vec![
        renamed(&folder, "ca/certificates-ca-testdata.ca.json", "ca.json"),
        renamed(&folder, "ca/certificates-ca-testdata.root_ca.crt", "certs/root_ca.crt"),
        renamed(&folder, "ca/certificates-ca-testdata.intermediate_ca.crt", "certs/intermediate_ca.crt"),
    ]);
    assert!(text.snapshot.intermediates()[0].root.known().is_some());
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn fake_certificates_in_helm_values_are_refused_by_name() {
    let folder = reference();
    let names = ["simple", "with-acme", "with-acme-and-duplicate-provisioner-name", "with-admin", "with-provisioner", "with-ssh-and-acme"];
    for name in names {
        let findings = refused(vec![file(&folder, &format!("ca/certificates-pki-helm.{name}.yml"))]);
        assert_eq!(codes(&findings), ["wrong-type", "wrong-type"], "{findings:#?}");
        assert!(findings[0].message.contains("root_ca.crt") && findings[0].message.contains("section 1"), "{findings:#?}");
    }
}

#[test]
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn the_charts_default_values_hold_no_ca() {
    let folder = reference();
    let findings = refused(vec![file(&folder, "charts/step-certificates-1.30.1.values.yaml")]);
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.rule.untrusted), "{findings:#?}");
}
