//! What can go wrong when a file is read or written, and what to do about it.

use std::io;

/// Why a file or folder could not be read or written. Each kind carries the path, relative to the root that
/// was opened.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A symbolic link stands at the path; it may be a parent of the path that was asked for.
    #[error("`{path}` is a symbolic link")]
    Link {
        /// Where the link stands.
        path: String,
    },
    /// Something else than a regular file stands where a file is wanted.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// What was found.
        path: String,
    },
    /// Something else than a folder stands where a folder is wanted.
    #[error("`{path}` is not a folder")]
    NotAFolder {
        /// What was found.
        path: String,
    },
    /// The file is larger than the caller accepts.
    #[error("`{path}` has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The largest size that is accepted, in bytes.
        limit: u64,
    },
    /// The system refuses access, or the file system is read-only.
    #[error("no access to `{path}`")]
    Denied {
        /// What was to be read or written.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A name is not UTF-8, so no reviewed file can hold it.
    #[error("the name of `{path}` is not UTF-8")]
    NotUtf8Name {
        /// The path, with `\xNN` for the bytes that are no UTF-8.
        path: String,
    },
    /// The path is not a plain relative one.
    #[error("`{path}` is not a plain path below its folder")]
    PathEscapes {
        /// The path as it was given.
        path: String,
    },
    /// The Git index holds an unresolved merge of this file.
    #[error("`{path}` has an unresolved merge conflict in the index")]
    Conflict {
        /// The file.
        path: String,
    },
    /// The Git repository names this content, but does not hold it.
    #[error("the content of `{path}` is missing from the Git repository")]
    MissingObject {
        /// The file or folder.
        path: String,
    },
    /// Anything else that the system answered.
    #[error("cannot {action} `{path}`{}", full_disk(source))]
    Io {
        /// What was to be done: `read` or `write`.
        action: Action,
        /// What was to be read or written.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
}

/// What was being done when the system answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opening, listing or reading.
    Read,
    /// Creating, writing, renaming or removing.
    Write,
}

impl std::fmt::Display for Action {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

fn full_disk(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull => ": the disk is full",
        io::ErrorKind::QuotaExceeded => ": the disk quota is used up",
        _ => "",
    }
}

impl FileError {
    /// The path in question, relative to the root that was opened.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Link { path }
            | Self::NotAFile { path }
            | Self::NotAFolder { path }
            | Self::TooLarge { path, .. }
            | Self::Denied { path, .. }
            | Self::NotUtf8Name { path }
            | Self::PathEscapes { path }
            | Self::Conflict { path }
            | Self::MissingObject { path }
            | Self::Io { path, .. } => path,
        }
    }

    /// What to do about it, as one line, where that helps.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Link { .. } => Some("links are not followed; put the file or folder itself there"),
            Self::NotUtf8Name { .. } => Some("rename it, or move it out of this folder"),
            Self::PathEscapes { .. } => Some("write it relative to its folder, with `/` and without `.`, `..` or `\\`"),
            Self::Conflict { .. } => Some("resolve the conflict and `git add` the file"),
            Self::MissingObject { .. } => Some("in a partial clone, fetch what is missing with `git fetch --refetch --no-filter`"),
            Self::Denied { source, .. } => Some(match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => "the file system is mounted read-only",
                _ => "check owner and permissions of the file and of the folders above it",
            }),
            Self::NotAFile { .. } | Self::NotAFolder { .. } => Some("see what stands there, and move it away"),
            Self::TooLarge { .. } => Some("see how it was made; nothing that is read here needs to be that large"),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("make room, and run this again: it goes on where it stopped")
                }
                _ => None,
            },
        }
    }

    /// The whole sentence: what could not be done, and what the system answered.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Io { source, .. } if full_disk(source).is_empty() => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// Sorts what the system answered into the kinds above.
    pub(in crate::outside) fn from_io(action: Action, path: String, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { path, source },
            _ => Self::Io { action, path, source },
        }
    }
}
