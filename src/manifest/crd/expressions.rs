//! Rules in CEL (`x-kubernetes-validations`): which of them can be evaluated here, and what they say of a value.
//!
//! The API server compiles a rule against types; here values carry their types along. A rule is evaluated only where every
//! function and every name in it is one whose meaning here is that of the API server; every other rule is told as not
//! checked. Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel` and <https://kubernetes.io/docs/reference/using-api/cel/>.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use cel::common::types::CelString;
use cel::objects::{Key, Map as CelMap};
use cel::{Context, Env, ExecutionError, IdedExpr};

use super::formats::Format;
use super::schema::{Additional, Kind, Schema};
use super::shape::META_FIELDS;
use super::{functions, pattern};
use crate::yaml::{Node, Value};

/// Bytes of a rule.
const MAX_RULE: usize = 8_192;
/// Bytes of stack for the parser.
const PARSER_STACK: usize = 64 << 20;
/// Levels of a rule's tree that are evaluated.
const MAX_DEPTH: u32 = 48;
/// What a value may weigh for a rule without loops: its nodes, and its text in pieces of [`PIECE`] bytes.
const MAX_WEIGHT: u64 = 1_000_000;
/// The same for a rule with loops, and the steps that its loops may take together.
const MAX_LOOP_WEIGHT: u64 = 5_000;
/// Bytes of text that weigh as much as a node.
const PIECE: u64 = 64;

/// Functions of the standard library and of the library for strings that mean here what they mean there.
const FUNCTIONS: &[&str] = &[
    "bool",
    "charAt",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "find",
    "findAll",
    "hasValue",
    "indexOf",
    "int",
    "isCIDR",
    "isIP",
    "isURL",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "or",
    "orValue",
    "replace",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];
const OPERATORS: &[&str] = &[
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "_[?_]",
    "_?._",
    "@in",
    "@not_strictly_false",
];
/// Functions that would tell a duration from the number that it is here.
const CONVERSIONS: &[&str] = &["bool", "double", "dyn", "int", "string", "type", "uint"];
/// Types that a rule may compare with.
const TYPES: &[&str] = &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];
/// Words that a field must not be called in CEL, and is therefore called otherwise.
const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    // Its functions are all new: there is none that it could be in the way of. Were it otherwise, rules that use them
    // would be told as not checked when they are evaluated.
    drop(environment.add_extension(cel::extensions::strings));
    functions::add(&mut environment);
    Arc::new(environment)
});

/// A rule that can be evaluated.
#[derive(Debug)]
pub(super) struct Expression {
    tree: IdedExpr,
    /// How deep its loops lie in each other.
    loops: u32,
    /// Its own size in nodes.
    size: u64,
    /// Whether a loop may run over the characters of a text.
    splits: bool,
    /// The fields whose values it looks at, and every text in it: a field may be named by one.
    words: Vec<Box<str>>,
}

/// Why a rule is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It compares with the former state, and there is none where an object is made.
    Transition,
    /// The end of a sentence.
    Unknown(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Transition => formatter.write_str("it compares with the former state of the object"),
            Unusable::Unknown(reason) => formatter.write_str(reason),
        }
    }
}

fn unknown(reason: impl Into<String>) -> Unusable {
    Unusable::Unknown(reason.into())
}

/// The rule, ready to be evaluated for values of `schema`.
///
/// # Errors
/// Why it cannot be.
pub(super) fn compile(source: &str, schema: &Schema) -> Result<Expression, Unusable> {
    if source.len() > MAX_RULE {
        return Err(unknown(format!("it is longer than {MAX_RULE} bytes")));
    }
    let walked = with_deep_stack(|| walked(source)).unwrap_or_else(|| Err(unknown("its text could not be read as CEL")))?;
    if walked.reaches_converted(schema) {
        return Err(unknown("it is about a time, a duration or bytes"));
    }
    Ok(walked)
}

/// The rule as a tree. Neither the parser nor the trees that it makes are shy of the stack: a rule of a few thousand
/// brackets would end the program. Only what is flat enough for any stack leaves this function.
fn walked(source: &str) -> Result<Expression, Unusable> {
    let program = ENVIRONMENT.compile(source).map_err(|_| unknown("its text could not be read as CEL"))?;
    let mut walk = Walk {
        names: Vec::new(),
        loops: 0,
        deepest: 0,
        depth: 0,
        size: 0,
        splits: false,
        transition: false,
        words: Vec::new(),
        calls: BTreeSet::new(),
    };
    let mut tree = program.expression().clone();
    walk.expression(&mut tree)?;
    if walk.transition {
        return Err(Unusable::Transition);
    }
    if walk.calls.contains("duration") && CONVERSIONS.iter().any(|name| walk.calls.contains(*name)) {
        return Err(unknown("it turns a duration into something else"));
    }
    Ok(Expression { tree, loops: walk.deepest, size: walk.size, splits: walk.splits, words: walk.words })
}

/// Runs something on a stack of its own; None where there is none to be had.
fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(PARSER_STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// Goes through a rule, refuses what is not known, and translates regular expressions.
struct Walk {
    /// Names that loops bind.
    names: Vec<String>,
    loops: u32,
    deepest: u32,
    depth: u32,
    size: u64,
    splits: bool,
    transition: bool,
    words: Vec<Box<str>>,
    /// Functions that it calls.
    calls: BTreeSet<Box<str>>,
}

impl Walk {
    fn expression(&mut self, expression: &mut IdedExpr) -> Result<(), Unusable> {
        self.size += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(unknown("it is nested too deep"));
        }
        let result = self.parts(expression);
        self.depth -= 1;
        result
    }

    fn parts(&mut self, expression: &mut IdedExpr) -> Result<(), Unusable> {
        match &mut expression.expr {
            Expr::Unspecified => Err(unknown("a part of it could not be read")),
            Expr::Literal(literal) => {
                if let LiteralValue::String(text) = literal {
                    self.words.push(text.inner().into());
                }
                Ok(())
            }
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                // Whether there is a value tells nothing of its type.
                if !select.test {
                    self.words.push(select.field.as_str().into());
                }
                self.expression(&mut select.operand)
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => self.expression(&mut entry.key).and_then(|()| self.expression(&mut entry.value)),
                EntryExpr::StructField(_) => Err(unknown("it makes an object of a named type")),
            }),
            Expr::Struct(structure) => Err(unknown(format!("it makes an object of the type `{}`", structure.type_name))),
            Expr::Comprehension(comprehension) => {
                if comprehension.iter_var2.is_some() {
                    return Err(unknown("it has a loop over two variables"));
                }
                self.expression(&mut comprehension.iter_range)?;
                self.expression(&mut comprehension.accu_init)?;
                self.loops += 1;
                self.deepest = self.deepest.max(self.loops);
                self.names.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                self.expression(&mut comprehension.loop_cond)?;
                self.expression(&mut comprehension.loop_step)?;
                self.expression(&mut comprehension.result)?;
                self.names.truncate(self.names.len() - 2);
                self.loops -= 1;
                Ok(())
            }
        }
    }

    fn name(&mut self, name: &str) -> Result<(), Unusable> {
        if name == "oldSelf" {
            self.transition = true;
        }
        if matches!(name, "self" | "oldSelf") || TYPES.contains(&name) || self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(unknown(format!("it uses `{name}`, which is not known here")))
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), Unusable> {
        let name = call.func_name.as_str();
        if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) {
            return Err(unknown(format!("it uses the function `{name}`, which is not known here")));
        }
        self.calls.insert(name.into());
        self.splits |= matches!(name, "split" | "findAll");
        if functions::TAKE_PATTERN.contains(&name) {
            match call.args.get_mut(usize::from(call.target.is_none())) {
                Some(IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }) => *text = translated(text.inner())?,
                _ => return Err(unknown("it makes up a regular expression")),
            }
        }
        if let Some(target) = &mut call.target {
            self.expression(target)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.expression(argument))
    }
}

fn translated(text: &str) -> Result<CelString<'static>, Unusable> {
    let because = |reason| unknown(format!("its regular expression cannot be used: {reason}"));
    // Compiled here, too, so that one which is too large is found before any object.
    pattern::Patterns::default().compiled(text).map_err(because)?;
    pattern::translated(text).map(CelString::from).map_err(because)
}

impl Expression {
    /// Whether the rule may see a value that the API server hands it as a time, as a duration, or as the bytes of base64.
    fn reaches_converted(&self, schema: &Schema) -> bool {
        is_converted(schema) || self.reaches_below(schema)
    }

    fn reaches_below(&self, schema: &Schema) -> bool {
        let named = |name: &str| self.words.iter().any(|word| **word == *name);
        let reaches = |(name, property): &(Box<str>, Schema)| {
            is_converted(property) && escaped(name).is_some_and(|escaped| named(&escaped) || named(name)) || self.reaches_below(property)
        };
        schema.properties.iter().any(reaches)
            || schema.items.as_deref().is_some_and(|items| self.reaches_below(items))
            || matches!(&schema.additional, Additional::Fitting(schema) if self.reaches_below(schema))
    }
}

/// Whether the API server hands rules another type than the one that is written.
fn is_converted(schema: &Schema) -> bool {
    let format = schema.limits.as_ref().and_then(|limits| limits.format);
    let is_one = |format: Format| ["byte", "date", "datetime", "duration"].contains(&format.name);
    schema.kind == Some(Kind::Text) && format.is_some_and(is_one)
        || schema.items.as_deref().is_some_and(is_converted)
        || matches!(&schema.additional, Additional::Fitting(below) if is_converted(below))
}

/// What a rule says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The value may be.
    Holds,
    /// The value may not be.
    Refused,
    /// The rule ends with an error, so the API server refuses the value.
    Fails(String),
    /// The rule could not be evaluated.
    NotChecked(String),
}

/// A value as rules see it.
#[derive(Debug)]
pub(super) struct Subject {
    value: cel::Value,
    nodes: u64,
    bytes: u64,
}

impl Subject {
    /// The value of a node; `is_object` where it is a whole object with `apiVersion`, `kind` and `metadata`.
    pub(super) fn new(node: &Node, schema: &Schema, is_object: bool) -> Subject {
        let mut subject = Subject { value: cel::Value::Null, nodes: 0, bytes: 0 };
        subject.value = subject.convert(node, Some(schema), is_object);
        subject
    }

    fn text(&mut self, text: &str) -> Arc<String> {
        self.bytes += text.len() as u64;
        Arc::new(text.to_owned())
    }

    fn convert(&mut self, node: &Node, schema: Option<&Schema>, is_object: bool) -> cel::Value {
        self.nodes += 1;
        match &node.value {
            Value::Null => cel::Value::Null,
            Value::Boolean(value) => cel::Value::Bool(*value),
            #[expect(clippy::cast_precision_loss, reason = "the API server makes a float of it, too")]
            Value::Integer(value) if schema.is_some_and(|schema| schema.kind == Some(Kind::Number)) => cel::Value::Float(*value as f64),
            Value::Integer(value) => cel::Value::Int(*value),
            Value::Float(value) => cel::Value::Float(*value),
            Value::String(text) => cel::Value::String(self.text(text)),
            Value::List(items) => {
                let below = schema.and_then(|schema| schema.items.as_deref());
                let items = items.iter().map(|item| self.convert(item, below, false)).collect();
                cel::Value::List(Arc::new(items))
            }
            Value::Map(_) => self.map(node, schema, is_object),
        }
    }

    fn map(&mut self, node: &Node, schema: Option<&Schema>, is_object: bool) -> cel::Value {
        let mut fields = HashMap::new();
        let declares = schema.is_some_and(|schema| !matches!(schema.additional, Additional::Fitting(_)));
        for (key, entry) in node.as_map().into_iter().flat_map(crate::yaml::Map::iter) {
            let field = schema.and_then(|schema| schema.field(key));
            let is_meta = is_object && META_FIELDS.contains(&key);
            if declares && field.is_none() && !is_meta {
                continue;
            }
            // A map has keys as they are; the names of declared fields must be words of CEL.
            let Some(name) = (if declares { escaped(key) } else { Some(key.to_owned()) }) else { continue };
            let value = if is_meta && key == "metadata" { self.metadata(&entry.node) } else { self.convert(&entry.node, field, false) };
            fields.insert(Key::String(self.text(&name)), value);
        }
        cel::Value::Map(CelMap { map: Arc::new(fields) })
    }

    /// Rules see nothing of an object's metadata but its name.
    fn metadata(&mut self, node: &Node) -> cel::Value {
        let mut fields = HashMap::new();
        for name in ["name", "generateName"] {
            if let Some(value) = node.get(name) {
                fields.insert(Key::String(self.text(name)), self.convert(value, None, false));
            }
        }
        cel::Value::Map(CelMap { map: Arc::new(fields) })
    }

    /// What a rule says of the value.
    pub(super) fn check(&self, expression: &Expression) -> Verdict {
        if self.is_too_large(expression) {
            return Verdict::NotChecked("the value is too large for it".to_owned());
        }
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value("self", self.value.clone());
        match cel::Value::resolve(&expression.tree, &context) {
            Ok(cel::Value::Bool(true)) => Verdict::Holds,
            Ok(cel::Value::Bool(false)) => Verdict::Refused,
            Ok(_) => Verdict::NotChecked("it gives neither true nor false".to_owned()),
            Err(ExecutionError::NoSuchKey(name)) => Verdict::Fails(format!("there is no `{name}`")),
            Err(ExecutionError::IndexOutOfBounds(_)) => Verdict::Fails("a list is too short".to_owned()),
            Err(ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_)) => Verdict::Fails("a division by zero".to_owned()),
            Err(ExecutionError::FunctionError { function, .. }) => Verdict::Fails(format!("`{function}` cannot take what it is given")),
            Err(_) => Verdict::NotChecked("it could not be evaluated".to_owned()),
        }
    }

    fn is_too_large(&self, expression: &Expression) -> bool {
        let text = if expression.splits { self.bytes } else { self.bytes / PIECE };
        let weight = self.nodes.saturating_add(text).saturating_add(expression.size);
        match expression.loops {
            0 => weight > MAX_WEIGHT,
            loops => weight > MAX_LOOP_WEIGHT || weight.saturating_pow(loops) > MAX_WEIGHT.max(weight),
        }
    }
}

/// A field's name as CEL writes it; None where it has none.
fn escaped(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.contains("__") {
        return Some(name.to_owned());
    }
    let mut escaped = String::with_capacity(name.len() + 16);
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        let (text, width) = match character {
            '_' if rest.starts_with("__") => ("__underscores__", 2),
            '.' => ("__dot__", 1),
            '-' => ("__dash__", 1),
            '/' => ("__slash__", 1),
            other if other.is_ascii_alphanumeric() || other == '_' => (&rest[..1], 1),
            _ => return None,
        };
        escaped.push_str(text);
        rest = &rest[width..];
    }
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn schema() -> Schema {
        Schema { kind: Some(Kind::Object), keeps_unknown: true, ..Schema::default() }
    }

    fn verdict(rule: &str, value: &str) -> Verdict {
        let node = read(value, 0, Keys::AsKubernetes).expect(value).remove(0);
        Subject::new(&node, &schema(), false).check(&compile(rule, &Schema::default()).expect(rule))
    }

    #[test]
    fn no_rule_ends_the_program() {
        let many = |text: &str| text.repeat(MAX_RULE / text.len());
        let nested = |open: &str, close: &str| {
            let count = MAX_RULE / (open.len() + close.len()) - 2;
            format!("{}self{}", open.repeat(count), close.repeat(count))
        };
        for rule in [
            nested("(", ")"),
            nested("[", "]"),
            nested("{1:", "}"),
            nested("size(", ")"),
            nested("self[", "]"),
            nested("[1].all(x,", ")"),
            many("("),
            many("!"),
            many("-"),
            many("self+"),
            many("self."),
            many("self&&"),
            many("self?self:"),
            many("'"),
            many("\\"),
            format!("{}self", many("!").split_at(MAX_RULE - 4).0),
            format!("{}self", many("self+").split_at(MAX_RULE / 5 * 5 - 5).0),
            format!("{}self", many("self?self:").split_at(MAX_RULE / 10 * 10 - 10).0),
            format!("self{}", many(".self").split_at(MAX_RULE / 5 * 5 - 5).0),
        ] {
            if let Ok(expression) = compile(&rule, &Schema::default()) {
                let subject = Subject::new(&crate::yaml::Node::from(serde_json::json!({"a": 1})), &schema(), false);
                drop(subject.check(&expression));
            }
        }
    }

    #[test]
    fn what_a_tree_may_hold_is_evaluated_on_any_stack() {
        // Test threads have the smallest stack that the program's own threads have.
        let lists = usize::try_from(MAX_DEPTH).expect("small") - 3;
        let deep = |levels: usize| format!("size({}self{}) == 1", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(verdict(&deep(lists), "{a: true}"), Verdict::Holds);
        assert_eq!(compile(&deep(lists + 1), &Schema::default()).err(), Some(unknown("it is nested too deep")));
        let nested = (0..14).fold("true".to_owned(), |inner, number| format!("[1].all(x{number}, {inner})"));
        assert_eq!(compile(&nested, &Schema::default()).expect("a rule").loops, 14);
        assert_eq!(verdict(&nested, "{}"), Verdict::NotChecked("the value is too large for it".to_owned()));
    }

    #[test]
    fn names_of_fields_are_written_as_in_cel() {
        for (name, expected) in [
            ("plain", Some("plain")),
            ("namespace", Some("__namespace__")),
            ("a-b.c/d", Some("a__dash__b__dot__c__slash__d")),
            ("a__b", Some("a__underscores__b")),
            ("1a", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(escaped(name).as_deref(), expected, "{name}");
        }
    }
}
