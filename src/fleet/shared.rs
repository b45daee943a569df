//! What environments share: folders named by their content, in one folder beside the environments with a ledger of its own.
//! They are written before the first environment that names them, and go when none names them any more. Each distinct one
//! is kept once, however many environments name it.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::Repository;
use crate::finding::{Finding, Place, SHARED_NOT_WRITTEN};
use crate::outside::files::{FileError, Folder};
use crate::plan::{Action, Applied, FileChange, LEDGER_FILE, Origin, Permissions, Plan};
use crate::render::SHARED_FOLDER;
use crate::report::Outcome;
use crate::tree::{Digest, OutPath, Tree};

/// An environment's plan, and what it shares.
pub(super) struct Planned {
    pub(super) outcome: Outcome,
    /// Below [`SHARED_FOLDER`]; empty where nothing of it is written.
    pub(super) shared: Tree,
}

impl From<Outcome> for Planned {
    fn from(outcome: Outcome) -> Planned {
        Planned { outcome, shared: Tree::default() }
    }
}

/// What is to become of bases that no environment names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unnamed {
    /// Whether there may be some.
    are_there: bool,
    /// Whether they may go: every environment can be seen.
    may_go: bool,
}

impl Unnamed {
    /// Looks into the output folder of a repository all of whose environments can be seen.
    pub(super) fn of(out: &dyn Folder) -> Result<Unnamed, FileError> {
        let folder = out.folder(SHARED_FOLDER)?;
        let are_there =
            folder.map(|folder| folder.list()).transpose()?.is_some_and(|list| list.iter().any(|entry| entry.name == LEDGER_FILE));
        Ok(Unnamed { are_there, may_go: true })
    }
}

/// The bases of a pass.
pub(super) struct Bases<'a> {
    repository: &'a Repository,
    permissions: Permissions,
    /// Those that environments name, each once.
    tree: Tree,
    /// Whether no environment was stopped: one that was may still name what nobody else does.
    is_whole: bool,
    /// What was written ahead of the environments.
    ahead: Option<Outcome>,
}

impl<'a> Bases<'a> {
    pub(super) fn new(repository: &'a Repository, permissions: Permissions) -> Bases<'a> {
        Bases { repository, permissions, tree: Tree::default(), is_whole: true, ahead: None }
    }

    /// Takes the bases of environments that wait for them, and has those written that are not there yet. An environment
    /// whose base is not there then must not be written either.
    pub(super) fn prepare<'p>(&mut self, environments: impl Iterator<Item = &'p mut Planned>, act: impl Fn(&mut Outcome)) {
        let mut waiting: Vec<&mut Planned> = environments.filter(|planned| !planned.shared.is_empty()).collect();
        let before = self.tree.len();
        for planned in &mut waiting {
            self.take(planned);
        }
        if self.tree.len() > before || self.ahead.as_ref().is_some_and(Outcome::is_stopped) {
            let mut outcome = self.outcome(false);
            act(&mut outcome);
            self.ahead = Some(match self.ahead.take() {
                Some(earlier) => joined(earlier, outcome),
                None => outcome,
            });
        }
        let Some(ahead) = self.ahead.as_ref().filter(|ahead| ahead.is_stopped()) else { return };
        for planned in waiting {
            let missing = planned.shared.iter().map(|(path, _)| path).find(|path| is_missing(ahead, path)).cloned();
            if let Some(path) = missing {
                let file = Utf8Path::new(&self.repository.settings.out).join(SHARED_FOLDER).join(path.as_str());
                let message = format!("`{}` shares `{file}`, which is not as rendered and cannot be written", planned.outcome.environment);
                let help = "look at what is said of `_shared`; `--force` overwrites what was edited by hand, `--adopt` takes over files that stand in the way";
                refuse(planned, Finding::new(&SHARED_NOT_WRITTEN, Place::whole(file), message).help(help));
            }
        }
    }

    fn take(&mut self, planned: &mut Planned) {
        for (path, file) in planned.shared.clone().iter() {
            let claimed = match self.tree.get(path) {
                Some(known) if known.text == file.text => Ok(()),
                Some(_) => Err(format!("`{SHARED_FOLDER}/{path}` would hold two different things, whose digests begin alike")),
                None => self.tree.claim(path.clone(), file.clone()),
            };
            if let Err(problem) = claimed {
                let place = Place::whole(Utf8Path::new(&self.repository.settings.out).join(SHARED_FOLDER));
                let help = "write `layout: self-contained` for this environment, or change a chart value";
                return refuse(planned, Finding::new(&SHARED_NOT_WRITTEN, place, problem).help(help));
            }
        }
    }

    /// Sees what became of an environment.
    pub(super) fn saw(&mut self, outcome: &Outcome) {
        self.is_whole &= !outcome.is_stopped();
    }

    /// What was written so far, to be told where a pass ends early.
    pub(super) fn written(&mut self) -> Option<Outcome> {
        self.ahead.take()
    }

    /// The end of the pass: what no environment names goes, where every environment is known.
    pub(super) fn finish<T>(mut self, is_everything: bool, act: impl Fn(&mut Outcome) -> T) -> Option<(Outcome, T)> {
        let Unnamed { are_there, may_go } = self.repository.unnamed;
        if self.tree.is_empty() && !(are_there && is_everything) {
            return None;
        }
        let mut outcome = self.outcome(is_everything && may_go && self.is_whole);
        let made = act(&mut outcome);
        let outcome = match self.ahead.take() {
            Some(ahead) => joined(ahead, outcome),
            None => outcome,
        };
        Some((outcome, made))
    }

    /// The plan of what is known so far.
    fn outcome(&self, prunes: bool) -> Outcome {
        // A name follows the content, so what lies there never changes: neither inputs nor templates can tell more.
        let origin = Origin { inputs: Digest::of(b""), templates: Digest::of(b"") };
        match self.repository.plan(SHARED_FOLDER, &self.tree, &origin, self.permissions) {
            Ok(plan) if prunes => Outcome::planned(SHARED_FOLDER, Vec::new(), plan),
            Ok(plan) => Outcome::planned(SHARED_FOLDER, Vec::new(), without_pruning(plan, &self.tree)),
            Err(finding) => Outcome::failed(SHARED_FOLDER, vec![finding]),
        }
    }
}

/// Keeps an environment from being written.
fn refuse(planned: &mut Planned, finding: Finding) {
    planned.shared = Tree::default();
    planned.outcome.plan = None;
    planned.outcome.findings.push(finding);
}

/// Whether a base's file is not there after what was done.
fn is_missing(ahead: &Outcome, path: &OutPath) -> bool {
    ahead.plan.as_ref().is_none_or(|plan| plan.changes.iter().any(|change| change.path == *path))
}

/// The same plan, which leaves alone what an environment may name that is not known.
fn without_pruning(plan: Plan, tree: &Tree) -> Plan {
    let Plan { changes, ledger_before, mut ledger_after, .. } = plan;
    let changes = changes.into_iter().filter(|change| tree.get(&change.path).is_some()).collect();
    for (path, line) in ledger_before.iter().flat_map(|ledger| &ledger.lines).filter(|(path, _)| tree.get(path).is_none()) {
        ledger_after.lines.insert(path.clone(), line.clone());
    }
    Plan { changes, ledger_before, ledger_after, ..plan }
}

/// What was done before, and what was done or is to be done behind it, as one.
fn joined(before: Outcome, after: Outcome) -> Outcome {
    let (Some(done), Some(applied)) = (before.plan, before.applied) else {
        // Nothing was written, so what comes behind it says everything again.
        return after;
    };
    let Some(plan) = after.plan else { return Outcome { applied: Some(applied), ..after } };
    let written = done.changes.iter().filter(|change| change.action == Action::Write).count();
    let mut changes: BTreeMap<OutPath, FileChange> = done.changes.into_iter().map(|change| (change.path.clone(), change)).collect();
    changes.extend(plan.changes.into_iter().map(|change| (change.path.clone(), change)));
    let plan = Plan {
        changes: changes.into_values().collect(),
        unchanged: plan.unchanged.saturating_sub(written),
        ledger_before: done.ledger_before,
        ..plan
    };
    let more = after.applied.unwrap_or_default();
    let applied = Applied { written: applied.written + more.written, deleted: applied.deleted + more.deleted };
    Outcome { plan: Some(plan), applied: Some(applied), ..after }
}
