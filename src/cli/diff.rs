//! `trustree diff`

use anyhow::Result;
use camino::Utf8Path;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::Status;
use super::options::ReadOptions;
use super::output::{Printer, stdout_is_terminal};
use super::pass::Pass;
use crate::report::Subject;
use crate::report::changes::{Telling, View};

/// Show what a render would change, and what that means
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    read: ReadOptions,
    /// What to show: what the changes mean, lines, or counts; `semantic` on a terminal, otherwise `unified`
    #[arg(long, value_enum, value_name = "VIEW", env = "TRUSTREE_VIEW")]
    view: Option<View>,
    /// Cut what is shown to so many bytes: details first, and of what can break least; never the counts
    #[arg(long, value_name = "BYTES", env = "TRUSTREE_LIMIT")]
    limit: Option<usize>,
}

/// The words of `--view`; `report` knows nothing of the command line.
impl ValueEnum for View {
    fn value_variants<'a>() -> &'a [View] {
        &[View::Semantic, View::Unified, View::Summary]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            View::Semantic => "semantic",
            View::Unified => "unified",
            View::Summary => "summary",
        }))
    }
}

impl Diff {
    pub(super) fn run(&self, printer: &Printer, start: &Utf8Path) -> Result<Status> {
        let has_reader = stdout_is_terminal() && self.read.pass.output.has_text_on_stdout();
        let view = self.view.unwrap_or(if has_reader { View::Semantic } else { View::Unified });
        let telling = Telling { view, limit: self.limit };
        let pass = Pass::reading(printer, start, &self.read, ("diff", "compared"), Subject::Differences(telling));
        match pass.open(self.read.source.open(start)?)? {
            Some(repository) => {
                let repository = repository.with_helm(self.read.helm.helm(start)?).with_base(self.read.base(printer, start)?);
                pass.run(&repository, |_| {})
            }
            None => Ok(Status::NoAnswer),
        }
    }
}
