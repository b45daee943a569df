//! A change as a value: what happened to which object or file, what that means, and which fields differ.

use std::fmt;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::pki::Certificate;
use crate::plan::Cause;
use crate::tree::Digest;

/// How much a change can break, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Which certificates are trusted, or served.
    Trust,
    /// Who may do what.
    Rbac,
    /// Who issues, and with which key.
    Issuer,
    /// Everything else.
    Rest,
}

impl Risk {
    /// All of them, the worst first.
    pub const ALL: [Risk; 4] = [Risk::Trust, Risk::Rbac, Risk::Issuer, Risk::Rest];
}

impl fmt::Display for Risk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Risk::Trust => "trust",
            Risk::Rbac => "RBAC",
            Risk::Issuer => "issuer",
            Risk::Rest => "rest",
        })
    }
}

/// What happened. An object has a kind and a name; what has none, such as Helm values, is told by its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An object that was in no file.
    ObjectAdded,
    /// An object that is in no file any more.
    ObjectRemoved,
    /// An object whose fields differ.
    ObjectChanged,
    /// An object that stands in another file, and whose fields may differ, too.
    ObjectMoved,
    /// A document without a name that comes into a file which stays.
    DocumentAdded,
    /// A document without a name that goes out of a file which stays.
    DocumentRemoved,
    /// A file without objects that was not there.
    FileAdded,
    /// A file without objects that is there no more.
    FileRemoved,
    /// A file without objects that differs, or one that cannot be read.
    FileChanged,
    /// A file under another name; what differs inside is told by itself.
    FileRenamed,
    /// Somebody's rights, over all roles and bindings together.
    RightsChanged,
    /// Comments, order of keys or spelling: every value is the same.
    LayoutOnly,
    /// A file that is no longer rendered and stays, because somebody edited it.
    FileLeft,
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            What::ObjectAdded | What::DocumentAdded | What::FileAdded => "added",
            What::ObjectRemoved | What::DocumentRemoved | What::FileRemoved => "removed",
            What::ObjectChanged | What::FileChanged => "changed",
            What::ObjectMoved => "moved",
            What::FileRenamed => "renamed",
            What::RightsChanged => "rights changed",
            What::LayoutOnly => "only comments or layout changed",
            What::FileLeft => "left to its editor",
        })
    }
}

/// An object, or a file with a kind and no name, such as a kustomization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Object {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.namespace) {
            (Some(name), Some(namespace)) => write!(formatter, "{} `{name}` in namespace `{namespace}`", self.kind),
            (Some(name), None) => write!(formatter, "{} `{name}`", self.kind),
            (None, _) => formatter.write_str(&self.kind),
        }
    }
}

/// One thing that a change means, the worst first. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No root is left that was trusted before.
    RootReplaced,
    /// A root is gone that something in the environment still needs or trusts.
    RootRemovedWhileUsed,
    /// A root is gone.
    RootRemoved,
    /// A root beside those that stay.
    RootAddedBesideOld,
    /// A root where none was.
    RootAdded,
    /// A new certificate for a key that was trusted before.
    SameKeyReissued,
    /// The old certificate of a key that stays trusted is gone.
    OldCertificateRemoved,
    /// Another intermediate or leaf certificate, with another key.
    CertificateReplaced,
    /// An intermediate or leaf certificate more.
    CertificateAdded,
    /// An intermediate or leaf certificate less.
    CertificateRemoved,
    /// The same certificates in another order.
    CertificatesReordered,
    /// Something can be done that could not.
    RightsGained,
    /// Rights that this tree does not show.
    RightsUnknown,
    /// Something cannot be done any more that could.
    RightsLost,
    /// A file that cannot be compared.
    Unreadable,
    /// Another key of a provisioner, or another provisioner.
    KeyIdChanged,
    /// Another provisioner's name for the same key.
    ProvisionerRenamed,
    /// The password comes from somewhere else.
    PasswordMoved,
    /// The issuer asks somewhere else.
    AuthorityMoved,
    /// A definition of a kind is gone, and with it every object of the kind.
    DefinitionRemoved,
    /// What installs a chart is gone, and with it what it has installed.
    ReleaseRemoved,
    /// Something worth a sentence that is none of the others.
    Remark,
}

impl fmt::Display for Code {
    /// A few words for a headline; none for a remark.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Code::RootReplaced => "root replaced",
            Code::RootRemovedWhileUsed => "root removed while it is used",
            Code::RootRemoved => "root removed",
            Code::RootAddedBesideOld => "new root beside the old",
            Code::RootAdded => "first root",
            Code::SameKeyReissued => "same key reissued",
            Code::OldCertificateRemoved => "old certificate removed",
            Code::CertificateReplaced => "certificate replaced",
            Code::CertificateAdded => "certificate added",
            Code::CertificateRemoved => "certificate removed",
            Code::CertificatesReordered => "certificates reordered",
            Code::RightsGained => "more than before",
            Code::RightsUnknown => "not all known",
            Code::RightsLost => "less than before",
            Code::Unreadable => "unreadable",
            Code::KeyIdChanged => "another key",
            Code::ProvisionerRenamed => "another provisioner name",
            Code::PasswordMoved => "password from elsewhere",
            Code::AuthorityMoved => "another URL",
            Code::DefinitionRemoved => "a kind goes, with all its objects",
            Code::ReleaseRemoved => "a release goes, with all it installed",
            Code::Remark => "",
        })
    }
}

/// A sentence about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Meaning {
    /// What kind of sentence it is.
    pub code: Code,
    /// The sentence.
    pub text: String,
    /// The certificates that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateFacts>,
}

impl Meaning {
    /// A sentence that is not about certificates.
    pub fn new(code: Code, text: impl Into<String>) -> Meaning {
        Meaning { code, text: text.into(), certificates: Vec::new() }
    }

    /// Whether it is about certificates.
    pub fn is_about_trust(&self) -> bool {
        self.code <= Code::CertificatesReordered
    }
}

/// What identifies a certificate to a reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// Subject, such as `O=Lab, CN=Lab Root CA`.
    pub subject: String,
    /// SHA-256 of the DER in hexadecimal digits.
    pub sha256: String,
    /// First second of its validity, RFC 3339.
    pub not_before: String,
    /// Last second of its validity, RFC 3339.
    pub not_after: String,
    /// Kind of its key, such as `ECDSA P-256`.
    pub key: String,
}

impl CertificateFacts {
    /// The facts of a certificate.
    pub fn of(certificate: &Certificate) -> CertificateFacts {
        CertificateFacts {
            subject: certificate.subject().to_owned(),
            sha256: certificate.fingerprint().to_string(),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            key: certificate.key().to_string(),
        }
    }
}

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// It was not there.
    Add,
    /// It is there no more.
    Remove,
    /// It has another value.
    Replace,
    /// Its value stands under another path.
    Move,
    /// The items of the list are the same in another order.
    Reorder,
    /// The same value, written differently.
    Rewrite,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// Where: `spec.containers[name=step].image`; empty for a file as a whole.
    pub path: String,
    /// What happened to it.
    pub op: Op,
    /// Where its value stood, where it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value before. In the place of a text with certificates stands a map, `certificates`, with what identifies each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// Whether the values are secret or may be, and left out.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One change of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// How much it can break.
    pub risk: Risk,
    /// What happened.
    pub what: What,
    /// To which object; None for a file without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// The file, below the repository; None for rights, which come from several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub file: Option<Utf8PathBuf>,
    /// The file that it stood in, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub from: Option<Utf8PathBuf>,
    /// Why the file differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What it means, the worst first.
    pub meanings: Vec<Meaning>,
    /// The fields that differ, by path; of a removed object none.
    pub fields: Vec<FieldChange>,
    /// The environment's output folder, below the repository.
    #[serde(skip)]
    pub folder: Utf8PathBuf,
    /// Equal for changes that are the same but for the environment's folder.
    #[serde(skip)]
    pub fingerprint: Digest,
}

impl Change {
    /// Where it stands in a list that begins with the worst.
    pub fn severity(&self) -> (Risk, Code) {
        (self.risk, self.meanings.first().map_or(Code::Remark, |meaning| meaning.code))
    }
}
