//! Documents that were checked before. Environments of a fleet share most of their documents byte by byte, and parsing
//! one again costs more than all the rest of rendering it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::{Flaw, Identity, check_kustomization, check_object, check_values};

/// Bytes of text that are remembered per kind of check; then it begins anew, so that memory does not grow with the fleet.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Checks documents, each distinct text once. Only what has no flaw is remembered.
#[derive(Debug, Default)]
pub struct CheckedDocuments {
    objects: Memory<Identity>,
    values: Memory<()>,
    kustomizations: Memory<Vec<String>>,
}

impl CheckedDocuments {
    /// As [`check_object`].
    pub fn object(&self, text: &str) -> (Option<Identity>, Vec<Flaw>) {
        if let Some(identity) = self.objects.get(text) {
            return (Some(identity), Vec::new());
        }
        let (identity, flaws) = check_object(text);
        if let (Some(identity), []) = (&identity, flaws.as_slice()) {
            self.objects.put(text, identity.clone());
        }
        (identity, flaws)
    }

    /// As [`check_values`].
    pub fn values(&self, text: &str) -> Vec<Flaw> {
        if self.values.get(text).is_some() {
            return Vec::new();
        }
        let flaws = check_values(text);
        if flaws.is_empty() {
            self.values.put(text, ());
        }
        flaws
    }

    /// As [`check_kustomization`].
    pub fn kustomization(&self, text: &str) -> (Vec<String>, Vec<Flaw>) {
        if let Some(files) = self.kustomizations.get(text) {
            return (files, Vec::new());
        }
        let (files, flaws) = check_kustomization(text);
        if flaws.is_empty() {
            self.kustomizations.put(text, files.clone());
        }
        (files, flaws)
    }
}

/// What came out, by the whole text: two texts are never taken for one another.
#[derive(Debug)]
struct Memory<T>(RwLock<Remembered<T>>);

#[derive(Debug)]
struct Remembered<T> {
    by_text: HashMap<Box<str>, T>,
    bytes: usize,
}

impl<T> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory(RwLock::new(Remembered { by_text: HashMap::new(), bytes: 0 }))
    }
}

impl<T: Clone> Memory<T> {
    fn get(&self, text: &str) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_text.get(text).cloned()
    }

    fn put(&self, text: &str, value: T) {
        let mut remembered = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.bytes + text.len() > MAX_BYTES {
            remembered.by_text.clear();
            remembered.bytes = 0;
        }
        if remembered.by_text.insert(text.into(), value).is_none() {
            remembered.bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n  namespace: b\n";

    #[test]
    fn a_document_gets_the_same_answer_the_second_time() {
        let checked = CheckedDocuments::default();
        for text in [ACCOUNT, &ACCOUNT.replace("metadata", "metadat"), "", "resources: [a]\n"] {
            for _ in 0..2 {
                assert_eq!(checked.object(text), check_object(text));
                // A kustomization is no set of values, and neither is an object: nothing is taken for another kind.
                assert_eq!(checked.values(text), check_values(text));
                assert_eq!(checked.kustomization(text), check_kustomization(text));
            }
        }
        assert_eq!(checked.objects.get(ACCOUNT).map(|identity| identity.name), Some("a".to_owned()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memory = Memory::default();
        let long = "x".repeat(MAX_BYTES / 4);
        for number in 0..9 {
            memory.put(&format!("{number}{long}"), number);
        }
        let remembered = memory.0.read().expect("not poisoned");
        assert!(remembered.bytes <= MAX_BYTES && remembered.bytes == remembered.by_text.keys().map(|text| text.len()).sum::<usize>());
    }
}
