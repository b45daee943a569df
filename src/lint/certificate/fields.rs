//! Fields that cert-manager's API server or webhook refuses, whoever signs.

use super::called;
use crate::catalog::{CERTIFICATE_FIELDS_SINCE, is_known_usage, known_usages};
use crate::finding::{
    FIELD_NEEDS_NEWER_CERT_MANAGER, KEYSTORE_PASSWORD, OUTPUT_FORMAT_TWICE, REVISION_HISTORY_LIMIT, USAGE_UNKNOWN, listed,
};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::yaml::{Path, Value, nearest};

/// Judges the fields of a certificate that stand for themselves.
pub(super) fn check(lint: &mut Lint<'_>, certificate: Object<'_>) {
    newer(lint, certificate);
    usages(lint, certificate);
    output_formats(lint, certificate);
    for store in ["jks", "pkcs12"] {
        keystore(lint, certificate, store);
    }
    revision_history(lint, certificate);
}

fn newer(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let Some(own) = lint.cert_manager_minor() else { return };
    for (field, since) in CERTIFICATE_FIELDS_SINCE.iter().filter(|(_, since)| own < *since) {
        if certificate.get(&format!("spec.{field}")).is_none() {
            continue;
        }
        let path = Path::of(["spec"].into_iter().chain(field.split('.')));
        let message = format!("`{field}` came with cert-manager 1.{since}, and this environment runs 1.{own}");
        let help = "take the field out, or correct `versions.certManager`";
        lint.report(&FIELD_NEEDS_NEWER_CERT_MANAGER, certificate.document, &path, message, help);
    }
}

fn usages(lint: &mut Lint<'_>, certificate: Object<'_>) {
    for (path, usage) in certificate.texts("spec.usages").filter(|(_, usage)| !is_known_usage(usage)) {
        // `serverAuth` and `server-auth` mean `server auth`.
        let plain = plain(usage);
        let meant = known_usages().find(|known| self::plain(known) == plain).or_else(|| nearest(usage, known_usages()));
        let help =
            meant.map_or_else(|| format!("cert-manager knows {}", listed(known_usages())), |meant| format!("did you mean `{meant}`?"));
        lint.report(&USAGE_UNKNOWN, certificate.document, &path, format!("cert-manager knows no usage `{usage}`"), help);
    }
}

/// Letters and digits only, in lower case.
fn plain(usage: &str) -> String {
    usage.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

fn output_formats(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let mut seen: Vec<&str> = Vec::new();
    for (path, format) in certificate.items("spec.additionalOutputFormats") {
        let Some(format) = format.get_str("type") else { continue };
        if seen.contains(&format) {
            let message = format!("the output format `{format}` stands twice, which cert-manager refuses");
            lint.report(&OUTPUT_FORMAT_TWICE, certificate.document, &path.key("type"), message, "keep one of them");
        }
        seen.push(format);
    }
}

fn keystore(lint: &mut Lint<'_>, certificate: Object<'_>, store: &str) {
    let path = format!("spec.keystores.{store}");
    if certificate.get(&path).is_none() {
        return;
    }
    let reference = certificate.text(&format!("{path}.passwordSecretRef.name")).filter(|name| !name.is_empty());
    let password = certificate.get(&format!("{path}.password"));
    let is_empty = password.is_some_and(|password| password.as_str() == Some(""));
    let (problem, field) = match (reference, password) {
        (Some(_), Some(_)) => ("has two passwords, `password` and `passwordSecretRef`, and may have one", "password"),
        (None, None) => ("has no password", "passwordSecretRef"),
        (None, Some(_)) if is_empty => ("has an empty password", "password"),
        _ => return,
    };
    let message = format!("the key store `{store}` of {} {problem}, so cert-manager refuses it", called(certificate));
    let path = Path::of(path.split('.')).key(field);
    lint.report(
        &KEYSTORE_PASSWORD,
        certificate.document,
        &path,
        message,
        "write `passwordSecretRef` with `name` and `key` of a Secret, and nothing else",
    );
}

fn revision_history(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let Some(Value::Integer(limit @ ..1)) = certificate.get("spec.revisionHistoryLimit").map(|node| &node.value) else { return };
    let message = format!("`revisionHistoryLimit: {limit}` keeps not even the request at hand, and cert-manager refuses it");
    let path = Path::of(["spec", "revisionHistoryLimit"]);
    lint.report(&REVISION_HISTORY_LIMIT, certificate.document, &path, message, "write 1 to keep only the last request");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Rule;
    use crate::lint::sandbox::{Sandbox, certificate};

    fn found(rule: &Rule, inventory: &str, spec: &str) -> Vec<String> {
        Sandbox::new(inventory).write(&certificate("web", spec)).found(rule)
    }

    #[test]
    fn a_field_is_held_against_the_version_that_runs() {
        let old =
            |version: &str, spec: &str| found(&FIELD_NEEDS_NEWER_CERT_MANAGER, &format!("versions: {{certManager: '{version}'}}\n"), spec);
        assert_eq!(
            old("1.15", "renewBeforePercentage: 33"),
            ["`renewBeforePercentage` came with cert-manager 1.16, and this environment runs 1.15"]
        );
        assert_eq!(old("1.16", "renewBeforePercentage: 33"), [""; 0]);
        assert_eq!(old("v1.15.3", "keystores: {jks: {create: true, password: x}}").len(), 1);
        assert_eq!(old("1.15", "keystores: {jks: {create: true, passwordSecretRef: {name: a, key: b}}}"), [""; 0]);
        assert_eq!(old("1.20", "renewal: {policy: Disabled}").len(), 1);
        assert_eq!(found(&FIELD_NEEDS_NEWER_CERT_MANAGER, "", "renewal: {policy: Disabled}"), [""; 0]);
    }

    #[test]
    fn a_usage_is_known_or_the_right_word_is_offered() {
        let all = known_usages().collect::<Vec<_>>().join(", ");
        assert_eq!(found(&USAGE_UNKNOWN, "", &format!("usages: [{all}]")), [""; 0]);
        for (wrong, meant) in [("serverAuth", "server auth"), ("Digital Signature", "digital signature"), ("client-auth", "client auth")] {
            let verdict = Sandbox::new("").write(&certificate("web", &format!("dnsNames: [a]\nusages: [{wrong}]"))).lint();
            let finding = verdict.theirs.iter().find(|finding| finding.rule == &USAGE_UNKNOWN).expect("found");
            assert_eq!(finding.help.as_deref(), Some(format!("did you mean `{meant}`?").as_str()));
        }
    }

    #[test]
    fn a_format_stands_once() {
        assert_eq!(found(&OUTPUT_FORMAT_TWICE, "", "additionalOutputFormats: [{type: DER}, {type: CombinedPEM}]"), [""; 0]);
        assert_eq!(found(&OUTPUT_FORMAT_TWICE, "", "additionalOutputFormats: [{type: DER}, {type: CombinedPEM}, {type: DER}]").len(), 1);
    }

    #[test]
    fn a_key_store_has_exactly_one_password() {
        for (store, problem) in [
            ("{create: true, passwordSecretRef: {name: a, key: b}}", None),
            ("{create: true, password: changeit}", None),
            ("{create: true}", Some("no password")),
            ("{create: false, passwordSecretRef: {name: '', key: b}}", Some("no password")),
            ("{create: true, password: ''}", Some("empty")),
            ("{create: true, password: a, passwordSecretRef: {name: a, key: b}}", Some("two")),
        ] {
            for name in ["jks", "pkcs12"] {
                let found = found(&KEYSTORE_PASSWORD, "", &format!("keystores: {{{name}: {store}}}"));
                assert_eq!(found.first().map(|message| message.contains(problem.unwrap_or_default())), problem.map(|_| true), "{store}");
            }
        }
    }

    #[test]
    fn a_history_holds_at_least_one_request() {
        for (limit, count) in [(-1, 1), (0, 1), (1, 0)] {
            assert_eq!(found(&REVISION_HISTORY_LIMIT, "", &format!("revisionHistoryLimit: {limit}")).len(), count, "{limit}");
        }
    }
}
