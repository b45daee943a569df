//! The step-issuer chart: its version, and the values that are written for it.

use serde_json::{Map, Value, json};

use crate::catalog::{STEP_ISSUER_CHART_REPOSITORY, ValueProblemKind, chart_values, known_versions};
use crate::finding::{CHART_VERSION_FLOATING, Finding, Place, VALUES_NOT_CHECKED, VALUES_UNKNOWN_KEY, VALUES_WRONG_TYPE, listed};
use crate::model::conventions::helm_fullname;
use crate::model::resolution::Resolution;
use crate::model::{CertManager, Chart, StepIssuer};
use crate::yaml::{Path, Segment};

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
    check_version(resolution, &chart.version);
    check_values(resolution, &chart.version, &written.values);
    let mut values = with_cert_manager(&written.values, &resolution.cert_manager());
    if written.explicit_values != Some(true)
        && let Some(known) = chart_values(&chart.version)
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

/// A version that names one chart and no other: three numbers, and perhaps a suffix.
fn check_version(resolution: &mut Resolution<'_>, version: &str) {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    let pinned = numbers.len() == 3 && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    if !pinned {
        let path = Path::of(["stepIssuer", "chart", "version"]);
        let message = format!("`{version}` does not name one chart, so what is built changes by itself");
        resolution.report(&CHART_VERSION_FLOATING, path, message, "write the whole version, such as `1.11.0`");
    }
}

fn check_values(resolution: &mut Resolution<'_>, version: &str, values: &Map<String, Value>) {
    let root = Path::of(["stepIssuer", "values"]);
    let Some(known) = chart_values(version) else {
        let message = format!("the keys of chart step-issuer {version} are not known, so the values were not checked");
        let help = format!("the versions that are known are {}", listed(known_versions()));
        resolution
            .findings
            .push(Finding::new(&VALUES_NOT_CHECKED, Place::Inventory(Path::of(["stepIssuer", "chart", "version"])), message).help(help));
        return;
    };
    for problem in known.check(values) {
        let path = problem.path.segments().iter().fold(root.clone(), |path, segment| match segment {
            Segment::Key(key) => path.key(key),
            Segment::Index(index) => path.index(*index),
        });
        let (rule, message, help) = match problem.kind {
            ValueProblemKind::UnknownKey(near) => {
                let help = near.map_or_else(
                    || "Helm would ignore it without a word; take it out".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                (&VALUES_UNKNOWN_KEY, format!("chart step-issuer {version} knows no value `{}`", problem.path), help)
            }
            ValueProblemKind::WrongType(expected) => (
                &VALUES_WRONG_TYPE,
                format!("chart step-issuer {version} expects {expected} for `{}`", problem.path),
                "write it as the chart expects it".to_owned(),
            ),
        };
        resolution.report(rule, path, message, help);
    }
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
fn sorted(values: Map<String, Value>) -> Map<String, Value> {
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
