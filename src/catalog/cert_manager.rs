//! What cert-manager accepts in a Certificate, and from which release on.
//!
//! Source: `pkg/apis/certmanager/v1/types_certificate.go` and `internal/apis/certmanager/validation/certificate.go` of
//! every minor release of cert-manager from 1.0 to 1.21; `pkg/api/util/usages.go` for the usages.

/// Fields of a Certificate's spec that came after cert-manager 1.0, with the minor version of 1.x that brought them. An
/// older API server refuses them, or drops them without a word.
pub const CERTIFICATE_FIELDS_SINCE: &[(&str, u32)] = &[
    ("encodeUsagesInRequest", 1),
    ("revisionHistoryLimit", 3),
    ("secretTemplate", 5),
    ("additionalOutputFormats", 7),
    ("literalSubject", 9),
    ("keystores.pkcs12.profile", 14),
    ("nameConstraints", 14),
    ("otherNames", 14),
    ("keystores.jks.alias", 15),
    ("renewBeforePercentage", 16),
    ("keystores.jks.password", 17),
    ("keystores.pkcs12.password", 17),
    ("signatureAlgorithm", 18),
    ("renewal", 21),
];

/// The last minor version of 1.x whose conversion webhook rewrote durations into Go's own form.
pub const LAST_WITH_CONVERSION: u32 = 6;

/// Releases that count `renewBeforePercentage` as what has passed of a life at its renewal; all others, as what is left.
pub const PERCENTAGE_AS_PASSED: &[&str] = &["1.16.0", "1.16.1", "1.16.2"];

/// The longest common name that the webhook takes, in bytes.
pub const MAX_COMMON_NAME: usize = 64;

/// Annotations below this belong to cert-manager; a `secretTemplate` with one is refused.
pub const CERT_MANAGER_ANNOTATIONS: &str = "cert-manager.io/";

/// The one of them that a `secretTemplate` may hold, and the minor version of 1.x since when.
pub const ADMITTED_ANNOTATION: (&str, u32) = ("cert-manager.io/allow-direct-injection", 15);

/// Usages that step-ca's default template writes into every certificate; `signing` is another word for `digital signature`.
const GIVEN: &[&str] = &["digital signature", "signing", "server auth", "client auth"];

/// The one that it writes for RSA keys. For other keys nobody can use it, and cert-manager asks for it by default.
const GIVEN_FOR_RSA: &str = "key encipherment";

/// Every other usage that cert-manager knows.
const NOT_GIVEN: &[&str] = &[
    "any",
    "cert sign",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "timestamping",
];

/// Whether cert-manager knows a usage of that name; with a capital letter or without the space it does not.
pub fn is_known_usage(usage: &str) -> bool {
    is_usage_given(usage) || NOT_GIVEN.contains(&usage)
}

/// Whether step-ca's default template gives a certificate that usage anyway. `key encipherment` counts also where the
/// key is not RSA, because nothing is lost without it.
///
/// Source: `DefaultLeafTemplate` in `x509util/templates.go` of smallstep/crypto.
pub fn is_usage_given(usage: &str) -> bool {
    usage == GIVEN_FOR_RSA || GIVEN.contains(&usage)
}

/// Every usage that cert-manager knows, for a hint.
pub fn known_usages() -> impl Iterator<Item = &'static str> {
    GIVEN.iter().chain([&GIVEN_FOR_RSA]).chain(NOT_GIVEN).copied()
}

/// The algorithm of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// `RSA`, which is also meant where none is named.
    Rsa,
    /// `ECDSA`.
    Ecdsa,
    /// `Ed25519`, whose size is not looked at.
    Ed25519,
}

impl KeyAlgorithm {
    /// The first minor version of 1.x that knows Ed25519.
    pub const ED25519_SINCE: u32 = 5;

    /// The algorithm that goes by this word; None for a word that cert-manager refuses.
    pub fn of(word: &str) -> Option<KeyAlgorithm> {
        match word {
            "" | "RSA" => Some(KeyAlgorithm::Rsa),
            "ECDSA" => Some(KeyAlgorithm::Ecdsa),
            "Ed25519" => Some(KeyAlgorithm::Ed25519),
            _ => None,
        }
    }

    /// Its name as cert-manager writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyAlgorithm::Rsa => "RSA",
            KeyAlgorithm::Ecdsa => "ECDSA",
            KeyAlgorithm::Ed25519 => "Ed25519",
        }
    }

    /// Whether the webhook takes a key of so many bits; 0 stands for the default, and for Ed25519 anything goes.
    pub fn takes_size(self, bits: i64) -> bool {
        match self {
            _ if bits <= 0 => true,
            KeyAlgorithm::Rsa => (2048..=8192).contains(&bits),
            KeyAlgorithm::Ecdsa => [256, 384, 521].contains(&bits),
            KeyAlgorithm::Ed25519 => true,
        }
    }

    /// The sizes that it takes, in words.
    pub const fn sizes(self) -> &'static str {
        match self {
            KeyAlgorithm::Rsa => "2048 to 8192",
            KeyAlgorithm::Ecdsa => "256, 384 or 521",
            KeyAlgorithm::Ed25519 => "any",
        }
    }

    /// The words of `signatureAlgorithm` that fit such a key.
    pub const fn signatures(self) -> &'static [&'static str] {
        match self {
            KeyAlgorithm::Rsa => &["SHA256WithRSA", "SHA384WithRSA", "SHA512WithRSA"],
            KeyAlgorithm::Ecdsa => &["ECDSAWithSHA256", "ECDSAWithSHA384", "ECDSAWithSHA512"],
            KeyAlgorithm::Ed25519 => &["PureEd25519"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_known_by_their_exact_words() {
        assert_eq!(known_usages().count(), 23);
        assert!(known_usages().all(is_known_usage));
        for unknown in ["Server Auth", "serverAuth", "server-auth", "", "digitalSignature"] {
            assert!(!is_known_usage(unknown), "{unknown}");
        }
        assert!(is_usage_given("client auth") && !is_usage_given("code signing"));
    }

    #[test]
    fn key_sizes_end_where_the_webhook_ends_them() {
        for (algorithm, taken, refused) in
            [("RSA", vec![0, 2048, 3072, 8192], vec![1, 2047, 8193]), ("ECDSA", vec![0, 256, 384, 521], vec![255, 512, 2048])]
        {
            let algorithm = KeyAlgorithm::of(algorithm).expect("known");
            assert!(taken.into_iter().all(|bits| algorithm.takes_size(bits)));
            assert!(!refused.into_iter().any(|bits| algorithm.takes_size(bits)));
        }
        assert!(KeyAlgorithm::Ed25519.takes_size(1));
        assert_eq!(KeyAlgorithm::of("rsa"), None);
    }

    #[test]
    fn fields_are_listed_in_the_order_in_which_they_came() {
        assert!(CERTIFICATE_FIELDS_SINCE.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }
}
