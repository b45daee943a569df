//! A rule, as the documentation tells it.

use serde::Serialize;

use crate::finding::{RULES, Rule};
use crate::report::{DRIFT, NOT_FINISHED, section};
use crate::yaml::nearest;

/// What reports tell beside the rules: codes whose level nobody can change.
const NO_RULES: [&Rule; 2] = [&DRIFT, &NOT_FINISHED];

/// A rule and its section.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleExplanation {
    /// Its code.
    pub rule: &'static str,
    /// The level where nobody changed it.
    pub level: String,
    /// The rule in one sentence.
    pub summary: &'static str,
    /// Its section as Markdown, without the heading.
    pub text: &'static str,
}

/// Explains the rule of this code, or another code that reports have; otherwise the code that was probably meant, where there is one.
///
/// # Errors
/// The nearest code, or None.
pub fn explain_rule(code: &str) -> Result<RuleExplanation, Option<&'static str>> {
    let known = || RULES.iter().copied().chain(NO_RULES);
    let Some(rule) = known().find(|rule| rule.code == code) else { return Err(nearest(code, known().map(|rule| rule.code))) };
    let text = section(rule).map(|section| section.text).unwrap_or_default();
    Ok(RuleExplanation { rule: rule.code, level: rule.level.to_string(), summary: rule.summary, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_text() {
        for rule in RULES.iter().copied().chain(NO_RULES) {
            let explanation = explain_rule(rule.code).expect(rule.code);
            assert!(explanation.text.contains("*What to do:*"), "{}", rule.code);
        }
        assert_eq!(explain_rule("wildcard-match-no-service").expect_err("unknown"), Some("wildcard-matches-no-service"));
        assert_eq!(explain_rule("xyz").expect_err("unknown"), None);
    }
}
