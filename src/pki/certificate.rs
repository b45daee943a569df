//! X.509 certificates: the facts that a reviewer reads and the checks that a chain needs.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use pem_rfc7468::LineEnding;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{Fingerprint, GoDuration, distinguished_name};

/// A moment in UTC, to the second. Certificates may be valid to the end of the year 9999, which a timestamp with room
/// for time zones does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(DateTime);

impl Moment {
    fn of(time: &ASN1Time) -> Result<Moment, CertificateError> {
        const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let moment = EPOCH.checked_add(SignedDuration::from_secs(time.timestamp()));
        moment.map(Moment).map_err(|_| CertificateError("its validity lies outside of the calendar"))
    }

    /// The day in UTC that it lies in.
    pub fn day(self) -> Date {
        self.0.date()
    }

    /// The beginning of a day.
    pub fn of_day(day: Date) -> Moment {
        Moment(day.to_datetime(Time::midnight()))
    }

    /// The moment so much later, to the second; None beyond the calendar.
    #[must_use]
    pub fn later(self, by: GoDuration) -> Option<Moment> {
        self.0.checked_add(SignedDuration::from_secs(by.nanoseconds() / 1_000_000_000)).ok().map(Moment)
    }
}

impl fmt::Display for Moment {
    /// RFC 3339, such as `2036-11-20T18:02:51Z`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        let (year, month, day) = (date.year(), date.month(), date.day());
        write!(formatter, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
    }
}

/// The kind of a public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// An elliptic-curve key on the named curve: `P-256`, `P-384`, `P-521`, or another by name or object identifier.
    Ecdsa(String),
    /// An RSA key with so many bits in its modulus.
    Rsa(usize),
    /// An Ed25519 key.
    Ed25519,
    /// Any other algorithm, by name or object identifier.
    Other(String),
}

impl fmt::Display for KeyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Ecdsa(curve) => write!(formatter, "ECDSA {curve}"),
            KeyType::Rsa(bits) => write!(formatter, "RSA {bits}"),
            KeyType::Ed25519 => formatter.write_str("Ed25519"),
            KeyType::Other(name) => formatter.write_str(name),
        }
    }
}

impl KeyType {
    fn of(key: &SubjectPublicKeyInfo<'_>) -> KeyType {
        const EC_PUBLIC_KEY: Oid<'static> = oid!(1.2.840.10045.2.1);
        let algorithm = &key.algorithm.algorithm;
        if *algorithm == EC_PUBLIC_KEY {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            return KeyType::Ecdsa(curve.map_or_else(|| "with explicit parameters".to_owned(), |curve| curve_name(&curve)));
        }
        let id = algorithm.to_id_string();
        match id.as_str() {
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => KeyType::Rsa(modulus_bits(key)),
            "1.3.101.112" => KeyType::Ed25519,
            "1.3.101.113" => KeyType::Other("Ed448".to_owned()),
            "1.2.840.10040.4.1" => KeyType::Other("DSA".to_owned()),
            "2.16.840.1.101.3.4.3.17" => KeyType::Other("ML-DSA-44".to_owned()),
            "2.16.840.1.101.3.4.3.18" => KeyType::Other("ML-DSA-65".to_owned()),
            "2.16.840.1.101.3.4.3.19" => KeyType::Other("ML-DSA-87".to_owned()),
            _ => KeyType::Other(id),
        }
    }
}

fn curve_name(curve: &Oid<'_>) -> String {
    let id = curve.to_id_string();
    match id.as_str() {
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        _ => return id,
    }
    .to_owned()
}

/// Bits of an RSA modulus; 0 where the key cannot be read.
fn modulus_bits(key: &SubjectPublicKeyInfo<'_>) -> usize {
    let Ok(x509_parser::public_key::PublicKey::RSA(rsa)) = key.parsed() else { return 0 };
    let digits = rsa.modulus.iter().position(|byte| *byte != 0).map_or(&[][..], |start| &rsa.modulus[start..]);
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// Whether an extension is one of those that Go refuses a certificate for when it cannot be read, and that every reader
/// understands alike: basicConstraints, keyUsage and the two key identifiers.
fn is_basic(extension: &Oid<'_>) -> bool {
    const BASIC: [Oid<'static>; 4] = [oid!(2.5.29.19), oid!(2.5.29.15), oid!(2.5.29.14), oid!(2.5.29.35)];
    BASIC.contains(extension)
}

/// The hash of a signature algorithm, where it is a broken one.
fn broken_hash(algorithm: &str) -> Option<&'static str> {
    match algorithm {
        "1.2.840.113549.1.1.2" => Some("MD2"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Some("SHA-1"),
        _ => None,
    }
}

/// What came of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Names and signature fit.
    Verified,
    /// The names differ, or the signature is not the issuer's.
    Failed,
    /// The names fit, and the library cannot check this kind of signature.
    NotSupported,
}

/// Why bytes are no certificate; never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(pub(super) &'static str);

/// A parsed certificate. Two are equal when their bytes are.
#[derive(Clone)]
pub struct Certificate {
    der: Box<[u8]>,
    fingerprint: Fingerprint,
    subject: String,
    issuer: String,
    not_before: Moment,
    not_after: Moment,
    key: KeyType,
    public_key: Fingerprint,
    broken_hash: Option<&'static str>,
    is_authority: bool,
    names: Names,
}

/// What chains are made of: names as they are encoded, and key identifiers where they are given.
#[derive(Clone)]
struct Names {
    subject: Box<[u8]>,
    issuer: Box<[u8]>,
    subject_key: Option<Box<[u8]>>,
    authority_key: Option<Box<[u8]>>,
}

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// Bytes that are no certificate, more than one, or one that Go does not read, and so neither the CA nor step-issuer.
    pub fn from_der(der: &[u8]) -> Result<Certificate, CertificateError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError("it holds no X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(CertificateError("bytes follow behind its certificate"));
        }
        if parsed.tbs_certificate.raw_serial().first().is_some_and(|first| first & 0x80 != 0) {
            return Err(CertificateError("its serial number is negative, and programs written in Go do not read such a certificate"));
        }
        let (mut is_authority, mut subject_key, mut authority_key) = (false, None, None);
        for extension in parsed.iter_extensions() {
            if matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. }) && is_basic(&extension.oid) {
                return Err(CertificateError("an extension that says what the certificate is for cannot be read"));
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => is_authority = constraints.ca && parsed.version() == X509Version::V3,
                ParsedExtension::SubjectKeyIdentifier(id) => subject_key = Some(id.0.into()),
                ParsedExtension::AuthorityKeyIdentifier(id) => authority_key = id.key_identifier.as_ref().map(|id| id.0.into()),
                _ => {}
            }
        }
        let key = parsed.public_key();
        Ok(Certificate {
            fingerprint: Fingerprint::of(der),
            subject: distinguished_name::text_of(parsed.subject()),
            issuer: distinguished_name::text_of(parsed.issuer()),
            not_before: Moment::of(&parsed.validity().not_before)?,
            not_after: Moment::of(&parsed.validity().not_after)?,
            key: KeyType::of(key),
            public_key: Fingerprint::of(key.raw),
            broken_hash: broken_hash(&parsed.signature_algorithm.algorithm.to_id_string()),
            is_authority,
            names: Names { subject: parsed.subject().as_raw().into(), issuer: parsed.issuer().as_raw().into(), subject_key, authority_key },
            der: der.into(),
        })
    }

    /// The bytes that are signed and hashed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The subject, such as `O=Lab, CN=Lab Root CA`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer, in the same form.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Moment {
        self.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Moment {
        self.not_after
    }

    /// The kind of its public key.
    pub fn key(&self) -> &KeyType {
        &self.key
    }

    /// SHA-256 of its public key with algorithm (SubjectPublicKeyInfo): equal where a certificate was issued anew for the
    /// same key.
    pub fn public_key_fingerprint(&self) -> Fingerprint {
        self.public_key
    }

    /// The hash that its own signature is made with, where that hash is broken (MD2, MD5, SHA-1) and clients refuse it. On a
    /// certificate that is trusted itself nobody looks at the signature.
    pub fn broken_hash(&self) -> Option<&'static str> {
        self.broken_hash
    }

    /// Whether it takes the other's place in a chain: the same name and key, issued anew.
    pub fn stands_in_for(&self, other: &Certificate) -> bool {
        let identifiers_fit = match (&self.names.subject_key, &other.names.subject_key) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.names.subject == other.names.subject && self.public_key == other.public_key && identifiers_fit
    }

    /// Whether it may issue certificates (basicConstraints). An X.509 v1 root has no such extension and is no authority.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.names.subject == self.names.issuer
    }

    /// Whether it names `issuer` as its issuer: by name, and by key identifier where both give one. No signature is checked.
    pub fn names_issuer(&self, issuer: &Certificate) -> bool {
        let keys_fit = match (&self.names.authority_key, &issuer.names.subject_key) {
            (Some(wanted), Some(present)) => wanted == present,
            _ => true,
        };
        self.names.issuer == issuer.names.subject && keys_fit
    }

    /// Whether `issuer` has issued it, by name and signature.
    pub fn issued_by(&self, issuer: &Certificate) -> Verification {
        if self.names.issuer != issuer.names.subject {
            return Verification::Failed;
        }
        let (Ok((_, this)), Ok((_, signer))) = (X509Certificate::from_der(&self.der), X509Certificate::from_der(&issuer.der)) else {
            return Verification::Failed;
        };
        // The library treats a signature by a short RSA key, and any that it has no code for, like a forgery.
        let supported = match &issuer.key {
            KeyType::Ecdsa(curve) => matches!(curve.as_str(), "P-256" | "P-384"),
            KeyType::Rsa(bits) => (2048..=8192).contains(bits),
            KeyType::Ed25519 => true,
            KeyType::Other(_) => false,
        };
        if !supported {
            return Verification::NotSupported;
        }
        match this.verify_signature(Some(signer.public_key())) {
            Ok(()) => Verification::Verified,
            Err(x509_parser::error::X509Error::SignatureUnsupportedAlgorithm) => Verification::NotSupported,
            Err(_) => Verification::Failed,
        }
    }

    /// Its PEM in one form: 64 columns, `\n`, one line break at the end.
    pub fn to_pem(&self) -> String {
        // A label that is fixed and a size far below 2^31 cannot fail.
        pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, &self.der).unwrap_or_default()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificate({}, {})", self.subject, self.fingerprint)
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
