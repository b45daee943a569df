//! What is kept while the environments pass by, and told as they do or at the end: counts, findings, and differences that
//! are not the same. Nothing else of an environment stays.

use anyhow::Result;

use super::sink::{Sink, SinkFormat};
use crate::change::Differences;
use crate::finding::Finding;
use crate::fleet::Repository;
use crate::report::changes::{self, ChangeGroups, Telling};
use crate::report::{FindingGroups, Outcome, Summary, human};

/// What is told of each environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The files that are not what a render gives.
    Drift,
    /// The differences of those files, and how they are told.
    Differences(Telling),
    /// What was written.
    Rendered,
}

impl View {
    /// Whether the lines of files are told.
    pub(super) fn is_unified(self) -> bool {
        matches!(self, View::Differences(Telling { view: changes::View::Unified, .. }))
    }
}

/// The account of one pass.
pub(super) struct Account<'a> {
    sinks: Vec<Sink<'a>>,
    view: View,
    groups: FindingGroups,
    /// Differences that are not the same, each with all of its environments.
    differences: ChangeGroups,
    /// The counts so far.
    pub(super) summary: Summary,
}

impl<'a> Account<'a> {
    /// Begins with what was found in the repository as a whole.
    pub(super) fn new(sinks: Vec<Sink<'a>>, view: View, repository: &Repository) -> Account<'a> {
        let groups = FindingGroups::of(repository.findings());
        let mut summary = Summary::default();
        summary.add_findings(repository.findings());
        Account { sinks, view, groups, differences: ChangeGroups::default(), summary }
    }

    /// Takes what came of one environment, whose files lie in `folder`.
    pub(super) fn take(&mut self, outcome: Outcome, differences: Option<Differences>, folder: &str) {
        self.summary.add(&outcome);
        for sink in &mut self.sinks {
            let text = match (&mut sink.format, self.view) {
                (SinkFormat::Json(report), _) => report.environment(&outcome, folder, differences.as_ref()),
                (SinkFormat::Human, View::Drift) => human::drift(&outcome, folder),
                (SinkFormat::Human, View::Rendered) => human::rendered(&outcome, folder),
                (SinkFormat::Human, View::Differences(_)) => continue,
            };
            sink.write(&text);
        }
        for finding in outcome.findings {
            self.groups.add(finding, Some(&outcome.environment));
        }
        match differences {
            Some(differences) if self.view.is_unified() => self.differences.add_files(differences.files, &outcome.environment),
            Some(differences) => self.differences.add_changes(differences.changes, &outcome.environment),
            None => {}
        }
    }

    /// Tells what was kept and what only the whole could tell, and ends the sinks; gives the counts.
    pub(super) fn finish(mut self, repository: &Repository, last: Vec<Finding>) -> Result<Summary> {
        self.summary.add_findings(&last);
        last.iter().for_each(|finding| self.groups.add(finding.clone(), None));
        let common: Vec<Finding> = repository.findings().iter().cloned().chain(last).collect();
        for mut sink in self.sinks {
            match &mut sink.format {
                SinkFormat::Json(report) => {
                    let text = report.finish(&common, &self.summary);
                    sink.write(&text);
                }
                SinkFormat::Human => {
                    if let View::Differences(telling) = self.view {
                        sink.write(&self.differences.told(telling, sink.color()));
                    }
                    sink.findings(&self.groups, |file| repository.text(file));
                }
            }
            sink.finish()?;
        }
        Ok(self.summary)
    }
}
