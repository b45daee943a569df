//! Conventions of charts and versions that several parts of the model follow.

/// The full name that a chart made by `helm create` gives a release: the release's name where it contains the chart's,
/// both otherwise, cut to 63 characters.
pub fn helm_fullname(release: &str, chart: &str) -> String {
    let name = if release.contains(chart) { release.to_owned() } else { format!("{release}-{chart}") };
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches('-').to_owned()
}

/// Major and minor version of `1.36`, `v1.36.3` and the like.
pub fn minor_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch: String = parts.collect::<Vec<_>>().join(".");
    let patch_ok = patch.is_empty() || patch.split(['-', '+', '.']).next().is_some_and(|number| number.parse::<u32>().is_ok());
    patch_ok.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_are_those_of_the_chart() {
        assert_eq!(helm_fullname("step-certificates", "step-certificates"), "step-certificates");
        assert_eq!(helm_fullname("ca", "step-certificates"), "ca-step-certificates");
        assert_eq!(helm_fullname("my-step-certificates-2", "step-certificates"), "my-step-certificates-2");
        assert_eq!(helm_fullname(&"a".repeat(62), "x").len(), 62);
    }

    #[test]
    fn versions_are_read_to_the_minor() {
        assert_eq!(minor_version("1.36"), Some((1, 36)));
        assert_eq!(minor_version("v1.30.2"), Some((1, 30)));
        assert_eq!(minor_version("1.30.2-gke.100"), Some((1, 30)));
        for text in ["", "1", "one.two", "1.x", "latest", "1.2.x"] {
            assert_eq!(minor_version(text), None, "{text}");
        }
    }
}
