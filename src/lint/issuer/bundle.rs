//! A `caBundle` that somebody wrote: whether step-issuer can read it, and whether it holds the CA's roots.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::called;
use crate::catalog::DER_BUNDLE_SINCE;
use crate::finding::{CA_BUNDLE_DIFFERS, CA_BUNDLE_INVALID, Level, counted};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::pki::{Certificate, Fingerprint, PemError, certificates};
use crate::snapshot::Snapshot;
use crate::yaml::Path;

/// What a text turned out to be.
#[derive(Debug)]
enum Bundle {
    /// Certificates in PEM; how many sections cannot be read, which Go passes over without a word.
    Pem { certificates: Vec<Certificate>, skipped: usize },
    /// One certificate in DER.
    Der(Box<Certificate>),
    /// Something that step-issuer or the API server refuses: what is wrong, and what to do.
    Unusable(String, &'static str),
    /// A private key; somebody else says so.
    PrivateKey,
}

const ENCODE: &str = "write the PEM of the root in base64 on one line, as `base64 -w0 root_ca.crt` prints it";

/// Judges the bundle of an issuer.
pub(super) fn check(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let Some(text) = issuer.text("spec.caBundle").filter(|text| !text.is_empty()) else { return };
    let found = match read(text) {
        Bundle::PrivateKey => return,
        Bundle::Unusable(problem, help) => {
            report(lint, issuer, Level::Error, &problem, help);
            return;
        }
        Bundle::Pem { certificates, skipped } => {
            if skipped > 0 {
                let problem = format!("has {} that cannot be read and is passed over", counted(skipped, "section"));
                report(lint, issuer, Level::Warning, &problem, ENCODE);
            }
            certificates
        }
        Bundle::Der(certificate) => {
            der(lint, issuer);
            vec![*certificate]
        }
    };
    let Some(snapshot) = lint.signer_of(issuer).and_then(|signer| signer.snapshot) else { return };
    if let Some(difference) = difference(&found, snapshot) {
        let message = format!("the `caBundle` of {} {difference}", called(issuer));
        let help = "take the roots of the CA snapshot, or import the snapshot again if the CA has changed";
        lint.report(&CA_BUNDLE_DIFFERS, issuer.document, &Path::of(["spec", "caBundle"]), message, help);
    }
}

/// The problem continues a sentence about the bundle.
fn report(lint: &mut Lint<'_>, issuer: Object<'_>, level: Level, problem: &str, help: &str) {
    let message = format!("the `caBundle` of {} {problem}", called(issuer));
    lint.report_at(level, &CA_BUNDLE_INVALID, issuer.document, &Path::of(["spec", "caBundle"]), (message, help));
}

fn der(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let (major, minor) = DER_BUNDLE_SINCE;
    let (level, which) = match lint.step_issuer_version() {
        Some(version) if version >= DER_BUNDLE_SINCE => return,
        Some((own_major, own_minor)) => (Level::Error, format!("this environment runs {own_major}.{own_minor}")),
        None => (Level::Note, "which one runs here is not known".to_owned()),
    };
    report(lint, issuer, level, &format!("is DER, which step-issuer reads from {major}.{minor} on, and {which}"), ENCODE);
}

/// Reads a bundle as the API server does, then as step-issuer does.
fn read(text: &str) -> Bundle {
    if text.contains("-----BEGIN ") {
        return Bundle::Unusable("is PEM as it is, and the field takes base64".to_owned(), ENCODE);
    }
    let bare = text.trim_end_matches(['\n', '\r', ' ', '\t']);
    if bare.contains(char::is_whitespace) {
        return Bundle::Unusable("has a line break or a space inside, and the API server takes base64 on one line only".to_owned(), ENCODE);
    }
    if bare != text {
        let help = "write it behind `caBundle:` on the same line; a block that begins with `|` keeps a line break, one with `|-` does not";
        return Bundle::Unusable("ends in a line break, and the API server takes base64 on one line only".to_owned(), help);
    }
    let Ok(bytes) = STANDARD.decode(text) else {
        return Bundle::Unusable("is no base64".to_owned(), ENCODE);
    };
    if bytes.trim_ascii().is_empty() {
        return Bundle::Unusable(
            format!("is `{text}`, base64 of nothing: what came before `base64` in somebody's script printed nothing"),
            "take the root from the CA: `step ca root`, or the ConfigMap `<release>-certs`",
        );
    }
    match certificates(&bytes) {
        Ok(found) if bytes.first() == Some(&0x30) => {
            found.into_iter().next().map_or_else(nothing, |certificate| Bundle::Der(Box::new(certificate)))
        }
        Ok(certificates) => Bundle::Pem { certificates, skipped: 0 },
        Err(PemError::PrivateKey { .. }) => Bundle::PrivateKey,
        Err(PemError::EncodedTwice) => Bundle::Unusable("is base64 of base64".to_owned(), "encode the PEM once"),
        Err(PemError::Nothing | PemError::Der(_)) => nothing(),
        Err(PemError::Section { .. } | PemError::CutOff { .. }) => by_section(&String::from_utf8_lossy(&bytes)),
    }
}

fn nothing() -> Bundle {
    Bundle::Unusable("holds no certificate".to_owned(), ENCODE)
}

/// As Go does: what can be read of a text counts, and the rest is passed over.
fn by_section(text: &str) -> Bundle {
    let sections = text.split("-----BEGIN ").skip(1).filter(|section| section.starts_with("CERTIFICATE-----"));
    let (mut found, mut skipped) = (Vec::new(), 0);
    for section in sections {
        match certificates(format!("-----BEGIN {section}").as_bytes()) {
            Ok(read) => found.extend(read),
            Err(_) => skipped += 1,
        }
    }
    if found.is_empty() { nothing() } else { Bundle::Pem { certificates: found, skipped } }
}

/// How the roots of a bundle differ from those of the snapshot, continuing a sentence.
fn difference(bundle: &[Certificate], snapshot: &Snapshot) -> Option<String> {
    fn by_fingerprint<'a>(certificates: impl Iterator<Item = &'a Certificate>) -> BTreeMap<Fingerprint, &'a Certificate> {
        certificates.map(|certificate| (certificate.fingerprint(), certificate)).collect()
    }
    let ours = by_fingerprint(snapshot.roots().iter().map(|root| &root.certificate));
    let theirs = by_fingerprint(bundle.iter());
    let only_in = |one: &BTreeMap<Fingerprint, &Certificate>, other: &BTreeMap<Fingerprint, &Certificate>| {
        let only = one.iter().filter(|(fingerprint, _)| !other.contains_key(*fingerprint));
        let told: Vec<String> = only.map(|(fingerprint, certificate)| told(*fingerprint, certificate)).collect();
        (!told.is_empty()).then(|| told.join(", "))
    };
    match (only_in(&ours, &theirs), only_in(&theirs, &ours)) {
        (None, None) => None,
        (Some(lacking), None) => Some(format!("lacks {lacking}, which the CA snapshot trusts")),
        (None, Some(more)) => Some(format!("holds {more}, which the CA snapshot does not trust")),
        (Some(lacking), Some(more)) => Some(format!("holds {more} in place of {lacking}, which the CA snapshot trusts")),
    }
}

fn told(fingerprint: Fingerprint, certificate: &Certificate) -> String {
    let fingerprint = fingerprint.to_string();
    format!("`{}` ({}…)", certificate.subject(), fingerprint.get(..12).unwrap_or(&fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, issuer, root_bundle};

    fn problem(text: &str) -> String {
        match read(text) {
            Bundle::Unusable(problem, _) => problem,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn another() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().expect("a key");
        rcgen::CertificateParams::new(["other".to_owned()]).expect("names").self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn what_the_api_server_refuses_is_told_apart() {
        let good = root_bundle();
        assert!(matches!(read(&good), Bundle::Pem { certificates, skipped: 0 } if certificates.len() == 1));
        assert!(problem(&format!("{good}\n")).contains("ends in a line break"));
        assert!(problem(&format!("{}\n{}", &good[..76], &good[76..])).contains("inside"));
        assert!(problem(&format!("{} {}", &good[..76], &good[76..])).contains("inside"));
        assert!(problem("Cg==").contains("base64 of nothing"));
        assert!(problem("<caBundle>").contains("no base64"));
        assert!(problem("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----").contains("PEM as it is"));
        assert!(problem(&STANDARD.encode(&good)).contains("base64 of base64"));
        assert!(problem(&STANDARD.encode("hello")).contains("holds no certificate"));
    }

    #[test]
    fn a_section_that_cannot_be_read_is_passed_over_beside_others() {
        let pem = String::from_utf8(STANDARD.decode(root_bundle()).expect("base64")).expect("text");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(
            matches!(read(&STANDARD.encode(format!("{broken}{pem}"))), Bundle::Pem { certificates, skipped: 1 } if certificates.len() == 1)
        );
        assert!(problem(&STANDARD.encode(broken)).contains("holds no certificate"));
    }

    #[test]
    fn der_is_read_from_0_10_on() {
        let text = issuer("StepIssuer").replace(&root_bundle(), &STANDARD.encode(another()));
        let level = |inventory: &str| {
            let findings = Sandbox::new(inventory).write(&text).lint().theirs;
            findings.iter().find(|finding| finding.rule == &CA_BUNDLE_INVALID).map(|finding| finding.level)
        };
        assert_eq!(level("versions: {stepIssuer: '0.9'}\n"), Some(Level::Error));
        assert_eq!(level("versions: {stepIssuer: '0.10'}\n"), None);
        assert_eq!(level(""), Some(Level::Note));
    }

    #[test]
    fn roots_are_compared_as_a_set() {
        let pem = String::from_utf8(STANDARD.decode(root_bundle()).expect("base64")).expect("text");
        let other = Certificate::from_der(&another()).expect("a certificate").to_pem();
        let found = |pem: &str| {
            let text = issuer("StepIssuer").replace(&root_bundle(), &STANDARD.encode(pem));
            Sandbox::new("").write(&text).found(&CA_BUNDLE_DIFFERS)
        };
        assert_eq!(found(&pem), [""; 0]);
        assert_eq!(found(&format!("# twice\n{pem}{pem}")), [""; 0]);
        assert!(found(&format!("{pem}{other}"))[0].contains("does not trust"));
        assert!(found(&other)[0].contains("in place of"));
    }
}
