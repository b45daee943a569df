//! Names of environments: they become folders, so they must work on every file system.

use std::fmt;

/// The name of an environment, which is also the name of its folders below `environments/` and `out/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// Checks a name.
    ///
    /// # Errors
    /// A sentence that says why the name cannot be used.
    pub fn new(name: &str) -> Result<EnvironmentName, String> {
        match portable_name_problem(name) {
            Some(problem) => Err(problem),
            None if name.starts_with(['_', '.', '-']) => Err("it must begin with a letter or a digit".to_owned()),
            None => Ok(EnvironmentName(name.to_owned())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names that Windows keeps for devices, with or without an extension.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// Why a path cannot be one below the repository on every system, if it cannot.
pub(super) fn portable_path_problem(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some("it begins at the root of the file system".to_owned());
    }
    path.split('/').find_map(|name| match name {
        "" => Some("a `/` too many stands in it".to_owned()),
        "." | ".." => Some(format!("`{name}` is no folder of its own")),
        _ => portable_name_problem(name),
    })
}

/// Why a name cannot be a file or folder on every system, if it cannot.
pub fn portable_name_problem(name: &str) -> Option<String> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit());
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > 128 {
        return Some("it is longer than 128 characters".to_owned());
    }
    if let Some(character) = name.chars().find(|character| !(character.is_ascii_alphanumeric() || "._-@+=".contains(*character))) {
        return Some(format!("it has the character {character:?}; letters, digits, `.`, `_` and `-` work everywhere"));
    }
    if name.ends_with('.') || name.chars().all(|character| character == '.') {
        return Some("it ends with a dot, which Windows drops".to_owned());
    }
    if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return Some("Windows keeps this name for a device".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_work_everywhere_are_taken() {
        for name in ["prod-tokyo", "dev", "eu.west-1", "Prod", "console", "com10", "0"] {
            assert!(EnvironmentName::new(name).is_ok(), "{name}");
        }
        for name in [
            "", "..", "../x", "CON", "con.yaml", "COM1", "lpt9.txt", "a/b", "a\\b", "a b", "a:b", "_layers", ".git", "x.", "é", "-x", "a\0",
        ] {
            assert!(EnvironmentName::new(name).is_err(), "{name:?}");
        }
    }
}
