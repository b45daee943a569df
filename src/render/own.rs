//! Components of the user's own: which of them an inventory switches on, and what their values are.

use minijinja::Value;
use minijinja::value::Serde;

use super::built_in::built_in;
use super::component::Component;
use super::{Pass, Templates};
use crate::finding::{COMPONENT_NOT_FOUND, Finding, MANIFEST_NOT_CHECKED, Place, TEMPLATE_INVALID, UNKNOWN_FIELD, WRONG_TYPE, listed};
use crate::manifest::crd::{CrdFlaw, CrdFlawKind};
use crate::model::{ComponentUse, Model};
use crate::yaml::{Node, Path, nearest};

/// The map of the inventory that switches components on.
const COMPONENTS: &str = "components";

/// Names that an inventory switches on, and that no component of the user's own bears.
pub(super) fn unknown(model: &Model, templates: &Templates) -> Vec<Finding> {
    let known: Vec<&str> = templates.own().map(|(name, _)| name).collect();
    let unknown = model.components.keys().filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| of_unknown(name, &known)).collect()
}

fn of_unknown(name: &str, known: &[&str]) -> Finding {
    let place = Place::InventoryKey(Path::of([COMPONENTS, name]));
    if !built_in(name).is_empty() {
        let message = format!("`{name}` is a built-in component, which is rendered where the inventory asks for what it brings");
        let help = "take it out here; the fields of the inventory say what it renders";
        return Finding::new(&COMPONENT_NOT_FOUND, place, message).help(help);
    }
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("write `{name}/component.yaml` in the folder of templates; docs/templates.md shows one"),
        None => format!("the components of your own are {}", listed(known.iter().copied())),
    };
    Finding::new(&COMPONENT_NOT_FOUND, place, format!("there is no component `{name}`")).help(help)
}

impl Pass<'_> {
    /// What the templates of a component of the user's own see beside the model; None where it is not switched on, or its
    /// values are not right.
    pub(super) fn own(&mut self, component: &Component) -> Option<Value> {
        let given = self.model.components.get(&component.name)?;
        let values = self.values(component, given)?;
        let own = minijinja::context! { name => component.name.as_str(), namespace => given.namespace.as_deref() };
        Some(minijinja::context! { values => values, component => own, ..self.variables.clone() })
    }

    /// The values with the schema's defaults.
    fn values(&mut self, component: &Component, given: &ComponentUse) -> Option<Value> {
        let schema = component.specification.schema.as_ref()?;
        let (filled, flaws) = schema.check(Node::from(serde_json::Value::Object(given.values.clone())));
        let base = Path::of([COMPONENTS, &component.name]);
        let is_right = flaws.iter().all(|flaw| flaw.kind == CrdFlawKind::NotChecked);
        self.findings.extend(flaws.into_iter().map(|flaw| of_flaw(flaw, component, &base)));
        is_right.then(|| Value::from(Serde(filled.to_json())))
    }

    /// Says that the namespace in whose folder a component lies is not there.
    pub(super) fn without_namespace(&mut self, component: &Component, path: &str) {
        let place = Place::Inventory(Path::of([COMPONENTS, &component.name]));
        let (rule, help) = match path {
            "component.namespace" => (&WRONG_TYPE, "write `namespace:` beside `values:`".to_owned()),
            _ => (&TEMPLATE_INVALID, format!("give the inventory what `{path}` comes from, or write `when: {path}` in `component.yaml`")),
        };
        let message = format!("the component `{}` lies in the folder of a namespace, and `{path}` names none here", component.name);
        self.findings.push(Finding::new(rule, place, message).help(help));
    }

    /// The entry of the inventory behind what a component of the user's own runs over, where that are its own values; without
    /// keys, the component's own entry.
    pub(super) fn own_entry(&self, component: &Component, keys: &[&str]) -> Option<Path> {
        let is_values = component.is_own() && keys.first().is_none_or(|key| *key == "values");
        is_values.then(|| Path::of([COMPONENTS, &component.name].into_iter().chain(keys.iter().copied())))
    }
}

fn of_flaw(flaw: CrdFlaw, component: &Component, base: &Path) -> Finding {
    let path = base.join(flaw.path.segments());
    let (rule, place) = match flaw.kind {
        CrdFlawKind::UnknownField => (&UNKNOWN_FIELD, Place::InventoryKey(path)),
        CrdFlawKind::NotChecked => (&MANIFEST_NOT_CHECKED, Place::Inventory(path)),
        CrdFlawKind::MissingField | CrdFlawKind::WrongType | CrdFlawKind::BadValue | CrdFlawKind::RuleRefused => {
            (&WRONG_TYPE, Place::Inventory(path))
        }
    };
    let schema = component.source(super::COMPONENT_FILE);
    let help = match flaw.help.filter(|help| !help.contains("kubectl")) {
        Some(help) => format!("{help} (the schema stands in `{schema}`)"),
        None => format!("the schema stands in `{schema}`"),
    };
    Finding::new(rule, place, format!("component `{}`: {}", component.name, flaw.message)).help(help)
}
