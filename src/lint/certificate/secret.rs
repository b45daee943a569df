//! The Secret that a certificate writes: nobody else may write it, and its annotations are cert-manager's own.

use std::collections::BTreeMap;

use super::called;
use crate::catalog::{ADMITTED_ANNOTATION, CERT_MANAGER_ANNOTATIONS};
use crate::finding::{SECRET_NAME_COLLISION, SECRET_TEMPLATE_ANNOTATION};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::manifest::Identity;
use crate::yaml::{Node, Path};

/// Judges the annotations that a certificate wants on its Secret.
pub(super) fn check_template(lint: &mut Lint<'_>, certificate: Object<'_>) {
    let (admitted, since) = ADMITTED_ANNOTATION;
    let is_admitted = |key: &str| key == admitted && !lint.is_cert_manager_before(since);
    let annotations = certificate.annotations_at("spec.secretTemplate.annotations");
    let refused: Vec<(&str, Path)> = annotations
        .filter(|(key, ..)| key.starts_with(CERT_MANAGER_ANNOTATIONS) && !is_admitted(key))
        .map(|(key, path, _)| (key, path))
        .collect();
    for (key, path) in refused {
        let message = format!("the annotation `{key}` belongs to cert-manager, which refuses a `secretTemplate` with it");
        let place = lint.key_place(certificate.document, &path);
        let finding = crate::finding::Finding::new(&SECRET_TEMPLATE_ANNOTATION, place, message);
        lint.add(certificate.document, finding.help("take it out; what you need on the Secret goes under a prefix of your own"));
    }
}

/// Judges whether two write the same Secret. One that several roots build is one.
pub(super) fn check_collisions(lint: &mut Lint<'_>, certificates: &[Object<'_>]) {
    let mut writers: BTreeMap<(&str, &str), Vec<Object<'_>>> = BTreeMap::new();
    for certificate in certificates {
        let Some(secret) = certificate.text("spec.secretName").filter(|secret| !secret.is_empty()) else { continue };
        let others = writers.entry((where_it_lies(*certificate), secret)).or_default();
        if others.iter().any(|other| other.identity == certificate.identity) {
            continue;
        }
        let is_beside = |other: &&Object<'_>| !lint.overlays.exclude_each_other(certificate.document, other.document);
        if let Some(other) = others.iter().find(is_beside) {
            let message = format!(
                "certificates `{}` and `{}` both write the Secret `{secret}`{}, so each undoes the other's",
                other.name(),
                certificate.name(),
                in_namespace(certificate.identity)
            );
            report(lint, *certificate, message);
        }
        others.push(*certificate);
    }
    let secrets: Vec<(&str, &str, &str)> = lint.objects.iter().filter_map(|object| written_secret(*object)).collect();
    for (kind, namespace, name) in secrets {
        for certificate in writers.get(&(namespace, name)).into_iter().flatten() {
            let message = format!(
                "{} writes the Secret `{name}`{}, which a {kind} of that name writes as well, so each undoes the other's",
                called(*certificate),
                in_namespace(certificate.identity)
            );
            report(lint, *certificate, message);
        }
    }
}

fn report(lint: &mut Lint<'_>, certificate: Object<'_>, message: String) {
    let path = Path::of(["spec", "secretName"]);
    lint.report(&SECRET_NAME_COLLISION, certificate.document, &path, message, "give one of them another `secretName`");
}

fn in_namespace(identity: &Identity) -> String {
    identity.namespace.as_deref().map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default()
}

/// The Secret that another object fills: kind, namespace and name. A Secret without content is often laid down for
/// cert-manager to fill, with labels that it keeps.
pub(in crate::lint) fn written_secret<'a>(object: Object<'a>) -> Option<(&'a str, &'a str, &'a str)> {
    let named = |path: &str| object.text(path).filter(|name| !name.is_empty()).unwrap_or_else(|| object.name());
    let has_content =
        || ["data", "stringData"].iter().any(|field| object.get(field).and_then(Node::as_map).is_some_and(|map| !map.is_empty()));
    let name = match (object.identity.group.as_str(), object.identity.kind.as_str()) {
        ("", "Secret") if has_content() => object.name(),
        ("bitnami.com", "SealedSecret") => named("spec.template.metadata.name"),
        ("external-secrets.io", "ExternalSecret") => named("spec.target.name"),
        _ => return None,
    };
    Some((object.identity.kind.as_str(), where_it_lies(object), name))
}

/// The namespace of an object; where it names none, its root, all of whose objects end in the same one.
fn where_it_lies(object: Object<'_>) -> &str {
    object.namespace().unwrap_or(object.document.root.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, certificate};

    #[test]
    fn two_certificates_cannot_share_a_secret() {
        let one = certificate("one", "dnsNames: [a]");
        let two = certificate("two", "dnsNames: [b]").replace("two-tls", "one-tls");
        assert_eq!(Sandbox::new("").write(&one).write(&two).found(&SECRET_NAME_COLLISION).len(), 1);
        // Without a namespace, whoever applies a root chooses it.
        let nowhere = |text: &str| text.replace("  namespace: web\n", "");
        assert_eq!(Sandbox::new("").write(&nowhere(&one)).write(&nowhere(&two)).found(&SECRET_NAME_COLLISION), [""; 0]);
        // In another namespace it is another Secret, and the same certificate in two roots is one.
        let elsewhere = two.replace("namespace: web", "namespace: other");
        assert_eq!(Sandbox::new("").write(&one).write(&elsewhere).write(&one).found(&SECRET_NAME_COLLISION), [""; 0]);
    }

    #[test]
    fn a_secret_with_content_is_in_the_way() {
        let secret = |kind: &str, rest: &str| format!("apiVersion: {kind}\nmetadata: {{name: one-tls, namespace: web}}\n{rest}");
        for (text, found) in [
            (secret("v1\nkind: Secret", "data: {tls.crt: eA==}"), 1),
            (secret("v1\nkind: Secret", "type: kubernetes.io/tls"), 0),
            (secret("bitnami.com/v1alpha1\nkind: SealedSecret", "spec: {encryptedData: {a: b}}"), 1),
            (secret("external-secrets.io/v1\nkind: ExternalSecret", "spec: {target: {name: two-tls}}"), 0),
        ] {
            let sandbox = Sandbox::new("").write(&certificate("one", "dnsNames: [a]")).write(&text);
            assert_eq!(sandbox.found(&SECRET_NAME_COLLISION).len(), found, "{text}");
        }
    }

    #[test]
    fn annotations_of_cert_manager_are_its_own() {
        let found = |inventory: &str, key: &str| {
            let spec = format!("secretTemplate:\n  annotations:\n    {key}: 'true'");
            Sandbox::new(inventory).write(&certificate("one", &spec)).found(&SECRET_TEMPLATE_ANNOTATION).len()
        };
        assert_eq!(found("", "cert-manager.io/issuer-name"), 1);
        assert_eq!(found("", "replicator.v1.mittwald.de/replication-allowed"), 0);
        assert_eq!(found("", "cert-manager.io/allow-direct-injection"), 0);
        assert_eq!(found("versions: {certManager: '1.14'}\n", "cert-manager.io/allow-direct-injection"), 1);
    }
}
