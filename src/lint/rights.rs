//! Rights: the rules of roles in the tree, and who is bound to them.

use super::Lint;
use super::object::{Object, value};
use crate::yaml::{Node, Path};

const RBAC: &str = "rbac.authorization.k8s.io";

/// One rule of a role.
#[derive(Debug, Clone)]
pub(super) struct Right<'a> {
    pub(super) role: Object<'a>,
    /// Where it stands in the role.
    pub(super) path: Path,
    node: &'a Node,
}

/// A binding.
#[derive(Debug, Clone)]
pub(super) struct Binding<'a> {
    pub(super) object: Object<'a>,
    /// The role, where it is in the tree.
    pub(super) role: Option<Object<'a>>,
    /// Whether it holds in every namespace, and for what lies in none.
    pub(super) is_cluster_wide: bool,
    pub(super) subjects: Vec<Subject<'a>>,
}

/// Who is bound.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) path: Path,
}

impl<'a> Lint<'a> {
    /// Every Role and ClusterRole.
    pub(super) fn roles(&self) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.objects_of(RBAC, "Role").chain(self.objects_of(RBAC, "ClusterRole"))
    }

    /// Every binding, each with its role where that is in the tree.
    pub(super) fn bindings(&self) -> Vec<Binding<'a>> {
        let objects = self.objects_of(RBAC, "RoleBinding").chain(self.objects_of(RBAC, "ClusterRoleBinding"));
        objects
            .map(|object| Binding {
                object,
                role: self.role_of(object),
                is_cluster_wide: object.identity.kind == "ClusterRoleBinding",
                subjects: subjects(object).collect(),
            })
            .collect()
    }

    fn role_of(&self, binding: Object<'a>) -> Option<Object<'a>> {
        let (kind, name) = (binding.text("roleRef.kind")?, binding.text("roleRef.name")?);
        let is_near = |role: &Object<'_>| role.identity.kind == "ClusterRole" || role.namespace() == binding.namespace();
        let is_beside = |role: &Object<'_>| !self.overlays.exclude_each_other(binding.document, role.document);
        self.roles().find(|role| role.identity.kind == kind && role.name() == name && is_near(role) && is_beside(role))
    }
}

impl Subject<'_> {
    /// Whether it is that ServiceAccount. An object that names no namespace may lie in any.
    pub(super) fn is_account(&self, namespace: Option<&str>, name: &str) -> bool {
        self.kind == "ServiceAccount"
            && self.name == name
            && (namespace.is_none() || self.namespace.is_none() || self.namespace == namespace)
    }

    /// Whether it is that ServiceAccount, or a group that it always belongs to.
    pub(super) fn covers(&self, namespace: &str, name: &str) -> bool {
        let is_group = self.kind == "Group"
            && (["system:serviceaccounts", "system:authenticated"].contains(&self.name)
                || self.name.strip_prefix("system:serviceaccounts:") == Some(namespace));
        is_group || self.is_account(Some(namespace), name)
    }
}

fn subjects<'a>(binding: Object<'a>) -> impl Iterator<Item = Subject<'a>> + use<'a> {
    binding.items("subjects").filter_map(|(path, node)| {
        let namespace = node.get_str("namespace");
        Some(Subject { kind: node.get_str("kind")?, name: node.get_str("name")?, namespace, path })
    })
}

/// The rules of a role.
pub(super) fn rights<'a>(role: Object<'a>) -> impl Iterator<Item = Right<'a>> + use<'a> {
    role.items("rules").map(move |(path, node)| Right { role, path, node })
}

impl<'a> Right<'a> {
    /// The words of one of its lists.
    pub(super) fn words(&self, list: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        value(self.node, list).and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_str)
    }

    /// Whether a list of it holds a word, or the wildcard.
    pub(super) fn holds(&self, list: &str, word: &str) -> bool {
        self.words(list).any(|held| held == "*" || held == word)
    }

    /// Whether it allows a verb on a resource, perhaps only by name.
    pub(super) fn allows(&self, group: &str, resource: &str, verb: &str) -> bool {
        self.holds("apiGroups", group) && self.holds("resources", resource) && self.holds("verbs", verb)
    }

    /// Whether it is for some objects by their names only.
    pub(super) fn is_by_name(&self) -> bool {
        self.words("resourceNames").next().is_some()
    }
}
