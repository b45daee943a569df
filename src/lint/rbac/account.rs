//! The ServiceAccount of the chart step-certificates, which `helm upgrade` takes away.

use super::keys::releases;
use crate::catalog::STEP_CERTIFICATES_CHART;
use crate::finding::SERVICE_ACCOUNT_VANISHES;
use crate::lint::Lint;
use crate::lint::chart::Engine;

/// Nobody else may use it.
pub(super) fn check(lint: &mut Lint<'_>) {
    let mut found = Vec::new();
    let bindings = lint.bindings();
    for release in releases(lint) {
        let names = [format!("{}-config", release.fullname), format!("{}-config", release.name)];
        if stays(lint, &release.namespace, &names) {
            continue;
        }
        let is_here = |namespace: Option<&str>| namespace.is_none_or(|namespace| namespace == release.namespace);
        for workload in lint.workloads().filter(|workload| is_here(workload.object.namespace())) {
            let (account, path) = workload.service_account();
            if names.iter().any(|name| name == account) {
                found.push((workload.object, path, account.to_owned()));
            }
        }
        for binding in &bindings {
            let subject =
                binding.subjects.iter().find(|subject| names.iter().any(|name| subject.is_account(Some(&release.namespace), name)));
            found.extend(subject.map(|subject| (binding.object, subject.path.key("name"), subject.name.to_owned())));
        }
    }
    for (object, path, account) in found {
        let message = format!(
            "{} `{}` uses ServiceAccount `{account}`, which the chart step-certificates makes at its install and `helm upgrade` takes away",
            object.identity.kind,
            object.name()
        );
        let help = "make a ServiceAccount of its own for it";
        lint.report(&SERVICE_ACCOUNT_VANISHES, object.document, &path, message, help);
    }
}

/// Whether the account stays: somebody makes it, or the chart is built as if each time were the first.
fn stays(lint: &Lint<'_>, namespace: &str, names: &[String]) -> bool {
    let is_made = lint
        .objects_of("", "ServiceAccount")
        .any(|account| account.namespace().is_none_or(|own| own == namespace) && names.iter().any(|name| name == account.name()));
    let is_built = lint.charts.iter().any(|chart| {
        let is_near = chart.namespace.is_none_or(|own| own == namespace);
        chart.name == STEP_CERTIFICATES_CHART && is_near && chart.engine != Engine::Flux
    });
    is_made || is_built
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    const AUTHORITY: &str = "authorities: {internal: {namespace: smallstep, release: ca}}\n";

    fn of(account: &str, namespace: &str, more: &str) -> usize {
        let job = format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: x, namespace: {namespace}}}\nspec: {{template: {{spec: {{serviceAccountName: {account}}}}}}}\n"
        );
        places("service-account-vanishes", AUTHORITY, &[("job.yaml", &job), ("more.yaml", more)]).len()
    }

    #[test]
    fn the_account_of_the_chart_is_not_for_others() {
        assert_eq!(of("ca-step-certificates-config", "smallstep", ""), 1);
        assert_eq!(of("ca-step-certificates-config", "web", ""), 0);
        assert_eq!(of("exporter", "smallstep", ""), 0);
        let own = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ca-step-certificates-config, namespace: smallstep}\n";
        assert_eq!(of("ca-step-certificates-config", "smallstep", own), 0, "somebody makes it");
    }

    #[test]
    fn a_binding_to_it_is_told_of_and_a_chart_that_is_never_upgraded_keeps_it() {
        let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x, namespace: web}\nroleRef: {kind: Role, name: x}\nsubjects: [{kind: ServiceAccount, name: ca-config, namespace: smallstep}]\n";
        assert_eq!(of("exporter", "smallstep", binding), 1);
        let chart = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts: [{name: step-certificates, version: 1.30.1, releaseName: ca, namespace: smallstep}]\n";
        assert_eq!(of("ca-step-certificates-config", "smallstep", chart), 0);
    }
}
