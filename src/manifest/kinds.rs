//! Typed definitions of the kinds that our own templates render, and of a few that stand beside them: an unknown field or
//! a value of another type is a problem. What a server adds, such as a status, is none. Fields follow the CRDs of step-issuer 0.11,
//! cert-manager 1.21, trust-manager 0.24 and Flux 2.9 (source-controller 1.9, helm-controller 1.6, kustomize-controller 1.9) and
//! Kubernetes' own API.

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
        ("cert-manager.io", "Issuer" | "ClusterIssuer") => typed::<Object<CertManagerIssuerSpec>>,
        ("trust.cert-manager.io", "Bundle") => typed::<Object<BundleSpec>>,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => typed::<Role>,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => typed::<RoleBinding>,
        ("argoproj.io", "Application") => typed::<ArgoCdApplication>,
        ("argoproj.io", "ApplicationSet") => typed::<Object<ArgoCdApplicationSetSpec>>,
        ("argoproj.io", "AppProject") => typed::<Object<ArgoCdProjectSpec>>,
        ("helm.toolkit.fluxcd.io", "HelmRelease") if is_version(node, &["v2"]) => typed::<Object<HelmReleaseSpec>>,
        ("kustomize.toolkit.fluxcd.io", "Kustomization") if is_version(node, &["v1"]) => typed::<Object<FluxKustomizationSpec>>,
        ("source.toolkit.fluxcd.io", "GitRepository") if is_version(node, &["v1"]) => typed::<Object<GitRepositorySpec>>,
        ("source.toolkit.fluxcd.io", "HelmRepository") if is_version(node, &["v1"]) => typed::<Object<HelmRepositorySpec>>,
        ("source.toolkit.fluxcd.io", "OCIRepository") if is_version(node, &["v1", "v1beta2"]) => typed::<Object<OciRepositorySpec>>,
        ("batch", "Job") => job::check_job,
        ("batch", "CronJob") => job::check_cron_job,
        ("networking.k8s.io", "NetworkPolicy") => typed::<Object<NetworkPolicySpec>>,
        ("", "ServiceAccount") => typed::<ServiceAccount>,
        ("", "Namespace") => typed::<Namespace>,
        ("", "ConfigMap") => typed::<ConfigMap>,
        ("", "Secret") => typed::<Secret>,
        _ => return,
    };
    check(node, problems);
}

/// Whether an object is written in one of these versions: older ones of Flux have other fields.
fn is_version(node: &Node, known: &[&str]) -> bool {
    node.get_str("apiVersion").and_then(|version| version.rsplit('/').next()).is_some_and(|version| known.contains(&version))
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

// Behind the macros that it uses.
mod job;

words! {
    Algorithm { Rsa = "RSA", Ecdsa = "ECDSA", Ed25519 = "Ed25519" }
    CrdPolicy { Skip = "Skip", Create = "Create", CreateReplace = "CreateReplace" }
    Encoding { Pkcs1 = "PKCS1", Pkcs8 = "PKCS8" }
    TreeSource {
        GitRepository = "GitRepository", OciRepository = "OCIRepository", Bucket = "Bucket", ExternalArtifact = "ExternalArtifact",
    }
    ChartTreeSource { HelmRepository = "HelmRepository", GitRepository = "GitRepository", Bucket = "Bucket" }
    ChartArtifact { OciRepository = "OCIRepository", HelmChart = "HelmChart", ExternalArtifact = "ExternalArtifact" }
    RotationPolicy { Never = "Never", Always = "Always" }
    Format { Der = "DER", CombinedPem = "CombinedPEM" }
    PolicyType { Ingress = "Ingress", Egress = "Egress" }
    Protocol { Tcp = "TCP", Udp = "UDP", Sctp = "SCTP" }
    SignatureAlgorithm {
        Sha256Rsa = "SHA256WithRSA", Sha384Rsa = "SHA384WithRSA", Sha512Rsa = "SHA512WithRSA",
        EcdsaSha256 = "ECDSAWithSHA256", EcdsaSha384 = "ECDSAWithSHA384", EcdsaSha512 = "ECDSAWithSHA512", PureEd25519 = "PureEd25519",
    }
    Pkcs12Profile { LegacyRc2 = "LegacyRC2", LegacyDes = "LegacyDES", Modern2023 = "Modern2023" }
    SelectorOperator { In = "In", NotIn = "NotIn", Exists = "Exists", DoesNotExist = "DoesNotExist" }
    KeyAlgorithm { Hs256 = "HS256", Hs384 = "HS384", Hs512 = "HS512" }
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

    CertManagerIssuerSpec {
        ca: Option<CaIssuer>, acme: Option<AcmeIssuer>, self_signed: Option<SelfSignedIssuer>, vault: Option<IgnoredAny>,
        venafi: Option<IgnoredAny>,
    }
    CaIssuer {
        secret_name: Text, crl_distribution_points: Texts, ocsp_servers: Texts,
        issuing_certificate_urls as "issuingCertificateURLs": Texts,
    }
    SelfSignedIssuer { crl_distribution_points: Texts }
    AcmeIssuer {
        server: Text, private_key_secret_ref: SecretKey, email: Option<String>, ca_bundle: Option<Text>,
        skip_tls_verify as "skipTLSVerify": Option<bool>, preferred_chain: Option<String>, profile: Option<String>,
        external_account_binding: Option<ExternalAccountBinding>, disable_account_key_generation: Option<bool>,
        enable_duration_feature: Option<bool>, solvers: Option<Vec<Solver>>,
    }
    ExternalAccountBinding { key_id as "keyID": Text, key_secret_ref: SecretKey, key_algorithm: Option<KeyAlgorithm> }
    Solver {
        selector: Option<SolverSelector>, http01: Option<Http01>, dns01: Option<IgnoredAny>,
        wait_instead_of_self_check: Option<Text>,
    }
    SolverSelector { match_labels: Labels, dns_names: Texts, dns_zones: Texts }
    Http01 { ingress: Option<Http01Ingress>, gateway_http_route as "gatewayHTTPRoute": Option<Http01Gateway> }
    Http01Ingress {
        ingress_class_name: Option<Text>, class: Option<Text>, name: Option<Text>, service_type: Option<Text>,
        pod_template: Option<IgnoredAny>, ingress_template: Option<IgnoredAny>,
    }
    Http01Gateway {
        labels: Labels, parent_refs: Option<Vec<IgnoredAny>>, pod_template: Option<IgnoredAny>, service_type: Option<Text>,
    }

    BundleSpec { sources: Vec<BundleSource>, target: Option<BundleTarget> }
    BundleSource {
        config_map: Option<BundleObject>, secret: Option<BundleObject>, in_line: Option<String>,
        use_default_cas as "useDefaultCAs": Option<bool>,
    }
    BundleObject { name: Option<Text>, selector: Option<LabelSelector>, key: Option<Text>, include_all_keys: Option<bool> }
    BundleTarget {
        config_map: Option<BundleTargetObject>, secret: Option<BundleTargetObject>, additional_formats: Option<BundleFormats>,
        namespace_selector: Option<LabelSelector>,
    }
    BundleTargetObject { key: Text, metadata: Option<BundleTargetMetadata> }
    BundleTargetMetadata { labels: Labels, annotations: Labels }
    BundleFormats { jks: Option<BundleJks>, pkcs12: Option<BundlePkcs12> }
    BundleJks { key: Text, password: Option<Text> }
    BundlePkcs12 { key: Text, password: Option<String>, profile: Option<Pkcs12Profile> }
    LabelSelector { match_labels: Labels, match_expressions: Option<Vec<SelectorExpression>> }
    SelectorExpression { key: Text, operator: SelectorOperator, values: Texts }
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

    ArgoCdApplication {
        api_version: Text, kind: Text, metadata: Metadata, spec: ArgoCdApplicationSpec, operation: Option<IgnoredAny>,
        status: Option<IgnoredAny>,
    }
    ArgoCdApplicationSpec {
        project: Text, source: Option<ArgoCdSource>, sources: Option<Vec<ArgoCdSource>>, destination: ArgoCdDestination,
        sync_policy: Option<ArgoCdSyncPolicy>, ignore_differences: Option<IgnoredAny>, info: Option<IgnoredAny>,
        revision_history_limit: Option<u32>, source_hydrator: Option<IgnoredAny>,
    }
    ArgoCdSource {
        repo_url as "repoURL": Text, target_revision: Option<String>, path: Option<String>, chart: Option<String>,
        reference as "ref": Option<String>, name: Option<String>, helm: Option<IgnoredAny>, kustomize: Option<IgnoredAny>,
        directory: Option<IgnoredAny>, plugin: Option<IgnoredAny>, tag_prefix: Option<IgnoredAny>,
    }
    ArgoCdDestination { name: Option<String>, namespace: Option<String>, server: Option<String> }
    ArgoCdSyncPolicy {
        automated: Option<ArgoCdAutomation>, sync_options: Texts, retry: Option<IgnoredAny>,
        managed_namespace_metadata: Option<IgnoredAny>,
    }
    ArgoCdAutomation { prune: Option<bool>, self_heal: Option<bool>, allow_empty: Option<bool>, enabled: Option<bool> }
    ArgoCdApplicationSetSpec {
        go_template: Option<bool>, go_template_options: Texts, generators: Vec<IgnoredAny>, template: IgnoredAny,
        sync_policy: Option<ArgoCdSetPolicy>, strategy: Option<IgnoredAny>, preserved_fields: Option<IgnoredAny>,
        apply_nested_selectors: Option<bool>, ignore_application_differences: Option<IgnoredAny>, template_patch: Option<String>,
    }
    ArgoCdSetPolicy { preserve_resources_on_deletion: Option<bool>, applications_sync: Option<String> }
    ArgoCdProjectSpec {
        source_repos: Texts, destinations: Option<Vec<ArgoCdDestination>>, description: Option<String>, roles: Option<IgnoredAny>,
        cluster_resource_whitelist: Option<IgnoredAny>, cluster_resource_blacklist: Option<IgnoredAny>,
        namespace_resource_whitelist: Option<IgnoredAny>, namespace_resource_blacklist: Option<IgnoredAny>,
        orphaned_resources: Option<IgnoredAny>, sync_windows: Option<IgnoredAny>, signature_keys: Option<IgnoredAny>,
        source_namespaces: Texts, permit_only_project_scoped_clusters: Option<bool>,
        destination_service_accounts: Option<IgnoredAny>, source_integrity: Option<IgnoredAny>,
    }

    // Fields of Flux that its API asks for may come from patches of a Kustomization in another repository: none is missed here.
    HelmReleaseSpec {
        chart: Option<ChartTemplate>, chart_ref: Option<ChartReference>, common_metadata: Option<IgnoredAny>,
        depends_on: Option<Vec<FluxDependency>>, drift_detection: Option<IgnoredAny>,
        health_check_exprs: Option<Vec<HealthCheckExpressions>>, install: Option<HelmInstall>, interval: Option<Text>,
        kube_config: Option<IgnoredAny>, max_history: Option<u32>, persistent_client: Option<bool>,
        post_render_strategy: Option<Text>, post_renderers: Option<Vec<IgnoredAny>>, release_name: Option<String>,
        rollback: Option<IgnoredAny>, service_account_name: Option<String>, storage_namespace: Option<String>, suspend: Option<bool>,
        target_namespace: Option<String>, test: Option<IgnoredAny>, timeout: Option<Text>, uninstall: Option<IgnoredAny>,
        upgrade: Option<HelmUpgrade>, values: Option<IgnoredAny>, values_from: Option<Vec<IgnoredAny>>,
        wait_strategy: Option<IgnoredAny>,
    }
    ChartTemplate { metadata: Option<IgnoredAny>, spec: ChartTemplateSpec }
    ChartTemplateSpec {
        chart: Text, ignore_missing_values_files: Option<bool>, interval: Option<Text>, reconcile_strategy: Option<Text>,
        source_ref: ChartSourceReference, values_files: Texts, verify: Option<IgnoredAny>, version: Option<String>,
    }
    ChartSourceReference { api_version: Option<String>, kind: Option<ChartTreeSource>, name: Text, namespace: Option<String> }
    ChartReference { api_version: Option<String>, kind: ChartArtifact, name: Text, namespace: Option<String> }
    HelmInstall {
        crds: Option<CrdPolicy>, create_namespace: Option<bool>, disable_hooks: Option<bool>,
        disable_openapi_validation as "disableOpenAPIValidation": Option<bool>, disable_schema_validation: Option<bool>,
        disable_take_ownership: Option<bool>, disable_wait: Option<bool>, disable_wait_for_jobs: Option<bool>,
        remediation: Option<HelmRemediation>, replace: Option<bool>, server_side_apply: Option<bool>,
        skip_crds as "skipCRDs": Option<bool>, strategy: Option<IgnoredAny>, timeout: Option<Text>,
    }
    HelmUpgrade {
        chart_name_change_strategy: Option<Text>, cleanup_on_fail: Option<bool>, crds: Option<CrdPolicy>, disable_hooks: Option<bool>,
        disable_openapi_validation as "disableOpenAPIValidation": Option<bool>, disable_schema_validation: Option<bool>,
        disable_take_ownership: Option<bool>, disable_wait: Option<bool>, disable_wait_for_jobs: Option<bool>, force: Option<bool>,
        preserve_values: Option<bool>, remediation: Option<HelmRemediation>, server_side_apply: Option<String>,
        strategy: Option<IgnoredAny>, timeout: Option<Text>,
    }
    HelmRemediation {
        ignore_test_failures: Option<bool>, remediate_last_failure: Option<bool>, retries: Option<i64>, strategy: Option<Text>,
    }

    FluxKustomizationSpec {
        build_metadata: Texts, common_metadata: Option<IgnoredAny>, components: Texts, decryption: Option<IgnoredAny>,
        deletion_policy: Option<Text>, depends_on: Option<Vec<FluxDependency>>, force: Option<bool>,
        health_check_exprs: Option<Vec<HealthCheckExpressions>>, health_checks: Option<Vec<IgnoredAny>>,
        ignore: Option<Vec<IgnoredAny>>, ignore_missing_components: Option<bool>, images: Option<Vec<IgnoredAny>>, interval: Option<Text>,
        kube_config: Option<IgnoredAny>, name_prefix: Option<String>, name_suffix: Option<String>, patches: Option<Vec<IgnoredAny>>,
        path: Option<String>, post_build: Option<IgnoredAny>, prune: Option<bool>, retry_interval: Option<Text>,
        service_account_name: Option<String>, source_ref: Option<FluxSourceReference>, suspend: Option<bool>,
        target_namespace: Option<String>, timeout: Option<Text>, wait: Option<bool>,
    }
    FluxDependency { name: Text, namespace: Option<String>, ready_expr: Option<String> }
    FluxSourceReference { api_version: Option<String>, kind: TreeSource, name: Text, namespace: Option<String> }
    HealthCheckExpressions {
        api_version: Text, kind: Option<String>, current: Text, failed: Option<String>, in_progress: Option<String>,
    }
    GitRepositorySpec {
        ignore: Option<String>, include: Option<Vec<IgnoredAny>>, interval: Option<Text>, provider: Option<Text>,
        proxy_secret_ref: Option<NameReference>, recurse_submodules: Option<bool>, reference as "ref": Option<GitReference>,
        secret_ref: Option<NameReference>, service_account_name: Option<String>, sparse_checkout: Texts, suspend: Option<bool>,
        timeout: Option<Text>, url: Text, verify: Option<IgnoredAny>,
    }
    GitReference {
        branch: Option<String>, commit: Option<String>, name: Option<String>, semver: Option<String>, tag: Option<String>,
    }
    HelmRepositorySpec {
        access_from: Option<IgnoredAny>, cert_secret_ref: Option<NameReference>, insecure: Option<bool>, interval: Option<Text>,
        pass_credentials: Option<bool>, provider: Option<Text>, secret_ref: Option<NameReference>, suspend: Option<bool>,
        timeout: Option<Text>, repository_type as "type": Option<Text>, url: Text,
    }
    OciRepositorySpec {
        cert_secret_ref: Option<NameReference>, ignore: Option<String>, insecure: Option<bool>, interval: Option<Text>,
        layer_selector: Option<LayerSelector>, provider: Option<Text>, proxy_secret_ref: Option<NameReference>,
        reference as "ref": Option<OciReference>, secret_ref: Option<NameReference>, service_account_name: Option<String>,
        suspend: Option<bool>, timeout: Option<Text>, url: Text, verify: Option<IgnoredAny>,
    }
    OciReference { digest: Option<String>, semver: Option<String>, semver_filter: Option<String>, tag: Option<String> }
    LayerSelector { media_type: Option<Text>, operation: Option<Text> }
    NameReference { name: Text }

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

#[cfg(test)]
mod tests {
    use crate::manifest::{Flaw, Shape, check};

    /// Paths of the flaws of an object with this `spec`.
    fn flawed(api_version: &str, kind: &str, spec: &str) -> Vec<String> {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n");
        let path = |flaw: &Flaw| if let Flaw::Field(problem) = flaw { problem.path.to_string() } else { format!("{flaw:?}") };
        check(&text, Shape::Object).flaws.iter().map(path).collect()
    }

    #[test]
    fn a_bundle_has_the_fields_of_trust_manager() {
        let of = |spec: &str| flawed("trust.cert-manager.io/v1alpha1", "Bundle", spec);
        let right = "{sources: [{inLine: x}, {useDefaultCAs: true}], target: {configMap: {key: k}, additionalFormats: {pkcs12: {key: p, profile: Modern2023}}, namespaceSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}}";
        assert_eq!(of(right), [""; 0]);
        assert_eq!(of("{sources: [{inline: x}], target: {configMap: {key: ''}}}"), ["spec.sources[0].inline", "spec.target.configMap.key"]);
        assert_eq!(of("{target: {namespaceSelector: {matchExpressions: [{key: a, operator: in}]}}}").len(), 2);
    }

    #[test]
    fn an_issuer_of_cert_manager_has_its_fields() {
        let of = |spec: &str| flawed("cert-manager.io/v1", "ClusterIssuer", spec);
        assert_eq!(of("{selfSigned: {}}"), [""; 0]);
        assert_eq!(
            of("{acme: {server: s, privateKeySecretRef: {name: account}, solvers: [{http01: {ingress: {}}, selector: {dnsZones: [a]}}]}}"),
            [""; 0]
        );
        assert_eq!(of("{acme: {server: s, privateKeySecretRef: {name: account}, solvers: [{http1: {}}]}, ca: {secretNam: x}}").len(), 3);
    }
}
