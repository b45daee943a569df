//! Certificates that cert-manager's own issuers sign.

use super::called;
use crate::finding::{ACME_WILDCARD_NEEDS_DNS01, ISSUER_IN_OTHER_NAMESPACE};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{CERT_MANAGER_GROUP, Reference};
use crate::yaml::Path;

const ISSUER: &str = "Issuer";
const CLUSTER_ISSUER: &str = "ClusterIssuer";

/// Judges every certificate against the issuer that it names, where that is among the objects.
pub(super) fn check(lint: &mut Lint<'_>, certificates: &[Object<'_>]) {
    let issuers: Vec<Object<'_>> =
        [ISSUER, CLUSTER_ISSUER].into_iter().flat_map(|kind| lint.objects_of(CERT_MANAGER_GROUP, kind)).collect();
    if issuers.is_empty() {
        return;
    }
    for certificate in certificates {
        let Some(reference) = certificate.get("spec.issuerRef").and_then(Reference::of) else { continue };
        if !reference.group.is_empty() && reference.group != CERT_MANAGER_GROUP {
            continue;
        }
        let kind = if reference.kind.is_empty() { ISSUER } else { reference.kind };
        let is_meant = |issuer: &&Object<'_>| {
            issuer.identity.kind == kind
                && issuer.name() == reference.name
                && !lint.overlays.exclude_each_other(certificate.document, issuer.document)
        };
        let meant: Vec<Object<'_>> = issuers.iter().filter(is_meant).copied().collect();
        let serves = |issuer: &&Object<'_>| {
            kind == CLUSTER_ISSUER || issuer.namespace().zip(certificate.namespace()).is_none_or(|(issuer, own)| issuer == own)
        };
        let serving: Vec<Object<'_>> = meant.iter().filter(serves).copied().collect();
        match (serving.as_slice(), meant.first()) {
            // What somebody wrote may mean an issuer that lies elsewhere.
            ([], Some(issuer)) if !certificate.document.is_written() => elsewhere(lint, *certificate, *issuer),
            ([], _) => {}
            (serving, _) if serving.iter().all(|issuer| proves_over_http_only(*issuer)) => wildcards(lint, *certificate, serving[0]),
            _ => {}
        }
    }
}

fn elsewhere(lint: &mut Lint<'_>, certificate: Object<'_>, issuer: Object<'_>) {
    let (own, other) = (certificate.namespace().unwrap_or_default(), issuer.namespace().unwrap_or_default());
    let message = format!("{} lies in namespace `{own}`, and the Issuer `{}` serves only `{other}`", called(certificate), issuer.name());
    let help = "use a ClusterIssuer, or an Issuer in the certificate's namespace";
    lint.report(&ISSUER_IN_OTHER_NAMESPACE, certificate.document, &Path::of(["spec", "issuerRef", "name"]), message, help);
}

/// Whether an issuer asks an ACME server and has no solver with DNS. One without any solver is incomplete otherwise.
fn proves_over_http_only(issuer: Object<'_>) -> bool {
    let mut solvers = issuer.items("spec.acme.solvers").peekable();
    solvers.peek().is_some() && solvers.all(|(_, solver)| solver.get("http01").is_some() && solver.get("dns01").is_none())
}

/// For a wildcard an ACME server offers a proof in DNS only; step-ca does so in `acme/api/order.go`.
fn wildcards(lint: &mut Lint<'_>, certificate: Object<'_>, issuer: Object<'_>) {
    let called_issuer = format!("{} `{}`", issuer.identity.kind, issuer.name());
    for (path, name) in certificate.texts("spec.dnsNames").filter(|(_, name)| name.starts_with("*.")) {
        let message = format!("the {called_issuer} proves names over HTTP only, and a wildcard such as `{name}` is proved only in DNS");
        let help = "give the issuer a solver with `dns01`, or name each host";
        lint.report(&ACME_WILDCARD_NEEDS_DNS01, certificate.document, &path, message, help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::Sandbox;

    const HTTP: &str = "{http01: {ingress: {ingressClassName: nginx}}}";
    const DNS: &str = "{dns01: {route53: {}}}";

    fn found(kind: &str, solvers: &str, name: &str, reference: &str) -> usize {
        let namespace = if kind == "Issuer" { ", namespace: web" } else { "" };
        let issuer = format!(
            "apiVersion: cert-manager.io/v1\nkind: {kind}\nmetadata: {{name: acme{namespace}}}\nspec: {{acme: {{server: 'https://acme.example.com', privateKeySecretRef: {{name: key}}, solvers: [{solvers}]}}}}\n"
        );
        let certificate = format!(
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: web, namespace: web}}\nspec: {{secretName: web-tls, dnsNames: ['{name}'], issuerRef: {{name: acme{reference}}}}}\n"
        );
        Sandbox::new("").write(&issuer).write(&certificate).found(&ACME_WILDCARD_NEEDS_DNS01).len()
    }

    #[test]
    fn a_wildcard_needs_a_solver_with_dns() {
        assert_eq!(found("Issuer", HTTP, "*.example.com", ""), 1);
        assert_eq!(found("Issuer", HTTP, "www.example.com", ""), 0);
        assert_eq!(found("Issuer", &format!("{HTTP}, {DNS}"), "*.example.com", ""), 0);
        assert_eq!(found("Issuer", "", "*.example.com", ""), 0);
    }

    #[test]
    fn the_issuer_is_found_by_kind_and_group() {
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ", kind: ClusterIssuer, group: cert-manager.io"), 1);
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ""), 0, "an Issuer is meant");
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ", kind: ClusterIssuer, group: example.org"), 0);
    }
}
