//! Objects against CustomResourceDefinitions, as strictly as `kubectl apply --validate=strict` and the API server behind
//! it: unknown fields, types, limits, formats, lists that are sets or maps, and rules in CEL.
//!
//! The room knows files only by name and content, and objects only as nodes. What stands in `metadata` is not looked at.
//! Schemas are compiled once; a catalog can be shared between threads.

mod expressions;
mod flaw;
mod formats;
mod functions;
mod load;
mod parameters;
mod pattern;
mod schema;
mod shape;
mod values;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::finding::Finding;
use crate::yaml::{Entry, Map, Node, Value};

use expressions::{Subject, Verdict};
use flaw::Trail;
use schema::{Additional, Rule, Schema};

pub use flaw::{CrdFlaw, CrdFlawKind};
pub use parameters::{UnusableSchema, ValuesSchema};
pub use schema::UncheckedRule;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Beside all namespaces.
    Cluster,
}

/// What came out of checking an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// No definition has this group and kind, or the object does not say what it is.
    UnknownKind,
    /// There is a definition, but it does not serve this version.
    UnknownVersion {
        /// The versions that it serves, in its own order.
        served: Vec<String>,
    },
    /// The object was checked; no flaws means that the API server takes it.
    Flaws(Vec<CrdFlaw>),
}

/// The kinds that a folder of CustomResourceDefinitions defines.
#[derive(Debug, Default)]
pub struct CrdCatalog {
    kinds: BTreeMap<(String, String), Definition>,
}

#[derive(Debug)]
struct Definition {
    file: Utf8PathBuf,
    line: u32,
    scope: Scope,
    versions: Vec<Version>,
    unchecked: Vec<UncheckedRule>,
}

#[derive(Debug)]
struct Version {
    name: String,
    served: bool,
    deprecation: Option<String>,
    /// Whether what is applied has no part in `status`.
    has_status: bool,
    schema: Schema,
}

impl CrdCatalog {
    /// Reads the definitions out of files: a path for messages, and the content. Files without `.yaml`, `.yml` or `.json`,
    /// and documents that are no CustomResourceDefinition, are passed over. A definition that cannot be used is a finding
    /// (`crd-invalid`), and the others are read all the same.
    pub fn new(files: impl IntoIterator<Item = (Utf8PathBuf, Vec<u8>)>) -> (CrdCatalog, Vec<Finding>) {
        let mut loader = load::Loader::default();
        for (file, bytes) in files {
            loader.file(&file, &bytes);
        }
        (CrdCatalog { kinds: loader.kinds }, loader.findings)
    }

    /// Whether nothing is defined.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The kinds that are defined, as group and kind, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(group, kind)| (group.as_str(), kind.as_str()))
    }

    fn definition(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.kinds.get(&(group.to_owned(), kind.to_owned()))
    }

    /// Whether objects of a kind live in namespaces; None for a kind that is not defined.
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        self.definition(group, kind).map(|definition| definition.scope)
    }

    /// What the definition says about a served version that is deprecated; None for any other one.
    pub fn deprecation(&self, group: &str, version: &str, kind: &str) -> Option<&str> {
        let versions = &self.definition(group, kind)?.versions;
        versions.iter().find(|known| known.name == version && known.served)?.deprecation.as_deref()
    }

    /// The file that defines a kind, and the line in it where the definition begins.
    pub fn place(&self, group: &str, kind: &str) -> Option<(&camino::Utf8Path, u32)> {
        self.definition(group, kind).map(|definition| (definition.file.as_path(), definition.line))
    }

    /// The rules in CEL of a kind that are never evaluated; tell them once, as not checked.
    pub fn unchecked_rules(&self, group: &str, kind: &str) -> &[UncheckedRule] {
        self.definition(group, kind).map_or(&[], |definition| &definition.unchecked)
    }

    /// Checks an object that is made anew.
    pub fn check(&self, object: &Node) -> Checked {
        let Some((api_version, kind)) = object.get_str("apiVersion").zip(object.get_str("kind")) else { return Checked::UnknownKind };
        let Some((group, version)) = api_version.split_once('/') else { return Checked::UnknownKind };
        let Some(definition) = self.definition(group, kind) else { return Checked::UnknownKind };
        match definition.versions.iter().find(|known| known.name == version && known.served) {
            Some(version) => Checked::Flaws(version.check(object)),
            None => {
                let served = definition.versions.iter().filter(|version| version.served).map(|version| version.name.clone());
                Checked::UnknownVersion { served: served.collect() }
            }
        }
    }
}

impl Version {
    fn check(&self, object: &Node) -> Vec<CrdFlaw> {
        let mut flaws = Vec::new();
        let mut shaped = shape::shaped(object, &self.schema, &mut flaws);
        if self.has_status
            && let Value::Map(map) = &mut shaped.value
        {
            // Status is told by controllers; who applies an object has no say in it.
            map.remove("status");
        }
        let known = flaws.len();
        values::check(&shaped, &self.schema, &mut flaws);
        // Rules are written for values that fit their schema.
        if flaws.len() == known && self.schema.has_rules {
            rules(&shaped, &self.schema, &Trail::Root, true, &mut flaws);
        }
        flaws
    }
}

/// Evaluates the rules of a schema and of all below it.
fn rules(node: &Node, schema: &Schema, trail: &Trail<'_>, is_object: bool, flaws: &mut Vec<CrdFlaw>) {
    if !schema.has_rules || node.value == Value::Null {
        return;
    }
    if !schema.rules.is_empty() {
        let subject = Subject::new(node, schema, is_object || schema.embedded);
        flaws.extend(schema.rules.iter().filter_map(|rule| refusal(rule, &subject, trail)));
    }
    match &node.value {
        Value::Map(map) => {
            for (key, Entry { node, .. }) in Map::iter(map) {
                let additional = if let Additional::Fitting(schema) = &schema.additional { Some(&**schema) } else { None };
                if let Some(field) = schema.property(key).or(additional) {
                    rules(node, field, &Trail::Key(trail, key), false, flaws);
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(below) = &schema.items {
                    rules(item, below, &Trail::Index(trail, index), false, flaws);
                }
            }
        }
        _ => {}
    }
}

fn refusal(rule: &Rule, subject: &Subject, trail: &Trail<'_>) -> Option<CrdFlaw> {
    let shown = trail.shown();
    let source = schema::shortened(&rule.source);
    let (kind, message) = match subject.check(&rule.expression) {
        Verdict::Holds => return None,
        Verdict::Refused => {
            let reason = rule.message.as_deref().map_or_else(|| format!("failed rule: {source}"), str::to_owned);
            (CrdFlawKind::RuleRefused, format!("{shown} is refused by its definition: {reason}"))
        }
        Verdict::Fails(reason) => (CrdFlawKind::RuleRefused, format!("{shown} is refused, as a rule of its definition fails: {reason}")),
        Verdict::NotChecked(reason) => {
            (CrdFlawKind::NotChecked, format!("{shown} was not checked against a rule of its definition: {reason}"))
        }
    };
    Some(CrdFlaw { path: trail.path(), kind, message, help: Some(format!("the rule is `{source}`")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Keys, read};

    fn node(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect(text).remove(0)
    }

    /// A definition with one version whose `spec` has the given schema, in flow style.
    fn definition(spec: &str) -> String {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  group: g.dev\n  scope: Cluster\n  names: {{kind: Thing}}\n  versions:\n    - name: v1\n      served: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec: {spec}\n"
        )
    }

    fn catalog(text: &str) -> (CrdCatalog, Vec<Finding>) {
        CrdCatalog::new([("crds/thing.yaml".into(), text.as_bytes().to_vec())])
    }

    fn messages(schema: &str, spec: &str) -> Vec<String> {
        let (catalog, findings) = catalog(&definition(schema));
        assert_eq!(findings, [], "{schema}");
        assert_eq!(catalog.unchecked_rules("g.dev", "Thing"), [], "{schema}");
        match catalog.check(&node(&format!("apiVersion: g.dev/v1\nkind: Thing\nmetadata: {{name: a, x: 1}}\nspec: {spec}\n"))) {
            Checked::Flaws(flaws) => flaws.into_iter().map(|flaw| flaw.message).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// The schema takes the first value, and says so of the second one.
    fn differ(schema: &str, good: &str, bad: &str, message: &str) {
        assert_eq!(messages(schema, good), [""; 0], "{schema} takes {good}");
        assert_eq!(messages(schema, bad), [message], "{schema} refuses {bad}");
    }

    #[test]
    fn types_are_told_in_words() {
        differ("{type: string}", "x", "1", "`spec`: a string is expected here, and this is the number 1");
        differ("{type: integer}", "1.0", "1.5", "`spec`: a whole number is expected here, and this is the number 1.5");
        differ("{type: number}", "1.5", "'1'", "`spec`: a number is expected here, and this is the string `1`");
        differ("{type: boolean}", "yes", "'yes'", "`spec`: `true` or `false` is expected here, and this is the string `yes`");
        differ("{type: array, items: {type: string}}", "[a]", "[a, 1]", "`spec[1]`: a string is expected here, and this is the number 1");
        differ("{type: object}", "{}", "[]", "`spec`: a map is expected here, and this is a list");
        differ(
            "{x-kubernetes-int-or-string: true}",
            "10%",
            "1.5",
            "`spec`: a whole number or a string is expected here, and this is the number 1.5",
        );
        differ("{type: number}", "1", ".nan", "`spec`: NaN is no number that JSON has");
    }

    #[test]
    fn fields_are_known_and_there() {
        let schema = "{type: object, required: [name], properties: {name: {type: string}, duration: {type: string}}}";
        differ(schema, "{name: a}", "{name: a, duratoin: 1h}", "there is no field `duratoin` here (`spec.duratoin`)");
        differ(schema, "{name: a}", "{}", "`spec` needs the field `name`");
        // Null is dropped where nothing may be null, so it is missing.
        differ(schema, "{name: a, duration: null}", "{name: null}", "`spec` needs the field `name`");
        differ("{type: string, nullable: true}", "null", "1", "`spec`: a string is expected here, and this is the number 1");
        let fits = "{type: object, additionalProperties: {type: integer}}";
        differ(fits, "{a: 1}", "{a: x}", "`spec.a`: a whole number is expected here, and this is the string `x`");
        differ("{type: object, additionalProperties: true}", "{a: [1]}", "{a: {b: 1}}", "there is no field `b` here (`spec.a.b`)");
        let keeps =
            "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: object, properties: {b: {type: string}}}}}";
        differ(keeps, "{x: {z: 1}, a: {b: z}}", "{a: {c: 1}}", "there is no field `c` here (`spec.a.c`)");
        let embedded = "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}";
        differ(embedded, "{apiVersion: v1, kind: Pod, metadata: {name: a}, more: 1}", "{apiVersion: v1}", "`spec` needs the field `kind`");
        let filled = "{type: object, required: [a], properties: {a: {type: string, default: x}, b: {type: string}}}";
        differ(filled, "{b: z}", "{a: 1}", "`spec.a`: a string is expected here, and this is the number 1");
    }

    #[test]
    fn the_nearest_field_is_offered() {
        let (catalog, _) = catalog(&definition("{type: object, properties: {duration: {type: string}}}"));
        let Checked::Flaws(flaws) = catalog.check(&node("apiVersion: g.dev/v1\nkind: Thing\nspec: {duratoin: 1}\nsepc: {}\n")) else {
            panic!("known")
        };
        let told: Vec<_> = flaws.iter().map(|flaw| (flaw.path.to_string(), flaw.kind, flaw.help.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("sepc".to_owned(), CrdFlawKind::UnknownField, Some("did you mean `spec`?")),
                ("spec.duratoin".to_owned(), CrdFlawKind::UnknownField, Some("did you mean `duration`?")),
            ]
        );
    }

    #[test]
    fn limits_are_told_with_both_numbers() {
        differ("{type: integer, minimum: 2}", "2", "1", "`spec` is `1`, and it must be 2 or more");
        differ("{type: integer, minimum: 2, exclusiveMinimum: true}", "3", "2", "`spec` is `2`, and it must be more than 2");
        differ("{type: integer, maximum: 2}", "2", "3", "`spec` is `3`, and it must be 2 or less");
        differ("{type: number, maximum: 2, exclusiveMaximum: true}", "1.5", "2", "`spec` is `2`, and it must be less than 2");
        differ("{type: integer, multipleOf: 3}", "6", "7", "`spec` is `7`, and it must be a multiple of 3");
        differ("{type: number, multipleOf: 0.1}", "0.3", "0.35", "`spec` is `0.35`, and it must be a multiple of 0.1");
        differ("{type: string, minLength: 2}", "äö", "ä", "`spec` has 1 character, and it needs 2 characters or more");
        differ("{type: string, maxLength: 2}", "äö", "äöü", "`spec` has 3 characters, and it takes 2 characters at most");
        let list = "{type: array, minItems: 1, maxItems: 2, items: {type: integer}}";
        differ(list, "[1]", "[]", "`spec` has 0 items, and it needs 1 item or more");
        differ(list, "[1, 1]", "[1, 2, 3]", "`spec` has 3 items, and it takes 2 items at most");
        let map = "{type: object, minProperties: 1, maxProperties: 1, additionalProperties: {type: string}}";
        differ(map, "{a: x}", "{}", "`spec` has 0 fields, and it needs 1 field or more");
        differ(map, "{a: x}", "{a: x, b: x}", "`spec` has 2 fields, and it takes 1 field at most");
        differ("{type: string, enum: [a, b]}", "a", "c", "`spec` is `c`, and it must be one of `a`, `b`");
        differ("{type: integer, enum: [1, 2.0]}", "2", "3", "`spec` is `3`, and it must be one of `1`, `2.0`");
        differ(r"{type: string, pattern: '^\d+$'}", "'12'", "x1", r"`spec` is `x1`, and it must match `^\d+$`");
        differ("{type: string, format: ipv4}", "10.0.0.1", "10.0.0", "`spec` is `10.0.0`, and it must be an IPv4 address");
        let broken = "`spec` has a line break or a space inside, and the API server takes base64 only without";
        differ("{type: string, format: byte}", "Cg==", "\"Cg==\\n\"", broken);
    }

    #[test]
    fn lists_that_are_sets_or_maps_hold_each_item_once() {
        let set = "{type: array, x-kubernetes-list-type: set, items: {type: string}}";
        differ(set, "[a, b]", "[a, b, a]", "`spec[2]` is there already, at index 0");
        let fields = "{type: object, properties: {name: {type: string}, port: {type: integer}}}";
        let map = format!("{{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name, port], items: {fields}}}");
        differ(
            &map,
            "[{name: a}, {name: a, port: 1}]",
            "[{name: a, port: 1}, {name: a, port: 1}]",
            "`spec[1]` has `name: a` and `port: 1`, which is there already, at index 0",
        );
    }

    #[test]
    fn alternatives_tell_what_each_of_them_lacks() {
        let fields = "type: object, properties: {a: {type: string}, b: {type: string}}";
        let any = format!("{{{fields}, anyOf: [{{required: [a]}}, {{required: [b]}}]}}");
        differ(
            &any,
            "{a: x, b: x}",
            "{}",
            "`spec` fits none of the alternatives: `spec` needs the field `a`; or: `spec` needs the field `b`",
        );
        let one = format!("{{{fields}, oneOf: [{{required: [a]}}, {{required: [b]}}]}}");
        differ(&one, "{a: x}", "{a: x, b: x}", "`spec` fits 2 of the alternatives, and it must fit exactly one");
        let all = format!("{{{fields}, allOf: [{{required: [a]}}, {{properties: {{a: {{maxLength: 1}}}}}}]}}");
        differ(&all, "{a: x}", "{a: xx}", "`spec.a` has 2 characters, and it takes 1 character at most");
        let not = format!("{{{fields}, not: {{required: [a]}}}}");
        differ(&not, "{b: x}", "{a: x}", "`spec` is what it must not be (`not` in the schema)");
    }

    #[test]
    fn rules_are_evaluated_with_their_message() {
        let schema = "{type: object, properties: {a: {type: string}, b: {type: string}}, x-kubernetes-validations: [{rule: '[has(self.a), has(self.b)].filter(x, x == true).size() <= 1', message: only one of a and b}]}";
        differ(schema, "{a: x}", "{a: x, b: x}", "`spec` is refused by its definition: only one of a and b");
        let bare = "{type: integer, x-kubernetes-validations: [{rule: 'self % 2 == 0'}]}";
        differ(bare, "2", "3", "`spec` is refused by its definition: failed rule: self % 2 == 0");
        let failing = "{type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: \"self.a == 'x'\"}]}";
        differ(failing, "{a: x}", "{}", "`spec` is refused, as a rule of its definition fails: there is no `a`");
        // What does not fit its schema is not handed to rules.
        assert_eq!(messages(bare, "x").len(), 1);
        // Nothing was there before, so nothing has changed.
        assert_eq!(messages("{type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}", "x"), [""; 0]);
    }

    #[test]
    fn a_rule_that_is_not_known_is_told_once_per_kind_and_refuses_nothing() {
        for (schema, reason) in [
            ("{type: string, x-kubernetes-validations: [{rule: 'isSemver(self)'}]}", "`isSemver`"),
            ("{type: string, x-kubernetes-validations: [{rule: 'quantity(self).isGreaterThan(quantity(\"1\"))'}]}", "`isGreaterThan`"),
            ("{type: string, x-kubernetes-validations: [{rule: 'ip.isCanonical(self)'}]}", "`isCanonical`"),
            ("{type: string, x-kubernetes-validations: [{rule: 'string(duration(self)) == self'}]}", "turns a duration"),
            ("{type: string, x-kubernetes-validations: [{rule: 'self ==='}]}", "read as CEL"),
            ("{type: string, x-kubernetes-validations: [{rule: 'other == self'}]}", "`other`"),
            ("{type: string, x-kubernetes-validations: [{rule: 'self.matches(self)'}]}", "regular expression"),
            ("{type: string, x-kubernetes-validations: [{rule: \"self.matches('(?=a)')\"}]}", "regular expression"),
            (
                "{type: string, format: date-time, x-kubernetes-validations: [{rule: \"self > timestamp('2026-01-01T00:00:00Z')\"}]}",
                "`timestamp`",
            ),
            (
                "{type: object, properties: {at: {type: string, format: duration}}, x-kubernetes-validations: [{rule: \"self.at != 'x'\"}]}",
                "a time",
            ),
            ("{type: string, x-kubernetes-validations: [{rule: 'oldSelf.hasValue()', optionalOldSelf: true}]}", "former state"),
        ] {
            let (catalog, findings) = catalog(&definition(schema));
            assert_eq!(findings, [], "{schema}");
            let [unchecked] = catalog.unchecked_rules("g.dev", "Thing") else { panic!("{schema}") };
            assert!(unchecked.reason.contains(reason), "{schema}: {}", unchecked.reason);
            assert_eq!((unchecked.path.as_str(), unchecked.version.as_str()), ("spec", "v1"));
            let Checked::Flaws(flaws) = catalog.check(&node("apiVersion: g.dev/v1\nkind: Thing\nspec: x\n")) else { panic!("{schema}") };
            assert!(flaws.iter().all(|flaw| matches!(flaw.kind, CrdFlawKind::WrongType | CrdFlawKind::BadValue)), "{flaws:?}");
        }
    }

    #[test]
    fn a_value_too_large_for_a_rule_is_told_and_costs_little() {
        let schema = "{type: array, items: {type: integer}, x-kubernetes-validations: [{rule: 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))'}]}";
        assert_eq!(messages(schema, "[1, 2, 3]"), [""; 0]);
        let large = format!("[{}]", "1, ".repeat(2_000));
        assert_eq!(messages(schema, &large), ["`spec` was not checked against a rule of its definition: the value is too large for it"]);
    }

    #[test]
    fn an_object_that_is_made_to_cost_much_is_told_as_not_checked() {
        let alternatives = "{required: [a]}, ".repeat(400);
        let schema = format!("{{type: array, items: {{type: object, properties: {{a: {{type: string}}}}, anyOf: [{alternatives}]}}}}");
        let told = messages(&schema, &format!("[{}]", "{}, ".repeat(20_000)));
        assert!(told.iter().any(|message| message.contains("was not checked to its end")), "{:?}", told.last());
        let defaults: String = (0..100).map(|number| format!("a{number}: {{type: string, default: x}}, ")).collect();
        let schema = format!("{{type: array, items: {{type: object, properties: {{{defaults}}}}}}}");
        let told = messages(&schema, &format!("[{}]", "{}, ".repeat(2_000)));
        assert_eq!(told, ["the object was not checked with all of its defaults: there are more than 100000"]);
    }

    #[test]
    fn versions_and_kinds_are_told_apart() {
        let text = definition("{type: string}");
        let text = text.replace(
            "    - name: v1\n      served: true\n",
            "    - name: v1alpha1\n      served: false\n      schema: {openAPIV3Schema: {type: object}}\n    - name: v1beta1\n      served: true\n      deprecated: true\n      deprecationWarning: use v1\n      schema: {openAPIV3Schema: {type: object}}\n    - name: v1\n      served: true\n      subresources: {status: {}}\n",
        );
        let (catalog, findings) = catalog(&text);
        assert_eq!(findings, []);
        assert_eq!(catalog.kinds().collect::<Vec<_>>(), [("g.dev", "Thing")]);
        assert_eq!(catalog.scope("g.dev", "Thing"), Some(Scope::Cluster));
        assert_eq!(catalog.deprecation("g.dev", "v1beta1", "Thing"), Some("use v1"));
        assert_eq!(catalog.deprecation("g.dev", "v1", "Thing"), None);
        let check = |version: &str, kind: &str| catalog.check(&node(&format!("apiVersion: {version}\nkind: {kind}\nspec: x\n")));
        assert_eq!(check("g.dev/v1", "Thing"), Checked::Flaws(Vec::new()));
        for version in ["g.dev/v1alpha1", "g.dev/v2"] {
            assert_eq!(check(version, "Thing"), Checked::UnknownVersion { served: vec!["v1beta1".to_owned(), "v1".to_owned()] });
        }
        for (version, kind) in [("g.dev/v1", "Other"), ("h.dev/v1", "Thing"), ("v1", "Thing")] {
            assert_eq!(check(version, kind), Checked::UnknownKind);
        }
        assert_eq!(catalog.check(&node("a: 1\n")), Checked::UnknownKind);
    }

    #[test]
    fn what_the_api_server_refuses_in_a_definition_is_a_finding_with_its_place() {
        for (schema, message) in [
            ("{$ref: '#/definitions/x'}", "`$ref` stands in a schema"),
            ("{type: text}", "`type: text` is none of"),
            ("{}", "`spec` has no `type`"),
            ("[]", "a schema is a map"),
            ("{type: array}", "`spec` is a list without `items`"),
            ("{type: array, items: [{type: string}]}", "`items` is one schema"),
            ("{type: string, pattern: '('}", "`pattern: (` cannot be used"),
            (r"{type: string, pattern: '((\pL{999}){999}){999}'}", "too much memory"),
            ("{type: string, pattern: '(?!a)'}", "Go knows no group"),
            ("{type: string, minLength: '1'}", "`minLength` is a whole number, and this is a string"),
            ("{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}", "only one of them can"),
            ("{type: array, uniqueItems: true, items: {type: string}}", "`uniqueItems: true` is not allowed"),
            ("{type: string, anyOf: [{type: string}]}", "`type` cannot stand inside"),
            ("{type: object, not: {description: x}}", "`description` cannot stand inside"),
            ("{type: object, patternProperties: {a: {type: string}}}", "`patternProperties` is a keyword"),
            ("{type: array, x-kubernetes-list-type: map, items: {type: object}}", "needs `x-kubernetes-list-map-keys`"),
            ("{type: array, x-kubernetes-list-type: bag, items: {type: string}}", "is none of `atomic`"),
            ("{type: string, x-kubernetes-validations: [{message: x}]}", "needs `rule`"),
            ("{type: string, x-kubernetes-embedded-resource: true}", "needs `type: object`"),
        ] {
            let (catalog, findings) = catalog(&definition(schema));
            assert!(findings.iter().any(|finding| finding.message.contains(message)), "{schema}: {findings:?}");
            let Some(crate::finding::Place::File { file, line, column }) = findings.first().map(|finding| &finding.place) else {
                panic!("{schema}")
            };
            assert_eq!((file.as_str(), *line), ("crds/thing.yaml", 14), "{schema}");
            assert!(*column >= 19, "{schema}: {column}");
            assert!(findings.iter().all(|finding| finding.rule.code == "crd-invalid" && finding.help.is_some()));
            assert!(catalog.is_empty(), "{schema}");
        }
    }

    #[test]
    fn int_or_string_may_say_its_types_again() {
        let pattern = "x-kubernetes-int-or-string: true, pattern: '^[0-9]+%$'";
        differ(
            &format!("{{{pattern}, anyOf: [{{type: integer}}, {{type: string}}]}}"),
            "5",
            "x",
            "`spec` is `x`, and it must match `^[0-9]+%$`",
        );
        differ(
            &format!("{{{pattern}, allOf: [{{anyOf: [{{type: integer}}, {{type: string}}]}}]}}"),
            "5%",
            "x",
            "`spec` is `x`, and it must match `^[0-9]+%$`",
        );
    }

    #[test]
    fn other_documents_are_passed_over_and_one_bad_file_stops_no_other() {
        let good = definition("{type: string}");
        let other = good.replace("kind: Thing", "kind: Other");
        let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", other.trim_end().replace('\n', "\n  "));
        let files = [
            ("notes.md", "# notes"),
            ("a.yaml", "a: [\n"),
            ("b.yaml", "---\napiVersion: v1\nkind: ConfigMap\n---\n# nothing\n"),
            ("c.yaml", list.as_str()),
            ("d.yaml", good.as_str()),
            ("e.yaml", good.as_str()),
            ("f.yaml", "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\n"),
            ("g.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {}\n"),
        ];
        let (catalog, findings) = CrdCatalog::new(files.map(|(name, text)| (name.into(), text.as_bytes().to_vec())));
        assert_eq!(catalog.kinds().collect::<Vec<_>>(), [("g.dev", "Other"), ("g.dev", "Thing")]);
        assert_eq!(catalog.place("g.dev", "Thing"), Some(("d.yaml".into(), 1)));
        let told: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert!(told[0].starts_with("not valid YAML"), "{told:?}");
        assert_eq!(told[1], "`Thing` of the group `g.dev` is defined a second time; the first definition counts");
        assert!(told[2].contains("no API server since Kubernetes 1.22"), "{told:?}");
        assert_eq!(told[3], "the definition needs `names`, a map");
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn hostile_files_are_bounded() {
        let (_, findings) = CrdCatalog::new([("big.yaml".into(), vec![b'#'; 9 * 1024 * 1024])]);
        assert_eq!(findings[0].message, "the file has more than 8 MiB");
        let deep = format!("{}{{type: string}}{}", "{type: array, items: ".repeat(200), "}".repeat(200));
        let (_, findings) = catalog(&definition(&deep));
        assert!(findings[0].message.contains("nested deeper"), "{findings:?}");
        let rule = format!("{{type: string, x-kubernetes-validations: [{{rule: '{}self{}'}}]}}", "(".repeat(3_000), ")".repeat(3_000));
        let (catalog, findings) = catalog(&definition(&rule));
        assert_eq!((findings.len(), catalog.unchecked_rules("g.dev", "Thing").len()), (0, 1));
    }

    #[test]
    fn a_catalog_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<CrdCatalog>();
    }
}
