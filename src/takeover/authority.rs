//! Which certificate authorities issuers ask, told by their URLs, and what a dump of a cluster knows of them.

use camino::Utf8Path;
use jiff::civil::Date;

use super::chart::ChartUse;
use crate::finding::Finding;
use crate::snapshot::{ImportRequest, Imported, Input, Snapshot, import};

/// Name of the authority where there is only one.
const ONLY: &str = "internal";
/// Domain of a cluster where nobody chose another.
pub(super) const CLUSTER_DOMAIN: &str = "cluster.local";
/// Release of the CA where nobody chose another.
const RELEASE: &str = "step-certificates";

/// One authority.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// Its name in the inventory.
    pub(super) name: String,
    /// The URL of its issuers.
    pub(super) url: String,
    /// What its URL says of the Service behind it.
    pub(super) service: Option<Service>,
    /// What the dump knows of it.
    pub(super) imported: Option<Imported>,
}

/// A Service, as its host name in the cluster says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) namespace: String,
    /// The cluster's domain; None for a name that ends with `svc`.
    pub(super) domain: Option<String>,
}

impl Service {
    /// The Service that a URL leads to; None where it leads out of the cluster.
    pub(super) fn of(url: &str) -> Option<Service> {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split(['/', ':', '?']).next()?.trim_end_matches('.');
        let labels: Vec<&str> = host.split('.').collect();
        let [name, namespace, "svc", domain @ ..] = labels.as_slice() else { return None };
        let domain = (!domain.is_empty()).then(|| domain.join("."));
        Some(Service { name: (*name).to_owned(), namespace: (*namespace).to_owned(), domain })
    }
}

/// The names under which charts of the CA are released: release and what its objects' names begin with.
pub(super) fn release_and_fullname(fullname: &str, namespace: &str, charts: &[ChartUse]) -> (Option<String>, Option<String>) {
    let known = charts.iter().find(|chart| {
        chart.is_step_certificates() && chart.fullname() == fullname && chart.namespace.as_deref().is_none_or(|own| own == namespace)
    });
    let default = |release: &str| crate::model::helm_fullname(release, RELEASE);
    let release = known.map(|chart| chart.release.clone()).or_else(|| fullname.contains(RELEASE).then(|| fullname.to_owned()));
    let fullname = (default(release.as_deref().unwrap_or(RELEASE)) != fullname).then(|| fullname.to_owned());
    (release.filter(|release| release != RELEASE), fullname)
}

/// The authorities behind URLs, each once, with what the inputs know of them.
///
/// # Errors
/// Why an input cannot be read as one of these CAs.
pub(super) fn authorities(urls: &[String], inputs: Option<&[Input]>, as_of: Date) -> Result<Vec<Authority>, Vec<Finding>> {
    let mut distinct: Vec<&String> = Vec::new();
    for url in urls {
        if !distinct.contains(&url) {
            distinct.push(url);
        }
    }
    let several = distinct.len() > 1;
    let mut found: Vec<Authority> = Vec::new();
    let mut missing = Vec::new();
    for url in distinct {
        let service = Service::of(url);
        let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let own = service.as_ref().map_or_else(|| host.split(['.', ':', '/']).next().unwrap_or(ONLY), |service| &service.name);
        let wanted = if several { own.to_owned() } else { ONLY.to_owned() };
        let name = unused(&wanted, |name| found.iter().any(|other| other.name == name));
        let imported = match inputs.map(|inputs| imported(inputs, service.as_ref(), several, as_of)).transpose() {
            Ok(imported) => imported.filter(|imported| !several || answers_to(imported, url)),
            // The others may be in it; whether any is shows at the end.
            Err(findings) if several => {
                missing.extend(findings);
                None
            }
            Err(findings) => return Err(findings),
        };
        found.push(Authority { name, url: url.clone(), service, imported });
    }
    if !missing.is_empty() && found.iter().all(|authority| authority.imported.is_none()) {
        return Err(missing);
    }
    Ok(found)
}

/// Whether a CA answers to the host of a URL, as far as that is known.
fn answers_to(imported: &Imported, url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', ':', '?']).next().unwrap_or_default();
    imported.snapshot.authority().dns_names.known().is_none_or(|names| names.iter().any(|name| name.eq_ignore_ascii_case(host)))
}

/// A name that is not in use yet.
pub(super) fn unused(wanted: &str, is_used: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while is_used(&name) {
        name = format!("{wanted}-{number}");
        number += 1;
    }
    name
}

fn imported(inputs: &[Input], service: Option<&Service>, several: bool, as_of: Date) -> Result<Imported, Vec<Finding>> {
    let request = |release| ImportRequest { release, replace: false, drop_roots: Vec::new(), as_of };
    let release = service.map(|service| format!("{}/{}", service.namespace, service.name));
    if several && let Some(release) = &release {
        return import(inputs.to_vec(), &request(Some(release.clone())), None);
    }
    match import(inputs.to_vec(), &request(None), None) {
        Ok(imported) => Ok(imported),
        // Perhaps there are several, and the URL says which one is meant.
        Err(findings) => match release.map(|release| import(inputs.to_vec(), &request(Some(release)), None)) {
            Some(Ok(imported)) => Ok(imported),
            _ => Err(findings),
        },
    }
}

impl Authority {
    /// What is known of the CA.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.imported.as_ref().map(|imported| &imported.snapshot)
    }

    /// The file of its snapshot beside the inventory.
    pub(super) fn snapshot_file(&self, folder: &Utf8Path, several: bool) -> camino::Utf8PathBuf {
        folder.join(if several { format!("ca-snapshot.{}.yaml", self.name) } else { "ca-snapshot.yaml".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_of_the_cluster_says_which_service_it_is() {
        let service = |name: &str, namespace: &str, domain: Option<&str>| {
            Some(Service { name: name.to_owned(), namespace: namespace.to_owned(), domain: domain.map(str::to_owned) })
        };
        assert_eq!(Service::of("https://ca.pki.svc.cluster.local"), service("ca", "pki", Some("cluster.local")));
        assert_eq!(Service::of("https://ca.pki.svc:9000/x"), service("ca", "pki", None));
        assert_eq!(Service::of("https://ca.pki.svc.corp.example."), service("ca", "pki", Some("corp.example")));
        assert_eq!(Service::of("https://ca.example.org"), None);
    }

    #[test]
    fn of_several_authorities_only_the_one_that_answers_gets_the_snapshot() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ca-a");
        #[expect(clippy::disallowed_methods, reason = "a test reads its data")]
        let file = |name: &str| Input { name: name.to_owned(), bytes: std::fs::read(folder.join(name)).expect("a file of the CA") };
        let inputs = [file("ca.json"), file("root_ca.crt"), file("intermediate_ca.crt")];
        let urls = ["https://step-certificates.smallstep.svc.cluster.local", "https://other.pki.svc.cluster.local"].map(str::to_owned);
        let found = authorities(&urls, Some(&inputs), "2027-06-01".parse().expect("a day")).expect("authorities");
        let known: Vec<bool> = found.iter().map(|authority| authority.imported.is_some()).collect();
        assert_eq!(known, [true, false]);
    }

    #[test]
    fn names_of_the_chart_lead_back_to_its_release() {
        let of = |fullname: &str| release_and_fullname(fullname, "pki", &[]);
        assert_eq!(of("step-certificates"), (None, None));
        assert_eq!(of("ca-step-certificates"), (Some("ca-step-certificates".to_owned()), None));
        assert_eq!(of("ca"), (None, Some("ca".to_owned())));
    }

    #[test]
    fn one_authority_is_internal_and_several_bear_the_names_of_their_services() {
        let day = "2027-06-01".parse().expect("a day");
        let names = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            authorities(&urls, None, day).expect("authorities").into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["https://a.b.svc", "https://a.b.svc"]), ["internal"]);
        assert_eq!(names(&["https://a.b.svc", "https://a.c.svc", "https://ca.example.org"]), ["a", "a-2", "ca"]);
    }
}
