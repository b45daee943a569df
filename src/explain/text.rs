//! Explanations for people.

use std::fmt::Write as _;

use super::{FieldExplanation, FileExplanation, RuleExplanation, Source};
use crate::report::{NAMES_SHOWN, some_of, without_middle};

/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 120;

impl RuleExplanation {
    /// The rule as text.
    pub fn to_text(&self) -> String {
        format!("{}\n\n{}\n", self.rule, self.text)
    }
}

impl FileExplanation {
    /// The file as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}, rendered for `{}`\n", self.file, self.environment);
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  from");
        for input in &self.inputs {
            let _ = writeln!(text, "    {input}");
        }
        for document in &self.documents {
            let _ = writeln!(text, "  {}", document.document);
            if let (Some(entry), Some(place)) = (&document.entry, &document.place) {
                let _ = writeln!(text, "    for       {entry} ({place})");
            }
            let _ = writeln!(text, "    template  {}", document.template);
        }
        text
    }
}

impl FieldExplanation {
    /// The field as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n  {} = {}\n", self.file, self.document.document, self.field, shown(&self.value));
        self.sources.iter().for_each(|source| tell(source, &mut text));
        if self.sources.is_empty() {
            line(&mut text, "set by", "the template alone: no value of the inventory or a snapshot moves it");
        }
        line(&mut text, "template", self.document.template.as_str());
        text
    }
}

fn tell(source: &Source, text: &mut String) {
    let Source { path, value, place, overrides, default, shared_by } = source;
    match (value, default) {
        (Some(value), _) => line(text, "set by", &format!("{place}  {path}: {}", shown(value))),
        (None, Some(default)) => {
            line(text, "default", &format!("nobody sets `{path}`"));
            if !default.is_empty() {
                line(text, "", default);
            }
        }
        (None, None) => line(text, "set by", &format!("{place}  {path}")),
    }
    for overridden in overrides {
        line(text, "instead of", &format!("{}  {}", overridden.place, shown(&overridden.value)));
    }
    if !shared_by.is_empty() {
        line(text, "also for", &some_of(shared_by, NAMES_SHOWN));
    }
}

fn line(text: &mut String, label: &str, what: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "  {label:<10}  {what}");
}

/// A value on one line; the middle of a long one is left out, and its length is told.
fn shown(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    };
    let length = text.chars().count();
    let told = without_middle(&text, VALUE_SHOWN);
    if length > VALUE_SHOWN { format!("{told} ({length} characters)") } else { told.into_owned() }
}
