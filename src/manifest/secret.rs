//! Secret material: private keys anywhere, and what a Secret holds.

use base64::Engine as _;

use super::{Flaw, Identity};
use crate::pki::private_key_in;
use crate::yaml::{Node, Path, Value};

/// Looks for private keys in every string, also in base64, and for Secrets with content.
pub(super) fn material(node: &Node, identity: Option<&Identity>, flaws: &mut Vec<Flaw>) {
    if identity.is_some_and(|identity| identity.group.is_empty() && identity.kind == "Secret") {
        for field in ["data", "stringData"] {
            let map = node.get(field).and_then(Node::as_map);
            if map.is_some_and(|map| map.iter().any(|(_, entry)| entry.node.as_str().is_some_and(is_secret))) {
                flaws.push(Flaw::SecretMaterial(Path::of([field])));
            }
        }
    }
    if identity.is_none()
        && let Some(generators) = node.get("secretGenerator").and_then(Node::as_list)
    {
        for (index, generator) in generators.iter().enumerate() {
            let literals = generator.get("literals").and_then(Node::as_list).unwrap_or_default();
            let values = literals.iter().filter_map(|literal| literal.as_str()?.split_once('='));
            if values.clone().any(|(_, value)| is_secret(value.trim_matches(['\'', '"']))) {
                flaws.push(Flaw::SecretMaterial(Path::of(["secretGenerator"]).index(index).key("literals")));
            }
        }
    }
    private_keys(node, &Path::default(), flaws);
}

fn private_keys(node: &Node, path: &Path, flaws: &mut Vec<Flaw>) {
    match &node.value {
        Value::String(text) if private_key_in(text).is_some() => flaws.push(Flaw::SecretMaterial(path.clone())),
        Value::List(items) => items.iter().enumerate().for_each(|(index, item)| private_keys(item, &path.index(index), flaws)),
        Value::Map(map) => map.iter().for_each(|(key, entry)| private_keys(&entry.node, &path.key(key), flaws)),
        _ => {}
    }
}

/// References that a program resolves before the API server sees them: of 1Password, Vault and vals.
const REFERENCES: &[&str] = &["op://", "vault:", "ref+"];

/// Whether a text stands for something that another program puts there: `${password}`, `{{ password }}`, `<base64>`,
/// `op://vault/item`.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let is_word = ["changeme", "change-me", "replaceme", "replace-me", "todo"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_reference = REFERENCES.iter().any(|begin| text.starts_with(begin));
    is_word || is_reference || ["${", "$(", "{{"].iter().any(|mark| text.contains(mark)) || text.starts_with('<') && text.ends_with('>')
}

/// Whether a value of a Secret, in base64 or not, is one that must not be read by many: not empty, no placeholder, and no
/// certificate.
fn is_secret(text: &str) -> bool {
    let is_harmless = |text: &str| text.trim().is_empty() || is_placeholder(text) || text.trim().starts_with("-----BEGIN CERTIFICATE");
    let plain = text.split_whitespace().collect::<String>();
    let decoded = base64::engine::general_purpose::STANDARD.decode(plain).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    !is_harmless(text) && !decoded.is_some_and(|decoded| is_harmless(&decoded))
}

/// Whether lines of a text could show secret material: it is a Secret, or holds a private key. Says yes too often rather
/// than too rarely, and does not need the text to be YAML.
pub fn may_show_secrets(text: &str) -> bool {
    let is_secret = |line: &str| {
        let value = line.split_once("kind").map(|(_, rest)| rest.trim_start_matches(['"', '\'', ' ', ':']));
        value.is_some_and(|value| {
            let word = value.split(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or_default();
            word == "Secret" || word == "SecretList"
        })
    };
    text.lines().any(is_secret) || private_key_in(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_show_a_secret_is_known_by_its_kind_and_by_keys() {
        for text in
            ["kind: Secret\n", "  \"kind\":\"Secret\",", "- kind: 'Secret' # x", "{kind: Secret, a: [", "-----BEGIN RSA PRIVATE KEY-----"]
        {
            assert!(may_show_secrets(text), "{text}");
        }
        for text in ["kind: SealedSecret\n", "secretName: x\n", "kind: ConfigMap\nsecretKeyRef: {}\n"] {
            assert!(!may_show_secrets(text), "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_no_secret_and_neither_is_a_certificate() {
        for text in ["", "<base64>", "${PASSWORD}", "{{ password }}", "op://a/b/c", "Y2hhbmdlbWU=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"]
        {
            assert!(!is_secret(text), "{text}");
        }
        for text in ["hunter2", "aHVudGVyMg==", "c3VwZXI="] {
            assert!(is_secret(text), "{text}");
        }
    }
}
