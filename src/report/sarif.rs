//! SARIF 2.1.0, for code scanning. What GitHub shows is limited: 5 000 results of a run, the most severe first; how many
//! were left out is said in a notification.

use std::borrow::Cow;
use std::fmt::{self, Write};

use camino::Utf8PathBuf;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::finding::{Level, Rule};
use crate::report::pages::section;
use crate::report::text::{cut, json_line, the_same_in};
use crate::report::{Entry, Format, Run, Told, Whole};

/// Results that GitHub shows of a run; it takes more and drops them silently, or refuses the file.
const MAX_RESULTS: usize = 5_000;
/// Characters of a message or a help line: five thousand of them must fit into ten megabytes when packed.
const MAX_TEXT: usize = 2_000;
/// Where the project lives, as Cargo.toml says; empty while it says nothing.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What may stand in a path of a URI as it is (RFC 3986); `:` may not in a first segment, so it is left out.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// SARIF.
#[derive(Debug)]
pub struct Sarif {
    prefix: Utf8PathBuf,
}

impl Sarif {
    /// Begins a report.
    pub fn new(run: &Run) -> Sarif {
        Sarif { prefix: run.prefix.clone() }
    }

    fn result(&self, entry: &Entry<'_>, rules: &[&'static Rule]) -> Value {
        let region = entry.line.map(|line| match entry.column {
            Some(column) => json!({ "startLine": line, "startColumn": column }),
            None => json!({ "startLine": line }),
        });
        let mut physical = json!({ "artifactLocation": { "uri": uri(&entry.path_from(&self.prefix)), "uriBaseId": "%SRCROOT%" } });
        if let Some(region) = region {
            physical["region"] = region;
        }
        json!({
            "ruleId": entry.rule.code,
            "ruleIndex": rules.iter().position(|rule| rule.code == entry.rule.code),
            "level": level(entry.level),
            "message": { "text": message(entry) },
            "locations": [{ "physicalLocation": physical }],
            "partialFingerprints": fingerprints(entry),
        })
    }
}

impl Format for Sarif {
    fn environment(&mut self, _: &Told<'_>, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        let (mut rules, mut total): (Vec<&'static Rule>, usize) = (Vec::new(), 0);
        for entry in whole.entries() {
            if total < MAX_RESULTS && rules.iter().all(|rule| rule.code != entry.rule.code) {
                rules.push(entry.rule);
            }
            total += 1;
        }
        write!(out, "{{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n  \"version\": \"2.1.0\",\n  \"runs\": [{{\n")?;
        writeln!(out, "    \"tool\": {},", json!({ "driver": driver(&rules, REPOSITORY) }))?;
        writeln!(out, "    \"columnKind\": \"unicodeCodePoints\",")?;
        let root = json!({ "%SRCROOT%": { "description": { "text": "the root of the work tree" } } });
        writeln!(out, "    \"originalUriBaseIds\": {root},")?;
        writeln!(out, "    \"invocations\": [{}],", invocation(whole.summary.untrusted, total))?;
        write!(out, "    \"results\": [")?;
        for (index, entry) in whole.entries().take(MAX_RESULTS).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}\n      {}", json_line(&self.result(&entry, &rules)))?;
        }
        writeln!(out, "\n    ]\n  }}]\n}}")
    }
}

fn driver(rules: &[&Rule], repository: &str) -> Value {
    let mut driver = json!({
        "name": "trustree",
        "version": VERSION,
        "semanticVersion": VERSION,
        "rules": rules.iter().map(|rule| descriptor(rule, repository)).collect::<Vec<_>>(),
    });
    if !repository.is_empty() {
        driver["informationUri"] = json!(repository);
    }
    driver
}

fn descriptor(rule: &Rule, repository: &str) -> Value {
    let marks = [(rule.untrusted, "untrusted-input"), (rule.clock, "calendar")];
    let tags: Vec<&str> = ["configuration"].into_iter().chain(marks.iter().filter(|(holds, _)| *holds).map(|(_, tag)| *tag)).collect();
    let section = section(rule);
    let what_to_do = section.as_ref().map_or("see the message", |section| section.what_to_do);
    let mut descriptor = json!({
        "id": rule.code,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": section.as_ref().map_or(rule.summary, |section| section.why) },
        "help": { "text": what_to_do, "markdown": what_to_do },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": tags },
    });
    if let Some(section) = section.filter(|_| !repository.is_empty()) {
        descriptor["helpUri"] = json!(format!("{repository}/blob/v{VERSION}/{}#{}", section.page, rule.code));
    }
    descriptor
}

/// What a result is known by. GitHub compares `primaryLocationLineHash`; its upload action makes that from the line's text,
/// warns of every one that says something else, and cannot make one where there is no line.
fn fingerprints(entry: &Entry<'_>) -> Value {
    match entry.line {
        Some(_) => json!({ "trustree/v1": entry.fingerprint }),
        None => json!({ "trustree/v1": entry.fingerprint, "primaryLocationLineHash": entry.fingerprint }),
    }
}

/// What the run says of itself; `total` is how many results there are, shown or not.
fn invocation(untrusted: bool, total: usize) -> Value {
    let mut invocation = json!({ "executionSuccessful": !untrusted });
    if total > MAX_RESULTS {
        let text = format!(
            "{} of {total} results are left out, the least severe ones: GitHub shows {MAX_RESULTS}. `trustree check` shows all of them",
            total - MAX_RESULTS
        );
        invocation["toolExecutionNotifications"] = json!([{ "level": "warning", "message": { "text": text } }]);
    }
    invocation
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

fn message(entry: &Entry<'_>) -> String {
    let help = entry.help.as_deref().map(|help| format!("help: {}", cut(help, MAX_TEXT)));
    let lines = [Some(cut(&entry.message, MAX_TEXT).into_owned()), help, the_same_in(entry.environments)];
    without_links(&lines.into_iter().flatten().collect::<Vec<_>>().join("\n")).into_owned()
}

/// `[text](target)` is a link in a SARIF message, wherever it came from: it is taken apart.
fn without_links(text: &str) -> Cow<'_, str> {
    if text.contains("](") { Cow::Owned(text.replace("](", "] (")) } else { Cow::Borrowed(text) }
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    utf8_percent_encode(path, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CA_EXPIRED, Finding, Place, UNKNOWN_FIELD};
    use crate::report::testing;

    fn report(findings: &[Finding]) -> Value {
        let run = Run { prefix: Utf8PathBuf::from("deploy/pki"), ..testing::run() };
        serde_json::from_str(&testing::finished(&mut Sarif::new(&run), findings)).expect("JSON")
    }

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("environments/dev/a.yaml"), "environments/dev/a.yaml");
        assert_eq!(uri("c:/ä ?#%[]\\"), "c%3A/%C3%A4%20%3F%23%25%5B%5D%5C");
    }

    #[test]
    fn a_link_in_a_message_is_none() {
        assert_eq!(without_links("see [this](https://example.org)"), "see [this] (https://example.org)");
    }

    #[test]
    fn beyond_the_limit_the_least_severe_are_left_out_and_counted() {
        let mut findings: Vec<Finding> =
            (0..MAX_RESULTS).map(|line| Finding::new(&UNKNOWN_FIELD, Place::whole(format!("{line:05}.yaml")), "a")).collect();
        let within = report(&findings);
        assert_eq!(within["runs"][0]["results"].as_array().map(Vec::len), Some(MAX_RESULTS));
        assert_eq!(within["runs"][0]["invocations"][0]["toolExecutionNotifications"], Value::Null);

        findings.push(Finding::new(&CA_EXPIRED, Place::whole("a.yaml"), "b").at(Level::Note));
        findings.push(Finding::new(&UNKNOWN_FIELD, Place::whole("zz.yaml"), "c").at(Level::Note));
        let beyond = report(&findings);
        let results = beyond["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.len(), MAX_RESULTS);
        assert!(results.iter().all(|result| result["level"] == "error"));
        let notification = &beyond["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert!(notification.as_str().expect("a text").starts_with("2 of 5002 results are left out"), "{notification}");
        // A rule of which no result is shown is not described either.
        assert_eq!(beyond["runs"][0]["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn untrusted_input_is_no_successful_run() {
        let trusted = report(&[Finding::new(&CA_EXPIRED, Place::whole("a.yaml"), "a")]);
        let untrusted = report(&[Finding::new(&UNKNOWN_FIELD, Place::whole("a.yaml"), "a")]);
        assert_eq!(trusted["runs"][0]["invocations"][0]["executionSuccessful"], true);
        assert_eq!(untrusted["runs"][0]["invocations"][0]["executionSuccessful"], false);
        let uri = &trusted["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(uri, "deploy/pki/a.yaml");
    }

    #[test]
    fn links_to_the_project_appear_once_it_says_where_it_lives() {
        assert_eq!(driver(&[&UNKNOWN_FIELD], "")["informationUri"], Value::Null);
        let driver = driver(&[&UNKNOWN_FIELD], "https://github.com/example/trustree");
        assert_eq!(driver["informationUri"], "https://github.com/example/trustree");
        let help = driver["rules"][0]["helpUri"].as_str().expect("a link");
        assert_eq!(help, format!("https://github.com/example/trustree/blob/v{VERSION}/docs/rules.md#unknown-field"));
    }
}
