//! What a render gives: files by path, in memory. Paths are checked where they are born, so that nothing downstream
//! can write outside its folder.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// Path of a file below an environment's own output folder: `smallstep/step-issuer/values.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutPath(Arc<str>);

impl OutPath {
    /// Checks a path: relative, `/` between its parts, only characters that every file system takes, no part that is
    /// `.` or `..` or begins with `.trustree` or `.git`, in any case.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn new(path: &str) -> Result<OutPath, String> {
        if path.len() > 512 {
            return Err("it is longer than 512 characters".to_owned());
        }
        if let Some(problem) = portable_path_problem(path) {
            return Err(problem);
        }
        if let Some(part) = path.split('/').find(|part| part.to_ascii_lowercase().starts_with(".trustree")) {
            return Err(format!("`{part}` is a name that trustree keeps for itself"));
        }
        if let Some(part) = path.split('/').find(|part| part.to_ascii_lowercase().starts_with(".git")) {
            return Err(format!("`{part}` begins with `.git`, and such names steer Git or its forge"));
        }
        Ok(OutPath(path.into()))
    }

    /// The same for a record that trustree keeps beside other files: its name, the last part, is one of its own.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn of_record(path: &str, records: &[&str]) -> Result<OutPath, String> {
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        if folder.is_empty() || !records.contains(&name) {
            return OutPath::new(path);
        }
        // A name of the same kind that anybody may bear.
        OutPath::new(&format!("{folder}/{}", name.trim_start_matches('.')))?;
        Ok(OutPath(path.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OutPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names that Windows keeps for devices, with or without an extension.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// Why a path cannot be one below the repository on every system, if it cannot.
pub fn portable_path_problem(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some("it begins at the root of the file system".to_owned());
    }
    path.split('/').find_map(|name| match name {
        "" => Some("a `/` too many stands in it".to_owned()),
        "." | ".." => Some(format!("`{name}` is no folder of its own")),
        _ => portable_name_problem(name),
    })
}

/// Why a name cannot be a file or folder on every system, if it cannot.
pub fn portable_name_problem(name: &str) -> Option<String> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit());
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > 128 {
        return Some("it is longer than 128 characters".to_owned());
    }
    if let Some(character) = name.chars().find(|character| !(character.is_ascii_alphanumeric() || "._-@+=".contains(*character))) {
        return Some(format!("it has the character {character:?}; letters, digits, `.`, `_` and `-` work everywhere"));
    }
    if name.ends_with('.') || name.chars().all(|character| character == '.') {
        return Some("it ends with a dot, which Windows drops".to_owned());
    }
    if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return Some("Windows keeps this name for a device".to_owned());
    }
    None
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of several parts; where one ends and the next begins counts.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }

    /// Reads 64 hexadecimal digits in lower case.
    pub fn from_hex(text: &str) -> Option<Digest> {
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// One rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its whole text.
    pub text: Arc<str>,
    /// Which component claims the path, for messages.
    pub owner: String,
}

/// Rendered files by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<OutPath, File>,
    /// The same paths in lower case: what is one file on some systems.
    taken: BTreeMap<String, OutPath>,
    /// The folders that they lie in, in lower case, each with one of the paths.
    folders: BTreeMap<String, OutPath>,
}

impl Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// A sentence naming both owners, when the path, or one that differs only in case, is taken; or when one of the two is
    /// a folder of the other.
    pub fn claim(&mut self, path: OutPath, file: File) -> Result<(), String> {
        let lower = path.as_str().to_ascii_lowercase();
        if let Some((known, other)) = self.taken.get(&lower).and_then(|known| Some((known, self.files.get(known)?))) {
            return Err(format!(
                "`{path}` of component `{}` and `{known}` of component `{}` are the same file on some systems",
                file.owner, other.owner
            ));
        }
        let above: Vec<String> = lower.match_indices('/').map(|(end, _)| lower[..end].to_owned()).collect();
        let in_the_way = self.folders.get(&lower).or_else(|| above.iter().find_map(|folder| self.taken.get(folder)));
        if let Some((known, other)) = in_the_way.and_then(|known| Some((known, self.files.get(known)?))) {
            return Err(format!(
                "`{path}` of component `{}` and `{known}` of component `{}` want one name for a file and for a folder",
                file.owner, other.owner
            ));
        }
        for folder in above {
            self.folders.entry(folder).or_insert_with(|| path.clone());
        }
        self.taken.insert(lower, path.clone());
        self.files.insert(path, file);
        Ok(())
    }

    /// Files in order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&OutPath, &File)> {
        self.files.iter()
    }

    /// The file at a path.
    pub fn get(&self, path: &OutPath) -> Option<&File> {
        self.files.get(path)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_folder() {
        assert!(OutPath::new("smallstep/step-issuer/values.yaml").is_ok());
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "a\\b",
            "a b",
            ".trustree.ledger",
            "x/.trustree-tmp.1",
            "x/.Trustree.y",
            "a/./b",
            "a\0",
            ".git/config",
            "a/.gitattributes",
            "a/.GIT/hooks/x",
        ] {
            assert!(OutPath::new(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn records_lie_beside_other_files_only() {
        let record = |path: &str| OutPath::of_record(path, &[".trustree.inflation"]);
        assert_eq!(record("a/b/.trustree.inflation").as_ref().map(OutPath::as_str), Ok("a/b/.trustree.inflation"));
        assert!(record("a/b.yaml").is_ok());
        for path in [
            ".trustree.inflation",
            "../.trustree.inflation",
            "a/.trustree.ledger",
            ".trustree.x/.trustree.inflation",
            "/.trustree.inflation",
        ] {
            assert!(record(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_path_claimed_twice_names_both_owners() {
        let file = |owner: &str| File { text: "".into(), owner: owner.to_owned() };
        let mut tree = Tree::default();
        tree.claim(OutPath::new("a/b.yaml").expect("path"), file("one")).expect("free");
        let problem = tree.claim(OutPath::new("A/b.yaml").expect("path"), file("two")).expect_err("taken");
        assert!(problem.contains("`one`") && problem.contains("`two`"), "{problem}");
    }

    #[test]
    fn no_name_is_a_file_and_a_folder() {
        let claim = |paths: [&str; 2]| {
            let mut tree = Tree::default();
            let mut claims =
                paths.map(|path| tree.claim(OutPath::new(path).expect("a path"), File { text: "".into(), owner: path.to_owned() }));
            std::mem::replace(&mut claims[1], Ok(()))
        };
        for paths in [["a/b/c", "A/b"], ["a/b", "a/B/c"], ["a", "a/b/c"], ["a/b/c", "a"]] {
            assert!(claim(paths).expect_err("taken").contains("for a file and for a folder"), "{paths:?}");
        }
        assert_eq!(claim(["a/b", "a/b.c"]), Ok(()));
    }

    #[test]
    fn digests_are_read_back() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex("xyz"), None);
        assert_ne!(Digest::of_parts([b"ab".as_slice(), b"c"]), Digest::of_parts([b"a".as_slice(), b"bc"]));
    }
}
