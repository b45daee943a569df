//! Writing: the output folder below a root that is opened as a capability.
//!
//! A file appears whole or not at all, and nothing is written through a link or outside of the output folder.
//! What may be written or removed is decided elsewhere, from the plan; this room only does it.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};

use camino::Utf8Path;
use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, OpenOptions};

use super::files::{Action, EntryKind, FileError, explain, join, kind_of, open_ambient, split};

/// How the names of our temporary files begin; sixteen hexadecimal digits follow.
pub const TEMPORARY_PREFIX: &str = ".trustree-tmp.";

/// The folder that the rendered tree goes to, and the root that it lies below. It can be shared by threads.
#[derive(Debug)]
pub struct OutputRoot {
    root: Dir,
    out: String,
}

impl OutputRoot {
    /// Opens the root by its path on this machine; the output folder `out` below it may still be missing and is
    /// created when something is written. Links in `root` itself are followed: it is the user's choice.
    ///
    /// # Errors
    ///
    /// When there is no such root or no access to it, or `out` is not a plain relative path.
    pub fn open(root: &Utf8Path, out: &str) -> Result<Self, FileError> {
        split("", out)?;
        Ok(Self { root: open_ambient(root)?, out: out.to_owned() })
    }

    /// A part of the output folder, such as one environment's; an empty path means all of it. Nothing is opened
    /// or created yet.
    ///
    /// # Errors
    ///
    /// When `path` is not a plain relative path.
    pub fn folder(&self, path: &str) -> Result<OutputFolder<'_>, FileError> {
        let mut start: Vec<String> = self.out.split('/').map(str::to_owned).collect();
        if !path.is_empty() {
            let (folders, last) = split(&self.out, path)?;
            start.extend(folders.into_iter().chain([last]).map(str::to_owned));
        }
        Ok(OutputFolder { root: self, start, chain: RefCell::default() })
    }
}

/// A part of the output folder. It belongs to one thread at a time and keeps the folders open that it wrote to
/// last, so that the files of one folder, written one after the other, open it once.
#[derive(Debug)]
pub struct OutputFolder<'root> {
    root: &'root OutputRoot,
    /// Components from the root to this folder.
    start: Vec<String>,
    /// The folders opened last, each below the one before, the first below the root.
    chain: RefCell<Vec<(String, Dir)>>,
}

/// Whether folders that are missing on the way are created.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Create,
    Leave,
}

impl OutputFolder<'_> {
    /// Writes a file: creates the folders that are missing, writes a temporary file beside the target and renames
    /// it over the target. The file gets mode 0644 less the umask. Names that begin with [`TEMPORARY_PREFIX`] are
    /// reserved.
    ///
    /// # Errors
    ///
    /// Refuses a link in any component, a target that is not a regular file and a path that is not plain; otherwise
    /// what the system answers. The target is then as it was and the temporary file is gone.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let (folders, name) = self.split(path)?;
        let full = self.full(path);
        self.at(&folders, Missing::Create)?;
        let written = self.with_last(|dir| {
            stands_there(dir, name, &full)?;
            replace(dir, name, bytes).map_err(|error| FileError::from_io(Action::Write, full, error))
        });
        if written.is_err() {
            // Perhaps somebody removed the folder that is kept open: look again the next time.
            self.chain.borrow_mut().clear();
        }
        written
    }

    /// Removes a file, then the folders above it that have become empty, up to and without the output folder.
    /// Says whether there was a file.
    ///
    /// # Errors
    ///
    /// Refuses a link in any component, what is not a regular file and a path that is not plain; otherwise what the
    /// system answers.
    pub fn remove(&self, path: &str) -> Result<bool, FileError> {
        let (folders, name) = self.split(path)?;
        let full = self.full(path);
        if !self.at(&folders, Missing::Leave)? {
            return Ok(false);
        }
        let removed = self.with_last(|dir| {
            let found = stands_there(dir, name, &full)?;
            if found {
                dir.remove_file(name).map_err(|error| FileError::from_io(Action::Write, full, error))?;
            }
            Ok(found)
        })?;
        if removed {
            self.prune()?;
        }
        Ok(removed)
    }

    /// Removes the temporary files that a killed process left in one folder (empty: this one) and says how many
    /// there were. It does its best: what cannot be removed stays. No other process may be writing there.
    pub fn sweep(&self, folder: &str) -> usize {
        let names = match folder {
            "" => self.start.clone(),
            _ => match self.split(folder) {
                Ok((mut names, last)) => {
                    names.push(last.to_owned());
                    names
                }
                Err(_) => return 0,
            },
        };
        if !matches!(self.at(&names, Missing::Leave), Ok(true)) {
            return 0;
        }
        self.with_last(|dir| {
            let entries = dir.entries().into_iter().flatten().flatten();
            entries
                .filter(|entry| entry.file_name().to_str().is_some_and(is_temporary))
                .filter(|entry| dir.remove_file(entry.file_name()).is_ok())
                .count()
        })
    }

    /// The path from the root, for messages.
    fn full(&self, path: &str) -> String {
        join(&self.start.join("/"), path)
    }

    /// Splits a path into the components of its folder, from the root, and its last one.
    fn split<'path>(&self, path: &'path str) -> Result<(Vec<String>, &'path str), FileError> {
        let (folders, name) = split(&self.start.join("/"), path)?;
        let mut names = self.start.clone();
        names.extend(folders.into_iter().map(str::to_owned));
        Ok((names, name))
    }

    /// Makes the folder named by `names` the last one of the chain; `false` when it is missing and to be left so.
    fn at(&self, names: &[String], missing: Missing) -> Result<bool, FileError> {
        let mut chain = self.chain.borrow_mut();
        let common = chain.iter().zip(names).take_while(|((open, _), name)| open == *name).count();
        chain.truncate(common);
        for (depth, name) in names.iter().enumerate().skip(common) {
            let parent = chain.last().map_or(&self.root.root, |(_, dir)| dir);
            let opened = match parent.open_dir_nofollow(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => match missing {
                    Missing::Leave => return Ok(false),
                    Missing::Create => match parent.create_dir(name) {
                        // Somebody else, perhaps another environment's thread, was faster.
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                        _ => parent.open_dir_nofollow(name),
                    },
                },
                answer => answer,
            };
            let dir = opened.map_err(|error| {
                let path = names[..=depth].join("/");
                explain(parent, name, path, EntryKind::Folder, Action::Write, error)
            })?;
            chain.push((name.clone(), dir));
        }
        Ok(true)
    }

    /// Runs `work` in the last folder of the chain.
    fn with_last<T>(&self, work: impl FnOnce(&Dir) -> T) -> T {
        let chain = self.chain.borrow();
        work(chain.last().map_or(&self.root.root, |(_, dir)| dir))
    }

    /// Removes empty folders from the end of the chain, up to and without the output folder.
    fn prune(&self) -> Result<(), FileError> {
        let keep = self.root.out.split('/').count();
        let mut chain = self.chain.borrow_mut();
        while chain.len() > keep {
            // The handle is closed first: some systems keep a folder as long as it is open.
            let Some((name, _)) = chain.pop() else { break };
            let parent = chain.last().map_or(&self.root.root, |(_, dir)| dir);
            match parent.remove_dir(&name) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => break,
                Err(error) => {
                    let parents = chain.iter().map(|(name, _)| name.as_str());
                    let path = parents.chain([name.as_str()]).collect::<Vec<_>>().join("/");
                    return Err(FileError::from_io(Action::Write, path, error));
                }
            }
        }
        Ok(())
    }
}

/// Whether a regular file stands at `name`; refuses anything else that stands there.
fn stands_there(dir: &Dir, name: &str, full: &str) -> Result<bool, FileError> {
    let path = full.to_owned();
    match dir.symlink_metadata(name).map(|metadata| kind_of(metadata.file_type())) {
        Ok(EntryKind::File) => Ok(true),
        Ok(EntryKind::Link) => Err(FileError::Link { path }),
        Ok(_) => Err(FileError::NotAFile { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::from_io(Action::Write, path, error)),
    }
}

/// Puts `bytes` at `name`, whole or not at all.
///
/// There is no fsync: it would cost more than all the rest together. A killed process leaves the old file or the new
/// one, and the ledger, which holds the hash of both, knows either as ours. A power cut can, on some file systems,
/// leave an empty file: every run compares bytes, so it is reported and never taken for done.
fn replace(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut file) = create_temporary(dir)?;
    let written = file.write_all(bytes);
    drop(file);
    let done = written.and_then(|()| dir.rename(&temporary, dir, name));
    if done.is_err() {
        // The first error is the one to report; what is left over is swept by the next run.
        let _ = dir.remove_file(&temporary);
    }
    done
}

fn create_temporary(dir: &Dir) -> io::Result<(String, cap_std::fs::File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).follow(FollowSymlinks::No);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt as _;
        options.mode(0o644);
    }
    loop {
        // Each RandomState has a fresh key; a name that is taken all the same is tried again.
        let random = RandomState::new().build_hasher().finish();
        let name = format!("{TEMPORARY_PREFIX}{random:016x}");
        match dir.open_with(&name, &options) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            answer => return answer.map(|file| (name, file)),
        }
    }
}

/// Whether a file bears a name that only [`create_temporary`] gives.
fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX).is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_that_fails_leaves_what_was_there_and_no_temporary_file() {
        let keep = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(keep.path().join("target/inside")).unwrap();
        let dir = open_ambient(Utf8Path::from_path(keep.path()).unwrap()).unwrap();
        let error = replace(&dir, "target", b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        let names: Vec<_> = dir.entries().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["target"]);
        assert!(keep.path().join("target/inside").is_dir());
    }

    #[test]
    fn temporary_names_are_reserved_and_differ() {
        let keep = tempfile::tempdir().unwrap();
        let dir = open_ambient(Utf8Path::from_path(keep.path()).unwrap()).unwrap();
        let names = [(); 20].map(|()| create_temporary(&dir).unwrap().0);
        assert!(names.iter().all(|name| is_temporary(name)), "{names:?}");
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
