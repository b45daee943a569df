//! Tenants over their defaults: each tenant is merged over `tenantDefaults` as layers are merged, so that every node still
//! knows the file and line that set it, be it the tenant's or the defaults'.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::merge::{Nulls, merge};
use crate::inventory::schema::{EnvironmentFile, Tenant};
use crate::yaml::{At, Entry, Map, Node, Path, Problem, ProblemKind, Segment, Value, read_struct};

/// The field with the tenants.
const TENANTS: &str = "tenants";
/// The field with what they all have.
const DEFAULTS: &str = "tenantDefaults";

/// A merged tree as typed fields.
#[derive(Debug)]
pub(super) struct Typed {
    /// The fields; None where something is wrong with them.
    pub(super) fields: Option<EnvironmentFile>,
    /// The map of tenants, each over the defaults; None where there are none.
    pub(super) tenants: Option<Node>,
    /// What is wrong, and where.
    pub(super) problems: Vec<(Problem, At)>,
}

/// Reads a merged tree, which is as it was afterwards.
pub(super) fn read(tree: &mut Node) -> Typed {
    let taken = [DEFAULTS, TENANTS].map(|key| tree.as_map_mut().and_then(|map| map.remove(key)));
    let mut problems = Vec::new();
    let fields: Option<EnvironmentFile> = read_struct(tree, &mut problems);
    let [defaults, tenants] = &taken;
    let mut typed = Typed { fields, tenants: None, problems: Vec::new() };
    let read_defaults = defaults.as_ref().map(|entry| of_defaults(&entry.node, &mut problems));
    let places = |tree: &Node, problems: Vec<Problem>| -> Vec<(Problem, At)> {
        problems.into_iter().map(|problem| (problem.at(tree), problem)).map(|(at, problem)| (problem, at)).collect()
    };
    let read_tenants = tenants.as_ref().and_then(|entry| expanded(&entry.node, defaults.as_ref().map(|entry| &entry.node)));
    let is_whole = tenants.is_none() || read_tenants.is_some();
    for (key, entry) in [DEFAULTS, TENANTS].into_iter().zip(taken) {
        if let (Some(map), Some(entry)) = (tree.as_map_mut(), entry) {
            map.insert(key, entry);
        }
    }
    if !is_whole {
        let reason = "a map is expected here, of tenants by their names".to_owned();
        problems.push(Problem { path: Path::of([TENANTS]), kind: ProblemKind::WrongType(reason) });
    }
    typed.problems = places(tree, problems);
    if let Some(fields) = &mut typed.fields {
        fields.tenant_defaults = read_defaults;
    }
    if let Some(node) = read_tenants {
        let tenants = of_tenants(&node, &mut typed.problems);
        if let Some(fields) = &mut typed.fields {
            fields.tenants = tenants;
        }
        typed.tenants = Some(node);
    }
    typed
}

/// The defaults. They may lack what every tenant adds: a part that misses a field is none of them alone.
fn of_defaults(node: &Node, problems: &mut Vec<Problem>) -> Tenant {
    let mut found = Vec::new();
    let tenant = read_struct(node, &mut found);
    let is_wrong = |problem: &Problem| !matches!(problem.kind, ProblemKind::MissingField(_));
    problems.extend(found.into_iter().filter(is_wrong).map(|problem| below(&[DEFAULTS], problem)));
    tenant.unwrap_or_default()
}

/// Each tenant over the defaults; None where there is no map of tenants.
fn expanded(tenants: &Node, defaults: Option<&Node>) -> Option<Node> {
    let over_defaults = |entry: &Entry| {
        let nothing = || Node { at: entry.node.at, value: Value::Map(Map::default()) };
        let mut node = defaults.filter(|node| node.as_map().is_some()).cloned().unwrap_or_else(nothing);
        merge(&mut node, entry.node.clone(), Nulls::Remove);
        Entry { key: entry.key, node }
    };
    let entries = tenants.as_map()?.iter().map(|(name, entry)| (name.into(), over_defaults(entry)));
    // They come from a map, which has each key once.
    Some(Node { at: tenants.at, value: Value::Map(Map::new(entries.collect()).unwrap_or_default()) })
}

/// The typed tenants. What is wrong with the defaults is wrong with each tenant, and told once.
fn of_tenants(node: &Node, problems: &mut Vec<(Problem, At)>) -> BTreeMap<String, Tenant> {
    let mut tenants = BTreeMap::new();
    for (name, entry) in node.as_map().into_iter().flat_map(Map::iter) {
        let mut found = Vec::new();
        let tenant: Option<Tenant> = read_struct(&entry.node, &mut found);
        for problem in found {
            let at = if problem.path.is_empty() { entry.key } else { problem.at(&entry.node) };
            if !problems.iter().any(|(other, place)| *place == at && other.kind == problem.kind) {
                problems.push((below(&[TENANTS, name], problem), at));
            }
        }
        tenants.extend(tenant.map(|tenant| (name.to_owned(), tenant)));
    }
    tenants
}

fn below(keys: &[&str], problem: Problem) -> Problem {
    Problem { path: Path::of(keys.iter().copied()).join(problem.path.segments()), ..problem }
}

/// The part of a path that lies below the map of tenants.
pub(super) fn below_tenants(path: &Path) -> Option<Path> {
    match path.segments() {
        [Segment::Key(first), rest @ ..] if **first == *TENANTS && !rest.is_empty() => Some(Path::default().join(rest)),
        _ => None,
    }
}

/// Merges one file over others. A tenant is itself a patch over the defaults, so that a `null` in it stays: it removes what
/// the defaults say. One in the place of a whole tenant removes the tenant.
pub(super) fn merge_files(target: &mut Node, mut patch: Node) {
    let tenants = patch.as_map_mut().and_then(|map| map.remove(TENANTS));
    merge(target, patch, Nulls::Remove);
    let (Some(map), Some(tenants)) = (target.as_map_mut(), tenants) else { return };
    match tenants.node.value {
        Value::Null => drop(map.remove(TENANTS)),
        Value::Map(patch) => {
            let own = map.entry_or_null(TENANTS);
            own.key = tenants.key;
            if own.node.as_map().is_none() {
                own.node = Node { at: tenants.node.at, value: Value::Map(Map::default()) };
            }
            let is_null = |entry: &Entry| entry.node.value == Value::Null;
            let Some(known) = own.node.as_map_mut() else { return };
            known.merge(
                patch,
                |mut existing, entry| {
                    if is_null(&entry) {
                        return None;
                    }
                    existing.key = entry.key;
                    merge(&mut existing.node, entry.node, Nulls::Keep);
                    Some(existing)
                },
                |entry| Some(entry).filter(|entry| !is_null(entry)),
            );
        }
        _ => map.insert(TENANTS, tenants),
    }
}

/// Tenants that are null where there is none of that name to be removed, in files as they are merged: whoever writes a name
/// and nothing behind it means a tenant with the defaults.
pub(super) fn empty_tenants<'a>(files: impl Iterator<Item = &'a Node>) -> Vec<(String, At)> {
    let (mut known, mut empty) = (BTreeSet::new(), Vec::new());
    for tenants in files.filter_map(|file| file.get(TENANTS)?.as_map()) {
        for (name, entry) in tenants.iter() {
            if entry.node.value != Value::Null {
                known.insert(name);
            } else if !known.remove(name) {
                empty.push((name.to_owned(), entry.key));
            }
        }
    }
    empty
}
