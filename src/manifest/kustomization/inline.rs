//! A patch that stands in a kustomization as text: what it is, and which objects it is meant for.

use camino::Utf8PathBuf;

use super::json_patch;
use super::patch::merge;
use super::resource::Resource;
use super::strategic::Outcome;
use super::target::Target;
use crate::yaml::{Keys, Node, Value, read};

/// Operations that a JSON 6902 patch may hold. Source: RFC 6902, section 4.
const OPERATIONS: &[&str] = &["add", "copy", "move", "remove", "replace", "test"];

/// A patch as kustomize would read it.
#[derive(Debug, Clone, PartialEq)]
pub enum InlinePatch {
    /// A list of operations on whatever its target selects.
    Operations,
    /// A part of an object.
    Strategic(Node),
}

/// Reads the text of a patch that is to go with one target.
///
/// # Errors
/// A sentence about what keeps kustomize from using it.
pub fn inline_patch(text: &str) -> Result<InlinePatch, String> {
    let documents = read(text, 0, Keys::AsKubernetes).map_err(|error| format!("it is no YAML: {}", error.message))?;
    let documents: Vec<Node> = documents.into_iter().filter(|node| node.value != Value::Null).collect();
    let [document] = documents.as_slice() else {
        return Err(match documents.len() {
            0 => "it is empty".to_owned(),
            number => format!("it holds {number} documents, and one patch is one"),
        });
    };
    match &document.value {
        Value::List(operations) if operations.is_empty() => Err("it has no operation".to_owned()),
        Value::List(operations) => operations.iter().try_for_each(operation).map(|()| InlinePatch::Operations),
        Value::Map(_) => strategic(document).map(|()| InlinePatch::Strategic(document.clone())),
        other => Err(format!("it is {}, and neither a list of operations nor a part of an object", other.kind())),
    }
}

fn operation(operation: &Node) -> Result<(), String> {
    let Some(name) = operation.get_str("op").filter(|name| OPERATIONS.contains(name)) else {
        return Err("an operation has an `op`, one of `add`, `copy`, `move`, `remove`, `replace` and `test`".to_owned());
    };
    let pointer = |key: &str| match operation.get_str(key) {
        Some(path) if path.is_empty() || path.starts_with('/') => Ok(()),
        Some(path) => Err(format!("`{key}: {path}` of the operation `{name}` does not begin with `/`")),
        None => Err(format!("the operation `{name}` has no `{key}`")),
    };
    pointer("path")?;
    match name {
        "copy" | "move" => pointer("from"),
        "add" | "replace" if operation.get("value").is_none() => Err(format!("the operation `{name}` has no `value`")),
        _ => Ok(()),
    }
}

/// kustomize reads a part of an object as an object, which needs a kind and a name even where a target chooses others.
fn strategic(object: &Node) -> Result<(), String> {
    let has = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let name = object.get("metadata").and_then(|metadata| metadata.get_str("name"));
    match (has(object.get_str("apiVersion")), has(object.get_str("kind")), has(name)) {
        (true, true, true) => Ok(()),
        (false, ..) => Err("a part of an object has an `apiVersion`, and this one has none".to_owned()),
        (_, false, _) => Err("a part of an object has a `kind`, and this one has none".to_owned()),
        (.., false) => Err("a part of an object has a `metadata.name`, and this one has none; with a `target` any name does".to_owned()),
    }
}

/// Which objects a `target` selects.
#[derive(Debug)]
pub struct PatchSelector(Target);

impl PatchSelector {
    /// Reads a `target`.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn new(target: &Node) -> Result<PatchSelector, String> {
        Target::read(target).map(PatchSelector)
    }

    /// Whether an object is meant.
    pub fn takes(&self, object: &Node) -> bool {
        self.0.takes(&Resource::new(Utf8PathBuf::new(), object.clone()))
    }
}

/// Objects on their way through patches that have a target each.
#[derive(Debug)]
pub struct Patching {
    /// None where a patch has deleted it.
    objects: Vec<Option<Resource>>,
    /// How much may still be set, as [`Node::size`] counts.
    left: usize,
}

/// A patch that does not apply to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The object, such as ``Certificate `web` ``.
    pub object: String,
    /// The number of the operation, from 0.
    pub operation: usize,
    /// A sentence about what keeps it from applying.
    pub problem: String,
}

impl Patching {
    /// Takes up objects; all patches together may set as much in them as `limit` says ([`Node::size`]).
    pub fn new(objects: impl IntoIterator<Item = Node>, limit: usize) -> Patching {
        let objects = objects.into_iter().map(|node| Some(Resource::new(Utf8PathBuf::new(), node))).collect();
        Patching { objects, left: limit }
    }

    /// Runs a patch on what its target selects. What it sets bears its place in `text`, in the file `file`. None where it
    /// would set more than may be, or cannot be read.
    pub fn run(&mut self, selector: &PatchSelector, text: &str, file: u16) -> Option<Vec<Refused>> {
        let patch = read(text, file, Keys::AsKubernetes).ok()?.into_iter().find(|node| node.value != Value::Null)?;
        let mut refused = Vec::new();
        for slot in &mut self.objects {
            let Some(object) = slot.as_mut().filter(|object| selector.0.takes(object)) else { continue };
            self.left = self.left.checked_sub(patch.size())?;
            let is_kept = match patch.as_list() {
                Some(operations) => {
                    refused.extend(run_operations(object, operations));
                    true
                }
                None => merge(object, &patch, true) == Outcome::Changed,
            };
            if !is_kept {
                *slot = None;
            }
        }
        Some(refused)
    }

    /// The objects in their order; None for one that was deleted.
    pub fn done(self) -> impl Iterator<Item = Option<Node>> {
        self.objects.into_iter().map(|object| object.map(|object| object.node))
    }
}

/// Runs operations up to the first that does not apply.
fn run_operations(object: &mut Resource, operations: &[Node]) -> Option<Refused> {
    let called = format!("{} `{}`", object.kind(), object.current().name);
    let refused = operations.iter().enumerate().find_map(|(operation, written)| {
        let problem = json_patch::apply(&mut object.node, std::slice::from_ref(written)).err()?;
        Some(Refused { object: called.clone(), operation, problem })
    });
    object.remember();
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_run_on_what_they_select_and_what_they_set_bears_their_place() {
        let one = |text: &str| read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0);
        let objects = ["a", "b"].map(|name| one(&format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{x: 1}}}}")));
        let selector = |target: &str| PatchSelector::new(&one(target)).expect("a target");
        let mut patching = Patching::new(objects.clone(), 1000);
        let text = "- {op: replace, path: /spec/x, value: 2}\n- {op: remove, path: /spec/y}\n";
        let refused = patching.run(&selector("{name: a}"), text, 7).expect("it fits");
        assert_eq!(refused.iter().map(|refused| (&*refused.object, refused.operation)).collect::<Vec<_>>(), [("Service `a`", 1)]);
        let part = "{apiVersion: v1, kind: Service, metadata: {name: any}, $patch: delete}";
        assert_eq!(patching.run(&selector("{name: b}"), part, 8), Some(Vec::new()));
        assert_eq!(patching.run(&selector("{name: b}"), text, 8), Some(Vec::new()), "it is gone");
        let done: Vec<Option<Node>> = patching.done().collect();
        let changed = done[0].as_ref().and_then(|node| node.get("spec")?.get("x")).expect("a value");
        assert_eq!((changed.at.file, changed.at.line, &done[1]), (7, 1, &None));
        assert_eq!(Patching::new(objects, 3).run(&selector("{}"), text, 7), None);
    }

    #[test]
    fn operations_and_parts_of_objects_are_told_apart() {
        assert_eq!(inline_patch("- {op: remove, path: /spec/a}\n"), Ok(InlinePatch::Operations));
        assert!(matches!(
            inline_patch("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {a: 1}}"),
            Ok(InlinePatch::Strategic(_))
        ));
    }

    #[test]
    fn what_kustomize_would_refuse_is_said() {
        for (text, problem) in [
            ("", "empty"),
            ("[]", "no operation"),
            ("a: [", "no YAML"),
            ("just words", "neither"),
            ("kind: A\n---\nkind: B\n", "2 documents"),
            ("[{op: push, path: /a}]", "one of `add`"),
            ("[{op: add, path: a, value: 1}]", "begin with `/`"),
            ("[{op: add, path: /a}]", "no `value`"),
            ("[{op: move, path: /a}]", "no `from`"),
            ("[{path: /a}]", "`op`"),
            ("kind: Service\nmetadata: {name: a}\n", "`apiVersion`"),
            ("apiVersion: v1\nmetadata: {name: a}\n", "`kind`"),
            ("apiVersion: v1\nkind: Service\n", "`metadata.name`"),
        ] {
            let found = inline_patch(text).expect_err(text);
            assert!(found.contains(problem), "{text:?}: {found}");
        }
    }

    #[test]
    fn a_selector_takes_what_kustomize_would_take() {
        let one = |text: &str| read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0);
        let object = one("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-1, namespace: a}}");
        let takes = |target: &str| PatchSelector::new(&one(target)).map(|selector| selector.takes(&object));
        assert_eq!(takes("{kind: Deployment, name: web-.*}"), Ok(true));
        assert_eq!(takes("{kind: Deployment, namespace: b}"), Ok(false));
        assert!(takes("{kind: Deployment, name: '['}").is_err());
    }
}
