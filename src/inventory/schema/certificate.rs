//! Certificates.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares a struct with the fields that every certificate has, behind fields of its own: structs are flat, because a
/// nested one would lose the places of its fields.
macro_rules! certificate {
    ($(#[$note:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$note])*
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            $($own)*
            /// Name of the Secret that receives key and certificate. Default: `<name>-tls`.
            pub secret_name: Option<String>,
            /// Common name, at most 64 characters.
            pub common_name: Option<String>,
            /// Subject fields; the CA's default template drops them.
            pub subject: Option<Subject>,
            /// DNS names. A wildcard stands for exactly one label.
            #[serde(default)]
            pub dns_names: Vec<String>,
            /// IP addresses.
            #[serde(default)]
            pub ip_addresses: Vec<String>,
            /// URIs.
            #[serde(default)]
            pub uris: Vec<String>,
            /// E-mail addresses.
            #[serde(default)]
            pub email_addresses: Vec<String>,
            /// Lifetime. Default: what the CA gives (24h unless its claims say otherwise).
            pub duration: Option<String>,
            /// How long before the end the certificate is renewed. Default: a third of its lifetime.
            pub renew_before: Option<String>,
            /// The same as a percentage of the lifetime, from 1 to 99.
            pub renew_before_percentage: Option<u8>,
            /// Key usages that cert-manager asks for; the CA's default template drops them.
            #[serde(default)]
            pub usages: Vec<String>,
            /// Whether cert-manager writes the usages into the request.
            pub encode_usages_in_request: Option<bool>,
            /// The private key.
            pub private_key: Option<PrivateKey>,
            /// Signature algorithm of the request, such as `ECDSAWithSHA256`.
            pub signature_algorithm: Option<String>,
            /// Labels and annotations of the Secret.
            pub secret_template: Option<SecretTemplate>,
            /// Key stores written beside the PEM files.
            pub keystores: Option<Keystores>,
            /// More formats written beside the PEM files.
            #[serde(default)]
            pub additional_output_formats: Vec<AdditionalOutputFormat>,
            /// How many old CertificateRequests are kept, at least 1.
            pub revision_history_limit: Option<u32>,
        }
    };
}

certificate! {
    /// A cert-manager Certificate. Durations are Go durations: `24h`, `90m`, never days.
    Certificate {
        /// Name of the object. Default: the key of this entry.
        pub name: Option<String>,
        /// Namespace of the object and of its Secret.
        pub namespace: String,
        /// Which of `issuers` signs. May be left out when there is only one.
        pub issuer: Option<String>,
        /// Copies of the Secret in other namespaces. Whoever reads one of them has the private key; a Certificate of its own for
        /// each namespace, and only the roots spread with `trust`, is nearly always right.
        pub share: Option<super::Share>,
    }
}

certificate! {
    /// A Certificate in each namespace of a tenant. Durations are Go durations: `24h`, `90m`, never days.
    TenantCertificate {
        /// Name of the object. Default: the key of this entry.
        pub name: Option<String>,
        /// Which of `issuers` signs, where it is another one than the tenant's.
        pub issuer: Option<String>,
    }
}

impl TenantCertificate {
    /// The same in one namespace.
    pub fn in_namespace(&self, namespace: &str) -> Certificate {
        let own = self.clone();
        Certificate {
            name: own.name,
            namespace: namespace.to_owned(),
            issuer: own.issuer,
            share: None,
            secret_name: own.secret_name,
            common_name: own.common_name,
            subject: own.subject,
            dns_names: own.dns_names,
            ip_addresses: own.ip_addresses,
            uris: own.uris,
            email_addresses: own.email_addresses,
            duration: own.duration,
            renew_before: own.renew_before,
            renew_before_percentage: own.renew_before_percentage,
            usages: own.usages,
            encode_usages_in_request: own.encode_usages_in_request,
            private_key: own.private_key,
            signature_algorithm: own.signature_algorithm,
            secret_template: own.secret_template,
            keystores: own.keystores,
            additional_output_formats: own.additional_output_formats,
            revision_history_limit: own.revision_history_limit,
        }
    }
}

/// Subject fields of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Subject {
    /// O
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// C
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// OU
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<String>,
    /// L
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub localities: Vec<String>,
    /// ST
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provinces: Vec<String>,
    /// STREET
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub street_addresses: Vec<String>,
    /// postalCode
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postal_codes: Vec<String>,
    /// serialNumber
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

/// The private key of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PrivateKey {
    /// `RSA`, `ECDSA` or `Ed25519`. Default: cert-manager's, RSA.
    pub algorithm: Option<String>,
    /// Size in bits: RSA 2048 to 8192, ECDSA 256, 384 or 521.
    pub size: Option<u32>,
    /// `PKCS1` or `PKCS8`.
    pub encoding: Option<String>,
    /// `Always` makes a new key at every renewal. Default: `Always`.
    pub rotation_policy: Option<String>,
}

/// Labels and annotations of the Secret that a certificate writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SecretTemplate {
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Key stores that cert-manager writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Keystores {
    /// A Java key store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jks: Option<Keystore>,
    /// A PKCS#12 key store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Keystore>,
}

/// One key store. Its password is a reference: an inventory holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Keystore {
    /// Whether it is written.
    pub create: bool,
    /// The Secret with the store's password.
    pub password_secret_ref: SecretKey,
}

/// A key in a Secret of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Key in the Secret.
    pub key: String,
}

/// A format that cert-manager writes beside `tls.crt` and `tls.key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AdditionalOutputFormat {
    /// `DER` or `CombinedPEM`.
    #[serde(rename = "type")]
    pub format: String,
}
