//! Where an environment's CA snapshots lie.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, PATH_ESCAPES, Place};
use crate::inventory::layers::Inventory;
use crate::tree::{portable_name_problem, portable_path_problem};
use crate::yaml::Path;

/// What `snapshot:` says when the CA has not run yet.
const PENDING: &str = "pending";

/// The file of an authority's snapshot, below the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotReference {
    /// The default file beside the inventory; it must be there.
    Own(Utf8PathBuf),
    /// The default file; it may be missing until the CA has run.
    Pending(Utf8PathBuf),
    /// A file that the inventory or a layer names, and that others may share.
    Shared(Utf8PathBuf),
}

impl SnapshotReference {
    /// The file.
    pub fn file(&self) -> &Utf8Path {
        match self {
            SnapshotReference::Own(file) | SnapshotReference::Pending(file) | SnapshotReference::Shared(file) => file,
        }
    }
}

impl Inventory {
    /// Where the snapshot of each authority lies; `folder` is the environment's own.
    ///
    /// # Errors
    /// A path that leads out of the repository, or an authority whose name cannot be part of a file's name.
    pub fn snapshots(&self, folder: &Utf8Path) -> Result<BTreeMap<String, SnapshotReference>, Vec<Finding>> {
        let several = self.fields.authorities.len() > 1;
        let (mut references, mut findings) = (BTreeMap::new(), Vec::new());
        for (name, authority) in &self.fields.authorities {
            let place = Place::Inventory(Path::of(["authorities", name, "snapshot"]));
            if let Some(problem) = portable_name_problem(name) {
                let message = format!("`{name}` cannot be an authority, because its snapshot's file bears its name: {problem}");
                findings.push(Finding::new(&PATH_ESCAPES, place, message).help("use letters, digits and `-`"));
                continue;
            }
            let own = folder.join(if several { format!("ca-snapshot.{name}.yaml") } else { "ca-snapshot.yaml".to_owned() });
            let reference = match authority.snapshot.as_deref() {
                None => SnapshotReference::Own(own),
                Some(PENDING) => SnapshotReference::Pending(own),
                Some(path) => {
                    if let Some(problem) = portable_path_problem(path) {
                        let message = format!("`snapshot: {path}` is no file below the repository: {problem}");
                        findings.push(
                            Finding::new(&PATH_ESCAPES, place, message)
                                .help("write a path such as `environments/_snapshots/shared.yaml`, or `pending`"),
                        );
                        continue;
                    }
                    SnapshotReference::Shared(path.into())
                }
            };
            references.insert(name.clone(), reference);
        }
        if findings.is_empty() { Ok(references) } else { Err(findings) }
    }
}
