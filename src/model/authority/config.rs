//! `mode: inject`: `ca.json`, `defaults.json` and the certificates, from what the snapshot knows of a CA. What it does not
//! know is asked for, and never guessed: the CA would start with another configuration than it had.

use serde_json::{Map, Value, json};

use super::Install;
use super::values::at;
use crate::finding::{AUTHORITY_CONFIG_INCOMPLETE, WRONG_TYPE, listed};
use crate::inventory::{AuthorityProvisioner, AuthorityProvisionerKind};
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::snapshot::{Provisioner, Snapshot};
use crate::yaml::Fact;

/// Where the chart puts things in the CA's container.
const ROOT: &str = "/home/step/certs/root_ca.crt";
const INTERMEDIATE: &str = "/home/step/certs/intermediate_ca.crt";
const KEY: &str = "/home/step/secrets/intermediate_ca_key";
const PASSWORDS: &str = "/home/step/secrets/passwords";
const CONFIG: &str = "/home/step/config/ca.json";
const DATABASE: &str = "/home/step/db";
/// Where in the chart's values `ca.json` stands.
const FILE: [&str; 4] = ["inject", "config", "files", "ca.json"];
/// Claims that the chart's own `ca.json` sets, and that a CA need not have.
const CLAIMS_OF_CHART: [&str; 10] = [
    "minTLSCertDuration",
    "maxTLSCertDuration",
    "defaultTLSCertDuration",
    "disableRenewal",
    "minHostSSHCertDuration",
    "maxHostSSHCertDuration",
    "defaultHostSSHCertDuration",
    "minUserSSHCertDuration",
    "maxUserSSHCertDuration",
    "defaultUserSSHCertDuration",
];

/// The values of the mode; None where the snapshot is not there, or does not tell enough.
///
/// The chart would take the password only out of its values. Without its own Secrets (`bootstrap.secrets: false`) it still
/// mounts `<fullname>-secrets`, so the password's Secret is mounted beside it and named in `args`, both as the chart does
/// it itself.
pub(super) fn inject(resolution: &mut Resolution<'_>, install: &Install<'_>) -> Option<Value> {
    let snapshot = match resolution.snapshots.get(install.name) {
        Some(KnownSnapshot::Here(snapshot, _)) => std::sync::Arc::clone(snapshot),
        Some(KnownSnapshot::Pending) => {
            // Leaving the chart out could take a CA away that is running.
            let message = format!("`inject` writes what stands in the CA snapshot of `{}`, and that is not there yet", install.name);
            let help =
                format!("import the folder that `step ca init` made: `trustree snapshot import FOLDER --env {}`", resolution.environment);
            incomplete(resolution, install, &["mode"], message, &help);
            return None;
        }
        // That was reported by whoever looked for it.
        None => return None,
    };
    let before = resolution.findings.len();
    let written = Value::Object(install.written.values.clone());
    let given = at(&written, &FILE).cloned().unwrap_or_default();
    let provisioners = match at(&given, &["authority", "provisioners"]) {
        Some(_) => None,
        None => Some(provisioners(resolution, install, &snapshot)),
    };
    let certificates = certificates(resolution, install, &snapshot);
    unknown_facts(resolution, install, &snapshot, &given);
    if resolution.findings.len() > before {
        return None;
    }
    let (roots, intermediates, fingerprint) = certificates?;
    let has_database = at(&written, &["ca", "db", "enabled"]) != Some(&Value::Bool(false));
    let ca_json = ca_json(&snapshot, provisioners, has_database);
    let defaults = json!({"ca-url": install.url, "ca-config": CONFIG, "fingerprint": fingerprint, "root": ROOT});
    Some(json!({
        "bootstrap": {"enabled": false, "secrets": false},
        "inject": {
            "enabled": true,
            "certificates": {"root_ca": roots, "intermediate_ca": intermediates},
            "config": {"files": {"ca.json": ca_json, "defaults.json": defaults}},
        },
        "args": ["--password-file", format!("{PASSWORDS}/password"), CONFIG],
        "extraVolumes": [{"name": "ca-key-password", "secret": {"secretName": format!("{}-ca-password", install.fullname)}}],
        "extraVolumeMounts": [{"name": "ca-key-password", "mountPath": PASSWORDS, "readOnly": true}],
    }))
}

/// `ca.json`. The chart merges it with one of its own, so what must not be there is null.
fn ca_json(snapshot: &Snapshot, provisioners: Option<Vec<Value>>, has_database: bool) -> Value {
    let facts = snapshot.authority();
    let mut authority = Map::new();
    let mut claims = match facts.claims.known().map(|claims| json!(claims)) {
        Some(Value::Object(claims)) => claims,
        _ => Map::new(),
    };
    for claim in CLAIMS_OF_CHART {
        claims.entry(claim).or_insert(Value::Null);
    }
    authority.insert("claims".to_owned(), Value::Object(claims));
    if let Some(provisioners) = provisioners {
        authority.insert("provisioners".to_owned(), Value::Array(provisioners));
    }
    if let Fact::Known(Some(policy)) = &facts.policy {
        authority.insert("policy".to_owned(), json!(policy));
    }
    if let Fact::Known(backdate) = &facts.backdate {
        authority.insert("backdate".to_owned(), json!(backdate));
    }
    if facts.enable_admin.known() == Some(&true) {
        authority.insert("enableAdmin".to_owned(), json!(true));
    }
    let database = if has_database { json!({"type": "badgerv2", "dataSource": DATABASE}) } else { Value::Null };
    json!({
        "root": ROOT,
        "crt": INTERMEDIATE,
        "key": KEY,
        "address": format!(":{}", super::PORT),
        "dnsNames": facts.dns_names.known().cloned().unwrap_or_default(),
        "logger": {"format": "json"},
        "db": database,
        "authority": authority,
    })
}

/// Roots and intermediates as PEM, and the fingerprint of the first root: the one that the issuing intermediate leads to.
/// step-ca takes several roots from one file.
fn certificates(resolution: &mut Resolution<'_>, install: &Install<'_>, snapshot: &Snapshot) -> Option<(String, String, String)> {
    let chain = snapshot.chain().filter(|chain| !chain.roots.is_empty());
    let Some((chain, first)) = chain.and_then(|chain| Some((chain.clone(), *chain.roots.first()?))) else {
        let message =
            format!("the snapshot of `{}` holds no intermediate that leads to one of its roots, and the CA signs with one", install.name);
        incomplete(
            resolution,
            install,
            &["mode"],
            message,
            "import the snapshot with `intermediate_ca.crt`, or use `mode: existingSecrets`",
        );
        return None;
    };
    let others = snapshot.roots().iter().filter(|root| root.certificate.fingerprint() != first.certificate.fingerprint());
    let roots: String = std::iter::once(first).chain(others).map(|root| root.certificate.to_pem()).collect();
    let intermediates: String = chain.intermediates.iter().map(|certificate| certificate.to_pem()).collect();
    Some((roots, intermediates, first.certificate.fingerprint().to_string()))
}

/// Parts of `ca.json` that the snapshot does not know and the inventory does not give.
fn unknown_facts(resolution: &mut Resolution<'_>, install: &Install<'_>, snapshot: &Snapshot, given: &Value) {
    let facts = snapshot.authority();
    let parts: [(&str, bool, &[&str]); 4] = [
        ("dnsNames", facts.dns_names.is_unknown(), &["dnsNames"]),
        ("authority.claims", facts.claims.is_unknown(), &["authority", "claims"]),
        ("authority.policy", facts.policy.is_unknown(), &["authority", "policy"]),
        ("authority.enableAdmin", facts.enable_admin.is_unknown(), &["authority", "enableAdmin"]),
    ];
    let unknown: Vec<&str> =
        parts.into_iter().filter(|(_, is_unknown, keys)| *is_unknown && at(given, keys).is_none()).map(|(name, ..)| name).collect();
    if !unknown.is_empty() {
        let message = format!("`inject` writes `ca.json`, and the snapshot of `{}` does not know {}", install.name, listed(unknown));
        let help = "import the snapshot from the CA's `ca.json`, or write them below `values.inject.config.files`, `ca.json`";
        incomplete(resolution, install, &["mode"], message, help);
    }
    if let Fact::Known(Some(kind)) = &facts.registration_authority {
        let message = format!("`{}` is a registration authority (`{kind}`), and how it reaches its CA stands in no snapshot", install.name);
        incomplete(resolution, install, &["mode"], message, "use `mode: existingSecrets`");
    }
    if !snapshot.federated_roots().is_empty() {
        let message = format!("`{}` federates with other CAs, and the chart has no place for their roots", install.name);
        incomplete(resolution, install, &["mode"], message, "use `mode: existingSecrets`");
    }
}

/// The provisioners of the snapshot and those that the inventory adds, by name.
fn provisioners(resolution: &mut Resolution<'_>, install: &Install<'_>, snapshot: &Snapshot) -> Vec<Value> {
    let mut all: Vec<(String, Value)> = Vec::new();
    let known = snapshot.provisioners().known();
    for (name, written) in &install.written.provisioners {
        let kind = known.and_then(|known| known.get(name)).map(|provisioner| provisioner.kind.as_str());
        fits(resolution, install, (name, written), kind);
    }
    for (name, provisioner) in known.into_iter().flatten() {
        let written = install.written.provisioners.get(name);
        all.extend(of_snapshot(resolution, install, name, provisioner, written).map(|value| (name.clone(), value)));
    }
    let is_new = |name: &String| !known.is_some_and(|known| known.contains_key(name));
    for (name, written) in install.written.provisioners.iter().filter(|(name, _)| is_new(name)) {
        match written.kind {
            AuthorityProvisionerKind::Acme => all.push((name.clone(), acme(name, written))),
            AuthorityProvisionerKind::Jwk => {
                let message = format!("the snapshot of `{}` holds no provisioner `{name}`, so its public key is not known", install.name);
                let help = "import the snapshot anew, or write the provisioner below `values.inject.config.files`, `ca.json`";
                incomplete(resolution, install, &["provisioners", name], message, help);
            }
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all.into_iter().map(|(_, value)| value).collect()
}

/// Fields that its type does not have, and a type that the CA says is another one.
fn fits(resolution: &mut Resolution<'_>, install: &Install<'_>, (name, written): (&str, &AuthorityProvisioner), kind: Option<&str>) {
    let (word, stray) = match written.kind {
        AuthorityProvisionerKind::Acme => ("ACME", written.encrypted_key.is_some().then_some("encryptedKey")),
        AuthorityProvisionerKind::Jwk => ("JWK", written.force_cn.is_some().then_some("forceCN")),
    };
    if let Some(field) = stray {
        let message = format!("a provisioner of the type {word} has no `{field}`");
        resolution.report(&WRONG_TYPE, install.path(["provisioners", name, field]), message, "take it out, or correct the type");
    }
    if let Some(other) = kind.filter(|kind| *kind != word) {
        let message = format!("`{name}` is of the type {other} at the CA, as its snapshot says");
        let help = "give the new provisioner another name, or correct the type";
        resolution.report(&WRONG_TYPE, install.path(["provisioners", name, "type"]), message, help);
    }
}

fn acme(name: &str, written: &AuthorityProvisioner) -> Value {
    let mut value = json!({"type": "ACME", "name": name});
    if written.force_cn == Some(true) {
        value["forceCN"] = json!(true);
    }
    value
}

/// A provisioner that the CA has.
fn of_snapshot(
    resolution: &mut Resolution<'_>,
    install: &Install<'_>,
    name: &str,
    provisioner: &Provisioner,
    written: Option<&AuthorityProvisioner>,
) -> Option<Value> {
    let list = "write all provisioners below `values.inject.config.files`, `ca.json`, or use `mode: existingSecrets`";
    if provisioner.template || provisioner.webhooks {
        let message = format!("provisioner `{name}` has a template or webhooks of its own, which stand in no snapshot");
        incomplete(resolution, install, &["mode"], message, list);
        return None;
    }
    let mut value = match provisioner.kind.as_str() {
        "JWK" => jwk(resolution, install, name, provisioner, written)?,
        "ACME" => match written {
            Some(written) => acme(name, written),
            None => json!({"type": "ACME", "name": name}),
        },
        other => {
            let message = format!("provisioner `{name}` is of the type {other}, of which a snapshot holds only the name");
            incomplete(resolution, install, &["mode"], message, list);
            return None;
        }
    };
    if !provisioner.claims.is_empty() {
        value["claims"] = json!(provisioner.claims);
    }
    Some(value)
}

fn jwk(
    resolution: &mut Resolution<'_>,
    install: &Install<'_>,
    name: &str,
    provisioner: &Provisioner,
    written: Option<&AuthorityProvisioner>,
) -> Option<Value> {
    let Some(encrypted) = written.and_then(|written| written.encrypted_key.as_deref()) else {
        let message = format!("provisioner `{name}` needs its encrypted key in `ca.json`, and no snapshot holds that");
        let help = format!(
            "write `provisioners: {{{name}: {{type: JWK, encryptedKey: …}}}}` with what the CA answers to GET /provisioners, or use `mode: existingSecrets`"
        );
        incomplete(resolution, install, &["provisioners", name], message, &help);
        return None;
    };
    if encrypted.split('.').count() != 5 || encrypted.split('.').any(str::is_empty) {
        let path = install.path(["provisioners", name, "encryptedKey"]);
        let help = "copy it as the CA gives it: five parts with dots between them, on one line";
        resolution.report(&WRONG_TYPE, path, "this is no encrypted key of a provisioner", help);
        return None;
    }
    let mut key = json!(provisioner.public_key);
    if let (Value::Object(key), Some(kid)) = (&mut key, &provisioner.kid) {
        key.insert("kid".to_owned(), json!(kid));
    }
    Some(json!({"type": "JWK", "name": name, "key": key, "encryptedKey": encrypted}))
}

fn incomplete(resolution: &mut Resolution<'_>, install: &Install<'_>, keys: &[&str], message: String, help: &str) {
    resolution.report(&AUTHORITY_CONFIG_INCOMPLETE, install.path(keys.iter().copied()), message, help);
}
