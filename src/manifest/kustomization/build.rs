//! One root on its way: folders are followed, and what they hold is changed in the order in which kustomize does it.

use camino::{Utf8Path, Utf8PathBuf};

use super::labels::{Reach, annotate, label};
use super::resource::{Resource, items, placed_text, texts};
use super::{Built, Files, Found, NOT_FOLLOWED, Part, images, is_remote, kustomization_of, names, namespace, resolve};
use crate::finding::{
    Finding, KUSTOMIZATION_BROKEN, KUSTOMIZATION_NOT_CHECKED, KUSTOMIZE_NAMESPACE_REWRITES, Place, RESOURCE_MISSING, Rule,
};
use crate::manifest::Shape;
use crate::manifest::objects_in;
use crate::yaml::{At, Node, Value};

/// Folders that one root may be made of, each counted as often as it is named.
const MAX_FOLDERS: usize = 1000;
/// Objects that one root may hold.
const MAX_OBJECTS: usize = 20_000;

/// The kustomization at hand.
pub(super) struct Here<'a> {
    pub(super) file: Utf8PathBuf,
    pub(super) folder: &'a Utf8Path,
    pub(super) node: &'a Node,
}

/// A root on its way.
pub(super) struct Pass<'a> {
    pub(super) files: &'a dyn Files,
    /// Folders that are being built, outermost first.
    stack: Vec<Utf8PathBuf>,
    folders: usize,
    /// How large everything may become.
    limit: usize,
    /// Whether objects are missing that kustomize would have: what does not find its object is then no mistake.
    pub(super) is_incomplete: bool,
    not_followed: Vec<(Place, String)>,
    built: Built,
}

impl<'a> Pass<'a> {
    pub(super) fn new(files: &'a dyn Files, limit: usize) -> Pass<'a> {
        Pass { files, stack: Vec::new(), folders: 0, limit, is_incomplete: false, not_followed: Vec::new(), built: Built::default() }
    }

    /// Whether something of that size still fits; where it does not, that is told and it is left out. A file of a few
    /// lines can ask for a copy of another one at a thousand places.
    pub(super) fn fits(&mut self, here: &Here<'_>, size: usize) -> bool {
        self.built.size += size;
        let fits = self.built.size <= self.limit;
        if !fits {
            self.not_followed(here, format!("a part of `{}`, because it is too large", here.file));
        }
        fits
    }

    /// Builds a root.
    pub(super) fn root(mut self, folder: &Utf8Path) -> Built {
        let mut resources = self.folder(folder, Vec::new());
        names::follow(&mut resources);
        self.tell_not_followed();
        let objects = resources.into_iter().map(|resource| Part { file: resource.file, node: resource.node, shape: Shape::Object });
        self.built.parts.extend(objects);
        self.built
    }

    /// Everything that was not followed, in one note.
    fn tell_not_followed(&mut self) {
        let all = std::mem::take(&mut self.not_followed);
        let Some((place, _)) = all.first().cloned() else { return };
        let mut told: Vec<&str> = Vec::new();
        for (_, what) in &all {
            if !told.contains(&what.as_str()) {
                told.push(what);
            }
        }
        let (shown, more) = told.split_at(told.len().min(5));
        let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        let message = format!("what this builds is not known whole: {}{more}", shown.join(", "));
        self.report(&KUSTOMIZATION_NOT_CHECKED, place, message, Some("look at the output of `kustomize build` for what comes from there"));
    }

    pub(super) fn report(&mut self, rule: &'static Rule, place: Place, message: String, help: Option<&str>) {
        let finding = Finding { help: help.map(str::to_owned), ..Finding::new(rule, place, message) };
        if !self.built.findings.contains(&finding) {
            self.built.findings.push(finding);
        }
    }

    /// Remembers what was not followed in a kustomization.
    pub(super) fn not_followed(&mut self, here: &Here<'_>, what: String) {
        self.is_incomplete = true;
        self.not_followed.push((Place::at(&here.file, here.node.at), what));
    }

    /// The objects of a folder, after those that were there before: a component changes these, too.
    fn folder(&mut self, folder: &Utf8Path, before: Vec<Resource>) -> Vec<Resource> {
        let Some(kustomization) = kustomization_of(folder, self.files) else { return before };
        self.folders += 1;
        let here = Here { file: kustomization.file.clone(), folder, node: kustomization.node() };
        if !self.fits(&here, here.node.size()) {
            return before;
        }
        if self.folders > MAX_FOLDERS || before.len() > MAX_OBJECTS {
            self.not_followed(&here, format!("`{folder}` (more than {MAX_FOLDERS} folders or {MAX_OBJECTS} objects)"));
            return before;
        }
        self.stack.push(folder.to_owned());
        self.built.reached.insert(here.file.clone());
        self.built.parts.push(Part { file: here.file.clone(), node: here.node.clone(), shape: Shape::Kustomization });
        let resources = self.kustomization(&here, before);
        self.stack.pop();
        resources
    }

    fn kustomization(&mut self, here: &Here<'_>, before: Vec<Resource>) -> Vec<Resource> {
        let mut resources = before;
        self.what_is_not_followed(here);
        for (entry, at) in ["resources", "bases"].into_iter().flat_map(|key| texts(here.node, key)) {
            resources.extend(self.resource(here, entry, at));
        }
        self.charts(here);
        let generated = self.generated(here, &resources);
        resources.extend(generated);
        for (entry, at) in texts(here.node, "components") {
            if let Some(folder) = self.folder_entry(here, entry, at) {
                resources = self.folder(&folder, resources);
            }
        }
        self.transform(here, &mut resources);
        resources
    }

    /// What kustomize does to all objects, in its order.
    fn transform(&mut self, here: &Here<'_>, resources: &mut Vec<Resource>) {
        self.strategic_patches(here, resources);
        self.patches(here, "patches", resources);
        self.namespace(here, resources);
        let affix = |key| placed_text(here.node, key).filter(|(text, _)| !text.is_empty());
        names::affix(resources, affix("namePrefix"), affix("nameSuffix"));
        let added =
            ["commonLabels", "labels", "commonAnnotations"].iter().filter_map(|key| here.node.get(key)).map(Node::size).sum::<usize>();
        if !self.fits(here, added * resources.len()) {
            return;
        }
        if let Some(pairs) = here.node.get("commonLabels") {
            label(resources, pairs, Reach::Selectors);
        }
        for labels in items(here.node, "labels") {
            let says = |key: &str| labels.get(key).is_some_and(|node| node.value == Value::Boolean(true));
            let reach = match (says("includeSelectors"), says("includeTemplates")) {
                (true, _) => Reach::Selectors,
                (false, true) => Reach::Templates,
                (false, false) => Reach::Objects,
            };
            if let Some(pairs) = labels.get("pairs") {
                label(resources, pairs, reach);
            }
        }
        if let Some(pairs) = here.node.get("commonAnnotations") {
            annotate(resources, pairs);
        }
        self.patches(here, "patchesJson6902", resources);
        images::set_replicas(resources, here.node);
        images::set_images(resources, items(here.node, "images"));
    }

    fn namespace(&mut self, here: &Here<'_>, resources: &mut [Resource]) {
        let Some((wanted, at)) = placed_text(here.node, "namespace").filter(|(text, _)| !text.is_empty()) else { return };
        let files = self.files;
        let moved = namespace::apply(resources, wanted, at, &|at| !files.is_in_kustomization(at));
        if moved.is_empty() {
            return;
        }
        let shown: Vec<String> = moved.iter().take(3).map(|moved| format!("{} from `{}`", moved.object, moved.from)).collect();
        let more = if moved.len() > 3 { format!(", and {} more", moved.len() - 3) } else { String::new() };
        let message = format!("`namespace: {wanted}` moves {}{more}", shown.join(", "));
        let help =
            "take `namespace:` out here and write the namespace into each object; or take it out of the objects that are meant to move";
        self.report(&KUSTOMIZE_NAMESPACE_REWRITES, Place::at(&here.file, at), message, Some(help));
    }

    fn what_is_not_followed(&mut self, here: &Here<'_>) {
        for key in NOT_FOLLOWED.iter().filter(|key| here.node.get(key).is_some_and(|node| node.value != Value::Null)) {
            self.not_followed(here, format!("`{key}` in `{}`", here.file));
            for (entry, _) in texts(here.node, key) {
                self.reach(here.folder, entry);
            }
        }
        for replacement in items(here.node, "replacements") {
            if let Some(path) = replacement.get_str("path") {
                self.reach(here.folder, path);
            }
        }
        if let Some(path) = here.node.get("openapi").and_then(|openapi| openapi.get_str("path")) {
            self.reach(here.folder, path);
        }
        for (entry, _) in texts(here.node, "crds") {
            self.reach(here.folder, entry);
        }
    }

    /// Marks a file, and all files of a folder with a kustomization, as parts of the root.
    fn reach(&mut self, folder: &Utf8Path, entry: &str) {
        let Some(path) = resolve(folder, entry) else { return };
        if let Some(kustomization) = kustomization_of(&path, self.files) {
            let below: Vec<Utf8PathBuf> = super::entries(kustomization.node()).filter_map(|entry| resolve(&path, entry)).collect();
            self.built.reached.insert(kustomization.file);
            self.built.reached.extend(below);
        }
        self.built.reached.insert(path);
    }

    /// The objects of one entry of `resources`.
    fn resource(&mut self, here: &Here<'_>, entry: &str, at: At) -> Vec<Resource> {
        if let Some(path) = resolve(here.folder, entry).filter(|path| self.files.is_file(path)) {
            self.built.reached.insert(path.clone());
            return match self.files.find(&path) {
                Found::Documents(documents) => {
                    if !self.fits(here, documents.iter().map(Node::size).sum()) {
                        return Vec::new();
                    }
                    documents.iter().flat_map(objects_in).map(|node| Resource::new(path.clone(), node.clone())).collect()
                }
                Found::Nothing | Found::Refused | Found::Broken => {
                    self.is_incomplete = true;
                    Vec::new()
                }
            };
        }
        match self.folder_entry(here, entry, at) {
            Some(folder) => self.folder(&folder, Vec::new()),
            None => Vec::new(),
        }
    }

    /// The folder that an entry leads to; where there is none with a kustomization, that is told.
    fn folder_entry(&mut self, here: &Here<'_>, entry: &str, at: At) -> Option<Utf8PathBuf> {
        let Some(path) = resolve(here.folder, entry).filter(|_| !is_remote(entry)) else {
            self.not_followed(here, format!("`{entry}`, which lies elsewhere"));
            return None;
        };
        if self.stack.contains(&path) {
            let message = format!("`{entry}` leads back to a kustomization that is being built from here");
            self.is_incomplete = true;
            let help = "take one of the entries out; kustomize refuses a circle";
            self.report(&KUSTOMIZATION_BROKEN, Place::at(&here.file, at), message, Some(help));
            return None;
        }
        if kustomization_of(&path, self.files).is_some() {
            return Some(path);
        }
        self.is_incomplete = true;
        let is_unreadable = super::KUSTOMIZATION_FILES.iter().any(|name| self.files.is_file(&path.join(name)));
        if !is_unreadable {
            self.missing(here, entry, &path, at);
        }
        None
    }

    /// A file that must be there; None, and told, where it is not.
    pub(super) fn named_file(&mut self, here: &Here<'_>, entry: &str, at: At) -> Option<Utf8PathBuf> {
        if is_remote(entry) {
            self.not_followed(here, format!("`{entry}`, which lies elsewhere"));
            return None;
        }
        let Some(path) = resolve(here.folder, entry) else {
            self.not_followed(here, format!("`{entry}`, which lies elsewhere"));
            return None;
        };
        self.built.reached.insert(path.clone());
        if self.files.is_file(&path) {
            return Some(path);
        }
        self.is_incomplete = true;
        self.missing(here, entry, &path, at);
        None
    }

    /// A file whose content does not matter.
    pub(super) fn plain_file(&mut self, here: &Here<'_>, entry: &str, at: At) {
        let _ = self.named_file(here, entry, at);
    }

    fn missing(&mut self, here: &Here<'_>, entry: &str, path: &Utf8Path, at: At) {
        let message = if self.files.is_folder(path) {
            format!("`{entry}` is a folder without a kustomization")
        } else {
            format!("`{entry}` is named here, and is not there")
        };
        let help = "correct the name, put the file there, or take the line out: until then kustomize builds nothing of this folder";
        self.report(&RESOURCE_MISSING, Place::at(&here.file, at), message, Some(help));
    }

    /// The values of charts. What the charts bring is not known here.
    fn charts(&mut self, here: &Here<'_>) {
        for chart in items(here.node, "helmCharts") {
            self.is_incomplete = true;
            let files: Vec<(&str, At)> =
                placed_text(chart, "valuesFile").into_iter().chain(texts(chart, "additionalValuesFiles")).collect();
            for (entry, at) in files.into_iter().filter(|(entry, _)| !is_remote(entry)) {
                let Some(path) = self.named_file(here, entry, at) else { continue };
                let Found::Documents(documents) = self.files.find(&path) else { continue };
                let values = documents.iter().find(|node| node.as_map().is_some());
                if !self.fits(here, values.map_or(0, Node::size)) {
                    continue;
                }
                self.built.parts.extend(values.map(|node| Part { file: path, node: node.clone(), shape: Shape::Values }));
            }
        }
    }
}
