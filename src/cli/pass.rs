//! One pass over the selected environments for `check`, `diff` and `render`: the same plan, told in different ways.

use std::ops::ControlFlow;

use anyhow::{Error, Result, anyhow, bail};
use camino::Utf8Path;

use super::Status;
use super::account::{Account, View};
use super::options::{PassOptions, ReadOptions};
use super::output::Printer;
use super::sink::{Sink, SinkFormat};
use crate::change::differences;
use crate::finding::Level;
use crate::fleet::{AT_ONCE, Repository, Request};
use crate::outside::files::Folder;
use crate::report::{FindingGroups, Outcome, Summary, human, some_of};

/// A pass.
pub(super) struct Pass<'a> {
    pub(super) printer: &'a Printer,
    /// The folder that paths on the command line start from.
    pub(super) start: &'a Utf8Path,
    pub(super) options: &'a PassOptions,
    pub(super) request: Request,
    /// The verb of the command, and of the summary: `check`, `checked`.
    pub(super) verbs: (&'static str, &'static str),
    pub(super) view: View,
    /// Whether the run ends with the first environment that fails.
    pub(super) fail_fast: bool,
    /// Whether warnings fail it.
    pub(super) strict: bool,
}

impl<'a> Pass<'a> {
    /// A pass that writes nothing.
    pub(super) fn reading(
        printer: &'a Printer,
        start: &'a Utf8Path,
        options: &'a ReadOptions,
        verbs: (&'static str, &'static str),
        view: View,
    ) -> Pass<'a> {
        Pass { printer, start, options: &options.pass, request: Request::default(), verbs, view, fail_fast: false, strict: false }
    }

    /// Opens the repository; what is wrong with it as a whole is printed, and then there is none.
    pub(super) fn open(&self, source: Box<dyn Folder>) -> Result<Option<Repository>> {
        let unusable = match Repository::open(source) {
            Ok(repository) => return Ok(Some(repository)),
            Err(unusable) => unusable,
        };
        let findings = &unusable.findings;
        let groups = FindingGroups::of(findings);
        let mut summary = Summary::default();
        summary.add_findings(findings);
        for mut sink in self.sinks()? {
            match &mut sink.format {
                SinkFormat::Json(report) => {
                    let text = report.finish(findings, &summary);
                    sink.write(&text);
                }
                SinkFormat::Human => sink.findings(&groups, |file| unusable.text(file)),
            }
            sink.finish()?;
        }
        self.printer.note(&human::summary(&summary, self.verbs.1));
        Ok(None)
    }

    /// Goes through the environments; `act` runs for each of them in parallel.
    pub(super) fn run(&self, repository: &Repository, act: impl Fn(&mut Outcome) + Sync) -> Result<Status> {
        let selection = self.options.selection.selection()?;
        self.options.jobs.start()?;
        if !selection.is_everything() && !repository.environments().iter().any(|name| selection.takes_name(name)) {
            return Err(self.nothing_matches(repository));
        }
        let mut account = Account::new(self.sinks()?, self.view, repository);
        if let Some(base) = repository.base().filter(|_| self.view == View::Differences) {
            account.overrides(&repository.override_changes(base));
        }
        let folder = |environment: &str| format!("{}/{environment}", repository.settings().out);
        repository.for_each(
            &selection,
            &self.request,
            if self.fail_fast { 1 } else { AT_ONCE },
            |outcome| {
                act(outcome);
                match &outcome.plan {
                    Some(plan) if self.view == View::Differences => differences(plan, &folder(&outcome.environment), &outcome.environment),
                    _ => Vec::new(),
                }
            },
            |outcome, differences| {
                let stop = self.fail_fast && outcome.is_stopped();
                let folder = folder(&outcome.environment);
                account.take(outcome, differences, &folder);
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        if account.summary.environments == 0 && !selection.is_everything() {
            return Err(self.nothing_matches(repository));
        }
        let is_full_check = self.request.as_of.is_some() && selection.is_everything();
        let summary = account.finish(repository, if is_full_check { repository.unused() } else { Vec::new() })?;
        if let Some(hint) = human::blocked_hint(&summary) {
            self.printer.note(&hint);
        } else if self.view == View::Drift && summary.changed > 0 {
            self.printer.note("hint: `trustree diff` shows what would change, `trustree render` writes it");
        }
        self.printer.note(&human::summary(&summary, self.verbs.1));
        Ok(self.status(&summary))
    }

    fn nothing_matches(&self, repository: &Repository) -> Error {
        let names: Vec<String> = repository.environments().iter().map(|name| format!("`{name}`")).collect();
        let known = if names.is_empty() { "none".to_owned() } else { some_of(&names, 12) };
        anyhow!("no environment matches {}; there are {known}", self.options.selection.shown())
    }

    /// The exit code that follows from the counts.
    fn status(&self, summary: &Summary) -> Status {
        let found = summary.count(Level::Error) > 0 || (self.strict && summary.count(Level::Warning) > 0);
        let differs = self.view != View::Rendered && (summary.changed > 0);
        if summary.untrusted {
            Status::NoAnswer
        } else if found || differs || summary.blocked > 0 {
            Status::No
        } else {
            Status::Holds
        }
    }

    fn sinks(&self) -> Result<Vec<Sink<'_>>> {
        let targets = &self.options.output.output;
        for (index, target) in targets.iter().enumerate() {
            if targets[..index].iter().any(|other| other.path == target.path) {
                let place = target.path.as_ref().map_or("standard output".to_owned(), |path| format!("`{path}`"));
                bail!("two formats cannot both go to {place}; write `--output FORMAT=PATH`");
            }
        }
        targets.iter().map(|target| Sink::open(target, self.verbs.0, self.start, self.printer)).collect()
    }
}
