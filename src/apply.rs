//! A plan to disk. Before the first file changes, the ledger records old and new digest of each; afterwards it is
//! settled. Files are replaced whole, by renaming; nothing is written for a plan that would change nothing.

use crate::outside::disk::OutputFolder;
use crate::outside::files::FileError;
use crate::plan::{Action, Applied, Cause, LEDGER_FILE, Plan};
use crate::tree::Digest;

/// Carries out a plan that is not blocked in an environment's output folder.
///
/// # Errors
/// The first file that could not be written; what was written before it is known to the ledger as ours.
pub fn apply(plan: &Plan, folder: &OutputFolder<'_>) -> Result<Applied, FileError> {
    let mut applied = Applied::default();
    if plan.is_empty() {
        return Ok(applied);
    }
    sweep(plan, folder);
    // Where every file is new, a ledger that lists them already tells a crash from somebody's work: a file is ours, or
    // it is missing. Once is enough, then.
    let all_new = !plan.changes.is_empty() && plan.changes.iter().all(|change| change.action == Action::Write && change.before.is_none());
    if all_new {
        folder.write(LEDGER_FILE, plan.ledger_after.to_text().as_bytes())?;
    } else if plan.changes.iter().any(|change| change.action != Action::Leave) {
        folder.write(LEDGER_FILE, under_way(plan).as_bytes())?;
    }
    // Deleted first: where case does not count, a file that is written may be named like one that goes.
    for change in plan.changes.iter().filter(|change| change.action == Action::Delete) {
        folder.remove(change.path.as_str())?;
        applied.deleted += 1;
    }
    for change in &plan.changes {
        if let (Action::Write, Some(text)) = (change.action, &change.after) {
            folder.write(change.path.as_str(), text.as_bytes())?;
            applied.written += 1;
        }
    }
    if all_new {
        return Ok(applied);
    }
    if plan.ledger_after.lines.is_empty() {
        folder.remove(LEDGER_FILE)?;
    } else {
        folder.write(LEDGER_FILE, plan.ledger_after.to_text().as_bytes())?;
    }
    Ok(applied)
}

/// The ledger while files change: each file that is about to change with both of its digests.
fn under_way(plan: &Plan) -> String {
    let mut ledger = plan.ledger_after.clone();
    let before = plan.ledger_before.clone().unwrap_or_default();
    for change in &plan.changes {
        match change.action {
            Action::Write => {
                if let Some(line) = ledger.lines.remove(&change.path) {
                    let old = change.before.as_deref().map(Digest::of);
                    ledger.lines.insert(change.path.clone(), line.under_way(old));
                }
            }
            // Until it is gone, a file that is to be deleted stays listed.
            Action::Delete => {
                if let Some(line) = before.lines.get(&change.path) {
                    ledger.lines.insert(change.path.clone(), line.clone());
                }
            }
            Action::Leave => {}
        }
    }
    ledger.to_text()
}

/// Takes away temporary files of a run that was killed: in the folders of files whose write was begun, or that are listed
/// and not there, and beside the ledger itself.
fn sweep(plan: &Plan, folder: &OutputFolder<'_>) {
    let begun = plan.ledger_before.iter().flat_map(|ledger| &ledger.lines).filter(|(_, line)| line.is_under_way()).map(|(path, _)| path);
    let missing = plan.changes.iter().filter(|change| change.cause == Cause::Missing).map(|change| &change.path);
    let mut folders: Vec<&str> = begun.chain(missing).map(|path| path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
    folders.push("");
    folders.sort_unstable();
    folders.dedup();
    for name in folders {
        folder.sweep(name);
    }
}
