//! The state that a change is measured against: an earlier commit of the same repository. Two questions are asked of it:
//! which roots the change takes away, and which rules it gives another level. Where the base cannot tell, as for an
//! environment that is new or whose folder was renamed, nothing is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;
use rayon::prelude::*;

use super::{MAX_INPUT_BYTES, Repository, discovery};
use crate::change::OverrideChange;
use crate::finding::{Finding, Level, Place, Rule};
use crate::inventory::{EnvironmentName, INVENTORY_FILE, Inventory, Layers, RuleOverride, SETTINGS_FILE, Settings, SnapshotReference};
use crate::lint::dropped_roots;
use crate::model::KnownSnapshot;
use crate::outside::files::Folder;
use crate::snapshot::{self, Snapshot};
use crate::tree::Digest;
use crate::yaml::Path;

/// An earlier state of a repository.
pub struct Base {
    source: Box<dyn Folder>,
    settings: Settings,
    layers: Layers,
    /// Snapshots that several environments named; None for one that was not there or not usable.
    shared: Mutex<HashMap<Utf8PathBuf, Option<Stored>>>,
}

/// A snapshot and the digest of its file.
type Stored = (Arc<Snapshot>, Digest);

impl Base {
    /// Opens it. None where its own settings were broken, or its folders cannot be read: then it can tell nothing.
    pub fn open(source: Box<dyn Folder>) -> Option<Base> {
        let bytes = source.read(SETTINGS_FILE, MAX_INPUT_BYTES).ok()?.unwrap_or_default();
        let settings = Settings::parse(&bytes).ok()?;
        let layers = discovery::layers(&*source, &settings).ok()?;
        Some(Base { source, settings, layers, shared: Mutex::default() })
    }

    fn folder(&self, environment: &EnvironmentName) -> Utf8PathBuf {
        Utf8Path::new(&self.settings.environments).join(environment.as_str())
    }

    fn inventory_bytes(&self, environment: &EnvironmentName) -> Option<Vec<u8>> {
        self.source.read(self.folder(environment).join(INVENTORY_FILE).as_str(), MAX_INPUT_BYTES).ok()?
    }

    fn inventory(&self, environment: &EnvironmentName) -> Option<Inventory> {
        let bytes = self.inventory_bytes(environment)?;
        self.layers.load(environment, &self.folder(environment).join(INVENTORY_FILE), &bytes).ok()
    }

    /// Where the snapshots of an environment lay, by authority.
    fn references(&self, environment: &EnvironmentName) -> Option<BTreeMap<String, SnapshotReference>> {
        self.inventory(environment)?.snapshots(&self.folder(environment)).ok()
    }

    /// Whether an environment's own file and the layers it uses now were the same.
    fn has_same_inputs(&self, environment: &EnvironmentName, layers: &[String], inputs: Digest) -> bool {
        let Some(own) = self.inventory_bytes(environment) else { return false };
        let layers: Vec<(&String, Arc<[u8]>)> = layers.iter().filter_map(|layer| Some((layer, self.layers.bytes(layer)?))).collect();
        let parts = layers.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes]);
        Digest::of_parts([own.as_slice()].into_iter().chain(parts)) == inputs
    }

    /// A snapshot, unless its file had the same bytes.
    fn snapshot_unless(&self, same: Digest, file: &Utf8Path, own_folder: &Utf8Path) -> Option<Arc<Snapshot>> {
        if file.starts_with(own_folder) {
            let bytes = self.source.read(file.as_str(), MAX_INPUT_BYTES).ok()??;
            return if Digest::of(&bytes) == same { None } else { snapshot::load(&bytes, file).ok().map(Arc::new) };
        }
        let (snapshot, digest) = self.shared_snapshot(file)?;
        (digest != same).then_some(snapshot)
    }

    fn shared_snapshot(&self, file: &Utf8Path) -> Option<Stored> {
        if let Some(known) = self.shared.lock().unwrap_or_else(PoisonError::into_inner).get(file) {
            return known.clone();
        }
        let bytes = self.source.read(file.as_str(), MAX_INPUT_BYTES).ok().flatten();
        let stored = bytes.and_then(|bytes| Some((Arc::new(snapshot::load(&bytes, file).ok()?), Digest::of(&bytes))));
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), stored.clone());
        stored
    }
}

/// What is known of one environment now.
pub(super) struct Present<'a> {
    pub(super) environment: &'a EnvironmentName,
    pub(super) inventory: &'a Inventory,
    /// Digest of the inventory and its layers.
    pub(super) inputs: Digest,
    pub(super) snapshots: &'a BTreeMap<String, KnownSnapshot>,
    /// Digests of the snapshots' files, by authority.
    pub(super) contents: &'a BTreeMap<String, Digest>,
}

impl Base {
    /// Roots of an environment that a change takes away too early.
    pub(super) fn dropped_roots(&self, present: &Present<'_>, as_of: Date) -> Vec<Finding> {
        let environment = present.environment;
        // Most of the time nothing has changed, and two files of the base are read to know it.
        let is_same = self.has_same_inputs(environment, &present.inventory.layers, present.inputs);
        let before = if is_same { None } else { self.references(environment) };
        let mut findings = Vec::new();
        for (authority, known) in present.snapshots {
            let (KnownSnapshot::Here(now, places), Some(digest)) = (known, present.contents.get(authority)) else { continue };
            let file = match &before {
                None if is_same => Some(places.file().as_path()),
                None => None,
                Some(before) => reference(before, authority, present.snapshots.len()).map(SnapshotReference::file),
            };
            let earlier = file.and_then(|file| self.snapshot_unless(*digest, file, &self.folder(environment)));
            findings.extend(earlier.into_iter().flat_map(|earlier| dropped_roots(&earlier, now, places, as_of)));
        }
        findings
    }
}

/// The snapshot that an authority had: by its name; where there is and was only one, that one, as it may have another name.
fn reference<'a>(before: &'a BTreeMap<String, SnapshotReference>, authority: &str, authorities: usize) -> Option<&'a SnapshotReference> {
    let only = || before.values().next().filter(|_| before.len() == 1 && authorities == 1);
    before.get(authority).or_else(only)
}

impl Repository {
    /// The same with the state that changes are measured against, where there is one.
    #[must_use]
    pub fn with_base(self, base: Option<Base>) -> Repository {
        Repository { base, ..self }
    }

    /// The state that changes are measured against.
    pub fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    /// Rules that have another level than in the base, by code and place; each with the environments that it concerns. An
    /// environment that is new has the levels that its own file or a changed layer sets.
    pub fn override_changes(&self, base: &Base) -> Vec<OverrideChange> {
        let mut changes = changes_of(&self.settings.rules, &base.settings.rules, |code, word| match word {
            Some(word) => (self.settings.rule_place(code), word.given_reason().map(str::to_owned)),
            None => (base.settings.rule_place(code), None),
        });
        let are_layers_same = self.layers.has_same_files(&base.layers);
        let of_environments: Vec<(String, Vec<OverrideChange>)> = self
            .environments
            .par_iter()
            .map(|name| (name.to_string(), self.changes_in(name, base, are_layers_same)))
            .filter(|(_, changes)| !changes.is_empty())
            .collect();
        for (environment, own) in of_environments {
            for change in own {
                let same = |other: &&mut OverrideChange| OverrideChange { environments: Vec::new(), ..(**other).clone() } == change;
                match changes.iter_mut().filter(|other| !other.environments.is_empty()).find(same) {
                    Some(other) => other.environments.push(environment.clone()),
                    None => changes.push(OverrideChange { environments: vec![environment.clone()], ..change }),
                }
            }
        }
        // Those that hold for all come first.
        changes.sort_by_key(|change| (!change.environments.is_empty(), change.rule.code));
        changes
    }

    /// What has changed for one environment, as its own file and layers set it.
    fn changes_in(&self, name: &EnvironmentName, base: &Base, are_layers_same: bool) -> Vec<OverrideChange> {
        let file = self.environment_folder(name).join(INVENTORY_FILE);
        let Ok(Some(bytes)) = self.source.read(file.as_str(), MAX_INPUT_BYTES) else { return Vec::new() };
        let before_bytes = base.inventory_bytes(name);
        if are_layers_same && before_bytes.as_ref() == Some(&bytes) {
            return Vec::new();
        }
        let Ok(now) = self.layers.load(name, &file, &bytes) else { return Vec::new() };
        let path = |code: &str| Place::InventoryKey(Path::of(["rules", code]));
        let place_now = |code: &str| now.located(path(code), &self.layers);
        let Some(before) = before_bytes else {
            let is_new = |code: &str| match place_now(code) {
                Place::File { file, .. } => file == now.file || !self.layers.has_same_file(&base.layers, &file),
                Place::Inventory(_) | Place::InventoryKey(_) => true,
            };
            let set = now.fields.rules.iter().filter(|(code, _)| is_new(code)).map(|(code, word)| (code.clone(), word.clone()));
            let told = |code: &str, _: Option<&RuleOverride>| (place_now(code), now.override_reason(code).map(str::to_owned));
            return changes_of(&with_settings(&set.collect(), &self.settings), &base.settings.rules, told)
                .into_iter()
                .filter(|change| now.fields.rules.contains_key(change.rule.code))
                .collect();
        };
        let Ok(before) = base.layers.load(name, &base.folder(name).join(INVENTORY_FILE), &before) else { return Vec::new() };
        let codes: BTreeSet<&String> = now.fields.rules.keys().chain(before.fields.rules.keys()).collect();
        let told = |code: &str, _: Option<&RuleOverride>| match now.fields.rules.contains_key(code) {
            true => (place_now(code), now.override_reason(code).map(str::to_owned)),
            false => (before.located(path(code), &base.layers), None),
        };
        changes_of(&with_settings(&now.fields.rules, &self.settings), &with_settings(&before.fields.rules, &base.settings), told)
            .into_iter()
            // What only the settings change was told for all.
            .filter(|change| codes.iter().any(|code| *code == change.rule.code))
            .collect()
    }
}

type Overrides = BTreeMap<String, RuleOverride>;

/// What holds for an environment: its own word before that of the settings.
fn with_settings(own: &Overrides, settings: &Settings) -> Overrides {
    let mut all = settings.rules.clone();
    all.extend(own.iter().map(|(code, word)| (code.clone(), word.clone())));
    all
}

/// Rules whose level differs, without environments; `told` gets the code and the word that holds now, and says where the
/// level is or was set, and why.
fn changes_of(
    now: &Overrides,
    before: &Overrides,
    told: impl Fn(&str, Option<&RuleOverride>) -> (Place, Option<String>),
) -> Vec<OverrideChange> {
    let codes: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let change = |code: &String| {
        let rule = Rule::by_code(code)?;
        let level = |word: Option<&RuleOverride>| word.map_or(Some(rule.level), |word| word.level.level());
        let word = now.get(code);
        let (before, after): (Option<Level>, Option<Level>) = (level(before.get(code)), level(word));
        if before == after {
            return None;
        }
        let (place, reason) = told(code, word);
        Some(OverrideChange { rule, before, after, reason, place, environments: Vec::new() })
    };
    codes.into_iter().filter_map(change).collect()
}
