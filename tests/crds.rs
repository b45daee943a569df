//! Objects against CustomResourceDefinitions, compared with what the API server's own code says: `e2e/crdcheck` writes
//! the tables that are read here.

#![expect(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use trustree::manifest::{Checked, CrdCatalog, CrdFlaw, CrdFlawKind};
use trustree::yaml::{Keys, Node, read};

/// The folder of the reference files.
fn reference() -> Utf8PathBuf {
    Utf8PathBuf::from(std::env::var("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the folder of the reference files"))
}

fn data() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crds")
}

/// A catalog of one file.
fn catalog(file: &Utf8Path) -> CrdCatalog {
    let bytes = fs::read(file).expect(file.as_str());
    let (catalog, findings) = CrdCatalog::new([(file.file_name().expect("a name").into(), bytes)]);
    assert_eq!(findings, [], "{file}");
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
#[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
fn the_reference_definitions_answer_as_the_api_server_does() {
    let table = fs::read_to_string(data().join("reference.answers.jsonl")).expect("table");
    let (refused, taken) = compare(&table, &objects("reference.objects.yaml"), &reference().join("crds"));
    assert!(refused > 1000 && taken > 500, "{refused} refused, {taken} taken");
}
