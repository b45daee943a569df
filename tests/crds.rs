//! Objects against CustomResourceDefinitions, compared with what the API server's own code says. `e2e/crdcheck` writes the
//! tables that are read here; anew, with `TABLES` for `tests/data/crds` and `CRDS` for the reference definitions:
//!
//! ```text
//! cd e2e/crdcheck
//! go run . -texts $TABLES/everything.objects.yaml $TABLES/everything.crd.yaml > $TABLES/everything.answers.jsonl
//! go run . $TABLES/reference.objects.yaml $CRDS/*.yaml > $TABLES/reference.answers.jsonl
//! ```

#![expect(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use trustree::manifest::crd::{Checked, CrdCatalog, CrdFlaw, CrdFlawKind, Scope};
use trustree::yaml::{Keys, Node, read};

fn data() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crds")
}

/// A catalog of one file.
fn catalog(file: &Utf8Path) -> CrdCatalog {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (catalog, findings) = CrdCatalog::new([(file.file_name().expect("a name").into(), bytes)]);
    assert_eq!(findings, [], "{file}");
    for (group, kind) in catalog.kinds() {
        assert_eq!(catalog.unchecked_rules(group, kind), [], "{file}");
    }
    catalog
}

fn objects(file: &str) -> Vec<Node> {
    read(&fs::read_to_string(data().join(file)).expect(file), 0, Keys::AsKubernetes).expect(file)
}

fn flaws(catalog: &CrdCatalog, object: &Node) -> Vec<CrdFlaw> {
    match catalog.check(object) {
        Checked::Flaws(flaws) => flaws,
        other => panic!("{other:?}"),
    }
}

/// Sets the value at the path, or takes it out; a list item that is taken out becomes null.
fn edit(object: &mut Value, path: &[Value], value: Option<&Value>) {
    let Some((last, above)) = path.split_last() else { return };
    let step = |at: &Value| match at {
        Value::String(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        other => format!("/{other}"),
    };
    let pointer: String = above.iter().map(step).collect();
    match (object.pointer_mut(&pointer).expect("the path exists"), last) {
        (Value::Object(map), Value::String(key)) => match value {
            Some(value) => drop(map.insert(key.clone(), value.clone())),
            None => drop(map.remove(key)),
        },
        (Value::Array(items), index) => {
            let index = usize::try_from(index.as_u64().expect("an index")).expect("small");
            items[index] = value.cloned().unwrap_or(Value::Null);
        }
        _ => panic!("{path:?}"),
    }
}

/// Compares every answer of a table with our own; gives how many objects were refused and how many were taken.
fn compare(table: &str, objects: &[Node], folder: &Utf8Path) -> (usize, usize) {
    let objects: Vec<Value> = objects.iter().map(Node::to_json).collect();
    let mut catalogs: BTreeMap<String, CrdCatalog> = BTreeMap::new();
    let (mut refused, mut taken) = (0, 0);
    let mut differences = Vec::new();
    for line in table.lines() {
        let answer: Value = serde_json::from_str(line).expect("a line of the table");
        let crd = answer["crd"].as_str().expect("crd");
        let catalog = catalogs.entry(crd.to_owned()).or_insert_with(|| catalog(&folder.join(crd)));
        let path = answer["path"].as_array().expect("path");
        let values = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut asked: Vec<(Option<Value>, bool)> = Vec::new();
        asked.extend(answer.get("without").and_then(Value::as_bool).map(|refused| (None, refused)));
        asked.extend(values("taken").into_iter().map(|value| (Some(value), false)));
        asked.extend(values("refused").into_iter().map(|value| (Some(value), true)));
        for (value, expected) in asked {
            let mut object = objects[usize::try_from(answer["object"].as_u64().expect("object")).expect("small")].clone();
            edit(&mut object, path, value.as_ref());
            let flaws = flaws(catalog, &Node::from(object));
            *(if expected { &mut refused } else { &mut taken }) += 1;
            let not_checked = flaws.iter().any(|flaw| flaw.kind == CrdFlawKind::NotChecked);
            if not_checked || flaws.is_empty() == expected && !is_list_for_formatted_string(value.as_ref(), &flaws) {
                differences.push(format!("{crd} {path:?} {value:?}: refused: {expected}\n    {flaws:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    (refused, taken)
}

/// A list where a string with a format belongs passes the API server's code by mistake, and no controller can read it.
fn is_list_for_formatted_string(value: Option<&Value>, flaws: &[CrdFlaw]) -> bool {
    let is_list = value.is_some_and(Value::is_array);
    is_list && flaws.iter().all(|flaw| flaw.kind == CrdFlawKind::WrongType && flaw.message.contains("a string is expected"))
}

#[test]
fn every_keyword_answers_as_the_api_server_does() {
    let table = fs::read_to_string(data().join("everything.answers.jsonl")).expect("table");
    let (refused, taken) = compare(&table, &objects("everything.objects.yaml"), &data());
    assert!(refused > 1000 && taken > 300, "{refused} refused, {taken} taken");
}

#[test]
fn a_definition_that_cannot_be_used_is_a_finding() {
    let (catalog, findings) = CrdCatalog::new([("crds/a.yaml".into(), b"a: [\n".to_vec())]);
    assert!(catalog.is_empty());
    assert_eq!(findings.iter().map(|finding| finding.rule.code).collect::<Vec<_>>(), ["crd-invalid"]);
}

mod crds {
    //! What needs the reference files.
    mod reference {
        use super::super::*;

        /// The folder of the reference files.
        fn reference() -> Utf8PathBuf {
            Utf8PathBuf::from(std::env::var("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the folder of the reference files"))
        }

        #[test]
        #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
        fn the_reference_definitions_answer_as_the_api_server_does() {
            let table = fs::read_to_string(data().join("reference.answers.jsonl")).expect("table");
            let (refused, taken) = compare(&table, &objects("reference.objects.yaml"), &reference().join("crds"));
            assert!(refused > 1000 && taken > 500, "{refused} refused, {taken} taken");
        }

        /// Every reference file, release by release: a catalog holds each kind once.
        fn releases() -> BTreeMap<String, Vec<(Utf8PathBuf, Vec<u8>)>> {
            let mut releases: BTreeMap<String, Vec<(Utf8PathBuf, Vec<u8>)>> = BTreeMap::new();
            for entry in reference().join("crds").read_dir_utf8().expect("listed") {
                let path = entry.expect("entry").into_path();
                let name = path.file_name().expect("a name").to_owned();
                let (release, _) = name.split_once(".cert").or_else(|| name.split_once(".trust")).expect("a release and a group");
                releases.entry(release.to_owned()).or_default().push((name.clone().into(), fs::read(&path).expect("read")));
            }
            releases
        }

        #[test]
        #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
        fn every_reference_definition_is_used_whole() {
            let mut kinds = 0;
            for (release, files) in releases() {
                let (catalog, findings) = CrdCatalog::new(files);
                assert_eq!(findings, [], "{release}");
                for (group, kind) in catalog.kinds() {
                    assert_eq!(catalog.unchecked_rules(group, kind), [], "{release}: {kind}");
                    kinds += 1;
                }
                let namespaced = |group, kind| catalog.scope(group, kind);
                assert!(matches!(namespaced("certmanager.step.sm", "StepIssuer"), None | Some(Scope::Namespaced)));
                assert!(matches!(namespaced("certmanager.step.sm", "StepClusterIssuer"), None | Some(Scope::Cluster)));
            }
            assert_eq!(kinds, 15);
        }

        /// The objects of `reference.objects.yaml`, each with one thing wrong: the kind, what is replaced by what, and the message.
        const FAULTS: &[(&str, &str, &str, &str)] = &[
            ("Certificate", "duration: 24h0m0s", "duratoin: 24h0m0s", "there is no field `duratoin` here (`spec.duratoin`)"),
            (
                "Certificate",
                "secretName: grafana-tls",
                "secretName: 1",
                "`spec.secretName`: a string is expected here, and this is the number 1",
            ),
            ("Certificate", "  secretName: grafana-tls\n", "", "`spec` needs the field `secretName`"),
            (
                "Certificate",
                "algorithm: ECDSA",
                "algorithm: EC",
                "`spec.privateKey.algorithm` is `EC`, and it must be one of `RSA`, `ECDSA`, `Ed25519`",
            ),
            ("CertificateRequest", "request: aGVsbG8=", "request: aGVsbG8", "`spec.request` is `aGVsbG8`, and it must be base64"),
            (
                "StepIssuer",
                "caBundle: aGVsbG8=",
                "caBundle: |\n    aGVsbG8=",
                "`spec.caBundle` has a line break or a space inside, and the API server takes base64 only without",
            ),
            ("StepIssuer", "    kid: abc\n", "", "`spec.provisioner` needs the field `kid`"),
            ("StepClusterIssuer", "      namespace: smallstep\n", "", "`spec.provisioner.passwordRef` needs the field `namespace`"),
            ("Issuer", "name: gateway\n", "name: \"\"\n", "has 0 characters, and it needs 1 character or more"),
            ("ClusterIssuer", "tpp:", "ttp:", "there is no field `ttp` here (`spec.venafi.ttp`)"),
            (
                "Bundle",
                "    - inLine: x\n",
                "    - inLine: x\n      useDefaultCAs: true\n",
                "`spec.sources[0]` is refused by its definition: exactly one of the fields",
            ),
            ("Bundle", "profile: LegacyRC2", "profile: Legacy", "and it must be one of `LegacyRC2`, `LegacyDES`, `Modern2023`"),
            ("ClusterBundle", "          format: PKCS12\n", "", "is refused by its definition: may only be set when format is 'PKCS12'"),
            (
                "ClusterBundle",
                "          b: c",
                "          trust-manager.io/b: c",
                "is refused by its definition: must not use forbidden domains as prefixes",
            ),
            ("ClusterBundle", "- kind: ConfigMap", "- kind: Map", "`spec.sourceRefs[0].kind` is `Map`, and it must be one of"),
        ];

        #[test]
        #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
        fn hand_written_faults_are_told_in_words() {
            let text = fs::read_to_string(data().join("reference.objects.yaml")).expect("objects");
            let catalogs: Vec<CrdCatalog> = releases().into_values().map(|files| CrdCatalog::new(files).0).collect();
            for (kind, from, to, message) in FAULTS {
                let document = text.split("\n---\n").find(|document| document.contains(&format!("kind: {kind}\nmetadata"))).expect(kind);
                assert!(document.contains(from), "{kind}: {from}");
                let object = read(&document.replacen(from, to, 1), 0, Keys::AsKubernetes).expect(kind).remove(0);
                let answers = catalogs.iter().filter_map(|catalog| match catalog.check(&object) {
                    Checked::Flaws(flaws) => Some(flaws),
                    _ => None,
                });
                let answers: Vec<Vec<CrdFlaw>> = answers.collect();
                assert!(!answers.is_empty(), "{kind}");
                for flaws in answers {
                    assert!(flaws.iter().any(|flaw| flaw.message.contains(message)), "{kind}, {to:?}: {flaws:?}");
                }
            }
        }
    }
}
