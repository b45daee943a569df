//! A chart in use: what each engine says of it, in one form.

use super::values::Values;
use crate::catalog::STEP_ISSUER_CHART;
use crate::manifest::Document;
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
    /// Ourselves, before the tree is rendered: what `helm template` prints, made complete.
    Inflation,
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

/// The last part of what leads to a chart: `charts/step-issuer`, `oci://registry.example.org/charts/step-issuer`.
pub(super) fn chart_name(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

/// Whether two documents ask for the controller's chart at all.
pub(in crate::lint) fn is_step_issuer(chart: &ChartUse<'_>) -> bool {
    chart.name == STEP_ISSUER_CHART
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    const FLOATING: &str = "chart-version-floating";

    fn kustomization(chart: &str) -> String {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - name: step-issuer\n    includeCRDs: true\n{chart}"
        )
    }

    fn release(chart: &str) -> String {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: step-issuer, namespace: smallstep}}\nspec:\n  upgrade: {{crds: CreateReplace}}\n{chart}"
        )
    }

    fn application(source: &str) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: step-issuer, namespace: argocd}}\nspec:\n  source:\n    chart: step-issuer\n{source}"
        )
    }

    #[test]
    fn charts_of_every_engine_must_name_one_version() {
        let repository = "    repo: https://smallstep.github.io/helm-charts\n";
        let of = |text: &str| places(FLOATING, "", &[("file.yaml", text)]);
        assert_eq!(of(&kustomization(&format!("{repository}    version: 1.x\n"))), ["7:14"]);
        assert_eq!(of(&kustomization(repository)).len(), 1, "the newest one is taken");
        assert_eq!(
            of(&release("  chart: {spec: {chart: step-issuer, version: '>=1.0.0', sourceRef: {kind: HelmRepository, name: x}}}\n")).len(),
            1
        );
        assert_eq!(of(&application("    targetRevision: '*'\n")), ["7:21"]);
    }

    #[test]
    fn pinned_and_vendored_charts_are_right() {
        let of = |text: &str| places(FLOATING, "", &[("file.yaml", text)]);
        assert_eq!(of(&kustomization("    repo: https://smallstep.github.io/helm-charts\n    version: 1.11.0\n")), [""; 0]);
        assert_eq!(of(&kustomization("    releaseName: x\n")), [""; 0], "a chart in the tree has no other version");
        assert_eq!(of(&release("  chart: {spec: {chart: ./charts/step-issuer, sourceRef: {kind: GitRepository, name: x}}}\n")), [""; 0]);
        assert_eq!(of(&application("    targetRevision: 1.11.0\n")), [""; 0]);
        let other = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec: {source: {chart: grafana, targetRevision: 8.x}}\n";
        assert_eq!(of(other), [""; 0], "other people's charts are their business");
    }

    #[test]
    fn a_chart_behind_a_reference_is_followed() {
        let release = release("  chartRef: {kind: OCIRepository, name: step-issuer}\n");
        let source = |reference: &str| {
            format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: step-issuer, namespace: smallstep}}\nspec:\n  url: oci://example.org/charts/step-issuer\n  ref: {{{reference}}}\n"
            )
        };
        let of = |reference: &str| places(FLOATING, "", &[("release.yaml", &release), ("source.yaml", &source(reference))]);
        assert_eq!(of("semver: 1.x").len(), 1);
        assert_eq!(of("tag: 1.11.0"), [""; 0]);
        assert_eq!(of("digest: sha256:00"), [""; 0]);
        assert_eq!(places(FLOATING, "", &[("release.yaml", &release)]), [""; 0], "a source elsewhere is not known");
    }
}
