//! Values into templates. The template engine writes each value as JSON between two marks; afterwards the line that it
//! stands in decides how it looks: a scalar on the line, or a map or list as an indented block with one key per line.
//! A value can therefore never change its type, and never add structure.

use std::fmt::Write as _;

use minijinja::{Output, State, Value};

use super::engine::bounded_json;
use crate::yaml::{block, block_entries, scalar};

/// The version of what the writer produces; it is part of the digest of the templates.
pub(super) const FORMAT: &str = "1";

/// Before a value's JSON. Both marks lie in a private area that our writer always escapes.
const OPEN: char = '\u{f8fe}';
/// After a value's JSON.
const CLOSE: char = '\u{f8ff}';

/// The engine's formatter: hands a value on as JSON between the marks.
pub(super) fn write_marked(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let json = bounded_json(value)?;
    // Inside JSON strings, the only place where they can stand, the marks themselves are escaped.
    let json = if json.contains([OPEN, CLOSE]) { json.replace(OPEN, "\\uf8fe").replace(CLOSE, "\\uf8ff") } else { json };
    let written = out.write_char(OPEN).and_then(|()| out.write_str(&json)).and_then(|()| out.write_char(CLOSE));
    written.map_err(|_| minijinja::Error::new(minijinja::ErrorKind::WriteFailure, "out of memory"))
}

/// Replaces the marked values of a rendered template.
///
/// # Errors
/// A sentence, when a value stands where none may stand.
pub(super) fn fill(rendered: &str) -> Result<String, String> {
    let mut out = String::with_capacity(rendered.len() + rendered.len() / 4);
    for line in rendered.split_inclusive('\n') {
        if line.contains(OPEN) {
            fill_line(line, &mut out)?;
        } else {
            out.push_str(line);
        }
    }
    Ok(out)
}

fn fill_line(line: &str, out: &mut String) -> Result<(), String> {
    let (mut rest, end) = match line.strip_suffix('\n') {
        Some(rest) => (rest, "\n"),
        None => (line, ""),
    };
    let start = out.len();
    while let Some((before, marked)) = rest.split_once(OPEN) {
        out.push_str(before);
        let (json, after) = marked.split_once(CLOSE).ok_or("a value has no end")?;
        let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        value_into(&value, start, after, out)?;
        rest = after;
    }
    out.push_str(rest);
    out.push_str(end);
    Ok(())
}

/// Writes one value behind what already stands on its line, which begins at `start`.
fn value_into(value: &serde_json::Value, start: usize, after: &str, out: &mut String) -> Result<(), String> {
    let before = &out[start..];
    if !(before.trim().is_empty() || before.ends_with([' ', '\t'])) {
        return Err(format!("a value stands inside other text, behind `{}`", before.trim_start()));
    }
    let is_block = match value {
        serde_json::Value::Object(map) => !map.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::String(text) => text.contains('\n'),
        _ => false,
    };
    if !is_block {
        if !(after.trim().is_empty() || after.starts_with(':')) {
            return Err(format!("a value stands inside other text, before `{after}`"));
        }
        match value {
            serde_json::Value::String(text) => out.push_str(&scalar(text)),
            other => {
                let mut text = String::new();
                block(other, 0, &mut text);
                out.push_str(text.trim_start());
            }
        }
        return Ok(());
    }
    if !after.trim().is_empty() {
        if value.is_string() {
            out.push_str(&scalar(value.as_str().unwrap_or_default()));
            return Ok(());
        }
        return Err(format!("a map or list stands before other text, `{after}`"));
    }
    let indentation = key_column(before);
    if before.trim().is_empty() {
        block_entries(value, indentation, out);
        return Ok(());
    }
    if before.trim_end().ends_with('-') {
        return Err("a map, a list or a text of several lines stands behind `-`; loop over it in the template".to_owned());
    }
    out.truncate(start + before.trim_end().len());
    block(value, indentation, out);
    Ok(())
}

/// The column in which the key of a line begins, behind spaces and dashes.
fn key_column(before: &str) -> usize {
    let mut column = before.len() - before.trim_start_matches(' ').len();
    while before[column..].starts_with("- ") {
        column += 2;
    }
    column
}

/// The first line, from 1, of a template's source in which a value does not stand alone, and what is wrong there.
pub(super) fn misplaced_value(source: &str) -> Option<(u32, String)> {
    for (number, line) in (1_u32..).zip(without_comments(source).lines()) {
        let mut rest = line;
        let mut before = String::new();
        while let Some((head, tail)) = rest.split_once("{{") {
            before.push_str(head);
            let Some((expression, after)) = tail.split_once("}}") else { break };
            let alone = before.trim().is_empty() || before.ends_with(' ');
            let ends = after.trim().is_empty() || after.starts_with(':') || after.trim_start().starts_with("{%");
            if !alone || !ends {
                return Some((number, format!("`{{{{{expression}}}}}` stands inside other text")));
            }
            before.push('x');
            rest = after;
        }
    }
    None
}

/// What a template may do beside placing values.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// The first line, from 1, of a template's source with a statement that is none of a template's, and that statement. It is
/// looked for in comments, too: what is a comment, and what is a text with its mark in it, only the engine knows.
pub(super) fn foreign_statement(source: &str) -> Option<(u32, String)> {
    let mut line = 1;
    let mut rest = source;
    while let Some((before, tail)) = rest.split_once("{%") {
        line += before.chars().filter(|character| *character == '\n').count();
        let word = tail.trim_start_matches(['-', '+']).trim_start();
        let word: String = word.chars().take_while(char::is_ascii_alphanumeric).collect();
        if !STATEMENTS.contains(&word.as_str()) {
            return Some((u32::try_from(line).unwrap_or(u32::MAX), word));
        }
        rest = tail;
    }
    None
}

/// The source with nothing but line breaks where a comment stood.
fn without_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tail)) = rest.split_once("{#") {
        out.push_str(before);
        let (comment, after) = tail.split_once("#}").unwrap_or((tail, ""));
        out.extend(comment.chars().filter(|character| *character == '\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(value: serde_json::Value) -> String {
        format!("{OPEN}{value}{CLOSE}")
    }

    #[test]
    fn values_take_the_form_of_their_place() {
        use serde_json::json;
        for (line, expected) in [
            (format!("name: {}\n", marked(json!("yes"))), "name: \"yes\"\n"),
            (format!("count: {}\n", marked(json!(3))), "count: 3\n"),
            (format!("  names: {}\n", marked(json!(["a", "*.b"]))), "  names:\n    - a\n    - \"*.b\"\n"),
            (format!("  names: {}\n", marked(json!([]))), "  names: []\n"),
            (format!("  - limits: {}\n", marked(json!({"cpu": "1"}))), "  - limits:\n      cpu: \"1\"\n"),
            (format!("{}\n", marked(json!({"a": {"b": [{"c": 1, "d": true}]}}))), "a:\n  b:\n    - c: 1\n      d: true\n"),
            (format!("  - {}\n", marked(json!("a: b"))), "  - \"a: b\"\n"),
            (format!("{}: {}\n", marked(json!("on")), marked(json!("x"))), "\"on\": x\n"),
            (format!("text: {}\n", marked(json!("one\ntwo\n"))), "text: |\n  one\n  two\n"),
        ] {
            assert_eq!(fill(&line).expect(&line), expected);
        }
    }

    #[test]
    fn what_the_engine_hands_on_is_read_back_whatever_it_holds() {
        let mut environment = minijinja::Environment::empty();
        environment.set_formatter(write_marked);
        for text in ["plain", "=", "\u{f8fe}", "a\u{f8ff}b", "one\n\u{f8fe}two", "a: b", ""] {
            let rendered = environment.render_str("k: {{ v }}", minijinja::context! { v => text }).expect("rendered");
            let filled = fill(&rendered).expect("filled");
            let documents = crate::yaml::read(&filled, 0, crate::yaml::Keys::AsKubernetes).expect("YAML");
            assert_eq!(documents[0].get_str("k"), Some(text), "{filled:?}");
        }
    }

    #[test]
    fn a_statement_that_is_none_of_a_template_is_found() {
        assert_eq!(foreign_statement("a: 1\n{% if a %}\n{%- elif b %}\n{% else -%}\n{% endif %}{% for x in y %}{% endfor %}\n"), None);
        for statement in ["set a = 1", "with a = 1", "include 'x'", "do x()", "macro a()", "raw", "filter upper"] {
            let word = statement.split(' ').next().expect("a word").to_owned();
            assert_eq!(foreign_statement(&format!("x: 1\n{{% if a %}}{{%- {statement} %}}\n")), Some((2, word.clone())));
            assert_eq!(foreign_statement(&format!("{{{{ '{{#' }}}}\n{{%\n{statement} %}}{{{{ '#}}' }}}}\n")), Some((2, word)));
        }
    }

    #[test]
    fn a_value_inside_other_text_is_refused() {
        use serde_json::json;
        assert!(fill(&format!("name: pre-{}\n", marked(json!("x")))).is_err());
        assert!(fill(&format!("name: {}-post\n", marked(json!("x")))).is_err());
        assert!(fill(&format!("name: {} # x\n", marked(json!(["x"])))).is_err());
        assert_eq!(misplaced_value("a: {{ b }}\nc: pre-{{ d }}\n").expect("misplaced").0, 2);
        assert_eq!(misplaced_value("c: {{ d }}-x\n").expect("misplaced").0, 1);
        assert_eq!(misplaced_value("{{ a }}: {{ b }}\n  - {{ c }}\n{{ d }}\n"), None);
        assert_eq!(misplaced_value("{# as pre-{{ x }}\n#}\nc: x{{ d }}\n").expect("misplaced").0, 3);
    }
}
