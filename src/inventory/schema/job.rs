//! What runs in the cluster and ends: the bootstrap of a new one, and the export of snapshots now and then.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretKey;

/// A Job for the first minutes of a cluster: it waits for each authority whose snapshot is pending, and applies what needs
/// that snapshot. Once the snapshot is committed, the Job is no longer rendered.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bootstrap {
    /// The images that it runs, each pinned by its digest.
    pub images: BootstrapImages,
    /// Namespace of the Job. Default: that of the authority; needed where authorities in several namespaces are pending.
    pub namespace: Option<String>,
    /// How long it waits for an authority, as a Go duration. Default: `10m`.
    pub timeout: Option<String>,
    /// How long it waits between two looks, as a Go duration. Default: `10s`.
    pub interval: Option<String>,
    /// Resources of each container. Default: little.
    pub resources: Option<Resources>,
    /// Names of the Secrets with which the images are pulled.
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
}

/// Images of the bootstrap, as `registry/name@sha256:…` or `registry/name:tag@sha256:…`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BootstrapImages {
    /// An image with the program `trustree`.
    pub trustree: String,
    /// An image with the program `kubectl`.
    pub kubectl: String,
}

/// A CronJob that exports the snapshot of each authority and proposes what changes as a pull request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExporterCronJob {
    /// When it runs, in the five fields of cron: `"17 3 * * *"`.
    pub schedule: String,
    /// The time zone of the schedule, such as `Europe/Berlin`. Default: that of the cluster's controller.
    pub time_zone: Option<String>,
    /// An image with the programs `trustree` and `git`, pinned by its digest.
    pub image: String,
    /// The repository to clone, as an `https` or `ssh` address. Default: `git.url`.
    pub repository: Option<String>,
    /// The branch that the pull request is for. Default: `git.revision`.
    pub branch: Option<String>,
    /// The Secret with the token for the forge, in the namespace of the authority.
    pub forge_token: SecretKey,
    /// For `https`: the Secret with what git's credential store reads, `https://USER:TOKEN@HOST`. Leave it out where everybody
    /// may clone.
    pub git_credentials: Option<SecretKey>,
    /// For `ssh`: name of the Secret with the keys `identity` (the private key) and `known_hosts` (the host keys).
    pub ssh_secret: Option<String>,
    /// The ConfigMap with the certificates that the host of the repository is trusted by, where they are not in the image.
    pub host_certificates: Option<ConfigMapKey>,
    /// How long one run may take, as a Go duration. Default: `15m`.
    pub timeout: Option<String>,
    /// Resources of each container. Default: little.
    pub resources: Option<Resources>,
    /// Names of the Secrets with which the image is pulled.
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
}

/// A key in a ConfigMap of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfigMapKey {
    /// Name of the ConfigMap.
    pub name: String,
    /// Key in the ConfigMap.
    pub key: String,
}

/// Resources of a container, by their name: `cpu`, `memory`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Resources {
    /// What it may use at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, String>,
    /// What is set aside for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, String>,
}
