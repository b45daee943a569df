//! JSON patches (RFC 6902) on nodes. What a patch sets keeps its place in the patch.

use crate::yaml::{At, Entry, Node, Value};

/// Levels that an object may have after an operation.
const MAX_DEPTH: usize = 200;
/// What it may hold after one, as [`Node::size`] counts.
const MAX_SIZE: usize = 200_000;

/// Applies the operations of a patch.
///
/// # Errors
/// A sentence about the first operation that does not apply; the object may then be half changed.
pub(super) fn apply(object: &mut Node, operations: &[Node]) -> Result<(), String> {
    operations.iter().try_for_each(|operation| {
        one(object, operation)?;
        // A copy into itself doubles an object each time.
        let grows = operation.get_str("op").is_some_and(|op| op == "copy" || op == "move" || op == "add" || op == "replace");
        let is_small = operation.get("value").is_some_and(|value| value.as_map().is_none() && value.as_list().is_none());
        match grows && !is_small && (object.depth() > MAX_DEPTH || object.size() > MAX_SIZE) {
            true => Err("the object becomes too large".to_owned()),
            false => Ok(()),
        }
    })
}

fn one(object: &mut Node, operation: &Node) -> Result<(), String> {
    let field = |key: &str| operation.get_str(key).ok_or_else(|| format!("an operation has no `{key}`"));
    let value = || operation.get("value").cloned().ok_or_else(|| "an operation has no `value`".to_owned());
    let path = field("path")?;
    // A key that is new stands where the patch names it.
    let key = operation.get("path").map_or(operation.at, |node| node.at);
    match field("op")? {
        "add" => add(object, path, value()?, key),
        "remove" => remove(object, path).map(drop),
        "replace" => replace(object, path, value()?, key),
        "move" => {
            let moved = remove(object, field("from")?)?;
            add(object, path, moved, key)
        }
        "copy" => {
            let copied = get_mut(object, field("from")?)?.clone();
            add(object, path, copied, key)
        }
        "test" => match get_mut(object, path) {
            Ok(node) if node.to_json() == value()?.to_json() => Ok(()),
            _ => Err(format!("`{path}` is not what the patch tests for")),
        },
        other => Err(format!("there is no operation `{other}`")),
    }
}

/// The parts of a JSON pointer.
fn parts(pointer: &str) -> Result<Vec<String>, String> {
    match pointer.strip_prefix('/') {
        None if pointer.is_empty() => Ok(Vec::new()),
        None => Err(format!("the path `{pointer}` does not begin with `/`")),
        Some(rest) => Ok(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()),
    }
}

fn missing(pointer: &str) -> String {
    format!("the object has no `{pointer}`")
}

fn descend<'a>(node: &'a mut Node, parts: &[String]) -> Option<&'a mut Node> {
    parts.iter().try_fold(node, |node, part| match &mut node.value {
        Value::Map(map) => map.get_mut(part).map(|entry| &mut entry.node),
        Value::List(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn get_mut<'a>(object: &'a mut Node, pointer: &str) -> Result<&'a mut Node, String> {
    descend(object, &parts(pointer)?).ok_or_else(|| missing(pointer))
}

/// The map or list that holds what a pointer leads to, and the last part.
fn holder<'a>(object: &'a mut Node, pointer: &str) -> Result<(&'a mut Node, String), String> {
    let mut parts = parts(pointer)?;
    let last = parts.pop().ok_or_else(|| "the path of an operation is empty".to_owned())?;
    Ok((descend(object, &parts).ok_or_else(|| missing(pointer))?, last))
}

fn add(object: &mut Node, pointer: &str, node: Node, key: At) -> Result<(), String> {
    let (holder, last) = holder(object, pointer)?;
    match &mut holder.value {
        Value::Map(map) => map.insert(&last, Entry { key, node }),
        Value::List(items) if last == "-" => items.push(node),
        Value::List(items) => match last.parse::<usize>() {
            Ok(index) if index <= items.len() => items.insert(index, node),
            _ => return Err(missing(pointer)),
        },
        _ => return Err(missing(pointer)),
    }
    Ok(())
}

/// As kustomize's own library does it: a key that a map does not have is made, which the standard would refuse.
fn replace(object: &mut Node, pointer: &str, node: Node, key: At) -> Result<(), String> {
    if get_mut(object, pointer).is_err() {
        let (holder, last) = holder(object, pointer)?;
        if let Value::Map(map) = &mut holder.value {
            map.insert(&last, Entry { key, node });
            return Ok(());
        }
    }
    *get_mut(object, pointer)? = node;
    Ok(())
}

fn remove(object: &mut Node, pointer: &str) -> Result<Node, String> {
    let (holder, last) = holder(object, pointer)?;
    let removed = match &mut holder.value {
        Value::Map(map) => map.remove(&last).map(|entry| entry.node),
        Value::List(items) => last.parse().ok().filter(|index| *index < items.len()).map(|index: usize| items.remove(index)),
        _ => None,
    };
    removed.ok_or_else(|| missing(pointer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn one(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0)
    }

    fn patched(object: &str, patch: &str) -> Result<serde_json::Value, String> {
        let mut node = one(object);
        apply(&mut node, one(patch).as_list().expect("a list"))?;
        Ok(node.to_json())
    }

    #[test]
    fn operations_do_what_the_standard_says() {
        for (patch, expected) in [
            ("[{op: add, path: /b, value: 2}]", r#"{"a/b": [1], "b": 2}"#),
            ("[{op: add, path: /a~1b/-, value: 2}]", r#"{"a/b": [1, 2]}"#),
            ("[{op: add, path: /a~1b/0, value: 2}]", r#"{"a/b": [2, 1]}"#),
            ("[{op: replace, path: /a~1b/0, value: 2}]", r#"{"a/b": [2]}"#),
            // No standard: what kustomize does.
            ("[{op: replace, path: /b, value: 2}]", r#"{"a/b": [1], "b": 2}"#),
            ("[{op: test, path: /a~1b/0, value: 1}, {op: move, from: /a~1b, path: /c}]", r#"{"c": [1]}"#),
            ("[{op: copy, from: /a~1b, path: /c}, {op: remove, path: /a~1b}]", r#"{"c": [1]}"#),
        ] {
            let expected: serde_json::Value = serde_json::from_str(expected).expect("JSON");
            assert_eq!(patched("a/b: [1]", patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn copies_do_not_grow_without_end() {
        let operation = "{op: copy, from: /a, path: /a/0},";
        assert_eq!(patched("a: [1]", &format!("[{}]", operation.repeat(60))), Err("the object becomes too large".to_owned()));
    }

    #[test]
    fn what_does_not_apply_is_told() {
        for patch in [
            "[{op: remove, path: /x}]",
            "[{op: replace, path: /x/y, value: 1}]",
            "[{op: replace, path: /a/7, value: 1}]",
            "[{op: add, path: /x/y, value: 1}]",
            "[{op: add, path: /a/7, value: 1}]",
            "[{op: add, path: a, value: 1}]",
            "[{op: test, path: /a, value: 1}]",
            "[{op: push, path: /a, value: 1}]",
            "[{path: /a}]",
        ] {
            assert!(patched("a: [1]", patch).is_err(), "{patch}");
        }
    }
}
