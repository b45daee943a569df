//! `trustree check`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;
use jiff::civil::Date;

use super::Status;
use super::options::{ReadOptions, flag, today};
use super::output::Printer;
use super::pass::Pass;
use crate::fleet::Request;
use crate::report::Subject;

/// Say whether the tree is what the inventories give; writes nothing
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    read: ReadOptions,
    /// Fail on warnings, too
    #[arg(long, env = "TRUSTREE_STRICT", value_parser = flag)]
    strict: bool,
    /// The day to judge validity by [default: today]
    #[arg(long, value_name = "DATE", env = "TRUSTREE_AS_OF")]
    as_of: Option<Date>,
}

impl Check {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let request = Request { as_of: Some(self.as_of.unwrap_or_else(today)), ..Request::default() };
        let pass = Pass { strict: self.strict, request, ..Pass::reading(printer, start, &self.read, ("check", "checked"), Subject::Drift) };
        match pass.open(self.read.source.open(start)?)? {
            Some(repository) => {
                let repository = repository.with_helm(self.read.helm.helm(start)?).with_base(self.read.base(printer, start)?);
                pass.run(&repository, |_| {})
            }
            None => Ok(Status::NoAnswer),
        }
    }
}
