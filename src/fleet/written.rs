//! What somebody wrote into an environment's output folder: every file that is neither rendered nor in the ledger, as
//! documents. Kustomizations are followed, also out of the folder; what none of them names is taken as it is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{MAX_INPUT_BYTES, of_file_error};
use crate::finding::{Finding, MANIFEST_INVALID_YAML, MANIFEST_NOT_AN_OBJECT, MANIFEST_NOT_CHECKED, Place};
use crate::manifest::kustomization::{
    Files, Found, Part, build, entries, is_kustomization, is_kustomization_file, kustomization_of, resolve,
};
use crate::manifest::{Content, Document, Flaw, Origin, Shape, identity_of, objects_in};
use crate::outside::files::{EntryKind, FileError, Folder};
use crate::plan::read_ledger;
use crate::tree::{OutPath, Tree};
use crate::yaml::{At, Keys, Node, Value, YamlError, read as read_yaml, text_of};

/// Files of an environment that are looked at.
const MAX_FILES: usize = 10_000;
/// Folders inside each other that are looked into.
const MAX_DEPTH: usize = 32;
/// Bytes of all files of an environment together.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Values of everything that kustomizations build, as [`crate::yaml::Node::size`] counts them; the largest bundles of
/// definitions have a tenth of it.
const MAX_SIZE: usize = 2_000_000;

/// What somebody wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The documents, root by root.
    pub(super) documents: Vec<Document>,
    /// What is wrong with files and kustomizations.
    pub(super) findings: Vec<Finding>,
}

/// Reads the output folder `out` of an environment, for which `tree` is rendered.
pub(super) fn read(source: &dyn Folder, out: &Utf8Path, tree: &Tree) -> Written {
    let mut listing = Listing::default();
    // Whoever plans the environment tells what is wrong with its folder.
    if let Ok(Some(folder)) = source.folder(out.as_str()) {
        listing.environment(&*folder, out, tree);
    }
    if listing.files.is_empty() {
        return Written { documents: Vec::new(), findings: listing.findings };
    }
    let keeper = Keeper { source, out, tree, state: RefCell::default() };
    let mut parts: Vec<(Utf8PathBuf, Part)> = Vec::new();
    let mut reached = BTreeSet::new();
    let mut left = MAX_SIZE;
    for root in roots(&listing.files, out, tree, &keeper) {
        let built = build(&root, &keeper, left);
        left = left.saturating_sub(built.size);
        reached.extend(built.reached);
        listing.findings.extend(built.findings);
        parts.extend(built.parts.into_iter().map(|part| (root.clone(), part)));
    }
    let lone: Vec<Utf8PathBuf> = listing.files.into_iter().filter(|file| !reached.contains(file)).collect();
    for file in lone.iter().filter(|file| !is_kustomization_file(file) || !is_read_by_kustomize(file, &keeper)) {
        if let Found::Documents(documents) = keeper.find(file) {
            let objects = documents.iter().flat_map(objects_in).filter(|node| is_meant_as_object(node));
            parts.extend(objects.map(|node| (file.clone(), Part { file: file.clone(), node: node.clone(), shape: Shape::Object })));
        }
    }
    keeper.written(parts, listing.findings)
}

/// Files that may be somebody's, and what kept us from looking further.
#[derive(Default)]
struct Listing {
    files: BTreeSet<Utf8PathBuf>,
    findings: Vec<Finding>,
    is_full: bool,
}

impl Listing {
    fn environment(&mut self, folder: &dyn Folder, out: &Utf8Path, tree: &Tree) {
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
    matches!(path.extension(), Some("yaml" | "yml" | "json")) || is_kustomization_file(path)
}

/// What is told of a file that cannot be read: a link is passed over without a word.
fn told(error: &FileError) -> Option<Finding> {
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

fn is_read_by_kustomize(file: &Utf8Path, keeper: &Keeper<'_>) -> bool {
    matches!(keeper.find(file), Found::Documents(documents) if documents.iter().any(is_kustomization))
}

/// Whether a document that no kustomization names is an object, or is meant to be one.
fn is_meant_as_object(node: &Node) -> bool {
    node.get("apiVersion").is_some() || node.get("kind").is_some()
}

/// The folders of kustomizations that no other one names, sorted. Ours are among those that name, and are not built:
/// what they hold is known already.
fn roots(files: &BTreeSet<Utf8PathBuf>, out: &Utf8Path, tree: &Tree, keeper: &Keeper<'_>) -> Vec<Utf8PathBuf> {
    let ours = tree.iter().map(|(path, _)| out.join(path.as_str()));
    let written: BTreeSet<Utf8PathBuf> =
        files.iter().filter(|path| is_kustomization_file(path)).filter_map(|path| path.parent()).map(Utf8Path::to_owned).collect();
    let ours: BTreeSet<Utf8PathBuf> =
        ours.filter(|path| is_kustomization_file(path)).filter_map(|path| path.parent().map(Utf8Path::to_owned)).collect();
    let mut names: BTreeMap<&Utf8PathBuf, Vec<Utf8PathBuf>> = BTreeMap::new();
    let mut candidates = BTreeSet::new();
    for folder in written.union(&ours) {
        let Some(kustomization) = kustomization_of(folder, keeper) else { continue };
        names.insert(folder, entries(kustomization.node()).filter_map(|entry| resolve(folder, entry)).collect());
        if !ours.contains(folder) && kustomization.node().get_str("kind") != Some("Component") {
            candidates.insert(folder);
        }
    }
    let named: BTreeSet<&Utf8PathBuf> = names.values().flatten().collect();
    let mut roots: Vec<&Utf8PathBuf> = candidates.iter().copied().filter(|folder| !named.contains(*folder)).collect();
    // A circle has no root: it is entered at its first folder.
    let mut seen: BTreeSet<&Utf8PathBuf> = BTreeSet::new();
    roots.iter().for_each(|root| walk(root, &names, &mut seen));
    ours.iter().for_each(|root| walk(root, &names, &mut seen));
    for folder in candidates {
        if !seen.contains(folder) {
            roots.push(folder);
            walk(folder, &names, &mut seen);
        }
    }
    roots.into_iter().cloned().collect()
}

fn walk<'a>(from: &'a Utf8PathBuf, names: &'a BTreeMap<&Utf8PathBuf, Vec<Utf8PathBuf>>, seen: &mut BTreeSet<&'a Utf8PathBuf>) {
    let mut open = vec![from];
    while let Some(folder) = open.pop() {
        if seen.insert(folder) {
            open.extend(names.get(folder).into_iter().flatten());
        }
    }
}

/// Reads files, each once, and remembers which number they have in places.
struct Keeper<'a> {
    source: &'a dyn Folder,
    out: &'a Utf8Path,
    tree: &'a Tree,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    table: Vec<Utf8PathBuf>,
    known: HashMap<Utf8PathBuf, Found>,
    findings: Vec<Finding>,
    bytes: usize,
}

impl Keeper<'_> {
    /// The text of a file: of a rendered one as it is in memory.
    fn bytes(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        let below = path.strip_prefix(self.out).ok().and_then(|below| OutPath::new(below.as_str()).ok());
        match below.and_then(|below| self.tree.get(&below)) {
            Some(file) => Ok(Some(file.text.as_bytes().to_vec())),
            None => self.source.read(path.as_str(), MAX_INPUT_BYTES),
        }
    }

    fn read(&self, path: &Utf8Path) -> Found {
        let bytes = match self.bytes(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(FileError::NotAFile { .. } | FileError::NotAFolder { .. }) => return Found::Nothing,
            Err(error) => {
                self.state.borrow_mut().findings.extend(told(&error));
                return Found::Refused;
            }
        };
        let mut state = self.state.borrow_mut();
        let Ok(index) = u16::try_from(state.table.len()) else { return Found::Refused };
        state.bytes += bytes.len();
        if state.bytes > MAX_BYTES {
            if state.bytes - bytes.len() <= MAX_BYTES {
                let message =
                    format!("there is more than {} MiB of files beside ours; from this one on they are not checked", MAX_BYTES >> 20);
                let finding = Finding::new(&MANIFEST_NOT_CHECKED, Place::whole(path), message);
                state.findings.push(finding.help("keep what does not go to the cluster out of the output folder"));
            }
            return Found::Refused;
        }
        state.table.push(path.to_owned());
        match text_of(&bytes, index).and_then(|text| read_yaml(text, index, Keys::AsKubernetes)) {
            Ok(documents) => Found::Documents(documents.into_iter().filter(|node| node.value != Value::Null).collect()),
            Err(error) => {
                state.findings.push(of_yaml(path, &error));
                Found::Broken
            }
        }
    }

    /// The documents with the table of files that their places mean.
    fn written(self, parts: Vec<(Utf8PathBuf, Part)>, mut findings: Vec<Finding>) -> Written {
        let state = self.state.into_inner();
        let files: Arc<[Utf8PathBuf]> = state.table.into();
        findings.extend(state.findings);
        let mut documents = Vec::new();
        for (root, part) in parts {
            let content = match part.shape {
                Shape::Values => Content::Values,
                Shape::Kustomization => Content::Kustomization,
                Shape::Object => match identity_of(&part.node) {
                    Ok(identity) => Content::Object(identity),
                    Err(flaw) => {
                        findings.extend(no_object(&part, &root, &flaw, &files));
                        continue;
                    }
                },
            };
            let origin = Origin::Written(Arc::clone(&files));
            documents.push(Document { file: part.file, root, content, node: Arc::new(part.node), origin });
        }
        let is_ours = |finding: &Finding| matches!(&finding.place, Place::File { file, .. } if is_rendered(file, self.out, self.tree));
        findings.retain(|finding| !is_ours(finding));
        Written { documents, findings }
    }
}

/// Whether a file below the repository is one that was rendered.
pub(super) fn is_rendered(file: &Utf8Path, out: &Utf8Path, tree: &Tree) -> bool {
    let below = file.strip_prefix(out).ok().and_then(|below| OutPath::new(below.as_str()).ok());
    below.is_some_and(|below| tree.get(&below).is_some())
}

fn of_yaml(path: &Utf8Path, error: &YamlError) -> Finding {
    let finding = Finding::new(&MANIFEST_INVALID_YAML, Place::at(path, error.at), error.message.clone());
    Finding { help: error.hint.clone(), ..finding }
}

/// Groups whose documents are objects and never the settings of a program.
const GROUPS_OF_OBJECTS: &[&str] = &[
    "apps",
    "batch",
    "cert-manager.io",
    "certmanager.step.sm",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "trust.cert-manager.io",
];

/// The finding about a document that is no object. One that no kustomization names may be read by some other program, and
/// is told only where Kubernetes alone has such documents.
fn no_object(part: &Part, root: &Utf8Path, flaw: &Flaw, files: &[Utf8PathBuf]) -> Option<Finding> {
    let version = part.node.get_str("apiVersion").unwrap_or_default();
    let kind = part.node.get_str("kind").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is_of_core = version == "v1" && kind != "Config";
    let is_lone = root == part.file;
    let is_half = version.is_empty() != kind.is_empty();
    let is_generated = part.node.get("metadata").and_then(|metadata| metadata.get("generateName")).is_some();
    if is_generated || is_lone && !(is_half || is_of_core || GROUPS_OF_OBJECTS.contains(&group)) {
        return None;
    }
    let file = files.get(usize::from(part.node.at.file)).unwrap_or(&part.file);
    let finding = flaw.finding(Place::at(file, part.node.at));
    debug_assert_eq!(finding.rule, &MANIFEST_NOT_AN_OBJECT);
    Some(finding.help("an object has `apiVersion`, `kind` and `metadata.name`; what is none does not belong among the resources"))
}

impl Files for Keeper<'_> {
    fn find(&self, path: &Utf8Path) -> Found {
        if let Some(found) = self.state.borrow().known.get(path) {
            return found.clone();
        }
        let found = self.read(path);
        self.state.borrow_mut().known.insert(path.to_owned(), found.clone());
        found
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        if is_rendered(path, self.out, self.tree) {
            return true;
        }
        // No byte of it is wanted: one that has any is too large.
        matches!(self.source.read(path.as_str(), 0), Ok(Some(_)) | Err(FileError::TooLarge { .. } | FileError::Link { .. }))
    }

    fn is_folder(&self, path: &Utf8Path) -> bool {
        matches!(self.source.folder(path.as_str()), Ok(Some(_)))
    }

    fn line(&self, path: &Utf8Path, line: u32) -> Option<String> {
        let bytes = self.bytes(path).ok()??;
        let text = String::from_utf8(bytes).ok()?;
        text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?).map(str::to_owned)
    }

    fn is_in_kustomization(&self, at: At) -> bool {
        self.state.borrow().table.get(usize::from(at.file)).is_some_and(|path| is_kustomization_file(path))
    }
}
