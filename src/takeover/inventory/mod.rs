//! The objects of an old environment as an inventory. What would not work, or could not be said, is repaired or left out,
//! and each time there is a reason.

mod certificate;
mod controller;
mod issuer;

use camino::Utf8Path;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Reason;
use super::authority::{Authority, CLUSTER_DOMAIN, release_and_fullname, unused};
use super::chart::{ChartUse, Engine};
use super::draft::{Draft, way};
use super::material::{Item, Left, Material};
use super::script::has_variable;
use crate::finding::{Finding, Place, listed};
use crate::manifest::Identity;
use crate::pki::private_key_in;
use crate::yaml::{Node, read_struct};

/// An inventory that was made of old objects.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) draft: Draft,
    /// Issuers and certificates that the inventory holds, as they were.
    pub(super) taken: Vec<Item>,
    /// Why something differs, by its object.
    pub(super) reasons: Vec<(Identity, Reason)>,
    pub(super) left: Vec<Left>,
    /// Kind and name of issuers that were not found, by the index in `left` of the certificate that names them.
    pub(super) unresolved: Vec<(usize, (String, String))>,
    /// What a person should know.
    pub(super) remarks: Vec<String>,
}

/// What is known of the surroundings.
pub(super) struct Context<'a> {
    pub(super) material: &'a Material,
    pub(super) authorities: &'a [Authority],
    /// Whether a file of the old repository is there in the new one, too.
    pub(super) stays: &'a dyn Fn(&Utf8Path) -> bool,
}

/// Makes an inventory.
pub(super) fn make(context: &Context<'_>) -> Made {
    let mut maker = Maker {
        context,
        made: Made {
            draft: Draft::default(),
            taken: Vec::new(),
            reasons: Vec::new(),
            left: Vec::new(),
            unresolved: Vec::new(),
            remarks: Vec::new(),
        },
    };
    maker.head();
    maker.authorities();
    maker.step_issuer();
    let issuers = maker.issuers();
    maker.certificates(&issuers);
    maker.made
}

struct Maker<'a> {
    context: &'a Context<'a>,
    made: Made,
}

/// An issuer that was taken over: its key in the inventory.
struct Taken<'a> {
    key: String,
    item: &'a Item,
}

/// The object that stands for a release of a chart in a comparison.
pub(super) fn chart_identity(release: &str, namespace: &str) -> Identity {
    Identity { group: String::new(), kind: "Helm release".to_owned(), namespace: Some(namespace.to_owned()), name: release.to_owned() }
}

impl<'a> Maker<'a> {
    fn because(&mut self, identity: &Identity, reason: Reason) {
        self.made.reasons.push((identity.clone(), reason));
    }

    fn leave(&mut self, item: &Item, why: String) {
        let what = match &item.maker {
            Some(maker) => format!("{} (made by {maker})", item.identity),
            None => item.identity.to_string(),
        };
        self.made.left.push(Left { file: item.file.clone(), what, why, keeps_file: true });
    }

    fn cluster_domain(&self) -> &'a str {
        let domains = self.context.authorities.iter().filter_map(|authority| authority.service.as_ref()?.domain.as_deref());
        domains.into_iter().next().unwrap_or(CLUSTER_DOMAIN)
    }

    fn head(&mut self) {
        let domain = self.cluster_domain();
        if domain != CLUSTER_DOMAIN {
            self.made.draft.set(&["clusterDomain"], domain);
        }
        let chart = self.chart();
        if chart.is_some_and(|chart| chart.engine == Engine::Flux) {
            self.made.draft.set(&["delivery"], "flux");
        }
        if let Some(version) = chart.and_then(|chart| chart.kube_version.as_deref()) {
            self.made.draft.set(&["versions", "kubernetes"], version);
        }
        if let Some((namespace, account)) = &self.context.material.approves_for {
            for (key, value) in [("namespace", namespace), ("serviceAccount", account)] {
                if value != "cert-manager" {
                    self.made.draft.set(&["certManager", key], value.as_str());
                }
            }
        }
    }

    fn chart(&self) -> Option<&'a ChartUse> {
        self.context.material.charts.iter().find(|chart| chart.is_step_issuer())
    }

    fn authorities(&mut self) {
        for authority in self.context.authorities {
            let key = ["authorities", authority.name.as_str()];
            let imported = authority.imported.as_ref();
            let known = imported.and_then(|imported| Some((imported.release.clone()?, imported.namespace.clone()?)));
            let (fullname, namespace) = match (&authority.service, known) {
                (Some(service), _) => (service.name.clone(), service.namespace.clone()),
                (None, Some(known)) => known,
                (None, None) => {
                    let namespace = self.home();
                    let way = way(&[key[0], key[1], "namespace"]);
                    self.made.draft.comment(way, "The URL does not say where the CA runs: correct this where it is another namespace.");
                    ("step-certificates".to_owned(), namespace)
                }
            };
            self.made.draft.set(&[key[0], key[1], "namespace"], namespace.as_str());
            let (release, own) = release_and_fullname(&fullname, &namespace, &self.context.material.charts);
            for (field, value) in [("release", release), ("fullname", own)] {
                if let Some(value) = value {
                    self.made.draft.set(&[key[0], key[1], field], value);
                }
            }
            if authority.url != format!("https://{fullname}.{namespace}.svc.{}", self.cluster_domain()) {
                self.made.draft.set(&[key[0], key[1], "url"], authority.url.as_str());
            }
            if imported.is_none() {
                self.made.draft.comment(
                    way(&[key[0], key[1], "snapshot"]),
                    "Roots and key ids come from a snapshot of the CA, which is not here yet: `trustree snapshot import` makes it.",
                );
                self.made.draft.set(&[key[0], key[1], "snapshot"], "pending");
            }
        }
    }

    /// The namespace where most of it lies.
    fn home(&self) -> String {
        let chart = self.chart().and_then(|chart| chart.namespace.clone());
        let issuers = self.context.material.issuers.iter();
        let issuer = || issuers.filter_map(|item| item.identity.namespace.clone()).find(|namespace| !has_variable(namespace));
        chart.filter(|namespace| !has_variable(namespace)).or_else(issuer).unwrap_or_else(|| "default".to_owned())
    }

    fn authority_of(&self, item: &Item) -> Option<&'a Authority> {
        let url = item.text(&["spec", "url"])?;
        self.context.authorities.iter().find(|authority| authority.url == url)
    }

    /// Says what of an object an inventory cannot say.
    fn not_in_inventory(&mut self, item: &Item, known: &[&str]) {
        let fields = item.at(&["spec"]).and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
        let unknown: Vec<String> = fields.map(|(key, _)| key).filter(|key| !known.contains(key)).map(|key| format!("spec.{key}")).collect();
        let metadata = item.at(&["metadata"]).and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
        let more = metadata.map(|(key, _)| key).filter(|key| !["name", "namespace"].contains(key)).map(|key| format!("metadata.{key}"));
        let all: Vec<String> = unknown.into_iter().chain(more).collect();
        if !all.is_empty() {
            let text = format!("an inventory cannot say {}: a patch above the rendered folder can", listed(all.iter().map(String::as_str)));
            self.because(&item.identity, Reason::plain(text));
        }
    }
}

/// Whether an entry is one that an inventory can hold; if not, why.
fn typed<T: DeserializeOwned>(entry: &Value) -> Result<(), String> {
    let mut problems = Vec::new();
    let _: Option<T> = read_struct(&Node::from(entry.clone()), &mut problems);
    match problems.first() {
        Some(problem) => Err(format!("it could not work: {}", Finding::of_problem(problem, Place::whole("")).message)),
        None => Ok(()),
    }
}

/// Whether anything in a value is filled in later, by a shell or by Flux.
fn is_filled_in(value: &Value) -> bool {
    match value {
        Value::String(text) => has_variable(text),
        Value::Array(items) => items.iter().any(is_filled_in),
        Value::Object(map) => map.iter().any(|(key, value)| has_variable(key) || is_filled_in(value)),
        _ => false,
    }
}

/// Takes out of values what is filled in later, and says where it stood.
fn take_out_variables(values: &mut Map<String, Value>, path: &str, found: &mut Vec<String>) {
    values.retain(|key, value| match value {
        Value::Object(map) => {
            let before = found.len();
            take_out_variables(map, &format!("{path}.{key}"), found);
            found.len() == before || !map.is_empty()
        }
        other => {
            let is_kept = !is_filled_in(other);
            if !is_kept {
                found.push(format!("{path}.{key}"));
            }
            is_kept
        }
    });
}

/// Why an entry is not taken over of which something is filled in later.
const FILLED_IN: &str = "only a script, or Flux's `postBuild`, knows a part of it: write it into the inventory yourself";

/// Takes private keys out of values, and says where they stood.
fn take_out_keys(values: &mut Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let is_secret = |value: &Value| value.as_str().is_some_and(|text| private_key_in(text).is_some());
    found.extend(values.iter().filter(|(_, value)| is_secret(value)).map(|(key, _)| format!("{path}.{key}")));
    values.retain(|_, value| !is_secret(value));
    values.retain(|key, value| {
        let Value::Object(map) = value else { return true };
        let before = found.len();
        take_out_keys(map, &format!("{path}.{key}"), found);
        found.len() == before || !map.is_empty()
    });
}

/// The key of an object in the inventory: its name where that is the only one, with its namespace otherwise.
fn key_of(item: &Item, all: &[Item], is_used: impl Fn(&str) -> bool) -> String {
    let name = &item.identity.name;
    let is_only = all.iter().filter(|other| other.identity.name == *name).count() == 1;
    let wanted = match (is_only, &item.identity.namespace) {
        (true, _) => name.clone(),
        (false, Some(namespace)) => format!("{namespace}-{name}"),
        (false, None) => format!("cluster-{name}"),
    };
    unused(&wanted, is_used)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::chart::is_exact;
    use super::certificate::repaired;
    use super::controller::take_out_affinity;
    use super::*;

    #[test]
    fn a_wildcard_over_all_services_becomes_one_over_those_of_its_namespace() {
        for (name, expected) in [
            ("*.svc.cluster.local", Some("*.pki.svc.cluster.local")),
            ("*.svc", Some("*.pki.svc")),
            ("*.pki.svc.cluster.local", None),
            ("web.pki.svc.cluster.local", None),
            ("*.example.org", None),
        ] {
            assert_eq!(repaired(name, "pki", "cluster.local").as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn only_the_required_affinity_to_the_ca_is_taken_out() {
        let term = |name: &str| json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": name}}});
        let values = |terms: Value| {
            let Value::Object(map) =
                json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}, "replicaCount": 2})
            else {
                panic!("a map")
            };
            map
        };
        let mut both = values(json!([term("step-certificates"), term("cache")]));
        assert!(take_out_affinity(&mut both));
        assert_eq!(Value::Object(both), Value::Object(values(json!([term("cache")]))));
        let mut one = values(json!([term("step-certificates")]));
        assert!(take_out_affinity(&mut one));
        assert_eq!(Value::Object(one), json!({"replicaCount": 2}));
        assert!(!take_out_affinity(&mut values(json!([term("cache")]))));
    }

    #[test]
    fn private_keys_stay_out_of_values() {
        let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let Value::Object(mut values) = json!({"tunnel": {"enabled": true, "key": key}}) else { panic!("a map") };
        let mut found = Vec::new();
        take_out_keys(&mut values, "values", &mut found);
        assert_eq!((Value::Object(values), found), (json!({"tunnel": {"enabled": true}}), vec!["values.tunnel.key".to_owned()]));
    }

    #[test]
    fn a_range_is_no_version() {
        for (version, expected) in
            [("1.11.0", true), ("v1.11.0-rc1", true), ("1.x", false), (">=1.0.0", false), ("1.11", false), ("", false)]
        {
            assert_eq!(is_exact(version), expected, "{version}");
        }
    }
}
