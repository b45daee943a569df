//! The template engine as we set it: strict, on fuel, without includes, macros or variables, and with the few filters that
//! `docs/templates.md` lists. What a filter makes is bounded like the documents themselves.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::fill;

/// Steps that one template may take; a real one takes a few hundred.
const FUEL: u64 = 1_000_000;
/// Bytes of one rendered document, and of what one filter makes. No API server takes an object of more than 1.5 MiB.
pub(super) const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

/// How deep a value may be nested: writing it takes stack. What a person writes has less than ten levels.
const MAX_DEPTH: usize = 100;

/// The filters, for messages.
pub(super) const FILTERS: [&str; 7] = ["b64encode", "default", "items", "join", "json", "length", "sort"];

/// An engine without templates.
pub(super) fn engine() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    // Only delimiters could be wrong, and they are the usual ones.
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(fill::write_marked);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.add_filter("items", minijinja::filters::items);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("sort", minijinja::filters::sort);
    environment.add_filter("join", join);
    environment.add_filter("json", json);
    environment.add_filter("b64encode", b64encode);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment
}

/// The JSON of a value, as long as it stays below what a document may have.
pub(super) fn bounded_json(value: &Value) -> Result<String, Error> {
    let mut left = MAX_DOCUMENT_BYTES;
    if !is_within(value, MAX_DEPTH, &mut left) {
        return Err(too_large());
    }
    let mut out = Bounded(Vec::new());
    serde_json::to_writer(&mut out, value).map_err(|error| match error.is_io() {
        true => too_large(),
        false => Error::new(ErrorKind::BadSerialization, error.to_string()),
    })?;
    String::from_utf8(out.0).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Whether a value is nested no deeper than that, and made of no more values than are left.
fn is_within(value: &Value, depth: usize, left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return false;
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            depth > 0 && value.try_iter().into_iter().flatten().all(|item| is_within(&item, depth - 1, left))
        }
        ValueKind::Map => {
            let mut keys = value.try_iter().into_iter().flatten();
            depth > 0 && keys.all(|key| value.get_item(&key).is_ok_and(|item| is_within(&item, depth - 1, left)))
        }
        _ => true,
    }
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large() -> Error {
    let message = format!("a value has more than {} MiB as text, or more than {MAX_DEPTH} levels", MAX_DOCUMENT_BYTES >> 20);
    Error::new(ErrorKind::InvalidOperation, message)
}

/// The items of a list as one text, with another one between them.
fn join(list: &Value, between: &str) -> Result<String, Error> {
    if list.kind() != ValueKind::Seq {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("`join` takes a list, and this is {}", named(list))));
    }
    let mut out = String::new();
    for (index, item) in list.try_iter()?.enumerate() {
        if !matches!(item.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            return Err(Error::new(ErrorKind::InvalidOperation, format!("`join` takes a list of texts, and in it is {}", named(&item))));
        }
        let item = shown(&item);
        if out.len() + between.len() + item.len() > MAX_DOCUMENT_BYTES {
            return Err(too_large());
        }
        if index > 0 {
            out.push_str(between);
        }
        out.push_str(&item);
    }
    Ok(out)
}

/// A value as JSON on one line, for fields that hold JSON as a text.
fn json(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "`json` is given nothing"));
    }
    bounded_json(value)
}

/// A text in base64, without line breaks.
fn b64encode(value: &Value) -> Result<String, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("`b64encode` takes a text, and this is {}", named(value))))?;
    if text.len() > MAX_DOCUMENT_BYTES / 4 * 3 {
        return Err(too_large());
    }
    Ok(STANDARD.encode(text))
}

/// A value as people write it: the engine itself would say `False`.
pub(super) fn shown(value: &Value) -> String {
    if value.kind() == ValueKind::Bool { value.is_true().to_string() } else { value.to_string() }
}

fn named(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "null",
        ValueKind::Bool => "`true` or `false`",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Seq => "a list",
        ValueKind::Map => "a map",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, Error> {
        let mut environment = engine();
        // What stands there without our marks.
        environment.set_formatter(minijinja::escape_formatter);
        let context = minijinja::context! {
            names => ["b", "a"], numbers => [1, 2], map => minijinja::context! { a => 1, b => ["x"] }, text => "a\nb", nothing => Value::from(()),
        };
        environment.render_str(template, context)
    }

    #[test]
    fn filters_do_what_the_page_says() {
        for (template, expected) in [
            ("{{ names|sort|join(',') }}", "a,b"),
            ("{{ numbers|join('') }}", "12"),
            ("{{ []|join(',') }}", ""),
            ("{{ [true, false, 'x']|join(' ') }}", "true false x"),
            ("{{ map|json }}", r#"{"a":1,"b":["x"]}"#),
            ("{{ text|json }}", r#""a\nb""#),
            ("{{ 'abc'|b64encode }}", "YWJj"),
            ("{{ other|default('x') }}", "x"),
            ("{{ map.c|default('x') }}", "x"),
            ("{{ names|length }}", "2"),
        ] {
            assert_eq!(rendered(template).expect(template), expected, "{template}");
        }
    }

    #[test]
    fn every_filter_is_there_and_on_the_page() {
        let page = include_str!("../../docs/templates.md");
        for filter in FILTERS {
            assert!(page.contains(&format!("| `{filter}` |")), "docs/templates.md lacks `{filter}`");
            let unknown = rendered(&format!("{{{{ []|{filter} }}}}")).is_err_and(|error| error.kind() == ErrorKind::UnknownFilter);
            assert!(!unknown, "{filter}");
        }
    }

    #[test]
    fn filters_refuse_what_they_cannot_take() {
        for (template, message) in [
            ("{{ map|join(',') }}", "`join` takes a list, and this is a map"),
            ("{{ [names]|join(',') }}", "`join` takes a list of texts, and in it is a list"),
            ("{{ [nothing]|join(',') }}", "`join` takes a list of texts, and in it is null"),
            ("{{ names|b64encode }}", "`b64encode` takes a text, and this is a list"),
            ("{{ other|json }}", "undefined"),
            ("{{ other }}", "undefined"),
            ("{{ names|upper }}", "unknown filter"),
        ] {
            let error = rendered(template).expect_err(template).to_string();
            assert!(error.contains(message), "{template}: {error}");
        }
    }

    #[test]
    fn what_grows_without_end_is_stopped() {
        let nested = |inner: &str| {
            let open: String = (0..60).map(|depth| format!("{{% for x{} in [[x{depth}, x{depth}]] %}}", depth + 1)).collect();
            format!("{{% for x0 in ['abcdefgh'] %}}{open}{inner}{}", "{% endfor %}".repeat(61))
        };
        for template in [nested("{{ x60|json }}"), nested("{{ x60|json|json }}"), format!("{{{{ 'a'{} }}}}", "|json".repeat(60))] {
            assert!(rendered(&template).is_err());
        }
        assert!(engine().render_str(&nested("{{ x60 }}"), ()).is_err(), "our own formatter is bounded, too");
        let doubled: String = (0..60).map(|depth| format!("{{% for x{} in [x{depth} ~ x{depth}] %}}", depth + 1)).collect();
        let doubled = format!("{{% for x0 in ['abcdefgh'] %}}{doubled}{}", "{% endfor %}".repeat(61));
        assert!(rendered(&doubled).is_err());
        let turns = "{% for a in 'x' * 100000 %}{% for b in 'x' * 100000 %}{% endfor %}{% endfor %}";
        assert!(rendered(turns).is_err());
    }

    #[test]
    fn nothing_is_included_set_or_defined() {
        for template in [
            "{% include 'x' %}",
            "{% import 'x' as y %}",
            "{% macro a() %}{% endmacro %}",
            "{% extends 'x' %}",
            "{{ range(9) }}",
            "{{ loop(x) }}",
        ] {
            assert!(rendered(template).is_err(), "{template}");
        }
    }
}
