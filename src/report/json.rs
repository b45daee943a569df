//! A report as JSON, `apiVersion: trustree.dev/v1alpha1`, `kind: Report`. It is written piece by piece, so that it does
//! not grow in memory with the fleet: one object per environment, then the findings of the repository, then the counts.
//! [`Report`] is what the pieces give together; its JSON Schema is made from it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};

use crate::change::{Change, OverrideChange};
use crate::finding::{Finding, Level};
use crate::outside::files::FileError;
use crate::plan::{Action, Cause, Plan};
use crate::report::entry::{position, position_of};
use crate::report::text::json_line;
use crate::report::{Format, Run, Summary, Told, Whole};

const API_VERSION: &str = "trustree.dev/v1alpha1";
const KIND: &str = "Report";

/// What a command found and did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "trustree report")]
pub struct Report<'a> {
    /// The version of this form.
    #[schemars(extend("const" = API_VERSION))]
    pub api_version: &'a str,
    /// Always `Report`.
    #[schemars(extend("const" = KIND))]
    pub kind: &'a str,
    /// The command: `check`, `diff` or `render`.
    pub command: &'a str,
    /// Rules whose level a change alters; in a report of `diff` that knows what to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_overrides: Option<Vec<ChangedOverride<'a>>>,
    /// What came of each environment, in order of their names; last those that are gone and left files behind.
    pub environments: Vec<Environment<'a>>,
    /// Findings of the repository as a whole.
    pub findings: Vec<ReportedFinding<'a>>,
    /// Counts over everything.
    pub summary: Counts,
}

/// What came of one environment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment<'a> {
    /// Its name.
    pub name: &'a str,
    /// What came of it, in a word.
    pub state: State,
    /// Files that are not what a render gives, or were not before it.
    pub files: Vec<File<'a>>,
    /// What differs by its meaning, the worst first; in a report of `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Change>>")]
    pub changes: Option<&'a [Change]>,
    /// Whether the ledger does not list the files as they are, although all of them are what a render gives.
    pub ledger_out_of_date: bool,
    /// Why writing failed, although everything before it went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What is wrong with its inventory, its layers, its snapshots, its files.
    pub findings: Vec<ReportedFinding<'a>>,
}

/// What came of an environment, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Everything is what a render gives.
    Unchanged,
    /// A render would change something.
    Changed,
    /// A render changed something.
    Rendered,
    /// Somebody's work is in the way of a render.
    Blocked,
    /// An error is in the way of it, or writing failed.
    Failed,
}

/// A file that is not what a render gives.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct File<'a> {
    /// Path below the repository.
    pub path: String,
    /// Why it differs.
    pub cause: Cause,
    /// What a render does to it.
    pub action: Action,
    /// Whether somebody's work would be lost, so that nothing of the environment is written.
    pub blocked: bool,
    /// Lines that a render adds; in a report of `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_lines: Option<usize>,
    /// Lines that it takes away; in a report of `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_lines: Option<usize>,
    /// What happens to certificates in it, in words.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub trust: &'a [String],
    /// The unified difference; in a report of `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<&'a str>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedFinding<'a> {
    /// The code of the rule that says so; `docs/rules.md` explains it.
    pub rule: &'static str,
    /// How much it weighs.
    pub level: ReportedLevel,
    /// What is wrong.
    pub message: &'a str,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'a str>,
    /// Path below the repository.
    pub file: String,
    /// Line, from 1; missing for the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// A rule whose level a change alters.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedOverride<'a> {
    /// The code of the rule.
    pub rule: &'static str,
    /// Its level before: `error`, `warning`, `note` or `off`.
    pub before: String,
    /// Its level after.
    pub after: String,
    /// Why, where somebody says it.
    pub reason: Option<&'a str>,
    /// Where that is written, below the repository.
    pub file: String,
    /// Line, from 1; null for the file as a whole.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// The environments that it concerns; none for all of them.
    pub environments: &'a [String],
}

fn changed_override(change: &OverrideChange) -> ChangedOverride<'_> {
    let level = |level: Option<Level>| level.map_or_else(|| "off".to_owned(), |level| level.to_string());
    let (file, line, column) = position_of(&change.place);
    ChangedOverride {
        rule: change.rule.code,
        before: level(change.before),
        after: level(change.after),
        reason: change.reason.as_deref(),
        file,
        line,
        column,
        environments: &change.environments,
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportedLevel {
    /// Nothing of the environment is written.
    Error,
    /// Fails a check that is strict.
    Warning,
    /// Informs.
    Note,
}

impl From<Level> for ReportedLevel {
    fn from(level: Level) -> ReportedLevel {
        match level {
            Level::Error => ReportedLevel::Error,
            Level::Warning => ReportedLevel::Warning,
            Level::Note => ReportedLevel::Note,
        }
    }
}

/// Counts over everything.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Environments that were looked at.
    pub environments: usize,
    /// Those of which a render would change something, or did.
    pub changed: usize,
    /// Those that an error or somebody's work stood in the way of.
    pub stopped: usize,
    /// Files that are what a render gives.
    pub unchanged_files: usize,
    /// Files that are not, by cause.
    pub files: BTreeMap<Cause, usize>,
    /// Files in the way: hand edits, and files that are not ours.
    pub blocked: usize,
    /// Ledgers that a render would rewrite although no file changes.
    pub ledgers: usize,
    /// Files written.
    pub written: usize,
    /// Files deleted.
    pub deleted: usize,
    /// Findings at level error, counted once per environment.
    pub errors: usize,
    /// Findings at level warning.
    pub warnings: usize,
    /// Findings at level note.
    pub notes: usize,
}

/// The JSON Schema of a report.
pub fn json_schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report<'_>>().to_value()
}

/// A report that is written piece by piece.
#[derive(Debug)]
pub struct Json {
    command: &'static str,
    environments: usize,
    /// Rules whose level a change alters, as JSON; None where there is nothing to compare with.
    overrides: Option<String>,
}

impl Json {
    /// Begins a report.
    pub fn new(run: &Run) -> Json {
        let overrides = run.overrides.as_ref().map(|changes| json_line(&changes.iter().map(changed_override).collect::<Vec<_>>()));
        Json { command: run.command, environments: 0, overrides }
    }

    fn head(&self, out: &mut dyn Write) -> fmt::Result {
        let [version, kind, command] = [API_VERSION, KIND, self.command].map(|text| json!(text));
        write!(out, "{{\n  \"apiVersion\": {version},\n  \"kind\": {kind},\n  \"command\": {command},\n")?;
        if let Some(overrides) = &self.overrides {
            writeln!(out, "  \"ruleOverrides\": {overrides},")?;
        }
        write!(out, "  \"environments\": [")
    }
}

impl Format for Json {
    fn environment(&mut self, told: &Told<'_>, out: &mut dyn Write) -> fmt::Result {
        if self.environments == 0 {
            self.head(out)?;
        } else {
            out.write_str(",")?;
        }
        self.environments += 1;
        write!(out, "\n    {}", json_line(&environment(told)))
    }

    fn finish(&mut self, whole: &Whole<'_>, out: &mut dyn Write) -> fmt::Result {
        if self.environments == 0 {
            self.head(out)?;
        }
        let findings: Vec<ReportedFinding<'_>> = whole.repository.iter().map(reported).collect();
        let counts = counts(whole.summary);
        writeln!(out, "\n  ],\n  \"findings\": {},\n  \"summary\": {}\n}}", json_line(&findings), json_line(&counts))
    }
}

fn environment<'a>(told: &Told<'a>) -> Environment<'a> {
    let outcome = told.outcome;
    let changes = outcome.plan.iter().flat_map(|plan| &plan.changes).enumerate();
    let files = changes.map(|(index, change)| {
        let difference = told.differences.and_then(|differences| differences.files.get(index));
        File {
            path: format!("{}/{}", told.folder, change.path),
            cause: change.cause,
            action: change.action,
            blocked: change.blocked,
            added_lines: difference.map(|difference| difference.lines.0),
            removed_lines: difference.map(|difference| difference.lines.1),
            trust: difference.map(|difference| difference.trust.as_slice()).unwrap_or_default(),
            diff: difference.map(|difference| difference.text.as_str()),
        }
    });
    Environment {
        name: &outcome.environment,
        state: state(told),
        files: files.collect(),
        changes: told.differences.map(|differences| differences.changes.as_slice()),
        ledger_out_of_date: outcome.plan.as_ref().is_some_and(Plan::only_ledger),
        failure: outcome.failure.as_ref().map(FileError::told),
        findings: outcome.findings.iter().map(reported).collect(),
    }
}

fn state(told: &Told<'_>) -> State {
    match (&told.outcome.plan, &told.outcome.applied) {
        _ if told.outcome.failure.is_some() => State::Failed,
        (None, _) => State::Failed,
        (Some(plan), _) if plan.is_empty() => State::Unchanged,
        (Some(plan), _) if plan.blocked().next().is_some() => State::Blocked,
        (_, Some(_)) => State::Rendered,
        (Some(_), None) => State::Changed,
    }
}

fn reported(finding: &Finding) -> ReportedFinding<'_> {
    let (file, line, column) = position(finding);
    ReportedFinding {
        rule: finding.rule.code,
        level: finding.level.into(),
        message: &finding.message,
        help: finding.help.as_deref(),
        file,
        line,
        column,
    }
}

fn counts(summary: &Summary) -> Counts {
    Counts {
        environments: summary.environments,
        changed: summary.changed,
        stopped: summary.stopped,
        unchanged_files: summary.unchanged,
        files: summary.causes.clone(),
        blocked: summary.blocked,
        ledgers: summary.ledgers,
        written: summary.written,
        deleted: summary.deleted,
        errors: summary.count(Level::Error),
        warnings: summary.count(Level::Warning),
        notes: summary.count(Level::Note),
    }
}
