//! Reading: the trait behind which every input stands, and a folder on disk that is opened as a capability.
//!
//! A path is followed component by component from an opened folder, and no link is followed, also none that
//! would stay inside. What a file means is not known here.

mod error;

use std::fmt::Write as _;
use std::io::{self, Read as _};

use camino::Utf8Path;
use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, OpenOptions};

pub use error::{Action, FileError};

/// A folder that can only be read. Paths are relative, `/`-separated, normal components only.
pub trait Folder: Send + Sync {
    /// Reads a file below this folder; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// Refuses a link in any component, what is not a regular file, a file of more than `limit` bytes (without
    /// reading it whole), and a path that is not plain; otherwise what the system answers.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError>;

    /// Lists the entries of this folder itself, sorted by the bytes of their names.
    ///
    /// # Errors
    ///
    /// Refuses a name that is not UTF-8; otherwise what the system answers.
    fn list(&self) -> Result<Vec<Entry>, FileError>;

    /// Opens a folder below this one; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// Refuses a link in any component, what is not a folder, and a path that is not plain; otherwise what the
    /// system answers.
    fn folder(&self, path: &str) -> Result<Option<Box<dyn Folder>>, FileError>;
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, one path component.
    pub name: String,
    /// What stands there.
    pub kind: EntryKind,
}

/// What an entry is, without following links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A pipe, socket, device or Git submodule.
    Other,
}

/// Splits a path into its folder components and its last one; refuses what is not plain.
pub(super) fn split<'a>(prefix: &str, path: &'a str) -> Result<(Vec<&'a str>, &'a str), FileError> {
    let mut folders: Vec<&str> = path.split('/').collect();
    match folders.pop() {
        Some(last) if folders.iter().chain([&last]).all(|name| is_plain(name)) => Ok((folders, last)),
        _ => Err(FileError::PathEscapes { path: join(prefix, path) }),
    }
}

/// Whether a name is one normal path component.
pub(super) fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Joins a folder's path and what stands below it; the root's path is empty.
pub(super) fn join(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") }
}

/// A folder's path for a message, where the root needs a name too.
pub(super) fn shown(prefix: &str) -> String {
    if prefix.is_empty() { ".".to_owned() } else { prefix.to_owned() }
}

/// A name that is not UTF-8, in a form that can be shown.
pub(super) fn show_bytes(name: &[u8]) -> String {
    name.utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\x{byte:02X}");
        }
        shown
    })
}

/// A folder on disk, opened as a capability.
#[derive(Debug)]
pub struct OpenFolder {
    dir: Dir,
    /// The path of this folder from the root that was opened, for messages.
    prefix: String,
}

impl OpenFolder {
    /// Opens a folder by its path on this machine. Links in `path` itself are followed: it is the user's choice.
    ///
    /// # Errors
    ///
    /// Says so, with `path` as it was given, when there is no such folder or no access to it.
    pub fn open(path: &Utf8Path) -> Result<Self, FileError> {
        let dir = open_ambient(path)?;
        Ok(Self { dir, prefix: String::new() })
    }

    fn descend(&self, names: &[&str]) -> Result<Option<Dir>, FileError> {
        let mut dir: Option<Dir> = None;
        for (depth, name) in names.iter().enumerate() {
            match dir.as_ref().unwrap_or(&self.dir).open_dir_nofollow(name) {
                Ok(next) => dir = Some(next),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    let path = join(&self.prefix, &names[..=depth].join("/"));
                    let parent = dir.as_ref().unwrap_or(&self.dir);
                    return Err(explain(parent, name, path, EntryKind::Folder, Action::Read, error));
                }
            }
        }
        Ok(dir)
    }
}

impl Folder for OpenFolder {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let (folders, name) = split(&self.prefix, path)?;
        let below = match folders.as_slice() {
            [] => None,
            names => match self.descend(names)? {
                None => return Ok(None),
                found => found,
            },
        };
        let dir = below.as_ref().unwrap_or(&self.dir);
        let full = || join(&self.prefix, path);
        // Non-blocking, or opening a pipe would wait for somebody to write into it.
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = match dir.open_with(name, &options) {
            Ok(file) => file.into_std(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(explain(dir, name, full(), EntryKind::File, Action::Read, error));
            }
        };
        let failed = |error| FileError::from_io(Action::Read, full(), error);
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(FileError::NotAFile { path: full() });
        }
        if metadata.len() > limit {
            return Err(FileError::TooLarge { path: full(), size: metadata.len(), limit });
        }
        let bytes = read_sized(file, metadata.len(), limit).map_err(failed)?;
        match bytes.len() as u64 {
            size if size > limit => Err(FileError::TooLarge { path: full(), size, limit }),
            _ => Ok(Some(bytes)),
        }
    }

    fn list(&self) -> Result<Vec<Entry>, FileError> {
        let failed = |error| FileError::from_io(Action::Read, shown(&self.prefix), error);
        let mut entries = Vec::new();
        for entry in self.dir.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let mut kind = kind_of(entry.file_type().map_err(failed)?);
            if kind == EntryKind::Other {
                // Some file systems name no kinds in their listings.
                kind = kind_of(entry.metadata().map_err(failed)?.file_type());
            }
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| FileError::NotUtf8Name { path: join(&self.prefix, &show_bytes(name.as_encoded_bytes())) })?;
            entries.push(Entry { name, kind });
        }
        entries.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Ok(entries)
    }

    fn folder(&self, path: &str) -> Result<Option<Box<dyn Folder>>, FileError> {
        let (mut names, last) = split(&self.prefix, path)?;
        names.push(last);
        let prefix = join(&self.prefix, path);
        Ok(self.descend(&names)?.map(|dir| Box::new(Self { dir, prefix }) as Box<dyn Folder>))
    }
}

/// Opens a folder by its path on this machine.
pub(super) fn open_ambient(path: &Utf8Path) -> Result<Dir, FileError> {
    Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => FileError::NotAFolder { path: path.to_string() },
        _ => FileError::from_io(Action::Read, path.to_string(), error),
    })
}

/// Finds out why opening `name` as a file or folder failed: by looking, since systems name a link differently.
pub(super) fn explain(dir: &Dir, name: &str, path: String, wanted: EntryKind, action: Action, error: io::Error) -> FileError {
    match dir.symlink_metadata(name).map(|metadata| kind_of(metadata.file_type())) {
        Ok(EntryKind::Link) => FileError::Link { path },
        Ok(found) if found != wanted => match wanted {
            EntryKind::Folder => FileError::NotAFolder { path },
            _ => FileError::NotAFile { path },
        },
        _ => FileError::from_io(action, path, error),
    }
}

/// What a file type means for us.
pub(super) fn kind_of(file_type: FileType) -> EntryKind {
    if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Folder
    } else if file_type.is_symlink() {
        EntryKind::Link
    } else {
        EntryKind::Other
    }
}

/// Reads a file of about `size` bytes with one system call, and never more than `limit` and one.
fn read_sized(mut file: std::fs::File, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    // One byte of room beyond the size: an answer that leaves it free is the end of the file.
    let room = size.saturating_add(1).try_into().map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0; room];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled as u64 == size {
            break;
        }
    }
    bytes.truncate(filled);
    if filled as u64 > size {
        // It grew since it was asked for its size.
        file.take(limit.saturating_add(1) - filled as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
