//! The file `ca-snapshot.yaml` as it is written: its fields, their order, and one form for each value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Intermediate, Provisioner, Root, Snapshot};
use crate::pki::{Certificate, Claims, Fingerprint, GoDuration, Policy};
use crate::yaml::{self, Fact};

/// The version of the format.
pub(super) const API_VERSION: &str = "trustree.dev/v1alpha1";
/// What the file says it is.
pub(super) const KIND: &str = "CASnapshot";

/// Which CA a snapshot is of, for the comment on top of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin<'a> {
    /// What the names of the CA's objects begin with, such as `step-certificates`.
    pub release: Option<&'a str>,
    /// The namespace it runs in.
    pub namespace: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) roots: Vec<RootEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) intermediates: Vec<IntermediateEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) federated_roots: Vec<CertificateEntry>,
    pub(super) authority: AuthorityEntry,
    pub(super) provisioners: Fact<BTreeMap<String, Provisioner>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RootEntry {
    pub(super) sha256: String,
    pub(super) subject: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) needed_until: Option<String>,
    pub(super) pem: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct IntermediateEntry {
    pub(super) sha256: String,
    pub(super) subject: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) key: String,
    pub(super) root: Fact<Fingerprint>,
    pub(super) pem: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CertificateEntry {
    pub(super) sha256: String,
    pub(super) subject: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) key: String,
    pub(super) pem: String,
}

/// The facts that are recorded beside every certificate, to be compared with what it says itself.
macro_rules! recorded {
    ($($entry:ident),*) => {
        $(impl $entry {
            pub(super) fn recorded(&self) -> [(&'static str, &String); 5] {
                [
                    ("sha256", &self.sha256),
                    ("subject", &self.subject),
                    ("notBefore", &self.not_before),
                    ("notAfter", &self.not_after),
                    ("key", &self.key),
                ]
            }
        })*
    };
}

recorded!(RootEntry, IntermediateEntry, CertificateEntry);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AuthorityEntry {
    pub(super) version: Fact<String>,
    pub(super) dns_names: Fact<Vec<String>>,
    pub(super) backdate: Fact<GoDuration>,
    pub(super) claims: Fact<Claims>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Fact<Policy>>,
    pub(super) enable_admin: Fact<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deployment_type: Option<Fact<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registration_authority: Option<Fact<String>>,
}

/// A fact that is left out where it is known to be nothing.
fn left_out<T: Clone>(fact: &Fact<Option<T>>) -> Option<Fact<T>> {
    match fact {
        Fact::Known(None) => None,
        Fact::Known(Some(value)) => Some(Fact::Known(value.clone())),
        Fact::Unknown => Some(Fact::Unknown),
    }
}

pub(super) fn filled_in<T>(entry: Option<Fact<T>>) -> Fact<Option<T>> {
    match entry {
        None => Fact::Known(None),
        Some(Fact::Known(value)) => Fact::Known(Some(value)),
        Some(Fact::Unknown) => Fact::Unknown,
    }
}

impl Snapshot {
    /// The text of `ca-snapshot.yaml`: the same snapshot gives the same bytes, without any time of the run.
    pub fn to_yaml(&self, origin: Origin<'_>) -> String {
        let document = Document {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            roots: self.roots.iter().map(RootEntry::of).collect(),
            intermediates: self.intermediates.iter().map(IntermediateEntry::of).collect(),
            federated_roots: self.federated_roots.iter().map(CertificateEntry::of).collect(),
            authority: AuthorityEntry {
                version: self.authority.version.clone(),
                dns_names: self.authority.dns_names.clone(),
                backdate: self.authority.backdate,
                claims: self.authority.claims.clone(),
                policy: left_out(&self.authority.policy),
                enable_admin: self.authority.enable_admin,
                deployment_type: left_out(&self.authority.deployment_type),
                registration_authority: left_out(&self.authority.registration_authority),
            },
            provisioners: self.provisioners.clone(),
        };
        let of = match origin {
            Origin { release: Some(release), namespace: Some(namespace) } => format!("the CA `{release}` in namespace `{namespace}`"),
            Origin { release: Some(release), namespace: None } => format!("the CA `{release}`"),
            Origin { release: None, namespace: Some(namespace) } => format!("the CA in namespace `{namespace}`"),
            Origin { release: None, namespace: None } => "the CA".to_owned(),
        };
        // A name comes out of somebody's cluster: nothing in it may end the comment.
        let of: String = of.chars().filter(|character| !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')).collect();
        // Only a map whose keys are no strings could fail, and there is none.
        let body = yaml::document_as_written(&document).unwrap_or_default();
        format!("# What is publicly known of {of}. Made by `trustree snapshot import`; review it like code.\n{body}")
    }
}

impl RootEntry {
    fn of(root: &Root) -> RootEntry {
        let CertificateEntry { sha256, subject, not_before, not_after, key, pem } = CertificateEntry::of(&root.certificate);
        RootEntry { sha256, subject, not_before, not_after, key, needed_until: root.needed_until.map(|date| date.to_string()), pem }
    }
}

impl IntermediateEntry {
    fn of(intermediate: &Intermediate) -> IntermediateEntry {
        let CertificateEntry { sha256, subject, not_before, not_after, key, pem } = CertificateEntry::of(&intermediate.certificate);
        IntermediateEntry { sha256, subject, not_before, not_after, key, root: intermediate.root, pem }
    }
}

impl CertificateEntry {
    fn of(certificate: &Certificate) -> CertificateEntry {
        CertificateEntry {
            sha256: certificate.fingerprint().to_string(),
            subject: certificate.subject().to_owned(),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            key: certificate.key().to_string(),
            pem: certificate.to_pem(),
        }
    }
}
