//! Structural schemas, compiled from nodes to structs that are quick to check against. What the API server refuses in a
//! schema is a flaw here, with its place.
//!
//! Source: `ValidateStructural` and `specStandardValidatorV3` of `k8s.io/apiextensions-apiserver`.

use regex::Regex;

use super::expressions::{self, Expression, Unusable};
use super::formats::Format;
use super::pattern::Patterns;
use crate::yaml::{At, Map, Node, Value};

/// Schemas that one definition may be made of; the largest in use have about 20 000.
const MAX_SCHEMAS: usize = 200_000;
/// Flaws that are told of one definition.
const MAX_FLAWS: usize = 20;

/// The type that a value must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "object" => Kind::Object,
            "array" => Kind::Array,
            "string" => Kind::Text,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            _ => return None,
        })
    }
}

/// What fields may stand beside the declared ones.
#[derive(Debug, Default)]
pub(super) enum Additional {
    /// None; they are dropped, so telling them is up to strictness.
    #[default]
    Unknown,
    /// None; they are kept, and then refused.
    Forbidden,
    /// Any, but what lies in them is not kept.
    Any,
    /// Those that fit.
    Fitting(Box<Schema>),
}

/// How the items of a list are told apart.
#[derive(Debug, Default)]
pub(super) enum ListType {
    /// Not at all.
    #[default]
    Atomic,
    /// Each value once.
    Set,
    /// Each combination of these keys once.
    Map(Vec<Box<str>>),
}

/// One schema and all below it.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) kind: Option<Kind>,
    pub(super) nullable: bool,
    pub(super) int_or_string: bool,
    pub(super) keeps_unknown: bool,
    pub(super) embedded: bool,
    /// Sorted by name.
    pub(super) properties: Vec<(Box<str>, Schema)>,
    pub(super) additional: Additional,
    pub(super) items: Option<Box<Schema>>,
    pub(super) required: Vec<Box<str>>,
    pub(super) default: Option<Box<Node>>,
    pub(super) list_type: ListType,
    pub(super) limits: Option<Box<Limits>>,
    pub(super) junctions: Option<Box<Junctions>>,
    pub(super) rules: Vec<Rule>,
    /// Whether there are rules in CEL here or anywhere below.
    pub(super) has_rules: bool,
}

impl Schema {
    /// The schema of a declared field.
    pub(super) fn property(&self, name: &str) -> Option<&Schema> {
        self.properties.binary_search_by(|(known, _)| (**known).cmp(name)).ok().map(|index| &self.properties[index].1)
    }

    /// The schema of a field, declared or not.
    pub(super) fn field(&self, name: &str) -> Option<&Schema> {
        self.property(name).or(match &self.additional {
            Additional::Fitting(schema) => Some(schema),
            Additional::Unknown | Additional::Forbidden | Additional::Any => None,
        })
    }
}

/// Limits of a single value.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) one_of: Vec<Node>,
    pub(super) minimum: Option<f64>,
    pub(super) exclusive_minimum: bool,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<f64>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) min_properties: Option<u64>,
    pub(super) max_properties: Option<u64>,
    /// The pattern as it is written, and compiled.
    pub(super) pattern: Option<(Box<str>, Regex)>,
    pub(super) format: Option<Format>,
}

/// Schemas that narrow what stands beside them.
#[derive(Debug, Default)]
pub(super) struct Junctions {
    pub(super) all_of: Vec<Schema>,
    pub(super) any_of: Vec<Schema>,
    pub(super) one_of: Vec<Schema>,
    pub(super) not: Option<Schema>,
}

/// A rule in CEL that can be evaluated.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) expression: Expression,
    /// The rule as it is written.
    pub(super) source: Box<str>,
    pub(super) message: Option<Box<str>>,
}

/// A rule of a definition that is not evaluated, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncheckedRule {
    /// The version whose schema has the rule.
    pub version: String,
    /// Where in an object the rule applies, as `spec.sources[]`; empty for the whole object.
    pub path: String,
    /// The rule in CEL.
    pub rule: String,
    /// Why it is not evaluated, as the end of a sentence.
    pub reason: String,
    /// Where in the file of the definition it stands.
    pub at: At,
}

/// What is wrong with a schema.
#[derive(Debug)]
pub(super) struct SchemaFlaw {
    pub(super) at: At,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// How a schema stands in its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Structural,
    /// Inside `allOf`, `anyOf`, `oneOf` or `not`.
    Nested,
    /// One of the two branches that `x-kubernetes-int-or-string` may repeat.
    NestedType,
}

/// Compiles the schemas of one definition.
pub(super) struct Compiler<'a> {
    patterns: &'a mut Patterns,
    version: &'a str,
    path: Vec<String>,
    schemas: usize,
    pub(super) flaws: Vec<SchemaFlaw>,
    pub(super) unchecked: Vec<UncheckedRule>,
}

const ADAPT: &str = "the API server would not take this definition either; get it anew from its project, or mend it";

impl<'a> Compiler<'a> {
    /// A compiler for the schema of `version`.
    pub(super) fn new(patterns: &'a mut Patterns, version: &'a str) -> Compiler<'a> {
        Compiler { patterns, version, path: Vec::new(), schemas: 0, flaws: Vec::new(), unchecked: Vec::new() }
    }

    /// The schema of a whole object. It can only be used where `flaws` stays empty.
    pub(super) fn root(&mut self, node: &Node) -> Schema {
        let mut schema = self.schema(node, Level::Root);
        // The three fields that every object has need no declaration.
        schema.embedded = false;
        schema
    }

    fn flaw(&mut self, at: At, message: impl Into<String>) {
        if self.flaws.len() < MAX_FLAWS {
            self.flaws.push(SchemaFlaw { at, message: message.into(), help: ADAPT });
        }
    }

    fn schema(&mut self, node: &Node, level: Level) -> Schema {
        self.schemas += 1;
        let Some(map) = node.as_map() else {
            self.flaw(node.at, format!("a schema is a map, and this is {}", node.value.kind()));
            return Schema::default();
        };
        if self.schemas > MAX_SCHEMAS {
            if self.schemas == MAX_SCHEMAS + 1 {
                self.flaw(node.at, format!("the schema is made of more than {MAX_SCHEMAS} schemas"));
            }
            return Schema::default();
        }
        self.refuse_forbidden(map, level);
        let mut schema = Schema {
            kind: self.kind(map, level),
            nullable: self.boolean(map, "nullable"),
            int_or_string: self.boolean(map, "x-kubernetes-int-or-string"),
            keeps_unknown: self.boolean(map, "x-kubernetes-preserve-unknown-fields"),
            embedded: self.boolean(map, "x-kubernetes-embedded-resource"),
            required: self.texts(map, "required"),
            default: present(map, "default").map(|node| Box::new(node.clone())),
            limits: self.limits(map),
            ..Schema::default()
        };
        schema.list_type = self.list_type(map);
        self.children(map, level, &mut schema);
        schema.junctions = self.junctions(map, level, &schema);
        if matches!(level, Level::Root | Level::Structural) {
            self.require_structure(node, map, &schema, level);
            self.rules(map, &mut schema);
        }
        schema
    }

    /// Keywords that the API server refuses, everywhere or inside `allOf` and its kin.
    fn refuse_forbidden(&mut self, map: &Map, level: Level) {
        if let Some(entry) = map.entry("$ref").filter(|entry| entry.node.value != Value::Null) {
            let message = "`$ref` stands in a schema; a CustomResourceDefinition must write everything out";
            self.flaw(entry.key, message);
        }
        for keyword in ["id", "additionalItems", "patternProperties", "definitions", "dependencies"] {
            let is_set = |node: &Node| match &node.value {
                Value::Null => false,
                Value::Map(map) => !map.is_empty() || keyword == "additionalItems",
                Value::String(text) => !text.is_empty(),
                _ => true,
            };
            if let Some(entry) = map.entry(keyword).filter(|entry| is_set(&entry.node)) {
                self.flaw(entry.key, format!("`{keyword}` is a keyword that a CustomResourceDefinition cannot use"));
            }
        }
        if self.boolean(map, "uniqueItems") {
            let at = map.entry("uniqueItems").map(|entry| entry.key).unwrap_or_default();
            self.flaw(at, "`uniqueItems: true` is not allowed; `x-kubernetes-list-type: set` says the same");
        }
        if !matches!(level, Level::Nested | Level::NestedType) {
            return;
        }
        let always = [
            "additionalProperties",
            "default",
            "title",
            "description",
            "x-kubernetes-list-map-keys",
            "x-kubernetes-list-type",
            "x-kubernetes-map-type",
            "x-kubernetes-validations",
        ];
        let truths = ["nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"];
        for (keyword, entry) in map.iter() {
            let set = match &entry.node.value {
                Value::Null => false,
                Value::Boolean(value) => *value || keyword != "additionalProperties",
                Value::String(text) => !text.is_empty(),
                Value::List(items) => !items.is_empty(),
                _ => true,
            };
            let refused = set && always.contains(&keyword)
                || truths.contains(&keyword) && entry.node.value == Value::Boolean(true)
                || set && keyword == "type" && level == Level::Nested;
            if refused {
                self.flaw(entry.key, format!("`{keyword}` cannot stand inside `allOf`, `anyOf`, `oneOf` or `not`"));
            }
        }
    }

    fn kind(&mut self, map: &Map, level: Level) -> Option<Kind> {
        let node = present(map, "type")?;
        let name = node.as_str().unwrap_or_default();
        let kind = Kind::of(name);
        if kind.is_none() && !name.is_empty() {
            self.flaw(node.at, format!("`type: {name}` is none of `object`, `array`, `string`, `integer`, `number`, `boolean`"));
        } else if node.as_str().is_none() {
            self.flaw(node.at, format!("`type` is one word, and this is {}", node.value.kind()));
        }
        if level == Level::Root && kind.is_some_and(|kind| kind != Kind::Object) {
            self.flaw(node.at, format!("`type: {name}` stands at the root, where only `type: object` can"));
        }
        kind
    }

    fn children(&mut self, map: &Map, level: Level, schema: &mut Schema) {
        let below = if matches!(level, Level::Root | Level::Structural) { Level::Structural } else { Level::Nested };
        if let Some(properties) = self.map(map, "properties") {
            for (name, entry) in properties.iter() {
                self.path.push(if self.path.is_empty() { name.to_owned() } else { format!(".{name}") });
                let property = self.schema(&entry.node, below);
                self.path.pop();
                schema.has_rules |= property.has_rules;
                schema.properties.push((name.into(), property));
            }
        }
        if let Some(node) = present(map, "items") {
            if let Value::List(_) = node.value {
                self.flaw(node.at, "`items` is one schema, and this is a list");
            } else {
                self.path.push("[]".to_owned());
                let items = self.schema(node, below);
                self.path.pop();
                schema.has_rules |= items.has_rules;
                schema.items = Some(Box::new(items));
            }
        }
        if let Some(node) = present(map, "additionalProperties") {
            self.additional(map, node, level, schema);
        }
    }

    fn additional(&mut self, map: &Map, node: &Node, level: Level, schema: &mut Schema) {
        if level == Level::Root {
            self.flaw(node.at, "`additionalProperties` cannot stand at the root");
        }
        match &node.value {
            Value::Boolean(true) => schema.additional = Additional::Any,
            Value::Boolean(false) => schema.additional = Additional::Forbidden,
            // Inside `allOf` and its kin it is refused already.
            _ if matches!(level, Level::Nested | Level::NestedType) => {}
            _ => {
                self.path.push("{}".to_owned());
                let additional = self.schema(node, Level::Structural);
                self.path.pop();
                schema.has_rules |= additional.has_rules;
                schema.additional = Additional::Fitting(Box::new(additional));
            }
        }
        let has_properties = map.get("properties").and_then(Node::as_map).is_some_and(|map| !map.is_empty());
        if has_properties && !matches!(schema.additional, Additional::Any) {
            self.flaw(node.at, "`additionalProperties` and `properties` stand beside each other, and only one of them can");
        }
    }

    fn limits(&mut self, map: &Map) -> Option<Box<Limits>> {
        const KEYWORDS: [&str; 12] = [
            "enum",
            "minimum",
            "maximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "pattern",
            "format",
        ];
        if KEYWORDS.iter().all(|keyword| map.get(keyword).is_none()) {
            return None;
        }
        let mut limits = Limits {
            minimum: self.number(map, "minimum"),
            exclusive_minimum: self.boolean(map, "exclusiveMinimum"),
            maximum: self.number(map, "maximum"),
            exclusive_maximum: self.boolean(map, "exclusiveMaximum"),
            multiple_of: self.number(map, "multipleOf"),
            min_length: self.count(map, "minLength"),
            max_length: self.count(map, "maxLength"),
            min_items: self.count(map, "minItems"),
            max_items: self.count(map, "maxItems"),
            min_properties: self.count(map, "minProperties"),
            max_properties: self.count(map, "maxProperties"),
            format: self.text(map, "format").and_then(Format::of),
            ..Limits::default()
        };
        if let Some(node) = present(map, "enum") {
            match node.as_list() {
                Some(values) => limits.one_of = values.to_vec(),
                None => self.flaw(node.at, format!("`enum` is a list, and this is {}", node.value.kind())),
            }
        }
        if let Some(pattern) = self.text(map, "pattern").filter(|pattern| !pattern.is_empty()) {
            match self.patterns.compiled(pattern) {
                Ok(compiled) => limits.pattern = Some((pattern.into(), compiled)),
                Err(reason) => {
                    let at = map.get("pattern").map(|node| node.at).unwrap_or_default();
                    self.flaw(at, format!("`pattern: {}` cannot be used: {reason}", shortened(pattern)));
                }
            }
        }
        Some(Box::new(limits))
    }

    fn list_type(&mut self, map: &Map) -> ListType {
        let keys = self.texts(map, "x-kubernetes-list-map-keys");
        let at = |keyword: &str| map.get(keyword).map(|node| node.at).unwrap_or_default();
        match self.text(map, "x-kubernetes-list-type") {
            None | Some("" | "atomic") => ListType::Atomic,
            Some("set") => ListType::Set,
            Some("map") if keys.is_empty() => {
                self.flaw(at("x-kubernetes-list-type"), "`x-kubernetes-list-type: map` needs `x-kubernetes-list-map-keys`");
                ListType::Atomic
            }
            Some("map") => ListType::Map(keys),
            Some(other) => {
                let message = format!("`x-kubernetes-list-type: {other}` is none of `atomic`, `set`, `map`");
                self.flaw(at("x-kubernetes-list-type"), message);
                ListType::Atomic
            }
        }
    }

    fn junctions(&mut self, map: &Map, level: Level, schema: &Schema) -> Option<Box<Junctions>> {
        let nested = |is_type: bool| if is_type { Level::NestedType } else { Level::Nested };
        let repeats_types = |map: &Map| map.get("anyOf").and_then(Node::as_list).is_some_and(is_int_or_string);
        // Only an int-or-string may say so again, at its side or in the first of its `allOf`.
        let may_repeat = matches!(level, Level::Root | Level::Structural) || level == Level::NestedType;
        let mut junctions = Junctions::default();
        for (index, node) in self.list(map, "allOf").iter().enumerate() {
            let first = index == 0 && may_repeat && node.as_map().is_some_and(repeats_types);
            junctions.all_of.push(self.schema(node, if first { Level::NestedType } else { Level::Nested }));
        }
        for node in self.list(map, "anyOf") {
            junctions.any_of.push(self.schema(node, nested(may_repeat && repeats_types(map))));
        }
        for node in self.list(map, "oneOf") {
            junctions.one_of.push(self.schema(node, Level::Nested));
        }
        junctions.not = present(map, "not").map(|node| self.schema(node, Level::Nested));
        // The two types are checked by the keyword itself.
        if schema.int_or_string && repeats_types(map) {
            junctions.any_of.clear();
        }
        let empty = junctions.all_of.is_empty() && junctions.any_of.is_empty() && junctions.one_of.is_empty() && junctions.not.is_none();
        (!empty).then(|| Box::new(junctions))
    }

    /// What makes a schema structural.
    fn require_structure(&mut self, node: &Node, map: &Map, schema: &Schema, level: Level) {
        if schema.kind.is_none() && !schema.int_or_string && !schema.keeps_unknown {
            self.flaw(node.at, format!("{} has no `type`", self.shown_path()));
        }
        if schema.kind == Some(Kind::Array) && schema.items.is_none() {
            self.flaw(node.at, format!("{} is a list without `items`", self.shown_path()));
        }
        if schema.int_or_string && (schema.keeps_unknown || schema.embedded) {
            self.flaw(node.at, "`x-kubernetes-int-or-string` stands beside a keyword for objects");
        }
        if schema.embedded && schema.kind != Some(Kind::Object) {
            self.flaw(node.at, "`x-kubernetes-embedded-resource` needs `type: object`");
        }
        if level == Level::Root && schema.nullable {
            let at = map.get("nullable").map_or(node.at, |node| node.at);
            self.flaw(at, "`nullable` cannot stand at the root");
        }
    }

    fn shown_path(&self) -> String {
        if self.path.is_empty() { "the schema's root".to_owned() } else { format!("`{}`", self.path.concat()) }
    }

    fn rules(&mut self, map: &Map, schema: &mut Schema) {
        for node in self.list(map, "x-kubernetes-validations") {
            let Some(source) = node.get_str("rule").filter(|source| !source.trim().is_empty()) else {
                self.flaw(node.at, "a rule in `x-kubernetes-validations` needs `rule`");
                continue;
            };
            match expressions::compile(source, schema) {
                Ok(expression) => {
                    let message = node.get_str("message").map(|message| message.trim().into());
                    schema.rules.push(Rule { expression, source: source.trim().into(), message });
                    schema.has_rules = true;
                }
                // Something that is made has no former state: the API server leaves such rules out.
                Err(Unusable::Transition) if node.get("optionalOldSelf").map(|node| &node.value) != Some(&Value::Boolean(true)) => {}
                Err(unusable) => self.unchecked.push(UncheckedRule {
                    version: self.version.to_owned(),
                    path: self.path.concat(),
                    rule: source.trim().to_owned(),
                    reason: unusable.to_string(),
                    at: node.at,
                }),
            }
        }
    }

    fn wrong(&mut self, node: &Node, keyword: &str, expected: &str) {
        self.flaw(node.at, format!("`{keyword}` is {expected}, and this is {}", node.value.kind()));
    }

    fn boolean(&mut self, map: &Map, keyword: &str) -> bool {
        match present(map, keyword) {
            None => false,
            Some(Node { value: Value::Boolean(value), .. }) => *value,
            Some(node) => {
                self.wrong(node, keyword, "`true` or `false`");
                false
            }
        }
    }

    fn number(&mut self, map: &Map, keyword: &str) -> Option<f64> {
        match present(map, keyword)? {
            #[expect(clippy::cast_precision_loss, reason = "the API server holds limits as floats, too")]
            Node { value: Value::Integer(value), .. } => Some(*value as f64),
            Node { value: Value::Float(value), .. } => Some(*value),
            node => {
                self.wrong(node, keyword, "a number");
                None
            }
        }
    }

    fn count(&mut self, map: &Map, keyword: &str) -> Option<u64> {
        match present(map, keyword)? {
            Node { value: Value::Integer(value), .. } => Some((*value).try_into().unwrap_or(0)),
            node => {
                self.wrong(node, keyword, "a whole number");
                None
            }
        }
    }

    fn text<'n>(&mut self, map: &'n Map, keyword: &str) -> Option<&'n str> {
        let node = present(map, keyword)?;
        if node.as_str().is_none() {
            self.wrong(node, keyword, "a string");
        }
        node.as_str()
    }

    fn texts(&mut self, map: &Map, keyword: &str) -> Vec<Box<str>> {
        let mut texts = Vec::new();
        for node in self.list(map, keyword) {
            match node.as_str() {
                Some(text) => texts.push(text.into()),
                None => self.wrong(node, keyword, "a list of strings"),
            }
        }
        texts
    }

    fn list<'n>(&mut self, map: &'n Map, keyword: &str) -> &'n [Node] {
        let Some(node) = present(map, keyword) else { return &[] };
        if node.as_list().is_none() {
            self.wrong(node, keyword, "a list");
        }
        node.as_list().unwrap_or_default()
    }

    fn map<'n>(&mut self, map: &'n Map, keyword: &str) -> Option<&'n Map> {
        let node = present(map, keyword)?;
        if node.as_map().is_none() {
            self.wrong(node, keyword, "a map");
        }
        node.as_map()
    }
}

/// The value of a keyword; null counts as absent.
fn present<'n>(map: &'n Map, keyword: &str) -> Option<&'n Node> {
    map.get(keyword).filter(|node| node.value != Value::Null)
}

/// `anyOf: [{type: integer}, {type: string}]`, and nothing more.
fn is_int_or_string(branches: &[Node]) -> bool {
    let is = |node: &Node, name: &str| node.get_str("type") == Some(name) && node.as_map().is_some_and(|map| map.len() == 1);
    matches!(branches, [first, second] if is(first, "integer") && is(second, "string"))
}

/// A text of somebody else's, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    const MAX: usize = 80;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
