//! What every implementation answers, and what only a folder on disk can meet.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use trustree::outside::files::{EntryKind, FileError, Folder, OpenFolder};
use trustree::outside::git::Revision;

use crate::support::{LIMIT, Repository, names, temporary, text, walk};

#[test]
fn disk_commit_and_index_of_the_same_content_agree() {
    let repository = Repository::new(&[]);
    // Git sorts `a.b` before the folder `a`; `crlf` must come without any conversion.
    for (path, bytes) in [
        ("fleet/a/one.yaml", "one\n"),
        ("fleet/a/deep/er/two.yaml", "two\n"),
        ("fleet/a.b", "point\n"),
        ("fleet/a-", "dash\n"),
        ("fleet/ab/\u{e9}.yaml", "accent\n"),
        ("fleet/crlf", "x\r\ny\r\n"),
        ("fleet/empty", ""),
        ("outside", "not below the folder\n"),
    ] {
        repository.write(path, bytes);
    }
    symlink("a", repository.root.join("fleet/link")).unwrap();
    symlink("a/one.yaml", repository.root.join("fleet/filelink")).unwrap();
    symlink("missing", repository.root.join("fleet/a/dangling")).unwrap();
    repository.commit();
    repository.git(&["config", "core.autocrlf", "true"]);

    let disk = OpenFolder::open(&repository.root.join("fleet")).unwrap();
    let commit = repository.open("fleet", Revision::Commit("HEAD"));
    let index = repository.open("fleet", Revision::Index);
    let mut expected = BTreeMap::new();
    walk(&disk, "", &mut expected);
    assert_eq!(expected.len(), 10, "{expected:?}");
    assert_eq!(expected["link"], "Link");
    assert_eq!(expected["crlf"], "x\r\ny\r\n");

    for folder in [&disk as &dyn Folder, &commit, &index] {
        let mut found = BTreeMap::new();
        walk(folder, "", &mut found);
        assert_eq!(found, expected);
        assert_eq!(names(folder), ["a", "a-", "a.b", "ab", "crlf", "empty", "filelink", "link"]);
        answers_like_a_folder(folder);
    }
}

/// What every implementation must answer about the content above.
fn answers_like_a_folder(folder: &dyn Folder) {
    assert_eq!(text(folder, "a/deep/er/two.yaml").unwrap(), "two\n");
    for nothing in ["b", "a/b", "b/c/d", "a/deep/er/two"] {
        assert_eq!(folder.read(nothing, LIMIT).unwrap(), None, "{nothing}");
        assert!(folder.folder(nothing).unwrap().is_none(), "{nothing}");
    }

    for (asked, link) in [
        ("filelink", "filelink"),
        ("link", "link"),
        ("link/one.yaml", "link"),
        ("a/dangling", "a/dangling"),
        ("a/dangling/x", "a/dangling"),
    ] {
        let read = folder.read(asked, LIMIT);
        assert!(matches!(read, Err(FileError::Link { path }) if path == link), "{asked}");
        let opened = folder.folder(asked).err();
        assert!(matches!(opened, Some(FileError::Link { path }) if path == link), "{asked}");
    }

    let error = folder.read("a/deep", LIMIT);
    assert!(matches!(error, Err(FileError::NotAFile { path }) if path == "a/deep"));
    let error = folder.read("a.b/below/it", LIMIT);
    assert!(matches!(error, Err(FileError::NotAFolder { path }) if path == "a.b"));
    let error = folder.folder("a.b").err();
    assert!(matches!(error, Some(FileError::NotAFolder { path }) if path == "a.b"));

    for escape in ["", ".", "..", "../outside", "a/../a.b", "a/..", "/etc", "a//one.yaml", "a/", "./a.b", "a\\b", "a\0"] {
        let read = folder.read(escape, LIMIT);
        assert!(matches!(read, Err(FileError::PathEscapes { path }) if path == escape), "{escape:?}");
        let opened = folder.folder(escape).err();
        assert!(matches!(opened, Some(FileError::PathEscapes { .. })), "{escape:?}");
    }

    assert!(folder.read("a/one.yaml", 4).unwrap().is_some());
    let error = folder.read("a/one.yaml", 3).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { size: 4, limit: 3, .. }));
    assert_eq!(error.to_string(), "`a/one.yaml` has 4 bytes, more than the limit of 3");
    assert_eq!(folder.read("empty", 0).unwrap().unwrap(), b"");

    // A folder below names the whole path, and cannot reach what is beside it.
    let deep = folder.folder("a/deep").unwrap().unwrap();
    let error = deep.read("er", LIMIT);
    assert!(matches!(error, Err(FileError::NotAFile { path }) if path == "a/deep/er"));
    let error = deep.read("../one.yaml", LIMIT).unwrap_err();
    assert_eq!(error.path(), "a/deep/../one.yaml");
}

#[test]
fn a_pipe_or_socket_is_refused_at_once() {
    let (_keep, root) = temporary();
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let folder = OpenFolder::open(&root).unwrap();
    for name in ["pipe", "socket"] {
        let read = folder.read(name, LIMIT);
        assert!(matches!(read, Err(FileError::NotAFile { path }) if path == name));
        let opened = folder.folder(name).err();
        assert!(matches!(opened, Some(FileError::NotAFolder { path }) if path == name));
    }
    assert!(folder.list().unwrap().iter().all(|entry| entry.kind == EntryKind::Other));
}

#[test]
fn a_large_sparse_file_is_refused_without_reading_it() {
    let (_keep, root) = temporary();
    std::fs::File::create(root.join("large")).unwrap().set_len(1 << 40).unwrap();
    let error = OpenFolder::open(&root).unwrap().read("large", LIMIT);
    assert!(matches!(error, Err(FileError::TooLarge { size: 0x100_0000_0000, limit: LIMIT, .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_tells_no_size_is_read_to_its_end_and_at_most_to_the_limit() {
    // Files of procfs have size zero.
    let folder = OpenFolder::open("/proc/self".into()).unwrap();
    assert!(folder.read("status", LIMIT).unwrap().unwrap().len() > 100);
    let error = folder.read("status", 100);
    assert!(matches!(error, Err(FileError::TooLarge { size: 101, limit: 100, .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_is_refused_when_listed_and_harms_nothing_else() {
    let repository = Repository::new(&[]);
    repository.write("sub/good", "good");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::write(repository.root.join("sub").as_std_path().join(name), "x").unwrap();
    repository.commit();
    let disk = OpenFolder::open(&repository.root).unwrap();
    let commit = repository.open("", Revision::Commit("HEAD"));
    let index = repository.open("", Revision::Index);
    for folder in [&disk as &dyn Folder, &commit, &index] {
        let sub = folder.folder("sub").unwrap().unwrap();
        let error = sub.list();
        assert!(matches!(error, Err(FileError::NotUtf8Name { path }) if path == "sub/caf\\xE9"));
        assert_eq!(text(&*sub, "good").unwrap(), "good");
    }
}

#[test]
fn the_root_may_be_reached_through_a_link_and_must_be_a_folder() {
    let (_keep, root) = temporary();
    std::fs::create_dir(root.join("real")).unwrap();
    std::fs::write(root.join("real/file"), "x").unwrap();
    symlink("real", root.join("link")).unwrap();
    assert_eq!(text(&OpenFolder::open(&root.join("link")).unwrap(), "file").unwrap(), "x");
    let error = OpenFolder::open(&root.join("real/file")).unwrap_err();
    assert!(matches!(error, FileError::NotAFolder { .. }), "{error:?}");
    let error = OpenFolder::open(&root.join("none")).unwrap_err();
    assert!(matches!(error, FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound));
}
