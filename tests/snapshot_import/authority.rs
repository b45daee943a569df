//! What a snapshot records of a CA, by kind of CA.

use serde_json::{Value, json};
use trustree::snapshot::{Input, load};

use super::support::{Lab, ca_json, codes, imported, input, jwk, one, refusal, reloaded};

#[test]
fn roots_of_every_kind_of_key_import_and_load_again() {
    for (algorithm, words) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "key: ECDSA P-256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "key: ECDSA P-384"),
        (&rcgen::PKCS_ED25519, "key: Ed25519"),
    ] {
        let lab = Lab::with_key("Root", algorithm);
        let imported = one(&lab.list(&ca_json()));
        assert!(imported.to_yaml().contains(words), "{words}");
        assert_eq!(imported.snapshot.intermediates()[0].root.known(), Some(&lab.fingerprint()));
        assert_eq!(reloaded(&imported), imported.snapshot);
    }
}

#[test]
fn an_acme_only_ca_imports() {
    let lab = Lab::new("Root");
    let mut configuration = ca_json();
    configuration["authority"]["provisioners"] = json!([{"type": "ACME", "name": "acme", "forceCN": true, "claims": {}}]);
    let imported = one(&lab.list(&configuration));
    assert_eq!(imported.notes, []);
    assert!(imported.snapshot.provisioner("acme").is_some_and(|acme| !acme.is_jwk() && acme.kid.is_none()));
    assert!(imported.to_yaml().ends_with("provisioners:\n  acme:\n    type: ACME\n    template: false\n"));
}

#[test]
fn a_registration_authority_has_no_root_in_ca_json() {
    let lab = Lab::new("Root");
    let mut configuration = ca_json();
    configuration.as_object_mut().expect("map").retain(|key, _| !matches!(key.as_str(), "root" | "crt" | "key"));
    configuration["authority"]["type"] = "StepCAS".into();
    configuration["authority"]["certificateIssuer"] = json!({"type": "jwk", "provisioner": "ra", "password": "SECRET"});
    let imported = one(&lab.list(&configuration));
    assert_eq!(codes(&imported.notes), ["provisioners-not-authoritative"]);
    assert!(imported.snapshot.provisioners().is_unknown());
    let text = imported.to_yaml();
    assert!(text.contains("  registrationAuthority: stepcas\n") && !text.contains("SECRET"), "{text}");
    assert_eq!(imported.snapshot.roots()[0].certificate.fingerprint(), lab.fingerprint());
    assert_eq!(reloaded(&imported), imported.snapshot);
}

#[test]
fn a_linked_ca_is_recorded_as_such() {
    let lab = Lab::new("Root");
    let mut configuration = ca_json();
    configuration["authority"]["deploymentType"] = "linked".into();
    let imported = one(&lab.list(&configuration));
    assert!(imported.snapshot.provisioners().is_unknown());
    assert!(imported.to_yaml().contains("  deploymentType: linked\n"));
    assert_eq!(reloaded(&imported), imported.snapshot);
}

#[test]
fn policy_and_claims_survive_the_file() {
    let lab = Lab::new("Root");
    let mut configuration = ca_json();
    configuration["authority"]["policy"] = json!({"x509": {"allow": {"dns": ["*.svc.cluster.local", "yes"]}, "deny": {"ip": ["10.0.0.0/8"]}, "allowWildcardNames": true}, "ssh": {"user": {}}});
    configuration["authority"]["claims"] = json!({"maxTLSCertDuration": "72h", "disableRenewal": true, "maxUserSSHCertDuration": "16h"});
    configuration["authority"]["backdate"] = "0s".into();
    let mut rsa = jwk("rsa", "NQ");
    rsa["key"] = json!({"kty": "RSA", "n": "bW9kdWx1cw", "e": "AQAB", "kid": "NQ", "x5c": ["dropped"]});
    let mut okp = jwk("y", "okp");
    okp["key"] = json!({"kty": "OKP", "crv": "Ed25519", "x": "eA", "kid": "yes"});
    okp["claims"] = json!({"defaultTLSCertDuration": "96h"});
    configuration["authority"]["provisioners"] =
        json!([rsa, okp, jwk("mariano@smallstep.com", "1e3"), jwk("null", "k"), jwk("a: b\n", "k")]);
    let imported = one(&lab.list(&configuration));
    assert_eq!(reloaded(&imported), imported.snapshot);
    let authority = imported.snapshot.authority();
    assert!(authority.policy.known().is_some_and(Option::is_some));
    assert_eq!(imported.snapshot.tls_claims("y").expect("known").max.to_string(), "96h0m0s");
    assert_eq!(imported.snapshot.tls_claims("rsa").expect("known").max.to_string(), "72h0m0s");
    assert_eq!(imported.snapshot.provisioners_with_kid("k").collect::<Vec<_>>(), ["a: b\n", "null"]);
    assert!(!imported.to_yaml().contains("dropped"));
}

#[test]
fn an_intermediate_given_as_root_and_a_broken_chain_are_noted() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Root"));
    let mut configuration = ca_json();
    configuration["dnsNames"] = json!(["ca.example"]);
    let partial = vec![input("ca.json", configuration.to_string()), input("root_ca.crt", &*lab.intermediate)];
    assert_eq!(codes(&imported(partial).notes), ["ca-not-self-signed"]);
    // The same name and no authority key to tell them apart: only the signature does.
    let mut list = lab.list(&configuration);
    list["items"][1]["data"]["intermediate_ca.crt"] = other.intermediate.clone().into();
    let broken = one(&list);
    assert_eq!(codes(&broken.notes), ["ca-chain-broken"]);
    assert!(broken.snapshot.intermediates()[0].root.is_unknown());
    assert_eq!(reloaded(&broken), broken.snapshot);
    // A full chain ends with the root, which is no intermediate.
    let mut list = lab.list(&configuration);
    list["items"][1]["data"]["intermediate_ca.crt"] = format!("{}{}", lab.intermediate, lab.root).into();
    assert_eq!(one(&list).snapshot.intermediates().len(), 1);
}

#[test]
fn a_root_that_is_no_ca_is_refused() {
    let key = rcgen::KeyPair::generate().expect("key");
    let leaf = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("params").self_signed(&key).expect("signed").pem();
    let inputs = vec![input("ca.json", ca_json().to_string()), input("root_ca.crt", leaf)];
    assert_eq!(refusal(inputs).0, "ca-not-an-authority");
}

/// The snapshot of a made-up CA as a text.
fn snapshot() -> (Lab, String) {
    let lab = Lab::new("Root");
    let text = one(&lab.list(&ca_json())).to_yaml();
    (lab, text)
}

fn found(text: &str) -> Vec<(&'static str, u32)> {
    let findings = load(text.as_bytes(), "ca-snapshot.yaml".into()).expect_err("refused");
    let line = |finding: &trustree::finding::Finding| match finding.place {
        trustree::finding::Place::File { line, .. } => line,
        trustree::finding::Place::Inventory(_) | trustree::finding::Place::InventoryKey(_) => 0,
    };
    findings.iter().map(|finding| (finding.rule.code, line(finding))).collect()
}

fn line_of(text: &str, part: &str) -> u32 {
    u32::try_from(text.lines().position(|line| line.contains(part)).expect(part) + 1).expect("small")
}

#[test]
fn every_recorded_fact_is_recomputed_on_load() {
    let (_, text) = snapshot();
    for (from, to) in [
        ("  - sha256: ", "  - sha256: 0"),
        ("subject: O=Lab, CN=Root", "subject: O=Lab, CN=Another"),
        ("notBefore: \"1", "notBefore: \"2"),
        ("notAfter: \"4", "notAfter: \"5"),
        ("key: ECDSA P-256", "key: ECDSA P-384"),
    ] {
        let altered = text.replacen(from, to, 1);
        assert_ne!(altered, text, "{from}");
        assert_eq!(found(&altered), [("snapshot-altered", line_of(&altered, to))], "{from}");
    }
    // Both certificates, all facts: all findings at once.
    let both = text.replace("ECDSA P-256", "RSA 2048").replace("CN=", "CN=x");
    assert_eq!(found(&both).len(), 4);
}

#[test]
fn the_chain_and_the_keys_of_provisioners_are_checked_too() {
    let (lab, text) = snapshot();
    let root = format!("root: {}", lab.fingerprint());
    let stranger = text.replacen(&root, &format!("root: {}", "f".repeat(64)), 1);
    assert_eq!(found(&stranger), [("snapshot-altered", line_of(&stranger, "root: f"))]);
    assert!(load(text.replacen(&root, "root: unknown", 1).as_bytes(), "x".into()).is_ok());
    let without = text.replacen("    kid: kid-of-admin\n", "", 1);
    assert_eq!(codes_of(&without), ["snapshot-altered"]);
    let keyless = text.replacen("      y: eQ\n", "", 1);
    assert_eq!(codes_of(&keyless), ["snapshot-altered"]);
}

fn codes_of(text: &str) -> Vec<&'static str> {
    found(text).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn secrets_in_the_file_are_refused_with_their_line_and_never_repeated() {
    let (lab, text) = snapshot();
    let key = lab.root_key.serialize_pem();
    let body = key.lines().nth(1).expect("body");
    let indented = key.replace('\n', "\n      ");
    for (name, altered, mark) in [
        ("a key in a root", text.replacen("    pem: |\n", &format!("    pem: |\n      {}\n", indented.trim_end()), 1), "PRIVATE KEY"),
        ("a comment", format!("{text}# {}", key.replace('\n', "\n# ")), "BEGIN PRIVATE KEY"),
        ("a private member", text.replacen("      x: eA\n", "      x: eA\n      d: SECRET-d\n", 1), "d: SECRET-d"),
        ("an encrypted key", text.replacen("encryptedKey: true", "encryptedKey: SECRET.b.c.d.e", 1), "encryptedKey: SECRET"),
    ] {
        assert_ne!(altered, text, "{name}");
        let findings = load(altered.as_bytes(), "ca-snapshot.yaml".into()).expect_err(name);
        assert!(found(&altered).contains(&("snapshot-private-key", line_of(&altered, mark))), "{name}: {findings:#?}");
        assert!(codes_of(&altered).iter().all(|code| *code == "snapshot-private-key"), "{name}: {findings:#?}");
        assert!(!format!("{findings:?}").contains("SECRET") && !format!("{findings:?}").contains(&body[..16]), "{name}");
    }
    let misplaced = text.replacen("template: false", "template: \"SECRET template\"", 1);
    let findings = load(misplaced.as_bytes(), "ca-snapshot.yaml".into()).expect_err("refused");
    assert!(!format!("{findings:?}").contains("SECRET"));
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let (_, text) = snapshot();
    assert_eq!(codes_of(""), ["invalid-yaml"]);
    assert_eq!(codes_of(&format!("{text}---\n{text}")), ["invalid-yaml"]);
    assert_eq!(codes_of(&text.replacen("v1alpha1", "v2", 1)), ["wrong-type"]);
    assert_eq!(codes_of(&text.replacen("backdate: 1m0s", "backdate: 1d", 1)), ["wrong-type"]);
    assert_eq!(codes_of(&text.replacen("  backdate: 1m0s\n", "  backdat: 1m0s\n", 1)), ["unknown-field", "wrong-type"]);
    assert_eq!(codes_of(&text.replacen("    key: ECDSA", "    neededUntil: soon\n    key: ECDSA", 1)), ["wrong-type"]);
    let nothing: Vec<Input> = Vec::new();
    assert_eq!(refusal(nothing).0, "snapshot-incomplete");
}

#[test]
fn a_root_without_authority_and_one_that_stands_twice_are_refused_on_load() {
    let (_, text) = snapshot();
    let value: Value = serde_yaml::from_str(&text).expect("YAML");
    let mut twice = value.clone();
    let root = twice["roots"][0].clone();
    twice["roots"].as_array_mut().expect("list").push(root);
    assert_eq!(codes_of(&serde_yaml::to_string(&twice).expect("YAML")), ["snapshot-altered"]);
    let mut none = value;
    none["roots"] = json!([]);
    none["intermediates"] = json!([]);
    assert_eq!(codes_of(&serde_yaml::to_string(&none).expect("YAML")), ["snapshot-altered"]);
}
