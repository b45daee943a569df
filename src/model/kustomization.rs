//! What the kustomization of the controller holds: it takes the chart up itself, or leaves that to a base that environments
//! share.

use super::source::base_entry;
use super::{Model, Patch};
use crate::inventory::Delivery;
use crate::yaml::Path;

/// What one kustomization holds.
#[derive(Debug, Clone, Copy)]
pub struct KustomizationPart<'a> {
    /// Whether the chart is taken up here.
    pub takes_chart: bool,
    /// Whether the chart's ServiceAccount is given a namespace here, by a patch before all others.
    pub gives_namespace: bool,
    /// The inventory's patches that belong here.
    pub patches: &'a [Patch],
}

impl Model {
    /// What belongs into the kustomization beside the rendered objects, or into the base that environments share.
    pub fn kustomization(&self, is_base: bool) -> KustomizationPart<'_> {
        let Some(step_issuer) = &self.step_issuer else {
            return KustomizationPart { takes_chart: false, gives_namespace: false, patches: &[] };
        };
        let takes_chart = self.delivery == Delivery::Kustomize && step_issuer.chart.is_some() && step_issuer.is_shared == is_base;
        // Where the chart was inflated beforehand, its objects are resources like the others.
        let meets_all = takes_chart || self.delivery == Delivery::Manifests;
        let patches = match (is_base, meets_all) {
            (true, _) => &step_issuer.base_patches,
            (false, true) => &step_issuer.patches,
            (false, false) => &step_issuer.own_patches,
        };
        KustomizationPart { takes_chart, gives_namespace: takes_chart && step_issuer.chart_service_account.is_some(), patches }
    }

    /// The inventory's entry behind that base.
    pub fn base_entry() -> Path {
        base_entry()
    }
}
