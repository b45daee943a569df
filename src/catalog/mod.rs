//! Facts of the field as tables: what charts know, from when on cert-manager knows a field. No logic of a render.

mod cert_manager;
mod step_issuer;
mod step_issuer_chart;
mod version;

pub use cert_manager::{
    ADMITTED_ANNOTATION, CERT_MANAGER_ANNOTATIONS, CERTIFICATE_FIELDS_SINCE, KeyAlgorithm, LAST_WITH_CONVERSION, MAX_COMMON_NAME,
    PERCENTAGE_AS_PASSED, is_known_usage, is_usage_given, known_usages,
};
pub use step_issuer::{DER_BUNDLE_SINCE, PASSWORD_SOURCES_SINCE, step_issuer_of_chart};
pub use step_issuer_chart::{ChartValues, ValueProblem, ValueProblemKind, chart_values, known_versions};
pub use version::minor_version;

/// Where the step-issuer chart is published.
pub const STEP_ISSUER_CHART_REPOSITORY: &str = "https://smallstep.github.io/helm-charts";
