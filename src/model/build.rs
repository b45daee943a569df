//! The resolution itself, part by part. Every part pushes what it finds and carries on.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::finding::{Finding, REFERENCE_UNRESOLVED, SNAPSHOT_PENDING, counted};
use crate::inventory::{self, EnvironmentName, Inventory};
use crate::model::issuer::Issuers;
use crate::model::resolution::{AUTHORITY_RELEASE, KnownSnapshot, Resolution, fullname};
use crate::model::tenant::Tenants;
use crate::model::{
    Authority, CertManager, Model, Sources, argo_cd, authority, certificate, chart, component, delivery, exporter, flux, inflation, issuer,
    job, names, tenant, trust,
};
use crate::yaml::Path;

/// How much of an environment a model holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What can be rendered: certificates wait for the CA snapshot of their issuer.
    Known,
    /// Those certificates, too: they can be judged before there is a CA.
    Everything,
}

/// Resolves an environment. The snapshots are given by the name of their authority; an authority without one was
/// reported by whoever looked for it. What cannot be resolved is left out of the model and reported.
pub fn build(
    environment: &EnvironmentName,
    inventory: &Inventory,
    snapshots: &BTreeMap<String, KnownSnapshot>,
    extent: Extent,
) -> (Model, Vec<Finding>) {
    let mut resolution = Resolution { environment, fields: &inventory.fields, snapshots, extent, findings: Vec::new() };
    let model = resolution.model(inventory);
    (model, resolution.findings)
}

/// A number of entries in words.
fn entries(number: usize) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

/// What is left out, in words, without what there is none of.
fn left_out(issuers: usize, certificates: usize, config_maps: usize) -> String {
    let mut parts: Vec<String> = [(issuers, "issuer"), (certificates, "certificate")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| counted(number, what))
        .collect();
    if config_maps > 0 {
        parts.push(format!("{} with its roots", counted(config_maps, "ConfigMap")));
    }
    let verb = if issuers + certificates + config_maps == 1 { "is" } else { "are" };
    match parts.split_last() {
        Some((last, [])) => format!("{last} {verb} left out"),
        Some((last, before)) => format!("{} and {last} {verb} left out", before.join(", ")),
        None => "nothing is left out".to_owned(),
    }
}

impl Resolution<'_> {
    fn model(&mut self, inventory: &Inventory) -> Model {
        let fields = self.fields;
        names::check(self);
        self.wishes();
        let mut issuers = issuer::resolve(self);
        let mut tenants = tenant::resolve(self, &mut issuers);
        self.pending(&tenants);
        let Issuers { namespaced, cluster, of_cert_manager, waiting } = issuers;
        let mut origins = std::mem::take(&mut tenants.origins);
        let trust = trust::resolve(self, &mut origins);
        let certificates = certificate::resolve(self);
        let (step_issuer, of_values) = chart::resolve(self);
        origins.extend(of_values);
        let flux = flux::resolve(self, step_issuer.as_ref(), &tenants.namespaces);
        let home = self.home();
        let exporters = exporter::exporters(self);
        let exporter_jobs = job::exporters(self, &exporters);
        let bootstraps = job::bootstrap(self, inventory, home.as_deref(), &tenants.waiting);
        let flux = flux.map(|flux| flux.with_time_for(bootstraps.values().map(|bootstrap| bootstrap.deadline_seconds)));
        let authorities = self.authorities();
        let inflations = inflation::resolve(self, step_issuer.as_ref(), &authorities);
        let components = component::resolve(self);
        let mut snapshots: Vec<Utf8PathBuf> = self.snapshots.values().filter_map(KnownSnapshot::file).cloned().collect();
        snapshots.sort();
        snapshots.dedup();
        Model {
            environment: self.environment.clone(),
            labels: fields.labels.clone(),
            cluster_domain: self.cluster_domain().to_owned(),
            delivery: fields.delivery.unwrap_or_default(),
            layout: fields.layout.unwrap_or_default(),
            versions: (&fields.versions).into(),
            home,
            authorities,
            cert_manager: self.cert_manager(),
            approver: self.approver(),
            step_issuer,
            components,
            issuers: namespaced,
            cluster_issuers: cluster,
            cert_manager_issuers: of_cert_manager.namespaced,
            cert_manager_cluster_issuers: of_cert_manager.cluster,
            waiting_issuers: waiting,
            trust,
            certificates,
            exporters,
            exporter_jobs,
            bootstraps,
            git: delivery::git(fields),
            argo_cd: argo_cd::resolve(self),
            flux,
            origins,
            inflations,
            tenant_namespaces: tenants.namespaces,
            tenant_authorities: tenants.authorities,
            sources: Sources { inventory: inventory.file.clone(), layers: inventory.layers.clone(), snapshots },
        }
    }

    /// What is asked for and could have no effect.
    fn wishes(&mut self) {
        if self.fields.exporter == Some(true) && self.fields.authorities.is_empty() {
            let message = "an exporter is asked for, and there is no authority whose snapshot it could export";
            self.report(&REFERENCE_UNRESOLVED, Path::of(["exporter"]), message, "write `authorities:`, or take `exporter` out");
        }
        if self.fields.approver == Some(true) && self.fields.authorities.is_empty() && self.fields.step_issuer.is_none() {
            let message = "an approver is asked for, and there is nothing whose requests it could approve";
            self.report(
                &REFERENCE_UNRESOLVED,
                Path::of(["approver"]),
                message,
                "write `authorities:` or `stepIssuer:`, or take `approver` out",
            );
        }
    }

    fn pending(&mut self, tenants: &Tenants) {
        for (name, _) in self.snapshots.iter().filter(|(_, snapshot)| matches!(snapshot, KnownSnapshot::Pending)) {
            let waiting = |issuer: &&inventory::Issuer| self.authority_name(issuer) == Some(name.as_str());
            let issuers = self.fields.issuers.values().filter(waiting).count();
            let certificates = self
                .fields
                .certificates
                .values()
                .filter(|certificate| self.issuer_named(certificate.issuer.as_deref()).is_some_and(|(_, issuer)| waiting(&issuer)))
                .count();
            let trusts = trust::waiting_for(self.fields, name);
            let of_tenants = tenants.waiting.get(name).copied().unwrap_or_default();
            let (issuers, certificates) = (issuers + of_tenants.issuers, certificates + of_tenants.certificates);
            let of_objects = match (issuers, certificates, of_tenants.config_maps) {
                (0, 0, 0) => None,
                (issuers, certificates, config_maps) => Some(left_out(issuers, certificates, config_maps)),
            };
            let waits = match (of_objects, trusts) {
                (None, 0) => "nothing needs it yet".to_owned(),
                (None, _) => format!("until then its roots are missing from {} of `trust`", entries(trusts)),
                (Some(objects), 0) => format!("until then {objects}"),
                (Some(objects), _) => format!("until then {objects}, and its roots from {} of `trust`", entries(trusts)),
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

    fn authority_flag(&self, name: &str) -> String {
        if self.fields.authorities.len() > 1 { format!(" --authority {name}") } else { String::new() }
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
            // Issuers of another CA; their ClusterIssuers read their Secrets there.
            [] => fields.issuers.values().any(|issuer| !issuer.kind.is_step()).then(|| self.cert_manager().namespace),
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

    fn authorities(&mut self) -> BTreeMap<String, Authority> {
        let fields = self.fields;
        let authority = |(name, written): (&String, &inventory::Authority)| {
            let (chart, values) = authority::resolve(self, name, written).unzip();
            let inflation = written.chart.as_ref().filter(|_| chart.is_some()).and_then(|chart| {
                let place = Path::of(["authorities", name, "chart"]);
                inflation::is_wanted(self, &place, chart).then(|| inflation::of_authority(name))
            });
            let authority = Authority {
                namespace: written.namespace.clone(),
                release: written.release.clone().unwrap_or_else(|| AUTHORITY_RELEASE.to_owned()),
                fullname: fullname(written),
                url: self.url(written),
                expiry_horizon_days: written.expiry_horizon_days,
                chart,
                inflation,
                values: values.unwrap_or_default(),
                folder: authority::folder(fields, written),
            };
            (name.clone(), authority)
        };
        fields.authorities.iter().map(authority).collect()
    }

    /// The chart binds its approver to one ServiceAccount; where that is another one, or there is no chart, we bring it.
    fn approver(&self) -> Option<CertManager> {
        let cert_manager = self.cert_manager();
        let needed = match &self.fields.step_issuer {
            Some(step_issuer) if step_issuer.chart.is_some() => chart::approves_for(&step_issuer.values)
                .is_some_and(|bound| bound != (cert_manager.namespace.as_str(), cert_manager.service_account.as_str())),
            // cert-manager may approve for its own issuers.
            _ => {
                self.fields.issuers.values().any(|issuer| issuer.kind.is_step())
                    || self.fields.tenants.values().any(|tenant| tenant.step_issuer.is_some())
            }
        };
        self.fields.approver.unwrap_or(needed).then_some(cert_manager)
    }
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn what_there_is_none_of_is_not_counted() {
        assert_eq!(left_out(1, 0, 0), "1 issuer is left out");
        assert_eq!(left_out(1, 1, 0), "1 issuer and 1 certificate are left out");
        assert_eq!(left_out(0, 2, 1), "2 certificates and 1 ConfigMap with its roots are left out");
        assert_eq!(left_out(2, 3, 2), "2 issuers, 3 certificates and 2 ConfigMaps with its roots are left out");
    }
}
