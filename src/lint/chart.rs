//! Rules about Helm charts and their values.

use super::Lint;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let _ = lint;
}
