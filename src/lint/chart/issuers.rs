//! Issuers that the step-issuer chart makes itself, with `stepIssuer.create` and `stepClusterIssuer.create`.

use super::usage::{ChartUse, Engine};
use crate::finding::{CHART_ISSUER_TWICE, CHART_VALUE_UNQUOTED};
use crate::lint::Lint;
use crate::yaml::{Keys, Value, read};

/// What the templates write without quotes.
const UNQUOTED: &[&str] = &[
    "caUrl",
    "caBundle",
    "provisioner.name",
    "provisioner.kid",
    "provisioner.passwordRef.name",
    "provisioner.passwordRef.namespace",
    "provisioner.passwordRef.key",
    "provisioner.passwordEnv",
    "provisioner.passwordFile",
];

/// Judges both issuers.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    for (key, kind) in [("stepIssuer", "StepIssuer"), ("stepClusterIssuer", "StepClusterIssuer")] {
        if chart.values.is_true(&format!("{key}.create")) {
            unquoted(lint, chart, key);
            // One that is inflated beforehand is a file of ours like the other one, and found there.
            if chart.engine != Engine::Inflation {
                twice(lint, chart, key, kind);
            }
        }
    }
}

/// A value that is a string no longer once the chart has written it without quotes.
fn unquoted(lint: &mut Lint<'_>, chart: &ChartUse<'_>, key: &str) {
    for field in UNQUOTED {
        let path = format!("{key}.{field}");
        let Some(given) = chart.values.get(&path) else { continue };
        let Some(text) = given.node.as_str().filter(|text| !text.is_empty() && !survives(text)) else { continue };
        let message = format!("the chart writes `{path}` without quotes, and `{text}` is no string then");
        let help =
            format!("write the quotes into the value, `'\"{text}\"'`, or leave `{key}.create` out and write the issuer to `issuers`");
        lint.report(&CHART_VALUE_UNQUOTED, given.document, &given.path, message, help);
    }
}

/// Whether a text that stands bare behind a key is read as that text, or carries quotes of its own.
fn survives(text: &str) -> bool {
    let is_quoted = text.len() >= 2 && ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote));
    let read = read(&format!("key: {text}\n"), 0, Keys::AsKubernetes);
    let value = read.ok().and_then(|documents| documents.into_iter().next()).and_then(|node| node.get("key").cloned());
    value.is_some_and(|value| match value.value {
        Value::String(read) => is_quoted || *read == *text,
        _ => false,
    })
}

/// An issuer of the same name that stands in a file, too: whoever is applied last wins, again and again.
fn twice(lint: &mut Lint<'_>, chart: &ChartUse<'_>, key: &str, kind: &str) {
    let Some(name) = chart.fullname() else { return };
    let namespace = if kind == "StepIssuer" { chart.namespace } else { None };
    let is_same =
        lint.step_issuers().any(|issuer| issuer.identity.kind == kind && issuer.name() == name && issuer.namespace() == namespace);
    let Some(given) = chart.values.get(&format!("{key}.create")).filter(|_| is_same) else { return };
    let message = format!("the chart makes {kind} `{name}`, and a file makes it as well");
    let help = format!("take `{key}` out of the chart's values; or take the other one out");
    lint.report(&CHART_ISSUER_TWICE, given.document, &given.path, message, help);
}

#[cfg(test)]
mod tests {
    use super::survives;
    use crate::lint::testing::places;

    #[test]
    fn what_changes_without_quotes_is_known() {
        for text in ["true", "123", "0x1F", "1e3", "null", "~", "yes", "a: b", "#x", "- x", "@x", "x #y", "{x}"] {
            assert!(!survives(text), "{text}");
        }
        for text in [
            "step-issuer",
            "knuhGxxc67HkQ3VLZK_uFIGuaqWkjJUjNDjnjezVb3E",
            "https://ca.example.com:9000",
            "LS0tLS1CRUdJTg==",
            "\"true\"",
            "'12'",
        ] {
            assert!(survives(text), "{text}");
        }
    }

    fn of(code: &str, values: &str, more: &[(&str, &str)]) -> Vec<String> {
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - name: step-issuer\n    version: 1.11.0\n    includeCRDs: true\n    namespace: smallstep\n    releaseName: step-issuer\n    valuesInline:\n      stepIssuer: {values}\n"
        );
        let files: Vec<(&str, &str)> = [("kustomization.yaml", text.as_str())].into_iter().chain(more.iter().copied()).collect();
        places(code, "", &files)
    }

    #[test]
    fn a_name_that_is_true_needs_quotes() {
        let code = "chart-value-unquoted";
        assert_eq!(of(code, "{create: true, provisioner: {name: \"true\", kid: x}}", &[]), ["10:54"]);
        assert_eq!(of(code, "{create: true, provisioner: {name: step-issuer, kid: x}}", &[]), [""; 0]);
        assert_eq!(of(code, "{create: false, provisioner: {name: \"true\", kid: x}}", &[]), [""; 0], "it makes none");
    }

    #[test]
    fn an_issuer_of_the_chart_is_no_second_one_of_another_name() {
        let code = "chart-issuer-twice";
        let issuer = |name: &str| {
            format!("apiVersion: certmanager.step.sm/v1beta1\nkind: StepIssuer\nmetadata: {{name: {name}, namespace: smallstep}}\n")
        };
        assert_eq!(of(code, "{create: true}", &[("issuer.yaml", &issuer("step-issuer"))]).len(), 1);
        assert_eq!(of(code, "{create: true}", &[("issuer.yaml", &issuer("another"))]).len(), 0);
        assert_eq!(of(code, "{create: false}", &[("issuer.yaml", &issuer("step-issuer"))]).len(), 0);
    }
}
