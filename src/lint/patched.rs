//! Rendered objects as kustomize leaves them: with the inventory's patches. What a patch sets bears the number of the patch,
//! from 1, as the file of its place, so that a finding about it leads to the patch.

use std::sync::Arc;

use super::Scope;
use super::manifest::help_for;
use crate::finding::{Finding, KUSTOMIZATION_NOT_CHECKED, PATCH_INVALID, Place};
use crate::manifest::kustomization::{PatchSelector, Patching, Refused};
use crate::manifest::{Content, Document, Flaw, Shape, flaws_of, identity_of};
use crate::model::{Model, Patch, target_node};
use crate::yaml::{At, Node, Path};

/// How much the patches of one kustomization may set ([`Node::size`]).
const LIMIT: usize = 2_000_000;

/// The documents after their patches, and what is wrong with these; None where there is none.
pub(super) fn documents(scope: &Scope<'_>) -> Option<(Vec<Document>, Vec<Finding>)> {
    let step_issuer = scope.model.step_issuer.as_ref().filter(|step_issuer| !step_issuer.patches.is_empty())?;
    let mut slots: Vec<Option<Document>> = scope.documents.iter().cloned().map(Some).collect();
    let mut findings = Vec::new();
    for kustomization in scope.documents.iter().filter(|document| !document.is_written() && document.content == Content::Kustomization) {
        let patches = patches_of(kustomization, &step_issuer.patches);
        if patches.is_empty() {
            continue;
        }
        let is_meant = |document: &Document| {
            !document.is_written() && document.root == kustomization.root && matches!(document.content, Content::Object(_))
        };
        let objects: Vec<usize> =
            slots.iter().enumerate().filter_map(|(index, slot)| slot.as_ref().is_some_and(is_meant).then_some(index)).collect();
        let nodes = objects.iter().filter_map(|index| Some(Node::clone(&slots[*index].as_ref()?.node)));
        let mut patching = Patching::new(nodes, LIMIT);
        for (file, patch) in patches {
            run(&mut patching, file, patch, &mut findings);
        }
        for (index, node) in objects.into_iter().zip(patching.done()) {
            slots[index] = slots[index].take().zip(node).map(|(document, node)| replaced(document, node, scope.model, &mut findings));
        }
    }
    Some((slots.into_iter().flatten().collect(), findings))
}

/// The inventory's patches that a kustomization holds, in its order, each with its number from 1.
fn patches_of<'a>(kustomization: &Document, all: &'a [Patch]) -> Vec<(u16, &'a Patch)> {
    let entries = kustomization.node.get("patches").and_then(Node::as_list).unwrap_or_default();
    let is_it = |entry: &Node, patch: &Patch| {
        let has_target = || entry.get("target").map(Node::to_json) == Some(target_node(&patch.target).to_json());
        entry.get_str("patch").map(str::trim_end) == Some(patch.patch.trim_end()) && has_target()
    };
    let found = entries.iter().filter_map(|entry| {
        let index = all.iter().position(|patch| is_it(entry, patch))?;
        Some((u16::try_from(index + 1).ok()?, &all[index]))
    });
    found.collect()
}

fn run(patching: &mut Patching, file: u16, patch: &Patch, findings: &mut Vec<Finding>) {
    let Ok(selector) = PatchSelector::new(&target_node(&patch.target)) else { return };
    let place = patch.entry().key("patch");
    match patching.run(&selector, &patch.patch, file) {
        None => {
            let message = format!("the patch `{}` changes too much to be followed", patch.name);
            let help = "look at the output of `kustomize build` for what it changes";
            findings.push(Finding::new(&KUSTOMIZATION_NOT_CHECKED, Place::Inventory(place), message).help(help));
        }
        Some(refused) => findings.extend(refused.into_iter().next().map(|Refused { object, operation, problem }| {
            let message = format!("the patch `{}` does not apply to {object}: {problem}", patch.name);
            let help = "correct the path, or add what it leads to first; kustomize refuses the whole build";
            Finding::new(&PATCH_INVALID, Place::Inventory(place.index(operation)), message).help(help)
        })),
    }
}

/// The document with its fields after the patches; what these have made wrong is told.
fn replaced(document: Document, node: Node, model: &Model, findings: &mut Vec<Finding>) -> Document {
    if *document.node == node {
        return document;
    }
    let identity = match identity_of(&node) {
        Ok(identity) => identity,
        Err(flaw) => {
            findings.push(told(&flaw, &node, model));
            return document;
        }
    };
    let before = flaws_of(&document.node, document.identity(), Shape::Object);
    let new = flaws_of(&node, Some(&identity), Shape::Object).into_iter().filter(|flaw| !before.contains(flaw));
    findings.extend(new.map(|flaw| told(&flaw, &node, model)));
    Document { content: Content::Object(identity), node: Arc::new(node), ..document }
}

fn told(flaw: &Flaw, node: &Node, model: &Model) -> Finding {
    let path = flaw.path();
    let at = if flaw.is_about_key() { node.key_place(&path) } else { node.place(&path) };
    let place = place_of(model, at).or_else(|| place_of(model, first_change(node)?));
    let finding = flaw.finding(place.unwrap_or_else(|| Place::Inventory(Path::of(["stepIssuer", "patches"]))));
    let help = finding.help.clone().unwrap_or_else(|| help_for(flaw).to_owned());
    finding.help(help)
}

/// The first place in an object that a patch has set.
fn first_change(node: &Node) -> Option<At> {
    if node.at.file != 0 {
        return Some(node.at);
    }
    match &node.value {
        crate::yaml::Value::Map(map) => map.iter().find_map(|(_, entry)| first_change(&entry.node)),
        crate::yaml::Value::List(items) => items.iter().find_map(first_change),
        _ => None,
    }
}

/// The line of the inventory's patch that has set what stands at a place of a rendered object; None where none has.
pub(super) fn place_of(model: &Model, at: At) -> Option<Place> {
    let number = usize::from(at.file).checked_sub(1)?;
    Some(model.step_issuer.as_ref()?.patches.get(number)?.place_of(at))
}
