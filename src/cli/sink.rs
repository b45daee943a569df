//! Where one format of a report goes: standard output, or a file. A sink that fails does not stop the work that is being
//! reported: it takes nothing more, and says so at the end.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write as _};

use anyhow::{Context as _, Error, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::options::{Format, OutputTarget};
use super::output::Printer;
use crate::finding::Place;
use crate::report::json::JsonReport;
use crate::report::{FindingGroups, human};

/// Where one format goes.
pub(super) struct Sink<'a> {
    pub(super) format: SinkFormat,
    target: Target<'a>,
    failed: Option<Error>,
}

/// A format, with what it keeps while the environments pass by.
pub(super) enum SinkFormat {
    Human,
    Json(JsonReport),
}

enum Target<'a> {
    Stdout(&'a Printer),
    File(BufWriter<File>, Utf8PathBuf),
}

impl<'a> Sink<'a> {
    /// Opens a target; a path begins at `start`.
    #[expect(clippy::disallowed_methods, reason = "a report goes to the path that the person named, inside the repository or not")]
    pub(super) fn open(target: &OutputTarget, command: &'static str, start: &Utf8Path, printer: &'a Printer) -> Result<Sink<'a>> {
        let format = match target.format {
            Format::Human => SinkFormat::Human,
            Format::Json => SinkFormat::Json(JsonReport::new(command)),
        };
        let target = match &target.path {
            None => Target::Stdout(printer),
            Some(path) => {
                let file = File::create(start.join(path)).with_context(|| format!("`{path}` cannot be written"))?;
                Target::File(BufWriter::new(file), path.clone())
            }
        };
        Ok(Sink { format, target, failed: None })
    }

    /// Writes a piece, unless an earlier one could not be written.
    pub(super) fn write(&mut self, text: &str) {
        if self.failed.is_some() || text.is_empty() {
            return;
        }
        let written = match &mut self.target {
            Target::Stdout(printer) => printer.data(text),
            Target::File(file, path) => file.write_all(text.as_bytes()).with_context(|| format!("`{path}` cannot be written")),
        };
        self.failed = written.err();
    }

    /// Writes findings, each with the lines of the file that caused it; of a file with a secret in it, no line is shown.
    pub(super) fn findings(&mut self, groups: &FindingGroups, text_of: impl Fn(&Utf8Path) -> Option<String>) {
        for group in groups.iter() {
            let source = match &group.finding.place {
                Place::File { file, line, .. } if *line > 0 && !groups.reveals(file) => text_of(file),
                _ => None,
            };
            self.write(&human::finding(group, source.as_deref(), self.color()));
        }
    }

    /// Ends the sink. A reader that went away, as `head` does, is no failure.
    ///
    /// # Errors
    /// The first piece that could not be written.
    pub(super) fn finish(mut self) -> Result<()> {
        if let (None, Target::File(file, path)) = (&self.failed, &mut self.target) {
            self.failed = file.flush().with_context(|| format!("`{path}` cannot be written")).err();
        }
        match self.failed {
            Some(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn color(&self) -> bool {
        matches!(self.target, Target::Stdout(printer) if printer.color)
    }
}

/// Whether the reader of our output went away.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
