//! `trustree snapshot`

use anyhow::Result;
use camino::Utf8Path;
use clap::Subcommand;

use super::Status;
use super::output::Printer;

/// Make and show the reviewed file of a CA's public facts
#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Show
    Show,
}

impl SnapshotCommand {
    pub(super) fn run(&self, _printer: &Printer, _start: &Utf8Path) -> Result<Status> {
        let _ = super::output::stdin_is_terminal();
        Ok(Status::Holds)
    }
}
