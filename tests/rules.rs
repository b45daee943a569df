//! Every rule is documented, fires where it should, and keeps silent beside it.
//!
//! A rule's folder below `tests/rules/` holds `fails/` and `passes/`: files put over those of `_good/` (one deleted where
//! it is empty), and in `fails/` also `findings.txt`, everything that `check` finds. `passes/` is the nearest thing that is
//! right: nothing at level warning or error is found there. What lies in a folder `base/` beside the files is committed
//! to Git first. `SNAPSHOTS=overwrite` writes `findings.txt`; `CASE=<code>` runs one rule.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trustree::finding::{RULES, Rule};

/// The day on which the cases are judged.
const TODAY: &str = "2027-06-01";

/// Rules that speak only while a CA is recorded or a repository is opened; sessions below `tests/cases/` show them.
const SHOWN_IN_SESSIONS: &[&str] = &[
    "unreadable-file",
    "layer-cycle",
    "environment-name-invalid",
    "inventory-not-found",
    "path-escapes",
    "helm-failed",
    "ledger-invalid",
    "snapshot-fingerprint-differs",
    "snapshot-incomplete",
    "snapshot-ambiguous",
    "snapshot-of-another-ca",
    "snapshot-partial",
    "root-drop-refused",
    "provisioner-ambiguous",
    "shared-not-written",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lays the files of a folder over those of another one; an empty file takes the one below it away.
fn lay_over(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
        let entry = entry.expect("listed");
        let below = entry.path().strip_prefix(from).expect("below");
        let target = to.join(below);
        if below.starts_with("base") || below == Path::new("findings.txt") {
            continue;
        }
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).expect("a folder");
        } else if entry.metadata().expect("metadata").len() == 0 {
            fs::remove_file(&target).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
        } else {
            fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `check` finds in a case: one line for each finding, and its help below.
fn findings(case: &Path) -> (Vec<(String, String)>, String) {
    let sandbox = tempfile::tempdir().expect("a folder");
    let work = sandbox.path();
    lay_over(&root().join("tests/rules/_good"), work);
    if case.join("base").is_dir() {
        lay_over(&case.join("base"), work);
        git(work, &["init", "--quiet", "--initial-branch=main"]);
        git(work, &["add", "--all"]);
        git(work, &["commit", "--quiet", "--message=base"]);
    }
    lay_over(case, work);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    command.args(["--quiet", "check", "--output", "json", "--as-of", TODAY]).current_dir(work);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ["TRUSTREE_", "GIT_"].iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", case.display(), String::from_utf8_lossy(&output.stderr)));
    let environments = report["environments"].as_array().expect("environments");
    let all = environments.iter().flat_map(|environment| environment["findings"].as_array().expect("findings"));
    let mut found = Vec::new();
    let mut lines = Vec::new();
    for finding in all.chain(report["findings"].as_array().expect("findings")) {
        let part = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let place = match (finding["line"].as_u64(), finding["column"].as_u64()) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", part("file")),
            _ => part("file"),
        };
        let help = finding["help"].as_str().map(|help| format!("\n  help: {help}")).unwrap_or_default();
        lines.push(format!("{}[{}] {place}\n  {}{help}\n", part("level"), part("rule"), part("message")));
        found.push((part("rule"), part("level")));
    }
    lines.sort();
    (found, lines.concat())
}

/// Rules with a folder of cases.
fn rules_with_cases() -> impl Iterator<Item = &'static Rule> {
    let only = std::env::var("CASE").ok();
    RULES.iter().copied().filter(move |rule| !SHOWN_IN_SESSIONS.contains(&rule.code) && only.as_ref().is_none_or(|only| only == rule.code))
}

#[test]
fn every_rule_fires_where_it_should_and_keeps_silent_beside_it() {
    let mut problems = Vec::new();
    for rule in rules_with_cases() {
        let folder = root().join("tests/rules").join(rule.code);
        let (fails, passes) = (folder.join("fails"), folder.join("passes"));
        if !fails.is_dir() || !passes.is_dir() {
            problems.push(format!("{}: no folder `fails` or no folder `passes`", rule.code));
            continue;
        }
        let (found, text) = findings(&fails);
        if !found.iter().any(|(code, _)| code == rule.code) {
            problems.push(format!("{}: does not fire\n{text}", rule.code));
        }
        let file = fails.join("findings.txt");
        if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
            fs::write(&file, &text).expect("written");
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            problems.push(format!("{}: finds\n{text}", file.display()));
        }
        let (found, text) = findings(&passes);
        if found.iter().any(|(code, level)| code == rule.code || level != "note") {
            problems.push(format!("{}: the neighbour does not pass\n{text}", rule.code));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_folder_of_cases_belongs_to_a_rule() {
    let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
    for entry in fs::read_dir(root().join("tests/rules")).expect("listed").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('_') || codes.contains(name.as_str()), "tests/rules/{name} belongs to no rule");
    }
}

#[test]
fn every_rule_has_its_section_and_every_section_its_rule() {
    let text = text_of("docs/rules.md");
    let sections: Vec<(&str, &str)> =
        text.split("\n## ").skip(3).map(|section| section.split_once('\n').expect("a heading and a body")).collect();
    assert!(!text.contains("TODO"), "a section is not written yet");
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(sections.iter().map(|(code, _)| *code).collect::<Vec<_>>(), codes, "headings follow the table");
    for (rule, (_, body)) in RULES.iter().zip(&sections) {
        let mark = match rule {
            Rule { untrusted: true, .. } => ", untrusted",
            Rule { clock: true, .. } => ", by the calendar",
            _ => "",
        };
        let first = format!("{:?}{mark}: {}.", rule.level, rule.summary);
        assert!(body.trim_start().starts_with(&first), "{}: the section begins with {first:?}", rule.code);
        assert!(body.contains("*What to do:*"), "{}: says what to do", rule.code);
        assert!(rule.untrusted || body.contains("*Switch off:*"), "{}: says when to switch it off", rule.code);
    }
}

#[test]
fn codes_are_unique_and_kebab_case() {
    let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(codes.len(), RULES.len());
    assert!(
        codes
            .iter()
            .all(|code| code.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'))
    );
}

/// Rules without cases of their own are shown by a session.
#[test]
fn what_only_sessions_can_show_is_shown_there() {
    let sessions = walkdir::WalkDir::new(root().join("tests/cases")).into_iter().filter_map(Result::ok);
    let mut texts: String =
        sessions.filter(|entry| entry.file_name() == "session.md").map(|entry| fs::read_to_string(entry.path()).expect("read")).collect();
    for entry in walkdir::WalkDir::new(root().join("tests/snapshot_import")).into_iter().filter_map(Result::ok) {
        texts.push_str(&fs::read_to_string(entry.path()).unwrap_or_default());
    }
    for code in SHOWN_IN_SESSIONS {
        assert!(texts.contains(&format!("[{code}]")) || texts.contains(&format!("\"{code}\"")), "no session shows {code}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = root();
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    let docs = walkdir::WalkDir::new(root.join("docs")).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    pages.extend(docs.map(walkdir::DirEntry::into_path));
    for page in pages {
        let text = fs::read_to_string(&page).expect("read");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_far = target.starts_with("http") || target.starts_with('#');
            let path = page.parent().expect("a folder").join(target.split('#').next().unwrap_or(target));
            assert!(is_far || path.exists(), "{} links to `{target}`", page.display());
        }
    }
}
