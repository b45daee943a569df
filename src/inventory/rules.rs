//! Levels that people give to rules: whether there is such a rule, and whether its level is theirs to give.

use std::collections::BTreeMap;

use crate::finding::{Finding, Level, Place, RULES, Rule, UNKNOWN_FIELD, WRONG_TYPE};
use crate::inventory::schema::{OverrideLevel, RuleOverride};
use crate::yaml::{At, Node, Path, nearest};

impl OverrideLevel {
    /// The level; None for `off`.
    pub fn level(self) -> Option<Level> {
        match self {
            OverrideLevel::Off => None,
            OverrideLevel::Note => Some(Level::Note),
            OverrideLevel::Warning => Some(Level::Warning),
            OverrideLevel::Error => Some(Level::Error),
        }
    }
}

/// What is wrong with overrides: rules that do not exist, and rules whose level is not for anybody to change. `tree` is
/// where they stand under `rules`, and `place` turns a place in it into one in a file.
pub(super) fn check(overrides: &BTreeMap<String, RuleOverride>, tree: &Node, place: impl Fn(At) -> Place) -> Vec<Finding> {
    let finding = |code: &String| {
        let path = Path::of(["rules", code]);
        match Rule::by_code(code) {
            None => {
                let help = match nearest(code, RULES.iter().map(|rule| rule.code)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "the rules are listed in docs/rules.md".to_owned(),
                };
                Some(Finding::new(&UNKNOWN_FIELD, place(tree.key_place(&path)), format!("there is no rule `{code}`")).help(help))
            }
            Some(rule) if rule.untrusted => {
                let message = format!("the level of `{code}` cannot be changed: what it finds cannot be read or trusted");
                Some(Finding::new(&WRONG_TYPE, place(tree.key_place(&path)), message).help("mend what it finds, and take this out"))
            }
            Some(_) => None,
        }
    };
    overrides.keys().filter_map(finding).collect()
}
