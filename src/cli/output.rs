//! Standard output and standard error: data on the one, hints and the summary on the other.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::report::{without_commands, without_control};

/// When text carries colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Printer {
    /// Whether data on standard output may carry colour.
    pub(super) color: bool,
    /// The same for what goes to standard error.
    pub(super) error_color: bool,
    quiet: bool,
}

impl Printer {
    pub(super) fn new(choice: ColorChoice, quiet: bool) -> Printer {
        let wanted = |automatic: anstream::ColorChoice| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => automatic != anstream::ColorChoice::Never,
        };
        let color = wanted(anstream::AutoStream::choice(&io::stdout()));
        let error_color = wanted(anstream::AutoStream::choice(&io::stderr()));
        Printer { color, error_color, quiet }
    }

    /// Prints why something was refused, or what should be known beside the data.
    pub(super) fn findings(&self, text: &str) {
        // Nothing can be done, or need be, when standard error is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
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

/// Whether data goes to a terminal, so that a person reads it.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Prints what stopped a command.
pub(super) fn error(error: &dyn fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&format!("error: {error}")));
}

/// A text without what somebody else's names in it could do to a terminal or a log; lines stay lines.
pub(super) fn harmless(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(without_control).collect();
    without_commands(&lines.join("\n")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_an_error_steers_nothing() {
        assert_eq!(harmless("no `a\u{1b}[2J\n::warning::b`\nhelp: c"), "no `a\\u{1b}[2J\n: :warning::b`\nhelp: c");
    }
}
