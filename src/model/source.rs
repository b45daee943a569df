//! The way back: from a field of a rendered document to the inventory that it comes from.

use super::{CertManagerIssuer, Model};
use crate::manifest::Shape;
use crate::yaml::{Path, Segment};

/// The entry behind what brings the controller, where it lies in a folder of its own.
pub(super) fn base_entry() -> Path {
    Path::of(["stepIssuer"])
}
/// The field of the inventory with the tenants.
const TENANTS: &str = "tenants";

impl Model {
    /// The entry of the inventory behind an entry of the model: `keys` lead to it, a map and a name, and so on where an entry
    /// holds further maps. None where it comes from no single entry.
    pub fn entry(&self, keys: &[&str]) -> Option<Path> {
        let own = |keys: &[&str]| self.origins.get(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()).cloned();
        let known = (0..keys.len()).rev().find_map(|last| own(&keys[..=last])).filter(|_| !self.origins.is_empty());
        known.or_else(|| match keys {
            ["clusterIssuers" | "certManagerIssuers" | "certManagerClusterIssuers", name] => Some(Path::of(["issuers", name])),
            ["bootstraps", ..] => Some(Path::of(["bootstrap"])),
            ["exporterJobs", ..] => Some(Path::of(["exporterCronJob"])),
            ["exporters", name] => Some(Path::of(["authorities", name])),
            ["flux", "releases" | "helmRepositories" | "ociRepositories", _] => Some(Path::of(["stepIssuer"])),
            ["flux", "namespaces", _] => Some(Path::of(["stepIssuer", "namespace"])),
            ["flux", "gitRepositories", _] => Some(Path::of(["flux", "source"])),
            // What a stage is there for, first of all.
            ["tree", "stages", "controller"] => Some(Path::of(["stepIssuer"])),
            ["tree", "stages", stage] => Some(Path::of([*stage])),
            ["issuers" | "certificates" | "authorities" | "argoCd", ..] => Some(Path::of(keys.iter().copied())),
            _ => None,
        })
    }

    /// The path in the inventory that a field of a rendered document comes from, given what the document is and the entry
    /// that it was rendered for; None where the inventory does not say it. The path may lead further than what somebody
    /// wrote: its place is then that of the deepest part that is there.
    pub fn source_of(&self, shape: Shape, entry: Option<&Path>, field: &Path) -> Option<Path> {
        let segments = field.segments();
        if let Some(entry) = entry.filter(|entry| entry.segments().first() == Some(&Segment::Key("components".into()))) {
            // What a template of somebody's own makes of its values is not known; of the whole, the template says more.
            return (entry.segments().len() > 2).then(|| entry.clone());
        }
        match (shape, entry) {
            (_, Some(entry)) if entry.segments().first() == Some(&Segment::Key("authorities".into())) => {
                if self.is_chart(entry) {
                    Some(entry.clone())
                } else {
                    Some(Self::source_of_authority(shape, entry, segments))
                }
            }
            // What a chart gives is its own business; the inventory says which one it is.
            (_, Some(entry)) if self.is_chart(entry) => Some(entry.clone()),
            (Shape::Values, _) => Some(self.source_of_value(segments)),
            (Shape::Kustomization, entry) => self.source_of_kustomization(entry.is_some_and(|entry| *entry == base_entry()), segments),
            (Shape::Object, None) => None,
            (Shape::Object, Some(entry)) => Some(self.source_of_object(entry, segments)),
        }
    }

    /// What installs an authority, and what lies beside it.
    fn source_of_authority(shape: Shape, entry: &Path, segments: &[Segment]) -> Path {
        let names: Vec<&str> = segments.iter().map(|segment| if let Segment::Key(key) = segment { key } else { "" }).collect();
        match (shape, names.as_slice()) {
            (Shape::Values, _) => entry.key("values").join(segments),
            (Shape::Object, ["spec", "values", ..]) => entry.join(&segments[1..]),
            (Shape::Kustomization, ["helmCharts", _, "namespace"]) => entry.key("namespace"),
            (Shape::Object, ["spec", "targetNamespace" | "storageNamespace"]) => entry.key("namespace"),
            (Shape::Object, ["metadata", "namespace"]) => Path::of(["flux", "namespace"]),
            (Shape::Object, ["spec", field @ ("interval" | "timeout")]) => Path::of(["flux", field]),
            (Shape::Kustomization, ["helmCharts", _, "releaseName"]) | (Shape::Object, ["spec", "releaseName"]) => entry.key("release"),
            (Shape::Kustomization, ["helmCharts", _, "kubeVersion"]) => Path::of(["versions", "kubernetes"]),
            (Shape::Kustomization, ["helmCharts", _, "repo"]) | (Shape::Object, ["spec", "url"]) => entry.key("chart").key("repo"),
            (Shape::Kustomization, ["helmCharts", _, "version"])
            | (Shape::Object, ["spec", "chart", "spec", "version"] | ["spec", "ref", ..]) => entry.key("chart").key("version"),
            (Shape::Kustomization, ["helmCharts", ..]) | (Shape::Object, ["spec", "chart" | "chartRef", ..]) => entry.key("chart"),
            _ => entry.clone(),
        }
    }

    /// Whether a path of the inventory is that of a chart that is inflated beforehand.
    pub fn is_chart(&self, path: &Path) -> bool {
        self.inflations.values().any(|request| request.entry.key("chart") == *path)
    }

    /// A chart value stands in the inventory's values, or comes from what is told of all images.
    fn source_of_value(&self, segments: &[Segment]) -> Path {
        let path = Path::of(["stepIssuer", "values"]).join(segments);
        let keys: Option<Vec<String>> = path
            .segments()
            .iter()
            .map(|segment| match segment {
                Segment::Key(key) => Some(key.to_string()),
                Segment::Index(_) => None,
            })
            .collect();
        keys.and_then(|keys| self.origins.get(&keys).cloned()).unwrap_or(path)
    }

    fn source_of_kustomization(&self, is_base: bool, segments: &[Segment]) -> Option<Path> {
        if let Some(Segment::Key(key)) = segments.first()
            && **key == *"helmGlobals"
        {
            return Some(Path::of(["stepIssuer", "chart", "home"]));
        }
        let [Segment::Key(charts), Segment::Index(index), rest @ ..] = segments else { return None };
        if **charts == *"patches" {
            let here = self.kustomization(is_base);
            let own = index.checked_sub(usize::from(here.gives_namespace))?;
            return Some(Path::of(["stepIssuer", "patches", &here.patches.get(own)?.name]).join(rest));
        }
        let chart = Path::of(["stepIssuer", "chart"]);
        match rest.first() {
            _ if **charts != *"helmCharts" => None,
            Some(Segment::Key(key)) if **key == *"namespace" => Some(Path::of(["stepIssuer", "namespace"])),
            Some(Segment::Key(key)) if **key == *"releaseName" => Some(Path::of(["stepIssuer", "release"])),
            Some(Segment::Key(key)) if **key == *"kubeVersion" => Some(Path::of(["versions", "kubernetes"])),
            _ => Some(chart.join(rest)),
        }
    }

    /// An entry's fields bear the names that they have in the object's `spec`; what differs is listed here.
    fn source_of_object(&self, entry: &Path, segments: &[Segment]) -> Path {
        if let Some(path) = source_of_job(entry, segments) {
            return path;
        }
        let keys: Vec<&str> = segments
            .iter()
            .map_while(|segment| match segment {
                Segment::Key(key) => Some(&**key),
                Segment::Index(_) => None,
            })
            .collect();
        match entry.segments() {
            [Segment::Key(own)] if **own == *"stepIssuer" => return of_release(&keys, segments),
            [Segment::Key(own)] if ["issuers", "certificates"].contains(&&**own) => {
                return of_flux(&keys).unwrap_or_else(|| entry.clone());
            }
            [Segment::Key(own), ..] if **own == *"flux" => return of_flux(&keys).unwrap_or_else(|| entry.clone()),
            [Segment::Key(own), ..] if **own == *"argoCd" => return self.source_of_argo_cd(entry, &keys),
            _ => {}
        }
        match keys.as_slice() {
            keys if matches!(entry.segments(), [Segment::Key(map), ..] if **map == *"trust") => self.source_of_trust(entry, keys),
            ["spec", "secretTemplate", "annotations", annotation] if self.is_of_share(entry, annotation) => {
                entry.key("share").key("namespaces")
            }
            ["spec", "issuerRef", ..] => entry.key("issuer"),
            ["spec", "url"] => self.of_authority(entry, "url"),
            ["spec", "caBundle"] | ["spec", "acme", "caBundle"] => self.of_authority(entry, "snapshot"),
            ["spec", "acme", "server"] if !self.is_server_written(entry) => self.of_authority(entry, "url"),
            keys if Self::is_of_tenant(entry) => Self::source_of_tenant(entry, keys, segments),
            ["spec" | "metadata", ..] => entry.join(&segments[1..]),
            _ => entry.clone(),
        }
    }

    fn is_of_tenant(entry: &Path) -> bool {
        matches!(entry.segments(), [Segment::Key(first), ..] if **first == *TENANTS)
    }

    /// The same for a tenant, whose parts render objects with other fields than their own.
    fn source_of_tenant(entry: &Path, keys: &[&str], segments: &[Segment]) -> Path {
        let [tenants, tenant, Segment::Key(part), ..] = entry.segments() else { return entry.clone() };
        match (&**part, keys) {
            (_, ["metadata", "namespace"]) => Path::default().join(&[tenants.clone(), tenant.clone()]).key("namespaces"),
            ("certificates", ["spec" | "metadata", ..]) => entry.join(&segments[1..]),
            ("stepIssuer", ["spec", "provisioner", ..]) => entry.join(&segments[1..]),
            ("stepIssuer", ["metadata", "name"]) => entry.key("name"),
            ("namespaceLabels", ["metadata", "labels", label]) => entry.key(label),
            ("requesters", ["subjects"]) => entry.join(&segments[1..]),
            ("trust", ["metadata", "name"]) => entry.key("configMap"),
            ("trust", ["data", ..]) => entry.key("key"),
            ("networkPolicy", ["spec", "podSelector", "matchLabels", label]) => entry.key("podLabels").key(label),
            _ => entry.clone(),
        }
    }

    /// The authority of the issuer that an entry of the inventory renders; None where it renders none.
    pub fn authority_of(&self, entry: &Path) -> Option<&str> {
        match entry.segments() {
            [Segment::Key(first), Segment::Key(tenant), ..] if **first == *TENANTS => {
                self.tenant_authorities.get(&**tenant).map(String::as_str)
            }
            [_, Segment::Key(key)] => {
                let of_step = self.issuers.get(&**key).or_else(|| self.cluster_issuers.get(&**key));
                let of_cert_manager = || self.cert_manager_issuer(entry)?.authority.as_deref();
                of_step.map(|issuer| issuer.authority.as_str()).or_else(of_cert_manager)
            }
            _ => None,
        }
    }

    /// A field of the authority of an issuer's entry.
    fn of_authority(&self, entry: &Path, field: &str) -> Path {
        self.authority_of(entry).map_or_else(|| entry.clone(), |authority| Path::of(["authorities", authority, field]))
    }

    fn source_of_argo_cd(&self, entry: &Path, keys: &[&str]) -> Path {
        let argo_cd = |field: &str| Path::of(["argoCd", field]);
        match keys {
            ["metadata", "namespace"] => argo_cd("namespace"),
            ["spec", "project"] => argo_cd("project"),
            ["metadata", "name"] if *entry == argo_cd("appProject") => argo_cd("project"),
            ["spec", "source", "repoURL"] | ["spec", "sourceRepos"] if self.git.url.is_some() => Path::of(["git", "url"]),
            ["spec", "source", "targetRevision"] => Path::of(["git", "revision"]),
            ["spec", "destination" | "labels", ..] | ["metadata", "name" | "labels", ..] => {
                keys[1..].iter().fold(entry.clone(), |path, key| path.key(key))
            }
            _ => entry.clone(),
        }
    }

    fn is_server_written(&self, entry: &Path) -> bool {
        self.cert_manager_issuer(entry).is_some_and(|issuer| issuer.is_server_written)
    }

    /// The issuer of cert-manager that an entry became.
    fn cert_manager_issuer(&self, entry: &Path) -> Option<&CertManagerIssuer> {
        let Some(Segment::Key(key)) = entry.segments().get(1) else { return None };
        self.cert_manager_issuers.get(&**key).or_else(|| self.cert_manager_cluster_issuers.get(&**key))
    }

    /// Whether an annotation of a certificate's Secret makes the copies that its entry asks for.
    fn is_of_share(&self, entry: &Path, annotation: &str) -> bool {
        let [Segment::Key(map), Segment::Key(key)] = entry.segments() else { return false };
        let certificate = self.certificates.get(&**key).filter(|_| **map == *"certificates");
        certificate.and_then(|certificate| certificate.shared_with).is_some_and(|prefix| annotation.starts_with(prefix))
    }
}

/// What a job of ours is told, where it is one: its images and the resources of its containers.
fn source_of_job(entry: &Path, segments: &[Segment]) -> Option<Path> {
    let is_key = |segment: &Segment, key: &str| matches!(segment, Segment::Key(known) if **known == *key);
    let [Segment::Key(name)] = entry.segments() else { return None };
    let is_bootstrap = match &**name {
        "bootstrap" => true,
        "exporterCronJob" => false,
        _ => return None,
    };
    let has = |key: &str| segments.iter().any(|segment| is_key(segment, key));
    if let Some(at) = segments.iter().position(|segment| is_key(segment, "resources")) {
        return Some(entry.join(&segments[at..]));
    }
    match (has("image"), is_bootstrap) {
        (true, false) => Some(entry.key("image")),
        (true, true) => Some(entry.key("images").key(if has("initContainers") { "trustree" } else { "kubectl" })),
        (false, _) if has("imagePullSecrets") => Some(entry.key("imagePullSecrets")),
        (false, _) => None,
    }
}

/// The way back from what Flux is told of a chart.
fn of_release(keys: &[&str], segments: &[Segment]) -> Path {
    match keys {
        ["spec", "values", ..] => Path::of(["stepIssuer", "values"]).join(segments.get(2..).unwrap_or_default()),
        ["spec", "chart", "spec", "version"] | ["spec", "ref", ..] => Path::of(["stepIssuer", "chart", "version"]),
        ["spec", "url"] => Path::of(["stepIssuer", "chart", "repo"]),
        ["spec", "chart" | "chartRef", ..] => Path::of(["stepIssuer", "chart"]),
        ["spec", "targetNamespace" | "storageNamespace"] => Path::of(["stepIssuer", "namespace"]),
        ["spec", "releaseName"] | ["metadata", "name"] => Path::of(["stepIssuer", "release"]),
        _ => of_flux(keys).unwrap_or_else(|| Path::of(["stepIssuer"])),
    }
}

/// The way back from what Flux is told of the tree; None where it follows from what is in it.
fn of_flux(keys: &[&str]) -> Option<Path> {
    Some(match keys {
        ["metadata", "name"] => Path::of(["flux", "namePrefix"]),
        ["metadata", "namespace"] => Path::of(["flux", "namespace"]),
        ["spec", "sourceRef", rest @ ..] => Path::of([&["flux", "source"], rest].concat()),
        ["spec", "url"] => Path::of(["git", "url"]),
        ["spec", "ref", ..] => Path::of(["git", "revision"]),
        ["spec", field @ ("interval" | "retryInterval" | "timeout" | "prune" | "dependsOn"), ..] => Path::of(["flux", field]),
        // Whether they are rendered hangs on the version.
        ["spec", "healthCheckExprs", ..] => Path::of(["versions", "flux"]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flux_is_told_leads_back_to_where_it_is_written() {
        let release = |keys: &[&str]| of_release(keys, Path::of(keys.iter().copied()).segments()).to_string();
        for (keys, expected) in [
            (&["spec", "values", "image", "tag"][..], "stepIssuer.values.image.tag"),
            (&["spec", "values"], "stepIssuer.values"),
            (&["spec", "chart", "spec", "version"], "stepIssuer.chart.version"),
            (&["spec", "ref", "tag"], "stepIssuer.chart.version"),
            (&["spec", "url"], "stepIssuer.chart.repo"),
            (&["spec", "targetNamespace"], "stepIssuer.namespace"),
            (&["spec", "interval"], "flux.interval"),
            (&["metadata", "namespace"], "flux.namespace"),
            (&["spec", "install", "crds"], "stepIssuer"),
        ] {
            assert_eq!(release(keys), expected);
        }
        let of_stage = |keys: &[&str]| of_flux(keys).map(|path| path.to_string());
        assert_eq!(of_stage(&["spec", "sourceRef", "name"]).as_deref(), Some("flux.source.name"));
        assert_eq!(of_stage(&["spec", "dependsOn"]).as_deref(), Some("flux.dependsOn"));
        assert_eq!(of_stage(&["metadata", "name"]).as_deref(), Some("flux.namePrefix"));
        assert_eq!(of_stage(&["spec", "path"]), None, "it follows from what is rendered");
    }
}
