//! What a takeover found, as text for people.

use std::fmt::Write as _;

use crate::finding::{Level, listed};
use crate::report::changes::details;
use crate::takeover::{Compared, Deletion, Environment, Reason, State, Takeover, shown};

/// What to do once the files are written.
pub(super) const NEXT: &str =
    "hint: read the new files, then `trustree render`; once your engine takes the rendered folder, delete by hand what is listed above";

/// Everything, environment by environment.
pub(super) fn text(found: &Takeover) -> String {
    let mut out = String::new();
    found.environments.iter().for_each(|one| environment(one, &mut out));
    delete(&found.deletion, &mut out);
    out.push_str("new files:\n");
    for path in found.files.keys() {
        line(&mut out, 1, path.as_str());
    }
    out
}

/// A line at some depth.
fn line(out: &mut String, depth: usize, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}

fn environment(environment: &Environment, out: &mut String) {
    let folders = listed(environment.folders.iter().map(|folder| shown(folder)));
    line(out, 0, &format!("environment `{}`, from {folders}: {}", environment.name, counts(&environment.objects)));
    environment.objects.iter().for_each(|one| object(one, out));
    for change in &environment.rights {
        let whose = change.object.as_ref().map(ToString::to_string).unwrap_or_default();
        line(out, 1, &format!("rights   {whose}"));
        out.push_str(&indented(&details(change, false)));
    }
    if !environment.left.is_empty() {
        line(out, 1, "left as it is:");
        for left in &environment.left {
            line(out, 2, &format!("{} ({}): {}", left.what, left.file, left.why));
        }
    }
    if !environment.remarks.is_empty() {
        line(out, 1, "good to know:");
        environment.remarks.iter().for_each(|remark| line(out, 2, remark));
    }
    rules(environment, out);
    out.push('\n');
}

/// How many objects are the same, and how many are not.
fn counts(objects: &[Compared]) -> String {
    let states = [State::Same, State::Differs, State::New, State::Gone, State::Waits];
    let words = |state: State| {
        let number = objects.iter().filter(|one| one.state == state).count();
        let word = match (number, word(state)) {
            (2.., verb) => verb.trim_end_matches('s'),
            (_, verb) => verb,
        };
        (number > 0).then(|| format!("{number} {word}"))
    };
    let all: Vec<String> = states.into_iter().filter_map(words).collect();
    if all.is_empty() { "nothing to render".to_owned() } else { all.join(", ") }
}

fn word(state: State) -> &'static str {
    match state {
        State::Same => "same",
        State::Differs => "differs",
        State::New => "new",
        State::Gone => "gone",
        State::Waits => "waits",
    }
}

fn object(one: &Compared, out: &mut String) {
    let maker = one.maker.as_ref().map(|maker| format!(", made by {maker}")).unwrap_or_default();
    line(out, 1, &format!("{:<8} {}{maker}", word(one.state), one.identity));
    if let Some(change) = &one.change {
        out.push_str(&indented(&details(change, false)));
    }
    one.reasons.iter().for_each(|one| line(out, 3, &reason(one)));
}

/// Details come four columns deep.
fn indented(details: &str) -> String {
    details.lines().map(|line| format!("  {line}\n")).collect()
}

fn reason(reason: &Reason) -> String {
    match reason.rule {
        Some(rule) => format!("because {}: {}", rule.code, reason.text),
        None => format!("because {}", reason.text),
    }
}

/// What the rules say of the new inventory: each rule once.
fn rules(environment: &Environment, out: &mut String) {
    let mut told: Vec<(Level, &str, &str)> = Vec::new();
    for finding in environment.findings.iter().filter(|finding| finding.level > Level::Note) {
        let one = (finding.level, finding.rule.code, finding.message.as_str());
        if !told.contains(&one) {
            told.push(one);
        }
    }
    if told.is_empty() {
        return;
    }
    told.sort_by_key(|(level, ..)| std::cmp::Reverse(*level));
    let is_in_the_way = told.iter().any(|(level, ..)| *level == Level::Error);
    line(
        out,
        1,
        if is_in_the_way {
            "the rules say of the new inventory, which an error keeps from being rendered:"
        } else {
            "the rules say of the new inventory:"
        },
    );
    for (level, code, message) in told {
        line(out, 2, &format!("{level}[{code}]: {message}"));
    }
}

fn delete(deletion: &Deletion, out: &mut String) {
    if deletion.files.is_empty() && deletion.parts.is_empty() {
        return;
    }
    line(out, 0, "to delete by hand once the rendered tree is in use; nothing of it was touched:");
    deletion.files.iter().for_each(|file| line(out, 1, file.as_str()));
    for (file, parts) in &deletion.parts {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        line(out, 1, &format!("out of {file}: {}", parts.join(", ")));
    }
    out.push('\n');
}
