//! A CA of its own for every environment, as its reviewed snapshot: real certificates, and JWK provisioners.
//!
//! Keys are Ed25519, made from the seed: an Ed25519 signature is a function of key and text, so the same seed gives
//! the same certificates, which ECDSA with its random numbers would not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use trustree::pki::{Certificate, PublicJwk};

use crate::random::Random;

/// PKCS #8 of an Ed25519 key, up to the 32 bytes of its seed.
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The text of `ca-snapshot.yaml` for the CA of `environment`, with the JWK provisioners `provisioners`. While it moves
/// to a new root, it has two.
pub(crate) fn snapshot(environment: &str, provisioners: &[&str], is_moving: bool, random: &mut Random) -> String {
    let (root_key, intermediate_key) = (key(random), key(random));
    let root_parameters = parameters(environment, "Root CA", 2025, BasicConstraints::Unconstrained);
    let root = certificate(root_parameters.self_signed(&root_key));
    let issuer = Issuer::from_params(&root_parameters, &root_key);
    let intermediate = certificate(
        parameters(environment, "Intermediate CA", 2025, BasicConstraints::Constrained(0)).signed_by(&intermediate_key, &issuer),
    );
    let mut text = format!(
        "# What is publicly known of the CA `step-certificates` in namespace `smallstep`. Made by `trustree snapshot import`; review it like code.\n\
         apiVersion: trustree.dev/v1alpha1\nkind: CASnapshot\nroots:\n{}",
        entry(&root, "")
    );
    if is_moving {
        let new = parameters(environment, "Root CA 2", 2026, BasicConstraints::Unconstrained).self_signed(&key(random));
        text.push_str(&entry(&certificate(new), ""));
    }
    text.push_str("intermediates:\n");
    text.push_str(&entry(&intermediate, &format!("    root: {}\n", root.fingerprint())));
    text.push_str(
        "authority:\n  version: unknown\n  dnsNames:\n    - 127.0.0.1\n    - step-certificates.smallstep.svc.cluster.local\n  \
         backdate: 1m0s\n  claims:\n    minTLSCertDuration: 5m0s\n    maxTLSCertDuration: 24h0m0s\n    defaultTLSCertDuration: 24h0m0s\n  \
         enableAdmin: false\nprovisioners:\n",
    );
    let mut sorted = provisioners.to_vec();
    sorted.sort_unstable();
    for name in sorted {
        text.push_str(&provisioner(name, random));
    }
    text
}

fn key(random: &mut Random) -> KeyPair {
    let der: Vec<u8> = ED25519_PKCS8.into_iter().chain(random.bytes()).collect();
    KeyPair::try_from(der.as_slice()).expect("every 32 bytes are an Ed25519 key")
}

fn parameters(environment: &str, name: &str, year: i32, constraints: BasicConstraints) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "Example Platform Engineering");
    parameters.distinguished_name.push(DnType::CommonName, format!("{environment} {name}"));
    parameters.is_ca = IsCa::Ca(constraints);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.use_authority_key_identifier_extension = true;
    parameters.not_before = date_time_ymd(year, 3, 1);
    parameters.not_after = date_time_ymd(year + 40, 3, 1);
    parameters
}

fn certificate(made: Result<rcgen::Certificate, rcgen::Error>) -> Certificate {
    let made = made.expect("parameters that every certificate may have");
    Certificate::from_der(made.der()).expect("what was just made can be read")
}

/// The recorded facts of one certificate, and the certificate; `more` stands between them.
fn entry(certificate: &Certificate, more: &str) -> String {
    let pem: String = certificate.to_pem().lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "  - sha256: {}\n    subject: {}\n    notBefore: \"{}\"\n    notAfter: \"{}\"\n    key: {}\n{more}    pem: |\n{pem}",
        certificate.fingerprint(),
        certificate.subject(),
        certificate.not_before(),
        certificate.not_after(),
        certificate.key(),
    )
}

/// A JWK provisioner; nobody signs with its key, so its coordinates need not be a point of the curve.
fn provisioner(name: &str, random: &mut Random) -> String {
    let (x, y) = (URL_SAFE_NO_PAD.encode(random.bytes()), URL_SAFE_NO_PAD.encode(random.bytes()));
    let public_key = PublicJwk {
        kty: "EC".to_owned(),
        crv: Some("P-256".to_owned()),
        alg: None,
        usage: None,
        x: Some(x.clone()),
        y: Some(y.clone()),
        n: None,
        e: None,
    };
    let kid = public_key.thumbprint().expect("an EC key with all its members");
    format!(
        "  {name}:\n    type: JWK\n    kid: \"{kid}\"\n    publicKey:\n      kty: EC\n      crv: P-256\n      alg: ES256\n      use: sig\n      \
         x: \"{x}\"\n      y: \"{y}\"\n    encryptedKey: true\n    claims:\n      disableRenewal: false\n      enableSSHCA: true\n    template: false\n"
    )
}
