//! The ledger: what was written last time, one sorted line per file. It is untrusted input: it may name only files below
//! its own folder, and no line of it ever decides that work can be skipped.
//!
//! A line is `<path> <sha256> <inputs> <templates>`. While files are being written the SHA-256 is `<old>+<new>`, so that
//! after a crash a file that matches either is still known as ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tree::{Digest, OutPath};

/// Records that lie beside the files that they are about, and are ours like those.
pub const RECORDS: &[&str] = &[".trustree.inflation"];

/// Name of the ledger in an environment's output folder. It has no ending that Argo CD or Flux would read.
pub const LEDGER_FILE: &str = ".trustree.ledger";

const HEAD: &str = "# trustree ledger 1. Written by `trustree render`; do not edit.";

/// What a file was made from. The release of trustree is not part of it, so that a new release changes nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Digest of inventory, layers, snapshots and settings.
    pub inputs: Digest,
    /// Digest of the templates and of the format that the writer keeps to.
    pub templates: Digest,
}

/// One file that we wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What it was before, while a write is under way.
    before: Before,
    /// What it was made from, as short digests.
    inputs: String,
    templates: String,
}

/// The state of a file before a write that may not be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// No write is under way.
    Settled,
    /// There was no file.
    Absent,
    /// It had that SHA-256.
    Present(Digest),
}

impl Line {
    /// A settled line.
    pub fn settled(digest: Digest, origin: &Origin) -> Line {
        Line { digest, before: Before::Settled, inputs: short(&origin.inputs), templates: short(&origin.templates) }
    }

    /// The same line with the digest that the file had before, or None where it was not there.
    #[must_use]
    pub fn under_way(mut self, before: Option<Digest>) -> Line {
        self.before = before.map_or(Before::Absent, Before::Present);
        self
    }

    /// Whether bytes of that digest are ours.
    pub fn owns(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.before == Before::Present(*digest)
    }

    /// Whether a write of this file was begun and not finished.
    pub fn is_under_way(&self) -> bool {
        self.before != Before::Settled
    }

    /// Whether the file was made from the same inventory, layers and snapshots.
    pub fn same_inputs(&self, origin: &Origin) -> bool {
        self.inputs == short(&origin.inputs)
    }

    /// Whether the file was made from the same templates and format.
    pub fn same_templates(&self, origin: &Origin) -> bool {
        self.templates == short(&origin.templates)
    }
}

fn short(digest: &Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(16);
    text
}

/// The files of one environment that we wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By path.
    pub lines: BTreeMap<OutPath, Line>,
}

impl Ledger {
    /// Reads a ledger.
    ///
    /// # Errors
    /// Line number from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Ledger, (u32, String)> {
        let mut ledger = Ledger::default();
        for (number, text) in (1_u32..).zip(text.lines()) {
            if number == 1 {
                if text.trim_end() != HEAD {
                    return Err((1, "this is no ledger of a format that this release knows".to_owned()));
                }
                continue;
            }
            let (path, line) = parse_line(text.trim_end()).map_err(|problem| (number, problem))?;
            if ledger.lines.contains_key(&path) {
                return Err((number, format!("`{path}` is listed twice")));
            }
            ledger.lines.insert(path, line);
        }
        Ok(ledger)
    }

    /// The ledger as text.
    pub fn to_text(&self) -> String {
        let mut text = String::from(HEAD);
        text.push('\n');
        for (path, line) in &self.lines {
            let before = match line.before {
                Before::Settled => String::new(),
                Before::Absent => "none+".to_owned(),
                Before::Present(before) => format!("{before}+"),
            };
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{path} {before}{} {} {}", line.digest, line.inputs, line.templates);
        }
        text
    }
}

fn parse_line(text: &str) -> Result<(OutPath, Line), String> {
    let parts: Vec<&str> = text.split(' ').collect();
    let [path, digests, inputs, templates] = parts[..] else {
        return Err("a line has a path, a SHA-256 and two digests, with one space between them".to_owned());
    };
    let path = OutPath::of_record(path, RECORDS).map_err(|problem| format!("`{path}` may not be listed: {problem}"))?;
    let digest = |text: &str| Digest::from_hex(text).ok_or_else(|| format!("`{text}` is no SHA-256"));
    let (digest, before) = match digests.split_once('+') {
        None => (digest(digests)?, Before::Settled),
        Some(("none", after)) => (digest(after)?, Before::Absent),
        Some((before, after)) => (digest(after)?, Before::Present(digest(before)?)),
    };
    for part in [inputs, templates] {
        if part.len() != 16 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("`{part}` is no digest"));
        }
    }
    Ok((path, Line { digest, before, inputs: inputs.to_owned(), templates: templates.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { inputs: Digest::of(b"inputs"), templates: Digest::of(b"templates") }
    }

    #[test]
    fn a_ledger_is_read_back() {
        let mut ledger = Ledger::default();
        let line = Line::settled(Digest::of(b"new"), &origin());
        ledger.lines.insert(OutPath::new("b.yaml").expect("path"), line.clone());
        ledger.lines.insert(OutPath::new("a/b.yaml").expect("path"), line.clone().under_way(Some(Digest::of(b"old"))));
        ledger.lines.insert(OutPath::new("a/c.yaml").expect("path"), line.under_way(None));
        assert_eq!(Ledger::parse(&ledger.to_text()), Ok(ledger.clone()));
        assert_eq!(Ledger::parse(&ledger.to_text().replace('\n', "\r\n")), Ok(ledger));
    }

    #[test]
    fn a_file_under_way_is_ours_before_and_after() {
        let line = Line::settled(Digest::of(b"new"), &origin()).under_way(Some(Digest::of(b"old")));
        assert!(line.owns(&Digest::of(b"new")) && line.owns(&Digest::of(b"old")) && !line.owns(&Digest::of(b"other")));
    }

    #[test]
    fn what_a_ledger_may_not_name_is_refused_with_its_line() {
        let digest = Digest::of(b"x");
        for path in ["../../etc/passwd", "/etc/passwd", "a/../../b", ".trustree.ledger", "a\\b"] {
            let text = format!("{HEAD}\n{path} {digest} 0123456789abcdef 0123456789abcdef\n");
            let (line, problem) = Ledger::parse(&text).expect_err(path);
            assert_eq!(line, 2);
            assert!(problem.contains("may not be listed"), "{problem}");
        }
        for text in ["", "x", "<<<<<<< HEAD\n"] {
            if !text.is_empty() {
                assert!(Ledger::parse(text).is_err(), "{text:?}");
            }
        }
        assert!(Ledger::parse(&format!("{HEAD}\na b\n")).is_err());
        assert!(Ledger::parse(&format!("{HEAD}\na {digest} zz zz\n")).is_err());
        let twice = format!("a {digest} 0123456789abcdef 0123456789abcdef\n").repeat(2);
        assert!(Ledger::parse(&format!("{HEAD}\n{twice}")).expect_err("twice").1.contains("twice"));
    }
}
