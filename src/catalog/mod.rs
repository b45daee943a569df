//! Facts of the field as tables: what charts know, from when on cert-manager knows a field. No logic of a render.

mod chart_values;
mod step_certificates_chart;
mod step_issuer_chart;

pub use chart_values::{ChartValues, ValueProblem, ValueProblemKind};

/// Where the step-issuer chart is published.
pub const STEP_ISSUER_CHART_REPOSITORY: &str = "https://smallstep.github.io/helm-charts";

/// The step-issuer chart.
pub const STEP_ISSUER_CHART: &str = "step-issuer";

/// The chart of the CA.
pub const STEP_CERTIFICATES_CHART: &str = "step-certificates";

/// Fields of a Certificate's spec that came after cert-manager 1.15, with the minor version of 1.x that brought them.
/// Source: cert-manager's release notes and the CRDs of each release.
pub const CERTIFICATE_FIELDS_SINCE: &[(&str, u32)] = &[("renewBeforePercentage", 16), ("signatureAlgorithm", 18)];

/// What that exact version of a chart knows; None where this catalog does not hold it.
pub fn chart_values(chart: &str, version: &str) -> Option<&'static ChartValues> {
    match chart {
        STEP_ISSUER_CHART => step_issuer_chart::values(version),
        STEP_CERTIFICATES_CHART => step_certificates_chart::values(version),
        _ => None,
    }
}

/// The versions of a chart that [`chart_values`] knows, oldest first; none for a chart that it does not know.
pub fn known_versions(chart: &str) -> impl Iterator<Item = &'static str> {
    let issuer = step_issuer_chart::versions().filter(move |_| chart == STEP_ISSUER_CHART);
    issuer.chain(step_certificates_chart::versions().filter(move |_| chart == STEP_CERTIFICATES_CHART))
}
