//! Where the chart comes from: a repository, or a folder of charts below this one.

use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY};
use crate::finding::{CHART_REPOSITORY_INVALID, NEEDS_KUSTOMIZE_DELIVERY, PATH_ESCAPES};
use crate::inventory::{self, Delivery};
use crate::model::Chart;
use crate::model::resolution::Resolution;
use crate::tree::portable_path_problem;
use crate::yaml::Path;

/// Resolves the chart. What cannot be used is reported, and the default takes its place.
pub(super) fn resolve(resolution: &mut Resolution<'_>, written: &inventory::Chart) -> Chart {
    let home = home(resolution, written);
    let repo = match &written.repo {
        Some(repo) => {
            let repo = repo.trim_end_matches('/');
            if let Some((problem, help)) = repository_problem(repo) {
                resolution.report(&CHART_REPOSITORY_INVALID, Path::of(["stepIssuer", "chart", "repo"]), problem, help);
            }
            // Helm takes an address with a slash at its end, and OCI registries do not.
            Some(if repo.starts_with("oci://") { repo.to_owned() } else { written.repo.clone().unwrap_or_default() })
        }
        None => home.is_none().then(|| STEP_ISSUER_CHART_REPOSITORY.to_owned()),
    };
    Chart { repo, version: written.version.clone(), home }
}

fn home(resolution: &mut Resolution<'_>, written: &inventory::Chart) -> Option<String> {
    let home = written.home.as_ref()?.trim_end_matches('/').to_owned();
    let path = Path::of(["stepIssuer", "chart", "home"]);
    if resolution.fields.delivery.unwrap_or_default() != Delivery::Kustomize {
        let message = "only kustomize takes a chart from a folder of this repository";
        let help = "take `home` out and name a chart repository, an `oci://` one if need be; or write `delivery: kustomize`";
        resolution.report(&NEEDS_KUSTOMIZE_DELIVERY, path, message, help);
        return None;
    }
    if let Some(problem) = portable_path_problem(&home) {
        let message = format!("`{home}` is no folder below the repository: {problem}");
        resolution.report(&PATH_ESCAPES, path, message, "write the path from the root of the repository, such as `charts`");
        return None;
    }
    Some(home)
}

/// What is wrong with the address of a chart repository, and what to write. kustomize hands an `oci://` address with the
/// chart's name behind it to `helm pull`, and any other one as `--repo`. Source: kustomize 5.5 and 5.8,
/// `HelmChartInflationGenerator.go`.
fn repository_problem(repo: &str) -> Option<(String, String)> {
    let Some((scheme, rest)) = repo.split_once("://") else {
        let message = format!("`{repo}` is no address of a chart repository");
        let help = "begin it with `https://` or `oci://`; a folder of this repository is named by `home`";
        return Some((message, help.to_owned()));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !["https", "http", "oci"].contains(&scheme) || host.is_empty() {
        let message = format!("`{repo}` is no address that Helm fetches charts from");
        return Some((message, "begin it with `https://` or `oci://` and the name of a host".to_owned()));
    }
    if host.contains('@') {
        let message = "the address of the chart repository holds a user name or password".to_owned();
        return Some((message, "take it out, and let Helm or the engine log in: what is in Git is no secret".to_owned()));
    }
    if scheme != "oci" {
        return None;
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if last == STEP_ISSUER_CHART {
        let message = format!(
            "`{repo}` ends with the name of the chart, which Helm is given once more: it would look for `{repo}/{STEP_ISSUER_CHART}`"
        );
        let parent = repo.rsplit_once('/').map_or(repo, |(parent, _)| parent);
        return Some((message, format!("write `{parent}`")));
    }
    if last.contains([':', '@']) {
        let message = format!("`{repo}` holds a tag or a digest, and the version stands in `version`");
        return Some((message, "take off what stands behind the path".to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::repository_problem;

    #[test]
    fn an_address_that_helm_would_not_find_the_chart_at_is_told() {
        for repo in [
            "https://smallstep.github.io/helm-charts",
            "http://charts:8080",
            "oci://registry.example.com:5000/charts",
            "oci://registry.example.com",
        ] {
            assert_eq!(repository_problem(repo), None, "{repo}");
        }
        for (repo, help) in [
            ("charts", "`home`"),
            ("git://example.com/x", "`https://`"),
            ("https://", "host"),
            ("https://user:word@example.com", "take it out"),
            ("oci://registry.example.com/charts/step-issuer", "write `oci://registry.example.com/charts`"),
            ("oci://registry.example.com/charts:1.11.0", "take off"),
        ] {
            let (_, found) = repository_problem(repo).expect(repo);
            assert!(found.contains(help), "{repo}: {found}");
        }
    }
}
