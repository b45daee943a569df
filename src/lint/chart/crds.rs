//! CRDs of the step-issuer chart, which lie in its folder `crds/` and are no templates.

use super::usage::{ChartUse, Crds, Engine};
use crate::finding::{CHART_CRDS_MISSING, Finding, Level};
use crate::lint::Lint;
use crate::lint::object::value;
use crate::manifest::Content;
use crate::yaml::Node;

/// Somebody must bring them.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    match &chart.crds {
        Crds::Included => {}
        Crds::LeftOut(_) if are_elsewhere(lint) => {}
        Crds::LeftOut(path) if come_with_another(lint) => {
            let place = lint.place(chart.document, path);
            let message = "the chart's CRDs are left out here; they come with another release of it in this environment";
            let help = "nothing, where that one stays; otherwise write `includeCRDs: true`";
            lint.add(chart.document, Finding::new(&CHART_CRDS_MISSING, place, message).at(Level::Note).help(help));
        }
        Crds::LeftOut(path) => {
            let message = "the chart's CRDs are left out, so there are no StepIssuers: `no matches for kind \"StepIssuer\"`";
            let help = match chart.engine {
                Engine::Kustomize | Engine::Inflation => "write `includeCRDs: true`",
                Engine::Flux => "take it out: Flux then installs them",
                Engine::ArgoCd => "take `skipCrds` out",
            };
            lint.report(&CHART_CRDS_MISSING, chart.document, path, message, help);
        }
        Crds::OnlyAtInstall(path) => {
            let place = lint.place(chart.document, path);
            let message =
                "Flux installs the chart's CRDs once and leaves them alone when it upgrades, so fields of newer charts are dropped";
            let finding = Finding::new(&CHART_CRDS_MISSING, place, message).help("write `spec.upgrade.crds: CreateReplace`");
            lint.add(chart.document, finding.at(Level::Note));
        }
    }
}

/// Whether another part of the tree brings them, or may do so.
fn are_elsewhere(lint: &Lint<'_>) -> bool {
    let as_object =
        lint.objects_of("apiextensions.k8s.io", "CustomResourceDefinition").any(|crd| crd.name().ends_with(".certmanager.step.sm"));
    as_object || lint.scope.documents.iter().any(|document| document.content == Content::Kustomization && may_fetch(&document.node))
}

/// Whether another release of the chart brings them.
fn come_with_another(lint: &Lint<'_>) -> bool {
    lint.charts.iter().any(|other| super::usage::is_step_issuer(other) && !matches!(other.crds, Crds::LeftOut(_)))
}

/// Whether a kustomization fetches something that may be the CRDs.
fn may_fetch(kustomization: &Node) -> bool {
    let names = ["resources", "crds", "components", "bases"].into_iter().filter_map(|key| value(kustomization, key)?.as_list()).flatten();
    names.filter_map(Node::as_str).any(|name| {
        let is_remote = name.contains("://") || name.contains("github.com") || name.contains("?ref=");
        is_remote && (name.contains("step") || name.to_ascii_lowercase().contains("crd"))
    })
}

#[cfg(test)]
mod tests {
    use crate::finding::Level;
    use crate::lint::testing::found;

    fn of(files: &[(&str, &str)]) -> Vec<Level> {
        found("", files).into_iter().filter(|(code, ..)| *code == "chart-crds-missing").map(|(_, level, _)| level).collect()
    }

    const CHART: &str =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - {name: step-issuer, version: 1.11.0}\n";

    #[test]
    fn kustomize_leaves_them_out_unless_it_is_told() {
        assert_eq!(of(&[("kustomization.yaml", CHART)]), [Level::Error]);
        assert_eq!(of(&[("kustomization.yaml", &CHART.replace("}", ", includeCRDs: true}"))]), []);
        let crd =
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: stepissuers.certmanager.step.sm}\n";
        assert_eq!(of(&[("kustomization.yaml", CHART), ("crds.yaml", crd)]), []);
        let remote =
            format!("{CHART}resources: [https://raw.githubusercontent.com/smallstep/step-issuer/master/config/crd/bases/x.yaml]\n");
        assert_eq!(of(&[("kustomization.yaml", &remote)]), [], "they may come from there");
    }

    #[test]
    fn flux_installs_them_and_forgets_them() {
        let release = |more: &str| {
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: step-issuer}}\nspec:\n  chart: {{spec: {{chart: step-issuer, version: 1.11.0}}}}\n{more}"
            )
        };
        assert_eq!(of(&[("release.yaml", &release(""))]), [Level::Note]);
        assert_eq!(of(&[("release.yaml", &release("  upgrade: {crds: CreateReplace}\n"))]), []);
        assert_eq!(of(&[("release.yaml", &release("  install: {crds: Skip}\n"))]), [Level::Error]);
    }

    #[test]
    fn argo_cd_brings_them_unless_it_is_told_not_to() {
        let application = |helm: &str| {
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: x}}\nspec: {{source: {{chart: step-issuer, targetRevision: 1.11.0, helm: {helm}}}}}\n"
            )
        };
        assert_eq!(of(&[("application.yaml", &application("{}"))]), []);
        assert_eq!(of(&[("application.yaml", &application("{skipCrds: true}"))]), [Level::Error]);
    }
}
