//! What the YAML door writes is read back the same, by our own reader and by readers that are not ours.

#![expect(clippy::disallowed_methods, reason = "a test starts the independent readers")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};
use trustree::yaml::{Keys, document, read, scalar};

/// Texts that some reader takes for something else when they stand bare.
const TRAPS: &[&str] = &[
    "",
    "-_0",
    "+_1",
    " ",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "False",
    "null",
    "~",
    "NULL",
    "Null",
    ".nan",
    ".inf",
    "-.INF",
    "0777",
    "0o7",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1E+3",
    "1.",
    ".5",
    "-0",
    "+1",
    "1:30",
    "190:20:30.15",
    "2026-11-23",
    "2026-11-23T18:02:51Z",
    "12e03",
    "<<",
    "=",
    "-",
    "- a",
    "--- a",
    "...",
    "? a",
    ": a",
    "a:",
    "a: b",
    "a #b",
    "#a",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "'a",
    "\"a",
    "[a",
    "{a",
    "a]",
    ",a",
    "\ta",
    "a\t",
    " a",
    "a ",
    "a\n",
    "\na",
    "a\n\n",
    "a\n b",
    " a\nb",
    "a\r\nb",
    "a\rb",
    "a\u{85}b",
    "a\u{2028}b",
    "\u{feff}a",
    "a\u{feff}",
    "\u{7f}",
    "\u{0}",
    "\u{1f}",
    "\u{a0}",
    "\u{e000}",
    "\u{f8ff}",
    "\u{fffd}",
    "\u{10ffff}",
    "😀",
    "\\",
    "\\n",
    "'",
    "\"",
    "''",
    "{{ x }}",
    "${x}",
    "${{ x }}",
    "0",
    "00",
    "08",
    "0.0",
    "1,000",
    "0xg",
    "1.11.0",
    "24h0m0s",
    "v1",
    "-a",
    "--",
    "a: ",
    "a :b",
    "x: |\n  y\n",
    "---\na",
    "a\n---\nb",
    "\u{202e}abc",
    "é",
    "ｙｅｓ",
    "no ",
    "0_",
    "_0",
    "1__0",
    "+.inf",
    "infinity",
    "NaN",
    "nan",
    "1e",
    "e1",
    "1e400",
    "-1e-400",
    "9223372036854775808",
];

/// Every character of the basic plane, alone and in company.
fn characters() -> impl Iterator<Item = String> {
    (0..=0xffff_u32)
        .filter_map(char::from_u32)
        .flat_map(|character| [character.to_string(), format!("a{character}b"), format!("{character} "), format!("a\n{character}b\n")])
}

fn read_back(text: &str) -> Value {
    let documents = read(text, 0, Keys::AsKubernetes).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    assert_eq!(documents.len(), 1, "{text:?}");
    documents[0].to_json()
}

fn assert_kept(value: &Value) {
    let text = document(value).expect("a map");
    assert_eq!(&read_back(&text), value, "our reader: {text:?}");
    let independent: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("serde_yaml: {error}: {text:?}"));
    assert_eq!(&independent, value, "serde_yaml: {text:?}");
}

#[test]
fn every_character_of_the_basic_plane_is_read_back() {
    for text in characters().chain(TRAPS.iter().map(|trap| (*trap).to_owned())) {
        let line = format!("k: {}\n", scalar(&text));
        assert_eq!(line.lines().count(), 1, "{text:?} stays on its line");
        assert_eq!(read_back(&line), json!({"k": text}), "{line:?}");
        assert_eq!(read_back(&document(&json!({"k": [text]})).expect("a map")), json!({"k": [text]}));
    }
}

#[test]
fn traps_are_kept_by_an_independent_reader_too() {
    for trap in TRAPS {
        assert_kept(&json!({"k": trap, "l": [trap, {"m": trap}]}));
        if !trap.is_empty() {
            let mut map = serde_json::Map::new();
            map.insert((*trap).to_owned(), json!(1));
            assert_kept(&Value::Object(map));
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[ -~\\n]{0,40}", proptest::sample::select(TRAPS).prop_map(str::to_owned)];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| json!(f64::from(number) / 8.0)),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof!["[a-zA-Z0-9./_-]{1,20}", proptest::sample::select(TRAPS).prop_map(str::to_owned)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_back_with_the_same_types(value in values()) {
        let value = json!({"k": value});
        let text = document(&value).expect("a map");
        prop_assert_eq!(read_back(&text), value);
    }
}

/// Hands texts to a reader that is not ours; see `e2e/yamlread`.
fn read_by(program: &str, texts: &[String]) -> Vec<Value> {
    let tools = std::env::var("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder with the tools that `.ci/run tools` installs");
    let mut process =
        Command::new(format!("{tools}/{program}")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the reader starts");
    let mut stdin = process.stdin.take().expect("piped");
    let input = serde_json::to_vec(texts).expect("strings");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = process.wait_with_output().expect("the reader ends");
    writer.join().expect("joined").expect("written");
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

fn assert_read_by(program: &str) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let random = (0..2000).map(|_| json!({"k": values().new_tree(&mut runner).expect("a value").current()}));
    let fixed = characters().chain(TRAPS.iter().map(|trap| (*trap).to_owned())).map(|text| json!({"k": text, "l": [text]}));
    let expected: Vec<Value> = fixed.chain(random).collect();
    let texts: Vec<String> = expected.iter().map(|value| document(value).expect("a map")).collect();
    let results = read_by(program, &texts);
    assert_eq!(results.len(), texts.len());
    for ((result, value), text) in results.iter().zip(&expected).zip(&texts) {
        assert!(alike(&result["value"], value), "{program} reads {text:?} as {result}");
    }
}

/// Equal, and of the same types; numbers by their value, as not every reader keeps `1.0` apart from `1`.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        _ => a == b,
    }
}

#[test]
#[ignore = "needs the reader that Kubernetes uses, a Go program: .ci/run builds it"]
fn go_reads_what_we_write() {
    assert_read_by("yamlread");
}

#[test]
#[ignore = "needs PyYAML: .ci/run installs it"]
fn python_reads_what_we_write() {
    assert_read_by("yamlread-py");
}
