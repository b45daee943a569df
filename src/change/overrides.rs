//! Rules whose level a change alters: what a reviewer has to see before everything else.

use crate::finding::{Level, Place, Rule};

/// A rule whose level is another one than before the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideChange {
    /// The rule.
    pub rule: &'static Rule,
    /// The level that its findings had; None where they were left out.
    pub before: Option<Level>,
    /// The level that they have now; None where they are left out.
    pub after: Option<Level>,
    /// Why, where somebody says so; None also where a level was taken back.
    pub reason: Option<String>,
    /// Where the level is set, or where it was set.
    pub place: Place,
    /// The environments that it concerns, sorted; empty for the settings, which hold for all.
    pub environments: Vec<String>,
}
