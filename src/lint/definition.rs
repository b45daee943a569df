//! Rules about objects whose kind the user's CustomResourceDefinitions define: they are checked as the API server would.
//! Comes last, and says nothing about a place where another rule has found an error.

use std::collections::BTreeSet;

use super::Lint;
use super::object::Object;
use crate::finding::{Finding, Level, MANIFEST_NOT_CHECKED, MANIFEST_UNKNOWN_FIELD, MANIFEST_WRONG_TYPE, Place, counted, listed};
use crate::manifest::crd::{Checked, CrdFlaw, CrdFlawKind};
use crate::yaml::Path;

/// Judges every object whose kind is defined.
pub(super) fn check(lint: &mut Lint<'_>) {
    let definitions = lint.scope.definitions;
    if definitions.is_empty() {
        return;
    }
    let mut kinds = BTreeSet::new();
    for object in lint.objects.clone() {
        match definitions.check(&object.document.node) {
            Checked::UnknownKind => continue,
            Checked::UnknownVersion { served } => unknown_version(lint, object, &served),
            Checked::Flaws(flaws) => flaws.into_iter().for_each(|flaw| told(lint, object, flaw)),
        }
        kinds.insert((object.identity.group.as_str(), object.identity.kind.as_str()));
    }
    kinds.into_iter().for_each(|(group, kind)| unchecked(lint, group, kind));
}

fn unknown_version(lint: &mut Lint<'_>, object: Object<'_>, served: &[String]) {
    let message = format!("the API server does not serve {} in this version, says its definition", object.identity.kind);
    let help = format!("the versions that it serves are {}", listed(served.iter().map(String::as_str)));
    let place = lint.place(object.document, &Path::of(["apiVersion"]));
    add(lint, object, Finding::new(&MANIFEST_WRONG_TYPE, place, message).help(help));
}

fn told(lint: &mut Lint<'_>, object: Object<'_>, flaw: CrdFlaw) {
    let rule = match flaw.kind {
        CrdFlawKind::UnknownField => &MANIFEST_UNKNOWN_FIELD,
        CrdFlawKind::MissingField | CrdFlawKind::WrongType | CrdFlawKind::BadValue | CrdFlawKind::RuleRefused => &MANIFEST_WRONG_TYPE,
        CrdFlawKind::NotChecked => &MANIFEST_NOT_CHECKED,
    };
    let place = match flaw.kind {
        CrdFlawKind::UnknownField => lint.key_place(object.document, &flaw.path),
        _ => lint.place(object.document, &flaw.path),
    };
    let help = flaw.help.unwrap_or_else(|| format!("the definition of {} in the folder that `crds` names says so", object.identity.kind));
    add(lint, object, Finding::new(rule, place, flaw.message).help(help));
}

/// Rules of a definition that are never evaluated, once for the kind.
fn unchecked(lint: &mut Lint<'_>, group: &str, kind: &str) {
    let definitions = lint.scope.definitions;
    let rules = definitions.unchecked_rules(group, kind);
    let (Some(first), Some((file, line))) = (rules.first(), definitions.place(group, kind)) else { return };
    let message = format!("{} of {kind} could not be checked, the first because {}", counted(rules.len(), "rule"), first.reason);
    let place =
        Place::File { file: file.to_owned(), line: if first.at.line > 0 { first.at.line } else { line }, column: first.at.column.max(1) };
    let finding = Finding::new(&MANIFEST_NOT_CHECKED, place, message);
    lint.add_ours(finding.help("the API server will check them: try the objects with `kubectl apply --dry-run=server`"));
}

fn add(lint: &mut Lint<'_>, object: Object<'_>, finding: Finding) {
    if !lint.has_error_at(&finding.place) {
        lint.add(object.document, finding);
    }
}

impl Lint<'_> {
    /// Whether an error was found at a place already.
    fn has_error_at(&self, place: &Place) -> bool {
        let found = self.verdict.ours.iter().chain(&self.verdict.theirs);
        found.filter(|finding| finding.level == Level::Error).any(|finding| finding.place == *place)
    }
}
