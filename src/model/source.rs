//! The way back: from a field of a rendered document to the inventory that it comes from.

use super::Model;
use crate::manifest::Shape;
use crate::yaml::{Path, Segment};

impl Model {
    /// The entry of the inventory behind an entry of the model: `keys` lead to it, a map and a name, and so on where an entry
    /// holds further maps. None where it comes from no single entry.
    pub fn entry(&self, keys: &[&str]) -> Option<Path> {
        let own = |keys: &[&str]| self.origins.get(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()).cloned();
        let known = (0..keys.len()).rev().find_map(|last| own(&keys[..=last])).filter(|_| !self.origins.is_empty());
        known.or_else(|| match keys {
            ["clusterIssuers", name] => Some(Path::of(["issuers", name])),
            ["exporters", name] => Some(Path::of(["authorities", name])),
            ["issuers" | "certificates" | "authorities", ..] => Some(Path::of(keys.iter().copied())),
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
                Some(Self::source_of_authority(shape, entry, segments))
            }
            (Shape::Values, _) => Some(Path::of(["stepIssuer", "values"]).join(segments)),
            (Shape::Kustomization, _) => Self::source_of_kustomization(segments),
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
            (Shape::Object, ["spec", "targetNamespace" | "storageNamespace"] | ["metadata", "namespace"]) => entry.key("namespace"),
            (Shape::Kustomization, ["helmCharts", _, "releaseName"]) | (Shape::Object, ["spec", "releaseName"]) => entry.key("release"),
            (Shape::Kustomization, ["helmCharts", _, "kubeVersion"]) => Path::of(["versions", "kubernetes"]),
            (Shape::Kustomization, ["helmCharts", _, "repo"]) | (Shape::Object, ["spec", "url"]) => entry.key("chart").key("repo"),
            (Shape::Kustomization, ["helmCharts", _, "version"])
            | (Shape::Object, ["spec", "chart", "spec", "version"] | ["spec", "ref", ..]) => entry.key("chart").key("version"),
            (Shape::Kustomization, ["helmCharts", ..]) | (Shape::Object, ["spec", "chart" | "chartRef", ..]) => entry.key("chart"),
            _ => entry.clone(),
        }
    }

    fn source_of_kustomization(segments: &[Segment]) -> Option<Path> {
        let [Segment::Key(charts), Segment::Index(_), rest @ ..] = segments else { return None };
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
        let keys: Vec<&str> = segments
            .iter()
            .map_while(|segment| match segment {
                Segment::Key(key) => Some(&**key),
                Segment::Index(_) => None,
            })
            .collect();
        match keys.as_slice() {
            ["spec", "issuerRef", ..] => entry.key("issuer"),
            ["spec", "url"] => self.of_authority(entry, "url"),
            ["spec", "caBundle"] => self.of_authority(entry, "snapshot"),
            ["spec" | "metadata", ..] => entry.join(&segments[1..]),
            _ => entry.clone(),
        }
    }

    /// A field of the authority of an issuer's entry.
    fn of_authority(&self, entry: &Path, field: &str) -> Path {
        let Some(Segment::Key(key)) = entry.segments().get(1) else { return entry.clone() };
        match self.issuers.get(&**key).or_else(|| self.cluster_issuers.get(&**key)) {
            Some(issuer) => Path::of(["authorities", &issuer.authority, field]),
            None => entry.clone(),
        }
    }
}
