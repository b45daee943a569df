//! Options that several commands share, and how they lead to a repository.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::output::Printer;
use crate::finding::listed;
use crate::fleet::{Base, Selection};
use crate::inflate::Helm;
use crate::inventory::SETTINGS_FILE;
use crate::outside::files::{Folder, OpenFolder};
use crate::outside::git::{GitError, GitSource, Revision, base_commit};
use crate::report::{FORMATS, FormatKind};

/// Folder whose presence also marks a repository.
const ENVIRONMENTS_FOLDER: &str = "environments";

/// A flag as its variable says it: CI sets `1` as often as `true`, and empty where it means no.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("write `true` or `false`".to_owned()),
    }
}

/// The day it is, in UTC.
pub(super) fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// Which environments.
#[derive(Debug, Args)]
pub(super) struct SelectionOptions {
    /// Only environments whose name matches the pattern (`prod-*`); may be given several times
    #[arg(short, long, value_name = "GLOB", env = "TRUSTREE_ENV")]
    env: Vec<String>,
    /// Only environments that bear the label; may be given several times, and all must hold
    #[arg(short = 'l', long, value_name = "KEY=VALUE", env = "TRUSTREE_SELECTOR", value_delimiter = ',')]
    selector: Vec<Label>,
}

impl SelectionOptions {
    pub(super) fn selection(&self) -> Result<Selection> {
        // An empty variable in CI is not meant as everything, and not as nothing either.
        if self.env.iter().any(String::is_empty) {
            bail!("`--env` is empty (or `TRUSTREE_ENV` is); name an environment, or leave it out for all of them");
        }
        let labels = self.selector.iter().map(|label| (label.key.clone(), label.value.clone())).collect();
        Selection::new(&self.env, labels).context("`--env` takes names with `*`, `?` and `[…]`")
    }

    /// What was asked for, for a message.
    pub(super) fn shown(&self) -> String {
        let names = self.env.iter().map(|pattern| format!("--env {pattern}"));
        let labels = self.selector.iter().map(|label| format!("--selector {}={}", label.key, label.value));
        names.chain(labels).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Debug, Clone)]
struct Label {
    key: String,
    value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Label, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Label { key: key.to_owned(), value: value.to_owned() }),
            _ => Err("write it as `key=value`".to_owned()),
        }
    }
}

/// How results are reported.
#[derive(Debug, Args)]
pub(super) struct OutputOptions {
    // The formats stand in `report::FORMATS` and nowhere else.
    #[arg(short, long, value_name = "FORMAT[=PATH]", env = "TRUSTREE_OUTPUT", value_delimiter = ',', default_value = "human", help = format_help())]
    pub(super) output: Vec<OutputTarget>,
}

impl OutputOptions {
    /// Whether text for people goes to standard output.
    pub(super) fn has_text_on_stdout(&self) -> bool {
        self.output.iter().any(|target| target.format.name == "human" && target.path.is_none())
    }
}

fn format_help() -> String {
    format!("Format of the result, with `=PATH` into a file; may be given several times: {}", format_names())
}

fn format_names() -> String {
    listed(FORMATS.iter().map(|format| format.name))
}

/// A format, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct OutputTarget {
    pub(super) format: &'static FormatKind,
    /// None for standard output.
    pub(super) path: Option<Utf8PathBuf>,
}

impl FromStr for OutputTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputTarget, String> {
        let (format, path) = match text.split_once('=') {
            Some((_, "")) => return Err("a path is missing behind `=`".to_owned()),
            Some((format, path)) => (format, Some(Utf8PathBuf::from(path))),
            None => (text, None),
        };
        let format = FormatKind::by_name(format).ok_or_else(|| format!("the formats are {}", format_names()))?;
        Ok(OutputTarget { format, path })
    }
}

/// How one thing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shown {
    Human,
    Json,
}

/// What a pass over environments needs to know, whatever it does.
#[derive(Debug, Args)]
pub(super) struct PassOptions {
    #[command(flatten)]
    pub(super) selection: SelectionOptions,
    #[command(flatten)]
    pub(super) output: OutputOptions,
    #[command(flatten)]
    pub(super) jobs: JobOptions,
}

/// Whether charts may be inflated, and by what. No file of a repository can say so.
#[derive(Debug, Args)]
pub(super) struct HelmOptions {
    /// Run Helm to inflate charts, for `delivery: manifests`; without it, what was inflated before is verified
    #[arg(long, env = "TRUSTREE_ALLOW_HELM", value_parser = flag)]
    allow_helm: bool,
    /// The Helm to run [default: `helm` on the PATH]
    #[arg(long, value_name = "PATH", env = "TRUSTREE_HELM")]
    helm: Option<Utf8PathBuf>,
}

/// What Helm gets of our environment: how it is found, how it reaches a chart repository, and where it puts temporary files.
const FOR_HELM: &[&str] = &[
    "PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
];

impl HelmOptions {
    /// The Helm that may be run; None where that was not allowed. A path begins at `start`.
    pub(super) fn helm(&self, start: &Utf8Path) -> Result<Option<Helm>> {
        if !self.allow_helm {
            return Ok(None);
        }
        let program = match &self.helm {
            None => "helm".to_owned(),
            // A bare name is looked for on the PATH, as a shell would.
            Some(name) if name.components().count() == 1 && !name.as_str().starts_with('.') => name.to_string(),
            Some(path) => {
                let start = start.canonicalize_utf8().with_context(|| format!("there is no folder `{start}`"))?;
                start.join(path.strip_prefix(".").unwrap_or(path)).to_string()
            }
        };
        let environment = FOR_HELM.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        Ok(Some(Helm::new(program, environment.collect())))
    }
}

/// What a command needs that only reads.
#[derive(Debug, Args)]
pub(super) struct ReadOptions {
    #[command(flatten)]
    pub(super) pass: PassOptions,
    /// What to read: `worktree`, `index` (what Git would commit), or a Git revision
    #[arg(long, value_name = "SOURCE", env = "TRUSTREE_SOURCE", default_value = "worktree")]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) helm: HelmOptions,
    /// What a change is measured against: the Git revision that it is to be merged into [default: `HEAD`; with
    /// `--source REVISION` its first parent]
    #[arg(long, value_name = "REVISION", env = "TRUSTREE_BASE")]
    base: Option<String>,
}

impl ReadOptions {
    /// The state that a change is measured against: where it branched off from `--base`. None outside of Git and before the
    /// first commit, and, with a word about it, where a base that nobody asked for cannot be read.
    ///
    /// # Errors
    /// A base that was asked for and cannot be read.
    pub(super) fn base(&self, printer: &Printer, start: &Utf8Path) -> Result<Option<Base>> {
        let root = &repository_root(start)?;
        // CI leaves a variable empty where it has nothing to say.
        let base = self.base.as_deref().filter(|base| !base.is_empty());
        let looked_at = match &self.source {
            Source::WorkTree | Source::Index => None,
            Source::Revision(revision) => Some(revision.as_str()),
        };
        let open = |commit: Option<String>| commit.map(|commit| GitSource::open(root, Revision::Commit(&commit))).transpose();
        match (base_commit(root, base, looked_at).and_then(open), base) {
            (Ok(source), _) => Ok(source.and_then(|source| Base::open(Box::new(source)))),
            (Err(error), Some(base)) => match error.hint() {
                Some(hint) => bail!("the base `{base}` of the change cannot be read: {error}\nhelp: {hint}"),
                None => Err(error).with_context(|| format!("the base `{base}` of the change cannot be read")),
            },
            (
                Err(GitError::NotARepository { .. } | GitError::Bare { .. } | GitError::OutsideWorkTree { .. } | GitError::NoCommitYet),
                None,
            ) => Ok(None),
            (Err(error), None) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                printer.note(&format!("hint: nothing is compared with the state before this change: {error}{hint}"));
                Ok(None)
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    WorkTree,
    Index,
    Revision(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        Ok(match text {
            "" => return Err("name `worktree`, `index` or a revision".to_owned()),
            "worktree" => Source::WorkTree,
            "index" => Source::Index,
            revision => Source::Revision(revision.to_owned()),
        })
    }
}

impl Source {
    /// Opens the repository that `start` lies in.
    pub(super) fn open(&self, start: &Utf8Path) -> Result<Box<dyn Folder>> {
        let root = &repository_root(start)?;
        // While `git commit --all` runs its hooks, what will be committed lies in another index, which this names.
        let index = std::env::var("GIT_INDEX_FILE").ok().filter(|file| !file.is_empty());
        let revision = match self {
            Source::WorkTree => return Ok(Box::new(OpenFolder::open(root)?)),
            Source::Index => index.as_deref().map_or(Revision::Index, |file| Revision::IndexFile(file.into())),
            Source::Revision(revision) => Revision::Commit(revision),
        };
        match GitSource::open(root, revision) {
            Ok(source) => Ok(Box::new(source)),
            Err(error) => match error.hint() {
                Some(hint) => bail!("{error}\nhelp: {hint}"),
                None => Err(error.into()),
            },
        }
    }
}

/// The folder that the command was called in.
pub(super) fn current_folder() -> Result<Utf8PathBuf> {
    let folder = std::env::current_dir().context("the present folder cannot be found")?;
    Utf8PathBuf::from_path_buf(folder)
        .map_err(|folder| anyhow::anyhow!("the path of the present folder is not UTF-8: {}", folder.display()))
}

/// The root of the repository: the nearest folder upwards that has a `trustree.yaml` or an `environments` folder,
/// otherwise `start` itself. The search ends at the root of a Git work tree.
pub(super) fn repository_root(start: &Utf8Path) -> Result<Utf8PathBuf> {
    let start = start.canonicalize_utf8().with_context(|| format!("there is no folder `{start}`"))?;
    if !start.is_dir() {
        bail!("`{start}` is no folder");
    }
    for folder in start.ancestors() {
        if folder.join(SETTINGS_FILE).is_file() || folder.join(ENVIRONMENTS_FOLDER).is_dir() {
            return Ok(folder.to_owned());
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Ok(start)
}

/// Where the repository lies in its Git work tree: empty at the root of it, and where there is none.
pub(super) fn place_in_work_tree(start: &Utf8Path) -> Result<Utf8PathBuf> {
    let root = repository_root(start)?;
    let work_tree = root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&root);
    let below = root.strip_prefix(work_tree).unwrap_or(Utf8Path::new(""));
    Ok(below.components().map(|component| component.as_str()).collect::<Vec<_>>().join("/").into())
}

/// How many environments are worked on at once.
#[derive(Debug, Args)]
pub(super) struct JobOptions {
    /// Threads to use; 0 means one for each processor
    #[arg(short, long, value_name = "NUMBER", env = "TRUSTREE_JOBS", default_value_t = 0)]
    jobs: usize,
}

impl JobOptions {
    /// Starts that many threads; everything parallel then runs on them.
    pub(super) fn start(&self) -> Result<()> {
        rayon::ThreadPoolBuilder::new().num_threads(self.jobs).build_global().context("threads cannot be started")
    }
}
