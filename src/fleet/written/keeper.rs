//! The files that documents come from, each read once, and the number that each has in places.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::Ours;
use super::listing::told;
use crate::finding::{Finding, MANIFEST_INVALID_YAML, MANIFEST_NOT_CHECKED, Place};
use crate::fleet::MAX_INPUT_BYTES;
use crate::manifest::kustomization::{Files, Found, is_kustomization_file};
use crate::outside::files::{FileError, Folder};
use crate::yaml::{At, Keys, Value, YamlError, read, text_of};

/// Bytes of all files of an environment together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Reads files, each once, and remembers which number they have in places.
pub(crate) struct Keeper<'a> {
    source: &'a dyn Folder,
    pub(super) ours: Ours<'a>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    table: Vec<Utf8PathBuf>,
    known: HashMap<Utf8PathBuf, Found>,
    findings: Vec<Finding>,
    /// The same about files that may be for some other program.
    doubtful: Vec<(Utf8PathBuf, Finding)>,
    bytes: usize,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(source: &'a dyn Folder, ours: Ours<'a>) -> Keeper<'a> {
        Keeper { source, ours, state: RefCell::default() }
    }

    /// The table of files, and what was wrong with them; `is_named` says which files a kustomization names.
    pub(crate) fn close(self, is_named: impl Fn(&Utf8Path) -> bool) -> (Arc<[Utf8PathBuf]>, Vec<Finding>) {
        let State { table, mut findings, doubtful, .. } = self.state.into_inner();
        findings.extend(doubtful.into_iter().filter(|(path, _)| is_named(path)).map(|(_, finding)| finding));
        (table.into(), findings)
    }

    /// The text of a file: of a rendered one as it is in memory.
    fn bytes(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        match self.ours.text(path) {
            Some(text) => Ok(Some(text.as_bytes().to_vec())),
            None => self.source.read(path.as_str(), MAX_INPUT_BYTES),
        }
    }

    fn read(&self, path: &Utf8Path) -> Found {
        let bytes = match self.bytes(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(FileError::NotAFile { .. } | FileError::NotAFolder { .. }) => return Found::Nothing,
            Err(error) => {
                self.state.borrow_mut().findings.extend(told(&error));
                return Found::Refused;
            }
        };
        let mut state = self.state.borrow_mut();
        let Ok(index) = u16::try_from(state.table.len()) else { return Found::Refused };
        state.bytes += bytes.len();
        if state.bytes > MAX_BYTES {
            if state.bytes - bytes.len() <= MAX_BYTES {
                let message =
                    format!("there is more than {} MiB of files beside ours; from this one on they are not checked", MAX_BYTES >> 20);
                let finding = Finding::new(&MANIFEST_NOT_CHECKED, Place::whole(path), message);
                state.findings.push(finding.help("keep what does not go to the cluster out of the output folder"));
            }
            return Found::Refused;
        }
        state.table.push(path.to_owned());
        match text_of(&bytes, index).and_then(|text| read(text, index, Keys::AsKubernetes)) {
            Ok(documents) => Found::Documents(documents.into_iter().filter(|node| node.value != Value::Null).collect()),
            Err(error) => {
                let finding = of_yaml(path, &error);
                match mentions_an_object(&bytes) || !is_for_another_program(&bytes) {
                    true => state.findings.push(finding),
                    false => state.doubtful.push((path.to_owned(), finding)),
                }
                Found::Broken
            }
        }
    }
}

/// Whether some other program may read a text well that is no YAML for Kubernetes: a template, or one with tags of its own.
fn is_for_another_program(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    ["{{", "{%", " !", "\n!"].iter().any(|mark| text.contains(mark))
}

/// Whether a text that cannot be read speaks of an object of Kubernetes.
fn mentions_an_object(bytes: &[u8]) -> bool {
    // Every other byte of plain letters in UTF-16 is zero; what is left is the text.
    let is_utf_16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let plain: Vec<u8> = if is_utf_16 { bytes[2..].iter().copied().filter(|byte| *byte != 0).collect() } else { bytes.to_vec() };
    let text = String::from_utf8_lossy(&plain);
    let begins = |line: &str| {
        let line = line.trim_start_matches([' ', '-', '{', '"', '\u{feff}']);
        line.starts_with("apiVersion") || line.starts_with("kind")
    };
    text.lines().any(begins)
}

fn of_yaml(path: &Utf8Path, error: &YamlError) -> Finding {
    let finding = Finding::new(&MANIFEST_INVALID_YAML, Place::at(path, error.at), error.message.clone());
    Finding { help: error.hint.clone(), ..finding }
}

impl Files for Keeper<'_> {
    fn find(&self, path: &Utf8Path) -> Found {
        if let Some(found) = self.state.borrow().known.get(path) {
            return found.clone();
        }
        let found = self.read(path);
        self.state.borrow_mut().known.insert(path.to_owned(), found.clone());
        found
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        if self.ours.text(path).is_some() {
            return true;
        }
        // No byte of it is wanted: one that has any is too large.
        matches!(self.source.read(path.as_str(), 0), Ok(Some(_)) | Err(FileError::TooLarge { .. } | FileError::Link { .. }))
    }

    fn is_folder(&self, path: &Utf8Path) -> bool {
        matches!(self.source.folder(path.as_str()), Ok(Some(_)))
    }

    fn line(&self, path: &Utf8Path, line: u32) -> Option<String> {
        let bytes = self.bytes(path).ok()??;
        let text = String::from_utf8(bytes).ok()?;
        text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?).map(str::to_owned)
    }

    fn is_in_kustomization(&self, at: At) -> bool {
        self.state.borrow().table.get(usize::from(at.file)).is_some_and(|path| is_kustomization_file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_in_utf_16_speaks_of_an_object() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '{{ b }}'}\n";
        for (mark, bytes) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)] {
            let encoded: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect();
            assert!(mentions_an_object(&encoded));
        }
        assert!(mentions_an_object(text.as_bytes()));
        assert!(!mentions_an_object(b"a: {{ b }}"));
    }
}
