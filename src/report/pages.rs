//! What the documentation says of a rule, for formats that carry it along and for whoever asks.

use crate::finding::Rule;

/// The pages that have a section for each rule.
const PAGES: [(&str, &str); 2] =
    [("docs/rules.md", include_str!("../../docs/rules.md")), ("docs/reports.md", include_str!("../../docs/reports.md"))];

/// A rule's section.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// The page, below the root of the project.
    pub page: &'static str,
    /// All of it as Markdown, without the heading.
    pub text: &'static str,
    /// Why there is such a rule, as Markdown.
    pub why: &'static str,
    /// What to do about it, as Markdown.
    pub what_to_do: &'static str,
}

/// The section of a rule; None where nobody wrote one.
pub fn section(rule: &Rule) -> Option<Section> {
    PAGES.iter().find_map(|(page, all)| {
        let heading = format!("\n## {}\n", rule.code);
        let (_, behind) = all.split_once(heading.as_str())?;
        let text = behind.split_once("\n## ").map_or(behind, |(text, _)| text).trim();
        // The first paragraph repeats level and summary.
        let (_, rest) = text.split_once("\n\n")?;
        let (why, what_to_do) = rest.split_once("*What to do:*")?;
        Some(Section { page, text, why: why.trim(), what_to_do: what_to_do.trim() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RULES;
    use crate::report::{DRIFT, NOT_FINISHED};

    /// That every rule has one is for `tests/rules.rs`.
    #[test]
    fn every_section_can_be_taken_apart() {
        let headings: usize = PAGES.iter().map(|(_, text)| text.matches("\n*What to do:*").count()).sum();
        let sections: Vec<Section> = RULES.iter().copied().chain([&DRIFT, &NOT_FINISHED]).filter_map(section).collect();
        assert_eq!(sections.len(), headings);
        assert!(section(&DRIFT).is_some() && section(&NOT_FINISHED).is_some());
        for section in sections {
            assert!(!section.why.is_empty() && !section.what_to_do.is_empty(), "{section:?}");
            assert!(!section.why.contains("What to do") && !section.what_to_do.contains("\n## "), "{section:?}");
        }
    }

    #[test]
    fn a_rule_without_a_section_is_none() {
        let rule = Rule { code: "made-up", ..DRIFT };
        assert_eq!(section(&rule), None);
    }
}
