//! `component.yaml`: what a component writes, where it lies, and when it is there.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Deserializer, Serialize};

use crate::finding::{Finding, Place, TEMPLATE_INVALID};
use crate::manifest::crd::ValuesSchema;
use crate::manifest::{Shape, dns_label_problem};
use crate::tree::OutPath;
use crate::yaml::{Keys, Node, Path, read, read_struct};

/// Name of the file that describes a component.
pub(super) const COMPONENT_FILE: &str = "component.yaml";

/// What `component.yaml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Specification {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The component's name, which is also its folder's below `templates/`.
    name: Option<String>,
    /// The schema of its values, as written; only a component of the user's own has one, and then it must.
    values: Option<serde_json::Value>,
    /// The same, compiled.
    #[serde(skip)]
    pub(super) schema: Option<ValuesSchema>,
    /// When the component is there at all.
    pub(super) when: Option<Condition>,
    /// A map of the model; the component is written once for each of its entries, each into a folder of its own.
    pub(super) over: Option<String>,
    /// The variable that holds the entry.
    #[serde(rename = "as")]
    pub(super) variable: Option<String>,
    /// A path in the model that leads to the namespace in whose folder the component lies. Without one it lies in the
    /// environment's own folder.
    pub(super) namespace: Option<String>,
    /// A path in the model that leads to the name of its folder. Default: the component's name.
    pub(super) folder: Option<String>,
    /// A path in the model that leads to the name of a chart that was inflated beforehand: its objects lie in the folder, each
    /// in a file of its own, and the kustomization takes them up.
    pub(super) chart: Option<String>,
    /// Whether it goes to the cluster with the environment. What points at the tree from outside does not.
    #[serde(default = "yes")]
    pub(super) applied: bool,
    /// What it has in common with the component in other environments.
    pub(super) shared: Option<SharedSpecification>,
    /// The files that it writes, by name.
    pub(super) files: BTreeMap<String, FileSpecification>,
}

/// A folder beside the environments that all those name whose content of it is the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SharedSpecification {
    /// When it is there at all.
    pub(super) when: Option<Condition>,
    /// A path in the model that leads to what the folder's name begins with; a digest of the content follows.
    pub(super) folder: String,
    /// The files in it, by name.
    pub(super) files: BTreeMap<String, FileSpecification>,
}

impl Specification {
    /// Every file that it may write, by name.
    pub(super) fn all_files(&self) -> impl Iterator<Item = (&String, &FileSpecification)> {
        self.files.iter().chain(self.shared.iter().flat_map(|shared| &shared.files))
    }
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
enum ApiVersion {
    #[serde(rename = "trustree.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Component,
}

/// One file that a component writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FileSpecification {
    /// What the file holds. A kustomization is rendered last: it sees the other files as `resources`.
    #[serde(default)]
    pub(super) content: Shape,
    /// When its objects must arrive.
    #[serde(default)]
    pub(super) stage: Stage,
    /// When the file is there at all.
    pub(super) when: Option<Condition>,
    /// Its documents, in this order; those of one template are sorted by namespace and name.
    pub(super) documents: Vec<DocumentSpecification>,
}

/// One template and what it runs over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DocumentSpecification {
    /// Name of the template file.
    pub(super) template: String,
    /// A map of the model, or of the entry that the component is written for; the template runs once for each of its entries.
    pub(super) over: Option<String>,
    /// The variable that holds the entry.
    #[serde(rename = "as")]
    pub(super) variable: Option<String>,
    /// When it is rendered.
    pub(super) when: Option<Condition>,
}

/// The order in which objects must arrive: each stage needs what the one before brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    /// Namespaces, rights, trusted roots, definitions and controllers.
    #[default]
    Controller,
    /// Issuers.
    Issuers,
    /// Certificates.
    Certificates,
}

impl Stage {
    /// The name of its folder, where stages lie apart.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Stage::Controller => "controller",
            Stage::Issuers => "issuers",
            Stage::Certificates => "certificates",
        }
    }
}

/// What must hold: a path in the model leads to something that is neither empty nor false, or `path == word` and
/// `path != word` compare what is there with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// The path.
    pub(super) path: String,
    /// The word, and whether it must be that or must not.
    pub(super) word: Option<(String, bool)>,
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (path, word) = match (text.split_once("=="), text.split_once("!=")) {
            (Some((path, word)), _) => (path, Some((word, true))),
            (None, Some((path, word))) => (path, Some((word, false))),
            (None, None) => (text.as_str(), None),
        };
        let is_path = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
        let (path, word) = (path.trim(), word.map(|(word, expected)| (word.trim().trim_matches('"').to_owned(), expected)));
        if !is_path(path) || word.as_ref().is_some_and(|(word, _)| !is_path(word)) {
            return Err(serde::de::Error::custom("a condition is a path of the model, alone or as `path == word` or `path != word`"));
        }
        Ok(Condition { path: path.to_owned(), word })
    }
}

/// Whose `component.yaml` it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    /// The folder that it lies in.
    pub(super) component: &'a str,
    /// Whether there is no built-in component of that name.
    pub(super) is_own: bool,
}

/// Reads `component.yaml`.
pub(super) fn parse(text: &str, path: &Utf8PathBuf, owner: Owner<'_>, findings: &mut Vec<Finding>) -> Option<Specification> {
    let documents = match read(text, 0, Keys::AsKubernetes) {
        Ok(documents) => documents,
        Err(error) => {
            findings.push(Finding::of_yaml(path, &error));
            return None;
        }
    };
    let Some(node) = documents.first() else {
        findings.push(Finding::new(&TEMPLATE_INVALID, Place::whole(path), "the file is empty"));
        return None;
    };
    let mut problems = Vec::new();
    let component: Option<Specification> = read_struct(node, &mut problems);
    let before = findings.len();
    findings.extend(problems.iter().map(|problem| Finding::of_problem(problem, Place::at(path, problem.at(node)))));
    let mut component = component?;
    named_and_valued(&mut component, node, path, owner, findings);
    if component.over.is_some() != component.variable.is_some() {
        findings.push(Finding::new(&TEMPLATE_INVALID, Place::whole(path), "`over` and `as` go together"));
    }
    for (file, specification) in component.all_files() {
        let files = if component.files.contains_key(file) { Path::of(["files"]) } else { Path::of(["shared", "files"]) };
        let place = Place::at(path, node.key_place(&files.key(file)));
        if let Err(problem) = OutPath::new(file).and_then(|path| {
            if path.as_str().contains('/') { Err("it is no file in the component's own folder".to_owned()) } else { Ok(()) }
        }) {
            findings.push(Finding::new(&TEMPLATE_INVALID, place.clone(), format!("`{file}` cannot be written: {problem}")));
        }
        for document in &specification.documents {
            if document.over.is_some() != document.variable.is_some() {
                let message = format!("`{}`: `over` and `as` go together", document.template);
                findings.push(Finding::new(&TEMPLATE_INVALID, place.clone(), message));
            }
        }
    }
    (findings.len() == before).then_some(component)
}

/// The name and the schema of the values: what makes a component one of the user's own.
fn named_and_valued(component: &mut Specification, node: &Node, path: &Utf8PathBuf, owner: Owner<'_>, findings: &mut Vec<Finding>) {
    let Owner { component: folder, is_own } = owner;
    let mut say = |key: Option<&str>, message: String, help: &str| {
        let place = key.map_or_else(|| Place::whole(path), |key| Place::at(path, node.place(&Path::of([key]))));
        findings.push(Finding::new(&TEMPLATE_INVALID, place, message).help(help));
    };
    if let Some(name) = component.name.as_deref().filter(|name| *name != folder) {
        say(
            Some("name"),
            format!("the component in the folder `{folder}` calls itself `{name}`"),
            "write the folder's name, or rename the folder",
        );
    }
    if let Some(problem) = dns_label_problem(folder).filter(|_| is_own) {
        say(
            None,
            format!("`{folder}` cannot be a component: {problem}"),
            "rename the folder; a name such as `network-policies` works everywhere",
        );
    }
    let Some(schema) = node.get("values").filter(|_| component.values.is_some()) else {
        if is_own {
            let help = "write `values: {type: object}`, and below `properties:` what an inventory may give; docs/templates.md shows one";
            say(None, format!("the component `{folder}` has no schema for its values"), help);
        }
        return;
    };
    if !is_own {
        let help = "take the values out; give the folder another name where it is to be a component of your own";
        say(Some("values"), format!("`{folder}` is a built-in component, and takes no values"), help);
        return;
    }
    match ValuesSchema::compile(schema) {
        Ok(schema) => component.schema = Some(schema),
        Err(problems) => findings.extend(problems.into_iter().map(|problem| {
            let help = "write it as the schema of a CustomResourceDefinition is written: a `type` for everything, nothing by reference";
            Finding::new(&TEMPLATE_INVALID, Place::at(path, problem.at), problem.message).help(help)
        })),
    }
}
