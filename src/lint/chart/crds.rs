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
        Crds::LeftOut(path) => {
            let message = "the chart's CRDs are left out, so there are no StepIssuers: `no matches for kind \"StepIssuer\"`";
            let help = match chart.engine {
                Engine::Kustomize => "write `includeCRDs: true`",
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
    let with_chart = lint.charts.iter().any(|other| super::usage::is_step_issuer(other) && !matches!(other.crds, Crds::LeftOut(_)));
    as_object
        || with_chart
        || lint.scope.documents.iter().any(|document| document.content == Content::Kustomization && may_fetch(&document.node))
}

/// Whether a kustomization fetches something that may be the CRDs.
fn may_fetch(kustomization: &Node) -> bool {
    let names = ["resources", "crds", "components", "bases"].into_iter().filter_map(|key| value(kustomization, key)?.as_list()).flatten();
    names.filter_map(Node::as_str).any(|name| {
        let is_remote = name.contains("://") || name.contains("github.com") || name.contains("?ref=");
        is_remote && (name.contains("step") || name.to_ascii_lowercase().contains("crd"))
    })
}
