//! Rules about who approves requests. cert-manager's controller sets `Approved` where RBAC lets it; step-issuer signs
//! nothing else, unless it was told not to look.

use std::rc::Rc;

use super::Lint;
use super::chart::{APPROVER_POLICY_CHART, CERT_MANAGER_CHART, ChartUse};
use super::object::Object;
use super::rights::{Binding, Right, rights};
use super::trust::CERT_MANAGER_GROUP;
use super::workload::words;
use crate::catalog::STEP_ISSUER_CHART;
use crate::finding::{
    APPROVAL_CHECK_DISABLED, APPROVAL_DISABLED_WITHOUT_POLICY, APPROVER_MISSING, APPROVER_SERVICE_ACCOUNT, Finding, Level,
};
use crate::manifest::Document;
use crate::yaml::{Node, Path, Value};

/// What takes the approver out of cert-manager's controllers.
const WITHOUT_APPROVER: &str = "-certificaterequests-approver";
/// step-issuer's flag to sign what nobody approved.
const WITHOUT_CHECK: &str = "--disable-approval-check";

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let is_unchecked = approval_check(lint);
    let is_policed = has_policy_engine(lint);
    let is_disabled = approval_disabled(lint, is_policed || is_unchecked);
    // Where somebody else approves, or nobody has to, cert-manager's rights do not matter.
    if !is_unchecked && !is_policed && !is_disabled {
        approvers(lint);
    }
}

/// Reports every step-issuer that does not look at the approval; whether there is one.
fn approval_check(lint: &mut Lint<'_>) -> bool {
    const MESSAGE: &str = "step-issuer signs requests that nobody approved: whoever may create a CertificateRequest gets a certificate";
    const HELP: &str = "take it out; the chart gives cert-manager the right to approve";
    let mut found = false;
    let charts = Rc::clone(&lint.charts);
    for chart in charts.iter().filter(|chart| chart.name == STEP_ISSUER_CHART) {
        let Some(given) = chart.values.get("deployment.args.disableApprovalCheck") else { continue };
        if given.node.value == Value::Boolean(true) {
            found = true;
            lint.report(&APPROVAL_CHECK_DISABLED, given.document, &given.path, MESSAGE, HELP);
        }
    }
    let workloads: Vec<_> = lint.workloads().filter(|workload| workload.runs_image("step-issuer")).collect();
    for workload in workloads {
        let mut flags = workload.containers().flat_map(words);
        if flags.any(|word| word == WITHOUT_CHECK || word == "--disable-approval-check=true") {
            found = true;
            lint.report(
                &APPROVAL_CHECK_DISABLED,
                workload.object.document,
                &Path::of(["spec", "template", "spec", "containers"]),
                MESSAGE,
                HELP,
            );
        }
    }
    found
}

/// Whether approver-policy, or a policy for it, is in the tree.
fn has_policy_engine(lint: &Lint<'_>) -> bool {
    lint.charts.iter().any(|chart| chart.name == APPROVER_POLICY_CHART)
        || lint.objects.iter().any(|object| object.identity.group == "policy.cert-manager.io")
        || lint.workloads().any(|workload| workload.runs_image(APPROVER_POLICY_CHART))
}

/// Reports every cert-manager that approves nothing while nobody else does; whether there is one that approves nothing.
fn approval_disabled(lint: &mut Lint<'_>, is_right: bool) -> bool {
    let mut found = false;
    let charts = Rc::clone(&lint.charts);
    for chart in charts.iter().filter(|chart| chart.name == CERT_MANAGER_CHART) {
        let without = chart.values.get("extraArgs").filter(|given| {
            let words = given.node.as_list().unwrap_or_default().iter().filter_map(Node::as_str);
            words.into_iter().any(|word| word.contains(WITHOUT_APPROVER))
        });
        let disabled = chart.values.get("disableAutoApproval").filter(|given| given.node.value == Value::Boolean(true));
        let Some(given) = disabled.or(without) else { continue };
        found = true;
        if !is_right {
            let message = "cert-manager approves no request, and no policy engine is in sight that would";
            let help = "install approver-policy with a CertificateRequestPolicy beside it, or let cert-manager approve";
            lint.report(&APPROVAL_DISABLED_WITHOUT_POLICY, given.document, &given.path, message, help);
        }
    }
    found
}

/// A right to approve.
struct Grant<'a> {
    /// Names of signers, as `signers` has them; None for every one.
    signers: Option<Vec<&'a str>>,
    /// Who has it: namespace and name of a ServiceAccount; None where that is not known, or is a group.
    account: Option<(Option<String>, String)>,
    /// Whether that is cert-manager.
    is_right: bool,
    document: &'a Document,
    path: Path,
}

impl Grant<'_> {
    fn is_for(&self, issuer: Object<'_>) -> bool {
        let plural = if issuer.identity.kind == "StepIssuer" { "stepissuers" } else { "stepclusterissuers" };
        let own = match issuer.namespace().filter(|_| plural == "stepissuers") {
            Some(namespace) => format!("{plural}.certmanager.step.sm/{namespace}.{}", issuer.name()),
            None => format!("{plural}.certmanager.step.sm/{}", issuer.name()),
        };
        let all = format!("{plural}.certmanager.step.sm/*");
        self.signers.as_ref().is_none_or(|signers| signers.iter().any(|signer| *signer == own || *signer == all))
    }
}

/// Whether cert-manager may approve requests for every issuer.
fn approvers(lint: &mut Lint<'_>) {
    let charts = Rc::clone(&lint.charts);
    let grants = grants(lint, &charts);
    // What keeps a chart from being inflated is told where it is found.
    let is_of_chart = |document: &Document| lint.is_of_chart(document);
    let is_chart_to_come = lint.scope.model.inflations.contains_key(STEP_ISSUER_CHART) && !lint.scope.documents.iter().any(is_of_chart);
    let mut told: Vec<&str> = Vec::new();
    let issuers: Vec<Object<'_>> = lint.step_issuers().collect();
    for issuer in issuers {
        let fitting: Vec<&Grant<'_>> = grants.iter().filter(|grant| grant.is_for(issuer)).collect();
        if fitting.iter().any(|grant| grant.is_right) {
            continue;
        }
        match fitting.first() {
            Some(grant) => wrong_account(lint, grant),
            // Once for each kind: what is missing is one right.
            None if told.contains(&issuer.identity.kind.as_str()) || is_chart_to_come => {}
            None => {
                told.push(&issuer.identity.kind);
                missing(lint, issuer);
            }
        }
    }
}

fn missing(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let is_in_sight = |image: &str| lint.workloads().any(|workload| workload.runs_image(image));
    let is_certain = lint.charts.iter().any(|chart| chart.name == CERT_MANAGER_CHART)
        || is_in_sight("cert-manager-controller")
        || is_in_sight("step-issuer");
    let kind = &issuer.identity.kind;
    let message = match is_certain {
        true => format!("nobody may approve requests for {kind} `{}`, so they wait for ever without a word", issuer.name()),
        false => format!(
            "nothing here lets cert-manager approve requests for {kind} `{}`; the chart step-issuer would, and is not here",
            issuer.name()
        ),
    };
    let help = if issuer.document.is_written() {
        "bind cert-manager's ServiceAccount to a ClusterRole that may `approve` the `signers` of step-issuer; the inventory does it with `approver: true`"
    } else {
        "write `approver: true` into the inventory"
    };
    let place = lint.place(issuer.document, &Path::of(["metadata", "name"]));
    let level = if is_certain { Level::Error } else { Level::Note };
    lint.add(issuer.document, Finding::new(&APPROVER_MISSING, place, message).help(help).at(level));
}

fn wrong_account(lint: &mut Lint<'_>, grant: &Grant<'_>) {
    let known = &lint.scope.model.cert_manager;
    let bound = match &grant.account {
        Some((Some(namespace), name)) => format!("`{namespace}/{name}`"),
        Some((None, name)) => format!("`{name}`"),
        None => return,
    };
    let message = format!(
        "{bound} may approve requests, and cert-manager runs as `{}/{}`: they wait for ever",
        known.namespace, known.service_account
    );
    let help = "bind cert-manager's ServiceAccount; or say in the inventory where it runs, with `certManager`";
    lint.report(&APPROVER_SERVICE_ACCOUNT, grant.document, &grant.path, message, help);
}

/// Every right to approve that is in sight.
fn grants<'a>(lint: &Lint<'a>, charts: &'a [ChartUse<'a>]) -> Vec<Grant<'a>> {
    let accounts = cert_managers(lint, charts);
    let is_right = |namespace: Option<&str>, name: &str| {
        accounts.iter().any(|(other, account)| account == name && namespace.is_none_or(|namespace| namespace == other))
    };
    let mut grants: Vec<Grant<'a>> = Vec::new();
    for chart in charts {
        match chart.name {
            STEP_ISSUER_CHART => grants.push(of_chart(chart, &is_right)),
            CERT_MANAGER_CHART => grants.extend(of_cert_manager(chart)),
            _ => {}
        }
    }
    for binding in lint.bindings().into_iter().filter(|binding| binding.is_cluster_wide) {
        let Some(allowed) = allowed_by(&binding) else { continue };
        for subject in &binding.subjects {
            let covers = accounts.iter().any(|(namespace, name)| subject.covers(namespace, name));
            let account = (subject.kind == "ServiceAccount").then(|| (subject.namespace.map(str::to_owned), subject.name.to_owned()));
            if covers || allowed.is_explicit {
                grants.push(Grant {
                    signers: allowed.signers.clone(),
                    account,
                    is_right: covers,
                    document: binding.object.document,
                    path: subject.path.key("name"),
                });
            }
        }
    }
    grants
}

/// What a binding lets somebody approve.
struct Allowed<'a> {
    /// Names of signers; None for every one.
    signers: Option<Vec<&'a str>>,
    /// Whether it is about approval. A right to everything is somebody's own, and no wrong right to approve.
    is_explicit: bool,
}

/// None for a binding that has nothing to do with approval. A role that is not in the tree, or that is made of others, may
/// allow it.
fn allowed_by<'a>(binding: &Binding<'a>) -> Option<Allowed<'a>> {
    let Some(role) = binding.role.filter(|role| role.get("aggregationRule").is_none()) else {
        let is_built_in = ["view", "edit", "admin"].contains(&binding.object.text("roleRef.name").unwrap_or_default());
        return (!is_built_in).then_some(Allowed { signers: None, is_explicit: false });
    };
    let fitting: Vec<Right<'a>> = rights(role).filter(|right| right.allows(CERT_MANAGER_GROUP, "signers", "approve")).collect();
    if fitting.is_empty() {
        return None;
    }
    let is_open = fitting.iter().any(|right| !right.is_by_name());
    let names = fitting.iter().flat_map(|right| right.words("resourceNames")).collect();
    let is_explicit = fitting.iter().any(|right| right.words("resources").any(|resource| resource == "signers"));
    Some(Allowed { signers: (!is_open).then_some(names), is_explicit })
}

/// Where cert-manager runs: as the inventory says, and as its chart in the tree does.
fn cert_managers(lint: &Lint<'_>, charts: &[ChartUse<'_>]) -> Vec<(String, String)> {
    let known = &lint.scope.model.cert_manager;
    let mut accounts = vec![(known.namespace.clone(), known.service_account.clone())];
    for chart in charts.iter().filter(|chart| chart.name == CERT_MANAGER_CHART) {
        let name = chart.values.text("serviceAccount.name").map(str::to_owned).or_else(|| chart.fullname());
        let namespace = chart.values.text("namespace").or(chart.namespace);
        accounts.extend(namespace.map(str::to_owned).zip(name));
    }
    accounts
}

/// The approver of the chart step-issuer, for both kinds, bound to `certManager.serviceAccount`.
fn of_chart<'a>(chart: &'a ChartUse<'a>, is_right: &dyn Fn(Option<&str>, &str) -> bool) -> Grant<'a> {
    let text = |key: &str| chart.values.text(&format!("certManager.serviceAccount.{key}")).unwrap_or("cert-manager");
    let (namespace, name) = (text("namespace"), text("name"));
    let written = ["name", "namespace"].into_iter().find_map(|key| chart.values.get(&format!("certManager.serviceAccount.{key}")));
    let is_known = written.is_some() || chart.values.are_complete();
    let (document, path) = match written {
        Some(given) => (given.document, given.path),
        None => chart.place_for("certManager.serviceAccount.name"),
    };
    Grant {
        signers: None,
        account: Some((Some(namespace.to_owned()), name.to_owned())),
        is_right: !is_known || is_right(Some(namespace), name),
        document,
        path,
    }
}

/// `approveSignerNames` of cert-manager's own chart: an empty list is every signer.
fn of_cert_manager<'a>(chart: &'a ChartUse<'a>) -> Option<Grant<'a>> {
    let given = chart.values.get("approveSignerNames")?;
    let names: Vec<&'a str> = given.node.as_list()?.iter().filter_map(Node::as_str).collect();
    let signers = (!names.is_empty()).then_some(names);
    Some(Grant { signers, account: None, is_right: true, document: given.document, path: given.path })
}

#[cfg(test)]
mod tests {
    use crate::finding::Level;
    use crate::lint::testing::found;

    const ISSUER: &str = "apiVersion: certmanager.step.sm/v1beta1\nkind: StepIssuer\nmetadata: {name: step-issuer, namespace: smallstep}\n";
    const CONTROLLER: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: smallstep}\nspec: {template: {spec: {containers: [{name: manager, image: 'cr.smallstep.com/smallstep/step-issuer:0.11.0', args: [ARGS]}]}}}\n";

    fn of(inventory: &str, files: &[(&str, &str)]) -> Vec<(&'static str, Level)> {
        let all: Vec<(&str, &str)> = [("issuer.yaml", ISSUER)].into_iter().chain(files.iter().copied()).collect();
        let approval = |code: &str| code.starts_with("approv");
        found(inventory, &all).into_iter().filter(|(code, ..)| approval(code)).map(|(code, level, _)| (code, level)).collect()
    }

    fn role(signer: &str, account: &str) -> String {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: approver}}\nrules: [{{apiGroups: [cert-manager.io], resources: [signers], verbs: [approve], resourceNames: ['{signer}']}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: approver}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: approver}}\nsubjects: [{{kind: ServiceAccount, {account}}}]\n"
        )
    }

    fn chart(name: &str, values: &str) -> String {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: {name}}}\nspec:\n  chart: {{spec: {{chart: {name}, version: 1.11.0}}}}\n  values: {values}\n"
        )
    }

    #[test]
    fn a_controller_without_a_right_to_approve_waits_for_ever() {
        assert_eq!(of("", &[]), [("approver-missing", Level::Note)], "the chart may be elsewhere");
        let inflated = "delivery: manifests\nstepIssuer: {namespace: smallstep, chart: {version: 1.11.0}}\n";
        assert_eq!(of(inflated, &[("controller.yaml", &CONTROLLER.replace("ARGS", ""))]), [], "the chart was not inflated");
        assert_eq!(of("", &[("controller.yaml", &CONTROLLER.replace("ARGS", ""))]), [("approver-missing", Level::Error)]);
        assert_eq!(of("", &[("chart.yaml", &chart("cert-manager", "{}"))]), [("approver-missing", Level::Error)]);
    }

    #[test]
    fn every_way_to_give_the_right_counts() {
        let account = "name: cert-manager, namespace: cert-manager";
        for signer in ["stepissuers.certmanager.step.sm/*", "stepissuers.certmanager.step.sm/smallstep.step-issuer"] {
            assert_eq!(of("", &[("role.yaml", &role(signer, account))]), [], "{signer}");
        }
        assert_eq!(of("", &[("chart.yaml", &chart("step-issuer", "{}"))]), []);
        assert_eq!(of("", &[("chart.yaml", &chart("cert-manager", "{approveSignerNames: []}"))]), []);
        assert_eq!(of("", &[("chart.yaml", &chart("cert-manager", "{approveSignerNames: ['stepissuers.certmanager.step.sm/*']}"))]), []);
        let group = role("stepissuers.certmanager.step.sm/*", account).replace(
            "kind: ServiceAccount, name: cert-manager, namespace: cert-manager",
            "kind: Group, name: 'system:serviceaccounts:cert-manager'",
        );
        assert_eq!(of("", &[("role.yaml", &group)]), []);
    }

    #[test]
    fn a_right_for_other_signers_is_none() {
        let other = role("clusterissuers.cert-manager.io/*", "name: cert-manager, namespace: cert-manager");
        assert_eq!(of("", &[("role.yaml", &other)]), [("approver-missing", Level::Note)]);
    }

    #[test]
    fn the_right_must_be_cert_managers() {
        let role = role("stepissuers.certmanager.step.sm/*", "name: controller, namespace: pki");
        assert_eq!(of("", &[("role.yaml", &role)]), [("approver-service-account", Level::Warning)]);
        assert_eq!(of("certManager: {namespace: pki, serviceAccount: controller}\n", &[("role.yaml", &role)]), []);
        let chart = chart("step-issuer", "{certManager: {serviceAccount: {namespace: pki}}}");
        assert_eq!(of("", &[("chart.yaml", &chart)]), [("approver-service-account", Level::Warning)]);
        assert_eq!(of("certManager: {namespace: pki}\n", &[("chart.yaml", &chart)]), []);
    }

    #[test]
    fn a_right_to_everything_is_no_wrong_right_to_approve() {
        let all = |account: &str| {
            role("x", account).replace("[cert-manager.io]", "['*']").replace("[signers]", "['*']").replace(", resourceNames: ['x']", "")
        };
        let chart = chart("cert-manager", "{}");
        let of = |account: &str| of("", &[("role.yaml", &all(account)), ("chart.yaml", &chart)]);
        assert_eq!(of("name: argocd, namespace: argocd"), [("approver-missing", Level::Error)]);
        assert_eq!(of("name: cert-manager, namespace: cert-manager"), []);
    }

    #[test]
    fn a_role_that_is_not_in_the_tree_may_allow_it() {
        let role = role("x", "name: cert-manager, namespace: cert-manager");
        let binding = role.split_once("---\n").map(|(_, binding)| binding).unwrap_or_default();
        assert_eq!(of("", &[("binding.yaml", binding)]), []);
        assert_eq!(
            of("", &[("binding.yaml", &binding.replace("name: approver}\nsubjects", "name: view}\nsubjects"))]),
            [("approver-missing", Level::Note)]
        );
    }

    #[test]
    fn a_disabled_check_needs_no_right_and_is_told_of() {
        let unchecked = CONTROLLER.replace("ARGS", "--disable-approval-check");
        assert_eq!(of("", &[("controller.yaml", &unchecked)]), [("approval-check-disabled", Level::Warning)]);
        assert_eq!(
            of("", &[("controller.yaml", &CONTROLLER.replace("ARGS", "--disable-approval-check=false"))]),
            [("approver-missing", Level::Error)]
        );
    }

    #[test]
    fn cert_manager_may_leave_approval_to_a_policy_engine() {
        let disabled = chart("cert-manager", "{disableAutoApproval: true}");
        let issuer = chart("step-issuer", "{}");
        let expected = [("approval-disabled-without-policy", Level::Warning)];
        assert_eq!(of("", &[("chart.yaml", &disabled), ("issuer-chart.yaml", &issuer)]), expected);
        let by_flag = chart("cert-manager", "{extraArgs: ['--controllers=*,-certificaterequests-approver']}");
        assert_eq!(of("", &[("chart.yaml", &by_flag)]), expected);
        let policy = "apiVersion: policy.cert-manager.io/v1alpha1\nkind: CertificateRequestPolicy\nmetadata: {name: x}\n";
        assert_eq!(of("", &[("chart.yaml", &disabled), ("policy.yaml", policy)]), []);
        assert_eq!(of("", &[("chart.yaml", &chart("cert-manager", "{disableAutoApproval: false}")), ("issuer-chart.yaml", &issuer)]), []);
    }
}
