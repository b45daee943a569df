//! What somebody wrote into an environment's output folder: every file that is neither rendered nor in the ledger, as
//! documents. Kustomizations are followed, also out of the folder; what none of them names is taken as it is.

mod keeper;
mod listing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, Place};
use crate::manifest::kustomization::{
    Files as _, Found, Part, build, entries, is_kustomization, is_kustomization_file, kustomization_of, resolve,
};
use crate::manifest::{Content, Document, Flaw, Origin, Shape, identity_of, objects_in};
use crate::outside::files::Folder;
use crate::render::SHARED_FOLDER;
use crate::tree::{OutPath, Tree};
use crate::yaml::Node;
pub(crate) use keeper::Keeper;
pub(crate) use listing::Listing;

/// Values of everything that kustomizations build, as [`crate::yaml::Node::size`] counts them; the largest bundles of
/// definitions have a tenth of it.
pub(crate) const MAX_SIZE: usize = 2_000_000;

/// What somebody wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The documents, root by root.
    pub(super) documents: Vec<Document>,
    /// What is wrong with files and kustomizations.
    pub(super) findings: Vec<Finding>,
}

/// What is rendered for an environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours<'a> {
    /// Its output folder.
    pub(crate) out: &'a Utf8Path,
    /// What lies in it.
    pub(crate) tree: &'a Tree,
    /// What it shares with others, which lies beside it.
    pub(crate) shared: &'a Tree,
}

impl Ours<'_> {
    /// The text of a file below the repository, where it is one that was rendered.
    fn text(&self, file: &Utf8Path) -> Option<&Arc<str>> {
        let in_tree = |tree: &'_ Tree, folder: &Utf8Path| {
            OutPath::new(file.strip_prefix(folder).ok()?.as_str()).ok().filter(|path| tree.get(path).is_some())
        };
        if let Some(path) = in_tree(self.tree, self.out) {
            return self.tree.get(&path).map(|file| &file.text);
        }
        if self.shared.is_empty() {
            return None;
        }
        let path = in_tree(self.shared, &self.out.parent()?.join(SHARED_FOLDER))?;
        self.shared.get(&path).map(|file| &file.text)
    }
}

/// Reads the output folder of an environment.
pub(super) fn read(source: &dyn Folder, ours: &Ours<'_>) -> Written {
    let Ours { out, tree, .. } = *ours;
    let mut listing = Listing::default();
    // Whoever plans the environment tells what is wrong with its folder.
    if let Ok(Some(folder)) = source.folder(out.as_str()) {
        listing.environment(&*folder, out, tree);
    }
    if listing.files.is_empty() {
        return Written { documents: Vec::new(), findings: listing.findings };
    }
    let keeper = Keeper::new(source, *ours);
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
    for folder in unused_components(&listing.files, &reached, &keeper) {
        // Nobody builds it; what it names is a part of it all the same.
        reached.extend(build(&folder, &keeper, MAX_SIZE).reached);
    }
    let lone: Vec<Utf8PathBuf> = listing.files.into_iter().filter(|file| !reached.contains(file)).collect();
    for file in lone.iter().filter(|file| !is_kustomization_file(file) || !is_read_by_kustomize(file, &keeper)) {
        if let Found::Documents(documents) = keeper.find(file) {
            let objects = documents.iter().flat_map(objects_in).filter(|node| is_meant_as_object(node));
            parts.extend(objects.map(|node| (file.clone(), Part { file: file.clone(), node: node.clone(), shape: Shape::Object })));
        }
    }
    documents_of(keeper, &reached, parts, listing.findings)
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
pub(crate) fn roots(files: &BTreeSet<Utf8PathBuf>, out: &Utf8Path, tree: &Tree, keeper: &Keeper<'_>) -> Vec<Utf8PathBuf> {
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

/// Folders with a component that no root reaches.
fn unused_components(files: &BTreeSet<Utf8PathBuf>, reached: &BTreeSet<Utf8PathBuf>, keeper: &Keeper<'_>) -> Vec<Utf8PathBuf> {
    let unreached = files.iter().filter(|file| is_kustomization_file(file) && !reached.contains(*file)).filter_map(|file| file.parent());
    unreached.filter(|folder| kustomization_of(folder, keeper).is_some()).map(Utf8Path::to_owned).collect()
}

fn walk<'a>(from: &'a Utf8PathBuf, names: &'a BTreeMap<&Utf8PathBuf, Vec<Utf8PathBuf>>, seen: &mut BTreeSet<&'a Utf8PathBuf>) {
    let mut open = vec![from];
    while let Some(folder) = open.pop() {
        if seen.insert(folder) {
            open.extend(names.get(folder).into_iter().flatten());
        }
    }
}

/// The documents with the table of files that their places mean.
fn documents_of(
    keeper: Keeper<'_>,
    reached: &BTreeSet<Utf8PathBuf>,
    parts: Vec<(Utf8PathBuf, Part)>,
    mut findings: Vec<Finding>,
) -> Written {
    let ours = keeper.ours;
    let (files, more) = keeper.close(|file| is_kustomization_file(file) || reached.contains(file));
    findings.extend(more);
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
    let is_ours = |finding: &Finding| matches!(&finding.place, Place::File { file, .. } if ours.text(file).is_some());
    findings.retain(|finding| !is_ours(finding));
    Written { documents, findings }
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
    // Values of a chart may have a `kind` of their own, as those of step-certificates do.
    let is_half = version.is_empty() != kind.is_empty() && part.node.get("metadata").is_some();
    let is_generated = part.node.get("metadata").and_then(|metadata| metadata.get("generateName")).is_some();
    if is_generated || is_lone && !(is_half || is_of_core || GROUPS_OF_OBJECTS.contains(&group)) {
        return None;
    }
    let file = files.get(usize::from(part.node.at.file)).unwrap_or(&part.file);
    let finding = flaw.finding(Place::at(file, part.node.at));
    Some(finding.help("an object has `apiVersion`, `kind` and `metadata.name`; what is none does not belong among the resources"))
}
