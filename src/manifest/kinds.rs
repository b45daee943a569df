//! Typed definitions of the kinds that our own templates render, and of a few that stand beside them: an unknown field or
//! a value of another type is a problem. What a server adds, such as a status, is none. Fields follow the CRDs of step-issuer 0.11 and cert-manager 1.21 and Kubernetes' own API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;

use super::Identity;
use crate::yaml::{Node, Problem, read_struct};

/// Checks an object whose kind is known here; any other kind passes.
pub(super) fn check(node: &Node, identity: &Identity, problems: &mut Vec<Problem>) {
    let check: fn(&Node, &mut Vec<Problem>) = match (identity.group.as_str(), identity.kind.as_str()) {
        ("certmanager.step.sm", "StepIssuer") => typed::<Object<IssuerSpec<PasswordReference>>>,
        ("certmanager.step.sm", "StepClusterIssuer") => typed::<Object<IssuerSpec<ClusterPasswordReference>>>,
        ("cert-manager.io", "Certificate") => typed::<Object<CertificateSpec>>,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => typed::<Role>,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => typed::<RoleBinding>,
        ("networking.k8s.io", "NetworkPolicy") => typed::<Object<NetworkPolicySpec>>,
        ("", "ServiceAccount") => typed::<ServiceAccount>,
        ("", "Namespace") => typed::<Namespace>,
        ("", "ConfigMap") => typed::<ConfigMap>,
        ("", "Secret") => typed::<Secret>,
        _ => return,
    };
    check(node, problems);
}

/// Checks a `kustomization.yaml`.
pub(super) fn check_kustomization(node: &Node, problems: &mut Vec<Problem>) {
    typed::<Kustomization>(node, problems);
}

fn typed<T: DeserializeOwned>(node: &Node, problems: &mut Vec<Problem>) {
    // Only the problems count; the value itself is dropped.
    drop(read_struct::<T>(node, problems));
}

/// Declares structs whose fields are only there to be checked.
macro_rules! shapes {
    ($($(#[$note:meta])* $name:ident $(<$parameter:ident>)? { $($field:ident $(as $wire:literal)?: $kind:ty),* $(,)? })*) => {
        $(
            $(#[$note])*
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields, rename_all = "camelCase")]
            #[expect(dead_code, reason = "the fields are read only by the deserializer, which is the check")]
            struct $name $(<$parameter>)? {
                $($(#[serde(rename = $wire)])? $field: $kind,)*
            }
        )*
    };
}

type Texts = Option<Vec<String>>;
type Labels = Option<BTreeMap<String, String>>;

/// A text that may not be empty: a name, an address, a key.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" => Err(serde::de::Error::custom("a text is expected here, and this is an empty one")),
            _ => Ok(Text),
        }
    }
}

/// A port, by its number or by the name that a container gives it.
struct PortOrName;

impl<'de> Deserialize<'de> for PortOrName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PortOrName, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = PortOrName;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a port from 1 to 65535, or the name of one")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<PortOrName, E> {
                let is_port = (1..=i64::from(u16::MAX)).contains(&number);
                if is_port {
                    Ok(PortOrName)
                } else {
                    Err(E::custom(format!("a port from 1 to 65535 is expected here, and this is `{number}`")))
                }
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<PortOrName, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(0))
            }

            fn visit_str<E>(self, _: &str) -> Result<PortOrName, E> {
                Ok(PortOrName)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Declares enumerations by the words of the API.
macro_rules! words {
    ($($(#[$note:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? })*) => {
        $(
            $(#[$note])*
            #[derive(Deserialize)]
            enum $name { $(#[serde(rename = $word)] $variant,)* }
        )*
    };
}

words! {
    Algorithm { Rsa = "RSA", Ecdsa = "ECDSA", Ed25519 = "Ed25519" }
    Encoding { Pkcs1 = "PKCS1", Pkcs8 = "PKCS8" }
    RotationPolicy { Never = "Never", Always = "Always" }
    Format { Der = "DER", CombinedPem = "CombinedPEM" }
    PolicyType { Ingress = "Ingress", Egress = "Egress" }
    Protocol { Tcp = "TCP", Udp = "UDP", Sctp = "SCTP" }
    SignatureAlgorithm {
        Sha256Rsa = "SHA256WithRSA", Sha384Rsa = "SHA384WithRSA", Sha512Rsa = "SHA512WithRSA",
        EcdsaSha256 = "ECDSAWithSHA256", EcdsaSha384 = "ECDSAWithSHA384", EcdsaSha512 = "ECDSAWithSHA512", PureEd25519 = "PureEd25519",
    }
    Usage {
        Signing = "signing", DigitalSignature = "digital signature", ContentCommitment = "content commitment",
        KeyEncipherment = "key encipherment", KeyAgreement = "key agreement", DataEncipherment = "data encipherment",
        CertSign = "cert sign", CrlSign = "crl sign", EncipherOnly = "encipher only", DecipherOnly = "decipher only", Any = "any",
        ServerAuth = "server auth", ClientAuth = "client auth", CodeSigning = "code signing", EmailProtection = "email protection",
        SMime = "s/mime", IpsecEndSystem = "ipsec end system", IpsecTunnel = "ipsec tunnel", IpsecUser = "ipsec user",
        Timestamping = "timestamping", OcspSigning = "ocsp signing", MicrosoftSgc = "microsoft sgc", NetscapeSgc = "netscape sgc",
    }
}

shapes! {
    Object<Spec> { api_version: Text, kind: Text, metadata: Metadata, spec: Spec, status: Option<IgnoredAny> }
    Metadata {
        name: Text, namespace: Option<String>, labels: Labels, annotations: Labels, finalizers: Texts,
        generate_name: Option<String>, owner_references: Option<Vec<IgnoredAny>>,
        // What a server sets; `kubectl get -o yaml` writes it into files.
        creation_timestamp: Option<IgnoredAny>, deletion_timestamp: Option<IgnoredAny>,
        deletion_grace_period_seconds: Option<IgnoredAny>, generation: Option<IgnoredAny>, managed_fields: Option<IgnoredAny>,
        resource_version: Option<IgnoredAny>, self_link: Option<IgnoredAny>, uid: Option<IgnoredAny>,
    }
    Namespace { api_version: Text, kind: Text, metadata: Metadata, spec: Option<IgnoredAny>, status: Option<IgnoredAny> }
    ConfigMap {
        api_version: Text, kind: Text, metadata: Metadata, data: Option<BTreeMap<String, Option<String>>>,
        binary_data: Option<BTreeMap<String, Option<String>>>, immutable: Option<bool>,
    }
    Secret {
        api_version: Text, kind: Text, metadata: Metadata, data: Option<BTreeMap<String, Option<String>>>,
        string_data: Option<BTreeMap<String, Option<String>>>, secret_type as "type": Option<String>, immutable: Option<bool>,
    }

    IssuerSpec<Reference> { url: Text, ca_bundle: Text, provisioner: Provisioner<Reference> }
    Provisioner<Reference> { name: Text, kid: Text, password_ref: Option<Reference>, password_env: Option<Text>, password_file: Option<Text> }
    PasswordReference { name: Text, key: Option<Text> }
    ClusterPasswordReference { name: Text, namespace: Text, key: Option<Text> }

    CertificateSpec {
        secret_name: Text, issuer_ref: IssuerReference, common_name: Option<String>, dns_names: Texts, ip_addresses: Texts,
        uris: Texts, email_addresses: Texts, other_names: Option<Vec<OtherName>>, subject: Option<Subject>,
        literal_subject: Option<String>, duration: Option<Text>, renew_before: Option<Text>, renew_before_percentage: Option<u8>,
        renewal: Option<IgnoredAny>, is_ca as "isCA": Option<bool>, usages: Option<Vec<Usage>>, private_key: Option<PrivateKey>,
        signature_algorithm: Option<SignatureAlgorithm>, encode_usages_in_request: Option<bool>, revision_history_limit: Option<u32>,
        secret_template: Option<SecretTemplate>, keystores: Option<Keystores>,
        additional_output_formats: Option<Vec<OutputFormat>>, name_constraints: Option<IgnoredAny>,
    }
    IssuerReference { name: Text, kind: Option<String>, group: Option<String> }
    OtherName { oid: Option<Text>, utf8_value: Option<Text> }
    Subject {
        organizations: Texts, countries: Texts, organizational_units: Texts, localities: Texts, provinces: Texts,
        street_addresses: Texts, postal_codes: Texts, serial_number: Option<String>,
    }
    PrivateKey { algorithm: Option<Algorithm>, size: Option<u32>, encoding: Option<Encoding>, rotation_policy: Option<RotationPolicy> }
    SecretTemplate { annotations: Labels, labels: Labels }
    Keystores { jks: Option<Keystore>, pkcs12: Option<Keystore> }
    Keystore { create: bool, alias: Option<Text>, profile: Option<Text>, password: Option<Text>, password_secret_ref: Option<SecretKey> }
    SecretKey { name: Text, key: Option<Text> }
    OutputFormat { format as "type": Format }

    NetworkPolicySpec {
        pod_selector: Selector, policy_types: Option<Vec<PolicyType>>, ingress: Option<Vec<IngressRule>>, egress: Option<Vec<EgressRule>>,
    }
    Selector { match_labels: Labels, match_expressions: Option<Vec<SelectorRequirement>> }
    SelectorRequirement { key: Text, operator: Text, values: Texts }
    IngressRule { from: Option<Vec<NetworkPeer>>, ports: Option<Vec<NetworkPort>> }
    EgressRule { to: Option<Vec<NetworkPeer>>, ports: Option<Vec<NetworkPort>> }
    NetworkPeer { pod_selector: Option<Selector>, namespace_selector: Option<Selector>, ip_block: Option<IpBlock> }
    IpBlock { cidr: Text, except: Texts }
    NetworkPort { protocol: Option<Protocol>, port: Option<PortOrName>, end_port: Option<u16> }

    Role { api_version: Text, kind: Text, metadata: Metadata, rules: Option<Vec<PolicyRule>>, aggregation_rule: Option<IgnoredAny> }
    PolicyRule {
        api_groups: Texts, resources: Texts, resource_names: Texts, verbs: Vec<Text>, non_resource_urls as "nonResourceURLs": Texts,
    }
    RoleBinding { api_version: Text, kind: Text, metadata: Metadata, role_ref: RoleReference, subjects: Option<Vec<RoleSubject>> }
    RoleReference { api_group: Option<String>, kind: Text, name: Text }
    RoleSubject { kind: Text, name: Text, namespace: Option<String>, api_group: Option<String> }
    ServiceAccount {
        api_version: Text, kind: Text, metadata: Metadata, automount_service_account_token: Option<bool>,
        image_pull_secrets: Option<Vec<IgnoredAny>>, secrets: Option<Vec<IgnoredAny>>,
    }

    Kustomization {
        api_version: Option<Text>, kind: Option<Text>, metadata: Option<IgnoredAny>, resources: Texts, bases: Texts, components: Texts,
        crds: Texts, name_prefix: Option<String>, name_suffix: Option<String>, namespace: Option<String>, common_labels: Labels,
        common_annotations: Labels, labels: Option<Vec<IgnoredAny>>, build_metadata: Texts, patches: Option<Vec<Patch>>,
        patches_strategic_merge: Texts, patches_json6902: Option<Vec<Patch>>,
        images: Option<Vec<IgnoredAny>>, replicas: Option<Vec<IgnoredAny>>, replacements: Option<Vec<IgnoredAny>>,
        config_map_generator: Option<Vec<IgnoredAny>>, secret_generator: Option<Vec<IgnoredAny>>,
        generator_options: Option<IgnoredAny>, helm_globals: Option<HelmGlobals>, helm_charts: Option<Vec<HelmChart>>,
        helm_chart_inflation_generator: Option<IgnoredAny>, generators: Texts, transformers: Texts, validators: Texts,
        configurations: Texts, openapi: Option<IgnoredAny>, sort_options: Option<IgnoredAny>, vars: Option<Vec<IgnoredAny>>,
    }
    HelmGlobals { chart_home: Option<Text>, config_home: Option<Text> }
    HelmChart {
        name: Text, version: Option<String>, repo: Option<String>, release_name: Option<String>, namespace: Option<String>,
        additional_values_files: Texts, values_file: Option<String>, values_inline: Option<IgnoredAny>, values_merge: Option<String>,
        include_crds as "includeCRDs": Option<bool>, skip_hooks: Option<bool>, api_versions: Texts, kube_version: Option<String>,
        name_template: Option<String>, skip_tests: Option<bool>, debug: Option<bool>, devel: Option<bool>,
    }
    Patch { path: Option<Text>, patch: Option<Text>, target: Option<PatchTarget>, options: Option<IgnoredAny> }
    PatchTarget {
        // An empty one means any, as none does; `group: ""` is how the core group is written.
        group: Option<String>, version: Option<String>, kind: Option<String>, name: Option<String>, namespace: Option<String>,
        label_selector: Option<String>, annotation_selector: Option<String>,
    }
}
