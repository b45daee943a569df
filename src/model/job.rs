//! The bootstrap Job and the exporter's CronJob: what they run, as whom, and with which rights. What the Job renders in the
//! cluster is an inventory of its own, cut out of the environment's: only what waits for a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::ImageReference;
use crate::finding::{
    BOOTSTRAP_LEAVES_OUT, DURATION_NOT_GO, IMAGE_NOT_PINNED, JOB_TIMING, MANIFEST_SECRET_MATERIAL, NAME_INVALID, REFERENCE_UNRESOLVED,
    WRONG_TYPE, listed,
};
use crate::inventory::{self, ConfigMapKey, Inventory, IssuerKind, Resources, SecretKey};
use crate::manifest::{dns_label_problem, dns_subdomain_problem};
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::model::tenant::Waiting as TenantsWaiting;
use crate::model::{Exporter, IssuerReference};
use crate::model::{delivery, trust};
use crate::pki::GoDuration;
use crate::yaml::Path;

/// Key of the only bootstrap in its map.
const ONLY: &str = "bootstrap";
/// Folder of the snapshots in the pod of the Job.
const SNAPSHOTS: &str = "snapshots";
/// Default of `bootstrap.timeout`, in minutes.
const BOOTSTRAP_TIMEOUT: i32 = 10;
/// Default of `exporterCronJob.timeout`, in minutes.
const EXPORT_TIMEOUT: i32 = 15;
/// Default of `bootstrap.interval`, in seconds.
const INTERVAL: i64 = 10;
/// What the Job may take for pulling images, rendering and applying, beside waiting, in seconds.
const REST: i64 = 300;
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;
/// Characters that a CronJob leaves of a name for what it appends. Source: Kubernetes, `ValidateCronJobCreate`.
const CRON_JOB_NAME: usize = 52;

/// A Job that applies what waits for a snapshot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Namespace of the Job and its ServiceAccount.
    pub namespace: String,
    /// Images.
    pub images: BootstrapImages,
    /// How long an export waits, in Go's canonical form.
    pub timeout: String,
    /// How long it waits between two looks, likewise.
    pub interval: String,
    /// How long the Job may take.
    pub deadline_seconds: i64,
    /// Resources of each container.
    pub resources: Resources,
    /// Secrets with which images are pulled.
    pub image_pull_secrets: Vec<Name>,
    /// What is exported, by authority.
    pub exports: BTreeMap<String, Export>,
    /// Rights in namespaces, by namespace.
    pub roles: BTreeMap<String, JobRole>,
    /// Rights for what lies in no namespace; empty where there is no such thing. The key is the Job's.
    pub cluster_roles: BTreeMap<String, ClusterRights>,
    /// The inventory that it renders.
    #[serde(skip)]
    pub inventory: Value,
    /// The namespace in whose folder it renders.
    #[serde(skip)]
    pub home: String,
    /// The maps of the model that have entries in the pod.
    #[serde(skip)]
    pub waiting: BTreeSet<&'static str>,
}

/// Images of the bootstrap.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapImages {
    /// With `trustree`.
    pub trustree: String,
    /// With `kubectl`.
    pub kubectl: String,
}

/// Something that is only named.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Name {
    /// Its name.
    pub name: String,
}

/// One container that exports a snapshot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Name of the container.
    pub container: String,
    /// The authority, where it has to be named; null where there is only one.
    pub authority: Option<String>,
}

/// Rights in one namespace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRole {
    /// The namespace.
    pub namespace: String,
    /// Its rules.
    pub rules: Vec<JobRule>,
}

/// Rights for what lies in no namespace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRights {
    /// The rules.
    pub rules: Vec<JobRule>,
}

/// One rule of a role: some objects by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRule {
    /// API group.
    pub group: &'static str,
    /// Resource.
    pub resource: &'static str,
    /// Names of the objects, sorted.
    pub names: Vec<String>,
    /// Verbs.
    pub verbs: Vec<&'static str>,
}

/// A CronJob that exports the snapshot of one authority.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExporterJob {
    /// Name of the CronJob and of its ServiceAccount.
    pub name: String,
    /// Namespace of both.
    pub namespace: String,
    /// Its folder in the tree.
    pub folder: String,
    /// The authority, where it has to be named; null where there is only one.
    pub authority: Option<String>,
    /// When it runs.
    pub schedule: String,
    /// Time zone of that; null where the cluster's holds.
    pub time_zone: Option<String>,
    /// Image with `trustree` and `git`.
    pub image: String,
    /// Address of the repository.
    pub repository: String,
    /// The branch that the pull request is for.
    pub branch: String,
    /// Where `trustree` runs in the pod.
    pub working_folder: String,
    /// The token for the forge.
    pub forge_token: SecretKey,
    /// What git's credential store reads; null where there is none.
    pub git_credentials: Option<SecretKey>,
    /// The Secret with key and host keys; null where there is none.
    pub ssh_secret: Option<String>,
    /// Certificates that the repository's host is trusted by; null where there are none.
    pub host_certificates: Option<ConfigMapKey>,
    /// How long one run may take.
    pub deadline_seconds: i64,
    /// Resources of each container.
    pub resources: Resources,
    /// Secrets with which the image is pulled.
    pub image_pull_secrets: Vec<Name>,
}

/// The bootstrap, where the inventory asks for one and something waits for a snapshot.
pub(super) fn bootstrap(
    resolution: &mut Resolution<'_>,
    inventory: &Inventory,
    home: Option<&str>,
    tenants: &BTreeMap<String, TenantsWaiting>,
) -> BTreeMap<String, Bootstrap> {
    let Some(written) = &resolution.fields.bootstrap else { return BTreeMap::new() };
    let path = Path::of([ONLY]);
    for (key, image) in [("trustree", &written.images.trustree), ("kubectl", &written.images.kubectl)] {
        check_image(resolution, path.key("images").key(key), image);
    }
    let timeout = duration(resolution, path.key("timeout"), written.timeout.as_deref(), GoDuration::from_minutes(BOOTSTRAP_TIMEOUT));
    let interval = duration(resolution, path.key("interval"), written.interval.as_deref(), GoDuration::from_nanoseconds(INTERVAL * SECOND));
    check_interval(resolution, &path, timeout, interval);
    // What was found up to here can be given another level, and the Job is made all the same.
    let before = resolution.findings.len();
    if resolution.fields.authorities.is_empty() {
        let message = "a bootstrap is asked for, and there is no authority that it could wait for";
        resolution.report(&REFERENCE_UNRESOLVED, path.clone(), message, "write `authorities:`, or take `bootstrap` out");
    }
    check_resources(resolution, &path, written.resources.as_ref(), &written.image_pull_secrets);
    let waiting = Waiting::of(resolution);
    leaves_out(resolution, &waiting, tenants);
    let namespace = namespace_of(resolution, written, &waiting);
    let (Some(namespace), Some(home), Some((timeout, interval))) = (namespace, home, timeout.zip(interval)) else {
        return BTreeMap::new();
    };
    let is_refused = resolution.findings[before..].iter().any(|finding| finding.rule != &BOOTSTRAP_LEAVES_OUT);
    if is_refused || waiting.issuers.is_empty() {
        return BTreeMap::new();
    }
    let bootstrap = Bootstrap {
        namespace,
        images: BootstrapImages { trustree: written.images.trustree.clone(), kubectl: written.images.kubectl.clone() },
        timeout: timeout.to_string(),
        interval: interval.to_string(),
        deadline_seconds: seconds(timeout).saturating_add(REST),
        resources: resources(written.resources.as_ref()),
        image_pull_secrets: names(&written.image_pull_secrets),
        exports: waiting.exports(),
        roles: waiting.roles(),
        cluster_roles: waiting.cluster_roles(),
        inventory: waiting.inventory(inventory, home),
        home: home.to_owned(),
        waiting: waiting.maps(),
    };
    BTreeMap::from([(ONLY.to_owned(), bootstrap)])
}

/// Tells what waits and has to wait for the snapshot in Git: the Job applies entries of `issuers` and `certificates` only.
fn leaves_out(resolution: &mut Resolution<'_>, waiting: &Waiting<'_>, tenants: &BTreeMap<String, TenantsWaiting>) {
    let pending = resolution.snapshots.iter().filter(|(_, snapshot)| matches!(snapshot, KnownSnapshot::Pending));
    let pending: Vec<&str> = pending.map(|(name, _)| name.as_str()).collect();
    if pending.is_empty() {
        return;
    }
    let of_tenants = tenants.values().any(|waits| waits.issuers + waits.certificates + waits.config_maps > 0);
    let of_trust = pending.iter().any(|name| trust::waiting_for(resolution.fields, name) > 0);
    let left: Vec<&str> =
        [("tenants", of_tenants), ("trust", of_trust)].into_iter().filter(|(_, is_left)| *is_left).map(|(map, _)| map).collect();
    let (message, help) = match (left.is_empty(), waiting.issuers.is_empty()) {
        (true, false) => return,
        (true, true) => (
            "nothing that a bootstrap could apply waits for a snapshot, so none is rendered".to_owned(),
            "write `issuers:` of the authority that is pending, or take `bootstrap` out",
        ),
        (false, true) => (
            format!(
                "of what waits for a snapshot the bootstrap applies nothing, so none is rendered: {} cannot be applied by it",
                listed(left)
            ),
            "take `bootstrap` out, and import the snapshot once the CA has run",
        ),
        (false, false) => (
            format!("the bootstrap applies what waits in `issuers` and `certificates`, and leaves {} out", listed(left)),
            "that waits until the snapshot is committed; say so with a level of your own for this rule where it may",
        ),
    };
    resolution.report(&BOOTSTRAP_LEAVES_OUT, Path::of([ONLY]), message, help);
}

/// What waits for a snapshot.
struct Waiting<'a> {
    authorities: BTreeMap<&'a str, &'a inventory::Authority>,
    issuers: BTreeMap<&'a str, &'a inventory::Issuer>,
    certificates: BTreeMap<&'a str, &'a inventory::Certificate>,
}

impl<'a> Waiting<'a> {
    fn of(resolution: &Resolution<'a>) -> Waiting<'a> {
        let fields = resolution.fields;
        let is_pending = |name: &str| matches!(resolution.snapshots.get(name), Some(KnownSnapshot::Pending));
        let waits = |issuer: &'a inventory::Issuer| {
            resolution.authority_name(issuer).filter(|name| is_pending(name) && fields.authorities.contains_key(*name))
        };
        let issuers: BTreeMap<_, _> =
            fields.issuers.iter().filter(|(_, issuer)| waits(issuer).is_some()).map(|(key, issuer)| (key.as_str(), issuer)).collect();
        let needed: BTreeSet<&str> = issuers.values().filter_map(|issuer| waits(issuer)).collect();
        let authorities = fields.authorities.iter().filter(|(name, _)| needed.contains(name.as_str()));
        let certificates = fields.certificates.iter().filter(|(_, certificate)| {
            resolution.issuer_named(certificate.issuer.as_deref()).is_some_and(|(key, _)| issuers.contains_key(key))
        });
        Waiting {
            authorities: authorities.map(|(name, authority)| (name.as_str(), authority)).collect(),
            certificates: certificates.map(|(key, certificate)| (key.as_str(), certificate)).collect(),
            issuers,
        }
    }

    fn exports(&self) -> BTreeMap<String, Export> {
        let several = self.authorities.len() > 1;
        let export = |(index, name): (usize, &&str)| {
            let container = if several { format!("export-{}", index + 1) } else { "export".to_owned() };
            ((*name).to_owned(), Export { container, authority: several.then(|| (*name).to_owned()) })
        };
        self.authorities.keys().enumerate().map(export).collect()
    }

    /// By namespace: reading what each authority publishes, and applying what lies there.
    fn roles(&self) -> BTreeMap<String, JobRole> {
        let mut objects = Objects::default();
        for authority in self.authorities.values() {
            for (resource, names) in super::exporter::public_objects(authority) {
                names.into_iter().for_each(|name| objects.add(&authority.namespace, ("", resource), name));
            }
        }
        for (key, issuer) in &self.issuers {
            let IssuerReference { kind, name, namespace, .. } = IssuerReference::of(key, issuer);
            if let Some(namespace) = namespace.filter(|_| !kind.is_cluster()) {
                objects.add(&namespace, (kind.group(), kind.resource()), name);
            }
        }
        for (key, certificate) in &self.certificates {
            let name = certificate.name.clone().unwrap_or_else(|| (*key).to_owned());
            objects.add(&certificate.namespace, ("cert-manager.io", "certificates"), name);
        }
        objects.roles()
    }

    fn cluster_roles(&self) -> BTreeMap<String, ClusterRights> {
        let mut names: BTreeMap<IssuerKind, BTreeSet<String>> = BTreeMap::new();
        for (key, issuer) in self.issuers.iter().filter(|(_, issuer)| issuer.kind.is_cluster()) {
            names.entry(issuer.kind).or_default().insert(IssuerReference::of(key, issuer).name);
        }
        if names.is_empty() {
            return BTreeMap::new();
        }
        let rule = |(kind, names): (IssuerKind, BTreeSet<String>)| JobRule {
            group: kind.group(),
            resource: kind.resource(),
            names: names.into_iter().collect(),
            verbs: APPLIES.to_vec(),
        };
        BTreeMap::from([(ONLY.to_owned(), ClusterRights { rules: names.into_iter().map(rule).collect() })])
    }

    /// The environment's inventory, cut down to what waits. Its snapshots lie where the Job writes them, and are not pending:
    /// without them nothing is rendered and the Job fails.
    fn inventory(&self, inventory: &Inventory, home: &str) -> Value {
        let whole = inventory.tree.to_json();
        let mut own = Map::new();
        let head = ["apiVersion", "kind", "labels", "clusterDomain", "versions", "certManager"];
        own.extend(head.into_iter().filter_map(|key| Some((key.to_owned(), whole.get(key)?.clone()))));
        own.insert("kind".to_owned(), "Environment".into());
        own.insert("stepIssuer".to_owned(), json!({"namespace": home}));
        // Both are in the tree already, and none of the Job's business.
        own.insert("approver".to_owned(), false.into());
        own.insert("exporter".to_owned(), false.into());
        let picked = |map: &str, keys: Vec<&str>| -> Map<String, Value> {
            keys.into_iter().filter_map(|key| Some((key.to_owned(), whole.get(map)?.get(key)?.clone()))).collect()
        };
        let mut authorities = picked("authorities", self.authorities.keys().copied().collect());
        for (name, authority) in &mut authorities {
            authority["snapshot"] = format!("{SNAPSHOTS}/{name}.yaml").into();
        }
        own.insert("authorities".to_owned(), authorities.into());
        own.insert("issuers".to_owned(), picked("issuers", self.issuers.keys().copied().collect()).into());
        own.insert("certificates".to_owned(), picked("certificates", self.certificates.keys().copied().collect()).into());
        own.extend(whole.get("rules").map(|rules| ("rules".to_owned(), rules.clone())));
        own.into()
    }

    fn maps(&self) -> BTreeSet<&'static str> {
        let has = |kind: IssuerKind| self.issuers.values().any(|issuer| issuer.kind == kind);
        let all = [
            ("issuers", has(IssuerKind::StepIssuer)),
            ("clusterIssuers", has(IssuerKind::StepClusterIssuer)),
            ("certManagerIssuers", has(IssuerKind::Issuer)),
            ("certManagerClusterIssuers", has(IssuerKind::ClusterIssuer)),
            ("certificates", !self.certificates.is_empty()),
        ];
        all.into_iter().filter(|(_, has)| *has).map(|(map, _)| map).collect()
    }
}

/// What `kubectl apply --server-side` needs: it patches; a patch of what is not there yet is a `create` with a name, so that
/// this, too, can be restricted to names; after a conflict it looks again. Source: Kubernetes, `PatchResource` in
/// `endpoints/handlers/patch.go`.
const APPLIES: [&str; 3] = ["get", "create", "patch"];

/// Names of objects by namespace, group and resource.
#[derive(Default)]
struct Objects(BTreeMap<String, BTreeMap<(&'static str, &'static str), BTreeSet<String>>>);

impl Objects {
    fn add(&mut self, namespace: &str, resource: (&'static str, &'static str), name: String) {
        self.0.entry(namespace.to_owned()).or_default().entry(resource).or_default().insert(name);
    }

    fn roles(self) -> BTreeMap<String, JobRole> {
        let rule = |((group, resource), names): ((&'static str, &'static str), BTreeSet<String>)| {
            let verbs = if group.is_empty() { vec!["get"] } else { APPLIES.to_vec() };
            JobRule { group, resource, names: names.into_iter().collect(), verbs }
        };
        let role = |(namespace, rules): (String, BTreeMap<_, _>)| {
            (namespace.clone(), JobRole { namespace, rules: rules.into_iter().map(rule).collect() })
        };
        self.0.into_iter().map(role).collect()
    }
}

/// The namespace of the Job; where it is neither written nor obvious, that is reported.
fn namespace_of(resolution: &mut Resolution<'_>, written: &inventory::Bootstrap, waiting: &Waiting<'_>) -> Option<String> {
    let path = Path::of([ONLY, "namespace"]);
    if let Some(namespace) = &written.namespace {
        if let Some(problem) = dns_label_problem(namespace) {
            let message = format!("`{namespace}` cannot be used as a name in Kubernetes: {problem}");
            resolution.report(&NAME_INVALID, path, message, "use a name such as `smallstep`");
            return None;
        }
        return Some(namespace.clone());
    }
    let namespaces: BTreeSet<&str> = waiting.authorities.values().map(|authority| authority.namespace.as_str()).collect();
    if namespaces.len() > 1 {
        let message = "the authorities that are pending lie in several namespaces, so the bootstrap has none";
        resolution.report(&REFERENCE_UNRESOLVED, Path::of([ONLY]), message, "write `namespace:` with the one that it runs in");
        return None;
    }
    namespaces.first().map(|namespace| (*namespace).to_owned())
}

/// The CronJobs of the exporters, where the inventory asks for them.
pub(super) fn exporters(resolution: &mut Resolution<'_>, exporters: &BTreeMap<String, Exporter>) -> BTreeMap<String, ExporterJob> {
    let Some(written) = &resolution.fields.exporter_cron_job else { return BTreeMap::new() };
    let path = Path::of(["exporterCronJob"]);
    check_image(resolution, path.key("image"), &written.image);
    let timeout = duration(resolution, path.key("timeout"), written.timeout.as_deref(), GoDuration::from_minutes(EXPORT_TIMEOUT));
    let before = resolution.findings.len();
    if resolution.fields.exporter == Some(false) {
        let message = "`exporterCronJob` runs as the exporter, and `exporter: false` leaves that out";
        resolution.report(&REFERENCE_UNRESOLVED, Path::of(["exporter"]), message, "take one of the two out");
    } else if resolution.fields.authorities.is_empty() {
        let message = "a CronJob is asked for, and there is no authority whose snapshot it could export";
        resolution.report(&REFERENCE_UNRESOLVED, path.clone(), message, "write `authorities:`, or take `exporterCronJob` out");
    }
    check_resources(resolution, &path, written.resources.as_ref(), &written.image_pull_secrets);
    check_names(resolution, &path, written);
    let git = delivery::git(resolution.fields);
    let repository = repository_of(resolution, written, git.url);
    let branch = written.branch.clone().unwrap_or(git.revision);
    if !is_branch(&branch) {
        let message = format!("`{branch}` cannot be the name of a branch");
        let path = if written.branch.is_some() { path.key("branch") } else { Path::of(["git", "revision"]) };
        resolution.report(&WRONG_TYPE, path, message, "write the branch that pull requests are for, such as `main`");
    }
    let (Some(repository), Some(timeout)) = (repository, timeout) else { return BTreeMap::new() };
    if resolution.findings.len() > before {
        return BTreeMap::new();
    }
    let several = exporters.len() > 1;
    let job = |(authority, exporter): (&String, &Exporter)| {
        let job = ExporterJob {
            name: exporter.name.clone(),
            namespace: exporter.namespace.clone(),
            folder: if several { format!("exporter-{authority}") } else { "exporter".to_owned() },
            authority: several.then(|| authority.clone()),
            schedule: written.schedule.clone(),
            time_zone: written.time_zone.clone(),
            image: written.image.clone(),
            repository: repository.clone(),
            branch: branch.clone(),
            working_folder: if git.path.is_empty() {
                "/workspace/repository".to_owned()
            } else {
                format!("/workspace/repository/{}", git.path)
            },
            forge_token: written.forge_token.clone(),
            git_credentials: written.git_credentials.clone(),
            ssh_secret: written.ssh_secret.clone(),
            host_certificates: written.host_certificates.clone(),
            deadline_seconds: seconds(timeout),
            resources: resources(written.resources.as_ref()),
            image_pull_secrets: names(&written.image_pull_secrets),
        };
        (authority.clone(), job)
    };
    let jobs: BTreeMap<String, ExporterJob> = exporters.iter().map(job).collect();
    if let Some(job) = jobs.values().find(|job| job.name.len() > CRON_JOB_NAME) {
        let message = format!("`{}` is too long for the name of a CronJob, which has at most {CRON_JOB_NAME} characters", job.name);
        resolution.report(&NAME_INVALID, path, message, "give the authority a shorter name");
        return BTreeMap::new();
    }
    jobs
}

/// The repository to clone, with credentials that fit its address; anything else is reported.
fn repository_of(resolution: &mut Resolution<'_>, written: &inventory::ExporterCronJob, of_git: Option<String>) -> Option<String> {
    let path = Path::of(["exporterCronJob"]);
    let Some(address) = written.repository.clone().or(of_git) else {
        let message = "`exporterCronJob` does not know which repository to clone";
        resolution.report(&REFERENCE_UNRESOLVED, path, message, "write `repository:` here, or `git: {url: …}`");
        return None;
    };
    let at = if written.repository.is_some() { path.key("repository") } else { Path::of(["git", "url"]) };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", &address));
    let host = rest.split('/').next().unwrap_or_default();
    let user = host.rsplit_once('@').map(|(user, _)| user);
    // Over ssh a user is only a name, as long as no password stands behind it.
    if user.is_some_and(|user| user.contains(':') || !["ssh", ""].contains(&scheme)) {
        let message = "the address of the repository names a user, and perhaps a secret, which would be read by everybody";
        let help = "take out what stands before `@`, and name a Secret in `gitCredentials`";
        resolution.report(&MANIFEST_SECRET_MATERIAL, at, message, help);
        return None;
    }
    let is_https = scheme == "https";
    if !is_https && scheme != "ssh" || host.is_empty() || host.contains(char::is_whitespace) {
        let message = format!("`{address}` is no address that the CronJob can clone");
        resolution.report(&WRONG_TYPE, at, message, "write `https://host/path.git` or `ssh://git@host/path.git`");
        return None;
    }
    if is_https && written.ssh_secret.is_some() {
        let help = "name the Secret in `gitCredentials`, or write the address as `ssh://git@host/path.git`";
        resolution.report(&WRONG_TYPE, path.key("sshSecret"), format!("`{address}` is not reached by ssh"), help);
        return None;
    }
    if !is_https && written.ssh_secret.is_none() {
        let message = format!("`{address}` is reached by ssh, and `sshSecret` names no key for it");
        resolution.report(&WRONG_TYPE, path, message, "write `sshSecret:` with a Secret that has `identity` and `known_hosts`");
        return None;
    }
    // Its certificates are of use in any case: the forge's API is reached over https.
    if !is_https && written.git_credentials.is_some() {
        let message = format!("`{address}` is reached by ssh, where `gitCredentials` is never looked at");
        resolution.report(&WRONG_TYPE, path.key("gitCredentials"), message, "take it out; the key lies in `sshSecret`");
        return None;
    }
    Some(address)
}

/// What the CronJob names and nobody renders: Secrets, a ConfigMap, and keys in them.
fn check_names(resolution: &mut Resolution<'_>, path: &Path, written: &inventory::ExporterCronJob) {
    let inventory::ExporterCronJob { forge_token, git_credentials, ssh_secret, host_certificates, .. } = written;
    let secret_keys = [("forgeToken", Some(forge_token)), ("gitCredentials", git_credentials.as_ref())];
    let named = secret_keys.into_iter().filter_map(|(field, reference)| Some((field, &reference?.name, &reference?.key)));
    let named = named.chain(host_certificates.as_ref().map(|reference| ("hostCertificates", &reference.name, &reference.key)));
    for (field, name, key) in named {
        check_object_name(resolution, path.key(field).key("name"), name);
        trust::check_key(resolution, &path.key(field).key("key"), key);
    }
    if let Some(name) = ssh_secret {
        check_object_name(resolution, path.key("sshSecret"), name);
    }
}

fn check_object_name(resolution: &mut Resolution<'_>, path: Path, name: &str) {
    let Some(problem) = dns_subdomain_problem(name) else { return };
    let message = format!("`{name}` cannot be the name of an object: {problem}");
    resolution.report(&NAME_INVALID, path, message, "use a name such as `forge`");
}

/// Whether git takes a text as the name of a branch. Source: `git help check-ref-format`.
fn is_branch(name: &str) -> bool {
    let is_refused = |character: char| character.is_ascii_control() || " ~^:?*[\\".contains(character);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains(is_refused)
        && name != "@"
        && !["..", "@{"].iter().any(|text| name.contains(text))
        && name.split('/').all(is_part)
}

/// An image is named by what it is, not by what somebody calls it today.
fn check_image(resolution: &mut Resolution<'_>, path: Path, image: &str) {
    let reference = ImageReference::of(image);
    let is_digest = |digest: &str| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let message = match reference.digest {
        Some(digest) if is_digest(digest) && !image.starts_with('@') => return,
        Some(_) => format!("`{image}` has a digest that is none: it is `sha256:` and 64 hexadecimal digits"),
        None => format!("`{image}` is not pinned: a tag may mean another image tomorrow, and this one gets rights in the cluster"),
    };
    let help = "write `name@sha256:…`; `docker buildx imagetools inspect NAME:TAG` and `crane digest NAME:TAG` show the digest";
    resolution.report(&IMAGE_NOT_PINNED, path, message, help);
}

/// A duration, or its default; None where Go does not read it. One of less than a second is reported, too.
fn duration(resolution: &mut Resolution<'_>, path: Path, written: Option<&str>, default: GoDuration) -> Option<GoDuration> {
    let Some(text) = written else { return Some(default) };
    match text.parse::<GoDuration>() {
        Ok(duration) if duration.nanoseconds() >= SECOND => Some(duration),
        Ok(duration) => {
            let message = format!("`{text}` is less than a second");
            resolution.report(&JOB_TIMING, path, message, "write a duration such as `10s` or `10m`");
            Some(duration)
        }
        Err(error) => {
            resolution.report(&DURATION_NOT_GO, path, error.to_string(), "write a duration such as `10s` or `10m`");
            None
        }
    }
}

fn check_interval(resolution: &mut Resolution<'_>, path: &Path, timeout: Option<GoDuration>, interval: Option<GoDuration>) {
    let Some((timeout, interval)) = timeout.zip(interval) else { return };
    if timeout.nanoseconds() / 2 < interval.nanoseconds() {
        let message =
            format!("the bootstrap waits {timeout} at most and {interval} between two looks, so that it looks hardly more than once");
        let help = "write a `timeout` of several times the `interval`, such as `10m` and `10s`";
        resolution.report(&JOB_TIMING, path.key("timeout"), message, help);
    }
}

fn check_resources(resolution: &mut Resolution<'_>, path: &Path, written: Option<&Resources>, pull_secrets: &[String]) {
    for (list, quantities) in written.iter().flat_map(|resources| [("limits", &resources.limits), ("requests", &resources.requests)]) {
        for (key, quantity) in quantities.iter().filter(|(_, quantity)| !is_quantity(quantity)) {
            let message = format!("`{quantity}` is no quantity that Kubernetes reads");
            let path = path.key("resources").key(list).key(key);
            resolution.report(&WRONG_TYPE, path, message, "write it as `100m`, `64Mi` or `1Gi`");
        }
    }
    for (index, name) in pull_secrets.iter().enumerate() {
        if let Some(problem) = dns_subdomain_problem(name) {
            let message = format!("`{name}` cannot be the name of a Secret: {problem}");
            resolution.report(&NAME_INVALID, path.key("imagePullSecrets").index(index), message, "use a name such as `registry`");
        }
    }
}

/// Whether Kubernetes reads a text as a quantity that is not negative. Source: `apimachinery/pkg/api/resource`.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let suffix = &text[number.len()..];
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.matches('.').count() < 2;
    is_number && ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&suffix)
}

fn resources(written: Option<&Resources>) -> Resources {
    written.cloned().unwrap_or_else(|| {
        let of = |pairs: [(&str, &str); 2]| pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Resources { limits: of([("cpu", "500m"), ("memory", "256Mi")]), requests: of([("cpu", "10m"), ("memory", "64Mi")]) }
    })
}

fn names(written: &[String]) -> Vec<Name> {
    written.iter().map(|name| Name { name: name.clone() }).collect()
}

/// Whole seconds, rounded up.
fn seconds(duration: GoDuration) -> i64 {
    // Kubernetes takes no deadline of nothing.
    (duration.nanoseconds().saturating_add(SECOND - 1) / SECOND).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, fits) in [
            ("100m", true),
            ("64Mi", true),
            ("1.5", true),
            ("0", true),
            ("64MB", false),
            ("", false),
            ("Mi", false),
            ("-1", false),
            ("1..5", false),
        ] {
            assert_eq!(is_quantity(text), fits, "{text}");
        }
    }

    #[test]
    fn branches_are_what_git_takes_for_one() {
        for (name, fits) in [
            ("main", true),
            ("release/1.2", true),
            ("a b", false),
            ("", false),
            ("-x", false),
            ("a..b", false),
            ("a/", false),
            ("x.lock", false),
            ("a\\b", false),
            ("HEAD~1", false),
        ] {
            assert_eq!(is_branch(name), fits, "{name}");
        }
    }

    #[test]
    fn deadlines_are_whole_seconds_and_never_nothing() {
        assert_eq!(seconds(GoDuration::from_minutes(10)), 600);
        assert_eq!(seconds(GoDuration::from_nanoseconds(SECOND + 1)), 2);
        assert_eq!(seconds(GoDuration::from_nanoseconds(0)), 1);
    }
}
