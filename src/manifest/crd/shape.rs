//! An object as the API server sees it before it checks anything: unknown fields told and dropped, nulls dropped where
//! nothing may be null, defaults filled in.
//!
//! Source: `pruning`, `PruneNonNullableNullsWithoutDefaults` and `defaulting` of `k8s.io/apiextensions-apiserver`.

use super::flaw::{CrdFlaw, CrdFlawKind, Trail};
use super::schema::{Additional, Schema};
use crate::finding::listed;
use crate::yaml::{At, Entry, Map, Node, Path, Value, nearest};

/// Fields that every object has, and every one inside another.
pub(super) const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Defaults that are filled into one object.
const MAX_DEFAULTS: usize = 100_000;
/// Unknown fields that are told of one object.
const MAX_UNKNOWN: usize = 200;

/// Names that a message lists before it gives up.
const MAX_LISTED: usize = 12;

/// What becomes of fields that no schema declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// They are told and dropped.
    Told,
    /// They stay; declared ones are looked into as ever.
    KeptHere,
    /// They stay, all the way down.
    Kept,
}

/// The object with its unknown fields told in `flaws`.
pub(super) fn shaped(object: &Node, schema: &Schema, flaws: &mut Vec<CrdFlaw>) -> Node {
    let mut shaper = Shaper { flaws, defaults: 0 };
    let shaped = shaper.root(object, schema);
    if shaper.defaults > MAX_DEFAULTS {
        let message = format!("the object was not checked with all of its defaults: there are more than {MAX_DEFAULTS}");
        flaws.push(CrdFlaw { path: Path::default(), kind: CrdFlawKind::NotChecked, message, help: None });
    }
    shaped
}

struct Shaper<'a> {
    flaws: &'a mut Vec<CrdFlaw>,
    defaults: usize,
}

impl Shaper<'_> {
    fn root(&mut self, object: &Node, schema: &Schema) -> Node {
        let unknown = if schema.keeps_unknown { Unknown::KeptHere } else { Unknown::Told };
        self.node(object, Some(schema), &Trail::Root, unknown, true)
    }

    fn node(&mut self, node: &Node, schema: Option<&Schema>, trail: &Trail<'_>, unknown: Unknown, has_meta: bool) -> Node {
        let value = match &node.value {
            Value::Map(map) => Value::Map(self.map(map, schema, trail, unknown, has_meta)),
            Value::List(items) => {
                let below = schema.and_then(|schema| schema.items.as_deref());
                let items = items.iter().enumerate().map(|(index, item)| self.item(item, below, &Trail::Index(trail, index), unknown));
                Value::List(items.collect())
            }
            Value::Float(number) => self.number(*number, trail),
            other => other.clone(),
        };
        Node { at: node.at, value }
    }

    fn item(&mut self, item: &Node, schema: Option<&Schema>, trail: &Trail<'_>, unknown: Unknown) -> Node {
        if let Some(default) = schema.filter(|schema| item.value == Value::Null && !schema.nullable).and_then(|s| s.default.as_deref()) {
            return self.below(default, schema, trail);
        }
        match unknown {
            Unknown::Told => self.below(item, schema, trail),
            // A list hands on to its items that nothing is dropped.
            Unknown::KeptHere | Unknown::Kept => self.node(item, schema, trail, unknown, schema.is_some_and(|schema| schema.embedded)),
        }
    }

    /// A value whose schema decides anew what becomes of unknown fields.
    fn below(&mut self, node: &Node, schema: Option<&Schema>, trail: &Trail<'_>) -> Node {
        let unknown = if schema.is_some_and(|schema| schema.keeps_unknown) { Unknown::KeptHere } else { Unknown::Told };
        self.node(node, schema, trail, unknown, schema.is_some_and(|schema| schema.embedded))
    }

    fn map(&mut self, map: &Map, schema: Option<&Schema>, trail: &Trail<'_>, unknown: Unknown, has_meta: bool) -> Map {
        let mut entries = Vec::with_capacity(map.len());
        for (key, entry) in map.iter() {
            let trail = Trail::Key(trail, key);
            let field = schema.and_then(|schema| schema.field(key));
            let node = match self.null(&entry.node, field) {
                Null::Dropped => continue,
                Null::Default(default) => self.below(default, field, &trail),
                Null::Kept if has_meta && META_FIELDS.contains(&key) => self.node(&entry.node, field, &trail, Unknown::Kept, false),
                Null::Kept => match (field, unknown, schema.map(|schema| &schema.additional)) {
                    (_, Unknown::Kept, _) => self.node(&entry.node, field, &trail, Unknown::Kept, false),
                    (Some(_), ..) | (None, _, Some(Additional::Any | Additional::Forbidden)) => self.below(&entry.node, field, &trail),
                    (None, Unknown::KeptHere, _) => self.node(&entry.node, None, &trail, Unknown::Kept, false),
                    (None, Unknown::Told, _) => {
                        self.unknown(key, schema, &trail, has_meta);
                        continue;
                    }
                },
            };
            entries.push((key.into(), Entry { key: entry.key, node }));
        }
        for (name, property) in schema.map_or(&[][..], |schema| &schema.properties) {
            if let Some(default) = &property.default
                && map.get(name).is_none()
                && self.defaults <= MAX_DEFAULTS
            {
                self.defaults += 1;
                let node = self.below(default, Some(property), &Trail::Key(trail, name));
                entries.push((name.clone(), Entry { key: At::default(), node }));
            }
        }
        // Keys came out of a map, and defaults only join where there was none.
        Map::new(entries).unwrap_or_default()
    }

    fn null<'s>(&self, node: &Node, schema: Option<&'s Schema>) -> Null<'s> {
        match schema {
            Some(schema) if node.value == Value::Null && !schema.nullable => match &schema.default {
                Some(default) => Null::Default(default),
                None => Null::Dropped,
            },
            _ => Null::Kept,
        }
    }

    fn unknown(&mut self, key: &str, schema: Option<&Schema>, trail: &Trail<'_>, has_meta: bool) {
        if self.flaws.len() >= MAX_UNKNOWN {
            return;
        }
        let meta: &[&str] = if has_meta { &META_FIELDS } else { &[] };
        let declared = schema.map_or(&[][..], |schema| &schema.properties);
        let known: Vec<&str> = declared.iter().map(|(name, _)| &**name).chain(meta.iter().copied()).collect();
        let near = nearest(key, known.iter().copied());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "nothing may stand below this field".to_owned(),
            None if known.len() > MAX_LISTED => "see what fields there are with `kubectl explain`".to_owned(),
            None => format!("the fields here are {}", listed(known.iter().copied())),
        };
        let message = format!("there is no field `{key}` here (`{}`)", trail.path());
        self.flaws.push(CrdFlaw { path: trail.path(), kind: CrdFlawKind::UnknownField, message, help: Some(help) });
    }

    /// `1.0` travels to the API server as `1`.
    fn number(&mut self, number: f64, trail: &Trail<'_>) -> Value {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if !number.is_finite() {
            let message = format!("`{}`: {number} is no number that JSON has", trail.path());
            self.flaws.push(CrdFlaw { path: trail.path(), kind: CrdFlawKind::WrongType, message, help: None });
        }
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and lies within the limits")]
        if number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number) {
            return Value::Integer(number as i64);
        }
        Value::Float(number)
    }
}

/// What becomes of a value that may be null.
enum Null<'s> {
    Kept,
    Dropped,
    Default(&'s Node),
}
