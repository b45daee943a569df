//! `trustree schema`

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::Status;
use super::output::Printer;
use crate::{inventory, report};

/// Print the JSON Schema of an inventory, for editors, or of a report
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_enum, value_name = "WHAT", default_value = "inventory")]
    of: Described,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Described {
    Inventory,
    // What `--output json` gives.
    Report,
}

impl Schema {
    pub(super) fn run(&self, printer: &Printer) -> Result<Status> {
        let schema = match self.of {
            Described::Inventory => inventory::json_schema(),
            Described::Report => report::json::json_schema(),
        };
        printer.data(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
        Ok(Status::Holds)
    }
}
