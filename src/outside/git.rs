//! Reading from Git: a commit or the index, as a folder that can only be read.
//!
//! Bytes are those of the blobs: no filter, no line-ending conversion, no hook, nothing that `.git/config` names
//! is run, and nothing is written, the index included.

mod error;
mod objects;

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use git2::{Commit, ErrorCode, Oid, Repository};

use super::files::{Entry, EntryKind, FileError, Folder, is_plain, join, show_bytes, split};
use objects::{Node, Objects, Tree, read_index};

pub use error::GitError;

/// Which state of a Git repository is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision<'name> {
    /// What is staged in the repository's own index.
    Index,
    /// What is staged in another index file, a path relative to the root of the work tree. While `git commit FILE`
    /// or `git commit --all` runs its hooks, `GIT_INDEX_FILE` names the index that will be committed.
    IndexFile(&'name Utf8Path),
    /// A commit, in any form that `git rev-parse` knows.
    Commit(&'name str),
}

fn open_repository(start: &Utf8Path) -> Result<(Repository, Utf8PathBuf), GitError> {
    let repository = Repository::discover(start).map_err(|error| match error.code() {
        // The hint names the folder that Git asks to trust, not the one below it.
        ErrorCode::Owner => GitError::from_open(&trusted_place(start), error),
        _ => GitError::from_open(start, error),
    })?;
    let Some(root) = repository.workdir() else {
        return Err(GitError::Bare { path: start.to_string() });
    };
    let root = utf8(start, root)?;
    Ok((repository, root))
}

/// The work tree, or the bare repository, around a folder, found without opening it.
fn trusted_place(start: &Utf8Path) -> Utf8PathBuf {
    let found = Repository::discover_path(start, std::iter::empty::<&str>());
    let place = found.ok().and_then(|folder| Utf8PathBuf::try_from(folder).ok());
    match place {
        Some(folder) if folder.file_name() == Some(".git") => folder.parent().unwrap_or(&folder).to_owned(),
        Some(folder) => folder,
        None => start.to_owned(),
    }
}

/// The commit that a change is measured against, by its hexadecimal name: the merge base of the revision `base` and the
/// commit that is looked at, `looked_at`, which is HEAD where it is None. Without `base` it is HEAD itself for None, and
/// the first parent of the commit that is looked at; None where that has none.
///
/// # Errors
/// When no repository is there, or a revision is unknown, or the two have nothing in common: see [`GitError`].
pub fn base_commit(start: &Utf8Path, base: Option<&str>, looked_at: Option<&str>) -> Result<Option<String>, GitError> {
    let (repository, _) = open_repository(start)?;
    let head = commit(&repository, looked_at.unwrap_or("HEAD"))?;
    let Some(base) = base else {
        return match looked_at {
            None => Ok(Some(head.id().to_string())),
            Some(_) if head.parent_count() == 0 && !repository.is_shallow() => Ok(None),
            Some(name) => match head.parent_id(0) {
                // A shallow clone has cut the parents off, or names them without having them.
                Ok(parent) if repository.find_commit(parent).is_ok() => Ok(Some(parent.to_string())),
                Ok(_) => Err(unknown(&repository, &format!("{name}^"), git2::Error::from_str("the parent commit is not here"))),
                Err(error) => Err(unknown(&repository, &format!("{name}^"), error)),
            },
        };
    };
    let other = commit(&repository, base)?;
    match repository.merge_base(other.id(), head.id()) {
        Ok(id) => Ok(Some(id.to_string())),
        Err(error) if error.code() == ErrorCode::NotFound => {
            Err(GitError::NothingInCommon { revision: base.to_owned(), shallow: repository.is_shallow() })
        }
        Err(error) => Err(unknown(&repository, base, error)),
    }
}

fn utf8(start: &Utf8Path, path: &std::path::Path) -> Result<Utf8PathBuf, GitError> {
    // Without the slash that Git puts at the end.
    let path: std::path::PathBuf = path.components().collect();
    Utf8PathBuf::try_from(path).map_err(|error| GitError::Lookup { path: start.to_string(), source: error.into_io_error() })
}

/// A folder in a commit or in the index.
#[derive(Debug)]
pub struct GitSource {
    objects: Arc<Objects>,
    tree: Arc<Tree>,
    /// The path of this folder from the one that was opened, for messages.
    prefix: String,
}

impl GitSource {
    /// Opens the state `revision` of the folder `start`, which lies anywhere in a work tree. Where the folder did not
    /// exist in that state, it is empty.
    ///
    /// # Errors
    ///
    /// When no repository is there, it is one that cannot be read, or the revision is unknown: see [`GitError`].
    pub fn open(start: &Utf8Path, revision: Revision<'_>) -> Result<Self, GitError> {
        let (repository, root) = open_repository(start)?;
        let canonical = |path: &Utf8Path| path.canonicalize_utf8().map_err(|source| GitError::Lookup { path: path.to_string(), source });
        let place = canonical(start)?
            .strip_prefix(canonical(&root)?)
            .map_err(|_| GitError::OutsideWorkTree { path: start.to_string() })?
            .to_owned();
        let objects = Arc::new(Objects::new(utf8(start, &repository.commondir().join("objects"))?));
        let tree = match revision {
            Revision::Index => read_index(&utf8(start, repository.path())?.join("index"))?,
            Revision::IndexFile(file) => {
                let file = root.join(file);
                // The Git library takes a missing index for an empty one.
                file.metadata().map_err(|source| GitError::Lookup { path: file.to_string(), source })?;
                read_index(&file)?
            }
            Revision::Commit(name) => objects.tree(resolve(&repository, name)?, "")?,
        };
        let whole = Self { objects, tree, prefix: String::new() };
        let names: Vec<&str> = place.components().map(|name| name.as_str()).collect();
        let tree = whole.descend(&names)?.unwrap_or_default();
        Ok(Self { tree, ..whole })
    }

    /// Follows folder names; `None` when nothing is there.
    fn descend(&self, names: &[&str]) -> Result<Option<Arc<Tree>>, FileError> {
        let mut tree = Arc::clone(&self.tree);
        for (depth, name) in names.iter().enumerate() {
            let path = || join(&self.prefix, &names[..=depth].join("/"));
            let next = match tree.get(name) {
                None => return Ok(None),
                Some(Node::Held(held)) => Arc::clone(held),
                Some(Node::Stored(id)) => self.objects.tree(*id, &path())?,
                Some(Node::Link) => return Err(FileError::Link { path: path() }),
                Some(Node::File(_) | Node::Other | Node::Conflict) => {
                    return Err(FileError::NotAFolder { path: path() });
                }
            };
            tree = next;
        }
        Ok(Some(tree))
    }
}

impl Folder for GitSource {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let (folders, name) = split(&self.prefix, path)?;
        let Some(tree) = self.descend(&folders)? else {
            return Ok(None);
        };
        let path = join(&self.prefix, path);
        match tree.get(name) {
            None => Ok(None),
            Some(Node::File(id)) => self.objects.blob(*id, &path, limit).map(Some),
            Some(Node::Link) => Err(FileError::Link { path }),
            Some(Node::Conflict) => Err(FileError::Conflict { path }),
            Some(Node::Held(_) | Node::Stored(_) | Node::Other) => Err(FileError::NotAFile { path }),
        }
    }

    fn list(&self) -> Result<Vec<Entry>, FileError> {
        let entry = |(name, node): &(Vec<u8>, Node)| {
            let Ok(name) = String::from_utf8(name.clone()) else {
                return Err(FileError::NotUtf8Name { path: join(&self.prefix, &show_bytes(name)) });
            };
            if !is_plain(&name) {
                return Err(FileError::PathEscapes { path: join(&self.prefix, &name) });
            }
            let kind = match node {
                Node::File(_) | Node::Conflict => EntryKind::File,
                Node::Held(_) | Node::Stored(_) => EntryKind::Folder,
                Node::Link => EntryKind::Link,
                Node::Other => EntryKind::Other,
            };
            Ok(Entry { name, kind })
        };
        self.tree.entries().map(entry).collect()
    }

    fn folder(&self, path: &str) -> Result<Option<Box<dyn Folder>>, FileError> {
        let (mut names, last) = split(&self.prefix, path)?;
        names.push(last);
        let prefix = join(&self.prefix, path);
        let objects = &self.objects;
        Ok(self.descend(&names)?.map(|tree| Box::new(Self { objects: Arc::clone(objects), tree, prefix }) as Box<dyn Folder>))
    }
}

fn resolve(repository: &Repository, revision: &str) -> Result<Oid, GitError> {
    Ok(commit(repository, revision)?.tree_id())
}

fn commit<'r>(repository: &'r Repository, revision: &str) -> Result<Commit<'r>, GitError> {
    let object = repository.revparse_single(revision).map_err(|source| {
        let unborn = || repository.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch);
        if revision.starts_with("HEAD") && unborn() {
            return GitError::NoCommitYet;
        }
        unknown(repository, revision, source)
    })?;
    object.peel_to_commit().map_err(|_| GitError::NotACommit { revision: revision.to_owned() })
}

fn unknown(repository: &Repository, revision: &str, source: git2::Error) -> GitError {
    GitError::UnknownRevision { revision: revision.to_owned(), shallow: repository.is_shallow(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_to_trust_is_the_whole_work_tree() {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
        Repository::init(&root).unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        assert_eq!(trusted_place(&root.join("a/b")), root);
    }
}
