//! Rules about Step issuers: their address, provisioner, password and bundle.

mod acme;
mod address;
mod bundle;
mod password;
mod provisioner;

use super::Lint;
use super::object::Object;
use super::trust::CERT_MANAGER_GROUP;
use crate::catalog::{minor_version, step_issuer_of_chart};

/// Judges every one of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    // What kustomize may still replace in a way that is not known is not judged.
    let issuers: Vec<Object<'_>> = lint.step_issuers().filter(|issuer| lint.is_followed(issuer.document)).collect();
    for issuer in issuers {
        address::check(lint, issuer);
        password::check(lint, issuer);
        // A rendered issuer has its key id and its roots from the snapshot.
        if issuer.document.is_written() {
            provisioner::check(lint, issuer);
            bundle::check(lint, issuer);
        }
    }
    let of_cert_manager = ["Issuer", "ClusterIssuer"].into_iter().flat_map(|kind| lint.objects_of(CERT_MANAGER_GROUP, kind));
    let of_cert_manager: Vec<Object<'_>> = of_cert_manager.collect();
    for issuer in of_cert_manager {
        acme::check(lint, issuer);
    }
}

/// How a message calls an issuer.
fn called(issuer: Object<'_>) -> String {
    format!("the {} `{}`", issuer.identity.kind, issuer.name())
}

impl Lint<'_> {
    /// Major and minor version of the step-issuer that runs: from the image or the chart that the inventory names, else
    /// from `versions.stepIssuer`.
    fn step_issuer_version(&self) -> Option<(u32, u32)> {
        let model = self.scope.model;
        let of_chart = model.step_issuer.as_ref().and_then(|step_issuer| {
            let tag = step_issuer.values.get("image").and_then(|image| image.get("tag")?.as_str()).filter(|tag| !tag.is_empty());
            tag.map_or_else(|| step_issuer_of_chart(&step_issuer.chart.as_ref()?.version), minor_version)
        });
        of_chart.or_else(|| minor_version(model.versions.step_issuer.as_deref()?))
    }
}
