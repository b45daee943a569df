//! A rule, as `docs/rules.md` tells it.

use serde::Serialize;

use crate::finding::{RULES, Rule};
use crate::yaml::nearest;

/// The page of all rules, as it is published.
const PAGE: &str = include_str!("../../docs/rules.md");

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

/// Explains the rule of this code; otherwise the code that was probably meant, where there is one.
///
/// # Errors
/// The nearest code, or None.
pub fn explain_rule(code: &str) -> Result<RuleExplanation, Option<&'static str>> {
    let Some(rule) = Rule::by_code(code) else { return Err(nearest(code, RULES.iter().map(|rule| rule.code))) };
    let section = PAGE.split("\n## ").find_map(|section| section.strip_prefix(rule.code)?.strip_prefix('\n'));
    let text = section.unwrap_or_default().trim();
    Ok(RuleExplanation { rule: rule.code, level: rule.level.to_string(), summary: rule.summary, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_text() {
        for rule in RULES {
            let explanation = explain_rule(rule.code).expect(rule.code);
            assert!(explanation.text.contains(rule.summary), "{}", rule.code);
        }
        assert_eq!(explain_rule("wildcard-match-no-service").expect_err("unknown"), Some("wildcard-matches-no-service"));
        assert_eq!(explain_rule("xyz").expect_err("unknown"), None);
    }
}
