//! Rendered text to documents: what each object is, whether its fields exist, whether its names work.
//!
//! Knows Kubernetes objects, not how they came about: a problem names a path in the document, and whoever rendered it
//! knows which inventory entry that was.

mod checked;
pub mod crd;
mod document;
mod flaw;
mod kinds;
mod name;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::yaml::{Keys, Node, Path, Value, read};

pub use checked::CheckedDocuments;
pub use document::{Content, Document, Origin};
pub use flaw::Flaw;
pub use name::{dns_label_problem, dns_subdomain_problem, label_value_problem, qualified_name_problem};

/// What makes an object the same object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace, where the object has one.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} `{}` in namespace `{namespace}`", self.kind, self.name),
            None => write!(formatter, "{} `{}`", self.kind, self.name),
        }
    }
}

/// What a document is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// An object for the API server.
    #[default]
    #[serde(rename = "objects")]
    Object,
    /// Values of a Helm chart.
    Values,
    /// A `kustomization.yaml`.
    Kustomization,
}

/// A document that was read and checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// Its fields; None where it is not exactly one map.
    pub node: Option<Arc<Node>>,
    /// What it is, for an object that says so.
    pub identity: Option<Identity>,
    /// The files in its own folder that a kustomization names: resources, values, patches. Folders, and what lies
    /// elsewhere, are left out.
    pub names: Vec<String>,
    /// Everything that is wrong with it.
    pub flaws: Vec<Flaw>,
}

impl Checked {
    /// What it is, as a document says it; None for an object without an identity.
    pub fn content(&self, shape: Shape) -> Option<Content> {
        match shape {
            Shape::Object => self.identity.clone().map(Content::Object),
            Shape::Values => Some(Content::Values),
            Shape::Kustomization => Some(Content::Kustomization),
        }
    }
}

/// Reads one document and checks it: identity, names and types of an object, fields of a kustomization, any map as
/// values; secret material in all of them.
pub fn check(text: &str, shape: Shape) -> Checked {
    let node = match one_map(text) {
        Ok(node) => node,
        Err(flaw) => return Checked { flaws: vec![flaw], ..Checked::default() },
    };
    let mut checked = Checked::default();
    match shape {
        Shape::Object => {
            checked.identity = identity_of(&node).map_err(|flaw| checked.flaws.push(flaw)).ok();
            if let Some(identity) = &checked.identity {
                name::check(&node, identity, &mut checked.flaws);
                let mut problems = Vec::new();
                kinds::check(&node, identity, &mut problems);
                checked.flaws.extend(problems.into_iter().map(Flaw::Field));
            }
        }
        Shape::Values => {}
        Shape::Kustomization => {
            let mut problems = Vec::new();
            kinds::check_kustomization(&node, &mut problems);
            checked.flaws.extend(problems.into_iter().map(Flaw::Field));
            checked.names = files_beside(&node);
        }
    }
    secret_material(&node, checked.identity.as_ref(), &Path::default(), &mut checked.flaws);
    checked.node = Some(Arc::new(node));
    checked
}

fn files_beside(kustomization: &Node) -> Vec<String> {
    let list = |key: &str| kustomization.get(key).and_then(Node::as_list).unwrap_or_default();
    let charts = list("helmCharts").iter().flat_map(|chart| {
        let more = chart.get("additionalValuesFiles").and_then(Node::as_list).unwrap_or_default();
        chart.get_str("valuesFile").into_iter().chain(more.iter().filter_map(Node::as_str))
    });
    let resources = list("resources").iter().filter_map(Node::as_str);
    let named = resources.chain(charts).chain(list("patches").iter().filter_map(|patch| patch.get_str("path")));
    named.filter(|name| name.ends_with(".yaml") && !name.contains(['/', ':', '?'])).map(str::to_owned).collect()
}

fn one_map(text: &str) -> Result<Node, Flaw> {
    let mut documents = read(text, 0, Keys::AsKubernetes).map_err(Flaw::Yaml)?;
    match documents.len() {
        1 if documents[0].as_map().is_some() => Ok(documents.remove(0)),
        1 => Err(Flaw::NotAnObject(format!("the template renders {}, not a map", documents[0].value.kind()))),
        0 => Err(Flaw::NotAnObject("the template renders nothing".to_owned())),
        number => Err(Flaw::NotAnObject(format!("the template renders {number} documents; one template renders one object"))),
    }
}

fn identity_of(node: &Node) -> Result<Identity, Flaw> {
    let needed = |value: Option<&str>, field: &str| match value {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Flaw::NotAnObject(format!("`{field}` is missing or no string"))),
    };
    let api_version = needed(node.get_str("apiVersion"), "apiVersion")?;
    let metadata = node.get("metadata");
    Ok(Identity {
        group: api_version.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
        kind: needed(node.get_str("kind"), "kind")?,
        namespace: metadata.and_then(|metadata| metadata.get_str("namespace")).map(str::to_owned),
        name: needed(metadata.and_then(|metadata| metadata.get_str("name")), "metadata.name")?,
    })
}

/// Looks for private keys in every string, also in base64, and for Secrets with content.
fn secret_material(node: &Node, identity: Option<&Identity>, path: &Path, flaws: &mut Vec<Flaw>) {
    if let Some(Identity { group, kind, .. }) = identity
        && group.is_empty()
        && kind == "Secret"
    {
        for field in ["data", "stringData"] {
            if node.get(field).and_then(Node::as_map).is_some_and(|map| !map.is_empty()) {
                flaws.push(Flaw::SecretMaterial(Path::of([field])));
            }
        }
    }
    match &node.value {
        Value::String(text) if holds_private_key(text) => flaws.push(Flaw::SecretMaterial(path.clone())),
        Value::List(items) => items.iter().enumerate().for_each(|(index, item)| secret_material(item, None, &path.index(index), flaws)),
        Value::Map(map) => map.iter().for_each(|(key, entry)| secret_material(&entry.node, None, &path.key(key), flaws)),
        _ => {}
    }
}

fn holds_private_key(text: &str) -> bool {
    use base64::Engine as _;
    if text.contains("PRIVATE KEY-----") {
        return true;
    }
    // Base64 of `-----BEGIN `; what kind of section it is stands in the next characters.
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    text.match_indices("LS0tLS1CRUdJTi").any(|(start, _)| {
        let end = text.len().min(start + 64);
        let piece = text.get(start..end - (end - start) % 4).unwrap_or_default();
        engine.decode(piece).is_ok_and(|bytes| bytes.windows(11).any(|window| window == b"PRIVATE KEY"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "apiVersion: certmanager.step.sm/v1beta1\nkind: StepIssuer\nmetadata:\n  name: a\n  namespace: b\nspec:\n  url: https://x\n  caBundle: eA==\n  provisioner:\n    name: p\n    kid: k\n    passwordRef:\n      name: s\n      key: password\n";

    #[test]
    fn a_right_object_has_an_identity_and_no_flaws() {
        let Checked { identity, flaws, .. } = check(ISSUER, Shape::Object);
        assert_eq!(flaws, []);
        assert_eq!(identity.expect("identity").to_string(), "StepIssuer `a` in namespace `b`");
    }

    #[test]
    fn unknown_fields_and_wrong_types_are_flaws() {
        let flaws = check(&ISSUER.replace("kid: k", "kid: 1").replace("caBundle", "caBundel"), Shape::Object).flaws;
        let paths: Vec<String> =
            flaws.iter().map(|flaw| if let Flaw::Field(problem) = flaw { problem.path.to_string() } else { format!("{flaw:?}") }).collect();
        assert_eq!(paths, ["spec.caBundel", "spec.provisioner.kid", "spec"]);
    }

    #[test]
    fn one_template_renders_one_object() {
        for (text, expected) in
            [("", "nothing"), ("a: 1\n---\nb: 2\n", "2 documents"), ("- a\n", "a list"), ("kind: X\n", "`apiVersion` is missing")]
        {
            let flaws = check(text, Shape::Object).flaws;
            assert!(matches!(&flaws[0], Flaw::NotAnObject(reason) if reason.contains(expected)), "{text:?}: {flaws:?}");
        }
    }

    #[test]
    fn secret_material_never_passes() {
        use base64::Engine as _;
        let pem = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let encoded = base64::engine::general_purpose::STANDARD.encode(pem);
        for value in ["'-----BEGIN PRIVATE KEY-----'".to_owned(), encoded] {
            assert!(check(&format!("a: {value}\n"), Shape::Values).flaws.contains(&Flaw::SecretMaterial(Path::of(["a"]))), "{value}");
        }
        let flaws =
            check("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {password: x}\n", Shape::Object).flaws;
        assert!(flaws.contains(&Flaw::SecretMaterial(Path::of(["stringData"]))));
        let certificate = base64::engine::general_purpose::STANDARD.encode("-----BEGIN CERTIFICATE-----\nAAAA\n");
        assert_eq!(check(&format!("a: {certificate}\n"), Shape::Values).flaws, []);
    }
}
