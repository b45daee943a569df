//! The table of rules. A code is stable, has a section of its own in `docs/rules.md`, and fires in a test.

use super::Level;

/// One thing that can be wrong.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Kebab-case, never reused for something else.
    pub code: &'static str,
    /// The level where nobody changed it.
    pub level: Level,
    /// Whether the input cannot be read or trusted: exit code 2, and no level of its own choosing.
    pub untrusted: bool,
    /// Whether it looks at the calendar. Such a rule speaks in `check` only: the same commit renders the same next year.
    pub clock: bool,
    /// What the rule says, in one sentence without a period.
    pub summary: &'static str,
}

impl Rule {
    /// The rule of this code.
    pub fn by_code(code: &str) -> Option<&'static Rule> {
        RULES.iter().copied().find(|rule| rule.code == code)
    }

    /// Whether the line that a finding of this rule points at may hold secret material.
    pub fn is_about_secrets(&self) -> bool {
        [SNAPSHOT_PRIVATE_KEY.code, MANIFEST_SECRET_MATERIAL.code].contains(&self.code)
    }
}

/// Declares the rules and the table of them all.
macro_rules! rules {
    ($($name:ident = $code:literal, $level:ident $($mark:ident)?: $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: Rule = Rule {
                code: $code,
                level: Level::$level,
                untrusted: rules!(@untrusted $($mark)?),
                clock: rules!(@clock $($mark)?),
                summary: $summary,
            };
        )*
        /// Every rule, in the order of `docs/rules.md`.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
    (@untrusted untrusted) => { true };
    (@untrusted $($other:ident)?) => { false };
    (@clock clock) => { true };
    (@clock $($other:ident)?) => { false };
}

// Inventory: what people write.
rules! {
    UNKNOWN_FIELD = "unknown-field", Error untrusted: "a field that does not exist";
    WRONG_TYPE = "wrong-type", Error untrusted: "a value that its field cannot hold, or a field that must be there and is not";
    DUPLICATE_KEY = "duplicate-key", Error untrusted: "a key that stands twice in one map";
    INVALID_YAML = "invalid-yaml", Error untrusted: "a file that is no YAML that can be used";
    UNREADABLE_FILE = "unreadable-file", Error untrusted: "a file or folder that cannot be read";
    LAYER_NOT_FOUND = "layer-not-found", Error untrusted: "`extends` names a layer that does not exist";
    LAYER_CYCLE = "layer-cycle", Error untrusted: "layers that extend each other in a circle";
    LAYER_UNUSED = "layer-unused", Warning: "a layer that no environment extends";
    ENVIRONMENT_NAME_INVALID = "environment-name-invalid", Error untrusted: "an environment's folder whose name cannot be used everywhere";
    INVENTORY_NOT_FOUND = "inventory-not-found", Error untrusted: "an environment's folder without an inventory";
    PATH_ESCAPES = "path-escapes", Error untrusted: "a path that leads out of its folder, or through a link";
    LEDGER_INVALID = "ledger-invalid", Error untrusted: "a ledger that cannot be read or names what it may not name";
    REFERENCE_UNRESOLVED = "reference-unresolved", Error: "a name in the inventory that nothing in the inventory bears";
    NAME_INVALID = "name-invalid", Error: "a name that Kubernetes does not accept";
    PLACEHOLDER_UNKNOWN = "placeholder-unknown", Error: "a placeholder that a tenant does not have";
    TENANT_NAMESPACE_TWICE = "tenant-namespace-twice", Error: "a namespace that two tenants have";
    TENANT_NAMESPACE_OF_CA = "tenant-namespace-of-ca", Warning: "a tenant in the namespace of the CA or of who works for it";
    TENANT_OPEN_TO_ALL = "tenant-open-to-all", Warning: "a tenant whose Certificates everybody may create";
    TENANT_WITHOUT_EFFECT = "tenant-without-effect", Warning: "a tenant for which nothing is rendered";
    COMPONENT_NOT_FOUND = "component-not-found", Error: "a component that is switched on and that nobody wrote";
    APPLICATION_SET_TAKES_TOO_MUCH = "application-set-takes-too-much", Warning: "an ApplicationSet over environments that Argo CD does not take up";
    COMPONENT_UNUSED = "component-unused", Note: "a component of your own that no environment switches on";
    RULE_OVERRIDE_WITHOUT_REASON = "rule-override-without-reason", Warning: "a rule whose level is changed and nobody says why";
    RULE_OVERRIDE_UNUSED = "rule-override-unused", Warning: "a changed level of a rule that finds nothing any more";

    // CA snapshot.
    SNAPSHOT_NOT_FOUND = "snapshot-not-found", Error untrusted: "an authority without a CA snapshot that is not marked as pending";
    SNAPSHOT_PRIVATE_KEY = "snapshot-private-key", Error untrusted: "a private key where only public facts may stand";
    SNAPSHOT_ALTERED = "snapshot-altered", Error untrusted: "a CA snapshot whose recorded facts differ from its certificates or keys";
    SNAPSHOT_FINGERPRINT_DIFFERS = "snapshot-fingerprint-differs", Error untrusted: "`defaults.json` names a root that the input does not hold";
    SNAPSHOT_INCOMPLETE = "snapshot-incomplete", Error untrusted: "an input that lacks a part of the CA";
    SNAPSHOT_AMBIGUOUS = "snapshot-ambiguous", Error untrusted: "an input with several CAs";
    SNAPSHOT_OF_ANOTHER_CA = "snapshot-of-another-ca", Error untrusted: "an input that shares neither a root nor a key with the snapshot it would update";
    SNAPSHOT_PENDING = "snapshot-pending", Note: "an authority that still waits for its CA snapshot";
    SNAPSHOT_PARTIAL = "snapshot-partial", Note: "a part of the CA that the input does not hold and rendering does not need";
    CA_NOT_AN_AUTHORITY = "ca-not-an-authority", Error untrusted: "a root certificate that is no CA";
    CA_NOT_SELF_SIGNED = "ca-not-self-signed", Warning: "an intermediate certificate given as root";
    CA_EXPIRED = "ca-expired", Error clock: "a CA without a valid root or a valid issuing intermediate";
    CA_ROOT_EXPIRED_BESIDE_VALID = "ca-root-expired-beside-valid", Warning clock: "an expired root beside one that is valid";
    CA_EXPIRES_SOON = "ca-expires-soon", Warning clock: "a root or issuing intermediate that ends soon";
    CA_WEAK_KEY = "ca-weak-key", Warning: "a CA certificate with a key that many clients refuse";
    CA_CHAIN_BROKEN = "ca-chain-broken", Error: "an intermediate certificate that none of the roots has issued";
    ROOT_DROP_REFUSED = "root-drop-refused", Error untrusted: "a root to be dropped that the CA still uses, or that the snapshot does not hold";
    ROOT_DROPPED_TOO_EARLY = "root-dropped-too-early", Error clock: "a root that is gone while certificates issued under it may still be valid";
    PROVISIONERS_NOT_AUTHORITATIVE = "provisioners-not-authoritative", Warning: "a CA whose provisioners do not live in its ca.json";
    PROVISIONER_AMBIGUOUS = "provisioner-ambiguous", Error untrusted: "two provisioners of one name, with which step-ca does not start";
    PROVISIONER_NOT_FOUND = "provisioner-not-found", Error: "an issuer's provisioner that the CA snapshot does not hold";
    PROVISIONER_NOT_ACME = "provisioner-not-acme", Error: "an ACME issuer's provisioner that is no ACME provisioner";
    PROVISIONER_NOT_JWK = "provisioner-not-jwk", Error: "an issuer's provisioner that is no JWK provisioner";
    PROVISIONER_WITHOUT_KEY = "provisioner-without-key", Error: "a JWK provisioner without an encrypted key that step-issuer could fetch";
    PROVISIONER_KID_MISMATCH = "provisioner-kid-mismatch", Warning: "a key id that is not the thumbprint of its key";
    PROVISIONER_KID_SHARED = "provisioner-kid-shared", Error: "a key id that two provisioners share";

    // Issuer.
    ISSUER_URL_NOT_HTTPS = "issuer-url-not-https", Error: "an issuer's URL that is no `https` URL";
    ISSUER_URL_NOT_IN_DNS_NAMES = "issuer-url-not-in-dns-names", Error: "an issuer's URL whose host is none of the CA's names";
    ISSUER_PASSWORD_REF_INCOMPLETE = "issuer-password-ref-incomplete", Error: "a password reference without the name of a Secret or a key in it";
    ISSUER_PASSWORD_NAMESPACE = "issuer-password-namespace", Error: "a password reference with a namespace too few or too many";
    ISSUER_PASSWORD_MAY_BE_ANOTHER = "issuer-password-may-be-another", Note: "a password Secret of the chart where the CA has several JWK provisioners";
    ISSUER_PASSWORD_SOURCE_UNSUPPORTED = "issuer-password-source-unsupported", Error: "a source of the password that this step-issuer does not know";
    ISSUER_KID_OF_ANOTHER_PROVISIONER = "issuer-kid-of-another-provisioner", Error: "an issuer whose key id belongs to another provisioner than its name says";
    CA_BUNDLE_INVALID = "ca-bundle-invalid", Error: "a `caBundle` that holds no certificates in the form that step-issuer reads";
    CA_BUNDLE_DIFFERS = "ca-bundle-differs", Warning: "a `caBundle` with other roots than the CA snapshot";
    APPROVER_MISSING = "approver-missing", Error: "nobody may approve the requests of an issuer";
    APPROVER_SERVICE_ACCOUNT = "approver-service-account", Warning: "the right to approve is bound to another ServiceAccount than cert-manager's";
    APPROVAL_CHECK_DISABLED = "approval-check-disabled", Warning: "step-issuer signs requests that nobody has approved";
    APPROVAL_DISABLED_WITHOUT_POLICY = "approval-disabled-without-policy", Warning: "cert-manager approves nothing, and no policy engine is in sight";

    // Certificate.
    WILDCARD_MATCHES_NO_SERVICE = "wildcard-matches-no-service", Error: "a wildcard that covers no Service";
    WILDCARD_TOO_SHALLOW = "wildcard-too-shallow", Warning: "a wildcard with one label behind it, which OpenSSL and rustls refuse";
    WILDCARD_NOT_LEFTMOST = "wildcard-not-leftmost", Error: "a `*` that is not the whole first label";
    DNS_NAME_INVALID = "dns-name-invalid", Error: "a DNS name that no client could match";
    CERTIFICATE_WITHOUT_NAME = "certificate-without-name", Error: "a certificate that names nothing";
    CERTIFICATE_NAME_INVALID = "certificate-name-invalid", Error: "an IP or e-mail address of a certificate that cert-manager refuses";
    COMMON_NAME_TOO_LONG = "common-name-too-long", Error: "a common name of more than 64 bytes";
    DURATION_NOT_GO = "duration-not-go", Error: "a duration that Go does not read";
    DURATION_NOT_CANONICAL = "duration-not-canonical", Note: "a duration that is written in another way than Go prints it";
    DURATION_BELOW_HOUR = "duration-below-hour", Error: "a certificate that is to live less than an hour";
    DURATION_OVER_MAXIMUM = "duration-over-maximum", Error: "a certificate that is to live longer than the CA allows";
    DURATION_UNDER_MINIMUM = "duration-under-minimum", Error: "a certificate that is to live shorter than the CA allows";
    DURATION_UNSET = "duration-unset", Note: "a certificate whose lifetime the CA decides";
    RENEW_BEFORE_TOO_LONG = "renew-before-too-long", Error: "a certificate that is to be renewed before it is issued";
    RENEW_BEFORE_TOO_SHORT = "renew-before-too-short", Error: "a renewal less than five minutes before the end";
    RENEW_BEFORE_TWICE = "renew-before-twice", Error: "a certificate with both ways to say when it is renewed";
    NAME_DENIED_BY_POLICY = "name-denied-by-policy", Error: "a name that the CA's policy does not allow";
    CERTIFICATE_OUTLIVES_CA = "certificate-outlives-ca", Warning clock: "a certificate that would outlive the CA that signs it";
    FIELD_DROPPED_BY_CA = "field-dropped-by-ca", Warning: "a field that the CA's default template drops";
    FIELD_NEEDS_NEWER_CERT_MANAGER = "field-needs-newer-cert-manager", Error: "a certificate field that the environment's cert-manager does not know";
    USAGE_UNKNOWN = "usage-unknown", Error: "a key usage that cert-manager does not know";
    SECRET_TEMPLATE_ANNOTATION = "secret-template-annotation", Error: "an annotation of a Secret that belongs to cert-manager";
    OUTPUT_FORMAT_TWICE = "output-format-twice", Error: "an additional output format that stands twice";
    KEYSTORE_PASSWORD = "keystore-password", Error: "a key store with no password, or with two";
    REVISION_HISTORY_LIMIT = "revision-history-limit", Error: "a history of fewer than one request";
    ISSUER_UNRESOLVED = "issuer-unresolved", Error: "a certificate whose issuer nobody makes";
    ISSUER_IN_OTHER_NAMESPACE = "issuer-in-other-namespace", Error: "a certificate in another namespace than its StepIssuer or Issuer";
    ISSUER_GROUP_MISSING = "issuer-group-missing", Error: "a reference to a Step issuer without its group";
    ISSUER_GROUP_UNKNOWN = "issuer-group-unknown", Error: "a group that no Step issuer has";
    INGRESS_ISSUER_ANNOTATION = "ingress-issuer-annotation", Error: "an Ingress or Gateway whose annotation looks for a Step issuer among cert-manager's own";
    SECRET_NAME_COLLISION = "secret-name-collision", Error: "two certificates that write the same Secret";
    ACME_WILDCARD_NEEDS_DNS01 = "acme-wildcard-needs-dns01", Error: "a wildcard on an issuer that proves names over HTTP only";
    ACME_NAME_REFUSED = "acme-name-refused", Error: "a name that an ACME server cannot be asked for";
    PRIVATE_KEY_SETTINGS = "private-key-settings", Error: "settings of a private key that cert-manager refuses";

    // Authority.
    AUTHORITY_CONFIG_INCOMPLETE = "authority-config-incomplete", Error: "a CA whose configuration inventory and snapshot do not give in full";
    AUTHORITY_VALUES_CONFLICT = "authority-values-conflict", Error: "chart values that say something else of a CA than the inventory";

    // Distribution.
    PRIVATE_KEY_SHARED = "private-key-shared", Warning: "a private key that is offered to other namespaces";
    REFLECTOR_PATTERN_INVALID = "reflector-pattern-invalid", Error: "a pattern with which reflector stops";
    REPLICATOR_PATTERN_IS_A_GLOB = "replicator-pattern-is-a-glob", Warning: "a glob where replicator or reflector reads a regular expression";
    REPLICATION_COPIES_NOTHING = "replication-copies-nothing", Warning: "annotations that permit a copy and make none";
    CLUSTER_BUNDLE_NOT_RECONCILED = "cluster-bundle-not-reconciled", Error: "a ClusterBundle, which trust-manager does not look at";
    BUNDLE_SECRET_TARGET_DISABLED = "bundle-secret-target-disabled", Warning: "a Bundle that writes Secrets, which trust-manager does only when it is told so";

    // Chart.
    CHART_VERSION_FLOATING = "chart-version-floating", Error: "a chart version that does not name one chart";
    VALUES_UNKNOWN_KEY = "values-unknown-key", Error: "a chart value that the chart does not know";
    VALUES_WRONG_TYPE = "values-wrong-type", Error: "a chart value of another type than the chart's default";
    VALUES_NOT_CHECKED = "values-not-checked", Note: "chart values that could not be checked, because the chart version is not known";
    CHART_IMAGE_WITHDRAWN = "chart-image-withdrawn", Warning: "a chart whose default image is no longer in its registry";
    CHART_SERVICE_ACCOUNT_SPLIT = "chart-service-account-split", Error: "rights for one ServiceAccount and a pod that runs as another";
    CHART_DEFAULT_SERVICE_ACCOUNT = "chart-default-service-account", Warning: "rights over all Secrets for a namespace's default ServiceAccount";
    CHART_CRDS_MISSING = "chart-crds-missing", Error: "a chart without its CRDs";
    CHART_SERVICE_ACCOUNT_WITHOUT_NAMESPACE = "chart-service-account-without-namespace", Warning: "a chart whose ServiceAccount ends in the wrong namespace";
    CHART_IMAGE_TAG_MISMATCH = "chart-image-tag-mismatch", Warning: "an image of another release than the chart is made for";
    AFFINITY_PINS_CONTROLLER = "affinity-pins-controller", Warning: "a controller that may run only beside the CA";
    CHART_VALUE_UNQUOTED = "chart-value-unquoted", Error: "a chart value that the chart writes without quotes, and that needs them";
    CHART_REPOSITORY_INVALID = "chart-repository-invalid", Error: "a chart repository that Helm does not find the chart in";
    CHART_HOME_WITHOUT_CHART = "chart-home-without-chart", Error: "a folder of charts in which the chart does not lie";
    CHART_HOME_OTHER_VERSION = "chart-home-other-version", Error: "a chart in the repository that is of another version than the inventory says";
    IMAGE_MIRROR_INVALID = "image-mirror-invalid", Error: "a mirror that names no image repository";
    IMAGE_MIRROR_UNUSED = "image-mirror-unused", Warning: "a mirror for an image that no chart starts";
    CHART_NOT_INFLATED = "chart-not-inflated", Error: "a chart whose objects are not in the tree, or not those that come out of it now";
    HELM_FAILED = "helm-failed", Error untrusted: "a chart that Helm cannot inflate";
    CHART_INSTALL_ONLY = "chart-install-only", Warning: "an object of a chart that only an installation by Helm would make right";
    CHART_PORT_MISMATCH = "chart-port-mismatch", Error: "a CA that listens on another port than its Service asks for";
    CHART_ISSUER_TWICE = "chart-issuer-twice", Error: "an issuer that both the chart and a file make";

    // Delivery.
    TEMPLATE_INVALID = "template-invalid", Error untrusted: "a template or `component.yaml` that cannot be used";
    TEMPLATE_OVERRIDE_STALE = "template-override-stale", Warning: "a template of yours that was made from another built-in one";
    FLUX_CANNOT_INFLATE = "flux-cannot-inflate", Error: "Flux is pointed at a kustomization with `helmCharts`";
    CHART_HOME_NEEDS_VALUES_FILE = "chart-home-needs-values-file", Error: "charts outside of the kustomization's folder and no `valuesFile`";
    KUSTOMIZE_NAMESPACE_REWRITES = "kustomize-namespace-rewrites", Error: "a `namespace:` that moves objects to another namespace";
    HELM4_NEEDS_NEWER_KUSTOMIZE = "helm4-needs-newer-kustomize", Warning: "Helm 4 with a kustomize that cannot call it";
    HOOK_IGNORED = "hook-ignored", Warning: "a Helm hook on an object that Helm never sees";
    IMAGE_MUTABLE_TAG = "image-mutable-tag", Warning: "an image whose tag may mean another one tomorrow";
    IMAGE_NOT_PINNED = "image-not-pinned", Error: "an image of a job of ours that is not pinned by its digest";
    IMAGE_WITHDRAWN = "image-withdrawn", Warning: "an image that its publisher has withdrawn";
    BOOTSTRAP_LEAVES_OUT = "bootstrap-leaves-out", Warning: "something that waits for a snapshot and that the bootstrap does not apply";
    JOB_TIMING = "job-timing", Error: "a job whose times do not fit each other";
    SCHEDULE_INVALID = "schedule-invalid", Error: "a CronJob that Kubernetes refuses for its schedule, time zone or name";
    RESOURCE_NOT_LISTED = "resource-not-listed", Error: "a file that no kustomization names";
    RESOURCE_MISSING = "resource-missing", Error: "a kustomization that names a file which is not there";
    KUSTOMIZATION_BROKEN = "kustomization-broken", Error: "a kustomization that kustomize refuses to build";
    PATCH_INVALID = "patch-invalid", Error: "a patch that kustomize cannot use";
    PATCH_MEETS_NOTHING = "patch-meets-nothing", Error: "a patch whose target is nothing that is there";
    NEEDS_KUSTOMIZE_DELIVERY = "needs-kustomize-delivery", Error: "something that only `delivery: kustomize` can do";
    SHARED_NOT_WRITTEN = "shared-not-written", Error: "an environment whose shared base could not be written";
    KUSTOMIZATION_NOT_CHECKED = "kustomization-not-checked", Note: "a part of a kustomization that was not followed";

    // RBAC.
    RBAC_WILDCARD = "rbac-wildcard", Warning: "a role that allows everything";
    RBAC_CLUSTER_WIDE_WRITE = "rbac-cluster-wide-write", Warning: "a right to write in every namespace";
    RBAC_APPLY_NEEDS_PATCH = "rbac-apply-needs-patch", Error: "`kubectl apply` without the right to `patch`";
    RBAC_REACHES_CA_KEYS = "rbac-reaches-ca-keys", Warning: "a right to read where the CA's keys lie";
    SERVICE_ACCOUNT_VANISHES = "service-account-vanishes", Error: "a ServiceAccount that the chart takes away at the next upgrade";

    // Manifest.
    CRD_INVALID = "crd-invalid", Error untrusted: "a CustomResourceDefinition that cannot be used";
    MANIFEST_INVALID_YAML = "manifest-invalid-yaml", Error untrusted: "a manifest that is no YAML";
    MANIFEST_NOT_AN_OBJECT = "manifest-not-an-object", Error: "a manifest without apiVersion, kind or name";
    MANIFEST_UNKNOWN_FIELD = "manifest-unknown-field", Error: "a manifest with a field that its kind does not have";
    MANIFEST_WRONG_TYPE = "manifest-wrong-type", Error: "a manifest with a value of the wrong type";
    MANIFEST_NAME_INVALID = "manifest-name-invalid", Error: "a manifest whose name Kubernetes does not accept";
    MANIFEST_DUPLICATE = "manifest-duplicate", Error: "the same object twice";
    MANIFEST_NOT_CHECKED = "manifest-not-checked", Note: "a part of a kind that could not be checked";
    REFERENCE_MISSPELT = "reference-misspelt", Note: "a name that nothing here bears, and that something here nearly bears";
    CLUSTER_SCOPED_WITH_NAMESPACE = "cluster-scoped-with-namespace", Warning: "a namespace on an object that lies in none";
    MANIFEST_SECRET_MATERIAL = "manifest-secret-material", Error untrusted: "a manifest that holds secret material";
}
