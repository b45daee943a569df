//! Rounds of whole processes, trustree's and the yardsticks' in turn, and the table of what they took.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::Args;

use crate::generator;
use crate::process::{files_below, program, resources, settle, time, trustree};

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sizes of the fleets; may be given several times
    #[arg(long, default_values_t = [1000, 10_000])]
    environments: Vec<usize>,
    /// How often each process runs; the table shows medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The same seed gives the same fleet
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also check the index of a Git repository, made with `git`
    #[arg(long)]
    index: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { environments: vec![1000, 10_000], rounds: 3, seed: 1, index: false }
    }
}

/// One line of the table.
struct Run {
    label: &'static str,
    /// The line that it is measured against.
    against: Option<usize>,
    /// A folder of the fleet that must not be there before.
    fresh: Option<&'static str>,
    command: fn(&Path) -> Command,
}

/// Yardsticks stand before what is measured against them.
const RUNS: &[Run] = &[
    Run {
        label: "`cp -r` of the tree",
        against: None,
        fresh: Some("copy"),
        command: |folder| given("cp", folder, &["-r", "tree", "copy"]),
    },
    Run { label: "`trustree render`, no tree yet", against: Some(0), fresh: Some("out"), command: |folder| trustree(folder, &["render"]) },
    Run { label: "`diff -r` of two copies", against: None, fresh: None, command: |folder| given("diff", folder, &["-r", "tree", "out"]) },
    Run { label: "`trustree check`", against: Some(2), fresh: None, command: |folder| trustree(folder, &["check"]) },
    Run {
        label: "`trustree check --jobs 1`",
        against: Some(2),
        fresh: None,
        command: |folder| trustree(folder, &["check", "--jobs", "1"]),
    },
    Run { label: "`trustree render`, nothing changes", against: Some(2), fresh: None, command: |folder| trustree(folder, &["render"]) },
    Run { label: "`trustree --version`", against: None, fresh: None, command: |folder| trustree(folder, &["--version"]) },
];

/// The line of a repository's index.
const INDEX: Run = Run {
    label: "`trustree check --source index`",
    against: Some(2),
    fresh: None,
    command: |folder| trustree(folder, &["check", "--source", "index"]),
};

fn given(name: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(name, folder);
    command.args(arguments);
    command
}

/// Measures fleets of every size and prints a table for each.
pub(crate) fn measure(options: &Options) {
    for environments in &options.environments {
        let keep = tempfile::tempdir().expect("a temporary folder");
        fleet(keep.path(), *environments, options);
        keep.close().expect("the temporary folder can be removed");
    }
}

fn fleet(folder: &Path, environments: usize, options: &Options) {
    generator::write(folder, options.seed, environments).expect("the fleet can be written");
    time(trustree(folder, &["render"]));
    // Two copies of the tree: `out` is rendered anew in every round, `tree` is what it is compared with and copied from.
    time(given("cp", folder, &["-r", "out", "tree"]));
    if options.index {
        fs::write(folder.join(".gitignore"), "/copy\n/tree\n/used-*\n").expect("a file can be written");
        time(given("git", folder, &["init", "--quiet"]));
        time(given("git", folder, &["add", "--all"]));
    }
    let runs: Vec<&Run> = RUNS.iter().chain(options.index.then_some(&INDEX)).collect();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); runs.len()];
    for round in 0..options.rounds.max(1) {
        let mut order: Vec<usize> = (0..runs.len()).collect();
        // Forwards and backwards in turn, so that it does not matter what ran just before.
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let run = runs[index];
            // Moved away and not deleted: ext4 passes over freshly freed inodes one by one, which makes whoever writes
            // files after a great deletion many times slower.
            if let Some(fresh) = run.fresh.filter(|fresh| folder.join(fresh).exists()) {
                fs::rename(folder.join(fresh), folder.join(format!("used-{fresh}-{round}"))).expect("a folder can be moved");
            }
            settle(folder);
            times[index].push(time((run.command)(folder)));
        }
    }
    print_sizes(folder, environments, options.rounds);
    print_times(&runs, &times);
    print_resources(folder, environments);
}

fn print_sizes(folder: &Path, environments: usize, rounds: usize) {
    let files = files_below(&folder.join("tree"));
    let bytes: u64 = files.iter().map(|file| fs::metadata(folder.join("tree").join(file)).map_or(0, |metadata| metadata.len())).sum();
    let (files, megabytes) = (files.len(), bytes / 1_000_000);
    println!("\n{environments} environments, {files} rendered files, {megabytes} MB; {rounds} rounds\n");
}

fn print_times(runs: &[&Run], times: &[Vec<Duration>]) {
    println!("| | median | from | to | against its yardstick |\n|---|---|---|---|---|");
    for (run, own) in runs.iter().zip(times) {
        // Each round against itself: what slows a machine down for a while slows both down.
        let ratio = run.against.map(|against| {
            let ratios = own.iter().zip(&times[against]).map(|(own, yardstick)| own.as_secs_f64() / yardstick.as_secs_f64());
            format!("{:.2} of {}", median(ratios.collect()), runs[against].label)
        });
        let seconds: Vec<f64> = own.iter().map(Duration::as_secs_f64).collect();
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let [median, least, most] = [median(seconds), least, most].map(shown);
        println!("| {} | {median} | {least} | {most} | {} |", run.label, ratio.unwrap_or_default());
    }
}

fn print_resources(folder: &Path, environments: usize) {
    println!();
    for arguments in [&["check"][..], &["check", "--jobs", "1"], &["render"]] {
        if let Some(used) = resources(trustree(folder, arguments)) {
            let each = used.processor.as_secs_f64() * 1e6 / environments as f64;
            let (words, peak) = (arguments.join(" "), used.peak / 1024);
            println!(
                "`trustree {words}`: {peak} MiB of memory at its peak, {each:.0} µs of processor time for an environment, I/O included"
            );
        }
    }
}

fn shown(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
