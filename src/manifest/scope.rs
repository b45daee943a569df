//! Which kinds lie in no namespace.

/// Kinds of Kubernetes itself that lie in no namespace; kustomize knows these, and takes every other kind for one that
/// lies in one.
const OF_KUBERNETES: &[(&str, &[&str])] = &[
    ("", &["Namespace", "Node", "PersistentVolume", "ComponentStatus"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("certificates.k8s.io", &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["IngressClass"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"]),
];

/// Kinds of others.
const OF_OTHERS: &[(&str, &[&str])] = &[
    ("cert-manager.io", &["ClusterIssuer"]),
    ("certmanager.step.sm", &["StepClusterIssuer"]),
    ("trust-manager.io", &["ClusterBundle"]),
    ("trust.cert-manager.io", &["Bundle"]),
];

fn holds(table: &[(&str, &[&str])], group: &str, kind: &str) -> bool {
    table.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind))
}

/// Whether a kind is known to lie in no namespace.
pub fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    is_cluster_scoped_for_kustomize(group, kind) || holds(OF_OTHERS, group, kind)
}

/// Whether kustomize knows that a kind lies in no namespace.
pub(super) fn is_cluster_scoped_for_kustomize(group: &str, kind: &str) -> bool {
    holds(OF_KUBERNETES, group, kind)
}
