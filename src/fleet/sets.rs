//! ApplicationSets take up every folder of the output: which of them they cannot deliver is known only once every inventory
//! was seen.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::finding::{APPLICATION_SET_TAKES_TOO_MUCH, Finding, Place, counted, listed};
use crate::inventory::{Delivery, EnvironmentFile, EnvironmentName};

/// Environments that are named in one finding.
const NAMED: usize = 5;

/// What was seen of a fleet.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// Each ApplicationSet: its place in a file, and the environments that it leaves out.
    sets: Vec<(Place, GlobSet)>,
    /// Environments whose folder has nothing that an Application could take up.
    without_root: Vec<EnvironmentName>,
}

impl Sets {
    /// Sees an environment; `place` leads to its ApplicationSet.
    pub(super) fn see(&mut self, name: &EnvironmentName, fields: &EnvironmentFile, place: impl FnOnce() -> Place) {
        let argo_cd = fields.argo_cd.as_ref();
        if argo_cd.is_none() || fields.delivery == Some(Delivery::Flux) {
            self.without_root.push(name.clone());
        }
        if let Some(set) = argo_cd.and_then(|argo_cd| argo_cd.application_set.as_ref()) {
            self.sets.push((place(), patterns(&set.exclude)));
        }
    }

    /// Whether an environment needs to be seen at all.
    pub(super) fn concerns(fields: &EnvironmentFile) -> bool {
        fields.argo_cd.as_ref().is_none_or(|argo_cd| argo_cd.application_set.is_some()) || fields.delivery == Some(Delivery::Flux)
    }

    /// What is to be told in the end.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let told = |(place, excluded): &(Place, GlobSet)| {
            let mut taken: Vec<&str> =
                self.without_root.iter().map(EnvironmentName::as_str).filter(|name| !excluded.is_match(name)).collect();
            taken.sort_unstable();
            let named = listed(taken.iter().take(NAMED).copied());
            let more = taken.len().saturating_sub(NAMED);
            let names = if more == 0 { named } else { format!("{named} and {}", counted(more, "other")) };
            let message = format!(
                "the ApplicationSet takes up {names}, where no kustomization takes up the tree: Argo CD would apply nothing, and prune what is there"
            );
            let help = "write `argoCd: {}` into their inventories or a layer of theirs, or leave them out with `exclude`";
            (!taken.is_empty()).then(|| Finding::new(&APPLICATION_SET_TAKES_TOO_MUCH, place.clone(), message).help(help))
        };
        self.sets.iter().filter_map(told).collect()
    }
}

/// Patterns as Argo CD reads them; one that is none matches nothing.
fn patterns(written: &[String]) -> GlobSet {
    let mut patterns = GlobSetBuilder::new();
    for glob in written.iter().filter_map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build().ok()) {
        patterns.add(glob);
    }
    patterns.build().unwrap_or_else(|_| GlobSet::empty())
}
