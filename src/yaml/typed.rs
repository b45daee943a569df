//! Nodes to typed structs, with every problem's path: unknown fields are collected and passed over, so that one run
//! names them all.

use std::cell::RefCell;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::fact::FACT;
use super::{At, Node, Path, Segment, Value};

/// What a typed struct finds wrong with a tree of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the tree.
    pub path: Path,
    /// What is wrong there.
    pub kind: ProblemKind,
}

impl Problem {
    /// Where in `tree` the problem stands: an unknown field's name, otherwise the value.
    pub fn at(&self, tree: &Node) -> At {
        match self.kind {
            ProblemKind::UnknownField { .. } => tree.key_place(&self.path),
            _ => tree.place(&self.path),
        }
    }
}

/// The kinds of [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// No field of that name (the path's last key) exists here.
    UnknownField {
        /// The fields that exist.
        known: &'static [&'static str],
    },
    /// A value of another type, or one that its type refuses; a sentence says how.
    WrongType(String),
    /// A field that must be there is not.
    MissingField(&'static str),
}

/// The name among `known` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(name.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether one name is most likely the other with a slip of the pen: one or two letters, in names that are long enough not to
/// be near each other by chance. Names that differ in digits are counted, not misspelt.
pub fn is_slip(one: &str, other: &str) -> bool {
    let length = one.chars().count().min(other.chars().count());
    let allowed = if length >= 14 { 2 } else { 1 };
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    let distance = strsim::damerau_levenshtein(one, other);
    length >= 8 && distance > 0 && distance <= allowed && digits(one) == digits(other)
}

/// Reads a struct from a tree; None when it could not be made, with the reasons in `problems`. After a wrong value the
/// rest is still searched, so that all of them are reported.
pub fn read_struct<T: DeserializeOwned>(node: &Node, problems: &mut Vec<Problem>) -> Option<T> {
    let mut tree = std::borrow::Cow::Borrowed(node);
    let mut seen: Vec<Problem> = Vec::new();
    let mut taken_out: Vec<Path> = Vec::new();
    let value = loop {
        let found = RefCell::new(Vec::new());
        let result = T::deserialize(NodeReader { node: &tree, path: &RefCell::new(Vec::new()), problems: &found });
        seen.extend(found.into_inner());
        let problem = match result {
            Ok(value) => break taken_out.is_empty().then_some(value),
            Err(Failure(problem)) => problem,
        };
        let place = enclosing_key(&problem.path);
        let made_here = matches!(&problem.kind, ProblemKind::MissingField(field) if taken_out.contains(&problem.path.key(field)));
        if !made_here {
            seen.push(problem);
        }
        if place.is_empty() || taken_out.len() == MAX_ATTEMPTS || !remove(tree.to_mut(), place.segments()) {
            break None;
        }
        taken_out.push(place);
    };
    for problem in seen {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    value
}

/// Wrong values that are looked past in one struct.
const MAX_ATTEMPTS: usize = 20;

/// The path without the list indices at its end: taking out one item would move the others.
fn enclosing_key(path: &Path) -> Path {
    let mut path = path.clone();
    while matches!(path.segments().last(), Some(Segment::Index(_))) {
        path.pop();
    }
    path
}

/// Takes out the value at a path; whether it was there.
fn remove(node: &mut Node, path: &[Segment]) -> bool {
    match (path, &mut node.value) {
        ([Segment::Key(key)], Value::Map(map)) => map.remove(key).is_some(),
        ([Segment::Key(key), rest @ ..], Value::Map(map)) => map.get_mut(key).is_some_and(|entry| remove(&mut entry.node, rest)),
        ([Segment::Index(index), rest @ ..], Value::List(list)) => list.get_mut(*index).is_some_and(|item| remove(item, rest)),
        _ => false,
    }
}

/// A problem that ends one attempt.
#[derive(Debug)]
struct Failure(Problem);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    fn of(kind: ProblemKind) -> Failure {
        Failure(Problem { path: Path::default(), kind })
    }
}

impl de::Error for Failure {
    fn custom<T: std::fmt::Display>(message: T) -> Failure {
        Failure::of(ProblemKind::WrongType(message.to_string()))
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Failure {
        Failure::of(ProblemKind::WrongType(format!("{} is expected here, and this is {}", wanted(expected), found(&unexpected))))
    }

    /// A value of the right type that does not fit: a number that is too large, or negative.
    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Failure {
        let range = match expected.to_string().as_str() {
            "u8" => " from 0 to 255",
            "u16" => " from 0 to 65535",
            "u32" | "u64" => " from 0 to 4294967295",
            _ => "",
        };
        Failure::of(ProblemKind::WrongType(format!("{}{range} is expected here, and this is {}", wanted(expected), found(&unexpected))))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Failure {
        let list = expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Failure::of(ProblemKind::WrongType(format!("`{variant}` is none of {list}")))
    }

    fn missing_field(field: &'static str) -> Failure {
        Failure::of(ProblemKind::MissingField(field))
    }
}

/// serde's words for what it met, in the words of YAML.
fn found(unexpected: &de::Unexpected<'_>) -> String {
    match unexpected {
        de::Unexpected::Bool(value) => format!("the boolean `{value}`"),
        de::Unexpected::Signed(value) => format!("the number `{value}`"),
        de::Unexpected::Unsigned(value) => format!("the number `{value}`"),
        de::Unexpected::Float(value) => format!("the number `{value}`"),
        de::Unexpected::Str(value) => format!("the string `{value}`"),
        de::Unexpected::Map => "a map".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Unit => "nothing".to_owned(),
        other => other.to_string(),
    }
}

/// serde's words for what a visitor wants, in the words of YAML.
fn wanted(expected: &dyn de::Expected) -> String {
    let words = expected.to_string();
    match words.as_str() {
        "a sequence" => "a list".to_owned(),
        "a string" | "a borrowed string" => "a string".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "i64" | "u64" | "u32" | "u16" | "i32" | "u8" => "a whole number".to_owned(),
        _ if words.starts_with("struct ") || words.starts_with("a map") => "a map".to_owned(),
        _ => words,
    }
}

/// A [`Segment`] that borrows its key: most trees have no problem, and then no path is needed.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

#[derive(Clone, Copy)]
struct NodeReader<'a> {
    node: &'a Node,
    path: &'a RefCell<Vec<Step<'a>>>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> NodeReader<'a> {
    /// The path of the node that is being read.
    fn here(&self) -> Path {
        let mut path = Path::default();
        for step in &*self.path.borrow() {
            path.push(match step {
                Step::Key(key) => Segment::Key((*key).into()),
                Step::Index(index) => Segment::Index(*index),
            });
        }
        path
    }

    /// Fills the path in where the problem arose.
    fn placed<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|Failure(mut problem)| {
            if problem.path.is_empty() {
                problem.path = self.here();
            }
            Failure(problem)
        })
    }

    fn child(&self, node: &'a Node) -> NodeReader<'a> {
        NodeReader { node, ..*self }
    }

    fn below<T>(&self, step: Step<'a>, read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        self.path.borrow_mut().push(step);
        let result = self.placed(read());
        self.path.borrow_mut().pop();
        result
    }
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            // JSON has no infinity; on the way to the API server it would become null.
            Value::Float(value) if !value.is_finite() => {
                Err(de::Error::custom("a number that JSON has is expected here, and this is infinite or none"))
            }
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(value) => visitor.visit_str(value),
            Value::List(items) => visitor.visit_seq(Items { reader: self, items, next: 0 }),
            Value::Map(map) => visitor.visit_map(Entries { reader: self, entries: Box::new(map.iter()), value: None, known: None }),
        };
        self.placed(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        if name == FACT && matches!(&self.node.value, Value::String(word) if &**word == "unknown") {
            return visitor.visit_unit();
        }
        let result = visitor.visit_newtype_struct(self);
        self.placed(result)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let result = match &self.node.value {
            Value::Map(map) => visitor.visit_map(Entries { reader: self, entries: Box::new(map.iter()), value: None, known: Some(fields) }),
            // serde would take a list for the fields in their order.
            Value::List(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &"a map")),
            _ => return self.deserialize_any(visitor),
        };
        self.placed(result)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let result = match &self.node.value {
            Value::String(variant) => visitor.visit_enum((&**variant).into_deserializer()),
            Value::Map(map) if map.len() == 1 => match map.iter().next() {
                Some((variant, entry)) => visitor.visit_enum(Variant { reader: self, name: variant, node: &entry.node }),
                None => Err(de::Error::custom("a map with one key is expected here")),
            },
            other => {
                let list = variants.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Err(de::Error::custom(format!("one of {list} is expected here, and this is {}", other.kind())))
            }
        };
        self.placed(result)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Items<'a> {
    reader: NodeReader<'a>,
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        self.reader.below(Step::Index(index), || seed.deserialize(self.reader.child(item))).map(Some)
    }
}

struct Entries<'a> {
    reader: NodeReader<'a>,
    entries: Box<dyn Iterator<Item = (&'a str, &'a super::Entry)> + 'a>,
    value: Option<(&'a str, &'a Node)>,
    /// The fields of a struct; None for a map, which takes every key.
    known: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        for (key, entry) in self.entries.by_ref() {
            match self.known {
                Some(known) if !known.contains(&key) => {
                    let path = self.reader.here().key(key);
                    self.reader.problems.borrow_mut().push(Problem { path, kind: ProblemKind::UnknownField { known } });
                }
                _ => {
                    self.value = Some((key, &entry.node));
                    return self.reader.below(Step::Key(key), || seed.deserialize(de::value::StrDeserializer::new(key))).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        let Some((key, node)) = self.value.take() else { return Err(de::Error::custom("a value without a key")) };
        self.reader.below(Step::Key(key), || seed.deserialize(self.reader.child(node)))
    }
}

struct Variant<'a> {
    reader: NodeReader<'a>,
    name: &'a str,
    node: &'a Node,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Failure> {
        let variant = seed.deserialize(de::value::StrDeserializer::<Failure>::new(self.name))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Err(de::Error::custom(format!("`{}` takes no value", self.name)))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        self.reader.below(Step::Key(self.name), || seed.deserialize(self.reader.child(self.node)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.reader.below(Step::Key(self.name), || self.reader.child(self.node).deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.reader.below(Step::Key(self.name), || self.reader.child(self.node).deserialize_struct("", fields, visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::yaml::{Keys, read};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Outer {
        delivery: Option<String>,
        issuers: BTreeMap<String, Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Inner {
        count: u32,
        names: Vec<String>,
    }

    fn problems_of(text: &str) -> Vec<(String, ProblemKind)> {
        let node = read(text, 0, Keys::AsKubernetes).expect("readable").remove(0);
        let mut problems = Vec::new();
        assert_eq!(
            read_struct::<Outer>(&node, &mut problems).is_none(),
            problems.iter().any(|problem| !matches!(problem.kind, ProblemKind::UnknownField { .. }))
        );
        problems.into_iter().map(|problem| (problem.path.to_string(), problem.kind)).collect()
    }

    #[test]
    fn a_list_is_no_struct() {
        #[derive(Debug, Deserialize)]
        struct Two {
            _one: String,
            _two: String,
        }
        let node = read("[a, b]\n", 0, Keys::AsKubernetes).expect("readable").remove(0);
        let mut problems = Vec::new();
        assert!(read_struct::<Two>(&node, &mut problems).is_none());
        assert_eq!(problems[0].kind, ProblemKind::WrongType("a map is expected here, and this is a list".to_owned()));
    }

    #[test]
    fn every_problem_is_named_in_one_run() {
        let found = problems_of("delivry: x\nissuers:\n  a:\n    count: many\n    names: [1, b, true]\n    nams: []\n  b: {count: 1}\n");
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["delivry", "issuers.a.count", "issuers.a.names[0]", "issuers.a.nams", "issuers.b"], "{found:#?}");
    }

    #[test]
    fn a_wrong_type_says_what_is_wanted_and_what_is_there() {
        let found = problems_of("delivery: 1.3\nissuers: {}\n");
        assert_eq!(found[0].1, ProblemKind::WrongType("a string is expected here, and this is the number `1.3`".to_owned()));
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("delivry", ["delivery", "labels"]), Some("delivery"));
        assert_eq!(nearest("dnsnames", ["dnsNames"]), Some("dnsNames"));
        assert_eq!(nearest("zebra", ["delivery", "labels"]), None);
    }
}
