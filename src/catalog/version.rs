//! Versions as inventories give them: major and minor count, the patch level may be left open.

/// Major and minor version of `1.36`, `v1.36.3` and the like; None for anything that is no version.
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
    fn versions_are_read_to_the_minor() {
        assert_eq!(minor_version("1.36"), Some((1, 36)));
        assert_eq!(minor_version("v1.30.2"), Some((1, 30)));
        assert_eq!(minor_version("1.30.2-gke.100"), Some((1, 30)));
        for text in ["", "1", "one.two", "1.x", "latest", "1.2.x"] {
            assert_eq!(minor_version(text), None, "{text}");
        }
    }
}
