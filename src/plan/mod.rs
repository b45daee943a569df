//! Tree, ledger and what is there: what a render would do, as a value. `check`, `diff` and `render` share it, so they
//! cannot disagree. Drift is always rendered bytes against bytes read; the ledger only says whose the bytes are.

mod ledger;

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::outside::files::{FileError, Folder};
use crate::tree::{Digest, OutPath, Tree};

pub use ledger::{LEDGER_FILE, Ledger, Line, Origin, RECORDS};

/// Bytes that a file in the output folder may have before it is no longer compared.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file is not what a render gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It was never written.
    New,
    /// Inventory, layers or snapshot changed since it was written.
    InputsChanged,
    /// Templates changed since it was written.
    TemplateChanged,
    /// Only the program changed, or somebody changed the file and its ledger line together.
    ToolChanged,
    /// A render that was to write it was interrupted.
    Interrupted,
    /// Somebody edited it.
    EditedByHand,
    /// Only its line endings differ.
    LineEndings,
    /// It was written and is gone.
    Missing,
    /// It is no longer rendered.
    Orphaned,
    /// Somebody else's file stands at its path.
    NotOurs,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Cause::New => "new",
            Cause::InputsChanged => "inputs changed",
            Cause::TemplateChanged => "template changed",
            Cause::ToolChanged => "tool changed, or file and ledger were edited together",
            Cause::Interrupted => "write interrupted",
            Cause::EditedByHand => "edited by hand",
            Cause::LineEndings => "line endings",
            Cause::Missing => "missing",
            Cause::Orphaned => "orphaned",
            Cause::NotOurs => "not ours",
        })
    }
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is written.
    Write,
    /// It is deleted.
    Delete,
    /// It stays as it is, and only the ledger changes.
    Leave,
}

/// One file that is not what a render gives.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Path below the environment's output folder.
    pub path: OutPath,
    /// Why it differs.
    pub cause: Cause,
    /// What happens to it.
    pub action: Action,
    /// Whether somebody's work would be lost, so that nothing of the environment is written.
    pub blocked: bool,
    /// What is there now.
    pub before: Option<Vec<u8>>,
    /// What a render gives.
    pub after: Option<Arc<str>>,
}

/// What a render would do to one environment.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Files that are not what a render gives, in order of their paths.
    pub changes: Vec<FileChange>,
    /// Files that are.
    pub unchanged: usize,
    /// Those files with their text: what a change means depends on what stays.
    pub same: Vec<(OutPath, Arc<str>)>,
    /// The ledger as it is.
    pub ledger_before: Option<Ledger>,
    /// The ledger as it will be.
    pub ledger_after: Ledger,
}

/// What was done when a plan was carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files written.
    pub written: usize,
    /// Files deleted.
    pub deleted: usize,
}

/// What the person allowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Permissions {
    /// Overwrite hand edits.
    pub force: bool,
    /// Take over files that stand at paths that we claim.
    pub adopt: bool,
}

impl Plan {
    /// Whether a render would change nothing at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.ledger_changes()
    }

    /// Whether only the ledger would change: it is gone, or a write was interrupted.
    pub fn only_ledger(&self) -> bool {
        self.changes.is_empty() && self.ledger_changes()
    }

    /// Whether the ledger would be rewritten.
    pub fn ledger_changes(&self) -> bool {
        match &self.ledger_before {
            Some(before) => *before != self.ledger_after,
            None => !self.ledger_after.lines.is_empty(),
        }
    }

    /// Changes that would lose somebody's work.
    pub fn blocked(&self) -> impl Iterator<Item = &FileChange> {
        self.changes.iter().filter(|change| change.blocked)
    }
}

/// Reads the ledger of an environment's output folder; None when there is none.
///
/// # Errors
/// An unreadable file, or the line and the reason why it is no ledger.
pub fn read_ledger(folder: &dyn Folder) -> Result<Option<Ledger>, LedgerError> {
    let Some(bytes) = folder.read(LEDGER_FILE, MAX_FILE_BYTES)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|_| LedgerError::Invalid { line: 0, problem: "it is not UTF-8".to_owned() })?;
    Ledger::parse(text).map(Some).map_err(|(line, problem)| LedgerError::Invalid { line, problem })
}

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no ledger, or names what it may not name.
    #[error("{problem}")]
    Invalid {
        /// Line, from 1; 0 for the file as a whole.
        line: u32,
        /// What is wrong.
        problem: String,
    },
}

/// Compares a tree with an environment's output folder (None where it does not exist yet).
///
/// # Errors
/// A file that cannot be read, or a link in the way.
pub fn plan(
    tree: &Tree,
    origin: &Origin,
    ledger: Option<Ledger>,
    folder: Option<&dyn Folder>,
    permissions: Permissions,
) -> Result<Plan, FileError> {
    let mut there = Reader { folder, opened: None };
    let known = ledger.clone().unwrap_or_default();
    let mut plan = Plan { ledger_before: ledger, ..Plan::default() };
    for (path, file) in tree.iter() {
        let line = known.lines.get(path);
        let before = there.read(path)?;
        let after = Digest::of(file.text.as_bytes());
        let kept = line.filter(|line| !line.is_under_way() && line.digest == after);
        plan.ledger_after.lines.insert(path.clone(), kept.cloned().unwrap_or_else(|| Line::settled(after, origin)));
        // Where case does not count, deleting an orphan that differs only in case would delete this file.
        let has_twin =
            line.is_none() && known.lines.keys().any(|known| known != path && known.as_str().eq_ignore_ascii_case(path.as_str()));
        let is_the_same = before.as_deref() == Some(file.text.as_bytes());
        if is_the_same && !has_twin {
            plan.unchanged += 1;
            plan.same.push((path.clone(), Arc::clone(&file.text)));
            continue;
        }
        let cause = if is_the_same { Cause::New } else { cause_of_difference(before.as_deref(), &file.text, line, origin) };
        let blocked = match cause {
            Cause::EditedByHand => !permissions.force,
            Cause::NotOurs => !permissions.adopt,
            _ => false,
        };
        plan.changes.push(FileChange {
            path: path.clone(),
            cause,
            action: Action::Write,
            blocked,
            before,
            after: Some(Arc::clone(&file.text)),
        });
    }
    for (path, line) in known.lines.iter().filter(|(path, _)| tree.get(path).is_none()) {
        let Some(before) = there.read(path)? else { continue };
        if is_ours(line, &before) {
            plan.changes.push(FileChange {
                path: path.clone(),
                cause: Cause::Orphaned,
                action: Action::Delete,
                blocked: false,
                before: Some(before),
                after: None,
            });
        } else {
            if !permissions.force {
                plan.ledger_after.lines.insert(path.clone(), line.clone());
            }
            let change = FileChange {
                path: path.clone(),
                cause: Cause::EditedByHand,
                action: Action::Leave,
                blocked: !permissions.force,
                before: Some(before),
                after: None,
            };
            plan.changes.push(change);
        }
    }
    plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(plan)
}

/// Reads the output folder's files. It keeps the folder open that the last file lies in: its neighbours come next.
struct Reader<'a> {
    folder: Option<&'a dyn Folder>,
    /// A path below the output folder, and the folder there; None where there is none.
    opened: Option<(String, Option<Box<dyn Folder>>)>,
}

impl Reader<'_> {
    fn read(&mut self, path: &OutPath) -> Result<Option<Vec<u8>>, FileError> {
        let Some(folder) = self.folder else { return Ok(None) };
        let Some((parent, name)) = path.as_str().rsplit_once('/') else { return folder.read(path.as_str(), MAX_FILE_BYTES) };
        let opened = match self.opened.take() {
            Some((known, opened)) if known == parent => opened,
            _ => folder.folder(parent)?,
        };
        let bytes = opened.as_deref().map_or(Ok(None), |opened| opened.read(name, MAX_FILE_BYTES));
        self.opened = Some((parent.to_owned(), opened));
        bytes
    }
}

fn cause_of_difference(before: Option<&[u8]>, after: &str, line: Option<&Line>, origin: &Origin) -> Cause {
    let Some(before) = before else {
        return match line {
            Some(line) if line.is_under_way() => Cause::Interrupted,
            Some(_) => Cause::Missing,
            None => Cause::New,
        };
    };
    if without_carriage_returns(before).as_deref() == Some(after.as_bytes()) {
        return Cause::LineEndings;
    }
    let Some(line) = line else { return Cause::NotOurs };
    if !is_ours(line, before) {
        return Cause::EditedByHand;
    }
    // Under way, a line tells what the file is to be made from, not what it was made from.
    if line.is_under_way() {
        Cause::Interrupted
    } else if !line.same_inputs(origin) {
        Cause::InputsChanged
    } else if !line.same_templates(origin) {
        Cause::TemplateChanged
    } else {
        Cause::ToolChanged
    }
}

/// Whether bytes are what we wrote, be it with other line endings.
fn is_ours(line: &Line, bytes: &[u8]) -> bool {
    line.owns(&Digest::of(bytes)) || without_carriage_returns(bytes).is_some_and(|bytes| line.owns(&Digest::of(&bytes)))
}

/// The bytes with LF for CRLF; None when there is no CRLF.
fn without_carriage_returns(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.windows(2).any(|pair| pair == b"\r\n") {
        return None;
    }
    let mut plain = Vec::with_capacity(bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(index + 1) != Some(&b'\n') {
            plain.push(*byte);
        }
    }
    Some(plain)
}
