//! Values that the Helm chart `step-issuer` knows, by version, with type and default. The chart has no
//! `values.schema.json`, so Helm itself accepts every misspelt key.
//!
//! Source: `values.yaml` and templates of the charts 1.9.9 to 1.11.0.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::yaml::{Path, nearest};

/// Chart versions with `kubeRBACproxy`.
const WITH_PROXY: &[&str] = &["1.9.9", "1.9.10", "1.9.11"];
/// Chart versions without it, whose controller serves its metrics itself.
const WITHOUT_PROXY: &[&str] = &["1.10.0", "1.10.1", "1.10.2", "1.11.0"];

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Boolean,
    Integer,
    String,
    StringOrInteger,
    Strings,
    List,
    ListOrFalse,
    /// A map whose keys belong to Kubernetes or to the user.
    Anything,
}

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

/// Path, type, default as JSON (`-` where the chart has none), charts.
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

/// One known value, or a map of more of them.
#[derive(Debug)]
enum Known {
    Value { kind: Type, default: Option<Value> },
    Map(Vec<(&'static str, Known)>),
}

/// The values that one version of the chart knows.
#[derive(Debug)]
pub struct ChartValues {
    root: Known,
}

/// Something wrong with a chart value.
#[derive(Debug, PartialEq, Eq)]
pub struct ValueProblem {
    /// Where, below the values.
    pub path: Path,
    /// What.
    pub kind: ValueProblemKind,
}

/// The kinds of [`ValueProblem`].
#[derive(Debug, PartialEq, Eq)]
pub enum ValueProblemKind {
    /// The chart does not know the key; the nearest one that it knows.
    UnknownKey(Option<&'static str>),
    /// The value has another type; what the chart expects, in words.
    WrongType(&'static str),
}

/// What the chart of that exact version knows; None for a version that this table does not hold.
pub fn chart_values(version: &str) -> Option<&'static ChartValues> {
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

/// The versions that [`chart_values`] knows, oldest first.
pub fn known_versions() -> impl Iterator<Item = &'static str> {
    WITH_PROXY.iter().chain(WITHOUT_PROXY).copied()
}

fn table(charts: &[Charts]) -> ChartValues {
    let mut root = Vec::new();
    for (path, kind, default, _) in VALUES.iter().filter(|(.., chart)| charts.contains(chart)) {
        let mut level = &mut root;
        let mut segments = path.split('.').peekable();
        while let Some(segment) = segments.next() {
            if segments.peek().is_none() {
                level.push((segment, Known::Value { kind: *kind, default: serde_json::from_str(default).ok() }));
                break;
            }
            let position = level.iter().position(|(name, _)| *name == segment).unwrap_or_else(|| {
                level.push((segment, Known::Map(Vec::new())));
                level.len() - 1
            });
            match &mut level[position].1 {
                Known::Map(next) => level = next,
                Known::Value { .. } => break,
            }
        }
    }
    ChartValues { root: Known::Map(root) }
}

impl ChartValues {
    /// Everything wrong with a set of values.
    pub fn check(&self, values: &Map<String, Value>) -> Vec<ValueProblem> {
        let mut problems = Vec::new();
        check(&self.root, &Value::Object(values.clone()), &Path::default(), &mut problems);
        problems
    }

    /// The values that differ from the chart's defaults.
    pub fn without_defaults(&self, values: &Map<String, Value>) -> Map<String, Value> {
        match differing(&self.root, &Value::Object(values.clone())) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

fn check(known: &Known, value: &Value, path: &Path, problems: &mut Vec<ValueProblem>) {
    match (known, value) {
        (Known::Map(entries), Value::Object(map)) => {
            for (key, value) in map {
                let path = path.key(key);
                match entries.iter().find(|(name, _)| name == key) {
                    Some((_, known)) => check(known, value, &path, problems),
                    None => problems.push(ValueProblem {
                        path,
                        kind: ValueProblemKind::UnknownKey(nearest(key, entries.iter().map(|(name, _)| *name))),
                    }),
                }
            }
        }
        (Known::Map(_), _) => problems.push(ValueProblem { path: path.clone(), kind: ValueProblemKind::WrongType("a map") }),
        (Known::Value { kind, .. }, value) => {
            if let Some(expected) = mismatch(*kind, value) {
                problems.push(ValueProblem { path: path.clone(), kind: ValueProblemKind::WrongType(expected) });
            }
        }
    }
}

/// What is expected, when the value is something else.
fn mismatch(kind: Type, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match kind {
        Type::Boolean => (value.is_boolean(), "`true` or `false`"),
        Type::Integer => (value.is_i64() || value.is_u64(), "a whole number"),
        Type::String => (value.is_string(), "a string"),
        Type::StringOrInteger => (value.is_string() || value.is_i64(), "a string or a whole number"),
        Type::Strings => (
            value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            "a list of strings (the chart writes `name:` before each)",
        ),
        Type::List => (value.is_array(), "a list"),
        Type::ListOrFalse => (value.is_array() || *value == Value::Bool(false), "a list, or `false`"),
        Type::Anything => (value.is_object(), "a map"),
    };
    (!fits).then_some(expected)
}

/// The part of a value that differs from the default; None when nothing does.
fn differing(known: &Known, value: &Value) -> Option<Value> {
    match (known, value) {
        (Known::Map(entries), Value::Object(map)) => kept(map, |key, value| match entries.iter().find(|(name, _)| *name == key) {
            Some((_, known)) => differing(known, value),
            None => Some(value.clone()),
        }),
        (Known::Value { default: Some(default), .. }, value) => differing_from(default, value),
        _ => Some(value.clone()),
    }
}

/// Helm merges maps key by key with the chart's defaults, so an equal key inside a map may go too.
fn differing_from(default: &Value, value: &Value) -> Option<Value> {
    match (default, value) {
        (Value::Object(defaults), Value::Object(map)) => kept(map, |key, value| match defaults.get(key) {
            Some(default) => differing_from(default, value),
            None => Some(value.clone()),
        }),
        _ => (default != value).then(|| value.clone()),
    }
}

/// What stays of a map's entries; None when nothing does.
fn kept(map: &Map<String, Value>, stays: impl Fn(&str, &Value) -> Option<Value>) -> Option<Value> {
    let kept: Map<String, Value> = map.iter().filter_map(|(key, value)| Some((key.clone(), stays(key, value)?))).collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_unknown_key_offers_the_nearest_one() {
        let chart = chart_values("1.11.0").expect("known");
        let problems =
            chart.check(&values(json!({"replicaCout": 2, "deployment": {"args": {"enableLeaderElecton": true}, "affinity": {}}})));
        let shown: Vec<(String, &ValueProblemKind)> = problems.iter().map(|problem| (problem.path.to_string(), &problem.kind)).collect();
        assert_eq!(shown[0], ("replicaCout".to_owned(), &ValueProblemKind::UnknownKey(Some("replicaCount"))));
        assert_eq!(
            shown[1],
            ("deployment.args.enableLeaderElecton".to_owned(), &ValueProblemKind::UnknownKey(Some("enableLeaderElection")))
        );
        assert_eq!(shown[2], ("deployment.affinity".to_owned(), &ValueProblemKind::UnknownKey(None)));
    }

    #[test]
    fn each_version_knows_its_own_keys() {
        let proxy = values(json!({"kubeRBACproxy": {"image": {"repository": "quay.io/brancz/kube-rbac-proxy"}}}));
        let file = values(json!({"stepIssuer": {"provisioner": {"passwordFile": "/x"}}}));
        for (version, takes_proxy, takes_file) in
            [("1.9.9", true, false), ("1.9.11", true, false), ("1.10.2", false, false), ("1.11.0", false, true)]
        {
            let chart = chart_values(version).expect("known");
            assert_eq!(chart.check(&proxy).is_empty(), takes_proxy, "{version}");
            assert_eq!(chart.check(&file).is_empty(), takes_file, "{version}");
        }
        assert!(chart_values("0.0.1").is_none());
        assert_eq!(known_versions().count(), 7);
    }

    #[test]
    fn types_are_checked() {
        let chart = chart_values("1.9.9").expect("known");
        let wrong = json!({"replicaCount": "2", "image": "x", "imagePullSecrets": [{"name": "x"}], "volumes": {}, "nodeSelector": []});
        let paths: Vec<String> = chart.check(&values(wrong)).iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(paths, ["replicaCount", "image", "imagePullSecrets", "volumes", "nodeSelector"]);
        let right =
            json!({"replicaCount": 2, "imagePullSecrets": ["x"], "volumes": false, "volumeMounts": [{}], "service": {"targetPorts": 8443}});
        assert_eq!(chart.check(&values(right)), []);
    }

    #[test]
    fn what_equals_the_default_is_left_out() {
        let chart = chart_values("1.11.0").expect("known");
        let written = json!({
            "replicaCount": 1, "serviceAccount": {"create": true, "annotations": {}}, "image": {"pullPolicy": "IfNotPresent"},
            "resources": {"limits": {"cpu": "100m", "memory": "256Mi"}}, "securityContext": {"runAsUser": 1000, "runAsNonRoot": true}
        });
        let left = json!({"serviceAccount": {"create": true}, "resources": {"limits": {"memory": "256Mi"}}, "securityContext": {"runAsNonRoot": true}});
        assert_eq!(Value::Object(chart.without_defaults(&values(written))), left);
    }
}
