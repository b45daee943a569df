//! One document of a tree, as rules judge it: what it is, its fields, and where it comes from.

use std::sync::Arc;

use camino::Utf8PathBuf;

use super::Identity;
use crate::yaml::{At, Node, Path};

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An object for the API server.
    Object(Identity),
    /// Values of a Helm chart.
    Values,
    /// A `kustomization.yaml`.
    Kustomization,
    /// What the inventory says of a chart that is inflated beforehand, and no file: `chart`, `release`, `namespace` and
    /// `values` of the entry that its origin names.
    ChartRequest,
}

/// One document of a tree.
#[derive(Debug, Clone)]
pub struct Document {
    /// Path of its file below the repository.
    pub file: Utf8PathBuf,
    /// The folder whose kustomization builds it, below the repository; its own file where none does. The same object may
    /// stand in several roots, and is then several documents.
    pub root: Utf8PathBuf,
    /// What it is.
    pub content: Content,
    /// Its fields.
    pub node: Arc<Node>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a document comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// It was rendered.
    Rendered {
        /// The entry of the inventory that it was rendered for; None where its template runs once.
        entry: Option<Path>,
        /// The template, below the repository.
        template: Utf8PathBuf,
    },
    /// Somebody wrote it. These are the files that the places of its nodes mean, by [`At::file`]: an overlay sets fields
    /// of an object that another file holds.
    Written(Arc<[Utf8PathBuf]>),
}

impl Document {
    /// What makes it the same object; None for values and kustomizations.
    pub fn identity(&self) -> Option<&Identity> {
        match &self.content {
            Content::Object(identity) => Some(identity),
            Content::Values | Content::Kustomization | Content::ChartRequest => None,
        }
    }

    /// Whether somebody wrote it, and we did not.
    pub fn is_written(&self) -> bool {
        matches!(self.origin, Origin::Written(_))
    }

    /// The file and place of a node of a written document.
    pub fn written_at(&self, at: At) -> (Utf8PathBuf, At) {
        match &self.origin {
            Origin::Written(files) => (files.get(usize::from(at.file)).unwrap_or(&self.file).clone(), at),
            Origin::Rendered { .. } => (self.file.clone(), at),
        }
    }
}
