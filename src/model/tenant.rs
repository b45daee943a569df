//! Tenants: what lies in each of their namespaces. Their fields were merged over the defaults before; here placeholders are
//! filled in, and who signs is looked up once for each tenant.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{
    ISSUER_IN_OTHER_NAMESPACE, NAME_INVALID, PLACEHOLDER_UNKNOWN, REFERENCE_UNRESOLVED, TENANT_NAMESPACE_OF_CA, TENANT_NAMESPACE_TWICE,
    TENANT_OPEN_TO_ALL, TENANT_WITHOUT_EFFECT, WRONG_TYPE, listed,
};
use crate::inventory::{self, IssuerKind, Keystores, RequesterKind};
use crate::manifest::{dns_label_problem, dns_subdomain_problem};
use crate::model::issuer::{self, Issuers};
use crate::model::placeholder::Placeholders;
use crate::model::resolution::{KnownSnapshot, Resolution};
use crate::model::{Certificate, Issuer, IssuerReference, certificate, trust};
use crate::yaml::Path;

/// The map of the model with the namespaces of tenants.
const NAMESPACES: &str = "tenantNamespaces";
/// Default name of a tenant's own StepIssuer.
const ISSUER: &str = "step-issuer";
/// Name of the Role and RoleBinding of those who may create Certificates.
const REQUESTER: &str = "trustree-requester";
/// Default name of the ConfigMap with roots, and of the key in it.
const ROOTS: (&str, &str) = ("ca-roots", "ca.crt");
/// Name of the NetworkPolicy.
const NETWORK_POLICY: &str = "trustree-ca";
/// Namespaces of the cluster itself, and what lies in them.
const OF_CLUSTER: [(&str, &str); 4] = [
    ("default", "what names no namespace"),
    ("kube-node-lease", "what the nodes report"),
    ("kube-public", "what everybody may read"),
    ("kube-system", "what the cluster itself runs"),
];
/// Groups to which everybody, or everything that runs, belongs. Source: Kubernetes, `pkg/registry/rbac` and
/// `apiserver/pkg/authentication/user`.
const EVERYBODY: [(&str, &str); 4] = [
    ("system:authenticated", "everybody who has logged in, every ServiceAccount included"),
    ("system:serviceaccounts", "every ServiceAccount of the cluster"),
    ("system:unauthenticated", "everybody who reaches the API server"),
    ("system:anonymous", "everybody who reaches the API server"),
];
/// API group of subjects that are no ServiceAccounts.
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// One namespace of a tenant, with what is rendered into it. What there is at most one of is a map, too: so each object has
/// an entry in the inventory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantNamespace {
    /// The namespace.
    pub namespace: String,
    /// The tenant's name.
    pub tenant: String,
    /// The Namespace object, where the inventory gives it labels.
    pub namespace_objects: BTreeMap<String, NamespaceObject>,
    /// Its own StepIssuer.
    pub issuers: BTreeMap<String, Issuer>,
    /// Certificates by their name in the inventory.
    pub certificates: BTreeMap<String, Certificate>,
    /// Who may create Certificates.
    pub requesters: BTreeMap<String, Requesters>,
    /// ConfigMaps with roots.
    pub roots: BTreeMap<String, Roots>,
    /// Policies that let pods reach the CA.
    pub network_policies: BTreeMap<String, NetworkPolicy>,
}

/// A Namespace object.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceObject {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A Role and its RoleBinding.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requesters {
    /// Name of both.
    pub name: String,
    /// Namespace of both.
    pub namespace: String,
    /// Who has the right.
    pub subjects: Vec<Subject>,
}

/// A subject of a RoleBinding.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Kind.
    pub kind: RequesterKind,
    /// Name.
    pub name: String,
    /// Namespace of a ServiceAccount; null for others.
    pub namespace: Option<String>,
    /// API group of users and groups; null for ServiceAccounts.
    pub api_group: Option<&'static str>,
}

/// A ConfigMap with the roots of an authority.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Roots {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// PEM of every root that the snapshot trusts, by the key in the ConfigMap.
    pub data: BTreeMap<String, String>,
}

/// The way from pods to the CA's pods.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Labels of the pods that it is for; none for every pod.
    pub pod_labels: BTreeMap<String, String>,
    /// Namespace of the CA.
    pub ca_namespace: String,
    /// Release of the CA, which its pods bear as a label.
    pub ca_release: String,
    /// Port on which its pods listen.
    pub port: u16,
}

impl TenantNamespace {
    fn is_empty(&self) -> bool {
        let TenantNamespace { namespace_objects, issuers, certificates, requesters, roots, network_policies, .. } = self;
        let maps = [namespace_objects.is_empty(), issuers.is_empty(), certificates.is_empty(), requesters.is_empty()];
        maps.into_iter().all(|is_empty| is_empty) && roots.is_empty() && network_policies.is_empty()
    }
}

/// What waits for the snapshot of an authority.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) issuers: usize,
    pub(super) certificates: usize,
    pub(super) config_maps: usize,
}

/// The tenants of an environment.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    /// By the name of the namespace.
    pub(super) namespaces: BTreeMap<String, TenantNamespace>,
    /// The authority behind each tenant's own StepIssuer.
    pub(super) authorities: BTreeMap<String, String>,
    /// The way back to the inventory.
    pub(super) origins: BTreeMap<Vec<String>, Path>,
    /// What waits, by authority.
    pub(super) waiting: BTreeMap<String, Waiting>,
}

/// Resolves every tenant. Own StepIssuers that cannot be rendered join those that wait.
pub(super) fn resolve(resolution: &mut Resolution<'_>, issuers: &mut Issuers) -> Tenants {
    let fields = resolution.fields;
    let mut tenants = Tenants::default();
    if fields.tenant_defaults.is_some() && fields.tenants.is_empty() {
        let message = "there are defaults for tenants, and no tenant";
        resolution.report(&TENANT_WITHOUT_EFFECT, Path::of(["tenantDefaults"]), message, "write `tenants:`, or take the defaults out");
    }
    let mut owners: BTreeMap<String, (&str, Path)> = BTreeMap::new();
    for (name, tenant) in &fields.tenants {
        let path = Path::of(["tenants", name]);
        let namespaces = namespaces(resolution, name, tenant, &mut owners);
        if namespaces.is_empty() || has_no_effect(tenant) {
            without_effect(resolution, name, tenant, &path, namespaces.is_empty());
            continue;
        }
        let mut pass = Pass { resolution, issuers, tenants: &mut tenants, name, tenant, path, unknown: BTreeSet::new(), is_broken: false };
        let signer = pass.signer();
        for namespace in namespaces {
            pass.namespace(&namespace, signer);
        }
    }
    tenants
}

fn has_no_effect(tenant: &inventory::Tenant) -> bool {
    let inventory::Tenant { step_issuer, certificates, namespace_labels, requesters, trust, network_policy, .. } = tenant;
    let is_bare = step_issuer.is_none() && certificates.is_empty() && namespace_labels.is_none();
    is_bare && requesters.is_empty() && trust.is_none() && network_policy.is_none()
}

fn without_effect(resolution: &mut Resolution<'_>, name: &str, tenant: &inventory::Tenant, path: &Path, has_no_namespace: bool) {
    let (message, help) = match (has_no_namespace, &tenant.namespaces) {
        (true, Some(written)) if written.is_empty() => {
            (format!("tenant `{name}` has no namespace"), "write one into `namespaces`, or take the tenant out")
        }
        // Each of them was reported.
        (true, _) => return,
        (false, _) => (
            format!("nothing is rendered for tenant `{name}`"),
            "write `certificates:` or another field for it or into `tenantDefaults`, or take the tenant out",
        ),
    };
    resolution.report(&TENANT_WITHOUT_EFFECT, path.clone(), message, help);
}

/// The namespaces of a tenant that can be rendered into.
fn namespaces<'a>(
    resolution: &mut Resolution<'a>,
    name: &'a str,
    tenant: &'a inventory::Tenant,
    owners: &mut BTreeMap<String, (&'a str, Path)>,
) -> Vec<String> {
    let path = Path::of(["tenants", name]);
    let known = [("tenant", name)];
    let placeholders = Placeholders::new(&known);
    let list = path.key("namespaces");
    let written: Vec<(Path, &str)> = match &tenant.namespaces {
        Some(written) => written.iter().enumerate().map(|(index, text)| (list.index(index), text.as_str())).collect(),
        None => vec![(path, name)],
    };
    let mut namespaces = Vec::new();
    for (path, text) in written {
        let namespace = match placeholders.fill(text) {
            Ok(namespace) => namespace,
            Err(unknown) => {
                let message = format!("`{unknown}` is no placeholder for a namespace");
                resolution.report(&PLACEHOLDER_UNKNOWN, path, message, placeholders.help(&unknown));
                continue;
            }
        };
        if let Some(problem) = dns_label_problem(&namespace) {
            let message = format!("`{namespace}` cannot be a namespace: {problem}");
            let help = match &tenant.namespaces {
                Some(_) => "use a name such as `payments`",
                None => "write the tenant's `namespaces:`; without them its own name is the only one",
            };
            resolution.report(&NAME_INVALID, path, message, help);
        } else if let Some((owner, other)) = owners.get(&namespace) {
            let message = match *owner == name {
                true => format!("tenant `{name}` names the namespace `{namespace}` twice"),
                false => format!("the namespace `{namespace}` belongs to the tenants `{owner}` (`{other}`) and `{name}`"),
            };
            resolution.report(&TENANT_NAMESPACE_TWICE, path, message, "leave it to one of them, or make them one tenant");
        } else {
            of_infrastructure(resolution, (name, tenant), &namespace, &path);
            owners.insert(namespace.clone(), (name, path));
            namespaces.push(namespace);
        }
    }
    namespaces
}

/// Where the CA, its controller or cert-manager lie, a Certificate could overwrite their Secrets.
fn of_infrastructure(resolution: &mut Resolution<'_>, (name, tenant): (&str, &inventory::Tenant), namespace: &str, path: &Path) {
    let fields = resolution.fields;
    let authority = fields.authorities.iter().find(|(_, authority)| authority.namespace == namespace);
    let what = match authority {
        Some((authority, _)) => format!("the authority `{authority}`"),
        None if fields.step_issuer.as_ref().is_some_and(|step_issuer| step_issuer.namespace == namespace) => "step-issuer".to_owned(),
        None if resolution.cert_manager().namespace == namespace => "cert-manager".to_owned(),
        None => match OF_CLUSTER.iter().find(|(own, _)| *own == namespace) {
            Some((_, what)) => (*what).to_owned(),
            None => return,
        },
    };
    let danger = match tenant.requesters.is_empty() {
        true => "a Certificate of the tenant can overwrite a Secret there",
        false => "whoever may create Certificates there can overwrite its Secrets",
    };
    let message = format!("tenant `{name}` has the namespace `{namespace}`, where {what} lies: {danger}");
    resolution.report(&TENANT_NAMESPACE_OF_CA, path.clone(), message, "give the tenant a namespace of its own");
}

/// Who signs the certificates of a tenant.
#[derive(Debug, Clone, Copy)]
enum Signer<'a> {
    /// An issuer of the inventory.
    Entry(&'a str, &'a inventory::Issuer),
    /// A StepIssuer of its own in each namespace.
    Own(&'a inventory::TenantIssuer),
}

/// One tenant.
struct Pass<'p, 'a> {
    resolution: &'p mut Resolution<'a>,
    issuers: &'p mut Issuers,
    tenants: &'p mut Tenants,
    name: &'a str,
    tenant: &'a inventory::Tenant,
    /// Its path in the inventory.
    path: Path,
    /// Places of placeholders that were reported: each is met once for every namespace.
    unknown: BTreeSet<Path>,
    /// Whether something of the entry at hand could not be filled in: what is wrong with the rest follows from that.
    is_broken: bool,
}

impl<'a> Pass<'_, 'a> {
    /// Who signs where a certificate does not say it; None where nobody does, which is reported once it matters.
    fn signer(&mut self) -> Option<Signer<'a>> {
        let tenant = self.tenant;
        let named = tenant.issuer.as_deref();
        if let Some(own) = &tenant.step_issuer {
            if let Some(name) = named {
                let message =
                    format!("tenant `{}` has a StepIssuer of its own and names the issuer `{name}`: only one can sign", self.name);
                let help = "take one of them out; `issuer: null` or `stepIssuer: null` takes out what the defaults say";
                self.resolution.report(&WRONG_TYPE, self.path.key("issuer"), message, help);
            }
            return Some(Signer::Own(own));
        }
        let found = self.resolution.issuer_named(named);
        match (found, named) {
            (Some((key, issuer)), _) => return Some(Signer::Entry(key, issuer)),
            (None, Some(name)) => self.no_such_issuer(self.path.key("issuer"), name),
            (None, None) if tenant.certificates.values().any(|certificate| certificate.issuer.is_none()) => {
                let known = self.resolution.fields.issuers.keys();
                let help = match known.len() {
                    0 => "write `stepIssuer:` for it, or an issuer into `issuers:`".to_owned(),
                    _ => format!("write `issuer:` with one of {}", listed(known.map(String::as_str))),
                };
                let message = format!("tenant `{}` does not say which issuer signs its certificates", self.name);
                self.resolution.report(&REFERENCE_UNRESOLVED, self.path.clone(), message, help);
            }
            (None, None) => {}
        }
        None
    }

    fn no_such_issuer(&mut self, path: Path, name: &str) {
        self.resolution.unresolved(path, "issuer", name, self.resolution.fields.issuers.keys());
    }

    /// Everything of one namespace.
    fn namespace(&mut self, namespace: &str, signer: Option<Signer<'a>>) {
        let mut all = TenantNamespace {
            namespace: namespace.to_owned(),
            tenant: self.name.to_owned(),
            namespace_objects: BTreeMap::new(),
            issuers: BTreeMap::new(),
            certificates: BTreeMap::new(),
            requesters: self.requesters(namespace),
            roots: BTreeMap::new(),
            network_policies: BTreeMap::new(),
        };
        if let Some(object) = self.namespace_object(namespace) {
            all.namespace_objects.insert(object.name.clone(), object);
        }
        if let Some(Signer::Own(own)) = signer {
            all.issuers.extend(self.own_issuer(namespace, own));
        }
        all.certificates = self.certificates(namespace, signer);
        all.roots = self.roots(namespace, signer);
        all.network_policies = self.network_policies(namespace, signer);
        if !all.is_empty() {
            self.remember(&all);
            self.tenants.namespaces.insert(namespace.to_owned(), all);
        }
    }

    /// Keeps where the entries of a namespace come from.
    fn remember(&mut self, all: &TenantNamespace) {
        let origins = &mut self.tenants.origins;
        let own = [NAMESPACES.to_owned(), all.namespace.clone()];
        origins.insert(own.to_vec(), self.path.clone());
        let mut put = |map: &str, key: &String, path: Path| {
            origins.insert([own.as_slice(), &[map.to_owned(), key.clone()]].concat(), path);
        };
        let certificates = self.path.key("certificates");
        all.certificates.keys().for_each(|key| put("certificates", key, certificates.key(key)));
        all.issuers.keys().for_each(|key| put("issuers", key, self.path.key("stepIssuer")));
        all.namespace_objects.keys().for_each(|key| put("namespaceObjects", key, self.path.key("namespaceLabels")));
        all.requesters.keys().for_each(|key| put("requesters", key, self.path.key("requesters")));
        all.roots.keys().for_each(|key| put("roots", key, self.path.key("trust")));
        all.network_policies.keys().for_each(|key| put("networkPolicies", key, self.path.key("networkPolicy")));
    }

    /// A text with its placeholders filled in; what is no placeholder is reported.
    fn fill(&mut self, namespace: &str, path: &Path, text: &str) -> String {
        if !text.contains(['{', '}']) {
            return text.to_owned();
        }
        let known = [("namespace", namespace), ("tenant", self.name), ("clusterDomain", self.resolution.cluster_domain())];
        let placeholders = Placeholders::new(&known);
        match placeholders.fill(text) {
            Ok(text) => text,
            Err(unknown) => {
                self.is_broken = true;
                if self.unknown.insert(path.clone()) {
                    let message = format!("`{unknown}` is no placeholder");
                    self.resolution.report(&PLACEHOLDER_UNKNOWN, path.clone(), message, placeholders.help(&unknown));
                }
                text.to_owned()
            }
        }
    }

    fn fill_labels(&mut self, namespace: &str, path: &Path, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        labels.iter().map(|(key, value)| (key.clone(), self.fill(namespace, &path.key(key), value))).collect()
    }

    fn fill_list(&mut self, namespace: &str, path: &Path, texts: &[String]) -> Vec<String> {
        texts.iter().enumerate().map(|(index, text)| self.fill(namespace, &path.index(index), text)).collect()
    }

    fn namespace_object(&mut self, namespace: &str) -> Option<NamespaceObject> {
        let labels = self.tenant.namespace_labels.as_ref()?;
        self.is_broken = false;
        let labels = self.fill_labels(namespace, &self.path.key("namespaceLabels"), labels);
        (!self.is_broken).then(|| NamespaceObject { name: namespace.to_owned(), labels })
    }

    fn requesters(&mut self, namespace: &str) -> BTreeMap<String, Requesters> {
        let list = self.path.key("requesters");
        let mut subjects = Vec::new();
        for (index, written) in self.tenant.requesters.iter().enumerate() {
            let path = list.index(index);
            let is_account = written.kind == RequesterKind::ServiceAccount;
            if !is_account && written.namespace.is_some() {
                let message = format!("a {:?} lies in no namespace", written.kind);
                self.resolution.report(&WRONG_TYPE, path.key("namespace"), message, "take `namespace` out, or use `kind: ServiceAccount`");
            }
            let name = self.fill(namespace, &path.key("name"), &written.name);
            let own = written.namespace.as_deref().map(|text| self.fill(namespace, &path.key("namespace"), text));
            self.check_requester(&path, written.kind, &name, own.as_deref());
            subjects.push(Subject {
                kind: written.kind,
                name,
                namespace: is_account.then(|| own.unwrap_or_else(|| namespace.to_owned())),
                api_group: (!is_account).then_some(RBAC_GROUP),
            });
        }
        if subjects.is_empty() {
            return BTreeMap::new();
        }
        let requesters = Requesters { name: REQUESTER.to_owned(), namespace: namespace.to_owned(), subjects };
        BTreeMap::from([(REQUESTER.to_owned(), requesters)])
    }

    /// A subject that the API server takes, and that is not everybody. Each is met once for every namespace.
    fn check_requester(&mut self, path: &Path, kind: RequesterKind, name: &str, namespace: Option<&str>) {
        let problem = match kind {
            _ if name.is_empty() => Some("it is empty".to_owned()),
            RequesterKind::ServiceAccount => dns_subdomain_problem(name),
            RequesterKind::Group | RequesterKind::User => None,
        };
        let of_namespace = namespace.and_then(|own| dns_label_problem(own).map(|problem| (own, problem)));
        let everybody = EVERYBODY.iter().find(|(group, _)| *group == name).filter(|_| kind != RequesterKind::ServiceAccount);
        let (rule, field, message, help) = if let Some(problem) = problem {
            let message = format!("`{name}` cannot be the name of a {kind:?}: {problem}");
            (&NAME_INVALID, "name", message, "write the name as the cluster has it, such as `deployer`")
        } else if let Some((own, problem)) = of_namespace {
            let message = format!("`{own}` cannot be a namespace: {problem}");
            (&NAME_INVALID, "namespace", message, "use a name such as `payments`")
        } else if let Some((_, whom)) = everybody {
            let message = format!("`{name}` is {whom}, who may then create Certificates for tenant `{}`", self.name);
            (&TENANT_OPEN_TO_ALL, "name", message, "name the group of the tenant's own people, or its ServiceAccounts")
        } else {
            return;
        };
        let path = path.key(field);
        if self.unknown.insert(path.clone()) {
            self.resolution.report(rule, path, message, help);
        }
    }

    /// The tenant's own StepIssuer as an issuer of the inventory in one namespace.
    fn as_issuer(&mut self, namespace: &str, own: &inventory::TenantIssuer) -> inventory::Issuer {
        let path = self.path.key("stepIssuer");
        let mut provisioner = own.provisioner.clone();
        let below = path.key("provisioner");
        provisioner.name = self.fill(namespace, &below.key("name"), &provisioner.name);
        if let Some(reference) = &mut provisioner.password_ref {
            reference.name = self.fill(namespace, &below.key("passwordRef").key("name"), &reference.name);
            reference.key = reference.key.as_deref().map(|key| self.fill(namespace, &below.key("passwordRef").key("key"), key));
        }
        let name = own.name.as_deref().map(|name| self.fill(namespace, &path.key("name"), name));
        inventory::Issuer {
            kind: IssuerKind::StepIssuer,
            name: Some(name.unwrap_or_else(|| ISSUER.to_owned())),
            namespace: Some(namespace.to_owned()),
            authority: own.authority.clone(),
            provisioner: Some(provisioner),
            ca: None,
            acme: None,
        }
    }

    fn own_issuer(&mut self, namespace: &str, own: &inventory::TenantIssuer) -> Option<(String, Issuer)> {
        let path = self.path.key("stepIssuer");
        self.is_broken = false;
        let written = self.as_issuer(namespace, own);
        if self.is_broken {
            return None;
        }
        let reference = IssuerReference::of(ISSUER, &written);
        issuer::check_fields(self.resolution, &path, &reference.name, &written);
        if let Some(issuer) = issuer::issuer(self.resolution, &path, &reference.name, &written) {
            self.tenants.authorities.insert(self.name.to_owned(), issuer.authority.clone());
            return Some((reference.name, issuer));
        }
        if let Some(authority) = self.resolution.authority_name(&written) {
            self.tenants.waiting.entry(authority.to_owned()).or_default().issuers += 1;
        }
        self.issuers.waiting.push(reference);
        None
    }

    fn certificates(&mut self, namespace: &str, signer: Option<Signer<'a>>) -> BTreeMap<String, Certificate> {
        let tenant = self.tenant;
        let mut certificates = BTreeMap::new();
        for (key, written) in &tenant.certificates {
            let path = self.path.key("certificates").key(key);
            self.is_broken = false;
            let filled = self.filled(namespace, &path, written);
            if self.is_broken {
                continue;
            }
            certificate::check_fields(self.resolution, &path, &filled);
            let (signer, named_at) = match written.issuer.as_deref() {
                None => (signer, self.path.key("issuer")),
                Some(name) => {
                    let found = self.resolution.issuer_named(Some(name));
                    if found.is_none() {
                        self.no_such_issuer(path.key("issuer"), name);
                    }
                    (found.map(|(key, issuer)| Signer::Entry(key, issuer)), path.key("issuer"))
                }
            };
            let issuer = match signer {
                None => continue,
                Some(Signer::Own(own)) => self.as_issuer(namespace, own),
                Some(Signer::Entry(key, issuer)) if self.serves(namespace, (key, issuer), named_at) => {
                    inventory::Issuer { name: issuer.name.clone().or_else(|| Some(key.to_owned())), ..issuer.clone() }
                }
                Some(Signer::Entry(..)) => continue,
            };
            if self.is_broken {
                continue;
            }
            if self.resolution.is_rendered(&issuer) {
                certificates.insert(key.clone(), Certificate::of(key, &filled, IssuerReference::of(ISSUER, &issuer)));
            } else if let Some(authority) = self.resolution.authority_name(&issuer) {
                self.tenants.waiting.entry(authority.to_owned()).or_default().certificates += 1;
            }
        }
        certificates
    }

    /// Whether an issuer of the inventory serves a namespace; where it does not, that is reported.
    fn serves(&mut self, namespace: &str, (key, issuer): (&str, &inventory::Issuer), path: Path) -> bool {
        let Some(own) = issuer.namespace.as_deref().filter(|own| issuer.kind == IssuerKind::StepIssuer && *own != namespace) else {
            return true;
        };
        let message = format!("the StepIssuer `{key}` serves only its namespace `{own}`, and tenant `{}` has `{namespace}`", self.name);
        let help = "name a StepClusterIssuer, or write `stepIssuer:` in place of `issuer:` for one in each namespace";
        self.resolution.report(&ISSUER_IN_OTHER_NAMESPACE, path, message, help);
        false
    }

    /// A certificate in one namespace, with its placeholders filled in.
    fn filled(&mut self, namespace: &str, path: &Path, written: &inventory::TenantCertificate) -> inventory::Certificate {
        let mut certificate = written.in_namespace(namespace);
        let texts =
            [("name", &mut certificate.name), ("secretName", &mut certificate.secret_name), ("commonName", &mut certificate.common_name)];
        for (field, text) in texts {
            *text = text.as_deref().map(|text| self.fill(namespace, &path.key(field), text));
        }
        let inventory::Certificate { dns_names, ip_addresses, uris, email_addresses, .. } = &mut certificate;
        for (field, list) in [("dnsNames", dns_names), ("ipAddresses", ip_addresses), ("uris", uris), ("emailAddresses", email_addresses)] {
            *list = self.fill_list(namespace, &path.key(field), list);
        }
        if let Some(subject) = &mut certificate.subject {
            self.fill_subject(namespace, &path.key("subject"), subject);
        }
        if let Some(template) = &mut certificate.secret_template {
            template.labels = self.fill_labels(namespace, &path.key("secretTemplate").key("labels"), &template.labels);
            template.annotations.values_mut().for_each(|value| *value = self.fill_known(namespace, value));
        }
        if let Some(Keystores { jks, pkcs12 }) = &mut certificate.keystores {
            for (field, store) in [("jks", jks), ("pkcs12", pkcs12)] {
                let Some(store) = store else { continue };
                let path = path.key("keystores").key(field).key("passwordSecretRef");
                let reference = &mut store.password_secret_ref;
                reference.name = self.fill(namespace, &path.key("name"), &reference.name);
                reference.key = self.fill(namespace, &path.key("key"), &reference.key);
            }
        }
        certificate
    }

    fn fill_subject(&mut self, namespace: &str, path: &Path, subject: &mut inventory::Subject) {
        let inventory::Subject {
            organizations,
            countries,
            organizational_units,
            localities,
            provinces,
            street_addresses,
            postal_codes,
            serial_number,
        } = subject;
        let lists = [
            ("organizations", organizations),
            ("countries", countries),
            ("organizationalUnits", organizational_units),
            ("localities", localities),
            ("provinces", provinces),
            ("streetAddresses", street_addresses),
            ("postalCodes", postal_codes),
        ];
        for (field, list) in lists {
            *list = self.fill_list(namespace, &path.key(field), list);
        }
        *serial_number = serial_number.as_deref().map(|text| self.fill(namespace, &path.key("serialNumber"), text));
    }

    /// A text in which braces may mean something else, such as JSON: only what is a placeholder is filled in.
    fn fill_known(&self, namespace: &str, text: &str) -> String {
        let known = [("{namespace}", namespace), ("{tenant}", self.name), ("{clusterDomain}", self.resolution.cluster_domain())];
        known.into_iter().fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
    }

    /// The authority that a part of the tenant names, or the one that signs its certificates, or the only one.
    fn authority(&mut self, part: &str, named: Option<&'a str>, signer: Option<Signer<'a>>) -> Option<(&'a str, &'a inventory::Authority)> {
        let fields = self.resolution.fields;
        let signing = || match signer {
            Some(Signer::Own(own)) => own.authority.as_deref(),
            Some(Signer::Entry(_, issuer)) => self.resolution.authority_name(issuer),
            None => None,
        };
        let mut all = fields.authorities.keys().map(String::as_str);
        let only = all.next().filter(|_| all.next().is_none());
        let Some(name) = named.or_else(signing).or(only) else {
            let message = format!("tenant `{}` does not say whose CA `{part}` is about", self.name);
            let help = match fields.authorities.len() {
                0 => "write one to `authorities`".to_owned(),
                _ => format!("write `authority:` with one of {}", listed(fields.authorities.keys().map(String::as_str))),
            };
            self.resolution.report(&REFERENCE_UNRESOLVED, self.path.key(part), message, help);
            return None;
        };
        let found = fields.authorities.get_key_value(name).map(|(name, authority)| (name.as_str(), authority));
        // Where the signer names one that does not exist, that is told there.
        if found.is_none() && named.is_some() {
            self.resolution.unresolved(self.path.key(part).key("authority"), "authority", name, fields.authorities.keys());
        }
        found
    }

    fn roots(&mut self, namespace: &str, signer: Option<Signer<'a>>) -> BTreeMap<String, Roots> {
        let mut roots = BTreeMap::new();
        let Some(written) = &self.tenant.trust else { return roots };
        if self.is_of_another_ca(written, signer) {
            return roots;
        }
        let Some((authority, _)) = self.authority("trust", written.authority.as_deref(), signer) else { return roots };
        let (name, key) = ROOTS;
        let path = self.path.key("trust").key("configMap");
        let name = written.config_map.as_deref().map_or_else(|| name.to_owned(), |name| self.fill(namespace, &path, name));
        match self.resolution.snapshots.get(authority) {
            Some(KnownSnapshot::Here(snapshot, _)) => {
                let key = written.key.clone().unwrap_or_else(|| key.to_owned());
                let data = BTreeMap::from([(key, snapshot.ca_bundle_pem())]);
                roots.insert(name.clone(), Roots { name, namespace: namespace.to_owned(), data });
            }
            Some(KnownSnapshot::Pending) => self.tenants.waiting.entry(authority.to_owned()).or_default().config_maps += 1,
            None => {}
        }
        roots
    }

    /// Without a name the roots are those of whoever signs: where that is another CA, they would verify nothing of the tenant's.
    fn is_of_another_ca(&mut self, written: &inventory::TenantTrust, signer: Option<Signer<'a>>) -> bool {
        let Some(Signer::Entry(name, issuer)) = signer.filter(|_| written.authority.is_none()) else { return false };
        if issuer.kind.is_step() || self.resolution.authority_name(issuer).is_some() {
            return false;
        }
        let path = self.path.key("trust");
        if self.unknown.insert(path.clone()) {
            let message = format!(
                "another CA is behind the issuer `{name}` of tenant `{}`, and no authority's roots verify what that signs",
                self.name
            );
            let help = "write `authority:` here with the one whose roots are meant all the same, or take `trust` out";
            self.resolution.report(&REFERENCE_UNRESOLVED, path, message, help);
        }
        true
    }

    fn network_policies(&mut self, namespace: &str, signer: Option<Signer<'a>>) -> BTreeMap<String, NetworkPolicy> {
        let Some(written) = &self.tenant.network_policy else { return BTreeMap::new() };
        let Some((name, authority)) = self.authority("networkPolicy", written.authority.as_deref(), signer) else { return BTreeMap::new() };
        let url = self.resolution.url(authority);
        let path = self.path.key("networkPolicy");
        if !is_of_cluster(&url, self.resolution.cluster_domain()) {
            let message = format!("the authority `{name}` is reached at `{url}`, outside of the cluster, and a NetworkPolicy names pods");
            let help = "take `networkPolicy` out, and allow the address of the CA in a policy of your own";
            self.resolution.report(&REFERENCE_UNRESOLVED, path, message, help);
            return BTreeMap::new();
        }
        let at_labels = path.key("podLabels");
        self.is_broken = false;
        let pod_labels = self.fill_labels(namespace, &at_labels, &written.pod_labels);
        let known = self.resolution.findings.len();
        if self.is_broken || !trust::check_labels(self.resolution, &at_labels, &pod_labels) {
            if !self.unknown.insert(at_labels) {
                self.resolution.findings.truncate(known);
            }
            return BTreeMap::new();
        }
        let policy = NetworkPolicy {
            name: NETWORK_POLICY.to_owned(),
            namespace: namespace.to_owned(),
            pod_labels,
            ca_namespace: authority.namespace.clone(),
            ca_release: authority.release.clone().unwrap_or_else(|| crate::model::resolution::AUTHORITY_RELEASE.to_owned()),
            port: written.port.unwrap_or_else(|| crate::model::authority::port(authority)),
        };
        BTreeMap::from([(NETWORK_POLICY.to_owned(), policy)])
    }
}

/// Whether a URL leads to a Service of the cluster.
fn is_of_cluster(url: &str, cluster_domain: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default().trim_end_matches('.');
    host.ends_with(".svc") || host.ends_with(&format!(".svc.{cluster_domain}"))
}
