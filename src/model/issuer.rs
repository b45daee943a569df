//! Issuers: the provisioner is chosen by name and gives the key id; the roots of the snapshot give the bundle.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::{ISSUER_PASSWORD_NAMESPACE, PROVISIONER_NOT_FOUND, PROVISIONER_NOT_JWK, PROVISIONER_WITHOUT_KEY, WRONG_TYPE, listed};
use crate::inventory::{self, IssuerKind};
use crate::model::build::{KnownSnapshot, Resolution};
use crate::snapshot::{self, Snapshot};
use crate::yaml::{Fact, Path};

/// The key in the Secret of a provisioner's password, where the inventory names none.
const PASSWORD_KEY: &str = "password";

/// A StepIssuer or StepClusterIssuer, ready to be rendered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Kind.
    pub kind: IssuerKind,
    /// Name of the object.
    pub name: String,
    /// Namespace of a StepIssuer; null for a StepClusterIssuer.
    pub namespace: Option<String>,
    /// The authority's name in the inventory.
    pub authority: String,
    /// URL of the CA.
    pub url: String,
    /// Base64 of the PEM of every root that the snapshot trusts.
    pub ca_bundle: String,
    /// The provisioner.
    pub provisioner: Provisioner,
}

/// A JWK provisioner.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioner {
    /// Its name at the CA.
    pub name: String,
    /// Its key id, from the snapshot.
    pub kid: String,
    /// The Secret with its password.
    pub password_ref: PasswordReference,
}

/// A key in a Secret.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordReference {
    /// Name of the Secret.
    pub name: String,
    /// Its namespace, for a StepClusterIssuer; null otherwise.
    pub namespace: Option<String>,
    /// Key in it.
    pub key: String,
}

/// Resolves every issuer whose snapshot is there: StepIssuers, then StepClusterIssuers.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> (BTreeMap<String, Issuer>, BTreeMap<String, Issuer>) {
    let (mut issuers, mut cluster_issuers) = (BTreeMap::new(), BTreeMap::new());
    for (key, written) in &resolution.fields.issuers {
        check_namespaces(resolution, key, written);
        let Some(authority) = resolution.authority(key, written) else { continue };
        let Some(KnownSnapshot::Here(snapshot, _)) = authority.snapshot else { continue };
        let Some(kid) = key_id(resolution, key, written, snapshot) else { continue };
        let issuer = Issuer {
            kind: written.kind,
            name: written.name.clone().unwrap_or_else(|| key.clone()),
            namespace: written.namespace.clone(),
            authority: authority.name.to_owned(),
            url: authority.url,
            ca_bundle: snapshot.ca_bundle(),
            provisioner: Provisioner {
                name: written.provisioner.name.clone(),
                kid,
                password_ref: password_reference(&written.provisioner.password_ref),
            },
        };
        match written.kind {
            IssuerKind::StepIssuer => issuers.insert(key.clone(), issuer),
            IssuerKind::StepClusterIssuer => cluster_issuers.insert(key.clone(), issuer),
        };
    }
    (issuers, cluster_issuers)
}

fn password_reference(written: &inventory::PasswordReference) -> PasswordReference {
    PasswordReference {
        name: written.name.clone(),
        namespace: written.namespace.clone(),
        key: written.key.clone().unwrap_or_else(|| PASSWORD_KEY.to_owned()),
    }
}

/// A StepIssuer has a namespace, and its password lies there; a StepClusterIssuer has none, and its password's is named.
fn check_namespaces(resolution: &mut Resolution<'_>, key: &str, issuer: &inventory::Issuer) {
    let path = Path::of(["issuers", key]);
    let reference = &issuer.provisioner.password_ref;
    match (issuer.kind, &issuer.namespace, &reference.namespace) {
        (IssuerKind::StepIssuer, None, _) => {
            resolution.report(
                &WRONG_TYPE,
                path,
                format!("the StepIssuer `{key}` needs a `namespace`"),
                "name the namespace whose certificates it signs, or use `kind: StepClusterIssuer`",
            );
        }
        (IssuerKind::StepIssuer, Some(own), Some(_)) => {
            let path = path.key("provisioner").key("passwordRef").key("namespace");
            let message =
                format!("the StepIssuer `{key}` reads its password in its own namespace `{own}`, and `passwordRef` cannot name another");
            resolution.report(&ISSUER_PASSWORD_NAMESPACE, path, message, "take `namespace` out of `passwordRef`");
        }
        (IssuerKind::StepClusterIssuer, Some(_), _) => {
            let path = path.key("namespace");
            resolution.report(
                &WRONG_TYPE,
                path,
                format!("the StepClusterIssuer `{key}` serves every namespace and has none"),
                "take `namespace` out, or use `kind: StepIssuer`",
            );
        }
        (IssuerKind::StepClusterIssuer, None, None) => {
            let path = path.key("provisioner").key("passwordRef");
            let message = format!("the StepClusterIssuer `{key}` must say in which namespace its password lies");
            resolution.report(&ISSUER_PASSWORD_NAMESPACE, path, message, "write `namespace:` into `passwordRef`");
        }
        _ => {}
    }
}

/// The key id of an issuer's provisioner; where the provisioner cannot serve step-issuer, that is reported.
fn key_id(resolution: &mut Resolution<'_>, key: &str, issuer: &inventory::Issuer, snapshot: &Snapshot) -> Option<String> {
    let name = &issuer.provisioner.name;
    let path = Path::of(["issuers", key, "provisioner", "name"]);
    let environment = resolution.environment;
    let Some(provisioners) = snapshot.provisioners().known() else {
        let message = format!(
            "`{environment}` wants provisioner `{name}`, and the CA snapshot does not know the CA's provisioners: they are not in ca.json"
        );
        let help = "add them from the CA's own API: its answer to `GET /provisioners` as `provisioners.json` beside its roots, then `trustree snapshot import`";
        resolution.report(&PROVISIONER_NOT_FOUND, path, message, help);
        return None;
    };
    let Some(provisioner) = provisioners.get(name) else {
        let message = format!("`{environment}` wants provisioner `{name}`, which the CA snapshot does not hold");
        let known: Vec<String> = provisioners.iter().map(|(name, provisioner)| format!("`{name}` ({})", provisioner.kind)).collect();
        let held = if known.is_empty() { "no provisioners".to_owned() } else { known.join(", ") };
        resolution.report(
            &PROVISIONER_NOT_FOUND,
            path,
            message,
            format!("the snapshot has {held}; only a JWK provisioner can serve step-issuer"),
        );
        return None;
    };
    if !provisioner.is_jwk() {
        let usable = listed(provisioners.iter().filter(|(_, provisioner)| is_usable(provisioner)).map(|(name, _)| name.as_str()));
        let message = format!("provisioner `{name}` is of type {}, and only a JWK provisioner can serve step-issuer", provisioner.kind);
        let help = if usable.is_empty() {
            "add a JWK provisioner at the CA, and import its snapshot again".to_owned()
        } else {
            format!("the JWK provisioners are {usable}")
        };
        resolution.report(&PROVISIONER_NOT_JWK, path, message, help);
        return None;
    }
    let Some(kid) = provisioner.kid.as_ref().filter(|kid| !kid.is_empty()) else {
        let message = format!("the key of provisioner `{name}` has no key id, by which step-issuer would ask for it");
        resolution.report(&PROVISIONER_WITHOUT_KEY, path, message, "give the key a `kid` in ca.json, and import its snapshot again");
        return None;
    };
    if provisioner.encrypted_key == Some(Fact::Known(false)) {
        let message = format!(
            "provisioner `{name}` has no encrypted key that step-issuer could fetch from the CA (five parts with dots between them)"
        );
        resolution.report(
            &PROVISIONER_WITHOUT_KEY,
            path,
            message,
            "give the provisioner its `encryptedKey` in ca.json, and import its snapshot again",
        );
        return None;
    }
    Some(kid.clone())
}

/// Whether step-issuer could work with a provisioner, as far as is known.
fn is_usable(provisioner: &snapshot::Provisioner) -> bool {
    provisioner.is_jwk()
        && provisioner.kid.as_ref().is_some_and(|kid| !kid.is_empty())
        && provisioner.encrypted_key != Some(Fact::Known(false))
}
