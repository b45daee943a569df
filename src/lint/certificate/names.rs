//! What a certificate is for: names that clients can match and that the CA signs.

use std::net::IpAddr;

use super::{Signing, called};
use crate::catalog::MAX_COMMON_NAME;
use crate::finding::{
    CERTIFICATE_NAME_INVALID, CERTIFICATE_WITHOUT_NAME, COMMON_NAME_TOO_LONG, DNS_NAME_INVALID, NAME_DENIED_BY_POLICY,
    WILDCARD_MATCHES_NO_SERVICE, WILDCARD_NOT_LEFTMOST, WILDCARD_TOO_SHALLOW,
};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::pki::{CertificateNames, Denial, DenialCause, NameType, Reach, Wildcard, dns_name_problem};
use crate::yaml::Path;

/// The lists of a certificate's names.
const LISTS: [&str; 5] = ["dnsNames", "ipAddresses", "uris", "emailAddresses", "otherNames"];

/// Judges the names of a certificate.
pub(super) fn check(lint: &mut Lint<'_>, certificate: Object<'_>) {
    without_name(lint, certificate);
    common_name(lint, certificate);
    let is_step = lint.is_signed_by_step(certificate);
    for (path, name) in certificate.texts("spec.dnsNames") {
        dns_name(lint, certificate, &path, name, is_step);
    }
    addresses(lint, certificate);
    if let Some(signing) = lint.signing(certificate) {
        policy(lint, certificate, signing);
    }
}

fn without_name(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let is_text = |field: &str| certificate.text(&format!("spec.{field}")).is_some_and(|text| !text.is_empty());
    let is_list = |field: &&str| certificate.items(&format!("spec.{field}")).next().is_some();
    if is_text("commonName") || is_text("literalSubject") || LISTS.iter().any(is_list) {
        return;
    }
    let message = format!("{} names nothing, so cert-manager refuses it", called(certificate));
    lint.report(&CERTIFICATE_WITHOUT_NAME, certificate.document, &Path::of(["spec", "dnsNames"]), message, "write `dnsNames:`");
}

fn common_name(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let Some(name) = certificate.text("spec.commonName").filter(|name| name.len() > MAX_COMMON_NAME) else { return };
    let message = format!("the common name has {} bytes, and cert-manager takes at most {MAX_COMMON_NAME}", name.len());
    let help = "take it out: clients look at `dnsNames`, where names may be longer";
    lint.report(&COMMON_NAME_TOO_LONG, certificate.document, &Path::of(["spec", "commonName"]), message, help);
}

/// What clients make of a star holds whoever signs; what else is wrong with a name is told in step-ca's words.
fn dns_name(lint: &mut Lint<'_>, certificate: Object<'_>, path: &Path, name: &str, is_step: bool) {
    let document = certificate.document;
    let wildcard = match Wildcard::find(name) {
        Ok(wildcard) => wildcard,
        Err(error) => {
            let help = "write `*.` and the rest of the name; one star stands for exactly one label";
            lint.report(&WILDCARD_NOT_LEFTMOST, document, path, format!("the wildcard `{name}` covers nothing: {error}"), help);
            return;
        }
    };
    if let Some(problem) = dns_name_problem(name) {
        if is_step {
            let help = "take it out, or write the bare host name that clients look up";
            lint.report(&DNS_NAME_INVALID, document, path, format!("`{name}` cannot stand in `dnsNames`: {problem}"), help);
        }
        return;
    }
    let Some(reach) = wildcard.map(|wildcard| wildcard.reach(&lint.scope.model.cluster_domain)) else { return };
    let Some(complaint) = reach.complaint() else { return };
    let rule = if matches!(reach, Reach::TooShallow { .. }) { &WILDCARD_TOO_SHALLOW } else { &WILDCARD_MATCHES_NO_SERVICE };
    let instead = reach.instead().unwrap_or_default();
    let instead = certificate.namespace().map_or_else(|| instead.clone(), |own| instead.replace("<namespace>", own));
    let help = format!("write `{instead}` for the Services of one namespace, or name each of them");
    lint.report(rule, document, path, format!("the wildcard `{name}` {complaint}"), help);
}

/// What cert-manager's webhook refuses of addresses. Source: cert-manager, `validateIPAddresses` and `validateEmailAddresses` in
/// `internal/apis/certmanager/validation`.
fn addresses(lint: &mut Lint<'_>, certificate: Object<'_>) {
    for (path, address) in certificate.texts("spec.ipAddresses").filter(|(_, text)| text.parse::<IpAddr>().is_err()) {
        let message = format!("`{address}` is no IP address, so cert-manager refuses the certificate");
        let help = "write one address, such as `10.0.0.1` or `fd00::1`; a network has none, and names belong to `dnsNames`";
        lint.report(&CERTIFICATE_NAME_INVALID, certificate.document, &path, message, help);
    }
    for (path, address) in certificate.texts("spec.emailAddresses").filter(|(_, text)| !is_mailbox(text)) {
        let message = format!("`{address}` is no bare e-mail address, so cert-manager refuses the certificate");
        lint.report(&CERTIFICATE_NAME_INVALID, certificate.document, &path, message, "write it as `somebody@example.com`");
    }
}

/// Whether a text is an address without anything around it. What stands in quotes is not looked at.
fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_atom =
        |text: &str| !text.is_empty() && !text.contains(|character: char| character.is_whitespace() || "()<>@,;:\\\"".contains(character));
    let are_atoms = |text: &str| text.split('.').all(is_atom);
    (is_quoted || are_atoms(local)) && (are_atoms(domain) || domain.starts_with('[') && domain.ends_with(']'))
}

/// The policy of the CA. A template may give a certificate other names than were asked for.
fn policy(lint: &mut Lint<'_>, certificate: Object<'_>, signing: Signing<'_>) {
    let Some(policy) = signing.snapshot.authority().policy.known().and_then(Option::as_ref) else { return };
    // A rule that cannot be read keeps step-ca from starting: that is the CA's business.
    let Ok(engine) = policy.x509.engine() else { return };
    if signing.provisioner.template {
        return;
    }
    let mut names = names_of(certificate).as_signed_for_step_issuer();
    let mut denied: Vec<String> = Vec::new();
    while let Err(denial) = engine.verdict(&names) {
        without(&mut names, &denial);
        // The first name is the common name as well; one of the two is told.
        if !denied.contains(&denial.name) {
            let help = match denial.cause {
                DenialCause::WildcardsNotAllowed => {
                    "set `allowWildcardNames` in the CA's policy and import its snapshot again, or name each host"
                }
                _ => "take the name out, or have the CA's policy allow it and import its snapshot again",
            };
            let path = path_of(certificate, &denial);
            lint.report(&NAME_DENIED_BY_POLICY, certificate.document, &path, denial.to_string(), help);
        }
        denied.push(denial.name);
    }
}

fn names_of(certificate: Object<'_>) -> CertificateNames {
    let list = |field: &str| certificate.texts(&format!("spec.{field}")).map(|(_, name)| name.to_owned()).collect();
    CertificateNames {
        common_name: certificate.text("spec.commonName").map(str::to_owned),
        dns: list("dnsNames"),
        ip: certificate.texts("spec.ipAddresses").filter_map(|(_, address)| address.parse().ok()).collect(),
        email: list("emailAddresses"),
        uri: list("uris"),
    }
}

/// Takes a name out that was judged.
fn without(names: &mut CertificateNames, denial: &Denial) {
    match denial.name_type {
        NameType::CommonName => names.common_name = None,
        NameType::Dns => names.dns.retain(|name| *name != denial.name),
        NameType::Ip => names.ip.retain(|address| address.to_canonical().to_string() != denial.name),
        NameType::Email => names.email.retain(|name| *name != denial.name),
        NameType::Uri => names.uri.retain(|name| *name != denial.name),
    }
}

/// Where a name stands: in its list, or in any list where it became the common name by being the first.
fn path_of(certificate: Object<'_>, denial: &Denial) -> Path {
    if denial.name_type == NameType::CommonName && certificate.text("spec.commonName") == Some(&denial.name) {
        return Path::of(["spec", "commonName"]);
    }
    let is_it = |name: &str| {
        name == denial.name || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().to_string() == denial.name)
    };
    let mut all = LISTS.iter().flat_map(|list| certificate.texts(&format!("spec.{list}")));
    all.find(|(_, name)| is_it(name)).map_or_else(|| Path::of(["spec"]), |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Rule;
    use crate::lint::sandbox::{Sandbox, certificate, issuer};

    fn found(rule: &Rule, spec: &str) -> Vec<String> {
        Sandbox::new("").write(&issuer("StepIssuer")).write(&certificate("web", spec)).found(rule)
    }

    #[test]
    fn a_certificate_names_something() {
        for named in [
            "commonName: a",
            "dnsNames: [a]",
            "uris: ['spiffe://a/b']",
            "ipAddresses: [10.0.0.1]",
            "otherNames: [{oid: 1.2, utf8Value: a}]",
        ] {
            assert_eq!(found(&CERTIFICATE_WITHOUT_NAME, named), [""; 0], "{named}");
        }
        for nameless in ["", "dnsNames: []", "commonName: null"] {
            assert_eq!(found(&CERTIFICATE_WITHOUT_NAME, nameless).len(), 1, "{nameless}");
        }
    }

    #[test]
    fn a_common_name_has_64_bytes_at_most() {
        assert_eq!(found(&COMMON_NAME_TOO_LONG, &format!("commonName: {}", "a".repeat(64))), [""; 0]);
        assert_eq!(found(&COMMON_NAME_TOO_LONG, &format!("commonName: {}", "a".repeat(65))).len(), 1);
        assert_eq!(found(&COMMON_NAME_TOO_LONG, &format!("commonName: {}", "ü".repeat(33))).len(), 1);
    }

    #[test]
    fn addresses_are_what_cert_manager_takes_for_one() {
        for (spec, count) in [
            ("ipAddresses: [10.0.0.1, '::1']", 0),
            ("ipAddresses: [foo, 10.0.0.0/8, 10.0.0.01]", 3),
            ("emailAddresses: [a@example.com, 'a.b+c@x']", 0),
            ("emailAddresses: ['x y', 'A <a@b.c>', '@b.c', 'a..b@c.d']", 4),
        ] {
            assert_eq!(found(&CERTIFICATE_NAME_INVALID, spec).len(), count, "{spec}");
        }
    }

    #[test]
    fn each_star_has_its_rule() {
        for (name, rule) in [
            ("*.svc.cluster.local", &WILDCARD_MATCHES_NO_SERVICE),
            ("*.web", &WILDCARD_TOO_SHALLOW),
            ("*.*.svc.cluster.local", &WILDCARD_NOT_LEFTMOST),
            ("web.*.svc", &WILDCARD_NOT_LEFTMOST),
            ("*.a..b", &DNS_NAME_INVALID),
        ] {
            let verdict = Sandbox::new("")
                .write(&issuer("StepIssuer"))
                .write(&certificate("web", &format!("duration: 24h0m0s\ndnsNames: ['{name}']")))
                .lint();
            let codes: Vec<&str> = verdict.theirs.iter().map(|finding| finding.rule.code).collect();
            assert_eq!(codes, [rule.code], "{name}");
        }
        assert_eq!(found(&WILDCARD_MATCHES_NO_SERVICE, "dnsNames: ['*.web.svc.cluster.local', '*.example.com']"), [""; 0]);
    }

    #[test]
    fn the_clusters_own_domain_counts() {
        let text = certificate("web", "dnsNames: ['*.web.svc.cluster.local']");
        let found = Sandbox::new("clusterDomain: k8s.example.com\n").write(&text).found(&WILDCARD_MATCHES_NO_SERVICE);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn names_for_another_ca_are_judged_by_their_stars_only() {
        let other = |name: &str| {
            certificate("web", &format!("dnsNames: ['{name}']"))
                .replace("group: certmanager.step.sm", "group: cert-manager.io")
                .replace("StepIssuer", "Issuer")
        };
        assert_eq!(Sandbox::new("").write(&other("10.0.0.1")).lint().theirs, []);
        assert_eq!(Sandbox::new("").write(&other("*.svc")).found(&WILDCARD_MATCHES_NO_SERVICE).len(), 1);
    }

    #[test]
    fn a_denied_name_is_told_once_and_where_it_stands() {
        let allow = |dns: &'static str| {
            move |snapshot: &str| {
                snapshot.replace("  enableAdmin:", &format!("  policy:\n    x509:\n      allow:\n        dns: [{dns}]\n  enableAdmin:"))
            }
        };
        let denied = |dns: &'static str, spec: &str| {
            Sandbox::new("")
                .with_snapshot(allow(dns))
                .write(&issuer("StepIssuer"))
                .write(&certificate("web", spec))
                .found(&NAME_DENIED_BY_POLICY)
        };
        assert_eq!(denied("'*.example.com'", "dnsNames: [a.example.com]"), [""; 0]);
        let both = denied("'*.example.com'", "dnsNames: [a.example.org, b.example.com, c.example.org]");
        assert!(matches!(both.as_slice(), [a, c] if a.contains("a.example.org") && c.contains("c.example.org")), "{both:?}");
        let wildcard = denied("'*.example.com'", "dnsNames: ['*.example.com']");
        assert!(matches!(wildcard.as_slice(), [one] if one.contains("allowWildcardNames")), "{wildcard:?}");
        assert_eq!(denied("'*.example.com'", "dnsNames: [a.example.com]\nipAddresses: [10.0.0.1]").len(), 1);
    }

    #[test]
    fn a_template_may_change_the_names() {
        let change = |snapshot: &str| {
            let policy = "  policy:\n    x509:\n      allow:\n        dns: [a.example.com]\n  enableAdmin:";
            snapshot.replace("  enableAdmin:", policy).replace("template: false", "template: true")
        };
        let sandbox = Sandbox::new("").with_snapshot(change).write(&issuer("StepIssuer")).write(&certificate("web", "dnsNames: [b]"));
        assert_eq!(sandbox.found(&NAME_DENIED_BY_POLICY), [""; 0]);
    }
}
