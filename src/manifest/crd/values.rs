//! Values against schemas, keyword by keyword.
//!
//! Source: `k8s.io/kube-openapi/pkg/validation/validate`, and `listtype` and `objectmeta` of
//! `k8s.io/apiextensions-apiserver`.

use std::collections::HashMap;

use super::flaw::{CrdFlaw, CrdFlawKind, Trail};
use super::schema::{Additional, Kind, Limits, ListType, Schema, shortened};
use crate::manifest::dns_label_problem;
use crate::yaml::{Map, Node, Value};

/// Alternatives that a message tells before it gives up.
const MAX_ALTERNATIVES: usize = 4;
/// Values that a message lists before it gives up.
const MAX_VALUES: usize = 16;
/// Flaws that are told of one object.
const MAX_FLAWS: usize = 200;

/// Values that are compared with schemas before it counts as too much: a large list and many alternatives multiply.
const MAX_STEPS: usize = 5_000_000;

/// Checks a shaped object against its schema.
pub(super) fn check(object: &Node, schema: &Schema, flaws: &mut Vec<CrdFlaw>) {
    let mut steps = MAX_STEPS;
    Checker { flaws, steps: &mut steps }.node(object, schema, &Trail::Root);
    if steps == 0 {
        let message = "the object was not checked to its end: it is too large for the alternatives of its definition".to_owned();
        flaws.push(CrdFlaw { path: crate::yaml::Path::default(), kind: CrdFlawKind::NotChecked, message, help: None });
    }
}

struct Checker<'a> {
    flaws: &'a mut Vec<CrdFlaw>,
    /// How many more values may be looked at.
    steps: &'a mut usize,
}

impl Checker<'_> {
    fn flaw(&mut self, kind: CrdFlawKind, trail: &Trail<'_>, message: impl Into<String>) {
        if self.flaws.len() < MAX_FLAWS {
            self.flaws.push(CrdFlaw { path: trail.path(), kind, message: message.into(), help: None });
        }
    }

    fn bad(&mut self, trail: &Trail<'_>, problem: impl std::fmt::Display) {
        self.flaw(CrdFlawKind::BadValue, trail, format!("{} {problem}", trail.shown()));
    }

    fn node(&mut self, node: &Node, schema: &Schema, trail: &Trail<'_>) {
        let cost = 1 + schema.required.len() + schema.limits.as_ref().map_or(0, |limits| limits.one_of.len());
        *self.steps = self.steps.saturating_sub(cost);
        if *self.steps == 0 {
            return;
        }
        if let Some(expected) = wrong_type(node, schema) {
            let found = described(node);
            self.flaw(CrdFlawKind::WrongType, trail, format!("{}: {expected} is expected here, and this is {found}", trail.shown()));
            return;
        }
        if let Some(limits) = &schema.limits {
            self.limits(node, limits, trail);
        }
        if node.value == Value::Null {
            return;
        }
        match &node.value {
            Value::Map(_) => self.object(node, schema, trail),
            Value::List(items) => {
                self.list_type(items, &schema.list_type, trail);
                if let Some(below) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.node(item, below, &Trail::Index(trail, index));
                    }
                }
            }
            _ => {}
        }
        if schema.junctions.is_some() {
            self.junctions(node, schema, trail);
        }
    }

    fn object(&mut self, node: &Node, schema: &Schema, trail: &Trail<'_>) {
        let Some(map) = node.as_map() else { return };
        for name in &schema.required {
            if map.get(name).is_none() {
                self.missing(name, trail);
            }
        }
        if schema.embedded {
            self.embedded(node, trail);
        }
        let additional = match &schema.additional {
            Additional::Fitting(schema) => Some(&**schema),
            Additional::Forbidden => return self.forbidden(map, schema, trail),
            Additional::Unknown | Additional::Any => None,
        };
        if schema.properties.is_empty() && additional.is_none() {
            return;
        }
        for (key, entry) in map.iter() {
            if let Some(field) = schema.property(key).or(additional) {
                self.node(&entry.node, field, &Trail::Key(trail, key));
            }
        }
    }

    /// Nothing but what is declared may be there, and `properties` cannot stand beside that.
    fn forbidden(&mut self, map: &Map, schema: &Schema, trail: &Trail<'_>) {
        for (key, _) in map.iter().filter(|(key, _)| schema.property(key).is_none()) {
            self.bad(&Trail::Key(trail, key), "may not be there: the map above it takes no fields");
        }
    }

    fn missing(&mut self, name: &str, trail: &Trail<'_>) {
        let message = match trail {
            Trail::Root => format!("the field `{name}` is missing"),
            _ => format!("`{}` needs the field `{name}`", trail.path()),
        };
        if self.flaws.len() < MAX_FLAWS {
            let help = Some(format!("write `{name}:` below it"));
            self.flaws.push(CrdFlaw { path: trail.path(), kind: CrdFlawKind::MissingField, message, help });
        }
    }

    /// An object inside another one says what it is.
    fn embedded(&mut self, node: &Node, trail: &Trail<'_>) {
        for (name, problem) in [("apiVersion", group_version_problem as fn(&str) -> bool), ("kind", kind_problem)] {
            match node.get(name) {
                None => self.missing(name, trail),
                Some(value) if value.as_str().is_none_or(problem) => {
                    let shown = shown_value(value);
                    self.bad(&Trail::Key(trail, name), format!("is {shown}, and that is no `{name}` of an object"));
                }
                Some(_) => {}
            }
        }
        if let Some(metadata) = node.get("metadata") {
            let name = metadata.get("name");
            let fits = match &metadata.value {
                Value::Map(_) => {
                    name.is_none_or(|name| name.value == Value::Null || name.as_str().is_some_and(|name| !name.contains(['/', '%'])))
                }
                other => *other == Value::Null,
            };
            if !fits {
                self.bad(&Trail::Key(trail, "metadata"), "is no metadata of an object");
            }
        }
    }

    fn limits(&mut self, node: &Node, limits: &Limits, trail: &Trail<'_>) {
        // Null is none of the values, even where it is listed.
        let is_listed = node.value != Value::Null && limits.one_of.iter().any(|value| equal(value, node));
        if !limits.one_of.is_empty() && !is_listed {
            self.not_listed(node, &limits.one_of, trail);
        }
        match &node.value {
            Value::Integer(number) => {
                #[expect(clippy::cast_precision_loss, reason = "limits are floats")]
                self.number(*number as f64, node, limits, trail);
            }
            Value::Float(number) => self.number(*number, node, limits, trail),
            Value::String(text) => self.text(text, limits, trail),
            Value::List(items) => {
                let bounds = [limits.min_items, limits.max_items];
                self.count(items.len(), bounds, ["item", "items"], trail);
            }
            Value::Map(map) => {
                let bounds = [limits.min_properties, limits.max_properties];
                self.count(map.len(), bounds, ["field", "fields"], trail);
            }
            Value::Null | Value::Boolean(_) => {}
        }
    }

    fn not_listed(&mut self, node: &Node, values: &[Node], trail: &Trail<'_>) {
        let mut known: Vec<String> = values.iter().take(MAX_VALUES).map(shown_value).collect();
        if values.len() > MAX_VALUES {
            known.push("…".to_owned());
        }
        let message = format!("{} is {}, and it must be one of {}", trail.shown(), shown_value(node), known.join(", "));
        let near = node.as_str().and_then(|text| crate::yaml::nearest(text, values.iter().filter_map(Node::as_str)));
        if self.flaws.len() < MAX_FLAWS {
            let help = near.map(|near| format!("did you mean `{near}`?"));
            self.flaws.push(CrdFlaw { path: trail.path(), kind: CrdFlawKind::BadValue, message, help });
        }
    }

    fn number(&mut self, number: f64, node: &Node, limits: &Limits, trail: &Trail<'_>) {
        // The API server cuts a limit for whole numbers off at its point.
        let cut = |limit: f64| if matches!(node.value, Value::Integer(_)) { limit.trunc() } else { limit };
        let shown = shown_value(node);
        if let Some(limit) = limits.minimum.map(cut) {
            match limits.exclusive_minimum {
                true if number <= limit => self.bad(trail, format!("is {shown}, and it must be more than {limit}")),
                false if number < limit => self.bad(trail, format!("is {shown}, and it must be {limit} or more")),
                _ => {}
            }
        }
        if let Some(limit) = limits.maximum.map(cut) {
            match limits.exclusive_maximum {
                true if number >= limit => self.bad(trail, format!("is {shown}, and it must be less than {limit}")),
                false if number > limit => self.bad(trail, format!("is {shown}, and it must be {limit} or less")),
                _ => {}
            }
        }
        match limits.multiple_of {
            // Its own limit cut off is zero, of which nothing is a multiple.
            Some(factor) if cut(factor) <= 0.0 => {
                self.bad(trail, format!("is {shown}, and the API server takes no whole number where `multipleOf` is {factor}"));
            }
            Some(factor) if !is_multiple(number, cut(factor)) => {
                self.bad(trail, format!("is {shown}, and it must be a multiple of {factor}"));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, limits: &Limits, trail: &Trail<'_>) {
        if limits.min_length.is_some() || limits.max_length.is_some() {
            self.count(text.chars().count(), [limits.min_length, limits.max_length], ["character", "characters"], trail);
        }
        if let Some((pattern, compiled)) = &limits.pattern
            && !compiled.is_match(text)
        {
            self.bad(trail, format!("is `{}`, and it must match `{pattern}`", shortened(text)));
        }
        if let Some(format) = &limits.format
            && !format.holds(text)
        {
            self.format(text, *format, trail);
        }
    }

    fn format(&mut self, text: &str, format: super::formats::Format, trail: &Trail<'_>) {
        let broken = format.name == "byte" && text.contains([' ', '\n', '\r', '\t']);
        let (problem, help) = if broken {
            let help = "write it in one line; `base64 -w0` makes one, and a `|` block adds a line break that counts, too";
            ("has a line break or a space inside, and the API server takes base64 only without".to_owned(), Some(help.to_owned()))
        } else {
            (format!("is `{}`, and it must be {}", shortened(text), format.what), None)
        };
        if self.flaws.len() < MAX_FLAWS {
            let message = format!("{} {problem}", trail.shown());
            self.flaws.push(CrdFlaw { path: trail.path(), kind: CrdFlawKind::BadValue, message, help });
        }
    }

    fn count(&mut self, count: usize, [least, most]: [Option<u64>; 2], [one, many]: [&str; 2], trail: &Trail<'_>) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let counted = |number: u64| if number == 1 { format!("1 {one}") } else { format!("{number} {many}") };
        if let Some(least) = least.filter(|least| count < *least) {
            self.bad(trail, format!("has {}, and it needs {} or more", counted(count), counted(least)));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.bad(trail, format!("has {}, and it takes {} at most", counted(count), counted(most)));
        }
    }

    fn list_type(&mut self, items: &[Node], list_type: &ListType, trail: &Trail<'_>) {
        let keys = match list_type {
            ListType::Atomic => return,
            ListType::Set => &[][..],
            ListType::Map(keys) => {
                let wrong = items.iter().position(|item| !matches!(item.value, Value::Map(_) | Value::Null));
                if let Some(index) = wrong {
                    // Its type is told already.
                    if items[index].as_map().is_none() {
                        self.bad(&Trail::Index(trail, index), "is no object, and this list is told apart by fields");
                    }
                    return;
                }
                keys
            }
        };
        let identity = |item: &Node| match keys {
            [] => item.to_json().to_string(),
            keys => {
                keys.iter().map(|key| item.get(key).map_or_else(|| "-".to_owned(), |value| value.to_json().to_string()) + "\n").collect()
            }
        };
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let first = *seen.entry(identity(item)).or_insert(index);
            if first != index {
                let what = if keys.is_empty() {
                    "is there".to_owned()
                } else {
                    let named = |key: &str| format!("`{key}: {}`", item.get(key).map_or_else(|| "null".to_owned(), plain));
                    format!("has {}, which is there", keys.iter().map(|key| named(key)).collect::<Vec<_>>().join(" and "))
                };
                self.bad(&Trail::Index(trail, index), format!("{what} already, at index {first}"));
            }
        }
    }

    fn junctions(&mut self, node: &Node, schema: &Schema, trail: &Trail<'_>) {
        let Some(junctions) = &schema.junctions else { return };
        for branch in &junctions.all_of {
            self.node(node, branch, trail);
        }
        if !junctions.any_of.is_empty() {
            let (fitting, problems) = self.tried(node, &junctions.any_of, trail);
            if fitting == 0 {
                self.none_fits(problems, trail);
            }
        }
        if !junctions.one_of.is_empty() {
            let (fitting, problems) = self.tried(node, &junctions.one_of, trail);
            match fitting {
                1 => {}
                _ if *self.steps == 0 => {}
                0 => self.none_fits(problems, trail),
                number => self.bad(trail, format!("fits {number} of the alternatives, and it must fit exactly one")),
            }
        }
        if let Some(not) = &junctions.not
            && self.tried(node, std::slice::from_ref(not), trail).0 == 1
            && *self.steps > 0
        {
            self.bad(trail, "is what it must not be (`not` in the schema)");
        }
    }

    /// How many of the schemas fit, and the first flaw of each that does not.
    fn tried(&mut self, node: &Node, branches: &[Schema], trail: &Trail<'_>) -> (usize, Vec<CrdFlaw>) {
        let mut problems = Vec::new();
        let mut fitting = 0;
        for branch in branches {
            let mut flaws = Vec::new();
            Checker { flaws: &mut flaws, steps: self.steps }.node(node, branch, trail);
            match flaws.into_iter().next() {
                Some(flaw) => problems.push(flaw),
                None => fitting += 1,
            }
        }
        (fitting, problems)
    }

    fn none_fits(&mut self, problems: Vec<CrdFlaw>, trail: &Trail<'_>) {
        let mut reasons: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
        reasons.dedup();
        if reasons.len() > MAX_ALTERNATIVES {
            reasons.truncate(MAX_ALTERNATIVES);
            reasons.push("…".to_owned());
        }
        self.bad(trail, format!("fits none of the alternatives: {}", reasons.join("; or: ")));
    }
}

/// `v1` or `apps/v1`.
fn group_version_problem(text: &str) -> bool {
    text.is_empty() || text.matches('/').count() > 1
}

/// A word of letters, digits and dashes.
fn kind_problem(text: &str) -> bool {
    dns_label_problem(&text.to_lowercase()).is_some() || text.starts_with(|first: char| first.is_ascii_digit())
}

/// What the schema expects, where the value is of another type.
fn wrong_type(node: &Node, schema: &Schema) -> Option<&'static str> {
    if schema.int_or_string {
        let fits = matches!(node.value, Value::Integer(_) | Value::String(_)) || node.value == Value::Null && schema.nullable;
        return (!fits).then_some("a whole number or a string");
    }
    let kind = schema.kind?;
    let (fits, expected) = match (kind, &node.value) {
        (_, Value::Null) if schema.nullable => (true, ""),
        (Kind::Object, value) => (matches!(value, Value::Map(_)), "a map"),
        (Kind::Array, value) => (matches!(value, Value::List(_)), "a list"),
        (Kind::Text, value) => (matches!(value, Value::String(_)), "a string"),
        (Kind::Integer, value) => (matches!(value, Value::Integer(_)), "a whole number"),
        (Kind::Number, value) => (matches!(value, Value::Integer(_) | Value::Float(_)), "a number"),
        (Kind::Boolean, value) => (matches!(value, Value::Boolean(_)), "`true` or `false`"),
    };
    (!fits).then_some(expected)
}

/// A value for a message: scalars with their text.
fn described(node: &Node) -> String {
    match &node.value {
        Value::Boolean(value) => format!("the boolean `{value}`"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::String(text) => format!("the string `{}`", shortened(text)),
        other => other.kind().to_owned(),
    }
}

fn shown_value(node: &Node) -> String {
    format!("`{}`", plain(node))
}

fn plain(node: &Node) -> String {
    match node.as_str() {
        Some(text) => shortened(text),
        None => shortened(&node.to_json().to_string()),
    }
}

/// Equality of values, wherever they stand; `1` and `1.0` are the same.
fn equal(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        #[expect(clippy::cast_precision_loss, reason = "only whole numbers that a float holds are equal to one")]
        (Value::Integer(integer), Value::Float(float)) | (Value::Float(float), Value::Integer(integer)) => *integer as f64 == *float,
        (Value::List(one), Value::List(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other)),
        (Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|((key, one), (same, other))| key == same && equal(&one.node, &other.node))
        }
        (one, other) => one == other,
    }
}

/// Whether the quotient is whole, as near as floats can tell.
fn is_multiple(number: f64, factor: f64) -> bool {
    const PRECISION: f64 = 1e-9;
    let quotient = number / factor;
    let nearest = quotient.round();
    quotient == nearest || (quotient - nearest).abs() < PRECISION * (quotient.abs() + nearest.abs())
}
