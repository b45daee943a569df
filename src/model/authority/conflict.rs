//! What an inventory's chart values may not say: secrets, another way than the mode's, other names than the authority's.

use serde_json::{Map, Value};

use super::Install;
use super::values::at;
use crate::finding::{AUTHORITY_VALUES_CONFLICT, ISSUER_URL_NOT_IN_DNS_NAMES, MANIFEST_SECRET_MATERIAL, listed};
use crate::inventory::AuthorityMode;
use crate::model::conventions::helm_fullname;
use crate::model::resolution::Resolution;

/// Values that are secrets.
const SECRETS: [&[&str]; 15] = [
    &["ca", "password"],
    &["ca", "provisioner", "password"],
    &["linkedca", "token"],
    &["inject", "secrets", "ca_password"],
    &["inject", "secrets", "provisioner_password"],
    &["inject", "secrets", "certificate_issuer", "key"],
    &["inject", "secrets", "certificate_issuer", "password"],
    &["inject", "secrets", "x509", "intermediate_ca_key"],
    &["inject", "secrets", "x509", "root_ca_key"],
    &["inject", "secrets", "ssh", "host_ca_key"],
    &["inject", "secrets", "ssh", "host_ca_password"],
    &["inject", "secrets", "ssh", "user_ca_key"],
    &["inject", "secrets", "ssh", "user_ca_password"],
    &["inject", "config", "files", "ca.json", "password"],
    &["inject", "config", "files", "ca.json", "kms", "pin"],
];

/// Secrets in the values: whoever reads the repository could read them.
pub(super) fn secrets(resolution: &mut Resolution<'_>, install: &Install<'_>) {
    let values = Value::Object(install.written.values.clone());
    for keys in SECRETS {
        if at(&values, keys).and_then(Value::as_str).is_none_or(str::is_empty) {
            continue;
        }
        let message = format!("`{}` is a secret of the CA, and would lie in the repository for everybody to read", keys.join("."));
        let help = "leave it out: `bootstrap` makes one in the cluster, and the other modes take it from a Secret of yours";
        let path = install.path(["values"].into_iter().chain(keys.iter().copied()));
        resolution.report(&MANIFEST_SECRET_MATERIAL, path, message, help);
    }
}

/// Switches that the mode sets: another value would mix two ways, which the chart refuses, or which breaks the CA.
pub(super) fn switches(resolution: &mut Resolution<'_>, install: &Install<'_>) {
    let authority = install.written;
    let (bootstraps, injects, exists) = match install.mode {
        AuthorityMode::Bootstrap => (true, false, false),
        AuthorityMode::Inject => (false, true, false),
        AuthorityMode::ExistingSecrets => (false, false, true),
    };
    let mut expected: Vec<(&[&str], bool)> = vec![
        (&["bootstrap", "enabled"], bootstraps),
        (&["bootstrap", "secrets"], bootstraps),
        (&["inject", "enabled"], injects),
        (&["existingSecrets", "enabled"], exists),
    ];
    match install.mode {
        AuthorityMode::Bootstrap => expected.push((&["bootstrap", "configmaps"], true)),
        AuthorityMode::Inject => {}
        AuthorityMode::ExistingSecrets => expected.extend([
            (["bootstrap", "configmaps"].as_slice(), false),
            (["existingSecrets", "ca"].as_slice(), true),
            (["existingSecrets", "certsAsSecret"].as_slice(), authority.certs_as_secret == Some(true)),
            (["existingSecrets", "configAsSecret"].as_slice(), authority.config_as_secret == Some(true)),
        ]),
    }
    let values = Value::Object(authority.values.clone());
    for (keys, expected) in expected {
        let Some(given) = at(&values, keys).and_then(Value::as_bool).filter(|given| *given != expected) else { continue };
        let message = format!("`{}: {given}` does not go with `mode: {}`", keys.join("."), word(install.mode));
        let help = match keys {
            ["existingSecrets", field @ ("certsAsSecret" | "configAsSecret")] => {
                format!("write `{field}: {given}` beside `values:` instead")
            }
            _ => "take it out; `mode:` sets it".to_owned(),
        };
        conflict(resolution, install, keys, message, &help);
    }
}

/// The word that an inventory has for a mode.
fn word(mode: AuthorityMode) -> &'static str {
    match mode {
        AuthorityMode::Bootstrap => "bootstrap",
        AuthorityMode::Inject => "inject",
        AuthorityMode::ExistingSecrets => "existingSecrets",
    }
}

/// The chart names its objects by these values, and everything else by the authority's `fullname`.
pub(super) fn names(resolution: &mut Resolution<'_>, install: &Install<'_>) {
    let values = &install.written.values;
    let text = |key: &str| values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let given = match (text("fullnameOverride"), text("nameOverride")) {
        (Some(name), _) => ("fullnameOverride", name.to_owned()),
        // Where the authority has a `fullname`, that becomes the override, and counts.
        (None, Some(name)) if install.written.fullname.is_none() => ("nameOverride", helm_fullname(super::release(install), name)),
        _ => return,
    };
    let (key, name) = given;
    if name != install.fullname {
        let message = format!("with this value the chart calls its objects `{name}`, and the inventory calls them `{}`", install.fullname);
        conflict(resolution, install, &[key], message, &format!("write `fullname: {name}` beside `values:`, and take this out"));
    }
}

/// The CA must answer to the host of its URL, or step-issuer refuses to talk to it.
pub(super) fn hosts(resolution: &mut Resolution<'_>, install: &Install<'_>, values: &Map<String, Value>) {
    let values = Value::Object(values.clone());
    let (keys, names): (&[&str], Vec<String>) = match install.mode {
        AuthorityMode::Bootstrap => {
            let Some(names) = at(&values, &["ca", "dns"]).and_then(Value::as_str) else { return };
            (&["ca", "dns"], names.split(',').map(|name| name.trim().to_owned()).collect())
        }
        AuthorityMode::Inject => {
            let keys: &[&str] = &["inject", "config", "files", "ca.json", "dnsNames"];
            let names = at(&values, keys).and_then(Value::as_array);
            (keys, names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        AuthorityMode::ExistingSecrets => return,
    };
    if names.iter().any(|name| name.eq_ignore_ascii_case(&install.host)) {
        return;
    }
    let is_given = at(&Value::Object(install.written.values.clone()), keys).is_some();
    let path = if is_given { install.path(["values"].into_iter().chain(keys.iter().copied())) } else { install.path(["url"]) };
    let message = format!("the CA is reached at `{}`, and would answer to {} only", install.host, listed(names.iter().map(String::as_str)));
    let help = "add the host to the names, or correct the authority's `url`";
    resolution.report(&ISSUER_URL_NOT_IN_DNS_NAMES, path, message, help);
}

fn conflict(resolution: &mut Resolution<'_>, install: &Install<'_>, keys: &[&str], message: String, help: &str) {
    let path = install.path(["values"].into_iter().chain(keys.iter().copied()));
    resolution.report(&AUTHORITY_VALUES_CONFLICT, path, message, help);
}
