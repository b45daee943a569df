//! A chart in use: what each engine says of it, in one form.

use super::values::Values;
use super::{argo_cd, flux, kustomize};
use crate::catalog::STEP_ISSUER_CHART;
use crate::lint::object::Object;
use crate::manifest::{Content, Document};
use crate::model::helm_fullname;
use crate::yaml::Path;

/// Who builds a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Engine {
    /// kustomize, through `helmCharts`: what `helm template` prints, so an install each time.
    Kustomize,
    /// Flux: a Helm release that is upgraded.
    Flux,
    /// Argo CD: what `helm template` prints, CRDs included.
    ArgoCd,
}

/// Whether the objects of a chart's folder `crds/` come to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Crds {
    Included,
    /// They do not; the path of the field that could say otherwise.
    LeftOut(Path),
    /// At the first install, and never again.
    OnlyAtInstall(Path),
}

/// The version of a chart, as somebody wrote it.
#[derive(Debug, Clone)]
pub(super) enum Version<'a> {
    /// Written there.
    Written { text: String, document: &'a Document, path: Path },
    /// Not written, and the newest is taken; where it could stand.
    Newest { document: &'a Document, path: Path },
    /// Something else decides: a folder that holds the chart, a digest, a source that is not in the tree.
    Elsewhere,
}

/// A chart in use.
#[derive(Debug)]
pub(in crate::lint) struct ChartUse<'a> {
    /// Name of the chart, without repository or folder.
    pub(in crate::lint) name: &'a str,
    pub(super) version: Version<'a>,
    /// Name of the release; None where nobody says it.
    pub(in crate::lint) release: Option<String>,
    /// Namespace of the release; None where nobody says it.
    pub(in crate::lint) namespace: Option<&'a str>,
    pub(in crate::lint) engine: Engine,
    pub(super) crds: Crds,
    /// Where the chart is asked for.
    pub(in crate::lint) document: &'a Document,
    /// What asks for it there.
    pub(in crate::lint) path: Path,
    pub(in crate::lint) values: Values<'a>,
}

impl<'a> ChartUse<'a> {
    /// The version, where it is written.
    pub(in crate::lint) fn version(&self) -> Option<&str> {
        match &self.version {
            Version::Written { text, .. } => Some(text),
            Version::Newest { .. } | Version::Elsewhere => None,
        }
    }

    /// What the names of the chart's objects begin with; None where the release's name is not known.
    pub(in crate::lint) fn fullname(&self) -> Option<String> {
        if let Some(name) = self.values.text("fullnameOverride") {
            return Some(name.to_owned());
        }
        let chart = self.values.text("nameOverride").unwrap_or(self.name);
        Some(helm_fullname(self.release.as_deref()?, chart))
    }

    /// The document and path of a value that nobody wrote: where it could be written.
    pub(in crate::lint) fn place_for(&self, value: &str) -> (&'a Document, Path) {
        self.values.place_for(value).unwrap_or_else(|| (self.document, self.path.clone()))
    }
}

/// Every chart that the documents ask for.
pub(in crate::lint) fn charts<'a>(documents: &'a [Document], objects: &[Object<'a>]) -> Vec<ChartUse<'a>> {
    let kustomizations = documents.iter().filter(|document| document.content == Content::Kustomization);
    let mut charts: Vec<ChartUse<'a>> = kustomizations.flat_map(|document| kustomize::charts(document, documents)).collect();
    charts.extend(objects.iter().filter_map(|object| flux::chart(*object, objects)));
    charts.extend(objects.iter().flat_map(|object| argo_cd::charts(*object)));
    charts
}

/// The last part of what leads to a chart: `charts/step-issuer`, `oci://registry.example.org/charts/step-issuer`.
pub(super) fn chart_name(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

/// Whether two documents ask for the controller's chart at all.
pub(in crate::lint) fn is_step_issuer(chart: &ChartUse<'_>) -> bool {
    chart.name == STEP_ISSUER_CHART
}
