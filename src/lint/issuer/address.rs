//! Where step-issuer reaches the CA.

use super::called;
use crate::finding::{ISSUER_URL_NOT_HTTPS, ISSUER_URL_NOT_IN_DNS_NAMES, listed};
use crate::lint::Lint;
use crate::lint::object::Object;
use crate::lint::trust::{host_of, is_same_host};
use crate::yaml::Path;

/// Judges the URL of an issuer.
pub(super) fn check(lint: &mut Lint<'_>, issuer: Object<'_>) {
    let Some(url) = issuer.text("spec.url").filter(|url| !url.is_empty()) else { return };
    let path = Path::of(["spec", "url"]);
    if let Some(message) = not_https(url) {
        let help = "write it as `https://` and one of the CA's names: step-ca signs only what was asked for over TLS";
        lint.report(&ISSUER_URL_NOT_HTTPS, issuer.document, &path, message, help);
        return;
    }
    let known = lint.signer_of(issuer).and_then(|signer| signer.snapshot?.authority().dns_names.known());
    let Some((names, host)) = known.zip(host_of(url)) else { return };
    if names.iter().any(|name| name == host) {
        return;
    }
    let near = names.iter().find(|name| is_same_host(name, host));
    let message = match near {
        Some(near) => format!("`{host}` is not written as the CA's `dnsNames` have it, `{near}`, and step-ca compares letter by letter"),
        None => format!("the CA does not answer to `{host}`: it is not among the `dnsNames` of its snapshot"),
    };
    let help = match near {
        Some(near) => format!("write `{near}` in the URL of {}", called(issuer)),
        None if names.is_empty() => "add the name to `dnsNames` in ca.json, and import its snapshot again".to_owned(),
        None => format!(
            "use one of {}; or add the name to `dnsNames` in ca.json, and import its snapshot again",
            listed(names.iter().map(String::as_str))
        ),
    };
    lint.report(&ISSUER_URL_NOT_IN_DNS_NAMES, issuer.document, &path, message, help);
}

/// Why step-issuer could not use a URL. One without a scheme is taken for `https`.
fn not_https(url: &str) -> Option<String> {
    match url.split_once("://") {
        Some((scheme, _)) if !scheme.eq_ignore_ascii_case("https") => {
            Some(format!("the CA's URL `{url}` begins with `{scheme}://`, and step-issuer asks for certificates over `https` only"))
        }
        _ if host_of(url).is_none() => Some(format!("the CA's URL `{url}` names no host")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sandbox::{Sandbox, issuer};

    #[test]
    fn a_url_has_the_scheme_https_or_none() {
        for url in ["https://ca", "HTTPS://ca:9000", "ca.example.com", "ca.example.com:443"] {
            assert_eq!(not_https(url), None, "{url}");
        }
        for url in ["http://ca", "ftp://ca", "https://", "https:///path", "://ca"] {
            assert!(not_https(url).is_some(), "{url}");
        }
    }

    #[test]
    fn the_host_is_one_of_the_names_letter_by_letter() {
        let found = |url: &str| {
            let text = issuer("StepIssuer").replace("https://step-certificates.smallstep.svc.cluster.local", url);
            Sandbox::new("").write(&text).found(&ISSUER_URL_NOT_IN_DNS_NAMES)
        };
        for right in ["https://step-certificates.smallstep.svc.cluster.local:9000", "https://127.0.0.1:9000"] {
            assert_eq!(found(right), [""; 0], "{right}");
        }
        for (wrong, message) in [
            ("https://Step-Certificates.smallstep.svc.cluster.local", "letter by letter"),
            ("https://step-certificates.smallstep.svc.cluster.local.", "letter by letter"),
            ("https://step-certificates.smallstep.svc", "does not answer to `step-certificates.smallstep.svc`"),
        ] {
            let found = found(wrong);
            assert!(matches!(found.as_slice(), [one] if one.contains(message)), "{wrong}: {found:?}");
        }
    }

    #[test]
    fn where_the_names_are_unknown_nothing_is_said() {
        let text = issuer("StepIssuer").replace("https://step-certificates.", "https://another.");
        let names = "  dnsNames:\n    - 127.0.0.1\n    - step-certificates.smallstep.svc.cluster.local\n";
        let sandbox = Sandbox::new("").with_snapshot(|snapshot| snapshot.replace(names, "  dnsNames: unknown\n")).write(&text);
        assert_eq!(sandbox.found(&ISSUER_URL_NOT_IN_DNS_NAMES), [""; 0]);
    }
}
