//! cert-manager's own issuers: one that signs with a CA of its own, and one that asks an ACME server. The server may be an
//! authority of the inventory: then the snapshot gives its provisioner and its roots.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{PROVISIONER_NOT_ACME, PROVISIONER_NOT_FOUND, REFERENCE_UNRESOLVED, WRONG_TYPE, listed};
use crate::inventory::{self, CaIssuer, ExternalAccountBinding, SecretName, Solver};
use crate::manifest::dns_subdomain_problem;
use crate::model::IssuerReference;
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::snapshot::{self, Snapshot};
use crate::yaml::Path;

/// An Issuer or ClusterIssuer, ready to be rendered. Exactly one of `ca` and `acme` is there.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManagerIssuer {
    /// Name of the object.
    pub name: String,
    /// Namespace of an Issuer; null for a ClusterIssuer.
    pub namespace: Option<String>,
    /// The authority's name in the inventory; null where another CA signs.
    pub authority: Option<String>,
    /// What signs with a key in the cluster, as the object has it.
    pub ca: Option<CaIssuer>,
    /// What asks an ACME server, as the object has it.
    pub acme: Option<Acme>,
    /// Whether the inventory names the server, and not its authority. Not for templates.
    #[serde(skip)]
    pub is_server_written: bool,
}

/// What `spec.acme` of an issuer holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acme {
    /// Base64 of the PEM of every root that the snapshot trusts, for an authority of the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
    /// Who is written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the server is asked for a lifetime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_duration_feature: Option<bool>,
    /// An account that the server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account_binding: Option<ExternalAccountBinding>,
    /// Which chain to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_chain: Option<String>,
    /// Where the account's key lies.
    pub private_key_secret_ref: SecretName,
    /// Which certificates to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The server's directory.
    pub server: String,
    /// How names are proved.
    pub solvers: Vec<Solver>,
}

/// Whether the fields of an issuer of cert-manager fit each other; what does not is reported.
pub(super) fn check_fields(resolution: &mut Resolution<'_>, key: &str, issuer: &inventory::Issuer) -> bool {
    let path = Path::of(["issuers", key]);
    let kind = issuer.kind.word();
    let mut are_sound = true;
    let mut wrong = |path: Path, message: String, help: &str| {
        are_sound = false;
        resolution.report(&WRONG_TYPE, path, message, help);
    };
    match (issuer.kind.is_cluster(), &issuer.namespace) {
        (false, None) => {
            let help = "name the namespace whose certificates it signs, or use `kind: ClusterIssuer`";
            wrong(path.clone(), format!("the Issuer `{key}` needs a `namespace`"), help);
        }
        (true, Some(_)) => {
            let message = format!("the ClusterIssuer `{key}` serves every namespace and has none");
            wrong(path.key("namespace"), message, "take `namespace` out, or use `kind: Issuer`");
        }
        _ => {}
    }
    match (&issuer.ca, &issuer.acme) {
        (None, None) => wrong(path.clone(), format!("nothing says how the {kind} `{key}` signs"), "write `ca:` or `acme:`"),
        (Some(_), Some(_)) => {
            let message = format!("the {kind} `{key}` cannot sign with a CA of its own and ask an ACME server");
            wrong(path.key("acme"), message, "write one of `ca` and `acme`");
        }
        (Some(ca), None) => {
            for field in ["authority", "provisioner"] {
                if if field == "authority" { issuer.authority.is_some() } else { issuer.provisioner.is_some() } {
                    let message = format!("`{field}` does nothing here: the {kind} `{key}` signs with the CA in `{}`", ca.secret_name);
                    wrong(path.key(field), message, "take it out, or write `acme:` in the place of `ca:`");
                }
            }
            if let Some(problem) = dns_subdomain_problem(&ca.secret_name) {
                let message = match ca.secret_name.is_empty() {
                    true => "`secretName` is empty".to_owned(),
                    false => format!("`{}` cannot be the name of a Secret: {problem}", ca.secret_name),
                };
                wrong(path.key("ca").key("secretName"), message, "name the Secret with the CA");
            }
        }
        (None, Some(acme)) => {
            if let Some(provisioner) = &issuer.provisioner {
                if provisioner.password_ref.is_some() {
                    let message = "an ACME provisioner has no password".to_owned();
                    wrong(path.key("provisioner").key("passwordRef"), message, "take `passwordRef` out");
                }
                if acme.server.is_some() {
                    let message = "`provisioner` does nothing beside `acme.server`, which names it already".to_owned();
                    wrong(path.key("provisioner"), message, "take one of them out");
                }
            }
            if let Some(server) = acme.server.as_deref().filter(|server| !server.starts_with("https://")) {
                let message = format!("`{server}` is no `https` URL, and ACME asks for one");
                wrong(path.key("acme").key("server"), message, "write `https://` and the server's directory");
            }
            let account = acme.private_key_secret_ref.as_ref().map(|secret| secret.name.as_str());
            if let Some((name, problem)) = account.and_then(|name| Some((name, dns_subdomain_problem(name)?))) {
                let message = format!("`{name}` cannot be the name of a Secret: {problem}");
                wrong(path.key("acme").key("privateKeySecretRef").key("name"), message, "name the Secret for the account's key");
            }
            if acme.solvers.is_empty() {
                let message = format!("the {kind} `{key}` has no solver, so no name can be proved");
                wrong(path.key("acme").key("solvers"), message, "write `- http01: {ingress: {ingressClassName: …}}`, or a `dns01`");
            }
            for (index, solver) in acme.solvers.iter().enumerate() {
                if let Some((field, message, help)) = solver_problem(solver) {
                    let path = path.key("acme").key("solvers").index(index);
                    wrong(field.iter().fold(path, |path, key| path.key(key)), message.to_owned(), help);
                }
            }
        }
    }
    are_sound
}

/// What is wrong with a solver: where, what, and what to do.
fn solver_problem(solver: &Solver) -> Option<(&'static [&'static str], &'static str, &'static str)> {
    match (&solver.http01, &solver.dns01) {
        (None, None) => Some((&[], "the solver proves nothing", "write `http01:` or `dns01:`")),
        (Some(_), Some(_)) => Some((&["dns01"], "one solver cannot prove in two ways", "write a solver for each of `http01` and `dns01`")),
        (None, Some(provider)) if provider.is_empty() => {
            Some((&["dns01"], "the solver names no provider of DNS", "write one, as cert-manager has it: `rfc2136:`, `route53:`, …"))
        }
        (Some(http01), None) => match (&http01.ingress, &http01.gateway_http_route) {
            (None, None) => Some((&["http01"], "nothing says where the proof is served", "write `ingress:` or `gatewayHTTPRoute:`")),
            (Some(_), Some(_)) => {
                let help = "write a solver for each of `ingress` and `gatewayHTTPRoute`";
                Some((&["http01", "gatewayHTTPRoute"], "one solver cannot serve its proof in two places", help))
            }
            (Some(ingress), None) if [&ingress.ingress_class_name, &ingress.class, &ingress.name].into_iter().flatten().count() > 1 => {
                let help = "keep one of them: cert-manager refuses more";
                Some((&["http01", "ingress"], "`ingressClassName`, `class` and `name` exclude each other", help))
            }
            _ => None,
        },
        (None, Some(_)) => None,
    }
}

/// One issuer; None where the snapshot that it needs is not there, or does not hold what it needs.
pub(super) fn issuer(resolution: &mut Resolution<'_>, key: &str, written: &inventory::Issuer) -> Option<CertManagerIssuer> {
    let IssuerReference { name, namespace, .. } = IssuerReference::of(key, written);
    let Some(acme) = &written.acme else {
        return Some(CertManagerIssuer { name, namespace, authority: None, ca: written.ca.clone(), acme: None, is_server_written: false });
    };
    let fields = resolution.fields;
    let issuer = fields.issuers.get(key)?;
    let mut authority_name = None;
    let mut ca_bundle = None;
    let mut server = acme.server.clone();
    if server.is_none() || resolution.authority_name(issuer).is_some() {
        let authority = resolution.authority(&Path::of(["issuers", key]), key, issuer)?;
        let Some(KnownSnapshot::Here(snapshot, _)) = authority.snapshot else { return None };
        if server.is_none() {
            let provisioner = provisioner(resolution, key, written, snapshot)?;
            server = Some(format!("{}/acme/{}/directory", authority.url.trim_end_matches('/'), path_escaped(&provisioner)));
        } else if let Some(server) = &acme.server {
            check_server(resolution, key, server, snapshot);
        }
        ca_bundle = Some(snapshot.ca_bundle());
        authority_name = Some(authority.name.to_owned());
    }
    let default_key = || SecretName { name: format!("{name}-account-key") };
    let acme = Acme {
        ca_bundle,
        email: acme.email.clone(),
        enable_duration_feature: acme.enable_duration_feature,
        external_account_binding: acme.external_account_binding.clone(),
        preferred_chain: acme.preferred_chain.clone(),
        private_key_secret_ref: acme.private_key_secret_ref.clone().unwrap_or_else(default_key),
        profile: acme.profile.clone(),
        server: server?,
        solvers: acme.solvers.clone(),
    };
    let is_server_written = written.acme.as_ref().is_some_and(|acme| acme.server.is_some());
    Some(CertManagerIssuer { name, namespace, authority: authority_name, ca: None, acme: Some(acme), is_server_written })
}

/// The ACME provisioner of an issuer, named or the only one; where there is none, that is reported. What the snapshot does
/// not know is taken as it is written.
fn provisioner(resolution: &mut Resolution<'_>, key: &str, issuer: &inventory::Issuer, snapshot: &Snapshot) -> Option<String> {
    let path = Path::of(["issuers", key]);
    let named = issuer.provisioner.as_ref().map(|provisioner| provisioner.name.clone());
    let Some(known) = snapshot.provisioners().known() else {
        if named.is_none() {
            let message = format!("issuer `{key}` names no ACME provisioner, and the CA snapshot does not know which the CA has");
            resolution.report(&PROVISIONER_NOT_FOUND, path, message, "write `provisioner: {name: …}`");
        }
        return named;
    };
    let usable: Vec<&str> = known.iter().filter(|(_, provisioner)| is_acme(provisioner)).map(|(name, _)| name.as_str()).collect();
    let Some(named) = named else {
        match usable.as_slice() {
            [one] => return Some((*one).to_owned()),
            [] => {
                let message = format!("issuer `{key}` needs an ACME provisioner, and the CA snapshot holds none");
                let help = "add one at the CA (`step ca provisioner add acme --type ACME`), then import its snapshot again";
                resolution.report(&PROVISIONER_NOT_FOUND, path, message, help);
            }
            several => {
                let message = format!("issuer `{key}` does not say which ACME provisioner signs");
                let help = format!("write `provisioner: {{name: …}}` with one of {}", listed(several.iter().copied()));
                resolution.report(&REFERENCE_UNRESOLVED, path, message, help);
            }
        }
        return None;
    };
    let path = path.key("provisioner").key("name");
    let acme = || match listed(usable.iter().copied()).as_str() {
        "" => "the CA snapshot holds no ACME provisioner; add one at the CA, then import its snapshot again".to_owned(),
        names => format!("the ACME provisioners are {names}"),
    };
    match known.get(&named) {
        Some(provisioner) if is_acme(provisioner) => return Some(named),
        Some(provisioner) => {
            let message = format!("provisioner `{named}` is of type {}, and `acme` needs an ACME provisioner", provisioner.kind);
            resolution.report(&PROVISIONER_NOT_ACME, path, message, acme());
        }
        None => {
            let message = format!("`{}` wants provisioner `{named}`, which the CA snapshot does not hold", resolution.environment);
            resolution.report(&PROVISIONER_NOT_FOUND, path, message, acme());
        }
    }
    None
}

/// A server of an authority of the inventory names one of its ACME provisioners in its path, `/acme/NAME/directory`.
fn check_server(resolution: &mut Resolution<'_>, key: &str, server: &str, snapshot: &Snapshot) {
    let Some(known) = snapshot.provisioners().known() else { return };
    let path = Path::of(["issuers", key, "acme", "server"]);
    let below = server.split_once("://").map_or(server, |(_, rest)| rest).split_once('/').map_or("", |(_, below)| below);
    let segments: Vec<&str> = below.split(['?', '#']).next().unwrap_or_default().split('/').collect();
    let acme: Vec<&str> = known.iter().filter(|(_, provisioner)| is_acme(provisioner)).map(|(name, _)| name.as_str()).collect();
    let directory = |name: &str| format!("/acme/{}/directory", path_escaped(name));
    let help = match listed(acme.iter().map(|name| directory(name)).collect::<Vec<_>>().iter().map(String::as_str)).as_str() {
        "" => "the CA snapshot holds no ACME provisioner; add one at the CA, then import its snapshot again".to_owned(),
        known => format!("the directories of this CA are {known}; without `server` the right one is written"),
    };
    // step-ca serves the same below `1.0/`.
    let (["acme", name, "directory"] | ["1.0", "acme", name, "directory"]) = segments.as_slice() else {
        let message = format!("`{server}` is no directory of an ACME provisioner of this CA");
        resolution.report(&PROVISIONER_NOT_FOUND, path, message, help);
        return;
    };
    if acme.iter().any(|own| own == name || path_escaped(own) == *name) {
        return;
    }
    let found = known.iter().find(|(own, _)| own == name || path_escaped(own) == *name);
    let (rule, message) = match found {
        Some((own, provisioner)) => {
            (&PROVISIONER_NOT_ACME, format!("provisioner `{own}` is of type {}, and serves no ACME directory", provisioner.kind))
        }
        None => (&PROVISIONER_NOT_FOUND, format!("`{server}` names the provisioner `{name}`, which the CA snapshot does not hold")),
    };
    resolution.report(rule, path, message, help);
}

fn is_acme(provisioner: &snapshot::Provisioner) -> bool {
    provisioner.kind == "ACME"
}

/// A name as one segment of a path, as step-ca writes it. Source: Go, `url.PathEscape`.
fn path_escaped(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&byte);
    let one = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(one).collect()
}

/// The issuers of cert-manager of an environment, by their name in the inventory.
#[derive(Debug, Default)]
pub(super) struct CertManagerIssuers {
    pub(super) namespaced: BTreeMap<String, CertManagerIssuer>,
    pub(super) cluster: BTreeMap<String, CertManagerIssuer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisioners_name_is_one_segment_of_the_path() {
        assert_eq!(path_escaped("acme"), "acme");
        assert_eq!(path_escaped("my acme/é@x"), "my%20acme%2F%C3%A9@x");
    }

    #[test]
    fn a_solver_proves_in_exactly_one_way() {
        let problem = |text: &str| {
            let solver: Solver = serde_json::from_str(text).expect("a solver");
            solver_problem(&solver).map(|(path, ..)| path.join("."))
        };
        assert_eq!(problem("{}").as_deref(), Some(""));
        assert_eq!(problem(r#"{"http01": {}}"#).as_deref(), Some("http01"));
        assert_eq!(problem(r#"{"http01": {"ingress": {}}, "dns01": {"route53": {}}}"#).as_deref(), Some("dns01"));
        assert_eq!(problem(r#"{"dns01": {}}"#).as_deref(), Some("dns01"));
        assert_eq!(problem(r#"{"http01": {"ingress": {"class": "a", "name": "b"}}}"#).as_deref(), Some("http01.ingress"));
        let both = r#"{"http01": {"ingress": {}, "gatewayHTTPRoute": {"parentRefs": []}}}"#;
        assert_eq!(problem(both).as_deref(), Some("http01.gatewayHTTPRoute"));
        assert_eq!(problem(r#"{"http01": {"ingress": {"ingressClassName": "nginx"}}}"#), None);
        assert_eq!(problem(r#"{"dns01": {"rfc2136": {"nameserver": "192.0.2.1"}}}"#), None);
    }
}
