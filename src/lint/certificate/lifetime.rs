//! How long a certificate lives and when it is renewed: what cert-manager's webhook takes, what the CA grants, and whether
//! the CA lives as long.

use super::{Signing, called};
use crate::catalog::{LAST_WITH_CONVERSION, PERCENTAGE_AS_PASSED};
use crate::finding::{
    CERTIFICATE_OUTLIVES_CA, DURATION_BELOW_HOUR, DURATION_NOT_CANONICAL, DURATION_NOT_GO, DURATION_OVER_MAXIMUM, DURATION_UNDER_MINIMUM,
    DURATION_UNSET, RENEW_BEFORE_TOO_LONG, RENEW_BEFORE_TOO_SHORT, RENEW_BEFORE_TWICE,
};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::pki::{
    ASSUMED_DURATION, GoDuration, Lifetime, LifetimeRefusal, Moment, RenewBefore, RenewalProblem, SHORTEST_DURATION, SHORTEST_RENEW_BEFORE,
    check_renew_before,
};
use crate::yaml::{Path, Value};

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Nothing,
    Duration(GoDuration),
    /// Something that Go does not read, which was said.
    Unreadable,
}

impl Written {
    fn duration(self) -> Option<GoDuration> {
        match self {
            Written::Duration(duration) => Some(duration),
            Written::Nothing | Written::Unreadable => None,
        }
    }
}

/// Judges the lifetime of a certificate.
pub(super) fn check(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let duration = written(lint, certificate, "duration");
    let renew_before = written(lint, certificate, "renewBefore");
    if duration == Written::Unreadable {
        return;
    }
    let signing = lint.signing(certificate);
    if duration == Written::Nothing {
        unset(lint, certificate, signing);
    }
    let lifetime = match duration.duration() {
        Some(short) if short < SHORTEST_DURATION => {
            let message = format!("`duration: {short}` is less than the hour that cert-manager demands");
            let help = "write `1h` or more; a shorter life needs another client of the CA than cert-manager";
            lint.report(&DURATION_BELOW_HOUR, certificate.document, &at("duration"), message, help);
            return;
        }
        asked => granted(lint, certificate, signing, asked),
    };
    if renew_before != Written::Unreadable {
        renewal(lint, certificate, duration.duration(), renew_before.duration(), lifetime);
    }
    if let (Some(signing), Some(lifetime)) = (signing, lifetime) {
        outlives(lint, certificate, signing, lifetime);
    }
}

fn at(field: &str) -> Path {
    Path::of(["spec", field])
}

/// Reads a duration; what Go does not read, or prints in another way, is said.
fn written(lint: &mut Lint<'_>, certificate: Object<'_>, field: &str) -> Written {
    let Some(text) = certificate.text(&format!("spec.{field}")) else {
        let is_other = certificate.get(&format!("spec.{field}")).is_some();
        return if is_other { Written::Unreadable } else { Written::Nothing };
    };
    let duration = match text.parse::<GoDuration>() {
        Ok(duration) => duration,
        Err(problem) => {
            let help = "write hours, minutes and seconds, such as `24h` or `90m`";
            lint.report(&DURATION_NOT_GO, certificate.document, &at(field), format!("`{field}: {text}`: {problem}"), help);
            return Written::Unreadable;
        }
    };
    if certificate.document.is_written() && duration.to_string() != text {
        let message = format!(
            "`{field}: {text}` is `{duration}` as Go prints it; a cluster that once ran cert-manager up to 1.{LAST_WITH_CONVERSION} keeps it so, which Argo CD shows as drift"
        );
        lint.report(&DURATION_NOT_CANONICAL, certificate.document, &at(field), message, format!("write `{duration}`"));
    }
    Written::Duration(duration)
}

/// Where it is known that the CA gives something else than cert-manager's documentation promises.
fn unset(lint: &mut Lint<'_>, certificate: Object<'_>, signing: Option<Signing<'_>>) {
    let given = signing.and_then(|signing| Some((signing.name, signing.claims()?.default)));
    let Some((name, default)) = given.filter(|(_, default)| *default != ASSUMED_DURATION) else { return };
    let message = format!("{} has no `duration`: provisioner `{name}` gives it {default}, not cert-manager's 90 days", called(certificate));
    lint.report(&DURATION_UNSET, certificate.document, &at("duration"), message, "write the `duration` that is meant");
}

/// The life that the CA grants; what it refuses is said.
fn granted(lint: &mut Lint<'_>, certificate: Object<'_>, signing: Option<Signing<'_>>, asked: Option<GoDuration>) -> Option<Lifetime> {
    let signing = signing?;
    let (name, claims) = (signing.name, signing.claims()?);
    let refusal = match claims.lifetime(signing.backdate(), asked) {
        Ok(lifetime) => return Some(lifetime),
        Err(refusal) => refusal,
    };
    // A default beyond the limits is the CA's own fault.
    let asked = asked?;
    let (rule, than, limit, claim) = match refusal {
        LifetimeRefusal::TooLong { .. } => (&DURATION_OVER_MAXIMUM, "longer", claims.max, "maxTLSCertDuration"),
        LifetimeRefusal::TooShort { .. } | LifetimeRefusal::Past => (&DURATION_UNDER_MINIMUM, "shorter", claims.min, "minTLSCertDuration"),
    };
    let message = format!("`duration: {asked}` is {than} than the {limit} that provisioner `{name}` may grant; step-ca answers: {refusal}");
    let help = format!("write `{limit}`, or change `{claim}` in the claims of `{name}` at the CA and import its snapshot again");
    lint.report(rule, certificate.document, &at("duration"), message, help);
    None
}

fn renewal(
    lint: &mut Lint<'_>,
    certificate: Object<'_>,
    duration: Option<GoDuration>,
    before: Option<GoDuration>,
    lifetime: Option<Lifetime>,
) {
    let percentage = certificate.get("spec.renewBeforePercentage").and_then(|node| match node.value {
        Value::Integer(percentage) => i32::try_from(percentage).ok(),
        _ => None,
    });
    let document = certificate.document;
    let (field, wanted) = match (before, percentage) {
        (None, None) => return,
        (Some(_), Some(_)) => {
            let message = format!("{} has both `renewBefore` and `renewBeforePercentage`, which cert-manager refuses", called(certificate));
            lint.report(&RENEW_BEFORE_TWICE, document, &at("renewBeforePercentage"), message, "keep one of the two");
            return;
        }
        (Some(before), None) => ("renewBefore", RenewBefore::Duration(before)),
        (None, Some(percentage)) if counts_passed(lint) => ("renewBeforePercentage", RenewBefore::PercentagePassed(percentage)),
        (None, Some(percentage)) => ("renewBeforePercentage", RenewBefore::Percentage(percentage)),
    };
    if let RenewBefore::Percentage(percentage) | RenewBefore::PercentagePassed(percentage) = wanted
        && !(1..=99).contains(&percentage)
    {
        let rule = if percentage < 1 { &RENEW_BEFORE_TOO_SHORT } else { &RENEW_BEFORE_TOO_LONG };
        let message = format!("`renewBeforePercentage: {percentage}` does not lie between 1 and 99");
        lint.report(rule, document, &at(field), message, "write how much of the life is left at the renewal, such as 33");
        return;
    }
    if let Err(problem) = check_renew_before(duration, wanted) {
        let rule = match problem {
            RenewalProblem::TooShort(_) => &RENEW_BEFORE_TOO_SHORT,
            RenewalProblem::Percentage { before, .. } if before < SHORTEST_RENEW_BEFORE => &RENEW_BEFORE_TOO_SHORT,
            RenewalProblem::NotBelowDuration { .. } | RenewalProblem::Percentage { .. } => &RENEW_BEFORE_TOO_LONG,
        };
        let help = "take it out: cert-manager then renews after two thirds of the certificate's life";
        lint.report(rule, document, &at(field), format!("cert-manager refuses `{field}`: {problem}"), help);
        return;
    }
    let Some(lifetime) = lifetime else { return };
    let renewal = lifetime.renewal(wanted);
    let told = match wanted {
        RenewBefore::Duration(before) => format!("`renewBefore: {before}`"),
        _ => format!("`renewBeforePercentage: {}`", percentage.unwrap_or_default()),
    };
    let total = lifetime.total;
    let message = if renewal.is_fallback {
        format!("{told} is not less than the {total} that the CA gives: cert-manager passes over it and renews after two thirds")
    } else if renewal.is_endless() {
        format!("with {told} a certificate of {total} is due as soon as it is signed, so cert-manager asks for one after the other")
    } else {
        return;
    };
    let help = "write less, or `renewBeforePercentage: 33`; or a `duration` that the CA grants";
    lint.report(&RENEW_BEFORE_TOO_LONG, document, &at(field), message, help);
}

/// Whether the release that runs takes a percentage for what has passed.
fn counts_passed(lint: &Lint<'_>) -> bool {
    let version = lint.scope.model.versions.cert_manager.as_deref();
    version.is_some_and(|version| PERCENTAGE_AS_PASSED.contains(&version.strip_prefix('v').unwrap_or(version)))
}

/// step-ca signs whatever its claims allow, and does not cut a life that ends after the intermediate's.
fn outlives(lint: &mut Lint<'_>, certificate: Object<'_>, signing: Signing<'_>, lifetime: Lifetime) {
    let Some(today) = lint.scope.as_of else { return };
    let Some(issuing) = signing.snapshot.intermediates().first() else { return };
    let end_of_ca = issuing.certificate.not_after();
    let life = GoDuration::from_nanoseconds(lifetime.total.nanoseconds().saturating_sub(lifetime.backdate.nanoseconds()));
    let signed = Moment::of_day(today);
    // An intermediate that is over is the CA's business.
    let Some(end) = signed.later(life).filter(|end| *end > end_of_ca && signed < end_of_ca) else { return };
    let message = format!(
        "signed on {today}, {} would be valid until {end}, and the intermediate of `{}` ends on {end_of_ca}: step-ca signs it all the same, and from then on no client takes it",
        called(certificate),
        signing.signer.name
    );
    let help = "renew the CA's intermediate, or write a shorter `duration`; cert-manager looks only at the certificate's own end";
    lint.report(&CERTIFICATE_OUTLIVES_CA, certificate.document, &at("duration"), message, help);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Rule;
    use crate::lint::sandbox::{SNAPSHOT, Sandbox, certificate, issuer};

    fn sandbox(inventory: &str, spec: &str) -> Sandbox {
        Sandbox::new(inventory).write(&issuer("StepIssuer")).write(&certificate("web", &format!("dnsNames: [web]\n{spec}")))
    }

    /// What is found, but for the form of durations, which are written shortly here.
    fn codes(sandbox: &Sandbox) -> Vec<&'static str> {
        let codes = sandbox.lint().theirs.into_iter().map(|finding| finding.rule.code);
        codes.filter(|code| *code != DURATION_NOT_CANONICAL.code).collect()
    }

    fn of(spec: &str) -> Vec<&'static str> {
        codes(&sandbox("versions: {certManager: '1.19'}\n", spec))
    }

    fn expect(spec: &str, rules: &[&Rule]) {
        assert_eq!(of(spec), rules.iter().map(|rule| rule.code).collect::<Vec<_>>(), "{spec}");
    }

    #[test]
    fn the_webhooks_borders_are_kept_to_the_second() {
        expect("duration: 1h", &[]);
        expect("duration: 59m59s", &[&DURATION_BELOW_HOUR]);
        expect("duration: 0s", &[&DURATION_BELOW_HOUR]);
        expect("duration: -1h", &[&DURATION_BELOW_HOUR]);
        expect("duration: 1d", &[&DURATION_NOT_GO]);
        expect("duration: ''", &[&DURATION_NOT_GO]);
        expect("duration: 24h\nrenewBefore: 5m", &[]);
        expect("duration: 24h\nrenewBefore: 4m59s", &[&RENEW_BEFORE_TOO_SHORT]);
        expect("duration: 24h\nrenewBefore: 23h59m59s", &[]);
        expect("duration: 24h\nrenewBefore: 24h", &[&RENEW_BEFORE_TOO_LONG]);
        expect("duration: 24h\nrenewBefore: 8x", &[&DURATION_NOT_GO]);
    }

    #[test]
    fn percentages_lie_between_1_and_99() {
        expect("duration: 24h\nrenewBeforePercentage: 1", &[]);
        expect("duration: 24h\nrenewBeforePercentage: 99", &[]);
        expect("duration: 24h\nrenewBeforePercentage: 0", &[&RENEW_BEFORE_TOO_SHORT]);
        expect("duration: 24h\nrenewBeforePercentage: 100", &[&RENEW_BEFORE_TOO_LONG]);
        expect("duration: 1h\nrenewBeforePercentage: 99", &[&RENEW_BEFORE_TOO_SHORT]);
        expect("duration: 24h\nrenewBefore: 8h\nrenewBeforePercentage: 33", &[&RENEW_BEFORE_TWICE]);
        // One percent of an hour has passed before the certificate is there, by its dated-back beginning.
        let early =
            |version: &str| codes(&sandbox(&format!("versions: {{certManager: '{version}'}}\n"), "duration: 1h\nrenewBeforePercentage: 1"));
        assert_eq!(early("1.16.2"), [RENEW_BEFORE_TOO_LONG.code]);
        assert_eq!(early("1.16.3"), [""; 0]);
    }

    #[test]
    fn the_ca_grants_what_its_claims_say() {
        expect("duration: 24h", &[]);
        expect("duration: 24h1s", &[&DURATION_OVER_MAXIMUM]);
        let claims = |claims: &'static str| {
            move |snapshot: &str| snapshot.replacen("    template: false\n", &format!("    claims: {claims}\n    template: false\n"), 9)
        };
        let with = |text: &'static str, spec: &str| codes(&sandbox("versions: {certManager: '1.19'}\n", spec).with_snapshot(claims(text)));
        assert_eq!(with("{maxTLSCertDuration: 720h}", "duration: 720h"), [""; 0]);
        assert_eq!(with("{maxTLSCertDuration: 720h}", "duration: 720h1s"), [DURATION_OVER_MAXIMUM.code]);
        assert_eq!(with("{minTLSCertDuration: 2h}", "duration: 1h58m59s"), [DURATION_UNDER_MINIMUM.code]);
        // The backdate counts towards the minimum.
        assert_eq!(with("{minTLSCertDuration: 2h}", "duration: 1h59m"), [""; 0]);
    }

    #[test]
    fn without_a_duration_the_ca_decides() {
        expect("", &[&DURATION_UNSET]);
        assert!(sandbox("", "").found(&DURATION_UNSET)[0].contains("gives it 24h0m0s"));
        let text = SNAPSHOT.split("provisioners:\n").next().map(|head| format!("{head}provisioners: unknown\n")).expect("a head");
        assert_eq!(sandbox("", "").with_snapshot(|_| text).found(&DURATION_UNSET), [""; 0]);
        // Less than the 90 days that the webhook assumes, and more than the CA gives.
        expect("renewBefore: 48h", &[&DURATION_UNSET, &RENEW_BEFORE_TOO_LONG]);
        expect("renewBefore: 23h59m", &[&DURATION_UNSET]);
        // Due when it is signed: the backdate has passed by then.
        expect("renewBefore: 24h", &[&DURATION_UNSET, &RENEW_BEFORE_TOO_LONG]);
        expect("renewBefore: 24h1m", &[&DURATION_UNSET, &RENEW_BEFORE_TOO_LONG]);
        expect("renewBefore: 2160h", &[&DURATION_UNSET, &RENEW_BEFORE_TOO_LONG]);
    }

    #[test]
    fn other_cas_have_other_claims_and_the_same_webhook() {
        let other = |spec: &str| {
            let text = certificate("web", &format!("dnsNames: [web]\n{spec}"));
            codes(
                &Sandbox::new("versions: {certManager: '1.19'}\n")
                    .write(&text.replace("certmanager.step.sm", "cert-manager.io").replace("StepIssuer", "Issuer")),
            )
        };
        assert_eq!(other("duration: 2160h"), [""; 0]);
        assert_eq!(other(""), [""; 0]);
        assert_eq!(other("duration: 30m"), [DURATION_BELOW_HOUR.code]);
        assert_eq!(other("duration: 2160h\nrenewBefore: 2160h"), [RENEW_BEFORE_TOO_LONG.code]);
    }

    #[test]
    fn another_form_of_a_duration_is_told_of() {
        let found = |duration: &str| sandbox("", &format!("duration: {duration}")).found(&DURATION_NOT_CANONICAL).len();
        assert_eq!(found("24h"), 1);
        assert_eq!(found("1440m"), 1);
        assert_eq!(found("24h0m0s"), 0);
    }

    #[test]
    fn a_certificate_outlives_its_ca_on_the_last_day_only() {
        let found = |day: &str| sandbox("", "duration: 24h0m0s").at(day).found(&CERTIFICATE_OUTLIVES_CA).len();
        assert_eq!(found("2036-11-21"), 0);
        assert_eq!(found("2036-11-22"), 1);
        assert_eq!(found("2036-11-23"), 0);
        assert_eq!(sandbox("", "duration: 24h0m0s").found(&CERTIFICATE_OUTLIVES_CA), [""; 0]);
    }
}
