//! What lies in somebody's repository: every kustomization that no other names, built, and the files that none names.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::Finding;
use crate::fleet::written::{Keeper, Listing, MAX_SIZE, Ours, roots};
use crate::fleet::{MAX_INPUT_BYTES, of_file_error};
use crate::manifest::kustomization::{Files as _, Found, KUSTOMIZATION_FILES, Part, build, is_kustomization_file};
use crate::manifest::{Shape, objects_in};
use crate::outside::files::Folder;
use crate::plan::LEDGER_FILE;
use crate::tree::Tree;

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
        sources.push(Source { folder, parts: built.parts, reached: built.reached, findings: built.findings, remarks });
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
            None => sources.push(Source { folder, parts, reached: BTreeSet::from([file]), findings: Vec::new(), remarks }),
        }
    }
    let (files, broken) = keeper.close(|_| true);
    let broken = listing.findings.into_iter().chain(broken).collect();
    Ok(Gathered { sources, files, broken })
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
