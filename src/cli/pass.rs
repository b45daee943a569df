//! One pass over the selected environments for `check`, `diff` and `render`: the same plan, told in different ways.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use anyhow::{Context as _, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::Status;
use super::options::{Format, OutputTarget, PassOptions, ReadOptions};
use super::output::Printer;
use crate::change::{FileDifference, differences};
use crate::finding::{Level, Place};
use crate::fleet::{AT_ONCE, Repository};
use crate::outside::files::Folder;
use crate::plan::Permissions;
use crate::report::{FindingGroups, Outcome, Summary, human, json};
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

/// A pass.
pub(super) struct Pass<'a> {
    pub(super) printer: &'a Printer,
    /// The folder that paths on the command line start from.
    pub(super) start: &'a Utf8Path,
    pub(super) options: &'a PassOptions,
    pub(super) permissions: Permissions,
    /// The verb of the command, and of the summary: `check`, `checked`.
    pub(super) verbs: (&'a str, &'a str),
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
        verbs: (&'a str, &'a str),
        view: View,
    ) -> Pass<'a> {
        Pass { printer, start, options: &options.pass, permissions: Permissions::default(), verbs, view, fail_fast: false, strict: false }
    }

    /// Opens the repository; what is wrong with it as a whole is printed, and then there is none.
    pub(super) fn open(&self, source: Box<dyn Folder>) -> Result<Option<Repository>> {
        let unusable = match Repository::open(source) {
            Ok(repository) => return Ok(Some(repository)),
            Err(unusable) => unusable,
        };
        let findings = &unusable.findings;
        let mut groups = FindingGroups::default();
        findings.iter().for_each(|finding| groups.add(finding.clone(), None));
        let mut summary = Summary::default();
        summary.add_findings(findings);
        let mut sinks = self.sinks()?;
        for sink in &mut sinks {
            match sink.format {
                Format::Json => sink.write(&format!("{}{}", json::head(self.verbs.0), json::tail(findings, &summary)))?,
                Format::Human => sink.findings(&groups, |file| unusable.text(file))?,
            }
        }
        self.printer.note(&human::summary(&summary, self.verbs.1));
        Ok(None)
    }

    /// Goes through the environments; `act` runs for each of them in parallel.
    pub(super) fn run(&self, repository: &Repository, act: impl Fn(&mut Outcome) + Sync) -> Result<Status> {
        let selection = self.options.selection.selection()?;
        self.options.jobs.start()?;
        if !selection.is_everything() && !repository.environments().iter().any(|name| selection.takes_name(name)) {
            bail!("no environment matches {}; there are {}", self.options.selection.shown(), listed(repository));
        }
        let wants_differences = self.view == View::Differences;
        let mut report = Report {
            pass: self,
            sinks: self.sinks()?,
            groups: FindingGroups::default(),
            differences: Vec::new(),
            known: HashMap::new(),
            summary: Summary::default(),
            first: true,
        };
        report.begin(repository)?;
        let out = repository.settings().out.as_str();
        let mut failed: Result<()> = Ok(());
        repository.for_each(
            &selection,
            self.permissions,
            if self.fail_fast { 1 } else { AT_ONCE },
            |outcome| {
                act(outcome);
                match &outcome.plan {
                    Some(plan) if wants_differences => differences(plan, &format!("{out}/{}", outcome.environment), &outcome.environment),
                    _ => Vec::new(),
                }
            },
            |outcome, differences| {
                let stop = self.fail_fast && outcome.is_stopped();
                failed = report.take(outcome, differences, &format!("{out}/"));
                if stop || failed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        failed?;
        if report.summary.environments == 0 && !selection.is_everything() {
            bail!("no environment matches {}; there are {}", self.options.selection.shown(), listed(repository));
        }
        report.end(repository)?;
        Ok(self.status(&report.summary))
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
        let on_stdout = self.options.output.output.iter().filter(|target| target.path.is_none()).count();
        if on_stdout > 1 {
            bail!("only one format can go to standard output; write `--output FORMAT=PATH` for the others");
        }
        self.options.output.output.iter().map(|target| Sink::open(target, self.start, self.printer)).collect()
    }
}

fn listed(repository: &Repository) -> String {
    let names: Vec<String> = repository.environments().iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { crate::report::some_of(&names, 12) }
}

/// Where one format goes.
struct Sink<'a> {
    format: Format,
    file: Option<BufWriter<File>>,
    printer: &'a Printer,
}

impl<'a> Sink<'a> {
    #[expect(clippy::disallowed_methods, reason = "a report goes to the path that the person named, inside the repository or not")]
    fn open(target: &OutputTarget, start: &Utf8Path, printer: &'a Printer) -> Result<Sink<'a>> {
        let create =
            |path: &Utf8PathBuf| File::create(start.join(path)).map(BufWriter::new).with_context(|| format!("`{path}` cannot be written"));
        Ok(Sink { format: target.format, file: target.path.as_ref().map(create).transpose()?, printer })
    }

    fn write(&mut self, text: &str) -> Result<()> {
        match &mut self.file {
            Some(file) => Ok(file.write_all(text.as_bytes())?),
            None if text.is_empty() => Ok(()),
            None => self.printer.data(text),
        }
    }

    /// Findings, each with the lines of the file that caused it; of a file with a secret in it, no line is shown.
    fn findings(&mut self, groups: &FindingGroups, text_of: impl Fn(&Utf8Path) -> Option<String>) -> Result<()> {
        let secret: Vec<&Place> =
            groups.iter().map(|group| &group.finding).filter(|finding| finding.is_about_secret()).map(|finding| &finding.place).collect();
        let shown = |file: &Utf8Path| !secret.iter().any(|place| matches!(place, Place::File { file: other, .. } if other == file));
        groups.iter().try_for_each(|group| {
            let source = match &group.finding.place {
                Place::File { file, line, .. } if *line > 0 && shown(file) => text_of(file),
                _ => None,
            };
            self.write(&human::finding(group, source.as_deref(), self.color()))
        })
    }

    fn color(&self) -> bool {
        self.file.is_none() && self.printer.color
    }
}

/// What is kept while the environments pass by.
struct Report<'a> {
    pass: &'a Pass<'a>,
    sinks: Vec<Sink<'a>>,
    groups: FindingGroups,
    /// Differences that are not the same, in order of their first environment, each with all of its environments.
    differences: Vec<(FileDifference, Vec<String>)>,
    /// Where each of them stands in that list.
    known: HashMap<Digest, usize>,
    summary: Summary,
    first: bool,
}

impl Report<'_> {
    fn begin(&mut self, repository: &Repository) -> Result<()> {
        self.summary.add_findings(repository.findings());
        for finding in repository.findings() {
            self.groups.add(finding.clone(), None);
        }
        let head = json::head(self.pass.verbs.0);
        self.sinks.iter_mut().filter(|sink| sink.format == Format::Json).try_for_each(|sink| sink.write(&head))
    }

    fn take(&mut self, outcome: Outcome, differences: Vec<FileDifference>, out: &str) -> Result<()> {
        let folder = format!("{out}{}", outcome.environment);
        self.summary.add(&outcome);
        for sink in &mut self.sinks {
            let text = match (sink.format, self.pass.view) {
                (Format::Json, _) => json::environment(&outcome, &folder, &differences, self.first),
                (Format::Human, View::Drift) => human::drift(&outcome, &folder),
                (Format::Human, View::Rendered) => human::rendered(&outcome, &folder),
                (Format::Human, View::Differences) => continue,
            };
            sink.write(&text)?;
        }
        self.first = false;
        for finding in outcome.findings {
            self.groups.add(finding, Some(&outcome.environment));
        }
        for difference in differences {
            let name = outcome.environment.clone();
            match self.known.get(&difference.fingerprint) {
                Some(index) => self.differences[*index].1.push(name),
                None => {
                    self.known.insert(difference.fingerprint, self.differences.len());
                    self.differences.push((difference, vec![name]));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, repository: &Repository) -> Result<()> {
        for sink in &mut self.sinks {
            match sink.format {
                Format::Json => sink.write(&json::tail(repository.findings(), &self.summary))?,
                Format::Human => {
                    for (difference, environments) in &self.differences {
                        let color = sink.color();
                        sink.write(&human::difference(difference, environments, color))?;
                    }
                    sink.findings(&self.groups, |file| repository.text(file))?;
                }
            }
            if let Some(file) = &mut sink.file {
                file.flush()?;
            }
        }
        if let Some(hint) = human::blocked_hint(&self.summary) {
            self.pass.printer.note(&hint);
        } else if self.pass.view == View::Drift && self.summary.changed > 0 {
            self.pass.printer.note("hint: `trustree diff` shows what would change, `trustree render` writes it");
        }
        self.pass.printer.note(&human::summary(&self.summary, self.pass.verbs.1));
        Ok(())
    }
}
