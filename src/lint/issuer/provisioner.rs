//! The provisioner that somebody wrote into an issuer, against what the CA snapshot knows.

use super::called;
use crate::finding::{ISSUER_KID_OF_ANOTHER_PROVISIONER, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::model::provisioner_problem;
use crate::yaml::Path;

/// Judges the provisioner of an issuer whose authority is known.
pub(super) fn check(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let Some(snapshot) = lint.signer_of(issuer).and_then(|signer| signer.snapshot) else { return };
    let Some(name) = issuer.text("spec.provisioner.name") else { return };
    let path = Path::of(["spec", "provisioner"]);
    let given = issuer.text("spec.provisioner.kid").unwrap_or_default();
    let owners: Vec<&str> = snapshot.provisioners_with_kid(given).filter(|_| !given.is_empty()).collect();
    let problem = provisioner_problem(snapshot, name, &called(issuer));
    let right = snapshot.provisioner(name).and_then(|provisioner| provisioner.kid.as_deref());
    match (problem, right) {
        // Somebody else's key under a name that does not exist: that is one fault, and the key says which.
        (Some(_), None) if !owners.is_empty() && snapshot.provisioner(name).is_none() => {
            let message = format!(
                "the key id of {} belongs to {}, and the CA has no provisioner `{name}`: it would become Ready, and no request be signed",
                called(issuer),
                listed(owners.iter().copied())
            );
            let help = format!("write `name: {}`, and the Secret with that one's password", owners[0]);
            lint.report(&ISSUER_KID_OF_ANOTHER_PROVISIONER, issuer.document, &path.key("name"), message, help);
        }
        (Some(problem), _) => lint.report(problem.rule, issuer.document, &path.key("name"), problem.message, problem.help),
        (None, Some(right)) if right != given && !given.is_empty() => {
            let message = if owners.is_empty() {
                format!("the key id of {} belongs to no provisioner of the CA, and `{name}` has another one", called(issuer))
            } else {
                format!(
                    "the key id of {} belongs to {}, not to `{name}`: it becomes Ready, and no request is signed",
                    called(issuer),
                    listed(owners)
                )
            };
            let help = format!("write `kid: {right}`, which is `{name}`'s");
            lint.report(&ISSUER_KID_OF_ANOTHER_PROVISIONER, issuer.document, &path.key("kid"), message, help);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{PROVISIONER_NOT_FOUND, PROVISIONER_NOT_JWK};
    use crate::lint::sandbox::{Sandbox, issuer};

    const KID: &str = "knuhGxxc67HkQ3VLZK_uFIGuaqWkjJUjNDjnjezVb3E";

    fn other_kid() -> String {
        let snapshot = crate::lint::sandbox::SNAPSHOT;
        let admin = snapshot.split("  admin:\n").nth(1).expect("a provisioner `admin`");
        let kid = admin.lines().find_map(|line| line.trim().strip_prefix("kid: ")).expect("its kid");
        assert_ne!(kid, KID);
        kid.to_owned()
    }

    #[test]
    fn a_key_of_another_provisioner_is_told_with_the_right_one() {
        let right = issuer("StepIssuer");
        assert_eq!(Sandbox::new("").write(&right).lint().theirs, []);
        let findings = Sandbox::new("").write(&right.replace(KID, &other_kid())).lint().theirs;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].rule, &ISSUER_KID_OF_ANOTHER_PROVISIONER);
        assert!(findings[0].message.contains("`admin`") && findings[0].help.as_deref().is_some_and(|help| help.contains(KID)));
        let nobodys = Sandbox::new("").write(&right.replace(KID, "nobody")).found(&ISSUER_KID_OF_ANOTHER_PROVISIONER);
        assert!(nobodys[0].contains("belongs to no provisioner"));
    }

    #[test]
    fn a_name_that_the_ca_does_not_have_is_one_fault_with_its_key() {
        let text = issuer("StepIssuer").replace("    name: step-issuer\n", "    name: renamed\n");
        let found = Sandbox::new("").write(&text).lint().theirs;
        assert!(matches!(found.as_slice(), [one] if one.rule == &ISSUER_KID_OF_ANOTHER_PROVISIONER), "{found:?}");
        let found = Sandbox::new("").write(&text.replace(KID, "nobody")).lint().theirs;
        assert!(matches!(found.as_slice(), [one] if one.rule == &PROVISIONER_NOT_FOUND), "{found:?}");
    }

    #[test]
    fn only_a_jwk_provisioner_serves() {
        let acme = |snapshot: &str| snapshot.replace("provisioners:\n", "provisioners:\n  acme:\n    type: ACME\n    template: false\n");
        let text = issuer("StepIssuer").replace("    name: step-issuer\n", "    name: acme\n");
        let found = Sandbox::new("").with_snapshot(acme).write(&text).lint().theirs;
        assert!(matches!(found.as_slice(), [one] if one.rule == &PROVISIONER_NOT_JWK), "{found:?}");
    }

    #[test]
    fn an_issuer_of_a_ca_that_nobody_knows_is_left_alone() {
        let text = issuer("StepIssuer").replace("https://step-certificates.smallstep.svc.cluster.local", "https://other").replace(KID, "x");
        assert_eq!(Sandbox::new("").write(&text).lint().theirs, []);
    }
}
