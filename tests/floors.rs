//! The house has floors: a room of `src/` may use the rooms below it, never one above, and never in a circle.
//!
//! What counts as use is every path that begins with `crate::`, or with enough `super::` to leave the room; in
//! `main.rs` also `trustree::`. Inside a room the files may use each other freely. `lib.rs` only lists the rooms.

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, iter};

/// Top to bottom. Rooms of one floor may use each other unless they are [`STRANGERS`].
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["explain", "takeover"],
    &["fleet"],
    &["lint", "render"],
    &["inflate"],
    &["model"],
    &["inventory", "snapshot"],
    &["apply", "commit", "pull"],
    &["report"],
    &["change"],
    &["plan"],
    &["manifest"],
    &["catalog"],
    &["pki"],
    &["outside"],
    &["yaml", "tree", "finding"],
];

/// Rooms of one floor that must not know each other.
const STRANGERS: &[(&str, &str)] = &[("lint", "render"), ("inventory", "snapshot")];

#[test]
fn imports_run_downwards() {
    let sources = read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(!sources.is_empty(), "no Rust file below src/");
    let complaints = check(&sources);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// A file of `src/`: its path there, with `/`, and its text.
type Source = (String, String);

fn read_sources(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.expect("src/ can be listed");
        if entry.path().extension().is_some_and(|kind| kind == "rs") {
            let below = entry.path().strip_prefix(root).expect("listed below src/");
            let path = below.to_str().expect("a UTF-8 path").replace('\\', "/");
            let text = fs::read_to_string(entry.path()).expect("a readable source");
            sources.push((path, text));
        }
    }
    sources
}

/// Everything that is wrong, one sentence each.
fn check(sources: &[Source]) -> Vec<String> {
    let mut complaints = BTreeSet::new();
    let mut edges: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources {
        if path == "lib.rs" {
            continue;
        }
        let room = room_of(path);
        let Some(floor) = floor_of(room) else {
            complaints.insert(format!("src/{path}: the room `{room}` is unknown: add it to the floors"));
            continue;
        };
        for Import { line, target } in imports(path, text) {
            if target == room {
                continue;
            }
            match floor_of(&target) {
                None => {
                    complaints.insert(format!("src/{path}:{line}: `crate::{target}` is no room: name the room where it lives"));
                }
                Some(other) if other < floor => {
                    complaints.insert(format!("src/{path}:{line}: `{room}` uses `{target}`, which is above it"));
                }
                Some(_) if are_strangers(room, &target) => {
                    complaints.insert(format!("src/{path}:{line}: `{room}` uses `{target}`; they must not know each other"));
                }
                Some(_) => {
                    edges.entry(room).or_default().insert(target);
                }
            }
        }
    }
    complaints.extend(circles(&edges));
    complaints.into_iter().collect()
}

/// `plan/ledger.rs` -> `plan`, `tree.rs` -> `tree`.
fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn are_strangers(one: &str, other: &str) -> bool {
    STRANGERS.contains(&(one, other)) || STRANGERS.contains(&(other, one))
}

/// Each circle of rooms, told from its alphabetically first room.
fn circles(edges: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    fn walk<'a>(edges: &'a BTreeMap<&str, BTreeSet<String>>, way: &mut Vec<&'a str>, found: &mut Vec<String>) {
        let (first, last) = (way[0], way[way.len() - 1]);
        for next in edges.get(last).into_iter().flatten() {
            if next == first {
                found.push(format!("a circle: {} -> {first}", way.join(" -> ")));
            } else if next.as_str() > first && !way.contains(&next.as_str()) {
                way.push(next);
                walk(edges, way, found);
                way.pop();
            }
        }
    }
    let mut found = Vec::new();
    for start in edges.keys() {
        walk(edges, &mut vec![start], &mut found);
    }
    found
}

/// One path of a file that leads to the crate's root and on.
#[derive(Debug, PartialEq)]
struct Import {
    line: usize,
    /// The first name below the root; `*` for a glob of the root itself.
    target: String,
}

fn imports(path: &str, text: &str) -> Vec<Import> {
    let tokens = tokens(text);
    let is_main = path == "main.rs";
    // The modules that the text stands in: those of the file, then inline ones with the depth of their braces.
    let file_depth = module_depth(path);
    let mut inline: Vec<usize> = Vec::new();
    let mut braces = 0;
    let mut found = Vec::new();
    for here in 0..tokens.len() {
        let near = |index: usize| tokens.get(index).map_or("", |token| token.1.as_str());
        let before = here.checked_sub(1).map_or("", near);
        let leads_on = near(here + 1) == "::";
        match near(here) {
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
            }
            "mod" if near(here + 2) == "{" => inline.push(braces),
            "crate" if leads_on => targets(&tokens, here + 2, 0, &mut found),
            "trustree" if is_main && before != "::" && leads_on => {
                targets(&tokens, here + 2, 0, &mut found);
            }
            "super" if before != "::" && leads_on => {
                targets(&tokens, here, file_depth + inline.len(), &mut found);
            }
            _ => {}
        }
    }
    found
}

/// How many modules a file lies below the crate's root: `lint/mod.rs` and `lint.rs` one, `lint/names.rs` two.
fn module_depth(path: &str) -> usize {
    match path {
        "main.rs" => 0,
        _ => path.split('/').count() - usize::from(path.ends_with("/mod.rs")),
    }
}

/// Adds what the path or group of paths at `at`, which starts in a module `depth` below the root, names there.
/// Below the root names are of no interest, except `super`.
fn targets(tokens: &[Token], mut at: usize, mut depth: usize, found: &mut Vec<Import>) {
    loop {
        let Some((line, word)) = tokens.get(at) else {
            return;
        };
        match word.as_str() {
            "{" => {
                // Each member of the group is a path of its own from here.
                let mut nesting = 0;
                let mut starts = false;
                for (index, (_, word)) in tokens.iter().enumerate().skip(at) {
                    if nesting == 1 && starts {
                        targets(tokens, index, depth, found);
                    }
                    match word.as_str() {
                        "{" => nesting += 1,
                        "}" => nesting -= 1,
                        _ => {}
                    }
                    starts = nesting == 1 && (word == "," || index == at);
                    if nesting == 0 {
                        return;
                    }
                }
                return;
            }
            "super" => depth = depth.saturating_sub(1),
            "self" => {}
            // After the last comma of a group.
            "}" => return,
            _ if depth == 0 => {
                found.push(Import { line: *line, target: word.clone() });
                return;
            }
            // A name inside our own room: from there no `super` leads out again.
            _ => return,
        }
        match tokens.get(at + 1).map(|token| token.1.as_str()) {
            Some("::") => at += 2,
            _ => return,
        }
    }
}

/// A line, counted from one, and a word, a `::`, or a single other character on it.
type Token = (usize, String);

/// Splits a source, and leaves out comments and what stands in quotes.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let c = get(at);
        if c == '/' && get(at + 1) == '/' {
            at += chars[at..].iter().take_while(|c| **c != '\n').count();
        } else if c == '/' && get(at + 1) == '*' {
            at = end_of_comment(&chars, at);
        } else if c == '"' {
            at = end_of_string(&chars, at);
        } else if c == '\'' {
            // A character, or a lifetime (which is left out too).
            at = match (get(at + 1), get(at + 2)) {
                ('\\', _) => 3 + at + chars.iter().skip(at + 3).take_while(|c| **c != '\'').count() + 1,
                (_, '\'') => at + 3,
                _ => at + 1 + word_length(&chars, at + 1),
            };
        } else if let Some(hashes) = raw_string(&chars, at) {
            let end: String = iter::once('"').chain(iter::repeat_n('#', hashes)).collect();
            let open = at + chars[at..].iter().take_while(|c| **c != '"').count() + 1;
            at = (open..chars.len())
                .find(|index| end.chars().enumerate().all(|(i, c)| get(index + i) == c))
                .map_or(chars.len(), |index| index + end.len());
        } else if c == ':' && get(at + 1) == ':' {
            at += 2;
            found.push((line, "::".to_owned()));
        } else if c.is_alphanumeric() || c == '_' {
            at += word_length(&chars, at);
            found.push((line, chars[start..at].iter().collect()));
        } else {
            at += 1;
            if !c.is_whitespace() {
                found.push((line, c.to_string()));
            }
        }
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    found
}

fn word_length(chars: &[char], at: usize) -> usize {
    chars[at.min(chars.len())..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
}

/// Comments of this kind nest.
fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut nesting = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (nesting, at) = (nesting + 1, at + 2),
            ('*', Some('/')) => (nesting, at) = (nesting - 1, at + 2),
            _ => at += 1,
        }
        if nesting == 0 {
            break;
        }
    }
    at
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The number of `#` if a raw string begins here: `r"`, `r#"`, `br"`, `cr"`.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let after = match chars[at..] {
        ['r', ..] => at + 1,
        ['b' | 'c', 'r', ..] => at + 2,
        _ => return None,
    };
    let hashes = chars[after..].iter().take_while(|c| **c == '#').count();
    (chars.get(after + hashes) == Some(&'"')).then_some(hashes)
}

mod made_up {
    use super::*;

    fn complaints(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        check(&sources)
    }

    fn targets_of(path: &str, text: &str) -> Vec<String> {
        imports(path, text).into_iter().map(|import| import.target).collect()
    }

    #[test]
    fn downwards_is_fine() {
        let house = [
            ("lib.rs", "pub mod cli; pub use crate::cli::run;"),
            ("main.rs", "use trustree::cli; fn main() { cli::run() }"),
            ("cli/mod.rs", "use crate::{fleet::Fleet, report, yaml};"),
            ("fleet.rs", "use crate::lint;\nuse crate::render;\nuse crate::apply::write;"),
            ("apply.rs", "use crate::plan::Plan; use crate::change::Change;"),
            ("yaml.rs", "use crate::finding::Finding;"),
            ("tree.rs", "use crate::yaml;"),
        ];
        assert_eq!(complaints(&house), [""; 0]);
    }

    #[test]
    fn upwards_is_told_with_its_place() {
        assert_eq!(
            complaints(&[("plan/mod.rs", "//! Plans.\n\nuse crate::model::Model;\n")]),
            ["src/plan/mod.rs:3: `plan` uses `model`, which is above it"]
        );
        for (path, text) in [
            ("change/mod.rs", "use crate::model::Model;"),
            ("commit.rs", "fn f() { crate::render::all() }"),
            ("pull/github.rs", "use super::super::render;"),
            ("tree.rs", "use super::plan::Plan;"),
            ("tree.rs", "mod tests { use super::super::plan; }"),
            ("outside/git.rs", "use crate::{\n    yaml,\n    {pki::{names}, tree},\n};"),
        ] {
            let found = complaints(&[(path, text)]);
            assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
            assert!(found[0].ends_with("which is above it"), "{found:?}");
        }
    }

    #[test]
    fn strangers_are_kept_apart() {
        for (path, text) in [
            ("lint/mod.rs", "use crate::render::Template;"),
            ("render/mod.rs", "use crate::lint;"),
            ("inventory/mod.rs", "use crate::snapshot;"),
            ("snapshot/mod.rs", "use crate::inventory;"),
        ] {
            let found = complaints(&[(path, text)]);
            assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
            assert!(found[0].ends_with("they must not know each other"), "{found:?}");
        }
    }

    #[test]
    fn a_circle_is_told_once() {
        let house = [
            ("yaml.rs", "use crate::finding::Finding;"),
            ("finding.rs", "use crate::tree;"),
            ("tree.rs", "use crate::yaml; use crate::finding;"),
        ];
        assert_eq!(complaints(&house), ["a circle: finding -> tree -> finding", "a circle: finding -> tree -> yaml -> finding"]);
    }

    #[test]
    fn a_room_that_nobody_knows_is_told() {
        assert_eq!(complaints(&[("attic/box.rs", "")]), ["src/attic/box.rs: the room `attic` is unknown: add it to the floors"]);
        assert_eq!(
            complaints(&[("cli/mod.rs", "use crate::Error;")]),
            ["src/cli/mod.rs:1: `crate::Error` is no room: name the room where it lives"]
        );
        assert_eq!(complaints(&[("tree.rs", "use super::*;")]), ["src/tree.rs:1: `crate::*` is no room: name the room where it lives"]);
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        assert_eq!(targets_of("cli/mod.rs", "use crate::{self as root, a::{b, c::d}, e as f, g::*};"), ["a", "e", "g"]);
        assert_eq!(targets_of("cli/mod.rs", "use crate :: a;"), ["a"]);
        assert_eq!(targets_of("cli/mod.rs", "let x: crate::a::B = $crate::c!();"), ["a", "c"]);
        assert_eq!(targets_of("cli/check.rs", "use super::{super::plan, Args};"), ["plan"]);
        assert_eq!(targets_of("cli/check.rs", "mod tests { use super::super::Args; }"), [""; 0]);
        assert_eq!(targets_of("tree.rs", "mod tests { use super::*; fn f() {} } use super::yaml;"), ["yaml"]);
        assert_eq!(targets_of("main.rs", "trustree::cli::run(); other::trustree::x();"), ["cli"]);
        assert_eq!(targets_of("cli/mod.rs", "trustree::cli::run();"), [""; 0]);
    }

    #[test]
    fn comments_and_quotes_are_no_imports() {
        let text = r##"
            // use crate::a;
            /* use crate::b; /* use crate::c; */ use crate::d; */
            const S: &str = "use crate::e; \" crate::f";
            const R: &str = r#"use crate::g; " crate::h"#;
            const C: [char; 3] = ['"', '\'', '\\'];
            fn f<'a>(x: &'a str) -> &'static str { crate::found(x) }
        "##;
        assert_eq!(imports("cli/mod.rs", text), [Import { line: 7, target: "found".to_owned() }]);
    }
}
