//! Names and versions that the inventory gives, checked before anything is built from them.

use crate::catalog::minor_version;
use crate::finding::{NAME_INVALID, WRONG_TYPE};
use crate::manifest::{dns_label_problem, label_value_problem, qualified_name_problem};
use crate::model::resolution::Resolution;
use crate::yaml::Path;

/// Names that end up in paths, host names or labels; those of objects are checked in the rendered documents.
pub(super) fn check(resolution: &mut Resolution<'_>) {
    let fields = resolution.fields;
    let mut namespaces: Vec<(Path, &str)> = fields
        .authorities
        .iter()
        .map(|(name, authority)| (Path::of(["authorities", name, "namespace"]), authority.namespace.as_str()))
        .collect();
    namespaces
        .extend(fields.step_issuer.as_ref().map(|step_issuer| (Path::of(["stepIssuer", "namespace"]), step_issuer.namespace.as_str())));
    namespaces.extend(fields.cert_manager.namespace.as_deref().map(|namespace| (Path::of(["certManager", "namespace"]), namespace)));
    let releases = fields.authorities.iter().flat_map(|(name, authority)| {
        let release = authority.release.as_deref().map(|release| (Path::of(["authorities", name, "release"]), release));
        release.into_iter().chain(authority.fullname.as_deref().map(|fullname| (Path::of(["authorities", name, "fullname"]), fullname)))
    });
    let release =
        fields.step_issuer.as_ref().and_then(|step_issuer| Some((Path::of(["stepIssuer", "release"]), step_issuer.release.as_deref()?)));
    for (path, name) in namespaces.into_iter().chain(releases).chain(release) {
        if let Some(problem) = dns_label_problem(name) {
            resolution.report(
                &NAME_INVALID,
                path,
                format!("`{name}` cannot be used as a name in Kubernetes: {problem}"),
                "use a name such as `smallstep`",
            );
        }
    }
    for (key, value) in &fields.labels {
        let path = Path::of(["labels", key]);
        if let Some(problem) = qualified_name_problem(key) {
            resolution.report(&NAME_INVALID, path.clone(), format!("`{key}` is no label: {problem}"), "use a name such as `region`");
        }
        if let Some(problem) = label_value_problem(value) {
            resolution.report(
                &NAME_INVALID,
                path,
                format!("`{value}` is no value of a label: {problem}"),
                "use a value such as `eu-west-1`",
            );
        }
    }
    for (key, version) in [
        ("kubernetes", &fields.versions.kubernetes),
        ("certManager", &fields.versions.cert_manager),
        ("kustomize", &fields.versions.kustomize),
        ("helm", &fields.versions.helm),
        ("stepIssuer", &fields.versions.step_issuer),
        ("trustManager", &fields.versions.trust_manager),
        ("flux", &fields.versions.flux),
    ] {
        let Some(text) = version else { continue };
        match minor_version(text) {
            None => resolution.report(
                &WRONG_TYPE,
                Path::of(["versions", key]),
                format!("`{text}` is no version"),
                "write it as \"1.36\" or \"1.36.3\"",
            ),
            Some(version) if key == "kustomize" && version < (5, 3) => {
                let message = format!(
                    "kustomize {text} looks for a chart with a version in another folder than newer ones, so it may build another chart"
                );
                resolution.report(&WRONG_TYPE, Path::of(["versions", key]), message, "use kustomize 5.3 or newer");
            }
            Some(version) if key == "flux" && version < (2, 3) => {
                let message = format!("Flux {text} does not know `HelmRelease` in the version that is rendered");
                resolution.report(&WRONG_TYPE, Path::of(["versions", key]), message, "use Flux 2.3 or newer");
            }
            Some(_) => {}
        }
    }
}
