//! Which files of an output folder may be somebody's.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, MANIFEST_NOT_CHECKED, Place};
use crate::fleet::{MAX_INPUT_BYTES, of_file_error};
use crate::manifest::kustomization::is_kustomization_file;
use crate::outside::files::{EntryKind, FileError, Folder};
use crate::plan::read_ledger;
use crate::tree::{OutPath, Tree};

/// Files of an environment that are looked at.
const MAX_FILES: usize = 10_000;
/// Folders inside each other that are looked into.
const MAX_DEPTH: usize = 32;

/// Files that may be somebody's, and what kept us from looking further.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) files: BTreeSet<Utf8PathBuf>,
    pub(crate) findings: Vec<Finding>,
    is_full: bool,
}

impl Listing {
    /// Looks through the folder of an environment, for which `tree` is rendered.
    pub(crate) fn environment(&mut self, folder: &dyn Folder, out: &Utf8Path, tree: &Tree) {
        let ledger = read_ledger(folder).ok().flatten().unwrap_or_default();
        let is_ours = |path: &Utf8Path| {
            let below = path.strip_prefix(out).ok().and_then(|below| OutPath::new(below.as_str()).ok());
            below.is_some_and(|below| tree.get(&below).is_some() || ledger.lines.contains_key(&below))
        };
        self.folder(folder, out, 0, &is_ours);
    }

    fn folder(&mut self, folder: &dyn Folder, path: &Utf8Path, depth: usize, is_ours: &dyn Fn(&Utf8Path) -> bool) {
        let entries = match folder.list() {
            Ok(entries) => entries,
            Err(error) => return self.findings.push(of_file_error(&error)),
        };
        let has = |name: &str, kind| entries.iter().any(|entry| entry.name == name && entry.kind == kind);
        if has("Chart.yaml", EntryKind::File) && has("templates", EntryKind::Folder) {
            // Helm reads it, and nobody else.
            return;
        }
        let is_built = entries.iter().any(|entry| is_kustomization_file(Utf8Path::new(&entry.name)));
        for entry in entries.iter().filter(|entry| !entry.name.starts_with('.')) {
            let below = path.join(&entry.name);
            match entry.kind {
                // Charts that kustomize has fetched.
                EntryKind::Folder if entry.name == "charts" && is_built => {}
                EntryKind::Folder if depth == MAX_DEPTH => {
                    self.stop(&below, &format!("`{below}` lies more than {MAX_DEPTH} folders deep and is not looked into"));
                }
                EntryKind::Folder => match folder.folder(&entry.name) {
                    Ok(Some(next)) => self.folder(&*next, &below, depth + 1, is_ours),
                    Ok(None) => {}
                    Err(error) => self.findings.extend(told(&error)),
                },
                EntryKind::File if is_manifest(&below) && !is_ours(&below) => self.file(below),
                EntryKind::File | EntryKind::Link | EntryKind::Other => {}
            }
        }
    }

    fn file(&mut self, path: Utf8PathBuf) {
        if self.files.len() < MAX_FILES {
            self.files.insert(path);
        } else if !self.is_full {
            self.is_full = true;
            self.stop(&path, &format!("there are more than {MAX_FILES} files beside ours; from `{path}` on they are not checked"));
        }
    }

    fn stop(&mut self, path: &Utf8Path, message: &str) {
        let finding = Finding::new(&MANIFEST_NOT_CHECKED, Place::whole(path), message);
        self.findings.push(finding.help("keep what does not go to the cluster out of the output folder"));
    }
}

fn is_manifest(path: &Utf8Path) -> bool {
    // A chart that is all dependencies has no `templates/`; its `Chart.yaml` has an `apiVersion` and is no object.
    path.file_name() != Some("Chart.yaml") && matches!(path.extension(), Some("yaml" | "yml" | "json")) || is_kustomization_file(path)
}

/// What is told of a file that cannot be read: a link is passed over without a word.
pub(super) fn told(error: &FileError) -> Option<Finding> {
    match error {
        FileError::Link { .. } | FileError::NotAFile { .. } | FileError::NotAFolder { .. } | FileError::PathEscapes { .. } => None,
        FileError::TooLarge { path, .. } => {
            let message = format!("`{path}` has more than {} MiB and is not checked", MAX_INPUT_BYTES / 1024 / 1024);
            let finding = Finding::new(&MANIFEST_NOT_CHECKED, Place::whole(path), message);
            Some(finding.help("split it; the API server takes no object of more than 3 MiB"))
        }
        _ => Some(of_file_error(error)),
    }
}
