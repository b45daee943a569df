//! What came of environments, one by one and counted.

use std::collections::BTreeMap;

use crate::finding::{Finding, Level};
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
        // What environments share passes by like one of them, and is none: no environment's name begins so.
        let is_environment = !outcome.environment.starts_with('_');
        self.environments += usize::from(is_environment);
        self.add_findings(&outcome.findings);
        self.untrusted |= outcome.failure.is_some();
        if let Some(applied) = outcome.applied {
            self.written += applied.written;
            self.deleted += applied.deleted;
        }
        self.stopped += usize::from(outcome.is_stopped() && is_environment);
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
