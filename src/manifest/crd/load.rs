//! Files to definitions: finds the CustomResourceDefinitions in them and compiles their schemas.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::pattern::Patterns;
use super::schema::{Compiler, Schema, UncheckedRule, shortened};
use super::{Definition, Scope, Version};
use crate::finding::{CRD_INVALID, Finding, Place, counted};
use crate::yaml::{At, Keys, Node, Value, YamlError, read, text_of};

/// Bytes of one file; the largest bundles of definitions have two million.
const MAX_FILE: usize = 8 * 1024 * 1024;
/// Bytes of all files.
const MAX_TOTAL: usize = 64 * 1024 * 1024;
/// Definitions of one catalog.
const MAX_DEFINITIONS: usize = 2_000;
/// Versions of one definition.
const MAX_VERSIONS: usize = 50;

/// Reads definitions out of files, one after the other.
#[derive(Debug, Default)]
pub(super) struct Loader {
    pub(super) kinds: BTreeMap<(String, String), Definition>,
    pub(super) findings: Vec<Finding>,
    patterns: Patterns,
    bytes: usize,
}

/// What keeps a definition from being used: the place, what is wrong, what to do.
type Refusal = (At, String, &'static str);

impl Loader {
    /// Takes the definitions out of a file. What is neither YAML nor JSON by its name is passed over.
    pub(super) fn file(&mut self, file: &Utf8Path, bytes: &[u8]) {
        if !file.extension().is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json")) {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        if bytes.len() > MAX_FILE || self.bytes > MAX_TOTAL {
            let message = if bytes.len() > MAX_FILE {
                format!("the file has more than {} MiB", MAX_FILE >> 20)
            } else {
                format!("with this file the definitions have more than {} MiB", MAX_TOTAL >> 20)
            };
            let help = "keep only the definitions of the kinds that you render";
            self.findings.push(Finding::new(&CRD_INVALID, Place::whole(file), message).help(help));
            return;
        }
        match text_of(bytes, 0).and_then(|text| read(text, 0, Keys::AsKubernetes)) {
            Ok(documents) => documents.iter().for_each(|document| self.document(file, document)),
            Err(error) => self.findings.push(of_yaml(file, &error)),
        }
    }

    fn document(&mut self, file: &Utf8Path, document: &Node) {
        match (document.get_str("apiVersion"), document.get_str("kind")) {
            (Some("v1"), Some("List")) | (_, Some("CustomResourceDefinitionList")) => {
                let items = document.get("items").and_then(Node::as_list).unwrap_or_default();
                items.iter().for_each(|item| self.definition(file, item));
            }
            _ => self.definition(file, document),
        }
    }

    fn definition(&mut self, file: &Utf8Path, node: &Node) {
        if node.get_str("kind") != Some("CustomResourceDefinition") {
            return;
        }
        match node.get_str("apiVersion").and_then(|version| version.strip_prefix("apiextensions.k8s.io/")) {
            Some("v1") => {}
            Some(version) => {
                let message = format!(
                    "the definition is of `apiextensions.k8s.io/{}`, which no API server since Kubernetes 1.22 takes",
                    shortened(version)
                );
                self.refuse(file, (place_of(node, "apiVersion"), message, "get a newer release of it"));
                return;
            }
            None => return,
        }
        let mut unchecked = Vec::new();
        match self.read(file, node, &mut unchecked) {
            Err(refusals) => refusals.into_iter().for_each(|refusal| self.refuse(file, refusal)),
            Ok((group, kind, definition)) => self.insert(file, node, (group, kind), Definition { unchecked, ..definition }),
        }
    }

    fn insert(&mut self, file: &Utf8Path, node: &Node, key: (String, String), definition: Definition) {
        if let Some(known) = self.kinds.get(&key) {
            let message = format!("`{}` of the group `{}` is defined a second time; the first definition counts", key.1, key.0);
            let (first, line) = (&known.file, known.line);
            let finding = Finding::new(&CRD_INVALID, Place::at(file, node.at), message);
            self.findings.push(finding.help(format!("it is already defined in `{first}`, line {line}; keep one of the two")));
        } else if self.kinds.len() >= MAX_DEFINITIONS {
            let message = format!("there are more than {} in the folder", counted(MAX_DEFINITIONS, "definition"));
            self.refuse(file, (node.at, message, "keep only the definitions of the kinds that you render"));
        } else {
            self.kinds.insert(key, definition);
        }
    }

    fn refuse(&mut self, file: &Utf8Path, (at, message, help): Refusal) {
        self.findings.push(Finding::new(&CRD_INVALID, Place::at(file, at), message).help(help));
    }

    fn read(
        &mut self,
        file: &Utf8Path,
        node: &Node,
        unchecked: &mut Vec<UncheckedRule>,
    ) -> Result<(String, String, Definition), Vec<Refusal>> {
        const SHAPE: &str = "get the definition anew from its project";
        let spec = needed(node, "spec").map_err(|refusal| vec![refusal])?;
        let names = needed(spec, "names").map_err(|refusal| vec![refusal])?;
        let group = needed_text(spec, "group").map_err(|refusal| vec![refusal])?;
        let kind = needed_text(names, "kind").map_err(|refusal| vec![refusal])?;
        let scope = match spec.get_str("scope") {
            Some("Namespaced") => Scope::Namespaced,
            Some("Cluster") => Scope::Cluster,
            _ => return Err(vec![(place_of(spec, "scope"), "`scope` is neither `Namespaced` nor `Cluster`".to_owned(), SHAPE)]),
        };
        if spec.get("preserveUnknownFields").is_some_and(|node| node.value == Value::Boolean(true)) {
            let message = "`preserveUnknownFields: true` is not allowed in `apiextensions.k8s.io/v1`";
            return Err(vec![(place_of(spec, "preserveUnknownFields"), message.to_owned(), SHAPE)]);
        }
        let list = spec.get("versions").and_then(Node::as_list).unwrap_or_default();
        if list.is_empty() || list.len() > MAX_VERSIONS {
            let message = format!("`versions` is a list of 1 to {MAX_VERSIONS} versions");
            return Err(vec![(place_of(spec, "versions"), message, SHAPE)]);
        }
        let mut refusals = Vec::new();
        let mut versions = Vec::new();
        for node in list {
            match self.version(node, unchecked) {
                Ok(version) => versions.push(version),
                Err(more) => refusals.extend(more),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let definition = Definition { file: file.to_owned(), line: node.at.line, scope, versions, unchecked: Vec::new() };
        Ok((group.to_owned(), kind.to_owned(), definition))
    }

    fn version(&mut self, node: &Node, unchecked: &mut Vec<UncheckedRule>) -> Result<Version, Vec<Refusal>> {
        let name = needed_text(node, "name").map_err(|refusal| vec![refusal])?;
        let flag = |key: &str| node.get(key).is_some_and(|value| value.value == Value::Boolean(true));
        let Some(root) = node.get("schema").and_then(|schema| schema.get("openAPIV3Schema")) else {
            let message = format!("the version `{}` has no `schema.openAPIV3Schema`", shortened(name));
            return Err(vec![(node.at, message, "get the definition anew from its project")]);
        };
        let mut compiler = Compiler::new(&mut self.patterns, name);
        let schema: Schema = compiler.root(root);
        if !compiler.flaws.is_empty() {
            return Err(compiler.flaws.into_iter().map(|flaw| (flaw.at, flaw.message, flaw.help)).collect());
        }
        unchecked.append(&mut compiler.unchecked);
        let status = node.get("subresources").and_then(|subresources| subresources.get("status"));
        let deprecation = flag("deprecated")
            .then(|| node.get_str("deprecationWarning").map_or_else(|| "this version is deprecated".to_owned(), str::to_owned));
        Ok(Version {
            name: name.to_owned(),
            served: flag("served"),
            deprecation,
            has_status: status.is_some_and(|status| status.value != Value::Null),
            schema,
        })
    }
}

fn of_yaml(file: &Utf8Path, error: &YamlError) -> Finding {
    Finding { rule: &CRD_INVALID, ..Finding::of_yaml(file, error) }
}

fn place_of(node: &Node, key: &str) -> At {
    node.as_map().and_then(|map| map.entry(key)).map_or(node.at, |entry| entry.key)
}

fn needed<'n>(node: &'n Node, key: &str) -> Result<&'n Node, Refusal> {
    node.get(key).filter(|value| value.as_map().is_some()).ok_or_else(|| missing(node, key, "a map"))
}

fn needed_text<'n>(node: &'n Node, key: &str) -> Result<&'n str, Refusal> {
    node.get_str(key).filter(|text| !text.is_empty()).ok_or_else(|| missing(node, key, "a string"))
}

fn missing(node: &Node, key: &str, what: &str) -> Refusal {
    (place_of(node, key), format!("the definition needs `{key}`, {what}"), "get the definition anew from its project")
}
