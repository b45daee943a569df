//! Distinguished names as text: `O=Lab, CN=Lab Root CA`, in the order of the certificate, escaped as RFC 4514 does.

use std::fmt::Write as _;

use x509_parser::asn1_rs::{Any, Class, Oid, Tag};
use x509_parser::x509::X509Name;

/// A name for people. Two names with the same text are the same name up to the encoding of their strings.
pub(super) fn text_of(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    for (position, relative) in name.iter_rdn().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        for (position, attribute) in relative.iter().enumerate() {
            if position > 0 {
                out.push('+');
            }
            match short_name(attribute.attr_type()) {
                Some(name) => out.push_str(name),
                None => out.push_str(&attribute.attr_type().to_id_string()),
            }
            out.push('=');
            value(attribute.attr_value(), &mut out);
        }
    }
    out
}

/// The names that people know attribute types by: RFC 4514, and those that OpenSSL and step print.
fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    Some(match oid.as_bytes() {
        [0x55, 0x04, 0x03] => "CN",
        [0x55, 0x04, 0x04] => "SN",
        [0x55, 0x04, 0x05] => "SERIALNUMBER",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "STREET",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x0c] => "T",
        [0x55, 0x04, 0x11] => "POSTALCODE",
        [0x55, 0x04, 0x2a] => "GN",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        _ => return None,
    })
}

/// A string in its own words; what is no string as `#` and hexadecimal DER content.
fn value(any: &Any<'_>, out: &mut String) {
    let text = (any.class() == Class::Universal).then(|| string_of(any.tag(), any.data)).flatten();
    match text {
        Some(text) => escaped(&text, out),
        None => {
            out.push('#');
            for byte in any.data {
                // Writing into a string cannot fail.
                let _ = write!(out, "{byte:02x}");
            }
        }
    }
}

fn string_of(tag: Tag, data: &[u8]) -> Option<String> {
    match tag {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(data).ok().map(str::to_owned)
        }
        // T.61 in certificates is Latin-1 in practice.
        Tag::T61String => Some(data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = data.chunks_exact(2);
            if !units.remainder().is_empty() {
                return None;
            }
            char::decode_utf16(units.map(|unit| u16::from_be_bytes([unit[0], unit[1]]))).collect::<Result<_, _>>().ok()
        }
        Tag::UniversalString => {
            let units = data.chunks_exact(4);
            if !units.remainder().is_empty() {
                return None;
            }
            units.map(|unit| char::from_u32(u32::from_be_bytes([unit[0], unit[1], unit[2], unit[3]]))).collect()
        }
        _ => None,
    }
}

/// RFC 4514, section 2.4; also control characters and those that turn the reading direction, so that nothing hides.
fn escaped(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (position, character) in text.chars().enumerate() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => out.extend(['\\', character]),
            '#' if position == 0 => out.push_str("\\#"),
            ' ' if position == 0 || position == last => out.push_str("\\ "),
            _ if character.is_control()
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
            {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:02X}");
                }
            }
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escape(text: &str) -> String {
        let mut out = String::new();
        escaped(text, &mut out);
        out
    }

    #[test]
    fn what_would_read_as_structure_or_hide_is_escaped() {
        assert_eq!(escape("Lab, CN=Evil"), "Lab\\, CN=Evil");
        assert_eq!(escape(" #a+b\\ "), "\\ #a\\+b\\\\\\ ");
        assert_eq!(escape("#a"), "\\#a");
        assert_eq!(escape("a\nb\u{202e}c"), "a\\0Ab\\E2\\80\\AEc");
        assert_eq!(escape("M\u{fc}ller GmbH"), "M\u{fc}ller GmbH");
    }

    #[test]
    fn every_string_type_of_asn1_is_read() {
        assert_eq!(string_of(Tag::T61String, b"M\xfcller").as_deref(), Some("M\u{fc}ller"));
        assert_eq!(string_of(Tag::BmpString, b"\0L\0a\0b").as_deref(), Some("Lab"));
        assert_eq!(string_of(Tag::BmpString, b"\0L\0"), None);
        assert_eq!(string_of(Tag::UniversalString, b"\0\0\0L").as_deref(), Some("L"));
        assert_eq!(string_of(Tag::Utf8String, b"\xff"), None);
        assert_eq!(string_of(Tag::Integer, b"1"), None);
    }
}
