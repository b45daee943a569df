//! Rights to read where the CA keeps its keys.

use super::width::runs_controller;
use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART};
use crate::finding::RBAC_REACHES_CA_KEYS;
use crate::lint::Lint;
use crate::lint::chart::ChartUse;
use crate::lint::rights::{Binding, Right, Subject, rights};

/// A release of the chart step-certificates.
pub(super) struct Release {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) fullname: String,
    /// Whether the keys lie in a ConfigMap, as the chart's bootstrap leaves them.
    keys_in_config_map: bool,
}

/// The authorities of the inventory, and the chart's releases in the tree.
pub(super) fn releases(lint: &Lint<'_>) -> Vec<Release> {
    let charts = || lint.charts.iter().filter(|chart| chart.name == STEP_CERTIFICATES_CHART);
    let is_bootstrapped = |namespace: &str| {
        let mut near = charts().filter(|chart| chart.namespace == Some(namespace));
        !near.any(|chart| ["inject.enabled", "existingSecrets.enabled"].into_iter().any(|value| chart.values.is_true(value)))
    };
    let known = lint.scope.model.authorities.values().map(|authority| Release {
        namespace: authority.namespace.clone(),
        name: authority.release.clone(),
        fullname: authority.fullname.clone(),
        keys_in_config_map: is_bootstrapped(&authority.namespace),
    });
    let mut releases: Vec<Release> = known.collect();
    for chart in charts() {
        let Some((namespace, fullname)) = chart.namespace.zip(chart.fullname()) else { continue };
        if !releases.iter().any(|known| known.namespace == namespace && known.fullname == fullname) {
            let name = chart.release.clone().unwrap_or_default();
            releases.push(Release { namespace: namespace.to_owned(), name, fullname, keys_in_config_map: is_bootstrapped(namespace) });
        }
    }
    releases
}

/// Judges every binding that holds where a CA lies.
pub(super) fn check(lint: &mut Lint<'_>) {
    let releases = releases(lint);
    for binding in lint.bindings() {
        let here = |release: &&Release| binding.is_cluster_wide || binding.object.namespace() == Some(release.namespace.as_str());
        let Some(role) = binding.role else { continue };
        let Some(subject) = binding.subjects.iter().find(|subject| !is_expected(lint, subject)) else { continue };
        for release in releases.iter().filter(here) {
            if let Some((right, resource)) =
                rights(role).find_map(|right| Some((right.clone(), reached(lint, &right, &binding, subject, release)?)))
            {
                report(lint, &binding, subject, &right, resource, release);
                break;
            }
        }
    }
}

/// cert-manager writes Secrets and step-issuer reads them, wherever they are.
fn is_expected(lint: &Lint<'_>, subject: &Subject<'_>) -> bool {
    let known = &lint.scope.model.cert_manager;
    let is_issuer =
        || lint.charts.iter().any(|chart| chart.name == STEP_ISSUER_CHART && account_of(chart).as_deref() == Some(subject.name));
    subject.is_account(Some(&known.namespace), &known.service_account) || is_issuer()
}

/// The ServiceAccount that the controller's chart gives its rights to.
fn account_of(chart: &ChartUse<'_>) -> Option<String> {
    chart.values.text("serviceAccount.name").map(str::to_owned).or_else(|| chart.fullname())
}

/// The resource through which a right reaches the keys.
fn reached(lint: &Lint<'_>, right: &Right<'_>, binding: &Binding<'_>, subject: &Subject<'_>, release: &Release) -> Option<&'static str> {
    let reads = |verbs: &[&str]| verbs.iter().any(|verb| right.holds("verbs", verb));
    let is_core = |resource: &str| right.holds("apiGroups", "") && right.holds("resources", resource);
    let fullname = &release.fullname;
    let named = |names: &[String]| right.words("resourceNames").any(|name| names.iter().any(|known| known == name));
    // Controllers that read everywhere, such as those of a GitOps engine, were meant to.
    let is_controller = runs_controller(lint, subject);
    let is_open = !right.is_by_name() && reads(&["get", "list", "watch"]) && !(binding.is_cluster_wide && is_controller);
    let secrets = [format!("{fullname}-secrets"), format!("{fullname}-ca-password")];
    if is_core("secrets") && (is_open || reads(&["get"]) && named(&secrets)) {
        return Some("secrets");
    }
    // Half of what runs in a cluster reads all ConfigMaps; beside the CA, that is another matter.
    let is_near = !binding.is_cluster_wide || subject.namespace == Some(release.namespace.as_str());
    let is_open = is_open && is_near && !is_controller;
    let is_config_map = release.keys_in_config_map && is_core("configmaps");
    (is_config_map && (is_open || reads(&["get"]) && named(&secrets[..1]))).then_some("configmaps")
}

fn report(lint: &mut Lint<'_>, binding: &Binding<'_>, subject: &Subject<'_>, right: &Right<'_>, resource: &str, release: &Release) {
    let Release { namespace, fullname, .. } = release;
    let what = match resource {
        "secrets" => format!("the Secrets of namespace `{namespace}`, among them the password of the CA's keys (`{fullname}-ca-password`)"),
        _ => format!(
            "the ConfigMaps of namespace `{namespace}`; after the chart's bootstrap `{fullname}-secrets`, a ConfigMap, holds the CA's keys"
        ),
    };
    let message = format!("{} `{}` may read {what}", subject.kind, subject.name);
    let help = match binding.is_cluster_wide {
        true => "name the objects with `resourceNames`, and bind the role in the namespaces that need it",
        false => "name the objects that are needed with `resourceNames`",
    };
    lint.report(&RBAC_REACHES_CA_KEYS, right.role.document, &right.path.key("resources"), message, help);
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    const AUTHORITY: &str = "authorities: {internal: {namespace: smallstep}}\n";

    fn role(rule: &str, namespace: &str, account: &str) -> String {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: x, namespace: {namespace}}}\nrules: [{{apiGroups: [''], {rule}}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: x, namespace: {namespace}}}\nroleRef: {{kind: Role, name: x}}\nsubjects: [{{kind: ServiceAccount, {account}}}]\n"
        )
    }

    fn of(rule: &str, namespace: &str, more: &str) -> usize {
        let role = role(rule, namespace, "name: reader, namespace: web");
        places("rbac-reaches-ca-keys", AUTHORITY, &[("role.yaml", &role), ("more.yaml", more)]).len()
    }

    #[test]
    fn secrets_beside_the_ca_are_read_by_name_or_not_at_all() {
        assert_eq!(of("resources: [secrets], verbs: [get]", "smallstep", ""), 1);
        assert_eq!(of("resources: [secrets], verbs: [get], resourceNames: [step-certificates-ca-password]", "smallstep", ""), 1);
        assert_eq!(of("resources: [secrets], verbs: [get], resourceNames: [step-certificates-certs]", "smallstep", ""), 0);
        assert_eq!(of("resources: [secrets], verbs: [get]", "web", ""), 0);
        assert_eq!(of("resources: [secrets], verbs: [create]", "smallstep", ""), 0, "whoever only writes reads nothing");
    }

    #[test]
    fn config_maps_hold_the_keys_after_the_bootstrap_only() {
        let rule = "resources: [configmaps], verbs: [get, list]";
        assert_eq!(of(rule, "smallstep", ""), 1);
        let release = |values: &str| {
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: step-certificates, namespace: smallstep}}\nspec:\n  chart: {{spec: {{chart: step-certificates, version: 1.30.1}}}}\n  values: {values}\n"
            )
        };
        assert_eq!(of(rule, "smallstep", &release("{inject: {enabled: true}}")), 0);
        assert_eq!(of(rule, "smallstep", &release("{}")), 1);
        assert_eq!(of("resources: [configmaps], verbs: [get], resourceNames: [step-certificates-config]", "smallstep", ""), 0);
    }

    #[test]
    fn cert_manager_reads_secrets_everywhere() {
        let role = role("resources: [secrets], verbs: [get, list]", "smallstep", "name: cert-manager, namespace: cert-manager");
        assert_eq!(places("rbac-reaches-ca-keys", AUTHORITY, &[("role.yaml", &role)]), [""; 0]);
    }

    #[test]
    fn a_controller_that_reads_everywhere_was_meant_to() {
        let role = role("resources: [secrets], verbs: [get, list]", "smallstep", "name: reader, namespace: web");
        let wide = role
            .replace("kind: RoleBinding", "kind: ClusterRoleBinding")
            .replace("kind: Role\n", "kind: ClusterRole\n")
            .replace("kind: Role,", "kind: ClusterRole,");
        let of = |role: &str, more: &str| places("rbac-reaches-ca-keys", AUTHORITY, &[("role.yaml", role), ("more.yaml", more)]).len();
        let controller = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: web}\nspec: {template: {spec: {serviceAccountName: reader}}}\n";
        assert_eq!(of(&wide, ""), 1);
        assert_eq!(of(&wide, controller), 0);
        assert_eq!(of(&role, controller), 1, "just there is another matter");
        let maps = |role: &str| role.replace("[secrets]", "[configmaps]");
        assert_eq!(of(&maps(&wide), ""), 0);
        assert_eq!(of(&maps(&wide).replace("namespace: web}", "namespace: smallstep}"), ""), 1);
    }
}
