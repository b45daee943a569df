//! What belongs together: a ca.json and the certificates that it names. Each pair is a candidate; equal ones are one CA
//! seen twice, and several different ones are for the person to choose from.

use camino::{Utf8Path, Utf8PathBuf};

use super::input::{File, Material, Role};
use super::object::{Object, Part};
use crate::pki::{self, Fingerprint};

/// A possible CA in the material.
pub(super) struct Candidate<'m> {
    /// What the names of its objects begin with.
    pub(super) release: Option<String>,
    /// The Helm release that its objects are labelled with.
    pub(super) helm_release: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) is_copy: bool,
    /// Whether nothing else in the input could be meant by answers of an API.
    pub(super) is_alone: bool,
    pub(super) configuration: Option<(&'m Part, Utf8PathBuf)>,
    pub(super) defaults: Option<&'m Part>,
    pub(super) shelf: Vec<(Utf8PathBuf, &'m Part)>,
    pub(super) material: &'m Material,
}

/// All candidates, in a stable order.
pub(super) fn candidates(material: &Material) -> Vec<Candidate<'_>> {
    let mut found = of_objects(material);
    found.extend(of_files(material));
    let is_answered = !material.api.provisioners.is_empty() && !material.api.roots.is_empty();
    if is_answered && found.is_empty() {
        found.push(Candidate {
            release: None,
            helm_release: None,
            namespace: None,
            is_copy: false,
            is_alone: true,
            configuration: None,
            defaults: None,
            shelf: Vec::new(),
            material,
        });
    }
    let is_alone = found.len() == 1;
    found.iter_mut().for_each(|candidate| candidate.is_alone = is_alone);
    found
}

fn of_objects<'m>(material: &'m Material) -> Vec<Candidate<'m>> {
    let mut configurations: Vec<&Object> = material.objects.iter().filter(|object| object.part("ca.json").is_some()).collect();
    configurations.sort_by(|one, other| (&one.namespace, &one.name, &one.kind).cmp(&(&other.namespace, &other.name, &other.kind)));
    let certificates: Vec<&Object> = material.objects.iter().filter(|object| holds_certificates(object)).collect();
    let candidate = |configuration: &'m Object| -> Candidate<'m> {
        let defaults = configuration.part("defaults.json");
        let partner = partner_of(configuration, &certificates, defaults.and_then(fingerprint_in));
        let files = material.files.iter().filter(|file| file.role == Role::Certificate && partner.is_none());
        let shelf = configuration
            .parts()
            .chain(partner.into_iter().flat_map(Object::parts))
            .map(|(key, part)| (Utf8PathBuf::from(key), part))
            .chain(files.map(|file| (file.path.clone(), &file.part)))
            .collect();
        Candidate {
            release: Some(configuration.prefix().to_owned()),
            helm_release: configuration.release.clone(),
            namespace: Some(configuration.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            is_copy: configuration.is_copy,
            is_alone: true,
            configuration: configuration.part("ca.json").map(|part| (part, Utf8PathBuf::from("ca.json"))),
            defaults,
            shelf,
            material,
        }
    };
    configurations.into_iter().map(candidate).collect()
}

fn holds_certificates(object: &Object) -> bool {
    object.parts().any(|(key, _)| [".crt", ".pem", ".cer"].iter().any(|ending| key.ends_with(ending)))
}

/// The object with the certificates of a configuration: the one of the same release in the same namespace; otherwise the
/// nearest one, and among equally near ones the one with the root that `defaults.json` names.
fn partner_of<'m>(configuration: &Object, certificates: &[&'m Object], fingerprint: Option<Fingerprint>) -> Option<&'m Object> {
    let distance = |object: &Object| {
        let same_namespace = object.namespace == configuration.namespace;
        match (same_namespace, object.prefix() == configuration.prefix(), object.part("root_ca.crt").is_some()) {
            (true, true, _) => Some(0),
            (true, false, true) => Some(1),
            (false, true, true) => Some(2),
            (false, false, true) => Some(3),
            _ => None,
        }
    };
    let holds_root = |object: &Object| {
        let Some(fingerprint) = fingerprint else { return false };
        let certificates = object.part("root_ca.crt").and_then(|part| part.bytes().ok()).and_then(|bytes| pki::certificates(&bytes).ok());
        certificates.is_some_and(|certificates| certificates.iter().any(|certificate| certificate.fingerprint() == fingerprint))
    };
    let mut near: Vec<(i32, bool, &Object)> =
        certificates.iter().filter_map(|object| Some((distance(object)?, !holds_root(object), *object))).collect();
    // In a rotation `defaults.json` may name the old root, so the release's own object goes before any other that has it.
    near.sort_by_key(|(distance, other_root, object)| {
        let without_root = object.part("root_ca.crt").is_none();
        let is_own = *distance == 0 && !without_root;
        (!is_own, *other_root, *distance, without_root, object.is_copy, &object.namespace, &object.name, &object.kind)
    });
    let (distance, other_root, object) = *near.first()?;
    let alone = near.iter().filter(|(other, ..)| *other == distance).count() == 1;
    // An object of another name is taken only where nothing else can be meant, or where the root says so.
    match distance {
        0 | 2 => Some(object),
        1 if alone || !other_root => Some(object),
        _ if !other_root => Some(object),
        3 if alone && fingerprint.is_none() => Some(object),
        _ => None,
    }
}

fn of_files<'m>(material: &'m Material) -> Vec<Candidate<'m>> {
    let configurations: Vec<&File> = material.files.iter().filter(|file| file.role == Role::Configuration).collect();
    let several = configurations.len() > 1;
    let candidate = |configuration: &'m File| -> Candidate<'m> {
        let base = base_of(&configuration.path);
        let belongs = |file: &&File| !several || file.path.starts_with(base);
        let shelf: Vec<_> = material
            .files
            .iter()
            .filter(|file| file.role == Role::Certificate)
            .filter(belongs)
            .map(|file| (file.path.clone(), &file.part))
            .collect();
        let defaults = material.files.iter().filter(|file| file.role == Role::Defaults).filter(belongs);
        let defaults = defaults.max_by_key(|file| common_start(&file.path, &configuration.path));
        // A folder may hold ca.json beside an exported object with the certificates.
        let objects = material.objects.iter().filter(|object| shelf.is_empty() && holds_certificates(object));
        let from_objects = objects.flat_map(Object::parts).map(|(key, part)| (Utf8PathBuf::from(key), part));
        let shelf = shelf.iter().cloned().chain(from_objects).collect();
        Candidate {
            release: None,
            helm_release: None,
            namespace: None,
            is_copy: false,
            is_alone: true,
            configuration: Some((&configuration.part, configuration.path.clone())),
            defaults: defaults.map(|file| &file.part),
            shelf,
            material,
        }
    };
    configurations.into_iter().map(candidate).collect()
}

/// The folder of a CA: above `config/`, otherwise where its ca.json lies.
pub(super) fn base_of(configuration: &Utf8Path) -> &Utf8Path {
    let folder = configuration.parent().unwrap_or(Utf8Path::new(""));
    match folder.file_name() {
        Some("config") => folder.parent().unwrap_or(Utf8Path::new("")),
        _ => folder,
    }
}

pub(super) fn common_start(one: &Utf8Path, other: &Utf8Path) -> usize {
    one.components().zip(other.components()).take_while(|(one, other)| one == other).count()
}

pub(super) fn common_end(one: &Utf8Path, other: &Utf8Path) -> usize {
    one.components().rev().zip(other.components().rev()).take_while(|(one, other)| one == other).count()
}

/// The root's fingerprint in a defaults.json.
fn fingerprint_in(part: &Part) -> Option<Fingerprint> {
    fingerprint_text(part)?.parse().ok()
}

pub(super) fn fingerprint_text(part: &Part) -> Option<String> {
    let parsed = match part.as_tree() {
        Some(value) => value.clone(),
        None => serde_json::from_slice(&part.bytes().ok()?).ok()?,
    };
    parsed.get("fingerprint")?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl<'m> Candidate<'m> {
    /// How a person names it: its release, and its namespace where that is known.
    pub(super) fn described(&self) -> String {
        match (&self.release, &self.namespace, &self.configuration) {
            (Some(release), Some(namespace), _) => format!("`{namespace}/{release}`"),
            (Some(release), None, _) => format!("`{release}`"),
            (None, _, Some((_, path))) => format!("`{path}`"),
            (None, _, None) => "the answers of a CA's API".to_owned(),
        }
    }

    /// Whether `--release` means this one.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        let Some(release) = &self.release else {
            // A file has its path for a name.
            return self.configuration.as_ref().is_some_and(|(_, path)| path == wanted);
        };
        let with_namespace = self.namespace.as_ref().map(|namespace| format!("{namespace}/{release}"));
        release == wanted
            || with_namespace.as_deref() == Some(wanted)
            || self.helm_release.as_deref() == Some(wanted)
            || release.strip_suffix("-step-certificates") == Some(wanted)
    }
}
