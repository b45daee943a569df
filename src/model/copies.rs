//! Copies between namespaces: what replicator and reflector must be told so that they copy, and to nobody else. Both read a
//! comma list of regular expressions; an inventory holds names and globs. Sources: kubernetes-replicator
//! `replicate/common/common.go` (`BuildStrictRegex` sets `^` and `$` around each), kubernetes-reflector
//! `Mirroring/Core/MirroringPropertiesExtensions.cs` (`PatternListMatch`: the match must be as long as the name, and an empty
//! list means every namespace).

use std::collections::BTreeMap;

use crate::finding::{NAME_INVALID, WRONG_TYPE};
use crate::inventory::CopyProgram;
use crate::manifest::dns_label_problem;
use crate::model::resolution::Resolution;
use crate::yaml::Path;

/// What the annotations of replicator begin with.
pub(super) const REPLICATOR: &str = "replicator.v1.mittwald.de/";
/// What the annotations of reflector begin with.
pub(super) const REFLECTOR: &str = "reflector.v1.k8s.emberstack.com/";

/// What the annotations of a program begin with.
pub(super) fn prefix(program: CopyProgram) -> &'static str {
    match program {
        CopyProgram::Replicator => REPLICATOR,
        CopyProgram::Reflector => REFLECTOR,
    }
}

/// Whether a text stands for several namespaces.
pub(super) fn is_glob(namespace: &str) -> bool {
    namespace.contains('*')
}

/// Whether every entry of a list names a namespace, or is a glob; what is neither is reported at its place.
pub(super) fn check_namespaces(resolution: &mut Resolution<'_>, path: &Path, namespaces: &[String]) -> bool {
    let mut are_sound = true;
    for (index, namespace) in namespaces.iter().enumerate() {
        // A star may stand for any part of a name.
        let Some(problem) = dns_label_problem(&namespace.replace('*', "a")) else { continue };
        are_sound = false;
        let help = match namespace.contains(".*") {
            true => format!("write `{}`: it is made a regular expression later", namespace.replace(".*", "*").replace(['^', '$'], "")),
            false => "write a name such as `shop`, or a pattern such as `team-*`".to_owned(),
        };
        resolution.report(&NAME_INVALID, path.index(index), format!("`{namespace}` names no namespace: {problem}"), help);
    }
    are_sound
}

/// Whether a list names somebody; an empty one is reported, as both programs would take it for everybody or nobody.
pub(super) fn check_not_empty(resolution: &mut Resolution<'_>, path: &Path, namespaces: &[String]) -> bool {
    if namespaces.is_empty() {
        let help = "name the namespaces, such as `[shop, team-*]`; `[\"*\"]` is every one";
        resolution.report(&WRONG_TYPE, path.clone(), "the list names no namespace, so nothing is copied", help);
    }
    !namespaces.is_empty()
}

/// Annotations of a source with which a program makes copies in these namespaces.
pub(super) fn pushed(program: CopyProgram, namespaces: &[String]) -> BTreeMap<String, String> {
    let list = expressions(namespaces);
    match program {
        // It sets `^` and `$` around each when it copies, and none when it deletes the copies of a source that goes: then
        // `shop` would mean `workshop`, too. Source: `DeleteResources` in `replicate/common/generic-replicator.go`, 2.12.4.
        CopyProgram::Replicator => {
            let whole: Vec<String> = list.split(',').map(|expression| format!("^{expression}$")).collect();
            annotations(REPLICATOR, [("replicate-to", whole.join(","))])
        }
        CopyProgram::Reflector => annotations(
            REFLECTOR,
            [
                ("reflection-allowed", "true".to_owned()),
                // Each of the lists is every namespace where it is left out, and both must fit.
                ("reflection-allowed-namespaces", list.clone()),
                ("reflection-auto-enabled", "true".to_owned()),
                ("reflection-auto-namespaces", list),
            ],
        ),
    }
}

/// Annotations of a source with which a program fills copies that are there already.
pub(super) fn allowed(program: CopyProgram, namespaces: &[String]) -> BTreeMap<String, String> {
    let (allowed, list) = match program {
        CopyProgram::Replicator => ("replication-allowed", "replication-allowed-namespaces"),
        CopyProgram::Reflector => ("reflection-allowed", "reflection-allowed-namespaces"),
    };
    annotations(prefix(program), [(allowed, "true".to_owned()), (list, expressions(namespaces))])
}

/// Annotations of a copy that a program fills.
pub(super) fn filled(program: CopyProgram, namespace: &str, name: &str) -> BTreeMap<String, String> {
    let annotation = match program {
        CopyProgram::Replicator => "replicate-from",
        CopyProgram::Reflector => "reflects",
    };
    annotations(prefix(program), [(annotation, format!("{namespace}/{name}"))])
}

/// The annotation with which replicator makes copies in namespaces with these labels.
pub(super) fn matching(selector: &BTreeMap<String, String>) -> (String, String) {
    let labels: Vec<String> = selector.iter().map(|(label, value)| format!("{label}={value}")).collect();
    (format!("{REPLICATOR}replicate-to-matching"), labels.join(","))
}

/// The annotation with which replicator leaves the labels of a source out of its copies. Where an engine follows its objects
/// by a label, it would take a copy for one of them, and delete it.
pub(super) fn without_labels() -> (String, String) {
    (format!("{REPLICATOR}strip-labels"), "true".to_owned())
}

/// The comma list that both programs read. Of what a name of a namespace and a star may hold, only the star means something
/// in a regular expression; no blank stands behind a comma.
fn expressions(namespaces: &[String]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for namespace in namespaces.iter().filter(|namespace| !namespace.is_empty()) {
        if !seen.contains(&namespace.as_str()) {
            seen.push(namespace);
        }
    }
    seen.iter().map(|namespace| namespace.replace('*', ".*")).collect::<Vec<_>>().join(",")
}

fn annotations<const N: usize>(prefix: &str, list: [(&str, String); N]) -> BTreeMap<String, String> {
    list.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_glob_becomes_an_expression_and_a_name_stays() {
        assert_eq!(expressions(&names(&["shop", "team-*", "*-db", "shop", "*"])), "shop,team-.*,.*-db,.*");
    }

    #[test]
    fn replicator_is_told_where_a_name_begins_and_ends() {
        let told = pushed(CopyProgram::Replicator, &names(&["shop", "team-*"]));
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [(format!("{REPLICATOR}replicate-to"), "^shop$,^team-.*$".to_owned())]);
    }

    #[test]
    fn reflector_is_told_both_lists() {
        let told = pushed(CopyProgram::Reflector, &names(&["shop"]));
        let lists: Vec<&str> = told.iter().filter(|(key, _)| key.ends_with("-namespaces")).map(|(_, value)| value.as_str()).collect();
        assert_eq!(lists, ["shop", "shop"], "a list that is left out is every namespace");
    }

    #[test]
    fn a_copy_names_its_source() {
        let filled = |program| filled(program, "pki", "root").into_iter().collect::<Vec<_>>();
        assert_eq!(filled(CopyProgram::Replicator), [(format!("{REPLICATOR}replicate-from"), "pki/root".to_owned())]);
        assert_eq!(filled(CopyProgram::Reflector), [(format!("{REFLECTOR}reflects"), "pki/root".to_owned())]);
    }

    #[test]
    fn labels_are_a_selector() {
        let labels = BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
        assert_eq!(matching(&labels), (format!("{REPLICATOR}replicate-to-matching"), "a=1,b=2".to_owned()));
    }
}
