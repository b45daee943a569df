//! Two values of one document, field by field: lists by the identity of their items, scalars in lists as sets, what
//! moved and what is only written differently as such.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::entry::Op;
use crate::pki::GoDuration;

/// What can tell the items of a list apart, the first that does for all items of both sides. A `?` marks a field that
/// may be missing. These are the keys by which the API server merges the lists of its own kinds, and what they leave out.
/// Nothing by which a secret could be called is among them: they stand in paths.
const ITEM_KEYS: &[&[&str]] = &[
    &["kind", "name", "namespace?"],
    &["name"],
    &["containerPort", "protocol?"],
    &["port", "protocol?"],
    &["mountPath"],
    &["devicePath"],
    &["topologyKey", "whenUnsatisfiable?"],
    &["key", "operator"],
    &["key", "effect"],
    &["host"],
    &["ip"],
    &["uid"],
    &["type"],
    &["path"],
];

/// The same for the rules of a role.
const RULE_KEYS: &[&[&str]] =
    &[&["apiGroups?", "resources?", "nonResourceURLs?"], &["apiGroups?", "resources?", "nonResourceURLs?", "resourceNames?"]];

/// Fields that hold a duration as Go writes it end with one of these.
const DURATIONS: &[&str] = &["duration", "before", "interval", "timeout", "period", "backdate"];

/// A scalar shorter than this moves only under its own name: `true` here and `true` there are not the same value.
const TELLING_LENGTH: usize = 12;

/// A field that differs, with its values as they are.
#[derive(Debug, Clone)]
pub(super) struct RawChange<'a> {
    pub(super) path: String,
    pub(super) op: Op,
    pub(super) from: Option<String>,
    pub(super) old: Option<&'a Value>,
    pub(super) new: Option<&'a Value>,
}

/// The fields in which two values differ, in order of their paths before.
pub(super) fn compare<'a>(old: &'a Value, new: &'a Value) -> Vec<RawChange<'a>> {
    let mut found = Vec::new();
    both("", old, new, &mut found);
    join_moves(found)
}

/// The leaves of a value that was not there before.
pub(super) fn leaves(new: &Value) -> Vec<RawChange<'_>> {
    let mut found = Vec::new();
    one("", new, Op::Add, &mut found);
    found
}

fn both<'a>(path: &str, old: &'a Value, new: &'a Value, found: &mut Vec<RawChange<'a>>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(before), Value::Object(after)) if !before.is_empty() && !after.is_empty() => {
            for (key, value) in before {
                let path = below(path, key);
                match after.get(key) {
                    Some(new) => both(&path, value, new, found),
                    None => one(&path, value, Op::Remove, found),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                one(&below(path, key), value, Op::Add, found);
            }
        }
        (Value::Array(before), Value::Array(after)) => lists(path, (old, new), (before, after), found),
        _ => {
            let op = if is_rewritten(path, old, new) { Op::Rewrite } else { Op::Replace };
            found.push(RawChange { path: path.to_owned(), op, from: None, old: Some(old), new: Some(new) });
        }
    }
}

/// A value that is there on one side only: maps by their fields, everything else as a whole.
fn one<'a>(path: &str, value: &'a Value, op: Op, found: &mut Vec<RawChange<'a>>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                one(&below(path, key), value, op, found);
            }
        }
        _ => found.push(whole(path.to_owned(), op, value)),
    }
}

/// An item that came or went, told as a whole: one line with its neighbours' lines between would hide what belongs together.
fn whole(path: String, op: Op, value: &Value) -> RawChange<'_> {
    let (old, new) = if op == Op::Add { (None, Some(value)) } else { (Some(value), None) };
    RawChange { path, op, from: None, old, new }
}

fn lists<'a>(path: &str, values: (&'a Value, &'a Value), items: (&'a [Value], &'a [Value]), found: &mut Vec<RawChange<'a>>) {
    let (old, new) = items;
    let start = found.len();
    let order_differs = match names(path, old, new) {
        Some((old_names, new_names)) => by_name(path, (old, &old_names), (new, &new_names), found),
        None => by_value(path, old, new, found),
    };
    if order_differs && found.len() == start {
        found.push(RawChange { path: path.to_owned(), op: Op::Reorder, from: None, old: Some(values.0), new: Some(values.1) });
    } else if order_differs && !values_are_sets(old, new) {
        found.push(RawChange { path: path.to_owned(), op: Op::Reorder, from: None, old: None, new: None });
    }
}

/// Lists of scalars are told as sets; that what stays in them changed places is worth a line only where nothing else did.
fn values_are_sets(old: &[Value], new: &[Value]) -> bool {
    old.iter().chain(new).all(|item| !item.is_object() && !item.is_array())
}

/// Names of the items on both sides, where something tells all of them apart.
fn names(path: &str, old: &[Value], new: &[Value]) -> Option<(Vec<String>, Vec<String>)> {
    if old.is_empty() || new.is_empty() || old.iter().chain(new).any(|item| !item.is_object()) {
        return None;
    }
    let of_rules = old.iter().chain(new).all(|item| item.get("verbs").is_some()) && (path == "rules" || path.ends_with(".rules"));
    let candidates = if of_rules { RULE_KEYS } else { ITEM_KEYS };
    candidates.iter().find_map(|keys| {
        let named = |items: &[Value]| -> Option<Vec<String>> {
            let names: Vec<String> = items.iter().map(|item| name_of(item, keys)).collect::<Option<_>>()?;
            let mut sorted = names.clone();
            sorted.sort_unstable();
            sorted.windows(2).all(|pair| pair[0] != pair[1]).then_some(names)
        };
        Some((named(old)?, named(new)?))
    })
}

/// `name=web`, `containerPort=80,protocol=TCP`; None where a field is missing that must be there.
fn name_of(item: &Value, keys: &[&str]) -> Option<String> {
    let mut parts = Vec::new();
    for key in keys {
        let (key, may_be_missing) = key.strip_suffix('?').map_or((*key, false), |key| (key, true));
        match item.get(key) {
            Some(Value::Object(_) | Value::Null) => return None,
            Some(value) => parts.push(format!("{key}={}", bare(value))),
            None if may_be_missing => {}
            None => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// A scalar without quotes, scalars of a list with `|`.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(bare).collect();
            items.sort_unstable();
            items.join("|")
        }
        other => other.to_string(),
    }
}

/// Compares items of the same name; whether those that stay stand in another order.
fn by_name<'a>(path: &str, old: (&'a [Value], &[String]), new: (&'a [Value], &[String]), found: &mut Vec<RawChange<'a>>) -> bool {
    let places: HashMap<&String, usize> = new.1.iter().enumerate().map(|(place, name)| (name, place)).collect();
    let mut kept = Vec::new();
    let mut taken = vec![false; new.0.len()];
    for (name, item) in old.1.iter().zip(old.0) {
        let path = format!("{path}[{name}]");
        match places.get(name).and_then(|place| Some((*place, new.0.get(*place)?))) {
            Some((place, after)) => {
                kept.push(place);
                taken[place] = true;
                both(&path, item, after, found);
            }
            None => found.push(whole(path, Op::Remove, item)),
        }
    }
    for (place, (name, item)) in new.1.iter().zip(new.0).enumerate() {
        if !taken[place] {
            found.push(whole(format!("{path}[{name}]"), Op::Add, item));
        }
    }
    !kept.is_sorted()
}

/// Compares items that have no name: equal ones are the same, as often as they stand there; of what is left, maps are
/// paired in their order, and everything else came or went. Whether equal ones stand in another order.
fn by_value<'a>(path: &str, old: &'a [Value], new: &'a [Value], found: &mut Vec<RawChange<'a>>) -> bool {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, item) in new.iter().enumerate().rev() {
        places.entry(in_one_form(item)).or_default().push(place);
    }
    let mut taken = vec![false; new.len()];
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for (index, item) in old.iter().enumerate() {
        match places.get_mut(&in_one_form(item)).and_then(Vec::pop) {
            Some(place) => {
                taken[place] = true;
                kept.push(place);
            }
            None => gone.push(index),
        }
    }
    let come: Vec<usize> = (0..new.len()).filter(|place| !taken[*place]).collect();
    let mut come = come.into_iter().peekable();
    for index in gone {
        let item = &old[index];
        match come.next_if(|place| item.is_object() && new[*place].is_object()) {
            Some(place) => both(&format!("{path}[{place}]"), item, &new[place], found),
            None => found.push(whole(format!("{path}[]"), Op::Remove, item)),
        }
    }
    found.extend(come.map(|place| whole(format!("{path}[]"), Op::Add, &new[place])));
    !kept.is_sorted()
}

/// Equal for equal values: maps are sorted by key where they were read.
fn in_one_form(value: &Value) -> String {
    value.to_string()
}

/// `a.b`, and `a["b.c"]` for a key that is no simple word.
pub(super) fn below(path: &str, key: &str) -> String {
    let is_word = !key.is_empty() && !key.contains(['.', '[', ']', ' ', '"', '\n']);
    match (is_word, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", Value::from(key)),
    }
}

/// The last key of a path, in lower case.
pub(super) fn last_key(path: &str) -> String {
    path.rsplit(['.', '[']).next().unwrap_or(path).trim_matches(['"', ']']).to_ascii_lowercase()
}

fn is_rewritten(path: &str, old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return false };
    let key = last_key(path);
    DURATIONS.iter().any(|end| key.ends_with(end))
        && matches!((old.parse::<GoDuration>(), new.parse::<GoDuration>()), (Ok(old), Ok(new)) if old == new)
}

/// Takes a value that went here and came there for one that moved, where there is no doubt which.
fn join_moves(changes: Vec<RawChange<'_>>) -> Vec<RawChange<'_>> {
    let value_of = |change: &RawChange<'_>| match change.op {
        Op::Remove => change.old.map(in_one_form),
        Op::Add => change.new.map(in_one_form),
        _ => None,
    };
    let mut sides: HashMap<String, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let Some(value) = value_of(change) {
            let side = sides.entry(value).or_default();
            if change.op == Op::Remove { side.0.push(index) } else { side.1.push(index) }
        }
    }
    let mut from: HashMap<usize, usize> = HashMap::new();
    for (value, (gone, come)) in &sides {
        if let ([gone], [come]) = (gone.as_slice(), come.as_slice())
            && (value.len() >= TELLING_LENGTH || last_key(&changes[*gone].path) == last_key(&changes[*come].path))
        {
            from.insert(*come, *gone);
        }
    }
    let gone: HashSet<usize> = from.values().copied().collect();
    let old_places: HashMap<usize, (String, Option<&Value>)> =
        from.iter().map(|(come, gone)| (*come, (changes[*gone].path.clone(), changes[*gone].old))).collect();
    let told = changes.into_iter().enumerate().filter(|(index, _)| !gone.contains(index));
    told.map(|(index, change)| match old_places.get(&index) {
        Some((path, old)) => RawChange { op: Op::Move, from: Some(path.clone()), old: *old, ..change },
        None => change,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Values with few different parts, so that lists share items and names repeat.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3_i64).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
            Just(Value::from("long enough to have moved"))
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![Just("name"), Just("kind"), Just("path"), Just("verbs"), Just("rules"), Just("a.b")];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(key, inner, 0..4).prop_map(|map| map
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_that_differ_are_never_told_as_the_same(old in values(), new in values()) {
            prop_assert_eq!(compare(&old, &new).is_empty(), old == new);
            prop_assert!(compare(&old, &old).is_empty());
        }
    }

    fn told(old: &Value, new: &Value) -> Vec<String> {
        let value = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), Value::to_string);
        compare(old, new)
            .iter()
            .map(|change| {
                let from = change.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
                format!("{:?} {}{from}: {} -> {}", change.op, change.path, value(change.old), value(change.new))
            })
            .collect()
    }

    #[test]
    fn fields_are_told_by_their_path() {
        let old = json!({"a": {"b": 1, "c": "x", "e.f/g": true}, "same": [1]});
        let new = json!({"a": {"b": 2, "d": {"deep": null}, "e.f/g": false}, "same": [1]});
        assert_eq!(
            told(&old, &new),
            ["Replace a.b: 1 -> 2", "Remove a.c: \"x\" -> -", "Replace a[\"e.f/g\"]: true -> false", "Add a.d.deep: - -> null"]
        );
        assert_eq!(told(&old, &old), [""; 0]);
        // A value that becomes a map, and an empty map that fills, are not lost.
        assert_eq!(told(&json!({"a": 1}), &json!({"a": {"b": 1}})), ["Replace a: 1 -> {\"b\":1}"]);
        assert_eq!(told(&json!({"a": {}}), &json!({"a": {"b": 1}})), ["Replace a: {} -> {\"b\":1}"]);
    }

    #[test]
    fn items_of_a_list_are_matched_by_what_identifies_them() {
        let old = json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]});
        let new = json!({"containers": [{"name": "c", "image": "z:1"}, {"name": "b", "image": "y:2"}, {"name": "a", "image": "x:1"}]});
        assert_eq!(
            told(&old, &new),
            [
                "Replace containers[name=b].image: \"y:1\" -> \"y:2\"",
                "Add containers[name=c]: - -> {\"name\":\"c\",\"image\":\"z:1\"}",
                "Reorder containers: - -> -"
            ]
        );
        let ports = |first: u16, second: &str| json!({"ports": [{"containerPort": 80, "protocol": "UDP"}, {"containerPort": first, "protocol": second}]});
        assert_eq!(told(&ports(80, "TCP"), &ports(80, "TCP")), [""; 0]);
        assert_eq!(
            told(&ports(80, "TCP"), &ports(81, "TCP")),
            [
                "Remove ports[containerPort=80,protocol=TCP]: {\"containerPort\":80,\"protocol\":\"TCP\"} -> -",
                "Add ports[containerPort=81,protocol=TCP]: - -> {\"containerPort\":81,\"protocol\":\"TCP\"}"
            ]
        );
        let subjects = |namespace: &str| json!({"subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "x"}, {"kind": "ServiceAccount", "name": "a", "namespace": namespace}]});
        assert_eq!(told(&subjects("y"), &subjects("z")).len(), 2);
    }

    #[test]
    fn rules_of_a_role_are_matched_by_what_they_are_about() {
        let rule = |resource: &str, verbs: &[&str]| json!({"apiGroups": [""], "resources": [resource], "verbs": verbs});
        let old = json!({"rules": [rule("secrets", &["get"]), rule("pods", &["get"])]});
        let new = json!({"rules": [rule("pods", &["get"]), rule("secrets", &["list", "get"])]});
        assert_eq!(told(&old, &new), ["Add rules[apiGroups=\"\",resources=secrets].verbs[]: - -> \"list\"", "Reorder rules: - -> -"]);
        // Two rules about the same resource differ in their names.
        let named = |name: &str| json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]});
        let changes = told(&json!({"rules": [named("a"), named("b")]}), &json!({"rules": [named("a"), named("c")]}));
        assert!(changes[0].starts_with("Remove rules[apiGroups=\"\",resources=secrets,resourceNames=b]"), "{changes:?}");
    }

    #[test]
    fn scalars_in_a_list_are_a_set_and_an_order_of_its_own_is_told() {
        let list = |items: &[&str]| json!({"dnsNames": items});
        assert_eq!(told(&list(&["a", "b"]), &list(&["c", "a"])), ["Remove dnsNames[]: \"b\" -> -", "Add dnsNames[]: - -> \"c\""]);
        assert_eq!(told(&list(&["a", "b"]), &list(&["b", "a"])), ["Reorder dnsNames: [\"a\",\"b\"] -> [\"b\",\"a\"]"]);
        assert_eq!(told(&list(&["a", "a"]), &list(&["a"])), ["Remove dnsNames[]: \"a\" -> -"]);
    }

    #[test]
    fn items_without_identity_are_matched_by_value_then_by_place() {
        let old = json!({"sources": [{"inLine": "one"}, {"inLine": "two"}]});
        assert_eq!(
            told(&old, &json!({"sources": [{"inLine": "zero"}, {"inLine": "one"}]})),
            ["Replace sources[0].inLine: \"two\" -> \"zero\""]
        );
        assert_eq!(told(&old, &json!({"sources": [{"inLine": "two"}]})), ["Remove sources[]: {\"inLine\":\"one\"} -> -"]);
    }

    #[test]
    fn what_moves_is_not_told_as_gone_and_new() {
        let old = json!({"a": {"annotation": "a long enough value"}, "flag": true});
        let new = json!({"b": {"note": "a long enough value"}, "other": true});
        assert_eq!(
            told(&old, &new),
            [
                "Remove flag: true -> -",
                "Move b.note from a.annotation: \"a long enough value\" -> \"a long enough value\"",
                "Add other: - -> true"
            ]
        );
        assert_eq!(told(&json!({"a": {"x": 1}, "b": 0}), &json!({"c": {"x": 1}, "b": 0})), ["Move c.x from a.x: 1 -> 1"]);
    }

    #[test]
    fn a_duration_may_be_written_differently() {
        let duration = |key: &str, text: &str| json!({"spec": {key: text}});
        assert_eq!(told(&duration("duration", "24h"), &duration("duration", "24h0m0s")), ["Rewrite spec.duration: \"24h\" -> \"24h0m0s\""]);
        assert!(told(&duration("renewBefore", "24h"), &duration("renewBefore", "25h"))[0].starts_with("Replace"));
        assert!(told(&duration("schedule", "60m"), &duration("schedule", "1h"))[0].starts_with("Replace"));
    }

    #[test]
    fn a_value_that_is_new_is_told_by_its_fields() {
        let value = json!({"spec": {"names": ["a"], "empty": {}}});
        let paths: Vec<String> = leaves(&value).into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["spec.names", "spec.empty"]);
    }
}
