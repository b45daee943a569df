//! How the issuing intermediate leads to the roots: by names, and by signatures as far as they can be checked.

use std::collections::VecDeque;

use super::{Root, Snapshot};
use crate::pki::{Certificate, Verification};

/// Certificates that a list of a snapshot may have. A CA has a handful; a search through chains that were made to be
/// searched for long stays short.
pub(super) const MAX_CERTIFICATES: usize = 32;

/// The way from an intermediate to the roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<'a> {
    /// The certificate itself, then whoever has issued the one before.
    pub intermediates: Vec<&'a Certificate>,
    /// Every root that has issued the last of them; empty where the way leads nowhere.
    pub roots: Vec<&'a Root>,
    /// Whether each signature on the way was checked; some kinds of keys the library does not know.
    pub is_verified: bool,
}

impl Snapshot {
    /// The way from the issuing intermediate to the roots; None where no intermediate is recorded.
    pub fn chain(&self) -> Option<Chain<'_>> {
        let all: Vec<&Certificate> = self.intermediates.iter().map(|intermediate| &intermediate.certificate).collect();
        Some(chain_of(all.first()?, &all, &self.roots))
    }
}

/// The way from a certificate to the roots. One whose signatures could all be checked goes first; a signature of a kind
/// that the library does not know is taken for good where the names fit.
pub(super) fn chain_of<'a>(certificate: &'a Certificate, intermediates: &[&'a Certificate], roots: &'a [Root]) -> Chain<'a> {
    let verified = |lower: &Certificate, upper: &Certificate| lower.names_issuer(upper) && lower.issued_by(upper) == Verification::Verified;
    let not_refuted =
        |lower: &Certificate, upper: &Certificate| lower.names_issuer(upper) && lower.issued_by(upper) != Verification::Failed;
    if let Some((intermediates, roots)) = way(certificate, intermediates, roots, verified) {
        return Chain { intermediates, roots, is_verified: true };
    }
    match way(certificate, intermediates, roots, not_refuted) {
        Some((intermediates, roots)) => Chain { intermediates, roots, is_verified: false },
        None => Chain { intermediates: vec![certificate], roots: Vec::new(), is_verified: false },
    }
}

/// The shortest way from a certificate to roots, along `issues` (the lower one, then the upper one).
pub(super) fn way<'a>(
    certificate: &'a Certificate,
    intermediates: &[&'a Certificate],
    roots: &'a [Root],
    issues: impl Fn(&Certificate, &Certificate) -> bool,
) -> Option<(Vec<&'a Certificate>, Vec<&'a Root>)> {
    let mut ways = VecDeque::from([vec![certificate]]);
    let mut rest: Vec<&Certificate> = intermediates.iter().copied().filter(|other| *other != certificate).collect();
    while let Some(path) = ways.pop_front() {
        let last = path.last()?;
        let above: Vec<&Root> = roots.iter().filter(|root| issues(last, &root.certificate)).collect();
        if !above.is_empty() {
            return Some((path, above));
        }
        rest.retain(|upper| {
            let leads_on = issues(last, upper);
            if leads_on {
                ways.push_back(path.iter().copied().chain([*upper]).collect());
            }
            !leads_on
        });
    }
    // A CA may issue with what is given as a root: clients go no further than to what they trust.
    let itself = roots.iter().find(|root| root.certificate == *certificate)?;
    Some((vec![certificate], vec![itself]))
}

/// What is wrong with an intermediate that leads to no root, and what to do.
pub fn broken_chain(certificate: &Certificate, roots: &[Root]) -> (String, &'static str) {
    let is_forged = roots.iter().any(|root| certificate.names_issuer(&root.certificate));
    let message = if is_forged {
        format!("the intermediate `{}` names a root as its issuer that has not signed it", certificate.subject())
    } else {
        format!("the intermediate `{}` was issued by `{}`, and that is none of the roots", certificate.subject(), certificate.issuer())
    };
    (message, "look whether root and intermediate come from the same CA")
}
