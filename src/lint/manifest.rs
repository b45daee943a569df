//! Rules about any object.

use super::Lint;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let _ = lint;
}
