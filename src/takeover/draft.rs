//! An inventory on its way to a file: values in the order in which they were set, and comments beside them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::yaml::{block, scalar};

/// Keys, and indices of lists, that lead to a value.
pub(super) type Way = Vec<String>;

/// Fields whose parts may come from a layer and the rest from the environment.
const SHARED_IN_PARTS: &[&str] =
    &["clusterDomain", "delivery", "versions", "certManager", "authorities", "images", "stepIssuer", "approver"];
/// Fields whose entries are shared whole or not at all: half a certificate in another file is hard to read.
const SHARED_WHOLE: &[&str] = &["issuers", "certificates"];

/// A file of the inventory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Draft {
    pub(super) value: Map<String, Value>,
    pub(super) comments: BTreeMap<Way, Vec<String>>,
}

/// A way of keys.
pub(super) fn way(keys: &[&str]) -> Way {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

impl Draft {
    /// Sets a value; maps on the way are made.
    pub(super) fn set(&mut self, keys: &[&str], value: impl Into<Value>) {
        let Some((last, parents)) = keys.split_last() else { return };
        let mut map = &mut self.value;
        for key in parents {
            let next = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { return };
            map = next;
        }
        map.insert((*last).to_owned(), value.into());
    }

    /// Says something above a value, or above the nearest one around it that is written.
    pub(super) fn comment(&mut self, way: Way, text: impl Into<String>) {
        let text: String = text.into().chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        let comments = self.comments.entry(way).or_default();
        if !comments.contains(&text) {
            comments.push(text);
        }
    }

    /// The text, behind `head`, which is a comment and says what the file is.
    pub(super) fn text(&self, head: &str) -> String {
        let mut comments: BTreeMap<Way, Vec<String>> = BTreeMap::new();
        for (way, texts) in &self.comments {
            comments.entry(self.nearest(way)).or_default().extend(texts.iter().cloned());
        }
        let mut out = String::new();
        note(head, 0, &mut out);
        comments.remove(&Way::new()).into_iter().flatten().for_each(|text| note(&text, 0, &mut out));
        Writer { comments: &comments, out: &mut out }.map(&self.value, &mut Way::new(), 0);
        out
    }

    /// The part of a way that leads to something.
    fn nearest(&self, way: &[String]) -> Way {
        (0..=way.len()).rev().map(|length| &way[..length]).find(|way| self.has(way)).unwrap_or_default().to_vec()
    }

    fn has(&self, way: &[String]) -> bool {
        let Some((first, rest)) = way.split_first() else { return true };
        let step = |value: &'_ Value, key: &String| -> Option<Value> {
            match value {
                Value::Object(map) => map.get(key).cloned(),
                Value::Array(items) => items.get(key.parse::<usize>().ok()?).cloned(),
                _ => None,
            }
        };
        let found = self.value.get(first).cloned();
        rest.iter().fold(found, |value, key| step(&value?, key)).is_some()
    }
}

/// Characters of a line of a comment.
const WIDTH: usize = 116;

fn note(text: &str, indentation: usize, out: &mut String) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + indentation + 3 > WIDTH {
            out.push_str(&format!("{:indentation$}#{line}\n", ""));
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&format!("{:indentation$}#{line}\n", ""));
}

struct Writer<'a> {
    comments: &'a BTreeMap<Way, Vec<String>>,
    out: &'a mut String,
}

impl Writer<'_> {
    fn map(&mut self, map: &Map<String, Value>, way: &mut Way, indentation: usize) {
        for (key, value) in map {
            way.push(key.clone());
            self.notes(way, indentation);
            self.out.push_str(&format!("{:indentation$}{}:", "", scalar(key)));
            self.value(value, way, indentation);
            way.pop();
        }
    }

    fn value(&mut self, value: &Value, way: &mut Way, indentation: usize) {
        let has_notes = self.comments.keys().any(|other| other.len() > way.len() && other.starts_with(way));
        match value {
            Value::Object(map) if has_notes && !map.is_empty() => {
                self.out.push('\n');
                self.map(map, way, indentation + 2);
            }
            Value::Array(items) if has_notes && items.iter().all(|item| !item.is_object() && !item.is_array()) => {
                self.out.push('\n');
                for (index, item) in items.iter().enumerate() {
                    way.push(index.to_string());
                    self.notes(way, indentation + 2);
                    self.out.push_str(&format!("{:width$}-", "", width = indentation + 2));
                    block(item, indentation + 2, self.out);
                    self.out.push('\n');
                    way.pop();
                }
            }
            _ => {
                block(value, indentation, self.out);
                self.out.push('\n');
            }
        }
    }

    fn notes(&mut self, way: &Way, indentation: usize) {
        self.comments.get(way).into_iter().flatten().for_each(|text| note(text, indentation, self.out));
    }
}

/// What several inventories have in common, taken out of them. A layer of it and the rest give each of them again.
pub(super) fn common(drafts: &mut [Draft]) -> Draft {
    let mut layer = Draft::default();
    let Some(first) = drafts.first() else { return layer };
    for key in first.value.keys() {
        let values: Vec<&Value> = drafts.iter().filter_map(|draft| draft.value.get(key)).collect();
        if values.len() < drafts.len() {
            continue;
        }
        let shared = match key.as_str() {
            key if SHARED_IN_PARTS.contains(&key) => shared(&values),
            key if SHARED_WHOLE.contains(&key) => whole_entries(&values),
            _ => None,
        };
        if let Some(shared) = shared {
            layer.value.insert(key.clone(), shared);
        }
    }
    for draft in drafts.iter_mut() {
        without(&mut draft.value, &layer.value);
        // What is said of a value goes where the value is.
        for (way, texts) in std::mem::take(&mut draft.comments) {
            let target = if layer.nearest(&way).len() > draft.nearest(&way).len() { &mut layer } else { &mut *draft };
            texts.into_iter().for_each(|text| target.comment(way.clone(), text));
        }
    }
    layer
}

/// What all values agree on.
fn shared(values: &[&Value]) -> Option<Value> {
    let (first, rest) = values.split_first()?;
    if rest.iter().all(|value| value == first) {
        return Some((*first).clone());
    }
    let maps: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    if maps.len() < values.len() {
        return None;
    }
    let mut found = Map::new();
    for key in maps[0].keys() {
        let values: Vec<&Value> = maps.iter().filter_map(|map| map.get(key)).collect();
        if values.len() == maps.len()
            && let Some(value) = shared(&values)
        {
            found.insert(key.clone(), value);
        }
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// The entries that are the same everywhere.
fn whole_entries(values: &[&Value]) -> Option<Value> {
    let (first, rest) = values.split_first()?;
    let same = |key: &String, value: &Value| rest.iter().all(|other| other.get(key) == Some(value));
    let found: Map<String, Value> =
        first.as_object()?.iter().filter(|(key, value)| same(key, value)).map(|(key, value)| (key.clone(), value.clone())).collect();
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Takes out of a map what a layer below it holds already.
fn without(map: &mut Map<String, Value>, layer: &Map<String, Value>) {
    for (key, below) in layer {
        let is_done = match (map.get_mut(key), below) {
            (Some(own), below) if own == below => true,
            (Some(Value::Object(own)), Value::Object(below)) => {
                without(own, below);
                own.is_empty()
            }
            _ => false,
        };
        if is_done {
            map.shift_remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(value: Value) -> Draft {
        let Value::Object(value) = value else { panic!("a map") };
        Draft { value, comments: BTreeMap::new() }
    }

    #[test]
    fn comments_stand_above_what_they_are_about_or_above_what_is_around_it() {
        let mut draft = draft(json!({"certificates": {"web": {"dnsNames": ["a", "*.b"], "namespace": "c"}}}));
        draft.comment(way(&["certificates", "web", "dnsNames", "1"]), "was wider");
        draft.comment(way(&["certificates", "web", "secretTemplate", "labels"]), "was\ndropped");
        assert_eq!(
            draft.text("Head."),
            "# Head.\ncertificates:\n  # was dropped\n  web:\n    dnsNames:\n      - a\n      # was wider\n      - \"*.b\"\n    namespace: c\n"
        );
    }

    #[test]
    fn a_layer_and_the_rest_give_each_inventory_again() {
        let one = json!({"stepIssuer": {"namespace": "a", "chart": {"version": "1"}, "values": {"x": 1, "y": [1]}}, "issuers": {"i": {"kind": "k"}}, "certificates": {"c": {"a": 1, "b": 2}}, "labels": {"l": "m"}});
        let two = json!({"stepIssuer": {"namespace": "a", "chart": {"version": "1"}, "values": {"x": 1, "y": [2]}}, "issuers": {"i": {"kind": "k"}}, "certificates": {"c": {"a": 1, "b": 3}}, "labels": {"l": "m"}});
        let mut drafts = [draft(one.clone()), draft(two.clone())];
        let layer = common(&mut drafts);
        assert_eq!(
            Value::Object(layer.value.clone()),
            json!({"stepIssuer": {"namespace": "a", "chart": {"version": "1"}, "values": {"x": 1}}, "issuers": {"i": {"kind": "k"}}})
        );
        for (rest, whole) in drafts.into_iter().zip([one, two]) {
            let mut merged = Value::Object(layer.value.clone());
            merge(&mut merged, Value::Object(rest.value));
            assert_eq!(merged, whole);
        }
    }

    fn merge(under: &mut Value, over: Value) {
        match (under, over) {
            (Value::Object(under), Value::Object(over)) => {
                over.into_iter().for_each(|(key, value)| merge(under.entry(key).or_insert(Value::Null), value));
            }
            (under, over) => *under = over,
        }
    }

    #[test]
    fn a_comment_goes_to_the_layer_with_its_value() {
        let mut drafts =
            [draft(json!({"stepIssuer": {"values": {"x": 1}}, "labels": {"a": "b"}})), draft(json!({"stepIssuer": {"values": {"x": 1}}}))];
        for draft in &mut drafts {
            draft.comment(way(&["stepIssuer", "values", "affinity"]), "dropped");
        }
        let layer = common(&mut drafts);
        assert_eq!(layer.text("H."), "# H.\nstepIssuer:\n  # dropped\n  values:\n    x: 1\n");
        assert_eq!(drafts[0].text("H."), "# H.\nlabels:\n  a: b\n");
    }
}
