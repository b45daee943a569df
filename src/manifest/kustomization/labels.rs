//! Labels and annotations that a kustomization gives to everything.

use super::resource::{Resource, each_at, make, pod_path};
use crate::yaml::{Map, Node, Value};

/// Selectors of Kubernetes' own kinds: path, and whether it is made where it is missing.
fn selector_path(group: &str, kind: &str) -> Option<(&'static [&'static str], bool)> {
    Some(match (group, kind) {
        ("", "Service" | "ReplicationController") => (&["spec", "selector"], true),
        ("apps", "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet") => (&["spec", "selector", "matchLabels"], true),
        ("batch", "Job") | ("policy", "PodDisruptionBudget") => (&["spec", "selector", "matchLabels"], false),
        ("networking.k8s.io", "NetworkPolicy") => (&["spec", "podSelector", "matchLabels"], false),
        _ => return None,
    })
}

/// Selectors of a Pod that say which other Pods are meant; they are never made.
const OF_PODS: &[&[&str]] = &[
    &["affinity", "podAffinity", "preferredDuringSchedulingIgnoredDuringExecution", "*", "podAffinityTerm", "labelSelector", "matchLabels"],
    &["affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "labelSelector", "matchLabels"],
    &[
        "affinity",
        "podAntiAffinity",
        "preferredDuringSchedulingIgnoredDuringExecution",
        "*",
        "podAffinityTerm",
        "labelSelector",
        "matchLabels",
    ],
    &["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "labelSelector", "matchLabels"],
    &["topologySpreadConstraints", "*", "labelSelector", "matchLabels"],
];

/// How far labels go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The objects themselves.
    Objects,
    /// Pods that they make, too.
    Templates,
    /// Selectors, too.
    Selectors,
}

/// Adds labels to every object.
pub(super) fn label(resources: &mut [Resource], pairs: &Node, reach: Reach) {
    for resource in resources {
        add(&mut resource.node, &["metadata", "labels"], pairs);
        if reach == Reach::Objects {
            continue;
        }
        let (group, kind) = (resource.group().to_owned(), resource.kind().to_owned());
        add_to_pods(&mut resource.node, &group, &kind, "labels", pairs);
        if let Some(pod) = pod_path(&group, &kind).filter(|path| group == "apps" && !path.is_empty() && reach == Reach::Selectors) {
            for below in OF_PODS {
                let path: Vec<&str> = pod.iter().chain(&["spec"]).chain(*below).copied().collect();
                each_at(&mut resource.node, &path, &mut |node| add(node, &[], pairs));
            }
        }
        if let Some((path, is_made)) = selector_path(&group, &kind).filter(|_| reach == Reach::Selectors) {
            let is_there = path.iter().try_fold(&resource.node, |node, key| node.get(key)).is_some();
            if is_made || is_there {
                add(&mut resource.node, path, pairs);
            }
        }
    }
}

/// Adds annotations to every object and to the Pods that it makes.
pub(super) fn annotate(resources: &mut [Resource], pairs: &Node) {
    for resource in resources {
        add(&mut resource.node, &["metadata", "annotations"], pairs);
        let (group, kind) = (resource.group().to_owned(), resource.kind().to_owned());
        add_to_pods(&mut resource.node, &group, &kind, "annotations", pairs);
    }
}

fn add_to_pods(node: &mut Node, group: &str, kind: &str, field: &str, pairs: &Node) {
    let Some(pod) = pod_path(group, kind).filter(|path| !path.is_empty()) else { return };
    if kind == "CronJob" {
        let job: Vec<&str> = ["spec", "jobTemplate", "metadata", field].to_vec();
        add(node, &job, pairs);
    }
    let path: Vec<&str> = pod.iter().copied().chain(["metadata", field]).collect();
    add(node, &path, pairs);
}

fn add(node: &mut Node, path: &[&str], pairs: &Node) {
    let Some(map) = pairs.as_map().filter(|map| !map.is_empty()) else { return };
    let Some(target) = make(node, path, pairs.at) else { return };
    if target.value == Value::Null {
        target.value = Value::Map(Map::default());
    }
    if let Some(target) = target.as_map_mut() {
        map.iter().for_each(|(key, entry)| target.insert(key, entry.clone()));
    }
}
