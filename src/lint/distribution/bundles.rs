//! Bundles of trust-manager.

use crate::catalog::minor_version;
use crate::finding::{BUNDLE_SECRET_TARGET_DISABLED, CLUSTER_BUNDLE_NOT_RECONCILED, Finding, Level};
use crate::lint::Lint;
use crate::lint::chart::{TRUST_MANAGER_CHART, numbers};
use crate::lint::object::Object;
use crate::lint::workload::words;
use crate::yaml::Path;

/// The newest trust-manager that is known not to look at a ClusterBundle.
const BLIND_UP_TO: (u32, u32) = (0, 25);

/// Judges both kinds.
pub(super) fn check(lint: &mut Lint<'_>) {
    let bundles: Vec<Object<'_>> = lint.objects_of("trust-manager.io", "ClusterBundle").collect();
    for bundle in bundles {
        not_reconciled(lint, bundle);
    }
    let bundles: Vec<Object<'_>> = lint.objects_of("trust.cert-manager.io", "Bundle").collect();
    for bundle in bundles.into_iter().filter(|bundle| bundle.get("spec.target.secret").is_some()) {
        secret_target(lint, bundle);
    }
}

/// Where the version is not known, it is one that looks away: no newer one is known.
fn not_reconciled(lint: &mut Lint<'_>, bundle: Object<'_>) {
    let version = version(lint);
    if version.is_some_and(|version| version > BLIND_UP_TO) {
        return;
    }
    let message = match version {
        Some((major, minor)) => {
            format!("trust-manager {major}.{minor} does not look at a ClusterBundle: the API server takes it, and nothing happens")
        }
        None => "no trust-manager up to 0.25 looks at a ClusterBundle: the API server takes it, and nothing happens".to_owned(),
    };
    let help =
        "write a `Bundle` of `trust.cert-manager.io/v1alpha1`; with a newer trust-manager, write its version to `versions.trustManager`";
    lint.report(&CLUSTER_BUNDLE_NOT_RECONCILED, bundle.document, &Path::of(["kind"]), message, help);
}

/// trust-manager's version, as the inventory or its chart in the tree says.
fn version(lint: &Lint<'_>) -> Option<(u32, u32)> {
    let written = lint.scope.model.versions.trust_manager.as_deref().and_then(minor_version);
    let of_chart = || {
        let chart = lint.charts.iter().find(|chart| chart.name == TRUST_MANAGER_CHART)?;
        let (major, minor, _) = numbers(chart.version()?)?;
        Some((major, minor))
    };
    written.or_else(of_chart)
}

/// Writing Secrets is switched on in the chart, or by a flag. Where trust-manager is not in the tree, nobody knows.
fn secret_target(lint: &mut Lint<'_>, bundle: Object<'_>) {
    let charts = || lint.charts.iter().filter(|chart| chart.name == TRUST_MANAGER_CHART);
    let may_be_on = charts().any(|chart| match chart.values.get("secretTargets.enabled") {
        Some(_) => chart.values.is_true("secretTargets.enabled"),
        None => !chart.values.are_complete(),
    });
    let workloads = || lint.workloads().filter(|workload| workload.runs_image("trust-manager"));
    let by_flag = workloads().flat_map(|workload| workload.containers().flat_map(words).collect::<Vec<_>>()).any(is_switched_on);
    if may_be_on || by_flag {
        return;
    }
    let is_in_sight = charts().next().is_some() || workloads().next().is_some();
    let message = format!("Bundle `{}` writes Secrets, which trust-manager does only with `secretTargets.enabled`", bundle.name());
    let help = "use `target.configMap`; or set `secretTargets: {enabled: true, authorizedSecrets: […]}` in trust-manager's chart, with the names of the Secrets";
    let place = lint.place(bundle.document, &Path::of(["spec", "target", "secret"]));
    let finding = Finding::new(&BUNDLE_SECRET_TARGET_DISABLED, place, message).help(help);
    lint.add(bundle.document, if is_in_sight { finding } else { finding.at(Level::Note) });
}

fn is_switched_on(word: &str) -> bool {
    word == "--secret-targets-enabled" || word == "--secret-targets-enabled=true"
}

#[cfg(test)]
mod tests {
    use crate::finding::Level;
    use crate::lint::testing::found;

    fn of(inventory: &str, files: &[(&str, &str)]) -> Vec<(&'static str, Level)> {
        found(inventory, files).into_iter().filter(|(code, ..)| code.contains("bundle")).map(|(code, level, _)| (code, level)).collect()
    }

    #[test]
    fn a_cluster_bundle_needs_a_trust_manager_that_looks_at_it() {
        let bundle = "apiVersion: trust-manager.io/v1alpha2\nkind: ClusterBundle\nmetadata: {name: ca}\n";
        let expected = [("cluster-bundle-not-reconciled", Level::Error)];
        assert_eq!(of("", &[("bundle.yaml", bundle)]), expected);
        assert_eq!(of("versions: {trustManager: '0.25.1'}\n", &[("bundle.yaml", bundle)]), expected);
        assert_eq!(of("versions: {trustManager: '0.26'}\n", &[("bundle.yaml", bundle)]), []);
        let other =
            "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: ca}\nspec: {target: {configMap: {key: ca.crt}}}\n";
        assert_eq!(of("", &[("bundle.yaml", other)]), []);
    }

    #[test]
    fn secrets_are_written_where_trust_manager_was_told_so() {
        let bundle =
            "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: ca}\nspec: {target: {secret: {key: ca.crt}}}\n";
        let chart = |values: &str| {
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: trust-manager}}\nspec:\n  chart: {{spec: {{chart: trust-manager, version: v0.24.0}}}}\n  values: {values}\n"
            )
        };
        let of = |values: &str| of("", &[("bundle.yaml", bundle), ("chart.yaml", &chart(values))]);
        assert_eq!(of("{}"), [("bundle-secret-target-disabled", Level::Warning)]);
        assert_eq!(of("{secretTargets: {enabled: true}}"), []);
        assert_eq!(super::tests::of("", &[("bundle.yaml", bundle)]), [("bundle-secret-target-disabled", Level::Note)], "nobody knows");
    }
}
