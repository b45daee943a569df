//! Names against rules.

use super::mailbox::Mailbox;

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
    if rule.is_empty() {
        // What is left of the rule `xn--`.
        return Ok(true);
    }
    if domain.is_empty() || domain == "*" {
        return Err("it has no host name, and step-ca 0.30 stumbles over that");
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

/// The only character of several.
pub(super) fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    first.filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_with_a_dot_before_it_wants_exactly_one_more_label() {
        for (domain, rule, expected) in [
            ("web.example.com", "web.Example.com", true),
            ("web.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("a.web.example.com", ".example.com", false),
            ("*.example.com", ".example.com", false),
            (".example.com", "example.com", false),
            ("*web.example.com", ".example.com", false),
            ("anything", "", true),
        ] {
            assert_eq!(matches_domain(domain, rule, false), Ok(expected), "{domain} {rule}");
        }
        assert_eq!(matches_domain("*.example.com", ".example.com", true), Ok(true));
        assert!(matches_domain("example.com.", "example.com", true).is_err());
    }

    #[test]
    fn capitals_count_only_before_the_at() {
        assert_eq!(matches_email("a", "X.Y", "a@x.y", false), Ok(true));
        assert_eq!(matches_email("A", "x.y", "a@x.y", false), Ok(false));
        assert_eq!(matches_email("A", "x.y", "x.y", false), Ok(true));
    }

    #[test]
    fn common_names_are_the_same_in_any_case() {
        assert!(matches_common_name("MY Service É", "my service é"));
        assert!(!matches_common_name("my service", "my services"));
    }
}
