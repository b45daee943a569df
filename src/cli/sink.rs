//! Where one format of a report goes: standard output, or a file. A sink only moves text. One that fails does not stop the
//! work that is being reported: it takes nothing more, and says so at the end.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};

use anyhow::{Context as _, Error, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::options::OutputTarget;
use super::output::Printer;
use crate::report::markdown::Markdown;
use crate::report::{Format, Run, Told, Whole};

/// Bytes that are collected before they are handed on; a piece that is smaller goes at its end.
const BUFFER: usize = 64 * 1024;

/// One format, and where it goes.
pub(super) struct Sink<'a> {
    report: Box<dyn Format>,
    outlet: Outlet<'a>,
}

/// Where text goes.
struct Outlet<'a> {
    target: Target<'a>,
    buffer: String,
    failed: Option<Error>,
}

enum Target<'a> {
    Stdout(&'a Printer),
    File(BufWriter<File>, Utf8PathBuf),
}

impl<'a> Sink<'a> {
    /// Opens a target; a path begins at `start`.
    #[expect(clippy::disallowed_methods, reason = "a report goes to the path that the person named, inside the repository or not")]
    pub(super) fn open(target: &OutputTarget, run: &Run, start: &Utf8Path, printer: &'a Printer) -> Result<Sink<'a>> {
        let (outlet, color) = match &target.path {
            None => (Target::Stdout(printer), printer.color),
            Some(path) => {
                let file = File::create(start.join(path)).with_context(|| format!("`{path}` cannot be written"))?;
                (Target::File(BufWriter::new(file), path.clone()), false)
            }
        };
        Ok(Sink { report: (target.format.begin)(&Run { color, ..run.clone() }), outlet: Outlet::to(outlet) })
    }

    /// Opens the job summary of a step on GitHub, behind what the step has written into it so far.
    pub(super) fn job_summary(path: &Utf8Path, run: &Run) -> Result<Sink<'a>> {
        let told = || format!("the job summary `{path}` cannot be written");
        let file = OpenOptions::new().append(true).create(true).open(path).with_context(told)?;
        let used = file.metadata().with_context(told)?.len();
        let report = Box::new(Markdown::job_summary(run, usize::try_from(used).unwrap_or(usize::MAX)));
        Ok(Sink { report, outlet: Outlet::to(Target::File(BufWriter::new(file), path.to_owned())) })
    }

    /// Tells of an environment.
    pub(super) fn environment(&mut self, told: &Told<'_>) {
        if self.outlet.failed.is_none() {
            // What fails is kept in the outlet.
            let _ = self.report.environment(told, &mut self.outlet);
            self.outlet.hand_on();
        }
    }

    /// Tells the rest, and ends the sink. A reader that went away, as `head` does, is no failure.
    ///
    /// # Errors
    /// The first piece that could not be written.
    pub(super) fn finish(mut self, whole: &Whole<'_>) -> Result<()> {
        if self.outlet.failed.is_none() {
            let _ = self.report.finish(whole, &mut self.outlet);
        }
        self.outlet.finish()
    }
}

impl<'a> Outlet<'a> {
    fn to(target: Target<'a>) -> Outlet<'a> {
        Outlet { target, buffer: String::new(), failed: None }
    }

    /// Hands on what was collected, unless something earlier could not be written.
    fn hand_on(&mut self) {
        if self.failed.is_none() && !self.buffer.is_empty() {
            let written = match &mut self.target {
                Target::Stdout(printer) => printer.data(&self.buffer),
                Target::File(file, path) => file.write_all(self.buffer.as_bytes()).with_context(|| format!("`{path}` cannot be written")),
            };
            self.failed = written.err();
        }
        self.buffer.clear();
    }

    fn finish(mut self) -> Result<()> {
        self.hand_on();
        if let (None, Target::File(file, path)) = (&self.failed, &mut self.target) {
            self.failed = file.flush().with_context(|| format!("`{path}` cannot be written")).err();
        }
        match self.failed {
            Some(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

impl fmt::Write for Outlet<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.buffer.push_str(text);
        if self.buffer.len() >= BUFFER {
            self.hand_on();
        }
        if self.failed.is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Whether the reader of our output went away.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
