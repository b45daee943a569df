//! What we think that a kustomization builds is what kustomize builds: trees below `tests/data/kustomize/`, each with an
//! `overlay/` and, in `built.yaml`, what kustomize 5.8.1 makes of it. An ignored test asks the programs themselves:
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test kustomize -- --ignored

#![expect(clippy::disallowed_methods, reason = "a test reads its own files and starts programs")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize as _;
use serde_json::Value;
use trustree::manifest::Shape;
use trustree::manifest::kustomization::{Built, Files, Found, build, is_kustomization_file};
use trustree::yaml::{At, Keys, read};

fn trees() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kustomize");
    let mut trees: Vec<PathBuf> = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    trees.sort();
    assert!(trees.len() > 10, "the trees are gone");
    trees
}

/// A folder on disk.
struct OnDisk {
    root: PathBuf,
    table: RefCell<Vec<Utf8PathBuf>>,
}

impl Files for OnDisk {
    fn find(&self, path: &Utf8Path) -> Found {
        let Ok(text) = fs::read_to_string(self.root.join(path)) else { return Found::Nothing };
        let mut table = self.table.borrow_mut();
        table.push(path.to_owned());
        let index = u16::try_from(table.len() - 1).expect("few files");
        read(&text, index, Keys::AsKubernetes).map_or(Found::Broken, |documents| Found::Documents(documents.into()))
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        self.root.join(path).is_file()
    }

    fn is_folder(&self, path: &Utf8Path) -> bool {
        self.root.join(path).is_dir()
    }

    fn line(&self, path: &Utf8Path, line: u32) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()?.lines().nth(line as usize - 1).map(str::to_owned)
    }

    fn is_in_kustomization(&self, at: At) -> bool {
        is_kustomization_file(&self.table.borrow()[usize::from(at.file)])
    }
}

fn ours(tree: &Path) -> (Built, Vec<Utf8PathBuf>) {
    let files = OnDisk { root: tree.to_owned(), table: RefCell::default() };
    let built = build(Utf8Path::new("overlay"), &files, 1_000_000);
    (built, files.table.into_inner())
}

/// Objects by what they are; what a Secret holds is left out, as we leave it out.
fn by_name(objects: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let mut named = BTreeMap::new();
    for mut object in objects {
        let part = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = format!("{} {}/{}", part("/kind"), part("/metadata/namespace"), part("/metadata/name"));
        if part("/kind") == "Secret" {
            object.as_object_mut().expect("a map").remove("data");
        }
        assert!(named.insert(name.clone(), object).is_none(), "{name} twice");
    }
    named
}

fn of_text(text: &str) -> BTreeMap<String, Value> {
    by_name(serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("an object")))
}

fn assert_same(tree: &Path, built: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) {
    let tree = tree.display();
    assert_eq!(built.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{tree}");
    for (name, object) in built {
        assert_eq!(object, &expected[name], "{tree}: {name}\nours: {object:#}\nkustomize: {:#}", expected[name]);
    }
}

#[test]
fn every_tree_builds_as_kustomize_builds_it() {
    for tree in trees() {
        let (built, _) = ours(&tree);
        let objects = built.parts.iter().filter(|part| part.shape == Shape::Object).map(|part| part.node.to_json());
        let expected = of_text(&fs::read_to_string(tree.join("built.yaml")).expect("built.yaml"));
        assert_same(&tree, &by_name(objects), &expected);
    }
}

#[test]
fn a_value_keeps_the_place_where_it_was_written() {
    let place_of = |tree: &str, kind: &str, path: &[&str]| {
        let (built, table) = ours(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kustomize").join(tree));
        let part = built.parts.into_iter().find(|part| part.node.get_str("kind") == Some(kind)).expect("built");
        let at = part.node.place(&trustree::yaml::Path::of(path.iter().copied()));
        format!("{}:{}:{}", table[usize::from(at.file)], at.line, at.column)
    };
    let inline = "a-strategic-patch-of-a-custom-resource";
    assert_eq!(place_of(inline, "Certificate", &["spec", "duration"]), "overlay/kustomization.yaml:12:19");
    assert_eq!(place_of(inline, "Certificate", &["spec", "issuerRef", "kind"]), "base/certificate.yaml:17:11");
    assert_eq!(place_of("a-strategic-patch-in-a-file", "Deployment", &["spec", "replicas"]), "overlay/patch.yaml:8:13");
    assert_eq!(place_of("a-namespace-over-bare-objects", "Certificate", &["metadata", "namespace"]), "overlay/kustomization.yaml:3:12");
    assert_eq!(place_of("a-patch-with-a-target", "Certificate", &["metadata", "annotations", "a"]), "overlay/kustomization.yaml:28:20");
}

#[test]
#[ignore = "needs kustomize: .ci/run installs it"]
fn the_programs_still_build_what_is_written_down() {
    let tools = PathBuf::from(std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder of the tools"));
    let programs = fs::read_dir(&tools).expect("listed").map(|entry| entry.expect("an entry").path());
    let programs: Vec<PathBuf> =
        programs.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kustomize-"))).collect();
    assert!(!programs.is_empty(), "no kustomize in {}", tools.display());
    for (tree, program) in trees().iter().flat_map(|tree| programs.iter().map(move |program| (tree, program))) {
        let output = Command::new(program).arg("build").arg(tree.join("overlay")).output().expect("kustomize runs");
        assert!(output.status.success(), "{}: {}", tree.display(), String::from_utf8_lossy(&output.stderr));
        let expected = of_text(&fs::read_to_string(tree.join("built.yaml")).expect("built.yaml"));
        assert_same(tree, &of_text(&String::from_utf8(output.stdout).expect("text")), &expected);
    }
}

/// The same for trees of others: every kustomization below `TRUSTREE_TREES` that kustomize builds without a network and
/// that we follow whole.
#[test]
#[ignore = "needs kustomize, and trees to build in the folder that TRUSTREE_TREES names"]
fn trees_of_others_build_as_kustomize_builds_them() {
    let tools = PathBuf::from(std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder of the tools"));
    let trees = PathBuf::from(std::env::var_os("TRUSTREE_TREES").expect("TRUSTREE_TREES names a folder"));
    let (mut same, mut other) = (0, Vec::new());
    for entry in walkdir::WalkDir::new(&trees).into_iter().filter_map(Result::ok) {
        let Some(path) = Utf8Path::from_path(entry.path()).filter(|path| is_kustomization_file(path)) else { continue };
        let folder = path.parent().expect("a folder");
        let files = OnDisk { root: trees.clone(), table: RefCell::default() };
        let built = build(folder.strip_prefix(Utf8Path::from_path(&trees).expect("UTF-8")).expect("below"), &files, 5_000_000);
        let output = Command::new(tools.join("kustomize-5.8.1"))
            .args(["build", "--load-restrictor", "LoadRestrictionsNone"])
            .arg(folder)
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .output()
            .expect("kustomize runs");
        let findings: Vec<String> = built.findings.iter().map(|finding| format!("{}: {}", finding.rule.code, finding.message)).collect();
        if findings.iter().any(|finding| finding.starts_with("kustomization-not-checked")) {
            continue;
        }
        let broken: Vec<&String> = findings
            .iter()
            .filter(|finding| finding.starts_with("kustomization-broken") || finding.starts_with("resource-missing"))
            .collect();
        if output.status.success() != broken.is_empty() {
            other.push(format!("{folder}: ours {broken:?}, kustomize {}", String::from_utf8_lossy(&output.stderr)));
            continue;
        }
        if !output.status.success() {
            continue;
        }
        let ours: Vec<Value> = built.parts.iter().filter(|part| part.shape == Shape::Object).map(|part| part.node.to_json()).collect();
        let text = String::from_utf8(output.stdout).expect("text");
        let theirs: Vec<Value> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).expect("an object"))
            .filter(|value| !value.is_null())
            .collect();
        let key = |value: &Value| {
            ["/metadata/name", "/apiVersion", "/kind", "/metadata/namespace"]
                .map(|path| value.pointer(path).cloned().unwrap_or_default().to_string())
        };
        let sorted = |values: Vec<Value>| {
            let mut values: Vec<Value> = values.into_iter().map(without_content).collect();
            values.sort_by_key(key);
            values
        };
        let (ours, theirs) = (sorted(ours), sorted(theirs));
        match ours.iter().zip(&theirs).find(|(one, two)| one != two) {
            _ if ours.len() != theirs.len() => other.push(format!("{folder}: {} objects, kustomize {}", ours.len(), theirs.len())),
            Some((one, two)) => other.push(format!("{folder}:\nours {one:#}\nkustomize {two:#}")),
            None => same += 1,
        }
    }
    println!("{same} alike");
    assert!(other.is_empty(), "{} differ\n{}", other.len(), other.join("\n"));
}

/// An object without what files bring into a generated one, and without the hashes that follow from it.
fn without_content(value: Value) -> Value {
    let hash = regex::Regex::new("-[bcdfghkm2456789t]{10}\\b").expect("a pattern");
    let mut value: Value = serde_json::from_str(&hash.replace_all(&value.to_string(), "")).expect("JSON");
    if matches!(value["kind"].as_str(), Some("ConfigMap" | "Secret")) {
        value.as_object_mut().expect("a map").retain(|key, _| key != "data" && key != "binaryData");
    }
    without_nothing(&mut value);
    value
}

/// Takes out what counts as absent: null, and a map of annotations without any.
fn without_nothing(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            map.retain(|key, value| !value.is_null() && (key != "annotations" || !is_empty(value)));
            map.values_mut().for_each(without_nothing);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nothing),
        _ => {}
    }
}
