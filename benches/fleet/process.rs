//! Programs that are measured, and what can be learnt about a process without asking the system directly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Clock ticks of a second in `/proc`; Linux fixes it for every architecture that we know.
const TICKS: u64 = 100;

/// The binary that cargo built for this benchmark, in a folder.
pub(crate) fn trustree(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_trustree"), folder);
    command.args(arguments);
    command
}

/// A program in a folder, with nothing of the environment but where programs are found.
pub(crate) fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// How long a whole process takes, from before it starts until it has ended well.
pub(crate) fn time(mut command: Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let duration = start.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    duration
}

/// Lets the system write out what waits, so that nobody pays for what ran before. Where there is no `sync`, it does
/// nothing.
pub(crate) fn settle(folder: &Path) {
    let _ = program("sync", folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// What a process used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resources {
    /// Peak of its resident memory, in KiB.
    pub(crate) peak: u64,
    /// Processor time of all its threads, system calls included.
    pub(crate) processor: Duration,
}

/// Runs a process and looks at it through `/proc` until it ends; None where there is no `/proc`.
pub(crate) fn resources(mut command: Command) -> Option<Resources> {
    if !Path::new("/proc/self/stat").exists() {
        return None;
    }
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let used = watch(&child);
    let status = child.wait().expect("a child can be waited for");
    assert!(status.success(), "{command:?}: {status}");
    used
}

fn watch(child: &Child) -> Option<Resources> {
    let folder = PathBuf::from(format!("/proc/{}", child.id()));
    let mut peak = 0;
    loop {
        // Behind the program's name, which may hold anything: the state, and as 12th and 13th the processor's ticks.
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Until it is waited for, a process that has ended still tells its times, but its memory no more.
        if fields.first() == Some(&"Z") {
            let ticks: u64 = fields.get(11..13)?.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
            return Some(Resources { peak, processor: Duration::from_millis(ticks * 1000 / TICKS) });
        }
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        peak = peak.max(now.unwrap_or(0));
        sleep(Duration::from_millis(1));
    }
}

/// Every file below a folder, relative to it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("the folder can be listed"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(folder).expect("listed below it").to_owned())
        .collect()
}
