//! Findings: what is wrong with somebody's input, as data. The table of rules stands here so that every room can name
//! a rule; which rule fires where is each room's own business, and how a finding looks is `report/`'s.

mod rules;

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

pub use rules::*;

use crate::yaml::{At, Path, Problem, ProblemKind, YamlError, nearest};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Informs.
    Note,
    /// Reports; `--strict` fails on it.
    Warning,
    /// Nothing of the environment is written.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file; line and column from 1, or 0 for the file as a whole.
    File {
        /// Path below the repository.
        file: Utf8PathBuf,
        /// Line, from 1; 0 for the whole file.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// A path in the merged inventory; its file and line are looked up when it is shown.
    Inventory(Path),
    /// The same, where the last key itself is meant and not its value.
    InventoryKey(Path),
}

impl Place {
    /// A file as a whole.
    pub fn whole(file: impl Into<Utf8PathBuf>) -> Place {
        Place::File { file: file.into(), line: 0, column: 0 }
    }

    /// The path in the merged inventory, where it is one.
    pub fn inventory_path(&self) -> Option<&Path> {
        match self {
            Place::Inventory(path) | Place::InventoryKey(path) => Some(path),
            Place::File { .. } => None,
        }
    }

    /// A node's place in a file.
    pub fn at(file: &Utf8Path, at: At) -> Place {
        Place::File { file: file.to_owned(), line: at.line, column: at.column }
    }
}

/// One thing that is wrong, with its place, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that says so.
    pub rule: &'static Rule,
    /// How much it weighs: the rule's own level, unless the circumstances or somebody's settings say otherwise.
    pub level: Level,
    /// What is wrong: lower case, no final period, names and paths in backticks.
    pub message: String,
    /// What to do, in the same style.
    pub help: Option<String>,
    /// Where.
    pub place: Place,
}

impl Finding {
    /// A finding without a help line.
    pub fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Finding {
        Finding { rule, level: rule.level, message: message.into(), help: None, place }
    }

    /// The same with a help line.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Finding {
        Finding { help: Some(help.into()), ..self }
    }

    /// The same at another level.
    #[must_use]
    pub fn at(self, level: Level) -> Finding {
        Finding { level, ..self }
    }

    /// What the YAML reader refused.
    pub fn of_yaml(file: &Utf8Path, error: &YamlError) -> Finding {
        let rule = if error.duplicate_key { &DUPLICATE_KEY } else { &INVALID_YAML };
        Finding { help: error.hint.clone(), ..Finding::new(rule, Place::at(file, error.at), error.message.clone()) }
    }

    /// What a typed struct found wrong with a tree of nodes; `place` says where the problem's path lies.
    pub fn of_problem(problem: &Problem, place: Place) -> Finding {
        let path = &problem.path;
        match &problem.kind {
            ProblemKind::UnknownField { known } => {
                let name = match path.segments().last() {
                    Some(crate::yaml::Segment::Key(name)) => name.to_string(),
                    _ => path.to_string(),
                };
                let help = match nearest(&name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields here are {}", listed(known.iter().copied())),
                };
                Finding::new(&UNKNOWN_FIELD, place, format!("there is no field `{name}` here (`{path}`)")).help(help)
            }
            ProblemKind::WrongType(reason) => {
                let message = if path.is_empty() { reason.clone() } else { format!("`{path}`: {reason}") };
                let finding = Finding::new(&WRONG_TYPE, place, message);
                match help_for_wrong_type(reason) {
                    Some(help) => finding.help(help),
                    None => finding,
                }
            }
            ProblemKind::MissingField(field) if path.is_empty() => {
                Finding::new(&WRONG_TYPE, place, format!("the field `{field}` is missing"))
                    .help(format!("write `{field}:` on a line of its own"))
            }
            ProblemKind::MissingField(field) => {
                Finding::new(&WRONG_TYPE, place, format!("`{path}` needs the field `{field}`")).help(format!("write `{field}:` below it"))
            }
        }
    }
}

/// What to do about a number where a text is wanted.
pub const IN_QUOTES: &str = "put the value in double quotes";

/// What to do about a value of the wrong type, where one thing is what most people need to do.
fn help_for_wrong_type(reason: &str) -> Option<&'static str> {
    let (expected, found) = reason.split_once(" is expected here, and this is ")?;
    match expected {
        "a string" if found.starts_with("the number") || found.starts_with("the boolean") => Some(IN_QUOTES),
        "a list" => Some("write each value on a line of its own, behind `- `"),
        "a map" => Some("write fields as `name: value`, each on a line of its own"),
        "a number that JSON has" => Some("write the number that is meant, or leave it out"),
        "`true` or `false`" => Some("write one of the two, without quotes"),
        _ => None,
    }
}

/// Names in backticks with commas.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// `1 file`, `2 files`, `3 authorities`, `4 days`.
pub fn counted(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']))) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}
