//! Charts that lie in the repository: what their `Chart.yaml` says, each read once.

use std::sync::PoisonError;

use camino::{Utf8Path, Utf8PathBuf};

use super::{MAX_INPUT_BYTES, Repository};
use crate::catalog::STEP_ISSUER_CHART;
use crate::lint::{VendoredChart, VendoredChartFile};
use crate::model::Model;
use crate::yaml::{Keys, read, text_of};

impl Repository {
    /// What lies where kustomize looks for the chart of an environment; None where that is not in the repository.
    pub(super) fn vendored(&self, model: &Model) -> Option<VendoredChart> {
        let chart = model.step_issuer.as_ref()?.chart.as_ref()?;
        let home = Utf8Path::new(chart.home.as_ref()?);
        // Source: kustomize 5.5 and 5.8, `HelmChartInflationGenerator.go`, `absChartHome`.
        let folder = match &chart.repo {
            Some(_) => home.join(format!("{STEP_ISSUER_CHART}-{}", chart.version)).join(STEP_ISSUER_CHART),
            None => home.join(STEP_ISSUER_CHART),
        };
        let mut known = self.vendored.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(folder.clone()).or_insert_with(|| self.chart_file(&folder)).clone();
        Some(VendoredChart { folder, found })
    }

    fn chart_file(&self, folder: &Utf8PathBuf) -> VendoredChartFile {
        let bytes = match self.source.read(folder.join("Chart.yaml").as_str(), MAX_INPUT_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return VendoredChartFile::Missing,
            Err(error) => return VendoredChartFile::Unusable(error.told()),
        };
        let documents = match text_of(&bytes, 0).and_then(|text| read(text, 0, Keys::AsKubernetes)) {
            Ok(documents) => documents,
            Err(error) => return VendoredChartFile::Unusable(format!("`Chart.yaml` is no YAML: {}", error.message)),
        };
        let version = documents.first().and_then(|chart| chart.get_str("version"));
        match (documents.first().and_then(|chart| chart.get_str("name")), version) {
            (Some(STEP_ISSUER_CHART), Some(version)) => VendoredChartFile::Version(version.to_owned()),
            (Some(other), Some(_)) => VendoredChartFile::Unusable(format!("its `Chart.yaml` says that it is the chart `{other}`")),
            _ => VendoredChartFile::Unusable("its `Chart.yaml` says no name or no version".to_owned()),
        }
    }
}
