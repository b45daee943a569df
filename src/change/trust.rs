//! Certificates inside documents, before and after: which came, which went, by their own names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pki::{Certificate, certificates};
use crate::yaml::{Keys, Node, Value, read};

/// The field of an issuer that holds its roots.
const CA_BUNDLE: &str = "caBundle";

/// Sentences about every `caBundle` that is not the same before and after.
pub fn trust_changes(before: &str, after: &str) -> Vec<String> {
    if !before.contains(CA_BUNDLE) && !after.contains(CA_BUNDLE) {
        return Vec::new();
    }
    let (old, new) = (bundles(before), bundles(after));
    let mut owners: Vec<&String> = old.keys().chain(new.keys()).collect();
    owners.sort();
    owners.dedup();
    let nothing = Bundle::default();
    owners.into_iter().flat_map(|owner| compare(owner, old.get(owner), new.get(owner).unwrap_or(&nothing))).collect()
}

/// The certificates of one bundle; None where it does not hold any that can be read.
type Bundle = Option<Vec<Certificate>>;

/// Bundles by the object that holds them.
fn bundles(text: &str) -> BTreeMap<String, Bundle> {
    let mut found = BTreeMap::new();
    for document in read(text, 0, Keys::AsKubernetes).unwrap_or_default() {
        let metadata = document.get("metadata");
        let part = |key: &str| metadata.and_then(|metadata| metadata.get_str(key));
        let kind = document.get_str("kind").unwrap_or("a document");
        let name = part("name").unwrap_or_default();
        let owner = match part("namespace") {
            Some(namespace) => format!("{kind} `{name}` in namespace `{namespace}`"),
            None if name.is_empty() => kind.to_owned(),
            None => format!("{kind} `{name}`"),
        };
        collect(&document, &owner, &mut found);
    }
    found
}

fn collect(node: &Node, owner: &str, found: &mut BTreeMap<String, Bundle>) {
    match &node.value {
        Value::Map(map) => {
            for (key, entry) in map.iter() {
                match entry.node.as_str() {
                    Some(text) if key == CA_BUNDLE => drop(found.insert(owner.to_owned(), decode(text))),
                    _ => collect(&entry.node, owner, found),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, owner, found)),
        _ => {}
    }
}

/// Base64 of PEM, or PEM itself.
fn decode(text: &str) -> Bundle {
    let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let pem = STANDARD.decode(&compact).unwrap_or_else(|_| text.as_bytes().to_vec());
    certificates(&pem).ok().filter(|certificates| !certificates.is_empty())
}

fn compare(owner: &str, before: Option<&Bundle>, after: &Bundle) -> Vec<String> {
    let old = match before {
        Some(Some(certificates)) => certificates.as_slice(),
        _ => &[],
    };
    let new = after.as_deref().unwrap_or_default();
    let has = |certificates: &[Certificate], wanted: &Certificate| {
        certificates.iter().any(|certificate| certificate.fingerprint() == wanted.fingerprint())
    };
    let added: Vec<&Certificate> = new.iter().filter(|certificate| !has(old, certificate)).collect();
    let removed: Vec<&Certificate> = old.iter().filter(|certificate| !has(new, certificate)).collect();
    if added.is_empty() && removed.is_empty() {
        return Vec::new();
    }
    let mut sentences: Vec<String> = Vec::new();
    let kept = old.len() - removed.len();
    for certificate in &added {
        // An import keeps the old certificate beside the new one, so it need not be among the removed.
        let reissued = old.iter().any(|old| has_key_of(old, certificate));
        let what = match (reissued, old.is_empty(), kept) {
            (true, ..) => "same key reissued",
            (false, true, _) => "root",
            (false, false, 0) => "root replaced, everything issued under the old one is no longer trusted",
            (false, false, _) => "new root beside the old",
        };
        sentences.push(format!("{owner}: {what}: {}", described(certificate)));
    }
    for certificate in &removed {
        let what =
            if new.iter().any(|new| has_key_of(new, certificate)) { "old certificate of the same key removed" } else { "root removed" };
        sentences.push(format!("{owner}: {what}: {}", described(certificate)));
    }
    sentences
}

fn has_key_of(one: &Certificate, other: &Certificate) -> bool {
    one.public_key_fingerprint() == other.public_key_fingerprint()
}

fn described(certificate: &Certificate) -> String {
    format!(
        "`{}`, {}, valid from {} to {}, SHA-256 {}",
        certificate.subject(),
        certificate.key(),
        certificate.not_before(),
        certificate.not_after(),
        certificate.fingerprint()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(name: &str, key: &rcgen::KeyPair) -> String {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(key).expect("certificate").pem()
    }

    fn issuer(pems: &[&str]) -> String {
        format!("kind: StepIssuer\nmetadata: {{name: a, namespace: b}}\nspec:\n  caBundle: {}\n", STANDARD.encode(pems.concat()))
    }

    #[test]
    fn roots_are_told_by_what_happens_to_them() {
        let (key_one, key_two) = (rcgen::KeyPair::generate().expect("key"), rcgen::KeyPair::generate().expect("key"));
        let (one, two, again) = (root("One", &key_one), root("Two", &key_two), root("One again", &key_one));
        let says = |before: &str, after: &str| trust_changes(before, after).join("\n");
        assert_eq!(says(&issuer(&[&one]), &issuer(&[&one])), "");
        assert!(says("", &issuer(&[&one])).starts_with("StepIssuer `a` in namespace `b`: root: `CN=One`"));
        assert!(says(&issuer(&[&one]), &issuer(&[&one, &two])).contains("new root beside the old: `CN=Two`"));
        let replaced = says(&issuer(&[&one]), &issuer(&[&two]));
        assert!(replaced.contains("root replaced") && replaced.contains("root removed: `CN=One`"), "{replaced}");
        assert!(says(&issuer(&[&one]), &issuer(&[&again])).contains("same key reissued: `CN=One again`"));
        assert!(says(&issuer(&[&one]), &issuer(&[&one, &again])).contains("same key reissued: `CN=One again`"));
        assert!(says(&issuer(&[&one, &again]), &issuer(&[&again])).contains("old certificate of the same key removed: `CN=One`"));
        assert!(says(&issuer(&[&one, &two]), &issuer(&[&two])).contains("root removed: `CN=One`"));
    }
}
