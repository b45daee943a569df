//! `trustree check`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;

use super::Status;
use super::options::{ReadOptions, flag};
use super::output::Printer;
use super::pass::Pass;
use crate::report::View;

/// Say whether the tree is what the inventories give; writes nothing
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    read: ReadOptions,
    /// Fail on warnings, too
    #[arg(long, env = "TRUSTREE_STRICT", value_parser = flag)]
    strict: bool,
}

impl Check {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let pass = Pass { strict: self.strict, ..Pass::reading(printer, start, &self.read, ("check", "checked"), View::Drift) };
        match pass.open(self.read.source.open(start)?)? {
            Some(repository) => pass.run(&repository, |_| {}),
            None => Ok(Status::NoAnswer),
        }
    }
}
