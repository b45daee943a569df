//! Which provisioners can be relied on.

use std::collections::BTreeSet;

use super::Known;
use crate::finding::{Finding, Level, PROVISIONER_KID_MISMATCH, PROVISIONER_KID_SHARED, PROVISIONERS_NOT_AUTHORITATIVE, listed};
use crate::lint::Lint;
use crate::yaml::Fact;

/// Judges the provisioners of one CA: whether they are known, and the ones that an issuer uses. What nobody uses here is
/// the CA's own business.
pub(super) fn check(lint: &mut Lint<'_>, known: Known<'_>) {
    if known.snapshot.provisioners().is_unknown() {
        elsewhere(known).into_iter().for_each(|finding| lint.add_ours(finding));
        return;
    }
    for name in used(lint, known) {
        let Some(provisioner) = known.snapshot.provisioner(&name).filter(|provisioner| provisioner.is_jwk()) else { continue };
        let Some(kid) = provisioner.kid.as_deref() else { continue };
        if provisioner.kid_is_thumbprint == Some(false) {
            let message = format!("the key id `{kid}` of the provisioner `{name}` is not the thumbprint of its key");
            let help = "somebody chose it: see that the key behind it is the one that was meant, or let `step` make the provisioner anew";
            lint.add_ours(Finding::new(&PROVISIONER_KID_MISMATCH, known.places.provisioner(&name, "kid"), message).help(help));
        }
        let others: Vec<&str> = known.snapshot.provisioners_with_kid(kid).filter(|other| *other != name).collect();
        if others.is_empty() {
            continue;
        }
        let is_same_key =
            others.iter().all(|other| known.snapshot.provisioner(other).is_some_and(|other| other.public_key == provisioner.public_key));
        let message = format!(
            "the provisioner `{name}` shares its key id `{kid}` with {}, and the CA gives out the key of the one that it lists last",
            listed(others)
        );
        let help = "give each provisioner a key of its own at the CA, then `trustree snapshot import`";
        let finding = Finding::new(&PROVISIONER_KID_SHARED, known.places.provisioner(&name, "kid"), message).help(help);
        // One key under two names signs for either, if it is encrypted with the same password.
        lint.add_ours(if is_same_key { finding.at(Level::Warning) } else { finding });
    }
}

/// Names of the provisioners that issuers use, by name or by key id.
fn used(lint: &Lint<'_>, known: Known<'_>) -> BTreeSet<String> {
    let issuers = lint.step_issuers().filter(|issuer| lint.signer_of(*issuer).is_some_and(|signer| signer.name == known.authority));
    let names = issuers.flat_map(|issuer| {
        let by_kid = issuer.text("spec.provisioner.kid").into_iter().flat_map(|kid| known.snapshot.provisioners_with_kid(kid)).next();
        issuer.text("spec.provisioner.name").filter(|name| known.snapshot.provisioner(name).is_some()).or(by_kid)
    });
    names.map(str::to_owned).collect()
}

/// That the provisioners live elsewhere and were not taken from there. Where nothing says why they are unknown, whoever
/// needs one hears of it by another rule.
fn elsewhere(known: Known<'_>) -> Option<Finding> {
    let authority = known.snapshot.authority();
    let reason = if authority.enable_admin == Fact::Known(true) {
        "they live in its database (`enableAdmin`)".to_owned()
    } else if let Some(Some(kind)) = authority.registration_authority.known() {
        format!("it is a registration authority (`{kind}`)")
    } else {
        let kind = authority.deployment_type.known()?.as_deref().filter(|kind| !kind.eq_ignore_ascii_case("standalone"))?;
        format!("it is a {kind} CA, and they live with Smallstep")
    };
    let message = format!("the provisioners of the CA `{}` are not known: {reason}", known.authority);
    let help = "save the answer of `https://CA/provisioners?limit=100` as `provisioners.json` beside ca.json, and import both";
    Some(Finding::new(&PROVISIONERS_NOT_AUTHORITATIVE, known.places.provisioners(), message).help(help))
}
