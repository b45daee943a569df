//! PEM as Go reads it: sections at the start of a line, whatever stands between them ignored. What Go would silently
//! skip, a broken section or a private key, is said instead.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Certificate, CertificateError};

/// Base64 that does not insist on padding: files are read as they are found.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// What a text holds instead of certificates. No variant quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A private key of any kind.
    #[error("{}", private_key_message(.section, .label))]
    PrivateKey {
        /// Which section of the text, from 1; 0 where the text as a whole is a key.
        section: usize,
        /// The section's label, such as `EC PRIVATE KEY`.
        label: String,
    },
    /// A section that is no certificate, or none that can be read.
    #[error("section {section} (line {line}) cannot be used: {reason}")]
    Section {
        /// Which section of the text, from 1.
        section: usize,
        /// The line it begins in, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A section that never ends.
    #[error("section {section} (line {line}) has no end: the text is cut off")]
    CutOff {
        /// Which section of the text, from 1.
        section: usize,
        /// The line it begins in, from 1.
        line: usize,
    },
    /// A text in base64 where PEM is expected.
    #[error("it is PEM in base64 once too often")]
    EncodedTwice,
    /// DER that is no certificate.
    #[error("it is binary, and {0}")]
    Der(#[from] CertificateError),
    /// No section at all.
    #[error("it holds no certificate")]
    Nothing,
}

fn private_key_message(section: &usize, label: &str) -> String {
    match section {
        0 => format!("it is a private key ({label})"),
        _ => format!("section {section} is a private key (`{label}`)"),
    }
}

/// All certificates of a text in PEM, or the one certificate in DER. Sections with other labels are passed over, as
/// step-ca does; text between sections is ignored.
///
/// # Errors
/// A private key anywhere in it, also inside one layer of base64; a section that is cut off or holds no certificate; and
/// a text without any certificate.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, PemError> {
    if let Some(label) = private_key_in_der(bytes) {
        return Err(PemError::PrivateKey { section: 0, label: label.to_owned() });
    }
    if bytes.first() == Some(&0x30) && bytes.get(1).is_some_and(|length| *length >= 0x80) {
        return Ok(vec![Certificate::from_der(bytes)?]);
    }
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let sections = sections(&text);
    // Keys first: a file that has one is refused for that, whatever else is wrong with it.
    let key = sections.iter().enumerate().find(|(_, section)| is_private(section.label));
    if let Some((index, section)) = key {
        return Err(PemError::PrivateKey { section: index + 1, label: shortened(section.label) });
    }
    if let Some(label) = private_key_in(&text) {
        return Err(PemError::PrivateKey { section: 0, label });
    }
    let mut found = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        if section.label != "CERTIFICATE" && section.label != "X509 CERTIFICATE" && section.label != "TRUSTED CERTIFICATE" {
            continue;
        }
        found.push(certificate(section, index + 1)?);
    }
    if found.is_empty() {
        let decoded = decoded_base64(&text);
        let twice = decoded.is_some_and(|inner| inner.trim_ascii_start().starts_with(b"-----BEGIN "));
        return Err(if twice { PemError::EncodedTwice } else { PemError::Nothing });
    }
    Ok(found)
}

struct Section<'text> {
    label: &'text str,
    line: usize,
    /// None where the text ends before the section does.
    body: Option<String>,
    has_headers: bool,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let Some(label) = line.trim_end().strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else { continue };
        let mut section = Section { label, line: number + 1, body: None, has_headers: false };
        let mut body = String::new();
        while let Some((_, line)) = lines.peek() {
            let line = line.trim();
            if line.starts_with("-----BEGIN ") {
                break;
            }
            lines.next();
            if line.starts_with("-----END ") {
                let ends = line.strip_prefix("-----END ").and_then(|rest| rest.strip_suffix("-----"));
                if ends == Some(label) {
                    section.body = Some(std::mem::take(&mut body));
                }
                break;
            }
            if line.contains(':') {
                section.has_headers = true;
            } else {
                body.extend(line.split_ascii_whitespace());
            }
        }
        sections.push(section);
    }
    sections
}

fn certificate(section: &Section<'_>, number: usize) -> Result<Certificate, PemError> {
    let line = section.line;
    let refused = |reason| PemError::Section { section: number, line, reason };
    let Some(body) = &section.body else { return Err(PemError::CutOff { section: number, line }) };
    if section.label != "CERTIFICATE" {
        return Err(refused("Go reads only sections with the label `CERTIFICATE`"));
    }
    // step-ca skips certificates with headers, so one that has them is trusted by nobody.
    if section.has_headers {
        return Err(refused("it has headers, which a certificate may not have"));
    }
    let der = BASE64.decode(body).map_err(|_| refused("its body is no base64"))?;
    if let Some(label) = private_key_in_der(&der) {
        return Err(PemError::PrivateKey { section: number, label: label.to_owned() });
    }
    Certificate::from_der(&der).map_err(|error| refused(error.0))
}

fn is_private(label: &str) -> bool {
    label.to_ascii_uppercase().contains("PRIVATE KEY")
}

/// A label is a few words; a longer one is somebody's text and not repeated.
fn shortened(label: &str) -> String {
    if label.len() <= 40 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ') {
        label.to_owned()
    } else {
        "PRIVATE KEY".to_owned()
    }
}

/// The label of a private key in PEM that stands anywhere in a text, indented and inside a string too, as it is or
/// inside one or two layers of base64: a Secret encodes what may have been encoded before. The line that begins a key is
/// enough, and so is an identity of age.
pub fn private_key_in(text: &str) -> Option<String> {
    private_key_below(text, 2, |_| true)
}

/// The same for a text that may speak of keys: a line that begins one counts only where base64 stands behind it. A
/// pattern that looks for keys is none, and neither is a template that puts one there later.
pub fn private_key_with_body_in(text: &str) -> Option<String> {
    private_key_below(text, 2, has_body)
}

fn private_key_below(text: &str, layers: u8, is_key: fn(&str) -> bool) -> Option<String> {
    if let Some(label) = label_of_private_key(text, is_key) {
        return Some(label);
    }
    // `LS0tLS1CRUdJT` once more.
    if layers > 1
        && let Some(position) = text.find("TFMwdExTMUNSVWRKV")
        && let Some(inner) = decoded_base64(&text[position..])
        && let Some(label) = private_key_below(&String::from_utf8_lossy(&inner), layers - 1, is_key)
    {
        return Some(label);
    }
    // `-----BEGIN ` in base64. In a text of its own it begins the encoded run.
    let mut rest = text;
    while let Some(position) = rest.find("LS0tLS1CRUdJT") {
        let run = &rest[position..];
        let length = run.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(byte)).count();
        let (encoded, behind) = run.split_at(length);
        if let Some(label) = decoded_base64(encoded).and_then(|inner| label_of_private_key(&String::from_utf8_lossy(&inner), is_key)) {
            return Some(label);
        }
        rest = behind;
    }
    None
}

/// The label of the first key in a text; `is_key` judges what stands behind a label.
fn label_of_private_key(text: &str, is_key: fn(&str) -> bool) -> Option<String> {
    if is_identity_of_age(text) {
        return Some("AGE SECRET KEY".to_owned());
    }
    let mut rest = text;
    while let Some(position) = rest.find("PRIVATE KEY") {
        let (before, behind) = (&rest[..position], &rest[position + 11..]);
        let start = before.rfind("BEGIN ").filter(|start| position - start <= 40 && before[..*start].ends_with("--"));
        if let Some(start) = start.filter(|_| is_key(behind)) {
            return Some(shortened(rest[start + 6..position + 11].trim()));
        }
        rest = behind;
    }
    None
}

/// Shortest run of base64 that counts as a part of a key. Lines of PEM have 64 characters; some tools break them earlier.
const SHORTEST_RUN: usize = 16;

/// Whether the body of a key stands behind its label: a run of base64 with capital letters, small ones and digits, as no
/// word and hardly a path has them.
fn has_body(behind: &str) -> bool {
    let end = behind.find("-----END ").or_else(|| behind.find("-----BEGIN ")).unwrap_or(behind.len());
    // Inside a string of JSON or a shell a line ends with `\n`, and its `n` joins the run that follows.
    let runs = behind[..end].split(|character: char| character.is_whitespace() || "\\\"',;-%".contains(character));
    runs.filter(|run| run.len() >= SHORTEST_RUN).any(|run| {
        let has = |is_one: fn(&u8) -> bool| run.bytes().any(|byte| is_one(&byte));
        let is_base64 = run.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        is_base64 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
    })
}

/// What an identity of age begins with, <https://github.com/C2SP/C2SP/blob/main/age.md>.
const AGE: &str = "AGE-SECRET-KEY-1";

/// Whether a text holds an identity of age: 32 bytes and a checksum in Bech32, which are 58 characters.
fn is_identity_of_age(text: &str) -> bool {
    let is_of_bech32 = |byte: &u8| b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".contains(byte);
    text.match_indices(AGE).any(|(position, _)| text[position + AGE.len()..].bytes().take_while(is_of_bech32).count() >= 58)
}

/// What a text in base64 stands for; as much of it as can be decoded.
fn decoded_base64(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let end = plain.find('=').unwrap_or(plain.len());
    let usable = plain[..end].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)).count();
    // One digit alone holds no byte.
    let usable = if usable % 4 == 1 { usable - 1 } else { usable };
    BASE64.decode(&plain[..usable]).ok().filter(|decoded| !decoded.is_empty())
}

/// A PKCS #8, PKCS #1, SEC 1 or PKCS #12 structure: a sequence that begins with a small version number, where a
/// certificate begins with another sequence.
fn private_key_in_der(bytes: &[u8]) -> Option<&'static str> {
    let (&[0x30, first], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let length_bytes = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    match rest.get(length_bytes..)? {
        [0x02, 0x01, 0x00 | 0x01, 0x02 | 0x04 | 0x30, ..] => Some("in DER"),
        [0x02, 0x01, 0x03, 0x30, ..] => Some("in a PKCS #12 archive"),
        // An encrypted PKCS #8 key: an algorithm of the PBES family stands where a certificate has its version or serial number.
        [0x30, _, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, ..] => Some("encrypted, in DER"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "pem_tests.rs"]
mod tests;
