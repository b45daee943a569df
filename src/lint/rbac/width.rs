//! Roles that allow everything, and rights to write everywhere.

use crate::finding::{RBAC_CLUSTER_WIDE_WRITE, RBAC_WILDCARD};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::rights::{Binding, Right, Subject, rights};

/// Verbs that change something.
const WRITES: &[&str] = &["create", "update", "patch", "delete", "deletecollection", "*"];

/// Group and resources with which somebody who may write them everywhere can get at certificates or keys.
const SENSITIVE: &[(&str, &[&str])] = &[
    ("", &["secrets", "configmaps", "serviceaccounts"]),
    ("cert-manager.io", &["certificates", "certificaterequests", "issuers", "clusterissuers"]),
    ("certmanager.step.sm", &["stepissuers", "stepclusterissuers"]),
    ("rbac.authorization.k8s.io", &["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
];

/// Judges both.
pub(super) fn check(lint: &mut Lint<'_>) {
    let roles: Vec<Object<'_>> = lint.roles().collect();
    for right in roles.into_iter().flat_map(rights).filter(is_wildcard) {
        let has_group = |name: &str| right.words("apiGroups").any(|group| group == name);
        let what = if has_group("*") {
            "everything there is, Secrets included"
        } else if has_group("") {
            "everything in the core API, Secrets included"
        } else {
            "everything in its API groups"
        };
        let message = format!("{} `{}` allows {what}", right.role.identity.kind, right.role.name());
        let help = "name the resources and the verbs that are needed";
        lint.report(&RBAC_WILDCARD, right.role.document, &right.path, message, help);
    }
    for binding in lint.bindings().into_iter().filter(|binding| binding.is_cluster_wide) {
        cluster_wide(lint, &binding);
    }
}

/// Whether everything is allowed in an API group that matters here; an operator may own one of its own.
fn is_wildcard(right: &Right<'_>) -> bool {
    let has_star = |list: &str| right.words(list).any(|word| word == "*");
    has_star("resources") && has_star("verbs") && SENSITIVE.iter().any(|(group, _)| right.holds("apiGroups", group))
}

/// A right that is bound in every namespace. Controllers, which run for good, need such rights; what runs once does not.
fn cluster_wide(lint: &mut Lint<'_>, binding: &Binding<'_>) {
    let Some(role) = binding.role else { return };
    let Some(subject) = binding.subjects.iter().find(|subject| subject.kind == "ServiceAccount" && !runs_controller(lint, subject)) else {
        return;
    };
    for right in rights(role).filter(|right| !right.is_by_name() && !is_wildcard(right)) {
        let Some(resource) = written(&right) else { continue };
        let message =
            format!("`{}` may write `{resource}` in every namespace, by ClusterRoleBinding `{}`", subject.name, binding.object.name());
        let help = "bind the role with a RoleBinding in each namespace that needs it";
        lint.report(&RBAC_CLUSTER_WIDE_WRITE, role.document, &right.path.key("verbs"), message, help);
    }
}

/// A sensitive resource that a right allows to write.
fn written(right: &Right<'_>) -> Option<&'static str> {
    if !right.words("verbs").any(|verb| WRITES.contains(&verb)) {
        return None;
    }
    let mut all = SENSITIVE.iter().flat_map(|(group, resources)| resources.iter().map(move |resource| (*group, *resource)));
    all.find(|(group, resource)| right.holds("apiGroups", group) && right.holds("resources", resource)).map(|(_, resource)| resource)
}

/// Whether a ServiceAccount runs something for good.
pub(super) fn runs_controller(lint: &Lint<'_>, subject: &Subject<'_>) -> bool {
    lint.workloads()
        .filter(|workload| workload.is_lasting())
        .any(|workload| subject.is_account(workload.object.namespace(), workload.service_account().0))
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    fn role(rule: &str, binding: &str) -> String {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: x}}\nrules: [{{{rule}}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\nmetadata: {{name: x, namespace: web}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: x}}\nsubjects: [{{kind: ServiceAccount, name: writer, namespace: web}}]\n"
        )
    }

    fn of(code: &str, rule: &str, binding: &str, more: &str) -> usize {
        places(code, "", &[("role.yaml", &role(rule, binding)), ("more.yaml", more)]).len()
    }

    #[test]
    fn a_star_in_both_lists_is_a_wildcard() {
        let of = |rule: &str| of("rbac-wildcard", rule, "RoleBinding", "");
        assert_eq!(of("apiGroups: ['*'], resources: ['*'], verbs: ['*']"), 1);
        assert_eq!(of("apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]"), 0, "reading everything is another matter");
        assert_eq!(of("apiGroups: [''], resources: ['*'], verbs: ['*']"), 1);
        assert_eq!(of("apiGroups: [example.org], resources: ['*'], verbs: ['*']"), 0, "an operator owns its own group");
        assert_eq!(of("apiGroups: [cert-manager.io], resources: [certificates], verbs: ['*']"), 0);
    }

    #[test]
    fn writing_everywhere_is_told_of_where_nothing_lasting_needs_it() {
        let code = "rbac-cluster-wide-write";
        let rule = "apiGroups: [cert-manager.io], resources: [certificates], verbs: [get, create]";
        assert_eq!(of(code, rule, "ClusterRoleBinding", ""), 1);
        assert_eq!(of(code, rule, "RoleBinding", ""), 0);
        assert_eq!(of(code, &rule.replace("get, create", "get, list"), "ClusterRoleBinding", ""), 0);
        assert_eq!(of(code, "apiGroups: [apps], resources: [deployments], verbs: [create]", "ClusterRoleBinding", ""), 0);
        let controller = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: web}\nspec: {template: {spec: {serviceAccountName: writer}}}\n";
        assert_eq!(of(code, rule, "ClusterRoleBinding", controller), 0, "a controller needs it");
    }
}
