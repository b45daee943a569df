//! Folders that an engine builds: what it changes on the way, and what it brings that is not among the documents.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::object::{Object, is_filled_in_later, value};
use crate::manifest::Document;
use crate::manifest::kustomization::{is_remote, resolve};
use crate::yaml::{Node, Value};

/// Group of Flux's Kustomization.
pub(super) const FLUX_GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Fields of Flux's Kustomization that change what its folder holds. Source: kustomize-controller, `docs/spec/v1`.
const CHANGES_OF_FLUX: &[&str] = &[
    "components",
    "images",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "postBuild",
    "targetNamespace",
];

/// The same for `kustomize` in a source of Argo CD. Labels and annotations for all objects change nothing that rules judge.
/// Source: Argo CD, `ApplicationSourceKustomize`.
const CHANGES_OF_ARGO_CD: &[&str] = &["components", "images", "namePrefix", "nameSuffix", "namespace", "patches", "replicas"];

/// A folder that an engine is to build.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    /// The folder, below the repository; None for one that is filled in later.
    folder: Option<Utf8PathBuf>,
    /// What names the repository or bucket that holds it.
    source: Vec<&'a str>,
    /// Whether the engine changes what the folder holds in a way that is not known here.
    is_changed: bool,
}

/// Every folder that an object of Flux or Argo CD sends to the cluster, where the repository lies below `place` in the one
/// that the engine reads.
pub(super) fn sent<'a>(objects: &[Object<'a>], place: &str) -> Vec<Sent<'a>> {
    objects.iter().flat_map(|object| of_flux(*object, place).into_iter().chain(of_argo_cd(*object, place))).collect()
}

fn of_flux<'a>(object: Object<'a>, place: &str) -> Option<Sent<'a>> {
    object.is(FLUX_GROUP, "Kustomization").then_some(())?;
    let namespace = object.text("spec.sourceRef.namespace").or(object.namespace()).unwrap_or_default();
    let named = ["spec.sourceRef.kind", "spec.sourceRef.name"].map(|path| object.text(path).unwrap_or_default());
    Some(Sent {
        folder: folder_of(object.text("spec.path").unwrap_or_default(), place),
        source: vec![named[0], named[1], namespace],
        is_changed: object.get("spec").is_some_and(|spec| has_any(spec, CHANGES_OF_FLUX)),
    })
}

/// The sources of an Application with a folder each, and those that an ApplicationSet makes; charts have none.
fn of_argo_cd<'a>(object: Object<'a>, place: &str) -> Vec<Sent<'a>> {
    let spec = match (object.identity.group.as_str(), object.identity.kind.as_str()) {
        ("argoproj.io", "Application") => "spec",
        ("argoproj.io", "ApplicationSet") => "spec.template.spec",
        _ => return Vec::new(),
    };
    let one = object.get(&format!("{spec}.source"));
    let many = object.items(&format!("{spec}.sources")).map(|(_, source)| source);
    let sent = |source| {
        Some(Sent {
            folder: folder_of(value(source, "path").and_then(Node::as_str)?, place),
            source: vec![value(source, "repoURL").and_then(Node::as_str).unwrap_or_default()],
            is_changed: value(source, "kustomize").is_some_and(|kustomize| has_any(kustomize, CHANGES_OF_ARGO_CD)),
        })
    };
    one.into_iter().chain(many).filter_map(sent).collect()
}

/// The folder of this repository behind a path as engines write it, with or without `./` or `/` before it.
pub(super) fn folder_of(path: &str, place: &str) -> Option<Utf8PathBuf> {
    let is_known = !is_filled_in_later(path);
    let folder = resolve(Utf8Path::new(""), path.trim_start_matches('/')).filter(|_| is_known)?;
    Some(folder.strip_prefix(place).map(Utf8Path::to_owned).unwrap_or(folder))
}

/// Whether one of the keys says something.
fn has_any(node: &Node, keys: &[&str]) -> bool {
    keys.iter().filter_map(|key| value(node, key)).any(|found| match &found.value {
        Value::Null => false,
        Value::List(items) => !items.is_empty(),
        Value::Map(map) => map.iter().next().is_some(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    })
}

/// The roots that an engine changes: the one of the folder itself, or, where the folder has no kustomization, everything
/// below it.
pub(super) fn changed_roots<'a>(sent: &[Sent<'_>], documents: &'a [Document]) -> BTreeSet<&'a Utf8Path> {
    let roots: BTreeSet<&Utf8Path> = documents.iter().map(|document| &*document.root).collect();
    let changed = sent.iter().filter(|sent| sent.is_changed).filter_map(|sent| sent.folder.as_deref());
    let of_folder = |folder: &Utf8Path| match roots.get(folder) {
        Some(root) => vec![*root],
        None => roots.iter().copied().filter(|root| root.starts_with(folder)).collect(),
    };
    changed.flat_map(of_folder).collect()
}

/// Whether engines or kustomizations bring objects that are not among the documents: from another repository, from a
/// folder that was not read, from an address.
pub(super) fn brings_more(sent: &[Sent<'_>], documents: &[Document], kustomizations: &[&Document]) -> bool {
    let sources: BTreeSet<&[&str]> = sent.iter().map(|sent| sent.source.as_slice()).collect();
    let is_read = |folder: &Utf8Path| documents.iter().any(|document| document.file.starts_with(folder));
    let is_elsewhere = |sent: &Sent<'_>| !sent.folder.as_deref().is_some_and(is_read);
    sources.len() > 1 || sent.iter().any(is_elsewhere) || kustomizations.iter().any(|document| has_remote(document))
}

fn has_remote(kustomization: &Document) -> bool {
    let entries = |key: &str| value(&kustomization.node, key).and_then(Node::as_list).unwrap_or_default();
    let all = ["resources", "components", "bases"].into_iter().flat_map(entries);
    all.filter_map(Node::as_str).any(is_remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::written;

    const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: flux-system}\nspec: {path: ./out/prod/web, sourceRef: {kind: GitRepository, name: fleet}}\n";
    const ARGO_CD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd}\nspec: {source: {path: out/prod/web, repoURL: https://git.example.com/fleet.git}}\n";
    const WEB: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: web}\n";

    fn documents(engine: &str) -> Vec<Document> {
        let mut documents = written("apps/a.yaml", engine);
        documents.extend(written("web/a.yaml", WEB));
        documents
    }

    fn sent_by(documents: &[Document]) -> Vec<Sent<'_>> {
        sent(&documents.iter().filter_map(Object::new).collect::<Vec<_>>(), "fleet")
    }

    #[test]
    fn what_an_engine_changes_is_known_by_its_path() {
        let changed = |engine: &str| {
            let documents = documents(engine);
            let sent = sent_by(&documents);
            changed_roots(&sent, &documents).into_iter().map(|root| root.to_string()).collect::<Vec<_>>()
        };
        let with = |more: &str| FLUX.replace("spec: {", &format!("spec: {{{more}, "));
        assert_eq!(changed(FLUX), [""; 0]);
        assert_eq!(changed(&with("patches: []")), [""; 0]);
        for more in ["patches: [{patch: x}]", "postBuild: {substitute: {a: b}}", "targetNamespace: other", "images: [{name: a}]"] {
            assert_eq!(changed(&with(more)), ["out/prod/web"], "{more}");
        }
        let above = with("targetNamespace: other").replace("/out/prod/web", "/out/prod");
        assert_eq!(changed(&above), ["out/prod/apps", "out/prod/web"]);
        let kustomize = |more: &str| ARGO_CD.replace("source: {", &format!("source: {{kustomize: {{{more}}}, "));
        assert_eq!(changed(&kustomize("version: v5.4.3")), [""; 0]);
        for more in ["patches: [{patch: x}]", "namespace: other", "namePrefix: a-", "images: [a=b]"] {
            assert_eq!(changed(&kustomize(more)), ["out/prod/web"], "{more}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_seen() {
        let more = |engine: &str| {
            let documents = documents(engine);
            brings_more(&sent_by(&documents), &documents, &[])
        };
        for engine in [FLUX, ARGO_CD] {
            assert!(!more(engine), "{engine}");
            assert!(!more(&engine.replace("out/prod/web", "fleet/out/prod/web")), "the repository lies below another one's root");
            assert!(more(&engine.replace("out/prod/web", "infrastructure")), "{engine}");
        }
        let second = FLUX.replace("name: fleet", "name: platform").replace("name: a,", "name: b,");
        assert!(more(&format!("{FLUX}---\n{second}")));
        assert!(more(&ARGO_CD.replace("out/prod/web", "'{{path}}'")));
    }

    #[test]
    fn a_remote_base_brings_more() {
        let kustomization = |entry: &str| {
            let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
            let documents = written("web/kustomization.yaml", &format!("{head}resources: ['{entry}']\n"));
            brings_more(&[], &documents, &documents.iter().collect::<Vec<_>>())
        };
        assert!(kustomization("https://github.com/example/platform//issuers?ref=v1"));
        assert!(!kustomization("../base"));
    }
}
