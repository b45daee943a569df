//! `trustree explain`

use anyhow::{Result, bail};
use camino::Utf8Path;
use clap::Args;
use serde::Serialize;

use super::Status;
use super::options::{Shown, Source, repository_root};
use super::output::Printer;
use crate::explain::{ExplainError, Target, explain_field, explain_file, explain_rule};
use crate::finding::Rule;
use crate::fleet::Repository;
use crate::report::{FindingGroups, human};

/// Say why: a rule, a rendered file, or where one of its fields comes from
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule (`duration-unset`), a file (`out/prod/…/certificates.yaml`), or a field of it
    /// (`FILE#Certificate/payments/api/spec/duration`)
    #[arg(value_name = "WHAT")]
    what: String,
    /// What to read: `worktree`, `index` (what Git would commit), or a Git revision
    #[arg(long, value_name = "SOURCE", env = "TRUSTREE_SOURCE", default_value = "worktree")]
    source: Source,
    /// How it is shown
    #[arg(short, long, value_enum, value_name = "FORMAT", env = "TRUSTREE_SHOW_OUTPUT", default_value = "human")]
    output: Shown,
}

impl Explain {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let looks_like_a_file = self.what.contains(['/', '.', '#']);
        if Rule::by_code(&self.what).is_some() || !looks_like_a_file {
            return match explain_rule(&self.what) {
                Ok(rule) => self.print(printer, &rule.to_text(), &rule),
                Err(Some(near)) => bail!("there is no rule `{}`; did you mean `{near}`?", self.what),
                Err(None) => bail!("`{}` is neither a rule (docs/rules.md lists them) nor a file", self.what),
            };
        }
        let root = repository_root(start)?;
        let repository = match Repository::open(self.source.open(start)?) {
            Ok(repository) => repository,
            Err(unusable) => {
                let groups = FindingGroups::of(&unusable.findings);
                groups.iter().for_each(|group| printer.findings(&human::finding(group, None, printer.error_color)));
                return Ok(Status::NoAnswer);
            }
        };
        // A path is meant from the folder in which it was typed.
        let below = start.canonicalize_utf8().ok().and_then(|start| start.strip_prefix(&root).map(Utf8Path::to_owned).ok());
        let target = Target::parse(&match below.filter(|below| !below.as_str().is_empty()) {
            Some(below) => format!("{below}/{}", self.what.trim_start_matches("./")),
            None => self.what.clone(),
        });
        let told = if target.is_field() {
            explain_field(&repository, &target).map(|field| self.print(printer, &field.to_text(), &field))
        } else {
            explain_file(&repository, &target).map(|file| self.print(printer, &file.to_text(), &file))
        };
        match told {
            Ok(printed) => printed,
            Err(ExplainError::NotThere(message)) => bail!("{message}"),
            Err(ExplainError::Findings(findings)) => {
                let groups = FindingGroups::of(&findings);
                groups.iter().for_each(|group| printer.findings(&human::finding(group, None, printer.error_color)));
                Ok(Status::NoAnswer)
            }
        }
    }

    fn print(&self, printer: &Printer, text: &str, value: &impl Serialize) -> Result<Status> {
        match self.output {
            Shown::Human => printer.data(text)?,
            Shown::Json => printer.data(&format!("{}\n", serde_json::to_string_pretty(value)?))?,
        }
        Ok(Status::Holds)
    }
}
