//! What Helm prints to objects in files of their own: the same text from every Helm, complete without a release, and
//! nothing that only Helm would know what to do with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::chart::Chart;
use super::{InflatedFile, Problem};
use crate::finding::{CHART_NOT_INFLATED, HELM_FAILED};
use crate::manifest::{Identity, identity_of, is_cluster_scoped, objects_in};
use crate::model::ChartRequest;
use crate::tree::Digest;
use crate::yaml::{self, Keys, Node, Value, YamlError, read};

/// Objects of one chart; the largest published ones have a tenth of it.
const MAX_OBJECTS: usize = 2_000;
/// Characters of a file's name, with its ending. Windows counts the whole path.
const MAX_NAME: usize = 120;
/// Digits of a digest that stand for the rest of a longer name.
const DIGITS: usize = 16;

/// Hooks that test a release, which nobody does here.
const TESTS: &[&str] = &["test", "test-success", "test-failure"];
/// Hooks for the end of a release or for a way back: applied like any other object, they would act at once.
const ENDS: &[&str] = &["pre-delete", "post-delete", "pre-rollback", "post-rollback"];

/// What came out of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objects {
    /// Definitions of kinds first, then by name.
    pub(super) files: Vec<InflatedFile>,
    /// Hooks that are not among them, each with the words of its annotation.
    pub(super) left_out: BTreeSet<String>,
}

/// Takes apart what Helm has printed.
pub(super) fn objects(text: &str, request: &ChartRequest, chart: Option<&Chart>) -> Result<Objects, Problem> {
    let mut found = Vec::new();
    let mut source = String::new();
    for document in documents(text) {
        if let Some(named) = document.lines().find_map(|line| line.strip_prefix("# Source: ")) {
            named.trim().clone_into(&mut source);
        }
        let nodes = read(document, 0, Keys::AsKubernetes).map_err(|error| no_yaml(&source, &error))?;
        for node in nodes.iter().flat_map(objects_in) {
            found.push((node.clone(), source.clone()));
        }
    }
    if found.len() > MAX_OBJECTS {
        let message = format!("the chart gives more than {MAX_OBJECTS} objects");
        return Err(Problem::new(&HELM_FAILED, message, "look at its values: a loop in it has far too many turns"));
    }
    let templates = chart.map(Chart::templates);
    let cluster_scoped = defined_without_namespace(found.iter().map(|(node, _)| node));
    let mut objects = Objects { files: Vec::new(), left_out: BTreeSet::new() };
    for (node, source) in &found {
        let identity = identity_of(node).map_err(|_| no_object(source, node))?;
        let hooks = hooks(node);
        if is_left_out(&hooks, request.has_hooks) {
            objects.left_out.insert(format!("{}/{} {}", identity.kind, identity.name, hooks.join(",")));
            continue;
        }
        let has_no_namespace =
            is_cluster_scoped(&identity.group, &identity.kind) || cluster_scoped.contains(&(identity.group.clone(), identity.kind.clone()));
        let value = with_namespace(ordered(node), (!has_no_namespace).then_some(request.namespace.as_str()));
        let value = if is_definition(&identity) { kept(value) } else { value };
        let asks = templates.as_ref().map(|templates| templates.questions(source)).unwrap_or_default();
        objects.files.push(file(&value, asks).map_err(|()| no_object(source, node))?);
    }
    objects.files.sort_by(|a, b| order(a).cmp(&order(b)));
    refuse_twins(&objects.files)?;
    Ok(objects)
}

/// What keeps an object that is gone from the tree in the cluster. Source: Argo CD, `docs/user-guide/sync-options.md`;
/// kustomize-controller, `docs/spec/v1`.
const KEPT: [(&str, &str); 2] = [("argocd.argoproj.io/sync-options", "Prune=false"), ("kustomize.toolkit.fluxcd.io/prune", "disabled")];

/// The documents of a stream. Helm puts `---` on a line before each, and no block of a document can stand that far left.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            documents.push(&text[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    documents.push(&text[start..]);
    documents
}

fn no_yaml(source: &str, error: &YamlError) -> Problem {
    let message = format!("what helm prints for {} is no YAML: {} (line {} of it)", shown(source), error.message, error.at.line);
    Problem::new(
        &HELM_FAILED,
        message,
        "look for a value that the chart writes without quotes; `helm template` by hand shows the whole text",
    )
}

fn no_object(source: &str, node: &Node) -> Problem {
    if node.get("metadata").is_some_and(|metadata| metadata.get("generateName").is_some()) {
        let message = format!("an object of {} has a `generateName` and no `name`: it would be another one each time", shown(source));
        let help = "look for a value of the chart that turns it off, and bring it by other means; nobody can apply it from a tree";
        return Problem::new(&CHART_NOT_INFLATED, message, help);
    }
    let message = format!("what helm prints for {} is {}, and no object of Kubernetes", shown(source), node.value.kind());
    let help = "an object has `apiVersion`, `kind` and `metadata.name`; is this the Helm that you mean? `--helm PATH` names another one";
    Problem::new(&HELM_FAILED, message, help)
}

fn shown(source: &str) -> String {
    if source.is_empty() { "the chart".to_owned() } else { format!("`{source}`") }
}

/// Kinds of definitions among the objects that lie in no namespace.
fn defined_without_namespace<'a>(nodes: impl Iterator<Item = &'a Node>) -> BTreeSet<(String, String)> {
    let definitions = nodes.filter(|node| node.get_str("kind") == Some("CustomResourceDefinition"));
    let kinds = definitions.filter_map(|node| {
        let spec = node.get("spec").filter(|spec| spec.get_str("scope") == Some("Cluster"))?;
        Some((spec.get_str("group")?.to_owned(), spec.get("names")?.get_str("kind")?.to_owned()))
    });
    kinds.collect()
}

/// The words of `helm.sh/hook`.
fn hooks(node: &Node) -> Vec<&str> {
    let annotation = node.get("metadata").and_then(|metadata| metadata.get("annotations")?.get_str("helm.sh/hook"));
    annotation.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

fn is_left_out(hooks: &[&str], has_hooks: bool) -> bool {
    let all = |known: &[&[&str]]| !hooks.is_empty() && hooks.iter().all(|hook| known.iter().any(|words| words.contains(hook)));
    all(&[TESTS]) || !has_hooks && all(&[TESTS, ENDS])
}

/// The value with its keys in the order in which they were written.
fn ordered(node: &Node) -> Json {
    match &node.value {
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(_, entry)| entry.key);
            Json::Object(entries.into_iter().map(|(key, entry)| (key.to_owned(), ordered(&entry.node))).collect())
        }
        Value::List(items) => items.iter().map(ordered).collect(),
        _ => node.to_json(),
    }
}

/// The object with the namespace that Helm would put it into, where it names none; without one where it lies in none.
fn with_namespace(mut object: Json, namespace: Option<&str>) -> Json {
    let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) else { return object };
    let is_given = metadata.get("namespace").and_then(Json::as_str).is_some_and(|given| !given.is_empty());
    if is_given && namespace.is_some() {
        return object;
    }
    metadata.shift_remove("namespace");
    if let Some(namespace) = namespace {
        // Behind the name, as people write it.
        let mut entries: Vec<(String, Json)> = std::mem::take(metadata).into_iter().collect();
        let at = entries.iter().position(|(key, _)| key == "name").map_or(0, |at| at + 1);
        entries.insert(at, ("namespace".to_owned(), namespace.into()));
        *metadata = entries.into_iter().collect::<Map<_, _>>();
    }
    object
}

fn is_definition(identity: &Identity) -> bool {
    identity.group == "apiextensions.k8s.io" && identity.kind == "CustomResourceDefinition"
}

/// A definition with the marks that keep engines from pruning it. Helm never deletes one, because every object of its kind
/// would go along.
fn kept(mut definition: Json) -> Json {
    if let Some(metadata) = definition.get_mut("metadata").and_then(Json::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert(Json::Null);
        if !annotations.is_object() {
            *annotations = Json::Object(Map::new());
        }
        for (key, value) in KEPT {
            annotations.as_object_mut().map(|annotations| annotations.entry(key).or_insert_with(|| value.into()));
        }
    }
    definition
}

/// The file of an object.
fn file(value: &Json, asks: Vec<String>) -> Result<InflatedFile, ()> {
    let text = yaml::document(value).map_err(drop)?;
    read_file(&text, asks)
}

/// The file of an object from its text; none where that is no object.
pub(super) fn read_file(text: &str, asks: Vec<String>) -> Result<InflatedFile, ()> {
    let mut documents = read(text, 0, Keys::AsKubernetes).map_err(drop)?;
    let node = documents.pop().filter(|_| documents.is_empty()).ok_or(())?;
    let identity = identity_of(&node).map_err(drop)?;
    Ok(InflatedFile { name: file_name(&identity), text: text.into(), node: Arc::new(node), identity, asks })
}

/// Definitions of kinds come before what is of their kind.
pub(super) fn order(file: &InflatedFile) -> (bool, &str) {
    (file.identity.kind != "CustomResourceDefinition", &file.name)
}

/// `<namespace or _cluster>_<group>_<kind>_<name>.yaml`: group and kind in lower case, `core` for the group without a name.
/// Whatever does not work in a name everywhere becomes `=` and two digits.
fn file_name(identity: &Identity) -> String {
    let group = if identity.group.is_empty() { "core".to_owned() } else { identity.group.to_ascii_lowercase() };
    let place = identity.namespace.as_deref().map_or_else(|| "_cluster".to_owned(), escaped);
    let parts = [place, escaped(&group), escaped(&identity.kind.to_ascii_lowercase()), escaped(&identity.name)];
    let stem = parts.join("_");
    let ending = ".yaml";
    if stem.len() + ending.len() <= MAX_NAME {
        return stem + ending;
    }
    let digest: String = Digest::of(stem.as_bytes()).to_string().chars().take(DIGITS).collect();
    let kept: String = stem.chars().take(MAX_NAME - ending.len() - DIGITS - 1).collect();
    format!("{kept}-{digest}{ending}")
}

fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.@+".contains(&byte);
    text.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("={byte:02x}") }).collect()
}

/// Objects that are one, or whose files are one where case does not count.
fn refuse_twins(files: &[InflatedFile]) -> Result<(), Problem> {
    let mut names: BTreeMap<String, &InflatedFile> = BTreeMap::new();
    for file in files {
        let Some(other) = names.insert(file.name.to_ascii_lowercase(), file) else { continue };
        let (message, help) = if other.identity == file.identity {
            (format!("the chart gives {} twice", file.identity), "look for two values that both switch it on")
        } else {
            let message = format!("{} and {} differ only in case, and are one file on macOS and Windows", other.identity, file.identity);
            (message, "give one of them another name in the chart's values")
        };
        return Err(Problem::new(&CHART_NOT_INFLATED, message, help));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inflate::verify::testing::request;

    fn files(text: &str) -> Vec<(String, String)> {
        let objects = objects(text, &request(), None).expect("objects");
        objects.files.into_iter().map(|file| (file.name, file.text.to_string())).collect()
    }

    fn object(kind: &str, metadata: &str) -> String {
        format!("---\n# Source: a/templates/a.yaml\nkind: {kind}\napiVersion: v1\nmetadata: {{{metadata}}}\n")
    }

    #[test]
    fn objects_get_files_and_the_namespace_that_helm_would_give_them() {
        let text = object("Pod", "labels: {b: c}, name: a")
            + &object("Service", "name: a, namespace: other")
            + &object("Namespace", "name: a, namespace: x");
        let names: Vec<(String, String)> = files(&text);
        assert_eq!(
            names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["_cluster_core_namespace_a.yaml", "other_core_service_a.yaml", "smallstep_core_pod_a.yaml"]
        );
        assert_eq!(names[2].1, "kind: Pod\napiVersion: v1\nmetadata:\n  labels:\n    b: c\n  name: a\n  namespace: smallstep\n");
        assert!(!names[0].1.contains("namespace: x"));
    }

    #[test]
    fn definitions_come_first_and_say_what_lies_in_no_namespace() {
        let definition = "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: wides.example.org}\nspec: {group: example.org, names: {kind: Wide}, scope: Cluster}\n";
        let text = format!("---\napiVersion: example.org/v1\nkind: Wide\nmetadata: {{name: a}}\n{definition}");
        let names: Vec<String> = files(&text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["_cluster_apiextensions.k8s.io_customresourcedefinition_wides.example.org.yaml", "_cluster_example.org_wide_a.yaml"]
        );
    }

    #[test]
    fn lists_are_taken_apart_and_empty_documents_are_nothing() {
        let text = "---\n# Source: a\n---\napiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Pod, metadata: {name: a}}\n  - {apiVersion: v1, kind: Pod, metadata: {name: b}}\n";
        assert_eq!(files(text).len(), 2);
    }

    #[test]
    fn names_work_everywhere_and_differ_where_objects_do() {
        let name = |name: &str| {
            file_name(&Identity {
                group: "rbac.authorization.k8s.io".into(),
                kind: "ClusterRole".into(),
                namespace: None,
                name: name.into(),
            })
        };
        assert_eq!(name("system:a_b"), "_cluster_rbac.authorization.k8s.io_clusterrole_system=3aa=5fb.yaml");
        let long = name(&"x".repeat(200));
        assert!(long.len() == MAX_NAME && long != name(&"x".repeat(201)));
        for text in ["system:a/b\\c", "ä", "%2e", &"x".repeat(253)] {
            assert_eq!(crate::tree::portable_name_problem(&name(text)), None, "{text}");
        }
    }

    #[test]
    fn twins_and_what_is_no_object_are_refused() {
        let problem = |text: &str| objects(text, &request(), None).expect_err("a problem").message;
        assert!(problem(&object("Pod", "name: a").repeat(2)).contains("twice"));
        assert!(problem(&(object("ClusterRole", "name: a") + &object("ClusterRole", "name: A"))).contains("differ only in case"));
        assert!(problem("Error: no\n").contains("no object"));
        assert!(problem("WARNING\n").contains("is a string"));
        assert!(problem(&object("Job", "generateName: a-")).contains("`a/templates/a.yaml` has a `generateName`"));
        assert!(problem("---\n# Source: a/templates/b.yaml\na: [\n").contains("`a/templates/b.yaml` is no YAML"));
    }

    #[test]
    fn hooks_stay_where_somebody_runs_them_and_nothing_acts_at_once_that_is_for_the_end() {
        let hook = |words: &str| object("Pod", &format!("name: a, annotations: {{helm.sh/hook: '{words}'}}"));
        let stays = |words: &str, has_hooks: bool| {
            let request = ChartRequest { has_hooks, ..request() };
            let objects = objects(&hook(words), &request, None).expect("objects");
            assert_eq!(objects.files.len() + objects.left_out.len(), 1);
            !objects.files.is_empty()
        };
        for (words, without, with) in [
            ("test", false, false),
            ("pre-install, pre-upgrade", true, true),
            ("post-delete", false, true),
            ("pre-delete,pre-install", true, true),
        ] {
            assert_eq!((stays(words, false), stays(words, true)), (without, with), "{words}");
        }
    }
}
