//! Every rule is documented, and everything documented is a rule.

#![expect(clippy::disallowed_methods, reason = "a test reads the documentation")]

use std::collections::BTreeSet;

use trustree::finding::RULES;

#[test]
fn every_rule_has_its_section_and_every_section_its_rule() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md")).expect("docs/rules.md");
    let sections: Vec<(&str, &str)> =
        text.split("\n## ").skip(1).map(|section| section.split_once('\n').expect("a heading and a body")).collect();
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(sections.iter().map(|(code, _)| *code).collect::<Vec<_>>(), codes, "headings follow the table");
    for (rule, (_, body)) in RULES.iter().zip(&sections) {
        let untrusted = if rule.untrusted { ", untrusted" } else { "" };
        let first = format!("{:?}{untrusted}: {}.", rule.level, rule.summary);
        assert!(body.trim_start().starts_with(&first), "{}: the section begins with {first:?}", rule.code);
        assert!(body.contains("*What to do:*"), "{}: says what to do", rule.code);
    }
}

#[test]
fn codes_are_unique_and_kebab_case() {
    let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(codes.len(), RULES.len());
    assert!(codes.iter().all(|code| code.chars().all(|character| character.is_ascii_lowercase() || character == '-')));
}
