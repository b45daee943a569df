//! `trustree explain`

use anyhow::{Result, bail};
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use clap::Args;
use serde::Serialize;

use super::Status;
use super::options::{Shown, Source, repository_root};
use super::output::{Printer, error, harmless};
use crate::explain::{ExplainError, Target, explain_field, explain_file, explain_rule};
use crate::finding::{Finding, Level, Rule};
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
                refused(printer, &unusable.findings);
                return Ok(Status::NoAnswer);
            }
        };
        // A path is meant from the folder in which it was typed.
        let folder = start.canonicalize_utf8().unwrap_or_else(|_| start.to_owned());
        let target = Target::parse(&below(&root, &folder, &self.what)?);
        let told = if target.is_field() {
            explain_field(&repository, &target).map(|field| self.print(printer, &field.to_text(), &field))
        } else {
            explain_file(&repository, &target).map(|file| {
                let shown = self.print(printer, &file.to_text(), &file)?;
                let is_hindered = file.findings.iter().any(|finding| finding.level == Level::Error);
                Ok(if is_hindered { refused(printer, &file.findings) } else { shown })
            })
        };
        match told {
            Ok(printed) => printed,
            Err(ExplainError::NotThere(message)) => bail!("{message}"),
            Err(ExplainError::NotRendered(message, findings)) => {
                let status = refused(printer, &findings);
                error(&message);
                Ok(status)
            }
            Err(ExplainError::Findings(findings)) => {
                refused(printer, &findings);
                Ok(Status::NoAnswer)
            }
        }
    }

    fn print(&self, printer: &Printer, text: &str, value: &impl Serialize) -> Result<Status> {
        match self.output {
            Shown::Human => printer.data(&harmless(text))?,
            // Reads back the same, and holds no `##[`.
            Shown::Json => printer.data(&format!("{}\n", serde_json::to_string_pretty(value)?.replace("##", "#\\u0023")))?,
        }
        Ok(Status::Holds)
    }
}

/// Prints findings, and says how a run ends that has them: without an answer where something cannot be trusted.
fn refused(printer: &Printer, findings: &[Finding]) -> Status {
    let groups = FindingGroups::of(findings);
    groups.iter().for_each(|group| printer.findings(&human::finding(group, None, printer.error_color)));
    if findings.iter().any(|finding| finding.rule.untrusted) { Status::NoAnswer } else { Status::No }
}

/// A path that was typed in `folder`, with what stands behind its `#`, as one below the root. The file need not exist.
fn below(root: &Utf8Path, folder: &Utf8Path, what: &str) -> Result<String> {
    let (file, field) = what.find('#').map_or((what, ""), |at| what.split_at(at));
    let mut whole = Utf8PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => drop(whole.pop()),
            other => whole.push(other),
        }
    }
    let Ok(inside) = whole.strip_prefix(root) else { bail!("`{file}` does not lie in the repository `{root}`") };
    let parts: Vec<&str> = inside.components().map(|component| component.as_str()).collect();
    Ok(format!("{}{field}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_meant_from_the_folder_in_which_it_was_typed() {
        let path = |folder: &str, what: &str| below(Utf8Path::new("/r"), Utf8Path::new(folder), what).map_err(|error| error.to_string());
        assert_eq!(path("/r", "./out/prod/a.yaml").as_deref(), Ok("out/prod/a.yaml"));
        assert_eq!(path("/r/out", "../out/prod/a.yaml#Secret/../b").as_deref(), Ok("out/prod/a.yaml#Secret/../b"));
        assert_eq!(path("/elsewhere", "/r/out/a.yaml").as_deref(), Ok("out/a.yaml"));
        assert_eq!(path("/r", "../a.yaml"), Err("`../a.yaml` does not lie in the repository `/r`".to_owned()));
    }
}
