//! Files that are not as they should be without being findings: what differs from a render, what stands in the way of one,
//! what could not be written. The same in many environments counts once.

use std::collections::BTreeMap;

use crate::finding::{Level, Rule};
use crate::plan::{Cause, LEDGER_FILE};
use crate::report::{Outcome, Subject};

/// What formats that name a rule for everything say of a file that is not what a render gives.
pub static DRIFT: Rule =
    Rule { code: "drift", level: Level::Error, untrusted: false, clock: false, summary: "a file that is not what a render gives" };

/// What they say of an environment that could not be written to its end.
pub static NOT_FINISHED: Rule = Rule {
    code: "not-finished",
    level: Level::Error,
    untrusted: true,
    clock: false,
    summary: "an environment that could not be written to its end",
};

/// How something is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftKind {
    /// Writing failed: why, and what to do.
    NotFinished(String, Option<&'static str>),
    /// A file differs.
    File {
        /// Why.
        cause: Cause,
        /// Whether somebody's work would be lost, so that nothing of the environment is written.
        blocked: bool,
    },
    /// Only the ledger would change.
    Ledger,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Path below the repository.
    pub path: String,
    /// How.
    pub kind: DriftKind,
}

impl Drift {
    /// Everything of one environment that fails its run, in order of the paths. What was written as it should is none.
    pub fn of(outcome: &Outcome, folder: &str, subject: Subject) -> Vec<Drift> {
        let mut found = Vec::new();
        if let Some(failure) = &outcome.failure {
            found.push(Drift { path: folder.to_owned(), kind: DriftKind::NotFinished(failure.told(), failure.hint()) });
        }
        let Some(plan) = &outcome.plan else { return found };
        for change in plan.changes.iter().filter(|change| subject != Subject::Rendered || change.blocked) {
            let kind = DriftKind::File { cause: change.cause, blocked: change.blocked };
            found.push(Drift { path: format!("{folder}/{}", change.path), kind });
        }
        if subject != Subject::Rendered && plan.only_ledger() {
            found.push(Drift { path: format!("{folder}/{LEDGER_FILE}"), kind: DriftKind::Ledger });
        }
        found
    }

    /// Whether a render alone does not put it right.
    pub fn needs_somebody(&self) -> bool {
        self.kind.urgency() < Urgency::Rendered
    }

    /// The rule that stands for it.
    pub fn rule(&self) -> &'static Rule {
        if let DriftKind::NotFinished(..) = self.kind { &NOT_FINISHED } else { &DRIFT }
    }

    /// What is the matter, in the style of findings.
    pub fn message(&self) -> String {
        match &self.kind {
            DriftKind::NotFinished(told, _) => format!("not finished: {told}"),
            DriftKind::File { cause: Cause::Missing, .. } => "not as rendered: the file is missing".to_owned(),
            DriftKind::File { cause, .. } => format!("not as rendered: {cause}"),
            DriftKind::Ledger => "the ledger does not list the files as they are".to_owned(),
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<&'static str> {
        match &self.kind {
            DriftKind::NotFinished(_, hint) => *hint,
            DriftKind::File { cause: Cause::NotOurs, blocked: true } => {
                Some("move the file away; or `trustree render --adopt` takes it over")
            }
            DriftKind::File { blocked: true, .. } => {
                Some("move the hand edit into the inventory or a template, then `trustree render --force` overwrites it")
            }
            _ => Some("`trustree diff` shows what would change, `trustree render` writes it"),
        }
    }
}

/// What is not as it should be in several environments, once.
#[derive(Debug, Default)]
pub struct DriftGroups {
    groups: BTreeMap<(Urgency, String, DriftKind), DriftGroup>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// Something went wrong.
    NotFinished,
    /// Somebody must decide.
    Blocked,
    /// A render puts it right.
    Rendered,
}

impl DriftKind {
    fn urgency(&self) -> Urgency {
        match self {
            DriftKind::NotFinished(..) => Urgency::NotFinished,
            DriftKind::File { blocked: true, .. } => Urgency::Blocked,
            DriftKind::File { blocked: false, .. } | DriftKind::Ledger => Urgency::Rendered,
        }
    }
}

/// One of them, and where it is the same.
#[derive(Debug)]
pub struct DriftGroup {
    /// It, in the first environment.
    pub drift: Drift,
    /// The environments.
    pub environments: Vec<String>,
}

impl DriftGroups {
    /// Adds what is not as it should be in one environment.
    pub fn add(&mut self, outcome: &Outcome, folder: &str, subject: Subject) {
        for drift in Drift::of(outcome, folder, subject) {
            let below = drift.path.strip_prefix(folder).unwrap_or(&drift.path).to_owned();
            let group = self
                .groups
                .entry((drift.kind.urgency(), below, drift.kind.clone()))
                .or_insert_with(|| DriftGroup { drift, environments: Vec::new() });
            group.environments.push(outcome.environment.clone());
        }
    }

    /// Groups, first what somebody must see to, then by path below the environment's folder; with each that path, which is
    /// the same for all of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DriftGroup)> {
        self.groups.iter().map(|((_, below, _), group)| (below.as_str(), group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::files::FileError;
    use crate::plan::{Action, FileChange, Plan};
    use crate::tree::OutPath;

    fn outcome(environment: &str, changes: &[(&str, Cause, bool)]) -> Outcome {
        let change = |(path, cause, blocked): &(&str, Cause, bool)| FileChange {
            path: OutPath::new(path).expect("a path"),
            cause: *cause,
            action: Action::Write,
            blocked: *blocked,
            before: None,
            after: None,
        };
        Outcome::planned(environment, Vec::new(), Plan { changes: changes.iter().map(change).collect(), ..Plan::default() })
    }

    fn told(groups: &DriftGroups) -> Vec<(String, String, usize)> {
        groups.iter().map(|(_, group)| (group.drift.path.clone(), group.drift.message(), group.environments.len())).collect()
    }

    #[test]
    fn the_same_in_several_environments_counts_once_and_what_needs_somebody_comes_first() {
        let mut groups = DriftGroups::default();
        for environment in ["dev", "prod"] {
            let outcome = outcome(environment, &[("a.yaml", Cause::New, false), ("b.yaml", Cause::EditedByHand, true)]);
            groups.add(&outcome, &format!("out/{environment}"), Subject::Drift);
        }
        groups.add(&outcome("test", &[("a.yaml", Cause::Orphaned, false)]), "out/test", Subject::Drift);
        let expected = [
            ("out/dev/b.yaml", "not as rendered: edited by hand", 2),
            ("out/dev/a.yaml", "not as rendered: new", 2),
            ("out/test/a.yaml", "not as rendered: orphaned", 1),
        ];
        assert_eq!(told(&groups), expected.map(|(path, message, number)| (path.to_owned(), message.to_owned(), number)));
    }

    #[test]
    fn what_a_render_wrote_is_none_and_what_it_could_not_write_is() {
        let mut written = outcome("dev", &[("a.yaml", Cause::New, false)]);
        assert_eq!(Drift::of(&written, "out/dev", Subject::Rendered), []);
        written.failure = Some(FileError::Link { path: "out/dev/a.yaml".into() });
        let found = Drift::of(&written, "out/dev", Subject::Rendered);
        assert_eq!(found.iter().map(|drift| (drift.path.as_str(), drift.rule().code)).collect::<Vec<_>>(), [("out/dev", "not-finished")]);
        assert!(found[0].message().starts_with("not finished: ") && found[0].help().is_some() && found[0].needs_somebody());
    }

    #[test]
    fn a_file_that_is_not_ours_is_not_to_be_overwritten_by_force() {
        let not_ours = outcome("dev", &[("a.yaml", Cause::NotOurs, true)]);
        let help = Drift::of(&not_ours, "out/dev", Subject::Rendered)[0].help().expect("a help line");
        assert!(help.contains("--adopt") && !help.contains("--force"), "{help}");
    }
}
