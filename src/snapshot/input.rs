//! What was given to import, taken apart by content: objects of Kubernetes, Helm values, files of a CA, answers of its
//! API. Nothing here decides what belongs together.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::object::{Object, Part};
use crate::finding::{Finding, INVALID_YAML, Place, SNAPSHOT_INCOMPLETE, WRONG_TYPE};
use crate::yaml::{self, Keys, Node};

/// A file, or what came in through a pipe.
#[derive(Clone, PartialEq, Eq)]
pub struct Input {
    /// The path as it is shown; below a folder, the path within it. `-` for a pipe.
    pub name: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Input {
    /// Without the content, which may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Input({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// Whether a file in a folder that was given may be opened at all: certificates, JSON and YAML, and nothing that is a key
/// or a password by its name.
pub fn is_wanted(path: &Utf8Path) -> bool {
    let lower = path.as_str().to_ascii_lowercase();
    let lower = Utf8Path::new(&lower);
    let extension = lower.extension().unwrap_or_default();
    let kept_away = |name: &str| matches!(name, "secrets" | "private" | "db" | ".git");
    let name = lower.file_name().unwrap_or_default();
    let is_data = matches!(extension, "json" | "yaml" | "yml");
    let is_certificate = matches!(extension, "crt" | "pem" | "cer" | "cert");
    let mut words = name.split(|character: char| !character.is_ascii_alphanumeric());
    let is_secret = words.any(|word| matches!(word, "key" | "keys" | "priv" | "private" | "privkey" | "password" | "passwords"));
    (is_data || is_certificate)
        && !is_secret
        && !lower.parent().is_some_and(|parent| parent.components().any(|part| kept_away(part.as_str())))
}

/// Everything that was found, by what it is.
#[derive(Default)]
pub(super) struct Material {
    pub(super) objects: Vec<Object>,
    pub(super) files: Vec<File>,
    pub(super) api: Api,
    /// What was found, in words, for messages.
    pub(super) seen: Vec<String>,
}

/// A file of a CA's folder, or a part of Helm values under the name that the chart gives it.
pub(super) struct File {
    pub(super) path: Utf8PathBuf,
    pub(super) part: Part,
    pub(super) role: Role,
}

/// What a file is by its content or name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Configuration,
    Defaults,
    Certificate,
}

/// Answers of step-ca's HTTP API.
#[derive(Default)]
pub(super) struct Api {
    /// Pages of `/provisioners`.
    pub(super) provisioners: Vec<(Value, Place)>,
    /// PEM of `/roots`.
    pub(super) roots: Vec<Part>,
    /// PEM of `/intermediates`.
    pub(super) intermediates: Vec<Part>,
    /// PEM of `/federation`.
    pub(super) federated_roots: Vec<Part>,
    /// `/version`.
    pub(super) version: Option<String>,
}

impl Api {
    /// Where the answers stand.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        let parts = self.roots.iter().chain(&self.intermediates).chain(&self.federated_roots).map(|part| &part.place);
        parts.chain(self.provisioners.iter().map(|(_, place)| place))
    }
}

impl Material {
    /// Takes inputs apart.
    ///
    /// # Errors
    /// Inputs that cannot be read, each with its reason and place.
    pub(super) fn read(inputs: Vec<Input>) -> Result<Material, Vec<Finding>> {
        let mut material = Material::default();
        let mut findings = Vec::new();
        for input in without_volume_twins(inputs) {
            if let Err(finding) = material.add(&input) {
                findings.push(finding);
            }
        }
        if findings.is_empty() { Ok(material) } else { Err(findings) }
    }

    fn add(&mut self, input: &Input) -> Result<(), Finding> {
        let path = Utf8Path::new(&input.name);
        let whole = Place::whole(path);
        let name = path.file_name().unwrap_or(&input.name).to_ascii_lowercase();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if matches!(extension.as_str(), "crt" | "pem" | "cer" | "cert") || looks_like_certificate(&input.bytes) {
            self.seen.push(format!("the file `{path}`"));
            let part = Part::plain(input.bytes.clone(), whole);
            match name.as_str() {
                "roots.pem" => self.api.roots.push(part),
                "intermediates.pem" => self.api.intermediates.push(part),
                "federation.pem" => self.api.federated_roots.push(part),
                _ => self.files.push(File { path: path.to_owned(), part, role: Role::Certificate }),
            }
            return Ok(());
        }
        let text = yaml::text_of(&input.bytes, 0).map_err(|error| Finding::of_yaml(path, &error))?;
        let start = text.trim_start();
        if start.is_empty() {
            self.seen.push(if input.name == "-" { "an empty input".to_owned() } else { format!("the empty file `{path}`") });
        } else if extension == "json" || start.starts_with(['{', '[']) {
            self.add_json(text, path, &name)?;
        } else {
            for node in yaml::read(text, 0, Keys::AsWritten).map_err(|error| Finding::of_yaml(path, &error))? {
                self.add_document(&node, path, None)?;
            }
        }
        Ok(())
    }

    /// One JSON value after the other.
    fn add_json(&mut self, text: &str, path: &Utf8Path, name: &str) -> Result<(), Finding> {
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.map_err(|error| json_error(&error, path, name))?;
            if !self.add_known_json(&value, path, name) {
                let mut node = Node::from(value);
                place_values(&mut node, text);
                self.add_document(&node, path, None)?;
            }
        }
        Ok(())
    }

    /// Files of a CA and answers of its API; whether it was one.
    fn add_known_json(&mut self, value: &Value, path: &Utf8Path, name: &str) -> bool {
        let Some(map) = value.as_object() else { return false };
        if map.contains_key("kind") || map.contains_key("apiVersion") {
            return false;
        }
        let place = Place::whole(path);
        let pem = |value: &Value| Part::plain(value.as_str().unwrap_or_default().as_bytes().to_vec(), place.clone());
        if map.get("authority").is_some_and(Value::is_object) || name == "ca.json" {
            let part = Part::tree(value.clone(), place);
            self.files.push(File { path: path.to_owned(), part, role: Role::Configuration });
        } else if map.contains_key("fingerprint") && (map.contains_key("ca-url") || map.contains_key("root") || name == "defaults.json") {
            let part = Part::tree(value.clone(), place);
            self.files.push(File { path: path.to_owned(), part, role: Role::Defaults });
        } else if map.get("provisioners").is_some_and(Value::is_array) {
            self.api.provisioners.push((value.clone(), place));
        } else if let Some(certificates) = map.get("crts").and_then(Value::as_array) {
            let parts = certificates.iter().map(pem);
            match name {
                _ if name.contains("intermediate") => self.api.intermediates.extend(parts),
                _ if name.contains("federat") => self.api.federated_roots.extend(parts),
                _ => self.api.roots.extend(parts),
            }
        } else if let (Some(version), true) = (map.get("version").and_then(Value::as_str), name.contains("version")) {
            // A CA that was built without a version says `N/A`.
            self.api.version =
                Some(version.to_owned()).filter(|version| version.starts_with(|first: char| first.is_ascii_digit() || first == 'v'));
        } else {
            return false;
        }
        self.seen.push(format!("the file `{path}`"));
        true
    }

    /// A document of Kubernetes or Helm values; `implied` is the kind that a typed list gives its items.
    fn add_document(&mut self, node: &Node, path: &Utf8Path, implied: Option<&str>) -> Result<(), Finding> {
        if let Some(items) = node.as_list() {
            return items.iter().try_for_each(|item| self.add_document(item, path, implied));
        }
        if node.as_map().is_none() {
            // An error message of kubectl, perhaps: said to be there, not repeated.
            if !matches!(node.value, yaml::Value::Null) {
                self.seen.push(format!("`{path}`, which holds only {}", node.value.kind()));
            }
            return Ok(());
        }
        // The chart's own values have a key `kind` too, so what tells an object is `apiVersion`.
        if node.get("apiVersion").is_none() && node.get("inject").is_some_and(|inject| inject.as_map().is_some()) {
            self.add_values(node, path);
            return Ok(());
        }
        let kind = node.get_str("kind").or(implied).unwrap_or_default();
        if let (Some(item_kind), Some(items)) = (kind.strip_suffix("List"), node.get("items")) {
            let items = items.as_list().unwrap_or_default();
            if items.is_empty() {
                self.seen.push(format!("an empty `{kind}`"));
            }
            let implied = Some(item_kind).filter(|kind| !kind.is_empty());
            return items.iter().try_for_each(|item| self.add_document(item, path, implied));
        }
        match kind {
            "ConfigMap" | "Secret" => {
                if Object::is_off_limits(node) {
                    let name = node.get("metadata").and_then(|metadata| metadata.get_str("name")).unwrap_or_default();
                    self.seen.push(format!("{kind} `{name}`, which is never read"));
                    return Ok(());
                }
                let object = Object::read(node, kind, path);
                self.seen.push(object.described());
                self.objects.push(object);
            }
            "" if is_configuration_in_yaml(node) => {
                let message = "this looks like a ca.json in YAML, and step-ca reads only JSON";
                let help = "give the ca.json that step-ca reads, as it is";
                return Err(Finding::new(&WRONG_TYPE, Place::at(path, node.at), message).help(help));
            }
            "" if path == "-" => self.seen.push("text that is no object of Kubernetes".to_owned()),
            "" => self.seen.push(format!("`{path}`, which is no object of Kubernetes")),
            "CASnapshot" => self.seen.push(format!("`{path}`, which is a CA snapshot already")),
            _ => {
                let name = node.get("metadata").and_then(|metadata| metadata.get_str("name")).unwrap_or_default();
                self.seen.push(format!("{kind} `{name}`"));
            }
        }
        Ok(())
    }

    /// The values file of `step ca init --helm`. Its `inject.secrets` is never looked at.
    fn add_values(&mut self, node: &Node, path: &Utf8Path) {
        let Some(inject) = node.get("inject") else { return };
        self.seen.push(format!("the Helm values `{path}`"));
        let files = inject.get("config").and_then(|config| config.get("files"));
        let certificates = inject.get("certificates");
        for (key, role) in [("ca.json", Role::Configuration), ("defaults.json", Role::Defaults)] {
            let Some(value) = files.and_then(|files| files.get(key)) else { continue };
            let place = Place::at(path, value.at);
            let part = match value.as_str() {
                Some(text) => Part::plain(text.as_bytes().to_vec(), place),
                None => Part::tree(value.to_json(), place),
            };
            self.files.push(File { path: path.join(key), part, role });
        }
        for (key, name) in [("root_ca", "root_ca.crt"), ("intermediate_ca", "intermediate_ca.crt")] {
            let Some(value) = certificates.and_then(|certificates| certificates.get(key)) else { continue };
            let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else { continue };
            let part = Part::plain(text.as_bytes().to_vec(), Place::at(path, value.at));
            self.files.push(File { path: path.join(name), part, role: Role::Certificate });
        }
    }
}

/// PEM or DER without a name that says so.
fn looks_like_certificate(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    text.starts_with(b"-----BEGIN ") || bytes.starts_with(&[0x30, 0x82])
}

fn is_configuration_in_yaml(node: &Node) -> bool {
    node.get("authority").is_some_and(|authority| authority.get("provisioners").is_some()) && node.get("apiVersion").is_none()
}

fn json_error(error: &serde_json::Error, path: &Utf8Path, name: &str) -> Finding {
    let of_ca = if name.ends_with("ca.json") { "ca.json" } else { "the input" };
    let (line, column) = (u32::try_from(error.line()).unwrap_or(u32::MAX), u32::try_from(error.column()).unwrap_or(u32::MAX));
    let place = Place::File { file: path.to_owned(), line, column };
    if error.is_eof() {
        let message = format!("{of_ca} is cut off: its JSON ends in the middle (line {line}, column {column})");
        return Finding::new(&SNAPSHOT_INCOMPLETE, place, message).help("export it again; the whole file is needed");
    }
    let reason = reason_of(error);
    Finding::new(&INVALID_YAML, place, format!("{of_ca} is no JSON: {reason}"))
        .help("JSON has no comments and no comma behind the last entry")
}

/// serde_json's reason without the place behind it. It names characters that it expected, never a value that it read.
pub(super) fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// JSON carries no places: the values of an object's data are looked up by their keys, as far as a key stands once.
fn place_values(node: &mut Node, text: &str) {
    for key in ["ca.json", "root_ca.crt", "intermediate_ca.crt", "defaults.json"] {
        let quoted = format!("\"{key}\":");
        let mut hits = text.match_indices(&quoted);
        let (Some((offset, _)), None) = (hits.next(), hits.next()) else { continue };
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let at = yaml::At { file: 0, line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) };
        place_value(node, key, at);
    }
}

fn place_value(node: &mut Node, key: &str, at: yaml::At) {
    match &mut node.value {
        yaml::Value::List(items) => items.iter_mut().for_each(|item| place_value(item, key, at)),
        yaml::Value::Map(map) => {
            for field in ["data", "stringData", "binaryData"] {
                if let Some(entry) = map.get_mut(field).and_then(|data| match &mut data.node.value {
                    yaml::Value::Map(data) => data.get_mut(key),
                    _ => None,
                }) {
                    entry.node.at = at;
                }
            }
            if let Some(items) = map.get_mut("items") {
                place_value(&mut items.node, key, at);
            }
        }
        _ => {}
    }
}

/// A mounted volume shows each file three times: by its own name, below `..data`, and below `..2026_11_23_…`. The names
/// without these folders count; of a file that is there only below them, the one in `..data`.
fn without_volume_twins(inputs: Vec<Input>) -> Vec<Input> {
    let plain_name = |name: &str| -> String {
        let kept: Vec<&str> = name.split('/').filter(|part| *part == ".." || !part.starts_with("..")).collect();
        kept.join("/")
    };
    let rank = |name: &str| {
        if plain_name(name) == name {
            0
        } else if name.split('/').any(|part| part == "..data") {
            1
        } else {
            2
        }
    };
    let mut best: std::collections::BTreeMap<String, Input> = std::collections::BTreeMap::new();
    for input in inputs {
        let plain = plain_name(&input.name);
        match best.get(&plain) {
            Some(present) if rank(&present.name) <= rank(&input.name) => {}
            _ => {
                best.insert(plain, input);
            }
        }
    }
    best.into_iter().map(|(name, input)| Input { name, ..input }).collect()
}
