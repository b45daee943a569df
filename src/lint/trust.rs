//! Who signs what: from a reference to its issuer, from an issuer to the authority and provisioner behind it.

use std::collections::BTreeMap;

use super::Lint;
use super::object::{Object, is_filled_in_later};
use crate::manifest::{Document, Origin};
use crate::model::{Authority, Certificate, IssuerReference, KnownSnapshot};
use crate::snapshot::{Places, Provisioner, Snapshot};
use crate::yaml::{Node, Segment};

/// API group of step-issuer.
pub(super) const STEP_GROUP: &str = "certmanager.step.sm";
/// API group of cert-manager.
pub(super) const CERT_MANAGER_GROUP: &str = "cert-manager.io";
/// The kind of issuer that serves its own namespace.
pub(super) const STEP_ISSUER: &str = "StepIssuer";
/// The kind of issuer that serves every namespace.
pub(super) const STEP_CLUSTER_ISSUER: &str = "StepClusterIssuer";

/// The authority behind an issuer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    /// Its name in the inventory.
    pub(super) name: &'a str,
    pub(super) authority: &'a Authority,
    /// What is known of it; None while its snapshot is pending, missing or broken.
    pub(super) snapshot: Option<&'a Snapshot>,
}

/// What an `issuerRef` says; empty where it leaves out what cert-manager fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) group: &'a str,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Issuing<'a> {
    /// A Step issuer among the objects.
    Step(Object<'a>),
    /// A Step issuer of the inventory that cannot be rendered yet.
    Waiting,
    /// A StepIssuer, but in this other namespace.
    Elsewhere(&'a str),
    /// No Step issuer that is known.
    Nobody,
    /// An issuer of another CA.
    Other,
}

impl<'a> Reference<'a> {
    /// Reads an `issuerRef`; None where it names nobody.
    pub(super) fn of(node: &'a Node) -> Option<Reference<'a>> {
        let text = |key: &str| node.get_str(key).unwrap_or_default();
        Some(Reference { name: node.get_str("name")?, kind: text("kind"), group: text("group") })
    }

    /// Whether it means step-issuer.
    pub(super) fn is_step(&self) -> bool {
        self.group == STEP_GROUP
    }

    /// The kind that step-issuer looks for: it takes every other word for a StepIssuer.
    pub(super) fn step_kind(&self) -> &'static str {
        if self.kind == STEP_CLUSTER_ISSUER { STEP_CLUSTER_ISSUER } else { STEP_ISSUER }
    }
}

/// The Step issuers of one kind and name, by namespace: a hundred tenants may each have one of the same name.
#[derive(Debug, Default)]
pub(super) struct Namesakes<'a> {
    /// With their place among all issuers, which keeps their order.
    by_namespace: BTreeMap<&'a str, Vec<(usize, Object<'a>)>>,
    /// Those whose namespace is not known yet.
    open: Vec<(usize, Object<'a>)>,
}

impl<'a> Namesakes<'a> {
    /// Issuers by kind and name.
    pub(super) fn of(issuers: &[Object<'a>]) -> BTreeMap<(&'a str, &'a str), Namesakes<'a>> {
        let mut all: BTreeMap<(&'a str, &'a str), Namesakes<'a>> = BTreeMap::new();
        for (index, issuer) in issuers.iter().enumerate() {
            let namesakes = all.entry((issuer.identity.kind.as_str(), issuer.name())).or_default();
            match issuer.namespace().filter(|namespace| !is_filled_in_later(namespace)) {
                Some(namespace) => namesakes.by_namespace.entry(namespace).or_default().push((index, *issuer)),
                None => namesakes.open.push((index, *issuer)),
            }
        }
        all
    }

    /// Those that may serve a namespace, in order; all of them where it is not known.
    fn near(&self, namespace: Option<&str>) -> Vec<Object<'a>> {
        let mut near: Vec<(usize, Object<'a>)> = match namespace.filter(|namespace| !is_filled_in_later(namespace)) {
            Some(namespace) => self.by_namespace.get(namespace).into_iter().flatten().chain(&self.open).copied().collect(),
            None => self.by_namespace.values().flatten().chain(&self.open).copied().collect(),
        };
        near.sort_by_key(|(index, _)| *index);
        near.into_iter().map(|(_, issuer)| issuer).collect()
    }

    fn all(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        self.near(None).into_iter()
    }
}

impl<'a> Lint<'a> {
    /// Every certificate.
    pub(super) fn certificates(&self) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.objects_of(CERT_MANAGER_GROUP, "Certificate")
    }

    /// Every StepIssuer and StepClusterIssuer.
    pub(super) fn step_issuers(&self) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.step_issuers.iter().copied()
    }

    /// The Step issuers that may be applied together with a document.
    pub(super) fn step_issuers_beside(&self, document: &'a Document) -> impl Iterator<Item = Object<'a>> + use<'a, '_> {
        self.step_issuers().filter(|issuer| !self.overlays.exclude_each_other(document, issuer.document))
    }

    /// The Step issuer that a certificate names, where it is among the objects.
    pub(super) fn step_issuer_of(&self, certificate: Object<'a>) -> Option<Object<'a>> {
        match self.issuing(certificate, Reference::of(certificate.get("spec.issuerRef")?)?) {
            Issuing::Step(issuer) => Some(issuer),
            _ => None,
        }
    }

    /// What the reference of an object leads to. A certificate of the inventory names an issuer of the inventory, whether
    /// that is rendered or not; one that somebody wrote may name any.
    pub(super) fn issuing(&self, object: Object<'a>, reference: Reference<'a>) -> Issuing<'a> {
        if !reference.is_step() {
            return Issuing::Other;
        }
        let kind = reference.step_kind();
        let own = object.namespace().filter(|_| kind != STEP_CLUSTER_ISSUER);
        // Where a namespace is not given, kustomize or whoever applies the object chooses it.
        let is_near = |namespace: Option<&str>| {
            let both = namespace.zip(own);
            both.is_none_or(|(issuer, own)| issuer == own || [issuer, own].into_iter().any(is_filled_in_later))
        };
        let is_beside = |issuer: &Object<'a>| !self.overlays.exclude_each_other(object.document, issuer.document);
        let named = self.step_issuers_by_name.get(&(kind, reference.name));
        // What the same root builds is applied with it.
        let mut near: Vec<Object<'a>> = named.map(|named| named.near(own)).unwrap_or_default();
        near.retain(is_beside);
        near.sort_by_key(|issuer| issuer.document.root != object.document.root);
        if let Some(issuer) = near.first() {
            return Issuing::Step(*issuer);
        }
        // Nearly always it is the one that its own certificate of the model names.
        let of_model = self.certificate_of(object).map(|certificate| &certificate.issuer);
        let mut waiting = of_model.into_iter().chain(&self.scope.model.waiting_issuers).filter(|issuer| {
            issuer.kind.is_step() && issuer.kind.is_cluster() == (kind == STEP_CLUSTER_ISSUER) && issuer.name == reference.name
        });
        if waiting.clone().any(|issuer| is_near(issuer.namespace.as_deref())) {
            return Issuing::Waiting;
        }
        let elsewhere = named.and_then(|named| named.all().find(is_beside)).and_then(|issuer| issuer.namespace());
        elsewhere.or_else(|| waiting.find_map(namespace_of)).map_or(Issuing::Nobody, Issuing::Elsewhere)
    }

    /// The certificate of the model that an object was rendered for.
    fn certificate_of(&self, object: Object<'a>) -> Option<&'a Certificate> {
        let Origin::Rendered { entry: Some(entry), .. } = &object.document.origin else { return None };
        let model = self.scope.model;
        match entry.segments() {
            [Segment::Key(map), Segment::Key(key)] if **map == *"certificates" => model.certificates.get(&**key),
            [_, _, Segment::Key(map), Segment::Key(key)] if **map == *"certificates" => {
                model.tenant_namespaces.get(object.namespace()?)?.certificates.get(&**key)
            }
            _ => None,
        }
    }

    /// The authority behind a Step issuer: the one that its entry in the inventory names; for one that somebody wrote, the
    /// one at its URL, with its name in the snapshot, or with its key id. None where that is another CA.
    pub(super) fn signer_of(&self, issuer: Object<'a>) -> Option<Signer<'a>> {
        let model = self.scope.model;
        if let Origin::Rendered { entry: Some(entry), .. } = &issuer.document.origin
            && let Some(authority) = model.authority_of(entry)
        {
            return self.signer(authority);
        }
        let host = issuer.text("spec.url").and_then(host_of);
        let kid = issuer.text("spec.provisioner.kid");
        let is_host = |other: &str| host.is_some_and(|host| is_same_host(host, other));
        let by_url = |signer: &Signer<'_>| host_of(&signer.authority.url).is_some_and(is_host);
        let by_name = |signer: &Signer<'_>| {
            let names = signer.snapshot.and_then(|snapshot| snapshot.authority().dns_names.known());
            names.is_some_and(|names| names.iter().any(|name| is_host(name)))
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

/// Whether an object is a StepIssuer or StepClusterIssuer.
pub(super) fn is_step_issuer(object: &Object<'_>) -> bool {
    object.is(STEP_GROUP, STEP_ISSUER) || object.is(STEP_GROUP, STEP_CLUSTER_ISSUER)
}

fn namespace_of(issuer: &IssuerReference) -> Option<&str> {
    issuer.namespace.as_deref()
}

/// The host of a URL, without user and port; also of one without a scheme, which step-issuer takes for `https`.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}

/// Whether two names mean the same host: neither case nor a dot at the end makes another one.
pub(super) fn is_same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_has_neither_port_nor_brackets() {
        for (url, host) in [
            ("https://ca.example.com:9000/x", Some("ca.example.com")),
            ("https://[::1]:9000", Some("::1")),
            ("https://user@ca.example.com", Some("ca.example.com")),
            ("ca.example.com:443", Some("ca.example.com")),
            ("https://", None),
            ("https:///x", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
