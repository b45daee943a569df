//! Values to text, one file per format. Nothing here prints: whoever calls decides where the text goes.

pub mod changes;
pub mod human;
pub mod json;
mod limit;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, Level, Place};
use crate::outside::files::FileError;
use crate::plan::{Applied, Cause, Plan};

/// What came of one environment.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub environment: String,
    /// What was found, each with a file as its place.
    pub findings: Vec<Finding>,
    /// What a render would do; None where an error stood in the way.
    pub plan: Option<Plan>,
    /// What a render did.
    pub applied: Option<Applied>,
    /// Why writing failed, although everything before it went well.
    pub failure: Option<FileError>,
}

impl Outcome {
    /// An environment that an error stood in the way of.
    pub fn failed(environment: &str, findings: Vec<Finding>) -> Outcome {
        Outcome { environment: environment.to_owned(), findings, plan: None, applied: None, failure: None }
    }

    /// An environment with its plan, not carried out yet.
    pub fn planned(environment: &str, findings: Vec<Finding>, plan: Plan) -> Outcome {
        Outcome { environment: environment.to_owned(), findings, plan: Some(plan), applied: None, failure: None }
    }

    /// Whether an error or somebody's work stood in the way of it.
    pub fn is_stopped(&self) -> bool {
        self.failure.is_some() || self.plan.as_ref().is_none_or(|plan| plan.blocked().next().is_some())
    }
}

/// Counts over all environments, and what they have in common. Everything a fleet-wide report keeps.
#[derive(Debug, Default)]
pub struct Summary {
    /// Environments that were looked at.
    pub environments: usize,
    /// Those of which a render would change something, or did.
    pub changed: usize,
    /// Those that an error or somebody's work stood in the way of.
    pub stopped: usize,
    /// Files that are not what a render gives, by cause.
    pub causes: BTreeMap<Cause, usize>,
    /// Files that are what a render gives.
    pub unchanged: usize,
    /// Files in the way: hand edits, and files that are not ours.
    pub blocked: usize,
    /// Ledgers that a render would rewrite although no file changes.
    pub ledgers: usize,
    /// Ledgers written although no file changed.
    pub ledgers_written: usize,
    /// Files written.
    pub written: usize,
    /// Files deleted.
    pub deleted: usize,
    /// Findings by level, counted once per environment.
    pub findings: BTreeMap<Level, usize>,
    /// Whether input could not be read or trusted, or writing failed.
    pub untrusted: bool,
}

impl Summary {
    /// Adds what came of one environment.
    pub fn add(&mut self, outcome: &Outcome) {
        self.environments += 1;
        self.add_findings(&outcome.findings);
        self.untrusted |= outcome.failure.is_some();
        if let Some(applied) = outcome.applied {
            self.written += applied.written;
            self.deleted += applied.deleted;
        }
        self.stopped += usize::from(outcome.is_stopped());
        let Some(plan) = &outcome.plan else { return };
        self.changed += usize::from(!plan.is_empty());
        self.unchanged += plan.unchanged;
        match outcome.applied {
            Some(_) => self.ledgers_written += usize::from(plan.only_ledger()),
            None => self.ledgers += usize::from(plan.only_ledger()),
        }
        self.blocked += plan.blocked().count();
        for change in &plan.changes {
            *self.causes.entry(change.cause).or_default() += 1;
        }
    }

    /// Adds findings that belong to no environment.
    pub fn add_findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            *self.findings.entry(finding.level).or_default() += 1;
            self.untrusted |= finding.rule.untrusted;
        }
    }

    /// How many findings of a level there are.
    pub fn count(&self, level: Level) -> usize {
        self.findings.get(&level).copied().unwrap_or_default()
    }

    /// Files that are not what a render gives.
    pub fn files(&self) -> usize {
        self.causes.values().sum()
    }
}

/// Findings that are the same in several environments, once.
#[derive(Debug, Default)]
pub struct FindingGroups {
    groups: BTreeMap<GroupKey, Group>,
    /// Files in which secret material was found.
    secret: BTreeSet<Utf8PathBuf>,
}

/// Level (most severe first), file, line, column, rule and message without the environment's name.
type GroupKey = (std::cmp::Reverse<Level>, String, u32, u32, &'static str, String);

/// One finding and where it arises.
#[derive(Debug)]
pub struct Group {
    /// The finding, of the first environment.
    pub finding: Finding,
    /// The environments; none where it belongs to the repository as a whole.
    pub environments: Vec<String>,
}

impl FindingGroups {
    /// Findings that belong to no environment.
    pub fn of(findings: &[Finding]) -> FindingGroups {
        let mut groups = FindingGroups::default();
        findings.iter().for_each(|finding| groups.add(finding.clone(), None));
        groups
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding, environment: Option<&str>) {
        if let Place::File { file, .. } = &finding.place
            && finding.rule.is_about_secrets()
        {
            self.secret.insert(file.clone());
        }
        let (file, line, column) = match &finding.place {
            Place::File { file, line, column } => (file.to_string(), *line, *column),
            Place::Inventory(path) | Place::InventoryKey(path) => (path.to_string(), 0, 0),
        };
        let message = environment
            .map_or_else(|| finding.message.clone(), |environment| finding.message.replace(&format!("`{environment}`"), "`{environment}`"));
        let key = (std::cmp::Reverse(finding.level), file, line, column, finding.rule.code, message);
        let group = self.groups.entry(key).or_insert_with(|| Group { finding, environments: Vec::new() });
        group.environments.extend(environment.map(str::to_owned));
    }

    /// Whether a line of this file could show secret material, which must not end in a log.
    pub fn reveals(&self, file: &Utf8Path) -> bool {
        self.secret.contains(file)
    }

    /// Groups, most severe first, then by place.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }
}

/// At most `limit` names, and how many more there are.
pub fn some_of(names: &[String], limit: usize) -> String {
    let shown = names.iter().take(limit).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > limit { format!("{shown} and {} more", names.len() - limit) } else { shown }
}
