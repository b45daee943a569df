//! `patches`, `patchesStrategicMerge` and `patchesJson6902`: inline or in a file, with a target or without.

use camino::Utf8PathBuf;

use super::Found;
use super::build::{Here, Pass};
use super::json_patch;
use super::resource::{Resource, items, placed_text};
use super::strategic::{self, Outcome};
use super::target::Target;
use crate::finding::{KUSTOMIZATION_BROKEN, MANIFEST_INVALID_YAML, Place};
use crate::yaml::{At, Keys, Node, Value, read};

/// What a patch holds.
enum Body {
    /// Parts of objects.
    Strategic(Vec<Node>),
    /// Operations.
    Operations(Vec<Node>),
}

impl Pass<'_> {
    /// Runs `patchesStrategicMerge`.
    pub(super) fn strategic_patches(&mut self, here: &Here<'_>, resources: &mut Vec<Resource>) {
        for entry in items(here.node, "patchesStrategicMerge") {
            let Some(text) = entry.as_str() else { continue };
            let body = if text.contains('\n') { self.inline(here, text, entry.at) } else { self.in_file(here, text, entry.at) };
            if let Some(body) = body {
                self.apply(here, entry.at, body, None, resources);
            }
        }
    }

    /// Runs a list of patches with their targets: `patches` or `patchesJson6902`.
    pub(super) fn patches(&mut self, here: &Here<'_>, field: &str, resources: &mut Vec<Resource>) {
        for entry in items(here.node, field) {
            let body = match (placed_text(entry, "patch"), placed_text(entry, "path")) {
                (Some((text, at)), _) => self.inline(here, text, at),
                (None, Some((path, at))) => self.in_file(here, path, at),
                (None, None) => None,
            };
            let target = match entry.get("target").map(Target::read).transpose() {
                Ok(target) => target,
                Err(problem) => {
                    self.not_followed(here, format!("a patch in `{}`: {problem}", here.file));
                    continue;
                }
            };
            if let Some(body) = body {
                self.apply(here, entry.at, body, target, resources);
            }
        }
    }

    fn in_file(&mut self, here: &Here<'_>, entry: &str, at: At) -> Option<Body> {
        let path = self.named_file(here, entry, at)?;
        match self.files.find(&path) {
            Found::Documents(documents) => Some(body(documents.to_vec())),
            Found::Nothing | Found::Refused | Found::Broken => None,
        }
    }

    fn inline(&mut self, here: &Here<'_>, text: &str, at: At) -> Option<Body> {
        // The place of a block is that of its first line that is not empty; its text begins with the empty ones above.
        let empty = text.chars().take_while(|character| *character == '\n').count();
        let above = u32::try_from(empty).unwrap_or_default();
        let is_empty = |line: u32| self.files.line(&here.file, line).is_some_and(|line| line.trim().is_empty());
        let above = if (1..=above).all(|line| is_empty(at.line.saturating_sub(line))) { above } else { 0 };
        let before = self.files.line(&here.file, at.line.saturating_sub(above + 1));
        let source = Inline::new(before.as_deref(), at, above);
        match read(text, at.file, Keys::AsKubernetes) {
            Ok(documents) => Some(body(documents.into_iter().map(|node| moved(node, &source)).collect())),
            Err(error) => {
                let place = Place::at(&here.file, source.place(error.at));
                self.report(&MANIFEST_INVALID_YAML, place, format!("this patch is no YAML: {}", error.message), error.hint.as_deref());
                self.is_incomplete = true;
                None
            }
        }
    }

    fn apply(&mut self, here: &Here<'_>, at: At, body: Body, target: Option<Target>, resources: &mut Vec<Resource>) {
        match (body, target) {
            (Body::Operations(operations), Some(target)) => {
                let targets = resources.iter().filter(|resource| target.takes(resource)).count();
                if !self.fits(here, targets * operations.iter().map(Node::size).sum::<usize>()) {
                    return;
                }
                for resource in resources.iter_mut().filter(|resource| target.takes(resource)) {
                    if let Err(problem) = json_patch::apply(&mut resource.node, &operations) {
                        let what = format!("{} `{}`", resource.kind(), resource.current().name);
                        self.broken(
                            here,
                            at,
                            &format!("this patch does not apply to {what}: {problem}"),
                            "correct the path, or add what it leads to first",
                        );
                    }
                    resource.remember();
                }
            }
            (Body::Operations(_), None) => {
                self.broken(here, at, "a list of operations needs a target", "write `target:` with the kind and name that are meant");
            }
            (Body::Strategic(patches), Some(target)) => {
                for patch in &patches {
                    let targets = resources.iter().filter(|resource| target.takes(resource)).count();
                    if !self.fits(here, targets * patch.size()) {
                        return;
                    }
                    resources.retain_mut(|resource| !target.takes(resource) || merge(resource, patch, true) == Outcome::Changed);
                }
            }
            (Body::Strategic(patches), None) => patches.iter().for_each(|patch| self.apply_by_name(here, at, patch, resources)),
        }
    }

    /// A patch that says itself what it is for: kind, name and namespace are those of an object.
    fn apply_by_name(&mut self, here: &Here<'_>, at: At, patch: &Node, resources: &mut Vec<Resource>) {
        if patch.as_map().is_none() {
            return;
        }
        let wanted = Resource::new(Utf8PathBuf::new(), patch.clone());
        let (name, near) = (wanted.current(), |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| "default".to_owned()));
        let is_meant = |resource: &Resource| {
            let current = resource.current();
            (resource.group(), resource.version(), resource.kind()) == (wanted.group(), wanted.version(), wanted.kind())
                && resource
                    .names
                    .iter()
                    .chain([&current])
                    .any(|known| known.name == name.name && near(&known.namespace) == near(&name.namespace))
        };
        let mut met = false;
        resources.retain_mut(|resource| {
            let is_meant = is_meant(resource);
            met |= is_meant;
            !is_meant || merge(resource, patch, false) == Outcome::Changed
        });
        if !met && !self.is_incomplete {
            let namespace = name.namespace.map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
            let message = format!("there is no {} `{}`{namespace} that this patch could change", wanted.kind(), name.name);
            let help =
                "a patch without `target` finds its object by apiVersion, kind, name and namespace, as the object's own file has them";
            self.broken(here, at, &message, help);
        }
    }

    fn broken(&mut self, here: &Here<'_>, at: At, message: &str, help: &str) {
        let place = Place::at(&here.file, at);
        self.report(&KUSTOMIZATION_BROKEN, place, message.to_owned(), Some(help));
    }
}

fn body(documents: Vec<Node>) -> Body {
    match documents.as_slice() {
        [Node { value: Value::List(operations), .. }] => Body::Operations(operations.clone()),
        _ => Body::Strategic(documents.into_iter().filter(|node| node.as_map().is_some()).collect()),
    }
}

/// Merges a patch; with a target, kind and name stay those of the object.
pub(super) fn merge(resource: &mut Resource, patch: &Node, has_target: bool) -> Outcome {
    let group = resource.group().to_owned();
    let mut patch = patch.clone();
    if has_target && let Some(map) = patch.as_map_mut() {
        map.remove("apiVersion");
        map.remove("kind");
        if let Some(metadata) = map.get_mut("metadata").and_then(|entry| entry.node.as_map_mut()) {
            metadata.remove("name");
        }
    }
    let outcome = strategic::merge(&mut resource.node, &patch, &group);
    resource.remember();
    outcome
}

/// Where the text of an inline patch stands in its file.
struct Inline {
    at: At,
    /// Empty lines that the text begins with, above that place.
    above: u32,
    /// Whether its lines are lines of the file, behind an indentation: a block that begins with `|`.
    is_block: bool,
}

impl Inline {
    /// `before` is the line above the text.
    fn new(before: Option<&str>, at: At, above: u32) -> Inline {
        let indicator = before
            .and_then(|line| line.trim_end().trim_end_matches(|last: char| last.is_ascii_digit() || "+-".contains(last)).chars().last());
        Inline { at, above, is_block: indicator == Some('|') }
    }

    fn place(&self, inner: At) -> At {
        if !self.is_block || inner.line == 0 {
            return self.at;
        }
        At {
            file: self.at.file,
            line: (self.at.line + inner.line - 1).saturating_sub(self.above),
            column: self.at.column + inner.column - 1,
        }
    }
}

fn moved(node: Node, source: &Inline) -> Node {
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|item| moved(item, source)).collect()),
        Value::Map(map) => {
            let mut moved_map = crate::yaml::Map::default();
            for (key, entry) in map.iter() {
                let entry = crate::yaml::Entry { key: source.place(entry.key), node: moved(entry.node.clone(), source) };
                moved_map.insert(key, entry);
            }
            Value::Map(moved_map)
        }
        other => other,
    };
    Node { at: source.place(node.at), value }
}
