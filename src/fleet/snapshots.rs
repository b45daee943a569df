//! CA snapshots of a repository: where they lie, who shares one, reading each once.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::{MAX_INPUT_BYTES, ReadSnapshot, Repository, SharedSnapshot, of_file_error};
use crate::finding::{Finding, Place, SNAPSHOT_NOT_FOUND, listed};
use crate::inventory::{EnvironmentName, INVENTORY_FILE, Inventory, SnapshotReference};
use crate::model::KnownSnapshot;
use crate::snapshot::{self, Snapshot};
use crate::tree::{Digest, portable_name_problem};
use crate::yaml::Path;

impl Repository {
    /// The file of an environment's snapshot, as its inventory names it; without an inventory, the default one.
    ///
    /// # Errors
    /// An authority that the inventory does not have, or none where it has several. Inside: what is wrong with the
    /// inventory.
    pub fn snapshot_file(&self, name: &EnvironmentName, authority: Option<&str>) -> Result<Result<Utf8PathBuf, Vec<Finding>>> {
        let folder = self.environment_folder(name);
        if let Some((authority, problem)) = authority.and_then(|authority| Some((authority, portable_name_problem(authority)?))) {
            bail!("`{authority}` cannot be an authority, because its snapshot's file bears its name: {problem}");
        }
        if matches!(self.source.read(folder.join(INVENTORY_FILE).as_str(), MAX_INPUT_BYTES), Ok(None)) {
            let file = authority.map_or_else(|| "ca-snapshot.yaml".to_owned(), |authority| format!("ca-snapshot.{authority}.yaml"));
            return Ok(Ok(folder.join(file)));
        }
        let placed = |inventory: &Inventory, findings: Vec<Finding>| {
            let place = |finding: Finding| Finding { place: inventory.located(finding.place, &self.layers), ..finding };
            findings.into_iter().map(place).collect::<Vec<_>>()
        };
        let references =
            self.inventory(name).and_then(|(inventory, _)| inventory.snapshots(&folder).map_err(|findings| placed(&inventory, findings)));
        let references = match references {
            Ok(references) => references,
            Err(findings) => return Ok(Err(findings)),
        };
        let known = listed(references.keys().map(String::as_str));
        let reference = match authority {
            Some(authority) => references.get(authority),
            None if references.len() > 1 => bail!("`{name}` has several authorities; name one of {known} with `--authority`"),
            None => references.values().next(),
        };
        match (reference, authority) {
            (Some(reference), _) => Ok(Ok(reference.file().to_owned())),
            (None, Some(authority)) if !references.is_empty() => bail!("`{name}` has no authority `{authority}`; it has {known}"),
            _ => bail!("the inventory of `{name}` has no `authorities`; write one, with the namespace and release of its CA"),
        }
    }

    /// The environments that use a snapshot, sorted; those whose inventory cannot be read are passed over.
    pub fn environments_with_snapshot(&self, file: &Utf8Path) -> Vec<String> {
        let uses = |name: &&EnvironmentName| {
            let references = self.inventory(name).and_then(|(inventory, _)| inventory.snapshots(&self.environment_folder(name)));
            references.is_ok_and(|references| references.values().any(|reference| reference.file() == file))
        };
        self.environments.iter().filter(uses).map(ToString::to_string).collect()
    }

    /// Reads a snapshot; None when it is not there.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn snapshot(&self, file: &Utf8Path) -> Result<Option<Arc<Snapshot>>, Vec<Finding>> {
        Ok(self.read_snapshot(file)?.map(|read| read.snapshot))
    }

    /// The snapshots of an environment's authorities, and the digests of their files; what is missing or broken is reported.
    pub(super) fn snapshots(
        &self,
        name: &EnvironmentName,
        inventory: &Inventory,
        contents: &mut BTreeMap<String, Digest>,
        findings: &mut Vec<Finding>,
    ) -> BTreeMap<String, KnownSnapshot> {
        let mut snapshots = BTreeMap::new();
        let references = match inventory.snapshots(&self.environment_folder(name)) {
            Ok(references) => references,
            Err(more) => {
                findings.extend(more);
                return snapshots;
            }
        };
        for (authority, reference) in references {
            let file = reference.file();
            let found = match reference {
                SnapshotReference::Shared(_) => self.shared_snapshot(file),
                SnapshotReference::Own(_) | SnapshotReference::Pending(_) => self.read_snapshot(file),
            };
            match found {
                Ok(Some(ReadSnapshot { snapshot, places, digest })) => {
                    contents.insert(authority.clone(), digest);
                    snapshots.insert(authority, KnownSnapshot::Here(snapshot, places));
                }
                Ok(None) if matches!(reference, SnapshotReference::Pending(_)) => {
                    snapshots.insert(authority, KnownSnapshot::Pending);
                }
                Ok(None) => {
                    let flag = if inventory.fields.authorities.len() > 1 { format!(" --authority {authority}") } else { String::new() };
                    let message = format!("there is no CA snapshot `{file}` for authority `{authority}` of `{name}`");
                    let help = format!(
                        "make it with `trustree snapshot import - --env {name}{flag}`; where the CA has not run yet, write `snapshot: pending`"
                    );
                    findings.push(
                        Finding::new(&SNAPSHOT_NOT_FOUND, Place::Inventory(Path::of(["authorities", &authority])), message).help(help),
                    );
                }
                Err(more) => findings.extend(more),
            }
        }
        snapshots
    }

    fn read_snapshot(&self, file: &Utf8Path) -> SharedSnapshot {
        match self.source.read(file.as_str(), MAX_INPUT_BYTES) {
            Ok(Some(bytes)) => {
                let (snapshot, places) = snapshot::load_with_places(&bytes, file)?;
                Ok(Some(ReadSnapshot { snapshot: Arc::new(snapshot), places, digest: Digest::of(&bytes) }))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(vec![of_file_error(&error)]),
        }
    }

    fn shared_snapshot(&self, file: &Utf8Path) -> SharedSnapshot {
        if let Some(known) = self.shared.lock().unwrap_or_else(PoisonError::into_inner).get(file) {
            return known.clone();
        }
        let read = self.read_snapshot(file);
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), read.clone());
        read
    }
}
