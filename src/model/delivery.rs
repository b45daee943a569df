//! How an engine finds the tree.

use crate::inventory::EnvironmentFile;
use crate::model::Git;

/// Default revision of the repository.
const REVISION: &str = "main";

/// Where the engine finds the repository.
pub(super) fn git(fields: &EnvironmentFile) -> Git {
    let written = &fields.git;
    Git {
        url: written.url.clone(),
        revision: written.revision.clone().unwrap_or_else(|| REVISION.to_owned()),
        path: written.path.as_deref().unwrap_or_default().trim_matches('/').to_owned(),
    }
}
