//! Chart values against what the chart knows.

use super::usage::{ChartUse, Version};
use super::version::is_pinned;
use crate::catalog::{STEP_ISSUER_CHART, ValueProblem, ValueProblemKind, chart_values, known_versions};
use crate::finding::{Finding, VALUES_NOT_CHECKED, VALUES_UNKNOWN_KEY, VALUES_WRONG_TYPE, listed};
use crate::lint::Lint;

/// Every key must be known, every value of the type that the chart expects. Of charts that the catalog does not know,
/// nothing is said; of other versions of step-issuer, that nothing was checked.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    let Some(version) = chart.version() else { return };
    let Some(known) = chart_values(chart.name, version) else { return unknown(lint, chart, version) };
    for layer in &chart.values.layers {
        for problem in known.check(&layer.node) {
            let path = layer.path(&problem.path);
            let (rule, message, help) = told(chart.name, version, &problem);
            let is_key = matches!(problem.kind, ValueProblemKind::UnknownKey(_));
            let place = if is_key { lint.key_place(layer.document, &path) } else { lint.place(layer.document, &path) };
            lint.add(layer.document, Finding::new(rule, place, message).help(help));
        }
    }
}

fn unknown(lint: &mut Lint<'_>, chart: &ChartUse<'_>, version: &str) {
    let Version::Written { document, path, .. } = &chart.version else { return };
    let is_asked = chart.name == STEP_ISSUER_CHART && is_pinned(version) && !chart.values.layers.is_empty();
    if is_asked {
        let message = format!("the keys of chart step-issuer {version} are not known, so the values were not checked");
        let help = format!("the versions that are known are {}", listed(known_versions(chart.name)));
        lint.report(&VALUES_NOT_CHECKED, document, path, message, help);
    }
}

fn told(chart: &str, version: &str, problem: &ValueProblem) -> (&'static crate::finding::Rule, String, String) {
    let path = &problem.path;
    match problem.kind {
        ValueProblemKind::UnknownKey(near) => {
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "Helm would ignore it without a word; take it out".to_owned(),
            };
            (&VALUES_UNKNOWN_KEY, format!("chart {chart} {version} knows no value `{path}`"), help)
        }
        ValueProblemKind::WrongType(expected) => (
            &VALUES_WRONG_TYPE,
            format!("chart {chart} {version} expects {expected} for `{path}`"),
            "write it as the chart expects it".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Level;
    use crate::lint::testing::found;

    fn kustomization(name: &str, version: &str, values: &str) -> String {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - name: {name}\n    version: {version}\n    includeCRDs: true\n    valuesInline:\n      serviceAccount: {{create: true}}\n{values}"
        )
    }

    fn of(name: &str, version: &str, values: &str) -> Vec<(&'static str, Level, String)> {
        let mut found = found("", &[("kustomization.yaml", &kustomization(name, version, values))]);
        found.retain(|(code, ..)| code.starts_with("values-"));
        found
    }

    #[test]
    fn a_key_is_shown_for_itself_and_a_wrong_value_for_its_own() {
        let values = "      replicaCout: 2\n      replicaCount: two\n";
        let expected = [("values-unknown-key", Level::Error, "9:7"), ("values-wrong-type", Level::Error, "10:21")];
        let mut all = of("step-issuer", "1.11.0", values);
        all.sort();
        assert_eq!(all, expected.map(|(code, level, place)| (code, level, place.to_owned())));
    }

    #[test]
    fn the_chart_of_the_ca_has_keys_of_its_own() {
        assert_eq!(of("step-certificates", "1.30.1", ""), [("values-unknown-key", Level::Error, "8:7".to_owned())]);
    }

    #[test]
    fn of_other_charts_nothing_is_said() {
        assert_eq!(of("grafana", "8.0.0", "      zzz: 1\n"), []);
        assert_eq!(of("step-certificates", "1.99.0", "      zzz: 1\n"), []);
        assert_eq!(of("step-issuer", "2.0.0", ""), [("values-not-checked", Level::Note, "5:14".to_owned())]);
    }

    #[test]
    fn null_is_right_anywhere() {
        assert_eq!(of("step-issuer", "1.11.0", "      nodeSelector: null\n      image: null\n"), []);
    }
}
