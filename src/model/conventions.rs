//! Conventions of charts that several parts of the model follow.

/// The full name that a chart made by `helm create` gives a release: the release's name where it contains the chart's,
/// both otherwise, cut to 63 characters.
pub fn helm_fullname(release: &str, chart: &str) -> String {
    let name = if release.contains(chart) { release.to_owned() } else { format!("{release}-{chart}") };
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches('-').to_owned()
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
}
