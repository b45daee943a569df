//! What a kustomization builds, as far as rules need to know it: resources, components and bases, patches, namespace,
//! names, labels, images, replicas and generators, in the order in which kustomize runs them. Every value keeps the place
//! where it was written. Pure: files come through [`Files`], and what was not followed is told.
//!
//! Source: kustomize 5.5 and 5.8, `api/internal/target`; an ignored test compares with the program itself.

mod build;
mod generators;
mod images;
mod inline;
mod json_patch;
mod labels;
mod names;
mod namespace;
mod patch;
mod resource;
mod strategic;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::Shape;
use crate::finding::Finding;
use crate::yaml::{At, Node};
pub use inline::{InlinePatch, PatchSelector, Patching, Refused, inline_patch};

/// Names that a kustomization may have, in the order in which kustomize looks for them.
pub const KUSTOMIZATION_FILES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields of a kustomization that are not followed: what they change, or bring, is not known.
pub const NOT_FOLLOWED: &[&str] =
    &["configurations", "generators", "helmChartInflationGenerator", "openapi", "replacements", "transformers", "validators", "vars"];

/// What lies at a path.
#[derive(Debug, Clone)]
pub enum Found {
    /// No file; perhaps a folder.
    Nothing,
    /// A file that is not read: a link, or one that is too large.
    Refused,
    /// No YAML; whoever keeps the files tells that.
    Broken,
    /// The documents of a file, in their order. Their places carry the index of the file in the keeper's table.
    Documents(Arc<[Node]>),
}

/// The files that kustomizations can name, below the repository.
pub trait Files {
    /// Reads a file.
    fn find(&self, path: &Utf8Path) -> Found;

    /// Whether a file is there, whatever it holds.
    fn is_file(&self, path: &Utf8Path) -> bool;

    /// Whether a folder is there.
    fn is_folder(&self, path: &Utf8Path) -> bool;

    /// A line of a file that was read, from 1.
    fn line(&self, path: &Utf8Path, line: u32) -> Option<String>;

    /// Whether a place lies in a kustomization.
    fn is_in_kustomization(&self, at: At) -> bool;
}

/// One document that a root is made of.
#[derive(Debug, Clone)]
pub struct Part {
    /// The file that holds it; for a generated object the kustomization.
    pub file: Utf8PathBuf,
    /// Its fields after everything that was done to them.
    pub node: Node,
    /// What it is: an object, a kustomization on the way, or values of a chart.
    pub shape: Shape,
}

/// What a root builds.
#[derive(Debug, Default)]
pub struct Built {
    /// Its documents: objects last, in the order in which they come out.
    pub parts: Vec<Part>,
    /// Every file that it is made of.
    pub reached: BTreeSet<Utf8PathBuf>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// How much was built, as [`Node::size`] counts.
    pub size: usize,
}

/// Builds the kustomization of a folder, as long as what is built is not larger than `limit` ([`Node::size`]).
pub fn build(folder: &Utf8Path, files: &dyn Files, limit: usize) -> Built {
    build::Pass::new(files, limit).root(folder)
}

/// A kustomization where it lies.
#[derive(Debug, Clone)]
pub struct Kustomization {
    /// Its file.
    pub file: Utf8PathBuf,
    documents: Arc<[Node]>,
    index: usize,
}

impl Kustomization {
    /// Its fields.
    pub fn node(&self) -> &Node {
        &self.documents[self.index]
    }
}

/// The kustomization of a folder; None where there is none that can be read.
pub fn kustomization_of(folder: &Utf8Path, files: &dyn Files) -> Option<Kustomization> {
    KUSTOMIZATION_FILES.iter().map(|name| folder.join(name)).find_map(|file| match files.find(&file) {
        Found::Documents(documents) => {
            let index = documents.iter().position(is_kustomization)?;
            Some(Kustomization { file, documents, index })
        }
        Found::Nothing | Found::Refused | Found::Broken => None,
    })
}

/// Whether a document in a file of that name is read by kustomize as what to build. An object of Flux, or of anybody else,
/// that lies in a file of that name is none.
pub fn is_kustomization(node: &Node) -> bool {
    let version = node.get_str("apiVersion").unwrap_or_default();
    node.as_map().is_some() && (version.is_empty() || version.starts_with("kustomize.config.k8s.io/"))
}

/// Whether a path bears the name of a kustomization.
pub fn is_kustomization_file(path: &Utf8Path) -> bool {
    path.file_name().is_some_and(|name| KUSTOMIZATION_FILES.contains(&name))
}

/// Folders and files that a kustomization puts together: resources, bases and components.
pub fn entries(kustomization: &Node) -> impl Iterator<Item = &str> {
    ["resources", "bases", "components"].into_iter().flat_map(|key| resource::texts(kustomization, key)).map(|(entry, _)| entry)
}

/// Where an entry of a kustomization in `folder` leads; None where that is outside of the repository.
pub fn resolve(folder: &Utf8Path, entry: &str) -> Option<Utf8PathBuf> {
    let mut path: Vec<&str> = folder.as_str().split('/').filter(|part| !part.is_empty()).collect();
    if entry.starts_with('/') {
        return None;
    }
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()?),
            other => path.push(other),
        }
    }
    Some(path.join("/").into())
}

/// Whether an entry is fetched from somewhere else.
pub fn is_remote(entry: &str) -> bool {
    let hosts = ["github.com/", "gitlab.com/", "bitbucket.org/", "git@", "git::"];
    entry.contains("://") || entry.contains("?ref=") || hosts.iter().any(|host| entry.starts_with(host))
}
