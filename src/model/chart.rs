//! The step-issuer chart: its version, and the values that are written for it. Whether the chart knows them is for lint
//! to say.

use serde_json::{Map, Value, json};

use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values};
use crate::finding::VALUES_NOT_CHECKED;
use crate::model::conventions::helm_fullname;
use crate::model::resolution::Resolution;
use crate::model::{CertManager, Chart, StepIssuer};
use crate::yaml::Path;

/// Default name of the release.
const RELEASE: &str = "step-issuer";

/// Resolves the controller, where the inventory has one.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> Option<StepIssuer> {
    let written = resolution.fields.step_issuer.as_ref()?;
    let release = written.release.clone().unwrap_or_else(|| RELEASE.to_owned());
    let namespace = written.namespace.clone();
    let Some(chart) = &written.chart else {
        if !written.values.is_empty() {
            let path = Path::of(["stepIssuer", "values"]);
            resolution.report(
                &VALUES_NOT_CHECKED,
                path,
                "there are chart values and no chart, so they go nowhere",
                "write `stepIssuer.chart`, or take the values out",
            );
        }
        return Some(StepIssuer {
            namespace,
            release,
            chart: None,
            values: Map::new(),
            chart_service_account: None,
            chart_service_account_pattern: None,
        });
    };
    let mut values = with_cert_manager(&written.values, &resolution.cert_manager());
    if written.explicit_values != Some(true)
        && let Some(known) = chart_values(STEP_ISSUER_CHART, &chart.version)
    {
        values = known.without_defaults(&values);
    }
    let chart_service_account = chart_service_account(&release, &written.values);
    let chart =
        Chart { repo: chart.repo.clone().unwrap_or_else(|| STEP_ISSUER_CHART_REPOSITORY.to_owned()), version: chart.version.clone() };
    // Of what a name may hold, only the dot means more in a regular expression.
    let chart_service_account_pattern = chart_service_account.as_ref().map(|name| name.replace('.', "\\."));
    Some(StepIssuer {
        namespace,
        release,
        chart: Some(chart),
        values: sorted(values),
        chart_service_account,
        chart_service_account_pattern,
    })
}

/// The ServiceAccount that the chart's approver is bound to by the values themselves; None where they do not say.
pub(super) fn approves_for(values: &Map<String, Value>) -> Option<(&str, &str)> {
    let account = values.get("certManager")?.get("serviceAccount")?;
    let text = |key: &str| account.get(key).and_then(Value::as_str).unwrap_or("cert-manager");
    Some((text("namespace"), text("name")))
}

/// The values, with cert-manager's ServiceAccount where the values do not name one themselves.
fn with_cert_manager(values: &Map<String, Value>, cert_manager: &CertManager) -> Map<String, Value> {
    let mut values = values.clone();
    let CertManager { namespace, service_account } = cert_manager;
    let is_default = namespace == "cert-manager" && service_account == "cert-manager";
    if approves_for(&values).is_none() && !is_default {
        values.insert("certManager".to_owned(), json!({"serviceAccount": {"name": service_account, "namespace": namespace}}));
    }
    values
}

/// The ServiceAccount that the chart makes with these values.
fn chart_service_account(release: &str, values: &Map<String, Value>) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let account = values.get("serviceAccount")?;
    if account.get("create") != Some(&Value::Bool(true)) {
        return None;
    }
    let chart = text(values.get("nameOverride")).unwrap_or_else(|| "step-issuer".to_owned());
    let fullname = || text(values.get("fullnameOverride")).unwrap_or_else(|| helm_fullname(release, &chart));
    Some(text(account.get("name")).unwrap_or_else(fullname))
}

/// The same values with every map sorted by key.
pub(super) fn sorted(values: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = values.into_iter().map(|(key, value)| (key, sorted_value(value))).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries.into_iter().collect()
}

fn sorted_value(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(items) => items.into_iter().map(sorted_value).collect(),
        other => other,
    }
}
