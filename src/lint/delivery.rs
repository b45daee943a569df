//! Rules about how a tree reaches the cluster: kustomizations, Flux, Argo CD, hooks and images.

mod image;
mod kustomization;

use super::Lint;
use super::object::Object;
use crate::finding::{FLUX_CANNOT_INFLATE, HELM4_NEEDS_NEWER_KUSTOMIZE, HOOK_IGNORED, Level, Place, RESOURCE_NOT_LISTED};
use crate::finding::{Finding, counted};
use crate::manifest::kustomization::resolve;
use crate::yaml::Path;
use camino::Utf8Path;

/// Group of Flux's Kustomization.
const FLUX_GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    kustomization::check(lint);
    image::check(lint);
    check_helm_version(lint);
    for object in lint.objects.clone() {
        check_flux(lint, object);
        check_hook(lint, object);
        check_listed(lint, object);
    }
}

/// Flux builds kustomizations without a Helm binary.
fn check_flux(lint: &mut Lint<'_>, object: Object<'_>) {
    if !object.is(FLUX_GROUP, "Kustomization") {
        return;
    }
    let Some(folder) = object.text("spec.path").and_then(|path| resolve(Utf8Path::new(""), path.trim_start_matches('/'))) else { return };
    let inflated = lint.kustomizations().find(|document| {
        kustomization::charts(document).next().is_some() && (document.root == folder || document.file.parent() == Some(&*folder))
    });
    if let Some(inflated) = inflated {
        let message = format!("Flux is to build `{folder}`, and `{}` has `helmCharts`, which Flux does not know", inflated.file);
        let help = "let Argo CD build this folder, or give Flux a HelmRelease in place of `helmCharts`";
        lint.report(&FLUX_CANNOT_INFLATE, object.document, &Path::of(["spec", "path"]), message, help);
    }
}

/// Helm 4 with a kustomize that calls it as Helm 3.
fn check_helm_version(lint: &mut Lint<'_>) {
    let versions = &lint.scope.model.versions;
    let (Some(helm), Some(kustomize)) = (&versions.helm, &versions.kustomize) else { return };
    let inflates = lint.kustomizations().any(|document| kustomization::charts(document).next().is_some());
    if !inflates || numbers(helm).first().is_none_or(|major| *major < 4) {
        return;
    }
    let (level, message) = match numbers(kustomize).as_slice() {
        [5, 8] => (Level::Note, format!("Helm {helm} needs kustomize 5.8.1, and `{kustomize}` may be 5.8.0")),
        known if known < [5, 8, 1].as_slice() => (Level::Warning, format!("kustomize {kustomize} cannot call Helm {helm}: it needs 5.8.1")),
        _ => return,
    };
    let finding = Finding::new(&HELM4_NEEDS_NEWER_KUSTOMIZE, Place::Inventory(Path::of(["versions", "kustomize"])), message);
    lint.add_ours(finding.at(level).help("use kustomize 5.8.1 or newer and write that here, or stay with Helm 3"));
}

/// The numbers of a version, up to the first part that is none.
pub(super) fn numbers(version: &str) -> Vec<u32> {
    version.trim_start_matches('v').split('.').map_while(|part| part.parse().ok()).collect()
}

/// Hooks on objects that no chart brings.
fn check_hook(lint: &mut Lint<'_>, object: Object<'_>) {
    if lint.objects.iter().any(|other| other.identity.group == "argoproj.io" && other.identity.kind.starts_with("Application")) {
        return;
    }
    let is_flux = lint.objects.iter().any(|other| other.identity.group == FLUX_GROUP);
    // Whoever writes a hook of Argo CD has Argo CD, perhaps in another repository.
    let is_ignored = |key: &str| key == "helm.sh/hook" || key == "argocd.argoproj.io/hook" && is_flux;
    let Some((key, path, value)) = object.annotations().find(|(key, ..)| is_ignored(key)) else { return };
    let reader = if is_flux { "Flux does" } else { "kubectl and Flux do" };
    let message = format!("`{key}: {value}` on {} `{}` is no hook here: {reader} not look at it", object.identity.kind, object.name());
    let help = "the object is applied at once like any other, and never again; bring it with a chart, let Argo CD sync this folder, or take it out";
    lint.report(&HOOK_IGNORED, object.document, &path, message, help);
}

/// Files beside a kustomization that does not name them.
fn check_listed(lint: &mut Lint<'_>, object: Object<'_>) {
    let document = object.document;
    let Some(folder) = document.file.parent() else { return };
    if !document.is_written() {
        return kustomization::check_ours_listed(lint, object);
    }
    let is_lone = document.root == document.file;
    let Some(beside) = lint.kustomizations().find(|other| is_lone && other.file.parent() == Some(folder)) else { return };
    let objects = lint.objects.iter().filter(|other| other.document.root == document.file).count();
    let message = format!("`{}` does not name this file: kustomize leaves out what it holds ({})", beside.file, counted(objects, "object"));
    let help = "add it to `resources`, or move it elsewhere";
    let finding = Finding::new(&RESOURCE_NOT_LISTED, Place::whole(&document.file), message);
    lint.add(document, finding.at(Level::Note).help(help));
}
