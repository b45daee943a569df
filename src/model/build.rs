//! The resolution itself, part by part. Every part pushes what it finds and carries on.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::finding::{
    CA_CHAIN_BROKEN, Finding, Level, NAME_INVALID, Place, REFERENCE_UNRESOLVED, Rule, SNAPSHOT_PENDING, WRONG_TYPE, counted,
};
use crate::inventory::{self, EnvironmentFile, EnvironmentName, Inventory};
use crate::manifest::{dns_label_problem, label_value_problem, qualified_name_problem};
use crate::model::{Approver, Exporter, Model, Sources, certificate, chart, issuer};
use crate::snapshot::Snapshot;
use crate::yaml::Path;

/// Default of `clusterDomain`.
const CLUSTER_DOMAIN: &str = "cluster.local";
/// Default name of a release of the chart `step-certificates`.
const AUTHORITY_RELEASE: &str = "step-certificates";
/// Default namespace and ServiceAccount of cert-manager.
const CERT_MANAGER: &str = "cert-manager";

/// The snapshot of an authority, as far as it is there.
#[derive(Debug, Clone)]
pub enum KnownSnapshot {
    /// Read from that file.
    Here(Arc<Snapshot>, Utf8PathBuf),
    /// Not there yet, and the inventory says so.
    Pending,
}

/// Resolves an environment. The snapshots are given by the name of their authority; an authority without one was
/// reported by whoever looked for it. There is no model when a finding is an error.
pub fn build(
    environment: &EnvironmentName,
    inventory: &Inventory,
    snapshots: &BTreeMap<String, KnownSnapshot>,
) -> (Option<Model>, Vec<Finding>) {
    let mut resolution = Resolution { environment, fields: &inventory.fields, snapshots, findings: Vec::new() };
    let model = resolution.model(inventory);
    let failed = resolution.findings.iter().any(|finding| finding.rule.level == Level::Error);
    ((!failed).then_some(model), resolution.findings)
}

/// One environment under resolution.
pub(super) struct Resolution<'a> {
    pub(super) environment: &'a EnvironmentName,
    pub(super) fields: &'a EnvironmentFile,
    pub(super) snapshots: &'a BTreeMap<String, KnownSnapshot>,
    pub(super) findings: Vec<Finding>,
}

/// An authority with its defaults filled in.
pub(super) struct Authority<'a> {
    pub(super) name: &'a str,
    pub(super) url: String,
    pub(super) snapshot: Option<&'a KnownSnapshot>,
}

impl<'a> Resolution<'a> {
    /// Reports something at a path of the inventory.
    pub(super) fn report(&mut self, rule: &'static Rule, path: Path, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::new(rule, Place::Inventory(path), message).help(help));
    }

    fn model(&mut self, inventory: &Inventory) -> Model {
        let fields = self.fields;
        self.names();
        self.pending();
        self.chains();
        let (issuers, cluster_issuers) = issuer::resolve(self);
        let certificates = certificate::resolve(self);
        let step_issuer = chart::resolve(self);
        let mut snapshots: Vec<Utf8PathBuf> = self.snapshots.values().filter_map(KnownSnapshot::file).cloned().collect();
        snapshots.sort();
        snapshots.dedup();
        Model {
            environment: self.environment.clone(),
            labels: fields.labels.clone(),
            cluster_domain: self.cluster_domain().to_owned(),
            delivery: fields.delivery.unwrap_or_default(),
            versions: (&fields.versions).into(),
            home: self.home(),
            approver: self.approver(),
            step_issuer,
            issuers,
            cluster_issuers,
            certificates,
            exporters: self.exporters(),
            sources: Sources { inventory: inventory.file.clone(), layers: inventory.layers.clone(), snapshots },
        }
    }

    fn cluster_domain(&self) -> &'a str {
        self.fields.cluster_domain.as_deref().unwrap_or(CLUSTER_DOMAIN)
    }

    /// Names that end up in paths, host names or labels; those of objects are checked in the rendered documents.
    fn names(&mut self) {
        let fields = self.fields;
        let mut namespaces: Vec<(Path, &str)> = fields
            .authorities
            .iter()
            .map(|(name, authority)| (Path::of(["authorities", name, "namespace"]), authority.namespace.as_str()))
            .collect();
        namespaces
            .extend(fields.step_issuer.as_ref().map(|step_issuer| (Path::of(["stepIssuer", "namespace"]), step_issuer.namespace.as_str())));
        namespaces.extend(fields.cert_manager.namespace.as_deref().map(|namespace| (Path::of(["certManager", "namespace"]), namespace)));
        let releases = fields.authorities.iter().flat_map(|(name, authority)| {
            let release = authority.release.as_deref().map(|release| (Path::of(["authorities", name, "release"]), release));
            release.into_iter().chain(authority.fullname.as_deref().map(|fullname| (Path::of(["authorities", name, "fullname"]), fullname)))
        });
        let release = fields
            .step_issuer
            .as_ref()
            .and_then(|step_issuer| Some((Path::of(["stepIssuer", "release"]), step_issuer.release.as_deref()?)));
        for (path, name) in namespaces.into_iter().chain(releases).chain(release) {
            if let Some(problem) = dns_label_problem(name) {
                self.report(
                    &NAME_INVALID,
                    path,
                    format!("`{name}` cannot be used as a name in Kubernetes: {problem}"),
                    "use a name such as `smallstep`",
                );
            }
        }
        for (key, value) in &fields.labels {
            let path = Path::of(["labels", key]);
            if let Some(problem) = qualified_name_problem(key) {
                self.report(&NAME_INVALID, path.clone(), format!("`{key}` is no label: {problem}"), "use a name such as `region`");
            }
            if let Some(problem) = label_value_problem(value) {
                self.report(&NAME_INVALID, path, format!("`{value}` is no value of a label: {problem}"), "use a value such as `eu-west-1`");
            }
        }
        for (key, version) in [
            ("kubernetes", &fields.versions.kubernetes),
            ("certManager", &fields.versions.cert_manager),
            ("kustomize", &fields.versions.kustomize),
        ] {
            let Some(text) = version else { continue };
            match minor_version(text) {
                None => self.report(
                    &WRONG_TYPE,
                    Path::of(["versions", key]),
                    format!("`{text}` is no version"),
                    "write it as \"1.36\" or \"1.36.3\"",
                ),
                Some(version) if key == "kustomize" && version < (5, 3) => {
                    let message = format!(
                        "kustomize {text} looks for a chart with a version in another folder than newer ones, so it may build another chart"
                    );
                    self.report(&WRONG_TYPE, Path::of(["versions", key]), message, "use kustomize 5.3 or newer");
                }
                Some(_) => {}
            }
        }
    }

    fn pending(&mut self) {
        for (name, _) in self.snapshots.iter().filter(|(_, snapshot)| matches!(snapshot, KnownSnapshot::Pending)) {
            let waiting = |issuer: &&inventory::Issuer| self.authority_name(issuer) == Some(name.as_str());
            let issuers = self.fields.issuers.values().filter(waiting).count();
            let certificates = self
                .fields
                .certificates
                .values()
                .filter(|certificate| self.issuer_of(certificate).is_some_and(|(_, issuer)| waiting(&issuer)))
                .count();
            let waits = match (issuers, certificates) {
                (0, 0) => "nothing needs it yet".to_owned(),
                _ => format!("until then {} and {} are left out", counted(issuers, "issuer"), counted(certificates, "certificate")),
            };
            let message = format!("`{}` waits for the CA snapshot of `{name}`: {waits}", self.environment);
            let help = format!(
                "once the CA has run, pipe its ConfigMaps into `trustree snapshot import - --env {}{}`",
                self.environment,
                self.authority_flag(name)
            );
            self.report(&SNAPSHOT_PENDING, Path::of(["authorities", name, "snapshot"]), message, help);
        }
    }

    /// An intermediate that none of the recorded roots has issued: what the CA issues would not verify.
    fn chains(&mut self) {
        for snapshot in self.snapshots.values() {
            let KnownSnapshot::Here(snapshot, file) = snapshot else { continue };
            for intermediate in snapshot.intermediates().iter().filter(|intermediate| intermediate.root.is_unknown()) {
                let message = format!(
                    "none of the recorded roots issued the intermediate `{}`, so nothing that the CA issues verifies",
                    intermediate.certificate.subject()
                );
                let help = "export root and intermediate of the same CA, and import them again";
                self.findings.push(Finding::new(&CA_CHAIN_BROKEN, Place::whole(file), message).help(help));
            }
        }
    }

    fn authority_flag(&self, name: &str) -> String {
        if self.fields.authorities.len() > 1 { format!(" --authority {name}") } else { String::new() }
    }

    /// The name of an issuer's authority, named or the only one.
    pub(super) fn authority_name(&self, issuer: &'a inventory::Issuer) -> Option<&'a str> {
        issuer.authority.as_deref().or_else(|| only_key(&self.fields.authorities))
    }

    /// An issuer's authority; where there is none, that is reported.
    pub(super) fn authority(&mut self, key: &str, issuer: &'a inventory::Issuer) -> Option<Authority<'a>> {
        let fields = self.fields;
        let Some(name) = self.authority_name(issuer) else {
            let path = Path::of(["issuers", key]);
            let (message, help) = if fields.authorities.is_empty() {
                (format!("issuer `{key}` has no authority: the inventory names none"), "write one to `authorities`".to_owned())
            } else {
                let known = crate::finding::listed(fields.authorities.keys().map(String::as_str));
                (format!("issuer `{key}` does not say which authority signs"), format!("write `authority:` with one of {known}"))
            };
            self.report(&REFERENCE_UNRESOLVED, path, message, help);
            return None;
        };
        let Some(authority) = fields.authorities.get(name) else {
            self.unresolved(Path::of(["issuers", key, "authority"]), "authority", name, fields.authorities.keys());
            return None;
        };
        let fullname = fullname(authority);
        let url =
            authority.url.clone().unwrap_or_else(|| format!("https://{fullname}.{}.svc.{}", authority.namespace, self.cluster_domain()));
        Some(Authority { name, url, snapshot: self.snapshots.get(name) })
    }

    /// The issuer of a certificate, named or the only one.
    pub(super) fn issuer_of(&self, certificate: &'a inventory::Certificate) -> Option<(&'a str, &'a inventory::Issuer)> {
        let name = certificate.issuer.as_deref().or_else(|| only_key(&self.fields.issuers))?;
        self.fields.issuers.get_key_value(name).map(|(name, issuer)| (name.as_str(), issuer))
    }

    /// Reports a name that nothing bears.
    pub(super) fn unresolved<'k>(&mut self, path: Path, what: &str, name: &str, known: impl Iterator<Item = &'k String> + Clone) {
        let help = match crate::yaml::nearest(name, known.clone().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.clone().next().is_none() => format!("the inventory has no {what} yet"),
            None => format!("the inventory has {}", crate::finding::listed(known.map(String::as_str))),
        };
        self.report(&REFERENCE_UNRESOLVED, path, format!("there is no {what} `{name}` in the inventory"), help);
    }

    /// The namespace in whose folder the component lies: the controller's, or the only one that authorities have.
    fn home(&mut self) -> Option<String> {
        let fields = self.fields;
        if let Some(step_issuer) = &fields.step_issuer {
            return Some(step_issuer.namespace.clone());
        }
        let mut namespaces: Vec<&str> = fields.authorities.values().map(|authority| authority.namespace.as_str()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        match namespaces[..] {
            [] => None,
            [one] => Some(one.to_owned()),
            _ => {
                let help = "write `stepIssuer: {namespace: …}`; without a `chart` it installs nothing";
                self.report(
                    &REFERENCE_UNRESOLVED,
                    Path::of(["authorities"]),
                    "the authorities lie in several namespaces, so the tree has no folder",
                    help,
                );
                None
            }
        }
    }

    fn exporters(&self) -> BTreeMap<String, Exporter> {
        if self.fields.exporter != Some(true) {
            return BTreeMap::new();
        }
        let several = self.fields.authorities.len() > 1;
        let exporter = |(name, authority): (&String, &inventory::Authority)| {
            let fullname = fullname(authority);
            let mut objects: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
            for (suffix, secret) in [("certs", authority.certs_as_secret), ("config", authority.config_as_secret)] {
                let resource = if secret == Some(true) { "secrets" } else { "configmaps" };
                objects.entry(resource).or_default().push(format!("{fullname}-{suffix}"));
            }
            let own_name = if several { format!("trustree-exporter-{name}") } else { "trustree-exporter".to_owned() };
            (name.clone(), Exporter { name: own_name, namespace: authority.namespace.clone(), objects })
        };
        self.fields.authorities.iter().map(exporter).collect()
    }

    /// The chart binds its approver to one ServiceAccount; where that is another one, or there is no chart, we bring it.
    fn approver(&self) -> Option<Approver> {
        let (namespace, service_account) = self.cert_manager();
        let needed = match &self.fields.step_issuer {
            Some(step_issuer) if step_issuer.chart.is_some() => {
                chart::approves_for(&step_issuer.values).is_some_and(|bound| bound != (namespace, service_account))
            }
            _ => !self.fields.issuers.is_empty(),
        };
        let approver = Approver { namespace: namespace.to_owned(), service_account: service_account.to_owned() };
        self.fields.approver.unwrap_or(needed).then_some(approver)
    }

    /// Namespace and ServiceAccount of cert-manager.
    pub(super) fn cert_manager(&self) -> (&'a str, &'a str) {
        let cert_manager = &self.fields.cert_manager;
        (cert_manager.namespace.as_deref().unwrap_or(CERT_MANAGER), cert_manager.service_account.as_deref().unwrap_or(CERT_MANAGER))
    }
}

impl KnownSnapshot {
    fn file(&self) -> Option<&Utf8PathBuf> {
        match self {
            KnownSnapshot::Here(_, file) => Some(file),
            KnownSnapshot::Pending => None,
        }
    }
}

fn only_key<V>(map: &BTreeMap<String, V>) -> Option<&str> {
    match map.len() {
        1 => map.keys().next().map(String::as_str),
        _ => None,
    }
}

/// The full name that the chart `step-certificates` gives a release.
fn fullname(authority: &inventory::Authority) -> String {
    let release = authority.release.as_deref().unwrap_or(AUTHORITY_RELEASE);
    authority.fullname.clone().unwrap_or_else(|| helm_fullname(release, "step-certificates"))
}

/// The full name that a chart made by `helm create` gives a release: the release's name where it contains the chart's,
/// both otherwise, cut to 63 characters.
pub(super) fn helm_fullname(release: &str, chart: &str) -> String {
    let mut name = if release.contains(chart) { release.to_owned() } else { format!("{release}-{chart}") };
    name.truncate(63);
    name.trim_end_matches('-').to_owned()
}

/// Major and minor version of `1.36`, `v1.36.3` and the like.
pub(super) fn minor_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch: String = parts.collect::<Vec<_>>().join(".");
    let patch_ok = patch.is_empty() || patch.split(['-', '+', '.']).next().is_some_and(|number| number.parse::<u32>().is_ok());
    patch_ok.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_are_those_of_the_chart() {
        assert_eq!(helm_fullname("step-certificates", "step-certificates"), "step-certificates");
        assert_eq!(helm_fullname("ca", "step-certificates"), "ca-step-certificates");
        assert_eq!(helm_fullname("my-step-certificates-2", "step-certificates"), "my-step-certificates-2");
        assert_eq!(helm_fullname(&"a".repeat(62), "x").len(), 62);
    }

    #[test]
    fn versions_are_read_to_the_minor() {
        assert_eq!(minor_version("1.36"), Some((1, 36)));
        assert_eq!(minor_version("v1.30.2"), Some((1, 30)));
        assert_eq!(minor_version("1.30.2-gke.100"), Some((1, 30)));
        for text in ["", "1", "one.two", "1.x", "latest", "1.2.x"] {
            assert_eq!(minor_version(text), None, "{text}");
        }
    }
}
