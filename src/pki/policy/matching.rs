//! Names against rules.

use super::mailbox::Mailbox;
use super::rules::single;

/// The labels of a domain, the last one first; `None` where one is empty or not made of printable ASCII. A domain may
/// begin with one dot.
pub(super) fn domain_labels(domain: &str) -> Option<Vec<&str>> {
    if domain.is_empty() {
        return Some(Vec::new());
    }
    let labels: Vec<&str> = domain.strip_prefix('.').unwrap_or(domain).rsplit('.').collect();
    let sound = |label: &&str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_graphic());
    labels.iter().all(sound).then_some(labels)
}

/// Whether a domain is the one of a rule, or has exactly one label before it where the rule begins with a dot.
pub(super) fn matches_domain(domain: &str, rule: &str, allow_wildcard_names: bool) -> Result<bool, &'static str> {
    if domain.is_empty() {
        return Err("it has no host name, and step-ca up to 0.30 stumbles over that");
    }
    let odd_star = domain.starts_with('*') && !domain.starts_with("*.");
    let unwanted_star = domain.starts_with("*.") && !allow_wildcard_names;
    if domain.starts_with('.') || odd_star || unwanted_star || domain.rfind('*').is_some_and(|at| at > 0) {
        return Ok(false);
    }
    let labels = domain_labels(domain).ok_or("its host is no domain")?;
    let (below, rule) = rule.strip_prefix('.').map_or((0, rule), |rule| (1, rule));
    let rule = domain_labels(rule).ok_or("a rule is no domain")?;
    Ok(labels.len() == rule.len() + below && rule.iter().zip(&labels).all(|(wanted, label)| wanted.eq_ignore_ascii_case(label)))
}

/// The whole address where the rule has a local part, in which capitals count; otherwise the domain.
pub(super) fn matches_email(local: &str, domain: &str, rule: &str, allow_wildcard_names: bool) -> Result<bool, &'static str> {
    if !rule.contains('@') {
        return matches_domain(domain, rule, allow_wildcard_names);
    }
    let wanted = Mailbox::parse(rule).ok_or("a rule is no address of a mailbox")?;
    Ok(local == wanted.local && domain.eq_ignore_ascii_case(&wanted.domain))
}

/// The same letters, capital or not.
pub(super) fn matches_common_name(name: &str, rule: &str) -> bool {
    name.chars().map(folded).eq(rule.chars().map(folded))
}

/// A letter in the one form that it shares with its capital.
fn folded(character: char) -> char {
    let upper = single(character.to_uppercase()).unwrap_or(character);
    single(upper.to_lowercase()).unwrap_or(upper)
}
