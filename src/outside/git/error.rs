//! What can go wrong when a Git repository is opened, and what to do about it.

use std::io;

use camino::Utf8Path;
use git2::ErrorCode;

use crate::outside::files::FileError;

/// Why a Git repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository holds the folder.
    #[error("`{path}` is not in a Git repository")]
    NotARepository {
        /// The folder.
        path: String,
    },
    /// The repository has no work tree.
    #[error("the Git repository at `{path}` is bare")]
    Bare {
        /// The repository.
        path: String,
    },
    /// The repository belongs to another user, who could have planted its configuration.
    #[error("the Git repository at `{path}` belongs to another user")]
    ForeignOwner {
        /// The work tree, as Git's `safe.directory` names it.
        path: String,
    },
    /// The repository names its objects by SHA-256.
    #[error("the Git repository at `{path}` uses SHA-256 object names, which are not supported")]
    Sha256 {
        /// The folder.
        path: String,
    },
    /// The repository needs an extension that is not known here.
    #[error("the Git repository at `{path}` uses an extension that is not supported")]
    UnsupportedRepository {
        /// The folder.
        path: String,
        /// Names the extension.
        source: git2::Error,
    },
    /// The index is sparse: it names folders in place of their files.
    #[error("the index of the Git repository is sparse, which is not supported")]
    SparseIndex,
    /// The index is split over two files.
    #[error("the index of the Git repository is split, which is not supported")]
    SplitIndex,
    /// The index cannot be read.
    #[error("cannot read the Git index `{path}`")]
    Index {
        /// The file.
        path: String,
        /// What is wrong.
        source: git2::Error,
    },
    /// The present branch has no commit.
    #[error("the Git repository has no commit yet")]
    NoCommitYet,
    /// The revision names nothing here, or more than one thing.
    #[error("cannot resolve the Git revision `{revision}`")]
    UnknownRevision {
        /// As it was given.
        revision: String,
        /// Whether the clone is shallow, so that older commits are missing.
        shallow: bool,
        /// What is wrong.
        source: git2::Error,
    },
    /// The revision and the commit that is looked at have no commit in common.
    #[error("the Git revision `{revision}` has no commit in common with what is looked at")]
    NothingInCommon {
        /// As it was given.
        revision: String,
        /// Whether the clone is shallow, so that older commits are missing.
        shallow: bool,
    },
    /// The revision names a file or folder.
    #[error("the Git revision `{revision}` is not a commit")]
    NotACommit {
        /// As it was given.
        revision: String,
    },
    /// The folder is not in the repository's work tree.
    #[error("`{path}` is not in the work tree of its Git repository")]
    OutsideWorkTree {
        /// The folder.
        path: String,
    },
    /// The folder itself cannot be reached in the revision.
    #[error(transparent)]
    Place(#[from] FileError),
    /// The folder cannot be looked up on disk, or its path is not UTF-8.
    #[error("cannot look up `{path}`")]
    Lookup {
        /// The folder.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
    /// Anything else that the Git library answered.
    #[error("cannot open the Git repository at `{path}`")]
    Open {
        /// The folder.
        path: String,
        /// What is wrong.
        source: git2::Error,
    },
}

impl GitError {
    /// What to do about it, as one line, where that helps.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::ForeignOwner { path } => {
                return Some(format!("if you trust it, `git config --global --add safe.directory {path}`"));
            }
            Self::Place(error) => return error.hint().map(str::to_owned),
            Self::NotARepository { .. } => "read the work tree, or `git init` here",
            Self::Bare { .. } => "use a clone that has a work tree",
            Self::Sha256 { .. } => "read the work tree, or use a repository with SHA-1 object names",
            Self::UnsupportedRepository { .. } => "read the work tree",
            Self::SparseIndex => "`git sparse-checkout reapply --no-sparse-index` makes it a full one",
            Self::SplitIndex => "`git update-index --no-split-index` makes it one file",
            Self::NoCommitYet => "commit first, or read the index or the work tree",
            Self::UnknownRevision { shallow: true, .. } | Self::NothingInCommon { shallow: true, .. } => {
                "the clone is shallow; `git fetch --unshallow` brings the history (in CI: fetch depth 0)"
            }
            Self::UnknownRevision { .. } => "`git fetch` the branch or commit, or name another revision",
            Self::NothingInCommon { .. } => "name the branch that this one began on",
            Self::NotACommit { .. } => "name a branch, a tag or a commit",
            _ => return None,
        };
        Some(fixed.to_owned())
    }

    pub(super) fn from_open(path: &Utf8Path, source: git2::Error) -> Self {
        let path = path.to_string();
        let message = source.message();
        match source.code() {
            ErrorCode::NotFound => Self::NotARepository { path },
            ErrorCode::Owner => Self::ForeignOwner { path },
            _ if message.contains("unknown object format") => Self::Sha256 { path },
            _ if message.contains("unsupported extension name extensions.objectformat") => Self::Sha256 { path },
            _ if message.contains("unsupported extension") => Self::UnsupportedRepository { path, source },
            _ => Self::Open { path, source },
        }
    }

    pub(super) fn from_index(path: &Utf8Path, source: git2::Error) -> Self {
        match source.message() {
            message if message.contains("'sdir'") => Self::SparseIndex,
            message if message.contains("'link'") => Self::SplitIndex,
            _ => Self::Index { path: path.to_string(), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another user's repository cannot be made without privileges.
    #[test]
    fn another_users_repository_is_refused_with_the_command_that_trusts_it() {
        let refused = git2::Error::new(ErrorCode::Owner, git2::ErrorClass::Config, "not owned");
        let error = GitError::from_open("/srv/fleet".into(), refused);
        assert!(matches!(error, GitError::ForeignOwner { .. }), "{error:?}");
        assert!(error.hint().unwrap().ends_with("safe.directory /srv/fleet`"));
    }
}
