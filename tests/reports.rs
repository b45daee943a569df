//! What is reported, held against what its readers expect: our JSON Schema, the standard's schema of SARIF, Python's XML.
//!
//! How each format looks is shown in `tests/cases`. The standard's schema and Python are installed by `.ci/run tools`:
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test reports -- --ignored

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const HEAD: &str = "apiVersion: trustree.dev/v1alpha1\nkind: Environment\n";
const STEP_ISSUER: &str = "stepIssuer:\n  namespace: smallstep\n  chart:\n    version: 1.11.0\n";
/// Every command, as it is called.
const COMMANDS: [&[&str]; 4] = [&["check"], &["check", "--strict"], &["diff"], &["render"]];

fn inventory(rest: &str) -> String {
    format!("{HEAD}{STEP_ISSUER}{rest}")
}

/// A repository of these files.
fn repository(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

/// Errors, notes, drift, a hand edit in the way, a group of two, a folder with an odd name, a message with odd characters.
fn full_of_findings() -> TempDir {
    let folder = repository(&[
        ("environments/_layers/base.yaml", "apiVersion: trustree.dev/v1alpha1\nkind: Layer\nlabel: {}\n".to_owned()),
        ("environments/first/inventory.yaml", inventory("extends: [base]\n")),
        ("environments/second/inventory.yaml", inventory("extends: [base]\n")),
        ("environments/odd/inventory.yaml", inventory("\"\\e[2J]]>\\n::error::<b>`@x##[error]\": 1\n")),
        ("environments/fine/inventory.yaml", inventory("  values:\n    replicaCount: 2\n")),
        ("environments/note/inventory.yaml", inventory("  values:\n    a: 1\n").replace("1.11.0", "99.0.0")),
        ("environments/edited/inventory.yaml", inventory("")),
        ("environments/a, b: 100% \u{e4}\u{1b}\n/inventory.yaml", inventory("")),
    ]);
    run(folder.path(), &["render", "--env", "edited"]);
    let file = folder.path().join("out/edited/smallstep/step-issuer/kustomization.yaml");
    let text = fs::read_to_string(&file).expect("rendered");
    fs::write(file, format!("{text}# by hand\n")).expect("written");
    folder
}

/// What is delivered is what a render gives.
fn in_order() -> TempDir {
    // Without an account of its own, the chart would be warned of.
    let own_account = "  values:\n    serviceAccount: {create: true}\n";
    let folder = repository(&[("environments/dev/inventory.yaml", inventory(own_account))]);
    run(folder.path(), &["render"]);
    folder
}

/// Repositories of every kind, by what they are.
fn repositories() -> Vec<(&'static str, TempDir)> {
    vec![
        ("full of findings", full_of_findings()),
        ("in order", in_order()),
        ("not rendered yet", repository(&[("environments/dev/inventory.yaml", inventory(""))])),
        ("without environments", repository(&[("environments/.gitkeep", String::new())])),
        ("unusable", repository(&[("trustree.yaml", "out: ../elsewhere\n".to_owned())])),
    ]
}

/// Standard output and exit code.
fn run(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustree"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("TRUSTREE_") || name.starts_with("GITHUB_")) {
            command.env_remove(name);
        }
    }
    let output = command.args(arguments).current_dir(folder).output().expect("it runs");
    (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code().expect("an exit code"))
}

/// Runs every command over every repository with this format; each in a fresh one, because `render` writes.
fn every_report(format: &str, mut look: impl FnMut(&str, &str, i32)) {
    for command in COMMANDS {
        for (what, folder) in repositories() {
            let (text, code) = run(folder.path(), &[command, &["--quiet", "--output", format]].concat());
            look(&format!("`{} -o {format}`, {what}", command.join(" ")), &text, code);
        }
    }
}

fn tool(name: &str) -> PathBuf {
    let tools = std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder that `.ci/run tools` fills");
    PathBuf::from(tools).join(name)
}

fn problems(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn json_is_what_its_schema_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.schema.json");
    let text = fs::read_to_string(path).expect("the schema");
    let (printed, _) = run(Path::new("."), &["schema", "report"]);
    assert_eq!(printed, text, "schemas/report.schema.json is stale: cargo run -q -- schema report > schemas/report.schema.json");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let mut states = BTreeSet::new();
    every_report("json", |what, text, _| {
        let report: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
        assert_eq!(problems(&validator, &report), [""; 0], "{what}");
        let environments = report["environments"].as_array().expect("a list");
        states.extend(environments.iter().filter_map(|environment| environment["state"].as_str().map(str::to_owned)));
    });
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["blocked", "changed", "failed", "rendered", "unchanged"]);
    // And it is no schema of everything.
    assert!(!validator.is_valid(&serde_json::json!({ "kind": "Report" })));
}

#[test]
fn documents_are_complete_whatever_happens() {
    for format in ["json", "sarif", "gitlab"] {
        every_report(format, |what, text, _| {
            serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
        });
    }
    every_report("junit", |what, text, _| {
        assert!(text.starts_with("<?xml ") && text.ends_with("</testsuites>\n"), "{what}:\n{text}");
    });
    every_report("markdown", |what, text, _| assert!(text.starts_with("## trustree "), "{what}:\n{text}"));
}

/// A report on standard output is read by whoever reads the log: nothing that somebody wrote is a command there.
#[test]
fn no_report_is_a_command_to_whoever_reads_the_log() {
    for format in ["human", "json", "sarif", "gitlab", "junit", "markdown"] {
        every_report(format, |what, text, _| {
            let command = text.lines().find(|line| line.contains("##[") || line.trim_start().starts_with("::"));
            assert_eq!(command, None, "{what}");
        });
    }
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let codes = |format: &str| {
        let mut codes = Vec::new();
        every_report(format, |_, _, code| codes.push(code));
        codes
    };
    let expected = codes("human");
    assert!(expected.contains(&0) && expected.contains(&1) && expected.contains(&2), "{expected:?}");
    for format in ["json", "sarif", "github", "gitlab", "junit", "markdown"] {
        assert_eq!(codes(format), expected, "{format}");
    }
}

/// Whoever looks only at a report sees no success where there was none.
#[test]
fn what_fails_the_run_is_in_every_report() {
    every_report("sarif", |what, text, code| {
        let report: Value = serde_json::from_str(text).expect("JSON");
        let failing = report["runs"][0]["results"].as_array().expect("results").iter().any(|result| result["level"] == "error");
        assert_eq!(failing, code != 0, "{what}");
        assert_eq!(report["runs"][0]["invocations"][0]["executionSuccessful"], code != 2, "{what}");
    });
    every_report("gitlab", |what, text, code| {
        let report: Value = serde_json::from_str(text).expect("JSON");
        let entries = report.as_array().expect("a list");
        let failing = entries.iter().any(|entry| entry["severity"] == "major" || entry["severity"] == "blocker");
        assert_eq!(failing, code != 0, "{what}");
        let fingerprints: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["fingerprint"].as_str()).collect();
        assert_eq!(fingerprints.len(), entries.len(), "{what}");
    });
    every_report("junit", |what, text, code| {
        assert_eq!(text.contains("<failure ") || text.contains("<error "), code != 0, "{what}");
    });
    every_report("github", |what, text, code| {
        assert_eq!(text.starts_with("::error "), code != 0, "{what}");
        for line in text.lines() {
            assert!(
                ["::error file=", "::warning file=", "::notice file=", "trustree: "].iter().any(|begin| line.starts_with(begin)),
                "{line}"
            );
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    });
}

/// A selection that no environment's labels fulfil is known only after the report was begun.
#[test]
fn a_selection_of_nothing_leaves_a_complete_report_that_is_no_success() {
    let folder = repository(&[("environments/dev/inventory.yaml", inventory(""))]);
    let (_, code) = run(folder.path(), &["check", "--selector", "stage=none", "-o", "sarif=report.sarif"]);
    assert_eq!(code, 2);
    let report: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("report.sarif")).expect("written")).expect("JSON");
    assert_eq!(report["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
#[ignore = "needs the standard's schema: .ci/run installs it"]
fn sarif_is_what_the_standard_says() {
    let text = fs::read_to_string(tool("sarif-2.1.0.schema.json")).expect("the standard's schema");
    // The pattern of a field that we do not write has a bracket too many, which strict readers of patterns refuse.
    let schema: Value = serde_json::from_str(&text.replace("{2}]?$", "{2}$")).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let mut results = 0;
    every_report("sarif", |what, text, _| {
        let report: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(problems(&validator, &report), [""; 0], "{what}");
        let run = &report["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        for result in run["results"].as_array().expect("results") {
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[index]["id"], result["ruleId"], "{what}");
            results += 1;
        }
    });
    assert!(results > 20, "{results}");
    assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0" })));
}

/// Python's reader is another one than the writer that we use.
#[test]
#[ignore = "needs Python: .ci/run installs it"]
fn junit_is_xml_with_counts_that_are_right() {
    let script = r#"
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.stdin).getroot()
assert suites.tag == "testsuites", suites.tag
assert len(suites) > 0
for suite in suites:
    cases = suite.findall("testcase")
    count = lambda kind: sum(case.find(kind) is not None for case in cases)
    found = {"tests": len(cases), "failures": count("failure"), "errors": count("error"), "skipped": count("skipped")}
    assert {key: int(suite.get(key)) for key in found} == found, suite.attrib
    assert len(cases) > 0 and len({case.get("name") for case in cases}) == len(cases), suite.attrib
print(sum(len(suite.findall("testcase")) for suite in suites))
"#;
    let python = tool("python");
    every_report("junit", |what, text, _| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.xml");
        fs::write(&file, text).expect("written");
        let output =
            Command::new(&python).args(["-c", script]).stdin(fs::File::open(&file).expect("opened")).output().expect("Python runs");
        assert!(output.status.success(), "{what}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    });
}
