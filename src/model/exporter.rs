//! Exporters: who may read what an authority publishes.

use std::collections::BTreeMap;

use crate::inventory;
use crate::model::Exporter;
use crate::model::resolution::{Resolution, fullname};

/// Who exports the snapshot of each authority, where the inventory asks for it.
pub(super) fn exporters(resolution: &Resolution<'_>) -> BTreeMap<String, Exporter> {
    if !resolution.fields.exporter.unwrap_or(resolution.fields.exporter_cron_job.is_some()) {
        return BTreeMap::new();
    }
    let several = resolution.fields.authorities.len() > 1;
    let exporter = |(name, authority): (&String, &inventory::Authority)| {
        let own_name = if several { format!("trustree-exporter-{name}") } else { "trustree-exporter".to_owned() };
        (name.clone(), Exporter { name: own_name, namespace: authority.namespace.clone(), objects: public_objects(authority) })
    };
    resolution.fields.authorities.iter().map(exporter).collect()
}

/// The two objects with what an authority publishes, by resource.
pub(super) fn public_objects(authority: &inventory::Authority) -> BTreeMap<&'static str, Vec<String>> {
    let fullname = fullname(authority);
    let mut objects: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (suffix, secret) in [("certs", authority.certs_as_secret), ("config", authority.config_as_secret)] {
        let resource = if secret == Some(true) { "secrets" } else { "configmaps" };
        objects.entry(resource).or_default().push(format!("{fullname}-{suffix}"));
    }
    objects
}
