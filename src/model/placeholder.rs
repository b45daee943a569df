//! Placeholders: what a field of a tenant says once for all of its namespaces.

use crate::finding::listed;

/// What stands for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placeholders<'a> {
    known: &'a [(&'static str, &'a str)],
}

impl<'a> Placeholders<'a> {
    /// Names without braces, and what they stand for.
    pub(super) fn new(known: &'a [(&'static str, &'a str)]) -> Placeholders<'a> {
        Placeholders { known }
    }

    /// The text with every placeholder filled in.
    ///
    /// # Errors
    /// What stands between braces that is no placeholder, or a brace alone.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(['{', '}']) {
            let (before, tail) = rest.split_at(start);
            out.push_str(before);
            let end = tail.find('}').filter(|end| *end > 0).ok_or_else(|| tail.chars().take(1).collect::<String>())?;
            let name = &tail[1..end];
            let (_, value) = self.known.iter().find(|(known, _)| *known == name).ok_or_else(|| tail[..=end].to_owned())?;
            out.push_str(value);
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What to write in the place of something that is no placeholder.
    pub(super) fn help(&self, unknown: &str) -> String {
        let name = unknown.trim_matches(['{', '}']);
        let known = || self.known.iter().map(|(name, _)| *name);
        match crate::yaml::nearest(name, known()).filter(|_| !name.is_empty()) {
            Some(near) => format!("did you mean `{{{near}}}`?"),
            None => format!(
                "the placeholders are {}",
                listed(known().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().iter().map(String::as_str))
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Placeholders<'_> = Placeholders { known: &[("namespace", "web"), ("tenant", "shop")] };

    #[test]
    fn placeholders_are_filled_in_wherever_they_stand() {
        for (text, expected) in
            [("plain", "plain"), ("", ""), ("*.{namespace}.svc", "*.web.svc"), ("{tenant}{namespace}", "shopweb"), ("ä{tenant}ö", "äshopö")]
        {
            assert_eq!(KNOWN.fill(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        for (text, unknown) in
            [("{nmespace}", "{nmespace}"), ("a{b", "{"), ("a}b", "}"), ("{}", "{}"), ("{{tenant}}", "{{tenant}"), ("${tenant}}", "}")]
        {
            assert_eq!(KNOWN.fill(text), Err(unknown.to_owned()), "{text}");
        }
        assert_eq!(KNOWN.help("{nmespace}"), "did you mean `{namespace}`?");
        assert_eq!(KNOWN.help("{"), "the placeholders are `{namespace}`, `{tenant}`");
    }
}
