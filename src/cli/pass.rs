//! One pass over the selected environments for `check`, `diff` and `render`: the same plan, told in different ways.

use std::ops::ControlFlow;

use anyhow::{Error, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::Status;
use super::account::Account;
use super::options::{OutputTarget, PassOptions, ReadOptions, place_in_work_tree};
use super::output::Printer;
use super::sink::Sink;
use crate::change::{OverrideChange, differences};
use crate::finding::{Level, counted};
use crate::fleet::{AT_ONCE, Repository, Request};
use crate::outside::files::Folder;
use crate::report::{NAMES_SHOWN, Outcome, Run, Subject, Summary, human, some_of};

/// A pass.
pub(super) struct Pass<'a> {
    pub(super) printer: &'a Printer,
    /// The folder that paths on the command line start from.
    pub(super) start: &'a Utf8Path,
    pub(super) options: &'a PassOptions,
    pub(super) request: Request,
    /// The verb of the command, and of the summary: `check`, `checked`.
    pub(super) verbs: (&'static str, &'static str),
    pub(super) subject: Subject,
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
        subject: Subject,
    ) -> Pass<'a> {
        Pass { printer, start, options: &options.pass, request: Request::default(), verbs, subject, fail_fast: false, strict: false }
    }

    /// Opens the repository; what is wrong with it as a whole is reported, and then there is none.
    pub(super) fn open(&self, source: Box<dyn Folder>) -> Result<Option<Repository>> {
        let unusable = match Repository::open(source) {
            Ok(repository) => return Ok(Some(repository)),
            Err(unusable) => unusable,
        };
        let account = Account::new(self.sinks(None)?, self.subject, &unusable.findings);
        let summary = account.finish(Vec::new(), |file| unusable.text(file))?;
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
        let is_difference = matches!(self.subject, Subject::Differences(_));
        let overrides = repository.base().filter(|_| is_difference).map(|base| repository.override_changes(base));
        let mut account = Account::new(self.sinks(overrides)?, self.subject, repository.findings());
        let folder = |environment: &str| format!("{}/{environment}", repository.settings().out);
        let with_text = self.subject.is_unified() || self.options.output.output.iter().any(|target| target.format.name != "human");
        repository.for_each(
            &selection,
            &self.request,
            if self.fail_fast { 1 } else { AT_ONCE },
            |outcome| {
                act(outcome);
                let plan = outcome.plan.as_ref().filter(|_| matches!(self.subject, Subject::Differences(_)));
                plan.map(|plan| differences(plan, &folder(&outcome.environment), &outcome.environment, with_text))
            },
            |outcome, differences| {
                let stop = self.fail_fast && outcome.is_stopped();
                let folder = folder(&outcome.environment);
                account.take(outcome, differences, &folder);
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        let nothing_matches = account.summary.environments == 0 && !selection.is_everything();
        // Whoever reads a report of nothing must not take it for an answer.
        account.summary.untrusted |= nothing_matches;
        let last = if self.request.as_of.is_some() && selection.is_everything() { repository.unused() } else { Vec::new() };
        let summary = account.finish(last, |file| repository.text(file))?;
        if nothing_matches {
            return Err(self.nothing_matches(repository));
        }
        if let Some(hint) = human::blocked_hint(&summary) {
            self.printer.note(&hint);
        } else if self.subject == Subject::Drift && summary.changed > 0 {
            self.printer.note("hint: `trustree diff` shows what would change, `trustree render` writes it");
        }
        if repository.verified_charts() > 0 {
            let charts = counted(repository.verified_charts(), "chart");
            self.printer
                .note(&format!("note: {charts} not inflated again: what is committed is what was inflated (`--allow-helm` runs Helm)"));
        }
        self.printer.note(&human::summary(&summary, self.verbs.1));
        Ok(self.status(&summary))
    }

    fn nothing_matches(&self, repository: &Repository) -> Error {
        let names: Vec<String> = repository.environments().iter().map(|name| format!("`{name}`")).collect();
        let known = if names.is_empty() { "none".to_owned() } else { some_of(&names, NAMES_SHOWN) };
        anyhow!("no environment matches {}; there are {known}", self.options.selection.shown())
    }

    /// The exit code that follows from the counts.
    fn status(&self, summary: &Summary) -> Status {
        let found = summary.count(Level::Error) > 0 || (self.strict && summary.count(Level::Warning) > 0);
        let differs = self.subject != Subject::Rendered && (summary.changed > 0);
        if summary.untrusted {
            Status::NoAnswer
        } else if found || differs || summary.blocked > 0 {
            Status::No
        } else {
            Status::Holds
        }
    }

    fn sinks(&self, overrides: Option<Vec<OverrideChange>>) -> Result<Vec<Sink<'_>>> {
        let targets = &self.options.output.output;
        // `a` and `./a` are one file.
        let place = |target: &OutputTarget| target.path.as_ref().map(|path| self.start.join(path));
        for (index, target) in targets.iter().enumerate() {
            if targets[..index].iter().any(|other| place(other) == place(target)) {
                let place = target.path.as_ref().map_or("standard output".to_owned(), |path| format!("`{path}`"));
                bail!("two formats cannot both go to {place}; write `--output FORMAT=PATH`");
            }
        }
        let run = Run {
            command: self.verbs.0,
            done: self.verbs.1,
            subject: self.subject,
            overrides,
            strict: self.strict,
            color: false,
            prefix: place_in_work_tree(self.start)?,
        };
        let mut sinks: Vec<Sink<'_>> =
            targets.iter().map(|target| Sink::open(target, &run, self.start, self.printer)).collect::<Result<_>>()?;
        if targets.iter().any(|target| target.format.with_job_summary)
            && let Some(path) = job_summary()
        {
            match Sink::job_summary(&path, &run) {
                Ok(sink) => sinks.push(sink),
                // The step may run in a container that does not see the file; that says nothing about the repository.
                Err(error) => self.printer.note(&format!("hint: {error:#}; the report goes on without it")),
            }
        }
        Ok(sinks)
    }
}

/// The file that GitHub shows as the summary of the job, where we run in one.
fn job_summary() -> Option<Utf8PathBuf> {
    std::env::var("GITHUB_STEP_SUMMARY").ok().filter(|path| !path.is_empty()).map(Utf8PathBuf::from)
}
