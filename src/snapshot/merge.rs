//! What is recorded and what a CA shows now, merged into one snapshot: roots stay until they are dropped, `unknown`
//! never replaces a fact, and a root that was rotated out is given a day until which it is needed.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::chain::{broken_chain, chain_of};
use super::draft::Draft;
use super::request::ImportRequest;
use super::{Authority, Intermediate, Root, Snapshot, sort_roots};
use crate::finding::{
    CA_CHAIN_BROKEN, Finding, Level, Place, ROOT_DROP_REFUSED, ROOT_DROPPED_TOO_EARLY, SNAPSHOT_OF_ANOTHER_CA, SNAPSHOT_PARTIAL,
};
use crate::pki::{Certificate, Fingerprint, GoDuration, TlsClaims};
use crate::yaml::Fact;

/// The new snapshot; `notes` takes what should be known about it.
///
/// # Errors
/// An input of another CA, and roots that cannot be dropped.
pub(super) fn merge(
    draft: Draft,
    existing: Option<&Snapshot>,
    request: &ImportRequest,
    notes: &mut Vec<Finding>,
) -> Result<Snapshot, Vec<Finding>> {
    let place = draft.place.clone();
    let existing = existing.filter(|_| !request.replace);
    if let Some(existing) = existing
        && !is_same_authority(&draft, existing)
    {
        let message = "the input shares neither a root nor a key id with the snapshot: it is another CA";
        let help = "if this CA was built anew, so that everything issued so far is void, give `--replace`; otherwise look which cluster the input is from";
        return Err(vec![Finding::new(&SNAPSHOT_OF_ANOTHER_CA, place, message).help(help)]);
    }
    let listed: Vec<Fingerprint> = draft.roots.iter().map(Certificate::fingerprint).collect();
    let mut roots: Vec<Root> = draft
        .roots
        .iter()
        .map(|certificate| Root {
            certificate: certificate.clone(),
            needed_until: existing.and_then(|existing| existing.root(certificate.fingerprint())?.needed_until),
        })
        .collect();
    roots.extend(existing.into_iter().flat_map(Snapshot::roots).filter(|root| !listed.contains(&root.certificate.fingerprint())).cloned());
    sort_roots(&mut roots);
    let intermediates = match existing {
        Some(existing) if draft.intermediates.is_empty() => with_roots(&existing.intermediates, &roots, &listed),
        _ => chained(&draft.intermediates, &roots, &listed, &place, notes),
    };
    let mut snapshot = Snapshot {
        roots,
        intermediates,
        federated_roots: draft.federated_roots.or_else(|| Some(existing?.federated_roots.clone())).unwrap_or_default(),
        authority: merged(draft.authority, existing.map(Snapshot::authority)),
        provisioners: draft.provisioners.or(existing.map(|existing| existing.provisioners.clone()).unwrap_or_default()),
    };
    // A root that the CA took for its own is no longer a federated one.
    let (roots, federated) = (&snapshot.roots, &mut snapshot.federated_roots);
    federated.retain(|certificate| !roots.iter().any(|root| root.certificate == *certificate));
    if let Some(existing) = existing {
        set_needed_until(&mut snapshot, existing, request.as_of, &place, notes);
    }
    drop_roots(&mut snapshot, &listed, request, &place, notes)?;
    Ok(snapshot)
}

/// Whether input and snapshot share a root, its key where it was issued anew, or a provisioner's key.
fn is_same_authority(draft: &Draft, existing: &Snapshot) -> bool {
    let shares_root = draft.roots.iter().any(|certificate| {
        existing.roots.iter().any(|root| {
            root.certificate.fingerprint() == certificate.fingerprint()
                || root.certificate.public_key_fingerprint() == certificate.public_key_fingerprint()
        })
    });
    let kids = draft.provisioners.known().into_iter().flat_map(|provisioners| provisioners.values()).filter_map(|one| one.kid.as_deref());
    let mut kids = kids.filter(|kid| !kid.is_empty());
    shares_root || kids.any(|kid| existing.provisioners_with_kid(kid).next().is_some())
}

fn merged(new: Authority, old: Option<&Authority>) -> Authority {
    let Some(old) = old.cloned() else { return new };
    Authority {
        version: new.version.or(old.version),
        dns_names: new.dns_names.or(old.dns_names),
        backdate: new.backdate.or(old.backdate),
        claims: new.claims.or(old.claims),
        policy: new.policy.or(old.policy),
        enable_admin: new.enable_admin.or(old.enable_admin),
        deployment_type: new.deployment_type.or(old.deployment_type),
        registration_authority: new.registration_authority.or(old.registration_authority),
    }
}

/// Recorded intermediates; where no root fitted one of them until now, a root that has come may.
fn with_roots(intermediates: &[Intermediate], roots: &[Root], listed: &[Fingerprint]) -> Vec<Intermediate> {
    let certificates: Vec<Certificate> = intermediates.iter().map(|intermediate| intermediate.certificate.clone()).collect();
    let anew = chained(&certificates, roots, listed, &Place::whole(""), &mut Vec::new());
    let kept = |(recorded, anew): (&Intermediate, Intermediate)| Intermediate { root: recorded.root.or(anew.root), ..anew };
    intermediates.iter().zip(anew).map(kept).collect()
}

/// Intermediates with the root that each chains to. Where several fit, as after a root was issued anew for its key, it is
/// one that the CA lists, and of those the one that ends last.
fn chained(
    intermediates: &[Certificate],
    roots: &[Root],
    listed: &[Fingerprint],
    place: &Place,
    notes: &mut Vec<Finding>,
) -> Vec<Intermediate> {
    let all: Vec<&Certificate> = intermediates.iter().collect();
    let chain = |certificate: &Certificate| {
        let fitting = chain_of(certificate, &all, roots).roots.into_iter().map(|root| &root.certificate);
        let root = fitting.max_by_key(|root| (listed.contains(&root.fingerprint()), root.not_after(), root.fingerprint()));
        if root.is_none() {
            let (message, help) = broken_chain(certificate, roots);
            // Import records what the CA is; refusing it is for whoever renders from it.
            notes.push(Finding::new(&CA_CHAIN_BROKEN, place.clone(), message).at(Level::Warning).help(help));
        }
        Intermediate { certificate: certificate.clone(), root: root.map(Certificate::fingerprint).into() }
    };
    intermediates.iter().map(chain).collect()
}

/// Gives a root that the CA has left a day until which it is needed: the day of the import, the longest life of a leaf
/// and the backdate. It is written once; a root that the CA came back to, or has issued anew for its key, loses it.
fn set_needed_until(snapshot: &mut Snapshot, existing: &Snapshot, as_of: Date, place: &Place, notes: &mut Vec<Finding>) {
    let in_use = |intermediates: &[Intermediate]| -> Vec<Fingerprint> {
        // Only the first one issues; what stands behind it is its own chain.
        intermediates.first().and_then(|intermediate| intermediate.root.known().copied()).into_iter().collect()
    };
    let now = in_use(&snapshot.intermediates);
    if now.is_empty() {
        return;
    }
    let mut before = in_use(&existing.intermediates);
    if before.is_empty() {
        // Nobody knows under which one the CA issued, so it may have been any.
        before.extend(existing.roots.iter().map(|root| root.certificate.fingerprint()));
    }
    // Leaves issued until now lived under the old claims.
    let life = snapshot.longest_leaf_life().max(existing.longest_leaf_life());
    let is_known = snapshot.provisioners.known().is_some() && snapshot.authority.claims.known().is_some();
    let backdates = [snapshot.authority.backdate, existing.authority.backdate].map(|fact| fact.known().copied());
    let backdate = backdates.into_iter().max().flatten().unwrap_or(GoDuration::from_minutes(1));
    let until = last_day(as_of, life.unwrap_or(TlsClaims::GLOBAL.max), backdate);
    let reissued: Vec<Certificate> =
        snapshot.roots.iter().map(|root| &root.certificate).filter(|root| now.contains(&root.fingerprint())).cloned().collect();
    for root in &mut snapshot.roots {
        let fingerprint = root.certificate.fingerprint();
        // A root that was issued anew for its key verifies everything that the old one does.
        if reissued.iter().any(|now| now.stands_in_for(&root.certificate)) {
            root.needed_until = None;
        } else if before.contains(&fingerprint) && root.needed_until.is_none() {
            root.needed_until = Some(until);
            if !is_known {
                let message = format!(
                    "`neededUntil` of the root `{}` assumes that no leaf lives longer than {}, as not all claims are known",
                    root.certificate.subject(),
                    life.unwrap_or(TlsClaims::GLOBAL.max)
                );
                notes.push(
                    Finding::new(&SNAPSHOT_PARTIAL, place.clone(), message).help("add ca.json, or wait longer before the root is dropped"),
                );
            }
        }
    }
}

/// The day from which no certificate is valid that was issued on the day `as_of` at the latest: a leaf may have been
/// issued in that day's last second. Nor is it before that day, the longest life and the backdate together.
fn last_day(as_of: Date, life: GoDuration, backdate: GoDuration) -> Date {
    let days = (life.days_rounded_up() + 1).max(life.saturating_add(backdate).days_rounded_up());
    as_of.saturating_add(days.min(3_000_000).days())
}

fn drop_roots(
    snapshot: &mut Snapshot,
    listed: &[Fingerprint],
    request: &ImportRequest,
    place: &Place,
    notes: &mut Vec<Finding>,
) -> Result<(), Vec<Finding>> {
    let mut findings = Vec::new();
    // The same root named twice is dropped once.
    let wanted: std::collections::BTreeSet<_> = request.drop_roots.iter().collect();
    for fingerprint in wanted {
        let refused = |message: String, help: &str| Finding::new(&ROOT_DROP_REFUSED, place.clone(), message).help(help);
        let Some(root) = snapshot.root(*fingerprint) else {
            let message = format!("there is no root `{fingerprint}` to drop");
            findings.push(refused(message, "`trustree snapshot show` lists the roots with their fingerprints"));
            continue;
        };
        let subject = root.certificate.subject().to_owned();
        if listed.contains(fingerprint) {
            let message = format!("the root `{subject}` cannot be dropped: the CA still lists it, and the next import would bring it back");
            findings.push(refused(message, "take it out of `root` in ca.json and of the certificates, then export again"));
            continue;
        }
        let is_in_use = snapshot.intermediates.iter().any(|intermediate| intermediate.root == Fact::Known(*fingerprint));
        let others = snapshot.roots.iter().map(|other| &other.certificate).filter(|other| **other != root.certificate);
        let stand_in = others.filter(|other| other.stands_in_for(&root.certificate)).map(Certificate::fingerprint).next_back();
        if is_in_use && stand_in.is_none() {
            let message = format!("the root `{subject}` cannot be dropped: the present intermediate chains to it");
            findings.push(refused(message, "first move the CA to an intermediate under another root"));
            continue;
        }
        if let Some(until) = root.needed_until.filter(|until| request.as_of < *until) {
            let message = format!("the root `{subject}` is dropped before {until}, while certificates issued under it may still be valid");
            let finding = Finding::new(&ROOT_DROPPED_TOO_EARLY, place.clone(), message).at(Level::Warning);
            notes.push(finding.help("keep the root until that day"));
        }
        snapshot.roots.retain(|root| root.certificate.fingerprint() != *fingerprint);
        let intermediates = snapshot.intermediates.iter_mut();
        intermediates.filter(|one| one.root == Fact::Known(*fingerprint)).for_each(|one| one.root = stand_in.into());
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}
