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

/// Every rule fires in some test: in a case, a page, or a test of the room that it belongs to.
#[test]
fn every_rule_fires_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = String::new();
    let mut folders = vec![root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("listed").flatten() {
            let path = entry.path();
            let is_session = path.file_name().is_some_and(|name| name == "session.md");
            let is_test = path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("rules.rs");
            if path.is_dir() {
                folders.push(path);
            } else if is_session || is_test {
                texts.push_str(&std::fs::read_to_string(&path).expect("read"));
            }
        }
    }
    for page in ["README.md", "docs/templates.md"] {
        texts.push_str(&std::fs::read_to_string(root.join(page)).expect("read"));
    }
    let quiet: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.code)
        .filter(|code| !texts.contains(&format!("[{code}]")) && !texts.contains(&format!("\"{code}\"")))
        .collect();
    assert!(quiet.is_empty(), "no test shows {quiet:?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    pages.extend(std::fs::read_dir(root.join("docs")).expect("listed").flatten().map(|entry| entry.path()));
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("read");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_far = target.starts_with("http") || target.starts_with('#');
            let path = page.parent().expect("a folder").join(target.split('#').next().unwrap_or(target));
            assert!(is_far || path.exists(), "{} links to `{target}`", page.display());
        }
    }
}
