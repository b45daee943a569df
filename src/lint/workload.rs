//! Objects that run pods, as rules look at them.

use super::Lint;
use super::object::{Object, value};
use crate::yaml::{Node, Path};

/// An object that runs pods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workload<'a> {
    pub(super) object: Object<'a>,
    /// The path of the pod's `spec`.
    pod: &'static str,
}

/// Group, kind, and the path of the pod's `spec`.
const KINDS: &[(&str, &str, &str)] = &[
    ("", "Pod", "spec"),
    ("batch", "Job", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
];

impl<'a> Lint<'a> {
    /// Every object that runs pods.
    pub(super) fn workloads(&self) -> impl Iterator<Item = Workload<'a>> + use<'a, '_> {
        self.objects.iter().copied().filter_map(|object| {
            let (_, _, pod) = KINDS.iter().find(|(group, kind, _)| object.is(group, kind))?;
            Some(Workload { object, pod })
        })
    }
}

impl<'a> Workload<'a> {
    /// Whether it runs for good, as controllers do, and not once or now and then.
    pub(super) fn is_lasting(&self) -> bool {
        self.object.identity.group == "apps"
    }

    /// The ServiceAccount that its pods run as, and the path that says so.
    pub(super) fn service_account(&self) -> (&'a str, Path) {
        let keys = ["serviceAccountName", "serviceAccount"];
        let written = keys.iter().find_map(|key| Some((self.object.text(&format!("{}.{key}", self.pod))?, *key)));
        let (name, key) = written.unwrap_or(("default", "serviceAccountName"));
        (name, Path::of(self.pod.split('.')).key(key))
    }

    /// Its containers, those that run first included.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        let Workload { object, pod } = *self;
        ["initContainers", "containers"].into_iter().flat_map(move |key| object.items(&format!("{pod}.{key}")).map(|(_, node)| node))
    }

    /// Whether a container's image has that name, whatever its registry.
    pub(super) fn runs_image(&self, name: &str) -> bool {
        self.containers().filter_map(|container| container.get_str("image")).any(|image| image_name(image) == name)
    }
}

/// The words of a container's command and arguments.
pub(super) fn words(container: &Node) -> impl Iterator<Item = &str> {
    let lists = ["command", "args"].into_iter().filter_map(|key| value(container, key)?.as_list());
    lists.flatten().filter_map(Node::as_str)
}

/// The last part of an image's name, without tag and digest.
fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}
