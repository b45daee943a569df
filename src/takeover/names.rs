//! What environments are called: by the part of their folders' paths that tells them apart.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::gather::Source;
use super::{Refusal, shown};
use crate::inventory::EnvironmentName;

/// Folders whose children are environments.
const PARENTS: &[&str] = &["overlays", "environments", "envs", "clusters", "stages"];
/// What the only environment is called where no folder gives a name.
const ONLY: &str = "main";

/// The folders of each environment.
///
/// # Errors
/// A folder gives a name that cannot be one, or a name was given for a folder that is none.
pub(super) fn by_environment(
    sources: Vec<Source>,
    below: &Utf8Path,
    given: &[(Utf8PathBuf, EnvironmentName)],
) -> Result<BTreeMap<EnvironmentName, Vec<Source>>, Refusal> {
    let folders: Vec<Utf8PathBuf> = sources.iter().map(|source| source.folder.clone()).collect();
    // A folder may be given as it is shown, or as it lies in the folder that is looked through.
    let is_there = |folder: &Utf8Path| folders.iter().any(|known| known.starts_with(folder));
    let full = |folder: &Utf8PathBuf| if is_there(folder) { folder.clone() } else { below.join(folder) };
    let given: Vec<(Utf8PathBuf, EnvironmentName)> = given.iter().map(|(folder, name)| (full(folder), name.clone())).collect();
    if let Some((folder, _)) = given.iter().find(|(folder, _)| !is_there(folder)) {
        let known: BTreeSet<&str> = folders.iter().map(|folder| shown(folder)).collect();
        return Err(Refusal::Request {
            message: format!("`--name` names the folder `{folder}`, and no environment comes from there"),
            help: format!("environments come from {}", crate::finding::listed(known)),
        });
    }
    let mut named: BTreeMap<EnvironmentName, Vec<Source>> = BTreeMap::new();
    for (source, wanted) in sources.into_iter().zip(names(&folders)) {
        let own =
            given.iter().filter(|(folder, _)| source.folder.starts_with(folder)).max_by_key(|(folder, _)| folder.components().count());
        let name = match own {
            Some((_, name)) => name.clone(),
            None => EnvironmentName::new(&wanted).map_err(|problem| Refusal::Request {
                message: format!("`{}` would be the environment `{wanted}`, which cannot be a name: {problem}", shown(&source.folder)),
                help: format!("give it one: `--name {}=NAME`", shown(&source.folder)),
            })?,
        };
        named.entry(name).or_default().push(source);
    }
    Ok(named)
}

/// A name for each folder, in their order.
fn names(folders: &[Utf8PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<&str>> = folders.iter().map(|folder| folder.components().map(|part| part.as_str()).collect()).collect();
    // How many parts all of them begin with.
    let common =
        (0..).take_while(|index| parts.iter().all(|path| path.get(*index).is_some_and(|part| parts[0].get(*index) == Some(part)))).count();
    let name = |path: &Vec<&str>| {
        let below = path.iter().position(|part| PARENTS.contains(part)).and_then(|index| path.get(index + 1));
        let apart = path.get(common).filter(|_| parts.len() > 1);
        below.or(apart).or(path.last()).map_or_else(|| ONLY.to_owned(), |name| (*name).to_owned())
    };
    parts.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folders: &[&str]) -> Vec<String> {
        names(&folders.iter().map(Utf8PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_part_that_tells_folders_apart_is_the_name() {
        assert_eq!(of(&["overlays/prod/smallstep/step-issuer", "overlays/dev/smallstep/step-issuer"]), ["prod", "dev"]);
        assert_eq!(of(&["apps/pki/overlays/prod"]), ["prod"]);
        assert_eq!(of(&["k8s/tokyo/pki", "k8s/osaka/pki", "k8s/osaka/apps"]), ["tokyo", "osaka", "osaka"]);
        assert_eq!(of(&["smallstep/step-issuer"]), ["step-issuer"]);
        assert_eq!(of(&[""]), ["main"]);
        assert_eq!(of(&["a", "a/b"]), ["a", "b"]);
    }
}
