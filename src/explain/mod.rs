//! Why something is as it is: a rule, a rendered file, or one field of a rendered document back to the lines that decide
//! it. A field's sources are found by trying: a value of the inventory or a snapshot is changed, the document rendered
//! again, and whoever moves the field decides it. So it holds for every template, also for the user's own.

mod candidate;
mod probe;
mod rule;
mod target;
mod text;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::finding::{Finding, Level, Place, SNAPSHOT_PENDING};
use crate::fleet::{Repository, Resolved};
use crate::inflate::Inflations;
use crate::inventory::{EnvironmentName, Inventory};
use crate::manifest::{Content, Document, Origin};
use crate::model::{self, Extent, KnownSnapshot, Model};
use crate::render::{Rendered, SHARED_FOLDER, render};
use crate::yaml::Path;
use candidate::Candidate;
use probe::Probe;

pub use rule::{RuleExplanation, explain_rule};
pub use target::Target;

/// A rendered file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileExplanation {
    /// The file, below the repository.
    pub file: Utf8PathBuf,
    /// The environment that it belongs to.
    pub environment: String,
    /// The inventory, its layers from the lowest on, and its snapshots.
    pub inputs: Vec<Utf8PathBuf>,
    /// What it holds.
    pub documents: Vec<DocumentExplanation>,
    /// Why something of the environment is not rendered, which may be something of this file.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// One document of a rendered file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentExplanation {
    /// Kind, name and namespace; what the file is, where it is no object.
    pub document: String,
    /// The template that renders it.
    pub template: Utf8PathBuf,
    /// The entry of the inventory that it is rendered for, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Where that entry begins, as `file:line:column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// One field of a rendered document.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldExplanation {
    /// The file, below the repository.
    pub file: Utf8PathBuf,
    /// The document in it.
    pub document: DocumentExplanation,
    /// The field's path in the document.
    pub field: String,
    /// Its value.
    pub value: serde_json::Value,
    /// Everything that decides it, the nearest first; nothing where the template says it alone.
    pub sources: Vec<Source>,
}

/// Something that decides a field.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The path in the inventory, or in the snapshot.
    pub path: String,
    /// What is there now; None where nothing is, and a default holds, and for an entry or a map of entries: that it is there
    /// decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Where it was set, as `file:line:column`; for a default, where it could be.
    pub place: String,
    /// What lower layers say, and what this overrides: the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Overridden>,
    /// What the inventory's schema says of the field, for a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Other environments for which the same line decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_by: Vec<String>,
}

/// A value that a higher layer replaced.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overridden {
    /// The value; null where it was taken out.
    pub value: serde_json::Value,
    /// Where it stands, as `file:line:column`.
    pub place: String,
}

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// What is missing, and what there is.
    #[error("{0}")]
    NotThere(String),
    /// What was asked for is not rendered: a sentence, and what may be the reason. Never without findings.
    #[error("{0}")]
    NotRendered(String, Vec<Finding>),
    /// The environment cannot be read.
    #[error("the environment cannot be read")]
    Findings(Vec<Finding>),
}

/// One environment, rendered for an explanation.
struct Stage<'a> {
    repository: &'a Repository,
    environment: EnvironmentName,
    resolved: Resolved,
    model: Model,
    inflations: Inflations,
    rendered: Rendered,
    /// Why something is not rendered.
    findings: Vec<Finding>,
}

/// What a rendered file is made of.
///
/// # Errors
/// A file that is not rendered, or an environment that cannot be read.
pub fn explain_file(repository: &Repository, target: &Target) -> Result<FileExplanation, ExplainError> {
    let stage = Stage::open(repository, target)?;
    let documents = stage.documents(target)?.into_iter().map(|document| stage.document(document)).collect();
    let layers = stage.resolved.inventory.layers.iter().filter_map(|layer| repository.layer_file(layer)).map(Utf8PathBuf::from);
    let snapshots = stage.resolved.snapshots.values().filter_map(|snapshot| snapshot.file().cloned());
    let inputs = std::iter::once(stage.resolved.inventory.file.clone()).chain(layers).chain(snapshots).collect();
    let environment = stage.environment.to_string();
    Ok(FileExplanation { file: target.file.clone(), environment, inputs, documents, findings: stage.findings })
}

/// What decides a field of a rendered document.
///
/// # Errors
/// A file, document or field that is not rendered, or an environment that cannot be read.
pub fn explain_field(repository: &Repository, target: &Target) -> Result<FieldExplanation, ExplainError> {
    let stage = Stage::open(repository, target)?;
    let documents = stage.documents(target)?;
    let (document, field) = target.find(&documents).map_err(|error| stage.with_reasons(error))?;
    let value = document.node.value_at(&field).ok_or_else(|| target.no_such_field(document, &field))?.to_json();
    let sources = stage.sources(document, &field);
    Ok(FieldExplanation { file: target.file.clone(), document: stage.document(document), field: field.to_string(), value, sources })
}

impl<'a> Stage<'a> {
    fn open(repository: &'a Repository, target: &Target) -> Result<Stage<'a>, ExplainError> {
        let out = &repository.settings().out;
        let environment = target.file.strip_prefix(out).ok().and_then(|below| below.components().next()).map(|first| first.to_string());
        if environment.as_deref() == Some(SHARED_FOLDER) {
            return Stage::of_shared(repository, target);
        }
        let known = |name: &String| repository.environments().iter().find(|known| known.as_str() == name).cloned();
        let Some(environment) = environment.as_ref().and_then(known) else {
            let message = format!("`{}` is no rendered file: those lie in `{out}/<environment>/`", target.file);
            return Err(ExplainError::NotThere(message));
        };
        Stage::of(repository, environment)
    }

    /// What environments share is explained by the first of them that names it.
    fn of_shared(repository: &'a Repository, target: &Target) -> Result<Stage<'a>, ExplainError> {
        let mut stages = repository.environments().iter().filter_map(|environment| Stage::of(repository, environment.clone()).ok());
        let names = |stage: &Stage<'_>| stage.rendered.documents.iter().any(|document| document.file == target.file);
        let not_there = || ExplainError::NotThere(format!("`{}` is not rendered: no environment names it", target.file));
        stages.find(names).ok_or_else(not_there)
    }

    fn of(repository: &'a Repository, environment: EnvironmentName) -> Result<Stage<'a>, ExplainError> {
        let resolved = repository.resolve(&environment).map_err(ExplainError::Findings)?;
        let (model, of_model) = model::build(&environment, &resolved.inventory, &resolved.snapshots, Extent::Known);
        let (inflations, of_charts) = repository.inflations(&model);
        let mut rendered = render(&model, repository.templates(), repository.settings(), &inflations);
        // No file of the tree.
        rendered.documents.retain(|document| document.content != Content::ChartRequest);
        let all = resolved.findings.iter().chain(&of_model).chain(&of_charts).chain(&rendered.findings);
        let is_reason = |finding: &&Finding| finding.level == Level::Error || finding.rule == &SNAPSHOT_PENDING;
        let placed =
            |finding: &Finding| Finding { place: repository.located(&resolved.inventory, finding.place.clone()), ..finding.clone() };
        let findings = all.filter(is_reason).map(placed).collect();
        Ok(Stage { repository, environment, resolved, model, inflations, rendered, findings })
    }

    /// That something is not there, with what may have kept it from being rendered.
    fn with_reasons(&self, error: ExplainError) -> ExplainError {
        match error {
            ExplainError::NotThere(message) if !self.findings.is_empty() => ExplainError::NotRendered(message, self.findings.clone()),
            error => error,
        }
    }

    /// The documents of the file.
    fn documents(&self, target: &Target) -> Result<Vec<&Document>, ExplainError> {
        let documents: Vec<&Document> = self.rendered.documents.iter().filter(|document| document.file == target.file).collect();
        if documents.is_empty() {
            let mut files: Vec<String> = self.rendered.documents.iter().map(|document| format!("`{}`", document.file)).collect();
            files.dedup();
            let message = format!("`{}` is not rendered; the files of `{}` are {}", target.file, self.environment, files.join(", "));
            return Err(self.with_reasons(ExplainError::NotThere(message)));
        }
        Ok(documents)
    }

    fn document(&self, document: &Document) -> DocumentExplanation {
        let Origin::Rendered { entry, template } = &document.origin else {
            // Only what was rendered is looked at here.
            return DocumentExplanation { document: document.file.to_string(), template: Utf8PathBuf::new(), entry: None, place: None };
        };
        DocumentExplanation {
            document: target::name_of(document),
            template: template.clone(),
            entry: entry.as_ref().map(Path::to_string),
            place: entry.as_ref().map(|entry| self.shown(Place::InventoryKey(entry.clone()))),
        }
    }

    /// The chart that a document came out of. No template of ours says what is in it, so nothing can be tried.
    fn chart_of(&self, document: &Document) -> Option<Path> {
        let Origin::Rendered { entry: Some(entry), .. } = &document.origin else { return None };
        self.model.is_chart(entry).then(|| entry.clone())
    }

    /// Everything that moves the field, the document's own entry first.
    fn sources(&self, document: &Document, field: &Path) -> Vec<Source> {
        if let Some(chart) = self.chart_of(document) {
            return vec![self.whole(&chart)];
        }
        let probe = Probe::new(self.repository, &self.environment, &self.resolved, &self.inflations, (document, field));
        let written = Candidate::written(probe.tree(), probe.entry(), &self.resolved.snapshots);
        let mut moving: Vec<Candidate> = written.into_iter().filter(|candidate| probe.moves(candidate)).collect();
        let of_snapshots = Candidate::of_snapshots(&self.resolved.snapshots);
        moving.extend(of_snapshots.into_iter().filter(|candidate| probe.moves(candidate)));
        for whole in Candidate::wholes(probe.tree()) {
            // Where something inside decides, that is the answer.
            let is_told =
                |path: &Path| moving.iter().filter_map(Candidate::path).any(|inner| inner.segments().starts_with(path.segments()));
            if !whole.path().is_some_and(is_told) && probe.moves(&whole) {
                moving.push(whole);
            }
        }
        // Where something is set that decides it, what else could be set is no news.
        if moving.is_empty() {
            moving.extend(Candidate::defaults(probe.tree(), probe.entry()).into_iter().filter(|candidate| probe.moves(candidate)));
        }
        moving.into_iter().map(|candidate| self.source(&candidate)).collect()
    }

    fn source(&self, candidate: &Candidate) -> Source {
        match candidate {
            Candidate::Written { path, .. } => self.written(path),
            Candidate::Whole { path } => self.whole(path),
            Candidate::Default { path, description, .. } => Source {
                path: path.to_string(),
                value: None,
                place: self.shown(Place::Inventory(path.clone())),
                overrides: Vec::new(),
                default: Some(description.clone()),
                shared_by: Vec::new(),
            },
            Candidate::Provisioner { authority, name } => {
                let snapshot = self.resolved.snapshots.get(authority);
                let kid = snapshot.and_then(|known| known.snapshot()?.provisioner(name)?.kid.clone());
                let place = snapshot.and_then(KnownSnapshot::places).map(|places| places.provisioner(name, "kid"));
                self.of_snapshot(authority, format!("provisioners.{name}.kid"), kid.map(Into::into), place)
            }
            Candidate::Root { authority, fingerprint } => {
                let snapshot = self.resolved.snapshots.get(authority);
                let root = snapshot.and_then(|known| known.snapshot()?.root(*fingerprint));
                let subject = root.map(|root| root.certificate.subject().to_owned().into());
                let place = snapshot.and_then(KnownSnapshot::places).map(|places| places.root(*fingerprint, "sha256"));
                self.of_snapshot(authority, format!("roots[{fingerprint}]"), subject, place)
            }
        }
    }

    /// An entry, or a map of entries: that it is there decides.
    fn whole(&self, path: &Path) -> Source {
        let place = self.shown(Place::InventoryKey(path.clone()));
        let shared_by = self.shared_by(&place, |other| {
            other.tree.value_at(path).map(|_| shown(&self.repository.located(other, Place::InventoryKey(path.clone()))))
        });
        Source { path: path.to_string(), value: None, place, overrides: Vec::new(), default: None, shared_by }
    }

    fn written(&self, path: &Path) -> Source {
        let inventory = &self.resolved.inventory;
        let place = self.shown(Place::Inventory(path.clone()));
        let mut history = self.repository.history(inventory, path).into_iter();
        let value = history.next().map(|(_, node)| node.to_json());
        let overrides = history.map(|(place, node)| Overridden { value: node.to_json(), place: shown(&place) }).collect();
        let place_in =
            |other: &Inventory| other.tree.value_at(path).map(|_| shown(&self.repository.located(other, Place::Inventory(path.clone()))));
        let shared_by = self.shared_by(&place, place_in);
        Source { path: path.to_string(), value, place, overrides, default: None, shared_by }
    }

    /// The other environments in whose inventory the same line says it.
    fn shared_by(&self, place: &str, place_in: impl Fn(&Inventory) -> Option<String>) -> Vec<String> {
        let is_same = |name: &&EnvironmentName| {
            **name != self.environment && self.repository.inventory_of(name).is_ok_and(|other| place_in(&other).as_deref() == Some(place))
        };
        self.repository.environments().iter().filter(is_same).map(ToString::to_string).collect()
    }

    fn of_snapshot(&self, authority: &str, path: String, value: Option<serde_json::Value>, place: Option<Place>) -> Source {
        let file = self.resolved.snapshots.get(authority).and_then(|known| known.file().cloned()).unwrap_or_default();
        let uses = |name: &String| *name != self.environment.as_str();
        let shared_by = self.repository.environments_with_snapshot(&file).into_iter().filter(uses).collect();
        let place = place.as_ref().map_or_else(|| file.to_string(), shown);
        Source { path, value, place, overrides: Vec::new(), default: None, shared_by }
    }

    fn shown(&self, place: Place) -> String {
        shown(&self.repository.located(&self.resolved.inventory, place))
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::File { file, line: 0, .. } => file.to_string(),
        Place::File { file, line, column } => format!("{file}:{line}:{column}"),
        Place::Inventory(path) | Place::InventoryKey(path) => path.to_string(),
    }
}
