//! Values that people give to something of their own, against a schema of their own: the same structural schemas as in
//! CustomResourceDefinitions, with the same defaults and the same strictness.

use super::flaw::{CrdFlaw, Trail};
use super::pattern::Patterns;
use super::schema::{Compiler, Schema};
use super::{rules, shape, values};
use crate::yaml::{At, Entry, Map, Node, Value};

/// The field in which schema and values stand: it begins every path and every message.
const FIELD: &str = "values";

/// What keeps a schema from being used: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableSchema {
    /// Where in the file.
    pub at: At,
    /// What is wrong: lower case, no final period.
    pub message: String,
}

/// The schema of a map of values, compiled.
#[derive(Debug)]
pub struct ValuesSchema {
    schema: Schema,
}

impl ValuesSchema {
    /// Compiles a schema, which must be one of a map. A rule in CEL that cannot be evaluated makes it unusable: nobody
    /// would know that it is never asked.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(node: &Node) -> Result<ValuesSchema, Vec<UnusableSchema>> {
        if node.get_str("type") != Some("object") {
            let message = "a schema of values begins with `type: object`".to_owned();
            return Err(vec![UnusableSchema { at: node.at, message }]);
        }
        let text = |text: &str| Node { at: node.at, value: Value::String(text.into()) };
        let properties = wrapped(FIELD, node.clone());
        let root = map(node.at, [("properties", properties), ("type", text("object"))]);
        let mut patterns = Patterns::default();
        let mut compiler = Compiler::new(&mut patterns, FIELD);
        let schema = compiler.root(&root);
        let flaws = compiler.flaws.into_iter().map(|flaw| UnusableSchema { at: flaw.at, message: flaw.message });
        let unchecked = compiler.unchecked.into_iter().map(|rule| UnusableSchema {
            at: rule.at,
            message: format!("the rule `{}` cannot be evaluated here: {}", rule.rule, rule.reason),
        });
        let problems: Vec<UnusableSchema> = flaws.chain(unchecked).collect();
        if problems.is_empty() { Ok(ValuesSchema { schema }) } else { Err(problems) }
    }

    /// The values with defaults filled in, and everything that is wrong with them; paths begin with `values`.
    pub fn check(&self, given: Node) -> (Node, Vec<CrdFlaw>) {
        let mut flaws = Vec::new();
        let at = given.at;
        let mut shaped = shape::shaped(&wrapped(FIELD, given), &self.schema, &mut flaws);
        let known = flaws.len();
        values::check(&shaped, &self.schema, &mut flaws);
        if flaws.len() == known && self.schema.has_rules {
            rules(&shaped, &self.schema, &Trail::Root, false, &mut flaws);
        }
        let filled = shaped.as_map_mut().and_then(|map| map.remove(FIELD)).map(|entry| entry.node);
        (filled.unwrap_or_else(|| map(at, [])), flaws)
    }
}

fn wrapped(key: &str, node: Node) -> Node {
    map(node.at, [(key, node)])
}

fn map<const N: usize>(at: At, entries: [(&str, Node); N]) -> Node {
    let entries = entries.into_iter().map(|(key, node)| (key.into(), Entry { key: node.at, node })).collect();
    // The keys are ours, and differ.
    Node { at, value: Value::Map(Map::new(entries).unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::crd::CrdFlawKind;
    use crate::yaml::{Keys, read};

    fn node(text: &str) -> Node {
        read(text, 0, Keys::AsKubernetes).expect(text).remove(0)
    }

    fn schema(text: &str) -> ValuesSchema {
        ValuesSchema::compile(&node(text)).expect(text)
    }

    #[test]
    fn defaults_are_filled_in_also_below() {
        let schema = schema(
            "{type: object, properties: {port: {type: integer, default: 9000}, from: {type: object, default: {}, properties: {app: {type: string, default: web}}}}}",
        );
        let (filled, flaws) = schema.check(node("{}"));
        assert_eq!(flaws, []);
        assert_eq!(filled.to_json(), serde_json::json!({"from": {"app": "web"}, "port": 9000}));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_path() {
        let schema = schema("{type: object, required: [name], properties: {name: {type: string, maxLength: 3}, port: {type: integer}}}");
        let told = |text: &str| -> Vec<(String, CrdFlawKind, String)> {
            let (_, flaws) = schema.check(node(text));
            flaws.into_iter().map(|flaw| (flaw.path.to_string(), flaw.kind, flaw.message)).collect()
        };
        assert_eq!(told("{name: abc}"), []);
        assert_eq!(
            told("{name: abc, prot: 1}"),
            [("values.prot".to_owned(), CrdFlawKind::UnknownField, "there is no field `prot` here (`values.prot`)".to_owned())]
        );
        assert_eq!(told("{}"), [("values".to_owned(), CrdFlawKind::MissingField, "`values` needs the field `name`".to_owned())]);
        // Nothing is let through because every object of Kubernetes has it.
        assert_eq!(told("{name: abc, metadata: {}}").len(), 1);
        assert_eq!(told("{name: abcd}")[0].1, CrdFlawKind::BadValue);
        assert_eq!(told("{name: abc, port: x}")[0].1, CrdFlawKind::WrongType);
    }

    #[test]
    fn rules_in_cel_see_the_values() {
        let schema = schema(
            "{type: object, properties: {least: {type: integer}, most: {type: integer}}, x-kubernetes-validations: [{rule: 'self.least <= self.most', message: least is more than most}]}",
        );
        assert_eq!(schema.check(node("{least: 1, most: 2}")).1, []);
        let (_, flaws) = schema.check(node("{least: 3, most: 2}"));
        assert_eq!(flaws.len(), 1);
        assert!(flaws[0].message.contains("least is more than most"), "{flaws:?}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused_where_it_is_wrong() {
        let refused = |text: &str| ValuesSchema::compile(&node(text)).expect_err(text).remove(0);
        assert_eq!(refused("{type: string}").message, "a schema of values begins with `type: object`");
        assert_eq!(refused("type: object\nproperties:\n  a: {type: text}\n").at.line, 3);
        assert_eq!(refused("type: object\nproperties:\n  a: {}\n").at.line, 3);
        assert_eq!(refused("{type: object, properties: {a: {$ref: '#/x'}}}").at.line, 1);
        assert!(refused("{type: object, x-kubernetes-validations: [{rule: 'no(such'}]}").message.contains("no(such"));
    }
}
