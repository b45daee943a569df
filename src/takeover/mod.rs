//! A repository that somebody wrote by hand, taken over: its kustomizations, charts, issuers, certificates and scripts
//! become inventories, and what is rendered from these is compared with what was there, object by object.
//!
//! Reads through [`Folder`], and changes nothing: what is to be written comes back as text.

mod authority;
mod chart;
mod compare;
mod deletion;
mod draft;
mod gather;
mod inventory;
mod material;
mod names;
mod script;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;

use crate::change::Change;
use crate::finding::{Finding, ISSUER_UNRESOLVED, KUSTOMIZATION_NOT_CHECKED, Place, Rule};
use crate::fleet::MAX_INPUT_BYTES;
use crate::inflate::Inflations;
use crate::inventory::{EnvironmentName, INVENTORY_FILE, Layers, Settings};
use crate::lint::{Scope, lint};
use crate::manifest::crd::CrdCatalog;
use crate::manifest::kustomization::{entries, is_kustomization_file, resolve};
use crate::manifest::{Content, Document, Identity, Origin, Shape, identity_of};
use crate::model::{self, Extent, KnownSnapshot};
use crate::outside::files::{FileError, Folder};
use crate::render::{Templates, render};
use crate::snapshot::{Input, load_with_places};
use authority::Authority;
use chart::ChartUse;
use draft::{Draft, common};
use gather::{Gathered, Source, gather};
use inventory::{Context, Made};
use material::{Item, Material};

pub use deletion::Deletion;
pub use material::Left;

/// Name of the layer that several environments share, unless there is one already.
const LAYER: &str = "base";

/// What is asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// The folder to look through, below the repository; empty for all of it.
    pub below: Utf8PathBuf,
    /// Environments' names for folders, where the path does not say them.
    pub names: Vec<(Utf8PathBuf, EnvironmentName)>,
    /// What a cluster gave out about the CA, by environment.
    pub dumps: BTreeMap<String, Vec<Input>>,
    /// The day of the import of these.
    pub as_of: Date,
    /// Names of the layers that the new repository has already.
    pub layers: Vec<String>,
    /// Whether the new files lie in the repository that is looked through, so that charts in it stay where they are.
    pub stays: bool,
}

/// What the new files are rendered with.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where things lie in the new repository.
    pub settings: &'a Settings,
    /// Its templates.
    pub templates: &'a Templates,
}

/// A repository that was taken over, with nothing written yet.
#[derive(Debug)]
pub struct Takeover {
    /// By name.
    pub environments: Vec<Environment>,
    /// The files to write, below the new repository, in order of their paths.
    pub files: BTreeMap<Utf8PathBuf, String>,
    /// What to delete by hand afterwards, below the old repository.
    pub deletion: Deletion,
}

/// One environment.
#[derive(Debug)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The folders that it comes from.
    pub folders: Vec<Utf8PathBuf>,
    /// Every object that the tool renders, or rendered in the place of which it stands.
    pub objects: Vec<Compared>,
    /// Changes of rights, which belong to several objects.
    pub rights: Vec<Change>,
    /// What stays where it is.
    pub left: Vec<Left>,
    /// What should be known about how it was read.
    pub remarks: Vec<String>,
    /// What the rules say of the new inventory.
    pub findings: Vec<Finding>,
}

/// One object, before and after.
#[derive(Debug)]
pub struct Compared {
    /// Which.
    pub identity: Identity,
    /// The object whose script, or the chart whose values made it.
    pub maker: Option<String>,
    /// What becomes of it.
    pub state: State,
    /// What differs.
    pub change: Option<Change>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is rendered as it was.
    Same,
    /// It is rendered with other fields.
    Differs,
    /// It was not there.
    New,
    /// It is no longer there.
    Gone,
    /// It is rendered once the CA snapshot is there.
    Waits,
}

/// Why something is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule that objects to what was there.
    pub rule: Option<&'static Rule>,
    /// One sentence.
    pub text: String,
}

impl Reason {
    fn of(rule: &'static Rule, text: impl Into<String>) -> Reason {
        Reason { rule: Some(rule), text: text.into() }
    }

    fn plain(text: impl Into<String>) -> Reason {
        Reason { rule: None, text: text.into() }
    }
}

/// Why a repository cannot be taken over.
#[derive(Debug)]
pub enum Refusal {
    /// Something in it, or in what a cluster gave out, cannot be read.
    Findings(Vec<Finding>),
    /// What was asked for cannot be done: why, and what to do.
    Request {
        /// Why.
        message: String,
        /// What to do.
        help: String,
    },
}

impl From<Vec<Finding>> for Refusal {
    fn from(findings: Vec<Finding>) -> Refusal {
        Refusal::Findings(findings)
    }
}

/// One old environment on its way.
struct Draught {
    name: EnvironmentName,
    sources: Vec<Source>,
    material: Material,
    authorities: Vec<Authority>,
    made: Made,
    /// Whether its certificates are signed by issuers of another environment.
    is_part_of_another: bool,
}

impl Draught {
    /// Whether there is nothing to write for it, since it belongs to another one.
    fn is_empty(&self) -> bool {
        self.is_part_of_another && self.made.taken.is_empty() && !self.material.charts.iter().any(ChartUse::is_step_issuer)
    }
}

/// Takes a repository over.
///
/// # Errors
/// What of it cannot be read, and what was asked for and cannot be done.
pub fn take_over(repository: &dyn Folder, request: &Request, target: Target<'_>) -> Result<Takeover, Refusal> {
    let Gathered { sources, files, broken } = gather(repository, &request.below)?;
    let (ours, others): (Vec<Source>, Vec<Source>) = sources.into_iter().partition(material::is_about_step_issuer);
    let in_the_way = in_the_way(repository, &ours, broken);
    if !in_the_way.is_empty() {
        return Err(Refusal::Findings(in_the_way));
    }
    if ours.is_empty() {
        return Err(nothing_found());
    }
    let named = names::by_environment(ours, &request.below, &request.names)?;
    if let Some(unknown) = request.dumps.keys().find(|name| !named.keys().any(|known| known.as_str() == *name)) {
        let known = crate::finding::listed(named.keys().map(EnvironmentName::as_str));
        let help = format!("the environments that were found are {known}; `--name FOLDER=NAME` gives one another name");
        return Err(Refusal::Request { message: format!("`--ca {unknown}=…` names an environment that was not found"), help });
    }
    let mut draughts = Vec::new();
    for (name, sources) in named {
        draughts.push(draught(repository, name, sources, request)?);
    }
    issuers_elsewhere(&mut draughts);
    let (layer, drafts) = layered(&mut draughts);
    let layer_name = authority::unused(LAYER, |name| request.layers.iter().any(|other| other == name));
    let new = written(&draughts, layer.as_ref().map(|layer| (layer_name.as_str(), layer)), &drafts, target.settings);
    let mut environments = Vec::new();
    for draught in &draughts {
        environments.push(environment(draught, &new, &files, (target, &layer_name))?);
    }
    let sources = || draughts.iter().flat_map(|draught| &draught.sources);
    // What a link leads to is not known: it may be any file, and so all of them stay.
    let has_links = sources().any(|source| !source.links.is_empty());
    let kept = sources().filter(|_| has_links).chain(&others);
    let used: BTreeSet<Utf8PathBuf> = kept.flat_map(|source| source.reached.iter().cloned()).collect();
    let olds: Vec<deletion::Old<'_>> = draughts.iter().zip(&environments).map(|(draught, environment)| old(draught, environment)).collect();
    let mut deletion = deletion::deletion(&olds, &used);
    // A kustomization may name what is not there.
    deletion.files.retain(|file| matches!(repository.read(file.as_str(), 0), Ok(Some(_)) | Err(FileError::TooLarge { .. })));
    Ok(Takeover { environments, files: new, deletion })
}

fn nothing_found() -> Refusal {
    Refusal::Request {
        message: "nothing here has to do with step-issuer".to_owned(),
        help: "looked for were kustomizations with the chart `step-issuer` among their `helmCharts`, HelmReleases of it, StepIssuers and \
               StepClusterIssuers, Certificates that these sign, and scripts that make them; name another folder with `--from`, or begin \
               without one"
            .to_owned(),
    }
}

/// Files that cannot be read and that are, or seem to be, a part of what is taken over.
fn in_the_way(repository: &dyn Folder, ours: &[Source], broken: Vec<Finding>) -> Vec<Finding> {
    let is_ours = |finding: &Finding| {
        let Place::File { file, .. } = &finding.place else { return true };
        let speaks_of_it = || {
            let bytes = repository.read(file.as_str(), MAX_INPUT_BYTES).ok().flatten().unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            ["certmanager.step.sm", "step-issuer", "StepIssuer"].iter().any(|mark| text.contains(mark))
        };
        let is_near = |source: &Source| {
            let folder = file.parent().unwrap_or(Utf8Path::new(""));
            let kustomizations = source.parts.iter().filter(|part| part.shape == Shape::Kustomization);
            let is_named = |part: &crate::manifest::kustomization::Part| {
                let from = part.file.parent().unwrap_or(Utf8Path::new(""));
                entries(&part.node).any(|entry| resolve(from, entry).is_some_and(|path| path == folder))
            };
            is_kustomization_file(file)
                && (source.folder.starts_with(folder)
                    || source.reached.iter().any(|reached| reached.parent() == Some(folder))
                    || kustomizations.into_iter().any(is_named))
        };
        ours.iter().any(|source| source.reached.contains(file) || is_near(source)) || speaks_of_it()
    };
    broken.into_iter().filter(is_ours).collect()
}

/// One environment as far as it can be told by itself.
fn draught(repository: &dyn Folder, name: EnvironmentName, sources: Vec<Source>, request: &Request) -> Result<Draught, Vec<Finding>> {
    let material = Material::of(&sources);
    let authorities = authority::authorities(&material.urls(), request.dumps.get(name.as_str()).map(Vec::as_slice), request.as_of)?;
    let is_there = |file: &Utf8Path| request.stays && matches!(repository.read(file.as_str(), MAX_INPUT_BYTES), Ok(Some(_)));
    let made = inventory::make(&Context { material: &material, authorities: &authorities, stays: &is_there });
    Ok(Draught { name, sources, material, authorities, made, is_part_of_another: false })
}

/// Says where the issuer of a certificate is that another environment takes over.
fn issuers_elsewhere(draughts: &mut [Draught]) {
    let issuers: Vec<(EnvironmentName, Identity)> = draughts
        .iter()
        .flat_map(|draught| draught.made.taken.iter().map(|item| (draught.name.clone(), item.identity.clone())))
        .filter(|(_, identity)| identity.kind != "Certificate")
        .collect();
    for draught in draughts {
        let folder = draught.sources.first().map(|source| shown(&source.folder).to_owned()).unwrap_or_default();
        for (index, (kind, name)) in draught.made.unresolved.clone() {
            let found = issuers.iter().find(|(_, identity)| (&identity.kind, &identity.name) == (&kind, &name));
            if let (Some((environment, _)), Some(left)) = (found, draught.made.left.get_mut(index)) {
                left.why = format!(
                    "{}: its {kind} `{name}` is in environment `{environment}`: where both are for one cluster, `--name {folder}={environment}` joins them",
                    ISSUER_UNRESOLVED.code
                );
                draught.is_part_of_another = true;
            }
        }
    }
}

/// The layer of what all have in common, where there are several, and what each has beside it.
fn layered(draughts: &mut [Draught]) -> (Option<Draft>, Vec<Draft>) {
    let mut drafts: Vec<Draft> = draughts.iter_mut().map(|draught| std::mem::take(&mut draught.made.draft)).collect();
    let is_written: Vec<bool> = draughts.iter().map(|draught| !draught.is_empty()).collect();
    let mut full: Vec<Draft> =
        drafts.iter().zip(&is_written).filter(|(_, is_written)| **is_written).map(|(draft, _)| draft.clone()).collect();
    if full.len() < 2 {
        return (None, drafts);
    }
    let layer = common(&mut full);
    let written = drafts.iter_mut().zip(&is_written).filter(|(_, is_written)| **is_written);
    written.zip(full).for_each(|((draft, _), own)| *draft = own);
    (Some(layer).filter(|layer| !layer.value.is_empty()), drafts)
}

/// The text of every new file.
fn written(draughts: &[Draught], layer: Option<(&str, &Draft)>, drafts: &[Draft], settings: &Settings) -> BTreeMap<Utf8PathBuf, String> {
    let root = Utf8Path::new(&settings.environments);
    let mut files = BTreeMap::new();
    if let Some((layer_name, layer)) = layer {
        let text = headed("Layer", &[], layer).text("What the environments have in common that were taken over.");
        files.insert(root.join(format!("_layers/{layer_name}.yaml")), text);
    }
    let extends: Vec<&str> = layer.iter().map(|(name, _)| *name).collect();
    for (draught, draft) in draughts.iter().zip(drafts).filter(|(draught, _)| !draught.is_empty()) {
        let folder = root.join(draught.name.as_str());
        let from: Vec<String> = draught.sources.iter().map(|source| format!("`{}`", shown(&source.folder))).collect();
        let head = format!("Taken over from {}.", from.join(", "));
        files.insert(folder.join(INVENTORY_FILE), headed("Environment", &extends, draft).text(&head));
        let several = draught.authorities.len() > 1;
        for authority in &draught.authorities {
            if let Some(imported) = &authority.imported {
                files.insert(authority.snapshot_file(&folder, several), imported.to_yaml());
            }
        }
    }
    files
}

/// A draft with the fields that say what the file is before all others.
fn headed(kind: &str, extends: &[&str], draft: &Draft) -> Draft {
    let mut headed = Draft { comments: draft.comments.clone(), ..Draft::default() };
    headed.set(&["apiVersion"], "trustree.dev/v1alpha1");
    headed.set(&["kind"], kind);
    if !extends.is_empty() {
        headed.set(&["extends"], extends.to_vec());
    }
    headed.value.extend(draft.value.clone());
    headed
}

/// A folder as it is shown: the root is a dot.
pub fn shown(folder: &Utf8Path) -> &str {
    if folder.as_str().is_empty() { "." } else { folder.as_str() }
}

/// One environment, rendered from its new files and compared with what was there.
fn environment(
    draught: &Draught,
    new: &BTreeMap<Utf8PathBuf, String>,
    files: &Arc<[Utf8PathBuf]>,
    (target, layer_name): (Target<'_>, &str),
) -> Result<Environment, Vec<Finding>> {
    if draught.is_empty() {
        return Ok(Environment {
            name: draught.name.clone(),
            folders: draught.sources.iter().map(|source| source.folder.clone()).collect(),
            objects: Vec::new(),
            rights: Vec::new(),
            left: left(draught),
            remarks: remarks(draught),
            findings: Vec::new(),
        });
    }
    let folder = Utf8Path::new(&target.settings.environments).join(draught.name.as_str());
    let layer = Utf8Path::new(&target.settings.environments).join(format!("_layers/{layer_name}.yaml"));
    let layers = new.get(&layer).map(|text| (layer_name.to_owned(), layer.clone(), text.clone().into_bytes()));
    let layers = Layers::new(layers.into_iter().collect());
    let file = folder.join(INVENTORY_FILE);
    let text = new.get(&file).map(String::as_str).unwrap_or_default();
    let inventory = layers.load(&draught.name, &file, text.as_bytes())?;
    let several = draught.authorities.len() > 1;
    let mut snapshots: BTreeMap<String, KnownSnapshot> = BTreeMap::new();
    for authority in &draught.authorities {
        let file = authority.snapshot_file(&folder, several);
        let known = match new.get(&file) {
            Some(text) => {
                let (snapshot, places) = load_with_places(text.as_bytes(), &file)?;
                KnownSnapshot::Here(Arc::new(snapshot), places)
            }
            None => KnownSnapshot::Pending,
        };
        snapshots.insert(authority.name.clone(), known);
    }
    let (_, mut findings) = model::build(&draught.name, &inventory, &snapshots, Extent::Known);
    let everything = model::build(&draught.name, &inventory, &snapshots, Extent::Everything).0;
    let rendered = render(&everything, target.templates, target.settings, &Inflations::new());
    findings.extend(rendered.findings);
    let definitions = CrdCatalog::default();
    let scope = |documents| {
        lint(&Scope { model: &everything, snapshots: &snapshots, documents, definitions: &definitions, vendored: None, as_of: None })
    };
    findings.extend(scope(&rendered.documents).ours);
    for finding in &mut findings {
        let place = std::mem::replace(&mut finding.place, Place::whole(""));
        finding.place = inventory.located(place, &layers);
    }
    let old = old_documents(draught, files);
    let judged = scope(&old).theirs;
    let sides = compare::Sides {
        material: &draught.material,
        made: &draught.made,
        model: &everything,
        documents: &rendered.documents,
        findings: &judged,
        files,
    };
    let (objects, rights) = compare::compare(&sides);
    Ok(Environment {
        name: draught.name.clone(),
        folders: draught.sources.iter().map(|source| source.folder.clone()).collect(),
        objects,
        rights,
        left: left(draught),
        remarks: remarks(draught),
        findings,
    })
}

/// The old files as rules judge them: what was built, and what scripts make.
fn old_documents(draught: &Draught, files: &Arc<[Utf8PathBuf]>) -> Vec<Document> {
    let mut documents = Vec::new();
    let document = |file: &Utf8Path, root: &Utf8Path, content, node: &crate::yaml::Node| Document {
        file: file.to_owned(),
        root: root.to_owned(),
        content,
        node: Arc::new(node.clone()),
        origin: Origin::Written(Arc::clone(files)),
    };
    for source in &draught.sources {
        for part in &source.parts {
            let content = match (part.shape, identity_of(&part.node)) {
                (Shape::Object, Ok(identity)) => Content::Object(identity),
                (Shape::Object, Err(_)) => continue,
                (Shape::Values, _) => Content::Values,
                (Shape::Kustomization, _) => Content::Kustomization,
            };
            documents.push(document(&part.file, &source.folder, content, &part.node));
        }
    }
    let made = draught.material.issuers.iter().chain(&draught.material.certificates).filter(|item| item.maker.is_some());
    for item in made {
        documents.push(document(&item.file, &item.file, Content::Object(item.identity.clone()), &script::as_filled_in(&item.node)));
    }
    documents
}

/// Everything of an environment that stays where it is, in order of the files.
fn left(draught: &Draught) -> Vec<Left> {
    let mut left: BTreeSet<Left> = draught.material.left.iter().chain(&draught.made.left).cloned().collect();
    for source in &draught.sources {
        for finding in source.findings.iter().filter(|finding| finding.rule.code == KUSTOMIZATION_NOT_CHECKED.code) {
            let Place::File { file, .. } = &finding.place else { continue };
            let why = "it was not followed: look at the output of `kustomize build` for what comes from there".to_owned();
            left.insert(Left { file: file.clone(), what: finding.message.clone(), why, keeps_file: true });
        }
    }
    left.into_iter().collect()
}

fn remarks(draught: &Draught) -> Vec<String> {
    let mut remarks = Vec::new();
    for source in &draught.sources {
        remarks.extend(source.remarks.iter().cloned());
        let findings = source.findings.iter().filter(|finding| finding.rule.code != KUSTOMIZATION_NOT_CHECKED.code);
        remarks.extend(findings.map(|finding| match &finding.place {
            Place::File { file, .. } => format!("`{file}`: {} ({})", finding.message, finding.rule.code),
            Place::Inventory(_) | Place::InventoryKey(_) => format!("{} ({})", finding.message, finding.rule.code),
        }));
    }
    remarks.extend(draught.made.remarks.iter().cloned());
    let mut once: Vec<String> = Vec::new();
    remarks.into_iter().for_each(|remark| {
        if !once.contains(&remark) {
            once.push(remark);
        }
    });
    once
}

fn old<'a>(draught: &'a Draught, environment: &'a Environment) -> deletion::Old<'a> {
    let written = |item: &Item| {
        let at = (item.node.at.file, item.node.at.line);
        let source = draught.sources.iter().find_map(|source| source.written.get(&at));
        source.and_then(|node| identity_of(node).ok()).unwrap_or_else(|| item.identity.clone())
    };
    let material = &draught.material;
    let has_chart = environment.objects.iter().any(|one| one.identity.kind == "Helm release");
    let replaced = material.replaced.iter().filter(|_| has_chart);
    let objects = draught.made.taken.iter().filter(|item| item.maker.is_none()).chain(&material.approvers).chain(replaced);
    let objects: Vec<&Item> = objects.chain(material.gone.iter().map(|(item, _)| item)).collect();
    deletion::Old {
        sources: &draught.sources,
        material,
        has_chart,
        left: environment.left.iter().filter(|left| left.keeps_file).map(|left| left.file.as_path()).collect(),
        // As the file calls it, and not as a kustomization names it anew.
        taken: objects.iter().map(|item| (item.file.as_path(), written(item).to_string())).collect(),
        places: objects.iter().map(|item| (item.node.at.file, item.node.at.line)).collect(),
    }
}
