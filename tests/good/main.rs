//! Good inventories, of every form that trustree knows: nothing is found in them. And each of them with one thing broken:
//! the rule for that fires, and no rule that does not follow from it. False alarms are worse than gaps.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files")]

mod inventories;
mod mutations;
mod repository;

use repository::{Good, findings_of};
use trustree::finding::Level;

#[test]
fn nothing_is_found_in_good_inventories() {
    let goods = inventories::all();
    assert!(goods.len() >= 40, "{} inventories", goods.len());
    let mut problems = Vec::new();
    for (good, findings) in goods.iter().zip(findings_of(&goods)) {
        let loud = findings.into_iter().filter(|finding| finding.level > Level::Note);
        problems.extend(loud.map(|finding| format!("{}: {finding:#?}", good.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn each_mutation_is_found_and_nothing_that_does_not_follow_from_it() {
    mutations::run(&inventories::all());
}

#[test]
fn names_of_inventories_are_unique() {
    let mut names: Vec<String> = inventories::all().into_iter().map(|good: Good| good.name).collect();
    let number = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), number);
}
