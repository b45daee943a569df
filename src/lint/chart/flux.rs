//! Charts that Flux releases: `HelmRelease`, with its source where that is in the tree.

use super::kustomize::shown;
use super::usage::{ChartUse, Crds, Engine, Version, chart_name};
use super::values::{Layer, Values};
use crate::lint::object::Object;
use crate::yaml::{Path, Value};

const RELEASES: &str = "helm.toolkit.fluxcd.io";
const SOURCES: &str = "source.toolkit.fluxcd.io";

/// The chart that a HelmRelease asks for; None for other objects, and where its source is not in the tree.
pub(super) fn chart<'a>(object: Object<'a>, objects: &[Object<'a>]) -> Option<ChartUse<'a>> {
    if !object.is(RELEASES, "HelmRelease") {
        return None;
    }
    let (name, version) = match object.text("spec.chart.spec.chart") {
        Some(chart) => (chart_name(chart), version_of_chart(object, "spec.chart.spec", "spec.chart.spec.sourceRef.kind")),
        None => referred(object, objects)?,
    };
    let target = object.text("spec.targetNamespace");
    let release = object.text("spec.releaseName").map(str::to_owned);
    let default_release = || match target {
        Some(target) => format!("{target}-{}", object.name()),
        None => object.name().to_owned(),
    };
    Some(ChartUse {
        name,
        version,
        release: Some(release.unwrap_or_else(default_release)),
        namespace: target.or(object.namespace()),
        engine: Engine::Flux,
        crds: crds(object),
        document: object.document,
        path: Path::of(["spec", if object.get("spec.chart").is_some() { "chart" } else { "chartRef" }]),
        values: values(object),
    })
}

/// The version of a chart in a `HelmRelease` or `HelmChart`: charts in Git and in buckets have none of their own.
fn version_of_chart<'a>(object: Object<'a>, below: &str, source: &str) -> Version<'a> {
    let path = Path::of(below.split('.')).key("version");
    match object.get(&format!("{below}.version")) {
        _ if object.text(source).is_some_and(|kind| kind != "HelmRepository") => Version::Elsewhere,
        Some(version) if version.as_str() != Some("") => Version::Written { text: shown(version), document: object.document, path },
        _ => Version::Newest { document: object.document, path },
    }
}

/// The chart behind `chartRef`.
fn referred<'a>(release: Object<'a>, objects: &[Object<'a>]) -> Option<(&'a str, Version<'a>)> {
    let (kind, name) = (release.text("spec.chartRef.kind")?, release.text("spec.chartRef.name")?);
    let namespace = release.text("spec.chartRef.namespace").or(release.namespace());
    let source = objects.iter().copied().find(|object| {
        object.identity.group == SOURCES && object.identity.kind == kind && object.name() == name && object.namespace() == namespace
    })?;
    match kind {
        "HelmChart" => Some((chart_name(source.text("spec.chart")?), version_of_chart(source, "spec", "spec.sourceRef.kind"))),
        "OCIRepository" => Some((chart_name(source.text("spec.url")?), version_of_image(source))),
        _ => None,
    }
}

/// A digest wins over a range, a range over a tag.
fn version_of_image(source: Object<'_>) -> Version<'_> {
    if source.get("spec.ref.digest").is_some() {
        return Version::Elsewhere;
    }
    let written = ["semver", "tag"].into_iter().find_map(|key| {
        let node = source.get(&format!("spec.ref.{key}"))?;
        Some(Version::Written { text: shown(node), document: source.document, path: Path::of(["spec", "ref", key]) })
    });
    written.unwrap_or_else(|| Version::Newest { document: source.document, path: Path::of(["spec", "ref"]) })
}

/// Flux installs CRDs unless it is told otherwise, and leaves them alone at upgrades unless it is told otherwise.
fn crds(release: Object<'_>) -> Crds {
    let is_skipped = release.get("spec.install.skipCRDs").is_some_and(|skip| skip.value == Value::Boolean(true));
    if is_skipped || release.text("spec.install.crds") == Some("Skip") {
        let key = if is_skipped { "skipCRDs" } else { "crds" };
        return Crds::LeftOut(Path::of(["spec", "install", key]));
    }
    match release.text("spec.upgrade.crds") {
        Some("Create" | "CreateReplace") => Crds::Included,
        _ => Crds::OnlyAtInstall(Path::of(["spec", "upgrade", "crds"])),
    }
}

/// Values of the release itself win over those of ConfigMaps and Secrets, which are not looked at.
fn values(release: Object<'_>) -> Values<'_> {
    let is_more = |path: &str| release.items(path).next().is_some();
    let layer = release.get("spec.values").map(|node| Layer::below(release.document, Path::of(["spec", "values"]), node));
    Values { layers: layer.into_iter().collect(), are_incomplete: is_more("spec.valuesFrom") || is_more("spec.chart.spec.valuesFiles") }
}
