//! Argo CD: the Application or ApplicationSet that points at the tree, and the project that lets it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::finding::{REFERENCE_UNRESOLVED, WRONG_TYPE};
use crate::inventory::{self, ArgoCdAutomation, ArgoCdDestination, Delivery};
use crate::model::resolution::Resolution;
use crate::yaml::Path;

/// Default namespace of Argo CD.
const NAMESPACE: &str = "argocd";
/// The project that every Argo CD has.
const PROJECT: &str = "default";
/// The cluster that Argo CD runs in.
const OWN_CLUSTER: &str = "https://kubernetes.default.svc";
/// The name of an environment's folder, as an ApplicationSet fills it in.
const FOLDER: &str = "{{.path.basename}}";
/// The same as a part of a name.
const FOLDER_AS_NAME: &str = "{{.path.basenameNormalized}}";

/// What Argo CD is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCd {
    /// Its namespace.
    pub namespace: String,
    /// The project of the Applications.
    pub project: String,
    /// Whether that project is rendered.
    pub app_project: bool,
    /// Where the project lets them write, as cluster and namespace; empty where that is the tree's own namespaces.
    pub destinations: Vec<Value>,
    /// The Application of this environment; null where there is none.
    pub application: Option<ArgoCdApplication>,
    /// The ApplicationSet of the repository; null where there is none.
    pub application_set: Option<ArgoCdApplicationSet>,
    /// Whether there are health checks.
    pub health_checks: bool,
    /// Whether anything of it points at the tree.
    pub points: bool,
}

/// An Application.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCdApplication {
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The cluster, by `name` or `server`.
    pub destination: ArgoCdDestination,
    /// `automated` and `syncOptions`, as far as they are asked for.
    pub sync_policy: Map<String, Value>,
}

/// An ApplicationSet with a generator over the folders of the environments.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCdApplicationSet {
    /// Its name.
    pub name: String,
    /// Environments that it leaves out, as patterns.
    pub exclude: Vec<String>,
    /// What its Applications look like; their name is to be filled in.
    pub application: ArgoCdApplication,
    /// The path of their tree, to be filled in.
    pub path: &'static str,
}

/// What Argo CD is told, where the inventory says so.
pub(super) fn resolve(resolution: &mut Resolution<'_>) -> Option<ArgoCd> {
    let written = resolution.fields.argo_cd.as_ref()?;
    check(resolution, written);
    let environment = resolution.environment.as_str();
    let application = written.application.as_ref().map(|application| ArgoCdApplication {
        name: application.name.clone().unwrap_or_else(|| format!("trustree-{}", environment.to_ascii_lowercase().replace('_', "-"))),
        labels: application.labels.clone(),
        destination: destination(&application.destination),
        sync_policy: sync_policy(application.automated.as_ref(), &application.sync_options),
    });
    let application_set = written.application_set.as_ref().map(|set| ArgoCdApplicationSet {
        name: set.name.clone().unwrap_or_else(|| "trustree".to_owned()),
        exclude: set.exclude.clone(),
        path: "{{.path.path}}",
        application: ArgoCdApplication {
            name: format!("trustree-{FOLDER_AS_NAME}"),
            labels: set.labels.clone(),
            destination: set
                .destination
                .as_ref()
                .map_or_else(|| ArgoCdDestination { name: Some(FOLDER.to_owned()), server: None }, destination),
            sync_policy: sync_policy(set.automated.as_ref(), &set.sync_options),
        },
    });
    let app_project = written.app_project == Some(true);
    Some(ArgoCd {
        namespace: written.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned()),
        project: written.project.clone().unwrap_or_else(|| PROJECT.to_owned()),
        // What an ApplicationSet finds lies in clusters and namespaces that nobody knows here.
        destinations: application_set.iter().map(|_| json!({"namespace": "*", "server": "*"})).collect(),
        health_checks: written.health_checks == Some(true),
        points: application.is_some() || application_set.is_some() || app_project,
        app_project,
        application,
        application_set,
    })
}

fn destination(written: &ArgoCdDestination) -> ArgoCdDestination {
    match written {
        ArgoCdDestination { name: None, server: None } => ArgoCdDestination { name: None, server: Some(OWN_CLUSTER.to_owned()) },
        other => other.clone(),
    }
}

fn sync_policy(automated: Option<&ArgoCdAutomation>, options: &[String]) -> Map<String, Value> {
    let automated = automated.map(|automated| ("automated".to_owned(), json!(automated)));
    let options = (!options.is_empty()).then(|| ("syncOptions".to_owned(), json!(options)));
    automated.into_iter().chain(options).collect()
}

/// What would be rendered and could not work.
fn check(resolution: &mut Resolution<'_>, written: &inventory::ArgoCd) {
    let path = Path::of(["argoCd"]);
    if resolution.fields.delivery == Some(Delivery::Flux) {
        let message = "`delivery: flux` is for Flux, and Argo CD is to take up the tree";
        resolution.report(&WRONG_TYPE, path.clone(), message, "write another `delivery`, or take `argoCd` out");
    }
    let points = [("application", written.application.is_some()), ("applicationSet", written.application_set.is_some())];
    if let Some((field, _)) = points.iter().find(|(_, is_there)| *is_there)
        && resolution.fields.git.url.is_none()
    {
        let message = "Argo CD is to fetch the tree, and the inventory does not say from where";
        resolution.report(&REFERENCE_UNRESOLVED, path.key(field), message, "write the address of the repository to `git.url`");
    }
    if written.app_project == Some(true) {
        check_project(resolution, written, &path);
    }
    let application = written.application.as_ref().map(|application| ("application", Some(&application.destination)));
    let set = written.application_set.as_ref().map(|set| ("applicationSet", set.destination.as_ref()));
    for (field, destination) in application.into_iter().chain(set) {
        if let Some(ArgoCdDestination { name: Some(name), server: Some(_) }) = destination {
            let message = format!("the destination is named twice, by its name `{name}` and by its address");
            resolution.report(&WRONG_TYPE, path.key(field).key("destination"), message, "Argo CD takes one of them: take the other out");
        }
    }
}

fn check_project(resolution: &mut Resolution<'_>, written: &inventory::ArgoCd, path: &Path) {
    if written.project.as_deref().is_none_or(|project| project == PROJECT) {
        let message = format!("the project `{PROJECT}` is Argo CD's own, and cannot be rendered");
        resolution.report(
            &WRONG_TYPE,
            path.key("appProject"),
            message,
            "write `project:` with a name such as `trust`, or take `appProject` out",
        );
    }
    if resolution.fields.git.url.is_none() {
        let message = "the project lets Applications read one repository, and the inventory does not say which";
        resolution.report(&REFERENCE_UNRESOLVED, path.key("appProject"), message, "write the address of the repository to `git.url`");
    }
}
