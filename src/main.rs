//! The `trustree` command.

use std::process::ExitCode;

use trustree::cli;

/// Trees of nodes are made and thrown away for every environment, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Args::read()) {
        Ok(status) => status.into(),
        Err(error) => cli::report(&error),
    }
}
