//! What bears the annotations of replicator and reflector: Secrets and ConfigMaps, and what makes a Secret.

use crate::lint::Lint;
use crate::lint::object::{Object, value};
use crate::manifest::Document;
use crate::yaml::Path;

/// Something that can be copied.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    pub(super) document: &'a Document,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
    /// `Secret` or `ConfigMap`.
    pub(super) kind: &'static str,
    /// Whether it holds a private key.
    pub(super) has_key: bool,
    annotations: Vec<(&'a str, Path, &'a str)>,
}

impl<'a> Carrier<'a> {
    /// An annotation with its path.
    pub(super) fn get(&self, prefix: &str, name: &str) -> Option<(&'a str, Path)> {
        let is_it = |key: &str| key.strip_prefix(prefix).is_some_and(|rest| rest == name);
        self.annotations.iter().find(|(key, ..)| is_it(key)).map(|(_, path, value)| (*value, path.clone()))
    }

    /// Whether an annotation says yes, as Go and .NET read it.
    pub(super) fn is_true(&self, prefix: &str, name: &str) -> bool {
        self.get(prefix, name).is_some_and(|(value, _)| value.trim().eq_ignore_ascii_case("true") || ["1", "t"].contains(&value))
    }

    /// Whether a reference, `namespace/name`, means it.
    pub(super) fn is(&self, reference: &str) -> bool {
        match reference.split_once('/') {
            Some((namespace, name)) => name == self.name && self.namespace.is_none_or(|own| own == namespace),
            None => reference == self.name,
        }
    }
}

/// Everything that bears annotations.
pub(super) fn carriers<'a>(lint: &Lint<'a>) -> Vec<Carrier<'a>> {
    let mut carriers: Vec<Carrier<'a>> = lint.certificates().filter_map(certificate).collect();
    carriers.extend(lint.objects_of("", "Secret").map(|object| Carrier { has_key: has_key(object), ..plain(object, "Secret") }));
    carriers.extend(lint.objects_of("", "ConfigMap").map(|object| plain(object, "ConfigMap")));
    carriers.extend(lint.objects_of("bitnami.com", "SealedSecret").map(sealed));
    carriers.retain(|carrier| !carrier.annotations.is_empty());
    carriers
}

fn plain<'a>(object: Object<'a>, kind: &'static str) -> Carrier<'a> {
    let annotations = object.annotations().collect();
    Carrier { document: object.document, namespace: object.namespace(), name: object.name(), kind, has_key: false, annotations }
}

fn has_key(secret: Object<'_>) -> bool {
    let holds = |list: &str| value(&secret.document.node, list).is_some_and(|data| data.get("tls.key").is_some());
    secret.text("type") == Some("kubernetes.io/tls") || holds("data") || holds("stringData")
}

/// The Secret that cert-manager writes for a Certificate always holds the key.
fn certificate(object: Object<'_>) -> Option<Carrier<'_>> {
    let annotations = object.annotations_at("spec.secretTemplate.annotations").collect();
    Some(Carrier { name: object.text("spec.secretName")?, has_key: true, annotations, ..plain(object, "Secret") })
}

fn sealed(object: Object<'_>) -> Carrier<'_> {
    let has_key = object.get("spec.encryptedData").is_some_and(|data| data.get("tls.key").is_some());
    Carrier { has_key, annotations: object.annotations_at("spec.template.metadata.annotations").collect(), ..plain(object, "Secret") }
}
