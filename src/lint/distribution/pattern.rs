//! Patterns of namespaces: regular expressions, which people take for globs.

/// Whom a list of patterns means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Nobody, or only what is a mistake.
    Nobody,
    /// Namespaces by their names.
    Names,
    /// Whatever fits a pattern.
    Pattern,
    /// Every namespace.
    Everything,
}

/// The patterns of a list with commas.
pub(super) fn patterns(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty())
}

/// Whom a list means; a glob in it means nobody, as nothing bears such a name.
pub(super) fn reach(list: &str) -> Reach {
    patterns(list).map(reach_of).max().unwrap_or(Reach::Nobody)
}

fn reach_of(pattern: &str) -> Reach {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    match inner {
        // Go takes `^*$` for an optional `^`.
        "*" | ".*" | ".+" | "(.*)" | "(.+)" | ".*?" | ".+?" => Reach::Everything,
        _ if inner.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') => Reach::Names,
        _ if is_glob(pattern) => Reach::Nobody,
        _ => Reach::Pattern,
    }
}

/// Whether `*` stands behind a character of a name, where a regular expression repeats that character: `team-*` means
/// `team-`, `team--` and so on, which no namespace is called.
pub(super) fn is_glob(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !pattern.contains(['[', '(', '\\']) && bytes.windows(2).any(|pair| is_plain(pair[0]) && pair[1] == b'*')
}

/// What .NET refuses about a pattern; None for one that it reads, and for constructs that are not looked at here.
pub(super) fn refused_by_dotnet(pattern: &str) -> Option<&'static str> {
    let mut characters = pattern.chars().peekable();
    let mut open = 0_u32;
    // What a quantifier would repeat.
    let mut before = Before::Nothing;
    while let Some(character) = characters.next() {
        before = match character {
            '*' | '+' | '?' => match before {
                Before::Nothing => return Some("a quantifier follows nothing"),
                Before::Quantifier if character != '?' => return Some("a quantifier follows a quantifier"),
                // A lazy quantifier takes no third one; that is rare enough to let it be.
                Before::Quantifier | Before::Something => Before::Quantifier,
            },
            '(' if characters.peek() == Some(&'?') => return None,
            '(' => {
                open += 1;
                Before::Nothing
            }
            '|' => Before::Nothing,
            ')' if open == 0 => return Some("a `)` closes nothing"),
            ')' => {
                open -= 1;
                Before::Something
            }
            '[' => {
                let mut is_first = true;
                loop {
                    match characters.next() {
                        None => return Some("a `[` is not closed"),
                        Some('\\') => drop(characters.next()),
                        Some(']') if !is_first => break,
                        Some('^') if is_first => continue,
                        Some(_) => {}
                    }
                    is_first = false;
                }
                Before::Something
            }
            '\\' => match characters.next() {
                None => return Some("a `\\` stands at the end"),
                Some(_) => Before::Something,
            },
            _ => Before::Something,
        };
    }
    (open > 0).then_some("a `(` is not closed")
}

#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Something,
    Quantifier,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dotnet_refuses_is_known() {
        for pattern in ["*", "*-db", "+x", "a**", "(a", "a)", "[a-z", "x|*", "a\\", "(*)"] {
            assert!(refused_by_dotnet(pattern).is_some(), "{pattern}");
        }
        for pattern in [".*", "team-.*", "team-*", "a|b", "(a|b)-c", "[a-z]+", "[^x]*", "[]x]", "a{2}", "^x$", "a.*?", "\\d+", "(?i)x"] {
            assert_eq!(refused_by_dotnet(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_glob_is_told_from_a_regular_expression() {
        for pattern in ["team-*", "team*", "a-*-b"] {
            assert!(is_glob(pattern), "{pattern}");
        }
        for pattern in ["*", ".*", "team-.*", "team-[0-9]*", "(team-a)*", "team-a", "*-db"] {
            assert!(!is_glob(pattern), "{pattern}");
        }
    }

    #[test]
    fn the_widest_pattern_decides() {
        assert_eq!(reach(""), Reach::Nobody);
        assert_eq!(reach("web, shop"), Reach::Names);
        assert_eq!(reach("web,team-.*"), Reach::Pattern);
        assert_eq!(reach("web,^.*$"), Reach::Everything);
        assert_eq!(reach("*"), Reach::Everything);
        assert_eq!(reach("team-*"), Reach::Nobody);
    }
}
