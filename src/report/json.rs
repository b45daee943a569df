//! A report as JSON, `apiVersion: trustree.dev/v1alpha1`, `kind: Report`. It is written piece by piece, so that it does
//! not grow in memory with the fleet: one object per environment, then the findings of the repository, then the counts.

use serde::Serialize;
use serde_json::json;

use crate::change::{FileDifference, OverrideChange};
use crate::finding::{Finding, Level, Place};
use crate::outside::files::FileError;
use crate::plan::{Action, Cause, Plan};
use crate::report::{Outcome, Summary};

/// One environment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Environment<'a> {
    name: &'a str,
    /// `unchanged`, `changed`, `rendered`, `blocked` or `failed`.
    state: &'static str,
    files: Vec<File<'a>>,
    /// Whether the ledger does not list the files as they are.
    ledger_out_of_date: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    findings: Vec<FindingView<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    path: String,
    cause: Cause,
    action: Action,
    blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_lines: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_lines: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    trust: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView<'a> {
    rule: &'static str,
    level: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

/// A report that is written piece by piece.
#[derive(Debug)]
pub struct JsonReport {
    command: &'static str,
    environments: usize,
    /// Rules whose level a change alters, as JSON; None where there is nothing to compare with.
    overrides: Option<String>,
}

impl JsonReport {
    /// A report on a command, by its verb.
    pub fn new(command: &'static str) -> JsonReport {
        JsonReport { command, environments: 0, overrides: None }
    }

    /// Takes the rules whose level a change alters; to be given before the first piece.
    pub fn overrides(&mut self, changes: &[OverrideChange]) {
        let level = |level: Option<Level>| level.map_or_else(|| "off".to_owned(), |level| level.to_string());
        let view = |change: &OverrideChange| {
            let (file, line, column) = place_of(&change.place);
            json!({
                "rule": change.rule.code,
                "before": level(change.before),
                "after": level(change.after),
                "reason": change.reason,
                "file": file,
                "line": line,
                "column": column,
                "environments": change.environments,
            })
        };
        self.overrides = Some(to_line(&changes.iter().map(view).collect::<Vec<_>>()));
    }

    /// The next piece: one environment. `differences` are those of its files, where they were asked for.
    pub fn environment(&mut self, outcome: &Outcome, folder: &str, differences: &[FileDifference]) -> String {
        let before = if self.environments == 0 { self.head() } else { ",".to_owned() };
        self.environments += 1;
        format!("{before}\n    {}", environment(outcome, folder, differences))
    }

    /// The last piece: the findings of the repository as a whole, and the counts.
    pub fn finish(&mut self, findings: &[Finding], summary: &Summary) -> String {
        let before = if self.environments == 0 { self.head() } else { String::new() };
        format!("{before}{}", tail(findings, summary))
    }

    fn head(&self) -> String {
        let command = json!(self.command);
        let overrides = self.overrides.as_ref().map(|changes| format!("  \"ruleOverrides\": {changes},\n")).unwrap_or_default();
        format!(
            "{{\n  \"apiVersion\": \"trustree.dev/v1alpha1\",\n  \"kind\": \"Report\",\n  \"command\": {command},\n{overrides}  \"environments\": ["
        )
    }
}

fn environment(outcome: &Outcome, folder: &str, differences: &[FileDifference]) -> String {
    let blocked = outcome.plan.as_ref().is_some_and(|plan| plan.blocked().next().is_some());
    let state = match (&outcome.plan, &outcome.applied) {
        _ if outcome.failure.is_some() => "failed",
        (None, _) => "failed",
        (Some(plan), _) if plan.is_empty() => "unchanged",
        _ if blocked => "blocked",
        (_, Some(_)) => "rendered",
        (Some(_), None) => "changed",
    };
    let changes = outcome.plan.iter().flat_map(|plan| &plan.changes).enumerate();
    let files = changes.map(|(index, change)| {
        let difference = differences.get(index);
        File {
            path: format!("{folder}/{}", change.path),
            cause: change.cause,
            action: change.action,
            blocked: change.blocked,
            added_lines: difference.map(|difference| difference.lines.0),
            removed_lines: difference.map(|difference| difference.lines.1),
            trust: difference.map(|difference| difference.trust.as_slice()).unwrap_or_default(),
            diff: difference.map(|difference| difference.text.as_str()),
        }
    });
    let view = Environment {
        name: &outcome.environment,
        state,
        files: files.collect(),
        ledger_out_of_date: outcome.plan.as_ref().is_some_and(Plan::only_ledger),
        failure: outcome.failure.as_ref().map(FileError::told),
        findings: outcome.findings.iter().map(view_of).collect(),
    };
    to_line(&view)
}

fn tail(findings: &[Finding], summary: &Summary) -> String {
    let findings: Vec<FindingView<'_>> = findings.iter().map(view_of).collect();
    let causes: serde_json::Map<String, serde_json::Value> =
        summary.causes.iter().filter_map(|(cause, number)| Some((json!(cause).as_str()?.to_owned(), json!(number)))).collect();
    let counts = json!({
        "environments": summary.environments,
        "changed": summary.changed,
        "stopped": summary.stopped,
        "unchangedFiles": summary.unchanged,
        "files": causes,
        "blocked": summary.blocked,
        "ledgers": summary.ledgers,
        "written": summary.written,
        "deleted": summary.deleted,
        "errors": summary.count(crate::finding::Level::Error),
        "warnings": summary.count(crate::finding::Level::Warning),
        "notes": summary.count(crate::finding::Level::Note),
    });
    format!("\n  ],\n  \"findings\": {},\n  \"summary\": {counts}\n}}\n", to_line(&findings))
}

/// File, line and column, the latter two where the place is no whole file.
fn place_of(place: &Place) -> (String, Option<u32>, Option<u32>) {
    match place {
        Place::File { file, line: 0, .. } => (file.to_string(), None, None),
        Place::File { file, line, column } => (file.to_string(), Some(*line), Some(*column)),
        Place::Inventory(path) | Place::InventoryKey(path) => (path.to_string(), None, None),
    }
}

fn view_of(finding: &Finding) -> FindingView<'_> {
    let (file, line, column) = place_of(&finding.place);
    FindingView {
        rule: finding.rule.code,
        level: finding.level.to_string(),
        message: &finding.message,
        help: finding.help.as_deref(),
        file,
        line,
        column,
    }
}

fn to_line(value: &impl Serialize) -> String {
    // These types have string keys only and no failing serializers.
    serde_json::to_string(value).unwrap_or_default()
}
