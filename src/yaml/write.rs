//! Values to text: block style, one key per line, and no scalar that any reader could take for something else.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::Keys;
use super::scalar::is_ambiguous;

/// A string as a scalar on one line: bare where that is safe for every reader, otherwise in double quotes.
pub fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// A value as it stands behind `key:` or `-` at the given indentation: a space and a scalar, or a line break and a
/// block that is indented by two more. Ends without a line break.
pub fn block(value: &Value, indentation: usize, out: &mut String) {
    block_with(Keys::AsKubernetes, value, indentation, out);
}

fn block_with(keys: Keys, value: &Value, indentation: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                line(indentation + 2, out);
                entry(keys, key, value, indentation + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                line(indentation + 2, out);
                list_item(keys, item, indentation + 2, out);
            }
        }
        Value::String(text) if is_literal(text) => {
            out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
            for part in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                if part.is_empty() {
                    out.push('\n');
                } else {
                    line(indentation + 2, out);
                    out.push_str(part);
                }
            }
        }
        _ => {
            out.push(' ');
            flow(value, out);
        }
    }
}

/// A whole document of one map, ending with a line break.
///
/// # Errors
/// When the value does not serialize to a map with string keys.
pub fn document<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    document_with(Keys::AsKubernetes, value)
}

/// A whole document for files that are read with [`Keys::AsWritten`]: the keys `y` and `n` of a JWK stand bare, as
/// people know them. Everything else is written as in [`document`].
///
/// # Errors
/// When the value does not serialize to a map with string keys.
pub fn document_as_written<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    document_with(Keys::AsWritten, value)
}

fn document_with<T: Serialize>(keys: Keys, value: &T) -> Result<String, serde_json::Error> {
    let Value::Object(map) = serde_json::to_value(value)? else {
        return Err(serde::ser::Error::custom("a document is a map"));
    };
    let mut out = String::new();
    for (key, value) in &map {
        entry(keys, key, value, 0, &mut out);
        out.push('\n');
    }
    if map.is_empty() {
        out.push_str("{}\n");
    }
    Ok(out)
}

fn entry(keys: Keys, key: &str, value: &Value, indentation: usize, out: &mut String) {
    match key {
        "y" | "n" if keys == Keys::AsWritten => out.push_str(key),
        _ => out.push_str(&scalar(key)),
    }
    out.push(':');
    block_with(keys, value, indentation, out);
}

/// A list item: a map begins on the line of its dash.
fn list_item(keys: Keys, item: &Value, indentation: usize, out: &mut String) {
    out.push('-');
    let Value::Object(map) = item else { return block_with(keys, item, indentation, out) };
    for (position, (key, value)) in map.iter().enumerate() {
        if position == 0 {
            out.push(' ');
        } else {
            line(indentation + 2, out);
        }
        entry(keys, key, value, indentation + 2, out);
    }
    if map.is_empty() {
        out.push_str(" {}");
    }
}

/// A value without inner structure.
fn flow(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&decimal(number)),
        Value::String(text) => out.push_str(&scalar(text)),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// A number that YAML 1.1 readers also take for a number: an exponent needs a point before it and a sign.
fn decimal(number: &serde_json::Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn line(indentation: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indentation));
}

/// Whether every reader takes the bare text for this very string.
fn is_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    let start = match first {
        Some('-') => characters.next().is_some_and(|second| second.is_ascii_alphanumeric() || second == '_'),
        Some(first) => first.is_ascii_alphanumeric() || matches!(first, '/' | '_' | '.' | '+'),
        None => false,
    };
    start
        && text.len() <= 1024 * 1024
        && text.chars().all(|character| character.is_ascii_alphanumeric() || " _./:@+-=,*()~$%&;!?'\"<>|".contains(character))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.starts_with("...")
        && !is_ambiguous(text)
}

/// Whether a text of several lines can stand as a `|` block and be read back unchanged.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with("\n\n")
        && text.chars().all(|character| character == '\n' || is_printable(character))
        && text.lines().all(|line| !line.trim_start_matches(' ').is_empty() || line.is_empty())
}

/// Characters that may stand unescaped, apart from line breaks. Private use is left out: templates mark values with it.
fn is_printable(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{f900}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Double quotes with every character escaped that is not plainly printable; text that turns the reading direction is
/// escaped too, so that a reviewer sees what is there.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_printable(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                // Writing into a string cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}
