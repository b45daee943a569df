//! Which files of the old repository are needed no more, and out of which something is to be taken.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::chart::Engine;
use super::gather::Source;
use super::material::Material;
use super::settings::patches_of;
use crate::manifest::Shape;
use crate::manifest::kustomization::{entries, is_kustomization_file, resolve};

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
    for old in all {
        for source in old.sources {
            kustomizations(source, &is_free, &left, used, &places, &mut deletion);
        }
    }
    let whole = &deletion.files;
    deletion.parts.retain(|file, _| !whole.contains(file));
    deletion
}

/// The kustomizations of a folder: deleted where nothing is left of what they build, otherwise told what to take out.
fn kustomizations(
    source: &Source,
    is_free: &dyn Fn(&Utf8Path) -> bool,
    left: &BTreeSet<&Utf8Path>,
    used: &BTreeSet<Utf8PathBuf>,
    taken: &BTreeSet<(u16, u32)>,
    deletion: &mut Deletion,
) {
    let is_done = source.reached.iter().all(|file| !left.contains(file.as_path()));
    if is_done {
        deletion.files.extend(source.reached.iter().filter(|file| is_free(file) && !used.contains(*file)).cloned());
        return;
    }
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
        let named = entries(&part.node).filter(|entry| resolve(folder, entry).is_some_and(|path| deletion.files.contains(&path)));
        let named: Vec<String> = named.map(|entry| format!("the entry `{entry}`")).collect();
        if !named.is_empty() {
            deletion.parts.entry(part.file.clone()).or_default().extend(named);
        }
    }
}
