//! Writing the output: whole or not at all, never through a link, never outside.

use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8Path;
use trustree::outside::disk::{OutputRoot, TEMPORARY_PREFIX};
use trustree::outside::files::FileError;

use crate::support::temporary;

fn read(root: &Utf8Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Every path below a folder, sorted.
fn paths(root: &Utf8Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name();
    walk.into_iter().map(|entry| entry.unwrap().path().strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn folders_come_with_the_first_file_and_not_before() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "rendered/out").unwrap();
    let folder = output.folder("prod").unwrap();
    assert_eq!(folder.sweep(""), 0);
    assert!(!folder.remove("a/b/file").unwrap());
    assert_eq!(paths(&root), [""; 0]);

    folder.write("a/b/file", b"one").unwrap();
    folder.write("a/b/file", b"two").unwrap();
    folder.write("a/other", b"three").unwrap();
    folder.write("a/b/more", b"four").unwrap();
    output.folder("").unwrap().write("top", b"five").unwrap();
    assert_eq!(read(&root, "rendered/out/prod/a/b/file"), "two");
    assert_eq!(read(&root, "rendered/out/prod/a/b/more"), "four");
    let found: Vec<String> = paths(&root).into_iter().filter(|path| root.join(path).is_file()).collect();
    assert_eq!(found, ["rendered/out/prod/a/b/file", "rendered/out/prod/a/b/more", "rendered/out/prod/a/other", "rendered/out/top"]);
    let mode = root.join("rendered/out/top").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7133, 0, "{mode:o}");
}

#[test]
fn nothing_is_written_or_removed_through_a_link() {
    let (_keep, root) = temporary();
    std::fs::create_dir_all(root.join("out/prod/real")).unwrap();
    std::fs::write(root.join("out/prod/real/file"), "old").unwrap();
    std::fs::write(root.join("victim"), "old").unwrap();
    symlink("real", root.join("out/prod/inside")).unwrap();
    symlink("../..", root.join("out/prod/outside")).unwrap();
    symlink("/", root.join("out/prod/absolute")).unwrap();
    symlink("missing", root.join("out/prod/dangling")).unwrap();
    symlink("../../victim", root.join("out/prod/target")).unwrap();
    let before = paths(&root);
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    for (path, link) in [
        ("inside/file", "inside"),
        ("outside/victim", "outside"),
        ("absolute/tmp/victim", "absolute"),
        ("dangling/file", "dangling"),
        ("target", "target"),
        ("dangling", "dangling"),
    ] {
        let link = format!("out/prod/{link}");
        let error = folder.write(path, b"new").unwrap_err();
        assert!(matches!(&error, FileError::Link { path } if *path == link), "{error:?}");
        let error = folder.remove(path).unwrap_err();
        assert!(matches!(&error, FileError::Link { path } if *path == link), "{error:?}");
    }
    assert_eq!(paths(&root), before);
    assert_eq!(read(&root, "victim"), "old");
    assert_eq!(read(&root, "out/prod/real/file"), "old");

    // The output folder itself, and an environment's.
    symlink("out", root.join("linked")).unwrap();
    let linked = OutputRoot::open(&root, "linked").unwrap();
    let error = linked.folder("prod").unwrap().write("x", b"new").unwrap_err();
    assert!(matches!(&error, FileError::Link { path } if path == "linked"), "{error:?}");
    let error = output.folder("prod/inside").unwrap().write("x", b"new").unwrap_err();
    assert!(matches!(&error, FileError::Link { path } if path == "out/prod/inside"), "{error:?}");
}

#[test]
fn paths_that_are_not_plain_are_refused() {
    let (_keep, root) = temporary();
    for out in ["", ".", "..", "/tmp", "a/../b", "a//b", "a/", "a\\b"] {
        let error = OutputRoot::open(&root, out).unwrap_err();
        assert!(matches!(error, FileError::PathEscapes { .. }), "{out}");
    }
    let output = OutputRoot::open(&root, "out").unwrap();
    assert!(matches!(output.folder("../x"), Err(FileError::PathEscapes { .. })));
    let folder = output.folder("prod").unwrap();
    for path in ["", ".", "..", "/tmp/x", "../x", "a/../../x", "a//b", "a/", "a\\b", "a\0b"] {
        let error = folder.write(path, b"new").unwrap_err();
        assert!(matches!(error, FileError::PathEscapes { .. }), "{path:?}");
        assert!(matches!(folder.remove(path), Err(FileError::PathEscapes { .. })), "{path:?}");
    }
    assert_eq!(folder.sweep("../.."), 0);
    assert_eq!(paths(&root), [""; 0]);
}

#[test]
fn what_is_not_a_file_stays_as_it_is() {
    let (_keep, root) = temporary();
    std::fs::create_dir_all(root.join("out/prod/folder")).unwrap();
    std::fs::write(root.join("out/prod/file"), "old").unwrap();
    let before = paths(&root);
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    let error = folder.write("folder", b"new").unwrap_err();
    assert!(matches!(&error, FileError::NotAFile { path } if path == "out/prod/folder"), "{error:?}");
    assert!(matches!(folder.remove("folder"), Err(FileError::NotAFile { .. })));
    let error = folder.write("file/below", b"new").unwrap_err();
    assert!(matches!(&error, FileError::NotAFolder { path } if path == "out/prod/file"), "{error:?}");
    assert!(matches!(folder.remove("file/below"), Err(FileError::NotAFolder { .. })));
    assert_eq!(paths(&root), before);
    assert_eq!(read(&root, "out/prod/file"), "old");
}

#[test]
fn a_reader_never_sees_a_part_of_a_file() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    let [left, right] = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
    folder.write("file", &left).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let seen = std::fs::read(root.join("out/prod/file")).unwrap();
                assert!(seen == left || seen == right, "{} bytes", seen.len());
                reads += 1;
            }
        });
        for round in 0..200 {
            folder.write("file", if round % 2 == 0 { &right } else { &left }).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(paths(&root.join("out/prod")), ["file"]);
}

#[test]
fn a_folder_that_was_removed_meanwhile_is_made_again() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    folder.write("a/file", b"old").unwrap();
    std::fs::remove_dir_all(root.join("out/prod/a")).unwrap();
    // The first attempt may meet the folder that is gone, the next one looks again.
    let _ = folder.write("a/file", b"new");
    folder.write("a/file", b"new").unwrap();
    assert_eq!(read(&root, "out/prod/a/file"), "new");
}

#[test]
fn remove_prunes_empty_folders_up_to_the_output_folder() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "rendered/out").unwrap();
    let folder = output.folder("prod").unwrap();
    for path in ["a/b/one", "a/b/two", "a/three"] {
        folder.write(path, b"x").unwrap();
    }
    let out = root.join("rendered/out");
    assert!(folder.remove("a/b/one").unwrap());
    assert_eq!(paths(&out), ["prod", "prod/a", "prod/a/b", "prod/a/b/two", "prod/a/three"]);
    assert!(folder.remove("a/b/two").unwrap());
    assert_eq!(paths(&out), ["prod", "prod/a", "prod/a/three"]);
    assert!(!folder.remove("a/b/two").unwrap());
    assert!(folder.remove("a/three").unwrap());
    assert_eq!(paths(&root), ["rendered", "rendered/out"]);
    folder.write("a/b/one", b"again").unwrap();
    assert_eq!(read(&out, "prod/a/b/one"), "again");
}

#[test]
fn sweep_removes_only_what_a_killed_process_left() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    folder.write("a/file", b"x").unwrap();
    let inside = root.join("out/prod/a");
    for name in ["0123456789abcdef", "0000000000000000", "short", "0123456789abcdeg", "0123456789abcdef.yaml"] {
        std::fs::write(inside.join(format!("{TEMPORARY_PREFIX}{name}")), "x").unwrap();
    }
    std::fs::create_dir(inside.join(format!("{TEMPORARY_PREFIX}fedcba9876543210"))).unwrap();
    assert_eq!(folder.sweep(""), 0);
    assert_eq!(folder.sweep("none"), 0);
    assert_eq!(folder.sweep("a"), 2);
    assert_eq!(folder.sweep("a"), 0);
    assert_eq!(
        paths(&inside),
        [
            ".trustree-tmp.0123456789abcdef.yaml",
            ".trustree-tmp.0123456789abcdeg",
            ".trustree-tmp.fedcba9876543210",
            ".trustree-tmp.short",
            "file"
        ]
    );
}

#[test]
fn threads_write_beside_each_other() {
    let (_keep, root) = temporary();
    let output = OutputRoot::open(&root, "out").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let output = &output;
            scope.spawn(move || {
                for number in 0..20 {
                    let folder = output.folder(&format!("environment-{number}/shared")).unwrap();
                    folder.write(&format!("file-{thread}"), b"x").unwrap();
                }
            });
        }
    });
    let files = walkdir::WalkDir::new(&root).into_iter().filter(|entry| entry.as_ref().unwrap().file_type().is_file());
    assert_eq!(files.count(), 160);
}

/// The answers of a system that cannot be provoked without privileges, through the same conversion.
#[test]
fn messages_say_what_to_do() {
    let error = |kind: io::ErrorKind| {
        let error = FileError::Io { action: trustree::outside::files::Action::Write, path: "out/x".into(), source: kind.into() };
        error.to_string()
    };
    assert_eq!(error(io::ErrorKind::StorageFull), "cannot write `out/x`: the disk is full");
    assert_eq!(error(io::ErrorKind::Other), "cannot write `out/x`");
    let denied = |kind: io::ErrorKind| {
        let error = FileError::Denied { path: "out/x".into(), source: kind.into() };
        (error.to_string(), error.hint().unwrap())
    };
    let (message, hint) = denied(io::ErrorKind::PermissionDenied);
    assert_eq!(message, "no access to `out/x`");
    assert!(hint.contains("permissions"));
    assert!(denied(io::ErrorKind::ReadOnlyFilesystem).1.contains("read-only"));
}

/// Without privileges nothing refuses root reliably; procfs does, with whatever error.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_named() {
    let own = std::process::id().to_string();
    let output = OutputRoot::open("/proc".into(), &own).unwrap();
    let error = output.folder("").unwrap().write("file", b"x").unwrap_err();
    assert_eq!(error.path(), format!("{own}/file"));
    assert!(matches!(error, FileError::Denied { .. } | FileError::Io { .. }), "{error:?}");
}

#[test]
#[ignore = "needs the right to mount a file system: run as root with `cargo test -- --ignored`"]
fn a_full_disk_and_a_read_only_one_are_named() {
    let mount = |arguments: &[&str]| {
        let status = std::process::Command::new("mount").args(arguments).status().unwrap();
        assert!(status.success());
    };
    let (_keep, root) = temporary();
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs", root.as_str()]);
    let output = OutputRoot::open(&root, "out").unwrap();
    let folder = output.folder("prod").unwrap();
    let written = folder.write("file", b"old");
    let full = folder.write("file", &vec![b'x'; 1 << 20]);
    let after = (paths(&root), read(&root, "out/prod/file"));
    mount(&["-o", "remount,ro", root.as_str()]);
    let read_only = folder.write("file", b"new");
    drop(folder);
    drop(output);
    std::process::Command::new("umount").arg(root.as_str()).status().unwrap();

    written.unwrap();
    let full = full.unwrap_err();
    assert_eq!(full.to_string(), "cannot write `out/prod/file`: the disk is full");
    assert_eq!(after.0, ["out", "out/prod", "out/prod/file"]);
    assert_eq!(after.1, "old");
    let read_only = read_only.unwrap_err();
    assert!(matches!(read_only, FileError::Denied { .. }), "{read_only:?}");
}
