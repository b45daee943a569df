//! All files of one environment, before and after, to changes: an object that moves from one file to another is one
//! change and not two, rights and trust are looked at over everything that is there.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::certificates::stores;
use super::documents::{Document, Lone, Pair, documents_of, pairs, renames};
use super::entry::{Change, Code, FieldChange, Meaning, Object, Op, Risk, What};
use super::fields::{compare, leaves};
use super::shown::shown;
use super::trust::{Holder, Others};
use super::{provisioner, rights, trust};
use crate::finding::counted;
use crate::plan::{Action, Cause, FileChange, Plan};
use crate::tree::Digest;

/// What a plan changes, the worst first. `folder` is the environment's output folder, `environment` its name.
pub fn changes(plan: &Plan, folder: &str, environment: &str) -> Vec<Change> {
    if plan.changes.is_empty() {
        return Vec::new();
    }
    let files: Vec<File<'_>> = plan.changes.iter().map(File::read).collect();
    let (old, new) = (documents(&files, |file| file.before.as_ref()), documents(&files, |file| file.after.as_ref()));
    let mut found = Comparison::new(plan, &files, &old, &new).changes();
    for change in &mut found {
        change.finish(folder, environment, &files);
    }
    found.sort_by(|a, b| a.severity().cmp(&b.severity()).then_with(|| (&a.file, &a.object).cmp(&(&b.file, &b.object))));
    found
}

/// The documents of one side of all files.
fn documents(files: &[File<'_>], side: for<'a> fn(&'a File<'_>) -> Option<&'a Side>) -> Vec<Document> {
    files.iter().filter_map(side).flat_map(|side| side.documents.clone()).collect()
}

/// One side of a file.
struct Side {
    text: String,
    documents: Vec<Document>,
}

/// A file of the plan with its documents.
struct File<'a> {
    path: &'a str,
    cause: Cause,
    /// Whether it stays as it is.
    is_left: bool,
    before: Option<Side>,
    after: Option<Side>,
    /// Why one of the sides cannot be read; neither has documents then.
    unreadable: Option<String>,
    /// The worst of what the readable side of an unreadable file holds.
    risk: Risk,
}

impl<'a> File<'a> {
    fn read(change: &'a FileChange) -> File<'a> {
        let path = change.path.as_str();
        let mut file = File {
            path,
            cause: change.cause,
            is_left: change.action == Action::Leave,
            before: None,
            after: None,
            unreadable: None,
            risk: Risk::Rest,
        };
        let before = change.before.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let after = if file.is_left { before.clone() } else { change.after.as_deref().map(str::to_owned) };
        file.before = before.map(|text| file.side(text, "what is there now"));
        file.after = after.map(|text| file.side(text, "what is rendered"));
        if file.unreadable.is_some() {
            for side in [&mut file.before, &mut file.after].into_iter().flatten() {
                let documents = std::mem::take(&mut side.documents);
                file.risk = documents.iter().map(risk_of_document).min().unwrap_or(Risk::Rest).min(file.risk);
            }
        }
        file
    }

    fn side(&mut self, text: String, which: &str) -> Side {
        match documents_of(self.path, &text) {
            Ok(documents) => Side { text, documents },
            Err(reason) => {
                self.unreadable.get_or_insert_with(|| format!("{which} cannot be read ({reason}), so its objects cannot be compared"));
                Side { text, documents: Vec::new() }
            }
        }
    }

    /// Lines added and removed, in words.
    fn lines(&self) -> String {
        let text = |side: &'_ Option<Side>| side.as_ref().map(|side| side.text.clone()).unwrap_or_default();
        let (old, new) = (text(&self.before), text(&self.after));
        let difference = TextDiff::from_lines(&old, &new);
        let count = |tag: ChangeTag| difference.iter_all_changes().filter(|change| change.tag() == tag).count();
        format!("{} added, {} removed", counted(count(ChangeTag::Insert), "line"), count(ChangeTag::Delete))
    }

    /// A change of the file itself.
    fn change(&self, what: What, meanings: Vec<Meaning>) -> Change {
        Change {
            risk: Risk::Rest,
            what,
            object: None,
            file: Some(self.path.into()),
            from: None,
            cause: Some(self.cause),
            meanings,
            fields: Vec::new(),
            folder: Utf8PathBuf::new(),
            fingerprint: Digest::of(b""),
        }
    }
}

/// How much can break where such a document differs in a way that nobody knows.
fn risk_of_document(document: &Document) -> Risk {
    if stores(&document.value).is_empty() { risk_of_kind(document.object.as_ref()) } else { Risk::Trust }
}

fn risk_of_kind(object: Option<&Object>) -> Risk {
    let Some(object) = object else { return Risk::Rest };
    let is_issuer = object.group == "cert-manager.io" && matches!(object.kind.as_str(), "Issuer" | "ClusterIssuer");
    match object {
        object if rights::is_about_rights(&object.group, &object.kind) => Risk::Rbac,
        object if is_issuer || provisioner::is_step_issuer(object) => Risk::Issuer,
        _ => Risk::Rest,
    }
}

/// What goes along with an object that is in no file any more.
fn goes_along(document: &Document) -> Option<Meaning> {
    let object = document.object.as_ref()?;
    let annotations = document.value.pointer("/metadata/annotations");
    let is_marked = |key: &str, value: &str| annotations.and_then(|all| all.get(key)).and_then(Value::as_str) == Some(value);
    match (object.group.as_str(), object.kind.as_str()) {
        // It is marked to stay.
        ("apiextensions.k8s.io", "CustomResourceDefinition")
            if is_marked("argocd.argoproj.io/sync-options", "Prune=false")
                && is_marked("kustomize.toolkit.fluxcd.io/prune", "disabled") =>
        {
            None
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let kind = document.value.pointer("/spec/names/kind").and_then(Value::as_str).unwrap_or("object of the kind");
            let text = format!("an engine that prunes deletes the definition, and with it every {kind} in the cluster");
            Some(Meaning::new(Code::DefinitionRemoved, text))
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            let text = "Flux uninstalls what this release has installed; `suspend: true`, committed before, keeps it";
            Some(Meaning::new(Code::ReleaseRemoved, text))
        }
        _ => None,
    }
}

/// The whole environment while it is compared.
struct Comparison<'a> {
    files: &'a [File<'a>],
    old: &'a [Document],
    new: &'a [Document],
    /// New file names to old ones.
    renamed: BTreeMap<String, String>,
    surroundings: Surroundings<'a>,
}

impl<'a> Comparison<'a> {
    fn new(plan: &'a Plan, files: &'a [File<'a>], old: &'a [Document], new: &'a [Document]) -> Comparison<'a> {
        let renamed = renames(&lone(files, |file| (&file.before, &file.after)), &lone(files, |file| (&file.after, &file.before)));
        Comparison { files, old, new, renamed, surroundings: Surroundings { plan, new, same: OnceCell::new(), holders: OnceCell::new() } }
    }

    fn changes(&self) -> Vec<Change> {
        let pairs = pairs(self.old, self.new, &self.renamed);
        let mut found: Vec<Change> = pairs.iter().filter_map(|pair| self.of_pair(pair)).collect();
        found.extend(self.rights(&pairs));
        found.extend(self.files(&found));
        found
    }

    /// What happens to one document; None where it is the same in the same file, or in a file with a new name.
    fn of_pair(&self, (old, new): &Pair<'_>) -> Option<Change> {
        let (document, from) = match (old, new) {
            (Some(old), Some(new)) => {
                let stays = old.file == new.file || self.renamed.get(&new.file) == Some(&old.file);
                if stays && old.value == new.value {
                    return None;
                }
                (*new, (!stays).then(|| Utf8PathBuf::from(&old.file)))
            }
            (Some(only), None) | (None, Some(only)) => (*only, None),
            (None, None) => return None,
        };
        let is_object = document.object.as_ref().is_some_and(|object| object.name.is_some());
        let file = self.files.iter().find(|file| file.path == document.file)?;
        let file_stays = file.before.is_some() && file.after.is_some();
        let what = match (old, new, is_object) {
            (None, _, true) => What::ObjectAdded,
            (_, None, true) => What::ObjectRemoved,
            (None, _, false) if file_stays => What::DocumentAdded,
            (_, None, false) if file_stays => What::DocumentRemoved,
            (None, _, false) => What::FileAdded,
            (_, None, false) => What::FileRemoved,
            _ if from.is_some() => What::ObjectMoved,
            (_, _, true) => What::ObjectChanged,
            (_, _, false) => What::FileChanged,
        };
        let fields = fields(document.object.as_ref(), old.map(|old| &old.value), new.map(|new| &new.value));
        let mut meanings = self.meanings(document, *old, *new);
        if document.value.is_string() && what == What::FileChanged {
            meanings.push(Meaning::new(Code::Remark, file.lines()));
        }
        meanings.sort_by_key(|meaning| meaning.code);
        let risk = risk(document.object.as_ref(), what, &meanings, &fields);
        Some(Change { risk, object: document.object.clone(), from, fields, ..file.change(what, meanings) })
    }

    fn meanings(&self, document: &Document, old: Option<&Document>, new: Option<&Document>) -> Vec<Meaning> {
        let in_side = |side: Option<&Document>| side.map(|side| stores(&side.value)).unwrap_or_default();
        let url = |side: Option<&Document>| side.and_then(|side| url_of(&side.value));
        let others = OthersOf { surroundings: &self.surroundings, me: new, url: url(new).filter(|new| url(old).as_ref() == Some(new)) };
        let mut found = trust::meanings(&in_side(old), &in_side(new), &others);
        if let (Some(old), Some(new)) = (old, new) {
            found.extend(provisioner::meanings(document.object.as_ref(), &old.value, &new.value));
        }
        if new.is_none() {
            found.extend(old.and_then(goes_along));
        }
        found
    }

    /// What the changed roles and bindings together give and take.
    fn rights(&self, pairs: &[Pair<'_>]) -> Vec<Change> {
        let differs = |(old, new): &&Pair<'_>| match (old, new) {
            (Some(old), Some(new)) => old.value != new.value && is_about_rights(new),
            (one, other) => one.or(*other).is_some_and(is_about_rights),
        };
        if !pairs.iter().any(|pair| differs(&pair)) {
            return Vec::new();
        }
        let same = self.surroundings.same();
        let all = |side: &'_ [Document]| -> Vec<Document> { side.iter().chain(same).filter(|one| is_about_rights(one)).cloned().collect() };
        let (old, new) = (all(self.old), all(self.new));
        let told = rights::changes(&old.iter().collect::<Vec<_>>(), &new.iter().collect::<Vec<_>>());
        let change = |(object, meanings): (Object, Vec<Meaning>)| Change {
            risk: Risk::Rbac,
            what: What::RightsChanged,
            object: Some(object),
            file: None,
            from: None,
            cause: None,
            meanings,
            fields: Vec::new(),
            folder: Utf8PathBuf::new(),
            fingerprint: Digest::of(b""),
        };
        told.into_iter().map(change).collect()
    }

    /// What is to be said of files as such: new names, what cannot be read, and files in which no value differs.
    fn files(&self, of_documents: &[Change]) -> Vec<Change> {
        let told: BTreeSet<&str> =
            of_documents.iter().flat_map(|change| [&change.file, &change.from]).flatten().map(|path| path.as_str()).collect();
        let old_names: BTreeSet<&String> = self.renamed.values().collect();
        let mut found = Vec::new();
        for file in self.files {
            if let Some(old) = self.renamed.get(file.path) {
                found.push(Change { from: Some(old.into()), ..file.change(What::FileRenamed, Vec::new()) });
            } else if file.is_left {
                let text = "no longer rendered, and edited by hand: it stays as it is";
                found.push(file.change(What::FileLeft, vec![Meaning::new(Code::Remark, text)]));
            } else if let Some(reason) = &file.unreadable {
                let meanings = vec![Meaning::new(Code::Unreadable, reason), Meaning::new(Code::Remark, file.lines())];
                found.push(Change { risk: file.risk, ..file.change(What::FileChanged, meanings) });
            } else if !told.contains(file.path) && !old_names.iter().any(|old| *old == file.path) {
                found.push(without_values(file));
            }
        }
        found
    }
}

/// A file in which no value differs.
fn without_values(file: &File<'_>) -> Change {
    match (&file.before, &file.after) {
        (Some(before), Some(after)) if before.text == after.text => {
            let text = "the same text: the name of the file changes in case, or the ledger takes it up";
            file.change(What::LayoutOnly, vec![Meaning::new(Code::Remark, text)])
        }
        (Some(_), Some(_)) => file.change(What::LayoutOnly, Vec::new()),
        (None, _) => file.change(What::FileAdded, Vec::new()),
        (_, None) => file.change(What::FileRemoved, Vec::new()),
    }
}

/// Files that have a side that another side lacks.
fn lone<'a>(files: &'a [File<'_>], sides: fn(&'a File<'_>) -> (&'a Option<Side>, &'a Option<Side>)) -> Vec<Lone<'a>> {
    let one = |file: &'a File<'_>| match sides(file) {
        (Some(side), None) if !file.is_left => Some(Lone { path: file.path, text: &side.text, documents: &side.documents }),
        _ => None,
    };
    files.iter().filter_map(one).collect()
}

fn is_about_rights(document: &Document) -> bool {
    document.object.as_ref().is_some_and(|object| rights::is_about_rights(&object.group, &object.kind))
}

/// The fields that differ, or that are new; what is gone is told by its name alone.
fn fields(object: Option<&Object>, old: Option<&Value>, new: Option<&Value>) -> Vec<FieldChange> {
    let is_secret = [old, new].into_iter().flatten().any(is_secret);
    let raw = match (old, new) {
        // A text is told by its lines.
        (Some(Value::String(_)), _) | (_, Some(Value::String(_))) | (_, None) => return Vec::new(),
        (Some(old), Some(new)) => compare(old, new),
        (None, Some(new)) => leaves(new).into_iter().filter(|leaf| object.is_none() || !is_identity(&leaf.path)).collect(),
    };
    raw.into_iter().map(|change| shown(change, is_secret)).collect()
}

/// Whether it is a Secret, be it one without a name in the place of something else.
fn is_secret(value: &Value) -> bool {
    value.get("kind").is_some_and(|kind| kind == "Secret") && value.get("apiVersion").is_none_or(|version| version == "v1")
}

/// What the headline of a new object says already.
fn is_identity(path: &str) -> bool {
    matches!(path, "apiVersion" | "kind" | "metadata.name" | "metadata.namespace")
}

fn risk(object: Option<&Object>, what: What, meanings: &[Meaning], fields: &[FieldChange]) -> Risk {
    if meanings.iter().any(|meaning| meaning.is_about_trust() && meaning.code != Code::CertificatesReordered) {
        return Risk::Trust;
    }
    if meanings.iter().any(|meaning| matches!(meaning.code, Code::DefinitionRemoved | Code::ReleaseRemoved)) {
        return Risk::Issuer;
    }
    let is_rewritten = !fields.is_empty() && fields.iter().all(|field| field.op == Op::Rewrite);
    if is_rewritten || (what == What::ObjectMoved && fields.is_empty()) {
        return Risk::Rest;
    }
    let names_issuer = |field: &FieldChange| {
        let path = field.path.strip_prefix("spec.values.").unwrap_or(&field.path);
        ["spec.issuerRef", "stepIssuer.", "stepClusterIssuer."].iter().any(|start| path.starts_with(start))
    };
    match risk_of_kind(object) {
        Risk::Rest if what != What::ObjectAdded && fields.iter().any(names_issuer) => Risk::Issuer,
        risk => risk,
    }
}

/// The CA that an issuer asks.
fn url_of(value: &Value) -> Option<String> {
    value.pointer("/spec/url").and_then(Value::as_str).map(str::to_owned)
}

/// Everything else that is in the environment after the change, read only when it is asked for.
struct Surroundings<'a> {
    plan: &'a Plan,
    new: &'a [Document],
    same: OnceCell<Vec<Document>>,
    holders: OnceCell<Vec<(Document, Holder)>>,
}

impl Surroundings<'_> {
    /// The documents of files that do not change. One that cannot be read holds nothing that could be compared.
    fn same(&self) -> &[Document] {
        self.same.get_or_init(|| {
            let read = |(path, text): &(crate::tree::OutPath, std::sync::Arc<str>)| documents_of(path.as_str(), text).unwrap_or_default();
            self.plan.same.iter().flat_map(read).collect()
        })
    }

    fn holders(&self) -> &[(Document, Holder)] {
        self.holders.get_or_init(|| {
            let holder = |document: &Document| {
                let stores = stores(&document.value);
                let label = document.object.as_ref().map_or_else(|| format!("`{}`", document.file), ToString::to_string);
                (!stores.is_empty()).then(|| (document.clone(), Holder { label, url: url_of(&document.value), stores }))
            };
            self.new.iter().chain(self.same()).filter_map(holder).collect()
        })
    }
}

/// The surroundings of one document.
struct OthersOf<'a> {
    surroundings: &'a Surroundings<'a>,
    /// The document itself, where it is still there.
    me: Option<&'a Document>,
    url: Option<String>,
}

impl Others for OthersOf<'_> {
    fn holders(&self) -> Vec<&Holder> {
        self.surroundings.holders().iter().filter(|(document, _)| Some(document) != self.me).map(|(_, holder)| holder).collect()
    }

    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn is_gone(&self) -> bool {
        self.me.is_none()
    }
}

impl Change {
    /// Gives it its fingerprint, in which the environment's folder does not count, and its paths below the repository.
    fn finish(&mut self, folder: &str, environment: &str, files: &[File<'_>]) {
        // A change has string keys only.
        let mut parts = vec![serde_json::to_string(self).unwrap_or_default()];
        let is_text = self.object.is_none() && self.fields.is_empty();
        if let Some(file) = files.iter().find(|file| is_text && self.file.as_ref().is_some_and(|path| path == file.path)) {
            // What is told of a text are numbers of lines.
            let text = |side: &Option<Side>| side.as_ref().map(|side| side.text.replace(&format!("/{environment}/"), "/{environment}/"));
            parts.extend([text(&file.before), text(&file.after)].into_iter().flatten().filter(|_| self.what == What::FileChanged));
        }
        self.fingerprint = Digest::of_parts(parts.iter().map(String::as_bytes));
        self.folder = folder.into();
        let below = |path: &Utf8PathBuf| Utf8PathBuf::from(format!("{folder}/{path}"));
        self.file = self.file.as_ref().map(below);
        self.from = self.from.as_ref().map(below);
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
