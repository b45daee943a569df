//! What can be wrong with one document, and how a finding says it.

use crate::finding::{
    Finding, MANIFEST_INVALID_YAML, MANIFEST_NAME_INVALID, MANIFEST_NOT_AN_OBJECT, MANIFEST_SECRET_MATERIAL, MANIFEST_UNKNOWN_FIELD,
    MANIFEST_WRONG_TYPE, Place,
};
use crate::yaml::{Path, Problem, ProblemKind, YamlError};

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// No YAML.
    Yaml(YamlError),
    /// Not exactly one map with apiVersion, kind and a name; a sentence says what is missing.
    NotAnObject(String),
    /// A field that the kind does not have, or a value of the wrong type.
    Field(Problem),
    /// A value that Kubernetes refuses in that place; path and sentence.
    WrongValue(Path, String),
    /// A name that Kubernetes refuses; path and sentence.
    Name(Path, String),
    /// A private key, or the content of a Secret.
    SecretMaterial(Path),
}

impl Flaw {
    /// The path of the document that it is about; empty for the document as a whole.
    pub fn path(&self) -> Path {
        match self {
            Flaw::Yaml(_) | Flaw::NotAnObject(_) => Path::default(),
            Flaw::Field(problem) => problem.path.clone(),
            Flaw::WrongValue(path, _) | Flaw::Name(path, _) | Flaw::SecretMaterial(path) => path.clone(),
        }
    }

    /// Whether the last key of the path is wrong, and not its value.
    pub fn is_about_key(&self) -> bool {
        matches!(self, Flaw::Field(Problem { kind: ProblemKind::UnknownField { .. }, .. }))
    }

    /// The finding about it at a place.
    pub fn finding(&self, place: Place) -> Finding {
        match self {
            Flaw::Yaml(error) => {
                let finding = Finding::new(&MANIFEST_INVALID_YAML, place, error.message.clone());
                Finding { help: error.hint.clone(), ..finding }
            }
            Flaw::NotAnObject(problem) => Finding::new(&MANIFEST_NOT_AN_OBJECT, place, problem.clone()),
            Flaw::Field(problem) => {
                let rule = match problem.kind {
                    ProblemKind::UnknownField { .. } => &MANIFEST_UNKNOWN_FIELD,
                    _ => &MANIFEST_WRONG_TYPE,
                };
                let inner = Finding::of_problem(problem, place.clone());
                Finding { help: inner.help, ..Finding::new(rule, place, inner.message) }
            }
            Flaw::WrongValue(path, problem) => Finding::new(&MANIFEST_WRONG_TYPE, place, format!("`{path}`: {problem}")),
            Flaw::Name(path, problem) => Finding::new(&MANIFEST_NAME_INVALID, place, format!("`{path}`: {problem}")),
            Flaw::SecretMaterial(path) => Finding::new(&MANIFEST_SECRET_MATERIAL, place, format!("`{path}` holds secret material"))
                .help("name a Secret in the cluster instead; a tree in Git is read by many"),
        }
    }
}
