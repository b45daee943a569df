//! Standard output and standard error: data on the one, hints and the summary on the other.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};

use super::options::ColorChoice;

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Printer {
    /// Whether data on standard output may carry colour.
    pub(super) color: bool,
    quiet: bool,
}

impl Printer {
    pub(super) fn new(choice: ColorChoice, quiet: bool) -> Printer {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        };
        Printer { color, quiet }
    }

    /// Prints data.
    pub(super) fn data(&self, text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("standard output cannot be written")
    }

    /// Prints a hint or the summary, one line.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet {
            // Nothing can be done, or need be, when standard error is gone.
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }
}

/// Whether standard input is a terminal, from which nothing will come by itself.
pub(super) fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Prints what stopped a command.
pub(super) fn error(error: &dyn fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}
