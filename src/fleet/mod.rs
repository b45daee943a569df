//! From a repository to outcomes: two passes. The first sees only names: environments, layers, templates, what lies in
//! the output folder. The second takes one environment from its files to its plan, many of them in parallel; across
//! environments nothing is kept but what whoever receives the outcomes keeps.

mod base;
mod discovery;
mod levels;
mod snapshots;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::civil::Date;
use rayon::prelude::*;

use crate::apply::apply;
use crate::finding::{
    Finding, INVENTORY_NOT_FOUND, LAYER_UNUSED, LEDGER_INVALID, Level, MANIFEST_UNKNOWN_FIELD, MANIFEST_WRONG_TYPE, PATH_ESCAPES, Place,
    UNREADABLE_FILE,
};
use crate::inventory::{EnvironmentName, INVENTORY_FILE, Inventory, Layers, Settings};
use crate::lint::{Scope, Verdict, lint};
use crate::manifest::Document;
use crate::manifest::crd::CrdCatalog;
use crate::model::{self, Extent, KnownSnapshot, Model};
use crate::outside::disk::OutputRoot;
use crate::outside::files::{FileError, Folder};
use crate::plan::{LEDGER_FILE, LedgerError, Origin, Permissions, Plan, plan, read_ledger};
use crate::render::{Templates, render};
use crate::report::Outcome;
use crate::snapshot::{Places, Snapshot};
use crate::tree::{Digest, Tree};
use crate::yaml::{Node, Path};
pub use base::Base;
use base::Present;
use levels::Levels;

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
    findings: Vec<Finding>,
    /// Snapshots that several environments name.
    shared: Mutex<HashMap<Utf8PathBuf, SharedSnapshot>>,
    levels: Levels,
    /// Layers that an environment was seen to extend; None once an environment could not be read.
    extended: Mutex<Option<BTreeSet<String>>>,
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
            findings: Vec::new(),
            shared: Mutex::default(),
            extended: Mutex::new(Some(BTreeSet::new())),
            base: None,
        };
        let stale = repository.levels.apply_everywhere(repository.templates.findings().to_vec());
        repository.findings.extend(stale);
        match repository.list() {
            Ok(()) => Ok(repository),
            Err(error) => Err(Unusable { findings: vec![of_file_error(&error)], source: repository.source }),
        }
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
        let snapshots = self.snapshots(name, &inventory, &mut BTreeMap::new(), &mut Vec::new());
        Ok(Resolved { inventory, snapshots })
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
    /// comes last, and only when everything is selected.
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
        for batch in all.chunks(at_once.max(1)) {
            let outcomes: Vec<Option<(Outcome, T)>> = batch
                .par_iter()
                .map(|(name, vanished)| {
                    let mut outcome =
                        if *vanished { self.vanished(name, request.permissions) } else { self.outcome(name, selection, request)? };
                    let made = act(&mut outcome);
                    Some((outcome, made))
                })
                .collect();
            for (outcome, made) in outcomes.into_iter().flatten() {
                if take(outcome, made).is_break() {
                    return;
                }
            }
        }
    }

    /// What only a check of every environment can tell, once it is done: layers that none extends, and changed levels of
    /// rules that find nothing any more.
    pub fn unused(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let extended = self.extended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unused = |name: &str| extended.as_ref().is_some_and(|extended| !extended.contains(name));
        for (name, file) in self.layers.iter().filter(|(name, _)| unused(name)) {
            let message = format!("no environment extends the layer `{name}`");
            findings.push(Finding::new(&LAYER_UNUSED, Place::whole(file), message).help("delete it, or write its name to an `extends`"));
        }
        let mut findings = self.levels.apply_everywhere(findings);
        findings.extend(self.levels.apply_everywhere(self.levels.unused(self.base.is_some())));
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

    /// One environment from its files to its plan; None when its labels are not the selected ones.
    fn outcome(&self, name: &EnvironmentName, selection: &Selection, request: &Request) -> Option<Outcome> {
        let (inventory, inputs) = match self.inventory(name) {
            Ok(found) => found,
            Err(findings) => {
                // Nobody knows which layers it extends.
                *self.extended.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Some(Outcome::failed(name.as_str(), findings));
            }
        };
        if let Some(extended) = &mut *self.extended.lock().unwrap_or_else(PoisonError::into_inner)
            && inventory.layers.iter().any(|layer| !extended.contains(layer))
        {
            extended.extend(inventory.layers.iter().cloned());
        }
        if !selection.takes_labels(&inventory.fields.labels) {
            return None;
        }
        let mut outcome = self.resolved(name, &inventory, inputs, request);
        for finding in &mut outcome.findings {
            let place = std::mem::replace(&mut finding.place, Place::whole(""));
            finding.place = inventory.located(place, &self.layers);
        }
        Some(outcome)
    }

    fn resolved(&self, name: &EnvironmentName, inventory: &Inventory, inputs: Digest, request: &Request) -> Outcome {
        let mut findings = Vec::new();
        let mut contents = BTreeMap::new();
        let snapshots = self.snapshots(name, inventory, &mut contents, &mut findings);
        let (model, more) = model::build(name, inventory, &snapshots, Extent::Known);
        findings.extend(more);
        let rendered = render(&model, &self.templates, &self.settings);
        let verdict = self.judge(inventory, &model, &snapshots, &rendered.tree, rendered.documents, request);
        findings.extend(verdict.ours);
        if let (Some(base), Some(as_of)) = (&self.base, request.as_of) {
            let present = Present { environment: name, inventory, inputs, snapshots: &snapshots, contents: &contents };
            findings.extend(base.dropped_roots(&present, as_of));
        }
        let more: Vec<Finding> = rendered.findings.into_iter().filter(|finding| !follows(finding, &findings)).collect();
        findings.extend(more);
        findings.extend(self.levels.without_reason(inventory, &self.layers));
        // What could not be judged is no reason to call a changed level unused.
        let is_whole = snapshots.len() == inventory.fields.authorities.len()
            && snapshots.values().all(|snapshot| matches!(snapshot, KnownSnapshot::Here(..)))
            && !findings.iter().any(|finding| finding.rule.untrusted);
        let mut findings = self.levels.apply(inventory, &self.layers, findings, is_whole);
        let is_in_the_way = findings.iter().any(|finding| finding.level == Level::Error && !finding.rule.clock);
        findings.extend(self.levels.apply(inventory, &self.layers, verdict.theirs, is_whole));
        if is_in_the_way {
            return Outcome::failed(name.as_str(), findings);
        }
        let file = |authority: &String| snapshots.get(authority).and_then(KnownSnapshot::file).map(ToString::to_string).unwrap_or_default();
        let digests = [inputs.to_string(), self.settings_digest.to_string()].into_iter();
        let digests: Vec<String> =
            digests.chain(contents.iter().map(|(authority, digest)| format!("{authority} {} {digest}", file(authority)))).collect();
        let origin = Origin { inputs: Digest::of_parts(digests.iter().map(String::as_bytes)), templates: self.templates.digest() };
        match self.plan(name, &rendered.tree, &origin, request.permissions) {
            Ok(plan) => Outcome::planned(name.as_str(), findings, plan),
            Err(finding) => {
                findings.push(finding);
                Outcome::failed(name.as_str(), findings)
            }
        }
    }

    /// What the rules say of the documents of an environment; in a check also of those that somebody wrote beside ours.
    fn judge(
        &self,
        inventory: &Inventory,
        model: &Model,
        snapshots: &BTreeMap<String, KnownSnapshot>,
        tree: &Tree,
        rendered: Vec<Document>,
        request: &Request,
    ) -> Verdict {
        // What waits for a snapshot is not rendered, and can be judged all the same.
        let is_waiting =
            inventory.fields.authorities.keys().any(|authority| !matches!(snapshots.get(authority), Some(KnownSnapshot::Here(..))));
        let everything = is_waiting.then(|| model::build(&model.environment, inventory, snapshots, Extent::Everything).0);
        let mut documents = match &everything {
            Some(everything) => render(everything, &self.templates, &self.settings).documents,
            None => rendered,
        };
        let out = Utf8Path::new(&self.settings.out).join(model.environment.as_str());
        let mut findings = Vec::new();
        if request.as_of.is_some() {
            let written = written::read(&*self.source, &out, tree);
            documents.extend(written.documents);
            findings = written.findings;
        }
        let model = everything.as_ref().unwrap_or(model);
        let definitions = &self.definitions;
        let mut verdict = lint(&Scope { model, snapshots, documents: &documents, definitions, as_of: request.as_of });
        // What an overlay takes from us as it is was judged as ours.
        let is_ours = |finding: &Finding| matches!(&finding.place, Place::File { file, .. } if written::is_rendered(file, &out, tree));
        findings.extend(verdict.theirs.drain(..).filter(|finding| !is_ours(finding)));
        Verdict { theirs: findings, ..verdict }
    }

    /// The plan of an environment that is gone: nothing is rendered for it.
    fn vanished(&self, name: &EnvironmentName, permissions: Permissions) -> Outcome {
        let nothing = Digest::of(b"");
        match self.plan(name, &Tree::default(), &Origin { inputs: nothing, templates: nothing }, permissions) {
            Ok(plan) => Outcome::planned(name.as_str(), Vec::new(), plan),
            Err(finding) => Outcome::failed(name.as_str(), vec![finding]),
        }
    }

    fn plan(&self, name: &EnvironmentName, tree: &Tree, origin: &Origin, permissions: Permissions) -> Result<Plan, Finding> {
        let path = format!("{}/{name}", self.settings.out);
        let folder = self.source.folder(&path).map_err(|error| of_file_error(&error))?;
        let ledger = match folder.as_deref().map(read_ledger) {
            None => None,
            Some(Ok(ledger)) => ledger,
            Some(Err(LedgerError::File(error))) => return Err(of_file_error(&error)),
            Some(Err(LedgerError::Invalid { line, problem })) => {
                let place = Place::File { file: format!("{path}/{LEDGER_FILE}").into(), line, column: 1 };
                let help = match line {
                    1 => "use the release of trustree that wrote it, or restore the ledger from Git",
                    _ => "restore the ledger from Git; or delete it, and trustree takes up again the files that are as it renders them",
                };
                return Err(Finding::new(&LEDGER_INVALID, place, problem).help(help));
            }
        };
        plan(tree, origin, ledger, folder.as_deref(), permissions).map_err(|error| of_file_error(&error))
    }

    /// An environment's inventory, and the digest of it and its layers.
    fn inventory(&self, name: &EnvironmentName) -> Result<(Inventory, Digest), Vec<Finding>> {
        let file = self.environment_folder(name).join(INVENTORY_FILE);
        let bytes = match self.source.read(file.as_str(), MAX_INPUT_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let finding =
                    Finding::new(&INVENTORY_NOT_FOUND, Place::whole(&file), format!("the environment `{name}` has no `{INVENTORY_FILE}`"));
                return Err(vec![finding.help("write one; a folder that is no environment has a name that begins with `_`")]);
            }
            Err(error) => return Err(vec![of_file_error(&error)]),
        };
        let inventory = self.layers.load(name, &file, &bytes)?;
        let layers: Vec<(&String, Arc<[u8]>)> =
            inventory.layers.iter().filter_map(|layer| Some((layer, self.layers.bytes(layer)?))).collect();
        let parts = layers.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes]);
        let digest = Digest::of_parts([bytes.as_slice()].into_iter().chain(parts));
        Ok((inventory, digest))
    }
}

/// Whether a field of a rendered document is wrong only because of something in the inventory that was found already.
fn follows(finding: &Finding, found: &[Finding]) -> bool {
    let is_about_field = [&MANIFEST_UNKNOWN_FIELD, &MANIFEST_WRONG_TYPE].contains(&finding.rule);
    let Some(path) = finding.place.inventory_path().filter(|_| is_about_field) else { return false };
    let near = |other: &Path| {
        let (one, other) = (path.segments(), other.segments());
        one.starts_with(other) || other.starts_with(one)
    };
    found.iter().any(|other| other.level == Level::Error && other.place.inventory_path().is_some_and(near))
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
