//! Where the tree is found: the kustomizations that take up its folders, and what is told to those who point at it.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use minijinja::Value;

use super::component::Component;
use super::specification::Stage;
use super::{Instance, Pass, Written};
use crate::inventory::Settings;

/// The folder in which the kustomizations of the stages lie, where stages lie apart.
pub(super) const STAGES_FOLDER: &str = "flux";

/// What the charts bring that lies in no namespace. Source: step-issuer, `templates/rbac/` and `crds/`.
const CLUSTER_KINDS_OF_CHARTS: &[(&str, &str)] = &[
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
];

/// Everything that may be rendered and lies in no namespace: what another environment has, nobody knows here.
const CLUSTER_KINDS: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("cert-manager.io", "ClusterIssuer"),
    ("certmanager.step.sm", "StepClusterIssuer"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("trust.cert-manager.io", "Bundle"),
];

impl<'a> Pass<'a> {
    /// The kustomization that takes up the folders of the environment, or one for each of its stages.
    pub(super) fn environment(&mut self, component: &'a Component) {
        let mut roots: BTreeMap<Stage, Vec<String>> = BTreeMap::new();
        for (stage, folder) in self.written.iter().filter_map(|written| written.root.clone()) {
            roots.entry(stage).or_default().push(folder);
        }
        let is_needed = self.has_stages || self.model.argo_cd.is_some() || roots.values().map(Vec::len).sum::<usize>() > 1;
        let instance = Instance { variables: self.variables.clone(), entry: None };
        for (stage, mut folders) in roots {
            folders.sort();
            let (folder, up) =
                if self.has_stages { (format!("{STAGES_FOLDER}/{}", stage.folder()), "../../") } else { (String::new(), "") };
            let resources: Vec<String> = folders.iter().map(|folder| format!("{up}{folder}")).collect();
            self.folder = if folder.is_empty() { self.out.clone() } else { self.out.join(&folder) };
            for (name, file) in component.specification.files.iter().filter(|_| is_needed) {
                let Some((text, _)) = self.file(component, &instance, (name, file), &resources) else { continue };
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                self.written.push(Written { owner: component, path, root: None, text });
            }
        }
    }

    /// Where the engine finds the environment, and the folders of its stages where they lie apart: those as Flux writes a
    /// path, from the root of the repository on.
    pub(super) fn place(&self, settings: &Settings) -> Value {
        let path = Utf8Path::new(&self.model.git.path).join(&settings.out).join(self.model.environment.as_str());
        let stages: BTreeSet<Stage> = self.written.iter().filter_map(|written| Some(written.root.as_ref()?.0)).collect();
        let mut after: Option<&str> = None;
        let mut shown = BTreeMap::new();
        for name in stages.into_iter().filter(|_| self.has_stages).map(Stage::folder) {
            let path = Utf8Path::new("./").join(&path).join(STAGES_FOLDER).join(name);
            shown.insert(name, minijinja::context! { name, path => path.as_str(), after });
            after = Some(name);
        }
        let identities = || self.identities.iter().map(|(identity, _)| identity);
        let argo_cd = self.model.argo_cd.as_ref();
        let expected = argo_cd.into_iter().flat_map(|argo_cd| argo_cd.expected_namespaces.iter().map(String::as_str));
        let namespaces: BTreeSet<&str> =
            identities().filter_map(|identity| identity.namespace.as_deref()).chain(self.chart_namespaces()).chain(expected).collect();
        let of_charts = self.chart_namespaces().flat_map(|_| CLUSTER_KINDS_OF_CHARTS.iter().copied());
        let own = identities().filter(|identity| identity.namespace.is_none());
        let set = self.model.argo_cd.iter().filter_map(|argo_cd| argo_cd.application_set.as_ref());
        let of_others = set.flat_map(|_| CLUSTER_KINDS.iter().copied());
        let expected = argo_cd.into_iter().flat_map(|argo_cd| argo_cd.expected_kinds.iter().copied());
        let kinds: BTreeSet<(&str, &str)> = own
            .map(|identity| (identity.group.as_str(), identity.kind.as_str()))
            .chain(of_charts)
            .chain(of_others)
            .chain(expected)
            .collect();
        let shown_kind = |(group, kind): (&str, &str)| minijinja::context! { group => group.to_owned(), kind => kind.to_owned() };
        let kinds: Vec<Value> = kinds.into_iter().map(shown_kind).collect();
        // The folders of all environments, as a pattern, and those that are none.
        let all = Utf8Path::new(&self.model.git.path).join(&settings.out);
        minijinja::context! {
            path => path.as_str(),
            stages => shown,
            namespaces => namespaces.into_iter().map(str::to_owned).collect::<Vec<_>>(),
            clusterKinds => kinds,
            environments => self.environments(&all),
        }
    }

    /// The folders of the environments as the Git generator of an ApplicationSet takes them.
    pub(super) fn environments(&self, all: &Utf8Path) -> Vec<Value> {
        let argo_cd = self.model.argo_cd.as_ref();
        // What has an Application of its own would get a second one of the same name.
        let own = argo_cd.filter(|argo_cd| argo_cd.application.is_some()).map(|_| self.model.environment.as_str());
        let set = argo_cd.and_then(|argo_cd| argo_cd.application_set.as_ref());
        let excluded = set.into_iter().flat_map(|set| set.exclude.iter().map(String::as_str));
        let exclude = ["_*"]
            .into_iter()
            .chain(own)
            .chain(excluded)
            .map(|pattern| minijinja::context! { path => all.join(pattern).as_str(), exclude => true });
        [minijinja::context! { path => all.join("*").as_str() }].into_iter().chain(exclude).collect()
    }

    /// The namespaces of the releases of charts.
    pub(super) fn chart_namespaces(&self) -> impl Iterator<Item = &str> {
        let controller = self.model.step_issuer.iter().filter(|step_issuer| step_issuer.chart.is_some());
        let authorities = self.model.authorities.values().filter(|authority| authority.chart.is_some());
        controller.map(|step_issuer| step_issuer.namespace.as_str()).chain(authorities.map(|authority| authority.namespace.as_str()))
    }
}
