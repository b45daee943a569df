//! The model through the templates to a tree. Writes nothing, and knows neither what is on disk nor what lint thinks.

mod bootstrap;
mod built_in;
mod chart;
mod component;
mod document;
mod engine;
mod fill;
mod folders;
mod lookup;
mod overrides;
mod own;
mod place;
mod shared;
mod specification;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use minijinja::Value;
use minijinja::value::Serde;

use crate::finding::{Finding, MANIFEST_DUPLICATE, PATH_ESCAPES, Place, RESOURCE_MISSING, TEMPLATE_INVALID};
use crate::inflate::Inflations;
use crate::inventory::{Delivery, Settings};
use crate::manifest::{self, Identity, Origin, Shape};
use crate::model::Model;
use crate::plan::RECORDS;
use crate::tree::{File, OutPath, Tree};
use crate::yaml::Path;
use component::Component;
use document::{Document, Job};
use folders::Folders;
use specification::{COMPONENT_FILE, DocumentSpecification, FileSpecification, Stage};

pub use built_in::TemplateFile;
pub use component::Templates;
pub use shared::SHARED_FOLDER;

/// The component that takes up the folders of all others.
const ENVIRONMENT: &str = "environment";
/// The file by which a folder is taken up.
const KUSTOMIZATION: &str = "kustomization.yaml";
/// Documents that an environment may have; ten thousand certificates are a large one.
const MAX_DOCUMENTS: usize = 100_000;
/// When Argo CD takes an object up. Source: Argo CD, `docs/user-guide/sync-waves.md`.
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// What Argo CD does otherwise with an object. Source: Argo CD, `docs/user-guide/sync-options.md`.
const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// What came of a model.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The files; to be written only where nothing was found.
    pub tree: Tree,
    /// Files of folders that environments share, below [`SHARED_FOLDER`].
    pub shared: Tree,
    /// The documents in them that could be read, for whoever judges them.
    pub documents: Vec<manifest::Document>,
    /// Everything that is wrong with the result.
    pub findings: Vec<Finding>,
}

/// Renders every component of an environment, with the objects of charts that were inflated beforehand.
pub fn render(model: &Model, templates: &Templates, settings: &Settings, inflations: &Inflations) -> Rendered {
    let mut pass = Pass::new(model, templates, settings, inflations);
    pass.findings = own::unknown(model, templates);
    if let Some(bootstrap) = model.bootstraps.values().next() {
        let (input, problem) = bootstrap::input(model, bootstrap, templates, settings);
        pass.variables = minijinja::context! { bootstrapInput => Value::from(Serde(&input)), ..pass.variables.clone() };
        pass.findings.extend(problem);
    }
    let (applied, pointing): (Vec<_>, Vec<_>) = templates
        .components
        .iter()
        .filter(|component| component.name != ENVIRONMENT)
        .partition(|component| component.specification.applied);
    for component in applied {
        pass.component(component, settings);
    }
    if let Some(environment) = templates.components.iter().find(|component| component.name == ENVIRONMENT) {
        pass.environment(environment);
    }
    pass.variables = minijinja::context! { tree => pass.place(settings), ..pass.variables.clone() };
    for component in pointing {
        pass.component(component, settings);
    }
    pass.charts_without_component();
    pass.duplicates();
    let clashes = pass.folders.findings(pass.has_stages);
    let are_folders_apart = clashes.is_empty();
    pass.findings.extend(clashes);
    let own: Vec<(&Component, String)> = pass
        .written
        .iter()
        .filter(|written| written.owner.is_own())
        .map(|written| (written.owner, written.path.to_ascii_lowercase()))
        .collect();
    let mut tree = Tree::default();
    for Written { owner, path, text, .. } in pass.written {
        let out_path = OutPath::of_record(&path, RECORDS)
            .map_err(|problem| (format!("`{path}` of component `{}` cannot be written: {problem}", owner.name), true));
        let file = File { text: text.into(), owner: owner.name.clone() };
        let claimed = out_path.and_then(|path| tree.claim(path, file).map_err(|problem| (problem, are_folders_apart)));
        if let Err((problem, true)) = claimed {
            let lower = path.to_ascii_lowercase();
            let is_in_the_way = |other: &str| other.strip_prefix(&lower).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let of_own = own.iter().find(|(_, other)| !owner.is_own() && is_in_the_way(other)).map(|(component, _)| *component);
            let finding = Finding::new(&PATH_ESCAPES, Place::whole(of_own.unwrap_or(owner).source(COMPONENT_FILE)), problem);
            pass.findings.push(finding.help("give the file, or the folder that it lies in, another name there"));
        }
    }
    Rendered { tree, shared: pass.shared, documents: pass.documents, findings: pass.findings }
}

/// The folders below the environment's own in which the objects of charts will lie, by the name of the chart in the model.
pub fn folders_of_charts(model: &Model, templates: &Templates, settings: &Settings) -> BTreeMap<String, String> {
    let nothing = Inflations::new();
    let mut pass = Pass::new(model, templates, settings, &nothing);
    let mut folders = BTreeMap::new();
    for component in templates.components.iter().filter(|component| component.specification.chart.is_some()) {
        for instance in pass.instances(component) {
            let folder = pass.folder_of(component, &instance, settings);
            folders.extend(pass.chart_of(component, &instance).zip(folder));
        }
    }
    folders
}

impl<'a> Pass<'a> {
    fn new(model: &'a Model, templates: &'a Templates, settings: &Settings, inflations: &'a Inflations) -> Pass<'a> {
        Pass {
            model,
            templates,
            inflations,
            charts: BTreeSet::new(),
            out: Utf8Path::new(&settings.out).join(model.environment.as_str()),
            has_stages: model.delivery == Delivery::Flux,
            variables: Value::from(Serde(model)),
            header: header(model),
            folder: Utf8PathBuf::new(),
            written: Vec::new(),
            documents: Vec::new(),
            identities: Vec::new(),
            shared: Tree::default(),
            is_shared: false,
            number_of_documents: 0,
            folders: Folders::default(),
            findings: Vec::new(),
        }
    }
}

/// What stands on top of every file.
fn header(model: &Model) -> String {
    let sources = &model.sources;
    let layers = if sources.layers.is_empty() { String::new() } else { format!(" (layers: {})", sources.layers.join(", ")) };
    let snapshots = match sources.snapshots.as_slice() {
        [] => String::new(),
        [one] => format!(" and {one}"),
        [rest @ .., last] => format!(", {} and {last}", rest.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ")),
    };
    format!(
        "# Generated by trustree from {}{layers}{snapshots}.\n# Do not edit: change those, then run `trustree render`.\n",
        sources.inventory
    )
}

/// Whether a kustomization builds nothing: kustomize refuses one that says only what it is, and whoever takes it up.
fn is_empty(kustomization: &str) -> bool {
    let mut lines = kustomization.lines().filter(|line| !line.trim().is_empty());
    lines.all(|line| ["#", "---", "apiVersion:", "kind:"].iter().any(|start| line.starts_with(start)))
}

/// One environment on its way through the templates.
struct Pass<'a> {
    model: &'a Model,
    templates: &'a Templates,
    /// What came out of charts beforehand.
    inflations: &'a Inflations,
    /// The charts of the model that a component has taken up.
    charts: BTreeSet<String>,
    /// The environment's folder, below the repository.
    out: Utf8PathBuf,
    /// Whether the stages lie in folders of their own, because the engine takes one after the other.
    has_stages: bool,
    variables: Value,
    header: String,
    /// The folder of the component at hand, below the repository.
    folder: Utf8PathBuf,
    written: Vec<Written<'a>>,
    documents: Vec<manifest::Document>,
    identities: Vec<(Identity, Place)>,
    /// What environments share.
    shared: Tree,
    /// Whether the files at hand are of that.
    is_shared: bool,
    /// How many documents were rendered, kept or not.
    number_of_documents: usize,
    folders: Folders<'a>,
    findings: Vec<Finding>,
}

/// A file on its way into the tree.
struct Written<'a> {
    owner: &'a Component,
    /// Below the environment's folder.
    path: String,
    /// The folder whose kustomization the environment's own takes up; None for any other file.
    root: Option<(Stage, String)>,
    text: String,
}

/// What a component is written for, and what its templates see.
struct Instance {
    /// The variables of the model, and the entry.
    variables: Value,
    /// The map and the key of the entry; None where a component is written once.
    entry: Option<(String, String)>,
}

impl<'a> Pass<'a> {
    /// Writes a component as often as it asks for.
    fn component(&mut self, component: &'a Component, settings: &Settings) {
        for instance in self.instances(component) {
            let Some(folder) = self.folder_of(component, &instance, settings) else { continue };
            let before = self.written.len();
            self.files(component, &instance, &folder);
            if self.written.len() > before {
                self.folders.add(component, &folder);
            }
        }
    }

    /// What a component is written for: nothing, everything at once, or each entry of a map.
    fn instances(&mut self, component: &Component) -> Vec<Instance> {
        let specification = &component.specification;
        let variables = if component.is_own() { self.own(component) } else { Some(self.variables.clone()) };
        let Some(variables) = variables else { return Vec::new() };
        let once = Instance { variables, entry: None };
        if let Some(when) = &specification.when
            && !self.holds(component, when, &once)
        {
            return Vec::new();
        }
        let (Some(over), Some(variable)) = (&specification.over, &specification.variable) else { return vec![once] };
        let entries = self.entries(component, over, &once);
        let instance = |(key, value)| {
            let own = Value::from(BTreeMap::from([(variable.clone(), value)]));
            let variables = minijinja::context! { ..own, ..once.variables.clone() };
            Instance { variables, entry: Some((over.clone(), key)) }
        };
        entries.into_iter().map(instance).collect()
    }

    /// The folder that a component is written into; where stages lie apart, each of them into one below it.
    fn folder_of(&mut self, component: &Component, instance: &Instance, settings: &Settings) -> Option<String> {
        let specification = &component.specification;
        let name = match &specification.folder {
            Some(path) => self.text_at(component, path, instance),
            None => Some(component.name.clone()),
        };
        let Some(path) = &specification.namespace else { return name };
        let before = self.findings.len();
        let namespace = self.text_at(component, path, instance);
        if namespace.is_none() && component.is_own() && self.findings.len() == before {
            self.without_namespace(component, path);
        }
        namespace.zip(name).map(|(namespace, name)| {
            // Where the path names no namespace, all the folders would be one.
            let is_one = instance.entry.is_some() && specification.folder.is_none() && !settings.has_namespace_in_path();
            let name = if is_one { format!("{name}-{namespace}") } else { name };
            settings.component_folder(&namespace, &name)
        })
    }

    /// The files of a component. A kustomization comes last and sees the others of its folder.
    fn files(&mut self, component: &'a Component, instance: &Instance, folder: &str) {
        let specification = &component.specification;
        let is_staged = self.has_stages && specification.applied;
        let below = |stage: Stage| if is_staged { format!("{folder}/{}", stage.folder()) } else { folder.to_owned() };
        let mut texts: BTreeMap<Stage, Vec<(String, String)>> = BTreeMap::new();
        let mut resources: BTreeMap<Stage, Vec<String>> = BTreeMap::new();
        if !is_staged {
            resources.insert(Stage::default(), Vec::new());
        }
        if let Some(base) =
            specification.shared.as_ref().and_then(|shared| self.shared(component, shared, instance, &below(Stage::default())))
        {
            resources.entry(Stage::default()).or_default().push(base);
        }
        let inflated = self.inflated(component, instance, &below(Stage::default()));
        if !inflated.is_empty() {
            // They come first, and among them the definitions of kinds.
            resources.entry(Stage::default()).or_default().extend(inflated.iter().map(|(name, _)| name.clone()));
            texts.entry(Stage::default()).or_default().extend(inflated);
        }
        let (last, first): (Vec<_>, Vec<_>) = specification.files.iter().partition(|(_, file)| file.content == Shape::Kustomization);
        for (name, file) in first {
            let stage = if is_staged { file.stage } else { Stage::default() };
            self.folder = self.out.join(below(stage));
            let Some((text, _)) = self.file(component, instance, (name, file), &[]) else { continue };
            texts.entry(stage).or_default().push((name.clone(), text));
            if file.content == Shape::Object {
                resources.entry(stage).or_default().push(name.clone());
            }
        }
        let (author, last) = match self.templates.components.iter().find(|component| component.name == ENVIRONMENT) {
            // One that says nothing of a kustomization gets one that takes up its files, and nothing else.
            Some(plain) if last.is_empty() && component.is_own() && specification.applied => {
                (plain, plain.specification.files.iter().collect())
            }
            _ => (component, last),
        };
        for (name, file) in last {
            for (stage, resources) in &resources {
                self.folder = self.out.join(below(*stage));
                let Some((text, names)) = self.file(author, instance, (name, file), resources) else { continue };
                self.named_files(component, name, &names, texts.get(stage).map_or(&[], Vec::as_slice));
                let root = (specification.applied && name == KUSTOMIZATION && !is_empty(&text)).then(|| (*stage, below(*stage)));
                self.written.push(Written { owner: component, path: format!("{}/{name}", below(*stage)), root, text });
            }
        }
        for (stage, files) in texts {
            let written = |(name, text)| Written { owner: component, path: format!("{}/{name}", below(stage)), root: None, text };
            self.written.extend(files.into_iter().map(written));
        }
    }

    /// The text of one file with what its documents name beside it; None where it has no documents.
    fn file(
        &mut self,
        component: &'a Component,
        instance: &Instance,
        (name, file): (&str, &FileSpecification),
        resources: &[String],
    ) -> Option<(String, Vec<String>)> {
        if let Some(when) = &file.when
            && !self.holds(component, when, instance)
        {
            return None;
        }
        let documents = self.documents_of(component, instance, (name, file), resources);
        if documents.is_empty() {
            return None;
        }
        let bodies: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
        let names = documents.iter().flat_map(|document| document.checked.names.clone()).collect();
        Some((format!("{}{}", self.header, bodies.join("---\n")), names))
    }

    /// The documents of a file: in the order of the templates, those of one template by namespace and name.
    fn documents_of(
        &mut self,
        component: &'a Component,
        instance: &Instance,
        (name, file): (&str, &FileSpecification),
        resources: &[String],
    ) -> Vec<Document> {
        let mut all = Vec::new();
        for document in &file.documents {
            let job = Job { model: self.model, component, file: name, shape: file.content, template: &document.template };
            let mut documents = self.documents(&job, instance, (document, file.stage), resources);
            documents.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
            let readable = documents.iter().filter_map(|document| self.readable(&job, document));
            self.documents.extend(readable.collect::<Vec<_>>());
            all.extend(documents);
        }
        all
    }

    /// What one template gives: nothing, one document, or one for each entry of a map.
    fn documents(
        &mut self,
        job: &Job<'_>,
        instance: &Instance,
        (document, stage): (&DocumentSpecification, Stage),
        resources: &[String],
    ) -> Vec<Document> {
        if let Some(when) = &document.when
            && !self.holds(job.component, when, instance)
        {
            return Vec::new();
        }
        let annotations = self.annotations(stage);
        let (Some(over), Some(variable)) = (&document.over, &document.variable) else {
            let context = minijinja::context! { resources => resources.to_vec(), annotations, ..instance.variables.clone() };
            let context = if job.shape == Shape::Kustomization { self.with_kustomization(context) } else { context };
            if !self.is_within_number(job.component) {
                return Vec::new();
            }
            let of_condition = || document.when.as_ref().and_then(|when| self.model.entry(&when.path.split('.').collect::<Vec<_>>()));
            let entry = match self.is_shared {
                true => Some(Model::base_entry()),
                false => of_condition().or_else(|| self.entry_of_instance(job.component, instance)),
            };
            return self.keep(job.run(self.templates, context, entry)).into_iter().collect();
        };
        let mut documents = Vec::new();
        for (key, value) in self.entries(job.component, over, instance) {
            if !self.is_within_number(job.component) {
                break;
            }
            let own = [(variable.clone(), value), ("annotations".to_owned(), Value::from(Serde(&annotations)))];
            let context = minijinja::context! { ..Value::from(BTreeMap::from(own)), ..instance.variables.clone() };
            let entry = self.entry(job.component, instance, over, &key);
            documents.extend(self.keep(job.run(self.templates, context, entry)));
        }
        documents
    }

    /// Whether one more document may be rendered; the first one too many is told.
    fn is_within_number(&mut self, component: &Component) -> bool {
        self.number_of_documents += 1;
        if self.number_of_documents == MAX_DOCUMENTS + 1 {
            let message = format!("the environment would have more than {MAX_DOCUMENTS} documents");
            self.complain(component, &message, "look at `over:`; a map within a map multiplies");
        }
        self.number_of_documents <= MAX_DOCUMENTS
    }

    /// The inventory's entry that a component is written for; for one of the user's own, at least where it is switched on.
    fn entry_of_instance(&self, component: &Component, instance: &Instance) -> Option<Path> {
        let of_entry = instance.entry.as_ref().and_then(|(map, key)| {
            let keys: Vec<&str> = map.split('.').chain([key.as_str()]).collect();
            self.own_entry(component, &keys).or_else(|| self.model.entry(&keys))
        });
        of_entry.or_else(|| self.own_entry(component, &[]))
    }

    /// The inventory's entry behind an entry of a map of the model, or of the entry that a component is written for.
    fn entry(&self, component: &Component, instance: &Instance, over: &str, key: &str) -> Option<Path> {
        let mut keys: Vec<&str> = over.split('.').collect();
        if let Some((map, own)) = &instance.entry
            && keys.first().copied() == component.specification.variable.as_deref()
        {
            keys.splice(..1, [map.as_str(), own.as_str()]);
        }
        keys.push(key);
        self.own_entry(component, &keys).or_else(|| self.model.entry(&keys)).or_else(|| self.own_entry(component, &[]))
    }

    /// The annotations that an engine needs on the objects of a stage, to take it after the one before.
    fn annotations(&self, stage: Stage) -> BTreeMap<&'static str, &'static str> {
        if self.model.argo_cd.is_none() {
            return BTreeMap::new();
        }
        let wave = match stage {
            Stage::Controller => return BTreeMap::from([(SYNC_OPTIONS, "SkipDryRunOnMissingResource=true")]),
            Stage::Issuers => "1",
            Stage::Certificates => "2",
        };
        BTreeMap::from([(SYNC_OPTIONS, "SkipDryRunOnMissingResource=true"), (SYNC_WAVE, wave)])
    }

    /// Keeps what was found in a document, and the document where there is one.
    fn keep(&mut self, (document, findings): (Option<Document>, Vec<Finding>)) -> Option<Document> {
        self.findings.extend(findings);
        if let Some(document) = &document
            && let Some(identity) = &document.checked.identity
        {
            self.identities.push((identity.clone(), document.place.clone()));
        }
        document
    }

    /// A document as whoever judges it sees it, where it could be read.
    fn readable(&self, job: &Job<'_>, document: &Document) -> Option<manifest::Document> {
        Some(manifest::Document {
            file: self.folder.join(job.file),
            root: self.folder.clone(),
            content: document.checked.content(job.shape)?,
            node: Arc::clone(document.checked.node.as_ref()?),
            origin: Origin::Rendered { entry: document.entry.clone(), template: job.component.source(job.template) },
        })
    }

    fn complain(&mut self, component: &Component, message: &str, help: &str) {
        let place = Place::whole(component.source(COMPONENT_FILE));
        self.findings.push(Finding::new(&TEMPLATE_INVALID, place, message).help(help));
    }

    /// Files that a kustomization names beside itself must be rendered, too.
    fn named_files(&mut self, component: &Component, kustomization: &str, names: &[String], files: &[(String, String)]) {
        for missing in names.iter().filter(|name| !files.iter().any(|(file, _)| file == *name)) {
            let place = Place::whole(component.source(COMPONENT_FILE));
            let message = format!("`{kustomization}` names `{missing}`, and nothing renders that file here");
            let help = "look at `when:` and `files:` of the component, and at the template of the kustomization";
            self.findings.push(Finding::new(&RESOURCE_MISSING, place, message).help(help));
        }
    }

    /// Objects that two entries render.
    fn duplicates(&mut self) {
        self.identities.sort_by(|(a, _), (b, _)| a.cmp(b));
        for pair in self.identities.windows(2) {
            let [(first, one), (second, other)] = pair else { continue };
            if first == second {
                let finding =
                    Finding::new(&MANIFEST_DUPLICATE, other.clone(), format!("{second} is rendered twice, also for {}", shown(one)));
                self.findings.push(finding.help("give one of them another `name` or `namespace`"));
            }
        }
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::Inventory(path) | Place::InventoryKey(path) => format!("`{path}`"),
        Place::File { file, .. } => format!("`{file}`"),
    }
}
