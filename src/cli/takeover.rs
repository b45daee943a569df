//! `trustree init --from`

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use jiff::civil::Date;

use super::options::today;
use super::output::{Printer, harmless, stdin_is_terminal, stdout_is_terminal};
use super::snapshot::{environment_name, from_path, from_stdin, refuse};
use super::{Status, takeover_view};
use crate::fleet::{MAX_INPUT_BYTES, Repository};
use crate::inventory::{EnvironmentName, Settings};
use crate::outside::disk::OutputRoot;
use crate::outside::files::{Folder as _, OpenFolder};
use crate::render::Templates;
use crate::snapshot::Input;
use crate::takeover::{Refusal, Request, Takeover, Target, take_over};

/// Options of `trustree init` that take a repository over.
#[derive(Debug, Args)]
pub(super) struct TakeOver {
    /// Take over what somebody wrote by hand: a repository, or a folder of one, with kustomizations, charts, issuers,
    /// certificates, or the script that makes them; it stays as it is
    #[arg(long, value_name = "FOLDER")]
    from: Option<Utf8PathBuf>,
    /// What a cluster gave out about an environment's CA, as for `snapshot import`: a file, a folder, or `-`; may be given
    /// several times. Without it the environment waits for its snapshot
    #[arg(long, value_name = "ENVIRONMENT=SOURCE", requires = "from")]
    ca: Vec<Pair>,
    /// Another name for the environment that comes from a folder; may be given several times
    #[arg(long, value_name = "FOLDER=ENVIRONMENT", requires = "from")]
    name: Vec<Pair>,
    /// Write without asking
    #[arg(short, long, requires = "from")]
    yes: bool,
    /// Only show what would be written, and what differs
    #[arg(long, requires = "from", conflicts_with = "yes")]
    dry_run: bool,
    /// The day of the import of CA snapshots [default: today]
    #[arg(long, value_name = "DATE", env = "TRUSTREE_AS_OF")]
    as_of: Option<Date>,
}

/// Two words with a `=` between them.
#[derive(Debug, Clone)]
struct Pair(String, String);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Pair, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok(Pair(key.to_owned(), value.to_owned())),
            _ => Err("write two names with `=` between them".to_owned()),
        }
    }
}

impl TakeOver {
    /// What is taken over; None where a repository is begun anew.
    pub(super) fn from(&self) -> Option<&Utf8Path> {
        self.from.as_deref()
    }

    /// Shows what would become of the folder `from`, and writes the new files below `root` where that is agreed to.
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path, from: &Utf8Path, root: &Utf8Path) -> Result<Status> {
        let (old, below) = old_repository(&start.join(from), from)?;
        let stays = root.canonicalize_utf8().is_ok_and(|root| root == old);
        let as_of = self.as_of.unwrap_or_else(today);
        let new = if root.exists() { Some(new_repository(root, printer)?) } else { None };
        let (settings, templates) = match &new {
            Some(None) => return Ok(Status::NoAnswer),
            Some(Some(new)) => (new.settings().clone(), None),
            None => (Settings::default(), Some(built_in()?)),
        };
        let templates = match (&new, &templates) {
            (_, Some(templates)) => templates,
            (Some(Some(new)), None) => new.templates(),
            (_, None) => bail!("the templates cannot be read"),
        };
        let layers = layers_of(root, &settings)?;
        let request = Request { below, names: self.names()?, dumps: self.dumps(start)?, as_of, layers, stays };
        let found = match take_over(&OpenFolder::open(&old)?, &request, Target { settings: &settings, templates }) {
            Ok(found) => found,
            Err(Refusal::Findings(findings)) => return refuse(printer, &findings),
            Err(Refusal::Request { message, help }) => bail!("{message}\nhelp: {help}"),
        };
        refuse_existing(root, &found)?;
        printer.data(&harmless(&takeover_view::text(&found)))?;
        if self.dry_run {
            printer.note("nothing was written: this was a dry run");
            return Ok(Status::Holds);
        }
        if !self.yes && !agreed(printer, &found)? {
            printer.note("nothing written; `--yes` writes these files");
            return Ok(Status::No);
        }
        write(root, &found)?;
        printer.note(takeover_view::NEXT);
        Ok(Status::Holds)
    }

    fn names(&self) -> Result<Vec<(Utf8PathBuf, EnvironmentName)>> {
        // The dot is how the folder itself is shown.
        let plain = |path: &str| match path {
            "." => Utf8PathBuf::new(),
            path => path.trim_start_matches("./").trim_end_matches('/').into(),
        };
        self.name.iter().map(|Pair(folder, name)| Ok((plain(folder), environment_name(name)?))).collect()
    }

    fn dumps(&self, start: &Utf8Path) -> Result<BTreeMap<String, Vec<Input>>> {
        let mut dumps: BTreeMap<String, Vec<Input>> = BTreeMap::new();
        for Pair(environment, source) in &self.ca {
            let inputs = match source.as_str() {
                "-" => vec![from_stdin()?],
                _ => from_path(&start.join(source), Utf8Path::new(source))?,
            };
            dumps.entry(environment.clone()).or_default().extend(inputs);
        }
        Ok(dumps)
    }
}

/// The root of the repository that a folder lies in, where it is one of Git's, and the folder's path below it: what a
/// kustomization names may lie outside of the folder.
fn old_repository(path: &Utf8Path, name: &Utf8Path) -> Result<(Utf8PathBuf, Utf8PathBuf)> {
    let path = path.canonicalize_utf8().with_context(|| format!("there is no folder `{name}`"))?;
    if !path.is_dir() {
        bail!("`{name}` is no folder");
    }
    let root = path.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&path).to_owned();
    let below = path.strip_prefix(&root).unwrap_or(Utf8Path::new(""));
    let below = below.components().map(|part| part.as_str()).collect::<Vec<_>>().join("/");
    Ok((root, below.into()))
}

/// The repository that is written into, for its settings and templates; None, and told, where these are broken.
fn new_repository(root: &Utf8Path, printer: &Printer) -> Result<Option<Repository>> {
    match Repository::open(Box::new(OpenFolder::open(root)?)) {
        Ok(repository) => Ok(Some(repository)),
        Err(unusable) => {
            refuse(printer, &unusable.findings)?;
            Ok(None)
        }
    }
}

/// The names of the layers that are there: none of them is written over.
fn layers_of(root: &Utf8Path, settings: &Settings) -> Result<Vec<String>> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let folder = OpenFolder::open(root)?.folder(&format!("{}/_layers", settings.environments))?;
    let entries = folder.map(|folder| folder.list()).transpose()?.unwrap_or_default();
    Ok(entries.iter().filter_map(|entry| entry.name.strip_suffix(".yaml")).map(str::to_owned).collect())
}

fn built_in() -> Result<Templates> {
    Templates::new(&[]).map_err(|_| anyhow::anyhow!("the built-in templates cannot be read"))
}

/// Nothing that is there is written over.
fn refuse_existing(root: &Utf8Path, found: &Takeover) -> Result<()> {
    if !root.exists() {
        return Ok(());
    }
    let folder = OpenFolder::open(root)?;
    for path in found.files.keys() {
        if folder.read(path.as_str(), MAX_INPUT_BYTES)?.is_some() {
            bail!(
                "`{path}` is there already, and nothing was written\nhelp: give the environment another name with `--name FOLDER=NAME`, or name an empty folder as the target and take what you need from there"
            );
        }
    }
    Ok(())
}

/// Asks a person; nobody who cannot answer is taken for one who agrees.
fn agreed(printer: &Printer, found: &Takeover) -> Result<bool> {
    if !stdin_is_terminal() || !stdout_is_terminal() {
        return Ok(false);
    }
    printer.findings(&format!("write {}? [y/N] ", crate::finding::counted(found.files.len(), "file")));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn write(root: &Utf8Path, found: &Takeover) -> Result<()> {
    if !root.exists() {
        std::fs::create_dir_all(root).with_context(|| format!("`{root}` cannot be made"))?;
    }
    for (path, text) in &found.files {
        let (folder, name) = path.as_str().rsplit_once('/').with_context(|| format!("`{path}` has no folder"))?;
        OutputRoot::open(root, folder)?.folder("")?.write(name, text.as_bytes())?;
    }
    Ok(())
}
