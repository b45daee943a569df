//! `trustree schema`

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::Status;
use super::output::Printer;
use crate::model::Variable;
use crate::{inventory, model, report};

/// Print the JSON Schema of an inventory, a report, or of what templates see
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
    // What templates see.
    Model,
    // The same as a list, one variable a line.
    Variables,
}

impl Schema {
    pub(super) fn run(&self, printer: &Printer) -> Result<Status> {
        let schema = match self.of {
            Described::Inventory => inventory::json_schema(),
            Described::Report => report::json::json_schema(),
            Described::Model => model::json_schema(),
            Described::Variables => {
                printer.data(&listed(&model::variables()))?;
                return Ok(Status::Holds);
            }
        };
        printer.data(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
        Ok(Status::Holds)
    }
}

/// One variable a line: how it is named, what it is, what it means.
fn listed(variables: &[Variable]) -> String {
    variables.iter().map(|Variable { path, kind, text }| format!("{path} ({kind}): {text}\n")).collect()
}
