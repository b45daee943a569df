//! What must not happen: a secret in a snapshot, a message or a debug output; a panic.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use trustree::snapshot::{Input, import, load};

use super::support::{Lab, ca_json, input, jwk, one, refusal, request};

/// A ca.json with a secret in every place where step-ca keeps one.
fn full_of_secrets() -> Value {
    let mut configuration = ca_json();
    configuration["password"] = "SECRET-1".into();
    configuration["db"] = json!({"type": "mysql", "dataSource": "user:SECRET-2@tcp(db)/"});
    configuration["kms"] = json!({"type": "yubikey", "pin": "SECRET-3", "managementKey": "SECRET-4", "uri": "pkcs11:?pin-value=SECRET-5"});
    configuration["monitoring"] = json!({"type": "newrelic", "key": "SECRET-6"});
    let mut template = jwk("templated", "kid-2");
    template["options"] =
        json!({"x509": {"template": "SECRET-7", "templateData": {"a": "SECRET-8"}}, "webhooks": [{"bearerToken": "SECRET-9"}]});
    configuration["authority"] = json!({
        "certificateIssuer": {"type": "jwk", "password": "SECRET-10"}, "vault": {"secretID": "SECRET-11"},
        "template": {"organization": "Lab"},
        "provisioners": [
            template,
            {"type": "OIDC", "name": "oidc", "clientID": "id", "clientSecret": "SECRET-12"},
            {"type": "SCEP", "name": "scep", "challenge": "SECRET-13", "decrypterKeyPEM": "U0VDUkVU", "decrypterKeyPassword": "SECRET-14"},
            {"type": "X5C", "name": "x5c", "roots": "SECRET-15"}, {"type": "Nebula", "name": "nebula", "roots": "SECRET-16"},
        ]
    });
    configuration
}

#[test]
fn nothing_secret_gets_into_a_snapshot() {
    let lab = Lab::new("Root");
    let mut list = lab.list(&full_of_secrets());
    let key = lab.root_key.serialize_pem();
    list["items"][0]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": key});
    let items = list["items"].as_array_mut().expect("items");
    let metadata = |name: &str| json!({"name": format!("step-certificates-{name}"), "namespace": "smallstep"});
    items.push(
        json!({"kind": "ConfigMap", "metadata": metadata("secrets"), "data": {"root_ca_key": key, "ca.json": "{", "root_ca.crt": key}}),
    );
    items.push(json!({"kind": "Secret", "metadata": metadata("ca-password"), "data": {"password": "not base64!", "ca.json": "{"}}));
    items.push(json!({"kind": "Secret", "type": "smallstep.com/private-keys", "metadata": metadata("keys"), "data": {"ca.json": "!"}}));
    items.push(json!({"kind": "ConfigMap", "metadata": metadata("bootstrap"), "data": {"ca.json": "{", "bootstrap.sh": "SECRET"}}));
    let imported = one(&list);
    let text = imported.to_yaml();
    for shown in [text, format!("{imported:?}"), format!("{:?}", input("-", list.to_string()))] {
        for secret in ["SECRET", "U0VDUkVU", "PRIVATE KEY", key.lines().nth(1).expect("body")] {
            assert!(!shown.contains(secret), "{secret}");
        }
    }
    assert_eq!(imported.snapshot.provisioners().known().map(std::collections::BTreeMap::len), Some(5));
}

#[test]
fn private_keys_where_certificates_or_public_keys_are_read_are_refused() {
    let lab = Lab::new("Root");
    let key = lab.root_key.serialize_pem();
    let body = key.lines().nth(1).expect("body").to_owned();
    let with = |name: &str, value: String| {
        let mut list = lab.list(&ca_json());
        list["items"][1]["data"][name] = value.into();
        list
    };
    let mut private = ca_json();
    private["authority"]["provisioners"][0]["key"]["d"] = body.clone().into();
    let mut symmetric = ca_json();
    symmetric["authority"]["provisioners"][0]["key"] = json!({"kty": "oct", "k": body});
    for (name, list) in [
        ("behind the root", with("root_ca.crt", format!("{}{key}", lab.root))),
        ("instead of the root", with("root_ca.crt", key.clone())),
        ("in base64", with("root_ca.crt", STANDARD.encode(&key))),
        ("as a certificate", with("root_ca.crt", key.replace("PRIVATE KEY", "CERTIFICATE"))),
        ("before the intermediate", with("intermediate_ca.crt", format!("{key}{}", lab.intermediate))),
        ("as a provisioner's key", lab.list(&private)),
        ("as a provisioner's symmetric key", lab.list(&symmetric)),
    ] {
        let (code, text) = refusal(vec![input("-", list.to_string())]);
        assert_eq!(code, "snapshot-private-key", "{name}: {text}");
        assert!(!text.contains(&body[..16]), "{name}");
    }
}

#[test]
fn names_out_of_a_cluster_cannot_end_the_comment_on_top() {
    let lab = Lab::new("Root");
    let evil = "x\nroots: []\u{2028}#\r";
    let mut list = lab.objects(evil, evil, &ca_json(), "List");
    list["items"][1]["metadata"]["namespace"] = evil.into();
    let imported = one(&list);
    assert_eq!(imported.to_yaml().lines().nth(1), Some("apiVersion: trustree.dev/v1alpha1"));
    assert!(load(imported.to_yaml().as_bytes(), "x".into()).is_ok());
}

/// Exports to break: made-up ones, and those of the reference where they are at hand.
fn exports() -> Vec<Vec<u8>> {
    let lab = Lab::new("Root");
    let list = lab.list(&full_of_secrets());
    let mut exports =
        vec![list.to_string().into_bytes(), serde_yaml::to_string(&list).expect("YAML").into_bytes(), one(&list).to_yaml().into_bytes()];
    // Without the variable, what is made up has to do.
    let Ok(folder) = std::env::var("TRUSTREE_REFERENCE") else { return exports };
    for path in [
        "real/inject.configmaps.yaml",
        "real/bootstrap.configmaps.json",
        "samples/existingSecrets-config.secret.yaml",
        "real/api/provisioners.json",
    ] {
        exports.extend(fs::read(format!("{folder}/{path}")));
    }
    exports
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn import_and_load_never_panic_on_broken_exports(choice in any::<prop::sample::Index>(), cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8)) {
        thread_local!(static EXPORTS: Vec<Vec<u8>> = exports());
        let mut bytes = EXPORTS.with(|exports| exports[choice.index(exports.len())].clone());
        for (place, byte, what) in cuts {
            let at = place.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        let shown = match import(vec![Input { name: "-".to_owned(), bytes: bytes.clone() }], &request(), None) {
            Ok(imported) => {
                let text = imported.to_yaml();
                let again = load(text.as_bytes(), "x".into());
                prop_assert!(again.as_ref() == Ok(&imported.snapshot), "{:?}", again);
                text
            }
            Err(findings) => {
                prop_assert!(!findings.is_empty() && findings.iter().all(|finding| finding.help.is_some()), "{:?}", findings);
                format!("{findings:?}")
            }
        };
        prop_assert!(!shown.contains("SECRET-"), "{}", shown);
        let _ = load(&bytes, "x".into());
    }
}
