//! Facts of the field as tables: what charts know, from when on cert-manager knows a field. No logic of a render.

mod images;
mod step_issuer_chart;

pub use images::{ImageReference, WithdrawnImage, withdrawn_image};
pub use step_issuer_chart::{ChartValues, ValueProblem, ValueProblemKind, chart_values, known_versions};

/// Where the step-issuer chart is published.
pub const STEP_ISSUER_CHART_REPOSITORY: &str = "https://smallstep.github.io/helm-charts";

/// Fields of a Certificate's spec that came after cert-manager 1.15, with the minor version of 1.x that brought them.
/// Source: cert-manager's release notes and the CRDs of each release.
pub const CERTIFICATE_FIELDS_SINCE: &[(&str, u32)] = &[("renewBeforePercentage", 16), ("signatureAlgorithm", 18)];
