//! "Where it comes from": every shape in which a CA is exported gives the same snapshot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use serde_json::{Value, json};
use trustree::snapshot::{Input, import, is_wanted};

use super::support::{Lab, ca_json, codes, imported, input, jwk, one, refusal, refused, reloaded, request};

/// The same value as YAML by an independent writer.
fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).expect("YAML")
}

fn secrets_of(objects: &Value) -> Value {
    let mut objects = objects.clone();
    for item in objects["items"].as_array_mut().expect("items") {
        item["kind"] = "Secret".into();
        for value in item["data"].as_object_mut().expect("data").values_mut() {
            *value = STANDARD.encode(value.as_str().expect("text")).into();
        }
    }
    objects
}

#[test]
fn every_export_of_one_ca_gives_the_same_bytes() {
    let lab = Lab::new("Root");
    let list = lab.list(&ca_json());
    let expected = one(&list).to_yaml();
    let items = list["items"].as_array().expect("items");
    let mut typed = lab.objects("step-certificates", "smallstep", &ca_json(), "ConfigMapList");
    for item in typed["items"].as_array_mut().expect("items") {
        item.as_object_mut().expect("map").remove("kind");
    }
    let mut secret_list = secrets_of(&list);
    secret_list["kind"] = "SecretList".into();
    let mut binary = list.clone();
    for item in binary["items"].as_array_mut().expect("items") {
        let data = item.as_object_mut().expect("map").remove("data").expect("data");
        let encoded: serde_json::Map<String, Value> = data
            .as_object()
            .expect("map")
            .iter()
            .map(|(key, value)| (key.clone(), STANDARD.encode(value.as_str().expect("text")).into()))
            .collect();
        item["binaryData"] = encoded.into();
    }
    let mut plain_secrets = list.clone();
    for item in plain_secrets["items"].as_array_mut().expect("items") {
        item["kind"] = "Secret".into();
        let data = item.as_object_mut().expect("map").remove("data").expect("data");
        item["stringData"] = data;
    }
    let mounted = |folder: &str| -> Vec<Input> {
        let data = |index: usize| items[index]["data"].as_object().expect("data").clone();
        data(0).iter().chain(data(1).iter()).map(|(key, value)| input(&format!("{folder}{key}"), value.as_str().expect("text"))).collect()
    };
    let volume: Vec<Input> = ["", "..data/", "..2026_11_23_18_02_51.123/"].into_iter().flat_map(mounted).collect();
    let text = yaml(&list);
    let forms: Vec<(&str, Vec<Input>)> = vec![
        ("JSON", vec![input("-", format!("{list:#}"))]),
        ("YAML", vec![input("-", text.clone())]),
        ("Windows", vec![input("dump.yaml", format!("\u{feff}{}", text.replace('\n', "\r\n")))]),
        ("typed list", vec![input("-", yaml(&typed))]),
        ("list of Secrets", vec![input("-", yaml(&secret_list))]),
        ("Secrets", vec![input("-", yaml(&secrets_of(&list)))]),
        ("stringData", vec![input("-", yaml(&plain_secrets))]),
        ("binaryData", vec![input("-", yaml(&binary))]),
        ("several documents", vec![input("-", format!("{}---\n{}", yaml(&items[0]), yaml(&items[1])))]),
        ("JSON after JSON", vec![input("-", format!("{:#}\n{}", items[0], items[1]))]),
        (
            "a folder of objects",
            vec![input("a.yaml", yaml(&items[1])), input("b.json", items[0].to_string()), input("c.yaml", "# nothing\n")],
        ),
        ("a copy of $(step path)", lab.folder("", &ca_json())),
        ("the same, deeper", lab.folder("backup/.step/", &ca_json())),
        ("a mounted volume", volume),
        ("a mounted volume without links", mounted("..data/")),
    ];
    for (name, inputs) in forms {
        let imported = imported(inputs);
        assert_eq!(imported.to_yaml(), expected, "{name}");
        assert_eq!(imported.notes, [], "{name}");
        assert_eq!(reloaded(&imported), imported.snapshot, "{name}");
    }
    assert!(expected.starts_with("# What is publicly known of the CA `step-certificates` in namespace `smallstep`. Made by"));
}

#[test]
fn helm_values_are_read_and_their_secrets_are_not() {
    let lab = Lab::new("Root");
    let values = json!({"inject": {"enabled": true,
        "config": {"files": {"ca.json": ca_json(), "defaults.json": {"fingerprint": lab.fingerprint().to_string()}}},
        "certificates": {"root_ca": format!("{}\n\n", lab.root), "intermediate_ca": lab.intermediate},
        "secrets": {"x509": {"root_ca_key": lab.root_key.serialize_pem()}, "ca_password": "SECRET"}}});
    let text = imported(vec![input("values.yaml", yaml(&values))]).to_yaml();
    assert_eq!(text, one(&lab.list(&ca_json())).to_yaml());
    // The chart's own values name a kind of workload.
    let mut whole = values;
    whole["kind"] = "StatefulSet".into();
    assert_eq!(imported(vec![input("values.yaml", yaml(&whole))]).to_yaml(), text);
}

#[test]
fn utf_16_is_refused_with_the_reason() {
    let bytes: Vec<u8> = "\u{feff}kind: List\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (code, text) = refusal(vec![input("dump.yaml", bytes)]);
    assert_eq!(code, "invalid-yaml");
    assert!(text.contains("UTF-16") && text.contains("PowerShell"));
}

#[test]
fn objects_are_found_by_content_and_paired_by_prefix() {
    let (one_lab, other_lab) = (Lab::new("One"), Lab::new("Other"));
    let mut other_ca = ca_json();
    other_ca["authority"]["provisioners"] = json!([jwk("admin", "other")]);
    let mut items = one_lab.items("a-step-certificates", "pki", &ca_json());
    items.extend(other_lab.items("b-step-certificates", "pki", &other_ca));
    items.swap(0, 3);
    let list = json!({"kind": "List", "items": items}).to_string();
    let (code, text) = refusal(vec![input("-", &*list)]);
    assert_eq!(code, "snapshot-ambiguous");
    assert!(text.contains("`pki/a-step-certificates`") && text.contains("`pki/b-step-certificates`") && text.contains("--release"));
    for (release, lab) in [("a", &one_lab), ("b-step-certificates", &other_lab), ("pki/a-step-certificates", &one_lab)] {
        let mut request = request();
        request.release = Some(release.to_owned());
        let imported = import(vec![input("-", &*list)], &request, None).expect(release);
        assert_eq!(imported.snapshot.roots()[0].certificate.fingerprint(), lab.fingerprint(), "{release}");
    }
    let mut request = request();
    request.release = Some("c".to_owned());
    assert_eq!(codes(&import(vec![input("-", &*list)], &request, None).expect_err("refused")), ["snapshot-incomplete"]);
}

#[test]
fn copies_that_a_replicator_made_are_one_ca() {
    let lab = Lab::new("Root");
    let mut items = Vec::new();
    for namespace in ["apps", "smallstep", "zeta"] {
        let mut copies = lab.items("step-certificates", namespace, &ca_json());
        if namespace != "smallstep" {
            for copy in &mut copies {
                copy["metadata"]["annotations"] = json!({"replicator.v1.mittwald.de/replicated-from-version": "1"});
            }
        }
        items.extend(copies);
    }
    // A copy of the configuration alone, and one of the certificates alone.
    items.extend(lab.items("step-certificates", "half", &ca_json()).into_iter().take(1));
    items.extend(lab.items("step-certificates", "other-half", &ca_json()).into_iter().skip(1));
    let imported = one(&json!({"kind": "List", "items": items}));
    assert_eq!(imported.to_yaml(), one(&lab.list(&ca_json())).to_yaml());
}

#[test]
fn of_several_objects_the_one_with_the_named_root_is_the_partner() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Other"));
    let mut items = lab.items("step-certificates", "smallstep", &ca_json());
    let object = |name: &str, data: Value| json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "smallstep"}, "data": data});
    // A serving certificate under the bare name of the release, and a root of somebody else.
    items.insert(0, object("step-certificates", json!({"tls.crt": "-----BEGIN CERTIFICATE-----\nnone\n"})));
    items.insert(0, object("a-root", json!({"root_ca.crt": other.root})));
    let expected = one(&lab.list(&ca_json())).to_yaml();
    assert_eq!(one(&json!({"kind": "List", "items": items})).to_yaml(), expected);
    // Under names of their own, the fingerprint tells which.
    items[3]["metadata"]["name"] = "trust".into();
    assert_eq!(one(&json!({"kind": "List", "items": items})).to_yaml(), expected);
}

#[test]
fn a_fingerprint_that_nothing_bears_is_refused() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Other"));
    let mut list = lab.list(&ca_json());
    list["items"][1]["data"]["root_ca.crt"] = other.root.clone().into();
    let (code, text) = refusal(vec![input("-", list.to_string())]);
    assert_eq!(code, "snapshot-fingerprint-differs");
    assert!(text.contains(&lab.fingerprint().to_string()) && text.contains(&other.fingerprint().to_string()));
    // In a rotation, `defaults.json` may still name the root that the snapshot holds.
    let existing = one(&lab.list(&ca_json())).snapshot;
    assert!(import(vec![input("-", list.to_string())], &request(), Some(&existing)).is_ok());
}

#[test]
fn what_is_missing_is_said_with_what_was_found_and_how_to_get_it() {
    let lab = Lab::new("Root");
    let items = lab.items("step-certificates", "smallstep", &ca_json());
    let command = "kubectl -n smallstep get configmap step-certificates-config step-certificates-certs -o yaml";
    for (name, text, parts) in [
        ("no root", items[0].to_string(), vec!["`root_ca.crt`", "ConfigMap `smallstep/step-certificates-config`", "`ca.json`", command]),
        ("no ca.json", items[1].to_string(), vec!["no `ca.json`", "ConfigMap `smallstep/step-certificates-certs`", command]),
        ("an empty list", json!({"kind": "List", "items": []}).to_string(), vec!["an empty `List`", "kubectl -n NAMESPACE get"]),
        ("nothing", String::new(), vec!["an empty input", "kubectl"]),
        ("only white space", " \n".to_owned(), vec!["an empty input"]),
        ("another object", json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}).to_string(), vec!["Service `x`"]),
        (
            "before the bootstrap Job",
            json!({"kind": "ConfigMap", "metadata": {"name": "step-certificates-config", "namespace": "smallstep"}}).to_string(),
            vec!["without data", command],
        ),
    ] {
        let (code, message) = refusal(vec![input("-", text)]);
        assert_eq!(code, "snapshot-incomplete", "{name}");
        for part in parts {
            assert!(message.contains(part), "{name}: {part}\n{message}");
        }
    }
    assert_eq!(codes(&refused(Vec::new())), ["snapshot-incomplete"]);
    let without_root = vec![input("config/ca.json", ca_json().to_string())];
    assert!(refusal(without_root).1.contains("`root_ca.crt`"));
}

#[test]
fn a_ca_json_that_is_cut_off_is_placed_inside_itself_and_inside_the_file() {
    let lab = Lab::new("Root");
    let mut list = lab.list(&ca_json());
    let whole = format!("{:#}", ca_json());
    list["items"][0]["data"]["ca.json"] = whole[..whole.len() / 2].into();
    for (text, is_yaml) in [(yaml(&list), true), (format!("{list:#}"), false)] {
        let findings = refused(vec![input("dump", text.clone())]);
        assert_eq!(codes(&findings), ["snapshot-incomplete"]);
        let lines = whole[..whole.len() / 2].lines().count();
        assert!(findings[0].message.contains(&format!("line {lines}, column")), "{}", findings[0].message);
        let trustree::finding::Place::File { line, .. } = findings[0].place else { panic!("a file") };
        let expected = text.lines().position(|line| line.contains("ca.json")).expect("there") + 1;
        assert!(line as usize >= expected && (line as usize) <= expected + 1, "{is_yaml}: {line} is not {expected}");
    }
    let (code, message) = refusal(vec![input("ca.json", &whole[..40]), input("root_ca.crt", &*lab.root)]);
    assert_eq!(code, "snapshot-incomplete");
    assert!(message.contains("cut off"));
    let commented = whole.replacen('{', "{ // mine", 1);
    assert_eq!(refusal(vec![input("ca.json", commented), input("root_ca.crt", &*lab.root)]).0, "invalid-yaml");
}

#[test]
fn roots_may_be_one_or_several_and_lie_where_ca_json_says() {
    let (first, second) = (Lab::new("First"), Lab::new("Second"));
    let mut configuration = ca_json();
    configuration["root"] = json!(["/pki/old/root_ca.crt", "/pki/new/root_ca.crt"]);
    let mut inputs = vec![input("ca.json", configuration.to_string()), input("pki/new/root_ca.crt", &*second.root)];
    inputs.push(input("pki/old/root_ca.crt", &*first.root));
    assert_eq!(imported(inputs).snapshot.roots().len(), 2);
    // A bundle in one file; the same root twice is one.
    let mut configuration = ca_json();
    configuration["root"] = "/pki/bundle.pem".into();
    let bundle = format!("old\n{}{}{}", first.root, second.root, first.root);
    let inputs =
        vec![input("ca.json", configuration.to_string()), input("certs/bundle.pem", bundle), input("certs/root_ca.crt", &*first.root)];
    let two = imported(inputs);
    assert_eq!(two.snapshot.roots().len(), 2);
    // One that is listed and not there would be missing in every bundle.
    configuration["root"] = json!(["/pki/root_ca.crt", "/pki/next.crt"]);
    let (code, message) = refusal(vec![input("ca.json", configuration.to_string()), input("root_ca.crt", &*first.root)]);
    assert_eq!(code, "snapshot-incomplete");
    assert!(message.contains("`next.crt`"));
}

#[test]
fn a_missing_intermediate_is_fine_and_federated_roots_never_enter_the_bundle() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Federated"));
    let mut configuration = ca_json();
    configuration["federatedRoots"] = json!(["/home/step/certs/federated.crt"]);
    let mut list = lab.list(&configuration);
    list["items"][1]["data"].as_object_mut().expect("data").remove("intermediate_ca.crt");
    let without = one(&list);
    assert!(without.snapshot.intermediates().is_empty());
    assert_eq!(codes(&without.notes), ["snapshot-partial"]);
    list["items"][1]["data"]["federated.crt"] = other.root.clone().into();
    let imported = one(&list);
    assert_eq!(imported.notes, []);
    assert_eq!(imported.snapshot.federated_roots()[0].subject(), "O=Lab, CN=Federated");
    let bundle = STANDARD.decode(imported.snapshot.ca_bundle()).expect("base64");
    assert_eq!(trustree::pki::certificates(&bundle).expect("PEM").len(), 1);
    assert_eq!(reloaded(&imported), imported.snapshot);
}

#[test]
fn several_cas_in_one_folder_are_told_apart() {
    let (first, second) = (Lab::new("First"), Lab::new("Second"));
    let mut inputs = first.folder("a/", &ca_json());
    inputs.extend(second.folder("b/", &ca_json()));
    let (code, message) = refusal(inputs.clone());
    assert_eq!(code, "snapshot-ambiguous");
    assert!(message.contains("a/config/ca.json") && message.contains("b/config/ca.json"));
    let mut request = request();
    request.release = Some("b/config/ca.json".to_owned());
    let chosen = import(inputs, &request, None).expect("chosen");
    assert_eq!(chosen.snapshot.roots()[0].certificate.fingerprint(), second.fingerprint());
}

#[test]
fn keys_that_lie_beside_are_never_wanted() {
    for path in
        ["config/ca.json", "certs/root_ca.crt", "a.yaml", "b.yml", "roots.pem", "..data/ca.json", "certs/intermediate_ca.crt", "monkey.crt"]
    {
        assert!(is_wanted(Utf8Path::new(path)), "{path}");
    }
    for path in [
        "secrets/root_ca_key",
        "secrets/x.pem",
        "root_ca_key",
        "intermediate-key.pem",
        "ca.key",
        "password.json",
        "db/000.vlog",
        "x.p12",
        "certs/ssh_host_ca_key.pub",
    ] {
        assert!(!is_wanted(Utf8Path::new(path)), "{path}");
    }
}
