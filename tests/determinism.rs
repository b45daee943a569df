//! Same inputs, same bytes: in any read order, with any number of threads, from any folder.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use trustree::fleet::{AT_ONCE, Repository, Request, Selection};
use trustree::outside::disk::OutputRoot;
use trustree::outside::files::{Entry, FileError, Folder, OpenFolder};

/// A folder that lists its entries in another order each time.
struct Shuffled {
    inner: Box<dyn Folder>,
    seed: u64,
}

impl Folder for Shuffled {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        self.inner.read(path, limit)
    }

    fn list(&self) -> Result<Vec<Entry>, FileError> {
        let mut entries = self.inner.list()?;
        let mut state = self.seed;
        for last in (1..entries.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            entries.swap(last, usize::try_from(state >> 33).expect("small") % (last + 1));
        }
        Ok(entries)
    }

    fn folder(&self, path: &str) -> Result<Option<Box<dyn Folder>>, FileError> {
        let folder = self.inner.folder(path)?;
        Ok(folder.map(|inner| Box::new(Shuffled { inner, seed: self.seed.wrapping_add(1) }) as Box<dyn Folder>))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The repository's own environments, and forty copies of the largest.
fn repository(root: &Path) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("environments");
    copy(&own, &root.join("environments"));
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/certificate-list");
    copy(&component, &root.join("templates/certificate-list"));
    // Its chart is inflated by Helm, and verified elsewhere.
    fs::remove_dir_all(root.join("environments/airgap")).expect("removed");
    for number in 0..40 {
        copy(&own.join("prod"), &root.join(format!("environments/prod-{number:02}")));
    }
}

fn render(root: &Utf8Path, seed: u64, threads: usize) {
    let source = Shuffled { inner: Box::new(OpenFolder::open(root).expect("opened")), seed };
    let repository = Repository::open(Box::new(source)).unwrap_or_else(|unusable| panic!("{:?}", unusable.findings));
    let output = OutputRoot::open(root, "out").expect("opened");
    let mut names = Vec::new();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let outcomes = pool.install(|| {
        let mut outcomes = Vec::new();
        repository.for_each(
            &Selection::default(),
            &Request::default(),
            AT_ONCE,
            |outcome| repository.apply(outcome, &output),
            |outcome, ()| {
                outcomes.push(outcome);
                ControlFlow::Continue(())
            },
        );
        outcomes
    });
    for outcome in outcomes {
        assert!(outcome.applied.is_some() && outcome.failure.is_none(), "{outcome:?}");
        names.push(outcome.environment);
    }
    assert_eq!(names.pop().as_deref(), Some("_shared"), "what environments share comes last");
    assert!(names.is_sorted(), "outcomes come in order of their names");
    assert_eq!(names.len(), 47);
}

fn files(folder: &Path, found: &mut BTreeMap<String, (Vec<u8>, SystemTime)>, root: &Path) {
    for entry in fs::read_dir(folder).expect("listed").flatten() {
        if entry.file_type().expect("a kind").is_dir() {
            files(&entry.path(), found, root);
        } else {
            let path = entry.path().strip_prefix(root).expect("below").display().to_string();
            found.insert(
                path,
                (fs::read(entry.path()).expect("read"), entry.metadata().and_then(|metadata| metadata.modified()).expect("a time")),
            );
        }
    }
}

fn tree(root: &Utf8Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let out = root.join("out");
    files(out.as_std_path(), &mut found, out.as_std_path());
    found
}

#[test]
fn ten_renders_in_any_order_give_the_same_bytes_and_ledgers() {
    let mut first: Option<BTreeMap<String, Vec<u8>>> = None;
    for run in 0..10_u64 {
        let sandbox = tempfile::tempdir().expect("a folder");
        let root = Utf8PathBuf::from_path_buf(sandbox.path().join(if run % 2 == 0 { "here" } else { "some/where/else" })).expect("UTF-8");
        fs::create_dir_all(&root).expect("a folder");
        repository(root.as_std_path());
        render(&root, run, if run < 5 { 1 } else { 8 });
        let bytes: BTreeMap<String, Vec<u8>> = tree(&root).into_iter().map(|(path, (bytes, _))| (path, bytes)).collect();
        assert_eq!(bytes.keys().filter(|path| path.ends_with(".trustree.ledger")).count(), 48, "one for each, and one for what they share");
        match &first {
            None => first = Some(bytes),
            Some(first) => assert!(*first == bytes, "run {run} differs"),
        }
    }
}

#[test]
fn a_render_that_changes_nothing_touches_no_file() {
    let sandbox = tempfile::tempdir().expect("a folder");
    let root = Utf8PathBuf::from_path_buf(sandbox.path().to_owned()).expect("UTF-8");
    repository(root.as_std_path());
    render(&root, 1, 2);
    let before = tree(&root);
    std::thread::sleep(std::time::Duration::from_millis(20));
    render(&root, 2, 2);
    assert!(before == tree(&root), "bytes or times changed");
}
