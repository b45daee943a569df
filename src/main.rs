//! The `trustree` command.

use std::process::ExitCode;

use clap::Parser as _;
use trustree::cli;

fn main() -> ExitCode {
    match cli::run(cli::Args::parse()) {
        Ok(status) => status.into(),
        Err(error) => cli::report(&error),
    }
}
