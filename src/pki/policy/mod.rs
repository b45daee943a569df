//! Which names step-ca issues certificates for: the policy of the authority, judged as step-ca judges it.
//!
//! Source: `policy/` and `authority/policy/` of smallstep/certificates 0.30.2. `tests/data/names.jsonl` holds what that
//! very code says, its oddities included: a denied common name is refused only where the rules for its other type refuse
//! it as well.

mod mailbox;
mod matching;
mod rules;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::go_url::GoUrl;
use super::names::{CertificateNames, NameType, ascii_form};
use mailbox::Mailbox;
use matching::{domain_labels, matches_common_name, matches_domain, matches_email};
use rules::{IpRange, Rule, Rules};

/// Which X.509 names the CA issues certificates for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Rules for X.509.
    pub x509: X509Policy,
}

/// Allowed and denied names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct X509Policy {
    /// Names that are allowed; as soon as one is given, names of every other type are denied.
    #[serde(default, skip_serializing_if = "PolicyNames::is_empty")]
    pub allow: PolicyNames,
    /// Names that are denied.
    #[serde(default, skip_serializing_if = "PolicyNames::is_empty")]
    pub deny: PolicyNames,
    /// Whether a wildcard may be asked for literally.
    #[serde(default)]
    pub allow_wildcard_names: bool,
}

/// Names by type, as step-ca calls them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyNames {
    /// Common names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cn: Vec<String>,
    /// DNS names; `*.x` stands for exactly one label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// IP addresses and ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip: Vec<String>,
    /// Email addresses and domains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uri: Vec<String>,
}

impl PolicyNames {
    /// Whether no name of any type is given.
    pub fn is_empty(&self) -> bool {
        *self == PolicyNames::default()
    }
}

impl X509Policy {
    /// Reads the rules.
    ///
    /// # Errors
    ///
    /// A rule that step-ca cannot read, the first of its type; it does not start with one.
    pub fn engine(&self) -> Result<PolicyEngine, RuleError> {
        Ok(PolicyEngine {
            common_name: Rules::read(self, NameType::CommonName, |names| &names.cn, rules::common_name)?,
            dns: Rules::read(self, NameType::Dns, |names| &names.dns, rules::dns)?,
            ip: Rules::read(self, NameType::Ip, |names| &names.ip, rules::ip)?,
            email: Rules::read(self, NameType::Email, |names| &names.email, rules::email)?,
            uri: Rules::read(self, NameType::Uri, |names| &names.uri, rules::uri)?,
            allows_some: !self.allow.is_empty(),
            allow_wildcard_names: self.allow_wildcard_names,
        })
    }

    /// Whether step-ca signs a certificate with these names. For a Certificate that goes through step-issuer, give it
    /// [`CertificateNames::as_signed_for_step_issuer`]. For many certificates, make the [`X509Policy::engine`] once.
    ///
    /// # Errors
    ///
    /// A rule that step-ca cannot read, or the first name that it refuses.
    pub fn verdict(&self, names: &CertificateNames) -> Result<(), PolicyError> {
        Ok(self.engine()?.verdict(names)?)
    }
}

/// Why a policy does not let a certificate pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It cannot let anything pass, as step-ca does not start with it.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// It refuses a name.
    #[error(transparent)]
    Denied(#[from] Denial),
}

/// Which of the two halves of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleList {
    /// What is allowed.
    Allow,
    /// What is denied.
    Deny,
}

impl RuleList {
    /// `allow` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RuleList::Allow => "allow",
            RuleList::Deny => "deny",
        }
    }
}

/// A rule that step-ca cannot read, so that it does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule `{rule}` in `{}.{}` of the CA's policy keeps step-ca from starting: {reason}", .list.as_str(), .name_type.as_str())]
pub struct RuleError {
    /// Where the rule stands.
    pub list: RuleList,
    /// The type of names that it is about.
    pub name_type: NameType,
    /// Its place in the list, counted from zero.
    pub index: usize,
    /// The rule as it is written.
    pub rule: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A name that the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What the name is in the certificate.
    pub name_type: NameType,
    /// By the rules for which type it was judged: other than `name_type` for a common name without a rule of its own.
    pub judged_as: NameType,
    /// The name as it was given; step-ca shows a URI with its escapes.
    pub name: String,
    /// Why it is refused.
    pub cause: DenialCause,
}

/// Why a policy refuses a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenialCause {
    /// No rule is about names of its type, while names of other types are allowed.
    TypeNotAllowed,
    /// No rule that allows fits it.
    NoRuleFits,
    /// A rule that allows would fit, if `allowWildcardNames` were set.
    WildcardsNotAllowed,
    /// A rule denies it.
    DeniedBy {
        /// The rule as it is written.
        rule: String,
    },
    /// It cannot be read as a name of its type.
    Unreadable,
    /// It cannot be compared with rules.
    Incomparable {
        /// Why not.
        reason: &'static str,
    },
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (list, judged_as) = (self.judged_as.as_str(), self.judged_as);
        write!(formatter, "the policy of the CA refuses the {} `{}`: ", self.name_type, self.name)?;
        if self.name_type != judged_as {
            write!(
                formatter,
                "it is judged as {} {judged_as}, and ",
                if judged_as == NameType::Dns || judged_as == NameType::Uri { "a" } else { "an" }
            )?;
        }
        match &self.cause {
            DenialCause::TypeNotAllowed => {
                write!(formatter, "no rule in `allow.{list}` or `deny.{list}` is about names of its type, while others are allowed")
            }
            DenialCause::NoRuleFits => write!(formatter, "no rule in `allow.{list}` fits it"),
            DenialCause::WildcardsNotAllowed => write!(formatter, "a wildcard passes only with `allowWildcardNames`"),
            DenialCause::DeniedBy { rule } => write!(formatter, "the rule `{rule}` in `deny.{list}` denies it"),
            DenialCause::Unreadable => write!(formatter, "it cannot be read as {}", readable_as(judged_as)),
            DenialCause::Incomparable { reason } => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for Denial {}

fn readable_as(name_type: NameType) -> &'static str {
    match name_type {
        NameType::Email => "the address of a mailbox",
        NameType::Uri => "a URI",
        _ => "a host name of letters, digits and hyphens",
    }
}

/// A policy whose rules have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEngine {
    common_name: Rules<String>,
    dns: Rules<String>,
    ip: Rules<IpRange>,
    email: Rules<String>,
    uri: Rules<String>,
    /// Whether anything at all is allowed by a rule: then everything else is denied.
    allows_some: bool,
    allow_wildcard_names: bool,
}

impl PolicyEngine {
    /// Whether step-ca signs a certificate with these names.
    ///
    /// # Errors
    ///
    /// The first name that it refuses, in its own order: DNS names, addresses, email addresses, URIs, common name.
    pub fn verdict(&self, names: &CertificateNames) -> Result<(), Denial> {
        if self.is_empty() {
            return Ok(());
        }
        let dns = names.dns.iter().map(|name| self.judge(NameType::Dns, name));
        let ip = names.ip.iter().map(|address| self.judge_address(*address));
        let email = names.email.iter().map(|name| self.judge(NameType::Email, name));
        let uri = names.uri.iter().map(|name| self.judge(NameType::Uri, name));
        dns.chain(ip).chain(email).chain(uri).collect::<Result<(), Denial>>()?;
        match names.common_name.as_deref() {
            None | Some("") => Ok(()),
            Some(name) => self.judge_common_name(name),
        }
    }

    fn is_empty(&self) -> bool {
        self.common_name.is_empty() && self.dns.is_empty() && self.ip.is_empty() && self.email.is_empty() && self.uri.is_empty()
    }

    /// The rules for common names can only let one pass: where they do not, the rules for what else it is decide.
    fn judge_common_name(&self, name: &str) -> Result<(), Denial> {
        let own = self.common_name.judge(|rule| Ok(matches_common_name(name, rule)));
        if !self.common_name.is_empty() && own.is_ok() {
            return Ok(());
        }
        let verdict = match name.parse() {
            Ok(address) => self.judge_address(address),
            Err(_) => self.judge(NameType::of(name), name),
        };
        verdict.map_err(|denial| Denial { name_type: NameType::CommonName, ..denial })
    }

    fn judge_address(&self, address: IpAddr) -> Result<(), Denial> {
        let address = address.to_canonical();
        self.of_type(&self.ip, |rules| rules.judge(|range| Ok(range.contains(address)))).map_err(|cause| Denial {
            name_type: NameType::Ip,
            judged_as: NameType::Ip,
            name: address.to_string(),
            cause,
        })
    }

    fn judge(&self, name_type: NameType, name: &str) -> Result<(), Denial> {
        let verdict = match name_type {
            NameType::Email => self.of_type(&self.email, |rules| self.judge_email(rules, name)),
            NameType::Uri => self.of_type(&self.uri, |rules| self.judge_uri(rules, name)),
            _ => self.of_type(&self.dns, |rules| self.judge_dns(rules, name)),
        };
        verdict.map_err(|cause| Denial { name_type, judged_as: name_type, name: name.to_owned(), cause })
    }

    fn of_type<T>(&self, rules: &Rules<T>, judge: impl FnOnce(&Rules<T>) -> Result<(), DenialCause>) -> Result<(), DenialCause> {
        if rules.is_empty() && self.allows_some { Err(DenialCause::TypeNotAllowed) } else { judge(rules) }
    }

    fn judge_dns(&self, rules: &Rules<String>, name: &str) -> Result<(), DenialCause> {
        let bare = name.strip_prefix('*').filter(|bare| bare.starts_with('.'));
        let ascii = ascii_form(bare.unwrap_or(name)).ok_or(DenialCause::Unreadable)?;
        let domain = if bare.is_some() { format!("*{ascii}") } else { ascii };
        if domain_labels(&domain).is_none() {
            return Err(DenialCause::Unreadable);
        }
        let verdict = rules.judge(|rule| matches_domain(&domain, rule, self.allow_wildcard_names));
        if verdict == Err(DenialCause::NoRuleFits) && bare.is_some() && rules.judge(|rule| matches_domain(&domain, rule, true)).is_ok() {
            return Err(DenialCause::WildcardsNotAllowed);
        }
        verdict
    }

    fn judge_email(&self, rules: &Rules<String>, name: &str) -> Result<(), DenialCause> {
        let mailbox = Mailbox::parse(name).ok_or(DenialCause::Unreadable)?;
        let domain = mailbox.domain_in_punycode().ok_or(DenialCause::Unreadable)?;
        rules.judge(|rule| matches_email(&mailbox.local, domain, rule, self.allow_wildcard_names))
    }

    fn judge_uri(&self, rules: &Rules<String>, name: &str) -> Result<(), DenialCause> {
        let url = GoUrl::parse(name).ok_or(DenialCause::Unreadable)?;
        rules.judge(|rule| matches_domain(url.host_name()?, rule, self.allow_wildcard_names))
    }
}

impl<T> Rules<T> {
    /// Denied first; then, if anything is allowed, something that is allowed must fit.
    fn judge(&self, fits: impl Fn(&T) -> Result<bool, &'static str>) -> Result<(), DenialCause> {
        let fits = |rule: &Rule<T>| fits(&rule.value).map_err(|reason| DenialCause::Incomparable { reason });
        for rule in &self.deny {
            if fits(rule)? {
                return Err(DenialCause::DeniedBy { rule: rule.text.clone() });
            }
        }
        for rule in &self.allow {
            if fits(rule)? {
                return Ok(());
            }
        }
        if self.allow.is_empty() { Ok(()) } else { Err(DenialCause::NoRuleFits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn dns(names: &[&str]) -> CertificateNames {
        CertificateNames { dns: texts(names), ..CertificateNames::default() }
    }

    fn allow_dns(rules: &[&str]) -> X509Policy {
        X509Policy { allow: PolicyNames { dns: texts(rules), ..PolicyNames::default() }, ..X509Policy::default() }
    }

    fn refusal(policy: &X509Policy, names: &CertificateNames) -> String {
        policy.verdict(names).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_policy_without_names_lets_everything_pass() {
        assert_eq!(X509Policy::default().verdict(&dns(&["*.svc.cluster.local", "a b"])), Ok(()));
    }

    #[test]
    fn the_first_refused_name_is_told_with_the_reason() {
        let policy = allow_dns(&["*.example.com"]);
        assert_eq!(policy.verdict(&dns(&["web.example.com"])), Ok(()));
        assert_eq!(
            refusal(&policy, &dns(&["web.example.com", "example.com", "other"])),
            "the policy of the CA refuses the DNS name `example.com`: no rule in `allow.dns` fits it"
        );
        assert_eq!(
            refusal(&policy, &dns(&["*.example.com"])),
            "the policy of the CA refuses the DNS name `*.example.com`: a wildcard passes only with `allowWildcardNames`"
        );
        assert_eq!(
            refusal(&policy, &dns(&["web_1.example.com"])),
            "the policy of the CA refuses the DNS name `web_1.example.com`: it cannot be read as a host name of letters, digits and hyphens"
        );
        let address = CertificateNames { ip: vec!["10.0.0.1".parse().expect("an address")], ..CertificateNames::default() };
        assert_eq!(
            refusal(&policy, &address),
            "the policy of the CA refuses the IP address `10.0.0.1`: no rule in `allow.ip` or `deny.ip` is about names of its type, while others are allowed"
        );
    }

    #[test]
    fn a_common_name_without_a_rule_is_judged_as_what_it_is() {
        let policy = allow_dns(&["*.example.com"]);
        let names = |common_name: &str| CertificateNames { common_name: Some(common_name.to_owned()), ..dns(&["web.example.com"]) };
        assert_eq!(policy.verdict(&names("api.example.com")), Ok(()));
        assert_eq!(policy.verdict(&names("")), Ok(()));
        assert_eq!(
            refusal(&policy, &names("10.0.0.1")),
            "the policy of the CA refuses the common name `10.0.0.1`: it is judged as an IP address, and no rule in `allow.ip` or `deny.ip` is about \
             names of its type, while others are allowed"
        );
    }

    #[test]
    fn a_rule_that_denies_wins_and_is_named() {
        let policy = X509Policy {
            deny: PolicyNames { dns: texts(&["Bad.Example.com"]), ..PolicyNames::default() },
            ..allow_dns(&["*.example.com"])
        };
        assert!(refusal(&policy, &dns(&["bad.example.com"])).ends_with("the rule `Bad.Example.com` in `deny.dns` denies it"));
    }

    #[test]
    fn a_rule_that_keeps_the_ca_from_starting_is_named_with_its_place() {
        let error = allow_dns(&["example.com", "web.*.example.com"]).engine().expect_err("a star in the middle");
        assert_eq!((error.list, error.name_type, error.index), (RuleList::Allow, NameType::Dns, 1));
        assert_eq!(
            error.to_string(),
            "the rule `web.*.example.com` in `allow.dns` of the CA's policy keeps step-ca from starting: a star may stand only at its beginning"
        );
    }
}
