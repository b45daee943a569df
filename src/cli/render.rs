//! `trustree render`

use anyhow::Result;
use camino::Utf8Path;
use clap::Args;

use super::Status;
use super::options::{HelmOptions, PassOptions, flag, repository_root};
use super::output::Printer;
use super::pass::Pass;
use crate::fleet::Request;
use crate::outside::disk::OutputRoot;
use crate::outside::files::OpenFolder;
use crate::plan::Permissions;
use crate::report::Subject;

/// Write the tree: only files that change, and nothing of an environment that has an error
#[derive(Debug, Args)]
pub(super) struct Render {
    #[command(flatten)]
    pass: PassOptions,
    #[command(flatten)]
    helm: HelmOptions,
    /// Overwrite files that were edited by hand
    #[arg(long, env = "TRUSTREE_FORCE", value_parser = flag)]
    force: bool,
    /// Take over files that stand at paths that are rendered
    #[arg(long, env = "TRUSTREE_ADOPT", value_parser = flag)]
    adopt: bool,
    /// Write nothing, and say what would be written
    #[arg(long, env = "TRUSTREE_DRY_RUN", value_parser = flag)]
    dry_run: bool,
    /// Stop at the first environment that fails
    #[arg(long, env = "TRUSTREE_FAIL_FAST", value_parser = flag)]
    fail_fast: bool,
}

impl Render {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let pass = Pass {
            printer,
            start,
            options: &self.pass,
            request: Request { permissions: Permissions { force: self.force, adopt: self.adopt }, as_of: None },
            verbs: ("render", if self.dry_run { "would render" } else { "rendered" }),
            subject: if self.dry_run { Subject::Drift } else { Subject::Rendered },
            fail_fast: self.fail_fast,
            strict: false,
        };
        let root = repository_root(start)?;
        let Some(repository) = pass.open(Box::new(OpenFolder::open(&root)?))? else { return Ok(Status::NoAnswer) };
        let repository = repository.with_helm(self.helm.helm(start)?);
        if self.dry_run {
            return pass.run(&repository, |_| {});
        }
        let output = OutputRoot::open(&root, &repository.settings().out)?;
        pass.run(&repository, |outcome| repository.apply(outcome, &output))
    }
}
