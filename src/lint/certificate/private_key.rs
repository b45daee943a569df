//! Algorithm, size, encoding, rotation and signature of a certificate's private key.

use crate::catalog::KeyAlgorithm;
use crate::finding::{PRIVATE_KEY_SETTINGS, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::yaml::{Path, Value, nearest};

const ALGORITHMS: [&str; 3] = ["RSA", "ECDSA", "Ed25519"];
/// Fields whose words are fixed.
const WORDS: [(&str, &[&str]); 2] = [("encoding", &["PKCS1", "PKCS8"]), ("rotationPolicy", &["Never", "Always"])];

/// Judges the settings of a certificate's key.
pub(super) fn check(lint: &mut Lint<'_>, certificate: Object<'_>) {
    for (field, words) in WORDS {
        let given = certificate.text(&format!("spec.privateKey.{field}")).filter(|given| !given.is_empty());
        if let Some(given) = given.filter(|given| !words.contains(given)) {
            unknown(lint, certificate, field, given, words);
        }
    }
    let given = certificate.text("spec.privateKey.algorithm").unwrap_or_default();
    let Some(algorithm) = KeyAlgorithm::of(given) else {
        unknown(lint, certificate, "algorithm", given, &ALGORITHMS);
        return;
    };
    if algorithm == KeyAlgorithm::Ed25519 && lint.is_cert_manager_before(KeyAlgorithm::ED25519_SINCE) {
        let message = format!("`Ed25519` keys came with cert-manager 1.{}", KeyAlgorithm::ED25519_SINCE);
        let help = "use `ECDSA`, or correct `versions.certManager`";
        lint.report(&PRIVATE_KEY_SETTINGS, certificate.document, &key().key("algorithm"), message, help);
    }
    size(lint, certificate, algorithm);
    signature(lint, certificate, algorithm);
}

fn key() -> Path {
    Path::of(["spec", "privateKey"])
}

fn unknown(lint: &mut Lint<'_>, certificate: Object<'_>, field: &str, given: &str, words: &[&str]) {
    let same = words.iter().find(|word| word.eq_ignore_ascii_case(given)).copied();
    let help = match same.or_else(|| nearest(given, words.iter().copied())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write one of {}", listed(words.iter().copied())),
    };
    let message = format!("cert-manager knows no `{field}: {given}` of a private key");
    lint.report(&PRIVATE_KEY_SETTINGS, certificate.document, &key().key(field), message, help);
}

fn size(lint: &mut Lint<'_>, certificate: Object<'_>, algorithm: KeyAlgorithm) {
    let Some(Value::Integer(bits)) = certificate.get("spec.privateKey.size").map(|node| &node.value) else { return };
    if algorithm.takes_size(*bits) {
        return;
    }
    let (name, sizes) = (algorithm.as_str(), algorithm.sizes());
    let is_default = certificate.text("spec.privateKey.algorithm").is_none_or(str::is_empty);
    let meant = if is_default { format!("{name} key, which is meant where no algorithm is named,") } else { format!("{name} key") };
    let message = format!("an {meant} has {sizes} bits, and cert-manager refuses {bits}");
    let help = if is_default && KeyAlgorithm::Ecdsa.takes_size(*bits) {
        "write `algorithm: ECDSA` beside it".to_owned()
    } else {
        format!("write a size of {sizes}, or take it out")
    };
    lint.report(&PRIVATE_KEY_SETTINGS, certificate.document, &key().key("size"), message, help);
}

fn signature(lint: &mut Lint<'_>, certificate: Object<'_>, algorithm: KeyAlgorithm) {
    let Some(signature) = certificate.text("spec.signatureAlgorithm").filter(|signature| !signature.is_empty()) else { return };
    if algorithm.signatures().contains(&signature) {
        return;
    }
    let message = format!("an {} key cannot sign its request with `{signature}`, so cert-manager refuses it", algorithm.as_str());
    let help = format!("write one of {}, or take it out", listed(algorithm.signatures().iter().copied()));
    lint.report(&PRIVATE_KEY_SETTINGS, certificate.document, &Path::of(["spec", "signatureAlgorithm"]), message, help);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, certificate};

    fn found(inventory: &str, spec: &str) -> Vec<String> {
        Sandbox::new(inventory).write(&certificate("web", spec)).found(&PRIVATE_KEY_SETTINGS)
    }

    #[test]
    fn combinations_that_work_pass() {
        for spec in [
            "",
            "privateKey: {}",
            "privateKey: {size: 3072}",
            "privateKey: {algorithm: RSA, size: 8192, encoding: PKCS8, rotationPolicy: Always}",
            "privateKey: {algorithm: ECDSA, size: 521}\nsignatureAlgorithm: ECDSAWithSHA256",
            "privateKey: {algorithm: Ed25519, size: 1, encoding: PKCS1}\nsignatureAlgorithm: PureEd25519",
            "signatureAlgorithm: SHA512WithRSA",
        ] {
            assert_eq!(found("", spec), [""; 0], "{spec}");
        }
    }

    #[test]
    fn combinations_that_cert_manager_refuses_are_told() {
        for (spec, message) in [
            ("privateKey: {algorithm: rsa}", "algorithm: rsa"),
            ("privateKey: {algorithm: RSA, size: 2047}", "2048 to 8192"),
            ("privateKey: {size: 256}", "where no algorithm is named"),
            ("privateKey: {algorithm: ECDSA, size: 512}", "256, 384 or 521"),
            ("privateKey: {encoding: PEM}", "encoding: PEM"),
            ("privateKey: {rotationPolicy: always}", "rotationPolicy: always"),
            ("signatureAlgorithm: ECDSAWithSHA256", "RSA key cannot sign"),
            ("privateKey: {algorithm: Ed25519}\nsignatureAlgorithm: SHA256WithRSA", "Ed25519 key cannot sign"),
        ] {
            let found = found("", spec);
            assert!(matches!(found.as_slice(), [one] if one.contains(message)), "{spec}: {found:?}");
        }
        assert_eq!(found("versions: {certManager: '1.4'}\n", "privateKey: {algorithm: Ed25519}").len(), 1);
        assert_eq!(found("versions: {certManager: '1.5'}\n", "privateKey: {algorithm: Ed25519}"), [""; 0]);
    }
}
