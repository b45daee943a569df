//! Values to text, one file per format. Nothing here prints: whoever calls decides where the text goes.
//!
//! A format is a [`Format`]: it is told of one environment after the other, then of what all of them have in common. Adding
//! one is a file in this room and a line in [`FORMATS`].

mod drift;
mod entry;
mod groups;
mod limit;
mod outcome;
mod pages;
mod text;

pub mod changes;
pub mod github;
pub mod gitlab;
pub mod human;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;

use std::fmt::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};

use changes::{ChangeGroups, Telling};

pub use drift::{DRIFT, Drift, DriftGroup, DriftGroups, DriftKind, NOT_FINISHED};
pub use entry::Entry;
pub use groups::{FindingGroups, Group, most_severe_first};
pub use outcome::{Outcome, Summary};
pub use pages::{Section, section};
pub use text::{NAMES_SHOWN, some_of, without_commands, without_control, without_middle};

use crate::change::{Differences, OverrideChange};
use crate::finding::Finding;

/// What is told of each environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The files that are not what a render gives.
    Drift,
    /// The differences of those files, and how they are told.
    Differences(Telling),
    /// What was written.
    Rendered,
}

impl Subject {
    /// Whether the lines of files are told.
    pub fn is_unified(self) -> bool {
        matches!(self, Subject::Differences(Telling { view: changes::View::Unified, .. }))
    }
}

/// What is reported on, known before the first environment.
#[derive(Debug, Clone)]
pub struct Run {
    /// The verb of the command: `check`.
    pub command: &'static str,
    /// What it has done with the environments, as a word for the summary: `checked`.
    pub done: &'static str,
    /// What is told of each environment.
    pub subject: Subject,
    /// Rules whose level changed since the base; None where that was not asked for, or there is no base.
    pub overrides: Option<Vec<OverrideChange>>,
    /// Whether warnings fail it.
    pub strict: bool,
    /// Whether the text may carry colour.
    pub color: bool,
    /// Where the repository lies in its Git work tree; empty at the root of it. CI systems count paths from there.
    pub prefix: Utf8PathBuf,
}

/// One environment, as a format is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// Its output folder, below the repository.
    pub folder: &'a str,
    /// What differs, where that was asked for; files stand in the order of its plan.
    pub differences: Option<&'a Differences>,
}

/// What is told when all environments have passed.
pub struct Whole<'a> {
    /// Findings of the repository as a whole, which are also among the groups.
    pub repository: &'a [Finding],
    /// All findings.
    pub findings: &'a FindingGroups,
    /// Files that are not as they should be.
    pub drift: &'a DriftGroups,
    /// Differences that are not the same, each with its environments; where differences were asked for.
    pub differences: &'a ChangeGroups,
    /// The counts.
    pub summary: &'a Summary,
    /// Text of a file of the repository, for an excerpt.
    pub text_of: &'a dyn Fn(&Utf8Path) -> Option<String>,
}

/// A report that is written piece by piece, so that it need not grow in memory with the fleet.
pub trait Format {
    /// The next environment, in order of their names.
    ///
    /// # Errors
    /// Whatever `out` gives: nobody reads on.
    fn environment(&mut self, told: &Told<'_>, out: &mut dyn Write) -> fmt::Result;

    /// The end; comes once, also where there was no environment, or no repository that could be opened. Without it the
    /// text is no complete document.
    ///
    /// # Errors
    /// Whatever `out` gives: nobody reads on.
    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result;
}

/// A format by its name.
#[derive(Debug)]
pub struct FormatKind {
    /// What is written behind `--output`.
    pub name: &'static str,
    /// Begins a report.
    pub begin: fn(&Run) -> Box<dyn Format>,
    /// Whether the job summary of GitHub comes with it.
    pub with_job_summary: bool,
}

/// Every format, in the order of the help text.
pub static FORMATS: &[FormatKind] = &[
    FormatKind { name: "human", begin: |run| Box::new(human::Human::new(run)), with_job_summary: false },
    FormatKind { name: "json", begin: |run| Box::new(json::Json::new(run)), with_job_summary: false },
    FormatKind { name: "sarif", begin: |run| Box::new(sarif::Sarif::new(run)), with_job_summary: false },
    FormatKind { name: "github", begin: |run| Box::new(github::GitHub::new(run)), with_job_summary: true },
    FormatKind { name: "gitlab", begin: |run| Box::new(gitlab::GitLab::new(run)), with_job_summary: false },
    FormatKind { name: "junit", begin: |run| Box::new(junit::Junit::new(run)), with_job_summary: false },
    FormatKind { name: "markdown", begin: |run| Box::new(markdown::Markdown::comment(run)), with_job_summary: false },
];

impl FormatKind {
    /// The format of this name.
    pub fn by_name(name: &str) -> Option<&'static FormatKind> {
        FORMATS.iter().find(|format| format.name == name)
    }
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A check at the root of a work tree.
    pub(super) fn run() -> Run {
        Run {
            command: "check",
            done: "checked",
            subject: Subject::Drift,
            overrides: None,
            strict: false,
            color: false,
            prefix: Utf8PathBuf::new(),
        }
    }

    /// Calls `look` with a whole that has these findings and nothing else.
    pub(super) fn with_whole<T>(findings: &FindingGroups, summary: &Summary, look: impl FnOnce(&Whole<'_>) -> T) -> T {
        let drift = DriftGroups::default();
        look(&Whole { repository: &[], findings, drift: &drift, differences: &ChangeGroups::default(), summary, text_of: &|_| None })
    }

    /// The end of a report on a repository with these findings.
    pub(super) fn finished(format: &mut dyn Format, findings: &[Finding]) -> String {
        let mut summary = Summary::default();
        summary.add_findings(findings);
        let mut text = String::new();
        with_whole(&FindingGroups::of(findings), &summary, |whole| format.finish(whole, &mut text)).expect("a string takes everything");
        text
    }
}
