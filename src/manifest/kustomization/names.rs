//! `namePrefix` and `nameSuffix`, and the references of Kubernetes' own kinds that follow a name. References of other
//! kinds, such as the issuer of a Certificate, do not follow: kustomize does not know them.

use super::resource::{Name, Resource, each_at, pod_path, set_text};
use crate::yaml::{At, Node};

/// Kinds whose name stays as it is.
const KEEPS_ITS_NAME: &[(&str, &str)] =
    &[("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"), ("", "Namespace")];

/// Puts a prefix before and a suffix behind every name.
pub(super) fn affix(resources: &mut [Resource], prefix: Option<(&str, At)>, suffix: Option<(&str, At)>) {
    let Some((_, at)) = prefix.or(suffix) else { return };
    let (prefix, suffix) = (prefix.map_or("", |(text, _)| text), suffix.map_or("", |(text, _)| text));
    for resource in resources {
        if KEEPS_ITS_NAME.contains(&(resource.group(), resource.kind())) {
            continue;
        }
        resource.remember();
        resource.is_named_anew = true;
        resource.affixes.push((prefix.to_owned(), suffix.to_owned()));
        let name = format!("{prefix}{}{suffix}", resource.current().name);
        set_text(&mut resource.node, &["metadata", "name"], &name, at);
        resource.remember();
    }
}

/// Fields of a Pod that name something: the kind, the path below the Pod, the key.
const IN_PODS: &[(&str, &[&str], &str)] = &[
    ("ServiceAccount", &["spec"], "serviceAccountName"),
    ("ConfigMap", &["spec", "volumes", "*", "configMap"], "name"),
    ("ConfigMap", &["spec", "volumes", "*", "projected", "sources", "*", "configMap"], "name"),
    ("ConfigMap", &["spec", "containers", "*", "env", "*", "valueFrom", "configMapKeyRef"], "name"),
    ("ConfigMap", &["spec", "initContainers", "*", "env", "*", "valueFrom", "configMapKeyRef"], "name"),
    ("ConfigMap", &["spec", "containers", "*", "envFrom", "*", "configMapRef"], "name"),
    ("ConfigMap", &["spec", "initContainers", "*", "envFrom", "*", "configMapRef"], "name"),
    ("Secret", &["spec", "volumes", "*", "secret"], "secretName"),
    ("Secret", &["spec", "volumes", "*", "projected", "sources", "*", "secret"], "name"),
    ("Secret", &["spec", "containers", "*", "env", "*", "valueFrom", "secretKeyRef"], "name"),
    ("Secret", &["spec", "initContainers", "*", "env", "*", "valueFrom", "secretKeyRef"], "name"),
    ("Secret", &["spec", "containers", "*", "envFrom", "*", "secretRef"], "name"),
    ("Secret", &["spec", "initContainers", "*", "envFrom", "*", "secretRef"], "name"),
    ("Secret", &["spec", "imagePullSecrets", "*"], "name"),
    ("PersistentVolumeClaim", &["spec", "volumes", "*", "persistentVolumeClaim"], "claimName"),
];

/// The same for other kinds: the kind that names, the kind that is named, the path and the key.
const ELSEWHERE: &[(&str, &str, &[&str], &str)] = &[
    ("ServiceAccount", "Secret", &["secrets", "*"], "name"),
    ("ServiceAccount", "Secret", &["imagePullSecrets", "*"], "name"),
    ("StatefulSet", "Service", &["spec"], "serviceName"),
    ("Ingress", "Secret", &["spec", "tls", "*"], "secretName"),
    ("Ingress", "Service", &["spec", "defaultBackend", "service"], "name"),
    ("Ingress", "Service", &["spec", "rules", "*", "http", "paths", "*", "backend", "service"], "name"),
];

/// Something that may be named: its kind, every name that it had, the one that it has, and where that was set.
struct Named {
    kind: String,
    names: Vec<Name>,
    current: Name,
    affixes: Vec<(String, String)>,
    at: At,
}

/// Lets references follow the names that changed.
pub(super) fn follow(resources: &mut [Resource]) {
    let named: Vec<Named> = resources.iter().filter(|resource| resource.is_named_anew || resource.names.len() > 1).map(named).collect();
    if named.is_empty() {
        return;
    }
    for resource in resources {
        let own = Reader { names: resource.names.clone(), affixes: resource.affixes.clone(), named: &named };
        let (group, kind) = (resource.group().to_owned(), resource.kind().to_owned());
        if let Some(pod) = pod_path(&group, &kind) {
            for (target, path, key) in IN_PODS {
                let path: Vec<&str> = pod.iter().chain(*path).copied().collect();
                each_at(&mut resource.node, &path, &mut |node| own.rename(target, node, key));
            }
        }
        for (_, target, path, key) in ELSEWHERE.iter().filter(|(from, ..)| *from == kind) {
            each_at(&mut resource.node, path, &mut |node| own.rename(target, node, key));
        }
        if group == "rbac.authorization.k8s.io" && kind.ends_with("Binding") {
            let target = resource.node.get("roleRef").and_then(|reference| reference.get_str("kind")).unwrap_or_default().to_owned();
            each_at(&mut resource.node, &["roleRef"], &mut |node| own.rename(&target, node, "name"));
            each_at(&mut resource.node, &["subjects", "*"], &mut |subject| {
                let namespace = subject.get_str("namespace").map(str::to_owned);
                if subject.get_str("kind") == Some("ServiceAccount") {
                    own.rename_subject(subject, namespace.as_deref());
                }
            });
        }
    }
}

fn named(resource: &Resource) -> Named {
    let at = resource.node.get("metadata").and_then(|metadata| metadata.get("name")).map_or(resource.node.at, |name| name.at);
    Named {
        kind: resource.kind().to_owned(),
        names: resource.names.clone(),
        current: resource.current(),
        affixes: resource.affixes.clone(),
        at,
    }
}

/// An object whose references are read.
struct Reader<'a> {
    names: Vec<Name>,
    affixes: Vec<(String, String)>,
    named: &'a [Named],
}

impl Reader<'_> {
    /// Gives a ServiceAccount among the subjects of a binding its present name and namespace, also where it named none.
    fn rename_subject(&self, subject: &mut Node, namespace: Option<&str>) {
        let Some(written) = subject.get_str("name") else { return };
        let is_near = |name: &Name| namespace.is_none_or(|namespace| name.namespace.as_deref().unwrap_or("default") == namespace);
        let fits = |named: &&Named| named.kind == "ServiceAccount" && named.names.iter().any(|name| name.name == written && is_near(name));
        let mut found: Vec<&Named> = self.named.iter().filter(fits).collect();
        if found.len() > 1 {
            found.retain(|named| named.affixes == self.affixes);
        }
        let [named] = found.as_slice() else { return };
        if named.current.name != written {
            set_text(subject, &["name"], &named.current.name, named.at);
        }
        if let Some(current) = named.current.namespace.as_deref().filter(|current| namespace != Some(*current)) {
            set_text(subject, &["namespace"], current, named.at);
        }
    }

    /// Gives the field `key` the present name of what it names.
    fn rename(&self, kind: &str, node: &mut Node, key: &str) {
        let Some(written) = node.get_str(key) else { return };
        // A role of the whole cluster has no namespace; any other reference stays within one.
        let is_near = |name: &Name| kind == "ClusterRole" || self.names.iter().any(|own| own.namespace == name.namespace);
        let fits = |named: &&Named| named.kind == kind && named.names.iter().any(|name| name.name == written && is_near(name));
        let mut found: Vec<&Named> = self.named.iter().filter(fits).collect();
        if found.len() > 1 {
            found.retain(|named| named.affixes == self.affixes);
        }
        let [named] = found.as_slice() else { return };
        if named.current.name != written {
            set_text(node, &[key], &named.current.name, named.at);
        }
    }
}
