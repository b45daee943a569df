//! `trustree snapshot`

use std::io::Read as _;

use anyhow::{Context as _, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use walkdir::WalkDir;

use super::Status;
use super::options::{Shown, flag, repository_root, today};
use super::output::{Printer, stdin_is_terminal};
use super::snapshot_view as shown;
use crate::finding::Finding;
use crate::fleet::{MAX_INPUT_BYTES, Repository, of_file_error};
use crate::inventory::EnvironmentName;
use crate::outside::disk::OutputRoot;
use crate::outside::files::{Folder as _, OpenFolder};
use crate::pki::Fingerprint;
use crate::report::{FindingGroups, human};
use crate::snapshot::{self, ImportRequest, Imported, Input, Snapshot};

/// Bytes of one input: a ConfigMap holds a megabyte at most, a `ca.json` with ten thousand provisioners some ten.
const MAX_SOURCE_BYTES: u64 = 64 * 1024 * 1024;
/// Files that are looked at in a folder.
const MAX_SOURCE_FILES: usize = 10_000;

/// Make and show the reviewed file of a CA's public facts
#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    Import(Import),
    Show(Show),
}

impl SnapshotCommand {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        match self {
            SnapshotCommand::Import(import) => import.run(printer, start),
            SnapshotCommand::Show(show) => show.run(printer, start),
        }
    }
}

/// Record the public facts of a CA from kubectl output, a folder, or the values of `step ca init --helm`
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file, a folder, or `-` for standard input
    #[arg(value_name = "SOURCE")]
    source: Utf8PathBuf,
    /// The environment whose snapshot it is; its folder is made when it is not there
    #[arg(short, long, value_name = "NAME", env = "TRUSTREE_ENV")]
    env: String,
    /// The authority, where the inventory has several
    #[arg(short, long, value_name = "NAME", env = "TRUSTREE_AUTHORITY")]
    authority: Option<String>,
    /// The CA, where the source holds several: its Helm release, or `namespace/release`
    #[arg(long, value_name = "RELEASE", env = "TRUSTREE_RELEASE")]
    release: Option<String>,
    /// The CA was built anew: forget the recorded one, with which everything issued so far loses its trust
    #[arg(long, env = "TRUSTREE_REPLACE", value_parser = flag)]
    replace: bool,
    /// End a rotation: drop the root with this fingerprint; may be given several times
    #[arg(long, value_name = "SHA256", env = "TRUSTREE_DROP_ROOT", value_delimiter = ',')]
    drop_root: Vec<Fingerprint>,
    /// The day of the import, for `neededUntil` of a root that goes out of use [default: today]
    #[arg(long, value_name = "DATE", env = "TRUSTREE_AS_OF")]
    as_of: Option<Date>,
}

/// Where a snapshot lies, and which environments use it.
struct Target {
    root: Utf8PathBuf,
    file: Utf8PathBuf,
    shared_by: Vec<String>,
}

impl Import {
    fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let target = match self.target(start)? {
            Ok(target) => target,
            Err(findings) => return refuse(printer, &findings),
        };
        let inputs = match self.source.as_str() {
            "-" => vec![from_stdin()?],
            _ => from_path(&start.join(&self.source), &self.source)?,
        };
        let repository = OpenFolder::open(&target.root)?;
        let recorded = repository.read(target.file.as_str(), MAX_INPUT_BYTES);
        let recorded = match recorded.map_err(|error| of_file_error(&error)) {
            Ok(recorded) => recorded,
            Err(finding) => return refuse(printer, &[finding]),
        };
        let existing = match recorded.as_deref().map(|bytes| snapshot::load(bytes, &target.file)).transpose() {
            Ok(existing) => existing,
            Err(findings) => return refuse(printer, &findings),
        };
        let request = ImportRequest {
            release: self.release.clone(),
            replace: self.replace,
            drop_roots: self.drop_root.clone(),
            as_of: self.as_of.unwrap_or_else(today),
        };
        match snapshot::import(inputs, &request, existing.as_ref()) {
            Ok(imported) => write(printer, &target, &imported, recorded.as_deref()),
            Err(mut findings) => {
                // The import itself does not know for whom it is.
                let help = findings.iter_mut().filter_map(|finding| finding.help.as_mut());
                help.for_each(|help| *help = help.replace("--env ENVIRONMENT", &format!("--env {}", self.env)));
                refuse(printer, &findings)
            }
        }
    }

    /// The file that the inventory names; without an inventory, the default one.
    fn target(&self, start: &Utf8Path) -> Result<Result<Target, Vec<Finding>>> {
        let name = environment_name(&self.env)?;
        let root = repository_root(start)?;
        let repository = match Repository::open(Box::new(OpenFolder::open(&root)?)) {
            Ok(repository) => repository,
            Err(unusable) => return Ok(Err(unusable.findings)),
        };
        let target = repository.snapshot_file(&name, self.authority.as_deref())?;
        Ok(target.map(|file| {
            let shared_by = repository.environments_with_snapshot(&file);
            Target { root, file, shared_by }
        }))
    }
}

fn write(printer: &Printer, target: &Target, imported: &Imported, recorded: Option<&[u8]>) -> Result<Status> {
    let text = imported.to_yaml();
    let state = if recorded == Some(text.as_bytes()) { "unchanged" } else { "written" };
    if state == "written" {
        let (folder, name) = target.file.as_str().rsplit_once('/').with_context(|| {
            format!("`{}` lies beside `trustree.yaml`, and a snapshot lies in a folder; write one before it in `snapshot:`", target.file)
        })?;
        OutputRoot::open(&target.root, folder)?.folder("")?.write(name, text.as_bytes())?;
    }
    printer.data(&format!("{}: {state}\n{}", target.file, shown::table(&imported.snapshot)))?;
    if target.shared_by.len() > 1 {
        printer.data(&format!("used by {}\n", target.shared_by.join(", ")))?;
    }
    show_findings(printer, &imported.notes);
    printer.note("hint: review the file like code, then `trustree diff` shows what follows from it");
    Ok(Status::Holds)
}

pub(super) fn refuse(printer: &Printer, findings: &[Finding]) -> Result<Status> {
    show_findings(printer, findings);
    printer.note("nothing was written");
    Ok(Status::NoAnswer)
}

fn show_findings(printer: &Printer, findings: &[Finding]) {
    let groups = FindingGroups::of(findings);
    groups.iter().for_each(|group| printer.findings(&human::finding(group, None, printer.error_color)));
}

pub(super) fn environment_name(name: &str) -> Result<EnvironmentName> {
    EnvironmentName::new(name).map_err(|problem| anyhow!("`{name}` cannot be an environment: {problem}"))
}

pub(super) fn from_stdin() -> Result<Input> {
    if stdin_is_terminal() {
        bail!(
            "nothing is piped in; write `kubectl -n NAMESPACE get configmap NAME-config NAME-certs -o yaml | trustree snapshot import - …`"
        );
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).context("standard input cannot be read")?;
    within_limit("-", bytes.len() as u64)?;
    Ok(Input { name: "-".to_owned(), bytes })
}

fn within_limit(name: &str, size: u64) -> Result<()> {
    if size > MAX_SOURCE_BYTES {
        bail!("`{name}` is larger than {} MiB, which no CA's configuration is", MAX_SOURCE_BYTES / 1024 / 1024);
    }
    Ok(())
}

/// A file, or the files of a folder that may be wanted. Links are followed only within the folder that was named: a
/// mounted ConfigMap consists of them.
pub(super) fn from_path(path: &Utf8Path, name: &Utf8Path) -> Result<Vec<Input>> {
    let metadata = path.metadata().with_context(|| format!("`{name}` cannot be read"))?;
    if metadata.is_file() {
        return Ok(vec![from_file(path, name)?]);
    }
    if !metadata.is_dir() {
        bail!("`{name}` is neither a file nor a folder");
    }
    let inside = path.canonicalize_utf8().with_context(|| format!("`{name}` cannot be read"))?;
    let mut inputs = Vec::new();
    for entry in WalkDir::new(path).follow_links(true).max_depth(8).sort_by_file_name() {
        let entry = entry.with_context(|| format!("`{name}` cannot be read"))?;
        let Some(file) = Utf8Path::from_path(entry.path()) else { continue };
        let below = file.strip_prefix(path).unwrap_or(file);
        let leads_out = || file.canonicalize_utf8().map_or(true, |target| !target.starts_with(&inside));
        if !entry.file_type().is_file() || !snapshot::is_wanted(below) || leads_out() {
            continue;
        }
        if inputs.len() == MAX_SOURCE_FILES {
            bail!("`{name}` holds more than {MAX_SOURCE_FILES} files; name the folder of the CA itself");
        }
        inputs.push(from_file(file, below)?);
    }
    if inputs.is_empty() {
        bail!(
            "`{name}` holds no file that could describe a CA: `ca.json` and `root_ca.crt` were looked for, or exported objects as YAML or JSON"
        );
    }
    Ok(inputs)
}

#[expect(clippy::disallowed_methods, reason = "the person names the file on the command line; it lies outside of the repository")]
fn from_file(path: &Utf8Path, name: &Utf8Path) -> Result<Input> {
    let file = std::fs::File::open(path).with_context(|| format!("`{name}` cannot be read"))?;
    within_limit(name.as_str(), file.metadata().with_context(|| format!("`{name}` cannot be read"))?.len())?;
    let mut bytes = Vec::new();
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("`{name}` cannot be read"))?;
    within_limit(name.as_str(), bytes.len() as u64)?;
    Ok(Input { name: name.to_string(), bytes })
}

/// Show what is known of an environment's CA
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The environment
    #[arg(short, long, value_name = "NAME", env = "TRUSTREE_ENV")]
    env: String,
    /// The authority, where the inventory has several
    #[arg(short, long, value_name = "NAME", env = "TRUSTREE_AUTHORITY")]
    authority: Option<String>,
    /// How it is shown
    #[arg(short, long, value_enum, value_name = "FORMAT", env = "TRUSTREE_SHOW_OUTPUT", default_value = "human")]
    output: Shown,
}

impl Show {
    fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let name = environment_name(&self.env)?;
        let repository = match Repository::open(Box::new(OpenFolder::open(&repository_root(start)?)?)) {
            Ok(repository) => repository,
            Err(unusable) => return refuse(printer, &unusable.findings),
        };
        let file = match repository.snapshot_file(&name, self.authority.as_deref())? {
            Ok(file) => file,
            Err(findings) => return refuse(printer, &findings),
        };
        match repository.snapshot(&file) {
            Ok(Some(snapshot)) => self.print(printer, &file, &snapshot),
            Ok(None) => {
                printer.note(&format!("`{file}` is not there yet; `trustree snapshot import` makes it"));
                Ok(Status::No)
            }
            Err(findings) => refuse(printer, &findings),
        }
    }

    fn print(&self, printer: &Printer, file: &Utf8Path, snapshot: &Snapshot) -> Result<Status> {
        printer.data(&match self.output {
            Shown::Human => format!("{file}\n{}", shown::table(snapshot)),
            Shown::Json => shown::json(snapshot)?,
        })?;
        Ok(Status::Holds)
    }
}
