//! `trustree diff`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;

use super::Status;
use super::options::{JobOptions, OutputOptions, SelectionOptions, SourceOptions, repository_root};
use super::output::Printer;
use super::pass::{Pass, View};
use crate::fleet::Repository;
use crate::plan::Permissions;

/// Show what a render would change, and which certificates that concerns
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    jobs: JobOptions,
}

impl Diff {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let pass = Pass {
            printer,
            start,
            selection: &self.selection,
            output: &self.output,
            jobs: &self.jobs,
            permissions: Permissions::default(),
            verbs: ("diff", "compared"),
            view: View::Differences,
            fail_fast: false,
            strict: false,
        };
        let source = self.source.source.open(&repository_root(start)?)?;
        match pass.open(Repository::open(source))? {
            Some(repository) => pass.run(&repository, |_| {}),
            None => Ok(Status::NoAnswer),
        }
    }
}
