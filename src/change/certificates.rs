//! Certificates wherever they stand: as PEM, as base64 of PEM or of DER, or as base64 of that, which is what a Secret
//! makes of a bundle. What is no certificate is passed over, private keys included.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::fields::below;
use crate::pki::{Certificate, certificates};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// No certificate is shorter, encoded or not.
const SHORTEST: usize = 150;

/// Layers of base64 that are taken off.
const LAYERS: usize = 3;

/// The certificates of a document by the path of the text that holds them. Items of a list share a path unless they
/// have a name: a bundle may be spread over several.
pub(super) type Stores = BTreeMap<String, Vec<Certificate>>;

/// Everything in a document that holds certificates.
pub(super) fn stores(document: &Value) -> Stores {
    let mut found = Stores::new();
    collect("", document, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut Stores) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(&below(path, key), value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                let name = item.get("name").and_then(Value::as_str);
                let path = name.map_or_else(|| format!("{path}[]"), |name| format!("{path}[name={name}]"));
                collect(&path, item, found);
            }
        }
        Value::String(text) => {
            for certificate in in_text(text) {
                let store = found.entry(path.to_owned()).or_default();
                if !store.contains(&certificate) {
                    store.push(certificate);
                }
            }
        }
        _ => {}
    }
}

/// The certificates of a text, in their order.
pub(super) fn in_text(text: &str) -> Vec<Certificate> {
    in_layers(text, LAYERS)
}

fn in_layers(text: &str, layers: usize) -> Vec<Certificate> {
    if text.len() < SHORTEST {
        return Vec::new();
    }
    if text.contains(BEGIN) {
        return in_pem(text);
    }
    if layers == 0 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte)) {
        return Vec::new();
    }
    let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    match BASE64.decode(compact) {
        Ok(bytes) if bytes.first() == Some(&0x30) => Certificate::from_der(&bytes).into_iter().collect(),
        Ok(bytes) => std::str::from_utf8(&bytes).map(|inner| in_layers(inner, layers - 1)).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// Each section by itself: one that is broken, or a private key beside it, does not hide the others. Indentation, and
/// the `\n` of a JSON text, are taken off.
fn in_pem(text: &str) -> Vec<Certificate> {
    let sections = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    let one = |body: &str| {
        let lines = body.replace("\\n", "\n");
        let plain: Vec<&str> = lines.split_ascii_whitespace().collect();
        certificates(format!("{BEGIN}\n{}\n{END}\n", plain.join("\n")).as_bytes()).ok()
    };
    sections.filter_map(|(body, _)| one(body)).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::test_support::root;
    use serde_json::json;

    #[test]
    fn certificates_are_found_however_they_are_wrapped() {
        let key = rcgen::KeyPair::generate().expect("key");
        let pem = root("One", &key);
        let certificate = certificates(pem.as_bytes()).expect("PEM").remove(0);
        let once = BASE64.encode(&pem);
        let broken = pem.replace("MII", "!!!");
        for text in [
            pem.clone(),
            once.clone(),
            BASE64.encode(&once),
            BASE64.encode(certificate.der()),
            once.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect(),
            pem.replace('\n', "\n    "),
            format!("{{\"root\": \"{}\"}}", pem.replace('\n', "\\n")),
            format!("{}{pem}", key.serialize_pem()),
            format!("{broken}{pem}"),
        ] {
            assert_eq!(in_text(&text), std::slice::from_ref(&certificate), "{text}");
        }
        for text in ["", "a certificate", &"A".repeat(400), &BASE64.encode(key.serialize_pem()), &broken, BEGIN] {
            assert_eq!(in_text(text), [], "{text}");
        }
    }

    #[test]
    fn a_bundle_may_be_spread_over_a_list() {
        let (one, two) = (rcgen::KeyPair::generate().expect("key"), rcgen::KeyPair::generate().expect("key"));
        let (one, two) = (root("One", &one), root("Two", &two));
        let found = stores(&json!({"spec": {"sources": [{"inLine": one}, {"inLine": two}]}, "hooks": [{"name": "a", "caBundle": one}]}));
        let counts: Vec<(&str, usize)> = found.iter().map(|(path, found)| (path.as_str(), found.len())).collect();
        assert_eq!(counts, [("hooks[name=a].caBundle", 1), ("spec.sources[].inLine", 2)]);
    }
}
