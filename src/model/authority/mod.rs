//! What installs a CA: its chart and the chart's values, in each of the three ways that the chart knows. No secret is in
//! the values: keys and passwords lie in Secrets that somebody makes, and the chart only names them.
//!
//! Source: the templates of the chart step-certificates, 1.28.4 to 1.30.1.

mod config;
mod conflict;
mod values;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::{STEP_CERTIFICATES_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values, known_versions};
use crate::finding::{VALUES_NOT_CHECKED, listed};
use crate::inventory::{self, AuthorityMode, EnvironmentFile};
use crate::model::chart::sorted;
use crate::model::conventions::helm_fullname;
use crate::model::flux::NAME_PREFIX;
use crate::model::resolution::{AUTHORITY_RELEASE, Resolution, fullname};
use crate::yaml::Path;
use values::{at, merged, port_of, set};

/// Port on which the chart lets the CA listen.
const PORT: u16 = 9000;
/// How an address begins under which a registry holds charts.
const REGISTRY: &str = "oci://";
/// The chart's default name of the first provisioner.
const PROVISIONER: &str = "admin";

/// The chart of a CA.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityChart {
    /// Repository.
    pub repo: String,
    /// Exact version.
    pub version: String,
    /// Whether the repository is a registry, `oci://`.
    pub in_registry: bool,
    /// Address of the repository; in a registry, that of the chart.
    pub url: String,
    /// Where keys, certificates and configuration come from.
    pub mode: AuthorityMode,
    /// The name of Flux's objects for it.
    pub flux_name: String,
}

/// One authority whose chart is rendered.
struct Install<'a> {
    /// Its name in the inventory.
    name: &'a str,
    written: &'a inventory::Authority,
    mode: AuthorityMode,
    fullname: String,
    url: String,
    /// The host of the URL.
    host: String,
    /// The name of its Service, with the cluster's domain.
    service: String,
}

impl Install<'_> {
    /// A path in the authority's entry of the inventory.
    fn path<'p>(&self, keys: impl IntoIterator<Item = &'p str>) -> Path {
        let entry = Path::of(["authorities", self.name]);
        keys.into_iter().fold(entry, |path, key| path.key(key))
    }
}

/// The folder of what installs an authority: the chart's name, and the release's where a namespace has several of them.
pub(super) fn folder(fields: &EnvironmentFile, written: &inventory::Authority) -> String {
    let beside = fields.authorities.values().filter(|other| other.chart.is_some() && other.namespace == written.namespace).count();
    if beside > 1 { fullname(written) } else { STEP_CERTIFICATES_CHART.to_owned() }
}

/// The chart and its values, where the inventory has one that can be rendered.
pub(super) fn resolve(
    resolution: &mut Resolution<'_>,
    name: &str,
    written: &inventory::Authority,
) -> Option<(AuthorityChart, Map<String, Value>)> {
    let Some(chart) = &written.chart else {
        without_chart(resolution, name, written);
        return None;
    };
    let url = resolution.url(written);
    let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).split(['/', ':', '?']).next().unwrap_or_default().to_owned();
    let fullname = fullname(written);
    let service = format!("{fullname}.{}.svc.{}", written.namespace, resolution.cluster_domain());
    let install = Install { name, written, mode: written.mode.unwrap_or_default(), fullname, url, host, service };
    conflict::secrets(resolution, &install);
    conflict::switches(resolution, &install);
    conflict::names(resolution, &install);
    let mut values = values(resolution, &install)?;
    conflict::hosts(resolution, &install, &values);
    with_port(&install, &mut values);
    if let Some(known) = chart_values(STEP_CERTIFICATES_CHART, &chart.version) {
        values = known.without_defaults(&values);
    } else {
        let version = &chart.version;
        let message = format!("the keys of chart {STEP_CERTIFICATES_CHART} {version} are not known, so its values were not checked");
        let help = format!("the versions that are known are {}", listed(known_versions(STEP_CERTIFICATES_CHART)));
        resolution.report(&VALUES_NOT_CHECKED, Path::of(["authorities", name, "chart", "version"]), message, help);
    }
    let repo = chart.repo.clone().unwrap_or_else(|| STEP_ISSUER_CHART_REPOSITORY.to_owned());
    let in_registry = repo.starts_with(REGISTRY);
    let url = if in_registry { format!("{}/{STEP_CERTIFICATES_CHART}", repo.trim_end_matches('/')) } else { repo.clone() };
    let flux_name = flux_name(resolution, &install);
    Some((AuthorityChart { repo, version: chart.version.clone(), in_registry, url, mode: install.mode, flux_name }, sorted(values)))
}

/// Flux's objects lie in one namespace, whatever namespace the authority has.
fn flux_name(resolution: &Resolution<'_>, install: &Install<'_>) -> String {
    let prefix = resolution.fields.flux.as_ref().and_then(|flux| flux.name_prefix.as_deref()).unwrap_or(NAME_PREFIX);
    let same = resolution.fields.authorities.values().filter(|other| other.chart.is_some() && fullname(other) == install.fullname).count();
    let middle = if same > 1 { format!("{}-", install.written.namespace) } else { String::new() };
    format!("{prefix}{middle}{}", install.fullname)
}

/// What would go nowhere.
fn without_chart(resolution: &mut Resolution<'_>, name: &str, written: &inventory::Authority) {
    let given =
        [("values", !written.values.is_empty()), ("mode", written.mode.is_some()), ("provisioners", !written.provisioners.is_empty())];
    for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        let message = format!("`{field}` is for the chart of the CA, and there is none, so it goes nowhere");
        let help = format!("write `authorities.{name}.chart`, or take `{field}` out");
        resolution.report(&VALUES_NOT_CHECKED, Path::of(["authorities", name, field]), message, help);
    }
}

/// The values of the mode, with those of the inventory over them.
fn values(resolution: &mut Resolution<'_>, install: &Install<'_>) -> Option<Map<String, Value>> {
    if install.mode != AuthorityMode::Inject && !install.written.provisioners.is_empty() {
        let message = "`provisioners` are rendered into `ca.json` by `mode: inject` only";
        let help = "a CA that is running takes them with `step ca provisioner add`; or take them out";
        resolution.report(&VALUES_NOT_CHECKED, install.path(["provisioners"]), message, help);
    }
    let mut base = match install.mode {
        AuthorityMode::Bootstrap => bootstrap(resolution, install),
        AuthorityMode::Inject => config::inject(resolution, install)?,
        AuthorityMode::ExistingSecrets => existing_secrets(install),
    };
    if install.written.fullname.as_deref().is_some_and(|fullname| fullname != helm_fullname(release(install), STEP_CERTIFICATES_CHART)) {
        base["fullnameOverride"] = json!(install.fullname);
    }
    match merged(base, &Value::Object(install.written.values.clone())) {
        Value::Object(values) => Some(values),
        _ => None,
    }
}

fn release<'a>(install: &'a Install<'_>) -> &'a str {
    install.written.release.as_deref().unwrap_or(AUTHORITY_RELEASE)
}

/// A new CA: it answers to the name of its Service and to the host of its URL, and its first provisioner is the one that
/// the issuers want. The chart itself always takes `cluster.local` for the cluster's domain.
fn bootstrap(resolution: &Resolution<'_>, install: &Install<'_>) -> Value {
    let mut base = json!({});
    let default = format!("{}.{}.svc.cluster.local", install.fullname, install.written.namespace);
    if install.service != default || install.host != default {
        let own = [install.service.as_str(), install.host.as_str(), "127.0.0.1"];
        let mut names: Vec<&str> = Vec::new();
        for name in own.into_iter().filter(|name| !name.is_empty()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        set(&mut base, &["ca", "dns"], json!(names.join(",")));
    }
    if install.url != format!("https://{default}") {
        set(&mut base, &["ca", "url"], json!(install.url));
    }
    let issuers = resolution.fields.issuers.values();
    let mut wanted: Vec<&str> = issuers
        .filter(|issuer| issuer.kind.is_step() && resolution.authority_name(issuer) == Some(install.name))
        .filter_map(|issuer| Some(issuer.provisioner.as_ref()?.name.as_str()))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    if let [name] = wanted[..]
        && name != PROVISIONER
    {
        set(&mut base, &["ca", "provisioner", "name"], json!(name));
    }
    base
}

fn existing_secrets(install: &Install<'_>) -> Value {
    json!({
        // What the chart would make would take the place of what somebody made.
        "bootstrap": {"enabled": false, "configmaps": false, "secrets": false},
        "existingSecrets": {
            "enabled": true,
            "ca": true,
            "certsAsSecret": install.written.certs_as_secret == Some(true),
            "configAsSecret": install.written.config_as_secret == Some(true),
        }
    })
}

/// The value with the address on which the CA listens; None where its configuration is not among the values.
fn address_of(mode: AuthorityMode) -> Option<&'static [&'static str]> {
    match mode {
        AuthorityMode::Bootstrap => Some(&["ca", "address"]),
        AuthorityMode::Inject => Some(&["inject", "config", "files", "ca.json", "address"]),
        AuthorityMode::ExistingSecrets => None,
    }
}

/// The port on which the pods of a CA listen, as far as the inventory says: that of its address; where the configuration is
/// not among the values, the one that its Service asks for; else the chart's own.
pub(super) fn port(written: &inventory::Authority) -> u16 {
    let values = Value::Object(written.values.clone());
    let of_address =
        address_of(written.mode.unwrap_or_default()).map(|address| at(&values, address).and_then(Value::as_str).and_then(port_of));
    let of_service = || match at(&values, &["service", "targetPort"])? {
        Value::Number(port) => u16::try_from(port.as_u64()?).ok(),
        Value::String(port) => port.parse().ok(),
        _ => None,
    };
    of_address.unwrap_or_else(of_service).unwrap_or(PORT)
}

/// The Service asks for the port on which the CA listens, unless the inventory names one.
fn with_port(install: &Install<'_>, values: &mut Map<String, Value>) {
    let Some(address) = address_of(install.mode) else { return };
    let mut all = Value::Object(std::mem::take(values));
    let port = at(&all, address).and_then(Value::as_str).and_then(port_of);
    if let Some(port) = port.filter(|port| *port != PORT && at(&all, &["service", "targetPort"]).is_none()) {
        set(&mut all, &["service", "targetPort"], json!(port));
    }
    if let Value::Object(map) = all {
        *values = map;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use camino::Utf8Path;

    use crate::inventory::{EnvironmentName, Layers};
    use crate::model::{Extent, build};

    use super::*;

    #[test]
    fn the_port_of_a_ca_is_read_where_its_mode_has_it() {
        let of = |text: &str| port(&serde_json::from_str(text).expect("an authority"));
        assert_eq!(of(r#"{"namespace": "pki"}"#), 9000);
        assert_eq!(of(r#"{"namespace": "pki", "values": {"ca": {"address": ":8443"}}}"#), 8443);
        assert_eq!(of(r#"{"namespace": "pki", "values": {"service": {"targetPort": 8443}}}"#), 9000, "the CA listens where it did");
        let injected =
            r#"{"namespace": "pki", "mode": "inject", "values": {"inject": {"config": {"files": {"ca.json": {"address": "[::]:443"}}}}}}"#;
        assert_eq!(of(injected), 443);
        let existing = r#"{"namespace": "pki", "mode": "existingSecrets", "values": {"service": {"targetPort": 8443}}}"#;
        assert_eq!(of(existing), 8443);
    }

    #[test]
    fn a_chart_of_the_ca_that_is_not_known_is_told() {
        let told = |version: &str| {
            let text = format!(
                "apiVersion: trustree.dev/v1alpha1\nkind: Environment\nauthorities: {{a: {{namespace: b, snapshot: pending, chart: {{version: {version}}}}}}}\n"
            );
            let name = EnvironmentName::new("prod").expect("a name");
            let inventory = Layers::default().load(&name, Utf8Path::new("inventory.yaml"), text.as_bytes()).expect("an inventory");
            let (_, findings) = build(&name, &inventory, &BTreeMap::new(), Extent::Known);
            findings.iter().any(|finding| finding.rule == &super::VALUES_NOT_CHECKED && finding.message.contains(version))
        };
        assert!(told("9.9.9"));
        assert!(!told("1.30.1"));
    }
}
