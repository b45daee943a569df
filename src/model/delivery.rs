//! How an engine finds the tree: the repository, and what Argo CD is told of it.

use crate::inventory::EnvironmentFile;
use crate::model::{ArgoCd, Git};

/// Default revision of the repository.
const REVISION: &str = "main";
/// Default namespace of Argo CD.
const ARGO_CD: &str = "argocd";

/// Where the engine finds the repository.
pub(super) fn git(fields: &EnvironmentFile) -> Git {
    let written = &fields.git;
    Git {
        url: written.url.clone(),
        revision: written.revision.clone().unwrap_or_else(|| REVISION.to_owned()),
        path: written.path.as_deref().unwrap_or_default().trim_matches('/').to_owned(),
    }
}

/// What Argo CD is told, where the inventory says so.
pub(super) fn argo_cd(fields: &EnvironmentFile) -> Option<ArgoCd> {
    let written = fields.argo_cd.as_ref()?;
    Some(ArgoCd { namespace: written.namespace.clone().unwrap_or_else(|| ARGO_CD.to_owned()) })
}
