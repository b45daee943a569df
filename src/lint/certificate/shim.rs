//! Annotations by which cert-manager makes certificates for an Ingress or a Gateway: for a Step issuer it takes three of
//! them, and the one for cluster issuers is never among them.
//!
//! Source: `issuerForIngressLike` in `pkg/controller/certificate-shim/sync.go` of cert-manager 1.21.

use crate::finding::INGRESS_ISSUER_ANNOTATION;
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{CERT_MANAGER_GROUP, STEP_CLUSTER_ISSUER, STEP_GROUP, STEP_ISSUER};
use crate::yaml::Path;

const ISSUER: &str = "cert-manager.io/issuer";
const CLUSTER_ISSUER: &str = "cert-manager.io/cluster-issuer";
const KIND: &str = "cert-manager.io/issuer-kind";
const GROUP: &str = "cert-manager.io/issuer-group";

/// Judges every Ingress and Gateway.
pub(super) fn check(lint: &mut Lint<'_>) {
    for object in lint.objects.clone() {
        if is_watched(object) && lint.is_followed(object.document) {
            annotations(lint, object);
        }
    }
}

fn is_watched(object: Object<'_>) -> bool {
    [("networking.k8s.io", "Ingress"), ("extensions", "Ingress"), ("gateway.networking.k8s.io", "Gateway")]
        .iter()
        .any(|(group, kind)| object.is(group, kind))
}

fn annotations(lint: &mut Lint<'_>, object: Object<'_>) {
    let value = |wanted: &str| object.annotations().find(|(key, ..)| *key == wanted).map(|(_, _, value)| value);
    let (kind, group) = (value(KIND), value(GROUP));
    let report = |lint: &mut Lint<'_>, annotation: &str, message: String, kind: &str, name: &str| {
        let help = format!("write three annotations: `{ISSUER}: {name}`, `{KIND}: {kind}` and `{GROUP}: {STEP_GROUP}`");
        let path = Path::of(["metadata", "annotations", annotation]);
        lint.report(&INGRESS_ISSUER_ANNOTATION, object.document, &path, message, help);
    };
    let whose = format!("the {} `{}`", object.identity.kind, object.name());
    if let Some(name) = value(CLUSTER_ISSUER)
        && !has_own_issuer(lint, object, "ClusterIssuer", name)
        && let Some(step) = step_kind(lint, object, name)
    {
        let message = format!("`{CLUSTER_ISSUER}` of {whose} means a ClusterIssuer of cert-manager's own, and `{name}` is a {step}");
        report(lint, CLUSTER_ISSUER, message, step, name);
        return;
    }
    let Some(name) = value(ISSUER) else { return };
    // Whoever writes a kind of step-issuer means one, also where it lies elsewhere.
    let meant = [STEP_ISSUER, STEP_CLUSTER_ISSUER].into_iter().find(|step| kind == Some(*step));
    let Some(step) = step_kind(lint, object, name).or(meant) else { return };
    let looks_for = if kind == Some(STEP_CLUSTER_ISSUER) { STEP_CLUSTER_ISSUER } else { STEP_ISSUER };
    if group == Some(STEP_GROUP) && looks_for == step {
        return;
    }
    let is_meant = meant.is_some() || group == Some(STEP_GROUP);
    if !is_meant && (group.is_some_and(|group| group != CERT_MANAGER_GROUP) || has_own_issuer(lint, object, kind.unwrap_or("Issuer"), name))
    {
        return;
    }
    let message = match group {
        Some(STEP_GROUP) => format!("{whose} names `{name}` as a {looks_for}, and it is a {step}"),
        Some(other) => format!("{whose} looks for the {step} `{name}` in the group `{other}`"),
        None => format!("{whose} names the {step} `{name}` without its group, so cert-manager looks for it among its own issuers"),
    };
    report(lint, ISSUER, message, step, name);
}

/// The kind of the Step issuer of that name which could serve the object; None where there is none.
fn step_kind(lint: &Lint<'_>, object: Object<'_>, name: &str) -> Option<&'static str> {
    let serves = |issuer: &Object<'_>| {
        issuer.identity.kind == STEP_CLUSTER_ISSUER || issuer.namespace().zip(object.namespace()).is_none_or(|(issuer, own)| issuer == own)
    };
    let mut fitting: Vec<&'static str> = lint
        .step_issuers()
        .filter(|issuer| issuer.name() == name && serves(issuer))
        .map(|issuer| if issuer.identity.kind == STEP_CLUSTER_ISSUER { STEP_CLUSTER_ISSUER } else { STEP_ISSUER })
        .collect();
    // With both, whatever is written means one of them.
    fitting.dedup();
    match fitting.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// Whether cert-manager has an issuer of its own with that name among the objects.
fn has_own_issuer(lint: &Lint<'_>, object: Object<'_>, kind: &str, name: &str) -> bool {
    lint.objects.iter().any(|issuer| {
        issuer.identity.group == CERT_MANAGER_GROUP
            && issuer.identity.kind == kind
            && issuer.name() == name
            && (kind == "ClusterIssuer" || issuer.namespace() == object.namespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, issuer};

    fn ingress(annotations: &[(&str, &str)]) -> String {
        let lines: String = annotations.iter().map(|(key, value)| format!("    {key}: {value}\n")).collect();
        format!("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  namespace: web\n  annotations:\n{lines}")
    }

    fn found(kind: &str, annotations: &[(&str, &str)]) -> usize {
        let text = ingress(annotations);
        let gateway = text.replace("networking.k8s.io/v1", "gateway.networking.k8s.io/v1").replace("Ingress", "Gateway");
        let count = |text: &str| Sandbox::new("").write(&issuer(kind)).write(text).found(&INGRESS_ISSUER_ANNOTATION).len();
        assert_eq!(count(&text), count(&gateway));
        count(&text)
    }

    #[test]
    fn three_annotations_lead_to_a_step_issuer() {
        for kind in ["StepIssuer", "StepClusterIssuer"] {
            assert_eq!(found(kind, &[(ISSUER, "by-hand"), (KIND, kind), (GROUP, STEP_GROUP)]), 0);
        }
        // Without a kind, step-issuer looks for a StepIssuer.
        assert_eq!(found("StepIssuer", &[(ISSUER, "by-hand"), (GROUP, STEP_GROUP)]), 0);
        assert_eq!(found("StepClusterIssuer", &[(ISSUER, "by-hand"), (GROUP, STEP_GROUP)]), 1);
        assert_eq!(found("StepIssuer", &[(ISSUER, "by-hand"), (KIND, "StepIssuer")]), 1);
        assert_eq!(found("StepIssuer", &[(ISSUER, "by-hand")]), 1);
        assert_eq!(found("StepClusterIssuer", &[(CLUSTER_ISSUER, "by-hand")]), 1);
        assert_eq!(found("StepClusterIssuer", &[(CLUSTER_ISSUER, "by-hand"), (KIND, "StepClusterIssuer"), (GROUP, STEP_GROUP)]), 1);
    }

    #[test]
    fn issuers_of_cert_manager_and_of_others_are_left_alone() {
        assert_eq!(found("StepIssuer", &[(CLUSTER_ISSUER, "letsencrypt")]), 0);
        assert_eq!(found("StepIssuer", &[(ISSUER, "elsewhere"), (KIND, "StepIssuer"), (GROUP, STEP_GROUP)]), 0);
        assert_eq!(found("StepIssuer", &[(ISSUER, "elsewhere"), (KIND, "StepIssuer")]), 1);
        assert_eq!(found("StepIssuer", &[(ISSUER, "by-hand"), (GROUP, "awspca.cert-manager.io"), (KIND, "AWSPCAIssuer")]), 0);
        let own = "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: by-hand}\nspec: {selfSigned: {}}\n";
        let sandbox = Sandbox::new("").write(&issuer("StepClusterIssuer")).write(own).write(&ingress(&[(CLUSTER_ISSUER, "by-hand")]));
        assert_eq!(sandbox.found(&INGRESS_ISSUER_ANNOTATION), [""; 0]);
    }
}
