//! Manifests inside shell scripts: what stands between `<<EOF` and `EOF`, with the variables that the script itself sets
//! filled in. Nothing is run; a variable that only the cluster could fill stays as it is written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::yaml::{Entry, Map, Node, Value};

/// A text that a script hands on to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heredoc {
    /// Lines of the script before the first one of the text.
    pub(super) line: u32,
    /// The text, with what the script sets filled in.
    pub(super) text: String,
}

#[expect(clippy::expect_used, reason = "the pattern is fixed, and a test reads it")]
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[^<])<<(-?)[ \t]*(?:'([^']+)'|"([^"]+)"|(\\?)([A-Za-z_][A-Za-z0-9_.-]*))"#).expect("a regular expression")
});
#[expect(clippy::expect_used, reason = "the pattern is fixed, and a test reads it")]
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*(?:export\s+|readonly\s+|local\s+)?([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"$`\\]*)"|'([^']*)'|([^\s"'$`;&|()<>\\]*))\s*;?\s*$"#,
    )
    .expect("a regular expression")
});
#[expect(clippy::expect_used, reason = "the pattern is fixed, and a test reads it")]
static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))").expect("a regular expression"));

/// Whether a text holds such a text at all.
pub(super) fn has_heredoc(script: &str) -> bool {
    script.contains("<<") && OPENING.is_match(script)
}

/// Whether a text holds a variable of a shell or of Flux, or a command. A `$` that ends a pattern is none.
pub(super) fn has_variable(text: &str) -> bool {
    let begins = |rest: &str| rest.starts_with(|next: char| next.is_ascii_alphabetic() || "_{(".contains(next));
    text.contains('`') || text.split('$').skip(1).any(begins)
}

/// What `kubectl` only asks for.
const READING: &[&str] = &[
    "api-resources",
    "api-versions",
    "auth",
    "cluster-info",
    "config",
    "describe",
    "diff",
    "events",
    "explain",
    "get",
    "kustomize",
    "logs",
    "top",
    "version",
    "wait",
];
/// Options of `kubectl` whose value is a word of its own.
const WITH_VALUE: &[&str] = &["-n", "--namespace", "--context", "--kubeconfig", "-s", "--server", "--as", "--token", "--cluster", "--user"];

#[expect(clippy::expect_used, reason = "the pattern is fixed, and a test reads it")]
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^\w.-])(?:kubectl|(helm)[ \t]+(install|upgrade|uninstall))(?:[ \t]+([^|;&)`]*))?").expect("a regular expression")
});
#[expect(clippy::expect_used, reason = "the pattern is fixed, and a test reads it")]
static TARGET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?:^|[^0-9>])>[ \t]*["']?([^\s"'|;&<>]+)"#).expect("a regular expression"));

/// What a script changes in a cluster beside applying the texts that it holds, such as `kubectl create`. Nothing of the
/// arguments is shown: they may hold a password.
pub(super) fn other_writes(script: &str) -> Vec<String> {
    let script = script.replace("\\\n", " ");
    let mut files: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut end: Option<String> = None;
    for line in script.lines() {
        if let Some(wanted) = &end {
            if line.trim_start_matches('\t') == wanted {
                end = None;
            }
            continue;
        }
        if line.trim_start().starts_with('#') {
            continue;
        }
        let opening = OPENING.captures(line);
        if let Some(opening) = &opening {
            end = opening.get(2).or_else(|| opening.get(3)).or_else(|| opening.get(5)).map(|word| word.as_str().to_owned());
            files.extend(TARGET.captures_iter(line).map(|target| target[1].to_owned()));
        }
        for command in COMMAND.captures_iter(line) {
            let arguments = command.get(3).map_or("", |rest| rest.as_str());
            match (command.get(1), command.get(2)) {
                (Some(_), Some(verb)) => found.push(format!("helm {}", verb.as_str())),
                _ => found.extend(write_of(arguments, opening.is_some(), &files).map(|verb| format!("kubectl {verb}"))),
            }
        }
    }
    found
}

/// The command of `kubectl` that changes something beside applying a text of the script.
fn write_of(arguments: &str, has_text: bool, files: &[String]) -> Option<String> {
    let mut words = arguments.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
    let mut verb = words.next()?;
    while verb.starts_with('-') {
        if WITH_VALUE.contains(&verb) {
            words.next()?;
        }
        verb = words.next()?;
    }
    let rest: Vec<&str> = words.collect();
    if READING.contains(&verb)
        || verb == "rollout" && rest.first() == Some(&"status")
        || rest.iter().any(|word| word.starts_with("--dry-run"))
    {
        return None;
    }
    let inputs: Vec<&str> = rest
        .iter()
        .zip(rest.iter().skip(1).chain([&""]))
        .filter_map(|(word, next)| match *word {
            "-f" | "--filename" => Some(*next),
            other => other.strip_prefix("--filename=").or_else(|| other.strip_prefix("-f").filter(|rest| !rest.is_empty())),
        })
        .collect();
    let is_own = |input: &&str| has_text && ["-", "/dev/stdin"].contains(input) || files.iter().any(|file| file == input);
    let applies = ["apply", "create", "replace"].contains(&verb) && !inputs.is_empty() && inputs.iter().all(is_own);
    (!applies).then(|| verb.to_owned())
}

/// Whether something in a value is filled in when the script runs.
pub(super) fn is_variable(text: &str) -> bool {
    text.contains('$') || text.contains('`')
}

/// The same object with `${NAME}` for every value that the script fills in, which is how rules know that it is not there yet.
pub(super) fn as_filled_in(node: &Node) -> Node {
    let value = match &node.value {
        Value::String(text) if is_variable(text) => Value::String(format!("${{{}}}", text.trim_matches(['$', '{', '}'])).into()),
        Value::List(items) => Value::List(items.iter().map(as_filled_in).collect()),
        Value::Map(map) => {
            let mut filled = Map::default();
            map.iter().for_each(|(key, entry)| filled.insert(key, Entry { key: entry.key, node: as_filled_in(&entry.node) }));
            Value::Map(filled)
        }
        other => other.clone(),
    };
    Node { at: node.at, value }
}

/// Takes out of an object what only its script knows.
pub(super) fn without_variables(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|_, value| !value.as_str().is_some_and(is_variable));
            map.values_mut().for_each(without_variables);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_variables),
        _ => {}
    }
}

/// Every such text of a script. `environment` holds what the container gives it.
pub(super) fn heredocs(script: &str, environment: &BTreeMap<String, String>) -> Vec<Heredoc> {
    let mut known = environment.clone();
    let mut found = Vec::new();
    let mut lines = script.lines().zip(0u32..);
    while let Some((line, number)) = lines.next() {
        // What is set twice depends on the way the script takes.
        if let Some(set) = ASSIGNMENT.captures(line) {
            let value = set.get(2).or_else(|| set.get(3)).or_else(|| set.get(4)).map_or("", |value| value.as_str());
            match known.get(&set[1]) {
                Some(before) if before != value => drop(known.insert(set[1].to_owned(), format!("${}", &set[1]))),
                _ => drop(known.insert(set[1].to_owned(), value.to_owned())),
            }
            continue;
        }
        if line.trim_start().starts_with('#') {
            continue;
        }
        let Some(opening) = OPENING.captures(line) else { continue };
        let strips_tabs = &opening[1] == "-";
        let quoted = opening.get(2).or_else(|| opening.get(3));
        let is_literal = quoted.is_some() || opening.get(4).is_some_and(|escape| !escape.as_str().is_empty());
        let end = quoted.or_else(|| opening.get(5)).map_or("", |end| end.as_str());
        let mut text = String::new();
        for (line, _) in lines.by_ref() {
            let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
            if line == end {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        let text = if is_literal { text } else { filled_in(&text, &known) };
        found.push(Heredoc { line: number + 1, text });
    }
    found
}

/// A text with the variables that are known.
fn filled_in(text: &str, known: &BTreeMap<String, String>) -> String {
    let value = |variable: &regex::Captures<'_>| {
        let name = variable.get(1).or_else(|| variable.get(2)).map_or("", |name| name.as_str());
        known.get(name).cloned().unwrap_or_else(|| variable[0].to_owned())
    };
    VARIABLE.replace_all(text, value).replace("\\$", "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        heredocs(script, &BTreeMap::from([("NAMESPACE".to_owned(), "pki".to_owned())])).into_iter().map(|found| found.text).collect()
    }

    #[test]
    fn every_way_to_write_a_heredoc_is_read() {
        let script = "cat <<EOF | kubectl apply -f -\na: 1\nEOF\nkubectl apply -f - << 'END'\nb: $X\nEND\n\tcat <<-\"X.Y\"\n\t\tc: 1\n\tX.Y\necho <<<nothing\ncat <<\\E\nd: $NAMESPACE\nE\n";
        assert_eq!(texts(script), ["a: 1\n", "b: $X\n", "c: 1\n", "d: $NAMESPACE\n"]);
    }

    #[test]
    fn what_the_script_and_its_container_set_is_filled_in_and_nothing_else() {
        let script =
            "NAME=\"web\"\nKID=$(kubectl get x)\ncat <<EOF\nname: ${NAME}\nnamespace: $NAMESPACE\nkid: \"$KID\"\nprice: \\$1\nEOF\n";
        assert_eq!(texts(script), ["name: web\nnamespace: pki\nkid: \"$KID\"\nprice: $1\n"]);
        let twice = "NAME=a\nNAME=b\ncat <<EOF\nname: $NAME\nEOF\n";
        assert_eq!(texts(twice), ["name: $NAME\n"]);
    }

    #[test]
    fn commands_that_change_more_than_the_texts_of_a_script_are_found() {
        let script = "kubectl get x\nkubectl -n a create secret generic b --from-literal=password=hunter2\nK=$(kubectl get cm | jq)\ncat <<EOF | kubectl -n b apply -f -\nkubectl delete x\nEOF\ncat > /tmp/x <<EOF\nEOF\n/usr/bin/kubectl apply -f /tmp/x\nkubectl apply --filename=- <<EOF\nEOF\nkubectl rollout status deploy/x\n";
        assert_eq!(other_writes(script), ["kubectl create"]);
        for (line, expected) in [
            ("kubectl apply -f https://example.org/x.yaml", "kubectl apply"),
            ("echo x | kubectl apply -f -", "kubectl apply"),
            ("kubectl \\\n  label ns a b=c", "kubectl label"),
            ("helm upgrade --install x y", "helm upgrade"),
        ] {
            assert_eq!(other_writes(line), [expected], "{line}");
        }
        assert!(other_writes("# kubectl delete x\nkubectl create cm a --dry-run=client -o yaml\n").is_empty());
    }

    #[test]
    fn a_dollar_that_ends_a_pattern_is_no_variable() {
        for (text, expected) in
            [("$X", true), ("a${x:=b}", true), ("$(id)", true), ("`id`", true), ("^web$", false), ("a", false), ("5$ 3", false)]
        {
            assert_eq!(has_variable(text), expected, "{text}");
        }
    }

    #[test]
    fn a_heredoc_that_never_ends_and_a_comment_are_no_trouble() {
        assert_eq!(texts("# cat <<EOF\ncat <<EOF\na: 1"), ["a: 1\n"]);
        assert!(!has_heredoc("echo 1 << 2"));
        assert!(has_heredoc("cat <<EOF"));
    }

    #[test]
    fn places_count_from_the_first_line_of_the_script() {
        assert_eq!(heredocs("echo\ncat <<EOF\na: 1\nEOF\n", &BTreeMap::new())[0].line, 2);
    }
}
