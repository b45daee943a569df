//! Model and documents to findings, one file per family of rules. What was rendered and what somebody wrote by hand is
//! judged alike: a rule looks at documents, and the model says where in the inventory a rendered one comes from.
//! Pushes what it finds and carries on; reads no file, and knows neither templates nor what is on disk.

mod approval;
mod authority;
mod certificate;
mod chart;
mod definition;
mod delivery;
mod distribution;
mod engine;
mod issuer;
mod manifest;
mod object;
mod overlay;
mod patched;
mod rbac;
mod reference;
mod rights;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod testing;
mod trust;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;

use crate::finding::{Finding, Level, Place, Rule};
use crate::manifest::crd::CrdCatalog;
use crate::manifest::kustomization::NOT_FOLLOWED;
use crate::manifest::{Content, Document, Origin, Shape};
use crate::model::{KnownSnapshot, Model};
use crate::yaml::{Node, Path};
pub(crate) use authority::dropped_roots;
use chart::ChartUse;
use object::{Object, is_filled_in_later};
use overlay::Overlays;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The environment.
    pub model: &'a Model,
    /// The CA snapshots, by the name of their authority; one that is missing or broken is not among them.
    pub snapshots: &'a BTreeMap<String, KnownSnapshot>,
    /// Everything that goes to the cluster: rendered documents, and those that somebody wrote.
    pub documents: &'a [Document],
    /// The kinds that the user's CustomResourceDefinitions define.
    pub definitions: &'a CrdCatalog,
    /// What lies where the inventory says that the chart does; None where it says nothing.
    pub vendored: Option<&'a VendoredChart>,
    /// The day that rules with a calendar look at; None where they keep silent.
    pub as_of: Option<Date>,
}

/// A chart in a folder of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendoredChart {
    /// Its folder, below the repository.
    pub folder: Utf8PathBuf,
    /// What its `Chart.yaml` says.
    pub found: VendoredChartFile,
}

/// What a `Chart.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendoredChartFile {
    /// There is none.
    Missing,
    /// It says no version that can be read, and why.
    Unusable(String),
    /// The version of the chart.
    Version(String),
}

/// Every family, in the order of `docs/rules.md`.
const FAMILIES: &[fn(&mut Lint<'_>)] = &[
    authority::check,
    issuer::check,
    approval::check,
    certificate::check,
    distribution::check,
    chart::check,
    delivery::check,
    rbac::check,
    manifest::check,
    reference::check,
    definition::check,
];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// About the inventory, its layers and snapshots, and what is rendered from them.
    pub ours: Vec<Finding>,
    /// About files that somebody wrote: no reason not to render.
    pub theirs: Vec<Finding>,
}

/// Judges an environment.
pub fn lint(scope: &Scope<'_>) -> Verdict {
    let Some((documents, findings)) = patched::documents(scope) else { return judged(scope, scope.documents, FAMILIES) };
    let mut verdict = judged(&Scope { documents: &documents, ..*scope }, scope.documents, FAMILIES);
    verdict.ours.splice(0..0, findings);
    verdict
}

/// What some families say of an environment, whose documents were `unpatched` before the inventory's patches.
fn judged(scope: &Scope<'_>, unpatched: &[Document], families: &[fn(&mut Lint<'_>)]) -> Verdict {
    let objects: Vec<Object<'_>> = scope.documents.iter().filter_map(Object::new).collect();
    let step_issuers: Vec<Object<'_>> = objects.iter().copied().filter(trust::is_step_issuer).collect();
    let step_issuers_by_name = trust::Namesakes::of(&step_issuers);
    let charts = chart::charts(scope.documents, &objects).into();
    let kustomizations: Vec<&Document> = scope.documents.iter().filter(|document| document.content == Content::Kustomization).collect();
    let changes = |document: &&&Document| NOT_FOLLOWED.iter().any(|key| object::value(&document.node, key).is_some());
    let mut not_followed: BTreeSet<&Utf8Path> = kustomizations.iter().filter(changes).map(|document| &*document.root).collect();
    let brings_more = {
        let sent = engine::sent(&objects, &scope.model.git.path);
        let brings_more = !not_followed.is_empty() || engine::brings_more(&sent, scope.documents, &kustomizations);
        not_followed.extend(engine::changed_roots(&sent, scope.documents));
        brings_more
    };
    let overlays = Overlays::new(scope);
    let verdict = Verdict::default();
    let mut lint = Lint {
        scope,
        unpatched,
        objects,
        step_issuers,
        step_issuers_by_name,
        charts,
        kustomizations,
        not_followed,
        brings_more,
        overlays,
        verdict,
        blamed: Vec::new(),
    };
    families.iter().for_each(|check| check(&mut lint));
    let Lint { mut verdict, blamed, .. } = lint;
    // What an overlay takes from us as it is was judged as ours.
    for finding in blamed {
        if !verdict.ours.iter().any(|other| other.rule == finding.rule && other.message == finding.message) {
            verdict.theirs.push(finding);
        }
    }
    verdict
}

/// An environment that is being judged.
struct Lint<'a> {
    scope: &'a Scope<'a>,
    /// The documents as they are rendered, before the inventory's patches.
    unpatched: &'a [Document],
    /// The objects among the documents.
    objects: Vec<Object<'a>>,
    /// The Helm charts that they ask for.
    charts: Rc<[ChartUse<'a>]>,
    /// The Step issuers among them: every certificate looks for its own.
    step_issuers: Vec<Object<'a>>,
    /// The same by kind and name.
    step_issuers_by_name: BTreeMap<(&'a str, &'a str), trust::Namesakes<'a>>,
    /// The kustomizations, ours and those that somebody wrote.
    kustomizations: Vec<&'a Document>,
    /// Roots that have a part that was not followed.
    not_followed: BTreeSet<&'a Utf8Path>,
    /// Whether something goes to the cluster that is not among the documents.
    brings_more: bool,
    /// What is built again from ours.
    overlays: Overlays<'a>,
    verdict: Verdict,
    /// Findings on lines of ours in what somebody else builds from them, moved to what that says.
    blamed: Vec<Finding>,
}

impl<'a> Lint<'a> {
    /// The objects of a group and kind.
    fn objects_of(&self, group: &'static str, kind: &'static str) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.objects.iter().copied().filter(move |object| object.is(group, kind))
    }

    /// Reports something about the value that a path of a document leads to.
    fn report(&mut self, rule: &'static Rule, document: &Document, path: &Path, message: impl Into<String>, help: impl Into<String>) {
        self.report_at(rule.level, rule, document, path, (message, help));
    }

    /// The same at another level than the rule's. Where another program still fills the value in, nobody can tell.
    fn report_at(
        &mut self,
        level: Level,
        rule: &'static Rule,
        document: &Document,
        path: &Path,
        (message, help): (impl Into<String>, impl Into<String>),
    ) {
        let value = document.node.value_at(path).and_then(Node::as_str);
        if document.is_written() && value.is_some_and(is_filled_in_later) {
            return;
        }
        let place = self.place(document, path);
        let mut message = message.into();
        // Its place is the chart's in the inventory, which has many objects.
        if let Some(identity) = document.identity().filter(|_| self.is_of_chart(document))
            && !message.contains(&format!("`{}`", identity.name))
        {
            message = format!("{identity}, out of the chart: {message}");
        }
        self.add(document, Finding::new(rule, place, message).help(help).at(level));
    }

    /// Adds a finding about a document. One that was found before stays one: an object that several roots build is judged
    /// in each of them.
    fn add(&mut self, document: &Document, finding: Finding) {
        if let Some(place) = self.overlays.blamed(self.scope, document, &finding) {
            let finding = Finding { place, ..finding };
            if !self.blamed.contains(&finding) {
                self.blamed.push(finding);
            }
            return;
        }
        let findings = if document.is_written() { &mut self.verdict.theirs } else { &mut self.verdict.ours };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// Adds a finding about the inventory or a snapshot.
    fn add_ours(&mut self, finding: Finding) {
        self.verdict.ours.push(finding);
    }

    /// Whether a document came out of a chart that was inflated beforehand.
    fn is_of_chart(&self, document: &Document) -> bool {
        matches!(&document.origin, Origin::Rendered { entry: Some(entry), .. } if self.scope.model.is_chart(entry))
    }

    /// Whether everything that makes a document what it is was followed: neither a kustomization of its root nor the engine
    /// that builds it has a part that may change it in a way that is not known here.
    fn is_followed(&self, document: &Document) -> bool {
        !self.not_followed.contains(&*document.root)
    }

    /// The place of the value that a path of a document leads to: in the inventory for what was rendered, else in the
    /// file that holds it.
    fn place(&self, document: &Document, path: &Path) -> Place {
        match &document.origin {
            // It has the entry's own form.
            Origin::Rendered { entry: Some(entry), .. } if document.content == Content::ChartRequest => {
                Place::Inventory(entry.join(path.segments()))
            }
            Origin::Rendered { entry, template } => {
                if let Some(place) = patched::place_of(self.scope.model, document.node.place(path)) {
                    return place;
                }
                let source = self.scope.model.source_of(shape(document), entry.as_ref(), path);
                source.map_or_else(|| Place::whole(template), Place::Inventory)
            }
            Origin::Written(_) => {
                let (file, at) = document.written_at(document.node.place(path));
                Place::at(&file, at)
            }
        }
    }

    /// The same for the last key of the path.
    fn key_place(&self, document: &Document, path: &Path) -> Place {
        match &document.origin {
            Origin::Rendered { .. } => match patched::place_of(self.scope.model, document.node.key_place(path)) {
                Some(place) => place,
                None => match self.place(document, path) {
                    Place::Inventory(path) => Place::InventoryKey(path),
                    other => other,
                },
            },
            Origin::Written(_) => {
                let (file, at) = document.written_at(document.node.key_place(path));
                Place::at(&file, at)
            }
        }
    }
}

fn shape(document: &Document) -> Shape {
    match document.content {
        Content::Object(_) => Shape::Object,
        Content::Values | Content::ChartRequest => Shape::Values,
        Content::Kustomization => Shape::Kustomization,
    }
}
