//! Who may do what, before and after: verbs x resources x names x namespaces of each subject, over all roles and bindings
//! of an environment together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::documents::Document;
use super::entry::{Code, Meaning, Object};

/// API group of roles and bindings.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// Single rights of an environment that are compared one by one; a hostile role can name millions.
const MAX_RIGHTS: usize = 20_000;

/// Resources, and names of one resource, that a sentence lists.
const MAX_NAMED: usize = 12;

/// Where a right holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Everywhere,
    Namespace(String),
    /// The role of no binding that is known here.
    WhereBound,
}

/// One verb on one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Resource {
        group: String,
        resource: String,
        name: Option<String>,
    },
    Url(String),
    /// Whatever a role says that is not in the tree, or that is put together in the cluster.
    RoleOf(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    scope: Scope,
    thing: Thing,
    verb: String,
}

/// Rights by who holds them; those of a role that nobody is bound to stand under the role.
type Rights = BTreeMap<Object, BTreeSet<Right>>;

/// Whether a kind takes part in what is compared here.
pub(super) fn is_about_rights(group: &str, kind: &str) -> bool {
    group == GROUP && matches!(kind, "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding")
}

/// What somebody may do that they could not, and the other way round, by who that is.
pub(super) fn changes(before: &[&Document], after: &[&Document]) -> Vec<(Object, Vec<Meaning>)> {
    let unbound = unbound(before, after);
    let (Some(old), Some(new)) = (rights(before, &unbound), rights(after, &unbound)) else {
        let nobody = Object { group: GROUP.to_owned(), kind: "Role".to_owned(), namespace: None, name: None };
        let text = "the roles name too many rights to compare them one by one: read their fields";
        return vec![(nobody, vec![Meaning::new(Code::RightsUnknown, text)])];
    };
    // Bound before and after, to a role that one side does not show.
    let bound_before = bindings(before);
    let still_bound: BTreeSet<Binding> = bindings(after).into_iter().filter(|binding| bound_before.contains(binding)).collect();
    let nothing = BTreeSet::new();
    let holders: BTreeSet<&Object> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for holder in holders {
        let (old, new) = (old.get(holder).unwrap_or(&nothing), new.get(holder).unwrap_or(&nothing));
        let mut meanings = told(holder, &missing(new, old), true, &nothing, &still_bound);
        meanings.extend(told(holder, &missing(old, new), false, new, &still_bound));
        meanings.sort_by_key(|meaning| meaning.code);
        if !meanings.is_empty() {
            found.push((holder.clone(), meanings));
        }
    }
    found
}

/// Rights of one side that the other side does not cover.
fn missing(of: &BTreeSet<Right>, covered_by: &BTreeSet<Right>) -> Vec<Right> {
    let wide: Vec<&Right> = covered_by.iter().filter(|right| is_wide(right)).collect();
    of.iter().filter(|right| !covered_by.contains(*right) && !wide.iter().any(|wide| covers(wide, right))).cloned().collect()
}

/// Whether a right covers others than itself.
fn is_wide(right: &Right) -> bool {
    right.scope == Scope::Everywhere
        || right.verb == "*"
        || match &right.thing {
            Thing::Resource { group, resource, name } => group == "*" || resource == "*" || name.is_none(),
            Thing::Url(url) => url.ends_with('*'),
            Thing::RoleOf(_) => false,
        }
}

fn covers(wide: &Right, right: &Right) -> bool {
    let is_or_all = |wide: &str, one: &str| wide == "*" || wide == one;
    let things = match (&wide.thing, &right.thing) {
        (Thing::Resource { group, resource, name }, Thing::Resource { group: one_group, resource: one, name: one_name }) => {
            is_or_all(group, one_group) && is_or_all(resource, one) && (name.is_none() || name == one_name)
        }
        (Thing::Url(wide), Thing::Url(one)) => wide.strip_suffix('*').map_or(wide == one, |start| one.starts_with(start)),
        (wide, one) => wide == one,
    };
    things && is_or_all(&wide.verb, &right.verb) && (wide.scope == Scope::Everywhere || wide.scope == right.scope)
}

/// A role that is not bound on either side, by kind, namespace and name.
type RoleKey = (String, String, String);

fn role_key(document: &Document) -> Option<RoleKey> {
    let object = document.object.as_ref()?;
    let is_role = object.group == GROUP && matches!(object.kind.as_str(), "Role" | "ClusterRole");
    is_role.then(|| (object.kind.clone(), object.namespace.clone().unwrap_or_default(), object.name.clone().unwrap_or_default()))
}

/// The role that a binding refers to; a ClusterRole has no namespace.
fn referred(document: &Document) -> Option<RoleKey> {
    let object = document.object.as_ref()?;
    if object.group != GROUP || !matches!(object.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
        return None;
    }
    let role = document.value.get("roleRef")?;
    let kind = text(role, "kind")?;
    let namespace = if kind == "Role" { object.namespace.clone().unwrap_or_default() } else { String::new() };
    Some((kind.to_owned(), namespace, text(role, "name")?.to_owned()))
}

fn unbound(before: &[&Document], after: &[&Document]) -> BTreeSet<RoleKey> {
    let all = || before.iter().chain(after);
    let bound: BTreeSet<RoleKey> = all().filter_map(|document| referred(document)).collect();
    all().filter_map(|document| role_key(document)).filter(|role| !bound.contains(role)).collect()
}

/// Who is bound to which role, and where that holds.
type Binding = (Object, Scope, String);

fn bindings(documents: &[&Document]) -> BTreeSet<Binding> {
    let of_binding = |binding: &&Document| -> Option<Vec<Binding>> {
        let (kind, _, name) = referred(binding)?;
        let scope = scope(binding)?;
        let subjects = binding.value.get("subjects").and_then(Value::as_array)?;
        Some(subjects.iter().map(|subject| (holder(subject), scope.clone(), format!("{kind} `{name}`"))).collect())
    };
    documents.iter().filter_map(of_binding).flatten().collect()
}

/// Where a binding gives rights.
fn scope(binding: &Document) -> Option<Scope> {
    let object = binding.object.as_ref()?;
    Some(match object.kind.as_str() {
        "RoleBinding" => Scope::Namespace(object.namespace.clone().unwrap_or_default()),
        _ => Scope::Everywhere,
    })
}

/// Everybody's rights; None where they are too many.
fn rights(documents: &[&Document], unbound: &BTreeSet<RoleKey>) -> Option<Rights> {
    let roles: BTreeMap<RoleKey, &Document> = documents.iter().filter_map(|document| Some((role_key(document)?, *document))).collect();
    let mut found = Rights::new();
    let mut left = MAX_RIGHTS;
    for (key, role) in roles.iter().filter(|(key, _)| unbound.contains(*key)) {
        let holder = role.object.clone()?;
        let scope = if key.0 == "Role" { Scope::Namespace(key.1.clone()) } else { Scope::WhereBound };
        grant(found.entry(holder).or_default(), role, &scope, &mut left)?;
    }
    for binding in documents {
        let Some(key) = referred(binding) else { continue };
        let scope = scope(binding)?;
        let subjects = binding.value.get("subjects").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for subject in subjects {
            let held = found.entry(holder(subject)).or_default();
            let role = roles.get(&key);
            // The rules of an aggregated role are put together in the cluster.
            if role.is_none_or(|role| role.value.get("aggregationRule").is_some()) {
                held.insert(unknown(scope.clone(), &key));
            }
            if let Some(role) = role {
                grant(held, role, &scope, &mut left)?;
            }
        }
    }
    Some(found)
}

fn unknown(scope: Scope, (kind, _, name): &RoleKey) -> Right {
    Right { scope, thing: Thing::RoleOf(format!("{kind} `{name}`")), verb: String::new() }
}

fn holder(subject: &Value) -> Object {
    let part = |key: &str| text(subject, key).map(str::to_owned);
    let kind = part("kind").unwrap_or_else(|| "somebody".to_owned());
    let namespace = part("namespace").filter(|_| kind == "ServiceAccount");
    Object { group: String::new(), kind, namespace, name: part("name") }
}

/// Adds what a role allows; None where `left` does not suffice.
fn grant(held: &mut BTreeSet<Right>, role: &Document, scope: &Scope, left: &mut usize) -> Option<()> {
    for rule in role.value.get("rules").and_then(Value::as_array).into_iter().flatten() {
        let (verbs, groups, resources) = (texts(rule, "verbs"), texts(rule, "apiGroups"), texts(rule, "resources"));
        let (names, urls) = (texts(rule, "resourceNames"), texts(rule, "nonResourceURLs"));
        let names: Vec<Option<&str>> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        let counts = [verbs.len(), groups.len(), resources.len(), names.len()];
        let size = counts.iter().fold(1_usize, |product, count| product.saturating_mul(*count));
        *left = left.checked_sub(size.saturating_add(verbs.len().saturating_mul(urls.len())))?;
        for verb in &verbs {
            for (group, resource) in groups.iter().flat_map(|group| resources.iter().map(move |resource| (*group, *resource))) {
                for name in &names {
                    let (group, resource, name) = (group.to_owned(), resource.to_owned(), name.map(str::to_owned));
                    let thing = Thing::Resource { group, resource, name };
                    held.insert(Right { scope: scope.clone(), thing, verb: (*verb).to_owned() });
                }
            }
            for url in &urls {
                held.insert(Right { scope: Scope::Everywhere, thing: Thing::Url((*url).to_owned()), verb: (*verb).to_owned() });
            }
        }
    }
    Some(())
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Sentences about rights that somebody got or lost; of what was lost, `kept` may be a part.
fn told(holder: &Object, rights: &[Right], gained: bool, kept: &BTreeSet<Right>, still_bound: &BTreeSet<Binding>) -> Vec<Meaning> {
    let who = called(holder);
    let mut found = Vec::new();
    for right in rights {
        if let Thing::RoleOf(role) = &right.thing {
            let is_still_bound = still_bound.contains(&(holder.clone(), right.scope.clone(), role.clone()));
            let place = place(&right.scope);
            let text = match (is_still_bound, gained) {
                (false, true) => format!("{who} is now bound to {role}{place}{}", remark(role)),
                (false, false) => format!("{who} is no longer bound to {role}{place}{}", remark(role)),
                (true, true) => format!("{who} stays bound to {role}{place}, which is no longer in this tree{}", remark(role)),
                (true, false) => format!("{who} was bound to {role}{place} before, too: what that allowed is not known here"),
            };
            found.push(Meaning::new(Code::RightsUnknown, text));
        }
    }
    let (code, may) = if gained { (Code::RightsGained, "may now") } else { (Code::RightsLost, "may no longer") };
    for (what, rights) in phrases(rights.iter()) {
        let part: Vec<&Right> = kept.iter().filter(|kept| rights.iter().any(|right| covers(right, kept))).collect();
        let left: Vec<String> = phrases(part).into_iter().map(|(what, _)| what).collect();
        let rest = if left.is_empty() { String::new() } else { format!(", but still {}", left.join(", and ")) };
        found.push(Meaning::new(code, format!("{who} {may} {what}{rest}")));
    }
    found
}

/// Rights in words, each phrase with the rights that it stands for: things with the same verbs in the same place share one.
fn phrases<'a>(rights: impl IntoIterator<Item = &'a Right>) -> Vec<(String, Vec<&'a Right>)> {
    let mut things: BTreeMap<(&Scope, &Thing), Vec<&Right>> = BTreeMap::new();
    for right in rights.into_iter().filter(|right| !matches!(right.thing, Thing::RoleOf(_))) {
        things.entry((&right.scope, &right.thing)).or_default().push(right);
    }
    let mut groups: BTreeMap<(&Scope, BTreeSet<&str>), Vec<&Right>> = BTreeMap::new();
    for ((scope, _), rights) in things {
        let verbs = rights.iter().map(|right| right.verb.as_str()).collect();
        groups.entry((scope, verbs)).or_default().extend(rights);
    }
    groups.into_iter().map(|((scope, verbs), rights)| (phrase(scope, &verbs, &rights), rights)).collect()
}

fn phrase(scope: &Scope, verbs: &BTreeSet<&str>, rights: &[&Right]) -> String {
    let does_all = verbs.contains("*");
    let things: BTreeSet<&Thing> = rights.iter().map(|right| &right.thing).collect();
    let names = named(&things, verbs);
    let place = if things.iter().all(|thing| matches!(thing, Thing::Url(_))) { String::new() } else { place(scope) };
    let verbs: Vec<String> = verbs.iter().map(|verb| format!("`{verb}`")).collect();
    match (does_all, names.as_str()) {
        (true, "anything") => format!("do anything{place}"),
        (true, names) => format!("do anything with {names}{place}"),
        (false, names) => format!("{} {names}{place}", verbs.join(", ")),
    }
}

/// ``ServiceAccount `a/b` ``
fn called(holder: &Object) -> String {
    let bound = if holder.group == GROUP { "whoever is bound to " } else { "" };
    let name = holder.name.as_deref().unwrap_or("?");
    match &holder.namespace {
        Some(namespace) => format!("{bound}{} `{namespace}/{name}`", holder.kind),
        None => format!("{bound}{} `{name}`", holder.kind),
    }
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => " in every namespace".to_owned(),
        Scope::Namespace(name) if name.is_empty() => " in the namespace that it is applied to".to_owned(),
        Scope::Namespace(name) => format!(" in namespace `{name}`"),
        Scope::WhereBound => " where it is bound".to_owned(),
    }
}

/// What is known of a role that is not in the tree.
fn remark(role: &str) -> &'static str {
    match role {
        "ClusterRole `cluster-admin`" => ", by which Kubernetes allows anything",
        _ => ": what that allows is not known here",
    }
}

/// Things, those of one resource with their names together; what can do most harm comes first.
fn named(things: &BTreeSet<&Thing>, verbs: &BTreeSet<&str>) -> String {
    let mut resources: BTreeMap<(Harm, String), Vec<&str>> = BTreeMap::new();
    for thing in things {
        match thing {
            Thing::Resource { group, resource, name } => {
                resources.entry((Harm::of(resource, verbs), resource_named(group, resource))).or_default().extend(name.as_deref());
            }
            Thing::Url(url) => drop(resources.entry((Harm::Rest, format!("the URL `{url}`"))).or_default()),
            Thing::RoleOf(_) => {}
        }
    }
    let one = |((_, resource), names): ((Harm, String), Vec<&str>)| {
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { resource } else { format!("{resource} {}", some_joined(names, ", ")) }
    };
    some_joined(resources.into_iter().map(one).collect(), " and ")
}

/// What a right on a resource is good for, the worst first: a sentence that names some of many must name these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    /// Every resource.
    Everything,
    /// Reads keys and passwords.
    Secrets,
    /// Acts as whatever runs in a pod.
    Exec,
    /// Becomes a service account.
    Tokens,
    /// Gives itself more rights.
    Escalation,
    Rest,
}

impl Harm {
    fn of(resource: &str, verbs: &BTreeSet<&str>) -> Harm {
        let only_reads = verbs.iter().all(|verb| matches!(*verb, "get" | "list" | "watch"));
        match resource {
            "*" => Harm::Everything,
            "secrets" => Harm::Secrets,
            "pods/exec" | "pods/attach" | "pods/ephemeralcontainers" => Harm::Exec,
            "serviceaccounts/token" => Harm::Tokens,
            "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings" if !only_reads => Harm::Escalation,
            "users" | "groups" | "serviceaccounts" if verbs.contains("impersonate") || verbs.contains("*") => Harm::Escalation,
            _ => Harm::Rest,
        }
    }
}

/// The first of many, and how many more there are.
fn some_joined(mut parts: Vec<String>, between: &str) -> String {
    let more = parts.len().saturating_sub(MAX_NAMED);
    parts.truncate(MAX_NAMED);
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    parts.join(between)
}

fn resource_named(group: &str, resource: &str) -> String {
    match (group, resource) {
        ("*", "*") => "anything".to_owned(),
        ("", "*") => "anything of the core API".to_owned(),
        (group, "*") => format!("anything of {group}"),
        ("*", resource) => format!("{resource} of every API group"),
        ("", resource) => resource.to_owned(),
        (group, resource) => format!("{resource}.{group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::documents::documents_of;

    fn sentences(before: &str, after: &str) -> Vec<String> {
        let (old, new) = (documents_of("a.yaml", before).expect("YAML"), documents_of("a.yaml", after).expect("YAML"));
        let (old, new): (Vec<&Document>, Vec<&Document>) = (old.iter().collect(), new.iter().collect());
        changes(&old, &new).into_iter().flat_map(|(_, meanings)| meanings).map(|meaning| meaning.text).collect()
    }

    fn role(kind: &str, rules: &str) -> String {
        let namespace = if kind == "Role" { ", namespace: x" } else { "" };
        format!("apiVersion: {GROUP}/v1\nkind: {kind}\nmetadata: {{name: r{namespace}}}\nrules: [{rules}]\n---\n")
    }

    fn binding(kind: &str, role_kind: &str, role: &str) -> String {
        let namespace = if kind == "RoleBinding" { ", namespace: x" } else { "" };
        format!(
            "apiVersion: {GROUP}/v1\nkind: {kind}\nmetadata: {{name: {kind}-{role}{namespace}}}\nroleRef: {{apiGroup: {GROUP}, kind: {role_kind}, name: {role}}}\nsubjects: [{{kind: ServiceAccount, name: b, namespace: a}}]\n---\n"
        )
    }

    const GET: &str = "{apiGroups: [''], resources: [secrets], verbs: [get]}";

    #[test]
    fn what_somebody_may_do_is_told_over_roles_and_bindings_together() {
        let bound = binding("RoleBinding", "Role", "r");
        let get = role("Role", GET) + &bound;
        assert_eq!(sentences("", &get), ["ServiceAccount `a/b` may now `get` secrets in namespace `x`"]);
        assert_eq!(sentences(&get, ""), ["ServiceAccount `a/b` may no longer `get` secrets in namespace `x`"]);
        assert_eq!(sentences(&get, &get), [""; 0]);
        // The same right from another role is no change.
        let cluster = role("ClusterRole", GET) + &binding("RoleBinding", "ClusterRole", "r");
        assert_eq!(sentences(&get, &cluster), [""; 0]);
        // Cluster-wide covers the namespace, and is more.
        let wide = role("ClusterRole", GET) + &binding("ClusterRoleBinding", "ClusterRole", "r");
        assert_eq!(sentences(&get, &wide), ["ServiceAccount `a/b` may now `get` secrets in every namespace"]);
        assert_eq!(
            sentences(&wide, &get),
            ["ServiceAccount `a/b` may no longer `get` secrets in every namespace, but still `get` secrets in namespace `x`"]
        );
    }

    #[test]
    fn verbs_and_names_are_put_together_and_wildcards_are_anything() {
        let bound = binding("RoleBinding", "Role", "r");
        let with = |rules: &str| role("Role", rules) + &bound;
        let old = with("{apiGroups: [''], resources: [configmaps], resourceNames: [c], verbs: [get]}");
        assert_eq!(
            sentences(&old, &with("{apiGroups: [''], resources: [configmaps, secrets], resourceNames: [c, d], verbs: [get, list]}")),
            [
                "ServiceAccount `a/b` may now `get`, `list` secrets `c`, `d` and configmaps `d` in namespace `x`",
                "ServiceAccount `a/b` may now `list` configmaps `c` in namespace `x`"
            ]
        );
        assert_eq!(
            sentences(&old, &with("{apiGroups: ['*'], resources: ['*'], verbs: ['*']}")),
            ["ServiceAccount `a/b` may now do anything in namespace `x`"]
        );
        assert_eq!(
            sentences(&old, &with("{apiGroups: [''], resources: [configmaps], verbs: ['*']}")),
            ["ServiceAccount `a/b` may now do anything with configmaps in namespace `x`"]
        );
        assert_eq!(
            sentences("", &with("{apiGroups: [cert-manager.io], resources: [signers], verbs: [approve]}")),
            ["ServiceAccount `a/b` may now `approve` signers.cert-manager.io in namespace `x`"]
        );
        assert_eq!(
            sentences("", &with("{nonResourceURLs: [/metrics], verbs: [get]}")),
            ["ServiceAccount `a/b` may now `get` the URL `/metrics`"]
        );
    }

    #[test]
    fn what_is_left_of_a_right_that_was_lost_is_told() {
        let bound = binding("RoleBinding", "Role", "r");
        let named = role("Role", "{apiGroups: [''], resources: [secrets], resourceNames: [c], verbs: [get]}") + &bound;
        assert_eq!(
            sentences(&(role("Role", GET) + &bound), &named),
            ["ServiceAccount `a/b` may no longer `get` secrets in namespace `x`, but still `get` secrets `c` in namespace `x`"]
        );
        assert_eq!(sentences(&named, &(role("Role", GET) + &bound)), ["ServiceAccount `a/b` may now `get` secrets in namespace `x`"]);
    }

    #[test]
    fn what_the_tree_does_not_show_is_named() {
        let view = binding("RoleBinding", "ClusterRole", "view");
        assert_eq!(
            sentences("", &view),
            ["ServiceAccount `a/b` is now bound to ClusterRole `view` in namespace `x`: what that allows is not known here"]
        );
        let admin = binding("ClusterRoleBinding", "ClusterRole", "cluster-admin");
        assert_eq!(
            sentences(&admin, ""),
            [
                "ServiceAccount `a/b` is no longer bound to ClusterRole `cluster-admin` in every namespace, by which Kubernetes allows anything"
            ]
        );
        assert_eq!(
            sentences("", &role("ClusterRole", GET)),
            ["whoever is bound to ClusterRole `r` may now `get` secrets where it is bound"]
        );
    }

    #[test]
    fn a_sentence_lists_some_of_many() {
        let names = (0..20).map(|number| format!("n{number:02}")).collect::<Vec<_>>().join(", ");
        let rules = format!("{{apiGroups: [''], resources: [secrets], resourceNames: [{names}], verbs: [get]}}");
        let found = sentences("", &(role("Role", &rules) + &binding("RoleBinding", "Role", "r")));
        assert!(found[0].ends_with("`n10`, `n11`, 8 more in namespace `x`"), "{found:?}");
    }

    #[test]
    fn of_many_resources_the_worst_are_named() {
        let many = (0..20).map(|number| format!("a{number:02}")).collect::<Vec<_>>().join(", ");
        let rules =
            format!("{{apiGroups: [''], resources: [{many}, rolebindings, serviceaccounts/token, pods/exec, secrets], verbs: [bind]}}");
        let found = sentences("", &(role("Role", &rules) + &binding("RoleBinding", "Role", "r")));
        assert!(found[0].contains("`bind` secrets and pods/exec and serviceaccounts/token and rolebindings and a00 and a01"), "{found:?}");
    }

    #[test]
    fn a_role_with_millions_of_rights_is_not_unfolded() {
        let many = (0..300).map(|number| format!("r{number}")).collect::<Vec<_>>().join(", ");
        let rules = format!("{{apiGroups: [''], resources: [{many}], resourceNames: [{many}], verbs: [get]}}");
        let found = sentences("", &(role("Role", &rules) + &binding("RoleBinding", "Role", "r")));
        assert_eq!(found, ["the roles name too many rights to compare them one by one: read their fields"]);
    }
}
