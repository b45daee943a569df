//! Roots that a change takes away too early.

use jiff::civil::Date;

use crate::finding::{Finding, Level, ROOT_DROPPED_TOO_EARLY};
use crate::pki::Certificate;
use crate::snapshot::{Places, Root, Snapshot};

const KEEP: &str = "bring it back: restore the snapshot of the base, and import onto it; import keeps the root as long as it is needed";
const REBUILD: &str = "a CA that was built anew breaks trust: everything that it has issued is void until it is issued again; \
                       where that is meant, say so with `rules: {root-dropped-too-early: {level: warning, reason: …}}` in the inventory";

/// Roots of the snapshot `before` a change that are gone from the one after it, and may be needed on the day `as_of`.
pub(crate) fn dropped_roots(before: &Snapshot, now: &Snapshot, places: &Places, as_of: Date) -> Vec<Finding> {
    let is_here = |root: &Certificate| now.roots().iter().any(|other| other.certificate.stands_in_for(root));
    let is_other = !before.roots().iter().any(|root| is_here(&root.certificate)) && !share_a_kid(before, now);
    let gone = before.roots().iter().filter(|root| !is_here(&root.certificate) && as_of <= root.certificate.not_after().day());
    let needed = gone.filter_map(|root| Some((root, need(root, before, as_of)?)));
    let findings = needed.map(|(root, (level, reason))| {
        let certificate = &root.certificate;
        let message = format!("the root `{}` ({}) is gone, and {reason}", certificate.subject(), certificate.fingerprint());
        Finding::new(&ROOT_DROPPED_TOO_EARLY, places.roots(), message).at(level).help(if is_other { REBUILD } else { KEEP })
    });
    findings.collect()
}

/// Whether a provisioner's key is the same before and after.
fn share_a_kid(before: &Snapshot, now: &Snapshot) -> bool {
    let kids = before.provisioners().known().into_iter().flatten().filter_map(|(_, provisioner)| provisioner.kid.as_deref());
    kids.filter(|kid| !kid.is_empty()).any(|kid| now.provisioners_with_kid(kid).next().is_some())
}

/// Why a root is needed on that day; None where it is not.
fn need(root: &Root, before: &Snapshot, as_of: Date) -> Option<(Level, String)> {
    if let Some(day) = root.needed_until {
        return (as_of < day).then(|| (Level::Error, format!("certificates that were issued under it may be valid until {day}")));
    }
    let chain = before.chain();
    let issues = |root: &Root| chain.as_ref().is_some_and(|chain| chain.roots.contains(&root));
    if issues(root) || before.roots().len() == 1 {
        return Some((Level::Error, "the CA has issued under it until this change: every certificate of it loses its trust".to_owned()));
    }
    let is_known = chain.as_ref().is_some_and(|chain| !chain.roots.is_empty());
    // A root that has only joined never issued anything.
    (!is_known).then(|| (Level::Note, "not checked: whether the CA has issued under it, as its intermediate is not known".to_owned()))
}
