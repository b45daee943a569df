//! Addresses of mailboxes, as Go and step-ca read them (RFC 2821, section 4.1.2).

/// The two halves of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// What stands before the `@`, without quotes and backslashes.
    pub(super) local: String,
    /// What stands behind it.
    pub(super) domain: String,
}

impl Mailbox {
    pub(super) fn parse(text: &str) -> Option<Mailbox> {
        let (local, rest) = match text.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted)?,
            None => read_atoms(text)?,
        };
        let domain = rest.strip_prefix('@')?;
        super::domain_labels(domain)?;
        Some(Mailbox { local, domain: domain.to_owned() })
    }

    /// The domain; `None` where a label claims to be Punycode and is none, or needlessly. All of it is ASCII already.
    pub(super) fn domain_in_punycode(&self) -> Option<&str> {
        let is_sound = |label: &str| label.is_empty() || idna::punycode::decode_to_string(label).is_some_and(|text| !text.is_ascii());
        self.domain.split('.').filter_map(|label| label.strip_prefix("xn--")).all(is_sound).then_some(&self.domain)
    }
}

/// Up to the closing quote.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut local = String::new();
    let mut characters = text.chars();
    loop {
        let character = match characters.next()? {
            '"' => return Some((local, characters.as_str())),
            '\\' => characters.next().filter(|escaped| matches!(escaped, '\u{1}'..='\t' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{7f}'))?,
            plain => Some(plain).filter(|plain| matches!(plain, '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{7f}'))?,
        };
        local.push(character);
    }
}

/// Up to the first character that cannot stand without quotes.
fn read_atoms(text: &str) -> Option<(String, &str)> {
    let mut local = String::new();
    let mut characters = text.chars();
    let rest = loop {
        let rest = characters.as_str();
        match characters.next() {
            Some('\\') => local.push(characters.next().filter(char::is_ascii)?),
            Some(plain) if plain.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(plain) => local.push(plain),
            _ => break rest,
        }
    };
    let sound = !local.is_empty() && !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    sound.then_some((local, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(text: &str) -> Option<(String, String)> {
        Mailbox::parse(text).map(|mailbox| (mailbox.local, mailbox.domain))
    }

    #[test]
    fn quotes_and_backslashes_are_taken_off() {
        for (text, local) in [("a.b@x.y", "a.b"), (r#""a b"@x.y"#, "a b"), (r#""a\"b"@x.y"#, "a\"b"), (r"a\@b@x.y", "a@b")] {
            assert_eq!(halves(text), Some((local.to_owned(), "x.y".to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "a", "@x", ".a@x", "a.@x", "a..b@x", "a b@x", r#""a@x"#, "a@x.", "a@x..y", "a@é", "é@x"] {
            assert_eq!(halves(text), None, "{text}");
        }
    }

    #[test]
    fn a_label_that_claims_to_be_punycode_must_be() {
        let domain = |text: &str| Mailbox::parse(text).and_then(|mailbox| mailbox.domain_in_punycode().map(str::to_owned));
        assert_eq!(domain("a@xn--bcher-kva.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(domain("a@xn--zzzzz999999.example"), None);
    }
}
