//! What the bootstrap Job finds in its pod: a small repository with the inventory that the model cut out for it, the levels
//! that the settings give to rules, and the user's own templates for what it renders. Named by a digest of all that and of
//! the Job itself, because neither a Job nor an immutable ConfigMap can be changed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::finding::{Finding, Place, WRONG_TYPE};
use crate::inventory::{INVENTORY_FILE, OverrideLevel, RuleOverride, Settings};
use crate::manifest::Shape;
use crate::model::{Bootstrap, Model};
use crate::render::component::{CARRIED, Templates};
use crate::render::specification::{FileSpecification, Stage};
use crate::tree::Digest;
use crate::yaml::{Path, document};

/// Name of the component.
const COMPONENT: &str = "bootstrap";
/// The repository in the pod.
const ROOT: &str = "/workspace";
/// Bytes that a ConfigMap may hold. Source: Kubernetes, `MaxSecretSize`.
const MAX_BYTES: usize = 1024 * 1024;

/// What templates see as `bootstrapInput`.
#[derive(Debug, Serialize)]
pub(super) struct Input {
    /// Name of the ConfigMap and of the Job.
    pub(super) name: String,
    /// Files by their key in the ConfigMap.
    pub(super) files: BTreeMap<String, String>,
    /// Where they lie in the pod.
    pub(super) mounts: Vec<Mount>,
    /// Files that the Job renders and applies, in this order.
    pub(super) applied: Vec<String>,
}

/// One file in the pod. Each is mounted by its own key: whole ConfigMaps are mounted as links, which are not followed.
#[derive(Debug, Serialize)]
pub(super) struct Mount {
    /// Its key in the ConfigMap.
    pub(super) key: String,
    /// Its path in the pod.
    pub(super) path: String,
}

/// What the pod of a bootstrap finds, and what is wrong with that.
pub(super) fn input(model: &Model, bootstrap: &Bootstrap, templates: &Templates, settings: &Settings) -> (Input, Option<Finding>) {
    // A map always serializes.
    let inventory = document(&with_rules(&bootstrap.inventory, settings)).unwrap_or_default();
    let mut files = BTreeMap::from([(INVENTORY_FILE.to_owned(), inventory)]);
    let mut mounts = vec![Mount {
        key: INVENTORY_FILE.to_owned(),
        path: format!("{ROOT}/environments/{}/{INVENTORY_FILE}", model.environment.as_str()),
    }];
    for (name, text) in &templates.carried {
        let key = format!("{CARRIED}.{name}");
        mounts.push(Mount { key: key.clone(), path: format!("{ROOT}/templates/{CARRIED}/{name}") });
        files.insert(key, text.clone());
    }
    let bytes: usize = files.iter().map(|(key, text)| key.len() + text.len()).sum();
    let problem = (bytes > MAX_BYTES).then(|| {
        let message = format!("what the bootstrap needs to render takes {bytes} bytes, and a ConfigMap holds {MAX_BYTES}");
        let help = "leave `bootstrap` out here, and import the snapshot by hand once the CA runs";
        Finding::new(&WRONG_TYPE, Place::Inventory(Path::of([COMPONENT])), message).help(help)
    });
    let applied = applied(model, bootstrap, templates);
    let digest = digest(model, bootstrap, templates, &files);
    (Input { name: format!("trustree-bootstrap-{digest}"), files, mounts, applied }, problem)
}

/// The first digits of everything that makes the Job what it is.
fn digest(model: &Model, bootstrap: &Bootstrap, templates: &Templates, files: &BTreeMap<String, String>) -> String {
    let told = serde_json::json!({
        "bootstrap": bootstrap, "files": files, "environment": model.environment.as_str(), "argoCd": model.argo_cd.is_some(),
    });
    let mut parts = vec![told.to_string()];
    let own = templates.components.iter().find(|component| component.name == COMPONENT);
    let named = own.into_iter().flat_map(|component| component.specification.files.values().map(move |file| (component, file)));
    for (component, document) in named.flat_map(|(component, file)| file.documents.iter().map(move |document| (component, document))) {
        let template = templates.environment.get_template(&component.template_name(&document.template));
        parts.extend(template.map(|template| template.source().to_owned()));
    }
    Digest::of_parts(parts.iter().map(String::as_bytes)).to_string().chars().take(10).collect()
}

/// The files with issuers, then those with certificates, as the component's own description names them.
fn applied(model: &Model, bootstrap: &Bootstrap, templates: &Templates) -> Vec<String> {
    let folder = Settings::default().component_folder(&bootstrap.home, CARRIED);
    let folder = format!("{ROOT}/out/{}/{folder}", model.environment.as_str());
    let component = templates.components.iter().find(|component| component.name == CARRIED);
    let is_there = |file: &FileSpecification| {
        file.documents.iter().any(|document| document.over.as_deref().is_none_or(|map| bootstrap.waiting.contains(map)))
    };
    let files = component.into_iter().flat_map(|component| &component.specification.files);
    let files = files.filter(|(_, file)| file.content == Shape::Object && file.stage > Stage::Controller && is_there(file));
    let mut found: Vec<(Stage, String)> = files.map(|(name, file)| (file.stage, format!("{folder}/{name}"))).collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The inventory with the levels that the settings give to rules; its own word counts more.
fn with_rules(inventory: &Value, settings: &Settings) -> Value {
    let mut inventory = inventory.clone();
    if settings.rules.is_empty() {
        return inventory;
    }
    let mut rules: serde_json::Map<String, Value> =
        settings.rules.iter().map(|(code, changed)| (code.clone(), level_of(changed))).collect();
    let own = inventory.get("rules").and_then(Value::as_object).cloned();
    rules.extend(own.unwrap_or_default());
    if let Some(fields) = inventory.as_object_mut() {
        fields.insert("rules".to_owned(), rules.into());
    }
    inventory
}

fn level_of(changed: &RuleOverride) -> Value {
    let level = match changed.level {
        OverrideLevel::Off => "off",
        OverrideLevel::Note => "note",
        OverrideLevel::Warning => "warning",
        OverrideLevel::Error => "error",
    };
    match &changed.reason {
        Some(reason) => serde_json::json!({"level": level, "reason": reason}),
        None => serde_json::json!({"level": level}),
    }
}
