//! Where cert-manager reaches the ACME server of an authority.

use super::called;
use crate::finding::{ISSUER_URL_NOT_IN_DNS_NAMES, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{host_of, is_same_host};
use crate::manifest::Origin;
use crate::yaml::{Path, Segment};

/// Judges the server of an issuer of the inventory. Whoever wrote one by hand may mean any server.
pub(super) fn check(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let model = lint.scope.model;
    let Origin::Rendered { entry: Some(entry), .. } = &issuer.document.origin else { return };
    let [_, Segment::Key(key)] = entry.segments() else { return };
    let of_model = model.cert_manager_issuers.get(&**key).or_else(|| model.cert_manager_cluster_issuers.get(&**key));
    let signer = of_model.and_then(|issuer| lint.signer(issuer.authority.as_deref()?));
    let Some(names) = signer.and_then(|signer| signer.snapshot?.authority().dns_names.known()) else { return };
    let Some(host) = issuer.text("spec.acme.server").and_then(host_of) else { return };
    if names.iter().any(|name| is_same_host(name, host)) {
        return;
    }
    let message = format!("the CA does not answer to `{host}`: it is not among the `dnsNames` of its snapshot");
    let add = "add the name to `dnsNames` in ca.json, and import its snapshot again";
    let help = match listed(names.iter().map(String::as_str)).as_str() {
        "" => add.to_owned(),
        known => format!("let {} use one of {known}; or {add}", called(issuer)),
    };
    lint.report(&ISSUER_URL_NOT_IN_DNS_NAMES, issuer.document, &Path::of(["spec", "acme", "server"]), message, help);
}
