//! Levels that people give to rules: whether there is such a rule, and whether its level is theirs to give.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

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

impl RuleOverride {
    /// The reason, unless it is empty.
    pub fn given_reason(&self) -> Option<&str> {
        self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
    }
}

impl<'de> Deserialize<'de> for OverrideLevel {
    /// Takes the four words. A bare `off` is the boolean false to every reader of Kubernetes' YAML, and means off here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OverrideLevel, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

struct LevelVisitor;

impl Visitor<'_> for LevelVisitor {
    type Value = OverrideLevel;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one of `off`, `note`, `warning`, `error`")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<OverrideLevel, E> {
        if value { Err(E::invalid_type(Unexpected::Bool(value), &self)) } else { Ok(OverrideLevel::Off) }
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<OverrideLevel, E> {
        match word {
            "off" => Ok(OverrideLevel::Off),
            "note" => Ok(OverrideLevel::Note),
            "warning" => Ok(OverrideLevel::Warning),
            "error" => Ok(OverrideLevel::Error),
            _ => Err(E::invalid_type(Unexpected::Str(word), &self)),
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

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::inventory::Settings;

    fn level(text: &str) -> Result<OverrideLevel, String> {
        let settings = Settings::parse(format!("rules:\n  duration-unset:\n    level: {text}\n").as_bytes());
        settings.map(|settings| settings.rules["duration-unset"].level).map_err(|findings| findings[0].message.clone())
    }

    #[test]
    fn a_bare_off_means_off_although_yaml_calls_it_a_boolean() {
        for text in ["off", "\"off\"", "Off"] {
            assert_eq!(level(text), Ok(OverrideLevel::Off), "{text}");
        }
        assert_eq!(level("error"), Ok(OverrideLevel::Error));
        for text in ["on", "3", "fatal", "[]"] {
            let message = level(text).expect_err(text);
            assert!(message.contains("one of `off`, `note`, `warning`, `error` is expected here"), "{message}");
        }
    }

    #[test]
    fn a_rule_that_does_not_exist_and_one_that_nobody_may_change_are_named_with_their_line() {
        let text = "rules:\n  ca-expird:\n    level: note\n  wrong-type:\n    level: note\n";
        let findings = Settings::parse(text.as_bytes()).expect_err("refused");
        let shown: Vec<(&str, &Place)> = findings.iter().map(|finding| (finding.rule.code, &finding.place)).collect();
        let at = |line| Place::File { file: Utf8Path::new("trustree.yaml").to_owned(), line, column: 3 };
        assert_eq!(shown, [("unknown-field", &at(2)), ("wrong-type", &at(4))]);
        assert_eq!(findings[0].help.as_deref(), Some("did you mean `ca-expired`?"));
    }
}
