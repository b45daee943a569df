//! Which files of the old repository are needed no more, and out of which something is to be taken.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::chart::Engine;
use super::gather::Source;
use super::material::Material;
use super::settings::patches_of;
use crate::manifest::Shape;
use crate::manifest::kustomization::{KUSTOMIZATION_FILES, entries, is_kustomization_file, resolve};

/// What is to be done by hand once the rendered tree is what the cluster gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Files that nothing needs any more.
    pub files: BTreeSet<Utf8PathBuf>,
    /// Files that stay, and what is to be taken out of each.
    pub parts: BTreeMap<Utf8PathBuf, BTreeSet<String>>,
}

/// One old environment: its folders, what they hold, and the files out of which something was left.
pub(super) struct Old<'a> {
    pub(super) sources: &'a [Source],
    pub(super) material: &'a Material,
    pub(super) left: BTreeSet<&'a Utf8Path>,
    /// Whether the release of step-issuer was taken over.
    pub(super) has_chart: bool,
    /// What was taken over, with its file.
    pub(super) taken: Vec<(&'a Utf8Path, String)>,
    /// Where that begins, by file and line.
    pub(super) places: BTreeSet<(u16, u32)>,
}

/// What of old environments is to be deleted; `used` are files that other folders need.
pub(super) fn deletion(all: &[Old<'_>], used: &BTreeSet<Utf8PathBuf>) -> Deletion {
    let mut deletion = Deletion::default();
    let left: BTreeSet<&Utf8Path> = all.iter().flat_map(|old| old.left.iter().copied()).collect();
    let is_free = |file: &Utf8Path| !left.contains(file) && !used.contains(file);
    let mut taken: BTreeMap<&Utf8Path, BTreeSet<String>> = BTreeMap::new();
    for old in all {
        for (file, what) in &old.taken {
            taken.entry(file).or_default().insert(what.clone());
        }
        let charts = old.material.charts.iter().filter(|chart| old.has_chart && chart.is_step_issuer());
        for chart in charts.filter(|chart| chart.engine == Engine::Kustomize) {
            for (file, what) in &chart.moved {
                taken.entry(file).or_default().insert(what.clone());
            }
            let files = chart.value_files.iter().map(|(file, _)| file.clone());
            deletion.files.extend(files.filter(|file| is_free(file)));
            taken.entry(&chart.file).or_default().insert("the entry of the chart `step-issuer`".to_owned());
        }
    }
    let (whole, partly): (Vec<_>, Vec<_>) = taken.into_iter().partition(|(file, _)| !is_kustomization_file(file) && is_free(file));
    deletion.files.extend(whole.into_iter().map(|(file, _)| file.to_owned()));
    for (file, what) in partly {
        deletion.parts.entry(file.to_owned()).or_default().extend(what);
    }
    let places: BTreeSet<(u16, u32)> = all.iter().flat_map(|old| old.places.iter().copied()).collect();
    // What is done goes first: then it is known which entries lead to nothing.
    let (done, others): (Vec<&Source>, Vec<&Source>) =
        all.iter().flat_map(|old| old.sources).partition(|source| source.reached.iter().all(|file| !left.contains(file.as_path())));
    for source in done {
        deletion.files.extend(source.reached.iter().filter(|file| is_free(file)).cloned());
    }
    for source in others {
        spent_parts(source, &places, &mut deletion);
    }
    let whole = &deletion.files;
    deletion.parts.retain(|file, _| !whole.contains(file));
    deletion
}

/// What is to be taken out of the kustomizations of a folder of which something stays: entries that lead to files that go,
/// and patches of objects that go.
fn spent_parts(source: &Source, taken: &BTreeSet<(u16, u32)>, deletion: &mut Deletion) {
    for part in source.parts.iter().filter(|part| part.shape == Shape::Kustomization) {
        let spent = patches_of(part, &source.patches).into_iter().filter(|patch| {
            let mut meant = source.written.iter().filter(|(_, node)| patch.takes(node)).peekable();
            meant.peek().is_some() && meant.all(|(at, _)| taken.contains(at))
        });
        let spent: Vec<String> = spent.map(|patch| patch.shown()).collect();
        if !spent.is_empty() {
            deletion.parts.entry(part.file.clone()).or_default().extend(spent);
        }
        let folder = part.file.parent().unwrap_or(Utf8Path::new(""));
        let goes = |path: &Utf8Path| {
            deletion.files.contains(path) || KUSTOMIZATION_FILES.iter().any(|name| deletion.files.contains(&path.join(name)))
        };
        let named = entries(&part.node).filter(|entry| resolve(folder, entry).is_some_and(|path| goes(&path)));
        let named: Vec<String> = named.map(|entry| format!("the entry `{entry}`")).collect();
        if !named.is_empty() {
            deletion.parts.entry(part.file.clone()).or_default().extend(named);
        }
    }
}
