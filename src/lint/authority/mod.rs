//! Rules about CA snapshots: what ends, what clients refuse, what does not chain, which provisioners can be relied on.

mod chain;
mod provisioners;
mod rotation;
mod validity;

use super::Lint;
use crate::snapshot::{Chain, Places, Snapshot};

pub(crate) use rotation::dropped_roots;

/// A snapshot that is being judged.
#[derive(Clone, Copy)]
struct Known<'a> {
    /// The name of its authority in the inventory.
    authority: &'a str,
    snapshot: &'a Snapshot,
    places: &'a Places,
    /// How its issuing intermediate leads to its roots; None where it has none.
    chain: Option<&'a Chain<'a>>,
}

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let scope = lint.scope;
    let all: Vec<_> = lint.known_authorities().collect();
    for (authority, snapshot, places) in all {
        let chain = snapshot.chain();
        let known = Known { authority, snapshot, places, chain: chain.as_ref() };
        if let Some(as_of) = scope.as_of {
            let horizon = scope.model.authorities.get(known.authority).and_then(|authority| authority.expiry_horizon_days);
            validity::check(known, as_of, horizon).into_iter().for_each(|finding| lint.add_ours(finding));
        }
        chain::check(known).into_iter().for_each(|finding| lint.add_ours(finding));
        provisioners::check(lint, known);
    }
}

#[cfg(test)]
mod tests;
