//! Rules about how trust and Secrets are spread: copies by replicator and reflector, bundles by trust-manager.

mod bundles;
mod carrier;
mod claims;
mod copies;
mod pattern;

use super::Lint;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    copies::check(lint);
    bundles::check(lint);
    claims::check(lint);
}
