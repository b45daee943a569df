//! Files to documents, and which document of one side is which of the other: by kind and name wherever it stands, by
//! file where it has no name.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use super::entry::Object;
use crate::yaml::{Keys, Node, read};

/// Files on each side beyond which renamed ones are recognised only by equal content.
const MAX_COMPARED_FILES: usize = 32;

/// Bytes of a file beyond which it is not looked at for likeness.
const MAX_COMPARED_BYTES: usize = 256 * 1024;

/// How much of two files' lines must be the same for one to be the other under a new name, from 0 to 1.
const LIKENESS: f32 = 0.6;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// What it is; without a name for what only has a kind, None for values and for what is no YAML.
    pub(super) object: Option<Object>,
    /// Path below the environment's folder.
    pub(super) file: String,
    /// Which of the documents without a name it is.
    place: usize,
    pub(super) value: Value,
}

impl Document {
    /// What identifies it wherever it stands.
    fn name(&self) -> Option<&Object> {
        self.object.as_ref().filter(|object| object.name.is_some())
    }
}

/// The documents of a file. Lists of objects are taken apart; a file that is no YAML by its name is one text.
///
/// # Errors
/// Why a YAML file cannot be read.
pub(super) fn documents_of(file: &str, text: &str) -> Result<Vec<Document>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_yaml = [".yaml", ".yml", ".json"].iter().any(|end| file.ends_with(end));
    let values = if is_yaml {
        let nodes = read(text, 0, Keys::AsKubernetes).map_err(|error| error.to_string())?;
        nodes.iter().map(Node::to_json).collect()
    } else {
        vec![Value::from(text)]
    };
    let mut found = Vec::new();
    let mut nameless = 0;
    for value in values.into_iter().filter(|value| !value.is_null()).flat_map(taken_apart) {
        let document = Document { object: object_of(&value), file: file.to_owned(), place: nameless, value };
        nameless += usize::from(document.name().is_none());
        found.push(document);
    }
    Ok(found)
}

/// The items of a `List` of objects, or the value itself.
fn taken_apart(mut value: Value) -> Vec<Value> {
    let version = value.get("apiVersion").cloned();
    let kind = value.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    match (value.get_mut("items").map(Value::take), version.zip(kind)) {
        (Some(Value::Array(items)), Some((version, kind))) => items.into_iter().map(|item| of_list(item, &version, &kind)).collect(),
        (Some(items), _) => {
            value["items"] = items;
            vec![value]
        }
        (None, _) => vec![value],
    }
}

/// An item of a list. Of a list of one kind, such as a RoleList, it need not say what it is.
fn of_list(mut item: Value, version: &Value, kind: &str) -> Value {
    if let Value::Object(fields) = &mut item
        && !kind.is_empty()
        && !fields.contains_key("kind")
    {
        fields.insert("kind".to_owned(), kind.into());
        fields.entry("apiVersion").or_insert_with(|| version.clone());
    }
    item
}

fn object_of(value: &Value) -> Option<Object> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    // Helm values may have a `kind` of their own.
    let version = text("/apiVersion")?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Some(Object {
        group: group.to_owned(),
        kind: text("/kind")?.to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").map(str::to_owned),
    })
}

/// A document before and after; one of the two is there.
pub(super) type Pair<'a> = (Option<&'a Document>, Option<&'a Document>);

/// Which document is which, in order of the new side, then what is gone. `renamed` leads from new file names to old ones.
pub(super) fn pairs<'a>(old: &'a [Document], new: &'a [Document], renamed: &BTreeMap<String, String>) -> Vec<Pair<'a>> {
    let mut named: HashMap<&Object, VecDeque<usize>> = HashMap::new();
    let mut nameless: HashMap<(&str, usize), usize> = HashMap::new();
    for (index, document) in old.iter().enumerate() {
        match document.name() {
            Some(name) => named.entry(name).or_default().push_back(index),
            None => drop(nameless.insert((&document.file, document.place), index)),
        }
    }
    let mut left: BTreeSet<usize> = (0..old.len()).collect();
    let mut found = Vec::new();
    for document in new {
        let former_file = renamed.get(&document.file).unwrap_or(&document.file);
        let predecessor = match document.name() {
            Some(name) => named.get_mut(name).and_then(|indices| {
                let here = indices.iter().position(|index| old[*index].file == *former_file).unwrap_or(0);
                indices.remove(here)
            }),
            None => nameless.remove(&(former_file.as_str(), document.place)),
        };
        if let Some(index) = &predecessor {
            left.remove(index);
        }
        found.push((predecessor.map(|index| &old[index]), Some(document)));
    }
    found.extend(left.into_iter().map(|index| (Some(&old[index]), None)));
    found
}

/// A file that is there on one side only.
pub(super) struct Lone<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) documents: &'a [Document],
}

/// Files that are there under another name: new name -> old name.
pub(super) fn renames(gone: &[Lone<'_>], come: &[Lone<'_>]) -> BTreeMap<String, String> {
    let mut candidates = Vec::new();
    let few = gone.len() <= MAX_COMPARED_FILES && come.len() <= MAX_COMPARED_FILES;
    let by_content: HashMap<String, usize> =
        if few { HashMap::new() } else { gone.iter().enumerate().rev().map(|(index, file)| (content(file), index)).collect() };
    for (new_index, new) in come.iter().enumerate() {
        if few {
            candidates.extend(gone.iter().enumerate().map(|(old_index, old)| (likeness(old, new), old_index, new_index)));
        } else if let Some(old_index) = by_content.get(&content(new)) {
            candidates.push((1.0, *old_index, new_index));
        }
    }
    candidates.retain(|(likeness, ..)| *likeness >= LIKENESS);
    // The most alike first; the order of the names where that does not decide.
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut used_old, mut used_new) = (BTreeSet::new(), BTreeSet::new());
    let mut found = BTreeMap::new();
    for (_, old, new) in candidates {
        if !used_old.contains(&old) && !used_new.contains(&new) {
            used_old.insert(old);
            used_new.insert(new);
            found.insert(come[new].path.to_owned(), gone[old].path.to_owned());
        }
    }
    found
}

/// All that a file says, without its comments.
fn content(file: &Lone<'_>) -> String {
    file.documents.iter().map(|document| document.value.to_string()).collect::<Vec<_>>().join("\n")
}

/// How much of two files is the same, from 0 to 1: the named objects, or where there are none, the lines.
fn likeness(old: &Lone<'_>, new: &Lone<'_>) -> f32 {
    let names = |file: &Lone<'_>| -> BTreeSet<Object> { file.documents.iter().filter_map(Document::name).cloned().collect() };
    let (old_names, new_names) = (names(old), names(new));
    if old.documents.is_empty() || new.documents.is_empty() {
        return 0.0;
    }
    if !old_names.is_empty() || !new_names.is_empty() {
        let common = old_names.intersection(&new_names).count();
        return ratio(2 * common, old_names.len() + new_names.len());
    }
    if content(old) == content(new) {
        return 1.0;
    }
    if old.text.len() > MAX_COMPARED_BYTES || new.text.len() > MAX_COMPARED_BYTES {
        return 0.0;
    }
    // Not a difference: files that have nothing in common would cost most.
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for line in old.text.lines() {
        *lines.entry(line).or_default() += 1;
    }
    let is_common = |line: &&str| match lines.get_mut(*line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let common = new.text.lines().filter(is_common).count();
    ratio(2 * common, old.text.lines().count() + new.text.lines().count())
}

#[expect(clippy::cast_precision_loss, reason = "some objects of a file, and a ratio to one digit")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        let read = |files: &[(&str, &str)]| -> Vec<Vec<Document>> {
            files.iter().map(|(path, text)| documents_of(path, text).expect("YAML")).collect()
        };
        let (old_documents, new_documents) = (read(old), read(new));
        let sides = |files: &[(&str, &str)], others: &[(&str, &str)]| -> Vec<usize> {
            (0..files.len()).filter(|index| !others.iter().any(|(path, _)| *path == files[*index].0)).collect()
        };
        let gone: Vec<Lone<'_>> =
            sides(old, new).into_iter().map(|i| Lone { path: old[i].0, text: old[i].1, documents: &old_documents[i] }).collect();
        let come: Vec<Lone<'_>> =
            sides(new, old).into_iter().map(|i| Lone { path: new[i].0, text: new[i].1, documents: &new_documents[i] }).collect();
        let renamed = renames(&gone, &come);
        let (old, new) = (old_documents.concat(), new_documents.concat());
        let name = |document: Option<&Document>| document.map_or_else(|| "-".to_owned(), |document| document.file.clone());
        pairs(&old, &new, &renamed).into_iter().map(|(old, new)| format!("{} {}", name(old), name(new))).collect()
    }

    fn object(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n---\n")
    }

    #[test]
    fn an_object_is_the_same_wherever_it_stands() {
        let (a, b) = (object("a"), object("b"));
        assert_eq!(told(&[("x.yaml", &(a.clone() + &b))], &[("x.yaml", &b), ("y.yaml", &a)]), ["x.yaml x.yaml", "x.yaml y.yaml"]);
        assert_eq!(told(&[("x.yaml", &a)], &[("x.yaml", &b)]), ["- x.yaml", "x.yaml -"]);
        // Twice the same object: each keeps to its file.
        assert_eq!(told(&[("x.yaml", &a), ("y.yaml", &a)], &[("y.yaml", &a)]), ["y.yaml y.yaml", "x.yaml -"]);
        let list = "apiVersion: v1\nkind: ConfigMapList\nitems:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n";
        assert_eq!(told(&[("x.yaml", &a)], &[("x.yaml", list)]), ["x.yaml x.yaml"]);
        let without_kind = "apiVersion: v1\nkind: ConfigMapList\nitems:\n  - {metadata: {name: a}}\n";
        assert_eq!(told(&[("x.yaml", &a)], &[("y.yaml", without_kind)]), ["x.yaml y.yaml"]);
    }

    #[test]
    fn a_file_without_names_is_found_under_another_name_by_its_lines() {
        let values = "replicaCount: 2\nimage:\n  tag: 1.0.0\n  repository: a\nlogLevel: debug\n";
        let changed = values.replace("2", "3");
        assert_eq!(told(&[("values.yaml", values)], &[("chart/values.yaml", &changed)]), ["values.yaml chart/values.yaml"]);
        assert_eq!(told(&[("values.yaml", values)], &[("other.yaml", "nothing: like that\n")]), ["- other.yaml", "values.yaml -"]);
        assert_eq!(told(&[("ca.crt", "one\ntwo\nthree\n")], &[("root.crt", "one\ntwo\nthree\n")]), ["ca.crt root.crt"]);
    }

    #[test]
    fn helm_values_with_a_kind_and_broken_files_are_no_objects() {
        assert_eq!(documents_of("values.yaml", "kind: Deployment\n").expect("YAML")[0].object, None);
        assert!(documents_of("a.yaml", "a: [").is_err());
        assert_eq!(documents_of("a.yaml", "# nothing\n").expect("YAML"), []);
        let kustomization = documents_of("k.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n").expect("YAML");
        assert_eq!(kustomization[0].object.as_ref().map(|object| object.name.clone()), Some(None));
    }
}
