//! From a repository to outcomes: two passes. The first sees only names: environments, layers, templates, what lies in
//! the output folder. The second takes one environment from its files to its plan, many of them in parallel; across
//! environments nothing is kept but what whoever receives the outcomes keeps.

mod base;
mod discovery;
mod environment;
mod levels;
mod likewise;
mod sets;
mod shared;
mod snapshots;
mod vendored;
pub(crate) mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::civil::Date;
use rayon::prelude::*;

use crate::apply::apply;
use crate::finding::{COMPONENT_UNUSED, Finding, LAYER_UNUSED, PATH_ESCAPES, Place, UNREADABLE_FILE};
use crate::inflate::{Helm, Inflater};
use crate::inventory::{EnvironmentName, Inventory, Layers, Settings};
use crate::lint::VendoredChartFile;
use crate::manifest::crd::CrdCatalog;
use crate::model::KnownSnapshot;
use crate::outside::disk::OutputRoot;
use crate::outside::files::{FileError, Folder};
use crate::plan::Permissions;
use crate::render::Templates;
use crate::report::Outcome;
use crate::snapshot::{Places, Snapshot};
use crate::tree::Digest;
use crate::yaml::{Node, Path};
pub use base::Base;
use levels::Levels;
use shared::{Bases, Planned};

/// Bytes that an inventory, a layer, a snapshot or a template may have.
pub const MAX_INPUT_BYTES: u64 = 16 * 1024 * 1024;
/// Environments that are in flight at once; what is reported stays in order.
pub const AT_ONCE: usize = 256;

/// A repository after the first pass.
pub struct Repository {
    source: Box<dyn Folder>,
    settings: Settings,
    settings_digest: Digest,
    layers: Layers,
    templates: Templates,
    definitions: CrdCatalog,
    environments: Vec<EnvironmentName>,
    /// Folders in the output with a ledger and without an environment.
    vanished: Vec<EnvironmentName>,
    /// What is to become of what environments share and none names any more.
    unnamed: shared::Unnamed,
    findings: Vec<Finding>,
    /// Snapshots that several environments name.
    shared: Mutex<HashMap<Utf8PathBuf, SharedSnapshot>>,
    /// Charts in the repository, by their folder.
    vendored: Mutex<HashMap<Utf8PathBuf, VendoredChartFile>>,
    levels: Levels,
    /// Layers that an environment was seen to extend; None once an environment could not be read.
    extended: Mutex<Option<BTreeSet<String>>>,
    /// Where charts are inflated, or what was inflated is verified.
    inflater: Inflater,
    /// Components of the user's own that an environment was seen to switch on; None once an environment could not be read.
    switched_on: Mutex<Option<BTreeSet<String>>>,
    /// What ApplicationSets take up.
    sets: Mutex<sets::Sets>,
    /// What changes are measured against.
    base: Option<Base>,
}

type SharedSnapshot = Result<Option<ReadSnapshot>, Vec<Finding>>;

/// A snapshot out of its file.
#[derive(Debug, Clone)]
struct ReadSnapshot {
    snapshot: Arc<Snapshot>,
    places: Places,
    /// Of the file.
    digest: Digest,
}

/// Which environments are meant.
#[derive(Debug, Default)]
pub struct Selection {
    names: Option<GlobSet>,
    labels: Vec<(String, String)>,
}

/// One environment's inputs, read and merged.
#[derive(Debug)]
pub struct Resolved {
    /// The inventory with its layers.
    pub inventory: Inventory,
    /// What is known of each authority's CA, by the authority's name.
    pub snapshots: BTreeMap<String, KnownSnapshot>,
    /// What is wrong with the snapshots.
    pub findings: Vec<Finding>,
}

/// An environment between its plan and what is made of it.
struct Flight<T> {
    planned: Planned,
    /// None while it waits for what it shares.
    made: Option<T>,
}

/// What a pass asks of environments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request {
    /// What may be overwritten.
    pub permissions: Permissions,
    /// The day of a check, which also looks at the calendar and at files that are not ours; None for a pass that renders.
    pub as_of: Option<Date>,
}

/// A repository of which nothing can be rendered.
pub struct Unusable {
    /// Why.
    pub findings: Vec<Finding>,
    source: Box<dyn Folder>,
}

impl Unusable {
    /// Text of a file of the repository, for an excerpt beside a finding.
    pub fn text(&self, file: &Utf8Path) -> Option<String> {
        text_of(&*self.source, file)
    }
}

fn text_of(source: &dyn Folder, file: &Utf8Path) -> Option<String> {
    let bytes = source.read(file.as_str(), MAX_INPUT_BYTES).ok()??;
    String::from_utf8(bytes).ok()
}

impl Selection {
    /// Takes patterns of names (none means all) and labels, all of which must hold.
    ///
    /// # Errors
    /// The pattern that is none, and why.
    pub fn new(patterns: &[String], labels: Vec<(String, String)>) -> Result<Selection, globset::Error> {
        let mut names = GlobSetBuilder::new();
        for pattern in patterns {
            names.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
        }
        Ok(Selection { names: (!patterns.is_empty()).then(|| names.build()).transpose()?, labels })
    }

    /// Whether every environment is meant.
    pub fn is_everything(&self) -> bool {
        self.names.is_none() && self.labels.is_empty()
    }

    /// Whether an environment of that name may be meant; its labels are not known yet.
    pub fn takes_name(&self, name: &EnvironmentName) -> bool {
        self.names.as_ref().is_none_or(|names| names.is_match(name.as_str()))
    }

    fn takes_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

impl Repository {
    /// The first pass.
    ///
    /// # Errors
    /// What makes every environment impossible: broken settings or templates, folders that cannot be read.
    pub fn open(source: Box<dyn Folder>) -> Result<Repository, Unusable> {
        let (settings, settings_digest, templates) = match discovery::settings_and_templates(&*source) {
            Ok(found) => found,
            Err(findings) => return Err(Unusable { findings, source }),
        };
        let mut repository = Repository {
            source,
            settings_digest,
            levels: Levels::new(&settings),
            settings,
            layers: Layers::default(),
            templates,
            definitions: CrdCatalog::default(),
            environments: Vec::new(),
            vanished: Vec::new(),
            unnamed: shared::Unnamed::default(),
            findings: Vec::new(),
            shared: Mutex::default(),
            vendored: Mutex::default(),
            extended: Mutex::new(Some(BTreeSet::new())),
            inflater: Inflater::default(),
            switched_on: Mutex::new(Some(BTreeSet::new())),
            sets: Mutex::default(),
            base: None,
        };
        let stale = repository.levels.apply_everywhere(repository.templates.findings().to_vec());
        repository.findings.extend(stale);
        match repository.list() {
            Ok(()) => Ok(repository),
            Err(error) => Err(Unusable { findings: vec![of_file_error(&error)], source: repository.source }),
        }
    }

    /// The same with a Helm that may be run; without one, charts that were inflated before are only verified.
    #[must_use]
    pub fn with_helm(self, helm: Option<Helm>) -> Repository {
        Repository { inflater: helm.map_or_else(Inflater::default, Inflater::with), ..self }
    }

    /// How many times a chart was not inflated anew, because what was committed was proven to be what would come out.
    pub fn verified_charts(&self) -> usize {
        self.inflater.verified()
    }

    /// Where things lie.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What everything is rendered with.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// An environment's inventory and what is known of its CAs.
    ///
    /// # Errors
    /// Everything that is wrong with the inventory; a snapshot that is missing or broken is only left out.
    pub fn resolve(&self, name: &EnvironmentName) -> Result<Resolved, Vec<Finding>> {
        let (inventory, _) = self.inventory(name)?;
        let mut findings = Vec::new();
        let snapshots = self.snapshots(name, &inventory, &mut BTreeMap::new(), &mut findings);
        Ok(Resolved { inventory, snapshots, findings })
    }

    /// An environment's inventory, merged.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn inventory_of(&self, name: &EnvironmentName) -> Result<Inventory, Vec<Finding>> {
        self.inventory(name).map(|(inventory, _)| inventory)
    }

    /// A place in an inventory as a place in a file.
    pub fn located(&self, inventory: &Inventory, place: Place) -> Place {
        inventory.located(place, &self.layers)
    }

    /// The file of a layer.
    pub fn layer_file(&self, layer: &str) -> Option<&Utf8Path> {
        self.layers.iter().find_map(|(name, file)| (name == layer).then_some(file))
    }

    /// What the inventory's own file and its layers say at a path, the one that counts first; null where one takes it out.
    pub fn history(&self, inventory: &Inventory, path: &Path) -> Vec<(Place, Node)> {
        let own = self.source.read(inventory.file.as_str(), MAX_INPUT_BYTES).ok().flatten().unwrap_or_default();
        self.layers.history(inventory, &own, path)
    }

    /// Every environment, sorted by name.
    pub fn environments(&self) -> &[EnvironmentName] {
        &self.environments
    }

    /// What the first pass found without it being in the way of every environment.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Text of a file of the repository, for an excerpt beside a finding.
    pub fn text(&self, file: &Utf8Path) -> Option<String> {
        text_of(&*self.source, file)
    }

    /// The folder of an environment below the repository.
    pub fn environment_folder(&self, environment: &EnvironmentName) -> Utf8PathBuf {
        Utf8Path::new(&self.settings.environments).join(environment.as_str())
    }

    /// The second pass: every selected environment, in parallel. `act` runs beside the others; `take` gets the outcomes
    /// and what `act` made of them one by one in order of their names, and says whether to go on; `at_once` may be in
    /// flight by then, so only with 1 nothing is done behind the last one taken. What vanished environments left behind
    /// comes behind them, and only when everything is selected; last what environments share, which is written before the
    /// first of them that names it.
    pub fn for_each<T: Send>(
        &self,
        selection: &Selection,
        request: &Request,
        at_once: usize,
        act: impl Fn(&mut Outcome) -> T + Sync,
        mut take: impl FnMut(Outcome, T) -> ControlFlow<()>,
    ) {
        let vanished: &[EnvironmentName] = if selection.is_everything() { &self.vanished } else { &[] };
        let present = self.environments.iter().filter(|name| selection.takes_name(name)).map(|name| (name, false));
        let all: Vec<(&EnvironmentName, bool)> = present.chain(vanished.iter().map(|name| (name, true))).collect();
        let mut bases = Bases::new(self, request.permissions);
        for batch in all.chunks(at_once.max(1)) {
            let flights: Vec<Option<Flight<T>>> = batch
                .par_iter()
                .map(|(name, vanished)| {
                    let mut planned =
                        if *vanished { self.vanished(name, request.permissions).into() } else { self.outcome(name, selection, request)? };
                    // What shares a base waits until that is there.
                    let made = planned.shared.is_empty().then(|| act(&mut planned.outcome));
                    Some(Flight { planned, made })
                })
                .collect();
            let mut flights: Vec<Flight<T>> = flights.into_iter().flatten().collect();
            if flights.iter().any(|flight| flight.made.is_none()) {
                bases.prepare(flights.iter_mut().map(|flight| &mut flight.planned), |outcome| drop(act(outcome)));
            }
            let landed: Vec<(Outcome, T)> = flights
                .into_par_iter()
                .map(|Flight { planned, made }| {
                    let mut outcome = planned.outcome;
                    let made = made.unwrap_or_else(|| act(&mut outcome));
                    (outcome, made)
                })
                .collect();
            for (outcome, made) in landed {
                bases.saw(&outcome);
                if take(outcome, made).is_break() {
                    // What was written already is told all the same.
                    if let Some(mut written) = bases.written() {
                        let made = act(&mut written);
                        let _ = take(written, made);
                    }
                    return;
                }
            }
        }
        if let Some(outcome) = bases.finish(selection.is_everything(), &act) {
            let (outcome, made) = outcome;
            let _ = take(outcome, made);
        }
    }

    /// What only a check of every environment can tell, once it is done: layers that none extends, components of the user's
    /// own that none switches on, and changed levels of rules that find nothing any more.
    pub fn unused(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let extended = self.extended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unused = |name: &str| extended.as_ref().is_some_and(|extended| !extended.contains(name));
        for (name, file) in self.layers.iter().filter(|(name, _)| unused(name)) {
            let message = format!("no environment extends the layer `{name}`");
            findings.push(Finding::new(&LAYER_UNUSED, Place::whole(file), message).help("delete it, or write its name to an `extends`"));
        }
        let switched_on = self.switched_on.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unused = |name: &str| switched_on.as_ref().is_some_and(|names| !names.contains(name));
        for (name, file) in self.templates.own().filter(|(name, _)| unused(name)) {
            let message = format!("no environment switches on the component `{name}`");
            let help = format!("write `components: {{{name}: {{}}}}` into an inventory or a layer, or delete the folder");
            findings.push(Finding::new(&COMPONENT_UNUSED, Place::whole(file), message).help(help));
        }
        findings.extend(self.sets.lock().unwrap_or_else(PoisonError::into_inner).findings());
        let mut findings = self.levels.apply_everywhere(findings);
        findings.extend(self.levels.unused(self.base.is_some()));
        findings
    }

    /// Carries out an outcome's plan, unless it is missing or blocked.
    pub fn apply(&self, outcome: &mut Outcome, root: &OutputRoot) {
        let Some(plan) = outcome.plan.as_ref().filter(|plan| plan.blocked().next().is_none()) else { return };
        match root.folder(&outcome.environment).and_then(|folder| apply(plan, &folder)) {
            Ok(applied) => outcome.applied = Some(applied),
            Err(error) => outcome.failure = Some(error),
        }
    }
}

/// A file that cannot be read, as a finding.
pub fn of_file_error(error: &FileError) -> Finding {
    let rule = match error {
        FileError::Link { .. } | FileError::PathEscapes { .. } => &PATH_ESCAPES,
        _ => &UNREADABLE_FILE,
    };
    let finding = Finding::new(rule, Place::whole(error.path()), error.told());
    match error.hint() {
        Some(hint) => finding.help(hint),
        None => finding,
    }
}
