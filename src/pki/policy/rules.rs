//! Rules of a policy, as step-ca reads them when it starts.

use std::net::IpAddr;

use super::mailbox::Mailbox;
use super::matching::{domain_labels, single};
use super::{PolicyNames, RuleError, RuleList, X509Policy};
use crate::pki::names::{NameType, ascii_form};

/// The rules for one type of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules<T> {
    pub(super) allow: Vec<Rule<T>>,
    pub(super) deny: Vec<Rule<T>>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule<T> {
    /// As it is written.
    pub(super) text: String,
    /// As it is compared.
    pub(super) value: T,
}

impl<T> Rules<T> {
    /// Reads the rules of a type; both lists, the allowed ones first.
    pub(super) fn read(
        policy: &X509Policy,
        name_type: NameType,
        texts: impl Fn(&PolicyNames) -> &Vec<String>,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Rules<T>, RuleError> {
        let list = |list: RuleList, names: &PolicyNames| {
            let rule = |(index, text): (usize, &String)| match read(text) {
                Ok(value) => Ok(Rule { text: text.clone(), value }),
                Err(reason) => Err(RuleError { list, name_type, index, rule: text.clone(), reason: reason.to_owned() }),
            };
            texts(names).iter().enumerate().map(rule).collect::<Result<Vec<_>, _>>()
        };
        Ok(Rules { allow: list(RuleList::Allow, &policy.allow)?, deny: list(RuleList::Deny, &policy.deny)? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

const EMPTY: &str = "it is empty";
const EMPTY_LABEL: &str = "a label is empty";
const NO_STAR: &str = "a leading dot stands for nothing; write `*.` before it";
const STAR_INSIDE: &str = "a star may stand only at its beginning";
const PARTIAL_STAR: &str = "a star stands only for a whole label";
const NO_DOMAIN: &str = "it is no host name of letters, digits and hyphens";

/// Without what surrounds it, in lower case.
fn trimmed(text: &str) -> Result<String, &'static str> {
    // Go has one lower-case letter for each letter.
    let lower = |character: char| single(character.to_lowercase()).unwrap_or(character);
    let trimmed: String = text.trim().chars().map(lower).collect();
    if trimmed.is_empty() { Err(EMPTY) } else { Ok(trimmed) }
}

pub(super) fn common_name(text: &str) -> Result<String, &'static str> {
    let name = trimmed(text)?;
    if name == "*" { Err("step-ca knows no star for common names") } else { Ok(name) }
}

pub(super) fn dns(text: &str) -> Result<String, &'static str> {
    let name = trimmed(text)?;
    starred_domain(&name)?;
    if name.len() >= 2 && name.starts_with('*') && !name.starts_with("*.") {
        return Err(PARTIAL_STAR);
    }
    in_ascii(name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(&name))
}

pub(super) fn uri(text: &str) -> Result<String, &'static str> {
    let name = trimmed(text)?;
    if name.contains("://") {
        return Err("it has a scheme; only hosts are compared");
    }
    starred_domain(&name)?;
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(&name);
    if name.contains(['[', ']']) || name.parse::<IpAddr>().is_ok() {
        return Err("it is an IP address; only host names are compared");
    }
    if name.matches(':').count() == 1 {
        return Err("it has a port; only host names are compared");
    }
    in_ascii(name)
}

fn starred_domain(name: &str) -> Result<(), &'static str> {
    if name.contains("..") {
        Err(EMPTY_LABEL)
    } else if name.starts_with('.') {
        Err(NO_STAR)
    } else if name.rfind('*').is_some_and(|at| at > 0) {
        Err(STAR_INSIDE)
    } else {
        Ok(())
    }
}

fn in_ascii(name: &str) -> Result<String, &'static str> {
    ascii_form(name).filter(|ascii| domain_labels(ascii).is_some()).ok_or(NO_DOMAIN)
}

pub(super) fn email(text: &str) -> Result<String, &'static str> {
    let rule = trimmed(text)?;
    if rule.contains('*') {
        return Err("it has a star; a domain alone stands for all its addresses");
    }
    if rule.matches('@').count() > 1 {
        return Err("it has more than one `@`");
    }
    let rule = rule.strip_prefix('@').unwrap_or(&rule);
    if rule.is_empty() {
        return Err("nothing follows the `@`");
    }
    if rule.starts_with('.') {
        return Err("it begins with a dot");
    }
    let normal = if rule.contains('@') {
        let mailbox = Mailbox::parse(rule).ok_or("it is no address of a mailbox")?;
        format!("{}@{}", mailbox.local, ascii_form(&mailbox.domain).ok_or(NO_DOMAIN)?)
    } else {
        ascii_form(rule).ok_or(NO_DOMAIN)?
    };
    if domain_labels(&normal).is_some() { Ok(normal) } else { Err(NO_DOMAIN) }
}

/// A range of addresses, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IpRange {
    /// An address of IPv4 inside of IPv6 only where the range is wider than all of them.
    network: IpAddr,
    /// How many leading bits count.
    prefix: u32,
}

pub(super) fn ip(text: &str) -> Result<IpRange, &'static str> {
    const NO_RANGE: &str = "it is neither an IP address nor a range such as `10.0.0.0/8`";
    let Some((address, prefix)) = text.split_once('/') else {
        let address: IpAddr = text.parse().map_err(|_| NO_RANGE)?;
        let network = address.to_canonical();
        return Ok(IpRange { network, prefix: width(network) });
    };
    let address: IpAddr = address.parse().map_err(|_| NO_RANGE)?;
    let digits_only = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix: u32 = prefix.parse().ok().filter(|bits| digits_only && *bits <= width(address)).ok_or(NO_RANGE)?;
    let network = address.to_canonical();
    // 96 bits come before an address of IPv4 inside of IPv6.
    let mapped = width(address) != width(network);
    match prefix.checked_sub(96) {
        Some(prefix) if mapped => Ok(IpRange { network, prefix }),
        _ => Ok(IpRange { network: address, prefix }),
    }
}

impl IpRange {
    /// The address must be canonical.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let unmapped = width(self.network) == width(address);
        unmapped && (bits(self.network) ^ bits(address)).checked_shr(width(address) - self.prefix).unwrap_or(0) == 0
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        let address: IpAddr = address.parse().expect(address);
        ip(range).expect(range).contains(address.to_canonical())
    }

    #[test]
    fn ranges_hold_addresses_of_their_own_kind() {
        for (range, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/16", "10.1.255.255", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "192.0.2.1", false),
            ("::/0", "2001:db8::1", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::ffff:10.0.0.0/104", "11.0.0.0", false),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ] {
            assert_eq!(contains(range, address), expected, "{range} {address}");
        }
    }
}
