//! Facts of the field as tables: what charts know, from when on cert-manager knows a field. No logic of a render.

mod cert_manager;
mod chart_values;
mod images;
mod step_certificates_chart;
mod step_issuer;
mod step_issuer_chart;
mod version;

pub use cert_manager::{
    ADMITTED_ANNOTATION, CERT_MANAGER_ANNOTATIONS, CERTIFICATE_FIELDS_SINCE, KeyAlgorithm, LAST_WITH_CONVERSION, MAX_COMMON_NAME,
    PERCENTAGE_AS_PASSED, is_known_usage, is_usage_given, known_usages,
};
pub use chart_values::{ChartValues, ValueProblem, ValueProblemKind};
pub use images::{ImageReference, WithdrawnImage, withdrawn_image};
pub use step_issuer::{DER_BUNDLE_SINCE, PASSWORD_SOURCES_SINCE, step_issuer_of_chart};
pub use version::minor_version;

/// Where the step-issuer chart is published.
pub const STEP_ISSUER_CHART_REPOSITORY: &str = "https://smallstep.github.io/helm-charts";

/// The step-issuer chart.
pub const STEP_ISSUER_CHART: &str = "step-issuer";

/// The chart of the CA.
pub const STEP_CERTIFICATES_CHART: &str = "step-certificates";

/// What that exact version of a chart knows; None where this catalog does not hold it. Helm takes `v1.11.0` for `1.11.0`.
pub fn chart_values(chart: &str, version: &str) -> Option<&'static ChartValues> {
    let version = version.strip_prefix('v').unwrap_or(version);
    match chart {
        STEP_ISSUER_CHART => step_issuer_chart::values(version),
        STEP_CERTIFICATES_CHART => step_certificates_chart::values(version),
        _ => None,
    }
}

/// An object that a chart makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartObject {
    /// Its apiVersion.
    pub api_version: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its namespace; None where its kind has none.
    pub namespace: Option<String>,
}

/// The objects that the step-issuer chart makes but its ServiceAccount, whose name the values decide. `is_on` says whether
/// a value, by its path, is `true`.
pub fn step_issuer_chart_objects(fullname: &str, namespace: &str, is_on: impl Fn(&str) -> bool) -> Vec<ChartObject> {
    let made = step_issuer_chart::OBJECTS.iter().filter(|(.., value)| value.is_empty() || is_on(value));
    let object = |(api_version, kind, suffix, is_namespaced, _): &(&'static str, &'static str, &str, bool, &str)| ChartObject {
        api_version,
        kind,
        name: format!("{fullname}{suffix}"),
        namespace: is_namespaced.then(|| namespace.to_owned()),
    };
    let definition = |name: &&str| ChartObject {
        api_version: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        name: (*name).to_owned(),
        namespace: None,
    };
    made.map(object).chain(step_issuer_chart::DEFINITIONS.iter().map(definition)).collect()
}

/// An image that the step-issuer chart starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartImage {
    /// The map of its values that holds `repository` and `tag`.
    pub values: &'static [&'static str],
    /// The repository that it has by default, with its registry.
    pub repository: &'static str,
}

/// The images that the step-issuer chart of that exact version starts; none for a version that this catalog does not hold.
pub fn step_issuer_images(version: &str) -> Vec<ChartImage> {
    let Some(known) = chart_values(STEP_ISSUER_CHART, version) else { return Vec::new() };
    let image = |values: &&'static [&'static str]| {
        let repository = known.default_at(&[*values, &["repository"]].concat())?.as_str()?;
        Some(ChartImage { values, repository })
    };
    step_issuer_chart::IMAGES.iter().filter_map(image).collect()
}

/// The versions of a chart that [`chart_values`] knows, oldest first; none for a chart that it does not know.
pub fn known_versions(chart: &str) -> impl Iterator<Item = &'static str> {
    let issuer = step_issuer_chart::versions().filter(move |_| chart == STEP_ISSUER_CHART);
    issuer.chain(step_certificates_chart::versions().filter(move |_| chart == STEP_CERTIFICATES_CHART))
}
