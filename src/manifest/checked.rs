//! Documents that were checked before. Environments of a fleet share most of their documents byte by byte, and parsing
//! one again costs more than all the rest of rendering it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Checked, Shape, check};

/// Bytes of text that are remembered per shape; then it begins anew, so that memory does not grow with the fleet.
const MAX_BYTES: usize = 512 * 1024;

/// Checks documents, each distinct text once. Only what has no flaw is remembered.
#[derive(Debug, Default)]
pub struct CheckedDocuments {
    objects: Memory,
    values: Memory,
    kustomizations: Memory,
}

impl CheckedDocuments {
    /// As [`check`].
    pub fn check(&self, text: &str, shape: Shape) -> Arc<Checked> {
        let memory = match shape {
            Shape::Object => &self.objects,
            Shape::Values => &self.values,
            Shape::Kustomization => &self.kustomizations,
        };
        if let Some(checked) = memory.get(text) {
            return checked;
        }
        let checked = Arc::new(check(text, shape));
        if checked.flaws.is_empty() {
            memory.put(text, &checked);
        }
        checked
    }
}

/// What came out, by the whole text: two texts are never taken for one another.
#[derive(Debug, Default)]
struct Memory(RwLock<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    by_text: HashMap<Box<str>, Arc<Checked>>,
    bytes: usize,
}

impl Memory {
    fn get(&self, text: &str) -> Option<Arc<Checked>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_text.get(text).cloned()
    }

    fn put(&self, text: &str, checked: &Arc<Checked>) {
        let mut remembered = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.bytes + text.len() > MAX_BYTES {
            remembered.by_text.clear();
            remembered.bytes = 0;
        }
        if remembered.by_text.insert(text.into(), Arc::clone(checked)).is_none() {
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
                // A kustomization is no set of values, and neither is an object: nothing is taken for another shape.
                for shape in [Shape::Object, Shape::Values, Shape::Kustomization] {
                    assert_eq!(*checked.check(text, shape), check(text, shape));
                }
            }
        }
        let remembered = checked.objects.get(ACCOUNT).and_then(|checked| checked.identity.clone());
        assert_eq!(remembered.map(|identity| identity.name), Some("a".to_owned()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memory = Memory::default();
        let nothing = Arc::new(check("", Shape::Values));
        let long = "x".repeat(MAX_BYTES / 4);
        for number in 0..9 {
            memory.put(&format!("{number}{long}"), &nothing);
        }
        let remembered = memory.0.read().expect("not poisoned");
        assert!(remembered.bytes <= MAX_BYTES && remembered.bytes == remembered.by_text.keys().map(|text| text.len()).sum::<usize>());
    }
}
