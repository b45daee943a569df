//! What lies in somebody's repository: every kustomization that no other names, built, and the files that none names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::settings::patch_files;
use crate::finding::{Finding, KUSTOMIZATION_BROKEN, Place};
use crate::fleet::written::{Keeper, Listing, MAX_SIZE, Ours, roots};
use crate::fleet::{MAX_INPUT_BYTES, of_file_error};
use crate::manifest::kustomization::{
    Files as _, Found, KUSTOMIZATION_FILES, Part, build, entries, is_kustomization_file, is_remote, kustomization_of, resolve,
};
use crate::manifest::{Shape, objects_in};
use crate::outside::files::{EntryKind, FileError, Folder};
use crate::plan::LEDGER_FILE;
use crate::tree::Tree;
use crate::yaml::{Node, Value};

/// One folder of a repository with everything that it brings.
#[derive(Debug)]
pub(super) struct Source {
    /// The folder.
    pub(super) folder: Utf8PathBuf,
    /// What it is made of.
    pub(super) parts: Vec<Part>,
    /// Every file of it.
    pub(super) reached: BTreeSet<Utf8PathBuf>,
    /// What is wrong with it, or not known.
    pub(super) findings: Vec<Finding>,
    /// What should be said about how it was read.
    pub(super) remarks: Vec<String>,
    /// The patches that lie in files of their own.
    pub(super) patches: BTreeMap<Utf8PathBuf, Vec<Node>>,
    /// What objects are in the files as they are written, by file and line, before any kustomization names them anew.
    pub(super) written: BTreeMap<(u16, u32), Node>,
    /// Links on the way, which are not followed.
    pub(super) links: BTreeSet<Utf8PathBuf>,
}

/// A repository as it was read.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) sources: Vec<Source>,
    /// The files that places mean.
    pub(super) files: Arc<[Utf8PathBuf]>,
    /// Files that cannot be read.
    pub(super) broken: Vec<Finding>,
}

/// Reads everything below a folder of a repository.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn gather(repository: &dyn Folder, below: &Utf8Path) -> Result<Gathered, Vec<Finding>> {
    let tree = Tree::default();
    let mut listing = Listing::default();
    if below.as_str().is_empty() {
        listing.environment(repository, below, &tree);
    } else {
        let folder = repository.folder(below.as_str()).map_err(|error| vec![of_file_error(&error)])?;
        if let Some(folder) = folder {
            listing.environment(&*folder, below, &tree);
        }
    }
    let keeper = Keeper::new(repository, Ours { out: below, tree: &tree, shared: &tree });
    let mut sources = Vec::new();
    let mut left = MAX_SIZE;
    for folder in roots(&listing.files, below, &tree, &keeper) {
        let built = build(&folder, &keeper, left);
        left = left.saturating_sub(built.size);
        let remarks = remarks(repository, &folder, &built.reached);
        let mut source = Source { remarks, ..Source::new(folder, built.parts, built.reached) };
        source.findings = built.findings;
        sources.push(source);
    }
    sources.retain(|source| !is_rendered(repository, &source.folder));
    let reached: BTreeSet<&Utf8PathBuf> = sources.iter().flat_map(|source| &source.reached).collect();
    let lone: Vec<Utf8PathBuf> =
        listing.files.iter().filter(|file| !reached.contains(file) && !is_kustomization_file(file)).cloned().collect();
    let lone: Vec<Utf8PathBuf> = lone.into_iter().filter(|file| !is_rendered(repository, file)).collect();
    for file in lone {
        let Found::Documents(documents) = keeper.find(&file) else { continue };
        let objects = documents.iter().flat_map(objects_in).filter(|node| node.get("kind").is_some());
        let parts: Vec<Part> = objects.map(|node| Part { file: file.clone(), node: node.clone(), shape: Shape::Object }).collect();
        let folder = file.parent().map(Utf8Path::to_owned).unwrap_or_default();
        let remarks = anchors(repository, &file).into_iter().collect();
        match sources.iter_mut().find(|source| source.folder == folder && !source.reached.iter().any(|file| is_kustomization_file(file))) {
            Some(source) => {
                source.parts.extend(parts);
                source.reached.insert(file);
                source.remarks.extend(remarks);
            }
            None => sources.push(Source { remarks, ..Source::new(folder, parts, BTreeSet::from([file])) }),
        }
    }
    for source in &mut sources {
        source.look_around(repository, &keeper);
    }
    let misshaped = misshaped(&listing, &keeper);
    let (files, broken) = keeper.close(|_| true);
    let broken = listing.findings.into_iter().chain(broken).chain(misshaped).collect();
    Ok(Gathered { sources, files, broken })
}

/// Fields of a kustomization that are lists: with anything else there, kustomize builds nothing.
const LISTS: &[&str] = &[
    "bases",
    "components",
    "helmCharts",
    "images",
    "labels",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replicas",
    "resources",
];

/// Kustomizations that kustomize cannot read.
fn misshaped(listing: &Listing, keeper: &Keeper<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let folders = listing.files.iter().filter(|file| is_kustomization_file(file)).filter_map(|file| file.parent());
    for folder in folders.collect::<BTreeSet<_>>() {
        let Some(kustomization) = kustomization_of(folder, keeper) else { continue };
        for (key, entry) in LISTS.iter().filter_map(|key| Some((key, kustomization.node().get(key)?))) {
            if entry.as_list().is_none() && entry.value != Value::Null {
                let message = format!("`{key}` is {}, and kustomize wants a list", entry.value.kind());
                let help = "write its entries below each other, each behind a `-`";
                found.push(Finding::new(&KUSTOMIZATION_BROKEN, Place::at(&kustomization.file, entry.at), message).help(help));
            }
        }
    }
    found
}

impl Source {
    fn new(folder: Utf8PathBuf, parts: Vec<Part>, reached: BTreeSet<Utf8PathBuf>) -> Source {
        Source {
            folder,
            parts,
            reached,
            findings: Vec::new(),
            remarks: Vec::new(),
            patches: BTreeMap::new(),
            written: BTreeMap::new(),
            links: BTreeSet::new(),
        }
    }

    /// Reads what lies beside the objects: patches, the objects as they are written, and links.
    fn look_around(&mut self, repository: &dyn Folder, keeper: &Keeper<'_>) {
        for file in self.parts.iter().filter(|part| part.shape == Shape::Kustomization).flat_map(patch_files) {
            if let Found::Documents(documents) = keeper.find(&file) {
                self.patches.insert(file, documents.to_vec());
            }
        }
        for file in self.reached.iter().filter(|file| !is_kustomization_file(file)) {
            let Found::Documents(documents) = keeper.find(file) else { continue };
            let objects = documents.iter().flat_map(objects_in);
            self.written.extend(objects.map(|node| ((node.at.file, node.at.line), node.clone())));
        }
        let folders: BTreeSet<&Utf8Path> = self.reached.iter().filter_map(|file| file.parent()).chain([self.folder.as_path()]).collect();
        for folder in folders {
            let entries = match folder.as_str() {
                "" => repository.list(),
                path => match repository.folder(path) {
                    Ok(Some(folder)) => folder.list(),
                    _ => continue,
                },
            };
            let links = entries.unwrap_or_default().into_iter().filter(|entry| entry.kind == EntryKind::Link);
            self.links.extend(links.filter(|entry| !entry.name.starts_with('.')).map(|entry| folder.join(entry.name)));
        }
        for part in self.parts.iter().filter(|part| part.shape == Shape::Kustomization) {
            let folder = part.file.parent().unwrap_or(Utf8Path::new(""));
            let paths = entries(&part.node).filter(|entry| !is_remote(entry)).filter_map(|entry| resolve(folder, entry));
            self.links.extend(paths.filter(|path| matches!(repository.read(path.as_str(), 0), Err(FileError::Link { .. }))));
        }
    }
}

/// Whether a path lies in a folder that trustree itself renders into.
fn is_rendered(repository: &dyn Folder, path: &Utf8Path) -> bool {
    path.ancestors().any(|folder| matches!(repository.read(folder.join(LEDGER_FILE).as_str(), MAX_INPUT_BYTES), Ok(Some(_))))
}

/// What is unusual about how a folder is written.
fn remarks(repository: &dyn Folder, folder: &Utf8Path, reached: &BTreeSet<Utf8PathBuf>) -> Vec<String> {
    let mut remarks = Vec::new();
    let folders: BTreeSet<&Utf8Path> = reached.iter().filter(|file| is_kustomization_file(file)).filter_map(|file| file.parent()).collect();
    for folder in folders.into_iter().chain([folder]).collect::<BTreeSet<_>>() {
        let is_there = |name: &&&str| matches!(repository.read(folder.join(**name).as_str(), MAX_INPUT_BYTES), Ok(Some(_)));
        let names: Vec<&&str> = KUSTOMIZATION_FILES.iter().filter(is_there).collect();
        if let [first, others @ ..] = names.as_slice()
            && !others.is_empty()
        {
            let more: Vec<String> = others.iter().map(|name| format!("`{}`", folder.join(**name))).collect();
            remarks.push(format!(
                "{} beside `{}`: kustomize refuses a folder with several, and only the first was read",
                more.join(", "),
                folder.join(*first)
            ));
        }
    }
    remarks.extend(reached.iter().filter_map(|file| anchors(repository, file)));
    remarks
}

/// What is said of a file with anchors: kustomize and we read them, and what is written has none.
fn anchors(repository: &dyn Folder, file: &Utf8Path) -> Option<String> {
    let bytes = repository.read(file.as_str(), MAX_INPUT_BYTES).ok()??;
    let text = String::from_utf8(bytes).ok()?;
    let uses = |line: &str| {
        let value = line.trim_start().trim_start_matches("- ");
        let value = value.split_once(": ").map_or(value, |(_, value)| value).trim_start();
        !line.trim_start().starts_with('#')
            && value.strip_prefix('&').is_some_and(|name| name.starts_with(|character: char| character.is_ascii_alphanumeric()))
    };
    text.lines().any(uses).then(|| format!("`{file}` has anchors; what they stand for was read, and is written out"))
}
