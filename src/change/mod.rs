//! What a plan means: the difference of each file as text, and what happens to objects, fields, certificates, keys and
//! rights over all files of the environment together.
//!
//! Knows documents and certificates, not how they came about. Nothing secret leaves this room but in the text of a file.

mod certificates;
mod documents;
mod entry;
mod environment;
mod fields;
mod overrides;
mod provisioner;
mod rights;
mod shown;
#[cfg(test)]
mod test_support;
mod trust;

use camino::Utf8PathBuf;
use similar::{ChangeTag, TextDiff};

use crate::manifest::may_show_secrets;
use crate::plan::{Cause, FileChange, Plan};
use crate::tree::Digest;

pub use entry::{CertificateFacts, Change, Code, FieldChange, Meaning, Object, Op, Risk, What};
pub use environment::changes;
pub use overrides::OverrideChange;

/// Lines of context around a difference.
const CONTEXT: usize = 3;

/// What one environment's plan means.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    /// The differences as text, one for each file of the plan in its order; none where they were not asked for.
    pub files: Vec<FileDifference>,
    /// What they mean, the worst first.
    pub changes: Vec<Change>,
}

/// The difference of one file.
#[derive(Debug, Clone)]
pub struct FileDifference {
    /// Path below the repository.
    pub path: Utf8PathBuf,
    /// Why the file differs.
    pub cause: Cause,
    /// Unified difference with its two header lines.
    pub text: String,
    /// What happens to certificates, rights and issuers in it, in words.
    pub trust: Vec<String>,
    /// The worst of what it means.
    pub risk: Risk,
    /// Lines added and removed.
    pub lines: (usize, usize),
    /// Equal for differences that are the same but for the environment's name.
    pub fingerprint: Digest,
}

/// The differences of a plan; `folder` is the environment's output folder, `environment` its name. The text of files is
/// compared only `with_text`.
pub fn differences(plan: &Plan, folder: &str, environment: &str, with_text: bool) -> Differences {
    let changes = changes(plan, folder, environment);
    let files =
        if with_text { plan.changes.iter().map(|change| difference(change, folder, environment, &changes)).collect() } else { Vec::new() };
    Differences { files, changes }
}

fn difference(change: &FileChange, folder: &str, environment: &str, changes: &[Change]) -> FileDifference {
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
    let of_file: Vec<&Change> = changes.iter().filter(|change| change.file.as_ref() == Some(&path)).collect();
    FileDifference {
        cause: change.cause,
        trust: of_file.iter().flat_map(|change| trust(change)).collect(),
        risk: of_file.iter().map(|change| change.risk).min().unwrap_or(Risk::Rest),
        lines: (count(ChangeTag::Insert), count(ChangeTag::Delete)),
        fingerprint: Digest::of(alike.as_bytes()),
        path,
        text: if may_show_secrets(old) || may_show_secrets(new) { without_lines(&text) } else { text },
    }
}

/// The two header lines of a difference, and why its lines are not there.
fn without_lines(text: &str) -> String {
    let head: Vec<&str> = text.lines().take(2).collect();
    format!("{}\n@@ the lines are not shown: a Secret or a private key stands in this file @@\n", head.join("\n"))
}

/// What a change does to trust, to rights and to issuers, each sentence with the object that it is about.
fn trust(change: &Change) -> Vec<String> {
    let about = change.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
    change
        .meanings
        .iter()
        .filter(|meaning| meaning.is_about_trust() || change.risk != Risk::Rest)
        .map(|meaning| format!("{about}{}", meaning.text))
        .collect()
}
