//! `configMapGenerator` and `secretGenerator`: the objects with their names. A hash behind the name is left out: kustomize
//! writes the same one into every reference. What files hold is left out, too, and so is everything in a Secret.

use super::build::{Here, Pass};
use super::resource::{Resource, items, make, placed_text, text_node, texts};
use crate::yaml::{At, Entry, Map, Node, Value};

impl Pass<'_> {
    /// The objects that a kustomization generates.
    pub(super) fn generated(&mut self, here: &Here<'_>, resources: &[Resource]) -> Vec<Resource> {
        let mut generated: Vec<Resource> = Vec::new();
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            for generator in items(here.node, field) {
                self.files_of(here, generator);
                let Some((name, at)) = placed_text(generator, "name") else { continue };
                let object = object(kind, name, at, generator, here.node);
                let resource = Resource::new(here.file.clone(), object);
                // With `behavior: merge` or `replace` the object is there already, perhaps from the generator above.
                let known = resources.iter().chain(&generated).filter(|other| other.kind() == kind);
                let is_there = known.flat_map(|other| &other.names).any(|known| known.name == name);
                if !(is_there && generator.get_str("behavior").is_some_and(|behavior| behavior != "create")) {
                    generated.push(resource);
                }
            }
        }
        generated
    }

    /// Files whose content goes into what is generated.
    fn files_of(&mut self, here: &Here<'_>, generator: &Node) {
        let files = texts(generator, "files").map(|(entry, at)| (entry.split_once('=').map_or(entry, |(_, path)| path), at));
        let all: Vec<(&str, At)> = files.chain(texts(generator, "envs")).chain(placed_text(generator, "env")).collect();
        for (entry, at) in all {
            self.plain_file(here, entry, at);
        }
    }
}

fn object(kind: &str, name: &str, at: At, generator: &Node, kustomization: &Node) -> Node {
    let mut node = Node { at, value: Value::Map(Map::default()) };
    let mut set = |path: &[&str], value: Node| {
        if let Some(target) = make(&mut node, path, at) {
            *target = value;
        }
    };
    set(&["apiVersion"], text_node("v1", at));
    set(&["kind"], text_node(kind, at));
    set(&["metadata", "name"], text_node(name, at));
    if let Some(namespace) = generator.get("namespace") {
        set(&["metadata", "namespace"], namespace.clone());
    }
    for options in [kustomization.get("generatorOptions"), generator.get("options")].into_iter().flatten() {
        for field in ["labels", "annotations"] {
            let Some(map) = options.get(field).and_then(Node::as_map) else { continue };
            map.iter().for_each(|(key, entry)| set(&["metadata", field, key], entry.node.clone()));
        }
    }
    if kind == "Secret" {
        set(&["type"], generator.get("type").cloned().unwrap_or_else(|| text_node("Opaque", at)));
        return node;
    }
    let mut data = Map::default();
    for (literal, at) in texts(generator, "literals") {
        if let Some((key, value)) = literal.split_once('=') {
            data.insert(key, Entry { key: at, node: text_node(value, at) });
        }
    }
    if !data.is_empty() {
        set(&["data"], Node { at, value: Value::Map(data) });
    }
    node
}
