//! Which objects a patch is meant for.

use regex::Regex;

use super::resource::Resource;
use crate::yaml::Node;

/// A selector: every part that is given must hold; group, version, kind, name and namespace are regular expressions that
/// match as a whole.
#[derive(Debug, Default)]
pub(super) struct Target {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

#[derive(Debug, PartialEq)]
enum Requirement {
    Is(String, String),
    IsNot(String, String),
    Has(String),
    HasNot(String),
}

impl Target {
    /// Reads the `target` of a patch.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub(super) fn read(node: &Node) -> Result<Target, String> {
        let pattern = |key: &str| match node.get_str(key).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match Regex::new(&format!("^(?:{text})$")) {
                Ok(pattern) => Ok(Some(pattern)),
                Err(_) => Err(format!("`{key}: {text}` is no regular expression")),
            },
        };
        let selector = |key: &str| node.get_str(key).map(requirements).unwrap_or(Ok(Vec::new()));
        Ok(Target {
            group: pattern("group")?,
            version: pattern("version")?,
            kind: pattern("kind")?,
            name: pattern("name")?,
            namespace: pattern("namespace")?,
            labels: selector("labelSelector")?,
            annotations: selector("annotationSelector")?,
        })
    }

    /// Whether an object is meant, by what it is called now or was called before.
    pub(super) fn takes(&self, resource: &Resource) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        let current = resource.current();
        let mut names = resource.names.iter().chain([&current]);
        let metadata = |field: &str| resource.node.get("metadata").and_then(|metadata| metadata.get(field)).cloned();
        let (labels, annotations) = (metadata("labels"), metadata("annotations"));
        fits(&self.group, resource.group())
            && fits(&self.version, resource.version())
            && fits(&self.kind, resource.kind())
            && names.any(|name| fits(&self.name, &name.name) && fits(&self.namespace, name.namespace.as_deref().unwrap_or("default")))
            && self.labels.iter().all(|requirement| requirement.holds(labels.as_ref()))
            && self.annotations.iter().all(|requirement| requirement.holds(annotations.as_ref()))
    }
}

impl Requirement {
    fn holds(&self, map: Option<&Node>) -> bool {
        let value = |key: &str| map.and_then(|map| map.get(key));
        match self {
            Requirement::Is(key, expected) => value(key).and_then(Node::as_str) == Some(expected),
            Requirement::IsNot(key, expected) => value(key).and_then(Node::as_str) != Some(expected),
            Requirement::Has(key) => value(key).is_some(),
            Requirement::HasNot(key) => value(key).is_none(),
        }
    }
}

fn requirements(selector: &str) -> Result<Vec<Requirement>, String> {
    selector.split(',').map(str::trim).filter(|part| !part.is_empty()).map(requirement).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if text.contains(['(', ')', ' ']) {
        return Err(format!("the selector `{text}` is not one that is followed here"));
    }
    let pair = |separator| text.split_once(separator).map(|(key, value): (&str, &str)| (key.to_owned(), value.to_owned()));
    Ok(match (pair("!="), pair("=="), pair("="), text.strip_prefix('!')) {
        (Some((key, value)), ..) => Requirement::IsNot(key, value),
        (_, Some((key, value)), ..) | (_, _, Some((key, value)), _) => Requirement::Is(key, value),
        (.., Some(key)) => Requirement::HasNot(key.to_owned()),
        _ => Requirement::Has(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn one(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect("YAML").remove(0)
    }

    #[test]
    fn a_target_matches_as_a_whole() {
        let object = one("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-1, labels: {app: web}}}");
        let resource = Resource::new("a.yaml".into(), object);
        for (target, expected) in [
            ("{}", true),
            ("{kind: Deployment, name: web-.*}", true),
            ("{name: web}", false),
            ("{group: apps, version: v1}", true),
            ("{namespace: default}", true),
            ("{labelSelector: app=web}", true),
            ("{labelSelector: 'app!=web'}", false),
            ("{labelSelector: '!tier,app'}", true),
            ("{annotationSelector: a=b}", false),
        ] {
            assert_eq!(Target::read(&one(target)).expect(target).takes(&resource), expected, "{target}");
        }
        assert!(Target::read(&one("{name: '('}")).is_err());
    }
}
