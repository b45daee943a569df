//! The CA snapshot: what is publicly known of a CA, read from the reviewed file beside an inventory, and made from what
//! a cluster, a folder or the CA itself gives out. The room knows nothing of inventories, and no secret gets into it.

mod ca_json;
mod candidate;
mod document;
mod draft;
mod import;
mod input;
mod load;
mod merge;
mod object;
mod request;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use document::Origin;
pub use import::{Imported, import};
pub use input::{Input, is_wanted};
pub use load::load;
pub use request::ImportRequest;

use crate::pki::{Certificate, Claims, Fingerprint, GoDuration, Policy, PublicJwk, TlsClaims};
use crate::yaml::Fact;

/// What is publicly known of one CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The roots that clients trust, sorted by the beginning of their validity, then by fingerprint.
    pub(crate) roots: Vec<Root>,
    /// The present intermediates, the issuing one first.
    pub(crate) intermediates: Vec<Intermediate>,
    /// Roots of other CAs that this one federates with; never part of a bundle.
    pub(crate) federated_roots: Vec<Certificate>,
    /// What holds for the CA as a whole.
    pub(crate) authority: Authority,
    /// By name; unknown where they do not live in ca.json.
    pub(crate) provisioners: Fact<BTreeMap<String, Provisioner>>,
}

/// A root certificate and how long it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The certificate.
    pub certificate: Certificate,
    /// For a root that the CA issues under no longer: the day from which no certificate issued under it can be valid.
    pub needed_until: Option<Date>,
}

/// An intermediate certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intermediate {
    /// The certificate.
    pub certificate: Certificate,
    /// The root of the snapshot that it chains to; unknown where none of them fits.
    pub root: Fact<Fingerprint>,
}

/// What holds for a CA as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authority {
    /// The version of step-ca that runs.
    pub version: Fact<String>,
    /// The names that the CA answers to, sorted: a StepIssuer's URL must use one of them.
    pub dns_names: Fact<Vec<String>>,
    /// How far before the moment of signing a certificate's validity begins.
    pub backdate: Fact<GoDuration>,
    /// The authority's claims, with the three TLS durations filled in.
    pub claims: Fact<Claims>,
    /// Which X.509 names may be issued; `None` where everything may.
    pub policy: Fact<Option<Policy>>,
    /// Whether provisioners and policy live in the CA's database.
    pub enable_admin: Fact<bool>,
    /// `linked`, `hosted` or `standalone`, where ca.json says so.
    pub deployment_type: Fact<Option<String>>,
    /// For a registration authority the kind of CA behind it: `stepcas`, `cloudcas` or `vaultcas`.
    pub registration_authority: Fact<Option<String>>,
}

/// One provisioner, without anything that it keeps secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provisioner {
    /// `JWK`, `ACME`, `OIDC`, …: the name that step-ca prints; a type that it does not know stands as it was written.
    #[serde(rename = "type")]
    pub kind: String,
    /// The key id of a JWK provisioner; empty where its key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `false` where somebody chose the key id; step makes it the RFC 7638 thumbprint of the public key, and then this
    /// is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid_is_thumbprint: Option<bool>,
    /// The public key of a JWK provisioner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicJwk>,
    /// Whether the CA holds the encrypted private key in a form that step-issuer can fetch: a compact JWE of five parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_key: Option<Fact<bool>>,
    /// The claims that it sets itself.
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
    /// Whether a template of its own makes its X.509 certificates.
    #[serde(default)]
    pub template: bool,
    /// Whether webhooks take part in what it signs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub webhooks: bool,
}

impl Provisioner {
    /// Whether it is a JWK provisioner, the only type that step-issuer can use.
    pub fn is_jwk(&self) -> bool {
        self.kind == "JWK"
    }
}

impl Snapshot {
    /// The roots that clients trust, in a stable order.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The root with this fingerprint.
    pub fn root(&self, fingerprint: Fingerprint) -> Option<&Root> {
        self.roots.iter().find(|root| root.certificate.fingerprint() == fingerprint)
    }

    /// The present intermediates, the issuing one first.
    pub fn intermediates(&self) -> &[Intermediate] {
        &self.intermediates
    }

    /// Roots of other CAs that this one federates with.
    pub fn federated_roots(&self) -> &[Certificate] {
        &self.federated_roots
    }

    /// What holds for the CA as a whole.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// All provisioners by name, or unknown.
    pub fn provisioners(&self) -> &Fact<BTreeMap<String, Provisioner>> {
        &self.provisioners
    }

    /// The provisioner of this name, where the provisioners are known and it is among them.
    pub fn provisioner(&self, name: &str) -> Option<&Provisioner> {
        self.provisioners.known()?.get(name)
    }

    /// Names of the provisioners with this key id. With more than one, step-ca gives out the key of the last one.
    pub fn provisioners_with_kid<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a str> {
        self.provisioners
            .known()
            .into_iter()
            .flatten()
            .filter(move |(_, provisioner)| provisioner.kid.as_deref() == Some(kid))
            .map(|(name, _)| name.as_str())
    }

    /// How long certificates of this provisioner may live in the end; `None` where provisioner or claims are unknown.
    pub fn tls_claims(&self, provisioner: &str) -> Option<TlsClaims> {
        let authority = TlsClaims::GLOBAL.narrowed_by(self.authority.claims.known()?);
        Some(authority.narrowed_by(&self.provisioner(provisioner)?.claims))
    }

    /// What `caBundle` of a StepIssuer takes: all roots in canonical PEM and stable order, in base64 on one line.
    pub fn ca_bundle(&self) -> String {
        STANDARD.encode(self.ca_bundle_pem())
    }

    /// All roots in canonical PEM and stable order, as ConfigMaps hold them.
    pub fn ca_bundle_pem(&self) -> String {
        self.roots.iter().map(|root| root.certificate.to_pem()).collect()
    }

    /// The longest life of a leaf that any provisioner may issue, as far as it is known.
    pub(crate) fn longest_leaf_life(&self) -> Option<GoDuration> {
        let authority = TlsClaims::GLOBAL.narrowed_by(self.authority.claims.known().unwrap_or(&Claims::default()));
        let own = self.provisioners.known().into_iter().flatten().map(|(_, provisioner)| authority.narrowed_by(&provisioner.claims).max);
        own.chain(self.authority.claims.known().map(|_| authority.max)).max()
    }
}

/// The order of roots everywhere: by the beginning of their validity, then by fingerprint.
fn sort_roots(roots: &mut [Root]) {
    roots.sort_by_key(|root| (root.certificate.not_before(), root.certificate.fingerprint()));
}
