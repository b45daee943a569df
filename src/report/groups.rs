//! What is the same in several environments, once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, Level, Place};

/// Sorts findings: most severe first, then by place, rule and message.
pub fn most_severe_first(findings: &mut [Finding]) {
    findings.sort_by_cached_key(|finding| key(finding, finding.message.clone()));
}

fn key(finding: &Finding, message: String) -> GroupKey {
    let (file, line, column) = match &finding.place {
        Place::File { file, line, column } => (file.to_string(), *line, *column),
        Place::Inventory(path) | Place::InventoryKey(path) => (path.to_string(), 0, 0),
    };
    (Reverse(finding.level), file, line, column, finding.rule.code, message)
}

/// Findings that are the same in several environments, once.
#[derive(Debug, Default)]
pub struct FindingGroups {
    groups: BTreeMap<GroupKey, Group>,
    /// Files in which secret material was found.
    secret: BTreeSet<Utf8PathBuf>,
}

/// Level (most severe first), file, line, column, rule and message without the environment's name.
type GroupKey = (Reverse<Level>, String, u32, u32, &'static str, String);

/// One finding and where it arises.
#[derive(Debug)]
pub struct Group {
    /// The finding, of the first environment.
    pub finding: Finding,
    /// The environments; none where it belongs to the repository as a whole.
    pub environments: Vec<String>,
}

impl FindingGroups {
    /// Findings that belong to no environment.
    pub fn of(findings: &[Finding]) -> FindingGroups {
        let mut groups = FindingGroups::default();
        findings.iter().for_each(|finding| groups.add(finding.clone(), None));
        groups
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding, environment: Option<&str>) {
        if let Place::File { file, .. } = &finding.place
            && finding.rule.is_about_secrets()
        {
            self.secret.insert(file.clone());
        }
        let message = environment
            .map_or_else(|| finding.message.clone(), |environment| finding.message.replace(&format!("`{environment}`"), "`{environment}`"));
        let group = self.groups.entry(key(&finding, message)).or_insert_with(|| Group { finding, environments: Vec::new() });
        if let Some(environment) = environment.filter(|environment| group.environments.last().is_none_or(|last| last != environment)) {
            group.environments.push(environment.to_owned());
        }
    }

    /// Whether a line of this file could show secret material, which must not end in a log.
    pub fn reveals(&self, file: &Utf8Path) -> bool {
        self.secret.contains(file)
    }

    /// Groups, most severe first, then by place.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The same, each with its message as it reads without the environment's name.
    pub fn with_messages(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.groups.iter().map(|((.., message), group)| (message.as_str(), group))
    }
}
