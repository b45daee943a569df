//! What kustomizations do to what the chart of step-issuer brings: images, replicas and patches go over into the inventory,
//! where it can say them, and everything else is named.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};

use super::authority::unused;
use super::chart::ChartUse;
use super::gather::Source;
use super::material::Left;
use crate::catalog::{ChartValues, STEP_ISSUER_CHART, chart_values, step_issuer_chart_objects, step_issuer_images};
use crate::inventory::Patch;
use crate::manifest::Shape;
use crate::manifest::kustomization::{InlinePatch, Part, PatchSelector, entries, inline_patch, is_remote, resolve};
use crate::yaml::{Keys, Node, block_entries, read, read_struct};

/// Fields that change every object, and so those of a chart.
const OF_ALL_OBJECTS: &[&str] =
    &["commonAnnotations", "commonLabels", "labels", "namePrefix", "nameSuffix", "replacements", "transformers"];

/// A patch of a kustomization, as far as it is known.
pub(super) struct Patched {
    /// What it is meant for: a selector, or a part of an object with its name.
    target: Option<Node>,
    /// What it holds; None where its file cannot be read.
    pub(super) body: Option<Node>,
}

impl Patched {
    /// The kind that it is meant for, where it says one.
    fn kind(&self) -> Option<&str> {
        let of_target = self.target.as_ref().and_then(|target| target.get_str("kind"));
        let of_body = || self.body.as_ref().filter(|_| self.target.is_none()).and_then(|body| body.get_str("kind"));
        of_target.or_else(of_body)
    }

    fn name(&self) -> Option<&str> {
        let of_body = || self.body.as_ref()?.get("metadata")?.get_str("name");
        match &self.target {
            Some(target) => target.get_str("name"),
            None => of_body(),
        }
    }

    /// How it is called in a list.
    pub(super) fn shown(&self) -> String {
        match (self.kind(), self.name()) {
            (Some(kind), Some(name)) => format!("the patch of {kind} `{name}`"),
            (Some(kind), None) => format!("the patch of kind {kind}"),
            (None, _) => "a patch".to_owned(),
        }
    }

    /// Whether it changes an object, as that is called where the patch stands.
    pub(super) fn takes(&self, object: &Node) -> bool {
        match (&self.target, &self.body) {
            (Some(target), _) => PatchSelector::new(target).is_ok_and(|selector| selector.takes(object)),
            (None, Some(body)) => {
                let name = |node: &Node| node.get("metadata").and_then(|metadata| metadata.get_str("name")).map(str::to_owned);
                body.get_str("kind") == object.get_str("kind") && name(body) == name(object)
            }
            (None, None) => false,
        }
    }
}

/// The patches of a kustomization, in its order.
pub(super) fn patches_of(part: &Part, files: &BTreeMap<Utf8PathBuf, Vec<Node>>) -> Vec<Patched> {
    let folder = part.file.parent().unwrap_or(Utf8Path::new(""));
    let list = |key: &str| part.node.get(key).and_then(Node::as_list).unwrap_or_default();
    let bodies = |text: Option<&str>, path: Option<&str>| -> Vec<Option<Node>> {
        let documents = match (text, path) {
            (Some(text), _) => read(text, 0, Keys::AsKubernetes).ok(),
            (None, Some(path)) => resolve(folder, path).and_then(|path| files.get(&path).cloned()),
            (None, None) => None,
        };
        match documents {
            Some(documents) if !documents.is_empty() => documents.into_iter().map(Some).collect(),
            _ => vec![None],
        }
    };
    let mut found = Vec::new();
    for entry in list("patchesStrategicMerge").iter().filter_map(Node::as_str) {
        let is_text = entry.contains('\n') || entry.trim_start().starts_with('{');
        let (text, path) = if is_text { (Some(entry), None) } else { (None, Some(entry)) };
        found.extend(bodies(text, path).into_iter().map(|body| Patched { target: None, body }));
    }
    for entry in list("patches").iter().chain(list("patchesJson6902")) {
        let target = entry.get("target").cloned();
        let bodies = bodies(entry.get_str("patch"), entry.get_str("path"));
        found.extend(bodies.into_iter().map(|body| Patched { target: target.clone(), body }));
    }
    found
}

/// Files of patches that a kustomization names.
pub(super) fn patch_files(part: &Part) -> Vec<Utf8PathBuf> {
    let folder = part.file.parent().unwrap_or(Utf8Path::new(""));
    let list = |key: &str| part.node.get(key).and_then(Node::as_list).unwrap_or_default();
    let merged = list("patchesStrategicMerge").iter().filter_map(Node::as_str).filter(|entry| !entry.contains('\n'));
    let named = list("patches").iter().chain(list("patchesJson6902")).filter_map(|entry| entry.get_str("path"));
    merged.chain(named).filter(|entry| !is_remote(entry)).filter_map(|entry| resolve(folder, entry)).collect()
}

/// Brings into a chart what the kustomizations of its folder make of it.
pub(super) fn apply(chart: &mut ChartUse, source: &Source) {
    let all: Vec<&Part> = source.parts.iter().filter(|part| part.shape == Shape::Kustomization).collect();
    // Those inside come first.
    let over: Vec<&Part> = over(&chart.file, &all).into_iter().rev().collect();
    let fullname = chart.fullname();
    for part in &over {
        chart.patches_of(part, source, &fullname);
        if let Some(namespace) = part.node.get_str("namespace").filter(|namespace| !namespace.is_empty()) {
            chart.namespace = Some(namespace.to_owned());
        }
        for key in OF_ALL_OBJECTS.iter().filter(|key| part.node.get(key).is_some_and(|node| !is_empty(node))) {
            chart.drop_setting(part, format!("`{key}`"), "it changes what the chart brings, and an inventory does not say it");
        }
        chart.replicas(part, source, &fullname);
        chart.images(part);
    }
}

fn is_empty(node: &Node) -> bool {
    node.value == crate::yaml::Value::Null
        || node.as_map().is_some_and(|map| map.is_empty())
        || node.as_list().is_some_and(<[Node]>::is_empty)
}

/// The kustomizations that change what one brings: itself, those that name it, and their components; outermost first.
fn over<'a>(file: &Utf8Path, all: &[&'a Part]) -> Vec<&'a Part> {
    let folder_of = |part: &Part| part.file.parent().unwrap_or(Utf8Path::new("")).to_owned();
    let named = |part: &Part| -> Vec<Utf8PathBuf> { entries(&part.node).filter_map(|entry| resolve(&folder_of(part), entry)).collect() };
    let components = |part: &Part| -> Vec<Utf8PathBuf> {
        let list = part.node.get("components").and_then(Node::as_list).unwrap_or_default();
        list.iter().filter_map(Node::as_str).filter_map(|entry| resolve(&folder_of(part), entry)).collect()
    };
    let mut found: BTreeSet<usize> = (0..all.len()).filter(|index| all[*index].file == file).collect();
    let grow = |found: &mut BTreeSet<usize>, is_more: &dyn Fn(&Part, &Part) -> bool| loop {
        let more: Vec<usize> = (0..all.len()).filter(|index| found.iter().any(|known| is_more(all[*index], all[*known]))).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            break;
        }
    };
    grow(&mut found, &|part, known| named(part).contains(&folder_of(known)));
    grow(&mut found, &|part, known| components(known).contains(&folder_of(part)));
    found.into_iter().map(|index| all[index]).collect()
}

impl ChartUse {
    fn drop_setting(&mut self, part: &Part, what: String, why: &str) {
        let left = Left {
            file: part.file.clone(),
            what,
            why: format!("{why}: keep it in a kustomization of your own above the rendered folder"),
            keeps_file: true,
        };
        if !self.dropped.contains(&left) {
            self.dropped.push(left);
        }
    }

    /// The patches that change what the chart brings.
    fn patches_of(&mut self, part: &Part, source: &Source, fullname: &str) {
        let namespace = self.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let objects: Vec<Node> = step_issuer_chart_objects(fullname, &namespace, |_| true)
            .into_iter()
            .map(|object| Node::from(json!({"apiVersion": object.api_version, "kind": object.kind, "metadata": {"name": object.name, "namespace": object.namespace}})))
            .collect();
        let known: Vec<&Part> = source.parts.iter().filter(|part| part.shape == Shape::Object).collect();
        for patch in patches_of(part, &source.patches) {
            let is_account = patch.kind() == Some("ServiceAccount") && !known.iter().any(|part| patch.takes(&part.node));
            // The one that every rendered kustomization with such an account has.
            if is_account && patch.body.as_ref().is_some_and(sets_namespace) {
                continue;
            }
            if !is_account && !objects.iter().any(|object| patch.takes(object)) {
                if patch.kind().is_none() && patch.body.is_none() {
                    self.drop_setting(part, patch.shown(), "its file cannot be read, and it may change what the chart brings");
                }
                continue;
            }
            match patch.entry() {
                Some(entry) => {
                    let kind = patch.kind().unwrap_or("patch").to_lowercase();
                    let name = unused(&kind, |name| self.patches.iter().any(|(other, _)| other == name));
                    self.patches.push((name, entry));
                    self.moved.push((part.file.clone(), patch.shown()));
                }
                None => self.drop_setting(part, patch.shown(), "it changes what the chart brings, and `stepIssuer.patches` cannot say it"),
            }
        }
    }

    fn replicas(&mut self, part: &Part, source: &Source, fullname: &str) {
        let is_ours = |part: &Part| part.node.get("metadata").and_then(|metadata| metadata.get_str("name")) == Some(fullname);
        if source.parts.iter().any(|part| part.shape == Shape::Object && part.node.get_str("kind") == Some("Deployment") && is_ours(part)) {
            return;
        }
        for entry in part.node.get("replicas").and_then(Node::as_list).unwrap_or_default() {
            let Some(count) = entry.get("count").map(Node::to_json).filter(Value::is_u64) else { continue };
            if entry.get_str("name") == Some(fullname) {
                self.values.insert("replicaCount".to_owned(), count);
                self.moved.push((part.file.clone(), format!("the entry `{fullname}` of `replicas`")));
            }
        }
    }

    /// Other names, tags and digests of the chart's images.
    fn images(&mut self, part: &Part) {
        let version = self.version.clone().unwrap_or_default();
        let known = chart_values(STEP_ISSUER_CHART, &version);
        for entry in part.node.get("images").and_then(Node::as_list).unwrap_or_default() {
            let Some(name) = entry.get_str("name") else { continue };
            let Some(known) = known else {
                self.drop_setting(part, format!("`images` with `{name}`"), "the images of this version of the chart are not known");
                continue;
            };
            for image in step_issuer_images(&version) {
                let own = text_at(&self.values, image.values, "repository").unwrap_or_else(|| image.repository.to_owned());
                if own != name {
                    continue;
                }
                match self.image(known, image.values, image.repository, entry) {
                    true => self.moved.push((part.file.clone(), format!("the entry `{name}` of `images`"))),
                    false => {
                        let why = "it has a digest and no tag, and the chart names no tag that is known";
                        self.drop_setting(part, format!("`images` with `{name}`"), why);
                    }
                }
            }
        }
    }

    /// Takes over what an entry of `images` makes of an image; says whether that is possible.
    fn image(&mut self, known: &ChartValues, values: &[&str], repository: &str, entry: &Node) -> bool {
        let text = |key: &str| entry.get_str(key).filter(|text| !text.is_empty()).map(str::to_owned);
        let own_tag = || {
            let default = || known.default_at(&[values, &["tag"]].concat())?.as_str().map(str::to_owned);
            text_at(&self.values, values, "tag").or_else(default).filter(|tag| !tag.is_empty())
        };
        let tag = match (text("newTag"), text("digest")) {
            (tag, Some(digest)) => match tag.or_else(own_tag) {
                Some(tag) => Some(format!("{tag}@{digest}")),
                None => return false,
            },
            (tag, None) => tag,
        };
        let is_said = ["repository", "tag"].iter().any(|key| text_at(&self.values, values, key).is_some());
        let mirror = Mirror { name: repository.to_owned(), repository: text("newName"), tag };
        match is_said {
            true => mirror.write(&mut self.values, values),
            false => {
                self.images.retain(|other| other.name != mirror.name);
                self.images.push(mirror);
            }
        }
        true
    }

    /// The values with what `images` make of them.
    pub(super) fn values_with_images(&self) -> Map<String, Value> {
        let mut values = self.values.clone();
        for image in step_issuer_images(self.version.as_deref().unwrap_or_default()) {
            self.images.iter().filter(|mirror| mirror.name == image.repository).for_each(|mirror| mirror.write(&mut values, image.values));
        }
        values
    }
}

/// What an image of the chart is replaced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    /// The repository that the chart has by default.
    pub(super) name: String,
    /// Another one, where it is another one.
    repository: Option<String>,
    /// The tag, with a digest behind it where there is one.
    tag: Option<String>,
}

impl Mirror {
    /// How the inventory says it.
    pub(super) fn written(&self) -> String {
        let repository = self.repository.as_deref().unwrap_or(&self.name);
        self.tag.as_ref().map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}"))
    }

    fn write(&self, values: &mut Map<String, Value>, way: &[&str]) {
        let mut map = values;
        for key in way {
            let next = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { return };
            map = next;
        }
        map.insert("repository".to_owned(), self.repository.as_deref().unwrap_or(&self.name).into());
        if let Some(tag) = &self.tag {
            map.insert("tag".to_owned(), tag.as_str().into());
        }
    }
}

fn text_at(values: &Map<String, Value>, way: &[&str], key: &str) -> Option<String> {
    let (first, rest) = way.split_first()?;
    let map = rest.iter().try_fold(values.get(*first)?, |value, key| value.get(*key))?;
    map.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn sets_namespace(body: &Node) -> bool {
    let operations = body.as_list().unwrap_or_default();
    operations.iter().any(|operation| operation.get_str("path") == Some("/metadata/namespace"))
}

impl Patched {
    /// How `stepIssuer.patches` says it; None where that cannot.
    fn entry(&self) -> Option<Value> {
        let body = self.body.as_ref()?.to_json();
        let mut text = String::new();
        block_entries(&body, 0, &mut text);
        let is_whole = match inline_patch(&text).ok()? {
            InlinePatch::Operations => self.target.is_some(),
            InlinePatch::Strategic(_) => true,
        };
        let mut entry = Map::new();
        if let Some(target) = &self.target {
            entry.insert("target".to_owned(), target.to_json());
        }
        entry.insert("patch".to_owned(), body);
        let entry = Value::Object(entry);
        let mut problems = Vec::new();
        let patch: Option<Patch> = read_struct(&Node::from(entry.clone()), &mut problems);
        (is_whole && problems.is_empty() && patch.is_some()).then_some(entry)
    }
}
