//! `trustree schema`

use anyhow::Result;
use clap::Args;

use super::Status;
use super::output::Printer;
use crate::inventory::json_schema;

/// Print the JSON Schema of an inventory, for editors
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "a command like the others")]
    pub(super) fn run(&self, printer: &Printer) -> Result<Status> {
        printer.data(&format!("{}\n", serde_json::to_string_pretty(&json_schema())?))?;
        Ok(Status::Holds)
    }
}
