//! The trees and blobs of a repository, and its index as a tree.
//!
//! **Threads.** A Git object database takes one lock for each read, so one that is shared would let only one
//! thread inflate at a time, and a `Repository` cannot be shared at all. Both are left after opening: a small pool
//! holds as many object databases as threads read at once, each used by one thread at a time, and trees are parsed
//! here. The pool's own lock is held for a push or a pop.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, Index, IndexEntryExtendedFlag, ObjectType, Odb, Oid};

use super::GitError;
use crate::outside::files::{Action, FileError, shown};

/// The entries of a folder, sorted by the bytes of their names.
#[derive(Debug, Default)]
pub(super) struct Tree(Vec<(Vec<u8>, Node)>);

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(Oid),
    /// A folder as a tree in the object database.
    Stored(Oid),
    /// A folder of the index.
    Held(Arc<Tree>),
    Link,
    Other,
    Conflict,
}

impl Tree {
    fn new(mut nodes: Vec<(Vec<u8>, Node)>) -> Self {
        // Git sorts a folder as if its name ended in a slash.
        nodes.sort_by(|left, right| left.0.cmp(&right.0));
        // A file in conflict with a folder of the same name comes first and stays.
        nodes.dedup_by(|later, earlier| later.0 == earlier.0);
        Self(nodes)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &(Vec<u8>, Node)> {
        self.0.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let found = self.0.binary_search_by(|(other, _)| other.as_slice().cmp(name.as_bytes()));
        found.ok().map(|position| &self.0[position].1)
    }

    /// Parses a tree object: mode, space, name, NUL and twenty bytes of object name, again and again.
    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut nodes = Vec::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
            let rest = &bytes[space + 1..];
            let end = rest.iter().position(|byte| *byte == 0)?;
            let id = Oid::from_bytes(rest.get(end + 1..end + 21)?).ok()?;
            nodes.push((rest[..end].to_vec(), Node::new(mode, id)));
            bytes = &rest[end + 21..];
        }
        Some(Self::new(nodes))
    }

    /// Builds the folder whose path has `depth` bytes from index entries sorted by path, all of them below it.
    fn build(entries: &[(Vec<u8>, Node)], depth: usize) -> Self {
        let mut nodes = Vec::new();
        let mut rest = entries;
        while let Some((path, node)) = rest.first() {
            let below = &path[depth..];
            let Some(length) = below.iter().position(|byte| *byte == b'/') else {
                nodes.push((below.to_vec(), node.clone()));
                rest = &rest[1..];
                continue;
            };
            let inner = depth + length + 1;
            let count = rest.partition_point(|(other, _)| other.starts_with(&path[..inner]));
            let (inside, others) = rest.split_at(count);
            let held = Self::build(inside, inner);
            nodes.push((below[..length].to_vec(), Node::Held(Arc::new(held))));
            rest = others;
        }
        Self::new(nodes)
    }
}

impl Node {
    fn new(mode: u32, id: Oid) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File(id),
            0o040_000 => Self::Stored(id),
            0o120_000 => Self::Link,
            _ => Self::Other,
        }
    }
}

/// The bits of an index entry's flags that tell the sides of a conflict; zero is a settled file.
const STAGE: u16 = 0x3000;

/// Reads an index file. It is opened without its repository, so that no configuration has a say.
pub(super) fn read_index(file: &Utf8Path) -> Result<Arc<Tree>, GitError> {
    let index = Index::open(file.as_std_path()).map_err(|error| GitError::from_index(file, error))?;
    let mut entries = Vec::with_capacity(index.len());
    for entry in index.iter() {
        let flags = IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended);
        if flags.is_intent_to_add() {
            // Announced by `git add --intent-to-add`, but not part of the next commit.
            continue;
        }
        let node = if entry.flags & STAGE == 0 { Node::new(entry.mode, entry.id) } else { Node::Conflict };
        entries.push((entry.path, node));
    }
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(Arc::new(Tree::build(&entries, 0)))
}

/// No tree object that a person could work with comes near to this many bytes.
const TREE_LIMIT: u64 = 64 << 20;

/// Trees from this size on, in bytes, are kept once parsed: a folder of ten thousand environments is asked for again
/// and again. There are few such trees, so this does not grow with what is read.
const LARGE_TREE: usize = 8 << 10;

/// The objects of a repository, for any number of threads.
pub(super) struct Objects {
    folder: Utf8PathBuf,
    idle: Mutex<Vec<Odb<'static>>>,
    large: Mutex<HashMap<Oid, Arc<Tree>>>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Objects").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Objects {
    /// The objects in a repository's `objects` folder and in those that it borrows from.
    pub(super) fn new(folder: Utf8PathBuf) -> Self {
        Self { folder, idle: Mutex::default(), large: Mutex::default() }
    }

    pub(super) fn blob(&self, id: Oid, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        self.read(id, ObjectType::Blob, path, limit)
    }

    pub(super) fn tree(&self, id: Oid, path: &str) -> Result<Arc<Tree>, FileError> {
        if let Some(tree) = self.large.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(tree));
        }
        let bytes = self.read(id, ObjectType::Tree, path, TREE_LIMIT)?;
        let tree = Tree::parse(&bytes).map(Arc::new).ok_or_else(|| damaged(path, "a damaged tree"))?;
        if bytes.len() >= LARGE_TREE {
            let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
            large.insert(id, Arc::clone(&tree));
        }
        Ok(tree)
    }

    /// Reads an object after a look at its size.
    fn read(&self, id: Oid, wanted: ObjectType, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let failed = |error: git2::Error| match error.code() {
            ErrorCode::NotFound => FileError::MissingObject { path: shown(path) },
            _ => damaged(path, error),
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let database = match idle {
            Some(database) => database,
            None => self.open().map_err(failed)?,
        };
        let answer = (|| {
            let (size, kind) = database.read_header(id).map_err(failed)?;
            if kind != wanted {
                return Err(damaged(path, format!("a {kind} in place of a {wanted}")));
            }
            let size = size as u64;
            if size > limit {
                return Err(FileError::TooLarge { path: shown(path), size, limit });
            }
            Ok(database.read(id).map_err(failed)?.data().to_vec())
        })();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(database);
        answer
    }

    fn open(&self) -> Result<Odb<'static>, git2::Error> {
        let database = Odb::new()?;
        database.add_disk_alternate(self.folder.as_str())?;
        Ok(database)
    }
}

fn damaged(path: &str, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FileError {
    FileError::from_io(Action::Read, shown(path), io::Error::other(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mode: &str, name: &[u8]) -> Vec<u8> {
        [mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat()
    }

    #[test]
    fn a_tree_is_parsed_whole_or_refused() {
        let whole = [entry("100644", b"file"), entry("40000", b"a"), entry("120000", b"z")].concat();
        let tree = Tree::parse(&whole).unwrap();
        let names: Vec<_> = tree.entries().map(|(name, _)| name.as_slice()).collect();
        assert_eq!(names, [b"a".as_slice(), b"file", b"z"]);
        assert!(matches!(tree.get("file"), Some(Node::File(_))));
        assert!(matches!(tree.get("a"), Some(Node::Stored(_))));
        assert!(matches!(tree.get("z"), Some(Node::Link)));
        assert!(tree.get("fil").is_none());
        // A cut is seen unless it falls between two entries.
        let first = entry("100644", b"file").len();
        let second = first + entry("40000", b"a").len();
        for length in 1..whole.len() {
            let parsed = Tree::parse(&whole[..length]).is_some();
            assert_eq!(parsed, length == first || length == second, "{length}");
        }
        assert!(Tree::parse(b"100644 file").is_none());
        assert!(Tree::parse(&entry("10064x", b"file")).is_none());
        assert!(Tree::parse(b"").unwrap().entries().next().is_none());
    }

    #[test]
    fn a_file_in_conflict_with_a_folder_stays() {
        let id = Oid::from_bytes(&[7; 20]).unwrap();
        let entries = [
            (b"a".to_vec(), Node::Conflict),
            (b"a".to_vec(), Node::Conflict),
            (b"a/b".to_vec(), Node::File(id)),
            (b"c/d/e".to_vec(), Node::File(id)),
            (b"c/f".to_vec(), Node::Link),
        ];
        let tree = Tree::build(&entries, 0);
        assert_eq!(tree.entries().count(), 2);
        assert!(matches!(tree.get("a"), Some(Node::Conflict)));
        let Some(Node::Held(below)) = tree.get("c") else { panic!("{tree:?}") };
        assert!(matches!(below.get("d"), Some(Node::Held(_))));
        assert!(matches!(below.get("f"), Some(Node::Link)));
    }
}
