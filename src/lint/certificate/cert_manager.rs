//! Certificates that cert-manager's own issuers sign.

use super::called;
use crate::finding::{ACME_NAME_REFUSED, ACME_WILDCARD_NEEDS_DNS01, ISSUER_IN_OTHER_NAMESPACE, ISSUER_UNRESOLVED, Level};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{CERT_MANAGER_GROUP, Reference, host_of, is_same_host};
use crate::yaml::Path;

const ISSUER: &str = "Issuer";
const CLUSTER_ISSUER: &str = "ClusterIssuer";
/// Domains of ACME servers whose certificates every browser trusts: their rules forbid names that only one cluster knows.
const PUBLIC: [&str; 7] = ["letsencrypt.org", "zerossl.com", "buypass.com", "pki.goog", "ssl.com", "digicert.com", "sectigo.com"];

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
            (serving, _) => {
                signs_itself(lint, *certificate, serving);
                if serving.iter().all(|issuer| issuer.get("spec.acme").is_some()) {
                    acme(lint, *certificate, serving);
                }
            }
        }
    }
}

fn elsewhere(lint: &mut Lint<'_>, certificate: Object<'_>, issuer: Object<'_>) {
    let (own, other) = (certificate.namespace().unwrap_or_default(), issuer.namespace().unwrap_or_default());
    let message = format!("{} lies in namespace `{own}`, and the Issuer `{}` serves only `{other}`", called(certificate), issuer.name());
    let help = "use a ClusterIssuer, or an Issuer in the certificate's namespace";
    lint.report(&ISSUER_IN_OTHER_NAMESPACE, certificate.document, &Path::of(["spec", "issuerRef", "name"]), message, help);
}

/// A CA whose Secret is the one that it would sign: neither is ever there.
fn signs_itself(lint: &mut Lint<'_>, certificate: Object<'_>, serving: &[Object<'_>]) {
    let Some(secret) = certificate.text("spec.secretName") else { return };
    let home = lint.scope.model.cert_manager.namespace.as_str();
    let is_own = |issuer: &Object<'_>| {
        let namespace = if issuer.identity.kind == CLUSTER_ISSUER { Some(home) } else { issuer.namespace() };
        issuer.text("spec.ca.secretName") == Some(secret) && namespace == certificate.namespace()
    };
    let Some(issuer) = serving.iter().find(|issuer| is_own(issuer)).filter(|_| serving.len() == 1) else { return };
    let message = format!(
        "{} is signed with the key in the Secret `{secret}`, which it writes itself: neither it nor the {} `{}` can ever begin",
        called(certificate),
        issuer.identity.kind,
        issuer.name()
    );
    let help = "name the Secret of the CA in `ca.secretName`, or give the certificate another `secretName`";
    lint.report(&ISSUER_UNRESOLVED, certificate.document, &Path::of(["spec", "secretName"]), message, help);
}

/// What an ACME server can be asked for.
fn acme(lint: &mut Lint<'_>, certificate: Object<'_>, serving: &[Object<'_>]) {
    common_name(lint, certificate, serving[0]);
    let is_public = serving.iter().all(|issuer| is_public(*issuer));
    let over_http = serving.iter().all(|issuer| proves_over_http_only(*issuer));
    let over_ingress = over_http
        && serving
            .iter()
            .flat_map(|issuer| issuer.items("spec.acme.solvers"))
            .all(|(_, solver)| solver.get("http01").is_some_and(|solver| solver.get("ingress").is_some()));
    if over_http {
        wildcards(lint, certificate, serving[0]);
    }
    for (path, name) in certificate.texts("spec.dnsNames").filter(|(_, name)| is_of_cluster(name, &lint.scope.model.cluster_domain)) {
        if is_public {
            let message = format!("`{name}` is a name of this cluster only, and a public CA signs none of those");
            let help = "let an issuer of a CA of your own sign it, or take the name out";
            lint.report(&ACME_NAME_REFUSED, certificate.document, &path, message, help);
        } else if over_ingress && !name.starts_with("*.") {
            let message = format!("`{name}` leads to its Service and not to an Ingress, where the {} proves it", called_issuer(serving[0]));
            let help = "let a StepIssuer sign names of Services; or make sure that port 80 of the Service answers the challenge";
            lint.report_at(Level::Warning, &ACME_NAME_REFUSED, certificate.document, &path, (message, help));
        }
    }
}

/// cert-manager orders only what stands in the lists, and fails where the common name is none of that. Source: cert-manager,
/// `pkg/controller/certificaterequests/acme`, `InvalidOrder`.
fn common_name(lint: &mut Lint<'_>, certificate: Object<'_>, issuer: Object<'_>) {
    let Some(name) = certificate.text("spec.commonName").filter(|name| !name.is_empty()) else { return };
    let mut listed = certificate.texts("spec.dnsNames").chain(certificate.texts("spec.ipAddresses"));
    if listed.any(|(_, other)| other == name) {
        return;
    }
    let message = format!(
        "the common name `{name}` stands neither in `dnsNames` nor in `ipAddresses`, so cert-manager orders nothing from the {}",
        called_issuer(issuer)
    );
    let help = "take it out, or add it to `dnsNames`";
    lint.report(&ACME_NAME_REFUSED, certificate.document, &Path::of(["spec", "commonName"]), message, help);
}

fn called_issuer(issuer: Object<'_>) -> String {
    format!("{} `{}`", issuer.identity.kind, issuer.name())
}

/// Whether the ACME server is one that signs for the whole internet.
fn is_public(issuer: Object<'_>) -> bool {
    let host = issuer.text("spec.acme.server").and_then(host_of).unwrap_or_default();
    PUBLIC.iter().any(|own| is_same_host(host, own) || host.to_ascii_lowercase().ends_with(&format!(".{own}")))
}

/// Whether a name is known in the cluster only.
fn is_of_cluster(name: &str, cluster_domain: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.ends_with(".svc") || name.ends_with(&format!(".svc.{cluster_domain}")) || name.ends_with(".cluster.local")
}

/// Whether an issuer asks an ACME server and has no solver with DNS. One without any solver is incomplete otherwise.
fn proves_over_http_only(issuer: Object<'_>) -> bool {
    let mut solvers = issuer.items("spec.acme.solvers").peekable();
    solvers.peek().is_some() && solvers.all(|(_, solver)| solver.get("http01").is_some() && solver.get("dns01").is_none())
}

/// For a wildcard an ACME server offers a proof in DNS only; step-ca does so in `acme/api/order.go`.
fn wildcards(lint: &mut Lint<'_>, certificate: Object<'_>, issuer: Object<'_>) {
    let called_issuer = called_issuer(issuer);
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

    fn refused(server: &str, solver: &str, names: &str) -> Vec<(Level, String)> {
        let issuer = format!(
            "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {{name: acme}}\nspec: {{acme: {{server: '{server}', privateKeySecretRef: {{name: key}}, solvers: [{solver}]}}}}\n"
        );
        let certificate = format!(
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: web, namespace: web}}\nspec: {{secretName: web-tls, {names}, issuerRef: {{name: acme, kind: ClusterIssuer}}}}\n"
        );
        let found = Sandbox::new("").write(&issuer).write(&certificate).lint().theirs;
        let found = found.into_iter().filter(|finding| finding.rule == &ACME_NAME_REFUSED);
        found.map(|finding| (finding.level, finding.message)).collect()
    }

    #[test]
    fn a_common_name_is_ordered_only_where_it_stands_in_a_list() {
        let of = |names: &str| refused("https://acme.example.com/x", DNS, names).len();
        assert_eq!(of("commonName: a.example.com, dnsNames: [b.example.com]"), 1);
        assert_eq!(of("commonName: b.example.com, dnsNames: [b.example.com]"), 0);
        assert_eq!(of("commonName: 10.0.0.1, ipAddresses: [10.0.0.1]"), 0);
        assert_eq!(of("dnsNames: [b.example.com]"), 0);
    }

    #[test]
    fn a_name_of_the_cluster_is_proved_by_nobody_else() {
        let levels = |server: &str, solver: &str, name: &str| -> Vec<Level> {
            refused(server, solver, &format!("dnsNames: [{name}]")).into_iter().map(|(level, _)| level).collect()
        };
        let (public, own) = ("https://acme-v02.api.letsencrypt.org/directory", "https://ca.example.com/acme/acme/directory");
        assert_eq!(levels(public, DNS, "web.x.svc.cluster.local"), [Level::Error]);
        assert_eq!(levels(public, HTTP, "web.example.com"), []);
        assert_eq!(levels(own, HTTP, "web.x.svc"), [Level::Warning]);
        assert_eq!(levels(own, DNS, "web.x.svc"), []);
        assert_eq!(levels(own, "{http01: {gatewayHTTPRoute: {}}}", "web.x.svc"), []);
    }

    #[test]
    fn a_ca_cannot_wait_for_what_it_signs() {
        let found = |secret: &str| {
            let issuer = format!(
                "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {{name: own, namespace: web}}\nspec: {{ca: {{secretName: {secret}}}}}\n"
            );
            let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: web, namespace: web}\nspec: {secretName: web-tls, dnsNames: [a.web.svc], issuerRef: {name: own}}\n";
            Sandbox::new("").write(&issuer).write(certificate).found(&ISSUER_UNRESOLVED).len()
        };
        assert_eq!(found("web-tls"), 1);
        assert_eq!(found("root"), 0);
    }

    #[test]
    fn the_issuer_is_found_by_kind_and_group() {
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ", kind: ClusterIssuer, group: cert-manager.io"), 1);
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ""), 0, "an Issuer is meant");
        assert_eq!(found("ClusterIssuer", HTTP, "*.example.com", ", kind: ClusterIssuer, group: example.org"), 0);
    }
}
