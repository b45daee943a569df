//! The step-issuer chart: its version, and the values that are written for it. Whether the chart knows them is for lint
//! to say.

use serde_json::{Map, Value, json};

use crate::catalog::{STEP_ISSUER_CHART, chart_values};
use crate::finding::{NEEDS_KUSTOMIZE_DELIVERY, VALUES_NOT_CHECKED};
use crate::inventory::{Delivery, Layout};
use crate::model::conventions::helm_fullname;
use crate::model::resolution::Resolution;
use crate::model::{CertManager, Chart, Patch, StepIssuer, chart_source, images, inflation, patch};
use crate::yaml::Path;

/// Default name of the release.
const RELEASE: &str = "step-issuer";

/// The controller, and for chart values that do not stand in `stepIssuer.values` where they come from.
pub(super) type Controller = (Option<StepIssuer>, Vec<(Vec<String>, Path)>);

/// Resolves the controller, where the inventory has one.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> Controller {
    let Some(written) = &resolution.fields.step_issuer else { return (None, Vec::new()) };
    let patches = patch::resolve(resolution);
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
        return (Some(with_patches(StepIssuer { namespace, release, ..StepIssuer::default() }, patches)), Vec::new());
    };
    let mut values = with_cert_manager(&written.values, &resolution.cert_manager());
    let origins = images::apply(resolution, &chart.version, &mut values);
    if written.explicit_values != Some(true)
        && let Some(known) = chart_values(STEP_ISSUER_CHART, &chart.version)
    {
        values = known.without_defaults(&values);
    }
    let inflation = inflation::is_wanted(resolution, &Path::of(["stepIssuer", "chart"]), chart).then(|| STEP_ISSUER_CHART.to_owned());
    let fullname = fullname(&release, &written.values);
    let chart_service_account = chart_service_account(&fullname, &written.values);
    let chart = chart_source::resolve(resolution, chart);
    // Of what a name may hold, only the dot means more in a regular expression.
    let chart_service_account_pattern = chart_service_account.as_ref().map(|name| name.replace('.', "\\."));
    let step_issuer = StepIssuer {
        namespace,
        release,
        has_values_file: resolution.fields.delivery.unwrap_or_default() == Delivery::Kustomize
            && (!values.is_empty() || chart.home.is_some()),
        is_shared: is_shared(resolution),
        base_name: Some(base_name(&chart)),
        fullname: Some(fullname),
        chart: Some(chart),
        inflation,
        values: sorted(values),
        chart_service_account,
        chart_service_account_pattern,
        ..StepIssuer::default()
    };
    (Some(with_patches(step_issuer, patches)), origins)
}

/// Whether the controller lies in a folder that environments share; where it is asked for and cannot be, that is reported.
fn is_shared(resolution: &mut Resolution<'_>) -> bool {
    let fields = resolution.fields;
    let is_asked = fields.layout == Some(Layout::Shared);
    let can = fields.delivery.unwrap_or_default() == Delivery::Kustomize;
    if is_asked && !can {
        let message = "only kustomizations can share a base";
        let help = "take `layout: shared` out, or write `delivery: kustomize`";
        resolution.report(&NEEDS_KUSTOMIZE_DELIVERY, Path::of(["layout"]), message, help);
    }
    is_asked && can
}

/// What the name of a shared folder begins with. A version that is none was told of, and must not lead anywhere.
fn base_name(chart: &Chart) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || ".-+".contains(letter) { letter } else { '_' };
    format!("{STEP_ISSUER_CHART}-{}", chart.version.chars().take(64).map(letter).collect::<String>())
}

/// The patches, and which of them belong where.
fn with_patches(step_issuer: StepIssuer, patches: Vec<Patch>) -> StepIssuer {
    let those = |wanted: fn(&Patch) -> bool| patches.iter().filter(|patch| wanted(patch)).cloned().collect();
    let has_chart = step_issuer.chart.is_some();
    StepIssuer {
        chart_patches: if has_chart { those(Patch::meets_the_chart) } else { Vec::new() },
        own_patches: those(Patch::meets_ours),
        base_patches: if has_chart { those(|patch| !patch.meets_ours()) } else { Vec::new() },
        patches,
        ..step_issuer
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
fn chart_service_account(fullname: &str, values: &Map<String, Value>) -> Option<String> {
    let account = values.get("serviceAccount")?;
    if account.get("create") != Some(&Value::Bool(true)) {
        return None;
    }
    Some(text(account.get("name")).unwrap_or_else(|| fullname.to_owned()))
}

/// What the names of the chart's objects begin with.
fn fullname(release: &str, values: &Map<String, Value>) -> String {
    let chart = text(values.get("nameOverride")).unwrap_or_else(|| STEP_ISSUER_CHART.to_owned());
    text(values.get("fullnameOverride")).unwrap_or_else(|| helm_fullname(release, &chart))
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
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
