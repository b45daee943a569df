//! What of a value may be shown: certificates are told by their names, and nothing that is secret, or may be, leaves.

use serde_json::Value;

use super::certificates::in_text;
use super::entry::{CertificateFacts, FieldChange, Op};
use super::fields::{RawChange, below, last_key};
use crate::pki::{Certificate, private_key_in};

/// Ends of names whose text is secret.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "htpasswd",
    "passphrase",
    "token",
    "tokens",
    "credentials",
    "authorization",
    "secretkey",
    "clientsecret",
    "privatekey",
    "accesskey",
    "apikey",
];

/// The key of what stands in the place of certificates.
const CERTIFICATES: &str = "certificates";

/// Stands where a part of a value is left out.
const LEFT_OUT: &str = "(not shown)";

/// A field with values that may be shown.
pub(super) fn shown(change: RawChange<'_>, is_secret: bool) -> FieldChange {
    let RawChange { path, op, from, old, new } = change;
    let is_content = is_secret && is_content_of_secret(&path);
    let old_shown = old.map(|value| value_shown(&path, value, is_content));
    let new_shown = new.map(|value| value_shown(&path, value, is_content));
    let hidden = [&old_shown, &new_shown].into_iter().any(|value| matches!(value, Some(None)));
    // Another line break or comment around the same certificates; a Secret's text may hold more than them.
    let is_rewritten = op == Op::Replace && !is_secret && !hidden && old_shown == new_shown && !holds_key(old) && !holds_key(new);
    let op = if is_rewritten { Op::Rewrite } else { op };
    let values = |value: Option<Option<Value>>| if hidden { None } else { value.flatten() };
    FieldChange { path, op, from, old: values(old_shown), new: values(new_shown), hidden }
}

fn holds_key(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| private_key_in(text).is_some())
}

/// Everything of a Secret but what identifies it; an annotation can hold the whole of it once more.
fn is_content_of_secret(path: &str) -> bool {
    let top = path.split(['.', '[']).next().unwrap_or_default();
    matches!(top, "data" | "stringData" | "binaryData") || path.starts_with("metadata.annotations")
}

/// None where nothing of it may be shown.
fn value_shown(path: &str, value: &Value, is_content: bool) -> Option<Value> {
    match value {
        Value::String(text) => match in_text(text).as_slice() {
            [] if is_content || is_secret_name(path) || private_key_in(text).is_some() => None,
            [] => Some(value.clone()),
            certificates => Some(facts(certificates)),
        },
        Value::Array(items) => {
            let path = format!("{path}[]");
            Some(items.iter().map(|item| value_shown(&path, item, is_content).unwrap_or_else(left_out)).collect())
        }
        Value::Object(map) => {
            let name = map.get("name").and_then(Value::as_str).unwrap_or_default();
            let part = |key: &str, value: &Value| match value {
                Value::String(_) if key == "value" && is_secret_name(name) => left_out(),
                _ => value_shown(&below(path, key), value, is_content).unwrap_or_else(left_out),
            };
            Some(map.iter().map(|(key, value)| (key.clone(), part(key, value))).collect::<serde_json::Map<_, _>>().into())
        }
        Value::Number(_) if is_secret_name(path) => None,
        _ if is_content => None,
        _ => Some(value.clone()),
    }
}

fn left_out() -> Value {
    Value::String(LEFT_OUT.to_owned())
}

/// Whether a field of this path, or a variable of this name, holds a secret: `env[name=DB_PASSWORD].value`, too. What is
/// said of a list holds for its items.
fn is_secret_name(path: &str) -> bool {
    let path = path.trim_end_matches("[]");
    let key = last_key(path);
    let name = match path.rsplit_once("[name=") {
        Some((_, rest)) if key == "value" => rest.split(']').next().unwrap_or_default().to_ascii_lowercase(),
        _ => key,
    };
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    SECRET_NAMES.iter().any(|secret| letters.ends_with(secret))
}

/// `{"certificates": [...]}` in the place of their text.
fn facts(certificates: &[Certificate]) -> Value {
    let facts: Vec<CertificateFacts> = certificates.iter().map(CertificateFacts::of).collect();
    serde_json::json!({ CERTIFICATES: facts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::fields::compare;
    use crate::change::test_support::root;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn all(old: &Value, new: &Value, is_secret: bool) -> String {
        let fields: Vec<FieldChange> = compare(old, new).into_iter().map(|change| shown(change, is_secret)).collect();
        serde_json::to_string(&fields).expect("JSON")
    }

    #[test]
    fn nothing_of_a_secret_is_shown_but_its_certificates() {
        let key = rcgen::KeyPair::generate().expect("key");
        let encoded = STANDARD.encode(root("One", &key));
        let secret = |password: &str, certificate: &str| json!({"data": {"password": password, "tls.crt": certificate}, "metadata": {"annotations": {"last": password}, "labels": {"a": password}}});
        let text = all(&secret("aHVudGVyMg==", "Zm9v"), &secret("aHVudGVyMw==", &encoded), true);
        assert!(text.contains(r#"{"path":"data.password","op":"replace","hidden":true}"#), "{text}");
        assert!(text.contains(r#"{"path":"metadata.annotations.last","op":"replace","hidden":true}"#), "{text}");
        assert!(!text.contains("Zm9v"), "the other side of a certificate may be anything: {text}");
        // Labels are no content.
        assert!(text.contains(r#""path":"metadata.labels.a","op":"replace","old""#), "{text}");
        let added = all(&json!({"data": {"a": "b"}}), &json!({"data": {"a": "b", "tls.crt": encoded}}), true);
        assert!(added.contains(r#""new":{"certificates":[{"subject":"CN=One","sha256":""#), "{added}");
    }

    #[test]
    fn the_same_certificates_in_another_text_are_only_written_differently() {
        let key = rcgen::KeyPair::generate().expect("key");
        let pem = root("One", &key);
        let bundle = |text: &str| json!({"data": {"ca.crt": text}});
        assert!(all(&bundle(&pem), &bundle(&format!("# One\n{pem}")), false).contains(r#""op":"rewrite""#));
        assert!(all(&bundle(&pem), &bundle(&format!("{pem}{pem}")), false).contains(r#""op":"replace""#));
        // A key beside them, or a Secret, may hide another difference.
        assert!(all(&bundle(&pem), &bundle(&format!("{pem}{}", key.serialize_pem())), false).contains(r#""op":"replace""#));
        assert!(all(&bundle(&pem), &bundle(&format!("# One\n{pem}")), true).contains(r#""op":"replace""#));
    }

    #[test]
    fn private_keys_and_passwords_are_not_shown_anywhere() {
        let key = rcgen::KeyPair::generate().expect("key").serialize_pem();
        for (path, value) in [
            ("data", json!({"root.key": key})),
            ("values", json!({"ca": {"password": "hunter2"}})),
            ("list", json!([{"name": "DB_PASSWORD", "value": "hunter2"}])),
            ("env", json!([{"client_secret": "hunter2"}])),
            ("values", json!({"tokens": {"token": ["hunter2"]}})),
            ("values", json!({"ca": {"password": 4_294_967_297_u64, "other": "hunter"}})),
        ] {
            let text = all(&json!({}), &json!({path: value}), false);
            assert!(!text.contains("hunter2") && !text.contains("4294967297") && !text.contains("PRIVATE KEY"), "{text}");
            assert!(text.contains(r#""hidden":true"#) || text.contains(LEFT_OUT), "{text}");
        }
        let list = all(&json!({"token": ["hunter2", "b"]}), &json!({"token": ["b", "hunter3"]}), false);
        assert!(!list.contains("hunter"), "{list}");
        let env = |value: &str| json!({"env": [{"name": "API_TOKEN", "value": value}]});
        assert!(!all(&env("hunter2"), &env("hunter3"), false).contains("hunter"));
        // What only refers to a secret is no secret.
        let reference = |name: &str| json!({"passwordRef": {"name": name}, "automountServiceAccountToken": true});
        assert!(all(&reference("a"), &reference("b"), false).contains(r#""old":"a","new":"b""#));
    }
}
