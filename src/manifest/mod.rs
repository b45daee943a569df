//! Rendered text to documents: what each object is, whether its fields exist, whether its names work.
//!
//! Knows Kubernetes objects, not how they came about: a problem names a path in the document, and whoever rendered it
//! knows which inventory entry that was.

mod checked;
pub mod crd;
mod cron;
mod document;
mod flaw;
mod kinds;
pub mod kustomization;
mod name;
mod scope;
mod secret;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::yaml::{Keys, Node, Value, read};

pub use checked::CheckedDocuments;
pub use cron::{never_comes, schedule_problem, time_zone_problem};
pub use document::{Content, Document, Origin};
pub use flaw::Flaw;
pub use name::{dns_label_problem, dns_subdomain_problem, label_value_problem, qualified_name_problem};
pub use scope::is_cluster_scoped;
pub use secret::{is_placeholder, may_show_secrets};

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
        Shape::Object if is_list(&node) => {
            let kind = node.get_str("kind").unwrap_or_default();
            checked.flaws.push(Flaw::NotAnObject(format!("the template renders a `{kind}` of objects; one template renders one object")));
        }
        Shape::Object => checked.identity = identity_of(&node).map_err(|flaw| checked.flaws.push(flaw)).ok(),
        Shape::Values => {}
        Shape::Kustomization => checked.names = files_beside(&node),
    }
    checked.flaws.extend(flaws_of(&node, checked.identity.as_ref(), shape));
    checked.node = Some(Arc::new(node));
    checked
}

/// The objects that a document holds: itself, or the items of a list of objects, which kubectl and kustomize take apart.
/// A document that holds nothing has none.
pub fn objects_in(node: &Node) -> impl Iterator<Item = &Node> {
    let items = node.get("items").and_then(Node::as_list).filter(|_| is_list(node));
    let (one, many) = match items {
        Some(items) => (None, items),
        None => (Some(node).filter(|node| node.value != Value::Null), [].as_slice()),
    };
    one.into_iter().chain(many)
}

fn is_list(node: &Node) -> bool {
    node.get_str("kind").is_some_and(|kind| kind.ends_with("List")) && node.get("items").is_some_and(|items| items.as_list().is_some())
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

/// What is wrong with a document whose identity is known: names and types of an object, fields of a kustomization, secret
/// material in all of them. What somebody has encrypted with SOPS is not looked into.
pub fn flaws_of(node: &Node, identity: Option<&Identity>, shape: Shape) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if node.get("sops").is_some() {
        return flaws;
    }
    let mut problems = Vec::new();
    match (shape, identity) {
        (Shape::Object, Some(identity)) => {
            name::check(node, identity, &mut flaws);
            kinds::check(node, identity, &mut problems);
        }
        (Shape::Kustomization, _) => kinds::check_kustomization(node, &mut problems),
        (Shape::Object, None) | (Shape::Values, _) => {}
    }
    flaws.extend(problems.into_iter().map(Flaw::Field));
    secret::material(node, identity, &mut flaws);
    flaws
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

/// What makes an object the same object.
///
/// # Errors
/// What is missing for it to be one.
pub fn identity_of(node: &Node) -> Result<Identity, Flaw> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Path;

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
        for (text, expected) in [
            ("", "nothing"),
            ("a: 1\n---\nb: 2\n", "2 documents"),
            ("- a\n", "a list"),
            ("kind: X\n", "`apiVersion` is missing"),
            ("apiVersion: v1\nkind: List\nmetadata: {name: a}\nitems: [{kind: Secret}]\n", "`List` of objects"),
        ] {
            let flaws = check(text, Shape::Object).flaws;
            assert!(matches!(&flaws[0], Flaw::NotAnObject(reason) if reason.contains(expected)), "{text:?}: {flaws:?}");
        }
    }

    #[test]
    fn secret_material_never_passes() {
        use base64::Engine as _;
        let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
        for value in [format!("{pem:?}"), encoded] {
            assert!(check(&format!("a: {value}\n"), Shape::Values).flaws.contains(&Flaw::SecretMaterial(Path::of(["a"]))), "{value}");
        }
        let flaws =
            check("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {password: x}\n", Shape::Object).flaws;
        assert!(flaws.contains(&Flaw::SecretMaterial(Path::of(["stringData"]))));
        let certificate = base64::engine::general_purpose::STANDARD.encode("-----BEGIN CERTIFICATE-----\nAAAA\n");
        assert_eq!(check(&format!("a: {certificate}\n"), Shape::Values).flaws, []);
    }
}
