//! Repositories to read from, and short ways to look into a folder.

use std::collections::BTreeMap;
use std::process::Command;

use camino::Utf8PathBuf;
use trustree::outside::files::{EntryKind, Folder};
use trustree::outside::git::{GitError, GitSource, Revision};

pub(crate) const LIMIT: u64 = 1 << 20;

/// A temporary folder and its path.
pub(crate) fn temporary() -> (tempfile::TempDir, Utf8PathBuf) {
    let keep = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
    (keep, root)
}

/// A Git repository in a temporary folder.
pub(crate) struct Repository {
    _keep: tempfile::TempDir,
    pub(crate) root: Utf8PathBuf,
}

impl Repository {
    pub(crate) fn new(options: &[&str]) -> Self {
        let (keep, root) = temporary();
        let repository = Self { _keep: keep, root };
        repository.git(&[&["init", "--quiet", "--initial-branch=main"], options].concat());
        repository
    }

    /// Runs `git`, away from the configuration of this machine, and answers what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
            command.env_remove(name);
        }
        let output = command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.com"])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(&self.root)
            .output()
            .unwrap();
        // A merge that ends in a conflict is what some tests want.
        let wanted = output.status.success() || arguments.first() == Some(&"merge");
        assert!(wanted, "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=test"]);
    }

    pub(crate) fn open(&self, path: &str, revision: Revision<'_>) -> GitSource {
        GitSource::open(&self.root.join(path), revision).unwrap()
    }

    pub(crate) fn refused(&self, revision: Revision<'_>) -> GitError {
        GitSource::open(&self.root, revision).unwrap_err()
    }
}

pub(crate) fn text(folder: &dyn Folder, path: &str) -> Option<String> {
    let bytes = folder.read(path, LIMIT).unwrap();
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

pub(crate) fn names(folder: &dyn Folder) -> Vec<String> {
    folder.list().unwrap().into_iter().map(|entry| entry.name).collect()
}

/// Everything below a folder: path -> text of a file, or what else stands there.
pub(crate) fn walk(folder: &dyn Folder, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in folder.list().unwrap() {
        let path = format!("{prefix}{}", entry.name);
        match entry.kind {
            EntryKind::File => {
                found.insert(path, text(folder, &entry.name).unwrap());
            }
            EntryKind::Folder => {
                let below = folder.folder(&entry.name).unwrap().unwrap();
                walk(&*below, &format!("{path}/"), found);
            }
            other => {
                found.insert(path, format!("{other:?}"));
            }
        }
    }
}
