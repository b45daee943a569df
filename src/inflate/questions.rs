//! What templates of a chart ask that only an installation, or a cluster, could answer: themselves, or by the partials that
//! they include. Whether it is installed or upgraded is found by trying, and not here.

use std::collections::{BTreeMap, BTreeSet};

/// Words of templates, and what they are called. A chart that is rendered twice on one day does not show that it asks for
/// the time.
const QUESTIONS: &[(&str, &str)] = &[
    (".Capabilities.HelmVersion", ".Capabilities.HelmVersion"),
    (".Release.Revision", ".Release.Revision"),
    ("lookup", "lookup"),
    ("now", "now"),
];
/// What asks for the kinds that a cluster serves.
const VERSIONS: &str = ".Capabilities.APIVersions";
/// The groups of Kubernetes itself, which Helm knows without a cluster.
const BUILT_IN: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// The templates of a chart.
#[derive(Debug, Default)]
pub(super) struct Templates {
    /// By path: what each asks itself, and the partials that it names.
    files: BTreeMap<String, Part>,
    /// The same by the name of a partial. The charts inside of a chart see each other's.
    partials: BTreeMap<String, Part>,
}

/// A template or a partial.
#[derive(Debug, Default)]
struct Part {
    asks: BTreeSet<&'static str>,
    includes: BTreeSet<String>,
    /// Whether it includes what is only known when it runs.
    includes_anything: bool,
}

impl Templates {
    /// Reads the templates among the files of a chart.
    pub(super) fn new(files: &BTreeMap<String, Vec<u8>>) -> Templates {
        let mut templates = Templates::default();
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("templates/") || path.contains("/templates/")) {
            let text = String::from_utf8_lossy(bytes);
            // What stands between one `define` and the next is the partial's, which may be too much and is never too little.
            let mut name: Option<String> = None;
            let mut part = Part::default();
            for action in actions(&text) {
                let texts = literals(action);
                if first_word(action) == "define" {
                    templates.add(path, name.take(), std::mem::take(&mut part));
                    name = texts.first().map(|text| (*text).to_owned());
                }
                part.read(action, &texts);
            }
            templates.add(path, name, part);
        }
        templates
    }

    fn add(&mut self, path: &str, name: Option<String>, part: Part) {
        // A file may begin with a partial and go on as a template: it asks what all of it asks.
        let file = self.files.entry(path.to_owned()).or_default();
        let is_partial = path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        if !is_partial {
            file.take(&part);
        }
        if let Some(name) = name {
            self.partials.entry(name).or_default().take(&part);
        }
    }

    /// What the template at `source`, a path as Helm gives it with the chart's name in front, asks.
    pub(super) fn questions(&self, source: &str) -> Vec<String> {
        let Some(file) = source.split_once('/').and_then(|(_, path)| self.files.get(path)) else { return Vec::new() };
        let mut asks: BTreeSet<&str> = BTreeSet::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut left = vec![file];
        while let Some(part) = left.pop() {
            asks.extend(&part.asks);
            let named = part.includes.iter().filter_map(|name| self.partials.get_key_value(name));
            let all = self.partials.iter().filter(|_| part.includes_anything);
            for (name, partial) in named.chain(all) {
                if seen.insert(name) {
                    left.push(partial);
                }
            }
        }
        asks.into_iter().map(str::to_owned).collect()
    }
}

impl Part {
    fn read(&mut self, action: &str, texts: &[&str]) {
        let plain = without_literals(action);
        let words: Vec<&str> = words(&plain).collect();
        // With `$` or without, also of a variable that holds everything.
        let has = |word: &str| words.iter().any(|found| if word.starts_with('.') { found.ends_with(word) } else { *found == word });
        self.asks.extend(QUESTIONS.iter().filter(|(word, _)| has(word)).map(|(_, name)| *name));
        let asks_for_versions = words.iter().any(|word| word.contains(VERSIONS));
        let is_built_in = |text: &&str| BUILT_IN.contains(&text.split_once('/').map_or("apps", |(group, _)| group));
        if asks_for_versions && !(texts.iter().any(|text| text.contains('/')) && texts.iter().all(is_built_in)) {
            self.asks.insert(VERSIONS);
        }
        for (index, _) in words.iter().enumerate().filter(|(_, word)| matches!(**word, "include" | "template" | "block")) {
            match words.get(index + 1) {
                Some(&LITERAL) => self.includes.extend(texts.iter().map(|text| (*text).to_owned())),
                _ => self.includes_anything = true,
            }
        }
    }

    fn take(&mut self, other: &Part) {
        self.asks.extend(&other.asks);
        self.includes.extend(other.includes.iter().cloned());
        self.includes_anything |= other.includes_anything;
    }
}

/// What stands for a text among words.
const LITERAL: &str = "\"\"";

/// What stands in `{{ … }}`, but for comments.
fn actions(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let next = move || {
        let (_, after) = rest.split_once("{{")?;
        let start = after.trim_start_matches('-').trim_start();
        if start.starts_with("/*") {
            rest = start.split_once("*/").map_or("", |(_, after)| after);
            return Some("");
        }
        let (action, after) = after.split_at(end_of(after));
        rest = after;
        Some(action)
    };
    std::iter::from_fn(next).filter(|action| !action.is_empty())
}

/// Where an action ends: at the first `}}` that stands in no text.
fn end_of(action: &str) -> usize {
    let mut open: Option<char> = None;
    let mut is_escaped = false;
    for (at, letter) in action.char_indices() {
        match open {
            _ if is_escaped => is_escaped = false,
            Some(quote) if letter == '\\' && quote != '`' => is_escaped = true,
            Some(quote) if letter == quote => open = None,
            Some(_) => {}
            None if matches!(letter, '"' | '`') => open = Some(letter),
            None if action[at..].starts_with("}}") => return at,
            None => {}
        }
    }
    action.len()
}

/// The parts of an action: what is no text, and what is, in turn; the first is no text.
fn parts(action: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut open, mut is_escaped) = (0, None, false);
    for (at, letter) in action.char_indices() {
        match open {
            _ if is_escaped => is_escaped = false,
            Some(quote) if letter == '\\' && quote != '`' => is_escaped = true,
            Some(quote) if letter != quote => {}
            None if !matches!(letter, '"' | '`') => {}
            _ => {
                parts.push(&action[start..at]);
                start = at + 1;
                open = if open.is_some() { None } else { Some(letter) };
            }
        }
    }
    parts.push(&action[start..]);
    parts
}

fn literals(action: &str) -> Vec<&str> {
    parts(action).into_iter().skip(1).step_by(2).collect()
}

fn without_literals(action: &str) -> String {
    parts(action).into_iter().step_by(2).collect::<Vec<_>>().join(&format!(" {LITERAL} "))
}

fn words(plain: &str) -> impl Iterator<Item = &str> {
    plain.split(|letter: char| letter.is_whitespace() || "()|=:,-{}".contains(letter)).filter(|word| !word.is_empty())
}

fn first_word(action: &str) -> &str {
    words(action).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Templates::new(&files).questions("a/templates/job.yaml")
    }

    #[test]
    fn questions_are_found_however_they_are_written() {
        for (text, expected) in [
            ("{{ if (lookup \"v1\" \"Secret\" \"\" \"\") }}{{ end }}", &["lookup"][..]),
            ("{{- $x := lookup (print \"v\" 1) $kind . .Values.name -}}", &["lookup"]),
            ("{{lookup `v1` .Values.x}}", &["lookup"]),
            ("{{ now | date \"2006\" }}", &["now"]),
            ("{{ $.Release.Revision }}{{ .Capabilities.HelmVersion.Version }}", &[".Release.Revision"]),
            ("{{ if .Capabilities.APIVersions.Has \"monitoring.coreos.com/v1\" }}", &[VERSIONS]),
            ("{{ if $.Capabilities.APIVersions.Has (include \"x\" .) }}", &[VERSIONS]),
            ("{{ has .Values.version .Capabilities.APIVersions }}", &[VERSIONS]),
            ("{{ if .Capabilities.APIVersions.Has \"policy/v1\" }}{{ .Capabilities.KubeVersion }}", &[]),
            ("{{/* .Release.Revision lookup }} now */}} lookup now", &[]),
            ("{{ .Values.lookup }}{{ $now }}{{ include \"a.lookup\" . }}{{ \"}} lookup\" }}", &[]),
        ] {
            assert_eq!(asked(&[("templates/job.yaml", text)]), expected, "{text}");
        }
        assert_eq!(asked(&[("templates/other.yaml", "{{ lookup }}")]), [""; 0]);
    }

    #[test]
    fn a_template_asks_what_its_partials_ask() {
        let helpers = "{{ define \"a.old\" }}{{ lookup `v1` }}{{ end }}{{ define \"a.name\" }}{{ template \"sub.time\" . }}{{ end }}\n{{ define `a.plain` }}x{{ end }}";
        let sub = "{{- define \"sub.time\" -}}{{ now }}{{- end }}";
        let with =
            |text: &str| asked(&[("templates/_helpers.tpl", helpers), ("charts/b/templates/_b.tpl", sub), ("templates/job.yaml", text)]);
        assert_eq!(with("{{ include \"a.name\" . }}"), ["now"]);
        assert_eq!(with("{{- include `a.old` $ | nindent 4 }}"), ["lookup"]);
        assert_eq!(with("{{ include \"a.plain\" . }}"), [""; 0]);
        assert_eq!(with("{{ include (print .Template.BasePath \"/x\") . }}"), ["lookup", "now"]);
    }
}
