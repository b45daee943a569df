//! One environment from its files to its plan: read, resolved, rendered, judged, compared.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use camino::Utf8Path;

use super::base::Present;
use super::likewise::told_once;
use super::sets::Sets;
use super::shared::Planned;
use super::written::Ours;
use super::{MAX_INPUT_BYTES, Repository, Request, Selection, of_file_error, written};
use crate::finding::{Finding, INVENTORY_NOT_FOUND, LEDGER_INVALID, Level, MANIFEST_UNKNOWN_FIELD, MANIFEST_WRONG_TYPE, Place};
use crate::inflate::{Inflations, install_only};
use crate::inventory::{EnvironmentName, INVENTORY_FILE, Inventory};
use crate::lint::{Scope, Verdict, lint};
use crate::model::{self, Extent, KnownSnapshot, Model};
use crate::plan::{LEDGER_FILE, LedgerError, Origin, Permissions, Plan, plan, read_ledger};
use crate::render::{Rendered, folders_of_charts, render};
use crate::report::Outcome;
use crate::tree::{Digest, Tree};
use crate::yaml::Path;

impl Repository {
    /// One environment from its files to its plan; None when its labels are not the selected ones.
    pub(super) fn outcome(&self, name: &EnvironmentName, selection: &Selection, request: &Request) -> Option<Planned> {
        let (inventory, inputs) = match self.inventory(name) {
            Ok(found) => found,
            Err(findings) => {
                // Nobody knows which layers it extends.
                *self.extended.lock().unwrap_or_else(PoisonError::into_inner) = None;
                *self.switched_on.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Some(Outcome::failed(name.as_str(), findings).into());
            }
        };
        if let Some(extended) = &mut *self.extended.lock().unwrap_or_else(PoisonError::into_inner)
            && inventory.layers.iter().any(|layer| !extended.contains(layer))
        {
            extended.extend(inventory.layers.iter().cloned());
        }
        let components = &inventory.fields.components;
        if !components.is_empty()
            && let Some(switched_on) = &mut *self.switched_on.lock().unwrap_or_else(PoisonError::into_inner)
            && components.keys().any(|name| !switched_on.contains(name))
        {
            switched_on.extend(components.keys().cloned());
        }
        if Sets::concerns(&inventory.fields) {
            let place = || inventory.located(Place::InventoryKey(Path::of(["argoCd", "applicationSet"])), &self.layers);
            self.sets.lock().unwrap_or_else(PoisonError::into_inner).see(name, &inventory.fields, place);
        }
        if !selection.takes_labels(&inventory.fields.labels) {
            return None;
        }
        let mut planned = self.resolved(name, &inventory, inputs, request);
        let findings = &mut planned.outcome.findings;
        if inventory.tenants.is_some() {
            *findings = told_once(std::mem::take(findings), |place| inventory.located(place, &self.layers));
        }
        for finding in findings {
            let place = std::mem::replace(&mut finding.place, Place::whole(""));
            finding.place = inventory.located(place, &self.layers);
        }
        Some(planned)
    }

    fn resolved(&self, name: &EnvironmentName, inventory: &Inventory, inputs: Digest, request: &Request) -> Planned {
        let mut findings = Vec::new();
        let mut contents = BTreeMap::new();
        let snapshots = self.snapshots(name, inventory, &mut contents, &mut findings);
        let (model, more) = model::build(name, inventory, &snapshots, Extent::Known);
        findings.extend(more);
        let (inflations, more) = if is_hindered(&findings) { Default::default() } else { self.inflations(&model) };
        findings.extend(more);
        let mut rendered = render(&model, &self.templates, &self.settings, &inflations);
        let verdict = self.judge(inventory, &model, (&snapshots, &inflations), &mut rendered, request);
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
            return Outcome::failed(name.as_str(), findings).into();
        }
        let file = |authority: &String| snapshots.get(authority).and_then(KnownSnapshot::file).map(ToString::to_string).unwrap_or_default();
        let digests = [inputs.to_string(), self.settings_digest.to_string()].into_iter();
        let digests: Vec<String> =
            digests.chain(contents.iter().map(|(authority, digest)| format!("{authority} {} {digest}", file(authority)))).collect();
        let charts = inflations.iter().map(|(chart, inflation)| format!("chart {chart} {}", inflation.inputs));
        let digests: Vec<String> = digests.into_iter().chain(charts).collect();
        let origin = Origin { inputs: Digest::of_parts(digests.iter().map(String::as_bytes)), templates: self.templates.digest() };
        match self.plan(name.as_str(), &rendered.tree, &origin, request.permissions) {
            Ok(plan) => Planned { outcome: Outcome::planned(name.as_str(), findings, plan), shared: rendered.shared },
            Err(finding) => {
                findings.push(finding);
                Outcome::failed(name.as_str(), findings).into()
            }
        }
    }

    /// What comes out of the charts that are inflated beforehand, and what is to be said of them.
    pub fn inflations(&self, model: &Model) -> (Inflations, Vec<Finding>) {
        let (mut inflations, mut findings) = (Inflations::new(), Vec::new());
        if model.inflations.is_empty() {
            return (inflations, findings);
        }
        let folders = folders_of_charts(model, &self.templates, &self.settings);
        for (chart, request) in &model.inflations {
            // Where no component takes it up, rendering says so.
            let Some(folder) = folders.get(chart) else { continue };
            let path = Utf8Path::new(&self.settings.out).join(model.environment.as_str()).join(folder);
            let inflated = match self.source.folder(path.as_str()) {
                Ok(committed) => self.inflater.inflate(request, &*self.source, (committed.as_deref(), &path)),
                Err(error) => Err(vec![of_file_error(&error)]),
            };
            match inflated {
                Ok(inflation) => {
                    findings.extend(install_only(request, &inflation));
                    inflations.insert(chart.clone(), inflation);
                }
                Err(more) => findings.extend(more),
            }
        }
        (inflations, findings)
    }

    /// What the rules say of the documents of an environment; in a check also of those that somebody wrote beside ours.
    fn judge(
        &self,
        inventory: &Inventory,
        model: &Model,
        (snapshots, inflations): (&BTreeMap<String, KnownSnapshot>, &Inflations),
        rendered: &mut Rendered,
        request: &Request,
    ) -> Verdict {
        // What waits for a snapshot is not rendered, and can be judged all the same.
        let is_waiting =
            inventory.fields.authorities.keys().any(|authority| !matches!(snapshots.get(authority), Some(KnownSnapshot::Here(..))));
        let everything = is_waiting.then(|| model::build(&model.environment, inventory, snapshots, Extent::Everything).0);
        let mut documents = match &everything {
            Some(everything) => render(everything, &self.templates, &self.settings, inflations).documents,
            None => std::mem::take(&mut rendered.documents),
        };
        let out = Utf8Path::new(&self.settings.out).join(model.environment.as_str());
        let mut findings = Vec::new();
        if request.as_of.is_some() {
            let ours = Ours { out: &out, tree: &rendered.tree, shared: &rendered.shared };
            let written = written::read(&*self.source, &ours);
            documents.extend(written.documents);
            findings = written.findings;
        }
        let model = everything.as_ref().unwrap_or(model);
        let definitions = &self.definitions;
        let vendored = self.vendored(model);
        let vendored = vendored.as_ref();
        let mut verdict = lint(&Scope { model, snapshots, documents: &documents, definitions, vendored, as_of: request.as_of });
        // What is wrong with a document as it is rendered is said of its template, behind the name of its file; an overlay
        // that takes it up changes nothing about it.
        let is_told = |finding: &Finding| {
            rendered.findings.iter().any(|flaw| flaw.rule == finding.rule && flaw.message.ends_with(&format!(": {}", finding.message)))
        };
        findings.extend(verdict.theirs.drain(..).filter(|finding| !is_told(finding)));
        Verdict { theirs: findings, ..verdict }
    }

    /// The plan of an environment that is gone: nothing is rendered for it.
    pub(super) fn vanished(&self, name: &EnvironmentName, permissions: Permissions) -> Outcome {
        let nothing = Digest::of(b"");
        match self.plan(name.as_str(), &Tree::default(), &Origin { inputs: nothing, templates: nothing }, permissions) {
            Ok(plan) => Outcome::planned(name.as_str(), Vec::new(), plan),
            Err(finding) => Outcome::failed(name.as_str(), vec![finding]),
        }
    }

    pub(super) fn plan(&self, name: &str, tree: &Tree, origin: &Origin, permissions: Permissions) -> Result<Plan, Finding> {
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
    pub(super) fn inventory(&self, name: &EnvironmentName) -> Result<(Inventory, Digest), Vec<Finding>> {
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

/// Whether something was found that keeps an environment from being written, whatever its charts give.
fn is_hindered(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
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
