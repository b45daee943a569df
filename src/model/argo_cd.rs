//! Argo CD: the Application or ApplicationSet that points at the tree, and the project that lets it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::finding::{REFERENCE_UNRESOLVED, WRONG_TYPE};
use crate::inventory::{self, ArgoCdAutomation, ArgoCdDestination, Delivery, EnvironmentFile};
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
    /// The cluster that the project lets them write to, as `key` (`name` or `server`) and `value`.
    pub project_cluster: ProjectCluster,
    /// Namespaces that the tree has, or will have once what waits for a CA is there. Not for templates.
    #[serde(skip)]
    pub expected_namespaces: BTreeSet<String>,
    /// Kinds without a namespace that it has or will have: group and kind. Not for templates.
    #[serde(skip)]
    pub expected_kinds: BTreeSet<(&'static str, &'static str)>,
    /// The Application of this environment; null where there is none.
    pub application: Option<ArgoCdApplication>,
    /// The ApplicationSet of the repository; null where there is none.
    pub application_set: Option<ArgoCdApplicationSet>,
    /// Whether there are health checks.
    pub health_checks: bool,
    /// Whether anything of it points at the tree.
    pub points: bool,
}

/// A cluster as a project names it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectCluster {
    /// `name` or `server`.
    pub key: &'static str,
    /// What stands there.
    pub value: String,
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
    let cluster = written.application.as_ref().map(|application| destination(&application.destination)).unwrap_or_default();
    let project_cluster = match cluster.name {
        Some(name) => ProjectCluster { key: "name", value: name },
        None => ProjectCluster { key: "server", value: cluster.server.unwrap_or_else(|| OWN_CLUSTER.to_owned()) },
    };
    Some(ArgoCd {
        project_cluster,
        expected_namespaces: expected_namespaces(resolution.fields),
        expected_kinds: expected_kinds(resolution.fields),
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

/// Every namespace that the inventory names for objects, whether they wait for a CA or not.
fn expected_namespaces(fields: &EnvironmentFile) -> BTreeSet<String> {
    let mut namespaces: BTreeSet<String> = fields.step_issuer.iter().map(|step_issuer| step_issuer.namespace.clone()).collect();
    namespaces
        .extend(fields.authorities.values().filter(|authority| authority.chart.is_some()).map(|authority| authority.namespace.clone()));
    namespaces.extend(fields.issuers.values().filter_map(|issuer| issuer.namespace.clone()));
    namespaces.extend(fields.certificates.values().map(|certificate| certificate.namespace.clone()));
    namespaces.extend(fields.trust.values().flat_map(|trust| trust.config_maps.iter().flatten().cloned()));
    for (name, tenant) in &fields.tenants {
        let written = tenant.namespaces.clone().unwrap_or_else(|| vec![name.clone()]);
        namespaces.extend(written.into_iter().map(|namespace| namespace.replace("{tenant}", name)));
    }
    namespaces
}

/// The same for kinds that lie in no namespace.
fn expected_kinds(fields: &EnvironmentFile) -> BTreeSet<(&'static str, &'static str)> {
    let issuers = fields.issuers.values().filter(|issuer| issuer.kind.is_cluster()).map(|issuer| (issuer.kind.group(), issuer.kind.word()));
    let bundles = fields.trust.values().filter(|trust| trust.bundle.is_some()).map(|_| ("trust.cert-manager.io", "Bundle"));
    issuers.chain(bundles).collect()
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
