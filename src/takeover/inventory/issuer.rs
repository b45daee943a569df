//! Issuers and their provisioners.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::super::Reason;
use super::super::authority::Authority;
use super::super::draft::way;
use super::super::material::Item;
use super::super::script::{has_variable, is_variable};
use super::{FILLED_IN, Maker, Taken, is_filled_in, key_of, typed};
use crate::finding::{CA_BUNDLE_DIFFERS, ISSUER_KID_OF_ANOTHER_PROVISIONER, ISSUER_PASSWORD_NAMESPACE, PROVISIONER_NOT_FOUND, listed};
use crate::inventory::Issuer;
use crate::pki::{Fingerprint, certificates};

impl<'a> Maker<'a> {
    pub(super) fn issuers(&mut self) -> Vec<Taken<'a>> {
        let mut taken: Vec<Taken<'a>> = Vec::new();
        for item in &self.context.material.issuers {
            let key = key_of(item, &self.context.material.issuers, |key| taken.iter().any(|other| other.key == key));
            match self.issuer(item, &key) {
                Ok(entry) => {
                    self.made.draft.set(&["issuers", &key], entry);
                    self.made.taken.push(item.clone());
                    taken.push(Taken { key, item });
                }
                Err(why) => self.leave(item, why),
            }
        }
        taken
    }

    /// The entry of an issuer.
    pub(super) fn issuer(&mut self, item: &Item, key: &str) -> Result<Value, String> {
        let paths: &[&[&str]] =
            &[&["metadata", "namespace"], &["metadata", "name"], &["spec", "url"], &["spec", "provisioner", "passwordRef"]];
        if paths.iter().filter_map(|path| item.at(path)).any(|node| is_filled_in(&node.to_json())) {
            return Err(FILLED_IN.to_owned());
        }
        let mut entry = Map::new();
        let is_cluster = item.identity.kind == "StepClusterIssuer";
        let needed = |path: &[&str]| match item.text(path) {
            Some(text) if has_variable(text) => Err(FILLED_IN.to_owned()),
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(format!("it has no `{}`, so it never worked", path.join("."))),
        };
        entry.insert("kind".to_owned(), item.identity.kind.as_str().into());
        if item.identity.name != key {
            entry.insert("name".to_owned(), item.identity.name.as_str().into());
        }
        if !is_cluster {
            let namespace = item.identity.namespace.clone().unwrap_or_else(|| self.home());
            entry.insert("namespace".to_owned(), namespace.into());
        }
        let name = needed(&["spec", "provisioner", "name"])?;
        if ["passwordEnv", "passwordFile"].iter().any(|field| item.at(&["spec", "provisioner", field]).is_some()) {
            return Err("its password comes from the controller's environment or a file, and an inventory names a Secret".to_owned());
        }
        let authority = self.authority_of(item).ok_or("it has no `spec.url`, so it never worked")?;
        if self.context.authorities.len() > 1 {
            entry.insert("authority".to_owned(), authority.name.as_str().into());
        }
        let (secret, secret_key) =
            (needed(&["spec", "provisioner", "passwordRef", "name"])?, item.text(&["spec", "provisioner", "passwordRef", "key"]));
        let mut reference = Map::from_iter([("name".to_owned(), Value::from(secret))]);
        match (is_cluster, item.text(&["spec", "provisioner", "passwordRef", "namespace"])) {
            (true, Some(namespace)) => drop(reference.insert("namespace".to_owned(), namespace.into())),
            (true, None) => {
                let home = self.home();
                let text = format!("a StepClusterIssuer says where its password lies; `{home}` was taken");
                self.made.draft.comment(
                    way(&["issuers", key, "provisioner", "passwordRef", "namespace"]),
                    "Nothing said where the password lies: correct this where it is another namespace.",
                );
                self.because(&item.identity, Reason::of(&ISSUER_PASSWORD_NAMESPACE, text));
                reference.insert("namespace".to_owned(), home.into());
            }
            (false, _) => {}
        }
        if let Some(secret_key) = secret_key.filter(|key| *key != "password") {
            reference.insert("key".to_owned(), secret_key.into());
        }
        let name = self.provisioner(item, key, authority, name);
        let provisioner = Map::from_iter([("name".to_owned(), Value::from(name)), ("passwordRef".to_owned(), reference.into())]);
        entry.insert("provisioner".to_owned(), provisioner.into());
        self.not_in_inventory(item, &["url", "caBundle", "provisioner"]);
        let entry = Value::Object(entry);
        typed::<Issuer>(&entry)?;
        Ok(entry)
    }

    /// The name of the provisioner that is meant: name and key id may belong to two.
    pub(super) fn provisioner(&mut self, item: &Item, key: &str, authority: &Authority, name: String) -> String {
        let identity = item.identity.clone();
        let kid = item.text(&["spec", "provisioner", "kid"]).unwrap_or_default().to_owned();
        let place = way(&["issuers", key, "provisioner", "name"]);
        let Some(snapshot) = authority.snapshot() else {
            if !kid.is_empty() && !is_variable(&kid) {
                self.made.remarks.push(format!(
                    "{identity}: only its provisioner's name `{name}` is taken over; whether the key id `{kid}` is that one's shows once the CA snapshot is there"
                ));
            }
            return name;
        };
        if is_variable(&kid) || is_variable(item.text(&["spec", "caBundle"]).unwrap_or_default()) {
            self.because(&identity, Reason::plain(
                "root and key id come from the CA snapshot, and the key id is that of the named provisioner: a script that takes the first one in ca.json may take another's",
            ));
        }
        let old_roots = item.text(&["spec", "caBundle"]).unwrap_or_default();
        if !is_variable(old_roots) && old_roots != snapshot.ca_bundle() {
            let reason = if fingerprints(old_roots) == Some(snapshot.roots().iter().map(|root| root.certificate.fingerprint()).collect()) {
                Reason::plain("the same roots in canonical PEM and in their order")
            } else {
                Reason::of(&CA_BUNDLE_DIFFERS, "the bundle is the one that the CA snapshot gives")
            };
            self.because(&identity, reason);
        }
        let Some(known) = snapshot.provisioners().known() else { return name };
        let owners: Vec<&str> = snapshot.provisioners_with_kid(&kid).collect();
        if owners.is_empty() && !known.contains_key(&name) {
            let text = format!("the CA has no provisioner `{name}` (it has {})", listed(known.keys().map(String::as_str)));
            self.because(&identity, Reason::of(&PROVISIONER_NOT_FOUND, text));
        }
        if is_variable(&kid) || kid.is_empty() || owners.contains(&name.as_str()) {
            return name;
        }
        let has_name = known.contains_key(&name);
        match (owners.first(), has_name) {
            (Some(owner), true) => {
                let text = format!(
                    "the key id `{kid}` belongs to `{owner}` and not to `{name}`; `{name}` was taken, and with it another key: if the password in its Secret opens `{owner}`, write `{owner}`"
                );
                self.made.draft.comment(
                    place,
                    format!("The old key id was that of `{owner}`: if the password below opens that one, write `{owner}` here."),
                );
                self.because(&identity, Reason::of(&ISSUER_KID_OF_ANOTHER_PROVISIONER, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                name
            }
            (Some(owner), false) => {
                let text = format!("the CA has no provisioner `{name}`; `{owner}` was taken, to which the key id `{kid}` belongs");
                self.made.draft.comment(place, format!("Was `{name}`, which the CA does not have; the key id was that of `{owner}`."));
                self.because(&identity, Reason::of(&PROVISIONER_NOT_FOUND, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                (*owner).to_owned()
            }
            (None, _) => {
                let text = format!(
                    "no provisioner of the CA has the key id `{kid}` (it has {}); the name `{name}` was taken",
                    listed(known.keys().map(String::as_str))
                );
                self.made.draft.comment(place, format!("The old key id, `{kid}`, belongs to no provisioner of the CA."));
                self.because(&identity, Reason::of(&ISSUER_KID_OF_ANOTHER_PROVISIONER, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                name
            }
        }
    }
}

/// The certificates of a bundle; None where it is none.
pub(super) fn fingerprints(bundle: &str) -> Option<BTreeSet<Fingerprint>> {
    let pem = STANDARD.decode(bundle.trim()).ok()?;
    Some(certificates(&pem).ok()?.iter().map(crate::pki::Certificate::fingerprint).collect())
}
