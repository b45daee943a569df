//! Kubernetes' rules for names, namespaces, labels and annotations.
//!
//! Source: `k8s.io/apimachinery/pkg/util/validation`.

use super::{Flaw, Identity};
use crate::yaml::{Node, Path, Value};

/// Why a text is no RFC 1123 label, which a namespace must be: at most 63 of `a-z0-9-`.
pub fn dns_label_problem(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("it is longer than 63 characters".to_owned());
    }
    label_problem(text, "")
}

/// Why a text is no RFC 1123 subdomain, which most names must be: at most 253, labels with dots between them.
pub fn dns_subdomain_problem(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("it is longer than 253 characters".to_owned());
    }
    text.split('.').find_map(|label| label_problem(label, ", and dots between such parts"))
}

fn label_problem(label: &str, more: &str) -> Option<String> {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if label.is_empty() {
        return Some("it, or a part between its dots, is empty".to_owned());
    }
    if let Some(character) = label.chars().find(|character| !allowed(*character)) {
        return Some(format!("it has the character {character:?}; lower-case letters, digits and `-` are allowed{more}"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some("it must begin and end with a letter or a digit".to_owned());
    }
    None
}

/// Why a text is no label or annotation key: an optional DNS prefix with `/`, then at most 63 characters.
pub fn qualified_name_problem(text: &str) -> Option<String> {
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            if let Some(problem) = dns_subdomain_problem(prefix) {
                return Some(format!("its prefix `{prefix}` is no DNS name: {problem}"));
            }
            name
        }
        None => text,
    };
    if name.is_empty() { Some("it is empty".to_owned()) } else { word_problem(name) }
}

/// Why a text is no label value: empty, or at most 63 characters.
pub fn label_value_problem(text: &str) -> Option<String> {
    if text.is_empty() { None } else { word_problem(text) }
}

fn word_problem(text: &str) -> Option<String> {
    let edge = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    if text.len() > 63 {
        return Some("it is longer than 63 characters".to_owned());
    }
    if let Some(character) = text.chars().find(|character| !(character.is_ascii_alphanumeric() || "-_.".contains(*character))) {
        return Some(format!("it has the character {character:?}; letters, digits, `-`, `_` and `.` are allowed"));
    }
    if !edge(text.chars().next()) || !edge(text.chars().next_back()) {
        return Some("it must begin and end with a letter or a digit".to_owned());
    }
    None
}

/// Names that allow more than a DNS subdomain: RBAC objects are path segments.
fn is_path_segment(identity: &Identity) -> bool {
    identity.group == "rbac.authorization.k8s.io"
}

/// Groups of documents that look like objects of Kubernetes, and that no API server sees.
const NOT_SERVED: &[&str] = &["backstage.io"];

/// Checks name, namespace, labels and annotations of an object that goes to an API server.
pub(super) fn check(node: &Node, identity: &Identity, flaws: &mut Vec<Flaw>) {
    if NOT_SERVED.contains(&identity.group.as_str()) {
        return;
    }
    let metadata = Path::of(["metadata"]);
    let problem = if is_path_segment(identity) {
        matches!(identity.name.as_str(), "." | "..")
            .then(|| "it cannot be a part of a path".to_owned())
            .or_else(|| identity.name.find(['/', '%']).map(|_| "it has the character `/` or `%`".to_owned()))
    } else if identity.group.is_empty() && matches!(identity.kind.as_str(), "Namespace" | "Service") {
        dns_label_problem(&identity.name)
    } else {
        dns_subdomain_problem(&identity.name)
    };
    if let Some(problem) = problem {
        flaws.push(Flaw::Name(metadata.key("name"), format!("`{}` is no name for a {}: {problem}", identity.name, identity.kind)));
    }
    if let Some(namespace) = &identity.namespace
        && let Some(problem) = dns_label_problem(namespace)
    {
        flaws.push(Flaw::Name(metadata.key("namespace"), format!("`{namespace}` is no namespace: {problem}")));
    }
    for field in ["labels", "annotations"] {
        let Some(map) = node.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Node::as_map) else { continue };
        for (key, entry) in map.iter() {
            let path = metadata.key(field).key(key);
            if let Some(problem) = qualified_name_problem(key) {
                flaws.push(Flaw::Name(path.clone(), format!("`{key}` is no key of {field}: {problem}")));
            }
            match &entry.node.value {
                Value::String(value) if field == "labels" => {
                    if let Some(problem) = label_value_problem(value) {
                        flaws.push(Flaw::Name(path, format!("`{value}` is no value of a label: {problem}")));
                    }
                }
                Value::String(_) => {}
                other => flaws.push(Flaw::WrongValue(path, format!("a value of {field} is a string, and this is {}", other.kind()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_other_programs_have_names_of_their_own() {
        let flaws = |version: &str| {
            let text = format!("apiVersion: {version}\nkind: Component\nmetadata: {{name: My_Service, labels: {{a b: c}}}}\n");
            crate::manifest::check(&text, crate::manifest::Shape::Object).flaws.len()
        };
        assert_eq!(flaws("backstage.io/v1alpha1"), 0);
        assert_eq!(flaws("example.com/v1alpha1"), 2);
    }

    #[test]
    fn names_follow_kubernetes() {
        for good in ["a", "a-b", "a.b-c.d", "0"] {
            assert_eq!(dns_subdomain_problem(good), None, "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", "a b", "é"] {
            assert!(dns_subdomain_problem(bad).is_some(), "{bad}");
        }
        assert!(dns_label_problem("a.b").is_some());
        assert!(dns_label_problem(&"a".repeat(64)).is_some());
        assert_eq!(qualified_name_problem("app.kubernetes.io/name"), None);
        for bad in ["", "/x", "a//b", "UPPER.example/x", "a/"] {
            assert!(qualified_name_problem(bad).is_some(), "{bad}");
        }
        assert_eq!(label_value_problem(""), None);
        assert!(label_value_problem("-x").is_some());
    }
}
