//! GitLab's code quality report: a list of what is wrong, compared by fingerprint between the branches of a merge request.

use std::fmt::{self, Write};

use camino::Utf8PathBuf;
use serde_json::{Value, json};

use crate::finding::Level;
use crate::report::text::{json_line, the_same_in};
use crate::report::{Entry, Format, Run, Told, Whole};

/// A code quality report.
#[derive(Debug)]
pub struct GitLab {
    prefix: Utf8PathBuf,
}

impl GitLab {
    /// Begins a report.
    pub fn new(run: &Run) -> GitLab {
        GitLab { prefix: run.prefix.clone() }
    }

    fn entry(&self, entry: &Entry<'_>) -> Value {
        let help = entry.help.as_ref().map(|help| format!("help: {help}"));
        let parts = [Some(entry.message.to_string()), help, the_same_in(entry.environments)];
        json!({
            "description": parts.into_iter().flatten().collect::<Vec<_>>().join("; "),
            "check_name": entry.rule.code,
            "fingerprint": entry.fingerprint,
            "severity": severity(entry),
            // A line must be there.
            "location": { "path": entry.path_from(&self.prefix), "lines": { "begin": entry.line.unwrap_or(1) } },
        })
    }
}

/// What keeps everything from being known is worst; of the five words `critical` is not needed.
fn severity(entry: &Entry<'_>) -> &'static str {
    match entry.level {
        Level::Error if entry.rule.untrusted => "blocker",
        Level::Error => "major",
        Level::Warning => "minor",
        Level::Note => "info",
    }
}

impl Format for GitLab {
    fn environment(&mut self, _: &Told<'_>, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        out.write_str("[")?;
        for (index, entry) in whole.entries().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}\n  {}", json_line(&self.entry(&entry)))?;
        }
        out.write_str("\n]\n")
    }
}
