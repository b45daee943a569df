//! Differences as text for people, in three views: by meaning, as unified text, and as counts. What is the same in many
//! environments is told once. A limit on size cuts details of what can break least, then headlines, never the counts.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use camino::Utf8Path;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::limit::{Budget, Piece, risks_shown};
use super::text::{NAMES_SHOWN, without_control, without_middle};
use crate::change::{Change, FieldChange, FileDifference, Op, Risk, What};
use crate::finding::counted;
use crate::report::some_of;
use crate::tree::Digest;
use crate::yaml::scalar;

/// Names of environments that a group shows when they do not all fit.
const FEW_NAMES: usize = 3;

/// Names that fit on the line of a group.
const SOME_NAMES: usize = 6;

/// Characters of a value; what lies in the middle of a longer one is cut.
const VALUE_SHOWN: usize = 100;

/// Lines of a text with several that differ.
const LINES_SHOWN: usize = 8;

/// Fields of one change.
const FIELDS_SHOWN: usize = 40;

/// How differences are told, and how much of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// Which of them.
    pub view: View,
    /// Bytes that the differences may take; None for no limit.
    pub limit: Option<usize>,
}

/// How differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What they mean, the worst first.
    Semantic,
    /// Lines, file by file.
    Unified,
    /// Counts.
    Summary,
}

/// What differs across environments, each thing once. Nothing else of an environment is kept.
#[derive(Debug, Default)]
pub struct ChangeGroups {
    changes: Groups<Change>,
    files: Groups<FileDifference>,
    sets: Groups<Counts>,
}

/// Values with the environments that they are the same in, in order of their first one.
#[derive(Debug)]
struct Groups<T> {
    all: Vec<(T, Vec<String>)>,
    /// Where each of them stands in that list.
    known: HashMap<Digest, usize>,
}

impl<T> Default for Groups<T> {
    fn default() -> Groups<T> {
        Groups { all: Vec::new(), known: HashMap::new() }
    }
}

impl<T> Groups<T> {
    fn add(&mut self, fingerprint: Digest, value: T, environment: &str) {
        match self.known.get(&fingerprint) {
            Some(index) => self.all[*index].1.push(environment.to_owned()),
            None => {
                self.known.insert(fingerprint, self.all.len());
                self.all.push((value, vec![environment.to_owned()]));
            }
        }
    }
}

/// How many changes there are of a kind.
#[derive(Debug, Default)]
struct Counts {
    risks: BTreeMap<Risk, usize>,
    kinds: BTreeMap<What, usize>,
}

impl Counts {
    fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Counts {
        let mut counts = Counts::default();
        for change in changes {
            *counts.risks.entry(change.risk).or_default() += 1;
            *counts.kinds.entry(change.what).or_default() += 1;
        }
        counts
    }

    fn shown(&self) -> String {
        let kinds: Vec<String> = self.kinds.iter().map(|(what, number)| counted_kind(*what, *number)).collect();
        format!("{} ({}; {})", counted(self.risks.values().sum(), "change"), risks_shown(&self.risks), kinds.join(", "))
    }
}

fn counted_kind(what: What, number: usize) -> String {
    let (noun, verb) = match what {
        What::ObjectAdded => ("object", "added"),
        What::ObjectRemoved => ("object", "removed"),
        What::ObjectChanged => ("object", "changed"),
        What::ObjectMoved => ("object", "moved"),
        What::DocumentAdded => ("document", "added"),
        What::DocumentRemoved => ("document", "removed"),
        What::FileAdded => ("file", "added"),
        What::FileRemoved => ("file", "removed"),
        What::FileChanged => ("file", "changed"),
        What::FileRenamed => ("file", "renamed"),
        What::RightsChanged => ("subject", "with other rights"),
        What::LayoutOnly => ("file", "with another layout"),
        What::FileLeft => ("file", "left to its editor"),
    };
    format!("{} {verb}", counted(number, noun))
}

impl ChangeGroups {
    /// Adds what an environment's plan means.
    pub fn add_changes(&mut self, changes: Vec<Change>, environment: &str) {
        if changes.is_empty() {
            return;
        }
        let mut fingerprints: Vec<String> = changes.iter().map(|change| change.fingerprint.to_string()).collect();
        fingerprints.sort_unstable();
        let set = Digest::of_parts(fingerprints.iter().map(String::as_bytes));
        self.sets.add(set, Counts::of(&changes), environment);
        for change in changes {
            self.changes.add(change.fingerprint, change, environment);
        }
    }

    /// Adds the differences of an environment's files.
    pub fn add_files(&mut self, files: Vec<FileDifference>, environment: &str) {
        for file in files {
            self.files.add(file.fingerprint, file, environment);
        }
    }

    /// Everything that was added, as asked for.
    pub fn told(&self, telling: Telling, color: bool) -> String {
        let paint = Paint { color };
        match telling.view {
            View::Semantic => self.semantic(telling.limit, paint),
            View::Unified => self.unified(telling.limit, paint),
            View::Summary => self.summary(telling.limit),
        }
    }

    /// Every change with the environments that it is the same in, the worst first.
    pub fn by_severity(&self) -> Vec<(&Change, &[String])> {
        let mut sorted: Vec<(&Change, &[String])> =
            self.changes.all.iter().map(|(change, environments)| (change, environments.as_slice())).collect();
        sorted.sort_by_key(|(change, _)| change.severity());
        sorted
    }

    /// Every change as a headline and what is known of it, the worst first, with its environments.
    pub(super) fn told_by_severity(&self) -> impl Iterator<Item = (String, String, &[String])> {
        self.by_severity().into_iter().map(|(change, environments)| {
            let Piece { details, .. } = piece(change, environments, Paint { color: false });
            (headline(change, environments), details, environments)
        })
    }

    fn semantic(&self, limit: Option<usize>, paint: Paint) -> String {
        let pieces: Vec<Piece<'_>> =
            self.by_severity().into_iter().map(|(change, environments)| piece(change, environments, paint)).collect();
        let heading = |risk: Risk| format!("{}\n", paint.with(Style::new().bold().underline(), &format!("{risk}:")));
        Budget { pieces: &pieces, limit, noun: "change", heading: Some(&heading) }.text()
    }

    fn unified(&self, limit: Option<usize>, paint: Paint) -> String {
        let pieces: Vec<Piece<'_>> =
            self.files.all.iter().map(|(difference, environments)| unified_piece(difference, environments, paint)).collect();
        Budget { pieces: &pieces, limit, noun: "difference", heading: None }.text()
    }

    fn summary(&self, limit: Option<usize>) -> String {
        let mut sorted: Vec<&(Counts, Vec<String>)> = self.sets.all.iter().collect();
        sorted.sort_by_key(|(counts, _)| counts.risks.keys().next().copied());
        let line = |(counts, environments): &&(Counts, Vec<String>)| {
            let names = match environments.as_slice() {
                [one] => one.clone(),
                several => format!("{} ({})", counted(several.len(), "environment"), few_of(several)),
            };
            format!("{}: {}\n", without_control(&names), counts.shown())
        };
        let lines: Vec<Piece<'_>> = sorted
            .iter()
            .map(|group| Piece {
                risk: group.0.risks.keys().next().copied().unwrap_or(Risk::Rest),
                counts: group.0.risks.iter().map(|(risk, number)| (*risk, number * group.1.len())).collect(),
                head: line(group),
                details: String::new(),
                environments: &group.1,
            })
            .collect();
        Budget { pieces: &lines, limit, noun: "change", heading: None }.text()
    }
}

/// All names where they are few, otherwise some and how many more there are.
fn few_of(names: &[String]) -> String {
    some_of(names, if names.len() <= SOME_NAMES { SOME_NAMES } else { FEW_NAMES })
}

/// Colour, where there is some.
#[derive(Debug, Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A line that begins with a mark, in the mark's colour.
    fn marked(self, mark: char, text: &str) -> String {
        let style = match mark {
            '+' => AnsiColor::Green.on_default(),
            '-' => AnsiColor::Red.on_default(),
            '>' => AnsiColor::Cyan.on_default(),
            _ => AnsiColor::Yellow.on_default(),
        };
        format!("{} {text}", self.with(style.bold(), &mark.to_string()))
    }
}

/// One difference as unified text, with the environments in which it is the same.
fn unified_piece<'a>(difference: &FileDifference, environments: &'a [String], paint: Paint) -> Piece<'a> {
    let bold = Style::new().bold();
    let mut head = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(head, "{}", paint.with(bold, &format!("# {}: {}", difference.path, difference.cause)));
    for sentence in &difference.trust {
        let sentence = format!("# {}", without_control(sentence));
        let _ = writeln!(head, "{}", paint.with(AnsiColor::Yellow.on_default().bold(), &sentence));
    }
    if environments.len() > 1 {
        let names = some_of(environments, NAMES_SHOWN);
        let _ = writeln!(head, "# the same in {}: {names}", counted(environments.len(), "environment"));
    }
    let mut details = String::new();
    // Not `lines()`, which would drop the carriage returns that a difference may consist of.
    for line in difference.text.split_terminator('\n') {
        let line = &*without_control(line);
        let style = match line.as_bytes().first() {
            Some(b'+') if line.starts_with("+++") => bold,
            Some(b'-') if line.starts_with("---") => bold,
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        let _ = writeln!(details, "{}", paint.with(style, line));
    }
    Piece { risk: difference.risk, counts: BTreeMap::from([(difference.risk, 1)]), head, details, environments }
}

/// One change by its meaning, with the environments in which it is the same.
fn piece<'a>(change: &Change, environments: &'a [String], paint: Paint) -> Piece<'a> {
    let mut head = format!("{}\n", paint.marked(mark_of(change.what), &without_control(&headline(change, environments))));
    if environments.len() > 1 {
        let _ = writeln!(head, "    in {}: {}", counted(environments.len(), "environment"), few_of(environments));
    }
    let mut details = String::new();
    for meaning in &change.meanings {
        let style = if change.risk == Risk::Rest { Style::new() } else { Style::new().bold() };
        let _ = writeln!(details, "    {}", paint.with(style, &without_control(&meaning.text)));
    }
    for field in change.fields.iter().take(FIELDS_SHOWN) {
        let (mark, line) = field_line(field);
        let _ = writeln!(details, "    {}", paint.marked(mark, &without_control(&line)));
        for (mark, line) in changed_lines(field) {
            let _ = writeln!(details, "        {}", paint.marked(mark, &without_control(&line)));
        }
    }
    if change.fields.len() > FIELDS_SHOWN {
        let _ = writeln!(details, "    … and {}", counted(change.fields.len() - FIELDS_SHOWN, "more field"));
    }
    Piece { risk: change.risk, counts: BTreeMap::from([(change.risk, 1)]), head, details, environments }
}

/// What a change means and which fields differ, without its headline: each on a line, indented by four.
pub fn details(change: &Change, color: bool) -> String {
    piece(change, &[], Paint { color }).details
}

fn mark_of(what: What) -> char {
    match what {
        What::ObjectAdded | What::DocumentAdded | What::FileAdded => '+',
        What::ObjectRemoved | What::DocumentRemoved | What::FileRemoved => '-',
        What::ObjectMoved | What::FileRenamed => '>',
        What::ObjectChanged | What::FileChanged | What::RightsChanged | What::LayoutOnly | What::FileLeft => '~',
    }
}

/// What it is and where; in a group the environment's own folder is a `*`.
fn headline(change: &Change, environments: &[String]) -> String {
    let place = |path: &Utf8Path| match (change.folder.parent(), path.strip_prefix(&change.folder)) {
        (Some(out), Ok(below)) if environments.len() > 1 => format!("{out}/*/{below}"),
        _ => path.to_string(),
    };
    let file = change.file.as_deref().map(place);
    let cause = change.cause.map(|cause| cause.to_string()).unwrap_or_default();
    let title = match (&change.object, &file) {
        (Some(object), _) if change.what == What::RightsChanged => format!("rights of {object}"),
        (Some(object), Some(file)) => format!("{object} ({file}: {cause})"),
        (Some(object), None) => object.to_string(),
        (None, Some(file)) => format!("{file} ({cause})"),
        (None, None) => cause,
    };
    let moved = change.from.as_deref().map(place).map(|from| format!("{} from {from}", change.what));
    let layout = (change.what == What::LayoutOnly && change.meanings.is_empty()).then(|| change.what.to_string());
    let worst = change.meanings.first().map(|meaning| meaning.code.to_string()).filter(|words| !words.is_empty());
    let more: Vec<String> = [moved, layout, worst].into_iter().flatten().collect();
    if more.is_empty() { title } else { format!("{title}: {}", more.join(", ")) }
}

/// A field's mark and line.
fn field_line(field: &FieldChange) -> (char, String) {
    let (mark, verb) = match field.op {
        Op::Add => ('+', "added"),
        Op::Remove => ('-', "removed"),
        Op::Replace => ('~', "changed"),
        Op::Move => ('>', "moved"),
        Op::Reorder => ('~', "reordered"),
        Op::Rewrite => ('~', "written differently"),
    };
    let path = cut(if field.path.is_empty() { "the whole" } else { &field.path });
    let from = field.from.as_deref().map(cut).unwrap_or_default();
    let text = match (field.op, &field.old, &field.new) {
        (Op::Move, ..) => format!("{path}: moved from {from}"),
        (Op::Reorder, ..) => format!("{path}: the same items in another order"),
        _ if field.hidden => format!("{path}: {verb}, not shown"),
        (Op::Rewrite, Some(old), Some(new)) => format!("{path}: {} -> {}, the same value written differently", value(old), value(new)),
        (_, Some(Value::String(old)), Some(Value::String(new))) if old.trim_end().contains('\n') || new.trim_end().contains('\n') => {
            let difference = TextDiff::from_lines(old, new);
            let count = |tag: ChangeTag| difference.iter_all_changes().filter(|change| change.tag() == tag).count();
            format!("{path}: {} added, {} removed", counted(count(ChangeTag::Insert), "line"), count(ChangeTag::Delete))
        }
        (_, Some(old), Some(new)) => format!("{path}: {} -> {}", value(old), value(new)),
        (_, Some(one), None) | (_, None, Some(one)) => format!("{path}: {}", value(one)),
        (_, None, None) => format!("{path}: {verb}"),
    };
    (mark, text)
}

/// The lines that differ, of a text with several; some of many.
fn changed_lines(field: &FieldChange) -> Vec<(char, String)> {
    let (Op::Replace, Some(Value::String(old)), Some(Value::String(new))) = (field.op, &field.old, &field.new) else { return Vec::new() };
    if !old.trim_end().contains('\n') && !new.trim_end().contains('\n') {
        return Vec::new();
    }
    let difference = TextDiff::from_lines(old, new);
    let marked = difference.iter_all_changes().filter_map(|change| match change.tag() {
        ChangeTag::Insert => Some(('+', cut(change.value().trim_end()))),
        ChangeTag::Delete => Some(('-', cut(change.value().trim_end()))),
        ChangeTag::Equal => None,
    });
    marked.take(LINES_SHOWN).collect()
}

/// A value on one line.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => cut(&scalar(text)),
        Value::Object(map) if map.len() == 1 => match map.get("certificates").and_then(Value::as_array) {
            Some(certificates) => {
                let names = certificates.iter().filter_map(|one| one.get("subject")?.as_str()).collect::<Vec<_>>().join("; ");
                cut(&format!("{} ({names})", counted(certificates.len(), "certificate")))
            }
            None => cut(&value.to_string()),
        },
        other => cut(&other.to_string()),
    }
}

/// A text as long as a value may be.
fn cut(text: &str) -> String {
    without_middle(text, VALUE_SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Code, Meaning, Object};
    use crate::plan::Cause;

    fn change(risk: Risk, name: &str, details: &str) -> Change {
        let object = Object { group: String::new(), kind: "ConfigMap".to_owned(), namespace: None, name: Some(name.to_owned()) };
        Change {
            risk,
            what: What::ObjectChanged,
            object: Some(object),
            file: Some("out/one/a.yaml".into()),
            from: None,
            cause: Some(Cause::InputsChanged),
            meanings: vec![Meaning::new(Code::Remark, details)],
            fields: Vec::new(),
            folder: "out/one".into(),
            fingerprint: Digest::of(format!("{risk}{name}{details}").as_bytes()),
        }
    }

    fn groups(environments: usize) -> ChangeGroups {
        let mut groups = ChangeGroups::default();
        for number in 0..environments {
            let own = change(Risk::Rest, &format!("own-{number}"), "what is otherwise in each");
            let changes = vec![change(Risk::Rest, "all", "the least"), change(Risk::Trust, "all", "the worst"), own];
            groups.add_changes(changes, &format!("environment-{number}"));
        }
        groups
    }

    fn semantic(groups: &ChangeGroups, limit: Option<usize>) -> String {
        groups.told(Telling { view: View::Semantic, limit }, false)
    }

    #[test]
    fn the_worst_comes_first_and_what_is_the_same_once() {
        let text = semantic(&groups(10), None);
        assert!(text.starts_with("trust:\n~ ConfigMap `all` (out/*/a.yaml: inputs changed)\n    in 10 environments: "), "{text}");
        assert!(text.contains("environment-0, environment-1, environment-2 and 7 more\n    the worst\n"), "{text}");
        assert_eq!(text.matches("rest:").count(), 1, "{text}");
        assert_eq!(text.matches("the least").count(), 1, "{text}");
        assert_eq!(text.matches("what is otherwise").count(), 10, "{text}");
        let all = groups(4).told(Telling { view: View::Summary, limit: None }, false);
        assert!(all.starts_with("environment-0: 3 changes (1 trust, 2 rest; 3 objects changed)\n"), "{all}");
    }

    #[test]
    fn a_star_stands_for_the_environments_folder_and_for_no_other_of_that_name() {
        let mut same = change(Risk::Rest, "all", "x");
        (same.file, same.folder) = (Some("clusters/prod/prod/prod/a.yaml".into()), "clusters/prod/prod".into());
        let environments = ["prod".to_owned(), "staging".to_owned()];
        assert_eq!(headline(&same, &environments), "ConfigMap `all` (clusters/prod/*/prod/a.yaml: inputs changed)");
        assert_eq!(headline(&same, &environments[..1]), "ConfigMap `all` (clusters/prod/prod/prod/a.yaml: inputs changed)");
    }

    #[test]
    fn a_limit_is_kept_and_everything_is_counted() {
        let groups = groups(20);
        let whole = semantic(&groups, None);
        assert_eq!(semantic(&groups, Some(whole.len())), whole);
        let mut last = 0;
        for limit in 1..whole.len() {
            let text = semantic(&groups, Some(limit));
            let shown = text.matches("~ ConfigMap").count();
            let counts_only = shown == 0 && text.lines().count() == 1;
            assert!(text.len() <= limit || counts_only, "{limit}: {text}");
            assert!(text.contains("… ") && text.contains(&format!("the limit is {}", counted(limit, "byte"))), "{text}");
            let left_out = 22 - shown;
            let more = if shown > 0 { " more" } else { "" };
            let said = format!("… {left_out}{more} change{} in ", if left_out == 1 { "" } else { "s" });
            assert!(left_out == 0 || text.contains(&said), "{limit}: {text}");
            // Trust keeps its details as long as anything has some.
            assert!(!text.contains("the least") || text.contains("the worst"), "{text}");
            assert!(shown >= last || last - shown <= 1, "more room shows less: {limit}");
            last = shown;
        }
    }

    #[test]
    fn in_the_counts_of_a_summary_every_environment_counts() {
        let text = groups(20).told(Telling { view: View::Summary, limit: Some(10) }, false);
        assert_eq!(text, "… 60 changes in 20 environments not shown (20 trust, 40 rest): the limit is 10 bytes\n");
    }

    #[test]
    fn values_fit_on_a_line_and_steer_nothing() {
        let field = |old: &str, new: &str| FieldChange {
            path: "spec.a".to_owned(),
            op: Op::Replace,
            from: None,
            old: Some(old.into()),
            new: Some(new.into()),
            hidden: false,
        };
        assert_eq!(field_line(&field("a", "yes")).1, "spec.a: a -> \"yes\"");
        let lines = field("a\nb\n", "a\nc\nd\n");
        assert_eq!(field_line(&lines).1, "spec.a: 2 lines added, 1 removed");
        assert_eq!(changed_lines(&lines), [('-', "b".to_owned()), ('+', "c".to_owned()), ('+', "d".to_owned())]);
        let long = field_line(&field("a", &"xyz".repeat(1000))).1;
        assert!(long.chars().count() < 130 && long.contains('…'), "{long}");
        let mut steering = change(Risk::Rest, "a\u{1b}[2J\nb", "c\u{1b}[2J");
        steering.fields = vec![field("\u{1b}[2J", "\n::error::")];
        let environments = ["one".to_owned()];
        let text = piece(&steering, &environments, Paint { color: false });
        let text = text.head + &text.details;
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.starts_with("~ ") || line.starts_with("    ")), "{text}");
    }
}
