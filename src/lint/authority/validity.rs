//! What of a CA has ended, or soon will.

use jiff::civil::Date;

use super::Known;
use crate::finding::{CA_EXPIRED, CA_EXPIRES_SOON, CA_ROOT_EXPIRED_BESIDE_VALID, Finding, counted};
use crate::pki::Certificate;
use crate::snapshot::Root;

/// Days before its end that a root is told of: spreading a new one takes at least a renewal of every certificate.
const ROOT_HORIZON: u32 = 90;
/// Days before its end that an intermediate is told of: a new one only has to be put into the CA.
const INTERMEDIATE_HORIZON: u32 = 30;

/// Judges the calendar of one CA. `horizon` is what the inventory says, in days.
pub(super) fn check(known: Known<'_>, as_of: Date, horizon: Option<u32>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (snapshot, places) = (known.snapshot, known.places);
    // Only a root that the issuing intermediate leads to makes a leaf valid; where that is not known, any may.
    let issuing: Vec<&Root> = match known.chain {
        Some(chain) if !chain.roots.is_empty() => chain.roots.clone(),
        _ => snapshot.roots().iter().collect(),
    };
    let has_valid_root = issuing.iter().any(|root| is_valid(&root.certificate, as_of));
    if !has_valid_root && let Some(last) = issuing.iter().map(|root| &root.certificate).max_by_key(|root| root.not_after()) {
        let which =
            if snapshot.roots().len() > 1 { "no root is valid that its issuing intermediate leads to" } else { "its root is not valid" };
        let message =
            format!("the CA `{}` cannot be trusted on {as_of}: {which}: `{}` {}", known.authority, last.subject(), state(last, as_of));
        let help = "no client accepts what this CA issues: make a new root at the CA, then `trustree snapshot import`";
        findings.push(Finding::new(&CA_EXPIRED, places.root(last.fingerprint(), field(last, as_of)), message).help(help));
    }
    let intermediates = known.chain.map(|chain| chain.intermediates.as_slice()).unwrap_or_default();
    for intermediate in intermediates.iter().filter(|intermediate| !is_valid(intermediate, as_of)) {
        let message = format!(
            "the CA `{}` issues under the intermediate `{}`, which {}",
            known.authority,
            intermediate.subject(),
            state(intermediate, as_of)
        );
        let help =
            "no client accepts what it issues: make a new intermediate under the same root at the CA, then `trustree snapshot import`";
        let place = places.intermediate(intermediate.fingerprint(), field(intermediate, as_of));
        findings.push(Finding::new(&CA_EXPIRED, place, message).help(help));
    }
    if has_valid_root {
        let ended = snapshot.roots().iter().map(|root| &root.certificate).filter(|root| root.not_after().day() < as_of);
        findings.extend(ended.map(|root| {
            let message =
                format!("the root `{}` of the CA `{}` {}, and another one is valid", root.subject(), known.authority, state(root, as_of));
            let help = format!("take it out of the CA's `root`, then `trustree snapshot import` with `--drop-root {}`", root.fingerprint());
            Finding::new(&CA_ROOT_EXPIRED_BESIDE_VALID, places.root(root.fingerprint(), "notAfter"), message).help(help)
        }));
    }
    for root in snapshot.roots().iter().filter(|root| root.needed_until.is_none()) {
        let root = &root.certificate;
        let is_followed = snapshot.roots().iter().map(|other| &other.certificate).any(|other| {
            other.stands_in_for(root)
                && other.not_after() > root.not_after()
                && days_left(other, as_of, horizon.unwrap_or(ROOT_HORIZON)).is_none()
        });
        if let Some(days) = days_left(root, as_of, horizon.unwrap_or(ROOT_HORIZON)).filter(|_| !is_followed) {
            let message = format!("the root `{}` of the CA `{}` ends {}", root.subject(), known.authority, end(root, days));
            let help = "begin now: add a new root beside it, let every certificate be renewed once, then change the CA over";
            findings.push(Finding::new(&CA_EXPIRES_SOON, places.root(root.fingerprint(), "notAfter"), message).help(help));
        }
    }
    for intermediate in intermediates {
        if let Some(days) = days_left(intermediate, as_of, horizon.unwrap_or(INTERMEDIATE_HORIZON)) {
            let message =
                format!("the intermediate `{}` of the CA `{}` ends {}", intermediate.subject(), known.authority, end(intermediate, days));
            let help = "make a new one under the same root at the CA, then `trustree snapshot import`; issuers and clients need nothing";
            findings.push(Finding::new(&CA_EXPIRES_SOON, places.intermediate(intermediate.fingerprint(), "notAfter"), message).help(help));
        }
    }
    findings
}

/// Whether it is valid at some time of the day.
fn is_valid(certificate: &Certificate, as_of: Date) -> bool {
    certificate.not_before().day() <= as_of && as_of <= certificate.not_after().day()
}

/// What is the matter with one that is not valid.
fn state(certificate: &Certificate, as_of: Date) -> String {
    if as_of < certificate.not_before().day() {
        format!("is not valid before {}", certificate.not_before())
    } else {
        format!("ended at {}", certificate.not_after())
    }
}

/// The field that says so.
fn field(certificate: &Certificate, as_of: Date) -> &'static str {
    if as_of < certificate.not_before().day() { "notBefore" } else { "notAfter" }
}

/// Days until it ends, where it is valid and these are not more than the horizon.
fn days_left(certificate: &Certificate, as_of: Date, horizon: u32) -> Option<u32> {
    let days = as_of.duration_until(certificate.not_after().day()).as_hours() / 24;
    let days = u32::try_from(days).ok()?;
    (days <= horizon && is_valid(certificate, as_of)).then_some(days)
}

fn end(certificate: &Certificate, days: u32) -> String {
    let day = certificate.not_after().day();
    match usize::try_from(days).unwrap_or(usize::MAX) {
        0 => format!("today, on {day}"),
        days => format!("in {}, on {day}", counted(days, "day")),
    }
}
