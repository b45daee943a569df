//! Objects against CustomResourceDefinitions, as strictly as `kubectl apply --validate=strict` and the API server behind
//! it: unknown fields, types, limits, formats, lists that are sets or maps, and rules in CEL.
//!
//! The room knows files only by name and content, and objects only as nodes. What stands in `metadata` is not looked at.
//! Schemas are compiled once; a catalog can be shared between threads.

mod expressions;
mod flaw;
mod formats;
mod load;
mod pattern;
mod schema;
mod shape;
mod values;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::finding::Finding;
use crate::yaml::{Entry, Map, Node, Value};

use expressions::{Subject, Verdict};
use flaw::Trail;
use schema::{Additional, Rule, Schema};

pub use flaw::{CrdFlaw, CrdFlawKind};
pub use schema::UncheckedRule;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Beside all namespaces.
    Cluster,
}

/// What came out of checking an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// No definition has this group and kind, or the object does not say what it is.
    UnknownKind,
    /// There is a definition, but it does not serve this version.
    UnknownVersion {
        /// The versions that it serves, in its own order.
        served: Vec<String>,
    },
    /// The object was checked; no flaws means that the API server takes it.
    Flaws(Vec<CrdFlaw>),
}

/// The kinds that a folder of CustomResourceDefinitions defines.
#[derive(Debug, Default)]
pub struct CrdCatalog {
    kinds: BTreeMap<(String, String), Definition>,
}

#[derive(Debug)]
struct Definition {
    file: Utf8PathBuf,
    line: u32,
    scope: Scope,
    versions: Vec<Version>,
    unchecked: Vec<UncheckedRule>,
}

#[derive(Debug)]
struct Version {
    name: String,
    served: bool,
    deprecation: Option<String>,
    /// Whether what is applied has no part in `status`.
    has_status: bool,
    schema: Schema,
}

impl CrdCatalog {
    /// Reads the definitions out of files: a path for messages, and the content. Files without `.yaml`, `.yml` or `.json`,
    /// and documents that are no CustomResourceDefinition, are passed over. A definition that cannot be used is a finding
    /// (`crd-invalid`), and the others are read all the same.
    pub fn new(files: impl IntoIterator<Item = (Utf8PathBuf, Vec<u8>)>) -> (CrdCatalog, Vec<Finding>) {
        let mut loader = load::Loader::default();
        for (file, bytes) in files {
            loader.file(&file, &bytes);
        }
        (CrdCatalog { kinds: loader.kinds }, loader.findings)
    }

    /// Whether nothing is defined.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The kinds that are defined, as group and kind, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(group, kind)| (group.as_str(), kind.as_str()))
    }

    fn definition(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.kinds.get(&(group.to_owned(), kind.to_owned()))
    }

    /// Whether objects of a kind live in namespaces; None for a kind that is not defined.
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        self.definition(group, kind).map(|definition| definition.scope)
    }

    /// What the definition says about a served version that is deprecated; None for any other one.
    pub fn deprecation(&self, group: &str, version: &str, kind: &str) -> Option<&str> {
        let versions = &self.definition(group, kind)?.versions;
        versions.iter().find(|known| known.name == version && known.served)?.deprecation.as_deref()
    }

    /// The file that defines a kind, and the line in it where the definition begins.
    pub fn place(&self, group: &str, kind: &str) -> Option<(&camino::Utf8Path, u32)> {
        self.definition(group, kind).map(|definition| (definition.file.as_path(), definition.line))
    }

    /// The rules in CEL of a kind that are never evaluated; tell them once, as not checked.
    pub fn unchecked_rules(&self, group: &str, kind: &str) -> &[UncheckedRule] {
        self.definition(group, kind).map_or(&[], |definition| &definition.unchecked)
    }

    /// Checks an object that is made anew.
    pub fn check(&self, object: &Node) -> Checked {
        let Some((api_version, kind)) = object.get_str("apiVersion").zip(object.get_str("kind")) else { return Checked::UnknownKind };
        let Some((group, version)) = api_version.split_once('/') else { return Checked::UnknownKind };
        let Some(definition) = self.definition(group, kind) else { return Checked::UnknownKind };
        match definition.versions.iter().find(|known| known.name == version && known.served) {
            Some(version) => Checked::Flaws(version.check(object)),
            None => {
                let served = definition.versions.iter().filter(|version| version.served).map(|version| version.name.clone());
                Checked::UnknownVersion { served: served.collect() }
            }
        }
    }
}

impl Version {
    fn check(&self, object: &Node) -> Vec<CrdFlaw> {
        let mut flaws = Vec::new();
        let mut shaped = shape::shaped(object, &self.schema, &mut flaws);
        if self.has_status
            && let Value::Map(map) = &mut shaped.value
        {
            // Status is told by controllers; who applies an object has no say in it.
            map.remove("status");
        }
        let known = flaws.len();
        values::check(&shaped, &self.schema, &mut flaws);
        // Rules are written for values that fit their schema.
        if flaws.len() == known && self.schema.has_rules {
            rules(&shaped, &self.schema, &Trail::Root, true, &mut flaws);
        }
        flaws
    }
}

/// Evaluates the rules of a schema and of all below it.
fn rules(node: &Node, schema: &Schema, trail: &Trail<'_>, is_object: bool, flaws: &mut Vec<CrdFlaw>) {
    if !schema.has_rules || node.value == Value::Null {
        return;
    }
    if !schema.rules.is_empty() {
        let subject = Subject::new(node, schema, is_object || schema.embedded);
        flaws.extend(schema.rules.iter().filter_map(|rule| refusal(rule, &subject, trail)));
    }
    match &node.value {
        Value::Map(map) => {
            for (key, Entry { node, .. }) in Map::iter(map) {
                let additional = if let Additional::Fitting(schema) = &schema.additional { Some(&**schema) } else { None };
                if let Some(field) = schema.property(key).or(additional) {
                    rules(node, field, &Trail::Key(trail, key), false, flaws);
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(below) = &schema.items {
                    rules(item, below, &Trail::Index(trail, index), false, flaws);
                }
            }
        }
        _ => {}
    }
}

fn refusal(rule: &Rule, subject: &Subject, trail: &Trail<'_>) -> Option<CrdFlaw> {
    let shown = trail.shown();
    let source = schema::shortened(&rule.source);
    let (kind, message) = match subject.check(&rule.expression) {
        Verdict::Holds => return None,
        Verdict::Refused => {
            let reason = rule.message.as_deref().map_or_else(|| format!("failed rule: {source}"), str::to_owned);
            (CrdFlawKind::RuleRefused, format!("{shown} is refused by its definition: {reason}"))
        }
        Verdict::Fails(reason) => (CrdFlawKind::RuleRefused, format!("{shown} is refused, as a rule of its definition fails: {reason}")),
        Verdict::NotChecked(reason) => {
            (CrdFlawKind::NotChecked, format!("{shown} was not checked against a rule of its definition: {reason}"))
        }
    };
    Some(CrdFlaw { path: trail.path(), kind, message, help: Some(format!("the rule is `{source}`")) })
}
