//! What templates see of the model, told from its types: as a JSON Schema, and as a list for people.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Model;

/// How deep the list goes; behind that stands what Kubernetes or a chart defines.
const MAX_DEPTH: usize = 6;

/// One thing that a template can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// How it is named: `issuers.<name>.url`, `certificates.<name>.dnsNames`.
    pub path: String,
    /// What it is, in words.
    pub kind: String,
    /// What it means: the first sentence of its description, empty where it has none.
    pub text: String,
}

/// The JSON Schema of what templates see of the model.
pub fn json_schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Model>().to_value()
}

/// Everything that a template can name, in the order of the model, what lies in something behind it.
pub fn variables() -> Vec<Variable> {
    let root = json_schema();
    let definitions: BTreeMap<&str, &Value> =
        root["$defs"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)).collect();
    let mut all = Vec::new();
    properties(&root, "", 0, &definitions, &mut all);
    all
}

fn properties(schema: &Value, path: &str, depth: usize, definitions: &BTreeMap<&str, &Value>, all: &mut Vec<Variable>) {
    if depth >= MAX_DEPTH {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let text = property["description"].as_str().unwrap_or_default();
        let (shape, is_nullable) = resolved(property, definitions);
        let is_there = schema["required"].as_array().into_iter().flatten().any(|required| required == name);
        let otherwise = match (is_there, is_nullable) {
            (false, _) => ", or absent",
            (true, true) => ", or null",
            (true, false) => "",
        };
        let kind = format!("{}{otherwise}", kind(shape, definitions));
        all.push(Variable { path: path.clone(), kind, text: first_sentence(text) });
        let (below, end) = match (&shape["additionalProperties"], &shape["items"]) {
            (entry @ Value::Object(_), _) => (resolved(entry, definitions).0, ".<name>"),
            (_, item @ Value::Object(_)) => (resolved(item, definitions).0, "[]"),
            _ => (shape, ""),
        };
        properties(below, &format!("{path}{end}"), depth + 1, definitions, all);
    }
}

/// A schema without references and without the possibility of null, and whether there was one.
fn resolved<'s>(schema: &'s Value, definitions: &BTreeMap<&str, &'s Value>) -> (&'s Value, bool) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return definitions.get(name).map_or((schema, false), |definition| resolved(definition, definitions));
    }
    let is_null = |schema: &Value| schema["type"] == "null";
    match schema["anyOf"].as_array() {
        Some(choices) if choices.iter().any(is_null) => {
            choices.iter().find(|choice| !is_null(choice)).map_or((schema, true), |choice| (resolved(choice, definitions).0, true))
        }
        _ => (schema, schema["type"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "null"))),
    }
}

fn kind(schema: &Value, definitions: &BTreeMap<&str, &Value>) -> String {
    let words: Vec<&str> = match schema["oneOf"].as_array() {
        Some(choices) => choices.iter().filter_map(|choice| choice["const"].as_str()).collect(),
        None => schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    if !words.is_empty() {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    }
    let name = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    let plural = |schema: &Value| match kind(resolved(schema, definitions).0, definitions).as_str() {
        "map" => "maps".to_owned(),
        "text" => "texts".to_owned(),
        other => other.to_owned(),
    };
    match (name, &schema["additionalProperties"], &schema["items"]) {
        (Some("object"), entry @ Value::Object(_), _) => format!("map of {}", plural(entry)),
        (Some("object"), ..) => "map".to_owned(),
        (Some("array"), _, item @ Value::Object(_)) => format!("list of {}", plural(item)),
        (Some("array"), ..) => "list".to_owned(),
        (Some("string"), ..) => "text".to_owned(),
        (Some("integer"), ..) => "whole number".to_owned(),
        (Some("boolean"), ..) => "`true` or `false`".to_owned(),
        (Some(other), ..) => other.to_owned(),
        (None, ..) => "anything".to_owned(),
    }
}

/// The first sentence, or what stands before the first line break.
fn first_sentence(text: &str) -> String {
    let text = text.split('\n').collect::<Vec<_>>().join(" ");
    text.split_inclusive(". ").next().unwrap_or_default().trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_templates_name_is_in_the_list_with_its_type() {
        let all = variables();
        let kind = |path: &str| all.iter().find(|variable| variable.path == path).map(|variable| variable.kind.as_str());
        assert_eq!(kind("environment"), Some("text"));
        assert_eq!(kind("labels"), Some("map of texts"));
        assert_eq!(kind("home"), Some("text, or null"));
        assert_eq!(kind("issuers"), Some("map of maps"));
        assert_eq!(kind("issuers.<name>.provisioner.passwordRef.key"), Some("text"));
        assert_eq!(kind("certificates.<name>.dnsNames"), Some("list of texts"));
        assert_eq!(kind("stepIssuer.chart.version"), Some("text"));
        assert_eq!(kind("certificates.<name>.privateKey.algorithm"), Some("text, or absent"));
        assert_eq!(kind("origins"), None, "what is not for templates");
        assert_eq!(kind("components"), None);
    }

    #[test]
    fn everything_in_the_list_is_described() {
        let silent: Vec<String> =
            variables().into_iter().filter(|variable| variable.text.is_empty()).map(|variable| variable.path).collect();
        assert_eq!(silent, [""; 0]);
    }
}
