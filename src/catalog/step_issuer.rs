//! What step-issuer can do from which release on, and which release a chart brings.
//!
//! Source: `api/v1beta1` and `controllers/` of smallstep/step-issuer, `Chart.yaml` of its charts.

use super::version::minor_version;

/// The first release that takes a `caBundle` in DER; earlier ones read only PEM.
pub const DER_BUNDLE_SINCE: (u32, u32) = (0, 10);

/// The first release with `passwordEnv` and `passwordFile` beside `passwordRef`.
pub const PASSWORD_SOURCES_SINCE: (u32, u32) = (0, 11);

/// Major and minor version of the step-issuer that a chart runs unless its values name another image: charts 1.8.0 to
/// 1.11.0 bear the number of their release with a 1 in front. None for charts of another line.
pub fn step_issuer_of_chart(version: &str) -> Option<(u32, u32)> {
    match minor_version(version)? {
        (1, minor @ 8..=11) => Some((0, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_brings_the_release_of_its_own_number() {
        assert_eq!(step_issuer_of_chart("1.9.11"), Some((0, 9)));
        assert_eq!(step_issuer_of_chart("1.11.0"), Some((0, 11)));
        for unknown in ["1.7.0", "1.12.0", "2.9.0", "latest"] {
            assert_eq!(step_issuer_of_chart(unknown), None, "{unknown}");
        }
    }
}
