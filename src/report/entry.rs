//! Findings and drift as one list, most severe first, for formats that know only one kind of thing.

use std::borrow::Cow;
use std::collections::HashMap;

use camino::Utf8Path;

use crate::finding::{Finding, Level, Place, Rule};
use crate::report::text::without_control;
use crate::report::{DriftGroup, Group, Whole};
use crate::tree::Digest;

/// Hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 32;

/// One thing that is told, whatever it is.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The rule that it breaks.
    pub rule: &'static Rule,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong, without control characters.
    pub message: Cow<'a, str>,
    /// What to do, without control characters.
    pub help: Option<Cow<'a, str>>,
    /// Path below the repository, with `/`.
    pub file: String,
    /// Line, from 1; None for the file as a whole.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// Where it is the same; none where it belongs to the repository as a whole.
    pub environments: &'a [String],
    /// Names it from run to run: the same when lines move or environments come and go, another for each entry.
    pub fingerprint: String,
}

/// Path, line and column of a finding.
pub(super) fn position(finding: &Finding) -> (String, Option<u32>, Option<u32>) {
    position_of(&finding.place)
}

/// The same of a place.
pub(super) fn position_of(place: &Place) -> (String, Option<u32>, Option<u32>) {
    match place {
        Place::File { file, line: 0, .. } => (with_slashes(file), None, None),
        Place::File { file, line, column } => (with_slashes(file), Some(*line), Some(*column).filter(|column| *column > 0)),
        Place::Inventory(path) | Place::InventoryKey(path) => (path.to_string(), None, None),
    }
}

/// The path as it is written everywhere, also on Windows.
fn with_slashes(file: &Utf8Path) -> String {
    file.components().map(|component| component.as_str()).collect::<Vec<_>>().join("/")
}

impl<'a> Whole<'a> {
    /// Findings at level error, then drift, then the other findings, each by place.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let mut fingerprints = Fingerprints::default();
        let errors = self.findings.with_messages().filter(|(_, group)| group.finding.level == Level::Error).map(Item::Finding);
        let others = self.findings.with_messages().filter(|(_, group)| group.finding.level != Level::Error).map(Item::Finding);
        let drift = self.drift.iter().map(Item::Drift);
        errors.chain(drift).chain(others).map(move |item| item.entry(&mut fingerprints))
    }
}

/// What becomes an entry: a group, and what is the same in all of it.
enum Item<'a> {
    Finding((&'a str, &'a Group)),
    Drift((&'a str, &'a DriftGroup)),
}

impl<'a> Item<'a> {
    fn entry(self, fingerprints: &mut Fingerprints) -> Entry<'a> {
        match self {
            Item::Finding((alike, group)) => {
                let finding = &group.finding;
                let (file, line, column) = position(finding);
                Entry {
                    rule: finding.rule,
                    level: finding.level,
                    message: without_control(&finding.message),
                    help: finding.help.as_deref().map(without_control),
                    fingerprint: fingerprints.next([finding.rule.code, &file, alike]),
                    file,
                    line,
                    column,
                    environments: &group.environments,
                }
            }
            Item::Drift((below, DriftGroup { drift, environments })) => {
                let rule = drift.rule();
                let message = drift.message();
                Entry {
                    rule,
                    level: rule.level,
                    fingerprint: fingerprints.next([rule.code, below, &message]),
                    message: Cow::Owned(without_control(&message).into_owned()),
                    help: drift.help().map(Cow::Borrowed),
                    file: drift.path.clone(),
                    line: None,
                    column: None,
                    environments,
                }
            }
        }
    }
}

impl Entry<'_> {
    /// The path as CI systems count it: from the root of the Git work tree, in which the repository lies at `prefix`.
    pub fn path_from(&self, prefix: &Utf8Path) -> String {
        match (prefix.as_str(), self.file.as_str()) {
            // GitHub refuses a whole report for one empty path.
            ("", "") => ".".to_owned(),
            ("", file) => file.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, file) => format!("{prefix}/{file}"),
        }
    }
}

/// Gives fingerprints, no two the same.
#[derive(Debug, Default)]
struct Fingerprints {
    given: HashMap<Digest, u32>,
}

impl Fingerprints {
    /// Of what is the same from run to run. Several that agree in it are numbered, in the order of their lines.
    fn next(&mut self, parts: [&str; 3]) -> String {
        let same = Digest::of_parts(parts.map(str::as_bytes));
        let number = self.given.entry(same).or_default();
        *number += 1;
        let digest = if *number == 1 { same } else { Digest::of_parts([same.to_string().as_bytes(), number.to_string().as_bytes()]) };
        digest.to_string().chars().take(FINGERPRINT_DIGITS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{DURATION_UNSET, UNKNOWN_FIELD};
    use crate::report::testing::with_whole;
    use crate::report::{FindingGroups, Summary};

    fn found(line: u32, message: &str) -> Finding {
        Finding::new(&UNKNOWN_FIELD, Place::File { file: "a.yaml".into(), line, column: 1 }, message)
    }

    fn fingerprints(findings: &[Finding]) -> Vec<String> {
        let of = |whole: &Whole<'_>| whole.entries().map(|entry| entry.fingerprint).collect();
        with_whole(&FindingGroups::of(findings), &Summary::default(), of)
    }

    #[test]
    fn a_fingerprint_does_not_change_when_lines_move_and_is_never_given_twice() {
        let before = fingerprints(&[found(3, "x"), found(9, "x"), found(9, "y")]);
        let after = fingerprints(&[found(4, "x"), found(10, "x"), found(10, "y")]);
        assert_eq!(before, after);
        let different: std::collections::BTreeSet<&String> = before.iter().collect();
        assert_eq!(different.len(), 3);
        assert!(before.iter().all(|fingerprint| fingerprint.len() == FINGERPRINT_DIGITS));
    }

    #[test]
    fn an_environments_name_is_no_part_of_it() {
        let of = |environments: &[&str]| {
            let mut groups = FindingGroups::default();
            for name in environments {
                groups.add(found(3, &format!("`{name}` is wrong")), Some(name));
            }
            let of = |whole: &Whole<'_>| whole.entries().map(|entry| (entry.fingerprint, entry.environments.len())).collect::<Vec<_>>();
            with_whole(&groups, &Summary::default(), of)
        };
        let (both, one) = (of(&["dev", "prod"]), of(&["prod"]));
        assert_eq!((both.len(), both[0].1, one[0].1), (1, 2, 1));
        assert_eq!(both[0].0, one[0].0);
    }

    #[test]
    fn the_effective_level_decides_the_order() {
        let raised = Finding::new(&DURATION_UNSET, Place::whole("z.yaml"), "raised").at(Level::Error);
        let lowered = found(1, "lowered").at(Level::Note);
        let groups = FindingGroups::of(&[lowered, raised]);
        let of = |whole: &Whole<'_>| whole.entries().map(|entry| entry.message.into_owned()).collect::<Vec<_>>();
        assert_eq!(with_whole(&groups, &Summary::default(), of), ["raised", "lowered"]);
    }
}
