//! What a bare scalar means to `sigs.k8s.io/yaml`, the reader of kubectl, Helm and most of Kubernetes.
//!
//! Source: `resolve` in the `goyaml.v2` that `sigs.k8s.io/yaml` carries.

use super::Value;

/// The value of a bare (unquoted) scalar.
pub(super) fn resolve(text: &str) -> Value {
    if let Some(value) = resolve_word(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => integer(text).or_else(|| float(text)),
        Some(b'.') => float(text),
        _ => None,
    }
    .unwrap_or_else(|| Value::String(text.into()))
}

/// The words that stand for null, booleans and the odd floats.
fn resolve_word(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ if is_true(text) => Value::Boolean(true),
        _ if is_false(text) => Value::Boolean(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn is_true(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON")
}

fn is_false(text: &str) -> bool {
    matches!(text, "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF")
}

/// Go's `strconv.ParseInt(text, 0, 64)` after the underscores are taken out.
fn integer(text: &str) -> Option<Value> {
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    match i64::try_from(value) {
        Ok(value) => Some(Value::Integer(value)),
        #[expect(clippy::cast_precision_loss, reason = "beyond 64 bits a number is a float to every reader")]
        Err(_) => Some(Value::Float(value as f64)),
    }
}

/// A decimal float: digits, an optional fraction, an optional exponent.
fn float(text: &str) -> Option<Value> {
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(position) => (&unsigned[..position], Some(&unsigned[position + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|part| {
        let part = part.strip_prefix(['-', '+']).unwrap_or(part);
        !part.is_empty() && digits(part)
    });
    if !mantissa_ok || !exponent_ok {
        return None;
    }
    plain.parse().ok().map(Value::Float)
}

/// Whether some reader, of YAML 1.1 or 1.2, could take the bare text for anything but a string.
pub(super) fn is_ambiguous(text: &str) -> bool {
    // No word is longer than `false`; a long text, such as a certificate's, is not copied to find that out.
    if text.len() <= 5 && (resolve_word(&text.to_ascii_lowercase()).is_some() || resolve_word(text).is_some()) {
        return true;
    }
    // Behind a sign Go passes over underscores before it looks for a number: `-_0` is one.
    let unsigned = text.strip_prefix(['-', '+']).map_or(text, |behind| behind.trim_start_matches('_'));
    let bytes = unsigned.as_bytes();
    match bytes {
        [] => true,
        [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', rest @ ..] => rest.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'_'),
        // Dates: `2026-11-23`, alone or with a time behind them.
        [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => true,
        [first, ..] if first.is_ascii_digit() || *first == b'.' => number_like(unsigned),
        _ => false,
    }
}

/// Decimal numbers with underscores, and the base-60 numbers of YAML 1.1 (`1:30`).
fn number_like(text: &str) -> bool {
    let mantissa = match text.find(['e', 'E']) {
        Some(position) if text[position + 1..].bytes().all(|byte| byte.is_ascii_digit() || b"+-_".contains(&byte)) => &text[..position],
        _ => text,
    };
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b',');
    mantissa.split(':').all(|part| match part.split_once('.') {
        Some((whole, fraction)) => plain(whole) && plain(fraction),
        None => plain(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_scalars_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("yes", Value::Boolean(true)),
            ("Off", Value::Boolean(false)),
            ("n", Value::Boolean(false)),
            ("~", Value::Null),
            ("", Value::Null),
            ("0777", Value::Integer(511)),
            ("0o7", Value::Integer(7)),
            ("0x1F", Value::Integer(31)),
            ("1_000", Value::Integer(1000)),
            ("1e3", Value::Float(1000.0)),
            ("08", Value::Float(8.0)),
            (".5", Value::Float(0.5)),
            ("-12", Value::Integer(-12)),
            ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
        ] {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
        for text in ["1.11.0", "24h", "127.0.0.1", "yEs", "1:30", "2026-11-23", "-", "+", ".", "-_TCy", "0xzz", "nan", "e3", "1e"] {
            assert_eq!(resolve(text), Value::String(text.into()), "{text:?}");
        }
    }

    #[test]
    fn what_some_reader_could_mistake_is_ambiguous() {
        for text in [
            "yEs",
            "1:30",
            "2026-11-23",
            "1_000",
            "1.19",
            "1e3",
            "0o17",
            ".inf",
            "+1",
            "190:20:30",
            "12e03",
            "",
            "NULL",
            "1,000",
            "-_0",
            "+__12",
            "-_0x1f",
        ] {
            assert!(is_ambiguous(text), "{text:?}");
        }
        for text in ["1.11.0", "24h0m0s", "127.0.0.1", "v1", "prod-tokyo", "api.payments.svc"] {
            assert!(!is_ambiguous(text), "{text:?}");
        }
    }
}
