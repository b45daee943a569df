//! The first pass: only names. Environments and layers, what the output folder holds, the user's templates.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::shared::Unnamed;
use super::{MAX_INPUT_BYTES, Repository, of_file_error};
use crate::finding::{ENVIRONMENT_NAME_INVALID, Finding, INVENTORY_NOT_FOUND, PATH_ESCAPES, Place, UNREADABLE_FILE};
use crate::inventory::{EnvironmentName, Layers, SETTINGS_FILE, Settings};
use crate::manifest::crd::CrdCatalog;
use crate::outside::files::{EntryKind, FileError, Folder};
use crate::plan::LEDGER_FILE;
use crate::render::{TemplateFile, Templates};
use crate::tree::Digest;

/// Folder of the layers, below the environments' folder.
const LAYERS_FOLDER: &str = "_layers";

/// Settings with their digest, and the templates.
pub(super) fn settings_and_templates(source: &dyn Folder) -> Result<(Settings, Digest, Templates), Vec<Finding>> {
    let bytes = source.read(SETTINGS_FILE, MAX_INPUT_BYTES).map_err(|error| vec![of_file_error(&error)])?.unwrap_or_default();
    let settings = Settings::parse(&bytes)?;
    let templates = Templates::new(&template_files(source, &settings)?)?;
    Ok((settings, Digest::of(&bytes), templates))
}

impl Repository {
    /// Finds environments, layers, and what vanished environments left behind.
    pub(super) fn list(&mut self) -> Result<(), FileError> {
        self.read_definitions()?;
        let before = self.findings.len();
        let is_there = self.list_environments()?;
        if is_there && self.environments.is_empty() {
            let folder = Utf8PathBuf::from(&self.settings.environments);
            let finding = Finding::new(&INVENTORY_NOT_FOUND, Place::whole(&folder), format!("there is no environment below `{folder}`"));
            self.findings.push(finding.help(format!(
                "write `{folder}/<name>/inventory.yaml`, or begin with `trustree init`; what was rendered before stays as it is"
            )));
        }
        // Where an environment cannot be seen, none of them is gone.
        if is_there && self.findings.len() == before {
            self.list_vanished()?;
        }
        Ok(())
    }

    /// Reads the CustomResourceDefinitions, where the settings name a folder of them.
    fn read_definitions(&mut self) -> Result<(), FileError> {
        let Some(path) = &self.settings.crds else { return Ok(()) };
        let Some(folder) = self.source.folder(path)? else {
            let message = format!("there is no folder `{path}`, which `crds` names");
            self.findings
                .push(Finding::new(&UNREADABLE_FILE, Place::whole(SETTINGS_FILE), message).help("correct the path, or take it out"));
            return Ok(());
        };
        let mut files = Vec::new();
        for entry in folder.list()?.into_iter().filter(|entry| entry.kind == EntryKind::File) {
            if let Some(bytes) = folder.read(&entry.name, MAX_INPUT_BYTES)? {
                files.push((Utf8Path::new(path).join(&entry.name), bytes));
            }
        }
        let (definitions, findings) = CrdCatalog::new(files);
        self.definitions = definitions;
        self.findings.extend(findings);
        Ok(())
    }

    /// Finds environments and layers, and says whether there is a folder for them. Where there is none that is a finding:
    /// nothing can be done but to begin one.
    fn list_environments(&mut self) -> Result<bool, FileError> {
        let folder_path = Utf8PathBuf::from(&self.settings.environments);
        let Some(folder) = self.source.folder(folder_path.as_str())? else {
            let finding = Finding::new(&UNREADABLE_FILE, Place::whole(&folder_path), format!("there is no folder `{folder_path}` here"));
            self.findings.push(finding.help("run this in a repository of trustree, or begin one with `trustree init`"));
            return Ok(false);
        };
        for entry in folder.list()? {
            let path = folder_path.join(&entry.name);
            if entry.name == LAYERS_FOLDER {
                self.layers = Layers::new(layer_files(&*folder, &path, &mut self.findings)?);
                continue;
            }
            if entry.kind == EntryKind::File || entry.name.starts_with(['_', '.']) {
                continue;
            }
            if entry.kind == EntryKind::Link {
                let finding =
                    Finding::new(&PATH_ESCAPES, Place::whole(&path), format!("`{path}` is a symbolic link, and links are not followed"));
                self.findings.push(finding.help("put the environment's folder itself here"));
                continue;
            }
            match EnvironmentName::new(&entry.name) {
                Ok(name) => self.environments.push(name),
                Err(problem) => {
                    let finding = Finding::new(
                        &ENVIRONMENT_NAME_INVALID,
                        Place::whole(&path),
                        format!("`{}` cannot be an environment: {problem}", entry.name),
                    );
                    self.findings.push(finding.help("rename the folder"));
                }
            }
        }
        self.environments.sort();
        self.refuse_case_twins(&folder_path);
        Ok(true)
    }

    /// Two environments whose names differ only in case would share a folder on some systems: both are refused.
    fn refuse_case_twins(&mut self, folder: &Utf8Path) {
        let mut by_lower: BTreeMap<String, Vec<EnvironmentName>> = BTreeMap::new();
        for name in &self.environments {
            by_lower.entry(name.as_str().to_lowercase()).or_default().push(name.clone());
        }
        for twins in by_lower.into_values().filter(|twins| twins.len() > 1) {
            let names = crate::finding::listed(twins.iter().map(EnvironmentName::as_str));
            let message = format!("the environments {names} differ only in case, and are one folder on macOS and Windows");
            self.findings.push(
                Finding::new(&ENVIRONMENT_NAME_INVALID, Place::whole(folder.join(twins[0].as_str())), message).help("rename one of them"),
            );
            self.environments.retain(|name| !twins.contains(name));
        }
    }

    /// Finds what vanished environments left behind.
    fn list_vanished(&mut self) -> Result<(), FileError> {
        let Some(out) = self.source.folder(&self.settings.out)? else { return Ok(()) };
        let entries = out.list()?;
        self.unnamed = Unnamed::of(&*out)?;
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Folder) {
            let Ok(name) = EnvironmentName::new(&entry.name) else { continue };
            if self.environments.binary_search(&name).is_ok() {
                continue;
            }
            // Renamed in case only: where the system does not tell the names apart, this is the folder of an environment.
            let twin = self.environments.iter().find(|known| known.as_str().eq_ignore_ascii_case(name.as_str()));
            if let Some(twin) = twin
                && !entries.iter().any(|entry| entry.name == twin.as_str())
                && out.folder(twin.as_str())?.is_some()
            {
                continue;
            }
            let Some(folder) = out.folder(name.as_str())? else { continue };
            if folder.list()?.iter().any(|entry| entry.name == LEDGER_FILE) {
                self.vanished.push(name);
            }
        }
        self.vanished.sort();
        Ok(())
    }
}

/// The layers of another state of the repository; those that cannot be read are left out.
pub(super) fn layers(source: &dyn Folder, settings: &Settings) -> Result<Layers, FileError> {
    let path = Utf8Path::new(&settings.environments);
    let Some(folder) = source.folder(path.as_str())? else { return Ok(Layers::default()) };
    Ok(Layers::new(layer_files(&*folder, &path.join(LAYERS_FOLDER), &mut Vec::new())?))
}

/// The files of the layers' folder: name, path, content.
fn layer_files(
    environments: &dyn Folder,
    path: &Utf8Path,
    findings: &mut Vec<Finding>,
) -> Result<Vec<(String, Utf8PathBuf, Vec<u8>)>, FileError> {
    let Some(folder) = environments.folder(LAYERS_FOLDER)? else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in folder.list()? {
        let Some(name) = entry.name.strip_suffix(".yaml").filter(|_| entry.kind != EntryKind::Folder) else { continue };
        match folder.read(&entry.name, MAX_INPUT_BYTES) {
            Ok(Some(bytes)) => files.push((name.to_owned(), path.join(&entry.name), bytes)),
            Ok(None) => {}
            Err(error) => findings.push(of_file_error(&error)),
        }
    }
    Ok(files)
}

/// The user's templates: every file in a folder below `templates/`.
fn template_files(source: &dyn Folder, settings: &Settings) -> Result<Vec<TemplateFile>, Vec<Finding>> {
    let whole = |error: FileError| vec![of_file_error(&error)];
    let Some(templates) = source.folder(&settings.templates).map_err(whole)? else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for component in
        templates.list().map_err(whole)?.into_iter().filter(|entry| entry.kind != EntryKind::File && !entry.name.starts_with('.'))
    {
        let Some(folder) = templates.folder(&component.name).map_err(whole)? else { continue };
        for entry in folder.list().map_err(whole)? {
            let is_template = entry.name.ends_with(".j2") || entry.name.ends_with(".yaml");
            if !is_template || entry.kind == EntryKind::Folder {
                continue;
            }
            let path = Utf8Path::new(&settings.templates).join(&component.name).join(&entry.name);
            if let Some(bytes) = folder.read(&entry.name, MAX_INPUT_BYTES).map_err(whole)? {
                files.push(TemplateFile { component: component.name.clone(), name: entry.name, path, bytes });
            }
        }
    }
    Ok(files)
}
