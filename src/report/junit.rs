//! JUnit's XML, which most CI systems show as tests: a suite for each environment and one for the repository, and in it a
//! case for everything that fails the run. It is written suite by suite; sums over all suites, which would have to come
//! first, are left to the reader.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use crate::finding::{Finding, Level, Rule};
use crate::report::entry::position;
use crate::report::text::without_control;
use crate::report::{Drift, Format, Run, Subject, Told, Whole};

/// The suite of what belongs to no environment: no environment can have this name.
const REPOSITORY: &str = "(repository)";

/// JUnit's XML.
#[derive(Debug)]
pub struct Junit {
    command: &'static str,
    subject: Subject,
    strict: bool,
    begun: bool,
}

/// One test: what was looked at, and what fails it.
struct Case {
    name: String,
    file: Option<String>,
    /// None where it passes.
    fails: Option<Failure>,
}

/// Why a test fails.
struct Failure {
    rule: &'static Rule,
    message: String,
    /// Message, place and help.
    text: String,
}

impl Junit {
    /// Begins a report.
    pub fn new(run: &Run) -> Junit {
        Junit { command: run.command, subject: run.subject, strict: run.strict, begun: false }
    }

    fn head(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        write!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"trustree {}\">\n", self.command)
    }

    fn fails(&self, finding: &Finding) -> bool {
        finding.level == Level::Error || finding.rule.untrusted || (self.strict && finding.level == Level::Warning)
    }

    /// The cases of a suite, and what is told without failing it.
    fn cases(&self, findings: &[Finding], drift: &[Drift], passing: &str) -> (Vec<Case>, Vec<String>) {
        let (failing, others): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| self.fails(finding));
        let mut cases: Vec<Case> = Vec::new();
        if failing.is_empty() {
            cases.push(Case { name: passing.to_owned(), file: None, fails: None });
        }
        cases.extend(failing.iter().map(|finding| of_finding(finding)));
        cases.extend(drift.iter().map(of_drift));
        number(&mut cases);
        (cases, others.iter().map(|finding| format!("{}[{}]: {}", finding.level, finding.rule.code, told(finding))).collect())
    }
}

impl Format for Junit {
    fn environment(&mut self, told: &Told<'_>, out: &mut dyn Write) -> fmt::Result {
        self.head(out)?;
        let drift = Drift::of(told.outcome, told.folder, self.subject);
        let (cases, others) = self.cases(&told.outcome.findings, &drift, "renders without an error");
        out.write_str(&suite(&told.outcome.environment, &cases, &others)?)
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        self.head(out)?;
        let (cases, others) = self.cases(whole.repository, &[], "can be read");
        out.write_str(&suite(REPOSITORY, &cases, &others)?)?;
        out.write_str("</testsuites>\n")
    }
}

/// A finding with its place and its help line, one below the other.
fn told(finding: &Finding) -> String {
    let (file, line, column) = position(finding);
    let place = [line, column].into_iter().flatten().fold(without_control(&file).into_owned(), |place, number| format!("{place}:{number}"));
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {}", without_control(help))).unwrap_or_default();
    format!("{}\n--> {place}{help}", without_control(&finding.message))
}

fn of_finding(finding: &Finding) -> Case {
    let message = without_control(&finding.message).into_owned();
    Case {
        name: format!("{}: {message}", finding.rule.code),
        file: Some(position(finding).0),
        fails: Some(Failure { rule: finding.rule, message, text: told(finding) }),
    }
}

fn of_drift(drift: &Drift) -> Case {
    let (rule, path) = (drift.rule(), without_control(&drift.path));
    let message = without_control(&drift.message()).into_owned();
    let help = drift.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    Case {
        name: format!("{}: {path}", rule.code),
        file: Some(drift.path.clone()),
        fails: Some(Failure { rule, text: format!("{message}\n--> {path}{help}"), message }),
    }
}

/// Gives cases of one name a number: whoever compares runs knows a case by its name.
fn number(cases: &mut [Case]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for case in cases {
        let number = seen.entry(case.name.clone()).or_default();
        *number += 1;
        if *number > 1 {
            case.name = format!("{} ({number})", case.name);
        }
    }
}

fn suite(name: &str, cases: &[Case], others: &[String]) -> Result<String, fmt::Error> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // A vector takes everything.
    write_suite(&mut writer, name, cases, others).map_err(|_| fmt::Error)?;
    let text = String::from_utf8(writer.into_inner()).map_err(|_| fmt::Error)?;
    // The same to a reader of XML, and to one of logs no command.
    Ok(format!("{}\n", text.trim_end().replace("##", "#&#35;")))
}

fn write_suite(writer: &mut Writer<Vec<u8>>, name: &str, cases: &[Case], others: &[String]) -> io::Result<()> {
    let failed = |untrusted: bool| {
        let fails = cases.iter().filter_map(|case| case.fails.as_ref());
        fails.filter(|failure| failure.rule.untrusted == untrusted).count().to_string()
    };
    let (tests, failures, errors) = (cases.len().to_string(), failed(false), failed(true));
    let suite_name = valid(name);
    let counts = [("tests", &*tests), ("failures", &*failures), ("errors", &*errors), ("skipped", "0")];
    let element = writer.create_element("testsuite").with_attribute(("name", &*suite_name)).with_attributes(counts);
    element.write_inner_content(|writer| {
        cases.iter().try_for_each(|case| write_case(writer, &suite_name, case))?;
        if others.is_empty() {
            return Ok(());
        }
        writer.create_element("system-out").write_text_content(BytesText::new(&valid(&others.join("\n"))))?;
        Ok(())
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, suite: &str, case: &Case) -> io::Result<()> {
    let (name, file) = (valid(&case.name), case.file.as_deref().map(|file| valid(&without_control(file)).into_owned()));
    let mut element = writer.create_element("testcase").with_attributes([("classname", suite), ("name", &*name)]);
    if let Some(file) = &file {
        element = element.with_attribute(("file", file.as_str()));
    }
    let Some(failure) = &case.fails else {
        element.write_empty()?;
        return Ok(());
    };
    // What could not be looked at is an error; what was, and is not as it should be, a failure.
    let kind = if failure.rule.untrusted { "error" } else { "failure" };
    element.write_inner_content(|writer| {
        let attributes = [("message", valid(&failure.message)), ("type", Cow::Borrowed(failure.rule.code))];
        let element = attributes.iter().fold(writer.create_element(kind), |element, (key, value)| element.with_attribute((*key, &**value)));
        element.write_text_content(BytesText::new(&valid(&failure.text)))?;
        Ok(())
    })?;
    Ok(())
}

/// The text without what XML 1.0 cannot hold, however it is escaped. Control characters are told as escapes before.
fn valid(text: &str) -> Cow<'_, str> {
    let forbidden =
        |character: char| matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Cow::Owned(text.replace(forbidden, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CA_EXPIRED, LAYER_UNUSED, Place, UNKNOWN_FIELD};
    use crate::report::{Outcome, testing};

    fn report(strict: bool, findings: Vec<Finding>) -> String {
        let run = Run { strict, ..testing::run() };
        let outcome = Outcome::failed("dev", findings);
        let mut text = String::new();
        Junit::new(&run).environment(&Told { outcome: &outcome, folder: "out/dev", differences: None }, &mut text).expect("taken");
        text
    }

    #[test]
    fn counts_are_those_of_the_cases() {
        let finding = |rule| Finding::new(rule, Place::whole("a.yaml"), "x");
        let findings = || vec![finding(&UNKNOWN_FIELD), finding(&CA_EXPIRED), finding(&CA_EXPIRED), finding(&LAYER_UNUSED)];
        let text = report(false, findings());
        assert!(text.contains("<testsuite name=\"dev\" tests=\"3\" failures=\"2\" errors=\"1\" skipped=\"0\">"), "{text}");
        assert!(text.contains("<system-out>warning[layer-unused]"), "{text}");
        // Two cases of one name are told apart.
        assert!(text.contains("name=\"ca-expired: x (2)\""), "{text}");
        let strict = report(true, findings());
        assert!(strict.contains("tests=\"4\" failures=\"3\" errors=\"1\""), "{strict}");
        assert!(!strict.contains("system-out"), "{strict}");
    }

    #[test]
    fn a_warning_alone_passes() {
        let text = report(false, vec![Finding::new(&LAYER_UNUSED, Place::whole("a.yaml"), "x")]);
        assert!(text.contains("tests=\"1\" failures=\"0\" errors=\"0\""), "{text}");
        assert!(text.contains("<testcase classname=\"dev\" name=\"renders without an error\"/>"), "{text}");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_the_rest_escaped() {
        let text = report(false, vec![Finding::new(&CA_EXPIRED, Place::whole("a.yaml"), "<\u{1b}\u{ffff}&\"]]>")]);
        assert!(text.contains("message=\"&lt;\\u{1b}\u{fffd}&amp;&quot;]]&gt;\""), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{ffff}') && !text.contains("]]>"), "{text}");
        assert_eq!(valid("a\u{0}\tb\n"), "a\u{fffd}\tb\n");
        let text = report(false, vec![Finding::new(&CA_EXPIRED, Place::whole("##[error].yaml"), "##[error]")]);
        assert!(!text.contains("##[") && text.contains("message=\"#&#35;[error]\""), "{text}");
    }
}
