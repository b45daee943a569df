//! What the new inventory renders beside what was there, object by object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde_json::{Map, Value, json};

use super::chart::{ChartUse, Engine};
use super::inventory::{Made, chart_identity};
use super::material::{Item, Material};
use super::script::without_variables;
use super::{Compared, Reason, State};
use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values};
use crate::change::{Change, Object, What, changes};
use crate::finding::{Finding, PROVISIONER_NOT_FOUND, Place};
use crate::manifest::{Document, Identity};
use crate::model::Model;
use crate::plan::{Action, Cause, FileChange, Plan};
use crate::tree::OutPath;
use crate::yaml::{Node, Value as Yaml, document};

/// The file under which both sides are compared: where an object stands does not count.
const FILE: &str = "objects.yaml";

/// What there is to compare.
pub(super) struct Sides<'a> {
    pub(super) material: &'a Material,
    pub(super) made: &'a Made,
    /// What the inventory leads to, with everything that waits for a snapshot.
    pub(super) model: &'a Model,
    /// What is rendered from it.
    pub(super) documents: &'a [Document],
    /// What rules say of the old files.
    pub(super) findings: &'a [Finding],
    /// The files that places mean.
    pub(super) files: &'a Arc<[Utf8PathBuf]>,
}

/// Compares both sides: every object with what became of it, and changes of rights, which belong to several objects.
pub(super) fn compare(sides: &Sides<'_>) -> (Vec<Compared>, Vec<Change>) {
    let waiting: BTreeSet<Identity> = sides.model.waiting_issuers.iter().map(waiting_identity).collect();
    let chart = sides.material.charts.iter().find(|chart| chart.is_step_issuer());
    let mut new_chart = new_chart(sides.model);
    let by_flux = sides.documents.iter().find(|document| document.identity().is_some_and(|identity| identity.kind == "HelmRelease"));
    if let (Some((_, value)), Some(document), Some(Engine::Flux)) = (&mut new_chart, by_flux, chart.map(|chart| chart.engine)) {
        kept_by_flux(&document.node, document.identity().and_then(|identity| identity.namespace.as_deref()), value);
    }
    let mut old: BTreeMap<Identity, Value> = BTreeMap::new();
    for item in old_items(sides).filter(|item| !waiting.contains(&item.identity)) {
        let mut value = item.node.to_json();
        if item.maker.is_some() {
            without_variables(&mut value);
        }
        old.insert(item.identity.clone(), value);
    }
    if let (Some(chart), Some(_)) = (chart, &new_chart) {
        let (identity, value) = old_chart(chart);
        old.insert(identity, value);
    }
    let mut new: BTreeMap<Identity, Value> = BTreeMap::new();
    for document in sides.documents {
        let Some(identity) = document.identity().filter(|identity| !identity.group.ends_with(".toolkit.fluxcd.io")) else { continue };
        new.insert(identity.clone(), document.node.to_json());
    }
    new.extend(new_chart);
    let (mut by_object, rights) = changed(&old, &new);
    let mut compared = Vec::new();
    for identity in old.keys().chain(new.keys().filter(|identity| !old.contains_key(*identity))) {
        let change = by_object.remove(&object(identity));
        let state = match (old.contains_key(identity), new.contains_key(identity), &change) {
            (true, true, Some(_)) => State::Differs,
            // Something of it is not taken over, so what it brings is not as it was.
            (true, true, None) if identity.kind == "Helm release" && chart.is_some_and(|chart| !chart.is_whole()) => State::Differs,
            (true, true, None) => State::Same,
            (true, false, _) => State::Gone,
            (false, ..) => State::New,
        };
        let change = change.filter(|_| state == State::Differs);
        let reasons = if state == State::Same { Vec::new() } else { reasons(sides, identity, state, change.as_ref()) };
        compared.push(Compared { identity: identity.clone(), maker: maker(sides, identity), state, change, reasons });
    }
    for item in old_items(sides).filter(|item| waiting.contains(&item.identity)) {
        let mut reasons: Vec<Reason> =
            sides.made.reasons.iter().filter(|(about, _)| *about == item.identity).map(|(_, reason)| reason.clone()).collect();
        // With the snapshot at hand it waits for its provisioner.
        if !reasons.iter().any(|reason| reason.rule.is_some_and(|rule| rule.code == PROVISIONER_NOT_FOUND.code)) {
            reasons.insert(0, Reason::plain("its root and key id come with the CA snapshot; until then it is not rendered"));
        }
        compared.push(Compared {
            identity: item.identity.clone(),
            maker: maker(sides, &item.identity),
            state: State::Waits,
            change: None,
            reasons,
        });
    }
    compared.sort_by_key(|one| (rank(&one.identity.kind), one.identity.clone()));
    (compared, rights)
}

/// Where a kind stands in a list.
fn rank(kind: &str) -> usize {
    ["Helm release", "StepClusterIssuer", "StepIssuer", "Certificate"].iter().position(|known| *known == kind).unwrap_or(9)
}

fn waiting_identity(reference: &crate::model::IssuerReference) -> Identity {
    Identity {
        group: reference.kind.group().to_owned(),
        kind: reference.kind.word().to_owned(),
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
    }
}

/// What was taken over, and what is not needed any more.
fn old_items<'a>(sides: &Sides<'a>) -> impl Iterator<Item = &'a Item> {
    let gone = sides.material.gone.iter().map(|(item, _)| item);
    sides.made.taken.iter().chain(&sides.material.approvers).chain(gone)
}

fn maker(sides: &Sides<'_>, identity: &Identity) -> Option<String> {
    old_items(sides).find(|item| item.identity == *identity)?.maker.as_ref().map(ToString::to_string)
}

fn object(identity: &Identity) -> Object {
    Object {
        group: identity.group.clone(),
        kind: identity.kind.clone(),
        namespace: identity.namespace.clone(),
        name: Some(identity.name.clone()),
    }
}

/// The changes from one side to the other, by object, and those of rights.
fn changed(old: &BTreeMap<Identity, Value>, new: &BTreeMap<Identity, Value>) -> (BTreeMap<Object, Change>, Vec<Change>) {
    let text = |side: &BTreeMap<Identity, Value>| side.values().filter_map(|value| document(value).ok()).collect::<Vec<_>>().join("---\n");
    let Ok(path) = OutPath::new(FILE) else { return (BTreeMap::new(), Vec::new()) };
    let change = FileChange {
        path,
        cause: Cause::InputsChanged,
        action: Action::Write,
        blocked: false,
        before: Some(text(old).into_bytes()),
        after: Some(text(new).into()),
    };
    let plan = Plan { changes: vec![change], ..Plan::default() };
    let mut by_object = BTreeMap::new();
    let mut rights = Vec::new();
    for change in changes(&plan, "", "") {
        match (change.what, change.object.clone()) {
            (What::RightsChanged, _) => rights.push(change),
            (What::LayoutOnly, _) | (_, None) => {}
            (_, Some(object)) => drop(by_object.insert(object, change)),
        }
    }
    (by_object, rights)
}

/// Why an object is not as it was: what we know of it, then what the rules say of the lines that it stood in.
fn reasons(sides: &Sides<'_>, identity: &Identity, state: State, change: Option<&Change>) -> Vec<Reason> {
    let mut found: Vec<Reason> =
        sides.made.reasons.iter().filter(|(about, _)| about == identity).map(|(_, reason)| reason.clone()).collect();
    found.extend(sides.material.gone.iter().filter(|(item, _)| item.identity == *identity).map(|(_, why)| Reason::plain(why.clone())));
    if sides.material.approvers.iter().any(|item| item.identity == *identity) {
        let text = match &sides.model.approver {
            Some(_) => "`trustree-approver` gives cert-manager the same right",
            None => "the chart gives cert-manager this right by itself",
        };
        found.push(Reason::plain(text));
    }
    let is_kept_elsewhere = change.is_some_and(|change| change.fields.iter().any(|field| field.path == "storageNamespace"));
    if is_kept_elsewhere {
        found.push(Reason::plain(
            "Helm remembers the release in another namespace: it is installed over the objects that are there, and the old Secrets `sh.helm.release.…` stay where they were",
        ));
    }
    if change.is_some_and(|change| change.fields.iter().any(|field| field.path == "helmRelease")) {
        found.push(Reason::plain("trustree calls its HelmReleases by `flux.namePrefix` and the release, all in the namespace of Flux"));
    }
    if state == State::New && identity.kind != "Helm release" {
        found.push(Reason::plain("nothing in the old files gave it"));
    }
    for finding in findings_about(sides, identity, change) {
        let is_told = found.iter().any(|reason| reason.rule.is_some_and(|rule| rule.code == finding.rule.code));
        if !is_told {
            found.push(Reason::of(finding.rule, finding.message.clone()));
        }
    }
    let mut once: Vec<Reason> = Vec::new();
    found.into_iter().for_each(|reason| {
        if !once.contains(&reason) {
            once.push(reason);
        }
    });
    once
}

/// What rules say of the lines of an object; of one that stays, of the fields that change.
fn findings_about<'a>(sides: &Sides<'a>, identity: &Identity, change: Option<&Change>) -> Vec<&'a Finding> {
    let mut lines: BTreeSet<(u16, u32)> = BTreeSet::new();
    for item in old_items(sides).filter(|item| item.identity == *identity) {
        match change {
            None => places(&item.node, &mut lines),
            Some(change) => {
                change.fields.iter().filter_map(|field| field_of(&item.node, &field.path)).for_each(|node| places(node, &mut lines))
            }
        }
    }
    let is_here = |finding: &&Finding| match &finding.place {
        Place::File { file, line, .. } => {
            let index = sides.files.iter().position(|known| known == file).and_then(|index| u16::try_from(index).ok());
            index.is_some_and(|index| lines.contains(&(index, *line)))
        }
        Place::Inventory(_) | Place::InventoryKey(_) => false,
    };
    sides.findings.iter().filter(is_here).collect()
}

/// The part of an object that a path of a change is about, as far as it consists of plain keys.
fn field_of<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let keys = path.split('[').next().unwrap_or_default();
    keys.split('.').try_fold(node, |node, key| node.get(key))
}

/// The lines that a node and everything in it stand in.
fn places(node: &Node, lines: &mut BTreeSet<(u16, u32)>) {
    lines.insert((node.at.file, node.at.line));
    match &node.value {
        Yaml::List(items) => items.iter().for_each(|item| places(item, lines)),
        Yaml::Map(map) => map.iter().for_each(|(_, entry)| {
            lines.insert((entry.key.file, entry.key.line));
            places(&entry.node, lines);
        }),
        _ => {}
    }
}

/// A release of the chart as something that can be compared.
fn release(release: &str, namespace: &str, version: &str, repo: &str, brings_crds: bool, values: Map<String, Value>) -> (Identity, Value) {
    let identity = chart_identity(release, namespace);
    let value = json!({
        "apiVersion": "v1",
        "kind": identity.kind,
        "metadata": {"name": release, "namespace": namespace},
        "version": version,
        "repo": repo.trim_end_matches('/'),
        "includeCRDs": brings_crds,
        "values": values,
    });
    (identity, value)
}

fn old_chart(chart: &ChartUse) -> (Identity, Value) {
    let version = chart.version.as_deref().unwrap_or_default();
    let values = match chart_values(STEP_ISSUER_CHART, version) {
        Some(known) => known.without_defaults(&chart.values_with_images()),
        None => chart.values.clone(),
    };
    let repo = chart.repo.as_deref().unwrap_or(STEP_ISSUER_CHART_REPOSITORY);
    let (identity, mut value) =
        release(&chart.release, chart.namespace.as_deref().unwrap_or("default"), version, repo, chart.brings_crds, values);
    if chart.engine == Engine::Flux {
        let own = chart.node.get("metadata").and_then(|metadata| metadata.get_str("namespace")).or(chart.namespace.as_deref());
        kept_by_flux(&chart.node, own, &mut value);
    }
    (identity, value)
}

/// Adds how Flux calls a release, and where Helm remembers it.
fn kept_by_flux(release: &Node, namespace: Option<&str>, value: &mut Value) {
    let name = release.get("metadata").and_then(|metadata| metadata.get_str("name")).unwrap_or_default();
    let storage = release.get("spec").and_then(|spec| spec.get_str("storageNamespace")).or(namespace);
    value["helmRelease"] = namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}")).into();
    value["storageNamespace"] = storage.into();
}

fn new_chart(model: &Model) -> Option<(Identity, Value)> {
    let controller = model.step_issuer.as_ref()?;
    let chart = controller.chart.as_ref()?;
    let repo = chart.repo.as_deref().unwrap_or(STEP_ISSUER_CHART_REPOSITORY);
    Some(release(&controller.release, &controller.namespace, &chart.version, repo, true, controller.values.clone()))
}
