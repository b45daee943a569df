//! References to issuers, in certificates and in anything else that has an `issuerRef`.

use super::called;
use crate::finding::{ISSUER_GROUP_MISSING, ISSUER_GROUP_UNKNOWN, ISSUER_IN_OTHER_NAMESPACE, ISSUER_UNRESOLVED, Level, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{CERT_MANAGER_GROUP, Issuing, Reference, STEP_CLUSTER_ISSUER, STEP_GROUP, STEP_ISSUER};
use crate::manifest::{Content, Document};
use crate::yaml::{Node, Path, Value, nearest};

/// Judges every reference, and the groups of issuers themselves.
pub(super) fn check(lint: &mut Lint<'_>) {
    for object in lint.objects.clone() {
        own_group(lint, object);
        // A reference may be a placeholder that something fills in which is not followed.
        if !lint.is_followed(object.document) {
            continue;
        }
        let Some(reference) = object.get("spec.issuerRef").and_then(Reference::of) else { continue };
        if group(lint, object, reference) && is_request(object) {
            resolution(lint, object, reference);
        }
    }
}

fn is_step_kind(kind: &str) -> bool {
    [STEP_ISSUER, STEP_CLUSTER_ISSUER].contains(&kind)
}

/// Whether cert-manager follows the reference.
fn is_request(object: Object<'_>) -> bool {
    object.is(CERT_MANAGER_GROUP, "Certificate") || object.is(CERT_MANAGER_GROUP, "CertificateRequest")
}

/// An issuer of a group that step-issuer does not have.
fn own_group(lint: &mut Lint<'_>, object: Object<'_>) {
    let identity = object.identity;
    if !is_step_kind(&identity.kind) || identity.group == STEP_GROUP {
        return;
    }
    let message = format!("there is no {} in the API group `{}`, so the API server refuses it", identity.kind, identity.group);
    let help = format!("write `apiVersion: {STEP_GROUP}/v1beta1`");
    lint.report(&ISSUER_GROUP_UNKNOWN, object.document, &Path::of(["apiVersion"]), message, help);
}

/// Whether the group of a reference is one that its kind has; if not, that is said.
fn group(lint: &mut Lint<'_>, object: Object<'_>, reference: Reference<'_>) -> bool {
    let Reference { name, kind, group } = reference;
    let help = format!("write `group: {STEP_GROUP}` beside `kind`");
    let path = Path::of(["spec", "issuerRef"]);
    if group.is_empty() && is_step_kind(kind) {
        let message = format!("the reference to the {kind} `{name}` has no group, and without one cert-manager knows only its own kinds");
        lint.report(&ISSUER_GROUP_MISSING, object.document, &path.key("group"), message, help);
        return false;
    }
    let is_near = group != STEP_GROUP && group != CERT_MANAGER_GROUP && is_like_step_group(group);
    if group != STEP_GROUP && (is_step_kind(kind) || is_near) {
        let message = format!("`{group}` is not the group of Step issuers, so nobody answers to the request");
        lint.report(&ISSUER_GROUP_UNKNOWN, object.document, &path.key("group"), message, help);
        return false;
    }
    true
}

/// Whether a group is what people write when they mean step-issuer's.
fn is_like_step_group(group: &str) -> bool {
    let is_of_smallstep = ["step.sm", "smallstep.com"]
        .iter()
        .any(|domain| group == *domain || group.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
    is_of_smallstep || nearest(group, [STEP_GROUP]).is_some()
}

fn resolution(lint: &mut Lint<'_>, object: Object<'_>, reference: Reference<'_>) {
    let path = Path::of(["spec", "issuerRef", "name"]);
    let who = if object.identity.kind == "Certificate" { called(object) } else { format!("the request `{}`", object.name()) };
    match lint.issuing(object, reference) {
        Issuing::Elsewhere(namespace) => {
            let own = object.namespace().unwrap_or_default();
            let message = format!("{who} lies in namespace `{own}`, and the StepIssuer `{}` serves only `{namespace}`", reference.name);
            let help = "use a StepClusterIssuer, or a StepIssuer in the certificate's namespace";
            lint.report(&ISSUER_IN_OTHER_NAMESPACE, object.document, &path, message, help);
        }
        Issuing::Nobody if !may_come_from_chart(lint, reference.step_kind()) => unresolved(lint, object, reference, &who, &path),
        Issuing::Nobody | Issuing::Step(_) | Issuing::Waiting | Issuing::Other => {}
    }
}

fn unresolved(lint: &mut Lint<'_>, object: Object<'_>, reference: Reference<'_>, who: &str, path: &Path) {
    let kind = reference.step_kind();
    let name = reference.name;
    // An issuer under the wrong group is said where it stands.
    let is_misplaced =
        |other: &Object<'_>| is_step_kind(&other.identity.kind) && other.identity.group != STEP_GROUP && other.name() == name;
    if lint.objects.iter().any(is_misplaced) {
        return;
    }
    let model = lint.scope.model;
    let rendered = model.issuers.values().chain(model.cluster_issuers.values()).map(|issuer| issuer.name.as_str());
    let waiting = model.waiting_issuers.iter().filter(|issuer| issuer.kind.is_step()).map(|issuer| issuer.name.as_str());
    let mut known: Vec<&str> = lint.step_issuers().map(|issuer| issuer.name()).chain(rendered).chain(waiting).collect();
    known.sort_unstable();
    known.dedup();
    let has_issuers = !known.is_empty()
        || lint.objects.iter().any(|object| object.is(CERT_MANAGER_GROUP, "Issuer") || object.is(CERT_MANAGER_GROUP, "ClusterIssuer"));
    let of_other_kind = lint.step_issuers_beside(object.document).find(|issuer| issuer.name() == name);
    let lost = lint.step_issuers().find(|issuer| issuer.name() == name && issuer.identity.kind == kind);
    known.retain(|known| *known != name);
    let help = match (of_other_kind, nearest(name, known.iter().copied())) {
        _ if lost.is_some() => format!(
            "the kustomization of `{}` takes that issuer out or changes its name: keep it, or name another one in `issuerRef`",
            object.document.root
        ),
        (Some(issuer), _) => format!("there is a {} of that name; write `kind: {}`", issuer.identity.kind, issuer.identity.kind),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) if known.is_empty() => {
            "nothing here makes issuers: look whether the cluster has it, or write it beside the certificate".to_owned()
        }
        (None, None) => format!("this environment has {}", listed(known.iter().copied())),
    };
    // What comes from elsewhere may make it.
    let level = if has_issuers && !lint.brings_more { Level::Error } else { Level::Note };
    let message = format!("{who} is to be signed by the {kind} `{name}`, which nothing in this environment makes");
    lint.report_at(level, &ISSUER_UNRESOLVED, object.document, path, (message, help));
}

/// Whether the chart of step-issuer is told to make an issuer of that kind itself, or may be: its name is the release's,
/// and values can lie where nobody looks.
fn may_come_from_chart(lint: &Lint<'_>, kind: &str) -> bool {
    let key = if kind == STEP_CLUSTER_ISSUER { "stepClusterIssuer" } else { "stepIssuer" };
    let values = lint.scope.model.step_issuer.as_ref().and_then(|step_issuer| step_issuer.values.get(key)?.get("create")?.as_bool());
    // The chart in our own component has the values of the inventory, also where an overlay takes it up.
    let is_somebodys = |document: &&Document| document.is_written() && !lint.overlays.is_of_ours(document);
    values == Some(true) || lint.scope.documents.iter().filter(is_somebodys).any(|document| may_make(document, key))
}

fn may_make(document: &Document, key: &str) -> bool {
    let charts = document.node.get("helmCharts").and_then(Node::as_list).unwrap_or_default();
    let is_inflated = document.content == Content::Kustomization && charts.iter().any(|chart| chart.get_str("name") == Some("step-issuer"));
    is_inflated || tells(&document.node, key)
}

/// Whether values of the chart stand anywhere in a tree: as a map, or as text inside an Argo CD Application.
fn tells(node: &Node, key: &str) -> bool {
    match &node.value {
        Value::Map(map) => map.iter().any(|(name, entry)| {
            let makes = name == key && entry.node.get("create").is_some_and(|create| create.value == Value::Boolean(true));
            makes || tells(&entry.node, key)
        }),
        Value::List(items) => items.iter().any(|item| tells(item, key)),
        Value::String(text) => text.contains(&format!("{key}:")) || text.contains(&format!("{key}.create")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, certificate, issuer};

    const SPEC: &str = "dnsNames: [web]\nduration: 24h0m0s";

    fn codes(sandbox: &Sandbox) -> Vec<(&'static str, Level)> {
        sandbox.lint().theirs.iter().map(|finding| (finding.rule.code, finding.level)).collect()
    }

    #[test]
    fn an_issuer_is_found_by_kind_name_and_namespace() {
        let text = certificate("web", SPEC);
        let right = Sandbox::new("").write(&issuer("StepIssuer")).write(&text);
        assert_eq!(codes(&right), []);
        // What step-issuer does not know as a kind is a StepIssuer to it.
        let loose = Sandbox::new("").write(&issuer("StepIssuer")).write(&text.replace("    kind: StepIssuer\n", ""));
        assert_eq!(codes(&loose), []);
        let elsewhere = Sandbox::new("").write(&issuer("StepIssuer").replace("namespace: web", "namespace: other")).write(&text);
        assert_eq!(codes(&elsewhere), [(ISSUER_IN_OTHER_NAMESPACE.code, Level::Error)]);
        let other_kind = Sandbox::new("").write(&issuer("StepClusterIssuer")).write(&text);
        assert_eq!(codes(&other_kind), [(ISSUER_UNRESOLVED.code, Level::Error)]);
        assert!(other_kind.lint().theirs[0].help.as_deref().is_some_and(|help| help.contains("kind: StepClusterIssuer")));
    }

    #[test]
    fn an_application_alone_may_count_on_somebody_else() {
        assert_eq!(codes(&Sandbox::new("").write(&certificate("web", SPEC))), [(ISSUER_UNRESOLVED.code, Level::Note)]);
    }

    #[test]
    fn what_comes_from_elsewhere_may_make_the_issuer() {
        let flux = |path: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: a, namespace: flux-system}}\nspec: {{path: {path}, sourceRef: {{kind: GitRepository, name: fleet}}}}\n"
            )
        };
        let level =
            |path: &str| codes(&Sandbox::new("").write(&issuer("StepClusterIssuer")).write(&certificate("web", SPEC)).write(&flux(path)));
        assert_eq!(level("./out/prod"), [(ISSUER_UNRESOLVED.code, Level::Error)]);
        assert_eq!(level("./platform/issuers"), [(ISSUER_UNRESOLVED.code, Level::Note)]);
    }

    #[test]
    fn a_folder_that_an_engine_patches_is_not_judged() {
        let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd}\nspec: {source: {path: out/prod/0, repoURL: x, kustomize: {patches: [{patch: x}]}}}\n";
        let text = certificate("web", SPEC).replace("24h0m0s", "1s");
        assert_ne!(codes(&Sandbox::new("").write(&text).write(&issuer("StepIssuer"))), []);
        assert_eq!(codes(&Sandbox::new("").write(&text).write(&issuer("StepIssuer")).write(application)), []);
    }

    #[test]
    fn what_another_program_fills_in_is_not_judged() {
        let text = certificate("web", "dnsNames: ['${NAME}']\nduration: ${DURATION}");
        for (from, to) in [
            ("namespace: web", "namespace: ${NAMESPACE}"),
            ("name: by-hand", "name: ${ISSUER}"),
            ("group: certmanager.step.sm", "group: ${GROUP}"),
        ] {
            let sandbox = Sandbox::new("").write(&issuer("StepIssuer")).write(&text.replace(from, to));
            assert_eq!(codes(&sandbox), [], "{to}");
        }
        let open = issuer("StepIssuer")
            .replace("https://step-certificates.smallstep", "https://${CA}")
            .replace("name: step-issuer\n", "name: ${PROVISIONER}\n");
        assert_eq!(codes(&Sandbox::new("").write(&open)), []);
    }

    #[test]
    fn an_issuer_that_waits_for_its_ca_is_there() {
        let entry = "issuers: {by-hand: {kind: StepIssuer, namespace: web, provisioner: {name: missing, passwordRef: {name: a}}}}\n";
        assert_eq!(codes(&Sandbox::new(entry).write(&certificate("web", SPEC))), []);
        let elsewhere = entry.replace("namespace: web", "namespace: other");
        assert_eq!(codes(&Sandbox::new(&elsewhere).write(&certificate("web", SPEC))), [(ISSUER_IN_OTHER_NAMESPACE.code, Level::Error)]);
    }

    #[test]
    fn the_chart_may_make_the_issuer() {
        let values = "stepIssuer: {namespace: smallstep, chart: {version: 1.11.0}, values: {stepIssuer: {create: true}}}\n";
        assert_eq!(codes(&Sandbox::new(values).write(&issuer("StepClusterIssuer")).write(&certificate("web", SPEC))), []);
        let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\nspec: {values: {stepIssuer: {create: true}}}\n";
        let sandbox = Sandbox::new("").write(release).write(&issuer("StepClusterIssuer")).write(&certificate("web", SPEC));
        assert_eq!(codes(&sandbox), []);
    }

    #[test]
    fn a_group_is_there_and_right() {
        let with = |group: &str| {
            let text = certificate("web", SPEC).replace("    group: certmanager.step.sm\n", group);
            codes(&Sandbox::new("").write(&issuer("StepIssuer")).write(&text))
        };
        assert_eq!(with("    group: certmanager.step.sm\n"), []);
        assert_eq!(with(""), [(ISSUER_GROUP_MISSING.code, Level::Error)]);
        for wrong in ["cert-manager.step.sm", "certmanager.smallstep.com", "cert-manager.io", "step.sm", "certmanagers.step.sm"] {
            assert_eq!(with(&format!("    group: {wrong}\n")), [(ISSUER_GROUP_UNKNOWN.code, Level::Error)], "{wrong}");
        }
    }

    #[test]
    fn groups_of_others_are_left_alone() {
        for (kind, group) in [("AWSPCAIssuer", "awspca.cert-manager.io"), ("ClusterIssuer", ""), ("Issuer", "cert-manager.io")] {
            let text = certificate("web", SPEC)
                .replace("kind: StepIssuer", &format!("kind: {kind}"))
                .replace("certmanager.step.sm", &format!("'{group}'"));
            assert_eq!(codes(&Sandbox::new("").write(&issuer("StepIssuer")).write(&text)), [], "{group}");
        }
        for like in ["cert-manager.step.sm", "certmanager.step.com", "certmanager.smallstep.com"] {
            assert!(is_like_step_group(like), "{like}");
        }
        for other in ["cert-manager.io", "example.com", "certmanager.k8s.io", ""] {
            assert!(!is_like_step_group(other), "{other}");
        }
    }

    #[test]
    fn an_issuer_of_another_group_is_told_once() {
        let wrong = issuer("StepIssuer").replace("certmanager.step.sm/v1beta1", "cert-manager.step.sm/v1beta1");
        let sandbox = Sandbox::new("").write(&wrong).write(&issuer("StepClusterIssuer")).write(&certificate("web", SPEC));
        assert_eq!(codes(&sandbox), [(ISSUER_GROUP_UNKNOWN.code, Level::Error)]);
    }

    #[test]
    fn any_object_with_a_reference_needs_the_group() {
        let request = "apiVersion: cert-manager.io/v1\nkind: CertificateRequest\nmetadata: {name: a, namespace: web}\nspec: {issuerRef: {name: by-hand, kind: StepIssuer}}\n";
        assert_eq!(codes(&Sandbox::new("").write(&issuer("StepIssuer")).write(request)), [(ISSUER_GROUP_MISSING.code, Level::Error)]);
        let other = request.replace("cert-manager.io/v1", "example.com/v1").replace("CertificateRequest", "Broker");
        assert_eq!(codes(&Sandbox::new("").write(&other)), [(ISSUER_GROUP_MISSING.code, Level::Error)]);
    }
}
