//! Charts that are inflated before the tree is rendered, where the engine gets plain objects.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY};
use crate::finding::{PATH_ESCAPES, REFERENCE_UNRESOLVED};
use crate::inventory::{self, Delivery};
use crate::model::resolution::Resolution;
use crate::model::{Authority, StepIssuer};
use crate::tree::portable_path_problem;
use crate::yaml::Path;

/// The Kubernetes that charts are inflated for where the inventory names none. Each helm would take another one for
/// granted, and give another tree.
const KUBERNETES: &str = "1.34";

/// A chart to be inflated: everything that decides what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRequest {
    /// Name of the chart.
    pub chart: String,
    /// Where it lies.
    pub source: ChartSource,
    /// Its exact version.
    pub version: String,
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Values over the chart's own.
    pub values: Map<String, Value>,
    /// The Kubernetes that it is inflated for, such as `1.36`.
    pub kubernetes: String,
    /// Whether whoever applies the objects runs Helm hooks, as Argo CD does.
    pub has_hooks: bool,
    /// The entry of the inventory with the fields `chart`, `release`, `namespace` and `values`.
    pub entry: Path,
}

/// Where a chart lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// In a folder of the repository.
    Folder(Utf8PathBuf),
    /// In a chart repository: an address with `https://` or `oci://`.
    Repository(String),
}

/// Whether a chart is to be inflated beforehand. Fields that would have no effect, and a path that leads nowhere, are
/// reported.
pub(super) fn is_wanted(resolution: &mut Resolution<'_>, place: &Path, chart: &inventory::Chart) -> bool {
    let is_wanted = resolution.fields.delivery == Some(Delivery::Manifests);
    let Some(path) = &chart.path else { return is_wanted };
    let place = place.key("path");
    if !is_wanted {
        let help = "write `delivery: manifests`, or take `path` out; an engine finds its charts by itself";
        resolution.report(&REFERENCE_UNRESOLVED, place, "only `delivery: manifests` inflates a chart from a folder", help);
    } else if chart.repo.is_some() {
        let message = "`path` and `repo` name two places for one chart";
        resolution.report(&REFERENCE_UNRESOLVED, place, message, "keep the one that is meant");
    } else if let Some(problem) = portable_path_problem(path.trim_end_matches('/')) {
        let message = format!("`{path}` is no folder of the repository: {problem}");
        resolution.report(&PATH_ESCAPES, place, message, "write the chart's folder as a path from the root of the repository");
    } else {
        return true;
    }
    false
}

/// The name of an authority's chart among those that are inflated.
pub(super) fn of_authority(name: &str) -> String {
    format!("authorities.{name}")
}

/// Every chart that is to be inflated beforehand, by the name that its part of the model bears.
pub(super) fn resolve(
    resolution: &Resolution<'_>,
    step_issuer: Option<&StepIssuer>,
    authorities: &BTreeMap<String, Authority>,
) -> BTreeMap<String, ChartRequest> {
    let mut requests = BTreeMap::new();
    let fields = resolution.fields;
    let kubernetes = || fields.versions.kubernetes.clone().unwrap_or_else(|| KUBERNETES.to_owned());
    let source = |path: Option<&String>, repo: Option<&String>| match (path, repo) {
        (Some(path), _) => ChartSource::Folder(path.trim_end_matches('/').into()),
        (None, Some(repo)) => ChartSource::Repository(repo.clone()),
        (None, None) => ChartSource::Repository(STEP_ISSUER_CHART_REPOSITORY.to_owned()),
    };
    if let Some(step_issuer) = step_issuer
        && let Some((name, chart)) = step_issuer.inflation.as_ref().zip(step_issuer.chart.as_ref())
    {
        let path = fields.step_issuer.as_ref().and_then(|written| written.chart.as_ref()?.path.as_ref());
        let request = ChartRequest {
            chart: STEP_ISSUER_CHART.to_owned(),
            source: source(path, chart.repo.as_ref()),
            version: chart.version.clone(),
            release: step_issuer.release.clone(),
            namespace: step_issuer.namespace.clone(),
            values: step_issuer.values.clone(),
            kubernetes: kubernetes(),
            has_hooks: fields.argo_cd.is_some(),
            entry: Path::of(["stepIssuer"]),
        };
        requests.insert(name.clone(), request);
    }
    for (key, authority) in authorities {
        let Some((name, chart)) = authority.inflation.as_ref().zip(authority.chart.as_ref()) else { continue };
        let path = fields.authorities.get(key).and_then(|written| written.chart.as_ref()?.path.as_ref());
        let request = ChartRequest {
            chart: STEP_CERTIFICATES_CHART.to_owned(),
            source: source(path, Some(&chart.repo)),
            version: chart.version.clone(),
            release: authority.release.clone(),
            namespace: authority.namespace.clone(),
            values: authority.values.clone(),
            kubernetes: kubernetes(),
            has_hooks: fields.argo_cd.is_some(),
            entry: Path::of(["authorities", key]),
        };
        requests.insert(name.clone(), request);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{EnvironmentName, Layers};
    use crate::model::{Extent, build};

    #[test]
    fn a_folder_may_end_with_a_slash() {
        let text = "apiVersion: trustree.dev/v1alpha1\nkind: Environment\ndelivery: manifests\nstepIssuer: {namespace: a, chart: {version: 1.11.0, path: charts/x/}}\n";
        let name = EnvironmentName::new("prod").expect("a name");
        let inventory = Layers::default().load(&name, camino::Utf8Path::new("inventory.yaml"), text.as_bytes()).expect("an inventory");
        let (model, findings) = build(&name, &inventory, &BTreeMap::new(), Extent::Known);
        assert_eq!(findings, []);
        let sources: Vec<&ChartSource> = model.inflations.values().map(|request| &request.source).collect();
        assert_eq!(sources, [&ChartSource::Folder("charts/x".into())]);
    }
}
