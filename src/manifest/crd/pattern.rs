//! Go's regular expressions to the ones of the `regex` crate. Both are RE2 at heart and take linear time; they differ in
//! what a few spellings mean, so each pattern is spelled out before it is compiled.
//!
//! Source: <https://pkg.go.dev/regexp/syntax>.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// Bytes that one compiled pattern may take.
const MAX_COMPILED: usize = 1 << 20;
/// Different patterns of one catalog.
const MAX_PATTERNS: usize = 4_000;
/// Bytes of one pattern's text.
const MAX_TEXT: usize = 4_096;
/// The largest number that Go takes in `{n,m}`.
const MAX_REPEAT: u32 = 1_000;

/// Compiled patterns, each text once.
#[derive(Debug, Default)]
pub(super) struct Patterns(HashMap<String, Result<Regex, String>>);

impl Patterns {
    /// The pattern, compiled.
    ///
    /// # Errors
    /// Why it cannot be used, as the end of a sentence.
    pub(super) fn compiled(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(known) = self.0.get(pattern) {
            return known.clone();
        }
        if self.0.len() >= MAX_PATTERNS {
            return Err(format!("there are more than {MAX_PATTERNS} different patterns"));
        }
        let compiled = compile(pattern);
        self.0.insert(pattern.to_owned(), compiled.clone());
        compiled
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translated(pattern)?).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(100).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => "it needs too much memory; use smaller repetitions".to_owned(),
            other => last_line(&other.to_string()),
        },
    )
}

/// The crate draws the pattern over several lines; the reason stands in the last one.
fn last_line(message: &str) -> String {
    let line = message.lines().next_back().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The pattern as the `regex` crate has to read it to mean what Go means.
///
/// # Errors
/// What Go refuses, as the end of a sentence.
pub(super) fn translated(pattern: &str) -> Result<String, String> {
    if pattern.len() > MAX_TEXT {
        return Err(format!("it is longer than {MAX_TEXT} bytes"));
    }
    let mut translation = Translation { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    while let Some(character) = translation.rest.chars().next() {
        translation.step(character)?;
    }
    Ok(translation.out)
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
}

impl Translation<'_> {
    fn take(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// A character that means itself, in or outside of a class.
    fn literal(&mut self, character: char) {
        if character.is_ascii_alphanumeric() {
            self.out.push(character);
        } else {
            self.out.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
        }
    }

    fn step(&mut self, character: char) -> Result<(), String> {
        match character {
            '\\' => {
                self.take();
                match self.escape()? {
                    Escaped::Literal(literal) => self.literal(literal),
                    Escaped::Quoted => self.quoted(),
                    Escaped::Class(inner) => self.out.push_str(&format!("[{inner}]")),
                    Escaped::AsWritten(text) => self.out.push_str(&text),
                }
                Ok(())
            }
            '[' => {
                self.take();
                self.class()
            }
            '{' => self.repetition(),
            '(' if self.rest.starts_with("(?") => self.group(),
            _ => {
                self.take();
                self.out.push(character);
                Ok(())
            }
        }
    }

    /// Between `\Q` and `\E` everything means itself.
    fn quoted(&mut self) {
        let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        text.chars().for_each(|character| self.literal(character));
        self.rest = rest;
    }

    /// Go has the flags `imsU`, names, and groups without a number; nothing that looks around.
    fn group(&mut self) -> Result<(), String> {
        let inner = &self.rest[2..];
        let named = inner.starts_with("P<") || (inner.starts_with('<') && !inner.starts_with("<=") && !inner.starts_with("<!"));
        let flags = inner.split([':', ')']).next().unwrap_or_default();
        if !named && !flags.chars().all(|flag| "imsU-".contains(flag)) {
            let start: String = self.rest.chars().take(4).collect();
            return Err(format!("Go knows no group that begins with `{start}`"));
        }
        self.out.push_str("(?");
        self.rest = inner;
        Ok(())
    }

    /// `{2}`, `{2,}` and `{2,5}` repeat; any other `{` means itself.
    fn repetition(&mut self) -> Result<(), String> {
        let inner = self.rest[1..].split_once('}').map(|(inner, _)| inner);
        let numbers = inner.and_then(|inner| {
            let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            (!least.is_empty() && digits(least) && digits(most)).then_some([least, most])
        });
        let (Some(inner), Some(numbers)) = (inner, numbers) else {
            self.take();
            self.literal('{');
            return Ok(());
        };
        if numbers.iter().any(|number| !number.is_empty() && number.parse().map_or(true, |number: u32| number > MAX_REPEAT)) {
            return Err(format!("`{{{inner}}}` repeats more than {MAX_REPEAT} times, which Go does not take"));
        }
        self.out.push_str(&format!("{{{inner}}}"));
        self.rest = &self.rest[inner.len() + 2..];
        Ok(())
    }

    /// What stands behind a backslash, which is taken already.
    fn escape(&mut self) -> Result<Escaped, String> {
        let Some(character) = self.take() else { return Err("it ends with a backslash".to_owned()) };
        Ok(match character {
            'd' => Escaped::Class("0-9".to_owned()),
            'D' => Escaped::Class("^0-9".to_owned()),
            'w' => Escaped::Class("0-9A-Za-z_".to_owned()),
            'W' => Escaped::Class("^0-9A-Za-z_".to_owned()),
            's' => Escaped::Class(r"\t\n\f\r\x20".to_owned()),
            'S' => Escaped::Class(r"^\t\n\f\r\x20".to_owned()),
            'b' => Escaped::AsWritten(r"(?-u:\b)".to_owned()),
            // The crate has no ASCII form of this one that may stand in text; the two differ only beside letters beyond ASCII.
            'B' | 'A' | 'z' | 'a' | 'f' | 't' | 'n' | 'r' | 'v' => Escaped::AsWritten(format!("\\{character}")),
            'p' | 'P' => {
                let name = if self.rest.starts_with('{') {
                    let end = self.rest.find('}').ok_or("`\\p{` has no end")?;
                    &self.rest[..=end]
                } else {
                    let first = self.rest.chars().next().ok_or("`\\p` has no name")?;
                    &self.rest[..first.len_utf8()]
                };
                self.rest = &self.rest[name.len()..];
                Escaped::AsWritten(format!("\\{character}{name}"))
            }
            'x' => Escaped::Literal(self.hexadecimal()?),
            'Q' => Escaped::Quoted,
            '0'..='7' => Escaped::Literal(self.octal(character)?),
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => Escaped::Literal(other),
            other => return Err(format!("Go does not know `\\{other}`")),
        })
    }

    fn hexadecimal(&mut self) -> Result<char, String> {
        let digits = match self.rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((digits, rest)) => {
                self.rest = rest;
                digits
            }
            None => {
                let digits = self.rest.get(..2).ok_or("`\\x` needs two digits")?;
                self.rest = &self.rest[2..];
                digits
            }
        };
        u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or_else(|| format!("`\\x{digits}` is no character"))
    }

    /// `\0`, `\07`, `\123`; a single digit from 1 to 7 would be a reference back, which Go does not have.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let more = self.rest.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if first != '0' && more == 0 {
            return Err(format!("`\\{first}` refers back, which Go does not have"));
        }
        let digits = format!("{first}{}", &self.rest[..more]);
        self.rest = &self.rest[more..];
        u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).ok_or_else(|| format!("`\\{digits}` is no character"))
    }

    /// A class in brackets, whose `[` is taken already. The crate would nest and intersect classes where Go reads characters.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.take();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if let Some(end) = self.rest.strip_prefix("[:").and_then(|inner| inner.find(":]")) {
                let whole = end + 4;
                self.out.push_str(&self.rest[..whole]);
                self.rest = &self.rest[whole..];
                first = false;
                continue;
            }
            match self.take() {
                None => return Err("a `[` has no `]`".to_owned()),
                Some(']') if !first => break,
                Some(character) => self.class_item(character)?,
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn class_item(&mut self, character: char) -> Result<(), String> {
        let Some(low) = self.class_character(character)? else { return Ok(()) };
        self.literal(low);
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.take();
            let end = self.take().ok_or("a `[` has no `]`")?;
            let Some(high) = self.class_character(end)? else { return Err("a range ends with a class".to_owned()) };
            self.out.push('-');
            self.literal(high);
        }
        Ok(())
    }

    /// The character that an item of a class begins with; None where it was a class of its own, which is then written.
    fn class_character(&mut self, character: char) -> Result<Option<char>, String> {
        if character != '\\' {
            return Ok(Some(character));
        }
        match self.escape()? {
            Escaped::Literal(literal) => return Ok(Some(literal)),
            Escaped::Class(inner) => self.out.push_str(&format!("[{inner}]")),
            Escaped::AsWritten(text) if text.starts_with("(?") || [r"\A", r"\z", r"\B"].contains(&text.as_str()) => {
                return Err("an assertion cannot stand in a class".to_owned());
            }
            Escaped::AsWritten(text) => self.out.push_str(&text),
            Escaped::Quoted => return Err("`\\Q` cannot stand in a class".to_owned()),
        }
        Ok(None)
    }
}

/// What a backslash and what follows it stand for.
enum Escaped {
    Literal(char),
    /// The inside of a class, with `^` in front where it is the opposite.
    Class(String),
    AsWritten(String),
    Quoted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).expect(pattern).is_match(text)
    }

    #[test]
    fn what_the_crate_would_read_otherwise_means_what_go_means() {
        for (pattern, yes, no) in [
            (r"^\d+$", "12", "١٢"),
            (r"^\w$", "a", "ä"),
            (r"^\s$", "\t", "\u{a0}"),
            (r"^\S$", "\u{a0}", " "),
            (r"^[\d_]+$", "1_", "x"),
            (r"^[^\s]+$", "ab", "a b"),
            (r"^[[a]$", "[", "]"),
            (r"^[a&&b]$", "&", "c"),
            (r"^[]x]$", "]", "y"),
            (r"^[+--]$", ",", "."),
            (r"^[a-]$", "-", "b"),
            (r"^[[:alpha:]\-]+$", "a-", "1"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^a{1,2}$", "aa", "aaa"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"^\/\<\_$", "/<_", "x"),
            (r"^\x41\x{42}\101$", "ABA", "abc"),
            (r"^(?i)a(?:b)$", "AB", "ac"),
            (r"^(?P<name>a)(?<other>b)$", "ab", "a"),
            (r"\bcat\b", "a cat!", "cats"),
            (r"^\pL\p{Greek}$", "aα", "aa"),
            (r"^a$", "a", "a\n"),
        ] {
            assert!(matches(pattern, yes), "{pattern} takes {yes:?}");
            assert!(!matches(pattern, no), "{pattern} refuses {no:?}");
        }
    }

    #[test]
    fn what_go_does_not_compile_is_refused_with_a_reason() {
        for (pattern, reason) in [
            (r"(?=a)", "`(?=a`"),
            (r"(?<!a)b", "`(?<!`"),
            (r"(a)\1", "refers back"),
            (r"a{1001}", "1000 times"),
            ("(", "unclosed"),
            ("[a", "no `]`"),
            (r"a\", "backslash"),
            (r"\Z", r"`\Z`"),
            (r"[z-a]", "range"),
        ] {
            let error = compile(pattern).expect_err(pattern);
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_refused_and_costs_little() {
        let error = compile(r"((\pL{1000}){1000}){1000}").expect_err("too big");
        assert!(error.contains("too much memory"), "{error}");
        assert!(compile(&"a".repeat(MAX_TEXT + 1)).expect_err("too long").contains("longer"));
        assert!(compile(&format!("{}{}", "(".repeat(500), ")".repeat(500))).is_err());
    }

    #[test]
    fn each_pattern_is_compiled_once_and_their_number_is_bounded() {
        let mut patterns = Patterns::default();
        for number in 0..MAX_PATTERNS {
            patterns.0.insert(number.to_string(), Err(String::new()));
        }
        assert!(patterns.compiled("new").expect_err("too many").contains("different patterns"));
        assert_eq!(patterns.compiled("1").expect_err("known"), "");
    }
}
