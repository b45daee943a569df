//! The formats of strings that the API server knows; it ignores every other one, also `int32` and `double`.
//!
//! Source: `supportedVersionedFormats` in `k8s.io/apiextensions-apiserver/pkg/apiserver/validation` and the functions of
//! `k8s.io/kube-openapi/pkg/validation/strfmt`. Where those take whatever Go's standard library takes (mail addresses with
//! names and comments, letters beyond ASCII in host names), this takes a little more rather than a little less.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::manifest::{dns_label_problem, dns_subdomain_problem};
use crate::pki::GoDuration;

/// A format that strings are checked against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Its name, as `format:` gives it; without dashes, as the API server compares them.
    pub(super) name: &'static str,
    /// What a person calls a value of it.
    pub(super) what: &'static str,
    holds: fn(&str) -> bool,
}

impl Format {
    /// The format of this name; None where the API server ignores it, or where it takes any string.
    pub(super) fn of(name: &str) -> Option<Format> {
        let plain = name.replace('-', "");
        FORMATS.iter().find(|format| format.name == plain).copied()
    }

    /// Whether the text is a value of the format.
    pub(super) fn holds(&self, text: &str) -> bool {
        (self.holds)(text)
    }
}

const FORMATS: &[Format] = &[
    Format { name: "byte", what: "base64", holds: is_base64 },
    Format { name: "bsonobjectid", what: "24 hexadecimal digits", holds: |text| text.len() == 24 && is_hexadecimal(text) },
    Format { name: "cidr", what: "an address range such as `10.0.0.0/8`", holds: is_cidr },
    Format { name: "creditcard", what: "a credit card number", holds: is_credit_card },
    Format { name: "date", what: "a date such as `2026-11-23`", holds: is_date },
    Format { name: "datetime", what: "a time such as `2026-11-23T12:00:00Z`", holds: is_date_time },
    Format { name: "duration", what: "a duration such as `24h` or `90 days`", holds: is_duration },
    Format { name: "email", what: "a mail address", holds: is_email },
    Format { name: "hexcolor", what: "a color such as `#ffffff`", holds: is_hex_color },
    Format { name: "hostname", what: "a host name", holds: is_hostname },
    Format { name: "ipv4", what: "an IPv4 address", holds: |text| is_ip(text) && text.contains('.') },
    Format { name: "ipv6", what: "an IPv6 address", holds: |text| is_ip(text) && text.contains(':') },
    Format { name: "isbn", what: "an ISBN", holds: |text| is_isbn10(text) || is_isbn13(text) },
    Format { name: "isbn10", what: "an ISBN of 10 digits", holds: is_isbn10 },
    Format { name: "isbn13", what: "an ISBN of 13 digits", holds: is_isbn13 },
    Format { name: "k8slongname", what: "a DNS subdomain", holds: |text| dns_subdomain_problem(text).is_none() },
    Format { name: "k8sshortname", what: "a DNS label", holds: |text| dns_label_problem(text).is_none() },
    Format { name: "mac", what: "a hardware address", holds: is_mac },
    Format { name: "rgbcolor", what: "a color such as `rgb(0,0,0)`", holds: is_rgb_color },
    Format { name: "ssn", what: "a social security number", holds: is_ssn },
    Format { name: "uri", what: "a URI", holds: is_request_uri },
    Format { name: "uuid", what: "a UUID", holds: |text| is_uuid(text, None) },
    Format { name: "uuid3", what: "a UUID of version 3", holds: |text| is_uuid(text, Some(b'3')) },
    Format { name: "uuid4", what: "a UUID of version 4", holds: |text| is_uuid(text, Some(b'4')) },
    Format { name: "uuid5", what: "a UUID of version 5", holds: |text| is_uuid(text, Some(b'5')) },
];

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Base64 with padding, in one line, and not empty.
fn is_base64(text: &str) -> bool {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    let body = &text.as_bytes()[..text.len() - padding];
    !body.is_empty()
        && padding <= 2
        && text.len().is_multiple_of(4)
        && body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// An IPv4 or IPv6 address; zeros in front are no fault.
fn is_ip(text: &str) -> bool {
    is_ipv4(text) || text.parse::<Ipv6Addr>().is_ok() || is_ipv6_with_ipv4(text)
}

fn is_ipv4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| is_digits(part) && part.trim_start_matches('0').len() <= 3 && octet(part))
}

fn octet(part: &str) -> bool {
    let significant = part.trim_start_matches('0');
    significant.is_empty() || significant.parse::<u8>().is_ok()
}

/// An IPv6 address whose end is an IPv4 address with zeros in front.
fn is_ipv6_with_ipv4(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(head, tail)| is_ipv4(tail) && format!("{head}:{}", Ipv4Addr::LOCALHOST).parse::<Ipv6Addr>().is_ok())
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let most = if address.contains(':') { 128 } else { 32 };
        is_ip(address) && is_digits(length) && length.parse().is_ok_and(|length: u32| length <= most)
    })
}

fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut digits = Vec::with_capacity(32);
    for byte in text.bytes() {
        match byte {
            b'-' if matches!(digits.len(), 8 | 12 | 16 | 20) => {}
            _ if byte.is_ascii_hexdigit() => digits.push(byte.to_ascii_lowercase()),
            _ => return false,
        }
    }
    let variant = matches!(version, None | Some(b'3')) || digits.get(16).is_some_and(|digit| b"89ab".contains(digit));
    digits.len() == 32 && !text.contains("--") && !text.ends_with('-') && variant && version.is_none_or(|version| digits[12] == version)
}

/// `2026-11-23`, a day that exists.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(position, byte)| if matches!(position, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    shaped && date_exists(text)
}

fn date_exists(text: &str) -> bool {
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A date, `T`, hours, minutes and seconds, a fraction perhaps, and `Z` or an offset.
fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut halves = lower.split('t');
    let (Some(date), Some(time)) = (halves.next(), halves.next()) else { return false };
    is_date(date) && is_time_of_day(time)
}

fn is_time_of_day(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let bytes = clock.as_bytes();
    let pair = |at: usize, most: u8| {
        let digits = &bytes[at..at + 2];
        digits.iter().all(u8::is_ascii_digit) && (digits[0] - b'0') * 10 + (digits[1] - b'0') <= most
    };
    if !(bytes[2] == b':' && bytes[5] == b':' && pair(0, 23) && pair(3, 59) && pair(6, 59)) {
        return false;
    }
    let is_offset = |text: &str| {
        let bytes = text.as_bytes();
        text == "z"
            || (bytes.len() == 6
                && matches!(bytes[0], b'+' | b'-')
                && bytes[3] == b':'
                && [1, 2, 4, 5].iter().all(|at| bytes[*at].is_ascii_digit()))
    };
    // Any one character may stand before the fraction.
    let fraction = rest.chars().next().and_then(|separator| {
        let behind = &rest[separator.len_utf8()..];
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| &behind[digits..])
    });
    is_offset(rest) || fraction.is_some_and(is_offset)
}

/// What Go's `time.ParseDuration` takes, or numbers with the words of Scala (`3 days`) anywhere in the text.
fn is_duration(text: &str) -> bool {
    const WORDS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    const UNITS: [&str; 12] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "µs"];
    if text.parse::<GoDuration>().is_ok() {
        return true;
    }
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let number = &rest[start..start + digits];
        rest = &rest[start + digits..];
        let unit: String = rest.trim_start().chars().take_while(|letter| letter.is_ascii_alphabetic() || *letter == 'µ').collect();
        if unit.is_empty() {
            continue;
        }
        if number.parse::<i64>().is_err() {
            return false;
        }
        let unit = unit.to_lowercase();
        found |= UNITS.contains(&unit.as_str()) || WORDS.iter().any(|word| unit.starts_with(word));
    }
    found
}

/// What is no mail address at all; what has a name, a comment or quotes is left to the API server.
fn is_email(text: &str) -> bool {
    if text.contains(['<', '"', '(', '[', ',']) || !text.is_ascii() {
        return text.contains('@');
    }
    let is_atom = |part: &str| {
        !part.is_empty()
            && part.split('.').all(|atom| {
                !atom.is_empty() && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
            })
    };
    text.trim_matches([' ', '\t']).rsplit_once('@').is_some_and(|(local, domain)| is_atom(local) && is_atom(domain))
}

/// One label with a dash at most, or labels with a top-level domain of letters.
fn is_hostname(text: &str) -> bool {
    // Letters and symbols; what is not ASCII passes.
    let is_letter = |character: char| character.is_ascii_alphabetic() || !character.is_ascii() && !character.is_numeric();
    let is_symbol = |character: char| "$+<=>^`|~".contains(character);
    let is_usual = |character: char| is_letter(character) || is_symbol(character) || character.is_ascii_digit();
    if text.len() > 255 || text.split('.').any(|label| label.len() > 63) {
        return false;
    }
    match text.rsplit_once('.') {
        None => {
            let mut characters = text.chars();
            let first = characters.next().is_some_and(is_usual);
            let behind = characters.as_str();
            first && behind.strip_prefix('-').unwrap_or(behind).chars().all(is_usual)
        }
        Some((labels, top)) => {
            let inner = |label: &str| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|character| is_usual(character) || character == '-')
            };
            top.chars().count() >= 2 && top.chars().all(is_letter) && labels.split('.').all(inner)
        }
    }
}

/// Six, eight or twenty bytes in hexadecimal, with `:`, `-`, or `.` after every second byte.
fn is_mac(text: &str) -> bool {
    let grouped = |separator: char, width: usize, counts: [usize; 3]| {
        let groups: Vec<&str> = text.split(separator).collect();
        counts.contains(&groups.len()) && groups.iter().all(|group| group.len() == width && is_hexadecimal(group))
    };
    grouped(':', 2, [6, 8, 20]) || grouped('-', 2, [6, 8, 20]) || grouped('.', 4, [3, 4, 10])
}

/// What Go's `url.ParseRequestURI` takes: an address with a scheme, or a path from the root.
fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let scheme = text.find(|character: char| !(character.is_ascii_alphanumeric() || "+-.".contains(character)));
    let (has_scheme, rest) = match scheme {
        Some(0) if text.starts_with(':') => return false,
        Some(end) if text[end..].starts_with(':') && text.as_bytes()[0].is_ascii_alphabetic() => (true, &text[end + 1..]),
        _ => (false, text),
    };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        return has_scheme;
    }
    match rest.strip_prefix("//") {
        Some(behind) if has_scheme || !rest.starts_with("///") => {
            let end = behind.find('/').unwrap_or(behind.len());
            is_authority(&behind[..end]) && escapes_are_whole(&behind[end..])
        }
        _ => escapes_are_whole(rest),
    }
}

fn is_authority(text: &str) -> bool {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None => ("", text),
    };
    let user_fits = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte));
    let port_fits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let host_fits = match host.strip_prefix('[') {
        Some(inner) => inner.rsplit_once(']').is_some_and(|(_, port)| port.is_empty() || port.strip_prefix(':').is_some_and(port_fits)),
        None => {
            let port = host.rsplit_once(':').is_none_or(|(_, port)| port_fits(port));
            // Only bytes beyond ASCII, and `%` itself, may be escaped in a host.
            let escapes = host
                .split('%')
                .skip(1)
                .all(|piece| matches!(piece.as_bytes(), [b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] | [b'2', b'5', ..]));
            port && escapes && escapes_are_whole(host) && !host.bytes().any(|byte| b" \\^`{|}".contains(&byte))
        }
    };
    user_fits && escapes_are_whole(user) && host_fits
}

/// Whether two hexadecimal digits stand behind every `%`.
fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|piece| piece.len() >= 2 && piece.is_char_boundary(2) && is_hexadecimal(&piece[..2]))
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && is_hexadecimal(digits)
}

fn is_rgb_color(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("rgb(").and_then(|inner| inner.strip_suffix(')')) else { return false };
    let parts: Vec<&str> = inner.split(',').map(|part| part.trim_matches(['\t', '\n', '\u{c}', '\r', ' '])).collect();
    parts.len() == 3
        && parts.iter().all(|part| is_digits(part) && part.parse::<u8>().is_ok() && (part.len() == 1 || !part.starts_with('0')))
}

/// Three, two and four digits, with a dash or a space between them.
fn is_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', ' ']).collect();
    parts.len() == 3 && parts.iter().zip([3, 2, 4]).all(|(part, width)| part.len() == width && is_digits(part))
}

fn isbn_digits(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, '-' | ' ' | '\t' | '\n' | '\u{c}' | '\r')).collect()
}

fn is_isbn10(text: &str) -> bool {
    let digits = isbn_digits(text);
    let value = |byte: u8| u32::from(byte - b'0');
    let Some((body, check)) = digits.split_at_checked(9).filter(|(_, check)| check.len() == 1) else { return false };
    let check = match check {
        "X" => 10,
        digit if is_digits(digit) => value(digit.as_bytes()[0]),
        _ => return false,
    };
    is_digits(body)
        && body.bytes().zip(1..).map(|(byte, weight)| weight * value(byte)).sum::<u32>().wrapping_add(10 * check).is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let digits = isbn_digits(text);
    let weighted = |(position, byte): (usize, u8)| u32::from(byte - b'0') * if position % 2 == 0 { 1 } else { 3 };
    digits.len() == 13 && is_digits(&digits) && digits.bytes().enumerate().map(weighted).sum::<u32>().is_multiple_of(10)
}

/// The beginnings and lengths of the large issuers, and the check digit.
fn is_credit_card(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let start = |count: usize| digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let known = match digits.len() {
        13 => start(1) == 4,
        14 => (300..=305).contains(&start(3)) || matches!(start(2), 36 | 38),
        15 => matches!(start(2), 34 | 37) || matches!(start(4), 2131 | 1800),
        16 => start(1) == 4 || (51..=55).contains(&start(2)) || start(4) == 6011 || start(2) == 65 || start(2) == 35,
        _ => false,
    };
    let luhn: u32 = (digits.iter().rev().enumerate())
        .map(|(position, digit)| match (position % 2, u32::from(*digit)) {
            (1, digit) if digit >= 5 => digit * 2 - 9,
            (1, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum();
    known && luhn.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, yes: &[&str], no: &[&str]) {
        let format = Format::of(name).expect(name);
        yes.iter().for_each(|text| assert!(format.holds(text), "{name} takes {text:?}"));
        no.iter().for_each(|text| assert!(!format.holds(text), "{name} refuses {text:?}"));
    }

    #[test]
    fn numbers_passwords_and_unknown_formats_are_ignored() {
        for name in ["int32", "int64", "float", "double", "password", "binary", "string", "x"] {
            assert!(Format::of(name).is_none(), "{name}");
        }
        assert_eq!(Format::of("date-time").map(|format| format.name), Some("datetime"));
    }

    #[test]
    fn base64_stands_in_one_line() {
        check("byte", &["Cg==", "AAA=", "AAAA", "ab+/"], &["", "Cg==\n", "AA AA", "AAA", "=", "A===", "ab-_"]);
    }

    #[test]
    fn addresses_may_have_zeros_in_front() {
        check("ipv4", &["127.0.0.1", "010.0.0.1", "::ffff:1.2.3.4"], &["256.0.0.1", "1.2.3", "::1", "1.2.3.4/8"]);
        check("ipv6", &["::1", "::ffff:1.2.3.04"], &["1.2.3.4", "::g", "fe80::1%eth0"]);
        check("cidr", &["10.0.0.0/8", "010.0.0.0/08", "::/128"], &["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/+8"]);
        check("mac", &["00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455"], &["00:11:22", "001122334455", "gg:11:22:33:44:55"]);
    }

    #[test]
    fn times_exist() {
        check("date", &["2024-02-29", "0000-01-01"], &["2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-00-01"]);
        check(
            "date-time",
            &["2026-11-23T12:00:00Z", "2026-11-23t12:00:00.123+01:00", "2026-11-23T12:00:00,5z"],
            &["2026-11-23", "2026-11-23T24:00:00Z", "2026-11-23T12:00:00", "2026-11-23 12:00:00Z", "2026-11-23T12:00:00+1:00"],
        );
        check("duration", &["24h", "1h30m", "-1.5s", "3 days", "1d", "2 Weeks", "0"], &["", "x", "1", "1 year", "99999999999999999999d"]);
    }

    #[test]
    fn names_of_hosts_and_people() {
        check(
            "hostname",
            &["localhost", "a-b", "ca.example.com", "1.example"],
            &["", "-a", "a.b-", "a_b", "a..b", "10.0.0.1", "my-long-host"],
        );
        check("email", &["a@b", "a.b@c.de", "A <a@b.c>"], &["", "a", "@b", "a@", "a@b..c", "a b@c"]);
        check(
            "uri",
            &["https://a/b?c", "/path", "mailto:a", "https://a:443", "https://[::1]:1/"],
            &["", "a/b", "https://a:b", ":a", "https://a b/", "/%zz"],
        );
        check("k8s-short-name", &["a-b"], &["A", "-a"]);
        check("k8s-long-name", &["a.b"], &["a..b"]);
    }

    #[test]
    fn numbers_with_check_digits_and_colors() {
        check(
            "uuid",
            &["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
            &["123e4567", "123e4567-e89b-12d3-a456-42661417400g"],
        );
        check(
            "uuid4",
            &["123e4567-e89b-42d3-a456-426614174000"],
            &["123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-42d3-c456-426614174000"],
        );
        check("isbn", &["0321751043", "978-0321751041"], &["0321751044", "978-0321751042", ""]);
        check("creditcard", &["4111 1111 1111 1111"], &["4111 1111 1111 1112", "1234"]);
        check("ssn", &["111-11-1111", "111 11-1111"], &["111111111", "111-11-111", "a11-11-1111"]);
        check("hexcolor", &["#fff", "a0b1c2"], &["#ff", "#gggggg"]);
        check("rgbcolor", &["rgb(0, 10,255)"], &["rgb(0,0)", "rgb(256,0,0)", "rgb(01,0,0)"]);
        check("bsonobjectid", &["507f1f77bcf86cd799439011"], &["507f1f77"]);
    }
}
