//! Names and versions that the inventory gives, checked before anything is built from them.

use crate::catalog::minor_version;
use crate::finding::{NAME_INVALID, PATH_ESCAPES, WRONG_TYPE};
use crate::manifest::{dns_label_problem, label_value_problem, qualified_name_problem};
use crate::model::resolution::Resolution;
use crate::tree::portable_path_problem;
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
    check_releases(resolution);
    check_git(resolution);
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

/// Helm takes shorter names than Kubernetes. Source: Helm, `pkg/chartutil/validate_name.go`.
const LONGEST_RELEASE: usize = 53;

fn check_releases(resolution: &mut Resolution<'_>) {
    let fields = resolution.fields;
    let authorities = fields.authorities.iter().map(|(name, authority)| (Path::of(["authorities", name, "release"]), &authority.release));
    let controller = fields.step_issuer.iter().map(|step_issuer| (Path::of(["stepIssuer", "release"]), &step_issuer.release));
    for (path, release) in authorities.chain(controller) {
        if let Some(release) = release.as_ref().filter(|release| release.len() > LONGEST_RELEASE) {
            let message = format!("`{release}` has {} characters, and Helm takes {LONGEST_RELEASE} for a release", release.len());
            resolution.report(&NAME_INVALID, path, message, "use a shorter name");
        }
    }
}

/// Where the engine finds the repository.
fn check_git(resolution: &mut Resolution<'_>) {
    let git = &resolution.fields.git;
    let path = git.path.as_deref().unwrap_or_default().trim_matches('/');
    if let Some(problem) = portable_path_problem(path).filter(|_| !path.is_empty()) {
        let message = format!("`{path}` is no folder of the repository: {problem}");
        resolution.report(
            &PATH_ESCAPES,
            Path::of(["git", "path"]),
            message,
            "write it from the root of the Git repository, such as `platform`",
        );
    }
    let is_odd = |text: &&str| text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    for (key, text) in [("revision", git.revision.as_deref()), ("url", git.url.as_deref())] {
        if let Some(text) = text.filter(is_odd) {
            // An address may hold a secret: it is not shown.
            let what = if text.is_empty() { "is empty" } else { "has a space or a control character in it" };
            let message = format!("`git.{key}` {what}");
            resolution.report(&WRONG_TYPE, Path::of(["git", key]), message, "write it as Git takes it, or take it out");
        }
    }
}
