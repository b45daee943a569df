//! What is wrong with an object, and where.

use crate::yaml::Path;

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrdFlawKind {
    /// A field that the schema does not have.
    UnknownField,
    /// A field that must be there and is not; the path is that of the object that lacks it.
    MissingField,
    /// A value of another type.
    WrongType,
    /// A value that its schema refuses.
    BadValue,
    /// A value that a rule in CEL refuses.
    RuleRefused,
    /// A rule in CEL that could not be evaluated for this object: nothing is known to be wrong.
    NotChecked,
}

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrdFlaw {
    /// Where in the object.
    pub path: Path,
    /// What kind of thing.
    pub kind: CrdFlawKind,
    /// What is wrong: lower case, no final period, names in backticks.
    pub message: String,
    /// What to do about it, in the same style.
    pub help: Option<String>,
}

/// The way to a value while it is looked at; becomes a path only where something is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trail<'a> {
    Root,
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    pub(super) fn path(&self) -> Path {
        match self {
            Trail::Root => Path::default(),
            Trail::Key(above, key) => above.path().key(key),
            Trail::Index(above, index) => above.path().index(*index),
        }
    }

    /// The path for a message: in backticks, or words for the whole object.
    pub(super) fn shown(&self) -> String {
        match self {
            Trail::Root => "the object".to_owned(),
            _ => format!("`{}`", self.path()),
        }
    }
}
