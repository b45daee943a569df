//! Copies by replicator and reflector. Replicator permits with `replication-allowed` and `replication-allowed-namespaces`,
//! and copies where `replicate-from` or `replicate-to` asks; reflector permits with `reflection-allowed`, and copies where
//! `reflects` or `reflection-auto-enabled` asks. In both, namespaces are regular expressions for the whole name.

use super::carrier::{Carrier, carriers};
use super::pattern::{Reach, is_glob, patterns, reach, refused_by_dotnet};
use crate::finding::{PRIVATE_KEY_SHARED, REFLECTOR_PATTERN_INVALID, REPLICATION_COPIES_NOTHING, REPLICATOR_PATTERN_IS_A_GLOB};
use crate::lint::Lint;
use crate::yaml::Path;

pub(super) const REPLICATOR: &str = "replicator.v1.mittwald.de/";
pub(super) const REFLECTOR: &str = "reflector.v1.k8s.emberstack.com/";

/// Annotations that hold patterns.
const PATTERNS: &[(&str, &str)] = &[
    (REPLICATOR, "replication-allowed-namespaces"),
    (REPLICATOR, "replicate-to"),
    (REFLECTOR, "reflection-allowed-namespaces"),
    (REFLECTOR, "reflection-auto-namespaces"),
];

/// Judges everything that can be copied.
pub(super) fn check(lint: &mut Lint<'_>) {
    let carriers = carriers(lint);
    for carrier in &carriers {
        let is_refused = judge_patterns(lint, carrier);
        if carrier.has_key {
            shared(lint, carrier, is_refused);
        }
        copies_nothing(lint, carrier, &carriers, is_refused);
    }
}

/// Every pattern; whether reflector refuses one.
fn judge_patterns(lint: &mut Lint<'_>, carrier: &Carrier<'_>) -> bool {
    let mut is_refused = false;
    for (tool, annotation) in PATTERNS {
        let Some((list, path)) = carrier.get(tool, annotation) else { continue };
        for pattern in patterns(list) {
            match refused_by_dotnet(pattern).filter(|_| *tool == REFLECTOR) {
                Some(problem) => {
                    is_refused = true;
                    let message = format!(
                        "reflector cannot read the pattern `{pattern}`: {problem}; it stops watching, and copies nothing of anybody any more"
                    );
                    let help = format!("write a regular expression, such as `{}`", expression(pattern));
                    lint.report(&REFLECTOR_PATTERN_INVALID, carrier.document, &path, message, help);
                }
                None if is_glob(pattern) => {
                    let message = format!(
                        "`{pattern}` is read as a regular expression, in which `*` repeats the character before it, so it fits no namespace"
                    );
                    let help = format!("write `{}`", expression(pattern));
                    lint.report(&REPLICATOR_PATTERN_IS_A_GLOB, carrier.document, &path, message, help);
                }
                None => {}
            }
        }
    }
    is_refused
}

/// What somebody meant who wrote a glob.
fn expression(glob: &str) -> String {
    glob.replace(".*", "*").replace('*', ".*")
}

/// A private key that namespaces get which nobody named.
fn shared(lint: &mut Lint<'_>, carrier: &Carrier<'_>, is_refused: bool) {
    let mut offers: Vec<(Reach, Path, &str)> = Vec::new();
    if let Some((list, path)) = carrier.get(REPLICATOR, "replicate-to") {
        offers.push((reach(list), path, "replicator copies"));
    }
    if let Some((_, path)) = carrier.get(REPLICATOR, "replicate-to-matching").filter(|(labels, _)| !labels.trim().is_empty()) {
        offers.push((Reach::Pattern, path, "replicator copies"));
    }
    // Without the namespaces, replicator permits none.
    if let Some((list, path)) =
        carrier.get(REPLICATOR, "replication-allowed-namespaces").filter(|_| carrier.is_true(REPLICATOR, "replication-allowed"))
    {
        offers.push((reach(list), path, "replicator lets others copy"));
    }
    if carrier.is_true(REFLECTOR, "reflection-allowed") && !is_refused {
        offers.extend(reflected(carrier));
    }
    let Some((reach, path, how)) = offers.into_iter().max_by_key(|(reach, ..)| *reach).filter(|(reach, ..)| *reach >= Reach::Pattern)
    else {
        return;
    };
    let whom = if reach == Reach::Everything { "every namespace" } else { "every namespace that fits a pattern" };
    let message = format!("{how} Secret `{}` into {whom}, with its private key", carrier.name);
    let help = "give each namespace a Certificate of its own, and spread only the CA's root, with trust-manager for instance; or name the namespaces";
    lint.report(&PRIVATE_KEY_SHARED, carrier.document, &path, message, help);
}

/// Names and labels are alternatives; without either, every namespace is meant.
fn reflected(carrier: &Carrier<'_>) -> Option<(Reach, Path, &'static str)> {
    let how = if carrier.is_true(REFLECTOR, "reflection-auto-enabled") { "reflector copies" } else { "reflector lets others copy" };
    let given = |name: &str| carrier.get(REFLECTOR, name).filter(|(value, _)| !value.trim().is_empty());
    let (list, labels) = (given("reflection-allowed-namespaces"), given("reflection-allowed-namespaces-selector"));
    match (list, labels) {
        (None, None) => carrier.get(REFLECTOR, "reflection-allowed").map(|(_, path)| (Reach::Everything, path, how)),
        (Some((list, path)), None) => Some((reach(list), path, how)),
        (_, Some((_, path))) => Some((Reach::Pattern, path, how)),
    }
}

/// Permissions that nobody makes use of. With a pattern that it refuses, reflector makes use of nothing.
fn copies_nothing(lint: &mut Lint<'_>, carrier: &Carrier<'_>, carriers: &[Carrier<'_>], is_refused: bool) {
    let is_asked = |tool: &str, annotation: &str| {
        carriers
            .iter()
            .any(|other| other.kind == carrier.kind && other.get(tool, annotation).is_some_and(|(reference, _)| carrier.is(reference)))
    };
    let pushed = carrier.get(REPLICATOR, "replicate-to").is_some() || carrier.get(REPLICATOR, "replicate-to-matching").is_some();
    let replicates =
        pushed || is_asked(REPLICATOR, "replicate-from") && carrier.get(REPLICATOR, "replication-allowed-namespaces").is_some();
    let is_allowed = carrier.is_true(REFLECTOR, "reflection-allowed");
    let is_automatic = carrier.is_true(REFLECTOR, "reflection-auto-enabled");
    let reflects = !is_refused && is_allowed && (is_automatic || is_asked(REFLECTOR, "reflects"));
    into_itself(lint, carrier);
    // Whoever bears the annotations of both may run only one of them.
    if replicates || reflects {
        return;
    }
    if let Some((_, path)) = carrier.get(REPLICATOR, "replication-allowed").filter(|_| carrier.is_true(REPLICATOR, "replication-allowed")) {
        let (message, help) = match carrier.get(REPLICATOR, "replication-allowed-namespaces") {
            Some(_) => (
                "`replication-allowed` lets others copy this, and nobody here does",
                "write `replicate-to` with the namespaces beside it; or a copy with `replicate-from` there",
            ),
            None => (
                "`replication-allowed` alone permits no copy: replicator also asks for `replication-allowed-namespaces`",
                "write `replicate-to` with the namespaces instead",
            ),
        };
        lint.report(&REPLICATION_COPIES_NOTHING, carrier.document, &path, message, help);
    }
    let annotation = if is_allowed { "reflection-allowed" } else { "reflection-auto-enabled" };
    if let Some((_, path)) = carrier.get(REFLECTOR, annotation).filter(|_| !is_refused && (is_allowed || is_automatic)) {
        let (message, help) = match is_allowed {
            true => (
                "`reflection-allowed` lets others copy this, and nobody here does",
                "write `reflection-auto-enabled: \"true\"` beside it; or a copy with `reflects` there",
            ),
            false => {
                ("`reflection-auto-enabled` copies nothing without `reflection-allowed`", "write `reflection-allowed: \"true\"` beside it")
            }
        };
        lint.report(&REPLICATION_COPIES_NOTHING, carrier.document, &path, message, help);
    }
}

/// A list that names only the namespace of the source, where no copy can lie beside it.
fn into_itself(lint: &mut Lint<'_>, carrier: &Carrier<'_>) {
    let Some(own) = carrier.namespace else { return };
    for (tool, annotation) in [(REPLICATOR, "replicate-to"), (REFLECTOR, "reflection-auto-namespaces")] {
        let Some((list, path)) = carrier.get(tool, annotation) else { continue };
        let is_own = |pattern: &str| {
            let inner = pattern.strip_prefix('^').unwrap_or(pattern);
            inner.strip_suffix('$').unwrap_or(inner) == own
        };
        let mut all = patterns(list).peekable();
        if all.peek().is_some() && all.all(is_own) {
            let message = format!("`{own}` is the namespace that `{}` lies in itself, so nothing is copied", carrier.name);
            lint.report(&REPLICATION_COPIES_NOTHING, carrier.document, &path, message, "name the namespaces that need a copy");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::found;

    fn codes(text: &str) -> Vec<&'static str> {
        let mut codes: Vec<&str> = found("", &[("file.yaml", text)]).into_iter().map(|(code, ..)| code).collect();
        codes.retain(|code| {
            ["private-key-shared", "reflector-pattern-invalid", "replicator-pattern-is-a-glob", "replication-copies-nothing"].contains(code)
        });
        codes.sort_unstable();
        codes
    }

    fn secret(kind: &str, annotations: &str) -> Vec<&'static str> {
        let annotations = annotations.replace("replicator/", super::REPLICATOR).replace("reflector/", super::REFLECTOR);
        codes(&format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, namespace: web, annotations: {{{annotations}}}}}\ndata: {{tls.key: '', ca.crt: ''}}\n"
        ))
    }

    #[test]
    fn a_key_for_everybody_is_told_of_and_a_certificate_of_the_ca_is_not() {
        for annotations in [
            "replicator/replicate-to: '.*'",
            "replicator/replicate-to: 'team-[a-z]+'",
            "replicator/replicate-to-matching: 'tls=yes'",
            "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true'",
            "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-allowed-namespaces: 'team-.*'",
        ] {
            assert_eq!(secret("Secret", annotations), ["private-key-shared"], "{annotations}");
            assert_eq!(secret("ConfigMap", annotations), [""; 0], "{annotations}");
        }
    }

    #[test]
    fn namespaces_by_name_are_somebodys_decision() {
        assert_eq!(secret("Secret", "replicator/replicate-to: 'web,shop'"), [""; 0]);
        let annotations = "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-allowed-namespaces: 'web,shop'";
        assert_eq!(secret("Secret", annotations), [""; 0]);
        assert_eq!(secret("Secret", "replicator/replicate-to-matching: ''"), [""; 0]);
    }

    #[test]
    fn a_copy_beside_its_source_is_none() {
        assert_eq!(secret("ConfigMap", "replicator/replicate-to: '^web$'"), ["replication-copies-nothing"]);
        assert_eq!(secret("ConfigMap", "replicator/replicate-to: '^web$,^shop$'"), [""; 0]);
        let reflected =
            "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-auto-namespaces: 'web'";
        assert_eq!(secret("ConfigMap", reflected), ["replication-copies-nothing"]);
    }

    #[test]
    fn a_pattern_that_throws_shares_nothing() {
        let annotations =
            "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-allowed-namespaces: '*'";
        assert_eq!(secret("Secret", annotations), ["reflector-pattern-invalid"]);
        assert_eq!(secret("ConfigMap", &annotations.replace("'*'", "'.*'")), [""; 0]);
    }

    #[test]
    fn a_glob_is_told_of_in_both() {
        assert_eq!(secret("ConfigMap", "replicator/replicate-to: 'team-*'"), ["replicator-pattern-is-a-glob"]);
        let annotations = "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-auto-namespaces: 'team-*'";
        assert_eq!(secret("ConfigMap", annotations), ["replicator-pattern-is-a-glob"]);
        assert_eq!(secret("ConfigMap", "replicator/replicate-to: 'team-.*'"), [""; 0]);
    }

    #[test]
    fn permission_alone_copies_nothing() {
        assert_eq!(
            secret("ConfigMap", "replicator/replication-allowed: 'true', replicator/replication-allowed-namespaces: '.*'"),
            ["replication-copies-nothing"]
        );
        assert_eq!(secret("ConfigMap", "replicator/replication-allowed: 'true'"), ["replication-copies-nothing"]);
        assert_eq!(secret("ConfigMap", "reflector/reflection-allowed: 'true'"), ["replication-copies-nothing"]);
        assert_eq!(secret("ConfigMap", "reflector/reflection-auto-enabled: 'true'"), ["replication-copies-nothing"]);
        assert_eq!(secret("ConfigMap", "reflector/reflection-allowed: 'false'"), [""; 0]);
        assert_eq!(secret("ConfigMap", "replicator/replication-allowed: 'true', replicator/replicate-to: 'shop'"), [""; 0]);
    }

    #[test]
    fn a_copy_in_the_tree_makes_use_of_a_permission() {
        let source = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: web, annotations: {replicator.v1.mittwald.de/replication-allowed: 'true', replicator.v1.mittwald.de/replication-allowed-namespaces: shop}}\n";
        let copy = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: shop, annotations: {replicator.v1.mittwald.de/replicate-from: web/ca}}\n";
        assert_eq!(codes(&format!("{source}{copy}")), [""; 0]);
        assert_eq!(codes(source), ["replication-copies-nothing"]);
    }

    #[test]
    fn the_secret_of_a_certificate_always_holds_the_key() {
        let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: web, namespace: web}\nspec: {secretName: web-tls, dnsNames: [web.web.svc], issuerRef: {group: example.org, kind: X, name: x}, secretTemplate: {annotations: {replicator.v1.mittwald.de/replicate-to: '.*'}}}\n";
        assert_eq!(codes(certificate), ["private-key-shared"]);
        assert_eq!(codes(&certificate.replace("'.*'", "shop")), [""; 0]);
    }
}
