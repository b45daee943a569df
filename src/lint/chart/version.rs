//! Versions of charts.

use super::usage::{ChartUse, Version};
use super::{APPROVER_POLICY_CHART, CERT_MANAGER_CHART, TRUST_MANAGER_CHART};
use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART};
use crate::finding::CHART_VERSION_FLOATING;
use crate::lint::Lint;

/// Charts that the issuing of certificates hangs on. What anybody else does with other charts is not our business.
const CHARTS: &[&str] = &[STEP_ISSUER_CHART, STEP_CERTIFICATES_CHART, CERT_MANAGER_CHART, TRUST_MANAGER_CHART, APPROVER_POLICY_CHART];

/// A version must name one chart and no other.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    if !CHARTS.contains(&chart.name) {
        return;
    }
    let help = match chart.name {
        STEP_ISSUER_CHART => "write the whole version, such as `1.11.0`",
        _ => "write the whole version: three numbers, without a range",
    };
    match &chart.version {
        Version::Written { text, document, path } if !is_pinned(text) => {
            let message = format!("`{text}` does not name one chart, so what is built changes by itself");
            lint.report(&CHART_VERSION_FLOATING, document, path, message, help);
        }
        Version::Newest { document, path } => {
            let message = format!("chart `{}` has no version here, so the newest one is taken, another one tomorrow", chart.name);
            lint.report(&CHART_VERSION_FLOATING, document, path, message, help);
        }
        Version::Written { .. } | Version::Elsewhere => {}
    }
}

/// Whether a version is three numbers, and perhaps a suffix.
pub(super) fn is_pinned(version: &str) -> bool {
    let version = version.strip_prefix('=').unwrap_or(version).trim();
    let (core, suffix) = split(version);
    let numbers: Vec<&str> = core.split('.').collect();
    let is_number = |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number) && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// The three numbers of a version; None for ranges and words.
pub(in crate::lint) fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let (core, _) = split(version);
    let mut parts = core.split('.').map(|part| part.parse::<u32>());
    let numbers = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    parts.next().is_none().then_some(numbers)
}

fn split(version: &str) -> (&str, &str) {
    let version = version.strip_prefix('v').unwrap_or(version);
    version.split_at(version.find(['-', '+']).unwrap_or(version.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_name_one_chart() {
        for version in ["1.11.0", "v1.19.1", "=1.11.0", "0.8.0+2", "1.2.3-rc.1"] {
            assert!(is_pinned(version), "{version}");
        }
        for version in
            ["", "*", "1", "1.11", "1.x", "1.11.x", "^1.11.0", "~1.11.0", ">=1.0.0", "1.11.0 - 2.0.0", "1.0.0 || 2.0.0", "latest"]
        {
            assert!(!is_pinned(version), "{version}");
        }
        assert_eq!(numbers("v1.9.11-x"), Some((1, 9, 11)));
        assert_eq!(numbers("1.9"), None);
    }
}
