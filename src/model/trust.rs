//! Trust: the roots of the snapshots in objects that reach those who must trust them. During a rotation a snapshot holds the
//! old and the new root, so both go out.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::finding::{NAME_INVALID, REFERENCE_UNRESOLVED, WRONG_TYPE};
use crate::inventory::{self, BundleTarget, CopyProgram};
use crate::manifest::{dns_label_problem, label_value_problem, qualified_name_problem};
use crate::model::Model;
use crate::model::copies;
use crate::model::resolution::Resolution;
use crate::pki::Fingerprint;
use crate::snapshot::Snapshot;
use crate::yaml::{Path, Segment};

/// The key of the roots, where the inventory names none.
const KEY: &str = "ca.crt";
/// The longest key that a ConfigMap or Secret may have. Source: Kubernetes, `validation.IsConfigMapKey`.
const LONGEST_KEY: usize = 253;

/// What spreads the roots.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trust {
    /// Bundles of trust-manager, by their name in the inventory.
    pub bundles: BTreeMap<String, TrustBundle>,
    /// ConfigMaps, by their name in the inventory and their namespace, with `/` between them.
    pub config_maps: BTreeMap<String, TrustConfigMap>,
}

/// A Bundle, ready to be rendered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustBundle {
    /// Name of the object, and of everything that is made from it.
    pub name: String,
    /// Its sources: the roots of each authority, as PEM.
    pub sources: Vec<Value>,
    /// What is made in each namespace.
    pub target: Value,
}

/// A ConfigMap with roots, or one that another program fills with them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustConfigMap {
    /// Name of the object.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What copies it, or what it is a copy of.
    pub annotations: BTreeMap<String, String>,
    /// The roots as PEM, under their key; empty in a copy.
    pub data: BTreeMap<String, String>,
    /// The field of the entry that says the namespace. Not for templates.
    #[serde(skip)]
    pub namespace_field: &'static str,
}

/// How one entry spreads its roots.
enum Way<'a> {
    Bundle(&'a inventory::TrustBundle),
    ConfigMaps(&'a [String]),
    Replicator(&'a inventory::Replicator),
    Reflector(&'a inventory::Reflector),
}

/// Resolves every entry whose roots are known, as far as they are; None where there is nothing to spread. Where an object
/// comes from is told to `origins`.
pub(super) fn resolve(resolution: &mut Resolution<'_>, origins: &mut BTreeMap<Vec<String>, Path>) -> Option<Trust> {
    let mut trust = Trust::default();
    for (key, written) in &resolution.fields.trust {
        let path = Path::of(["trust", key]);
        let name = written.name.clone().unwrap_or_else(|| key.clone());
        let roots_key = written.key.as_deref().unwrap_or(KEY);
        let is_key = check_key(resolution, &path.key("key"), roots_key);
        let stores = stores(resolution, &path, written);
        let Some(way) = way(resolution, &path, written) else { continue };
        let is_sound = way.is_sound(resolution, &path, roots_key) && is_key;
        let Some(stores) = stores.filter(|_| is_sound) else { continue };
        let roots = Roots { name, key: roots_key, stores };
        let origin = |map: &str, own: &str| vec!["trust".to_owned(), map.to_owned(), own.to_owned()];
        if let Way::Bundle(bundle) = way {
            origins.insert(origin("bundles", key), path);
            trust.bundles.insert(key.clone(), roots.bundle(bundle));
            continue;
        }
        for config_map in roots.config_maps(&way) {
            let own = format!("{key}/{}", config_map.namespace);
            origins.insert(origin("configMaps", &own), path.clone());
            trust.config_maps.insert(own, config_map);
        }
    }
    (!trust.bundles.is_empty() || !trust.config_maps.is_empty()).then_some(trust)
}

/// How many entries spread the roots of an authority.
pub(super) fn waiting_for(fields: &inventory::EnvironmentFile, authority: &str) -> usize {
    let wants = |trust: &&inventory::Trust| trust.authorities.as_ref().is_none_or(|names| names.iter().any(|name| name == authority));
    fields.trust.values().filter(wants).count()
}

/// The one way that an entry names; none or several are reported.
fn way<'a>(resolution: &mut Resolution<'_>, path: &Path, written: &'a inventory::Trust) -> Option<Way<'a>> {
    let ways = [
        written.bundle.as_ref().map(Way::Bundle),
        written.config_maps.as_deref().map(Way::ConfigMaps),
        written.replicator.as_ref().map(Way::Replicator),
        written.reflector.as_ref().map(Way::Reflector),
    ];
    let mut ways: Vec<Way<'a>> = ways.into_iter().flatten().collect();
    if ways.len() == 1 {
        return ways.pop();
    }
    let message = match ways.as_slice() {
        [] => "nothing says how these roots are spread".to_owned(),
        [first, second, ..] => format!("`{}` and `{}` would both write these roots", first.field(), second.field()),
        [_] => return None,
    };
    let help = "write one of `bundle`, `configMaps`, `replicator` and `reflector`; another way is another entry, with a name of its own";
    resolution.report(&WRONG_TYPE, path.clone(), message, help);
    None
}

/// The roots of each authority, none of them twice. An authority that waits for its snapshot has none yet. None where all of
/// them wait, and where a name leads nowhere, which is reported.
fn stores(resolution: &mut Resolution<'_>, path: &Path, written: &inventory::Trust) -> Option<Vec<String>> {
    let fields = resolution.fields;
    if fields.authorities.is_empty() {
        let message = "there is no authority whose roots could be spread";
        resolution.report(&REFERENCE_UNRESOLVED, path.clone(), message, "write `authorities:`, or take this entry out");
        return None;
    }
    let names: Vec<&String> = match &written.authorities {
        None => fields.authorities.keys().collect(),
        Some(names) if names.is_empty() => {
            let help = "name the authorities whose roots are spread, or take the field out to mean all of them";
            resolution.report(&WRONG_TYPE, path.key("authorities"), "the list names no authority", help);
            return None;
        }
        Some(names) => names.iter().collect(),
    };
    let mut are_known = true;
    for (index, name) in names.iter().enumerate().filter(|(_, name)| !fields.authorities.contains_key(name.as_str())) {
        are_known = false;
        resolution.unresolved(path.key("authorities").index(index), "authority", name, fields.authorities.keys());
    }
    if !are_known {
        return None;
    }
    let mut seen = BTreeSet::new();
    let snapshots: Vec<&Snapshot> = names.iter().filter_map(|name| resolution.snapshots.get(name.as_str())?.snapshot()).collect();
    let stores = snapshots.iter().map(|snapshot| new_roots(snapshot, &mut seen)).filter(|pem| !pem.is_empty());
    (!snapshots.is_empty()).then(|| stores.collect())
}

/// The roots of a snapshot that were not seen before, as PEM.
fn new_roots(snapshot: &Snapshot, seen: &mut BTreeSet<Fingerprint>) -> String {
    let is_new = |root: &&crate::snapshot::Root| seen.insert(root.certificate.fingerprint());
    snapshot.roots().iter().filter(is_new).map(|root| root.certificate.to_pem()).collect()
}

/// A key of a ConfigMap or Secret: letters, digits, `-`, `_` and `.`.
pub(super) fn check_key(resolution: &mut Resolution<'_>, path: &Path, key: &str) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let is_sound = !key.is_empty() && key.len() <= LONGEST_KEY && key.chars().all(is_allowed) && key != "." && !key.starts_with("..");
    if !is_sound {
        let message = format!("`{key}` cannot be a key of a ConfigMap or Secret: letters, digits, `-`, `_` and `.` are allowed");
        resolution.report(&NAME_INVALID, path.clone(), message, "write a key such as `ca.crt`");
    }
    is_sound
}

impl Way<'_> {
    /// The field that names it.
    fn field(&self) -> &'static str {
        match self {
            Way::Bundle(_) => "bundle",
            Way::ConfigMaps(_) => "configMaps",
            Way::Replicator(_) => "replicator",
            Way::Reflector(_) => "reflector",
        }
    }

    /// Whether what the entry says of it makes sense; what does not is reported.
    fn is_sound(&self, resolution: &mut Resolution<'_>, path: &Path, key: &str) -> bool {
        let path = path.key(self.field());
        match self {
            Way::Bundle(bundle) => is_sound_bundle(resolution, &path, key, bundle),
            Way::ConfigMaps(namespaces) => {
                copies::check_not_empty(resolution, &path, namespaces) && are_names(resolution, &path, namespaces, "a ConfigMap")
            }
            Way::Replicator(replicator) => {
                let has_selector = !replicator.selector.is_empty();
                let list = path.key("namespaces");
                let copies = replicator.copies == Some(true);
                if has_selector && copies {
                    let message = "with `copies` each namespace is named in full, and a selector names none";
                    resolution.report(&WRONG_TYPE, path.key("selector"), message, "take `selector` out, or `copies`");
                    return false;
                }
                let are_labels = check_labels(resolution, &path.key("selector"), &replicator.selector);
                let is_somebody = has_selector || copies::check_not_empty(resolution, &list, &replicator.namespaces);
                is_namespace(resolution, &path, &replicator.namespace)
                    & are_labels
                    & (is_somebody && are_targets(resolution, &list, &replicator.namespaces, copies))
            }
            Way::Reflector(reflector) => {
                let list = path.key("namespaces");
                is_namespace(resolution, &path, &reflector.namespace)
                    & (copies::check_not_empty(resolution, &list, &reflector.namespaces)
                        && are_targets(resolution, &list, &reflector.namespaces, reflector.copies == Some(true)))
            }
        }
    }
}

fn is_namespace(resolution: &mut Resolution<'_>, path: &Path, namespace: &str) -> bool {
    let Some(problem) = dns_label_problem(namespace) else { return true };
    let message = format!("`{namespace}` names no namespace: {problem}");
    resolution.report(&NAME_INVALID, path.key("namespace"), message, "use a name such as `smallstep`");
    false
}

fn are_targets(resolution: &mut Resolution<'_>, path: &Path, namespaces: &[String], copies: bool) -> bool {
    match copies {
        true => are_names(resolution, path, namespaces, "a copy"),
        false => copies::check_namespaces(resolution, path, namespaces),
    }
}

/// Namespaces in full, because an object is written into each of them.
fn are_names(resolution: &mut Resolution<'_>, path: &Path, namespaces: &[String], what: &str) -> bool {
    let mut are_names = copies::check_namespaces(resolution, path, namespaces);
    for (index, namespace) in namespaces.iter().enumerate().filter(|(_, namespace)| copies::is_glob(namespace)) {
        are_names = false;
        let message = format!("`{namespace}` is a pattern, and {what} lies in one namespace");
        let help = "name each namespace; or let `bundle`, `replicator` or `reflector` make the objects";
        resolution.report(&NAME_INVALID, path.index(index), message, help);
    }
    are_names
}

pub(super) fn check_labels(resolution: &mut Resolution<'_>, path: &Path, labels: &BTreeMap<String, String>) -> bool {
    let mut are_sound = true;
    for (label, value) in labels {
        let Some(problem) = qualified_name_problem(label).or_else(|| label_value_problem(value)) else { continue };
        are_sound = false;
        let message = format!("`{label}: {value}` is no label: {problem}");
        resolution.report(&NAME_INVALID, path.key(label), message, "write it as the objects bear it, such as `team: web`");
    }
    are_sound
}

/// trust-manager's webhook asks for keys of their own, and an expression for values where it compares with some.
/// Source: trust-manager, `pkg/webhook/validation.go`.
fn is_sound_bundle(resolution: &mut Resolution<'_>, path: &Path, key: &str, bundle: &inventory::TrustBundle) -> bool {
    use inventory::LabelOperator::{DoesNotExist, Exists, In, NotIn};
    let mut is_sound = true;
    let mut taken = vec![key];
    let stores = [("jks", bundle.jks.as_ref().map(|jks| &jks.key)), ("pkcs12", bundle.pkcs12.as_ref().map(|pkcs12| &pkcs12.key))];
    for (field, own) in stores.into_iter().filter_map(|(field, own)| Some((field, own?))) {
        let path = path.key(field).key("key");
        is_sound &= check_key(resolution, &path, own);
        if taken.contains(&own.as_str()) {
            is_sound = false;
            let message = format!("the key `{own}` stands for something else in the same object, so trust-manager refuses the Bundle");
            resolution.report(&WRONG_TYPE, path, message, "give it a key of its own, such as `truststore.p12`");
        }
        taken.push(own);
    }
    let Some(selector) = &bundle.namespace_selector else { return is_sound };
    let path = path.key("namespaceSelector");
    is_sound &= check_labels(resolution, &path.key("matchLabels"), &selector.match_labels);
    for (index, expression) in selector.match_expressions.iter().enumerate() {
        let problem = match (expression.operator, expression.values.is_empty()) {
            (In | NotIn, true) => "compares with nothing",
            (Exists | DoesNotExist, false) => "takes no values",
            _ => continue,
        };
        is_sound = false;
        let message = format!("the expression for `{}` {problem}, so trust-manager refuses the Bundle", expression.key);
        let help = "`In` and `NotIn` take `values`, `Exists` and `DoesNotExist` none";
        resolution.report(&WRONG_TYPE, path.key("matchExpressions").index(index), message, help);
    }
    is_sound
}

/// The roots of one entry and what they are called.
struct Roots<'a> {
    name: String,
    key: &'a str,
    /// PEM, by authority.
    stores: Vec<String>,
}

impl Roots<'_> {
    fn bundle(&self, written: &inventory::TrustBundle) -> TrustBundle {
        let mut sources: Vec<Value> = self.stores.iter().map(|pem| json!({"inLine": pem})).collect();
        if written.use_default_cas == Some(true) {
            sources.push(json!({"useDefaultCAs": true}));
        }
        let mut target = Map::new();
        let mut formats = Map::new();
        formats.extend(written.jks.as_ref().map(|jks| ("jks".to_owned(), json!(jks))));
        formats.extend(written.pkcs12.as_ref().map(|pkcs12| ("pkcs12".to_owned(), json!(pkcs12))));
        if !formats.is_empty() {
            target.insert("additionalFormats".to_owned(), Value::Object(formats));
        }
        let kind = match written.target.unwrap_or_default() {
            BundleTarget::ConfigMap => "configMap",
            BundleTarget::Secret => "secret",
        };
        target.insert(kind.to_owned(), json!({"key": self.key}));
        let selector = written.namespace_selector.as_ref().filter(|selector| **selector != inventory::LabelSelector::default());
        target.extend(selector.map(|selector| ("namespaceSelector".to_owned(), json!(selector))));
        TrustBundle { name: self.name.clone(), sources, target: Value::Object(target) }
    }

    fn config_maps(&self, way: &Way<'_>) -> Vec<TrustConfigMap> {
        match way {
            Way::Bundle(_) => Vec::new(),
            Way::ConfigMaps(namespaces) => namespaces.iter().map(|namespace| self.full(namespace, BTreeMap::new(), "configMaps")).collect(),
            Way::Replicator(written) => {
                let (program, namespaces) = (CopyProgram::Replicator, &written.namespaces);
                if written.copies == Some(true) {
                    return self.filled(program, &written.namespace, namespaces);
                }
                let mut annotations = if namespaces.is_empty() { BTreeMap::new() } else { copies::pushed(program, namespaces) };
                annotations.extend((!written.selector.is_empty()).then(|| copies::matching(&written.selector)));
                annotations.extend([copies::without_labels()]);
                vec![self.full(&written.namespace, annotations, "replicator")]
            }
            Way::Reflector(written) => {
                let (program, namespaces) = (CopyProgram::Reflector, &written.namespaces);
                match written.copies == Some(true) {
                    true => self.filled(program, &written.namespace, namespaces),
                    false => vec![self.full(&written.namespace, copies::pushed(program, namespaces), "reflector")],
                }
            }
        }
    }

    fn full(&self, namespace: &str, annotations: BTreeMap<String, String>, field: &'static str) -> TrustConfigMap {
        TrustConfigMap {
            name: self.name.clone(),
            namespace: namespace.to_owned(),
            annotations,
            data: BTreeMap::from([(self.key.to_owned(), self.stores.concat())]),
            namespace_field: field,
        }
    }

    /// A source, and copies of it; the source needs none beside it.
    fn filled(&self, program: CopyProgram, source: &str, namespaces: &[String]) -> Vec<TrustConfigMap> {
        let field = match program {
            CopyProgram::Replicator => "replicator",
            CopyProgram::Reflector => "reflector",
        };
        let mut all = vec![self.full(source, copies::allowed(program, namespaces), field)];
        all.extend(namespaces.iter().filter(|namespace| *namespace != source).map(|namespace| TrustConfigMap {
            data: BTreeMap::new(),
            ..self.full(namespace, copies::filled(program, source, &self.name), field)
        }));
        all
    }
}

impl Model {
    /// The path in the inventory that a field of a Bundle or ConfigMap of an entry of `trust` comes from.
    pub(super) fn source_of_trust(&self, entry: &Path, keys: &[&str]) -> Path {
        let bundle = entry.key("bundle");
        match keys {
            ["metadata", "annotations", name] if name.starts_with(copies::REPLICATOR) => {
                let field = if name.ends_with("/replicate-to-matching") { "selector" } else { "namespaces" };
                entry.key("replicator").key(field)
            }
            ["metadata", "annotations", name] if name.starts_with(copies::REFLECTOR) => entry.key("reflector").key("namespaces"),
            ["metadata", "namespace"] => match self.namespace_field_of(entry) {
                Some("configMaps") => entry.key("configMaps"),
                Some(field) => entry.key(field).key("namespace"),
                None => entry.clone(),
            },
            ["metadata", "name"] => entry.key("name"),
            ["data"] | ["spec", "sources"] => entry.key("authorities"),
            ["data", _] | ["spec", "target", "configMap" | "secret", "key"] => entry.key("key"),
            ["spec", "target", "configMap" | "secret", ..] => bundle.key("target"),
            ["spec", "target", "additionalFormats", rest @ ..] => rest.iter().fold(bundle, |path, key| path.key(key)),
            ["spec", "target", rest @ ..] => rest.iter().fold(bundle, |path, key| path.key(key)),
            _ => entry.clone(),
        }
    }

    fn namespace_field_of(&self, entry: &Path) -> Option<&'static str> {
        let Some(Segment::Key(key)) = entry.segments().get(1) else { return None };
        let config_maps = &self.trust.as_ref()?.config_maps;
        let found = config_maps.iter().find(|(own, _)| own.rsplit_once('/').is_some_and(|(name, _)| name == &**key));
        found.map(|(_, config_map)| config_map.namespace_field)
    }
}
