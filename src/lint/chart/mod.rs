//! Rules about Helm charts and their values: one file per question. `usage` is a chart in use, whoever builds it.

mod accounts;
mod argo_cd;
mod authority;
mod controller;
mod crds;
mod flux;
mod inflation;
mod issuers;
mod known;
mod kustomize;
mod usage;
mod values;
mod vendored;
mod version;

use std::rc::Rc;

use super::Lint;
use super::object::Object;
use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART};
use crate::manifest::{Content, Document};

pub(super) use usage::{ChartUse, Engine};
pub(super) use version::numbers;

/// The chart of cert-manager.
pub(super) const CERT_MANAGER_CHART: &str = "cert-manager";
/// The chart of trust-manager.
pub(super) const TRUST_MANAGER_CHART: &str = "trust-manager";
/// The chart of cert-manager's policy engine.
pub(super) const APPROVER_POLICY_CHART: &str = "cert-manager-approver-policy";

/// Every chart that the documents ask for.
pub(in crate::lint) fn charts<'a>(documents: &'a [Document], objects: &[Object<'a>]) -> Vec<ChartUse<'a>> {
    let kustomizations = documents.iter().filter(|document| document.content == Content::Kustomization);
    let mut charts: Vec<ChartUse<'a>> = kustomizations.flat_map(|document| kustomize::charts(document, documents)).collect();
    charts.extend(objects.iter().filter_map(|object| flux::chart(*object, objects)));
    charts.extend(objects.iter().flat_map(|object| argo_cd::charts(*object)));
    charts.extend(documents.iter().filter_map(inflation::chart));
    charts
}

/// Judges every chart in use. Of charts that have nothing to do with the CA, its issuers and its certificates, nothing is
/// said.
pub(super) fn check(lint: &mut Lint<'_>) {
    vendored::check(lint);
    let charts = Rc::clone(&lint.charts);
    for chart in charts.iter() {
        version::check(lint, chart);
        known::check(lint, chart);
        if chart.name == STEP_CERTIFICATES_CHART {
            authority::check(lint, chart);
        }
        if chart.name == STEP_ISSUER_CHART {
            accounts::check(lint, chart);
            controller::check(lint, chart);
            crds::check(lint, chart);
            issuers::check(lint, chart);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::found;

    const AUTHORITY: &str = "authorities: {internal: {namespace: smallstep}}\n";

    /// Trees as people write them: the CA, the controller, cert-manager and trust-manager, with one engine each.
    #[test]
    fn whole_trees_that_are_right_give_nothing() {
        let flux = |name: &str, version: &str, namespace: &str, more: &str| {
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  interval: 1h\n  chart: {{spec: {{chart: {name}, version: {version}, sourceRef: {{kind: HelmRepository, name: x}}}}}}\n{more}"
            )
        };
        let crds = "  install: {crds: CreateReplace}\n  upgrade: {crds: CreateReplace}\n  values: {serviceAccount: {create: true}, image: {tag: 0.11.0}}\n";
        let releases = [
            flux(
                "step-certificates",
                "1.30.1",
                "smallstep",
                "  values: {ca: {provisioner: {name: step-issuer}}, service: {targetPort: 9000}}\n",
            ),
            flux("step-issuer", "1.11.0", "smallstep", crds),
            flux("cert-manager", "v1.19.1", "cert-manager", "  values: {crds: {enabled: true}}\n"),
            flux("trust-manager", "v0.24.0", "cert-manager", ""),
        ]
        .join("---\n");
        assert_eq!(found(AUTHORITY, &[("releases.yaml", &releases)]), []);

        let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - {name: step-certificates, repo: https://example.org, version: 1.30.1, releaseName: step-certificates, namespace: smallstep}\n  - {name: step-issuer, repo: https://example.org, version: 1.11.0, releaseName: step-issuer, namespace: smallstep, includeCRDs: true, valuesFile: values.yaml}\npatches:\n  - target: {kind: ServiceAccount, name: step-issuer}\n    patch: |-\n      - {op: add, path: /metadata/namespace, value: smallstep}\n";
        let values = "serviceAccount:\n  create: true\nresources:\n  limits: {memory: 256Mi}\n";
        assert_eq!(found(AUTHORITY, &[("kustomization.yaml", kustomization), ("values.yaml", values)]), []);

        let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: step-issuer, namespace: argocd}\nspec:\n  project: default\n  destination: {namespace: smallstep}\n  sources:\n    - {repoURL: https://example.org, chart: step-issuer, targetRevision: 1.11.0, helm: {valuesObject: {serviceAccount: {create: true}}}}\n";
        assert_eq!(found(AUTHORITY, &[("application.yaml", application)]), []);
    }
}
