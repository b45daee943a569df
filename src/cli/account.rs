//! What is kept while the environments pass by, and told as they do or at the end: counts, findings, and differences that
//! are not the same. Nothing else of an environment stays.

use std::collections::HashMap;

use anyhow::Result;

use super::sink::{Sink, SinkFormat};
use crate::change::{FileDifference, OverrideChange};
use crate::finding::Finding;
use crate::fleet::Repository;
use crate::report::{FindingGroups, Outcome, Summary, human};
use crate::tree::Digest;

/// What is told of each environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The files that are not what a render gives.
    Drift,
    /// The differences of those files.
    Differences,
    /// What was written.
    Rendered,
}

/// The account of one pass.
pub(super) struct Account<'a> {
    sinks: Vec<Sink<'a>>,
    view: View,
    groups: FindingGroups,
    /// Differences that are not the same, in order of their first environment, each with all of its environments.
    differences: Vec<(FileDifference, Vec<String>)>,
    /// Where each of them stands in that list.
    known: HashMap<Digest, usize>,
    /// The counts so far.
    pub(super) summary: Summary,
}

impl<'a> Account<'a> {
    /// Begins with what was found in the repository as a whole.
    pub(super) fn new(sinks: Vec<Sink<'a>>, view: View, repository: &Repository) -> Account<'a> {
        let groups = FindingGroups::of(repository.findings());
        let mut summary = Summary::default();
        summary.add_findings(repository.findings());
        Account { sinks, view, groups, differences: Vec::new(), known: HashMap::new(), summary }
    }

    /// Tells the rules whose level a change alters, before everything else.
    pub(super) fn overrides(&mut self, changes: &[OverrideChange]) {
        for sink in &mut self.sinks {
            let color = sink.color();
            match &mut sink.format {
                SinkFormat::Json(report) => report.overrides(changes),
                SinkFormat::Human => sink.write(&human::overrides(changes, color)),
            }
        }
    }

    /// Takes what came of one environment, whose files lie in `folder`.
    pub(super) fn take(&mut self, outcome: Outcome, differences: Vec<FileDifference>, folder: &str) {
        self.summary.add(&outcome);
        for sink in &mut self.sinks {
            let text = match (&mut sink.format, self.view) {
                (SinkFormat::Json(report), _) => report.environment(&outcome, folder, &differences),
                (SinkFormat::Human, View::Drift) => human::drift(&outcome, folder),
                (SinkFormat::Human, View::Rendered) => human::rendered(&outcome, folder),
                (SinkFormat::Human, View::Differences) => continue,
            };
            sink.write(&text);
        }
        for finding in outcome.findings {
            self.groups.add(finding, Some(&outcome.environment));
        }
        for difference in differences {
            match self.known.get(&difference.fingerprint) {
                Some(index) => self.differences[*index].1.push(outcome.environment.clone()),
                None => {
                    self.known.insert(difference.fingerprint, self.differences.len());
                    self.differences.push((difference, vec![outcome.environment.clone()]));
                }
            }
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
                    for (difference, environments) in &self.differences {
                        sink.write(&human::difference(difference, environments, sink.color()));
                    }
                    sink.findings(&self.groups, |file| repository.text(file));
                }
            }
            sink.finish()?;
        }
        Ok(self.summary)
    }
}
