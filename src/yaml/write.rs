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
    Writer { keys: Keys::AsKubernetes, out }.block(value, indentation);
}

/// The entries of a map or the items of a list at the given indentation, where the text already stands in that column.
/// Ends without a line break; an empty map or list, or a scalar, stands on the line.
pub fn block_entries(value: &Value, indentation: usize, out: &mut String) {
    Writer { keys: Keys::AsKubernetes, out }.entries(value, indentation);
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
    let value = serde_json::to_value(value)?;
    if !value.is_object() {
        return Err(serde::ser::Error::custom("a document is a map"));
    }
    let mut out = String::new();
    Writer { keys, out: &mut out }.entries(&value, 0);
    out.push('\n');
    Ok(out)
}

/// Writes block style into a text.
struct Writer<'a> {
    keys: Keys,
    out: &'a mut String,
}

impl Writer<'_> {
    fn block(&mut self, value: &Value, indentation: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.line(indentation + 2);
                self.entries(value, indentation + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                self.line(indentation + 2);
                self.entries(value, indentation + 2);
            }
            Value::String(text) if is_literal(text) => {
                self.out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
                for part in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    self.line(if part.is_empty() { 0 } else { indentation + 2 });
                    self.out.push_str(part);
                }
            }
            _ => {
                self.out.push(' ');
                self.flow(value);
            }
        }
    }

    fn entries(&mut self, value: &Value, indentation: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (position, (key, value)) in map.iter().enumerate() {
                    if position > 0 {
                        self.line(indentation);
                    }
                    let bare = self.keys == Keys::AsWritten && matches!(key.as_str(), "y" | "n");
                    self.out.push_str(&if bare { Cow::Borrowed(key.as_str()) } else { scalar(key) });
                    self.out.push(':');
                    self.block(value, indentation);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        self.line(indentation);
                    }
                    self.item(item, indentation);
                }
            }
            _ => self.flow(value),
        }
    }

    /// A list item: a map begins on the line of its dash.
    fn item(&mut self, item: &Value, indentation: usize) {
        self.out.push('-');
        if item.is_object() {
            self.out.push(' ');
            self.entries(item, indentation + 2);
        } else {
            self.block(item, indentation);
        }
    }

    /// A value without inner structure.
    fn flow(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&decimal(number)),
            Value::String(text) => self.out.push_str(&scalar(text)),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
        }
    }

    fn line(&mut self, indentation: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indentation));
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
