//! Who signs what: from a certificate to its issuer, from an issuer to the authority and provisioner behind it.

use super::Lint;
use super::object::Object;
use crate::model::{Authority, KnownSnapshot};
use crate::snapshot::{Places, Provisioner, Snapshot};

/// API group of step-issuer.
pub(super) const STEP_GROUP: &str = "certmanager.step.sm";
/// API group of cert-manager.
pub(super) const CERT_MANAGER_GROUP: &str = "cert-manager.io";

/// The authority behind an issuer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    /// Its name in the inventory.
    pub(super) name: &'a str,
    pub(super) authority: &'a Authority,
    /// What is known of it; None while its snapshot is pending, missing or broken.
    pub(super) snapshot: Option<&'a Snapshot>,
}

impl<'a> Lint<'a> {
    /// Every certificate.
    pub(super) fn certificates(&self) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.objects_of(CERT_MANAGER_GROUP, "Certificate")
    }

    /// Every StepIssuer and StepClusterIssuer.
    pub(super) fn step_issuers(&self) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.objects.iter().copied().filter(|object| object.is(STEP_GROUP, "StepIssuer") || object.is(STEP_GROUP, "StepClusterIssuer"))
    }

    /// The Step issuer that a certificate names, where it is among the objects.
    pub(super) fn step_issuer_of(&self, certificate: Object<'a>) -> Option<Object<'a>> {
        let reference = |field: &str| certificate.text(&format!("spec.issuerRef.{field}"));
        let (name, kind) = (reference("name")?, reference("kind")?);
        if reference("group") != Some(STEP_GROUP) {
            return None;
        }
        self.step_issuers().find(|issuer| {
            let is_near = kind == "StepClusterIssuer" || issuer.namespace() == certificate.namespace();
            issuer.identity.kind == kind && issuer.name() == name && is_near
        })
    }

    /// The authority behind a Step issuer: the one that its entry in the inventory names; for one that somebody wrote, the
    /// one at its URL, with its name in the snapshot, or with its key id. None where that is another CA.
    pub(super) fn signer_of(&self, issuer: Object<'a>) -> Option<Signer<'a>> {
        let model = self.scope.model;
        if let crate::manifest::Origin::Rendered { entry: Some(entry), .. } = &issuer.document.origin
            && let [_, crate::yaml::Segment::Key(key)] = entry.segments()
            && let Some(written) = model.issuers.get(&**key).or_else(|| model.cluster_issuers.get(&**key))
        {
            return self.signer(&written.authority);
        }
        let host = issuer.text("spec.url").and_then(host_of);
        let kid = issuer.text("spec.provisioner.kid");
        let by_url = |signer: &Signer<'_>| host.is_some() && host_of(&signer.authority.url) == host;
        let by_name = |signer: &Signer<'_>| {
            let names = signer.snapshot.and_then(|snapshot| snapshot.authority().dns_names.known());
            names.zip(host).is_some_and(|(names, host)| names.iter().any(|name| name.eq_ignore_ascii_case(host)))
        };
        let by_kid = |signer: &Signer<'_>| {
            signer.snapshot.zip(kid).is_some_and(|(snapshot, kid)| snapshot.provisioners_with_kid(kid).next().is_some())
        };
        let tests: [&dyn Fn(&Signer<'_>) -> bool; 3] = [&by_url, &by_name, &by_kid];
        tests.iter().find_map(|test| {
            let mut fitting = model.authorities.keys().filter_map(|name| self.signer(name)).filter(|signer| test(signer));
            fitting.next().filter(|_| fitting.next().is_none())
        })
    }

    /// The authority of that name in the inventory.
    pub(super) fn signer(&self, name: &str) -> Option<Signer<'a>> {
        let (name, authority) = self.scope.model.authorities.get_key_value(name)?;
        let snapshot = match self.scope.snapshots.get(name) {
            Some(KnownSnapshot::Here(snapshot, _)) => Some(&**snapshot),
            Some(KnownSnapshot::Pending) | None => None,
        };
        Some(Signer { name, authority, snapshot })
    }

    /// Every authority whose snapshot is there, with where its facts stand.
    pub(super) fn known_authorities(&self) -> impl Iterator<Item = (&'a str, &'a Snapshot, &'a Places)> + use<'a> {
        let snapshots = self.scope.snapshots;
        snapshots.iter().filter_map(|(name, known)| match known {
            KnownSnapshot::Here(snapshot, places) => Some((name.as_str(), &**snapshot, places)),
            KnownSnapshot::Pending => None,
        })
    }

    /// The provisioner that a Step issuer names, where the snapshot of its authority holds it.
    pub(super) fn provisioner_of(&self, issuer: Object<'a>) -> Option<(&'a str, &'a Provisioner)> {
        let name = issuer.text("spec.provisioner.name")?;
        let provisioner = self.signer_of(issuer)?.snapshot?.provisioner(name)?;
        Some((name, provisioner))
    }
}

/// The host of a URL, without user and port.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}
