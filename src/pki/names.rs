//! What may stand as a name in a certificate: DNS names as clients compare them, and what step-ca takes a name for that
//! comes without a type.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::go_url::GoUrl;

/// The types of names that step-ca tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameType {
    /// The common name of the subject.
    CommonName,
    /// A DNS name.
    Dns,
    /// An IP address.
    Ip,
    /// An email address.
    Email,
    /// A URI.
    Uri,
}

impl NameType {
    /// The name of its list in a policy: `cn`, `dns`, `ip`, `email` or `uri`.
    pub const fn as_str(self) -> &'static str {
        match self {
            NameType::CommonName => "cn",
            NameType::Dns => "dns",
            NameType::Ip => "ip",
            NameType::Email => "email",
            NameType::Uri => "uri",
        }
    }

    /// What step-ca takes a name for that comes without its type, as all names do in the token of step-issuer and the
    /// common name does in a policy: an address, a text with a scheme, a text with `@`, and otherwise a DNS name.
    ///
    /// Source: `x509util/utils.go` of smallstep/crypto, `SplitSANs`.
    pub fn of(name: &str) -> NameType {
        if name.parse::<IpAddr>().is_ok() {
            NameType::Ip
        } else if GoUrl::parse(name).is_some_and(|url| !url.scheme.is_empty()) {
            NameType::Uri
        } else if name.contains('@') {
            NameType::Email
        } else {
            NameType::Dns
        }
    }
}

impl fmt::Display for NameType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            NameType::CommonName => "common name",
            NameType::Dns => "DNS name",
            NameType::Ip => "IP address",
            NameType::Email => "email address",
            NameType::Uri => "URI",
        })
    }
}

/// The names of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateNames {
    /// The common name of the subject.
    pub common_name: Option<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ip: Vec<IpAddr>,
    /// Email addresses.
    pub email: Vec<String>,
    /// URIs.
    pub uri: Vec<String>,
}

impl CertificateNames {
    /// The names that the certificate gets in the end when step-issuer asks for these and the provisioner has no template
    /// of its own: without a common name, the first other name that is neither `localhost` nor `127.0.0.1` becomes one,
    /// and a policy judges it too.
    ///
    /// Source: `provisioners/step.go` of smallstep/step-issuer (`Sign`, `generateSubject`).
    #[must_use]
    pub fn as_signed_for_step_issuer(mut self) -> CertificateNames {
        if self.common_name.as_deref().unwrap_or_default().is_empty() {
            let addresses: Vec<String> = self.ip.iter().map(|address| address.to_canonical().to_string()).collect();
            let mut all = self.dns.iter().chain(&self.email).chain(&addresses).chain(&self.uri);
            let first = all.clone().find(|name| *name != "127.0.0.1" && *name != "localhost").or_else(|| all.next());
            self.common_name = Some(first.map_or("step-issuer-certificate", String::as_str).to_owned());
        }
        self
    }
}

/// Why a text cannot be a DNS name in a certificate; `None` where it can. The reason continues a sentence, as in
/// ``the DNS name `a..b` is invalid: {reason}``.
///
/// A wildcard is judged without its star: where that stands is the business of [`super::Wildcard`]. An underscore is no
/// problem: CA and clients take it, though not for what a star stands for ([`super::covers`]) nor under a policy of step-ca.
/// Neither are capital letters, as everybody compares without them.
///
/// ```
/// use trustree::pki::dns_name_problem;
/// assert_eq!(dns_name_problem("*.default.svc"), None);
/// assert_eq!(dns_name_problem("web.").as_deref(), Some("it ends in a dot, and clients compare without one; write `web`"));
/// ```
pub fn dns_name_problem(name: &str) -> Option<String> {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    if bare.is_empty() {
        return Some("it is empty".to_owned());
    }
    another_kind(bare)
        .or_else(|| (!bare.is_ascii()).then(|| not_ascii(name)))
        .or_else(|| {
            bare.strip_suffix('.')
                .map(|rest| format!("it ends in a dot, and clients compare without one; write `{}`", name.replace(bare, rest)))
        })
        .or_else(|| bare.split('.').find_map(label_problem))
        .or_else(|| (name.len() > 253).then(|| format!("it has {} characters, and a DNS name at most 253", name.len())))
}

/// What a text is instead of a DNS name. step-ca sorts the names of a token by what they look like; where it takes one for
/// something else, the request differs from the token and is refused.
fn another_kind(name: &str) -> Option<String> {
    if name.parse::<IpAddr>().is_ok() {
        return Some("it is an IP address: clients look for it only in `ipAddresses`, and step-ca refuses it as a DNS name".to_owned());
    }
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && address.parse::<IpAddr>().is_ok()
    {
        return Some(format!("it is an IP address in brackets: clients look for it only in `ipAddresses`, as `{address}`"));
    }
    if name.contains("://") {
        return Some("it is a URL: clients compare host names, so write only its host, or put it into `uris`".to_owned());
    }
    if let Some((host, port)) = name.rsplit_once(':')
        && !host.contains(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(format!("it has a port, which clients do not compare; write `{host}`"));
    }
    if name.contains('@') {
        return Some("it is an email address, which belongs into `emailAddresses`".to_owned());
    }
    if let Some((address, _)) = name.split_once('/')
        && address.parse::<IpAddr>().is_ok()
    {
        return Some("it is a range of IP addresses, and a certificate can hold only single ones, in `ipAddresses`".to_owned());
    }
    (NameType::of(name) == NameType::Uri).then(|| "step-ca takes it for a URI, which belongs into `uris`".to_owned())
}

fn not_ascii(name: &str) -> String {
    let (star, bare) = name.strip_prefix("*.").map_or(("", name), |bare| ("*.", bare));
    match ascii_form(bare).filter(|ascii| dns_name_problem(ascii).is_none()) {
        Some(ascii) if bare.is_ascii() || ascii.contains("xn--") => {
            format!("a certificate holds only ASCII; write it in Punycode, as `{star}{ascii}`")
        }
        Some(ascii) => format!("a certificate holds only ASCII; write `{star}{ascii}`"),
        None => "a certificate holds only ASCII, and this has no form in Punycode (`xn--…`)".to_owned(),
    }
}

fn label_problem(label: &str) -> Option<String> {
    let legible = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '*');
    if label.is_empty() {
        Some("a label is empty: two dots follow each other, or it begins with one".to_owned())
    } else if let Some(character) = label.chars().find(|character| !legible(*character)) {
        Some(format!("`{}` cannot stand in a DNS name", character.escape_debug()))
    } else if label.len() > 63 {
        Some(format!("the label `{label}` has {} characters, and a label at most 63", label.len()))
    } else if label.starts_with('-') || label.ends_with('-') {
        Some(format!("the label `{label}` begins or ends with a hyphen"))
    } else {
        None
    }
}

/// What step-ca makes of a name before it looks for a rule: lower case, Punycode where it is not ASCII; `None` where the
/// strict rules for host names forbid it, as with an underscore, a star or a space. Neither lengths nor empty labels are
/// looked at.
///
/// Source: `golang.org/x/net/idna`, the profile `Lookup`.
pub fn ascii_form(name: &str) -> Option<String> {
    // Go takes Punycode without a character for an empty label, which it lets pass; the crate does not.
    let is_nothing = |label: &str| label.eq_ignore_ascii_case("xn--");
    let labels: Vec<&str> = name.split('.').map(|label| if is_nothing(label) { "" } else { label }).collect();
    let form =
        Uts46::new().to_ascii(labels.join(".").as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Ignore).map(Cow::into_owned);
    form.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_clients_and_ca_take_are_no_problem() {
        for name in [
            "web",
            "localhost",
            "Web.Example.com",
            "*.default.svc.cluster.local",
            "my_team.example.com",
            "xn--bcher-kva.example",
            "1.example",
        ] {
            assert_eq!(dns_name_problem(name), None, "{name}");
        }
        assert_eq!(dns_name_problem(&format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61))), None);
    }

    #[test]
    fn each_problem_has_its_own_sentence() {
        for (name, reason) in [
            ("", "empty"),
            ("*.", "empty"),
            ("10.0.0.1", "IP address"),
            ("::1", "IP address"),
            ("[::1]", "as `::1`"),
            ("10.0.0.0/8", "range"),
            ("https://web.example.com/", "URL"),
            ("web.example.com:443", "write `web.example.com`"),
            ("root@example.com", "email"),
            ("urn:x", "URI"),
            ("web.example.com.", "write `web.example.com`"),
            ("*.example.com.", "write `*.example.com`"),
            ("a..b", "label is empty"),
            (".example.com", "label is empty"),
            ("a b.example.com", "` ` cannot"),
            ("a\tb", "`\\t` cannot"),
            ("-a.example.com", "`-a` begins or ends"),
            ("a-.example.com", "`a-` begins or ends"),
            ("bücher.example", "`xn--bcher-kva.example`"),
            ("*.bücher.example", "`*.xn--bcher-kva.example`"),
            ("ｗｅｂ.example", "write `web.example`"),
            ("ü_.example", "no form"),
        ] {
            let problem = dns_name_problem(name).unwrap_or_default();
            assert!(problem.contains(reason), "{name}: {problem}");
        }
        assert!(dns_name_problem(&"a".repeat(64)).is_some_and(|problem| problem.contains("64 characters")));
        assert!(
            dns_name_problem(&format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(62))).is_some_and(|problem| problem.contains("254"))
        );
    }

    #[test]
    fn without_a_common_name_the_first_name_becomes_one() {
        let names =
            |dns: &[&str]| CertificateNames { dns: dns.iter().map(|name| (*name).to_owned()).collect(), ..CertificateNames::default() };
        let subject = |names: CertificateNames| names.as_signed_for_step_issuer().common_name;
        assert_eq!(subject(names(&["localhost", "a.b"])).as_deref(), Some("a.b"));
        assert_eq!(subject(names(&["localhost"])).as_deref(), Some("localhost"));
        assert_eq!(subject(CertificateNames { common_name: Some("c".to_owned()), ..names(&["a.b"]) }).as_deref(), Some("c"));
        assert_eq!(subject(names(&[])).as_deref(), Some("step-issuer-certificate"));
        let address = CertificateNames {
            ip: vec!["10.0.0.1".parse().expect("an address")],
            email: vec!["a@b".to_owned()],
            ..CertificateNames::default()
        };
        assert_eq!(subject(address).as_deref(), Some("a@b"));
    }
}
