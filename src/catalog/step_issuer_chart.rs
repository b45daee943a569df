//! Values that the Helm chart `step-issuer` knows, by version, with type and default. The chart has no
//! `values.schema.json`, so Helm itself accepts every misspelt key.
//!
//! Source: `values.yaml` and templates of the charts 1.9.9 to 1.11.0.

use std::sync::OnceLock;

use super::chart_values::{ChartValues, Type};

/// Chart versions with `kubeRBACproxy`.
const WITH_PROXY: &[&str] = &["1.9.9", "1.9.10", "1.9.11"];
/// Chart versions without it, whose controller serves its metrics itself.
const WITHOUT_PROXY: &[&str] = &["1.10.0", "1.10.1", "1.10.2", "1.11.0"];

/// In which charts a value exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charts {
    All,
    Proxy,
    NoProxy,
    Since1_11,
}

use Charts::{All, NoProxy, Proxy, Since1_11};
use Type::{Anything, Boolean, Integer, List, ListOrFalse, String as Text, StringOrInteger, Strings};

/// The values, and the charts that have them.
const VALUES: &[(&str, Type, &str, Charts)] = &[
    ("affinity", Anything, "{}", All),
    ("certManager.serviceAccount.name", Text, r#""cert-manager""#, All),
    ("certManager.serviceAccount.namespace", Text, r#""cert-manager""#, All),
    ("deployment.args.disableApprovalCheck", Boolean, "false", All),
    ("deployment.args.enableLeaderElection", Boolean, "true", All),
    ("deployment.args.metricsBindAddress", Text, r#"":8080""#, NoProxy),
    ("deployment.priorityClassName", Text, r#""""#, NoProxy),
    ("deployment.strategy", Anything, "{}", All),
    ("deployment.terminationGracePeriodSeconds", Integer, "10", All),
    ("fullnameOverride", Text, r#""""#, All),
    ("image.pullPolicy", Text, r#""IfNotPresent""#, All),
    ("image.repository", Text, r#""cr.step.sm/smallstep/step-issuer""#, All),
    ("image.tag", Text, r#""""#, All),
    ("imagePullSecrets", Strings, "[]", All),
    ("kubeRBACproxy.image.pullPolicy", Text, r#""IfNotPresent""#, Proxy),
    ("kubeRBACproxy.image.repository", Text, r#""gcr.io/kubebuilder/kube-rbac-proxy""#, Proxy),
    ("kubeRBACproxy.image.tag", Text, r#""v0.15.0""#, Proxy),
    ("kubeRBACproxy.securityContext", Anything, r#"{"runAsUser":1000,"runAsGroup":1000}"#, Proxy),
    ("nameOverride", Text, r#""""#, All),
    ("nodeSelector", Anything, "{}", All),
    ("podSecurityContext", Anything, "{}", All),
    ("replicaCount", Integer, "1", All),
    ("resources", Anything, r#"{"limits":{"cpu":"100m","memory":"128Mi"},"requests":{"cpu":"100m","memory":"50Mi"}}"#, All),
    ("securityContext", Anything, r#"{"runAsUser":1000,"runAsGroup":1000}"#, All),
    ("service.controlPlane", Text, r#""controller-manager""#, All),
    ("service.port", Integer, "8443", All),
    ("service.scrape", Boolean, "true", All),
    ("service.scrapePort", Integer, "8080", All),
    ("service.targetPorts", StringOrInteger, r#""https""#, All),
    ("service.type", Text, r#""ClusterIP""#, All),
    ("serviceAccount.annotations", Anything, "{}", All),
    ("serviceAccount.create", Boolean, "false", All),
    ("serviceAccount.name", Text, r#""""#, All),
    ("stepClusterIssuer.caBundle", Text, r#""""#, All),
    ("stepClusterIssuer.caUrl", Text, r#""""#, All),
    ("stepClusterIssuer.create", Boolean, "false", All),
    ("stepClusterIssuer.provisioner.kid", Text, r#""""#, All),
    ("stepClusterIssuer.provisioner.name", Text, r#""""#, All),
    ("stepClusterIssuer.provisioner.passwordEnv", Text, "-", Since1_11),
    ("stepClusterIssuer.provisioner.passwordFile", Text, "-", Since1_11),
    ("stepClusterIssuer.provisioner.passwordRef.key", Text, r#""""#, All),
    ("stepClusterIssuer.provisioner.passwordRef.name", Text, r#""""#, All),
    ("stepClusterIssuer.provisioner.passwordRef.namespace", Text, r#""""#, All),
    ("stepIssuer.caBundle", Text, r#""""#, All),
    ("stepIssuer.caUrl", Text, r#""""#, All),
    ("stepIssuer.create", Boolean, "false", All),
    ("stepIssuer.provisioner.kid", Text, r#""""#, All),
    ("stepIssuer.provisioner.name", Text, r#""""#, All),
    ("stepIssuer.provisioner.passwordEnv", Text, "-", Since1_11),
    ("stepIssuer.provisioner.passwordFile", Text, "-", Since1_11),
    ("stepIssuer.provisioner.passwordRef.key", Text, r#""""#, All),
    ("stepIssuer.provisioner.passwordRef.name", Text, r#""""#, All),
    ("tolerations", List, "[]", All),
    ("tunnel.crt", Text, r#""/opt/tunnel/tls.crt""#, All),
    ("tunnel.enabled", Boolean, "false", All),
    ("tunnel.host", Text, r#""""#, All),
    ("tunnel.key", Text, r#""/opt/tunnel/tls.key""#, All),
    ("tunnel.root", Text, r#""/opt/tunnel/ca.crt""#, All),
    ("tunnel.tlsCertsRef.secret.secretName", Text, r#""""#, All),
    ("volumeMounts", ListOrFalse, "false", All),
    ("volumes", ListOrFalse, "false", All),
];

/// The objects that the chart makes: apiVersion, kind, what its name has behind the full name, whether it lies in the
/// release's namespace, and the value without which it is not made.
pub(super) const OBJECTS: &[(&str, &str, &str, bool, &str)] = &[
    ("apps/v1", "Deployment", "", true, ""),
    ("certmanager.step.sm/v1beta1", "StepClusterIssuer", "", false, "stepClusterIssuer.create"),
    ("certmanager.step.sm/v1beta1", "StepIssuer", "", true, "stepIssuer.create"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "-approver-role", false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "-manager-role", false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "-proxy-role", false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "-approver-rolebinding", false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "-manager-rolebinding", false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "-proxy-rolebinding", false, ""),
    ("rbac.authorization.k8s.io/v1", "Role", "-leader-election-role", true, ""),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "-leader-election-rolebinding", true, ""),
    ("v1", "ConfigMap", "-tunnel", true, "tunnel.enabled"),
    ("v1", "Service", "", true, ""),
];

/// Names of the CustomResourceDefinitions that lie in the chart.
pub(super) const DEFINITIONS: &[&str] = &["stepclusterissuers.certmanager.step.sm", "stepissuers.certmanager.step.sm"];

/// The maps that name an image by `repository` and `tag`.
pub(super) const IMAGES: &[&[&str]] = &[&["image"], &["kubeRBACproxy", "image"]];

/// What the chart of that exact version knows; None for a version that this table does not hold.
pub(super) fn values(version: &str) -> Option<&'static ChartValues> {
    static TABLES: OnceLock<[ChartValues; 3]> = OnceLock::new();
    let [proxy, no_proxy, newest] =
        TABLES.get_or_init(|| [table(&[All, Proxy]), table(&[All, NoProxy]), table(&[All, NoProxy, Since1_11])]);
    match version {
        "1.11.0" => Some(newest),
        _ if WITH_PROXY.contains(&version) => Some(proxy),
        _ if WITHOUT_PROXY.contains(&version) => Some(no_proxy),
        _ => None,
    }
}

/// The versions that [`values`] knows, oldest first.
pub(super) fn versions() -> impl Iterator<Item = &'static str> {
    WITH_PROXY.iter().chain(WITHOUT_PROXY).copied()
}

fn table(charts: &[Charts]) -> ChartValues {
    ChartValues::new(VALUES.iter().filter(|(.., chart)| charts.contains(chart)).map(|(path, kind, default, _)| (*path, *kind, *default)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::chart_values::ValueProblemKind;
    use super::*;
    use crate::yaml::Node;

    fn chart(version: &str) -> &'static ChartValues {
        values(version).expect("known")
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_unknown_key_offers_the_nearest_one() {
        let chart = chart("1.11.0");
        let problems =
            chart.check(&Node::from(json!({"replicaCout": 2, "deployment": {"args": {"enableLeaderElecton": true}, "affinity": {}}})));
        let shown: Vec<(String, &ValueProblemKind)> = problems.iter().map(|problem| (problem.path.to_string(), &problem.kind)).collect();
        let expected = [
            ("deployment.affinity", ValueProblemKind::UnknownKey(None)),
            ("deployment.args.enableLeaderElecton", ValueProblemKind::UnknownKey(Some("enableLeaderElection"))),
            ("replicaCout", ValueProblemKind::UnknownKey(Some("replicaCount"))),
        ];
        assert_eq!(shown, expected.each_ref().map(|(path, kind)| ((*path).to_owned(), kind)));
    }

    #[test]
    fn each_version_knows_its_own_keys() {
        let proxy = Node::from(json!({"kubeRBACproxy": {"image": {"repository": "quay.io/brancz/kube-rbac-proxy"}}}));
        let file = Node::from(json!({"stepIssuer": {"provisioner": {"passwordFile": "/x"}}}));
        for (version, takes_proxy, takes_file) in
            [("1.9.9", true, false), ("1.9.11", true, false), ("1.10.2", false, false), ("1.11.0", false, true)]
        {
            let chart = chart(version);
            assert_eq!(chart.check(&proxy).is_empty(), takes_proxy, "{version}");
            assert_eq!(chart.check(&file).is_empty(), takes_file, "{version}");
        }
        assert!(values("0.0.1").is_none());
        assert_eq!(versions().count(), 7);
    }

    #[test]
    fn types_are_checked() {
        let chart = chart("1.9.9");
        let wrong = json!({"replicaCount": "2", "image": "x", "imagePullSecrets": [{"name": "x"}], "volumes": {}, "nodeSelector": []});
        let paths: Vec<String> = chart.check(&Node::from(wrong)).iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(paths, ["image", "imagePullSecrets", "nodeSelector", "replicaCount", "volumes"]);
        let right =
            json!({"replicaCount": 2, "imagePullSecrets": ["x"], "volumes": false, "volumeMounts": [{}], "service": {"targetPorts": 8443}});
        assert_eq!(chart.check(&Node::from(right)), []);
    }

    #[test]
    fn what_equals_the_default_is_left_out() {
        let chart = chart("1.11.0");
        let written = json!({
            "replicaCount": 1, "serviceAccount": {"create": true, "annotations": {}}, "image": {"pullPolicy": "IfNotPresent"},
            "resources": {"limits": {"cpu": "100m", "memory": "256Mi"}}, "securityContext": {"runAsUser": 1000, "runAsNonRoot": true}
        });
        let left = json!({"serviceAccount": {"create": true}, "resources": {"limits": {"memory": "256Mi"}}, "securityContext": {"runAsNonRoot": true}});
        assert_eq!(Value::Object(chart.without_defaults(&map(written))), left);
    }
}
