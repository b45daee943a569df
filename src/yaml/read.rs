//! Bytes to nodes. Refuses what readers disagree about or what was never meant as YAML, and bounds what a hostile file
//! can cost: depth, nodes, and copies made by aliases.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, ParseResult, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag};

use super::{At, Entry, Map, Node, Value, scalar};

/// Levels of nesting that are followed; Kubernetes' own schemas stay below 60.
const MAX_DEPTH: usize = 128;
/// Nodes that aliases may copy in one file.
const MAX_ALIAS_NODES: usize = 100_000;

/// How bare keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// A bare key that Kubernetes' readers take for a boolean or null is refused.
    AsKubernetes,
    /// Every key is the text that is written: for files that only this program reads.
    AsWritten,
}

/// Why a text is no YAML that can be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// The place; line 0 where the file as a whole is meant.
    pub at: At,
    /// What is wrong, without the place.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether a key that stands twice is what is wrong.
    pub duplicate_key: bool,
}

impl YamlError {
    fn new(at: At, message: impl Into<String>, hint: Option<&str>) -> YamlError {
        YamlError { at, message: message.into(), hint: hint.map(str::to_owned), duplicate_key: false }
    }
}

/// The text of a file that a person or a tool wrote: UTF-8, with or without a byte order mark.
///
/// # Errors
/// UTF-16, Latin-1 and other bytes that are no UTF-8, NUL bytes, an HTML page, and Git's conflict markers, each with
/// its line. `file` is the index that the error's place carries.
pub fn text_of(bytes: &[u8], file: u16) -> Result<&str, YamlError> {
    let whole = At { file, line: 0, column: 0 };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let hint = "write it as UTF-8; in PowerShell use `| Out-File -Encoding utf8` instead of `>`";
        return Err(YamlError::new(whole, "the file is UTF-16, which no Kubernetes tool reads", Some(hint)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = place_of(bytes, error.valid_up_to(), file);
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        YamlError::new(
            at,
            format!("the file is not UTF-8 (byte 0x{byte:02x})"),
            Some("save it as UTF-8; it looks like Latin-1 or binary data"),
        )
    })?;
    if let Some(offset) = text.find('\0') {
        let at = place_of(bytes, offset, file);
        return Err(YamlError::new(at, "the file has a NUL byte, so it is no text", Some("write it as UTF-8")));
    }
    let start = text.trim_start();
    if start.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("<!doctype"))
        || start.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("<html"))
    {
        let hint = "something answered with a web page, a login page perhaps; fetch the file again and look at it";
        return Err(YamlError::new(At { file, line: 1, column: 1 }, "this is an HTML page, not YAML", Some(hint)));
    }
    if let Some(line) = text.lines().position(is_conflict_marker) {
        let at = At { file, line: to_u32(line + 1), column: 1 };
        return Err(YamlError::new(at, "an unresolved merge conflict stands here", Some("resolve it in Git, then run this again")));
    }
    Ok(text)
}

/// Git's markers at the start of a line; `=======` alone also underlines headings, so it does not count by itself.
fn is_conflict_marker(line: &str) -> bool {
    line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") || line.starts_with("||||||| ")
}

fn place_of(bytes: &[u8], offset: usize, file: u16) -> At {
    let before = &bytes[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    At { file, line: to_u32(line), column: to_u32(column) }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// All documents of a text; one that holds nothing is a null node. `file` is the index that all places carry.
///
/// # Errors
/// What is no YAML, a key that stands twice, nesting deeper than 128 levels, more than 100 000 nodes copied through
/// aliases, a tab as indentation, keys that are no strings, and tags of somebody's own.
pub fn read(text: &str, file: u16, keys: Keys) -> Result<Vec<Node>, YamlError> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        lines_with_tabs: lines_indented_by_tabs(text),
        anchors: HashMap::new(),
        copied: 0,
        flow: 0,
        file,
        keys,
    };
    let mut documents = Vec::new();
    while let Some(event) = reader.parser.next_event() {
        match reader.checked(event)? {
            (Event::DocumentStart(..), _) => {
                reader.anchors.clear();
                let (event, span) = reader.next()?;
                documents.push(reader.node(event, span, 0)?.0);
            }
            (Event::StreamEnd, _) => break,
            _ => {}
        }
    }
    Ok(documents)
}

/// Lines, from 1 and sorted, whose indentation holds a tab.
fn lines_indented_by_tabs(text: &str) -> Vec<usize> {
    if !text.contains('\t') {
        return Vec::new();
    }
    let indented = |line: &str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).any(|byte| byte == b'\t');
    text.lines().enumerate().filter(|(_, line)| indented(line)).map(|(number, _)| number + 1).collect()
}

struct Reader<'input> {
    parser: Parser<'input, StrInput<'input>>,
    lines_with_tabs: Vec<usize>,
    /// Anchored nodes with their size in nodes.
    anchors: HashMap<usize, (Node, usize)>,
    copied: usize,
    /// Depth of flow collections: tabs may stand inside them.
    flow: usize,
    file: u16,
    keys: Keys,
}

impl<'input> Reader<'input> {
    fn at(&self, span: Span) -> At {
        At { file: self.file, line: to_u32(span.start.line()), column: to_u32(span.start.col() + 1) }
    }

    fn checked(&self, event: ParseResult<'input>) -> Result<(Event<'input>, Span), YamlError> {
        event.map_err(|error| {
            let marker = error.marker();
            let at = At { file: self.file, line: to_u32(marker.line()), column: to_u32(marker.col() + 1) };
            let reason = error.info();
            if reason.contains("nesting") || reason.contains("recursion") {
                return too_deep(at);
            }
            // The parser meets the tab before we do, and speaks of its own contexts.
            if self.flow == 0 && self.lines_with_tabs.binary_search(&marker.line()).is_ok() {
                return indented_by_tab(at);
            }
            YamlError::new(at, format!("not valid YAML: {reason}"), Some("check the indentation and quotes of this line and the one above"))
        })
    }

    fn next(&mut self) -> Result<(Event<'input>, Span), YamlError> {
        match self.parser.next_event() {
            Some(event) => self.checked(event),
            None => Err(YamlError::new(At { file: self.file, line: 0, column: 0 }, "the document ends too early", None)),
        }
    }

    /// The node that begins with `event`, and how many nodes it is made of.
    fn node(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<(Node, usize), YamlError> {
        let at = self.at(span);
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        if self.flow == 0 && self.lines_with_tabs.binary_search(&span.start.line()).is_ok() {
            return Err(indented_by_tab(at));
        }
        let (value, anchor, size) = match event {
            Event::Scalar(text, style, anchor, tag) => (self.scalar(&text, style, tag.as_deref(), at)?, anchor, 1),
            Event::SequenceStart(style, anchor, tag) => {
                known_collection_tag(tag.as_deref(), "seq", at)?;
                let (items, size) = self.list(style, depth)?;
                (Value::List(items), anchor, size)
            }
            Event::MappingStart(style, anchor, tag) => {
                known_collection_tag(tag.as_deref(), "map", at)?;
                let (map, size) = self.map(style, depth)?;
                (Value::Map(map), anchor, size)
            }
            Event::Alias(anchor) => return self.copy(anchor, at),
            _ => return Err(YamlError::new(at, "a value is missing here", None)),
        };
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }

    fn copy(&mut self, anchor: usize, at: At) -> Result<(Node, usize), YamlError> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(YamlError::new(at, "this alias stands inside the value that it names", None));
        };
        self.copied += size;
        if self.copied > MAX_ALIAS_NODES {
            let message = format!("aliases copy more than {MAX_ALIAS_NODES} values in this file");
            return Err(YamlError::new(at, message, Some("write the values out, or use layers")));
        }
        Ok((node.clone(), *size))
    }

    fn list(&mut self, style: StructureStyle, depth: usize) -> Result<(Vec<Node>, usize), YamlError> {
        let flow = usize::from(style == StructureStyle::Flow);
        self.flow += flow;
        let (mut items, mut size) = (Vec::new(), 1);
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                self.flow -= flow;
                return Ok((items, size));
            }
            let (item, nodes) = self.node(event, span, depth + 1)?;
            items.push(item);
            size += nodes;
        }
    }

    fn map(&mut self, style: StructureStyle, depth: usize) -> Result<(Map, usize), YamlError> {
        let flow = usize::from(style == StructureStyle::Flow);
        self.flow += flow;
        let (mut entries, mut size) = (Vec::new(), 1);
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key_at = self.at(span);
            let key = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let (node, nodes) = self.node(event, span, depth + 1)?;
            size += nodes;
            if is_merge {
                merged.push(node);
                continue;
            }
            entries.push((key, Entry { key: key_at, node }));
        }
        self.flow -= flow;
        let mut map = Map::new(entries).map_err(|(key, first, second)| {
            let hint = format!("it is already there in line {}; keep one of the two", first.line);
            YamlError { duplicate_key: true, ..YamlError::new(second, format!("the key `{key}` stands here a second time"), Some(&hint)) }
        })?;
        for node in merged {
            merge_key(&mut map, node)?;
        }
        Ok((map, size))
    }

    fn key(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<Box<str>, YamlError> {
        let at = self.at(span);
        let written = match &event {
            Event::Scalar(text, ..) => text.clone(),
            _ => Cow::default(),
        };
        let bare = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, None));
        let (node, _) = self.node(event, span, depth + 1)?;
        match node.value {
            Value::String(text) => Ok(text),
            Value::Integer(number) if self.keys == Keys::AsKubernetes => Ok(number.to_string().into()),
            Value::Boolean(_) | Value::Null | Value::Float(_) | Value::Integer(_)
                if bare && self.keys == Keys::AsWritten && !written.is_empty() =>
            {
                Ok(written.into())
            }
            Value::Map(_) | Value::List(_) => Err(YamlError::new(at, "a key must be a string, not a map or a list", None)),
            other => {
                let message = format!("the key `{written}` is read as {} by Kubernetes' tools", other.kind());
                Err(YamlError::new(at, message, Some("put the key in double quotes")))
            }
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: At) -> Result<Value, YamlError> {
        let plain = style == ScalarStyle::Plain;
        let Some(tag) = tag else {
            return Ok(if plain { scalar::resolve(text) } else { Value::String(text.into()) });
        };
        let value = match tag.core_suffix() {
            Some("str") => return Ok(Value::String(text.into())),
            Some("null" | "bool" | "int" | "float") => scalar::resolve(text),
            _ if tag.handle().is_empty() && tag.suffix() == "!" => return Ok(Value::String(text.into())),
            _ => {
                let message = format!("the tag `{}` means nothing to Kubernetes", tag.original());
                return Err(YamlError::new(at, message, Some("write the value without a tag")));
            }
        };
        let fits = matches!(
            (tag.core_suffix(), &value),
            (Some("null"), Value::Null)
                | (Some("bool"), Value::Boolean(_))
                | (Some("int"), Value::Integer(_))
                | (Some("float"), Value::Float(_) | Value::Integer(_))
        );
        if fits { Ok(value) } else { Err(YamlError::new(at, format!("`{text}` is not what its tag `{}` says", tag.original()), None)) }
    }
}

fn indented_by_tab(at: At) -> YamlError {
    YamlError::new(At { column: 1, ..at }, "a tab indents this line; YAML allows only spaces there", Some("replace the tab by spaces"))
}

fn too_deep(at: At) -> YamlError {
    YamlError::new(
        at,
        format!("values are nested deeper than {MAX_DEPTH} levels"),
        Some("no file of Kubernetes needs that; look at how this one was made"),
    )
}

fn known_collection_tag(tag: Option<&Tag>, expected: &str, at: At) -> Result<(), YamlError> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) => Err(YamlError::new(
            at,
            format!("the tag `{}` means nothing to Kubernetes", tag.original()),
            Some("write the value without a tag"),
        )),
        _ => Ok(()),
    }
}

/// YAML 1.1's `<<`: keys of the merged maps that are not there yet; of several maps the first wins.
fn merge_key(map: &mut Map, node: Node) -> Result<(), YamlError> {
    match node.value {
        Value::Map(other) => {
            map.merge(other, |existing, _| Some(existing), Some);
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| merge_key(map, item)),
        _ => Err(YamlError::new(node.at, "`<<` takes a map or a list of maps", None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = read(text, 7, Keys::AsKubernetes).expect("readable");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn refused(text: &str) -> YamlError {
        read(text, 0, Keys::AsKubernetes).expect_err("refused")
    }

    #[test]
    fn places_are_counted_from_one_and_carry_the_file() {
        let node = one("a:\n  b: c\n");
        let inner = node.get("a").and_then(|inner| inner.get("b")).expect("there");
        assert_eq!(inner.at, At { file: 7, line: 2, column: 6 });
    }

    #[test]
    fn a_duplicate_key_names_both_lines() {
        let error = refused("a: 1\nb: 2\na: 3\n");
        assert!(error.duplicate_key);
        assert_eq!((error.at.line, error.at.column), (3, 1));
        assert!(error.hint.expect("hint").contains("line 1"));
    }

    #[test]
    fn a_tab_as_indentation_is_refused_but_not_inside_flow_or_text() {
        assert_eq!(refused("a:\n\tb: 1\n").at.line, 2);
        assert_eq!(refused("\tk: 1\n").at.line, 1);
        assert_eq!(one("{\n\t\"a\": [\n\t\t1\n\t]\n}").get("a").expect("a").as_list().map(<[Node]>::len), Some(1));
        assert_eq!(one("a: |\n  x\n  \ty\n").get_str("a"), Some("x\n\ty\n"));
    }

    #[test]
    fn deep_nesting_and_alias_bombs_stop_early() {
        for text in [format!("a: {}", "[".repeat(10_000)), "- ".repeat(10_000), "{a: ".repeat(10_000)] {
            assert!(refused(&text).message.contains("nested deeper"), "{}", refused(&text).message);
        }
        let mut blocks = String::new();
        for level in 0..10_000 {
            blocks.push_str(&" ".repeat(level));
            blocks.push_str("a:\n");
        }
        assert!(refused(&blocks).message.contains("nested deeper"));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(refused(&bomb).message.contains("aliases copy more"));
    }

    #[test]
    fn merge_keys_and_aliases_work_as_in_go() {
        let node = one("base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n");
        let mine = node.get("mine").expect("mine").to_json();
        assert_eq!(mine, serde_json::json!({"a": 1, "b": 3}));
    }

    #[test]
    fn keys_that_kubernetes_reads_otherwise_are_refused_or_kept() {
        assert!(refused("yes: 1\n").message.contains("`yes` is read as a boolean"));
        assert_eq!(one("8080: x\n").get_str("8080"), Some("x"));
        let ours = read("x: 1\ny: abc\n", 0, Keys::AsWritten).expect("readable");
        assert_eq!(ours[0].get_str("y"), Some("abc"));
    }

    #[test]
    fn what_is_no_text_says_what_it_is() {
        assert!(text_of(b"\xff\xfea\0", 0).expect_err("refused").message.contains("UTF-16"));
        let latin = text_of(b"a: 1\nname: M\xfcller\n", 0).expect_err("refused");
        assert_eq!((latin.at.line, latin.at.column), (2, 8));
        assert!(text_of(b"<!DOCTYPE html><html>", 0).expect_err("refused").message.contains("HTML"));
        assert_eq!(text_of(b"a: 1\n<<<<<<< HEAD\n", 0).expect_err("refused").at.line, 2);
        assert_eq!(text_of(b"\xef\xbb\xbfa: 1\r\n", 0).expect("text"), "a: 1\r\n");
        assert_eq!(one("a: 1\r\nb: |\r\n  x\r\n  y\r\n").get_str("b"), Some("x\ny\n"));
    }

    #[test]
    fn tags_of_somebodys_own_are_refused() {
        assert_eq!(one("a: !!str 1\n").get_str("a"), Some("1"));
        assert!(refused("a: !Ref x\n").message.contains("!Ref"));
    }
}
