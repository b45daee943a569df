//! Certificates for the tests of this room.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

/// A root as PEM.
pub(super) fn root(name: &str, key: &KeyPair) -> String {
    parameters(name).self_signed(key).expect("certificate").pem()
}

/// An intermediate with a key of its own, issued by the root with that key.
pub(super) fn intermediate(name: &str, root: &str, root_key: &KeyPair) -> String {
    let key = KeyPair::generate().expect("key");
    let root = crate::pki::certificates(root.as_bytes()).expect("PEM").remove(0);
    let name_of_root = root.subject().strip_prefix("CN=").expect("a common name").to_owned();
    let issuer = Issuer::new(parameters(&name_of_root), root_key);
    parameters(name).signed_by(&key, &issuer).expect("certificate").pem()
}
