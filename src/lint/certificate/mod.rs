//! Rules about certificates, and about everything else that names an issuer. What cert-manager's own webhook refuses
//! holds for every certificate; what depends on step-ca only for those that a Step issuer signs.

mod cert_manager;
mod dropped;
mod fields;
mod lifetime;
mod names;
mod private_key;
mod reference;
mod secret;
mod shim;

pub(super) use secret::written_secret;

use super::Lint;
use super::object::Object;
use super::trust::{Reference, Signer};
use crate::catalog::minor_version;
use crate::pki::{GoDuration, TlsClaims};
use crate::snapshot::{Provisioner, Snapshot};

/// How far step-ca sets the beginning of a validity back where ca.json does not say.
const DEFAULT_BACKDATE: GoDuration = GoDuration::from_minutes(1);

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    // What kustomize may still replace in a way that is not known is not judged.
    let certificates: Vec<Object<'_>> = lint.certificates().filter(|certificate| lint.is_followed(certificate.document)).collect();
    for certificate in &certificates {
        names::check(lint, *certificate);
        lifetime::check(lint, *certificate);
        fields::check(lint, *certificate);
        private_key::check(lint, *certificate);
        dropped::check(lint, *certificate);
        secret::check_template(lint, *certificate);
    }
    secret::check_collisions(lint, &certificates);
    cert_manager::check(lint, &certificates);
    reference::check(lint);
    shim::check(lint);
}

/// How a message calls a certificate.
fn called(certificate: Object<'_>) -> String {
    format!("certificate `{}`", certificate.name())
}

/// Who signs a certificate at the CA, as far as its snapshot tells.
#[derive(Debug, Clone, Copy)]
struct Signing<'a> {
    signer: Signer<'a>,
    snapshot: &'a Snapshot,
    /// The provisioner's name.
    name: &'a str,
    provisioner: &'a Provisioner,
}

impl Signing<'_> {
    /// How long its certificates may live; None where the CA's claims are not known.
    fn claims(&self) -> Option<TlsClaims> {
        self.snapshot.tls_claims(self.name)
    }

    fn backdate(&self) -> GoDuration {
        self.snapshot.authority().backdate.known().copied().unwrap_or(DEFAULT_BACKDATE)
    }
}

impl<'a> Lint<'a> {
    /// Whether a Step issuer is to sign, be it known or not.
    fn is_signed_by_step(&self, certificate: Object<'a>) -> bool {
        certificate.get("spec.issuerRef").and_then(Reference::of).is_some_and(|reference| reference.is_step())
    }

    /// Who signs a certificate; None where issuer, snapshot or provisioner is not known, or another CA signs.
    fn signing(&self, certificate: Object<'a>) -> Option<Signing<'a>> {
        let issuer = self.step_issuer_of(certificate)?;
        let signer = self.signer_of(issuer)?;
        let (name, provisioner) = self.provisioner_of(issuer)?;
        Some(Signing { signer, snapshot: signer.snapshot?, name, provisioner })
    }

    /// The minor version of the cert-manager 1.x that runs, where it is known; older ones count as 0.
    fn cert_manager_minor(&self) -> Option<u32> {
        match minor_version(self.scope.model.versions.cert_manager.as_deref()?)? {
            (0, _) => Some(0),
            (1, minor) => Some(minor),
            _ => None,
        }
    }

    /// Whether the cert-manager that runs is known to be older than 1.`minor`.
    fn is_cert_manager_before(&self, minor: u32) -> bool {
        self.cert_manager_minor().is_some_and(|own| own < minor)
    }
}
