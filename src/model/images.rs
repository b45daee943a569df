//! Mirrors of images, put into the values of the chart: so they hold for every way of delivery.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::catalog::{ImageReference, STEP_ISSUER_CHART, known_versions, step_issuer_images};
use crate::finding::{IMAGE_MIRROR_INVALID, IMAGE_MIRROR_UNUSED, VALUES_NOT_CHECKED, listed};
use crate::model::resolution::Resolution;
use crate::yaml::Path;

/// What an image is replaced by.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    repository: String,
    /// With the digest, as it stands behind the colon.
    tag: Option<String>,
}

/// Writes the mirrors into the values of the chart, where these do not name an image themselves, and gives for each value
/// that was written the mirror that it comes from.
pub(super) fn apply(resolution: &mut Resolution<'_>, version: &str, values: &mut Map<String, Value>) -> Vec<(Vec<String>, Path)> {
    let fields = resolution.fields;
    if fields.images.is_empty() {
        return Vec::new();
    }
    let mut usable: BTreeMap<&str, Mirror> = BTreeMap::new();
    for (image, mirror) in &fields.images {
        match mirror_of(image, mirror) {
            Ok(mirror) => drop(usable.insert(image.trim_end_matches('/'), mirror)),
            Err((message, help)) => resolution.report(&IMAGE_MIRROR_INVALID, Path::of(["images", image]), message, help),
        }
    }
    let images = step_issuer_images(version);
    if images.is_empty() {
        let message = format!("the images of chart step-issuer {version} are not known, so no mirror is written");
        let help = format!("write `image.repository` into `stepIssuer.values`; the versions that are known are {}", known());
        // Whoever has done that loses nothing.
        let (rule, path) = if says(values, &["image"], "repository") {
            (&VALUES_NOT_CHECKED, Path::of(["stepIssuer", "chart", "version"]))
        } else {
            (&IMAGE_MIRROR_UNUSED, Path::of(["images"]))
        };
        resolution.report(rule, path, message, help);
        return Vec::new();
    }
    let mut origins = Vec::new();
    for image in images {
        let Some((prefix, mirror)) = nearest(&usable, image.repository) else { continue };
        let rest = image.repository.strip_prefix(prefix).unwrap_or_default();
        let tag = mirror.tag.as_ref().filter(|_| rest.is_empty());
        let written = [("repository", Some(format!("{}{rest}", mirror.repository))), ("tag", tag.cloned())];
        // Whoever names the repository means that one, and the tag of it.
        if says(values, image.values, "repository") {
            continue;
        }
        for (key, value) in written {
            let Some(value) = value.filter(|_| !says(values, image.values, key)) else { continue };
            if set(values, image.values, key, value) {
                let path = ["stepIssuer", "values"].into_iter().chain(image.values.iter().copied()).chain([key]);
                let written = fields.images.keys().find(|written| written.trim_end_matches('/') == prefix);
                origins.push((path.map(str::to_owned).collect(), Path::of(["images", written.map_or(prefix, String::as_str)])));
            }
        }
    }
    let is_unused =
        |image: &&str| !known_versions(STEP_ISSUER_CHART).flat_map(step_issuer_images).any(|known| covers(image, known.repository));
    for image in usable.keys().filter(|image| is_unused(image)) {
        let written = fields.images.keys().find(|written| written.trim_end_matches('/') == *image).map_or(*image, String::as_str);
        let message = format!("no version of the chart starts an image of `{image}`");
        let mut all: Vec<&str> = known_versions(STEP_ISSUER_CHART).flat_map(step_issuer_images).map(|image| image.repository).collect();
        all.sort_unstable();
        all.dedup();
        let help = format!("the chart's images are {}; what begins with a whole part of such a name is one of them", listed(all));
        resolution.report(&IMAGE_MIRROR_UNUSED, Path::of(["images", written]), message, help);
    }
    origins
}

fn known() -> String {
    listed(known_versions(STEP_ISSUER_CHART))
}

/// Whether an image has that name, or begins with it up to a `/`.
fn covers(prefix: &str, repository: &str) -> bool {
    repository.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The longest name that covers an image, and its mirror.
fn nearest<'a>(mirrors: &'a BTreeMap<&str, Mirror>, repository: &str) -> Option<(&'a str, &'a Mirror)> {
    let covering = mirrors.iter().filter(|(prefix, _)| covers(prefix, repository));
    covering.max_by_key(|(prefix, _)| prefix.len()).map(|(prefix, mirror)| (*prefix, mirror))
}

/// Whether values say something under a key of an image's map; null and an empty text say nothing.
fn says(values: &Map<String, Value>, map: &[&str], key: &str) -> bool {
    let Some((first, rest)) = map.split_first() else { return false };
    let map = rest.iter().try_fold(values.get(*first), |value, key| Some(value?.get(*key)));
    match map.flatten() {
        None | Some(Value::Null) => false,
        Some(Value::Object(map)) => !matches!(map.get(key), None | Some(Value::Null)) && map.get(key).and_then(Value::as_str) != Some(""),
        // No map where one is expected: that is told elsewhere, and stays as it is.
        Some(_) => true,
    }
}

/// Sets a value; where something else stands in the way, which is told elsewhere, nothing happens.
fn set(values: &mut Map<String, Value>, map: &[&str], key: &str, value: String) -> bool {
    let Some((first, rest)) = map.split_first() else {
        values.insert(key.to_owned(), Value::String(value));
        return true;
    };
    let next = values.entry(*first).or_insert_with(|| Value::Object(Map::new()));
    if next.is_null() {
        *next = Value::Object(Map::new());
    }
    match next {
        Value::Object(next) => set(next, rest, key, value),
        _ => false,
    }
}

/// Reads a mirror.
///
/// # Errors
/// What is wrong, and what to write.
fn mirror_of(image: &str, mirror: &str) -> Result<Mirror, (String, String)> {
    let wrong = |problem: String, help: &str| Err((problem, help.to_owned()));
    let whole = "write registry and path, such as `registry.example.com/smallstep`";
    if image.trim_end_matches('/').is_empty() || image.contains(['@', ' ']) || image.contains("://") {
        return wrong(
            format!("`{image}` is no name of an image, nor what one begins with"),
            "write it as `cr.step.sm/smallstep/step-issuer`",
        );
    }
    if mirror.contains("://") || mirror.contains(' ') {
        return wrong(format!("`{mirror}` is no image repository: it has no scheme and no spaces"), whole);
    }
    let reference = ImageReference::of(mirror);
    let name = mirror.split('@').next().unwrap_or_default();
    let name = reference.tag.and_then(|tag| name.strip_suffix(tag)).map_or(name, |name| name.trim_end_matches(':'));
    let name = name.trim_end_matches('/');
    if name.is_empty()
        || name.chars().any(|letter| letter.is_ascii_uppercase() || !(letter.is_ascii_alphanumeric() || "._-/:".contains(letter)))
    {
        return wrong(format!("`{mirror}` is no image repository"), whole);
    }
    let is_of_one = known_versions(STEP_ISSUER_CHART).flat_map(step_issuer_images).any(|known| known.repository == image);
    if (reference.tag.is_some() || reference.digest.is_some()) && !is_of_one {
        let message = format!("`{mirror}` has a tag or a digest, and `{image}` is not the whole name of an image");
        return wrong(message, "leave the tag out, or write the whole name of the image before the colon");
    }
    let tag = match (reference.tag, reference.digest) {
        (None, None) => None,
        (Some(tag), None) => Some(tag.to_owned()),
        (Some(tag), Some(digest)) if is_sha256(digest) => Some(format!("{tag}@{digest}")),
        (Some(_), Some(digest)) => {
            return wrong(format!("`{digest}` is no digest"), "a digest is `sha256:` and 64 hexadecimal digits in lower case");
        }
        (None, Some(_)) => {
            let message = format!("`{mirror}` has a digest and no tag: nobody would see that it is behind when the chart moves on");
            return wrong(message, "write the tag before it, as in `name:0.11.0@sha256:…`");
        }
    };
    Ok(Mirror { repository: name.to_owned(), tag })
}

fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IMAGE: &str = "cr.step.sm/smallstep/step-issuer";

    #[test]
    fn a_mirror_is_a_repository_and_perhaps_a_pinned_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let ok = |repository: &str, tag: Option<String>| Ok(Mirror { repository: repository.to_owned(), tag });
        assert_eq!(
            mirror_of("cr.step.sm/smallstep", "registry.example.com:5000/smallstep/"),
            ok("registry.example.com:5000/smallstep", None)
        );
        let pinned = format!("registry.example.com/step-issuer:0.11.0@{digest}");
        assert_eq!(mirror_of(IMAGE, &pinned), ok("registry.example.com/step-issuer", Some(format!("0.11.0@{digest}"))));
        assert_eq!(mirror_of(IMAGE, "r.example.com/x:0.11.0"), ok("r.example.com/x", Some("0.11.0".to_owned())));
        for (image, mirror, problem) in [
            ("", "a", "no name"),
            ("https://cr.step.sm", "a", "no name"),
            (IMAGE, "https://registry.example.com", "no scheme"),
            (IMAGE, "", "no image repository"),
            (IMAGE, "Registry.example.com/x", "no image repository"),
            ("cr.step.sm/smallstep", &pinned, "not the whole name"),
            (IMAGE, "r.example.com/x:1@sha256:0", "no digest"),
            (IMAGE, &format!("r.example.com/x@{digest}"), "no tag"),
        ] {
            let (message, _) = mirror_of(image, mirror).expect_err(mirror);
            assert!(message.contains(problem), "{image} {mirror}: {message}");
        }
    }

    #[test]
    fn a_name_covers_whole_parts_only_and_the_longest_wins() {
        assert!(covers("cr.step.sm", IMAGE) && covers(IMAGE, IMAGE) && !covers("cr.step.sm/small", IMAGE));
        let mirror = |repository: &str| Mirror { repository: repository.to_owned(), tag: None };
        let mirrors = BTreeMap::from([("cr.step.sm", mirror("a")), ("cr.step.sm/smallstep", mirror("b")), ("gcr.io", mirror("c"))]);
        assert_eq!(nearest(&mirrors, IMAGE), Some(("cr.step.sm/smallstep", &mirror("b"))));
        assert_eq!(nearest(&mirrors, "docker.io/library/nginx"), None);
    }

    #[test]
    fn what_values_say_themselves_stays() {
        let mut values = json!({"image": {"repository": "x", "tag": null}}).as_object().cloned().unwrap_or_default();
        assert!(says(&values, &["image"], "repository") && !says(&values, &["image"], "tag"));
        assert!(!says(&values, &["kubeRBACproxy", "image"], "repository"));
        assert!(set(&mut values, &["kubeRBACproxy", "image"], "repository", "y".to_owned()));
        assert_eq!(Value::Object(values)["kubeRBACproxy"]["image"]["repository"], "y");
    }
}
