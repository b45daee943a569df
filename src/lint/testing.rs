//! What unit tests of rules need: documents from text, as if somebody had written them, and what is found in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Scope, Verdict, lint};
use crate::finding::{Level, Place};
use crate::inventory::{EnvironmentName, Layers};
use crate::manifest::{Content, Document, Identity, Origin};
use crate::model::{Extent, KnownSnapshot, Model, build};
use crate::yaml::{Keys, Node, read};

/// The documents of a file, below `out/prod/`. One without a kind is values of a chart.
pub(super) fn written(file: &str, text: &str) -> Vec<Document> {
    let file = Utf8PathBuf::from(format!("out/prod/{file}"));
    let root = file.parent().unwrap_or(Utf8Path::new("")).to_owned();
    let files: Arc<[Utf8PathBuf]> = [file.clone()].into();
    let nodes = read(text, 0, Keys::AsKubernetes).expect("YAML");
    let document = |node: Node| Document {
        file: file.clone(),
        root: root.clone(),
        content: content(&node),
        node: Arc::new(node),
        origin: Origin::Written(Arc::clone(&files)),
    };
    nodes.into_iter().map(document).collect()
}

fn content(node: &Node) -> Content {
    let version = node.get_str("apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let metadata = |key: &str| node.get("metadata").and_then(|metadata| metadata.get_str(key)).map(str::to_owned);
    match node.get_str("kind") {
        None => Content::Values,
        Some("Kustomization") if group == "kustomize.config.k8s.io" => Content::Kustomization,
        Some(kind) => Content::Object(Identity {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: metadata("namespace"),
            name: metadata("name").unwrap_or_default(),
        }),
    }
}

/// What an inventory holds beside its head, and files below `out/prod/` by name and text, to what is found in the files:
/// code, level, and where, as `line:column`.
pub(super) fn found(inventory: &str, files: &[(&str, &str)]) -> Vec<(&'static str, Level, String)> {
    let shown = |place: Place| match place {
        Place::File { line, column, .. } => format!("{line}:{column}"),
        Place::Inventory(path) | Place::InventoryKey(path) => path.to_string(),
    };
    verdict(inventory, files).theirs.into_iter().map(|finding| (finding.rule.code, finding.level, shown(finding.place))).collect()
}

/// The places where one rule finds something.
pub(super) fn places(code: &str, inventory: &str, files: &[(&str, &str)]) -> Vec<String> {
    found(inventory, files).into_iter().filter(|(found, ..)| *found == code).map(|(_, _, place)| place).collect()
}

fn verdict(inventory: &str, files: &[(&str, &str)]) -> Verdict {
    let snapshots = BTreeMap::new();
    let model = model(inventory, &snapshots, Extent::Everything);
    let documents: Vec<Document> = files.iter().flat_map(|(file, text)| written(file, text)).collect();
    let definitions = crate::manifest::crd::CrdCatalog::default();
    lint(&Scope { model: &model, snapshots: &snapshots, documents: &documents, definitions: &definitions, vendored: None, as_of: None })
}

/// The model of an inventory, given what stands behind its first two lines.
pub(super) fn model(inventory: &str, snapshots: &BTreeMap<String, KnownSnapshot>, extent: Extent) -> Model {
    let name = EnvironmentName::new("prod").expect("a name");
    let text = format!("apiVersion: trustree.dev/v1alpha1\nkind: Environment\n{inventory}");
    let loaded = Layers::default().load(&name, Utf8Path::new("environments/prod/inventory.yaml"), text.as_bytes());
    let inventory = loaded.unwrap_or_else(|findings| panic!("{findings:?}"));
    build(&name, &inventory, snapshots, extent).0
}
