//! The objects of an old environment as an inventory. What would not work, or could not be said, is repaired or left out,
//! and each time there is a reason.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Reason;
use super::authority::{Authority, CLUSTER_DOMAIN, release_and_fullname, unused};
use super::chart::ChartUse;
use super::draft::{Draft, way};
use super::material::{Item, Left, Material};
use super::script::is_variable;
use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values};
use crate::finding::{
    AFFINITY_PINS_CONTROLLER, CA_BUNDLE_DIFFERS, CHART_CRDS_MISSING, CHART_VERSION_FLOATING, DURATION_NOT_CANONICAL, Finding,
    ISSUER_IN_OTHER_NAMESPACE, ISSUER_KID_OF_ANOTHER_PROVISIONER, ISSUER_PASSWORD_NAMESPACE, ISSUER_UNRESOLVED, PRIVATE_KEY_SHARED,
    PROVISIONER_NOT_FOUND, Place, WILDCARD_MATCHES_NO_SERVICE, listed,
};
use crate::inventory::{Certificate, Issuer};
use crate::manifest::Identity;
use crate::manifest::kustomization::resolve;
use crate::pki::{Fingerprint, GoDuration, Wildcard, certificates, private_key_in};
use crate::yaml::{Node, read_struct};

/// Fields of a Certificate's `spec` that an inventory has under the same name.
const SAME_FIELDS: &[&str] = &[
    "commonName",
    "subject",
    "dnsNames",
    "ipAddresses",
    "uris",
    "emailAddresses",
    "duration",
    "renewBefore",
    "renewBeforePercentage",
    "usages",
    "encodeUsagesInRequest",
    "privateKey",
    "signatureAlgorithm",
    "secretTemplate",
    "keystores",
    "additionalOutputFormats",
    "revisionHistoryLimit",
];
/// Annotations by which other programs copy a Secret.
const COPIERS: &[&str] = &["replicator.v1.mittwald.de/", "reflector.v1.k8s.emberstack.com/"];

/// An inventory that was made of old objects.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) draft: Draft,
    /// Issuers and certificates that the inventory holds, as they were.
    pub(super) taken: Vec<Item>,
    /// Why something differs, by its object.
    pub(super) reasons: Vec<(Identity, Reason)>,
    pub(super) left: Vec<Left>,
    /// What a person should know.
    pub(super) remarks: Vec<String>,
}

/// What is known of the surroundings.
pub(super) struct Context<'a> {
    pub(super) material: &'a Material,
    pub(super) authorities: &'a [Authority],
    /// Whether a file of the old repository is there in the new one, too.
    pub(super) stays: &'a dyn Fn(&Utf8Path) -> bool,
}

/// Makes an inventory.
pub(super) fn make(context: &Context<'_>) -> Made {
    let mut maker = Maker {
        context,
        made: Made { draft: Draft::default(), taken: Vec::new(), reasons: Vec::new(), left: Vec::new(), remarks: Vec::new() },
    };
    maker.head();
    maker.authorities();
    maker.step_issuer();
    let issuers = maker.issuers();
    maker.certificates(&issuers);
    maker.made
}

struct Maker<'a> {
    context: &'a Context<'a>,
    made: Made,
}

/// An issuer that was taken over: its key in the inventory.
struct Taken<'a> {
    key: String,
    item: &'a Item,
}

/// The object that stands for a release of a chart in a comparison.
pub(super) fn chart_identity(release: &str, namespace: &str) -> Identity {
    Identity { group: String::new(), kind: "Helm release".to_owned(), namespace: Some(namespace.to_owned()), name: release.to_owned() }
}

impl<'a> Maker<'a> {
    fn because(&mut self, identity: &Identity, reason: Reason) {
        self.made.reasons.push((identity.clone(), reason));
    }

    fn leave(&mut self, item: &Item, why: String) {
        let what = match &item.maker {
            Some(maker) => format!("{} (made by {maker})", item.identity),
            None => item.identity.to_string(),
        };
        self.made.left.push(Left { file: item.file.clone(), what, why, keeps_file: true });
    }

    fn cluster_domain(&self) -> &'a str {
        let domains = self.context.authorities.iter().filter_map(|authority| authority.service.as_ref()?.domain.as_deref());
        domains.into_iter().next().unwrap_or(CLUSTER_DOMAIN)
    }

    fn head(&mut self) {
        let domain = self.cluster_domain();
        if domain != CLUSTER_DOMAIN {
            self.made.draft.set(&["clusterDomain"], domain);
        }
        let chart = self.chart();
        if chart.is_some_and(|chart| chart.is_flux) {
            self.made.draft.set(&["delivery"], "flux");
        }
        if let Some(version) = chart.and_then(|chart| chart.kube_version.as_deref()) {
            self.made.draft.set(&["versions", "kubernetes"], version);
        }
        if let Some((namespace, account)) = &self.context.material.approves_for {
            for (key, value) in [("namespace", namespace), ("serviceAccount", account)] {
                if value != "cert-manager" {
                    self.made.draft.set(&["certManager", key], value.as_str());
                }
            }
        }
    }

    fn chart(&self) -> Option<&'a ChartUse> {
        self.context.material.charts.iter().find(|chart| chart.is_step_issuer())
    }

    fn authorities(&mut self) {
        for authority in self.context.authorities {
            let key = ["authorities", authority.name.as_str()];
            let imported = authority.imported.as_ref();
            let known = imported.and_then(|imported| Some((imported.release.clone()?, imported.namespace.clone()?)));
            let (fullname, namespace) = match (&authority.service, known) {
                (Some(service), _) => (service.name.clone(), service.namespace.clone()),
                (None, Some(known)) => known,
                (None, None) => {
                    let namespace = self.home();
                    let way = way(&[key[0], key[1], "namespace"]);
                    self.made.draft.comment(way, "The URL does not say where the CA runs: correct this where it is another namespace.");
                    ("step-certificates".to_owned(), namespace)
                }
            };
            self.made.draft.set(&[key[0], key[1], "namespace"], namespace.as_str());
            let (release, own) = release_and_fullname(&fullname, &namespace, &self.context.material.charts);
            for (field, value) in [("release", release), ("fullname", own)] {
                if let Some(value) = value {
                    self.made.draft.set(&[key[0], key[1], field], value);
                }
            }
            if authority.url != format!("https://{fullname}.{namespace}.svc.{}", self.cluster_domain()) {
                self.made.draft.set(&[key[0], key[1], "url"], authority.url.as_str());
            }
            if imported.is_none() {
                self.made.draft.comment(
                    way(&[key[0], key[1], "snapshot"]),
                    "Roots and key ids come from a snapshot of the CA, which is not here yet: `trustree snapshot import` makes it.",
                );
                self.made.draft.set(&[key[0], key[1], "snapshot"], "pending");
            }
        }
    }

    /// The namespace where most of it lies.
    fn home(&self) -> String {
        let chart = self.chart().and_then(|chart| chart.namespace.clone());
        let issuer = || self.context.material.issuers.iter().find_map(|item| item.identity.namespace.clone());
        chart.or_else(issuer).unwrap_or_else(|| "default".to_owned())
    }

    fn step_issuer(&mut self) {
        let material = self.context.material;
        let Some(chart) = self.chart() else {
            let namespace = self.home();
            let has_home = self.context.authorities.iter().any(|authority| authority.service.is_some());
            if self.context.authorities.len() != 1 || !has_home {
                self.made
                    .draft
                    .comment(way(&["stepIssuer"]), "Somebody else installs the controller; its namespace is where the tree lies.");
                self.made.draft.set(&["stepIssuer", "namespace"], namespace);
            }
            if material.approvers.is_empty() && !material.issuers.is_empty() {
                self.made
                    .draft
                    .comment(way(&["approver"]), "The controller is installed elsewhere, and with it the right to approve requests.");
                self.made.draft.set(&["approver"], false);
            }
            return;
        };
        let namespace = chart.namespace.clone().unwrap_or_else(|| {
            self.made
                .remarks
                .push(format!("`{}` does not say in which namespace step-issuer is installed: `default` was taken", chart.file));
            "default".to_owned()
        });
        let identity = chart_identity(&chart.release, &namespace);
        if chart.is_flux {
            self.made.remarks.push(
                "Flux uninstalls a release whose HelmRelease is deleted: write `suspend: true` into the old one, let Flux apply that, and only then delete it"
                    .to_owned(),
            );
        }
        self.made.draft.set(&["stepIssuer", "namespace"], namespace.as_str());
        if chart.release != STEP_ISSUER_CHART {
            self.made.draft.set(&["stepIssuer", "release"], chart.release.as_str());
        }
        let Some(version) = chart.version.as_deref().filter(|version| is_exact(version)) else {
            let what = format!("the chart of release `{}`", chart.release);
            let shown = chart.version.as_deref().unwrap_or("none");
            let why = format!(
                "{}: its version is {shown}, and an inventory names an exact one: write `stepIssuer.chart.version` and the values yourself",
                CHART_VERSION_FLOATING.code
            );
            self.made.left.push(Left { file: chart.file.clone(), what, why, keeps_file: true });
            if material.approvers.is_empty() && !material.issuers.is_empty() {
                self.made.draft.comment(
                    way(&["approver"]),
                    "The chart brings the right to approve requests; take this out once `stepIssuer.chart` is written.",
                );
                self.made.draft.set(&["approver"], false);
            }
            return;
        };
        self.made.draft.set(&["stepIssuer", "chart", "version"], version);
        let keeps_home = self.chart_home(chart, version);
        // Beside a home the repository is written in full: without one, nothing would be fetched, and the version not looked at.
        let is_default = |repo: &&str| repo.trim_end_matches('/') == STEP_ISSUER_CHART_REPOSITORY;
        if let Some(repo) = chart.repo.as_deref().filter(|repo| keeps_home || !is_default(repo)) {
            self.made.draft.set(&["stepIssuer", "chart", "repo"], repo);
        }
        let mut values = chart.values.clone();
        if take_out_affinity(&mut values) {
            let text = "the controller reaches the CA over the network, and had to wait whenever the CA's node was full or drained";
            self.made
                .draft
                .comment(way(&["stepIssuer", "values", "affinity"]), format!("The required podAffinity to the CA is dropped: {text}."));
            self.because(&identity, Reason::of(&AFFINITY_PINS_CONTROLLER, format!("the required podAffinity is dropped: {text}")));
        }
        if let Some(known) = chart_values(STEP_ISSUER_CHART, version) {
            values = known.without_defaults(&values);
        }
        let mut secrets = Vec::new();
        take_out_keys(&mut values, "stepIssuer.values", &mut secrets);
        for path in secrets {
            let why = "an inventory holds no secrets: keep the key in a Secret".to_owned();
            self.because(&identity, Reason::plain(why.clone()));
            self.made.left.push(Left { file: chart.file.clone(), what: format!("the private key in `{path}`"), why, keeps_file: false });
        }
        if !values.is_empty() {
            self.made.draft.set(&["stepIssuer", "values"], Value::Object(values));
        }
        if !chart.brings_crds {
            let text = "without `includeCRDs` a cluster does not get to know the kinds of step-issuer; it is always set";
            self.because(&identity, Reason::of(&CHART_CRDS_MISSING, text));
        }
    }

    /// Where the chart lies, and whether it stays there: it does where kustomize finds it in the new repository, too.
    fn chart_home(&mut self, chart: &ChartUse, version: &str) -> bool {
        let Some(home) = &chart.home else { return false };
        let place = chart.file.parent().and_then(|folder| resolve(folder, home));
        let folder =
            if chart.repo.is_some() { format!("{STEP_ISSUER_CHART}-{version}/{STEP_ISSUER_CHART}") } else { STEP_ISSUER_CHART.to_owned() };
        if let Some(place) = place.filter(|place| (self.context.stays)(&place.join(&folder).join("Chart.yaml"))) {
            self.made.draft.set(&["stepIssuer", "chart", "home"], place.as_str());
            return true;
        }
        let why =
            "the chart is fetched from its repository, in that very version; what was changed in the copy here is not in it".to_owned();
        self.made.left.push(Left { file: chart.file.clone(), what: format!("`chartHome: {home}`"), why, keeps_file: false });
        false
    }

    fn issuers(&mut self) -> Vec<Taken<'a>> {
        let mut taken: Vec<Taken<'a>> = Vec::new();
        for item in &self.context.material.issuers {
            let key = key_of(item, &self.context.material.issuers, |key| taken.iter().any(|other| other.key == key));
            match self.issuer(item, &key) {
                Ok(entry) => {
                    self.made.draft.set(&["issuers", &key], entry);
                    self.made.taken.push(item.clone());
                    taken.push(Taken { key, item });
                }
                Err(why) => self.leave(item, why),
            }
        }
        taken
    }

    /// The entry of an issuer.
    fn issuer(&mut self, item: &Item, key: &str) -> Result<Value, String> {
        let mut entry = Map::new();
        let is_cluster = item.identity.kind == "StepClusterIssuer";
        let needed = |path: &[&str]| match item.text(path) {
            Some(text) if !text.is_empty() && !is_variable(text) => Ok(text.to_owned()),
            Some(text) if is_variable(text) => {
                Err(format!("only a script knows its `{}`: write it into the inventory yourself", path.join(".")))
            }
            _ => Err(format!("it has no `{}`, so it never worked", path.join("."))),
        };
        entry.insert("kind".to_owned(), item.identity.kind.as_str().into());
        if item.identity.name != key {
            entry.insert("name".to_owned(), item.identity.name.as_str().into());
        }
        if !is_cluster {
            let namespace = item.identity.namespace.clone().unwrap_or_else(|| self.home());
            entry.insert("namespace".to_owned(), namespace.into());
        }
        let name = needed(&["spec", "provisioner", "name"])?;
        if ["passwordEnv", "passwordFile"].iter().any(|field| item.at(&["spec", "provisioner", field]).is_some()) {
            return Err("its password comes from the controller's environment or a file, and an inventory names a Secret".to_owned());
        }
        let authority = self.authority_of(item).ok_or("it has no `spec.url`, so it never worked")?;
        if self.context.authorities.len() > 1 {
            entry.insert("authority".to_owned(), authority.name.as_str().into());
        }
        let (secret, secret_key) =
            (needed(&["spec", "provisioner", "passwordRef", "name"])?, item.text(&["spec", "provisioner", "passwordRef", "key"]));
        let mut reference = Map::from_iter([("name".to_owned(), Value::from(secret))]);
        match (is_cluster, item.text(&["spec", "provisioner", "passwordRef", "namespace"])) {
            (true, Some(namespace)) => drop(reference.insert("namespace".to_owned(), namespace.into())),
            (true, None) => {
                let home = self.home();
                let text = format!("a StepClusterIssuer says where its password lies; `{home}` was taken");
                self.made.draft.comment(
                    way(&["issuers", key, "provisioner", "passwordRef", "namespace"]),
                    "Nothing said where the password lies: correct this where it is another namespace.",
                );
                self.because(&item.identity, Reason::of(&ISSUER_PASSWORD_NAMESPACE, text));
                reference.insert("namespace".to_owned(), home.into());
            }
            (false, _) => {}
        }
        if let Some(secret_key) = secret_key.filter(|key| *key != "password") {
            reference.insert("key".to_owned(), secret_key.into());
        }
        let name = self.provisioner(item, key, authority, name);
        let provisioner = Map::from_iter([("name".to_owned(), Value::from(name)), ("passwordRef".to_owned(), reference.into())]);
        entry.insert("provisioner".to_owned(), provisioner.into());
        self.not_in_inventory(item, &["url", "caBundle", "provisioner"]);
        let entry = Value::Object(entry);
        typed::<Issuer>(&entry)?;
        Ok(entry)
    }

    fn authority_of(&self, item: &Item) -> Option<&'a Authority> {
        let url = item.text(&["spec", "url"])?;
        self.context.authorities.iter().find(|authority| authority.url == url)
    }

    /// The name of the provisioner that is meant: name and key id may belong to two.
    fn provisioner(&mut self, item: &Item, key: &str, authority: &Authority, name: String) -> String {
        let identity = item.identity.clone();
        let kid = item.text(&["spec", "provisioner", "kid"]).unwrap_or_default().to_owned();
        let place = way(&["issuers", key, "provisioner", "name"]);
        let Some(snapshot) = authority.snapshot() else {
            if !kid.is_empty() && !is_variable(&kid) {
                self.made.remarks.push(format!(
                    "{identity}: only its provisioner's name `{name}` is taken over; whether the key id `{kid}` is that one's shows once the CA snapshot is there"
                ));
            }
            return name;
        };
        if is_variable(&kid) || is_variable(item.text(&["spec", "caBundle"]).unwrap_or_default()) {
            self.because(&identity, Reason::plain(
                "root and key id come from the CA snapshot, and the key id is that of the named provisioner: a script that takes the first one in ca.json may take another's",
            ));
        }
        let old_roots = item.text(&["spec", "caBundle"]).unwrap_or_default();
        if !is_variable(old_roots) && old_roots != snapshot.ca_bundle() {
            let reason = if fingerprints(old_roots) == Some(snapshot.roots().iter().map(|root| root.certificate.fingerprint()).collect()) {
                Reason::plain("the same roots in canonical PEM and in their order")
            } else {
                Reason::of(&CA_BUNDLE_DIFFERS, "the bundle is the one that the CA snapshot gives")
            };
            self.because(&identity, reason);
        }
        let Some(known) = snapshot.provisioners().known() else { return name };
        let owners: Vec<&str> = snapshot.provisioners_with_kid(&kid).collect();
        if is_variable(&kid) || kid.is_empty() || owners.contains(&name.as_str()) {
            return name;
        }
        let has_name = known.contains_key(&name);
        match (owners.first(), has_name) {
            (Some(owner), true) => {
                let text = format!(
                    "the key id `{kid}` belongs to `{owner}` and not to `{name}`; `{name}` was taken, and with it another key: if the password in its Secret opens `{owner}`, write `{owner}`"
                );
                self.made.draft.comment(
                    place,
                    format!("The old key id was that of `{owner}`: if the password below opens that one, write `{owner}` here."),
                );
                self.because(&identity, Reason::of(&ISSUER_KID_OF_ANOTHER_PROVISIONER, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                name
            }
            (Some(owner), false) => {
                let text = format!("the CA has no provisioner `{name}`; `{owner}` was taken, to which the key id `{kid}` belongs");
                self.made.draft.comment(place, format!("Was `{name}`, which the CA does not have; the key id was that of `{owner}`."));
                self.because(&identity, Reason::of(&PROVISIONER_NOT_FOUND, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                (*owner).to_owned()
            }
            (None, _) => {
                let text = format!(
                    "no provisioner of the CA has the key id `{kid}` (it has {}); the name `{name}` was taken",
                    listed(known.keys().map(String::as_str))
                );
                self.made.draft.comment(place, format!("The old key id, `{kid}`, belongs to no provisioner of the CA."));
                self.because(&identity, Reason::of(&ISSUER_KID_OF_ANOTHER_PROVISIONER, text.clone()));
                self.made.remarks.push(format!("{identity}: {text}"));
                name
            }
        }
    }

    /// Says what of an object an inventory cannot say.
    fn not_in_inventory(&mut self, item: &Item, known: &[&str]) {
        let fields = item.at(&["spec"]).and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
        let unknown: Vec<String> = fields.map(|(key, _)| key).filter(|key| !known.contains(key)).map(|key| format!("spec.{key}")).collect();
        let metadata = item.at(&["metadata"]).and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
        let more = metadata.map(|(key, _)| key).filter(|key| !["name", "namespace"].contains(key)).map(|key| format!("metadata.{key}"));
        let all: Vec<String> = unknown.into_iter().chain(more).collect();
        if !all.is_empty() {
            let text = format!("an inventory cannot say {}: a patch above the rendered folder can", listed(all.iter().map(String::as_str)));
            self.because(&item.identity, Reason::plain(text));
        }
    }

    fn certificates(&mut self, issuers: &[Taken<'a>]) {
        let mut keys: Vec<String> = Vec::new();
        for item in &self.context.material.certificates {
            let key = key_of(item, &self.context.material.certificates, |key| keys.iter().any(|other| other == key));
            match self.certificate(item, &key, issuers) {
                Ok(entry) => {
                    self.made.draft.set(&["certificates", &key], entry);
                    self.made.taken.push(item.clone());
                    keys.push(key);
                }
                Err(why) => {
                    let prefix = way(&["certificates", &key]);
                    self.made.draft.comments.retain(|way, _| !way.starts_with(&prefix));
                    self.leave(item, why);
                }
            }
        }
    }

    /// The entry of a certificate.
    fn certificate(&mut self, item: &Item, key: &str, issuers: &[Taken<'a>]) -> Result<Value, String> {
        let mut entry = Map::new();
        let namespace = match &item.identity.namespace {
            Some(namespace) => namespace.clone(),
            None => {
                let home = self.home();
                self.made.remarks.push(format!("{} names no namespace; `{home}` was taken", item.identity));
                home
            }
        };
        if item.identity.name != key {
            entry.insert("name".to_owned(), item.identity.name.as_str().into());
        }
        entry.insert("namespace".to_owned(), namespace.as_str().into());
        let issuer = issuer_of(item, &namespace, issuers)?;
        if issuers.len() > 1 {
            entry.insert("issuer".to_owned(), issuer.key.as_str().into());
        }
        let secret = item.text(&["spec", "secretName"]).ok_or("it has no `spec.secretName`, so it never worked")?;
        if secret != format!("{}-tls", item.identity.name) {
            entry.insert("secretName".to_owned(), secret.into());
        }
        for field in SAME_FIELDS {
            let Some(value) = item.at(&["spec", field]) else { continue };
            if let Some(value) = self.field(item, key, field, &namespace, value.to_json()) {
                entry.insert((*field).to_owned(), value);
            }
        }
        if item.text(&["spec", "privateKey", "rotationPolicy"]).is_none() {
            let text = "`rotationPolicy` is always written: cert-manager's own default became another one with 1.18";
            self.because(&item.identity, Reason::plain(text));
        }
        let known: Vec<&str> = SAME_FIELDS.iter().copied().chain(["secretName", "issuerRef"]).collect();
        self.not_in_inventory(item, &known);
        let entry = Value::Object(entry);
        if has_variable(&entry) {
            return Err("only a script knows a part of it: write it into the inventory yourself".to_owned());
        }
        typed::<Certificate>(&entry)?;
        Ok(entry)
    }

    /// One field of a certificate, repaired where that is ours to do.
    fn field(&mut self, item: &Item, key: &str, field: &str, namespace: &str, value: Value) -> Option<Value> {
        let place = |rest: &[&str]| way(&[&["certificates", key, field], rest].concat());
        match (field, value) {
            ("dnsNames", Value::Array(names)) => Some(self.dns_names(item, key, namespace, names)),
            ("duration" | "renewBefore", Value::String(text)) => {
                if text.parse::<GoDuration>().is_ok_and(|duration| duration.to_string() != text) {
                    let reason = format!("`{field}: {text}` is rendered as Go prints it, which every cluster keeps as it is");
                    self.because(&item.identity, Reason::of(&DURATION_NOT_CANONICAL, reason));
                }
                Some(text.into())
            }
            ("privateKey", Value::Object(mut map)) => {
                if map.get("rotationPolicy") == Some(&Value::from("Always")) {
                    map.shift_remove("rotationPolicy");
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            ("secretTemplate", Value::Object(mut map)) => {
                let annotations = map.get_mut("annotations").and_then(Value::as_object_mut);
                let copiers: Vec<String> = annotations
                    .iter()
                    .flat_map(|map| map.keys())
                    .filter(|key| COPIERS.iter().any(|prefix| key.starts_with(prefix)))
                    .cloned()
                    .collect();
                if let Some(annotations) = annotations
                    && !copiers.is_empty()
                {
                    copiers.iter().for_each(|key| drop(annotations.shift_remove(key)));
                    if annotations.is_empty() {
                        map.shift_remove("annotations");
                    }
                    let names: Vec<&str> = COPIERS
                        .iter()
                        .filter(|prefix| copiers.iter().any(|key| key.starts_with(**prefix)))
                        .map(|prefix| prefix.split('.').next().unwrap_or_default())
                        .collect();
                    let instead =
                        "give each namespace a Certificate of its own, and spread only the CA's root, with trust-manager for instance";
                    self.made.draft.comment(
                        place(&["annotations"]),
                        format!(
                            "Annotations of {} are dropped: they hand out the Secret with its private key. Instead: {instead}.",
                            names.join(" and ")
                        ),
                    );
                    let reason =
                        format!("the annotations of {} are dropped, because they hand out the private key: {instead}", names.join(" and "));
                    self.because(&item.identity, Reason::of(&PRIVATE_KEY_SHARED, reason));
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            ("keystores", Value::Object(mut map)) => {
                let has_password = map.values().any(|store| store.get("password").is_some());
                if has_password {
                    map.retain(|_, store| store.get("password").is_none());
                    let text =
                        "a key store whose password stands in the Certificate is not taken over: put it into a Secret, and name that";
                    self.made.draft.comment(
                        place(&[]),
                        "A key store is missing here whose password stood in the Certificate: put that into a Secret.",
                    );
                    self.because(&item.identity, Reason::plain(text));
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            (_, Value::Array(items)) if items.is_empty() => None,
            (_, value) => Some(value),
        }
    }

    /// Names, with those that match no Service made into those of the certificate's own namespace.
    fn dns_names(&mut self, item: &Item, key: &str, namespace: &str, names: Vec<Value>) -> Value {
        let mut kept: Vec<Value> = Vec::new();
        for name in names {
            let repaired = name.as_str().and_then(|name| repaired(name, namespace, self.cluster_domain()));
            let Some(new) = repaired else {
                kept.push(name);
                continue;
            };
            let old = name.as_str().unwrap_or_default();
            let text = format!(
                "`{old}` matches no Service, since the star stands for one label; it is `{new}` now, for the Services of this namespace"
            );
            self.because(&item.identity, Reason::of(&WILDCARD_MATCHES_NO_SERVICE, text));
            if kept.contains(&Value::from(new.as_str())) {
                continue;
            }
            let index = kept.len().to_string();
            let comment = format!(
                "Was `{old}`, which matches no Service: the star stands for one label. Other namespaces need a certificate of their own."
            );
            self.made.draft.comment(way(&["certificates", key, "dnsNames", &index]), comment);
            kept.push(new.into());
        }
        Value::Array(kept)
    }
}

/// Whether an entry is one that an inventory can hold; if not, why.
fn typed<T: DeserializeOwned>(entry: &Value) -> Result<(), String> {
    let mut problems = Vec::new();
    let _: Option<T> = read_struct(&Node::from(entry.clone()), &mut problems);
    match problems.first() {
        Some(problem) => Err(format!("it could not work: {}", Finding::of_problem(problem, Place::whole("")).message)),
        None => Ok(()),
    }
}

/// What a wildcard that matches no Service should have been; None where it is right, or nothing can be said.
fn repaired(name: &str, namespace: &str, domain: &str) -> Option<String> {
    let wildcard = Wildcard::find(name).ok()??;
    let instead = wildcard.reach(domain).instead()?;
    instead.contains("<namespace>.svc").then(|| instead.replace("<namespace>", namespace))
}

/// The certificates of a bundle; None where it is none.
fn fingerprints(bundle: &str) -> Option<BTreeSet<Fingerprint>> {
    let pem = STANDARD.decode(bundle.trim()).ok()?;
    Some(certificates(&pem).ok()?.iter().map(crate::pki::Certificate::fingerprint).collect())
}

/// Whether a chart's version is one and not a range.
fn is_exact(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default().trim_start_matches('v');
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn has_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${") || text.contains("$("),
        Value::Array(items) => items.iter().any(has_variable),
        Value::Object(map) => map.values().any(has_variable),
        _ => false,
    }
}

/// Takes private keys out of values, and says where they stood.
fn take_out_keys(values: &mut Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let is_secret = |value: &Value| value.as_str().is_some_and(|text| private_key_in(text).is_some());
    found.extend(values.iter().filter(|(_, value)| is_secret(value)).map(|(key, _)| format!("{path}.{key}")));
    values.retain(|_, value| !is_secret(value));
    values.retain(|key, value| {
        let Value::Object(map) = value else { return true };
        let before = found.len();
        take_out_keys(map, &format!("{path}.{key}"), found);
        found.len() == before || !map.is_empty()
    });
}

/// Takes a required affinity to the CA's pods out; says whether there was one.
fn take_out_affinity(values: &mut Map<String, Value>) -> bool {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let Some(affinity) = values.get_mut("affinity").and_then(Value::as_object_mut) else { return false };
    let Some(pods) = affinity.get_mut("podAffinity").and_then(Value::as_object_mut) else { return false };
    let is_to_authority = |term: &Value| {
        let labels = term.get("labelSelector").map(ToString::to_string).unwrap_or_default();
        labels.contains("step-certificates") || labels.contains("step-ca")
    };
    let Some(terms) = pods.get_mut(REQUIRED).and_then(Value::as_array_mut) else { return false };
    let before = terms.len();
    terms.retain(|term| !is_to_authority(term));
    let changed = terms.len() < before;
    if terms.is_empty() {
        pods.shift_remove(REQUIRED);
    }
    if pods.is_empty() {
        affinity.shift_remove("podAffinity");
    }
    if affinity.is_empty() {
        values.shift_remove("affinity");
    }
    changed
}

/// The key of an object in the inventory: its name where that is the only one, with its namespace otherwise.
fn key_of(item: &Item, all: &[Item], is_used: impl Fn(&str) -> bool) -> String {
    let name = &item.identity.name;
    let is_only = all.iter().filter(|other| other.identity.name == *name).count() == 1;
    let wanted = match (is_only, &item.identity.namespace) {
        (true, _) => name.clone(),
        (false, Some(namespace)) => format!("{namespace}-{name}"),
        (false, None) => format!("cluster-{name}"),
    };
    unused(&wanted, is_used)
}

/// The issuer that signs a certificate.
fn issuer_of<'t, 'a>(item: &Item, namespace: &str, issuers: &'t [Taken<'a>]) -> Result<&'t Taken<'a>, String> {
    let name = item.text(&["spec", "issuerRef", "name"]).unwrap_or_default();
    let kind = item.text(&["spec", "issuerRef", "kind"]).unwrap_or("StepIssuer");
    let named: Vec<&Taken<'a>> =
        issuers.iter().filter(|issuer| issuer.item.identity.name == name && issuer.item.identity.kind == kind).collect();
    let serves =
        |issuer: &&&Taken<'a>| kind == "StepClusterIssuer" || issuer.item.identity.namespace.as_deref().is_none_or(|own| own == namespace);
    match (named.iter().find(serves), named.first()) {
        (Some(issuer), _) => Ok(*issuer),
        (None, Some(other)) => Err(format!(
            "{}: its {kind} `{name}` lies in namespace `{}` and serves no other one",
            ISSUER_IN_OTHER_NAMESPACE.code,
            other.item.identity.namespace.as_deref().unwrap_or_default()
        )),
        (None, None) => Err(format!("{}: its {kind} `{name}` is not among what was taken over", ISSUER_UNRESOLVED.code)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wildcard_over_all_services_becomes_one_over_those_of_its_namespace() {
        for (name, expected) in [
            ("*.svc.cluster.local", Some("*.pki.svc.cluster.local")),
            ("*.svc", Some("*.pki.svc")),
            ("*.pki.svc.cluster.local", None),
            ("web.pki.svc.cluster.local", None),
            ("*.example.org", None),
        ] {
            assert_eq!(repaired(name, "pki", "cluster.local").as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn only_the_required_affinity_to_the_ca_is_taken_out() {
        let term = |name: &str| json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": name}}});
        let values = |terms: Value| {
            let Value::Object(map) =
                json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}, "replicaCount": 2})
            else {
                panic!("a map")
            };
            map
        };
        let mut both = values(json!([term("step-certificates"), term("cache")]));
        assert!(take_out_affinity(&mut both));
        assert_eq!(Value::Object(both), Value::Object(values(json!([term("cache")]))));
        let mut one = values(json!([term("step-certificates")]));
        assert!(take_out_affinity(&mut one));
        assert_eq!(Value::Object(one), json!({"replicaCount": 2}));
        assert!(!take_out_affinity(&mut values(json!([term("cache")]))));
    }

    #[test]
    fn private_keys_stay_out_of_values() {
        let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let Value::Object(mut values) = json!({"tunnel": {"enabled": true, "key": key}}) else { panic!("a map") };
        let mut found = Vec::new();
        take_out_keys(&mut values, "values", &mut found);
        assert_eq!((Value::Object(values), found), (json!({"tunnel": {"enabled": true}}), vec!["values.tunnel.key".to_owned()]));
    }

    #[test]
    fn a_range_is_no_version() {
        for (version, expected) in
            [("1.11.0", true), ("v1.11.0-rc1", true), ("1.x", false), (">=1.0.0", false), ("1.11", false), ("", false)]
        {
            assert_eq!(is_exact(version), expected, "{version}");
        }
    }
}
