//! Names of environments: they become folders, so they must work on every file system.

use std::fmt;

use crate::tree::portable_name_problem;

/// The name of an environment, which is also the name of its folders below `environments/` and `out/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
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
