//! Files of the user's that take the place of built-in ones, and fall behind them.

use super::built_in::{TemplateFile, built_in};
use crate::finding::{Finding, Place, TEMPLATE_OVERRIDE_STALE};
use crate::tree::Digest;
use crate::yaml::text_of;

/// What is to be told of a file that takes the place of a built-in one. It says in its first line which text it was made
/// from, `{# made from <16 hex digits> #}`; one that does not say it is nobody's business. A folder that holds every file
/// of a component is kept as a whole, on purpose: copies in it are not told.
pub(super) fn stale(file: &TemplateFile, overrides: &[TemplateFile]) -> Option<Finding> {
    let files = built_in(&file.component);
    let (_, built_in) = files.iter().find(|(name, _)| *name == file.name)?;
    let text = text_of(&file.bytes, 0).ok()?;
    if text == *built_in {
        let is_there = |name: &str| overrides.iter().any(|other| other.component == file.component && other.name == name);
        if files.iter().all(|(name, _)| is_there(name)) {
            return None;
        }
        let message = format!("`{}` is the built-in template, byte by byte: it changes nothing today", file.name);
        let finding = Finding::new(&TEMPLATE_OVERRIDE_STALE, Place::whole(&file.path), message);
        return Some(finding.help("delete it; otherwise it holds this state while later releases mend the built-in one"));
    }
    let made_from = made_from(text.lines().next()?)?;
    let now: String = Digest::of(built_in.as_bytes()).to_string().chars().take(16).collect();
    if made_from == now {
        return None;
    }
    let place = Place::File { file: file.path.clone(), line: 1, column: 1 };
    let message = format!("`{}` was made from another built-in template than this release has", file.name);
    let help = format!("look at what changed there, take over what you need, then write `made from {now}` into this line");
    Some(Finding::new(&TEMPLATE_OVERRIDE_STALE, place, message).help(help))
}

/// The digits in a first line, `{# made from … #}` or, in `component.yaml`, `# made from …`.
fn made_from(line: &str) -> Option<&str> {
    let comment = line.trim().trim_start_matches(['{', '#', '-']).trim_end_matches(['#', '}', '-']).trim();
    Some(comment.strip_prefix("made from ")?.trim())
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::super::built_in::BUILT_IN;
    use super::*;

    #[test]
    fn an_override_says_what_it_was_made_from() {
        let (component, files) = *BUILT_IN.iter().find(|(name, _)| *name == "step-issuer").expect("built in");
        let (name, built_in) = files[1];
        let file = |name: &str, text: &str| TemplateFile {
            component: component.to_owned(),
            name: name.to_owned(),
            path: Utf8PathBuf::from(name),
            bytes: text.as_bytes().to_vec(),
        };
        let digits: String = Digest::of(built_in.as_bytes()).to_string().chars().take(16).collect();
        for (text, expected) in [
            (format!("{{# made from {digits} #}}\n{built_in}"), false),
            (format!("{{# made from 0123456789abcdef #}}\n{built_in}"), true),
            (format!("{{# ours #}}\n{built_in}"), false),
            (built_in.to_owned(), true),
        ] {
            let one = file(name, &text);
            assert_eq!(stale(&one, std::slice::from_ref(&one)).is_some(), expected, "{text}");
        }
        let all: Vec<TemplateFile> = files.iter().map(|(name, text)| file(name, text)).collect();
        assert_eq!(all.iter().find_map(|file| stale(file, &all)), None);
    }
}
