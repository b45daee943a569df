//! Runs what people read: the README, the pages under `docs/`, and one folder per behaviour under `tests/cases/`.
//!
//! A Markdown file holds blocks fenced as `console`. A line `$ command` is run by `sh` in a folder of its own; what it
//! prints on both outputs follows, and `? N` says that it exits with N. `SNAPSHOTS=overwrite cargo test` writes down what
//! it prints now.
//!
//! A case is a folder named by the sentence it proves: `session.md`, `input/` (the folder it runs in, may be missing) and
//! `expected/` (what must lie there afterwards, may be missing; every file of the folders named there, none left over).

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables that would change what the program does.
const SCRUBBED: &[&str] = &["CI", "GITHUB_", "GH_", "GIT_", "TRUSTREE_", "NO_COLOR", "CLICOLOR", "HOME", "XDG_", "LANG", "LC_"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn overwrite() -> bool {
    std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite")
}

/// Runs a command by `sh` in `folder`; output and exit code.
fn run(command: &str, folder: &Path, home: &Path) -> (String, i32) {
    let binaries = Path::new(env!("CARGO_BIN_EXE_trustree")).parent().expect("a folder");
    let shims = root().join("tests/shims");
    let path = format!("{}:{}:{}", binaries.display(), shims.display(), std::env::var("PATH").expect("PATH"));
    let mut process = Command::new("sh");
    process.arg("-c").arg(format!("{{ {command}\n}} 2>&1")).current_dir(folder).stdin(std::process::Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| SCRUBBED.iter().any(|prefix| name.starts_with(prefix))) {
            process.env_remove(name);
        }
    }
    process
        .env("PATH", path)
        .env("HOME", home)
        .env("LC_ALL", "C")
        .env("COLUMNS", "120")
        // The day on which everything is judged.
        .env("TRUSTREE_AS_OF", "2027-06-01")
        .env("TRUSTREE_TEST_DATA", root().join("tests/data"));
    process
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
    for (name, value) in [("NAME", "Somebody"), ("EMAIL", "somebody@example.org")] {
        process.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = process.output().expect("sh runs");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

/// Goes through the blocks of a text, running each command; gives the text as it should be.
fn replay(text: &str, folder: &Path, home: &Path) -> String {
    let mut result = String::new();
    let mut lines = text.lines().peekable();
    let mut in_session = false;
    while let Some(line) = lines.next() {
        if !in_session || !line.starts_with("$ ") {
            result.push_str(line);
            result.push('\n');
            if let Some(information) = line.strip_prefix("```") {
                in_session = information == "console";
                if let Some((_, file)) = information.split_once(' ') {
                    write_block(&mut lines, &folder.join(file), &mut result);
                }
            }
            continue;
        }
        let mut command = line[2..].to_owned();
        result.push_str(line);
        result.push('\n');
        while command.ends_with('\\')
            && let Some(more) = lines.next()
        {
            command.push('\n');
            command.push_str(more.strip_prefix("> ").unwrap_or(more));
            result.push_str(more);
            result.push('\n');
        }
        while lines.peek().is_some_and(|next| !next.starts_with("$ ") && *next != "```") {
            lines.next();
        }
        let (output, code) = run(&command, folder, home);
        let output = output.replace(&*folder.to_string_lossy(), "[FOLDER]").replace(&*root().to_string_lossy(), "[REPOSITORY]");
        // The next replay would take such a line for the end of the block, and the rest for text.
        let ends_block = output.lines().any(|line| line == "```");
        assert!(!ends_block, "`{command}` prints a line of three backticks, which a session cannot hold: pipe it through `sed` or `grep`");
        if code != 0 {
            result.push_str(&format!("? {code}\n"));
        }
        result.push_str(&output);
        if !output.is_empty() && !output.ends_with('\n') {
            result.push('\n');
        }
    }
    result
}

/// Writes the rest of a block into the file that the block's first line names.
fn write_block<'a>(lines: &mut impl Iterator<Item = &'a str>, file: &Path, result: &mut String) {
    let body: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    let text: String = body.iter().map(|line| format!("{line}\n")).collect();
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, &text).expect("written");
    result.push_str(&text);
    result.push_str("```\n");
}

/// Compares, or writes down what is.
fn compare(file: &Path, actual: &str, problems: &mut Vec<String>) {
    let expected = fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return;
    }
    if overwrite() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, actual).expect("written");
        return;
    }
    let difference =
        similar::TextDiff::from_lines(expected.as_str(), actual).unified_diff().context_radius(2).header("expected", "actual").to_string();
    problems.push(format!("{}:\n{difference}", file.strip_prefix(root()).unwrap_or(file).display()));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy(&source, &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).expect("a link"), &target).expect("linked");
        } else {
            fs::copy(&source, &target).expect("copied");
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).expect("permitted");
        }
    }
}

/// Files below a folder by their path, as text.
fn files(folder: &Path, below: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder.join(below)).into_iter().flatten().flatten() {
        let path = below.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(folder, &path, found);
        } else {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            found.insert(path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// One case folder.
fn case(folder: &Path, problems: &mut Vec<String>) {
    let sandbox = tempfile::tempdir().expect("a folder");
    let (work, home) = (sandbox.path().join("work"), sandbox.path().join("home"));
    fs::create_dir_all(&home).expect("a folder");
    fs::create_dir_all(&work).expect("a folder");
    if folder.join("input").is_dir() {
        copy(&folder.join("input"), &work);
    }
    let session = folder.join("session.md");
    let text = fs::read_to_string(&session).unwrap_or_else(|error| panic!("{}: {error}", session.display()));
    assert!(text.contains("\n$ "), "{} runs nothing", session.display());
    compare(&session, &replay(&text, &work, &home), problems);
    let expected_folder = folder.join("expected");
    if !expected_folder.is_dir() {
        return;
    }
    let (mut expected, mut actual) = (BTreeMap::new(), BTreeMap::new());
    files(&expected_folder, Path::new(""), &mut expected);
    for top in fs::read_dir(&expected_folder).expect("listed").flatten() {
        files(&work, Path::new(&top.file_name()), &mut actual);
    }
    for (path, text) in &actual {
        compare(&expected_folder.join(path), text, problems);
    }
    for path in expected.keys().filter(|path| !actual.contains_key(*path)) {
        if overwrite() {
            fs::remove_file(expected_folder.join(path)).expect("removed");
        } else {
            problems.push(format!("{}: expected/{path} is left over", folder.display()));
        }
    }
}

#[test]
#[should_panic(expected = "three backticks")]
fn output_that_would_end_its_block_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    replay("```console\n$ printf 'a\\n```\\nb\\n'\n```\n", folder.path(), folder.path());
}

#[test]
fn every_case_folder_behaves_as_it_says() {
    let mut problems = Vec::new();
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("tests/cases")).expect("listed").flatten().map(|entry| entry.path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    let only = std::env::var("CASE").ok();
    for folder in folders {
        if only.as_ref().is_none_or(|only| folder.ends_with(only)) {
            case(&folder, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// README and docs run in a copy of this repository, each page in its own.
#[test]
fn what_the_pages_show_is_what_happens() {
    let mut problems = Vec::new();
    let mut pages = vec![root().join("README.md")];
    pages.extend(
        walkdir::WalkDir::new(root().join("docs"))
            .into_iter()
            .flatten()
            .map(walkdir::DirEntry::into_path)
            .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
    );
    pages.sort();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        if !text.contains("```console") {
            continue;
        }
        let sandbox = tempfile::tempdir().expect("a folder");
        let (work, home) = (sandbox.path().join("trustree"), sandbox.path().join("home"));
        fs::create_dir_all(&home).expect("a folder");
        for part in ["charts", "environments", "out", "templates"] {
            copy(&root().join(part), &work.join(part));
        }
        for file in ["trustree.yaml", ".gitattributes"] {
            if root().join(file).is_file() {
                fs::copy(root().join(file), work.join(file)).expect("copied");
            }
        }
        let (_, code) = run("git init -q -b main . && git add -A && git commit -qm start", &work, &home);
        assert_eq!(code, 0);
        compare(&page, &replay(&text, &work, &home), &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
