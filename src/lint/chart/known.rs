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
