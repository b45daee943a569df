//! What is wrong with the defaults of tenants is wrong with every tenant, and told once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use camino::Utf8PathBuf;

use crate::finding::{Finding, Place, counted};
use crate::yaml::Segment;

/// A line from which several tenants have something: rule, file, line and column.
type Line = (&'static str, Utf8PathBuf, u32, u32);

/// The findings without those that other tenants have from the same line; those of the first tenant say how many there are.
/// `located` gives the place in a file.
pub(super) fn told_once(findings: Vec<Finding>, located: impl Fn(Place) -> Place) -> Vec<Finding> {
    let line_of = |finding: &Finding| -> Option<(Line, Box<str>)> {
        let tenant = tenant_of(&finding.place)?;
        let Place::File { file, line, column } = located(finding.place.clone()) else { return None };
        Some(((finding.rule.code, file, line, column), tenant))
    };
    let lines: Vec<Option<(Line, Box<str>)>> = findings.iter().map(line_of).collect();
    let mut first: HashMap<&Line, &str> = HashMap::new();
    let mut tenants: BTreeMap<&Line, BTreeSet<&str>> = BTreeMap::new();
    for (line, tenant) in lines.iter().flatten() {
        first.entry(line).or_insert(tenant);
        tenants.entry(line).or_default().insert(tenant);
    }
    let mut told = Vec::new();
    let mut said = BTreeSet::new();
    for (mut finding, line) in findings.into_iter().zip(&lines) {
        if let Some((line, tenant)) = line {
            if first.get(line).is_some_and(|first| **first != **tenant) {
                continue;
            }
            // A tenant has the same from one line in each of its namespaces.
            if !said.insert((line, finding.message.clone())) {
                continue;
            }
            match tenants.get(line).map_or(0, BTreeSet::len) {
                0 | 1 => {}
                number => finding.message.push_str(&format!("; likewise for {}", counted(number - 1, "other tenant"))),
            }
        }
        told.push(finding);
    }
    told
}

/// The tenant that a place in the inventory is about.
fn tenant_of(place: &Place) -> Option<Box<str>> {
    let (Place::Inventory(path) | Place::InventoryKey(path)) = place else { return None };
    match path.segments() {
        [Segment::Key(first), Segment::Key(tenant), ..] if **first == *"tenants" => Some(tenant.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{DURATION_NOT_GO, DURATION_UNSET};
    use crate::yaml::Path;

    #[test]
    fn what_tenants_have_from_one_line_is_told_for_the_first() {
        let finding = |rule, tenant: &str, field: &str| Finding::new(rule, Place::Inventory(Path::of(["tenants", tenant, field])), tenant);
        let findings = vec![
            finding(&DURATION_NOT_GO, "a", "duration"),
            finding(&DURATION_NOT_GO, "b", "duration"),
            finding(&DURATION_UNSET, "b", "duration"),
            finding(&DURATION_NOT_GO, "b", "own"),
            finding(&DURATION_NOT_GO, "c", "duration"),
            finding(&DURATION_NOT_GO, "a", "duration"),
        ];
        // `duration` stands in the defaults, `own` in a tenant.
        let located = |place: Place| match &place {
            Place::Inventory(path) if path.to_string().ends_with("duration") => Place::File { file: "x".into(), line: 3, column: 1 },
            Place::Inventory(_) => Place::File { file: "x".into(), line: 9, column: 1 },
            _ => place,
        };
        let told: Vec<String> = told_once(findings, located).into_iter().map(|finding| finding.message).collect();
        assert_eq!(told, ["a; likewise for 2 other tenants", "b", "b"]);
    }
}
