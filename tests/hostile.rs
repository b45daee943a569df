//! What a case folder cannot hold: files that are too large or too deep, pipes, folders without access, a process that
//! is killed, and a good repository with one file damaged in every way that comes to mind.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts the program")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// No run on these small repositories may take longer, also on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(30);
/// Somebody who is not root.
const NOBODY: u32 = 65_534;

const GOOD: &str = "apiVersion: trustree.dev/v1alpha1
kind: Environment
stepIssuer:
  namespace: smallstep
  chart:
    version: 1.11.0
";

const LAYER: &str = "apiVersion: trustree.dev/v1alpha1
kind: Layer
labels:
  stage: prod
authorities:
  internal:
    namespace: smallstep
    release: step-certificates
stepIssuer:
  namespace: smallstep
  chart:
    version: 1.11.0
  values:
    replicaCount: 2
exporter: true
";

const INVENTORY: &str = "apiVersion: trustree.dev/v1alpha1
kind: Environment
extends: [base]
labels: {region: tokyo}
issuers:
  tenants:
    kind: StepClusterIssuer
    provisioner:
      name: step-issuer
      passwordRef: {name: password, namespace: smallstep, key: \"password\"}
certificates:
  web:
    namespace: web
    dnsNames:
      - web.web.svc.cluster.local
      - \"*.web.example\"
    duration: 24h
";

struct Repository {
    keep: tempfile::TempDir,
}

impl Repository {
    /// One environment that is fine and needs nothing else.
    fn new() -> Repository {
        let repository = Repository { keep: tempfile::tempdir().expect("a folder") };
        repository.write("environments/good/inventory.yaml", GOOD);
        repository
    }

    /// Two environments with a file of every kind that is read.
    fn full() -> Repository {
        let repository = Repository::new();
        let data = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &str| fs::read_to_string(data.join(path)).expect("a file of ours");
        repository.write("environments/_layers/base.yaml", LAYER);
        repository.write("environments/prod/inventory.yaml", INVENTORY);
        repository.write("environments/prod/ca-snapshot.yaml", read("tests/data/ca-snapshot-a.yaml"));
        repository.write("templates/step-issuer/component.yaml", read("templates/step-issuer/component.yaml"));
        repository.write("templates/step-issuer/certificate.yaml.j2", read("templates/step-issuer/certificate.yaml.j2"));
        repository.write("trustree.yaml", "out: out\npath: \"{environment}/{namespace}/{component}\"\nminimumVersion: \"0.1\"\n");
        let output = repository.run(&["render"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        repository
    }

    fn root(&self) -> &Path {
        self.keep.path()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let start = Instant::now();
        let output = self.command(Path::new(env!("CARGO_BIN_EXE_trustree")), arguments).output().expect("it runs");
        assert!(start.elapsed() < PATIENCE, "{arguments:?} took {:?}", start.elapsed());
        output
    }

    /// Runs as somebody whom permissions bind.
    fn run_bound(&self, arguments: &[&str]) -> Output {
        let program = self.path("trustree");
        // By another process: a program cannot start while a thread's fork still holds it open for writing.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_trustree")).arg(&program).status();
        assert!(copied.expect("cp runs").success());
        fs::set_permissions(self.root(), fs::Permissions::from_mode(0o755)).expect("permitted");
        let mut command = self.command(&program, arguments);
        if is_root(self.root()) {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().expect("it runs")
    }

    /// Files below a folder with their bytes.
    fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = walkdir::WalkDir::new(self.path(folder)).into_iter().filter_map(Result::ok);
        entries
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let below = entry.path().strip_prefix(self.root()).expect("listed below it").to_owned();
                (below, fs::read(entry.path()).expect("readable"))
            })
            .collect()
    }
}

fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).expect("a folder that we made").uid() == 0
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The run failed with exit code 2, said all of `words`, and rendered the good environment.
fn refused(repository: &Repository, output: &Output, words: &[&str]) {
    let text = text(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    assert!(repository.path("out/good/smallstep/step-issuer/kustomization.yaml").is_file(), "{text}");
    assert!(!repository.path("out/bad").exists(), "{text}");
}

/// A file of 200 MiB that takes no room on the disk.
fn huge(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::File::options().create(true).append(true).open(path).expect("opened").set_len(200 * 1024 * 1024).expect("grown");
}

#[test]
fn a_file_of_200_mib_is_refused_without_being_read() {
    for (file, needed) in [
        ("environments/bad/inventory.yaml", ""),
        ("environments/bad/ca-snapshot.yaml", "authorities: {internal: {namespace: smallstep}}\n"),
        ("environments/_layers/huge.yaml", "extends: [huge]\n"),
    ] {
        let repository = Repository::new();
        repository.write("environments/bad/inventory.yaml", format!("{GOOD}{needed}"));
        huge(&repository.path(file));
        let output = repository.run(&["render"]);
        refused(&repository, &output, &[file, "209715200 bytes", "= help: "]);
    }
}

#[test]
fn a_file_of_200_mib_that_all_environments_share_stops_the_run() {
    for file in ["trustree.yaml", "templates/step-issuer/values.yaml.j2"] {
        let repository = Repository::new();
        huge(&repository.path(file));
        let output = repository.run(&["render"]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(file) && text.contains("209715200 bytes"), "{text}");
        assert!(!repository.path("out").exists());
    }
}

#[test]
fn a_file_of_200_mib_in_the_output_folder_is_left_alone() {
    for file in ["out/good/.trustree.ledger", "out/good/smallstep/step-issuer/kustomization.yaml"] {
        let repository = Repository::new();
        huge(&repository.path(file));
        let output = repository.run(&["render"]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(file), "{}", text(&output));
        assert_eq!(fs::metadata(repository.path(file)).expect("still there").len(), 200 * 1024 * 1024);
    }
}

#[test]
fn a_dump_of_200_mib_is_not_imported() {
    let repository = Repository::new();
    huge(&repository.path("dump.yaml"));
    let output = repository.run(&["snapshot", "import", "dump.yaml", "--env", "new"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("64 MiB"), "{}", text(&output));
    assert!(!repository.path("environments/new").exists());
}

#[test]
fn ten_thousand_levels_are_refused_with_their_line() {
    // As many as fit into a file that is small enough to be read.
    let blocks: String = (0..5_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let lists = format!("a:\n  {}x\n", "- ".repeat(10_000));
    for deep in [blocks, lists, format!("a: {}", "[".repeat(10_000)), format!("a: {}", "{a: ".repeat(10_000)), "? ".repeat(10_000)] {
        let repository = Repository::new();
        repository.write("environments/bad/inventory.yaml", &deep);
        let output = repository.run(&["render"]);
        refused(&repository, &output, &["nested deeper than", "environments/bad/inventory.yaml:", "= help: "]);
        repository.write("dump.yaml", &deep);
        let output = repository.run(&["snapshot", "import", "dump.yaml", "--env", "new"]);
        refused(&repository, &output, &["nested deeper than"]);
    }
    let repository = Repository::new();
    repository.write("dump.json", "[".repeat(10_000));
    let output = repository.run(&["snapshot", "import", "dump.json", "--env", "new"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("recursion limit"), "{}", text(&output));
}

#[test]
fn a_pipe_is_no_file_and_nobody_waits_for_it() {
    for file in ["environments/bad/inventory.yaml", "environments/bad/ca-snapshot.yaml", "out/good/.trustree.ledger"] {
        let repository = Repository::new();
        repository.write("environments/bad/inventory.yaml", format!("{GOOD}authorities: {{internal: {{namespace: smallstep}}}}\n"));
        let path = repository.path(file);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        let output = repository.run(&["render"]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(&format!("`{file}` is not a regular file")), "{}", text(&output));
    }
}

#[test]
fn a_folder_without_access_is_named_and_the_others_are_rendered() {
    let repository = Repository::new();
    repository.write("environments/bad/inventory.yaml", GOOD);
    fs::create_dir(repository.path("out")).expect("made");
    fs::set_permissions(repository.path("out"), fs::Permissions::from_mode(0o777)).expect("permitted");
    fs::set_permissions(repository.path("environments/bad"), fs::Permissions::from_mode(0o000)).expect("forbidden");
    let output = repository.run_bound(&["render"]);
    fs::set_permissions(repository.path("environments/bad"), fs::Permissions::from_mode(0o755)).expect("permitted");
    refused(&repository, &output, &["no access to `environments/bad", "check owner and permissions"]);
}

#[test]
fn a_read_only_output_folder_stays_as_it_is() {
    let repository = Repository::full();
    let before = repository.files("out");
    repository.write("environments/prod/inventory.yaml", INVENTORY.replace("24h", "12h"));
    let folders: Vec<PathBuf> = walkdir::WalkDir::new(repository.path("out"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .collect();
    for folder in &folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).expect("forbidden");
    }
    let output = repository.run_bound(&["render"]);
    for folder in &folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permitted");
    }
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("out/prod: not finished: no access to `out/prod/.trustree.ledger`; check owner and permissions"), "{text}");
    assert_eq!(repository.files("out"), before);
    let output = repository.run(&["render"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Two hundred environments whose trees depend on `version`.
fn fleet(repository: &Repository, version: &str) {
    for number in 0..200 {
        repository.write(
            &format!("environments/cluster-{number:03}/inventory.yaml"),
            format!("{}  values:\n    replicaCount: {}\n", GOOD.replace("1.11.0", version), 2 + number),
        );
    }
}

/// Starts a render and kills it at a random moment; says whether it was still running.
fn killed(repository: &Repository, random: &mut Random) -> bool {
    let mut command = repository.command(Path::new(env!("CARGO_BIN_EXE_trustree")), &["render", "--quiet"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    std::thread::sleep(Duration::from_millis(random.below(120) as u64));
    let was_running = child.try_wait().expect("asked").is_none();
    child.kill().expect("killed");
    child.wait().expect("gone");
    was_running
}

/// A process that is killed at any moment leaves a tree that the next run finishes by itself, without `--force`.
#[test]
fn a_killed_render_is_finished_by_the_next_one() {
    let undisturbed = Repository::new();
    fleet(&undisturbed, "1.10.2");
    assert_eq!(undisturbed.run(&["render"]).status.code(), Some(0));
    let expected = undisturbed.files("out");

    // From nothing: what comes out is the same to the last byte, ledgers included.
    let mut random = Random(0x5EED);
    let disturbed = Repository::new();
    fleet(&disturbed, "1.10.2");
    let mut kills = 0;
    for _ in 0..4 {
        let _ = fs::remove_dir_all(disturbed.path("out"));
        kills += (0..3).filter(|_| killed(&disturbed, &mut random)).count();
        let output = disturbed.run(&["render"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let found = disturbed.files("out");
        assert!(found.keys().eq(expected.keys()), "other files after {kills} killed runs: {:?}", found.keys());
        assert!(found == expected, "the same files with other bytes after {kills} killed runs");
    }

    // Over what is there: which inputs a file was made from depends on the runs that came to their end, so the last two
    // columns of a ledger may differ.
    for version in ["1.11.0", "1.10.0", "1.9.9", "1.10.1", "1.9.11", "1.10.2"] {
        fleet(&disturbed, version);
        kills += (0..3).filter(|_| killed(&disturbed, &mut random)).count();
    }
    let output = disturbed.run(&["render"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(disturbed.run(&["check"]).status.code(), Some(0));
    assert!(without_origins(disturbed.files("out")) == without_origins(expected), "other bytes after {kills} killed runs");
    assert!(kills > 0, "every run was done before it was killed");
}

/// The files, and of the ledgers only what they say about bytes.
fn without_origins(mut files: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    for (_, bytes) in files.iter_mut().filter(|(path, _)| path.ends_with(".trustree.ledger")) {
        let ledger = String::from_utf8_lossy(bytes);
        let lines = ledger.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ") + "\n");
        *bytes = lines.collect::<String>().into_bytes();
    }
    files
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).expect("a limit")).expect("below it")
    }

    /// One way to damage a file.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        const INSERTED: &[&[u8]] = &[
            b"\0",
            b"\x1b[31m",
            b"\t",
            b"\r",
            b"\xff",
            b"\xc3",
            b"\xef\xbb\xbf",
            "\u{85}\u{2028}\u{202e}".as_bytes(),
            b"{",
            b"}",
            b"[",
            b": ",
            b"- ",
            b"&a ",
            b"*a",
            b"!!",
            b"!tag ",
            b"<<: ",
            b"'",
            b"\"",
            b"|\n",
            b">-\n",
            b"%YAML 9.9\n",
            b"---\n",
            b"...\n",
            b"{{",
            b"}}",
            b"{%",
            b"%}",
            b"{#",
            b"null",
            b"~",
            b"0o7",
            b"1e999",
            b"-9223372036854775809",
            b".inf",
            b"../",
            b"?",
            b"@",
            b"`",
            b"<<<<<<< x\n",
            b"9999999999999999999999",
            "\u{f8fe}\u{f8ff}".as_bytes(),
        ];
        let at = self.below(bytes.len() + 1);
        match self.below(7) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < bytes.len() => {
                let end = (at + 1 + self.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let (from, to) = (self.below(lines.len()), self.below(lines.len() + 1));
                if let Some(line) = lines.get(from).cloned() {
                    lines.insert(to, line);
                }
                *bytes = lines.concat();
            }
            4 => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    lines.remove(self.below(lines.len()));
                }
                *bytes = lines.concat();
            }
            _ => {
                let inserted = INSERTED[self.below(INSERTED.len())];
                bytes.splice(at..at, inserted.iter().copied());
            }
        }
    }
}

#[test]
fn a_damaged_file_never_leads_to_a_panic_or_out_of_the_output_folder() {
    let repository = Repository::full();
    let good = [repository.files("environments"), repository.files("templates"), repository.files("out")];
    let settings = fs::read(repository.path("trustree.yaml")).expect("readable");
    let mut all: BTreeMap<PathBuf, Vec<u8>> = good.into_iter().flatten().collect();
    all.insert("trustree.yaml".into(), settings);
    let targets: Vec<&PathBuf> = all.keys().filter(|path| !path.starts_with("environments/good")).collect();
    let commands: [&[&str]; 5] = [
        &["render"],
        &["check", "-o", "json"],
        &["diff", "--color", "always"],
        &["render", "--force", "--adopt"],
        &["snapshot", "show", "--env", "prod"],
    ];
    let mut random = Random(0xDA_BBED);
    for round in 0..400 {
        let target = targets[random.below(targets.len())];
        let mut bytes = all[target].clone();
        for _ in 0..=random.below(3) {
            random.damage(&mut bytes);
        }
        fs::write(repository.root().join(target), &bytes).expect("written");
        let command = commands[random.below(commands.len())];
        let output = repository.run(command);
        let shown =
            || format!("round {round}, {command:?}, {} is\n{}\n{}", target.display(), String::from_utf8_lossy(&bytes), text(&output));
        assert!(matches!(output.status.code(), Some(0..=2)), "{:?} {}", output.status, shown());
        assert!(!text(&output).contains("panicked"), "{}", shown());
        if command.contains(&"json") {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {}", shown()));
        }
        let mut now = repository.files("");
        let changed: Vec<PathBuf> = all
            .iter()
            .filter(|(path, was)| *path != target && now.remove(*path).as_ref() != Some(*was))
            .map(|(path, _)| path.clone())
            .collect();
        now.remove(target);
        for path in changed.iter().chain(now.keys()) {
            // Damaged settings may name another folder to render into, but none that is read from.
            let elsewhere = target == Path::new("trustree.yaml") && !path.starts_with("environments") && !path.starts_with("templates");
            assert!(path.starts_with("out") || elsewhere, "{} was changed: {}", path.display(), shown());
        }
        if !target.starts_with("out") {
            assert_eq!(fs::read(repository.root().join(target)).expect("still there"), bytes, "{}", shown());
        }
        // Back to the good repository.
        for path in now.keys() {
            fs::remove_file(repository.root().join(path)).expect("removed");
        }
        for path in changed.iter().chain([target]) {
            repository.write(path.to_str().expect("UTF-8"), &all[path]);
        }
    }
    let output = repository.run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
