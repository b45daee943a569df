//! Markdown for a comment on a pull request, or for GitHub's job summary: counts, then everything that is wrong, most
//! severe first, up to what the place can hold. What is left out is counted: a report that was cut never reads as if
//! nothing had been found. What somebody else wrote is text in it, never markup.

use std::fmt::{self, Write};

use crate::finding::{Level, counted};
use crate::report::human::{self, Excerpts};
use crate::report::text::{cut, some_of, the_same_in, without_commands, without_control};
use crate::report::{DriftGroup, Format, Group, Run, Subject, Told, Whole};

/// Bytes of a comment: GitHub takes 65 536 characters, however they are counted.
const COMMENT: usize = 65_000;
/// Bytes of the summary of a step: GitHub throws away all of it above one megabyte.
const JOB_SUMMARY: usize = 1_000_000;
/// Bytes that are kept for saying what was left out.
const RESERVE: usize = 500;
/// Characters of a message in a line, and of an excerpt or a difference below it.
const MAX_LINE: usize = 500;
const MAX_BLOCK: usize = 8_000;
/// Environments that a line names.
const NAMES: usize = 3;

/// Markdown.
#[derive(Debug)]
pub struct Markdown {
    command: &'static str,
    done: &'static str,
    subject: Subject,
    /// Rules whose level changed, as text.
    overrides: String,
    limit: usize,
}

impl Markdown {
    /// A report that fits into a comment.
    pub fn comment(run: &Run) -> Markdown {
        Markdown::new(run, COMMENT)
    }

    /// A report that fits into the summary of a step, of which `used` bytes are taken.
    pub fn job_summary(run: &Run, used: usize) -> Markdown {
        Markdown::new(run, JOB_SUMMARY.saturating_sub(used))
    }

    fn new(run: &Run, limit: usize) -> Markdown {
        let overrides = human::overrides(run.overrides.as_deref().unwrap_or_default(), false);
        Markdown { command: run.command, done: run.done, subject: run.subject, overrides, limit }
    }

    fn head(&self, whole: &Whole<'_>) -> String {
        let summary = whole.summary;
        let files = match self.subject {
            Subject::Rendered => [("files written", summary.written), ("files deleted", summary.deleted)],
            _ => [("files not as rendered", summary.files()), ("files as rendered", summary.unchanged)],
        };
        let [errors, warnings, notes] = [Level::Error, Level::Warning, Level::Note].map(|level| summary.count(level));
        let counts = [("errors", errors), ("warnings", warnings), ("notes", notes)].into_iter().chain(files).chain([
            ("files in the way", summary.blocked),
            ("environments", summary.environments),
            ("not rendered", summary.stopped),
        ]);
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let names = row(counts.clone().map(|(name, _)| name.to_owned()).collect());
        let rule = row(counts.clone().map(|_| "---:".to_owned()).collect());
        let numbers = row(counts.map(|(_, number)| number.to_string()).collect());
        format!("## trustree {}\n\n{}\n\n{names}{rule}{numbers}\n", self.command, human::summary(summary, self.done))
    }
}

impl Format for Markdown {
    fn environment(&mut self, _: &Told<'_>, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        let head = self.head(whole);
        // Half a table helps nobody.
        let Some(left) = self.limit.checked_sub(head.len() + RESERVE) else { return Ok(()) };
        out.write_str(&head)?;
        let mut pages = Sections { out, left, open: None, left_out: Vec::new() };
        let mut excerpts = Excerpts::new(whole);
        if !self.overrides.is_empty() {
            pages.add(&OVERRIDES, || details("rules whose level this changes", "text", &self.overrides))?;
        }
        findings(whole, Level::Error, &mut excerpts, &mut pages)?;
        for (_, group) in whole.drift.iter() {
            pages.add(&DRIFT, || drift(group))?;
        }
        findings(whole, Level::Warning, &mut excerpts, &mut pages)?;
        findings(whole, Level::Note, &mut excerpts, &mut pages)?;
        meaning(whole, &mut pages)?;
        pages.finish()
    }
}

fn findings<'a>(whole: &'a Whole<'a>, level: Level, excerpts: &mut Excerpts<'a>, pages: &mut Sections<'_>) -> fmt::Result {
    let section = match level {
        Level::Error => &ERRORS,
        Level::Warning => &WARNINGS,
        Level::Note => &NOTES,
    };
    for group in whole.findings.iter().filter(|group| group.finding.level == level) {
        pages.add(section, || finding(group, excerpts.source(group)))?;
    }
    Ok(())
}

/// What the differences mean: last, because it is what can be looked up elsewhere.
fn meaning(whole: &Whole<'_>, pages: &mut Sections<'_>) -> fmt::Result {
    for (headline, text, environments) in whole.differences.told_by_severity() {
        pages.add(&CHANGES, || details(&format!("{}{}", markup(&headline), in_environments(environments)), "text", &text))?;
    }
    Ok(())
}

fn finding(group: &Group, source: Option<&str>) -> String {
    let (file, line, column) = crate::report::entry::position(&group.finding);
    let place = [line, column].into_iter().flatten().fold(file, |place, number| format!("{place}:{number}"));
    let title = format!(
        "<b>{}</b> <code>{}</code>{}<br>{}",
        group.finding.rule.code,
        in_code(&cut(&without_control(&place), MAX_LINE)),
        in_environments(&group.environments),
        markup(&group.finding.message)
    );
    details(&title, "text", &human::finding(group, source, false))
}

fn drift(group: &DriftGroup) -> String {
    // What everything has in common stands above the list.
    let help = group.drift.help().filter(|_| group.drift.needs_somebody());
    let help = help.map(|help| format!("<br>{}", markup(help))).unwrap_or_default();
    let path = in_code(&cut(&without_control(&group.drift.path), MAX_LINE));
    format!("<li><code>{path}</code>{}<br>{}{help}</li>\n", in_environments(&group.environments), markup(&group.drift.message()))
}

fn in_environments(environments: &[String]) -> String {
    let same = the_same_in(environments)
        .map(|_| format!(" <i>in {}: {}</i>", counted(environments.len(), "environment"), unlinked(&some_of(environments, NAMES))));
    same.unwrap_or_default()
}

/// A title of HTML, and behind it a block of text.
fn details(title: &str, language: &str, text: &str) -> String {
    let text = without_commands(text.trim_end());
    let text = cut(&text, MAX_BLOCK);
    let fence = fence(&text);
    format!("<details><summary>{title}</summary>\n\n{fence}{language}\n{text}\n{fence}\n\n</details>\n\n")
}

/// More backticks than the text has in a row, so that it cannot end the block.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// A message as HTML on one line: what is between backticks is code.
fn markup(message: &str) -> String {
    let message = without_control(message);
    let message = cut(&message, MAX_LINE);
    let parts: Vec<&str> = message.split('`').collect();
    let mut html = String::new();
    for (index, part) in parts.iter().enumerate() {
        let closes = index + 1 < parts.len();
        html.push_str(&match (index % 2 == 1, closes) {
            (true, true) => format!("<code>{}</code>", in_code(part)),
            // The last backtick has no partner.
            (true, false) => format!("`{}", unlinked(part)),
            (false, _) => unlinked(part),
        });
    }
    html
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text in HTML between `<code>` and `</code>`; see `without_commands` about `##`.
fn in_code(text: &str) -> String {
    escaped(text).replace("##", "#&#35;")
}

/// Text in HTML outside of code, where GitHub would look for somebody to call and for numbers of issues.
fn unlinked(text: &str) -> String {
    escaped(text).replace('@', "@\u{200b}").replace('#', "#\u{200b}")
}

/// A part of the report under one heading.
#[derive(Debug)]
struct Section {
    heading: &'static str,
    before: &'static str,
    after: &'static str,
    /// One of its pieces, in words.
    piece: &'static str,
}

static OVERRIDES: Section = Section { heading: "Changed levels", before: "", after: "", piece: "list of levels" };
static ERRORS: Section = Section { heading: "Errors", before: "", after: "", piece: "error" };
static DRIFT: Section = Section {
    heading: "Not as rendered",
    before: "`trustree diff` shows what would change, `trustree render` writes it.\n\n<ul>\n",
    after: "</ul>\n\n",
    piece: "file",
};
static WARNINGS: Section = Section { heading: "Warnings", before: "", after: "", piece: "warning" };
static NOTES: Section = Section { heading: "Notes", before: "", after: "", piece: "note" };
static CHANGES: Section = Section { heading: "What would change", before: "", after: "", piece: "difference" };

/// Writes sections up to a limit, and counts what comes behind it.
struct Sections<'a> {
    out: &'a mut dyn Write,
    /// Bytes that may still be written.
    left: usize,
    open: Option<&'static Section>,
    left_out: Vec<(&'static str, usize)>,
}

impl Sections<'_> {
    /// Adds a piece; after the first one that does not fit none is made any more.
    fn add(&mut self, section: &'static Section, piece: impl FnOnce() -> String) -> fmt::Result {
        if self.left_out.is_empty() {
            let before = if self.open.is_some_and(|open| std::ptr::eq(open, section)) {
                String::new()
            } else {
                let after = self.open.map_or("", |open| open.after);
                format!("{after}### {}\n\n{}", section.heading, section.before)
            };
            let text = format!("{before}{}", piece());
            if let Some(left) = self.left.checked_sub(text.len() + section.after.len()) {
                self.left = left + section.after.len();
                self.open = Some(section);
                return self.out.write_str(&text);
            }
        }
        match self.left_out.iter_mut().find(|(name, _)| *name == section.piece) {
            Some((_, number)) => *number += 1,
            None => self.left_out.push((section.piece, 1)),
        }
        Ok(())
    }

    /// Ends the last section, and says what was left out.
    fn finish(self) -> fmt::Result {
        self.out.write_str(self.open.map_or("", |open| open.after))?;
        if self.left_out.is_empty() {
            return Ok(());
        }
        let counts: Vec<String> = self.left_out.iter().map(|(piece, number)| counted(*number, piece)).collect();
        writeln!(
            self.out,
            "**Not shown, because it would be too long for this place: {}** (what is the same in several environments counts once). The counts above hold; `trustree` on the command line shows everything.",
            counts.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, LAYER_UNUSED, Place, UNKNOWN_FIELD};
    use crate::report::testing;

    fn report(findings: &[Finding], limit: usize) -> String {
        testing::finished(&mut Markdown { limit, ..Markdown::comment(&testing::run()) }, findings)
    }

    fn many(number: usize, message: &str) -> Vec<Finding> {
        (0..number).map(|line| Finding::new(&UNKNOWN_FIELD, Place::whole(format!("{line:05}.yaml")), message)).collect()
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_counts_hold() {
        let mut findings = many(3_000, "`x` is wrong");
        findings.push(Finding::new(&LAYER_UNUSED, Place::whole("a.yaml"), "a warning"));
        let text = report(&findings, COMMENT);
        assert!(text.len() < COMMENT, "{}", text.len());
        let shown = text.matches("<details>").count();
        assert_eq!(text.matches("</details>").count(), shown);
        assert!(shown > 100, "{shown}");
        assert!(text.contains("| 3000 | 1 | 0 |"), "{}", &text[..400]);
        assert!(text.contains(&format!("{} errors, 1 warning**", 3_000 - shown)), "{}", &text[text.len() - 300..]);
    }

    #[test]
    fn however_long_a_message_is_the_report_stays_below_its_limit() {
        for message in ["`".repeat(100_000), "<".repeat(100_000), "\u{1b}".repeat(100_000), "ä".repeat(100_000)] {
            let text = report(&many(40, &message), COMMENT);
            assert!(text.len() < COMMENT, "{}", text.len());
            assert!(text.contains("unknown-field"), "{message}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        }
    }

    #[test]
    fn where_there_is_no_room_nothing_is_written() {
        assert_eq!(report(&many(1, "x"), 100), "");
        assert_eq!(Markdown::job_summary(&testing::run(), 2_000_000).limit, 0);
    }

    #[test]
    fn a_message_cannot_end_its_block_or_become_markup() {
        let text = report(&[Finding::new(&UNKNOWN_FIELD, Place::whole("a.yaml"), "````\n</details> <img> @somebody `a` b`c")], COMMENT);
        assert!(text.contains("\n`````text\n"), "{text}");
        assert!(!text.contains("</details> <img>\n") && text.contains("&lt;img&gt; @\u{200b}somebody"), "{text}");
        assert_eq!(markup("a `b` c `d"), "a <code>b</code> c `d");
        assert_eq!(fence("a `` b ```` c"), "`````");
        assert_eq!(fence("a"), "```");
    }
}
