//! Rules about Helm charts and their values: one file per question. `usage` finds the charts, whoever builds them.

mod accounts;
mod argo_cd;
mod controller;
mod crds;
mod flux;
mod issuers;
mod known;
mod kustomize;
mod usage;
mod values;
mod version;

use std::rc::Rc;

use super::Lint;
use crate::catalog::STEP_ISSUER_CHART;

pub(super) use usage::{ChartUse, Engine, charts};
pub(super) use version::numbers;

/// The chart of cert-manager.
pub(super) const CERT_MANAGER_CHART: &str = "cert-manager";
/// The chart of trust-manager.
pub(super) const TRUST_MANAGER_CHART: &str = "trust-manager";
/// The chart of cert-manager's policy engine.
pub(super) const APPROVER_POLICY_CHART: &str = "cert-manager-approver-policy";

/// Judges every chart in use. Of charts that have nothing to do with the CA, its issuers and its certificates, nothing is
/// said.
pub(super) fn check(lint: &mut Lint<'_>) {
    let charts = Rc::clone(&lint.charts);
    for chart in charts.iter() {
        version::check(lint, chart);
        known::check(lint, chart);
        if chart.name == STEP_ISSUER_CHART {
            accounts::check(lint, chart);
            controller::check(lint, chart);
            crds::check(lint, chart);
            issuers::check(lint, chart);
        }
    }
}
