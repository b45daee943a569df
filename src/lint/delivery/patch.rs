//! The inventory's patches: whether there is anything that they change.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Lint;
use crate::catalog::step_issuer_chart_objects;
use crate::finding::{Finding, PATCH_MEETS_NOTHING, Place, listed};
use crate::inventory::{Delivery, PatchTarget};
use crate::manifest::kustomization::PatchSelector;
use crate::manifest::{Document, Origin};
use crate::model::{Patch, StepIssuer, target_node};
use crate::yaml::{Node, Path, nearest};

/// A patch changes what is rendered beside it, and what the chart makes.
pub(super) fn check(lint: &mut Lint<'_>) {
    let scope = lint.scope;
    let Some(step_issuer) = scope.model.step_issuer.as_ref().filter(|step_issuer| !step_issuer.patches.is_empty()) else { return };
    let chart = Path::of(["stepIssuer", "chart"]);
    let is_of_chart = |document: &Document| matches!(&document.origin, Origin::Rendered { entry: Some(entry), .. } if *entry == chart);
    let is_inflated = lint.unpatched.iter().any(is_of_chart);
    let of_chart = if is_inflated { Vec::new() } else { of_chart(step_issuer, scope.model.delivery) };
    for patch in &step_issuer.patches {
        let Ok(selector) = PatchSelector::new(&target_node(&patch.target)) else { continue };
        let meets_ours = beside(lint, patch).any(|document| selector.takes(&document.node));
        if meets_ours || meets_chart(&patch.target, &of_chart) || is_waiting(lint, &patch.target) {
            continue;
        }
        let (message, help) = told(lint, patch, &of_chart);
        let place = Place::Inventory(Path::of(["stepIssuer", "patches", &patch.name, "target"]));
        lint.add_ours(Finding::new(&PATCH_MEETS_NOTHING, place, message).help(help));
    }
}

/// The objects of the chart that a patch can reach, as far as a target asks for them. Flux hands what it patches to its
/// post-renderer as Helm renders it: without the definitions below `crds/`, and with no namespace that a template does not
/// write.
fn of_chart(step_issuer: &StepIssuer, delivery: Delivery) -> Vec<Node> {
    let is_flux = delivery == Delivery::Flux;
    let Some(fullname) = &step_issuer.fullname else { return Vec::new() };
    let value = |path: &str| {
        let mut parts = path.split('.');
        let first = step_issuer.values.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    };
    let objects = step_issuer_chart_objects(fullname, &step_issuer.namespace, |path| value(path) == Some(&Value::Bool(true)));
    let objects = objects.into_iter().filter(|object| !is_flux || object.kind != "CustomResourceDefinition");
    let named = objects.map(|object| (object.api_version, object.kind, object.name, object.namespace));
    let account = step_issuer.chart_service_account.iter();
    let account = account.map(|name| ("v1", "ServiceAccount", name.clone(), (!is_flux).then(|| step_issuer.namespace.clone())));
    let node = |(version, kind, name, namespace): (&str, &str, String, Option<String>)| {
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = namespace.into();
        }
        Node::from(object)
    };
    named.chain(account).map(node).collect()
}

/// Which labels and annotations the chart writes is not known here: what asks for them may be met.
fn meets_chart(target: &PatchTarget, of_chart: &[Node]) -> bool {
    let plain = PatchTarget { label_selector: None, annotation_selector: None, ..target.clone() };
    PatchSelector::new(&target_node(&plain)).is_ok_and(|selector| of_chart.iter().any(|object| selector.takes(object)))
}

/// Whether an issuer of that kind waits for its CA: it is not among the documents yet.
fn is_waiting(lint: &Lint<'_>, target: &PatchTarget) -> bool {
    lint.scope.model.waiting_issuers.iter().any(|issuer| {
        let (group, kind) = (issuer.kind.group(), issuer.kind.word());
        let version = format!("{group}/{}", if issuer.kind.is_step() { "v1beta1" } else { "v1" });
        let object =
            Node::from(json!({"apiVersion": version, "kind": kind, "metadata": {"name": issuer.name, "namespace": issuer.namespace}}));
        let plain = PatchTarget { label_selector: None, annotation_selector: None, ..target.clone() };
        PatchSelector::new(&target_node(&plain)).is_ok_and(|selector| selector.takes(&object))
    })
}

/// The objects that are taken up by the kustomizations that hold a patch.
fn beside<'a>(lint: &'a Lint<'_>, patch: &'a Patch) -> impl Iterator<Item = &'a Document> {
    let holds = |document: &&Document| {
        let patches = document.node.get("patches").and_then(Node::as_list).unwrap_or_default();
        !document.is_written() && patches.iter().any(|entry| entry.get_str("patch").map(str::trim_end) == Some(patch.patch.trim_end()))
    };
    let roots: Vec<_> = lint.kustomizations.iter().copied().filter(holds).map(|document| &document.root).collect();
    lint.unpatched.iter().filter(move |document| document.identity().is_some() && !document.is_written() && roots.contains(&&document.root))
}

/// What a target chooses by, beside the kind.
const SAYS: &str = "group, version, name and namespace";

/// The field of a target, as it is written, without which it would meet something; but for the name, which is not one word
/// too many.
fn the_one_that_differs<'a, I: Iterator<Item = &'a Node>>(target: &PatchTarget, all: impl Fn() -> I) -> Option<String> {
    let meets =
        |target: &PatchTarget| PatchSelector::new(&target_node(target)).is_ok_and(|selector| all().any(|node| selector.takes(node)));
    let plain = || target.clone();
    let fields = [
        ("group", &target.group, PatchTarget { group: None, ..plain() }),
        ("version", &target.version, PatchTarget { version: None, ..plain() }),
        ("namespace", &target.namespace, PatchTarget { namespace: None, ..plain() }),
        ("labelSelector", &target.label_selector, PatchTarget { label_selector: None, ..plain() }),
        ("annotationSelector", &target.annotation_selector, PatchTarget { annotation_selector: None, ..plain() }),
    ];
    let found = fields.iter().find_map(|(name, value, without)| {
        let value = value.as_ref()?;
        meets(without).then(|| format!("{name}: {value}"))
    });
    // A whole apiVersion of another time, such as `extensions/v1beta1`.
    found.or_else(|| {
        let (group, version) = (target.group.as_ref()?, target.version.as_ref()?);
        let without = PatchTarget { group: None, version: None, ..plain() };
        meets(&without).then(|| format!("group: {group}, version: {version}"))
    })
}

fn told(lint: &Lint<'_>, patch: &Patch, of_chart: &[Node]) -> (String, String) {
    let target = &patch.target;
    let name = target.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    let namespace = target.namespace.as_ref().map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
    let message = format!("the patch `{}` is for {}{name}{namespace}, and nothing like it is rendered here", patch.name, target.kind);
    // What an inventory renders elsewhere is not reached from here.
    let all = || beside(lint, patch).map(|document| &*document.node).chain(of_chart);
    let named = |object: &&Node| object.get_str("kind") == Some(&target.kind);
    let names: BTreeSet<&str> = all().filter(named).filter_map(|object| object.get("metadata")?.get_str("name")).collect();
    if let Some(part) = the_one_that_differs(target, all) {
        let help = format!("without `{part}` in the target it would meet it; a target says {SAYS} as the object has them");
        let of_flux = lint.scope.model.delivery == Delivery::Flux && part.starts_with("namespace:") && target.kind == "ServiceAccount";
        let seen = "take `namespace` out of the target: Flux patches what the chart's templates write, and they give it none";
        return (message, if of_flux { seen.to_owned() } else { help });
    }
    if !names.is_empty() {
        return (message, format!("there is {}; a target says {SAYS} as the object has them", listed(names)));
    }
    if lint.scope.model.delivery == Delivery::Flux && target.kind == "CustomResourceDefinition" {
        return (
            message,
            "Flux applies the chart's definitions as they are, and hands no patch to them; bring them by yourself".to_owned(),
        );
    }
    let kinds: BTreeSet<&str> = all().filter_map(|object| object.get_str("kind")).collect();
    let help = match nearest(&target.kind, kinds.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("what can be changed is {}", listed(kinds)),
    };
    (message, help)
}
