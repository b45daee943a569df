//! `.trustree.inflation`: what went into a chart and what came out. It is untrusted input: it names only files of its own
//! folder, and everything that it says is computed again before it is believed.
//!
//! Sorted lines: `chart` and `values` with the SHA-256 of what went in, the options as they are, `file` with a name, the
//! SHA-256 of its object and what its template asks of an installation, `left-out` with an object and why it is not there.

use std::collections::{BTreeMap, BTreeSet};

use super::InflatedFile;
use super::chart::Chart;
use crate::model::{ChartRequest, ChartSource};
use crate::tree::{Digest, OutPath};

/// Name of the file. It has no ending that an engine would read.
pub const INFLATION_FILE: &str = ".trustree.inflation";

const HEAD: &str = "# trustree inflation 1. Written by `trustree render --allow-helm`; do not edit.";
/// Number of the form in which objects are written; another one makes other files of the same chart.
const FORM: &str = "1";

/// What goes into an inflation beside chart and values, each with what a person calls it; in the order of their names.
const OPTIONS: [(&str, &str); 5] = [
    ("form", "the release of trustree"),
    ("hooks", "`argoCd`, and so who runs hooks"),
    ("kubernetes", "`versions.kubernetes`"),
    ("namespace", "its namespace"),
    ("release", "the name of its release"),
];

/// What goes into a chart: digests of chart and values, and the options as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inputs {
    chart: Digest,
    values: Digest,
    options: [String; OPTIONS.len()],
}

impl Inputs {
    /// What goes in for a request; `chart` where it lies in a folder.
    pub(super) fn of(request: &ChartRequest, chart: Option<&Chart>) -> Inputs {
        let address = match &request.source {
            ChartSource::Folder(_) => "",
            ChartSource::Repository(address) => address.trim_end_matches('/'),
        };
        let named = || Digest::of_parts([address, &request.chart, &request.version].map(str::as_bytes));
        let hooks = if request.has_hooks { "run" } else { "ignored" };
        Inputs {
            chart: chart.map_or_else(named, |chart| chart.digest),
            values: Digest::of(serde_json::Value::Object(request.values.clone()).to_string().as_bytes()),
            options: [FORM, hooks, &request.kubernetes, &request.namespace, &request.release].map(str::to_owned),
        }
    }

    /// All of them as one.
    pub(super) fn digest(&self) -> Digest {
        let digests = [self.chart, self.values].map(|digest| digest.to_string());
        Digest::of_parts(digests.iter().chain(&self.options).map(String::as_bytes))
    }

    /// What differs, in words.
    pub(super) fn differences(&self, other: &Inputs) -> Vec<&'static str> {
        let options = OPTIONS.iter().zip(self.options.iter().zip(&other.options));
        let options = options.map(|((_, what), (own, other))| (own != other, *what));
        let parts = [(self.chart != other.chart, "the chart"), (self.values != other.values, "its values")];
        parts.into_iter().chain(options).filter_map(|(differs, what)| differs.then_some(what)).collect()
    }
}

/// One file of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) asks: Vec<String>,
}

/// A record, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) inputs: Inputs,
    /// By name.
    pub(super) files: BTreeMap<String, Listed>,
    /// Lines about what is not there.
    pub(super) left_out: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(inputs: Inputs, files: &[InflatedFile], left_out: BTreeSet<String>) -> Record {
        let listed = |file: &InflatedFile| Listed { digest: Digest::of(file.text.as_bytes()), asks: file.asks.clone() };
        Record { inputs, files: files.iter().map(|file| (file.name.clone(), listed(file))).collect(), left_out }
    }

    pub(super) fn to_text(&self) -> String {
        let Inputs { chart, values, options } = &self.inputs;
        let mut lines = vec![format!("chart {chart}"), format!("values {values}")];
        lines.extend(OPTIONS.iter().zip(options).map(|((name, _), value)| format!("{name} {value}")));
        lines.extend(self.left_out.iter().map(|object| format!("left-out {object}")));
        for (name, file) in &self.files {
            let asks = file.asks.iter().fold(String::new(), |asks, ask| asks + " " + ask);
            lines.push(format!("file {name} {}{asks}", file.digest));
        }
        lines.sort();
        lines.iter().fold(format!("{HEAD}\n"), |text, line| text + line + "\n")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The number of the line, from 1, and what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Record, (usize, String)> {
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line) != Some(HEAD) {
            return Err((1, "it is of no form that this release knows".to_owned()));
        }
        let mut inputs: BTreeMap<&str, Digest> = BTreeMap::new();
        let mut options: BTreeMap<&str, String> = BTreeMap::new();
        let (mut files, mut left_out) = (BTreeMap::new(), BTreeSet::new());
        for (index, line) in lines {
            let wrong = |problem: String| (index + 1, problem);
            let words: Vec<&str> = line.split(' ').collect();
            let digest = |text: &str| Digest::from_hex(text).ok_or_else(|| wrong(format!("`{text}` is no SHA-256")));
            match words[..] {
                [key @ ("chart" | "values"), text] => {
                    inputs.insert(key, digest(text)?);
                }
                [key, text] if OPTIONS.iter().any(|(name, _)| *name == key) => {
                    options.insert(key, text.to_owned());
                }
                ["file", name, text, ref asks @ ..] => {
                    if let Some(problem) = name_problem(name) {
                        return Err(wrong(format!("`{name}` may not be listed: {problem}")));
                    }
                    if let Some(ask) = asks.iter().find(|ask| !ask.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.')) {
                        return Err(wrong(format!("`{}` is no question of a template", ask.escape_debug())));
                    }
                    let asks = asks.iter().map(|ask| (*ask).to_owned()).collect();
                    files.insert(name.to_owned(), Listed { digest: digest(text)?, asks });
                }
                ["left-out", ..] => {
                    left_out.insert(line.trim_start_matches("left-out ").to_owned());
                }
                _ => return Err(wrong("this line has no meaning".to_owned())),
            }
        }
        let input = |key: &str| inputs.get(key).copied().ok_or_else(|| (1, format!("it has no line `{key}`")));
        // An option that is missing is another one than any that there can be.
        let options = OPTIONS.map(|(name, _)| options.remove(name).unwrap_or_default());
        Ok(Record { inputs: Inputs { chart: input("chart")?, values: input("values")?, options }, files, left_out })
    }
}

/// Why a file may not be one of an inflation.
fn name_problem(name: &str) -> Option<String> {
    match OutPath::new(name) {
        Err(problem) => Some(problem),
        Ok(_) if name.contains('/') => Some("it lies in another folder".to_owned()),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let digest = Digest::of(b"x");
        let listed = |asks: &[&str]| Listed { digest, asks: asks.iter().map(|ask| (*ask).to_owned()).collect() };
        Record {
            inputs: Inputs { chart: digest, values: digest, options: ["1", "run", "1.36", "a", "b"].map(str::to_owned) },
            files: BTreeMap::from([("a.yaml".to_owned(), listed(&[])), ("b.yaml".to_owned(), listed(&["lookup", ".Release.IsInstall"]))]),
            left_out: BTreeSet::from(["Pod/a test".to_owned()]),
        }
    }

    #[test]
    fn the_ledger_knows_the_name_of_a_record() {
        assert_eq!(crate::plan::RECORDS, [INFLATION_FILE]);
    }

    #[test]
    fn a_record_is_read_back_and_its_lines_are_sorted() {
        let text = record().to_text();
        assert_eq!(Record::parse(&text), Ok(record()));
        assert_eq!(Record::parse(&text.replace('\n', "\r\n")), Ok(record()));
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert!(lines.is_sorted(), "{text}");
    }

    #[test]
    fn what_a_record_may_not_say_is_refused_with_its_line() {
        let digest = Digest::of(b"x");
        for (line, problem) in [
            (format!("file ../a.yaml {digest}"), "may not be listed"),
            (format!("file a/b.yaml {digest}"), "may not be listed"),
            (format!("file .trustree.ledger {digest}"), "may not be listed"),
            ("file a.yaml 00".to_owned(), "no SHA-256"),
            (format!("file a.yaml {digest} \u{1b}[31m"), "no question"),
            ("<<<<<<< HEAD".to_owned(), "no meaning"),
        ] {
            let (number, message) = Record::parse(&format!("{HEAD}\n{line}\n")).expect_err(&line);
            assert!(number == 2 && message.contains(problem), "{line}: {number} {message}");
        }
        assert!(Record::parse(&format!("{HEAD}\n")).expect_err("inputs").1.contains("`chart`"));
        assert!(Record::parse("").is_err());
    }

    #[test]
    fn what_differs_is_named() {
        let one = record().inputs;
        let other = Inputs { values: Digest::of(b"z"), options: ["1", "run", "1.37", "a", "b"].map(str::to_owned), ..one.clone() };
        assert_eq!((one.differences(&one), one.differences(&other)), (Vec::new(), vec!["its values", "`versions.kubernetes`"]));
    }
}
