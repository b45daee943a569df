//! Certificates: names, durations in the form that Kubernetes keeps, and the issuer that signs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::CERTIFICATE_FIELDS_SINCE;
use crate::finding::{
    CERTIFICATE_WITHOUT_NAME, DURATION_NOT_GO, FIELD_NEEDS_NEWER_CERT_MANAGER, ISSUER_IN_OTHER_NAMESPACE, Place, REFERENCE_UNRESOLVED,
    RENEW_BEFORE_TWICE, SECRET_NAME_COLLISION, WRONG_TYPE,
};
use crate::inventory::{self, AdditionalOutputFormat, IssuerKind, Keystores, SecretTemplate, Subject};
use crate::model::conventions::minor_version;
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::model::{Extent, IssuerReference};
use crate::pki::GoDuration;
use crate::yaml::Path;

/// A Certificate, ready to be rendered; null where the inventory says nothing and Kubernetes' default holds.
#[derive(Debug, Clone, Serialize)]
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
    /// Lifetime, in Go's canonical form.
    pub duration: Option<String>,
    /// Renewal before the end, in Go's canonical form.
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
    /// Key stores.
    pub keystores: Option<Keystores>,
    /// More formats.
    pub additional_output_formats: Vec<AdditionalOutputFormat>,
    /// Old requests that are kept.
    pub revision_history_limit: Option<u32>,
}

/// A private key. Its rotation policy is always written: cert-manager's own default changed in 1.18.
#[derive(Debug, Clone, Serialize)]
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
    let mut secrets: BTreeMap<(String, String), String> = BTreeMap::new();
    for (key, written) in &resolution.fields.certificates {
        check_fields(resolution, key, written);
        let name = written.name.clone().unwrap_or_else(|| key.clone());
        let secret_name = written.secret_name.clone().unwrap_or_else(|| format!("{name}-tls"));
        if let Some(other) = secrets.insert((written.namespace.clone(), secret_name.clone()), key.clone()) {
            let message = format!(
                "certificates `{other}` and `{key}` both write the Secret `{secret_name}` in namespace `{}`, so each undoes the other's",
                written.namespace
            );
            resolution.report(&SECRET_NAME_COLLISION, Path::of(["certificates", key]), message, "give one of them another `secretName`");
        }
        let duration = canonical_duration(resolution, key, "duration", written.duration.as_deref());
        let renew_before = canonical_duration(resolution, key, "renewBefore", written.renew_before.as_deref());
        let Some((issuer_key, issuer)) = issuer(resolution, key, written) else { continue };
        let is_rendered = resolution.extent == Extent::Everything
            || resolution
                .authority_name(issuer)
                .is_some_and(|name| matches!(resolution.snapshots.get(name), Some(KnownSnapshot::Here(..))));
        if !is_rendered {
            continue;
        }
        let private_key = written.private_key.clone().unwrap_or_default();
        let certificate = Certificate {
            name,
            namespace: written.namespace.clone(),
            issuer: IssuerReference { kind: issuer.kind, name: issuer.name.clone().unwrap_or_else(|| issuer_key.to_owned()) },
            secret_name,
            common_name: written.common_name.clone(),
            subject: written.subject.clone().filter(|subject| *subject != Subject::default()),
            dns_names: written.dns_names.clone(),
            ip_addresses: written.ip_addresses.clone(),
            uris: written.uris.clone(),
            email_addresses: written.email_addresses.clone(),
            duration,
            renew_before,
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
            keystores: written.keystores.clone().filter(|keystores| *keystores != Keystores::default()),
            additional_output_formats: written.additional_output_formats.clone(),
            revision_history_limit: written.revision_history_limit,
        };
        certificates.insert(key.clone(), certificate);
    }
    certificates
}

/// The issuer of a certificate; where there is none, or it lies elsewhere, that is reported.
fn issuer<'a>(
    resolution: &mut Resolution<'a>,
    key: &str,
    certificate: &'a inventory::Certificate,
) -> Option<(&'a str, &'a inventory::Issuer)> {
    let Some((issuer_key, issuer)) = resolution.issuer_of(certificate) else {
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
    if let (IssuerKind::StepIssuer, Some(namespace)) = (issuer.kind, &issuer.namespace)
        && *namespace != certificate.namespace
    {
        let message = format!(
            "certificate `{key}` lies in namespace `{}`, and the StepIssuer `{issuer_key}` serves only `{namespace}`",
            certificate.namespace
        );
        let help = "use a StepClusterIssuer, or a StepIssuer in the certificate's namespace";
        resolution.report(&ISSUER_IN_OTHER_NAMESPACE, Path::of(["certificates", key]), message, help);
    }
    Some((issuer_key, issuer))
}

/// A Go duration in its canonical form: what the API server stores, so that no engine sees drift.
fn canonical_duration(resolution: &mut Resolution<'_>, key: &str, field: &str, written: Option<&str>) -> Option<String> {
    match written?.parse::<GoDuration>() {
        Ok(duration) if duration.nanoseconds() <= 0 => {
            let message = format!("`{field}: {}` is not longer than nothing", written.unwrap_or_default());
            resolution.report(
                &DURATION_NOT_GO,
                Path::of(["certificates", key, field]),
                message,
                "write hours, minutes and seconds, such as `24h` or `90m`",
            );
            None
        }
        Ok(duration) => Some(duration.to_string()),
        Err(problem) => {
            let message = format!("`{field}: {}`: {problem}", written.unwrap_or_default());
            resolution.report(
                &DURATION_NOT_GO,
                Path::of(["certificates", key, field]),
                message,
                "write hours, minutes and seconds, such as `24h` or `90m`",
            );
            None
        }
    }
}

/// What the fields of one certificate must fulfil by themselves.
fn check_fields(resolution: &mut Resolution<'_>, key: &str, certificate: &inventory::Certificate) {
    let path = Path::of(["certificates", key]);
    let named = certificate.common_name.is_some()
        || [&certificate.dns_names, &certificate.ip_addresses, &certificate.uris, &certificate.email_addresses]
            .iter()
            .any(|names| !names.is_empty());
    if !named {
        resolution.report(
            &CERTIFICATE_WITHOUT_NAME,
            path.clone(),
            format!("certificate `{key}` names nothing, so cert-manager refuses it"),
            "write `dnsNames:`",
        );
    }
    for (field, text) in [("name", &certificate.name), ("secretName", &certificate.secret_name), ("commonName", &certificate.common_name)] {
        if text.as_deref() == Some("") {
            resolution.report(&WRONG_TYPE, path.key(field), format!("`{field}` is empty"), "write a name, or take the field out");
        }
    }
    if certificate.renew_before.is_some() && certificate.renew_before_percentage.is_some() {
        let message = format!("certificate `{key}` has both `renewBefore` and `renewBeforePercentage`, which cert-manager refuses");
        resolution.report(&RENEW_BEFORE_TWICE, path.key("renewBeforePercentage"), message, "keep one of the two");
    }
    if certificate.renew_before_percentage.is_some_and(|percentage| !(1..=99).contains(&percentage)) {
        resolution.report(
            &WRONG_TYPE,
            path.key("renewBeforePercentage"),
            "`renewBeforePercentage` lies between 1 and 99",
            "write a number such as 33",
        );
    }
    if certificate.revision_history_limit == Some(0) {
        resolution.report(
            &WRONG_TYPE,
            path.key("revisionHistoryLimit"),
            "`revisionHistoryLimit` is at least 1",
            "write 1 to keep only the last request",
        );
    }
    let Some((major, minor)) = resolution.fields.versions.cert_manager.as_deref().and_then(minor_version) else { return };
    let written = [
        ("renewBeforePercentage", certificate.renew_before_percentage.is_some()),
        ("signatureAlgorithm", certificate.signature_algorithm.is_some()),
    ];
    for (field, since) in CERTIFICATE_FIELDS_SINCE {
        if (major, minor) < (1, *since) && written.iter().any(|(name, is_written)| name == field && *is_written) {
            let place = Place::Inventory(path.key(field));
            let message = format!("`{field}` came with cert-manager 1.{since}, and this environment runs {major}.{minor}");
            resolution.findings.push(
                crate::finding::Finding::new(&FIELD_NEEDS_NEWER_CERT_MANAGER, place, message)
                    .help("take the field out, or correct `versions.certManager`"),
            );
        }
    }
}
