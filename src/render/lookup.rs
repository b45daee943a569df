//! What paths of the model lead to, and what conditions ask of it.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::component::Component;
use super::specification::Condition;
use super::{Instance, Pass, engine};
use crate::finding::listed;
use crate::yaml::nearest;

impl Pass<'_> {
    /// The entries of a map of the model, or of what `instance` is for.
    pub(super) fn entries(&mut self, component: &Component, over: &str, instance: &Instance) -> Vec<(String, Value)> {
        let Some(map) = self.value_at(component, over, instance) else { return Vec::new() };
        if map.is_none() {
            return Vec::new();
        }
        if map.kind() != ValueKind::Map {
            let help = "a template runs over a map, such as `issuers`, `clusterIssuers`, `certificates` or `exporters`";
            self.complain(component, &format!("`over: {over}` is no map of the model"), help);
            return Vec::new();
        }
        let keys = map.try_iter().into_iter().flatten();
        keys.map(|key| (key.as_str().unwrap_or_default().to_owned(), map.get_item(&key).unwrap_or_default())).collect()
    }

    /// What a path of the model leads to. Where a part of it is null, it leads to nothing; a part that the model never has
    /// is a mistake, which would leave something out for ever.
    pub(super) fn value_at(&mut self, component: &Component, path: &str, instance: &Instance) -> Option<Value> {
        let mut value = instance.variables.clone();
        for part in path.split('.') {
            if value.is_none() {
                return None;
            }
            match value.get_attr(part) {
                Ok(next) if !next.is_undefined() => value = next,
                _ => {
                    self.not_in_the_model(component, part, &value);
                    return None;
                }
            }
        }
        Some(value)
    }

    /// The text that a path of the model leads to.
    pub(super) fn text_at(&mut self, component: &Component, path: &str, instance: &Instance) -> Option<String> {
        let value = self.value_at(component, path, instance)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() && !value.is_none() {
            self.complain(component, &format!("`{path}` is no text of the model"), "name a path that leads to a name");
        }
        text
    }

    /// Whether a condition holds.
    pub(super) fn holds(&mut self, component: &Component, condition: &Condition, instance: &Instance) -> bool {
        let value = self.value_at(component, &condition.path, instance);
        match &condition.word {
            None => value.is_some_and(|value| value.is_true()),
            Some((word, expected)) => value.is_some_and(|value| engine::shown(&value) == *word) == *expected,
        }
    }

    pub(super) fn not_in_the_model(&mut self, component: &Component, name: &str, within: &Value) {
        let known: Vec<Value> = within.try_iter().into_iter().flatten().collect();
        let known: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the model has {} here", listed(known)),
        };
        self.complain(component, &format!("the model has no `{name}`"), &help);
    }
}
