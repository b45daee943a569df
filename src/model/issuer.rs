//! Issuers: the provisioner is chosen by name and gives the key id; the roots of the snapshot give the bundle.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{
    ISSUER_PASSWORD_NAMESPACE, PROVISIONER_NOT_FOUND, PROVISIONER_NOT_JWK, PROVISIONER_WITHOUT_KEY, Rule, WRONG_TYPE, listed,
};
use crate::inventory::{self, IssuerKind};
use crate::model::IssuerReference;
use crate::model::cert_manager_issuer::{self, CertManagerIssuers};
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::snapshot::{self, Snapshot};
use crate::yaml::{Fact, Path};

/// The key in the Secret of a provisioner's password, where the inventory names none.
const PASSWORD_KEY: &str = "password";

/// A StepIssuer or StepClusterIssuer, ready to be rendered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordReference {
    /// Name of the Secret.
    pub name: String,
    /// Its namespace, for a StepClusterIssuer; null otherwise.
    pub namespace: Option<String>,
    /// Key in it.
    pub key: String,
}

/// The issuers of an environment, by their name in the inventory.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    pub(super) namespaced: BTreeMap<String, Issuer>,
    pub(super) cluster: BTreeMap<String, Issuer>,
    /// cert-manager's own.
    pub(super) of_cert_manager: CertManagerIssuers,
    /// Those that cannot be rendered, as whoever refers to them calls them.
    pub(super) waiting: Vec<IssuerReference>,
}

/// Resolves every issuer whose snapshot is there.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> Issuers {
    let mut issuers = Issuers::default();
    for (key, written) in &resolution.fields.issuers {
        let path = Path::of(["issuers", key]);
        let is_there = if written.kind.is_step() {
            check_fields(resolution, &path, key, written);
            let map = if written.kind.is_cluster() { &mut issuers.cluster } else { &mut issuers.namespaced };
            issuer(resolution, &path, key, written).map(|issuer| drop(map.insert(key.clone(), issuer))).is_some()
        } else {
            let own = &mut issuers.of_cert_manager;
            let map = if written.kind.is_cluster() { &mut own.cluster } else { &mut own.namespaced };
            let issuer = cert_manager_issuer::check_fields(resolution, key, written)
                .then(|| cert_manager_issuer::issuer(resolution, key, written))
                .flatten();
            issuer.map(|issuer| drop(map.insert(key.clone(), issuer))).is_some()
        };
        if !is_there {
            issuers.waiting.push(IssuerReference::of(key, written));
        }
    }
    issuers
}

/// The issuer that stands at a path of the inventory; None where its snapshot is not there, or does not hold what it needs.
pub(super) fn issuer(resolution: &mut Resolution<'_>, path: &Path, key: &str, written: &inventory::Issuer) -> Option<Issuer> {
    let authority = resolution.authority(path, key, written)?;
    let Some(KnownSnapshot::Here(snapshot, _)) = authority.snapshot else { return None };
    let (name, url) = (authority.name.to_owned(), authority.url);
    let provisioner = written.provisioner.as_ref()?;
    let kid = key_id(resolution, path, &provisioner.name, snapshot)?;
    let provisioner =
        Provisioner { name: provisioner.name.clone(), kid, password_ref: password_reference(provisioner.password_ref.as_ref()?) };
    let IssuerReference { kind, name: own_name, namespace, .. } = IssuerReference::of(key, written);
    Some(Issuer { kind, name: own_name, namespace, authority: name, url, ca_bundle: snapshot.ca_bundle(), provisioner })
}

impl IssuerReference {
    /// What refers to an entry of the inventory.
    pub(super) fn of(key: &str, issuer: &inventory::Issuer) -> IssuerReference {
        let name = issuer.name.clone().unwrap_or_else(|| key.to_owned());
        IssuerReference { group: issuer.kind.group(), kind: issuer.kind, name, namespace: issuer.namespace.clone() }
    }
}

fn password_reference(written: &inventory::PasswordReference) -> PasswordReference {
    PasswordReference {
        name: written.name.clone(),
        namespace: written.namespace.clone(),
        key: written.key.clone().unwrap_or_else(|| PASSWORD_KEY.to_owned()),
    }
}

/// What an issuer of step-issuer cannot do without, and what only cert-manager's own have.
pub(super) fn check_fields(resolution: &mut Resolution<'_>, path: &Path, key: &str, issuer: &inventory::Issuer) {
    let kind = issuer.kind.word();
    for (field, is_there) in [("ca", issuer.ca.is_some()), ("acme", issuer.acme.is_some())] {
        if is_there {
            let other = if issuer.kind.is_cluster() { "ClusterIssuer" } else { "Issuer" };
            let message = format!("`{field}` is for cert-manager's own issuers, and `{key}` is a {kind}");
            resolution.report(&WRONG_TYPE, path.key(field), message, format!("take it out, or use `kind: {other}`"));
        }
    }
    let Some(provisioner) = &issuer.provisioner else {
        let message = format!("the {kind} `{key}` needs a `provisioner`");
        let help = "write `provisioner:` with the `name` of a JWK provisioner, and `passwordRef`";
        resolution.report(&WRONG_TYPE, path.clone(), message, help);
        return;
    };
    let Some(reference) = &provisioner.password_ref else {
        let message = format!("the {kind} `{key}` needs the password of its provisioner");
        let help = "write `passwordRef:` with the `name` of the Secret that holds it";
        resolution.report(&WRONG_TYPE, path.key("provisioner"), message, help);
        return;
    };
    check_namespaces(resolution, path, key, issuer, reference);
}

/// A StepIssuer has a namespace, and its password lies there; a StepClusterIssuer has none, and its password's is named.
fn check_namespaces(
    resolution: &mut Resolution<'_>,
    path: &Path,
    key: &str,
    issuer: &inventory::Issuer,
    reference: &inventory::PasswordReference,
) {
    match (issuer.kind, &issuer.namespace, &reference.namespace) {
        (IssuerKind::StepIssuer, None, _) => {
            resolution.report(
                &WRONG_TYPE,
                path.clone(),
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
fn key_id(resolution: &mut Resolution<'_>, path: &Path, name: &str, snapshot: &Snapshot) -> Option<String> {
    let path = path.key("provisioner").key("name");
    let environment = resolution.environment;
    if snapshot.provisioners().is_unknown() {
        let message = format!(
            "`{environment}` wants provisioner `{name}`, and the CA snapshot does not know the CA's provisioners: they are not in ca.json"
        );
        let help = "add them from the CA's own API: its answer to `GET /provisioners` as `provisioners.json` beside its roots, then `trustree snapshot import`";
        resolution.report(&PROVISIONER_NOT_FOUND, path, message, help);
        return None;
    }
    if let Some(ProvisionerProblem { rule, message, help }) = provisioner_problem(snapshot, name, &format!("`{environment}`")) {
        resolution.report(rule, path, message, help);
        return None;
    }
    snapshot.provisioner(name)?.kid.clone()
}

/// Why step-issuer cannot work with a provisioner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionerProblem {
    /// The rule that says so.
    pub rule: &'static Rule,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Why step-issuer cannot work with the provisioner of that name, which `wanted_by` wants; None where it can, and where
/// the snapshot does not know the CA's provisioners.
pub fn provisioner_problem(snapshot: &Snapshot, name: &str, wanted_by: &str) -> Option<ProvisionerProblem> {
    let provisioners = snapshot.provisioners().known()?;
    let problem = |rule, message: String, help: String| Some(ProvisionerProblem { rule, message, help });
    let Some(provisioner) = provisioners.get(name) else {
        let known: Vec<String> = provisioners.iter().map(|(name, provisioner)| format!("`{name}` ({})", provisioner.kind)).collect();
        let held = if known.is_empty() { "no provisioners".to_owned() } else { known.join(", ") };
        return problem(
            &PROVISIONER_NOT_FOUND,
            format!("{wanted_by} wants provisioner `{name}`, which the CA snapshot does not hold"),
            format!("the snapshot has {held}; only a JWK provisioner can serve step-issuer"),
        );
    };
    if !provisioner.is_jwk() {
        let usable = listed(provisioners.iter().filter(|(_, provisioner)| is_usable(provisioner)).map(|(name, _)| name.as_str()));
        let help = match usable.as_str() {
            "" => "add a JWK provisioner at the CA, and import its snapshot again".to_owned(),
            _ => format!("the JWK provisioners are {usable}"),
        };
        let message = format!("provisioner `{name}` is of type {}, and only a JWK provisioner can serve step-issuer", provisioner.kind);
        return problem(&PROVISIONER_NOT_JWK, message, help);
    }
    if provisioner.kid.as_ref().is_none_or(String::is_empty) {
        let message = format!("the key of provisioner `{name}` has no key id, by which step-issuer would ask for it");
        return problem(&PROVISIONER_WITHOUT_KEY, message, "give the key a `kid` in ca.json, and import its snapshot again".to_owned());
    }
    if provisioner.encrypted_key == Some(Fact::Known(false)) {
        let message = format!(
            "provisioner `{name}` has no encrypted key that step-issuer could fetch from the CA (five parts with dots between them)"
        );
        let help = "give the provisioner its `encryptedKey` in ca.json, and import its snapshot again";
        return problem(&PROVISIONER_WITHOUT_KEY, message, help.to_owned());
    }
    None
}

/// Whether step-issuer could work with a provisioner, as far as is known.
fn is_usable(provisioner: &snapshot::Provisioner) -> bool {
    provisioner.is_jwk()
        && provisioner.kid.as_ref().is_some_and(|kid| !kid.is_empty())
        && provisioner.encrypted_key != Some(Fact::Known(false))
}
