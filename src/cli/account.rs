//! What is kept while the environments pass by, and told as they do or at the end: counts, findings, drift, and differences
//! that are not the same. Nothing else of an environment stays.

use anyhow::Result;
use camino::Utf8Path;

use super::sink::Sink;
use crate::change::Differences;
use crate::finding::Finding;
use crate::report::changes::ChangeGroups;
use crate::report::{DriftGroups, FindingGroups, Outcome, Subject, Summary, Told, Whole, most_severe_first};

/// The account of one pass.
pub(super) struct Account<'a> {
    sinks: Vec<Sink<'a>>,
    subject: Subject,
    /// What was found in the repository as a whole.
    repository: Vec<Finding>,
    groups: FindingGroups,
    drift: DriftGroups,
    /// Differences that are not the same, each with all of its environments.
    differences: ChangeGroups,
    /// The counts so far.
    pub(super) summary: Summary,
}

impl<'a> Account<'a> {
    /// Begins with what was found in the repository as a whole.
    pub(super) fn new(sinks: Vec<Sink<'a>>, subject: Subject, repository: &[Finding]) -> Account<'a> {
        let mut repository = repository.to_vec();
        most_severe_first(&mut repository);
        let groups = FindingGroups::of(&repository);
        let mut summary = Summary::default();
        summary.add_findings(&repository);
        Account { sinks, subject, repository, groups, drift: DriftGroups::default(), differences: ChangeGroups::default(), summary }
    }

    /// Takes what came of one environment, whose files lie in `folder`.
    pub(super) fn take(&mut self, mut outcome: Outcome, differences: Option<Differences>, folder: &str) {
        most_severe_first(&mut outcome.findings);
        self.summary.add(&outcome);
        let told = Told { outcome: &outcome, folder, differences: differences.as_ref() };
        self.sinks.iter_mut().for_each(|sink| sink.environment(&told));
        self.drift.add(&outcome, folder, self.subject);
        for finding in outcome.findings {
            self.groups.add(finding, Some(&outcome.environment));
        }
        if let Some(Differences { files, changes }) = differences {
            if self.subject.is_unified() {
                self.differences.add_files(files, &outcome.environment);
            }
            self.differences.add_changes(changes, &outcome.environment);
        }
    }

    /// Tells what was kept and what only the whole could tell, `last`, and ends the sinks, all of them; `text_of` reads a
    /// file of the repository. Gives the counts.
    ///
    /// # Errors
    /// The first sink that could not be written.
    pub(super) fn finish(mut self, last: Vec<Finding>, text_of: impl Fn(&Utf8Path) -> Option<String>) -> Result<Summary> {
        self.summary.add_findings(&last);
        last.iter().for_each(|finding| self.groups.add(finding.clone(), None));
        self.repository.extend(last);
        most_severe_first(&mut self.repository);
        let whole = Whole {
            repository: &self.repository,
            findings: &self.groups,
            drift: &self.drift,
            differences: &self.differences,
            summary: &self.summary,
            text_of: &text_of,
        };
        // One that cannot be written must not cut off the others.
        let ends: Vec<Result<()>> = self.sinks.into_iter().map(|sink| sink.finish(&whole)).collect();
        ends.into_iter().collect::<Result<()>>()?;
        Ok(self.summary)
    }
}
