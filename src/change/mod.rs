//! What a plan means: the difference of each file as text, and what happens to the certificates inside it.
//!
//! Knows documents and certificates, not how they came about.

mod overrides;
mod trust;

use camino::Utf8PathBuf;
use similar::{ChangeTag, TextDiff};

use crate::plan::{Cause, FileChange, Plan};
use crate::tree::Digest;

pub use overrides::OverrideChange;
pub use trust::trust_changes;

/// Lines of context around a difference.
const CONTEXT: usize = 3;

/// The difference of one file.
#[derive(Debug, Clone)]
pub struct FileDifference {
    /// Path below the repository.
    pub path: Utf8PathBuf,
    /// Why the file differs.
    pub cause: Cause,
    /// Unified difference with its two header lines.
    pub text: String,
    /// What happens to certificates in it, in words.
    pub trust: Vec<String>,
    /// Lines added and removed.
    pub lines: (usize, usize),
    /// Equal for differences that are the same but for the environment's name.
    pub fingerprint: Digest,
}

/// The differences of a plan; `folder` is the environment's output folder, `environment` its name.
pub fn differences(plan: &Plan, folder: &str, environment: &str) -> Vec<FileDifference> {
    plan.changes.iter().map(|change| difference(change, folder, environment)).collect()
}

fn difference(change: &FileChange, folder: &str, environment: &str) -> FileDifference {
    let path = Utf8PathBuf::from(format!("{folder}/{}", change.path));
    let before = change.before.as_deref().map(String::from_utf8_lossy);
    let after = change.after.as_deref();
    let old = before.as_deref().unwrap_or_default();
    let new = after.unwrap_or_default();
    let text_difference = TextDiff::from_lines(old, new);
    let name = |side: &str, is_there: bool| if is_there { format!("{side}/{path}") } else { "/dev/null".to_owned() };
    let mut unified = text_difference.unified_diff();
    unified.context_radius(CONTEXT);
    let text = unified.header(&name("a", before.is_some()), &name("b", after.is_some())).to_string();
    // Behind the two header lines, which name the environment's own path.
    let hunks = text.splitn(3, '\n').nth(2).unwrap_or_default();
    let count = |tag: ChangeTag| text_difference.iter_all_changes().filter(|change| change.tag() == tag).count();
    let alike = format!("{}\n{:?}\n{}", change.path, change.cause, hunks.replace(&format!("/{environment}/"), "/{environment}/"));
    FileDifference {
        cause: change.cause,
        trust: trust_changes(old, new),
        lines: (count(ChangeTag::Insert), count(ChangeTag::Delete)),
        fingerprint: Digest::of(alike.as_bytes()),
        path,
        text,
    }
}
