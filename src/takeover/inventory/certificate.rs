//! Certificates.

use serde_json::{Map, Value};

use super::super::Reason;
use super::super::draft::way;
use super::super::material::Item;
use super::{FILLED_IN, Maker, Taken, is_filled_in, key_of, typed};
use crate::finding::{
    DURATION_NOT_CANONICAL, ISSUER_IN_OTHER_NAMESPACE, ISSUER_UNRESOLVED, PRIVATE_KEY_SHARED, WILDCARD_MATCHES_NO_SERVICE,
};
use crate::inventory::Certificate;
use crate::pki::{GoDuration, Wildcard};

/// Fields of a Certificate's `spec` that an inventory has under the same name.
const SAME_FIELDS: &[&str] = &[
    "commonName",
    "subject",
    "dnsNames",
    "ipAddresses",
    "uris",
    "emailAddresses",
    "duration",
    "renewBefore",
    "renewBeforePercentage",
    "usages",
    "encodeUsagesInRequest",
    "privateKey",
    "signatureAlgorithm",
    "secretTemplate",
    "keystores",
    "additionalOutputFormats",
    "revisionHistoryLimit",
];

/// Annotations by which other programs copy a Secret.
const COPIERS: &[&str] = &["replicator.v1.mittwald.de/", "reflector.v1.k8s.emberstack.com/"];

impl<'a> Maker<'a> {
    pub(super) fn certificates(&mut self, issuers: &[Taken<'a>]) {
        let mut keys: Vec<String> = Vec::new();
        for item in &self.context.material.certificates {
            let key = key_of(item, &self.context.material.certificates, |key| keys.iter().any(|other| other == key));
            match self.certificate(item, &key, issuers) {
                Ok(entry) => {
                    self.made.draft.set(&["certificates", &key], entry);
                    self.made.taken.push(item.clone());
                    keys.push(key);
                }
                Err(why) => {
                    let prefix = way(&["certificates", &key]);
                    self.made.draft.comments.retain(|way, _| !way.starts_with(&prefix));
                    if why.starts_with(ISSUER_UNRESOLVED.code) {
                        let text = |key: &str| item.text(&["spec", "issuerRef", key]).map(str::to_owned);
                        let kind = text("kind").unwrap_or_else(|| "StepIssuer".to_owned());
                        self.made.unresolved.push((self.made.left.len(), (kind, text("name").unwrap_or_default())));
                    }
                    self.leave(item, why);
                }
            }
        }
    }

    /// The entry of a certificate.
    pub(super) fn certificate(&mut self, item: &Item, key: &str, issuers: &[Taken<'a>]) -> Result<Value, String> {
        let mut entry = Map::new();
        let namespace = match &item.identity.namespace {
            Some(namespace) => namespace.clone(),
            None => {
                let home = self.home();
                self.made.remarks.push(format!("{} names no namespace; `{home}` was taken", item.identity));
                home
            }
        };
        if item.identity.name != key {
            entry.insert("name".to_owned(), item.identity.name.as_str().into());
        }
        entry.insert("namespace".to_owned(), namespace.as_str().into());
        let issuer = issuer_of(item, &namespace, issuers)?;
        if issuers.len() > 1 {
            entry.insert("issuer".to_owned(), issuer.key.as_str().into());
        }
        // Without it, it would have no name at all, which a CA signs under none of its rules.
        if item.at(&["spec", "literalSubject"]).is_some() {
            return Err(
                "an inventory cannot say `spec.literalSubject`, and without it the certificate would have another subject".to_owned()
            );
        }
        let secret = item.text(&["spec", "secretName"]).ok_or("it has no `spec.secretName`, so it never worked")?;
        if secret != format!("{}-tls", item.identity.name) {
            entry.insert("secretName".to_owned(), secret.into());
        }
        for field in SAME_FIELDS {
            let Some(value) = item.at(&["spec", field]) else { continue };
            if let Some(value) = self.field(item, key, field, &namespace, value.to_json()) {
                entry.insert((*field).to_owned(), value);
            }
        }
        if item.text(&["spec", "privateKey", "rotationPolicy"]).is_none() {
            let text = "`rotationPolicy` is always written: cert-manager's own default became another one with 1.18";
            self.because(&item.identity, Reason::plain(text));
        }
        let known: Vec<&str> = SAME_FIELDS.iter().copied().chain(["secretName", "issuerRef"]).collect();
        self.not_in_inventory(item, &known);
        let entry = Value::Object(entry);
        if is_filled_in(&entry) {
            return Err(FILLED_IN.to_owned());
        }
        typed::<Certificate>(&entry)?;
        Ok(entry)
    }

    /// One field of a certificate, repaired where that is ours to do.
    pub(super) fn field(&mut self, item: &Item, key: &str, field: &str, namespace: &str, value: Value) -> Option<Value> {
        let place = |rest: &[&str]| way(&[&["certificates", key, field], rest].concat());
        match (field, value) {
            ("dnsNames", Value::Array(names)) => Some(self.dns_names(item, key, namespace, names)),
            ("duration" | "renewBefore", Value::String(text)) => {
                if text.parse::<GoDuration>().is_ok_and(|duration| duration.to_string() != text) {
                    let reason = format!("`{field}: {text}` is rendered as Go prints it, which every cluster keeps as it is");
                    self.because(&item.identity, Reason::of(&DURATION_NOT_CANONICAL, reason));
                }
                Some(text.into())
            }
            ("privateKey", Value::Object(mut map)) => {
                if map.get("rotationPolicy") == Some(&Value::from("Always")) {
                    map.shift_remove("rotationPolicy");
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            ("secretTemplate", Value::Object(mut map)) => {
                let annotations = map.get_mut("annotations").and_then(Value::as_object_mut);
                let copiers: Vec<String> = annotations
                    .iter()
                    .flat_map(|map| map.keys())
                    .filter(|key| COPIERS.iter().any(|prefix| key.starts_with(prefix)))
                    .cloned()
                    .collect();
                if let Some(annotations) = annotations
                    && !copiers.is_empty()
                {
                    copiers.iter().for_each(|key| drop(annotations.shift_remove(key)));
                    if annotations.is_empty() {
                        map.shift_remove("annotations");
                    }
                    let names: Vec<&str> = COPIERS
                        .iter()
                        .filter(|prefix| copiers.iter().any(|key| key.starts_with(**prefix)))
                        .map(|prefix| prefix.split('.').next().unwrap_or_default())
                        .collect();
                    let instead =
                        "give each namespace a Certificate of its own, and spread only the CA's root, with trust-manager for instance";
                    self.made.draft.comment(
                        place(&["annotations"]),
                        format!(
                            "Annotations of {} are dropped: they hand out the Secret with its private key. Instead: {instead}.",
                            names.join(" and ")
                        ),
                    );
                    let reason =
                        format!("the annotations of {} are dropped, because they hand out the private key: {instead}", names.join(" and "));
                    self.because(&item.identity, Reason::of(&PRIVATE_KEY_SHARED, reason));
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            ("keystores", Value::Object(mut map)) => {
                let has_password = map.values().any(|store| store.get("password").is_some());
                if has_password {
                    map.retain(|_, store| store.get("password").is_none());
                    let text =
                        "a key store whose password stands in the Certificate is not taken over: put it into a Secret, and name that";
                    self.made.draft.comment(
                        place(&[]),
                        "A key store is missing here whose password stood in the Certificate: put that into a Secret.",
                    );
                    self.because(&item.identity, Reason::plain(text));
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            (_, Value::Array(items)) if items.is_empty() => None,
            (_, value) => Some(value),
        }
    }

    /// Names, with those that match no Service made into those of the certificate's own namespace.
    pub(super) fn dns_names(&mut self, item: &Item, key: &str, namespace: &str, names: Vec<Value>) -> Value {
        let mut kept: Vec<Value> = Vec::new();
        for name in names {
            let repaired = name.as_str().and_then(|name| repaired(name, namespace, self.cluster_domain()));
            let Some(new) = repaired else {
                kept.push(name);
                continue;
            };
            let old = name.as_str().unwrap_or_default();
            let text = format!(
                "`{old}` matches no Service, since the star stands for one label; it is `{new}` now, for the Services of this namespace"
            );
            self.because(&item.identity, Reason::of(&WILDCARD_MATCHES_NO_SERVICE, text));
            if kept.contains(&Value::from(new.as_str())) {
                continue;
            }
            let index = kept.len().to_string();
            let comment = format!(
                "Was `{old}`, which matches no Service: the star stands for one label. Other namespaces need a certificate of their own."
            );
            self.made.draft.comment(way(&["certificates", key, "dnsNames", &index]), comment);
            kept.push(new.into());
        }
        Value::Array(kept)
    }
}

/// What a wildcard that matches no Service should have been; None where it is right, or nothing can be said.
pub(super) fn repaired(name: &str, namespace: &str, domain: &str) -> Option<String> {
    let wildcard = Wildcard::find(name).ok()??;
    let instead = wildcard.reach(domain).instead()?;
    instead.contains("<namespace>.svc").then(|| instead.replace("<namespace>", namespace))
}

/// The issuer that signs a certificate.
pub(super) fn issuer_of<'t, 'a>(item: &Item, namespace: &str, issuers: &'t [Taken<'a>]) -> Result<&'t Taken<'a>, String> {
    let name = item.text(&["spec", "issuerRef", "name"]).unwrap_or_default();
    let kind = item.text(&["spec", "issuerRef", "kind"]).unwrap_or("StepIssuer");
    let named: Vec<&Taken<'a>> =
        issuers.iter().filter(|issuer| issuer.item.identity.name == name && issuer.item.identity.kind == kind).collect();
    let serves =
        |issuer: &&&Taken<'a>| kind == "StepClusterIssuer" || issuer.item.identity.namespace.as_deref().is_none_or(|own| own == namespace);
    match (named.iter().find(serves), named.first()) {
        (Some(issuer), _) => Ok(*issuer),
        (None, Some(other)) => Err(format!(
            "{}: its {kind} `{name}` lies in namespace `{}` and serves no other one",
            ISSUER_IN_OTHER_NAMESPACE.code,
            other.item.identity.namespace.as_deref().unwrap_or_default()
        )),
        (None, None) => Err(format!("{}: its {kind} `{name}` is not among what was taken over", ISSUER_UNRESOLVED.code)),
    }
}
