//! What only Git can meet: stages, conflicts, and repositories that cannot be read.

use trustree::outside::files::{EntryKind, FileError, Folder as _, OpenFolder};
use trustree::outside::git::{GitError, GitSource, Revision};

use crate::support::{LIMIT, Repository, names, temporary, text};

#[test]
fn the_index_is_what_is_staged_and_is_not_written() {
    let repository = Repository::new(&[]);
    repository.write("file", "committed");
    repository.write("gone", "committed");
    repository.commit();
    repository.write("file", "staged");
    repository.git(&["add", "file"]);
    repository.git(&["rm", "--quiet", "--cached", "gone"]);
    repository.write("file", "in the work tree");
    repository.write("announced", "not staged");
    repository.git(&["add", "--intent-to-add", "announced"]);

    let state = || {
        let file = repository.root.join(".git/index");
        (std::fs::read(&file).unwrap(), file.metadata().unwrap().modified().unwrap())
    };
    let before = state();
    let index = repository.open("", Revision::Index);
    assert_eq!(text(&index, "file").unwrap(), "staged");
    assert_eq!(names(&index), ["file"]);
    assert!(before == state(), "the index was written");

    let commit = repository.open("", Revision::Commit("main"));
    assert_eq!(text(&commit, "file").unwrap(), "committed");
    assert_eq!(names(&commit), ["file", "gone"]);
    let disk = OpenFolder::open(&repository.root).unwrap();
    assert_eq!(text(&disk, "file").unwrap(), "in the work tree");
}

#[test]
fn another_index_file_can_be_read_and_must_be_there() {
    let repository = Repository::new(&[]);
    repository.write("file", "first");
    repository.commit();
    std::fs::copy(repository.root.join(".git/index"), repository.root.join(".git/other")).unwrap();
    repository.write("file", "second");
    repository.git(&["add", "file"]);
    let other = repository.open("", Revision::IndexFile(".git/other".into()));
    assert_eq!(text(&other, "file").unwrap(), "first");
    let error = repository.refused(Revision::IndexFile(".git/none".into()));
    assert!(matches!(error, GitError::Lookup { .. }), "{error:?}");
}

#[test]
fn a_conflict_is_an_error_where_it_is_read() {
    let repository = Repository::new(&[]);
    repository.write("sub/file", "base");
    repository.write("sub/good", "good");
    repository.commit();
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.write("sub/file", "theirs");
    repository.commit();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("sub/file", "ours");
    repository.commit();
    repository.git(&["merge", "other"]);
    let index = repository.open("sub", Revision::Index);
    let error = index.read("file", LIMIT).unwrap_err();
    assert!(matches!(&error, FileError::Conflict { path } if path == "file"), "{error:?}");
    assert!(error.hint().unwrap().contains("git add"));
    assert_eq!(text(&index, "good").unwrap(), "good");
    assert_eq!(names(&index), ["file", "good"]);
}

#[test]
fn a_folder_that_the_revision_does_not_have_is_empty() {
    let repository = Repository::new(&[]);
    repository.write("file", "x");
    repository.commit();
    repository.write("new/file", "x");
    for revision in [Revision::Index, Revision::Commit("HEAD")] {
        let folder = repository.open("new", revision);
        assert_eq!(folder.list().unwrap(), []);
        assert_eq!(folder.read("file", LIMIT).unwrap(), None);
    }
}

#[test]
fn a_folder_that_is_a_link_in_the_revision_is_refused() {
    let repository = Repository::new(&[]);
    std::os::unix::fs::symlink("elsewhere", repository.root.join("sub")).unwrap();
    repository.commit();
    std::fs::remove_file(repository.root.join("sub")).unwrap();
    repository.write("sub/file", "x");
    let error = GitSource::open(&repository.root.join("sub"), Revision::Commit("HEAD")).unwrap_err();
    assert!(matches!(&error, GitError::Place(FileError::Link { path }) if path == "sub"), "{error:?}");
}

#[test]
fn a_submodule_is_neither_file_nor_folder() {
    let inner = Repository::new(&[]);
    inner.write("file", "x");
    inner.commit();
    let repository = Repository::new(&[]);
    repository.git(&["submodule", "--quiet", "add", inner.root.as_str(), "module"]);
    repository.commit();
    for revision in [Revision::Index, Revision::Commit("HEAD")] {
        let folder = repository.open("", revision);
        let listed = folder.list().unwrap();
        let module = listed.iter().find(|entry| entry.name == "module").unwrap();
        assert_eq!(module.kind, EntryKind::Other);
        assert!(matches!(folder.read("module", LIMIT), Err(FileError::NotAFile { .. })));
        assert!(matches!(folder.read("module/file", LIMIT), Err(FileError::NotAFolder { .. })));
    }
}

#[test]
fn a_linked_work_tree_has_its_own_index_and_shares_the_objects() {
    let repository = Repository::new(&[]);
    repository.write("file", "main");
    repository.commit();
    repository.git(&["worktree", "add", "--quiet", "linked"]);
    repository.write("linked/file", "linked");
    repository.git(&["-C", "linked", "add", "file"]);
    assert_eq!(text(&repository.open("linked", Revision::Index), "file").unwrap(), "linked");
    assert_eq!(text(&repository.open("linked", Revision::Commit("HEAD")), "file").unwrap(), "main");
    assert_eq!(text(&repository.open("", Revision::Index), "file").unwrap(), "main");
}

#[test]
fn packed_objects_and_borrowed_objects_are_found() {
    let repository = Repository::new(&[]);
    for number in 0..50 {
        repository.write("file", format!("{number}\n").repeat(500));
        repository.commit();
    }
    repository.git(&["gc", "--quiet"]);
    repository.git(&["clone", "--quiet", "--shared", ".", "borrower"]);
    for place in ["", "borrower"] {
        let commit = repository.open(place, Revision::Commit("HEAD~3"));
        assert_eq!(text(&commit, "file").unwrap(), "46\n".repeat(500));
        assert!(matches!(commit.read("file", 1499), Err(FileError::TooLarge { size: 1500, .. })));
    }
}

#[test]
fn many_threads_read_the_same_source() {
    let repository = Repository::new(&[]);
    for number in 0..400 {
        repository.write(&format!("fleet/environment-{number:03}/inventory.yaml"), number.to_string());
    }
    repository.commit();
    let commit = repository.open("", Revision::Commit("HEAD"));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let commit = &commit;
            scope.spawn(move || {
                for number in (thread..400).step_by(3) {
                    let path = format!("fleet/environment-{number:03}/inventory.yaml");
                    assert_eq!(text(commit, &path).unwrap(), number.to_string());
                }
            });
        }
    });
}

#[test]
fn a_missing_object_is_named_with_what_to_do() {
    let origin = Repository::new(&[]);
    origin.write("sub/file", "x");
    origin.write("good", "good");
    origin.commit();
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = Repository::new(&[]);
    let url = format!("file://{}", origin.root);
    let options = ["--quiet", "--filter=blob:none", "--no-checkout"];
    clone.git(&[&["clone"], options.as_slice(), &[&url, "partial"]].concat());
    clone.git(&["-C", "partial", "checkout", "--quiet", "HEAD", "--", "good"]);
    clone.git(&["-C", "partial", "read-tree", "HEAD"]);
    for revision in [Revision::Index, Revision::Commit("HEAD")] {
        let folder = clone.open("partial", revision);
        let error = folder.read("sub/file", LIMIT).unwrap_err();
        assert!(matches!(&error, FileError::MissingObject { path } if path == "sub/file"), "{error:?}");
        assert!(error.hint().unwrap().contains("--refetch"));
        assert_eq!(text(&folder, "good").unwrap(), "good");
    }
    clone.git(&["-C", "partial", "fetch", "--quiet", "--refetch", "--no-filter"]);
    assert_eq!(text(&clone.open("partial", Revision::Index), "sub/file").unwrap(), "x");
}

#[test]
fn revisions_that_name_no_commit() {
    let repository = Repository::new(&[]);
    let error = repository.refused(Revision::Commit("HEAD"));
    assert!(matches!(error, GitError::NoCommitYet), "{error:?}");
    let index = repository.open("", Revision::Index);
    assert_eq!(index.list().unwrap(), []);

    repository.write("file", "x");
    repository.commit();
    for unknown in ["none", "0123456789012345678901234567890123456789", "", "--all", "HEAD~9", "main:file/x"] {
        let error = repository.refused(Revision::Commit(unknown));
        assert!(matches!(&error, GitError::UnknownRevision { revision, shallow: false, .. } if revision == unknown));
        assert!(error.hint().is_some());
    }
    let error = repository.refused(Revision::Commit("HEAD:file"));
    assert!(matches!(error, GitError::NotACommit { .. }), "{error:?}");

    repository.write("file", "y");
    repository.commit();
    repository.git(&["tag", "--annotate", "--message=test", "release"]);
    assert_eq!(text(&repository.open("", Revision::Commit("release")), "file").unwrap(), "y");
    let url = format!("file://{}", repository.root);
    repository.git(&["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let error = GitSource::open(&repository.root.join("shallow"), Revision::Commit("HEAD~1")).unwrap_err();
    assert!(matches!(error, GitError::UnknownRevision { shallow: true, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("shallow"));
}

#[test]
fn repositories_that_cannot_be_read_say_why() {
    let bare = Repository::new(&["--bare"]);
    let error = bare.refused(Revision::Index);
    assert!(matches!(error, GitError::Bare { .. }), "{error:?}");

    let sha256 = Repository::new(&["--object-format=sha256"]);
    let error = sha256.refused(Revision::Index);
    assert!(matches!(error, GitError::Sha256 { .. }), "{error:?}");

    let future = Repository::new(&[]);
    future.git(&["config", "core.repositoryFormatVersion", "1"]);
    future.git(&["config", "extensions.fromTheFuture", "true"]);
    let error = future.refused(Revision::Index);
    assert!(matches!(error, GitError::UnsupportedRepository { .. }), "{error:?}");

    let (_keep, nowhere) = temporary();
    let error = GitSource::open(&nowhere, Revision::Index).unwrap_err();
    assert!(matches!(error, GitError::NotARepository { .. }), "{error:?}");
}

#[test]
fn indexes_that_cannot_be_read_say_why() {
    let repository = Repository::new(&[]);
    repository.write("a/b/file", "x");
    repository.write("c/d/file", "x");
    repository.commit();
    repository.git(&["update-index", "--split-index"]);
    let error = repository.refused(Revision::Index);
    assert!(matches!(error, GitError::SplitIndex), "{error:?}");
    repository.git(&["update-index", "--no-split-index"]);
    assert_eq!(names(&repository.open("", Revision::Index)), ["a", "c"]);

    repository.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "a"]);
    let error = repository.refused(Revision::Index);
    assert!(matches!(error, GitError::SparseIndex), "{error:?}");
    assert_eq!(names(&repository.open("", Revision::Commit("HEAD"))), ["a", "c"]);
    repository.git(&["sparse-checkout", "reapply", "--no-sparse-index"]);
    assert_eq!(names(&repository.open("", Revision::Index)), ["a", "c"]);

    repository.write(".git/index", "no index");
    let error = repository.refused(Revision::Index);
    assert!(matches!(error, GitError::Index { .. }), "{error:?}");
}

#[test]
fn nothing_that_the_configuration_names_is_run() {
    let repository = Repository::new(&[]);
    repository.write("file", "x");
    repository.write(".gitattributes", "* filter=planted diff=planted\n");
    repository.commit();
    let planted = format!("touch {}/planted", repository.root);
    for name in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.hooksPath",
        "core.pager",
        "filter.planted.smudge",
        "filter.planted.clean",
        "filter.planted.process",
        "diff.planted.textconv",
        "diff.external",
        "uploadpack.packObjectsHook",
        "credential.helper",
        "gpg.program",
    ] {
        repository.git(&["config", name, &planted]);
    }
    for revision in [Revision::Index, Revision::Commit("HEAD")] {
        let folder = repository.open("", revision);
        assert_eq!(text(&folder, "file").unwrap(), "x");
        assert_eq!(names(&folder), [".gitattributes", "file"]);
    }
    assert!(!repository.root.join("planted").exists());
}
