//! Workflow commands of GitHub Actions: annotations beside the lines of a pull request. GitHub shows ten of each level and
//! step and drops the others without a word, so the rest is counted in a line of its own.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use camino::Utf8PathBuf;

use crate::finding::{Level, counted};
use crate::report::text::{cut, the_same_in, without_control};
use crate::report::{Entry, Format, Run, Told, Whole};

/// Annotations of one level that GitHub shows for a step.
const SHOWN: usize = 10;

/// Characters of a message or a help line.
const MAX_TEXT: usize = 4_000;

/// Workflow commands.
#[derive(Debug)]
pub struct GitHub {
    prefix: Utf8PathBuf,
}

impl GitHub {
    /// Begins a report.
    pub fn new(run: &Run) -> GitHub {
        GitHub { prefix: run.prefix.clone() }
    }

    fn command(&self, entry: &Entry<'_>) -> String {
        let command = match entry.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let line = entry.line.map(|line| format!(",line={line}")).unwrap_or_default();
        let column = entry.column.map(|column| format!(",col={column}")).unwrap_or_default();
        let file = property(&without_control(&entry.path_from(&self.prefix)));
        let title = property(&format!("trustree: {}", entry.rule.code));
        let help = entry.help.as_ref().map(|help| format!("help: {}", cut(help, MAX_TEXT)));
        let lines = [Some(cut(&entry.message, MAX_TEXT).into_owned()), help, the_same_in(entry.environments)];
        let message = data(&lines.into_iter().flatten().collect::<Vec<_>>().join("\n"));
        format!("::{command} file={file}{line}{column},title={title}::{message}\n")
    }
}

impl Format for GitHub {
    fn environment(&mut self, _: &Told<'_>, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        let mut seen: BTreeMap<Level, usize> = BTreeMap::new();
        for entry in whole.entries() {
            let number = seen.entry(entry.level).or_default();
            *number += 1;
            if *number <= SHOWN {
                out.write_str(&self.command(&entry))?;
            }
        }
        let more = |level: Level, name: &str| {
            seen.get(&level).filter(|number| **number > SHOWN).map(|number| counted(number - SHOWN, &format!("more {name}")))
        };
        let rest: Vec<String> =
            [more(Level::Error, "error"), more(Level::Warning, "warning"), more(Level::Note, "note")].into_iter().flatten().collect();
        if rest.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "trustree: {} without an annotation: GitHub shows {SHOWN} of each level; the job summary and `--output human` have the others",
            rest.join(", ")
        )
    }
}

/// The text behind a command: nothing in it can end the line, or be taken for another character.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property: nothing in it can end the property or the command either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{DURATION_UNSET, Finding, LAYER_UNUSED, Place, UNKNOWN_FIELD};
    use crate::report::testing;

    fn report(findings: &[Finding]) -> String {
        testing::finished(&mut GitHub::new(&testing::run()), findings)
    }

    #[test]
    fn what_somebody_wrote_is_no_command() {
        let place = Place::File { file: "a,b:c\n::error::\u{1b}.yaml".into(), line: 2, column: 3 };
        let text = report(&[Finding::new(&UNKNOWN_FIELD, place, "100%\r\n::set-output name=x::y").help("%0A")]);
        assert_eq!(
            text,
            "::error file=a%2Cb%3Ac\\n%3A%3Aerror%3A%3A\\u{1b}.yaml,line=2,col=3,title=trustree%3A unknown-field::100%25\\r\\n::set-output name=x::y%0Ahelp: %250A\n"
        );
    }

    #[test]
    fn ten_of_each_level_are_shown_and_the_rest_is_counted() {
        let of = |rule, number: usize| (0..number).map(move |line| Finding::new(rule, Place::whole(format!("{line:02}")), "x"));
        assert_eq!(report(&of(&UNKNOWN_FIELD, 10).collect::<Vec<_>>()).lines().count(), 10);
        let text = report(&of(&UNKNOWN_FIELD, 12).chain(of(&LAYER_UNUSED, 11)).chain(of(&DURATION_UNSET, 3)).collect::<Vec<_>>());
        assert_eq!(text.lines().filter(|line| line.starts_with("::error ")).count(), 10);
        assert_eq!(text.lines().filter(|line| line.starts_with("::warning ")).count(), 10);
        assert_eq!(text.lines().filter(|line| line.starts_with("::notice ")).count(), 3);
        assert!(text.ends_with(
            "trustree: 2 more errors, 1 more warning without an annotation: GitHub shows 10 of each level; the job summary and `--output human` have the others\n"
        ));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(report(&[]), "");
    }
}
