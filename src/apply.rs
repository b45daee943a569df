//! A plan to disk. Before the first file changes, the ledger records old and new digest of each; afterwards it is
//! settled. Files are replaced whole, by renaming; nothing is written for a plan that would change nothing.

use crate::outside::disk::OutputFolder;
use crate::outside::files::FileError;
use crate::plan::{Action, Applied, LEDGER_FILE, Plan};
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
    let touches_files = plan.changes.iter().any(|change| change.action != Action::Leave);
    if touches_files {
        folder.write(LEDGER_FILE, under_way(plan).as_bytes())?;
    }
    for change in &plan.changes {
        match (change.action, &change.after) {
            (Action::Write, Some(text)) => {
                folder.write(change.path.as_str(), text.as_bytes())?;
                applied.written += 1;
            }
            (Action::Delete, _) => {
                folder.remove(change.path.as_str())?;
                applied.deleted += 1;
            }
            _ => {}
        }
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

/// Takes away temporary files of a run that was killed: in the folders of files that an unsettled ledger tells of, and
/// beside the ledger itself, which may have been under way when nothing told of it yet.
fn sweep(plan: &Plan, folder: &OutputFolder<'_>) {
    let before = plan.ledger_before.iter().flat_map(|ledger| &ledger.lines);
    let under_way = before.filter(|(_, line)| line.is_under_way());
    let mut folders: Vec<&str> = under_way.map(|(path, _)| path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
    folders.push("");
    folders.sort_unstable();
    folders.dedup();
    for name in folders {
        folder.sweep(name);
    }
}
