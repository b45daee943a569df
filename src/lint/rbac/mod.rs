//! Rules about roles and who is bound to them, one file per question.

mod account;
mod apply;
mod keys;
mod width;

use super::Lint;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    width::check(lint);
    apply::check(lint);
    keys::check(lint);
    account::check(lint);
}
