//! `images` and `replicas` of a kustomization.

use super::resource::{Resource, items, placed_text, text_node};
use crate::yaml::{Entry, Node, Value};

/// An image's name in its parts: `name`, `:tag` or nothing, `@digest` or nothing.
fn split(image: &str) -> (&str, &str, &str) {
    let (rest, digest) = image.find('@').map_or((image, ""), |at| image.split_at(at));
    // A colon before the last slash belongs to the registry's port.
    let tag = rest.rfind(':').filter(|colon| !rest[*colon..].contains('/'));
    let (name, tag) = tag.map_or((rest, ""), |colon| rest.split_at(colon));
    (name, tag, digest)
}

/// Gives images other names, tags and digests.
pub(super) fn set_images(resources: &mut [Resource], images: &[Node]) {
    for image in images {
        let Some(name) = image.get_str("name") else { continue };
        for resource in resources.iter_mut().filter(|resource| resource.kind() != "CustomResourceDefinition") {
            in_containers(&mut resource.node, &mut |container| set_image(container, name, image));
        }
    }
}

fn set_image(container: &mut Node, name: &str, wanted: &Node) {
    let Some(written) = container.get_str("image") else { return };
    let (known, tag, digest) = split(written);
    if known != name {
        return;
    }
    let new_name = placed_text(wanted, "newName");
    let (new_tag, new_digest) = (placed_text(wanted, "newTag"), placed_text(wanted, "digest"));
    let Some((_, at)) = new_digest.or(new_tag).or(new_name) else { return };
    let (tag, digest) = match (new_tag, new_digest) {
        (_, Some((digest, _))) => (String::new(), format!("@{digest}")),
        (Some((tag, _)), None) => (format!(":{tag}"), String::new()),
        (None, None) => (tag.to_owned(), digest.to_owned()),
    };
    let image = format!("{}{tag}{digest}", new_name.map_or(known, |(name, _)| name));
    if let Some(map) = container.as_map_mut() {
        map.insert("image", Entry { key: at, node: text_node(&image, at) });
    }
}

/// Every container, wherever a map has a list of them.
fn in_containers(node: &mut Node, change: &mut dyn FnMut(&mut Node)) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| in_containers(item, change)),
        Value::Map(map) => {
            for key in ["containers", "initContainers"] {
                if let Some(Value::List(containers)) = map.get_mut(key).map(|entry| &mut entry.node.value) {
                    containers.iter_mut().for_each(&mut *change);
                }
            }
            let keys: Vec<String> = map.iter().map(|(key, _)| key.to_owned()).collect();
            for key in keys {
                if let Some(entry) = map.get_mut(&key) {
                    in_containers(&mut entry.node, change);
                }
            }
        }
        _ => {}
    }
}

/// Sets numbers of replicas.
pub(super) fn set_replicas(resources: &mut [Resource], kustomization: &Node) {
    for wanted in items(kustomization, "replicas") {
        let (Some(name), Some(count)) = (wanted.get_str("name"), wanted.get("count")) else { continue };
        let scales = |resource: &&mut Resource| {
            let kind = matches!(resource.kind(), "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController");
            kind && (resource.current().name == name || resource.names.iter().any(|known| known.name == name))
        };
        for resource in resources.iter_mut().filter(scales) {
            if let Some(spec) = resource.node.get_mut("spec").and_then(Node::as_map_mut) {
                spec.insert("replicas", Entry { key: count.at, node: count.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(split("registry:5000/a/b"), ("registry:5000/a/b", "", ""));
        assert_eq!(split("registry:5000/a/b:1"), ("registry:5000/a/b", ":1", ""));
        assert_eq!(split("a:1@sha256:00"), ("a", ":1", "@sha256:00"));
    }
}
