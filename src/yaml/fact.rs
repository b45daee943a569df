//! A value, or the word `unknown` where a source could not tell.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// How a [`Fact`] is called where the reader of nodes meets one.
pub(super) const FACT: &str = "Fact";

/// What a source says about something: a value, or that it cannot tell, which is written as the word `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fact<T> {
    /// The source tells.
    Known(T),
    /// The source cannot tell.
    #[default]
    Unknown,
}

impl<T> Fact<T> {
    /// The value, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown => None,
        }
    }

    /// Whether the source could not tell.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Fact::Unknown)
    }

    /// This fact, or the other where this one is unknown.
    #[must_use]
    pub fn or(self, other: Fact<T>) -> Fact<T> {
        match self {
            Fact::Known(_) => self,
            Fact::Unknown => other,
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    fn from(value: Option<T>) -> Fact<T> {
        value.map_or(Fact::Unknown, Fact::Known)
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::Known(value) => value.serialize(serializer),
            Fact::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(FACT, FactVisitor(PhantomData))
    }
}

struct FactVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FactVisitor<T> {
    type Value = Fact<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value, or `unknown`")
    }

    fn visit_unit<E>(self) -> Result<Fact<T>, E> {
        Ok(Fact::Unknown)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fact<T>, D::Error> {
        T::deserialize(deserializer).map(Fact::Known)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::yaml::{Keys, ProblemKind, read, read_struct};

    #[derive(Debug, serde::Deserialize, serde::Serialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        count: u32,
    }

    #[derive(Debug, serde::Deserialize, serde::Serialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        flag: Fact<bool>,
        inner: Fact<BTreeMap<String, Inner>>,
    }

    #[test]
    fn the_word_unknown_stands_for_any_type() {
        for text in ["flag: unknown\ninner: unknown\n", "flag: true\ninner:\n  a:\n    count: 1\n"] {
            let node = read(text, 0, Keys::AsKubernetes).expect("readable").remove(0);
            let value: Outer = read_struct(&node, &mut Vec::new()).expect("read");
            assert_eq!(crate::yaml::document(&value).expect("written"), text);
        }
    }

    #[test]
    fn inside_a_fact_problems_keep_their_path_and_the_known_fields() {
        let node = read("flag: unknow\ninner: {a: {count: 1, cuont: 2}}\n", 0, Keys::AsKubernetes).expect("readable").remove(0);
        let mut problems = Vec::new();
        assert!(read_struct::<Outer>(&node, &mut problems).is_none());
        let shown: Vec<String> = problems.iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(shown, ["flag", "inner.a.cuont"]);
        assert_eq!(problems[1].kind, ProblemKind::UnknownField { known: &["count"] });
    }
}
