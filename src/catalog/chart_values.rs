//! What a Helm chart without a schema knows: keys, types and defaults, and what is wrong with a set of values.

use serde_json::Map;
use serde_json::Value as Json;

use crate::yaml::{Node, Path, Value, nearest};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Integer,
    String,
    StringOrInteger,
    Strings,
    List,
    ListOrFalse,
    /// A map whose keys belong to Kubernetes or to the user.
    Anything,
}

/// Path, type, and default as JSON (`-` where the chart has none).
pub(super) type Row = (&'static str, Type, &'static str);

/// One known value, or a map of more of them.
#[derive(Debug)]
enum Known {
    Value { kind: Type, default: Option<Json> },
    Map(Vec<(&'static str, Known)>),
}

/// The values that one version of a chart knows.
#[derive(Debug)]
pub struct ChartValues {
    root: Known,
}

/// Something wrong with a chart value.
#[derive(Debug, PartialEq, Eq)]
pub struct ValueProblem {
    /// Where, below the values.
    pub path: Path,
    /// What.
    pub kind: ValueProblemKind,
}

/// The kinds of [`ValueProblem`].
#[derive(Debug, PartialEq, Eq)]
pub enum ValueProblemKind {
    /// The chart does not know the key; the nearest one that it knows.
    UnknownKey(Option<&'static str>),
    /// The value has another type; what the chart expects, in words.
    WrongType(&'static str),
}

impl ChartValues {
    /// The values of a table.
    pub(super) fn new(rows: impl IntoIterator<Item = Row>) -> ChartValues {
        let mut root = Vec::new();
        for (path, kind, default) in rows {
            let mut level = &mut root;
            let mut segments = path.split('.').peekable();
            while let Some(segment) = segments.next() {
                if segments.peek().is_none() {
                    level.push((segment, Known::Value { kind, default: serde_json::from_str(default).ok() }));
                    break;
                }
                let position = level.iter().position(|(name, _)| *name == segment).unwrap_or_else(|| {
                    level.push((segment, Known::Map(Vec::new())));
                    level.len() - 1
                });
                match &mut level[position].1 {
                    Known::Map(next) => level = next,
                    Known::Value { .. } => break,
                }
            }
        }
        ChartValues { root: Known::Map(root) }
    }

    /// Everything wrong with a set of values. Null is what Helm takes for "leave the default out", and is right anywhere.
    pub fn check(&self, values: &Node) -> Vec<ValueProblem> {
        let mut problems = Vec::new();
        check(&self.root, values, &Path::default(), &mut problems);
        problems
    }

    /// The chart's default at a path; None where it has none.
    pub fn default_at(&self, path: &[&str]) -> Option<&Json> {
        let found = path.iter().try_fold(&self.root, |known, key| match known {
            Known::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, known)| known),
            Known::Value { .. } => None,
        });
        match found? {
            Known::Value { default, .. } => default.as_ref(),
            Known::Map(_) => None,
        }
    }

    /// The values that differ from the chart's defaults.
    pub fn without_defaults(&self, values: &Map<String, Json>) -> Map<String, Json> {
        match differing(&self.root, &Json::Object(values.clone())) {
            Some(Json::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

fn check(known: &Known, node: &Node, path: &Path, problems: &mut Vec<ValueProblem>) {
    match (known, &node.value) {
        (_, Value::Null) => {}
        (Known::Map(entries), Value::Map(map)) => {
            for (key, entry) in map.iter() {
                let path = path.key(key);
                match entries.iter().find(|(name, _)| *name == key) {
                    Some((_, known)) => check(known, &entry.node, &path, problems),
                    None => problems.push(ValueProblem {
                        path,
                        kind: ValueProblemKind::UnknownKey(nearest(key, entries.iter().map(|(name, _)| *name))),
                    }),
                }
            }
        }
        (Known::Map(_), _) => problems.push(ValueProblem { path: path.clone(), kind: ValueProblemKind::WrongType("a map") }),
        (Known::Value { kind, .. }, value) => {
            if let Some(expected) = mismatch(*kind, value) {
                problems.push(ValueProblem { path: path.clone(), kind: ValueProblemKind::WrongType(expected) });
            }
        }
    }
}

/// What is expected, when the value is something else.
fn mismatch(kind: Type, value: &Value) -> Option<&'static str> {
    let is_string = matches!(value, Value::String(_));
    let is_list = matches!(value, Value::List(_));
    let (fits, expected) = match kind {
        Type::Boolean => (matches!(value, Value::Boolean(_)), "`true` or `false`"),
        Type::Integer => (matches!(value, Value::Integer(_)), "a whole number"),
        Type::String => (is_string, "a string"),
        Type::StringOrInteger => (is_string || matches!(value, Value::Integer(_)), "a string or a whole number"),
        Type::Strings => (
            matches!(value, Value::List(items) if items.iter().all(|item| item.as_str().is_some())),
            "a list of strings (the chart writes `name:` before each)",
        ),
        Type::List => (is_list, "a list"),
        Type::ListOrFalse => (is_list || *value == Value::Boolean(false), "a list, or `false`"),
        Type::Anything => (matches!(value, Value::Map(_)), "a map"),
    };
    (!fits).then_some(expected)
}

/// The part of a value that differs from the default; None when nothing does.
fn differing(known: &Known, value: &Json) -> Option<Json> {
    match (known, value) {
        (Known::Map(entries), Json::Object(map)) => kept(map, |key, value| match entries.iter().find(|(name, _)| *name == key) {
            Some((_, known)) => differing(known, value),
            None => Some(value.clone()),
        }),
        (Known::Value { default: Some(default), .. }, value) => differing_from(default, value),
        _ => Some(value.clone()),
    }
}

/// Helm merges maps key by key with the chart's defaults, so an equal key inside a map may go too.
fn differing_from(default: &Json, value: &Json) -> Option<Json> {
    match (default, value) {
        (Json::Object(defaults), Json::Object(map)) => kept(map, |key, value| match defaults.get(key) {
            Some(default) => differing_from(default, value),
            None => Some(value.clone()),
        }),
        _ => (default != value).then(|| value.clone()),
    }
}

/// What stays of a map's entries; None when nothing does.
fn kept(map: &Map<String, Json>, stays: impl Fn(&str, &Json) -> Option<Json>) -> Option<Json> {
    let kept: Map<String, Json> = map.iter().filter_map(|(key, value)| Some((key.clone(), stays(key, value)?))).collect();
    (!kept.is_empty()).then_some(Json::Object(kept))
}
