//! Certificates: names, durations in the form that Kubernetes keeps, and the issuer that signs. What a certificate may
//! say is judged in its document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{REFERENCE_UNRESOLVED, WRONG_TYPE};
use crate::inventory::{self, AdditionalOutputFormat, Keystores, SecretTemplate, Subject};
use crate::model::IssuerReference;
use crate::model::copies;
use crate::model::resolution::Resolution;
use crate::pki::GoDuration;
use crate::yaml::Path;

/// A Certificate, ready to be rendered; null where the inventory says nothing and Kubernetes' default holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Name of the object.
    pub name: String,
    /// Namespace of the object and its Secret.
    pub namespace: String,
    /// Who signs.
    pub issuer: IssuerReference,
    /// Name of the Secret.
    pub secret_name: String,
    /// Common name.
    pub common_name: Option<String>,
    /// Subject fields.
    pub subject: Option<Subject>,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// IP addresses.
    pub ip_addresses: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
    /// E-mail addresses.
    pub email_addresses: Vec<String>,
    /// Lifetime, in Go's canonical form; as it was written where Go does not read it.
    pub duration: Option<String>,
    /// Renewal before the end, likewise.
    pub renew_before: Option<String>,
    /// The same as a percentage.
    pub renew_before_percentage: Option<u8>,
    /// Key usages.
    pub usages: Vec<String>,
    /// Whether the request carries them.
    pub encode_usages_in_request: Option<bool>,
    /// The private key.
    pub private_key: PrivateKey,
    /// Signature algorithm.
    pub signature_algorithm: Option<String>,
    /// Labels and annotations of the Secret.
    pub secret_template: Option<SecretTemplate>,
    /// What those annotations of it begin with that the inventory asks for with `share`. Not for templates.
    #[serde(skip)]
    pub shared_with: Option<&'static str>,
    /// Key stores.
    pub keystores: Option<Keystores>,
    /// More formats.
    pub additional_output_formats: Vec<AdditionalOutputFormat>,
    /// Old requests that are kept.
    pub revision_history_limit: Option<u32>,
}

/// A private key. Its rotation policy is always written: cert-manager's own default changed in 1.18.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivateKey {
    /// Algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Whether every renewal makes a new key.
    pub rotation_policy: String,
    /// Size in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

/// Resolves every certificate whose issuer can be rendered.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> BTreeMap<String, Certificate> {
    let mut certificates = BTreeMap::new();
    for (key, written) in &resolution.fields.certificates {
        check_fields(resolution, &Path::of(["certificates", key]), written);
        let Some((issuer_key, issuer)) = issuer(resolution, key, written) else { continue };
        if resolution.is_rendered(issuer) {
            let secret_template = secret_template(resolution, key, written);
            let own = Certificate::of(key, written, IssuerReference::of(issuer_key, issuer));
            certificates.insert(key.clone(), Certificate { secret_template, ..own });
        }
    }
    certificates
}

impl Certificate {
    /// A certificate of the inventory with its defaults, to be signed by that issuer; `key` names the entry.
    pub(super) fn of(key: &str, written: &inventory::Certificate, issuer: IssuerReference) -> Certificate {
        let name = written.name.clone().unwrap_or_else(|| key.to_owned());
        let secret_name = written.secret_name.clone().unwrap_or_else(|| format!("{name}-tls"));
        let private_key = written.private_key.clone().unwrap_or_default();
        Certificate {
            name,
            namespace: written.namespace.clone(),
            issuer,
            secret_name,
            common_name: written.common_name.clone(),
            subject: written.subject.clone().filter(|subject| *subject != Subject::default()),
            dns_names: written.dns_names.clone(),
            ip_addresses: written.ip_addresses.clone(),
            uris: written.uris.clone(),
            email_addresses: written.email_addresses.clone(),
            duration: written.duration.as_deref().map(canonical),
            renew_before: written.renew_before.as_deref().map(canonical),
            renew_before_percentage: written.renew_before_percentage,
            usages: written.usages.clone(),
            encode_usages_in_request: written.encode_usages_in_request,
            private_key: PrivateKey {
                algorithm: private_key.algorithm,
                encoding: private_key.encoding,
                rotation_policy: private_key.rotation_policy.unwrap_or_else(|| "Always".to_owned()),
                size: private_key.size,
            },
            signature_algorithm: written.signature_algorithm.clone(),
            secret_template: written.secret_template.clone().filter(|template| *template != SecretTemplate::default()),
            shared_with: shared_with(written),
            keystores: written.keystores.clone().filter(|keystores| *keystores != Keystores::default()),
            additional_output_formats: written.additional_output_formats.clone(),
            revision_history_limit: written.revision_history_limit,
        }
    }
}

/// An annotation of a program that somebody wrote for the Secret.
fn own_annotation<'a>(certificate: &'a inventory::Certificate, prefix: &str) -> Option<&'a String> {
    certificate.secret_template.as_ref()?.annotations.keys().find(|annotation| annotation.starts_with(prefix))
}

/// What the annotations of `share` begin with, where they are written.
fn shared_with(certificate: &inventory::Certificate) -> Option<&'static str> {
    let prefix = copies::prefix(certificate.share.as_ref()?.with);
    own_annotation(certificate, prefix).is_none().then_some(prefix)
}

/// Labels and annotations of the Secret, with those that make copies of it.
fn secret_template(resolution: &mut Resolution<'_>, key: &str, certificate: &inventory::Certificate) -> Option<SecretTemplate> {
    let mut template = certificate.secret_template.clone().unwrap_or_default();
    if let Some(share) = &certificate.share {
        let path = Path::of(["certificates", key, "share"]);
        let list = path.key("namespaces");
        let prefix = copies::prefix(share.with);
        if let Some(own) = own_annotation(certificate, prefix) {
            let message = format!("`share` writes the annotations of this program, and `secretTemplate` holds `{own}` already");
            resolution.report(&WRONG_TYPE, path, message, "keep one of them");
        } else if copies::check_not_empty(resolution, &list, &share.namespaces)
            && copies::check_namespaces(resolution, &list, &share.namespaces)
        {
            template.annotations.extend(copies::pushed(share.with, &share.namespaces));
        }
    }
    Some(template).filter(|template| *template != SecretTemplate::default())
}

/// The issuer of a certificate; where there is none, that is reported.
fn issuer<'a>(
    resolution: &mut Resolution<'a>,
    key: &str,
    certificate: &'a inventory::Certificate,
) -> Option<(&'a str, &'a inventory::Issuer)> {
    let Some((issuer_key, issuer)) = resolution.issuer_named(certificate.issuer.as_deref()) else {
        let known = resolution.fields.issuers.keys();
        match &certificate.issuer {
            Some(name) => resolution.unresolved(Path::of(["certificates", key, "issuer"]), "issuer", name, known),
            None => {
                let help = format!("write `issuer:` with one of {}", crate::finding::listed(known.map(String::as_str)));
                resolution.report(
                    &REFERENCE_UNRESOLVED,
                    Path::of(["certificates", key]),
                    format!("certificate `{key}` does not say which issuer signs"),
                    help,
                );
            }
        }
        return None;
    };
    Some((issuer_key, issuer))
}

/// A Go duration in its canonical form: what every API server stores, so that no engine sees drift.
fn canonical(written: &str) -> String {
    written.parse::<GoDuration>().map_or_else(|_| written.to_owned(), |duration| duration.to_string())
}

/// Names that may not be empty: a template would leave them out.
pub(super) fn check_fields(resolution: &mut Resolution<'_>, path: &Path, certificate: &inventory::Certificate) {
    for (field, text) in [("name", &certificate.name), ("secretName", &certificate.secret_name), ("commonName", &certificate.common_name)] {
        if text.as_deref() == Some("") {
            resolution.report(&WRONG_TYPE, path.key(field), format!("`{field}` is empty"), "write a name, or take the field out");
        }
    }
}
