//! URLs as Go reads them: just enough of `net/url` to know the scheme and the host that step-ca sees, and what it does
//! not take for a URL.

use std::net::IpAddr;

/// Scheme and host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GoUrl {
    /// In lower case; empty where there is none.
    pub(super) scheme: String,
    /// With its port, with brackets around an IPv6 address, without escapes; empty where there is none.
    pub(super) host: String,
}

impl GoUrl {
    /// `None` where Go refuses the text. Follows `url.Parse` of Go 1.26.
    pub(super) fn parse(text: &str) -> Option<GoUrl> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        // Go looks for control characters before it looks at escapes; in the fragment it does not look at all.
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) || !has_sound_escapes(fragment) {
            return None;
        }
        let (scheme, rest) = split_scheme(text)?;
        let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
        let scheme_less = scheme.is_empty();
        let nothing_more = |host: String| GoUrl { scheme: scheme.to_ascii_lowercase(), host };
        if !rest.starts_with('/') && !scheme_less {
            return Some(nothing_more(String::new()));
        }
        if !rest.starts_with('/') && rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return None;
        }
        let authority = rest.strip_prefix("//").filter(|_| !(scheme_less && rest.starts_with("///")));
        let (host, path) = match authority {
            Some(authority) => {
                let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
                (host_of(scheme, authority)?, path)
            }
            None => (String::new(), rest),
        };
        has_sound_escapes(path).then(|| nothing_more(host))
    }

    /// The host without its port, as rules see it; an error where it cannot be told, or where it is an address.
    pub(super) fn host_name(&self) -> Result<&str, &'static str> {
        let host = self.host.as_str();
        if host.is_empty() {
            return Err("a URI without a host cannot be compared with rules");
        }
        if host.contains('*') {
            return Err("a star cannot stand in the host of a URI");
        }
        let name = match (host.split_once(':'), host.strip_prefix('[')) {
            (Some(_), Some(address)) if !host.ends_with(']') => address.split(']').next().unwrap_or(address),
            (Some((_, more)), None) if more.contains(':') => return Err("its host has more than one colon"),
            (Some((name, _)), None) => name,
            _ => host,
        };
        // An address with a zone is taken for a name where a port follows it.
        if name.starts_with('[') || name.parse::<IpAddr>().is_ok() {
            return Err("a URI with an IP address cannot be compared with rules");
        }
        Ok(name)
    }
}

/// Scheme and what follows its colon; `None` where there is a colon with nothing before it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (at, character) in text.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return None,
            ':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn host_of(scheme: &str, authority: &str) -> Option<String> {
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let in_user = |character: char| character.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(character);
    if !user.chars().all(in_user) || !has_sound_escapes(user) {
        return None;
    }
    if let Some(bracketed) = host.strip_prefix('[') {
        let (address, port) = bracketed.rsplit_once(']')?;
        let (address, zone) = address.split_once("%25").map_or((address, None), |(address, zone)| (address, Some(zone)));
        let sound = is_port(port) && !address.contains('[') && matches!(address.parse::<IpAddr>(), Ok(IpAddr::V6(_))) && zone != Some("");
        return sound.then(|| host.replacen("%25", "%", 1));
    }
    if host.contains('[') {
        return None;
    }
    // With more than one colon the last counts, but not for the two schemes where that has been abused.
    let colon = if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") { host.find(':') } else { host.rfind(':') };
    if !is_port(colon.map_or("", |colon| &host[colon..])) {
        return None;
    }
    unescape_host(host)
}

/// Nothing, or a colon and any number of digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Behind each `%` stand two hexadecimal digits.
fn has_sound_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// In a host only bytes above ASCII may be escaped, and the percent sign itself.
fn unescape_host(host: &str) -> Option<String> {
    if !has_sound_escapes(host) {
        return None;
    }
    let mut bytes = Vec::with_capacity(host.len());
    let mut rest = host.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let value = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            if value < 0x80 && digits != b"25" {
                return None;
            }
            bytes.push(value);
            rest = after;
        } else if *first >= 0x80 || first.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(first) {
            bytes.push(*first);
        } else {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<String> {
        GoUrl::parse(text).map(|url| url.host)
    }

    #[test]
    fn hosts_are_found_behind_users_and_before_ports_and_paths() {
        for (text, expected) in [
            ("https://web.example.com/x", "web.example.com"),
            ("https://web.example.com:8443?q", "web.example.com:8443"),
            ("https://u:p@web.example.com#f", "web.example.com"),
            ("https://[::1]:443/", "[::1]:443"),
            ("https:web", ""),
            ("/a/b", ""),
            ("//web/x", "web"),
            ("https://%c3%bc.example", "ü.example"),
        ] {
            assert_eq!(host(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in
            [":a", "a:b/c\n", "https://a b/", "https://[::1", "https://[a]/", "https://a:b/", "https://a:1:2/", "https://%4", "a%:b", "1:b"]
        {
            assert_eq!(host(text), None, "{text}");
        }
    }

    #[test]
    fn only_host_names_are_compared() {
        let name = |text: &str| GoUrl::parse(text).and_then(|url| url.host_name().map(str::to_owned).ok());
        assert_eq!(name("https://web.example.com:8443").as_deref(), Some("web.example.com"));
        assert_eq!(name("https://:8443").as_deref(), Some(""));
        for text in ["urn:x", "https://10.0.0.1", "https://10.0.0.1:1", "https://[::1]", "https://[::1]:1", "https://*.example.com"] {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
