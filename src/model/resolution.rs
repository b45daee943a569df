//! An environment under resolution: what every part of the model asks of it, and where each pushes what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::finding::{Finding, Place, REFERENCE_UNRESOLVED, Rule};
use crate::inventory::{self, EnvironmentFile, EnvironmentName};
use crate::model::conventions::helm_fullname;
use crate::model::{CertManager, Extent};
use crate::snapshot::{Places, Snapshot};
use crate::yaml::Path;

/// Default of `clusterDomain`.
const CLUSTER_DOMAIN: &str = "cluster.local";
/// Default name of a release of the chart `step-certificates`.
pub(super) const AUTHORITY_RELEASE: &str = "step-certificates";
/// Default namespace and ServiceAccount of cert-manager.
const CERT_MANAGER: &str = "cert-manager";

/// The snapshot of an authority, as far as it is there.
#[derive(Debug, Clone)]
pub enum KnownSnapshot {
    /// Read, and where its facts stand.
    Here(Arc<Snapshot>, Places),
    /// Not there yet, and the inventory says so.
    Pending,
}

/// One environment under resolution.
pub(super) struct Resolution<'a> {
    pub(super) environment: &'a EnvironmentName,
    pub(super) fields: &'a EnvironmentFile,
    pub(super) snapshots: &'a BTreeMap<String, KnownSnapshot>,
    pub(super) extent: Extent,
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

    /// The cluster's DNS domain.
    pub(super) fn cluster_domain(&self) -> &'a str {
        self.fields.cluster_domain.as_deref().unwrap_or(CLUSTER_DOMAIN)
    }

    /// The name of an issuer's authority: named, the one at its ACME server, or the only one. None where another CA signs.
    pub(super) fn authority_name<'i>(&self, issuer: &'i inventory::Issuer) -> Option<&'i str>
    where
        'a: 'i,
    {
        let server = match (&issuer.acme, issuer.kind.is_step()) {
            (_, true) => None,
            (Some(acme), false) => acme.server.as_deref(),
            (None, false) => return None,
        };
        let default = || match server {
            None => only_key(&self.fields.authorities),
            Some(server) => {
                let mut fitting = self.fields.authorities.iter().filter(|(_, authority)| is_same_origin(server, &self.url(authority)));
                fitting.next().map(|(name, _)| name.as_str())
            }
        };
        issuer.authority.as_deref().or_else(default)
    }

    /// Whether the snapshot that an issuer needs is there, or it needs none.
    pub(super) fn is_ready(&self, issuer: &inventory::Issuer) -> bool {
        match self.authority_name(issuer) {
            Some(name) => matches!(self.snapshots.get(name), Some(KnownSnapshot::Here(..))),
            None => !issuer.kind.is_step() && (issuer.ca.is_some() || issuer.acme.as_ref().is_some_and(|acme| acme.server.is_some())),
        }
    }

    /// The authority of the issuer at a path of the inventory; where there is none, that is reported.
    pub(super) fn authority(&mut self, path: &Path, key: &str, issuer: &inventory::Issuer) -> Option<Authority<'a>> {
        let fields = self.fields;
        let Some(name) = self.authority_name(issuer) else {
            let or_server = if issuer.kind.is_step() { "" } else { "; or, for another CA, `acme.server`" };
            let (message, help) = if fields.authorities.is_empty() {
                (format!("issuer `{key}` has no authority: the inventory names none"), format!("write one to `authorities`{or_server}"))
            } else {
                let known = crate::finding::listed(fields.authorities.keys().map(String::as_str));
                (format!("issuer `{key}` does not say which authority signs"), format!("write `authority:` with one of {known}{or_server}"))
            };
            self.report(&REFERENCE_UNRESOLVED, path.clone(), message, help);
            return None;
        };
        let Some((name, authority)) = fields.authorities.get_key_value(name) else {
            self.unresolved(path.key("authority"), "authority", name, fields.authorities.keys());
            return None;
        };
        Some(Authority { name, url: self.url(authority), snapshot: self.snapshots.get(name) })
    }

    /// Where an authority is reached.
    pub(super) fn url(&self, authority: &inventory::Authority) -> String {
        let default = || format!("https://{}.{}.svc.{}", fullname(authority), authority.namespace, self.cluster_domain());
        authority.url.clone().unwrap_or_else(default)
    }

    /// Whether the snapshot of an issuer's authority is there, without which neither it nor its certificates are rendered.
    pub(super) fn is_rendered(&self, issuer: &inventory::Issuer) -> bool {
        self.extent == Extent::Everything || self.is_ready(issuer)
    }

    /// The issuer of that name, or the only one where none is named.
    pub(super) fn issuer_named(&self, name: Option<&str>) -> Option<(&'a str, &'a inventory::Issuer)> {
        let name = name.or_else(|| only_key(&self.fields.issuers))?;
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

    /// Namespace and ServiceAccount of cert-manager.
    pub(super) fn cert_manager(&self) -> CertManager {
        let written = &self.fields.cert_manager;
        let or_default = |name: &Option<String>| name.clone().unwrap_or_else(|| CERT_MANAGER.to_owned());
        CertManager { namespace: or_default(&written.namespace), service_account: or_default(&written.service_account) }
    }
}

impl KnownSnapshot {
    /// What is known, where it is there.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            KnownSnapshot::Here(snapshot, _) => Some(snapshot),
            KnownSnapshot::Pending => None,
        }
    }

    /// Where its facts stand, where it is there.
    pub fn places(&self) -> Option<&Places> {
        match self {
            KnownSnapshot::Here(_, places) => Some(places),
            KnownSnapshot::Pending => None,
        }
    }

    /// The file, where it is there.
    pub fn file(&self) -> Option<&Utf8PathBuf> {
        match self {
            KnownSnapshot::Here(_, places) => Some(places.file()),
            KnownSnapshot::Pending => None,
        }
    }
}

/// Whether two URLs have the same host and port.
fn is_same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let origin = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        origin.strip_suffix(":443").map(str::to_owned).unwrap_or(origin)
    };
    origin(one) == origin(other)
}

fn only_key<V>(map: &BTreeMap<String, V>) -> Option<&str> {
    match map.len() {
        1 => map.keys().next().map(String::as_str),
        _ => None,
    }
}

/// The full name that the chart `step-certificates` gives a release.
pub(super) fn fullname(authority: &inventory::Authority) -> String {
    let release = authority.release.as_deref().unwrap_or(AUTHORITY_RELEASE);
    authority.fullname.clone().unwrap_or_else(|| helm_fullname(release, "step-certificates"))
}
