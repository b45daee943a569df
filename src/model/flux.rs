//! What Flux is told of the tree: the names of its objects, where it finds tree and chart, and how often it looks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalog::{STEP_ISSUER_CHART, minor_version};
use crate::finding::{NAME_INVALID, REFERENCE_UNRESOLVED, WRONG_TYPE};
use crate::inventory::{self, Delivery, FluxSourceKind};
use crate::manifest::{dns_label_problem, dns_subdomain_problem};
use crate::model::resolution::Resolution;
use crate::model::{StepIssuer, TenantNamespace};
use crate::pki::GoDuration;
use crate::yaml::Path;

/// Default namespace of Flux's objects.
const NAMESPACE: &str = "flux-system";
/// Default beginning of their names.
pub(super) const NAME_PREFIX: &str = "trustree-";
/// Default name of the source: the one that `flux bootstrap` makes.
const SOURCE: &str = "flux-system";
/// Default name of a source that is rendered: it must not take the place of the one before.
const OWN_SOURCE: &str = "trustree";
/// Default of `interval`.
const INTERVAL: &str = "10m";
/// Defaults of `retryInterval` and `source.interval`.
const SOON: &str = "1m";
/// Default of `timeout`.
const TIMEOUT: &str = "5m";
/// The folders of the stages.
const STAGES: [&str; 3] = ["controller", "issuers", "certificates"];
/// The stage with the Jobs.
const WITH_JOBS: &str = "certificates";
/// How an address begins under which a registry holds charts.
const REGISTRY: &str = "oci://";
/// The first Flux with `healthCheckExprs`. Source: kustomize-controller 1.5.0, CHANGELOG.
const WITH_HEALTH_CHECKS: (u32, u32) = (2, 5);
/// The first Flux whose `OCIRepository` is `v1`. Source: source-controller 1.6.0, CHANGELOG.
const WITH_STABLE_REGISTRIES: (u32, u32) = (2, 6);

/// What Flux is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flux {
    /// Namespace of its objects.
    pub namespace: String,
    /// Name of the Kustomization of each stage, by the name of the stage.
    pub kustomizations: BTreeMap<&'static str, String>,
    /// How often it compares the cluster with the tree.
    pub interval: String,
    /// How soon it tries again.
    pub retry_interval: String,
    /// How long a stage may take.
    pub timeout: String,
    /// The same by the name of the stage: the one with a bootstrap waits for its Job.
    pub timeouts: BTreeMap<&'static str, String>,
    /// Whether it deletes what is gone from the tree.
    pub prune: bool,
    /// Whether it knows health checks in CEL.
    pub has_health_checks: bool,
    /// The API version of its OCIRepository.
    pub registry_api_version: &'static str,
    /// What must be ready before the first stage.
    pub depends_on: Vec<FluxReference>,
    /// Where it finds the tree, as a Kustomization names it.
    pub source: FluxSource,
    /// Namespaces of what Helm installs, by their names: what lies beside a release cannot wait for Helm to make them.
    pub namespaces: BTreeMap<String, FluxNamespace>,
    /// That source, where it is rendered; by its name.
    pub git_repositories: BTreeMap<String, GitRepository>,
    /// What Helm installs, by the name of the chart.
    pub releases: BTreeMap<&'static str, FluxRelease>,
    /// Chart repositories behind an address, by the name of the chart.
    pub helm_repositories: BTreeMap<&'static str, FluxChartSource>,
    /// Charts in a registry, by their name.
    pub oci_repositories: BTreeMap<&'static str, FluxChartSource>,
}

/// A namespace that is made where it is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FluxNamespace {
    /// Its name.
    pub name: String,
}

/// An object of Flux that another one names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FluxReference {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Where a Kustomization finds its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FluxSource {
    /// Its kind.
    pub kind: FluxSourceKind,
    /// Its name.
    pub name: String,
    /// Its namespace, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A source that is rendered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepository {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Address.
    pub url: String,
    /// What is followed: `branch`, `tag`, `name` or `commit`, and its name.
    pub reference: BTreeMap<&'static str, String>,
    /// How often it looks for new commits.
    pub interval: String,
    /// The Secret with what the repository asks for; null where it is open.
    pub secret_name: Option<String>,
}

/// A Helm release.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxRelease {
    /// Name of the HelmRelease and of the object that holds the chart.
    pub name: String,
    /// Namespace of both.
    pub namespace: String,
    /// Whether the chart lies in a registry.
    pub in_registry: bool,
}

/// Where a chart comes from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxChartSource {
    /// Name of the object.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Address of the repository; in a registry, that of the chart.
    pub url: String,
    /// The API version in which Flux knows its kind.
    pub api_version: &'static str,
    /// The tag of the chart's version; null outside of a registry.
    pub tag: Option<String>,
}

/// What Flux is told, where it delivers the tree. Settings that would go nowhere are reported.
pub(super) fn resolve(
    resolution: &mut Resolution<'_>,
    step_issuer: Option<&StepIssuer>,
    tenants: &BTreeMap<String, TenantNamespace>,
) -> Option<Flux> {
    let fields = resolution.fields;
    if fields.delivery.unwrap_or_default() != Delivery::Flux {
        if fields.flux.is_some() {
            let message = "there are settings for Flux, and Flux does not deliver this environment, so they go nowhere";
            let help = "write `delivery: flux`, or take `flux` out; `flux: null` does so where a layer brings it";
            resolution.report(&REFERENCE_UNRESOLVED, Path::of(["flux"]), message, help);
        }
        return None;
    }
    let defaults = inventory::Flux::default();
    let written = fields.flux.as_ref().unwrap_or(&defaults);
    let namespace = name(resolution, &["namespace"], written.namespace.as_deref(), dns_label_problem);
    let namespace = namespace.unwrap_or(NAMESPACE).to_owned();
    let name_prefix = name_prefix(resolution, written);
    let version = fields.versions.flux.as_deref().and_then(minor_version);
    let knows = |since: (u32, u32)| version.is_none_or(|version| version >= since);
    check_durations(resolution, written);
    let registry_api_version =
        if knows(WITH_STABLE_REGISTRIES) { "source.toolkit.fluxcd.io/v1" } else { "source.toolkit.fluxcd.io/v1beta2" };
    let mut flux = Flux {
        registry_api_version,
        kustomizations: STAGES.into_iter().map(|stage| (stage, format!("{name_prefix}{stage}"))).collect(),
        interval: or(written.interval.as_deref(), INTERVAL),
        retry_interval: or(written.retry_interval.as_deref(), SOON),
        timeout: or(written.timeout.as_deref(), TIMEOUT),
        timeouts: STAGES.into_iter().map(|stage| (stage, or(written.timeout.as_deref(), TIMEOUT))).collect(),
        prune: written.prune.unwrap_or(true),
        has_health_checks: knows(WITH_HEALTH_CHECKS),
        depends_on: depends_on(resolution, &written.depends_on, &namespace, name_prefix),
        source: source(resolution, &written.source, &namespace),
        namespaces: namespaces(resolution, step_issuer, tenants),
        git_repositories: BTreeMap::new(),
        releases: BTreeMap::new(),
        helm_repositories: BTreeMap::new(),
        oci_repositories: BTreeMap::new(),
        namespace,
    };
    if let Some(repository) = git_repository(resolution, &flux, &written.source) {
        flux.git_repositories.insert(repository.name.clone(), repository);
    }
    if let Some(step_issuer) = step_issuer {
        release(resolution, &mut flux, &format!("{name_prefix}{}", step_issuer.release), step_issuer, registry_api_version);
    }
    Some(flux)
}

/// The namespaces of releases, but for those that a tenant brings.
fn namespaces(
    resolution: &Resolution<'_>,
    step_issuer: Option<&StepIssuer>,
    tenants: &BTreeMap<String, TenantNamespace>,
) -> BTreeMap<String, FluxNamespace> {
    let controller = step_issuer.filter(|step_issuer| step_issuer.chart.is_some()).map(|step_issuer| step_issuer.namespace.as_str());
    let authorities = resolution.fields.authorities.values().filter(|authority| authority.chart.is_some());
    let all = controller.into_iter().chain(authorities.map(|authority| authority.namespace.as_str()));
    let is_brought = |name: &str| tenants.get(name).is_some_and(|tenant| !tenant.namespace_objects.is_empty());
    all.filter(|name| !is_brought(name)).map(|name| (name.to_owned(), FluxNamespace { name: name.to_owned() })).collect()
}

impl Flux {
    /// With as much time for the last stage as its Jobs may take, by their deadlines in seconds, and a minute to begin: a stage
    /// that gives up before its Job does would be reported as failed while all is well.
    pub(super) fn with_time_for(mut self, deadlines: impl Iterator<Item = i64>) -> Flux {
        let needed = deadlines.max().map(|seconds| GoDuration::from_nanoseconds(seconds.saturating_add(60).saturating_mul(1_000_000_000)));
        let given = self.timeout.parse::<GoDuration>().ok();
        if let Some((needed, _)) = needed.zip(given).filter(|(needed, given)| needed.nanoseconds() > given.nanoseconds()) {
            self.timeouts.insert(WITH_JOBS, needed.to_string());
        }
        self
    }
}

fn or(written: Option<&str>, default: &str) -> String {
    written.unwrap_or(default).to_owned()
}

/// What names begin with. One with which no name could begin is reported, once for all of them.
fn name_prefix<'a>(resolution: &mut Resolution<'_>, written: &'a inventory::Flux) -> &'a str {
    let Some(prefix) = written.name_prefix.as_deref() else { return NAME_PREFIX };
    // Flux writes the name into a label of every object.
    let longest = format!("{prefix}{}", STAGES[2]);
    let too_long = || {
        (longest.len() > 63)
            .then(|| format!("`{longest}` has {} characters, and Flux writes it into a label, which takes 63", longest.len()))
    };
    let Some(problem) = dns_subdomain_problem(&longest).or_else(too_long) else { return prefix };
    let message = format!("no name in Kubernetes begins with `{prefix}`: {problem}");
    resolution.report(&NAME_INVALID, Path::of(["flux", "namePrefix"]), message, "use a beginning such as `trustree-`");
    NAME_PREFIX
}

/// `name`, or `namespace/name`.
fn reference(text: &str, own: &str) -> FluxReference {
    match text.split_once('/') {
        Some((namespace, name)) => {
            FluxReference { name: name.to_owned(), namespace: Some(namespace.to_owned()).filter(|namespace| namespace != own) }
        }
        None => FluxReference { name: text.to_owned(), namespace: None },
    }
}

fn source(resolution: &mut Resolution<'_>, written: &inventory::FluxSource, own: &str) -> FluxSource {
    let default = if written.create == Some(true) { OWN_SOURCE } else { SOURCE };
    let namespace = name(resolution, &["source", "namespace"], written.namespace.as_deref(), dns_label_problem);
    FluxSource {
        kind: written.kind.unwrap_or_default(),
        name: or(name(resolution, &["source", "name"], written.name.as_deref(), dns_subdomain_problem), default),
        namespace: namespace.filter(|namespace| *namespace != own).map(str::to_owned),
    }
}

/// The Kustomizations that come first, as far as they can be names.
fn depends_on(resolution: &mut Resolution<'_>, written: &[String], own: &str, prefix: &str) -> Vec<FluxReference> {
    let mut references = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let reference = reference(text, own);
        if reference.namespace.is_none() && STAGES.iter().any(|stage| reference.name == format!("{prefix}{stage}")) {
            let path = Path::of(["flux", "dependsOn"]).index(index);
            let message = format!("`{text}` is one of the stages that are rendered here: the first of them would wait for itself for ever");
            resolution.report(
                &REFERENCE_UNRESOLVED,
                path,
                message,
                "name what must be ready before, such as the Kustomization of cert-manager",
            );
            continue;
        }
        let of_namespace = reference.namespace.as_deref().and_then(dns_label_problem);
        if let Some(problem) = dns_subdomain_problem(&reference.name).or(of_namespace) {
            let path = Path::of(["flux", "dependsOn"]).index(index);
            let help = "write the name of a Kustomization of Flux, such as `cert-manager`, or `namespace/name`";
            resolution.report(&NAME_INVALID, path, format!("`{text}` names no Kustomization: {problem}"), help);
        } else {
            references.push(reference);
        }
    }
    references
}

/// A name below `flux`; one that Kubernetes does not take is reported, and left out.
fn name<'a>(
    resolution: &mut Resolution<'_>,
    path: &[&str],
    written: Option<&'a str>,
    problem: fn(&str) -> Option<String>,
) -> Option<&'a str> {
    let text = written?;
    let Some(problem) = problem(text) else { return Some(text) };
    let message = format!("`{text}` cannot be used as a name in Kubernetes: {problem}");
    resolution.report(&NAME_INVALID, Path::of([&["flux"], path].concat()), message, "use a name such as `flux-system`");
    None
}

/// Durations that Flux would refuse.
fn check_durations(resolution: &mut Resolution<'_>, written: &inventory::Flux) {
    let durations = [
        (&["flux", "interval"][..], &written.interval),
        (&["flux", "retryInterval"], &written.retry_interval),
        (&["flux", "timeout"], &written.timeout),
        (&["flux", "source", "interval"], &written.source.interval),
    ];
    for (path, text) in durations {
        let Some(problem) = text.as_deref().and_then(duration_problem) else { continue };
        resolution.report(&WRONG_TYPE, Path::of(path.iter().copied()), problem, "write a duration such as `10m` or `1h30m`");
    }
}

/// What is wrong with a duration of Flux: it takes Go's, from milliseconds to hours, and none that is nothing.
fn duration_problem(text: &str) -> Option<String> {
    match text.parse::<GoDuration>() {
        Err(error) => Some(error.to_string()),
        Ok(duration) if duration.nanoseconds() <= 0 => Some(format!("`{text}` is no time at all")),
        Ok(_) if text.starts_with('+') || text.contains(['u', 'n', 'µ', 'μ']) => {
            Some(format!("Flux does not take `{text}`: it counts in `h`, `m`, `s` and `ms`"))
        }
        Ok(_) => None,
    }
}

/// The source, where it is to be rendered.
fn git_repository(resolution: &mut Resolution<'_>, flux: &Flux, written: &inventory::FluxSource) -> Option<GitRepository> {
    let git = &resolution.fields.git;
    if written.create != Some(true) {
        let idle = [("interval", written.interval.is_some()), ("secretName", written.secret_name.is_some())];
        for (key, _) in idle.into_iter().filter(|(_, is_written)| *is_written) {
            let message = format!("`{key}` is for a source that is rendered, and this one is not, so it goes nowhere");
            let help = "write `create: true` beside it, or take it out and set it where the source is made";
            resolution.report(&REFERENCE_UNRESOLVED, Path::of(["flux", "source", key]), message, help);
        }
        return None;
    }
    if flux.source.kind != FluxSourceKind::GitRepository {
        let help = "take `kind` out, or take `create` out and make the source yourself";
        resolution.report(&WRONG_TYPE, Path::of(["flux", "source", "kind"]), "only a GitRepository can be created here", help);
        return None;
    }
    if written.secret_name.is_none() && git.url.as_deref().is_some_and(|url| url.starts_with("ssh://")) {
        let help = "write `secretName` with the Secret that holds `identity` and `known_hosts`";
        resolution.report(
            &REFERENCE_UNRESOLVED,
            Path::of(["flux", "source", "create"]),
            "Flux fetches nothing over ssh without a key",
            help,
        );
    }
    if flux.source.name == SOURCE {
        let message = format!("`{SOURCE}` is the source that `flux bootstrap` makes, and it would be written over");
        resolution.report(
            &REFERENCE_UNRESOLVED,
            Path::of(["flux", "source", "name"]),
            message,
            "give it another name, or take `create` out",
        );
    }
    let Some(url) = git.url.clone() else {
        let help = "write `git: {url: https://git.example.com/fleet.git}`, the address under which Flux reaches it";
        let message = "a GitRepository is to be created, and nothing says where the repository is";
        resolution.report(&REFERENCE_UNRESOLVED, Path::of(["flux", "source", "create"]), message, help);
        return None;
    };
    if !["https://", "http://", "ssh://"].iter().any(|scheme| url.starts_with(scheme)) {
        let message = format!("Flux does not take the address `{url}`: it must begin with `https://`, `http://` or `ssh://`");
        let help = "write `git@git.example.com:team/fleet.git` as `ssh://git@git.example.com/team/fleet.git`";
        resolution.report(&WRONG_TYPE, Path::of(["git", "url"]), message, help);
        return None;
    }
    Some(GitRepository {
        name: flux.source.name.clone(),
        namespace: flux.source.namespace.clone().unwrap_or_else(|| flux.namespace.clone()),
        url,
        reference: BTreeMap::from([revision(&crate::model::delivery::git(resolution.fields).revision)]),
        interval: or(written.interval.as_deref(), SOON),
        secret_name: name(resolution, &["source", "secretName"], written.secret_name.as_deref(), dns_subdomain_problem).map(str::to_owned),
    })
}

/// What a revision is for Flux: forty or sixty-four hexadecimal digits are a commit, `refs/…` is a name, a version is a
/// tag, and anything else a branch.
fn revision(text: &str) -> (&'static str, String) {
    let is_commit = [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_version = || {
        let numbers: Vec<&str> = text.strip_prefix('v').unwrap_or(text).splitn(3, '.').collect();
        numbers.len() == 3 && numbers.iter().all(|number| number.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let kind = match text {
        _ if is_commit => "commit",
        _ if text.starts_with("refs/") => "name",
        _ if is_version() => "tag",
        _ => "branch",
    };
    (kind, text.to_owned())
}

/// The release of the controller's chart, and where the chart comes from.
fn release(resolution: &mut Resolution<'_>, flux: &mut Flux, name: &str, step_issuer: &StepIssuer, registries: &'static str) {
    let Some(chart) = &step_issuer.chart else { return };
    // Only kustomize takes a chart without a repository, from its home.
    let Some(repo) = &chart.repo else { return };
    let in_registry = repo.starts_with(REGISTRY);
    if !in_registry && !["https://", "http://"].iter().any(|scheme| repo.starts_with(scheme)) {
        let message = format!("Flux does not take the chart repository `{repo}`");
        let help = "write an address that begins with `https://` or `oci://`";
        resolution.report(&WRONG_TYPE, Path::of(["stepIssuer", "chart", "repo"]), message, help);
    }
    let (name, namespace) = (name.to_owned(), flux.namespace.clone());
    flux.releases.insert(STEP_ISSUER_CHART, FluxRelease { name: name.clone(), namespace: namespace.clone(), in_registry });
    if in_registry {
        // A tag cannot hold the `+` of a version; Helm writes `_` in its place.
        let tag = Some(chart.version.replace('+', "_"));
        let url = format!("{}/{STEP_ISSUER_CHART}", repo.trim_end_matches('/'));
        flux.oci_repositories.insert(STEP_ISSUER_CHART, FluxChartSource { name, namespace, url, api_version: registries, tag });
    } else {
        let api_version = "source.toolkit.fluxcd.io/v1";
        let source = FluxChartSource { name, namespace, url: repo.clone(), api_version, tag: None };
        flux.helm_repositories.insert(STEP_ISSUER_CHART, source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_that_flux_takes() {
        for text in ["10m", "1h30m", "500ms", "1.5h", "90s"] {
            assert_eq!(duration_problem(text), None, "{text}");
        }
        for text in ["", "10", "1d", "-5m", "0s", "10us", "5ns", "+5m", "ten minutes"] {
            assert!(duration_problem(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_revision_is_a_branch_unless_it_looks_like_something_else() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (text, kind) in [
            ("main", "branch"),
            ("release/1.2.3", "branch"),
            ("1.2", "branch"),
            ("v1.2.3", "tag"),
            ("1.2.3-rc.1", "tag"),
            ("refs/tags/release-7", "name"),
            (commit, "commit"),
            ("abcdef", "branch"),
        ] {
            assert_eq!(revision(text), (kind, text.to_owned()));
        }
    }

    #[test]
    fn what_lies_in_the_same_namespace_is_named_without_it() {
        let named = |text: &str| reference(text, "flux-system");
        assert_eq!(named("cert-manager"), FluxReference { name: "cert-manager".to_owned(), namespace: None });
        assert_eq!(named("flux-system/cert-manager"), FluxReference { name: "cert-manager".to_owned(), namespace: None });
        let elsewhere = FluxReference { name: "cert-manager".to_owned(), namespace: Some("infra".to_owned()) };
        assert_eq!(named("infra/cert-manager"), elsewhere);
    }
}
