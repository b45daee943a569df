//! `trustree diff`

use anyhow::Result;
use camino::Utf8Path;
use clap::{Args, ValueEnum};

use super::Status;
use super::options::ReadOptions;
use super::output::{Printer, stdout_is_terminal};
use super::pass::Pass;
use crate::report::View;
use crate::report::changes::{self, Telling};

/// Show what a render would change, and what that means
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    read: ReadOptions,
    /// What to show: what the changes mean, lines, or counts; `semantic` on a terminal, otherwise `unified`
    #[arg(long, value_enum, value_name = "VIEW", env = "TRUSTREE_VIEW")]
    view: Option<ViewChoice>,
    /// Cut what is shown to so many bytes: details first, and of what can break least; never the counts
    #[arg(long, value_name = "BYTES", env = "TRUSTREE_LIMIT")]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ViewChoice {
    Semantic,
    Unified,
    Summary,
}

impl Diff {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let view = match self.view {
            Some(ViewChoice::Semantic) => changes::View::Semantic,
            Some(ViewChoice::Unified) => changes::View::Unified,
            Some(ViewChoice::Summary) => changes::View::Summary,
            None if stdout_is_terminal() && self.read.pass.output.has_text_on_stdout() => changes::View::Semantic,
            None => changes::View::Unified,
        };
        let telling = Telling { view, limit: self.limit };
        let pass = Pass::reading(printer, start, &self.read, ("diff", "compared"), View::Differences(telling));
        match pass.open(self.read.source.open(start)?)? {
            Some(repository) => pass.run(&repository.with_base(self.read.base(printer, start)?), |_| {}),
            None => Ok(Status::NoAnswer),
        }
    }
}
