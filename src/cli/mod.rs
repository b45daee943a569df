//! The command line: flags become requests, the library answers with values, and only here they are printed. The only
//! room that knows clap, standard output, colour and exit codes.

mod account;
mod check;
mod diff;
mod explain;
mod init;
mod options;
mod output;
mod pass;
mod render;
mod schema;
mod sink;
mod snapshot;
mod snapshot_view;
mod takeover;
mod takeover_view;

use std::ffi::OsStr;
use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use camino::Utf8PathBuf;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use output::{ColorChoice, Printer};

/// Renders reviewed GitOps trees for step-issuer and cert-manager from inventories and a CA snapshot.
#[derive(Debug, Parser)]
#[command(name = "trustree", version, max_term_width = 100, disable_help_subcommand = true, after_help = Status::HELP)]
pub struct Args {
    /// Work in this folder instead of the present one
    #[arg(short = 'C', long, global = true, value_name = "FOLDER", env = "TRUSTREE_DIRECTORY")]
    directory: Option<Utf8PathBuf>,
    /// When to use colour; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_enum, default_value = "auto", env = "TRUSTREE_COLOR", value_name = "WHEN")]
    color: ColorChoice,
    /// Print data and errors only: no hints, no summary
    #[arg(short, long, global = true, env = "TRUSTREE_QUIET", value_parser = options::flag)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    Check(check::Check),
    Diff(diff::Diff),
    Render(render::Render),
    Explain(explain::Explain),
    Schema(schema::Schema),
}

/// How a run ended, as an exit code. Of several that apply, the highest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The state asked for holds, or was reached.
    Holds,
    /// The answer is no: drift, a finding at level error, a hand edit in the way.
    No,
    /// There is no answer: input that cannot be read or trusted, I/O, usage.
    NoAnswer,
}

impl Status {
    /// The exit codes as help text.
    const HELP: &str = "Exit codes:
  0  the state asked for holds, or was reached
  1  the answer is no: drift, a finding at level error, a hand edit in the way
  2  no answer: input that cannot be read or trusted, I/O, usage";
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Holds => 0,
            Status::No => 1,
            Status::NoAnswer => 2,
        })
    }
}

impl Args {
    /// Reads the command line. Variables of ours that are set to nothing count as not set, since CI systems leave them so;
    /// but not `TRUSTREE_ENV`: nothing must not come to mean every environment. Leaves the process where the arguments are wrong, or help was asked for.
    pub fn read() -> Args {
        let command = without_empty_variables(Args::command(), &|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        let matches = command.get_matches();
        Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// A command whose arguments do not look at variables that are empty.
fn without_empty_variables(command: clap::Command, is_empty: &dyn Fn(&OsStr) -> bool) -> clap::Command {
    let looks = |argument: clap::Arg| match argument.get_env() {
        Some(name) if name != "TRUSTREE_ENV" && is_empty(name) => argument.env(None::<&'static str>),
        _ => argument,
    };
    command.mut_args(looks).mut_subcommands(|below| without_empty_variables(below, is_empty))
}

/// Runs one command.
///
/// # Errors
/// What stopped it before it had an answer.
pub fn run(args: Args) -> Result<Status> {
    let printer = Printer::new(args.color, args.quiet);
    let start = match args.directory {
        Some(directory) => directory,
        None => options::current_folder()?,
    };
    match args.command {
        Command::Init(init) => init.run(&printer, &start),
        Command::Snapshot(command) => command.run(&printer, &start),
        Command::Check(check) => check.run(&printer, &start),
        Command::Diff(diff) => diff.run(&printer, &start),
        Command::Render(render) => render.run(&printer, &start),
        Command::Explain(explain) => explain.run(&printer, &start),
        Command::Schema(schema) => schema.run(&printer),
    }
}

/// Says what stopped a command, and gives its exit code. A reader that went away is no error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if sink::is_broken_pipe(error) {
        return Status::Holds.into();
    }
    output::error(&Chain(error));
    Status::NoAnswer.into()
}

/// An error with its causes on one line.
struct Chain<'a>(&'a anyhow::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_none_but_for_the_environment() {
        let command = without_empty_variables(Args::command(), &|_| true);
        let variables = |command: &clap::Command| -> Vec<String> {
            command.get_arguments().filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned())).collect()
        };
        assert_eq!(variables(&command), [""; 0]);
        let check = command.find_subcommand("check").expect("a command");
        assert_eq!(variables(check), ["TRUSTREE_ENV"]);
        let full = without_empty_variables(Args::command(), &|_| false);
        assert!(variables(full.find_subcommand("check").expect("a command")).len() > 5);
    }
}
