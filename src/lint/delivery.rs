//! Rules about how a tree reaches the cluster: kustomizations, Flux, Argo CD, hooks and images.

mod image;
mod kustomization;
mod patch;
mod schedule;

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::Lint;
use super::engine::{FLUX_GROUP, folder_of};
use super::object::Object;
use crate::finding::{FLUX_CANNOT_INFLATE, Finding, HELM4_NEEDS_NEWER_KUSTOMIZE, HOOK_IGNORED, Level, Place, RESOURCE_NOT_LISTED, counted};
use crate::manifest::Document;
use crate::yaml::Path;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    kustomization::check(lint);
    image::check(lint);
    patch::check(lint);
    schedule::check(lint);
    check_helm_version(lint);
    let engine = Engine::of(lint);
    for object in lint.objects.clone() {
        check_flux(lint, object);
        check_hook(lint, object, engine);
    }
    check_listed(lint);
}

/// Who applies the tree, as far as its objects show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    ArgoCd,
    Flux,
    Unknown,
}

impl Engine {
    fn of(lint: &Lint<'_>) -> Engine {
        let has = |group: &str, kind: &str| {
            lint.objects.iter().any(|object| object.identity.group == group && object.identity.kind.starts_with(kind))
        };
        let has_argo_cd = lint.scope.model.argo_cd.is_some() || has("argoproj.io", "Application");
        match (has_argo_cd, has(FLUX_GROUP, "Kustomization")) {
            (true, _) => Engine::ArgoCd,
            (false, true) => Engine::Flux,
            (false, false) => Engine::Unknown,
        }
    }
}

/// Flux builds kustomizations without a Helm binary.
fn check_flux(lint: &mut Lint<'_>, object: Object<'_>) {
    if !object.is(FLUX_GROUP, "Kustomization") {
        return;
    }
    let place = &lint.scope.model.git.path;
    let Some(folder) = object.text("spec.path").and_then(|path| folder_of(path, place)) else { return };
    let inflated = lint.kustomizations.iter().find(|document| {
        kustomization::charts(document).next().is_some() && (document.root == folder || document.file.parent() == Some(&*folder))
    });
    if let Some(inflated) = inflated {
        let message = format!("Flux is to build `{folder}`, and `{}` has `helmCharts`, which Flux does not know", inflated.file);
        let help = "let Argo CD build this folder, or bring the chart with a HelmRelease; `delivery: flux` in the inventory renders one";
        lint.report(&FLUX_CANNOT_INFLATE, object.document, &Path::of(["spec", "path"]), message, help);
    }
}

/// Helm 4 with a kustomize that calls it as Helm 3.
fn check_helm_version(lint: &mut Lint<'_>) {
    let versions = &lint.scope.model.versions;
    let (Some(helm), Some(kustomize)) = (&versions.helm, &versions.kustomize) else { return };
    let inflates = lint.kustomizations.iter().any(|document| kustomization::charts(document).next().is_some());
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
fn check_hook(lint: &mut Lint<'_>, object: Object<'_>, engine: Engine) {
    let reader = match engine {
        Engine::ArgoCd => return,
        Engine::Flux => "Flux does",
        Engine::Unknown => "kubectl and Flux do",
    };
    // Whoever writes an annotation for Argo CD has Argo CD, perhaps in another repository.
    let is_for_argo_cd = object.annotations().any(|(key, ..)| key.starts_with("argocd.argoproj.io/"));
    let is_ignored = |key: &str| match key {
        "helm.sh/hook" => !is_for_argo_cd,
        "argocd.argoproj.io/hook" => engine == Engine::Flux,
        _ => false,
    };
    let Some((key, path, value)) = object.annotations().find(|(key, ..)| is_ignored(key)) else { return };
    let message = format!("`{key}: {value}` on {} `{}` is no hook here: {reader} not look at it", object.identity.kind, object.name());
    let help = match lint.is_of_chart(object.document) {
        true => {
            "the object is applied at once like any other, and never again; look for a value of the chart that turns it off, or write `argoCd:` where Argo CD applies this tree"
        }
        false => {
            "the object is applied at once like any other, and never again; bring it with a chart, let Argo CD sync this folder, or take it out"
        }
    };
    lint.report(&HOOK_IGNORED, object.document, &path, message, help);
}

/// Files beside a kustomization that does not name them: somebody's, or ours.
fn check_listed(lint: &mut Lint<'_>) {
    // Ours come first among the documents, and count where an overlay takes one of them up.
    let folders: BTreeMap<&Utf8Path, &Document> =
        lint.kustomizations.iter().rev().filter_map(|document| Some((document.file.parent()?, *document))).collect();
    let mut left_out: BTreeMap<&Utf8Path, (&Document, &Document, usize)> = BTreeMap::new();
    for object in &lint.objects {
        let document = object.document;
        let Some(beside) = document.file.parent().and_then(|folder| folders.get(folder)) else { continue };
        let is_left_out = match document.is_written() {
            true => document.root == document.file,
            false => !beside.is_written() && !kustomization::names(beside, &document.file),
        };
        if is_left_out {
            left_out.entry(&document.file).or_insert((document, beside, 0)).2 += 1;
        }
    }
    for (file, (document, beside, objects)) in left_out {
        let objects = counted(objects, "object");
        let message = format!("`{}` does not name `{file}`: kustomize leaves out what it holds ({objects})", beside.file);
        if document.is_written() {
            let finding = Finding::new(&RESOURCE_NOT_LISTED, Place::whole(file), message);
            lint.add(document, finding.at(Level::Note).help("add it to `resources`, or move it elsewhere"));
        } else {
            let help = "write `resources: {{ resources }}` into the template of the kustomization";
            lint.report(&RESOURCE_NOT_LISTED, beside, &Path::of(["resources"]), message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    #[test]
    fn a_hook_beside_an_annotation_for_argo_cd_has_its_reader() {
        let of = |annotations: &str| {
            let text = format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n  namespace: web\n  annotations:\n    helm.sh/hook: pre-install\n{annotations}"
            );
            places("hook-ignored", "", &[("jobs/a.yaml", &text)])
        };
        assert_eq!(of(""), ["7:19"]);
        assert_eq!(of("    argocd.argoproj.io/sync-wave: '1'\n"), [""; 0]);
    }
}
