//! The chart where it lies in the repository.

use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY};
use crate::finding::{CHART_HOME_OTHER_VERSION, CHART_HOME_WITHOUT_CHART, Finding, Level, Place};
use crate::lint::{Lint, VendoredChartFile};
use crate::yaml::Path;

/// kustomize takes the chart from the folder as it is, whatever version the kustomization says; only with a repository beside
/// it, the version is a part of the folder's name, and a chart that is not there is fetched.
pub(super) fn check(lint: &mut Lint<'_>) {
    let Some(vendored) = lint.scope.vendored else { return };
    let Some(chart) = lint.scope.model.step_issuer.as_ref().and_then(|step_issuer| step_issuer.chart.as_ref()) else { return };
    let (folder, wanted, is_fetched) = (&vendored.folder, &chart.version, chart.repo.is_some());
    let place = |field: &str| Place::Inventory(Path::of(["stepIssuer", "chart", field]));
    let finding = match &vendored.found {
        VendoredChartFile::Missing if is_fetched => {
            let message =
                format!("there is no chart in `{folder}`, so every build fetches it from `{}`", chart.repo.as_deref().unwrap_or_default());
            Finding::new(&CHART_HOME_WITHOUT_CHART, place("home"), message).at(Level::Warning)
        }
        VendoredChartFile::Missing => {
            Finding::new(&CHART_HOME_WITHOUT_CHART, place("home"), format!("there is no chart in `{folder}`, where kustomize looks for it"))
        }
        VendoredChartFile::Unusable(problem) => {
            Finding::new(&CHART_HOME_WITHOUT_CHART, place("home"), format!("the chart in `{folder}` cannot be used: {problem}"))
        }
        VendoredChartFile::Version(found) if found.trim_start_matches('v') == wanted.trim_start_matches(['=', 'v']) => return,
        VendoredChartFile::Version(found) => {
            let message = format!("the chart in `{folder}` is {found}, and kustomize builds that one, not {wanted}");
            let help = format!("write `version: {found}`, or put {wanted} there");
            lint.add_ours(Finding::new(&CHART_HOME_OTHER_VERSION, place("version"), message).help(help));
            return;
        }
    };
    let parent = folder.parent().map_or("", |parent| parent.as_str());
    let from = chart.repo.as_deref().unwrap_or(STEP_ISSUER_CHART_REPOSITORY);
    let pull = match from.starts_with("oci://") {
        true => format!("{from}/{STEP_ISSUER_CHART}"),
        false => format!("{STEP_ISSUER_CHART} --repo {from}"),
    };
    lint.add_ours(finding.help(format!("put it there: `helm pull {pull} --version {wanted} --untar --untardir {parent}`")));
}
