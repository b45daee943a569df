//! `trustree check`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;

use super::Status;
use super::options::{JobOptions, OutputOptions, SelectionOptions, SourceOptions, repository_root};
use super::output::Printer;
use super::pass::{Pass, View};
use crate::fleet::Repository;
use crate::plan::Permissions;

/// Say whether the tree is what the inventories give; writes nothing
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    jobs: JobOptions,
    /// Fail on warnings, too
    #[arg(long, env = "TRUSTREE_STRICT")]
    strict: bool,
}

impl Check {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let pass = Pass {
            printer,
            start,
            selection: &self.selection,
            output: &self.output,
            jobs: &self.jobs,
            permissions: Permissions::default(),
            verbs: ("check", "checked"),
            view: View::Drift,
            fail_fast: false,
            strict: self.strict,
        };
        let source = self.source.source.open(&repository_root(start)?)?;
        match pass.open(Repository::open(source))? {
            Some(repository) => pass.run(&repository, |_| {}),
            None => Ok(Status::NoAnswer),
        }
    }
}
