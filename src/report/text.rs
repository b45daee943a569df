//! Small things that several formats do to text.

use std::borrow::Cow;

use serde::Serialize;

use crate::finding::counted;

/// Names of environments that one line shows.
pub const NAMES_SHOWN: usize = 12;

/// At most `limit` names, and how many more there are.
pub fn some_of(names: &[String], limit: usize) -> String {
    let shown = names.iter().take(limit).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > limit { format!("{shown} and {} more", names.len() - limit) } else { shown }
}

/// In which environments something is the same, where there are several.
pub(super) fn the_same_in(environments: &[String]) -> Option<String> {
    (environments.len() > 1)
        .then(|| format!("the same in {}: {}", counted(environments.len(), "environment"), some_of(environments, NAMES_SHOWN)))
}

/// The text with control characters but tabs as escapes, and with those that turn the direction of writing: what somebody
/// else wrote must not steer a terminal, begin a line of its own in a log, or read as something else.
pub fn without_control(text: &str) -> Cow<'_, str> {
    let steers = |character: char| (character.is_control() && character != '\t') || turns(character);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let shown = |character: char| if steers(character) { character.escape_default().to_string() } else { character.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// The text without what CI systems take for a command when they read it in a log: GitHub and Azure look for `##[` and
/// `##vso[` anywhere in a line, and GitHub for `::` behind white space at its beginning. A space takes them apart.
pub fn without_commands(text: &str) -> Cow<'_, str> {
    const MARKS: [(&str, &str); 3] = [("##[", "## ["), ("##v", "## v"), ("##V", "## V")];
    let begins = |line: &str| line.trim_start().starts_with("::");
    if !MARKS.iter().any(|(mark, _)| text.contains(mark)) && !text.split('\n').any(begins) {
        return Cow::Borrowed(text);
    }
    let harmless = |line: &str| {
        let line = if begins(line) { line.replacen("::", ": :", 1) } else { line.to_owned() };
        MARKS.iter().fold(line, |line, (mark, harmless)| line.replace(mark, harmless))
    };
    Cow::Owned(text.split('\n').map(harmless).collect::<Vec<_>>().join("\n"))
}

/// A value as JSON on one line. It reads back the same, and holds no `##[`, which [`without_commands`] tells of.
pub(super) fn json_line(value: &impl Serialize) -> String {
    // What is written here has string keys only and no failing serializers.
    serde_json::to_string(value).unwrap_or_default().replace("##", "#\\u0023")
}

/// At most `limit` characters of a text; that something is missing is shown.
pub(super) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{} […]", &text[..end])),
    }
}

/// At most about `limit` characters of a text without line breaks, whose middle is left out: two thirds from its beginning, a third from its end.
pub fn without_middle(text: &str, limit: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= limit {
        return Cow::Borrowed(text);
    }
    let first: String = text.chars().take(limit * 2 / 3).collect();
    let last: String = text.chars().skip(length - limit / 3).collect();
    Cow::Owned(format!("{first}…{last}"))
}

/// Characters that change the direction of what stands around them, so that a line reads as another one.
fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö […]");
    }

    #[test]
    fn of_a_long_value_both_ends_are_kept() {
        assert_eq!(without_middle("äöüäöü", 6), "äöüäöü");
        assert_eq!(without_middle("abcdefghij", 6), "abcd…ij");
    }

    #[test]
    fn what_a_log_takes_for_a_command_is_taken_apart() {
        assert_eq!(without_commands("a: b # ::error::c\n"), "a: b # ::error::c\n");
        assert_eq!(without_commands(" ::error::c\n::x::y\n"), " : :error::c\n: :x::y\n");
        assert_eq!(without_commands("5 | ##[set-output name=a]b ##vso[task]"), "5 | ## [set-output name=a]b ## vso[task]");
        assert_eq!(without_commands("###[debug]"), "### [debug]");
    }

    #[test]
    fn json_on_one_line_reads_back_the_same_and_is_no_command() {
        let value = serde_json::json!({ "a##[b]": "###[debug]#" });
        let line = json_line(&value);
        assert!(!line.contains("##["), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).ok(), Some(value));
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(without_control("a\tb"), "a\tb");
        assert_eq!(without_control("a\u{202e}b\u{2066}\u{61c}\u{200f}"), "a\\u{202e}b\\u{2066}\\u{61c}\\u{200f}");
        assert_eq!(without_control("a\r\n\u{1b}[2J\u{9b}"), "a\\r\\n\\u{1b}[2J\\u{9b}");
    }

    #[test]
    fn names_beyond_the_limit_are_counted() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(some_of(&names, 3), "a, b, c");
        assert_eq!(some_of(&names, 2), "a, b and 1 more");
        assert_eq!(the_same_in(&names).as_deref(), Some("the same in 3 environments: a, b, c"));
        assert_eq!(the_same_in(&names[..1]), None);
    }
}
