//! What clients refuse of a CA's certificates: chains that do not hold, keys and signatures that are too weak.

use super::Known;
use crate::finding::{CA_CHAIN_BROKEN, CA_NOT_SELF_SIGNED, CA_WEAK_KEY, Finding, Level};
use crate::pki::{Certificate, KeyType};
use crate::snapshot::broken_chain;

/// Judges the certificates of one CA.
pub(super) fn check(known: Known<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (snapshot, places) = (known.snapshot, known.places);
    for root in snapshot.roots() {
        let root = &root.certificate;
        // Names and key identifiers say it; the signature was looked at when the root was imported.
        if !root.names_issuer(root) {
            let message = format!("the root `{}` is not signed by itself but issued by `{}`", root.subject(), root.issuer());
            let help = "Go trusts such a certificate, other programs need the one at the top of the chain: give that one as root";
            findings.push(Finding::new(&CA_NOT_SELF_SIGNED, places.root(root.fingerprint(), "pem"), message).help(help));
        }
        if let Some(reason) = weakness(root.key()) {
            let message = format!("the root `{}` has {reason}", root.subject());
            findings.push(Finding::new(&CA_WEAK_KEY, places.root(root.fingerprint(), "key"), message).help(STRONGER_KEY));
        }
    }
    let Some(chain) = known.chain else { return findings };
    for certificate in &chain.intermediates {
        if let Some(reason) = weakness(certificate.key()) {
            let message = format!("the intermediate `{}` has {reason}", certificate.subject());
            findings.push(Finding::new(&CA_WEAK_KEY, places.intermediate(certificate.fingerprint(), "key"), message).help(STRONGER_KEY));
        }
        if let Some(hash) = certificate.broken_hash() {
            let message = format!("the intermediate `{}` is signed with {hash}, and clients refuse that", certificate.subject());
            let help = "let the root sign the intermediate again with SHA-256, then `trustree snapshot import`";
            findings.push(Finding::new(&CA_WEAK_KEY, places.intermediate(certificate.fingerprint(), "pem"), message).help(help));
        }
    }
    let Some(issuing) = chain.intermediates.first() else { return findings };
    let place = places.intermediate(issuing.fingerprint(), "root");
    if chain.roots.is_empty() {
        let (message, help) = broken_chain(issuing, snapshot.roots());
        findings.push(Finding::new(&CA_CHAIN_BROKEN, place, message).help(help));
    } else if !chain.is_verified && !is_signed_too_weakly(&chain.intermediates) {
        let message = format!("not checked: whether the root has signed the intermediate `{}`; the names fit", issuing.subject());
        let help = "signatures by this kind of key cannot be verified here; `step certificate verify` can";
        findings.push(Finding::new(&CA_CHAIN_BROKEN, place, message).at(Level::Note).help(help));
    }
    findings
}

const STRONGER_KEY: &str = "plan a rotation to a key that every client takes: ECDSA P-256 or P-384, or RSA from 2048 bits on";

/// Whether a broken hash is why nothing could be verified, which another rule tells.
fn is_signed_too_weakly(intermediates: &[&Certificate]) -> bool {
    intermediates.iter().any(|certificate| certificate.broken_hash().is_some())
}

/// Why clients refuse a key; None for one that they take. Ed25519 is left to its owner: Go takes it, and so do most.
fn weakness(key: &KeyType) -> Option<String> {
    match key {
        KeyType::Rsa(0) => Some("an RSA key that cannot be read".to_owned()),
        KeyType::Rsa(bits) if *bits < 2048 => Some(format!("an RSA key of {bits} bits, and many clients refuse less than 2048")),
        KeyType::Ecdsa(curve) if !matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
            Some(format!("a key on the curve `{curve}`, which many clients do not know"))
        }
        KeyType::Other(name) => Some(format!("a key of the kind `{name}`, which Go and many clients do not know")),
        KeyType::Rsa(_) | KeyType::Ecdsa(_) | KeyType::Ed25519 => None,
    }
}
