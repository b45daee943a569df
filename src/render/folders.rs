//! The folders that components write: none of the user's own may be another's, or lie in one. Where a file system does not
//! tell letters of different case apart, neither do we.

use super::component::Component;
use super::place::STAGES_FOLDER;
use super::specification::COMPONENT_FILE;
use crate::finding::{Finding, PATH_ESCAPES, Place};

/// The folders of components, in the order in which they were written.
#[derive(Default)]
pub(super) struct Folders<'a> {
    written: Vec<(&'a Component, String)>,
}

impl<'a> Folders<'a> {
    /// Remembers where a component was written.
    pub(super) fn add(&mut self, component: &'a Component, folder: &str) {
        self.written.push((component, folder.to_owned()));
    }

    /// Every folder that is not its component's alone. `has_stages` says that the environment keeps a folder for itself.
    pub(super) fn findings(&self, has_stages: bool) -> Vec<Finding> {
        if !self.written.iter().any(|(component, _)| component.is_own()) {
            return Vec::new();
        }
        let mut sorted: Vec<(String, Option<&Component>, &str)> =
            self.written.iter().map(|(component, folder)| (key(folder), Some(*component), folder.as_str())).collect();
        if has_stages {
            sorted.push((key(STAGES_FOLDER), None, STAGES_FOLDER));
        }
        // What lies in a folder follows it at once, and so does its twin.
        sorted.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut findings = Vec::new();
        let mut outer: Option<&(String, Option<&Component>, &str)> = None;
        for one in &sorted {
            match outer {
                Some(other) if one.0.starts_with(&other.0) => findings.extend(clash(one, other)),
                _ => outer = Some(one),
            }
        }
        findings
    }
}

/// In lower case and with an end, so that `a` does not seem to hold `ab`.
fn key(folder: &str) -> String {
    format!("{}/", folder.to_ascii_lowercase())
}

fn clash(
    (_, one, folder): &(String, Option<&Component>, &str),
    (_, other, around): &(String, Option<&Component>, &str),
) -> Option<Finding> {
    let named = |component: &Option<&Component>| {
        component.map_or("`trustree` itself".to_owned(), |component| format!("component `{}`", component.name))
    };
    let blamed = [one, other].into_iter().flatten().find(|component| component.is_own())?;
    let place = Place::whole(blamed.source(COMPONENT_FILE));
    let message = if folder == around {
        format!("the folder `{folder}` is written for {} and for {}", named(one), named(other))
    } else if folder.eq_ignore_ascii_case(around) {
        format!("`{folder}` of {} and `{around}` of {} are the same folder on some systems", named(one), named(other))
    } else {
        format!("`{folder}` of {} lies in `{around}` of {}", named(one), named(other))
    };
    let help = "let `namespace:` and `folder:` of the component lead to another folder";
    Some(Finding::new(&PATH_ESCAPES, place, message).help(help))
}
