//! What a certificate asks for and does not get: without a template of its own, a provisioner of step-ca keeps the common
//! name and the alternative names of a request, and fills in everything else itself.

use super::{Signing, called};
use crate::catalog::{is_known_usage, is_usage_given};
use crate::finding::{FIELD_DROPPED_BY_CA, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::yaml::{Node, Path, Value};

/// Judges what of a certificate's spec reaches the certificate.
pub(super) fn check(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let Some(signing) = lint.signing(certificate).filter(|signing| !signing.provisioner.template) else { return };
    for field in ["subject", "literalSubject", "isCA", "nameConstraints", "otherNames"] {
        let is_lost = certificate.get(&format!("spec.{field}")).is_some_and(|node| asks_for_something(field, node));
        if is_lost {
            report(lint, certificate, signing, field, format!("`{field}` of {}", called(certificate)));
        }
    }
    let texts = certificate.texts("spec.usages").map(|(_, usage)| usage);
    let lost: Vec<&str> = texts.filter(|usage| is_known_usage(usage) && !is_usage_given(usage)).collect();
    if !lost.is_empty() {
        let what = if lost.len() == 1 { "the usage" } else { "the usages" };
        report(lint, certificate, signing, "usages", format!("{what} {} of {}", listed(lost), called(certificate)));
    }
}

fn report(lint: &mut Lint<'_>, certificate: Object<'_>, signing: Signing<'_>, field: &str, what: String) {
    let message = format!("{what} will not be in the certificate: provisioner `{}` has no template that would keep it", signing.name);
    let help = "take it out, or give the provisioner an X.509 template that uses it, and import the CA's snapshot again";
    lint.report(&FIELD_DROPPED_BY_CA, certificate.document, &Path::of(["spec", field]), message, help);
}

/// Whether the field says anything that the CA would not do anyway.
fn asks_for_something(field: &str, node: &Node) -> bool {
    match &node.value {
        Value::Boolean(value) => *value,
        Value::List(items) => !items.is_empty(),
        Value::String(text) => field != "literalSubject" || has_more_than_common_name(text),
        Value::Map(map) => map.iter().any(|(_, entry)| match &entry.node.value {
            Value::List(items) => !items.is_empty(),
            Value::String(text) => !text.is_empty(),
            Value::Map(map) => !map.is_empty(),
            _ => false,
        }),
        _ => false,
    }
}

/// Whether a subject such as `CN=web,O=example` has other parts than a common name.
fn has_more_than_common_name(subject: &str) -> bool {
    let parts = subject.split([',', '+', ';']).map(str::trim).filter(|part| !part.is_empty());
    let mut keys = parts.filter_map(|part| part.split_once('=')).map(|(key, _)| key.trim());
    keys.any(|key| !key.eq_ignore_ascii_case("CN"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, certificate, issuer};

    fn found(spec: &str) -> Vec<String> {
        sandbox(spec).found(&FIELD_DROPPED_BY_CA)
    }

    fn sandbox(spec: &str) -> Sandbox {
        Sandbox::new("").write(&issuer("StepIssuer")).write(&certificate("web", &format!("dnsNames: [web]\n{spec}")))
    }

    #[test]
    fn what_the_default_template_does_not_know_is_dropped() {
        for spec in [
            "subject: {organizations: [example]}",
            "subject: {serialNumber: '1'}",
            "literalSubject: CN=web,O=example",
            "isCA: true",
            "nameConstraints: {critical: true, permitted: {dnsDomains: [example]}}",
            "otherNames: [{oid: 1.2.3, utf8Value: x}]",
            "usages: [server auth, code signing]",
        ] {
            assert_eq!(found(spec).len(), 1, "{spec}");
        }
        assert!(found("usages: [cert sign, server auth, crl sign]")[0].starts_with("the usages `cert sign`, `crl sign` of"));
    }

    #[test]
    fn what_the_ca_gives_anyway_is_not_missed() {
        for spec in [
            "subject: {}",
            "subject: {organizations: []}",
            "literalSubject: CN=web",
            "isCA: false",
            "usages: [digital signature, key encipherment, server auth, client auth]",
            "usages: [signing]",
            "privateKey: {algorithm: ECDSA}\nusages: [digital signature, key encipherment]",
        ] {
            assert_eq!(found(spec), [""; 0], "{spec}");
        }
    }

    #[test]
    fn a_template_may_keep_it() {
        let with_template = sandbox("isCA: true").with_snapshot(|snapshot| snapshot.replace("template: false", "template: true"));
        assert_eq!(with_template.found(&FIELD_DROPPED_BY_CA), [""; 0]);
    }
}
