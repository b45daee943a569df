//! Whole runs of the release binary over made-up fleets, against `cp -r` and `diff -r` on the same machine in the same
//! run. See `docs/performance.md`.
//!
//!     cargo bench --bench fleet
//!     cargo bench --bench fleet -- measure --environments 1000 --rounds 5
//!     cargo bench --bench fleet -- generate --seed 7 --environments 1000 FOLDER
//!
//! Under `cargo test` it only makes a small fleet and sees that it renders without a finding.

#![expect(clippy::disallowed_methods, reason = "a benchmark makes its own files, starts programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "what it measured is what it prints")]
// `expect` is used throughout: whatever fails here makes the measurement worthless, and the message says what it was.

mod authority;
mod generator;
mod measure;
mod process;
mod random;

use std::fs;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What `cargo bench` hands to every benchmark, also to one without a harness.
const BENCH: &str = "--bench";

#[derive(Parser)]
#[command(name = "fleet", about = "Measures trustree over fleets that it makes up")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Measure; the default
    Measure(measure::Options),
    /// Write a fleet into a folder that is missing or empty
    Generate {
        /// The same seed gives the same bytes
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many environments it has
        #[arg(long, default_value_t = 1000)]
        environments: usize,
        /// Where it goes
        folder: PathBuf,
    },
}

fn main() {
    let (bench, arguments): (Vec<String>, Vec<String>) = std::env::args().partition(|argument| argument == BENCH);
    if bench.is_empty() {
        return try_small_fleet();
    }
    match Arguments::parse_from(arguments).command {
        None => measure::measure(&measure::Options::default()),
        Some(Command::Measure(options)) => measure::measure(&options),
        Some(Command::Generate { seed, environments, folder }) => {
            fs::create_dir_all(&folder).expect("the folder can be made");
            assert!(fs::read_dir(&folder).expect("the folder can be listed").next().is_none(), "the folder is not empty");
            generator::write(&folder, seed, environments).expect("the fleet can be written");
        }
    }
}

/// The generator's promises: the same seed gives the same bytes, and nothing is found at level E or W.
fn try_small_fleet() {
    let folders = [7, 7, 8].map(|seed| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        generator::write(folder.path(), seed, 40).expect("the fleet can be written");
        folder
    });
    let [one, same, other] = folders.each_ref().map(|folder| {
        let mut files = process::files_below(folder.path());
        files.sort();
        files.into_iter().map(|file| (file.clone(), fs::read(folder.path().join(file)).expect("just written"))).collect::<Vec<_>>()
    });
    assert!(one == same && one != other, "a fleet is a function of its seed");
    for verb in [&["render"][..], &["check", "--strict"]] {
        let output = process::trustree(folders[0].path(), verb).output().expect("trustree starts");
        assert!(
            output.status.success(),
            "trustree {verb:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    println!("a fleet of 40 environments renders without a finding");
}
