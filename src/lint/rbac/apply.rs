//! `kubectl apply` by a ServiceAccount that may create and not patch: the first run works, the next one that changes
//! something is forbidden.

use crate::finding::RBAC_APPLY_NEEDS_PATCH;
use crate::lint::Lint;
use crate::lint::rights::{Binding, Right, rights};
use crate::lint::workload::{Workload, words};
use crate::yaml::Node;

/// Judges everything that runs once or now and then.
pub(super) fn check(lint: &mut Lint<'_>) {
    let bindings = lint.bindings();
    let workloads: Vec<Workload<'_>> = lint.workloads().filter(|workload| !workload.is_lasting()).collect();
    for workload in workloads {
        let scripts: Vec<String> = workload.containers().filter_map(script).collect();
        if scripts.is_empty() {
            continue;
        }
        let Some(known) = rights_of(&bindings, &workload) else { continue };
        judge(lint, &workload, &scripts.join("\n"), &known);
    }
}

/// What a container runs, where that applies something.
fn script(container: &Node) -> Option<String> {
    let text = words(container).collect::<Vec<_>>().join(" ");
    let applies = text.split("kubectl").skip(1).any(|call| {
        let line = call.split(['\n', ';', '|', '&']).next().unwrap_or_default();
        line.split_whitespace().any(|word| word == "apply") && !line.contains("--dry-run")
    });
    applies.then_some(text)
}

/// Everything that its ServiceAccount may do; None where a part of that is not in the tree.
fn rights_of<'a>(bindings: &[Binding<'a>], workload: &Workload<'a>) -> Option<Vec<Right<'a>>> {
    let (account, _) = workload.service_account();
    let namespace = workload.object.namespace();
    let fitting = bindings.iter().filter(|binding| {
        let group = |name: &str| name.starts_with("system:serviceaccounts") || name == "system:authenticated";
        binding.subjects.iter().any(|subject| subject.is_account(namespace, account) || subject.kind == "Group" && group(subject.name))
    });
    let mut known = Vec::new();
    for binding in fitting {
        let role = binding.role.filter(|role| role.get("aggregationRule").is_none())?;
        known.extend(rights(role));
    }
    (!known.is_empty()).then_some(known)
}

fn judge(lint: &mut Lint<'_>, workload: &Workload<'_>, script: &str, known: &[Right<'_>]) {
    let applied = resources(script);
    for right in known.iter().filter(|right| right.holds("verbs", "create")) {
        let groups: Vec<&str> = right.words("apiGroups").collect();
        let lacking = right.words("resources").find(|resource| {
            let is_patched = known.iter().any(|other| groups.iter().any(|group| other.allows(group, resource, "patch")));
            applied.iter().any(|name| name == resource) && !is_patched
        });
        let Some(resource) = lacking else { continue };
        let (account, _) = workload.service_account();
        let message = format!(
            "{} `{}` runs `kubectl apply` as `{account}`, which may create `{resource}` and not `patch` them: the second run that changes one is forbidden",
            workload.object.identity.kind,
            workload.object.name()
        );
        lint.report(&RBAC_APPLY_NEEDS_PATCH, right.role.document, &right.path.key("verbs"), message, "add `patch` to the verbs");
    }
}

/// The resources that a script applies, as far as it says so itself: manifests in it, and what `kubectl create` prints.
fn resources(script: &str) -> Vec<String> {
    let kinds = script.lines().filter_map(|line| line.trim().strip_prefix("kind:"));
    let kinds = kinds.map(|kind| plural(&kind.trim().trim_matches(['"', '\'']).to_ascii_lowercase()));
    let created = script.split("kubectl create ").skip(1).filter_map(|rest| rest.split_whitespace().find(|word| !word.starts_with('-')));
    kinds.chain(created.map(|word| plural(&word.to_ascii_lowercase()))).collect()
}

/// The name of a kind's resource.
fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if kind.ends_with('s') => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{plural, resources};
    use crate::lint::testing::places;

    fn of(verbs: &str, command: &str) -> Vec<String> {
        let text = format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: x, namespace: web}}\nspec:\n  template:\n    spec:\n      serviceAccountName: writer\n      containers:\n        - command: [/bin/sh, -c]\n          args:\n            - |\n              {command}\n              apiVersion: certmanager.step.sm/v1beta1\n              kind: StepIssuer\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: x, namespace: web}}\nrules:\n  - apiGroups: [certmanager.step.sm]\n    resources: [stepissuers]\n    verbs: [{verbs}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: x, namespace: web}}\nroleRef: {{kind: Role, name: x}}\nsubjects: [{{kind: ServiceAccount, name: writer, namespace: web}}]\n"
        );
        places("rbac-apply-needs-patch", "", &[("job.yaml", &text)])
    }

    #[test]
    fn whoever_applies_must_be_allowed_to_patch() {
        let apply = "cat <<EOF | kubectl -n web apply -f -";
        assert_eq!(of("get, create, update", apply), ["22:5"]);
        assert_eq!(of("get, create, patch", apply), [""; 0]);
        assert_eq!(of("'*'", apply), [""; 0]);
        assert_eq!(of("get", apply), [""; 0], "it applies something else, or fails at once");
        assert_eq!(of("get, create, update", "cat <<EOF | kubectl create -f -"), [""; 0]);
        assert_eq!(of("get, create, update", "kubectl apply --dry-run=server -f x"), [""; 0]);
    }

    #[test]
    fn what_is_applied_is_read_from_the_script() {
        let script =
            "kubectl create secret generic x --dry-run=client -o yaml | kubectl apply -f -\nkind: NetworkPolicy\nkind: \"Ingress\"";
        assert_eq!(resources(script), ["networkpolicies", "ingresses", "secrets"]);
        assert_eq!(plural("gateway"), "gateways");
    }
}
