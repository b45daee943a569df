//! Text for people: findings with an excerpt of the file that caused them, drift with its cause, differences grouped.

use std::borrow::Cow;
use std::fmt::{self, Write};

use annotate_snippets::{AnnotationKind, Group as Report, Level as SnippetLevel, Origin, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use camino::Utf8Path;

use crate::change::OverrideChange;
use crate::finding::{Finding, Level, Place, counted};
use crate::manifest::may_show_secrets;
use crate::plan::{Cause, LEDGER_FILE};
use crate::report::text::{NAMES_SHOWN, the_same_in, without_commands, without_control};
use crate::report::{Format, Group, Outcome, Run, Subject, Summary, Told, Whole, some_of};

/// Text for people.
#[derive(Debug)]
pub struct Human {
    subject: Subject,
    overrides: Vec<OverrideChange>,
    color: bool,
}

impl Human {
    /// Begins a report.
    pub fn new(run: &Run) -> Human {
        Human { subject: run.subject, overrides: run.overrides.clone().unwrap_or_default(), color: run.color }
    }
}

impl Format for Human {
    fn environment(&mut self, told: &Told<'_>, out: &mut dyn Write) -> fmt::Result {
        match self.subject {
            Subject::Drift => out.write_str(&without_commands(&drift(told.outcome, told.folder))),
            Subject::Rendered => out.write_str(&without_commands(&rendered(told.outcome, told.folder))),
            // They are told at the end, because many are the same.
            Subject::Differences(_) => Ok(()),
        }
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        out.write_str(&without_commands(&overrides(&self.overrides, self.color)))?;
        if let Subject::Differences(telling) = self.subject {
            out.write_str(&without_commands(&whole.differences.told(telling, self.color)))?;
        }
        let mut excerpts = Excerpts::new(whole);
        for group in whole.findings.iter() {
            out.write_str(&finding(group, excerpts.source(group), self.color))?;
        }
        Ok(())
    }
}

/// The files that findings lie in. Groups come by place, so the last one read is mostly the next one asked for.
pub(super) struct Excerpts<'a> {
    whole: &'a Whole<'a>,
    last: Option<(&'a Utf8Path, Option<String>)>,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(whole: &'a Whole<'a>) -> Excerpts<'a> {
        Excerpts { whole, last: None }
    }

    /// The text of the file that a finding points into; of a file with a secret in it, no line is shown.
    pub(super) fn source(&mut self, group: &'a Group) -> Option<&str> {
        let file = match &group.finding.place {
            Place::File { file, line, .. } if *line > 0 && !self.whole.findings.reveals(file) => file.as_path(),
            _ => return None,
        };
        if self.last.as_ref().is_none_or(|(last, _)| *last != file) {
            // A line of a Secret is no excerpt, also where nothing was said about the secret itself.
            self.last = Some((file, (self.whole.text_of)(file).filter(|text| !may_show_secrets(text))));
        }
        self.last.as_ref().and_then(|(_, text)| text.as_deref())
    }
}

/// A finding with the lines of the file that caused it; `source` is that file's text.
pub fn finding(group: &Group, source: Option<&str>, color: bool) -> String {
    let Finding { rule, level, message, help, place } = &group.finding;
    let level = match level {
        Level::Error => SnippetLevel::ERROR,
        Level::Warning => SnippetLevel::WARNING,
        Level::Note => SnippetLevel::NOTE,
    };
    let mut report = Report::with_title(level.primary_title(without_control(message)).id(rule.code));
    if let Place::File { file, line, column } = place {
        let line = usize::try_from(*line).unwrap_or_default();
        let column = usize::try_from(*column).unwrap_or_default();
        let span = source.filter(|_| line > 0).and_then(|source| span_of(source, line, column).map(|span| (source, span)));
        report = match span {
            Some((source, (excerpt, start, span))) => {
                let excerpt = &source[excerpt];
                report.element(
                    Snippet::source(excerpt).line_start(start).path(shown_path(file)).annotation(AnnotationKind::Primary.span(span)),
                )
            }
            None if line > 0 => report.element(Origin::path(shown_path(file)).line(line).char_column(column)),
            None => report.element(Origin::path(shown_path(file))),
        };
    }
    if let Some(same) = the_same_in(&group.environments) {
        report = report.element(SnippetLevel::NOTE.message(same));
    }
    if let Some(help) = help {
        report = report.element(SnippetLevel::HELP.message(without_control(help)));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    format!("{}\n\n", without_commands(&renderer.render(&[report])))
}

/// A path whose control characters cannot do anything to a terminal, or begin a line of their own in a log.
fn shown_path(file: &Utf8Path) -> Cow<'_, str> {
    without_control(file.as_str())
}

/// The bytes of the line, its number, and the word that begins in the column, relative to the line.
fn span_of(source: &str, line: usize, column: usize) -> Option<(std::ops::Range<usize>, usize, std::ops::Range<usize>)> {
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let text = source.get(start..)?.lines().next()?;
    // A line of megabytes is no excerpt.
    if text.len() > 400 {
        return None;
    }
    let from = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(offset, _)| offset);
    let rest = &text[from..];
    let quoted = rest.starts_with('"').then(|| rest[1..].find('"').map(|end| end + 2)).flatten();
    let word = quoted.unwrap_or_else(|| rest.find([' ', ',', ':', '#', ']', '}']).unwrap_or(rest.len())).max(usize::from(!rest.is_empty()));
    let end = (from..=text.len()).find(|end| *end >= from + word && text.is_char_boundary(*end)).unwrap_or(text.len());
    Some((start..start + text.len(), line, from..end))
}

/// The files of an environment that are not what a render gives, one line each.
pub fn drift(outcome: &Outcome, folder: &str) -> String {
    let mut text = String::new();
    let Some(plan) = &outcome.plan else { return text };
    // Writing into a string cannot fail.
    for change in &plan.changes {
        let _ = writeln!(text, "{folder}/{}: {}", change.path, change.cause);
    }
    if plan.only_ledger() {
        let _ = writeln!(text, "{folder}/{LEDGER_FILE}: does not list the files as they are");
    }
    text
}

/// What a render did with an environment, one line; nothing when there was nothing to do.
pub fn rendered(outcome: &Outcome, folder: &str) -> String {
    if let Some(failure) = &outcome.failure {
        let hint = failure.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        return format!("{folder}: not finished: {}{hint}\n", failure.told());
    }
    let Some(plan) = &outcome.plan else { return format!("{folder}: not written, because of errors\n") };
    let mut text = String::new();
    for change in plan.blocked() {
        let what = match change.cause {
            Cause::NotOurs => "somebody else's file stands at a path that is rendered",
            _ if change.after.is_none() => "edited by hand, and no longer rendered",
            _ => "edited by hand",
        };
        let _ = writeln!(text, "{folder}/{}: {what}", change.path);
    }
    if !text.is_empty() {
        let _ = writeln!(text, "{folder}: not written");
        return text;
    }
    let Some(applied) = outcome.applied else { return text };
    match (applied.written, applied.deleted) {
        (0, 0) if plan.is_empty() => {}
        (0, 0) => {
            let _ = writeln!(text, "{folder}: ledger written");
        }
        (written, 0) => {
            let _ = writeln!(text, "{folder}: {} written", counted(written, "file"));
        }
        (written, deleted) => {
            let _ = writeln!(text, "{folder}: {} written, {deleted} deleted", counted(written, "file"));
        }
    }
    text
}

/// Rules whose level a change alters, one after the other; nothing where there are none.
pub fn overrides(changes: &[OverrideChange], color: bool) -> String {
    let mut text = String::new();
    let strong = if color { AnsiColor::Yellow.on_default().bold() } else { Style::new() };
    let level = |level: Option<Level>| level.map_or_else(|| "off".to_owned(), |level| level.to_string());
    for OverrideChange { rule, before, after, reason, place, environments } in changes {
        let concerned = match environments.as_slice() {
            [] => "every environment".to_owned(),
            names => format!("{}: {}", counted(names.len(), "environment"), some_of(names, NAMES_SHOWN)),
        };
        let line = format!("# the rule `{}` changes from {} to {} in {concerned}", rule.code, level(*before), level(*after));
        let _ = writeln!(text, "{strong}{line}{strong:#}");
        if let Place::File { file, line, column } = place {
            let _ = writeln!(text, "#   {}:{line}:{column}", shown_path(file));
        }
        match reason {
            Some(reason) => {
                let _ = writeln!(text, "#   reason: {}", without_control(reason.trim()));
            }
            None if after != &Some(rule.level) => text.push_str("#   nobody says why\n"),
            None => {}
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// What must be done about files in the way; nothing when there are none.
pub fn blocked_hint(summary: &Summary) -> Option<String> {
    (summary.blocked > 0).then(|| {
        "hint: move a hand edit into the inventory or a template, then `trustree render --force` overwrites it; `--adopt` takes over files that trustree did not write".to_owned()
    })
}

/// The counts as one line, for standard error.
pub fn summary(summary: &Summary, verb: &str) -> String {
    let mut parts = vec![format!("{verb} {}", counted(summary.environments, "environment"))];
    if summary.written + summary.deleted > 0 {
        parts.push(format!("{} written, {} deleted", counted(summary.written, "file"), summary.deleted));
    } else if summary.files() > 0 {
        let causes = summary.causes.iter().map(|(cause, number)| format!("{number} {}", short(*cause))).collect::<Vec<_>>().join(", ");
        parts.push(format!("{} not as rendered ({causes})", counted(summary.files(), "file")));
    } else if summary.ledgers + summary.ledgers_written == 0 && summary.stopped == 0 && summary.environments > 0 {
        parts.push("nothing to change".to_owned());
    }
    if summary.ledgers > 0 {
        parts.push(format!("{} out of date", counted(summary.ledgers, "ledger")));
    }
    if summary.ledgers_written > 0 {
        parts.push(format!("{} written", counted(summary.ledgers_written, "ledger")));
    }
    if summary.stopped > 0 {
        parts.push(format!("{} not rendered", counted(summary.stopped, "environment")));
    }
    for (level, name) in [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")] {
        if summary.count(level) > 0 {
            parts.push(counted(summary.count(level), name));
        }
    }
    parts.join("; ")
}

fn short(cause: Cause) -> String {
    match cause {
        Cause::ToolChanged => "tool changed".to_owned(),
        other => other.to_string(),
    }
}
