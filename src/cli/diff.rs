//! `trustree diff`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;

use super::Status;
use super::account::View;
use super::options::ReadOptions;
use super::output::Printer;
use super::pass::Pass;

/// Show what a render would change, and which certificates that concerns
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    read: ReadOptions,
}

impl Diff {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let pass = Pass::reading(printer, start, &self.read, ("diff", "compared"), View::Differences);
        match pass.open(self.read.source.open(start)?)? {
            Some(repository) => pass.run(&repository.with_base(self.read.base(printer, start)?), |_| {}),
            None => Ok(Status::NoAnswer),
        }
    }
}
