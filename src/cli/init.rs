//! `trustree init`

use anyhow::{Context as _, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::Status;
use super::output::Printer;
use super::takeover::TakeOver;
use crate::fleet::MAX_INPUT_BYTES;
use crate::outside::disk::OutputRoot;
use crate::outside::files::{Folder as _, OpenFolder};

/// Folder that a new repository consists of.
const FOLDER: &str = "environments";
/// What it holds: a layer that environments share, and one environment whose CA has not run yet.
const FILES: &[(&str, &str)] =
    &[("_layers/base.yaml", include_str!("init/base.yaml")), ("dev/inventory.yaml", include_str!("init/inventory.yaml"))];

/// Begin a repository: a layer and an environment that waits for its CA snapshot, or what `--from` takes over
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Folder of the repository; made when it is not there
    #[arg(value_name = "FOLDER")]
    folder: Option<Utf8PathBuf>,
    #[command(flatten)]
    take_over: TakeOver,
}

impl Init {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let root = self.folder.as_ref().map_or_else(|| start.to_owned(), |folder| start.join(folder));
        if let Some(from) = self.take_over.from() {
            return self.take_over.run(printer, start, from, &root);
        }
        if !root.exists() {
            std::fs::create_dir_all(&root).with_context(|| format!("`{root}` cannot be made"))?;
        }
        let repository = OpenFolder::open(&root)?;
        for (path, _) in FILES {
            if repository.read(&format!("{FOLDER}/{path}"), MAX_INPUT_BYTES)?.is_some() {
                bail!("`{root}` has a file `{FOLDER}/{path}` already, and nothing was changed");
            }
        }
        let output = OutputRoot::open(&root, FOLDER)?;
        let folder = output.folder("")?;
        for (path, text) in FILES {
            folder.write(path, text.as_bytes())?;
            printer.data(&format!("{FOLDER}/{path}\n"))?;
        }
        printer.note("hint: read these two files, then run `trustree render`; once the CA has run, `trustree snapshot import`");
        Ok(Status::Holds)
    }
}
