//! Certificates before and after: which came, which went, by their own names, and what that does to what was issued.

use super::certificates::Stores;
use super::entry::{CertificateFacts, Code, Meaning};
use super::fields::last_key;
use crate::pki::{Certificate, Verification};

/// Where an issuer's roots stand; a sentence about them need not say so.
const USUAL_PLACE: &str = "spec.caBundle";

/// Fields whose certificates are trusted, whatever they are.
const ANCHORS: &[&str] = &["cabundle", "inline", "inlinecas"];

/// An object after the change, and the certificates in it.
pub(super) struct Holder {
    /// Its kind, namespace and name, in words.
    pub(super) label: String,
    /// The CA that it asks, if it is an issuer.
    pub(super) url: Option<String>,
    pub(super) stores: Stores,
}

/// Everything else of the environment after the change. It is looked at only when a root is gone.
pub(super) trait Others {
    /// The objects but the one in question.
    fn holders(&self) -> Vec<&Holder>;
    /// The CA that the object in question asks, where that is the same before and after.
    fn url(&self) -> Option<&str>;
    /// Whether the object in question is gone as a whole.
    fn is_gone(&self) -> bool;
}

/// What happens to the certificates of one document.
pub(super) fn meanings(before: &Stores, after: &Stores, others: &dyn Others) -> Vec<Meaning> {
    let nothing = Vec::new();
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut found = Vec::new();
    for path in paths {
        let (old, new) = (before.get(path).unwrap_or(&nothing), after.get(path).unwrap_or(&nothing));
        if old == new || (new.is_empty() && is_elsewhere(old, after)) || (old.is_empty() && is_elsewhere(new, before)) {
            continue;
        }
        let place = if path == USUAL_PLACE || path.is_empty() { String::new() } else { format!("`{path}`: ") };
        let (old_roots, old_rest) = split(path, old);
        let (new_roots, new_rest) = split(path, new);
        let start = found.len();
        roots(&place, (&old_roots, &new_roots), after, others, &mut found);
        certificates(&place, &old_rest, &new_rest, &mut found);
        if found.len() == start {
            let what = if new_rest.is_empty() { "roots" } else { "certificates" };
            found.push(Meaning::new(Code::CertificatesReordered, format!("{place}reordered, same {what}")));
        }
    }
    found
}

/// Whether the very same certificates stand under another path: their text moved.
fn is_elsewhere(certificates: &[Certificate], stores: &Stores) -> bool {
    stores.values().any(|other| other == certificates)
}

/// What is trusted, and what is served beside it.
fn split<'a>(path: &str, certificates: &'a [Certificate]) -> (Vec<&'a Certificate>, Vec<&'a Certificate>) {
    let is_anchor = ANCHORS.contains(&last_key(path).as_str());
    certificates.iter().partition(|certificate| is_anchor || (certificate.is_self_issued() && certificate.is_authority()))
}

fn roots(place: &str, (old, new): (&[&Certificate], &[&Certificate]), after: &Stores, others: &dyn Others, found: &mut Vec<Meaning>) {
    let keeps_a_key = old.iter().any(|old| new.iter().any(|new| has_key_of(new, old)));
    let is_replaced = !old.is_empty() && !new.is_empty() && !keeps_a_key;
    for certificate in new.iter().filter(|certificate| !old.contains(certificate)) {
        let predecessor = old.iter().find(|old| has_key_of(old, certificate));
        let (code, what) = match predecessor {
            // An import keeps the old certificate beside the new one, so it need not be gone.
            Some(_) => (Code::SameKeyReissued, "same key reissued"),
            None if old.is_empty() => (Code::RootAdded, "root"),
            None if is_replaced => (Code::RootReplaced, "root replaced: trust breaks for everything issued so far; new"),
            None => (Code::RootAddedBesideOld, "new root added beside the old"),
        };
        found.push(about(code, format!("{place}{what}: {}", described(certificate)), certificate));
    }
    for certificate in old.iter().filter(|certificate| !new.contains(certificate)) {
        if new.iter().any(|new| has_key_of(new, certificate)) {
            let text = format!("{place}old certificate of the same key removed: {}", described(certificate));
            found.push(about(Code::OldCertificateRemoved, text, certificate));
            continue;
        }
        let users = users(certificate, new, after, others);
        let (code, what) = match users.as_slice() {
            [] if others.is_gone() => (Code::RootRemoved, "root removed with its object".to_owned()),
            users if others.is_gone() => (Code::RootRemoved, format!("root removed with its object ({})", users.join(", "))),
            [] => (Code::RootRemoved, "root removed".to_owned()),
            users => (Code::RootRemovedWhileUsed, format!("root removed while {}", users.join(" and "))),
        };
        found.push(about(code, format!("{place}{what}: {}", described(certificate)), certificate));
    }
}

/// What in the environment still trusts a root or was issued by it, in words.
fn users(root: &Certificate, left: &[&Certificate], after: &Stores, others: &dyn Others) -> Vec<String> {
    let holders = others.holders();
    let mut found = Vec::new();
    let trusts = |holder: &&&Holder| holder.stores.iter().any(|(path, store)| split(path, store).0.contains(&root));
    let trusting: Vec<&&Holder> = holders.iter().filter(trusts).collect();
    if let Some(first) = trusting.first() {
        let same_authority = first.url.is_some() && first.url.as_deref() == others.url();
        let why = if same_authority { " for the same CA" } else { "" };
        let more = if trusting.len() > 1 { format!(" (and {} more)", trusting.len() - 1) } else { String::new() };
        found.push(format!("{} still trusts it{why}{more}", first.label));
    }
    let own = after.values().map(|store| ("this object", store));
    let elsewhere = holders.iter().flat_map(|holder| holder.stores.values().map(|store| (holder.label.as_str(), store)));
    let issued = own.chain(elsewhere).flat_map(|(label, store)| store.iter().map(move |certificate| (label, certificate)));
    let orphan = issued.into_iter().find(|(_, certificate)| {
        let is_issued_by = |issuer: &Certificate| certificate.issued_by(issuer) == Verification::Verified;
        !certificate.is_self_issued() && is_issued_by(root) && !left.iter().any(|left| is_issued_by(left))
    });
    if let Some((label, certificate)) = orphan {
        found.push(format!("`{}` in {label} is still issued by it", certificate.subject()));
    }
    found
}

/// Intermediates and leaves: nobody is cut off by them alone, but what is served is another.
fn certificates(place: &str, old: &[&Certificate], new: &[&Certificate], found: &mut Vec<Meaning>) {
    let gone: Vec<&&Certificate> = old.iter().filter(|certificate| !new.contains(certificate)).collect();
    let come: Vec<&&Certificate> = new.iter().filter(|certificate| !old.contains(certificate)).collect();
    for certificate in &come {
        let role = role(certificate);
        let reissued = old.iter().any(|old| has_key_of(old, certificate));
        let replaced = gone.iter().any(|gone| gone.is_authority() == certificate.is_authority());
        let (code, what) = match (reissued, replaced) {
            (true, _) => (Code::SameKeyReissued, format!("{role} renewed with the same key")),
            (false, true) => (Code::CertificateReplaced, format!("{role} replaced, with a new key")),
            (false, false) => (Code::CertificateAdded, format!("{role} added")),
        };
        found.push(about(code, format!("{place}{what}: {}, issued by `{}`", described(certificate), certificate.issuer()), certificate));
    }
    for certificate in gone {
        let has_successor = come.iter().any(|come| come.is_authority() == certificate.is_authority());
        let code = if has_successor { Code::OldCertificateRemoved } else { Code::CertificateRemoved };
        let what = if has_successor { format!("old {} removed", role(certificate)) } else { format!("{} removed", role(certificate)) };
        found.push(about(code, format!("{place}{what}: {}", described(certificate)), certificate));
    }
}

fn role(certificate: &Certificate) -> &'static str {
    if certificate.is_authority() { "intermediate" } else { "certificate" }
}

fn about(code: Code, text: String, certificate: &Certificate) -> Meaning {
    Meaning { code, text, certificates: vec![CertificateFacts::of(certificate)] }
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
    use crate::change::certificates::stores;
    use crate::change::test_support::{intermediate, root};
    use serde_json::{Value, json};

    struct Alone;

    impl Others for Alone {
        fn holders(&self) -> Vec<&Holder> {
            Vec::new()
        }

        fn url(&self) -> Option<&str> {
            None
        }

        fn is_gone(&self) -> bool {
            false
        }
    }

    struct Beside(Vec<Holder>);

    impl Others for Beside {
        fn holders(&self) -> Vec<&Holder> {
            self.0.iter().collect()
        }

        fn url(&self) -> Option<&str> {
            Some("https://ca")
        }

        fn is_gone(&self) -> bool {
            false
        }
    }

    fn key() -> rcgen::KeyPair {
        rcgen::KeyPair::generate().expect("key")
    }

    fn issuer(pems: &[&str]) -> Value {
        json!({"spec": {"caBundle": pems.concat()}})
    }

    fn codes(before: &Value, after: &Value, others: &dyn Others) -> Vec<(Code, String)> {
        let found = meanings(&stores(before), &stores(after), others);
        found.into_iter().map(|meaning| (meaning.code, meaning.text)).collect()
    }

    /// The one sentence that there is.
    fn says(before: &Value, after: &Value) -> (Code, String) {
        let mut found = codes(before, after, &Alone);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn roots_are_told_by_what_happens_to_them() {
        let (key_one, key_two) = (key(), key());
        let (one, two, again) = (root("One", &key_one), root("Two", &key_two), root("One again", &key_one));
        assert_eq!(codes(&issuer(&[&one]), &issuer(&[&one]), &Alone), []);
        let (code, text) = says(&json!({}), &issuer(&[&one]));
        assert!(code == Code::RootAdded && text.starts_with("root: `CN=One`, ECDSA P-256, valid from "), "{text}");
        let (code, text) = says(&issuer(&[&one]), &issuer(&[&one, &two]));
        assert!(code == Code::RootAddedBesideOld && text.starts_with("new root added beside the old: `CN=Two`"), "{text}");
        let found = codes(&issuer(&[&one]), &issuer(&[&two]), &Alone);
        assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::RootReplaced, Code::RootRemoved]);
        assert!(found[0].1.contains("trust breaks for everything issued so far; new: `CN=Two`"), "{found:?}");
        assert!(found[1].1.starts_with("root removed: `CN=One`"), "{found:?}");
        assert_eq!(says(&issuer(&[&one]), &issuer(&[&one, &again])).0, Code::SameKeyReissued);
        let found = codes(&issuer(&[&one]), &issuer(&[&again]), &Alone);
        assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::SameKeyReissued, Code::OldCertificateRemoved]);
        assert_eq!(says(&issuer(&[&one, &again]), &issuer(&[&again])).0, Code::OldCertificateRemoved);
        assert_eq!(says(&issuer(&[&one, &two]), &issuer(&[&two])).0, Code::RootRemoved);
        let (code, text) = says(&issuer(&[&one, &two]), &issuer(&[&two, &one]));
        assert!(code == Code::CertificatesReordered && text == "reordered, same roots", "{text}");
        // The reissued certificate of one root beside another root is no replacement.
        let codes: Vec<Code> = codes(&issuer(&[&one]), &issuer(&[&again, &two]), &Alone).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [Code::SameKeyReissued, Code::RootAddedBesideOld, Code::OldCertificateRemoved]);
    }

    #[test]
    fn a_root_that_is_still_needed_is_not_simply_removed() {
        let (key_one, key_two) = (key(), key());
        let (one, two) = (root("One", &key_one), root("Two", &key_two));
        let (before, after) = (issuer(&[&one, &two]), issuer(&[&two]));
        let holder = |url: Option<&str>, document: &Value| Holder {
            label: "StepIssuer `b`".to_owned(),
            url: url.map(str::to_owned),
            stores: stores(document),
        };
        let found = codes(&before, &after, &Beside(vec![holder(Some("https://ca"), &issuer(&[&one]))]));
        assert_eq!(found[0].0, Code::RootRemovedWhileUsed);
        assert!(found[0].1.starts_with("root removed while StepIssuer `b` still trusts it for the same CA: `CN=One`"), "{found:?}");
        let found = codes(&before, &after, &Beside(vec![holder(None, &issuer(&[&one]))]));
        assert!(found[0].1.starts_with("root removed while StepIssuer `b` still trusts it: "), "{found:?}");
        let chain = json!({"data": {"intermediate_ca.crt": intermediate("Middle", &one, &key_one)}});
        let found = codes(&before, &after, &Beside(vec![holder(None, &chain)]));
        assert!(found[0].1.starts_with("root removed while `CN=Middle` in StepIssuer `b` is still issued by it"), "{found:?}");
        // An intermediate of the root that stays is no reason.
        let other = json!({"data": {"intermediate_ca.crt": intermediate("Middle", &two, &key_two)}});
        assert_eq!(codes(&before, &after, &Beside(vec![holder(None, &other)]))[0].0, Code::RootRemoved);
    }

    #[test]
    fn intermediates_are_told_apart_from_roots() {
        let root_key = key();
        let one = root("One", &root_key);
        let place = |pem: &str| json!({"data": {"intermediate_ca.crt": pem}});
        let found = codes(&place(&intermediate("A", &one, &root_key)), &place(&intermediate("B", &one, &root_key)), &Alone);
        assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::CertificateReplaced, Code::OldCertificateRemoved]);
        assert!(found[0].1.starts_with("`data[\"intermediate_ca.crt\"]`: intermediate replaced, with a new key: `CN=B`"), "{found:?}");
        assert!(found[0].1.ends_with("issued by `CN=One`"), "{found:?}");
    }

    #[test]
    fn text_that_moves_changes_no_trust() {
        let one = root("One", &key());
        let value = |key: &str| json!({"data": {key: one}});
        assert_eq!(codes(&value("ca.crt"), &value("root.crt"), &Alone), []);
    }
}
