//! What somebody asks about: `FILE`, or `FILE#KIND/[NAMESPACE/]NAME/field/path`.

use camino::Utf8PathBuf;

use super::ExplainError;
use crate::manifest::{Content, Document};
use crate::yaml::{Node, Path, Segment, Value, nearest};

/// A file, and perhaps a field of a document in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file, below the repository.
    pub file: Utf8PathBuf,
    /// The parts behind `#`; a `/` inside of a part is written `~1`, and `~` as `~0`, as in JSON Pointer.
    parts: Vec<String>,
}

impl Target {
    /// Takes `FILE` or `FILE#…` apart.
    pub fn parse(text: &str) -> Target {
        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
        let parts = fragment.split('/').filter(|part| !part.is_empty());
        let parts = parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        Target { file: file.trim_start_matches("./").into(), parts }
    }

    /// Whether a field is asked for, and not the file as a whole.
    pub fn is_field(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The document that is meant, and the path of the field in it.
    pub(super) fn find<'a>(&self, documents: &[&'a Document]) -> Result<(&'a Document, Path), ExplainError> {
        for document in documents {
            let rest = match &document.content {
                Content::Object(identity) => {
                    let name = [Some(identity.kind.as_str()), identity.namespace.as_deref(), Some(identity.name.as_str())];
                    let with_namespace: Vec<&str> = name.into_iter().flatten().collect();
                    let without = [identity.kind.as_str(), identity.name.as_str()];
                    self.behind(&with_namespace).or_else(|| self.behind(&without))
                }
                // A file of one document that is no object: the path begins at once.
                Content::Values | Content::Kustomization | Content::ChartRequest => Some(self.parts.as_slice()),
            };
            if let Some(rest) = rest {
                return Ok((document, path_in(&document.node, rest)));
            }
        }
        let names: Vec<String> = documents.iter().map(|document| format!("`{}`", address(document))).collect();
        let asked = self.parts.join("/");
        Err(ExplainError::NotThere(format!("`{}` holds no `{asked}`; it holds {}", self.file, names.join(", "))))
    }

    /// The parts behind those.
    fn behind(&self, name: &[&str]) -> Option<&[String]> {
        let fits = self.parts.len() >= name.len() && name.iter().zip(&self.parts).all(|(one, other)| one == other);
        fits.then(|| &self.parts[name.len()..])
    }

    /// That the document has no such field, and what it has in its place.
    pub(super) fn no_such_field(&self, document: &Document, field: &Path) -> ExplainError {
        let mut node: &Node = &document.node;
        for segment in field.segments() {
            let Some(next) = node.step(segment) else {
                let keys: Vec<&str> = node.as_map().into_iter().flat_map(|map| map.iter().map(|(key, _)| key)).collect();
                let near = match segment {
                    Segment::Key(key) => nearest(key, keys.iter().copied()),
                    Segment::Index(_) => None,
                };
                let help = match (near, keys.is_empty()) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, false) => format!("there are {} here", crate::finding::listed(keys)),
                    (None, true) => "nothing lies below it".to_owned(),
                };
                return ExplainError::NotThere(format!("{} has no field `{field}`; {help}", name_of(document)));
            };
            node = next;
        }
        ExplainError::NotThere(format!("{} has no field `{field}`", name_of(document)))
    }
}

/// Parts as a path: numbers lead into lists.
fn path_in(node: &Node, parts: &[String]) -> Path {
    let mut path = Path::default();
    let mut node = Some(node);
    for part in parts {
        let in_list = node.is_some_and(|node| matches!(node.value, Value::List(_)));
        path = match part.parse() {
            Ok(index) if in_list => path.index(index),
            _ => path.key(part),
        };
        node = node.zip(path.segments().last()).and_then(|(node, segment)| node.step(segment));
    }
    path
}

/// What a person calls a document.
pub(super) fn name_of(document: &Document) -> String {
    match &document.content {
        Content::Object(identity) => identity.to_string(),
        Content::Values => "the chart's values".to_owned(),
        Content::Kustomization => "the kustomization".to_owned(),
        Content::ChartRequest => "what the inventory says of a chart".to_owned(),
    }
}

/// What to write behind `#` for a document.
fn address(document: &Document) -> String {
    match &document.content {
        Content::Object(identity) => match &identity.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", identity.kind, identity.name),
            None => format!("{}/{}", identity.kind, identity.name),
        },
        Content::Values | Content::Kustomization | Content::ChartRequest => "field/path".to_owned(),
    }
}
