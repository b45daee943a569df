//! Images that their publishers have withdrawn.

/// An image that can no longer be pulled, and what takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawnImage {
    /// The repository with its registry, or what it begins with where it ends with `/`.
    repository: &'static str,
    /// Whether the tag `latest`, and no tag at all, is still there.
    is_latest_left: bool,
    /// Since when and why, as a part of a sentence.
    pub since: &'static str,
    /// What to take instead.
    pub instead: &'static str,
}

/// Sources: <https://github.com/kubernetes-sigs/kubebuilder/discussions/3907> and the issues of projects whose Pods stopped
/// to start, such as <https://github.com/confidential-containers/cloud-api-adaptor/pull/2906>;
/// <https://github.com/bitnami/containers/issues/83267>.
const WITHDRAWN: &[WithdrawnImage] = &[
    WithdrawnImage {
        repository: "gcr.io/kubebuilder/kube-rbac-proxy",
        is_latest_left: false,
        since: "the registry `gcr.io/kubebuilder` was deleted in March 2026",
        instead: "`quay.io/brancz/kube-rbac-proxy` with the same tag",
    },
    WithdrawnImage {
        repository: "docker.io/bitnami/",
        is_latest_left: true,
        since: "Bitnami took the versioned tags out of its public catalogue in 2025",
        instead: "an image of the project itself, or a mirror of your own; `bitnamilegacy/` still has old ones and gets no updates",
    },
];

/// The entry of an image that was withdrawn.
pub fn withdrawn_image(image: &str) -> Option<&'static WithdrawnImage> {
    let reference = ImageReference::of(image);
    WITHDRAWN.iter().find(|withdrawn| {
        let is_there = withdrawn.is_latest_left && reference.digest.is_none() && matches!(reference.tag, None | Some("latest"));
        let fits = match withdrawn.repository.strip_suffix('/') {
            Some(_) => reference.repository.starts_with(withdrawn.repository),
            None => reference.repository == withdrawn.repository,
        };
        fits && !is_there
    })
}

/// An image's name in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// With the registry: `nginx` is `docker.io/library/nginx`.
    pub repository: String,
    /// Without the colon.
    pub tag: Option<&'a str>,
    /// Without the `@`.
    pub digest: Option<&'a str>,
}

impl ImageReference<'_> {
    /// Takes a name apart.
    pub fn of(image: &str) -> ImageReference<'_> {
        let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash belongs to the registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let repository = match name.split_once('/') {
            Some((registry, _)) if registry.contains(['.', ':']) || registry == "localhost" => {
                name.replacen("index.docker.io/", "docker.io/", 1)
            }
            Some(_) => format!("docker.io/{name}"),
            None => format!("docker.io/library/{name}"),
        };
        ImageReference { repository, tag, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_docker_does_it() {
        for (image, repository, tag, digest) in [
            ("nginx", "docker.io/library/nginx", None, None),
            ("bitnami/kubectl:1.30", "docker.io/bitnami/kubectl", Some("1.30"), None),
            ("localhost:5000/a:1@sha256:00", "localhost:5000/a", Some("1"), Some("sha256:00")),
            ("registry:5000/a", "registry:5000/a", None, None),
        ] {
            assert_eq!(ImageReference::of(image), ImageReference { repository: repository.to_owned(), tag, digest }, "{image}");
        }
    }

    #[test]
    fn only_what_is_gone_is_withdrawn() {
        for image in ["gcr.io/kubebuilder/kube-rbac-proxy:v0.15.0", "bitnami/kubectl:1.30", "docker.io/bitnami/redis@sha256:00"] {
            assert!(withdrawn_image(image).is_some(), "{image}");
        }
        for image in
            ["quay.io/brancz/kube-rbac-proxy:v0.15.0", "bitnami/kubectl:latest", "bitnamilegacy/redis:7", "mirror.example/bitnami/redis:7"]
        {
            assert_eq!(withdrawn_image(image), None, "{image}");
        }
    }
}
