//! Where the facts of a snapshot stand in its file, for findings: beside the snapshot, not in it.

use std::collections::HashMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::Place;
use crate::pki::Fingerprint;
use crate::yaml::{Node, Path};

/// The lists of certificates in a snapshot, by their names in the file.
pub(super) const ROOTS: &str = "roots";
pub(super) const INTERMEDIATES: &str = "intermediates";

/// Where each fact of a snapshot stands. Cheap to clone. Made from a path alone, everything has the file as its place.
#[derive(Debug, Clone)]
pub struct Places {
    file: Utf8PathBuf,
    tree: Option<Arc<Tree>>,
}

#[derive(Debug)]
struct Tree {
    node: Node,
    /// Where in its list a certificate stands, by list and fingerprint.
    certificates: HashMap<(&'static str, Fingerprint), usize>,
}

impl Places {
    pub(super) fn new(file: &Utf8Path, node: Node, certificates: HashMap<(&'static str, Fingerprint), usize>) -> Places {
        Places { file: file.to_owned(), tree: Some(Arc::new(Tree { node, certificates })) }
    }

    /// The file, below the repository.
    pub fn file(&self) -> &Utf8PathBuf {
        &self.file
    }

    /// The list of roots.
    pub fn roots(&self) -> Place {
        self.at(&Path::of([ROOTS]))
    }

    /// A field of a root, such as `notAfter`.
    pub fn root(&self, root: Fingerprint, field: &str) -> Place {
        self.certificate(ROOTS, root, field)
    }

    /// A field of an intermediate, such as `key`.
    pub fn intermediate(&self, intermediate: Fingerprint, field: &str) -> Place {
        self.certificate(INTERMEDIATES, intermediate, field)
    }

    /// The provisioners.
    pub fn provisioners(&self) -> Place {
        self.at(&Path::of(["provisioners"]))
    }

    /// A field of a provisioner, such as `kid`; the provisioner where it does not have that field.
    pub fn provisioner(&self, name: &str, field: &str) -> Place {
        self.at(&Path::of(["provisioners", name, field]))
    }

    /// A field of the authority, such as `dnsNames`.
    pub fn authority(&self, field: &str) -> Place {
        self.at(&Path::of(["authority", field]))
    }

    fn certificate(&self, list: &'static str, fingerprint: Fingerprint, field: &str) -> Place {
        let index = self.tree.as_ref().and_then(|tree| tree.certificates.get(&(list, fingerprint)));
        let list = Path::of([list]);
        self.at(&index.map_or(list.clone(), |index| list.index(*index).key(field)))
    }

    fn at(&self, path: &Path) -> Place {
        self.tree.as_ref().map_or_else(|| Place::whole(&self.file), |tree| Place::at(&self.file, tree.node.place(path)))
    }
}

impl<T: Into<Utf8PathBuf>> From<T> for Places {
    fn from(file: T) -> Places {
        Places { file: file.into(), tree: None }
    }
}
