//! Images of containers.

use super::super::Lint;
use super::super::object::Object;
use crate::catalog::{ImageReference, withdrawn_image};
use crate::finding::{IMAGE_MUTABLE_TAG, IMAGE_WITHDRAWN};
use crate::manifest::is_placeholder;

pub(super) fn check(lint: &mut Lint<'_>) {
    for object in lint.objects.clone() {
        if lint.is_followed(object.document) {
            check_images(lint, object);
        }
    }
}

fn check_images(lint: &mut Lint<'_>, object: Object<'_>) {
    for (path, container) in object.containers() {
        let Some(image) = container.get_str("image").filter(|image| !image.is_empty() && !is_placeholder(image)) else { continue };
        let path = path.key("image");
        let reference = ImageReference::of(image);
        // No registry takes a capital in the name of a repository: somebody fills this in later.
        if reference.repository.contains(|letter: char| letter.is_ascii_uppercase()) {
            continue;
        }
        if reference.digest.is_none() && matches!(reference.tag, None | Some("latest")) {
            let message = format!("`{image}` may be another image tomorrow");
            let help = "write the tag of a release, best with the digest: `name:tag@sha256:…`";
            lint.report(&IMAGE_MUTABLE_TAG, object.document, &path, message, help);
        }
        if let Some(withdrawn) = withdrawn_image(image) {
            let message = format!("`{image}` can no longer be pulled: {}", withdrawn.since);
            let help = format!("take {}; where a mirror of yours still has it, name the mirror", withdrawn.instead);
            lint.report(&IMAGE_WITHDRAWN, object.document, &path, message, help);
        }
    }
}
