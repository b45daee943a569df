//! The components that are part of the program, and files of a repository that take their place.

use camino::Utf8PathBuf;

/// Names the files of a built-in component, embedded at compile time from `templates/`.
macro_rules! built_in {
    ($component:literal: $($file:literal),* $(,)?) => {
        ($component, &[$(($file, include_str!(concat!("../../templates/", $component, "/", $file)))),*])
    };
}

/// A built-in component: its name, and its files by name.
pub(super) type BuiltIn = (&'static str, &'static [(&'static str, &'static str)]);

/// The built-in components.
pub(super) const BUILT_IN: &[BuiltIn] = &[
    built_in!("argo-cd":
        "application.yaml.j2",
        "applicationset.yaml.j2",
        "appproject.yaml.j2",
        "component.yaml",
        "kustomization.yaml.j2",
    ),
    built_in!("argo-cd-health": "argocd-cm.yaml.j2", "component.yaml", "kustomization.yaml.j2"),
    built_in!("flux": "component.yaml", "gitrepository.yaml.j2", "kustomization.yaml.j2", "stage.yaml.j2"),
    built_in!("bootstrap":
        "component.yaml",
        "clusterrole.yaml.j2",
        "clusterrolebinding.yaml.j2",
        "configmap.yaml.j2",
        "job.yaml.j2",
        "kustomization.yaml.j2",
        "role.yaml.j2",
        "rolebinding.yaml.j2",
        "serviceaccount.yaml.j2",
    ),
    built_in!("environment": "component.yaml", "kustomization.yaml.j2"),
    built_in!("exporter": "component.yaml", "cronjob.yaml.j2", "kustomization.yaml.j2"),
    built_in!("step-certificates":
        "component.yaml",
        "helmrelease.yaml.j2",
        "helmrepository.yaml.j2",
        "kustomization.yaml.j2",
        "ocirepository.yaml.j2",
        "values.yaml.j2",
    ),
    built_in!("step-issuer":
        "component.yaml",
        "approver-clusterrole.yaml.j2",
        "approver-clusterrolebinding.yaml.j2",
        "certificate.yaml.j2",
        "clusterissuer.yaml.j2",
        "exporter-role.yaml.j2",
        "exporter-rolebinding.yaml.j2",
        "exporter-serviceaccount.yaml.j2",
        "helmrelease.yaml.j2",
        "helmrepository.yaml.j2",
        "issuer.yaml.j2",
        "kustomization.yaml.j2",
        "namespace.yaml.j2",
        "ocirepository.yaml.j2",
        "stepclusterissuer.yaml.j2",
        "stepissuer.yaml.j2",
        "values.yaml.j2",
    ),
    built_in!("tenant":
        "component.yaml",
        "kustomization.yaml.j2",
        "namespace.yaml.j2",
        "networkpolicy.yaml.j2",
        "requester-role.yaml.j2",
        "requester-rolebinding.yaml.j2",
        "trust.yaml.j2",
    ),
    built_in!("trust": "component.yaml", "bundle.yaml.j2", "configmap.yaml.j2", "kustomization.yaml.j2"),
];

/// The files of a built-in component; none where a component is the user's own.
pub(super) fn built_in(component: &str) -> &'static [(&'static str, &'static str)] {
    BUILT_IN.iter().find(|(name, _)| *name == component).map_or(&[], |(_, files)| files)
}

/// A file of the user's `templates/` folder.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Folder below `templates/`: the component's name.
    pub component: String,
    /// Name of the file in it.
    pub name: String,
    /// Path below the repository, for messages.
    pub path: Utf8PathBuf,
    /// Content.
    pub bytes: Vec<u8>,
}
