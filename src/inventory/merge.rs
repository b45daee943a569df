//! JSON Merge Patch over nodes that know their places.

use crate::yaml::{Entry, Node, Value};

/// What a `null` of a patch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// It removes, as RFC 7386 says.
    Remove,
    /// It stays, because what comes out is itself a patch.
    Keep,
}

/// JSON Merge Patch (RFC 7386): maps merge, everything else replaces.
pub(super) fn merge(target: &mut Node, patch: Node, nulls: Nulls) {
    let Value::Map(patch_map) = patch.value else {
        *target = patch;
        return;
    };
    if target.as_map().is_none() {
        *target = Node { at: patch.at, value: Value::Map(crate::yaml::Map::default()) };
    }
    let Value::Map(target_map) = &mut target.value else { return };
    let removes = |entry: &Entry| entry.node.value == Value::Null && nulls == Nulls::Remove;
    target_map.merge(
        patch_map,
        |mut existing, entry| {
            if removes(&entry) {
                return None;
            }
            existing.key = entry.key;
            merge(&mut existing.node, entry.node, nulls);
            Some(existing)
        },
        |entry| {
            if removes(&entry) {
                return None;
            }
            // Merging into nothing takes the nulls out.
            let mut fresh = Entry { key: entry.key, node: Node { at: entry.node.at, value: Value::Null } };
            merge(&mut fresh.node, entry.node, nulls);
            Some(fresh)
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    #[test]
    fn the_examples_of_rfc_7386_hold() {
        for (original, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let node = |text: &str| read(text, 0, Keys::AsKubernetes).expect("readable").remove(0);
            let mut target = node(original);
            merge(&mut target, node(patch), Nulls::Remove);
            assert_eq!(target.to_json(), node(expected).to_json(), "{original} with {patch}");
        }
    }
}
