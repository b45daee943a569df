//! Where the password of the provisioner's key comes from.

use super::called;
use crate::catalog::PASSWORD_SOURCES_SINCE;
use crate::finding::{
    ISSUER_PASSWORD_MAY_BE_ANOTHER, ISSUER_PASSWORD_NAMESPACE, ISSUER_PASSWORD_REF_INCOMPLETE, ISSUER_PASSWORD_SOURCE_UNSUPPORTED, listed,
};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::STEP_CLUSTER_ISSUER;
use crate::yaml::Path;

/// The provisioner that the chart `step-certificates` makes at bootstrap, unless its values name another one.
const BOOTSTRAP_PROVISIONER: &str = "admin";
/// What the chart calls the Secret with that one's password, behind its full name.
const BOOTSTRAP_SECRET: &str = "-provisioner-password";
/// Sources that came later than `passwordRef`.
const LATER_SOURCES: [&str; 2] = ["passwordEnv", "passwordFile"];

/// Judges the password of an issuer.
pub(super) fn check(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let is_given = |source: &&str| issuer.text(&format!("spec.provisioner.{source}")).is_some_and(|text| !text.is_empty());
    let later: Vec<&str> = LATER_SOURCES.into_iter().filter(is_given).collect();
    sources(lint, issuer, &later);
    reference(lint, issuer, !later.is_empty());
    namespace(lint, issuer);
    may_be_another(lint, issuer);
}

fn sources(lint: &mut Lint<'_>, issuer: Object<'_>, later: &[&str]) {
    let Some(first) = later.first() else { return };
    let path = provisioner().key(first);
    let (major, minor) = PASSWORD_SOURCES_SINCE;
    let version = lint.step_issuer_version();
    if let Some((own_major, own_minor)) = version.filter(|version| *version < PASSWORD_SOURCES_SINCE) {
        let message = format!("`{first}` came with step-issuer {major}.{minor}, and this environment runs {own_major}.{own_minor}");
        let help = "put the password into a Secret and name it in `passwordRef`, or take a newer step-issuer";
        lint.report(&ISSUER_PASSWORD_SOURCE_UNSUPPORTED, issuer.document, &path, message, help);
        return;
    }
    let all: Vec<&str> =
        issuer.get("spec.provisioner.passwordRef").map(|_| "passwordRef").into_iter().chain(later.iter().copied()).collect();
    if all.len() > 1 {
        let message = format!("{} gives its password in several ways, {}, and step-issuer takes exactly one", called(issuer), listed(all));
        lint.report(&ISSUER_PASSWORD_SOURCE_UNSUPPORTED, issuer.document, &path, message, "keep one of them");
    }
}

fn reference(lint: &mut Lint<'_>, issuer: Object<'_>, has_other_source: bool) {
    let path = provisioner().key("passwordRef");
    if issuer.get("spec.provisioner.passwordRef").is_none() {
        if !has_other_source && issuer.get("spec.provisioner").is_some() {
            let message = format!("{} does not say where the password of its provisioner lies", called(issuer));
            let help = "write `passwordRef` with `name` and `key` of a Secret";
            lint.report(&ISSUER_PASSWORD_REF_INCOMPLETE, issuer.document, &path, message, help);
        }
        return;
    }
    let field = |field: &str| issuer.text(&format!("spec.provisioner.passwordRef.{field}")).filter(|text| !text.is_empty());
    for (missing, what) in [("name", "names no Secret"), ("key", "names no key in its Secret")] {
        if field(missing).is_none() {
            let message = format!("the `passwordRef` of {} {what}, so step-issuer refuses it", called(issuer));
            let help = if missing == "key" {
                "write `key:`, in most cases `key: password`; the CRD lets it be absent, and the controller does not"
            } else {
                "write `name:` with the Secret that holds the password of this provisioner"
            };
            lint.report(&ISSUER_PASSWORD_REF_INCOMPLETE, issuer.document, &path.key(missing), message, help);
        }
    }
}

/// For an issuer of the inventory that is said where its entry is read: a StepIssuer's template has no such field.
fn namespace(lint: &mut Lint<'_>, issuer: Object<'_>) {
    if !issuer.document.is_written() || issuer.get("spec.provisioner.passwordRef").is_none() {
        return;
    }
    let path = provisioner().key("passwordRef").key("namespace");
    let given = issuer.text("spec.provisioner.passwordRef.namespace").filter(|namespace| !namespace.is_empty());
    match (issuer.identity.kind == STEP_CLUSTER_ISSUER, given) {
        (true, None) => {
            let message = format!("{} must say in which namespace its password lies", called(issuer));
            lint.report(&ISSUER_PASSWORD_NAMESPACE, issuer.document, &path, message, "write `namespace:` into `passwordRef`");
        }
        (false, Some(_)) => {
            let message = format!("{} reads its password in its own namespace, and `passwordRef` cannot name another", called(issuer));
            lint.report(&ISSUER_PASSWORD_NAMESPACE, issuer.document, &path, message, "take `namespace` out of `passwordRef`");
        }
        _ => {}
    }
}

fn may_be_another(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let Some(secret) = issuer.text("spec.provisioner.passwordRef.name") else { return };
    let Some(signer) = lint.signer_of(issuer) else { return };
    let Some((name, _)) = lint.provisioner_of(issuer) else { return };
    let fullname = &signer.authority.fullname;
    if secret.strip_suffix(BOOTSTRAP_SECRET) != Some(fullname) || name == BOOTSTRAP_PROVISIONER {
        return;
    }
    let provisioners = signer.snapshot.and_then(|snapshot| snapshot.provisioners().known()).into_iter().flatten();
    let jwk: Vec<&str> = provisioners.filter(|(_, provisioner)| provisioner.is_jwk()).map(|(name, _)| name.as_str()).collect();
    if jwk.len() < 2 {
        return;
    }
    let message = format!(
        "`{secret}` holds the password of the provisioner that the chart made at bootstrap, and the CA has several: {}; does it open `{name}`?",
        listed(jwk)
    );
    let help = "if the CA was bootstrapped with another one, name the Secret with this provisioner's own password; if not, all is well";
    let path = provisioner().key("passwordRef").key("name");
    lint.report(&ISSUER_PASSWORD_MAY_BE_ANOTHER, issuer.document, &path, message, help);
}

fn provisioner() -> Path {
    Path::of(["spec", "provisioner"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, issuer};

    const REFERENCE: &str = "    passwordRef:\n      name: step-issuer-password\n      key: password\n";

    #[test]
    fn a_reference_names_a_secret_and_a_key() {
        let found = |reference: &str| {
            let text = issuer("StepIssuer").replace(REFERENCE, reference);
            Sandbox::new("").write(&text).found(&ISSUER_PASSWORD_REF_INCOMPLETE)
        };
        assert_eq!(found(REFERENCE), [""; 0]);
        assert_eq!(found("    passwordEnv: PASSWORD\n"), [""; 0]);
        assert_eq!(found("").len(), 1);
        assert!(found("    passwordRef: {name: a, key: null}\n")[0].contains("no key"));
        assert!(found("    passwordRef: {name: '', key: a}\n")[0].contains("no Secret"));
    }

    #[test]
    fn only_a_cluster_issuer_names_a_namespace() {
        let with = "    passwordRef:\n      namespace: smallstep\n      name: step-issuer-password\n      key: password\n";
        for (kind, reference, found) in
            [("StepIssuer", REFERENCE, 0), ("StepIssuer", with, 1), ("StepClusterIssuer", REFERENCE, 1), ("StepClusterIssuer", with, 0)]
        {
            let text = issuer(kind).replace("      namespace: smallstep\n", "").replace(REFERENCE, reference);
            assert_eq!(Sandbox::new("").write(&text).found(&ISSUER_PASSWORD_NAMESPACE).len(), found, "{kind} {reference}");
        }
    }

    #[test]
    fn other_sources_are_known_from_0_11_on() {
        let found = |inventory: &str, provisioner: &str| {
            let text = issuer("StepIssuer").replace(REFERENCE, provisioner);
            Sandbox::new(inventory).write(&text).found(&ISSUER_PASSWORD_SOURCE_UNSUPPORTED).len()
        };
        let chart = |version: &str| format!("stepIssuer: {{namespace: smallstep, chart: {{version: {version}}}}}\n");
        assert_eq!(found(&chart("1.10.2"), "    passwordEnv: X\n"), 1);
        assert_eq!(found(&chart("1.11.0"), "    passwordEnv: X\n"), 0);
        assert_eq!(found("versions: {stepIssuer: '0.10'}\n", "    passwordFile: /x\n"), 1);
        assert_eq!(found("", "    passwordFile: /x\n"), 0);
        let tagged = "stepIssuer: {namespace: smallstep, chart: {version: 1.11.0}, values: {image: {tag: 0.9.9}}}\n";
        assert_eq!(found(tagged, "    passwordFile: /x\n"), 1);
        assert_eq!(found("", &format!("{REFERENCE}    passwordFile: /x\n")), 1);
    }

    #[test]
    fn the_secret_of_the_bootstrap_may_open_another_provisioner() {
        let text = issuer("StepIssuer").replace("name: step-issuer-password", "name: step-certificates-provisioner-password");
        assert_eq!(Sandbox::new("").write(&text).found(&ISSUER_PASSWORD_MAY_BE_ANOTHER).len(), 1);
        let admin = text.replace("    name: step-issuer\n", "    name: admin\n");
        assert_eq!(Sandbox::new("").write(&admin).found(&ISSUER_PASSWORD_MAY_BE_ANOTHER), [""; 0]);
        assert_eq!(Sandbox::new("").write(&issuer("StepIssuer")).found(&ISSUER_PASSWORD_MAY_BE_ANOTHER), [""; 0]);
    }
}
