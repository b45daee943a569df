//! Functions that Kubernetes adds to CEL, as far as they are plain questions about texts.
//!
//! Source: `k8s.io/apiserver/pkg/cel/library`.

use std::net::IpAddr;

use cel::common::types::{CelBool, CelInt, CelList, CelString, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

use super::formats::Format;
use crate::pki::GoDuration;

/// Functions whose first argument behind the text is a regular expression.
pub(super) const TAKE_PATTERN: &[&str] = &["matches", "find", "findAll"];

/// Adds the functions. None of the names is taken; one that were would be told as not evaluated, and refuse nothing.
pub(super) fn add(environment: &mut Env) {
    drop(environment.add_overload("isIP", "is_ip_string", vec![STRING_TYPE], |arguments| answer(&arguments, is_ip)));
    drop(environment.add_overload("isCIDR", "is_cidr_string", vec![STRING_TYPE], |arguments| answer(&arguments, is_cidr)));
    drop(environment.add_overload("duration", "string_to_duration", vec![STRING_TYPE], duration));
    drop(environment.add_overload("isURL", "is_url_string", vec![STRING_TYPE], |arguments| answer(&arguments, is_url)));
    drop(environment.add_member_overload("find", "string_find_string", STRING_TYPE, vec![STRING_TYPE], find));
    drop(environment.add_member_overload("findAll", "string_find_all_string", STRING_TYPE, vec![STRING_TYPE], find_all));
}

fn text<'a>(arguments: &'a [CowVal<'_, '_>], index: usize) -> Result<&'a str, ExecutionError> {
    let argument = arguments.get(index).and_then(|argument| argument.downcast_ref::<CelString<'_>>());
    argument.map(CelString::inner).ok_or_else(ExecutionError::missing_argument_or_target)
}

fn answer<'b, 'v>(arguments: &[CowVal<'b, 'v>], question: fn(&str) -> bool) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(CowVal::owned(CelBool::from(question(text(arguments, 0)?))))
}

/// A duration is its nanoseconds: that is enough to compare two of them, which is all that rules may do with it here.
fn duration<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let parsed = text(&arguments, 0)?.parse::<GoDuration>();
    let parsed = parsed.map_err(|error| ExecutionError::function_error("duration", error))?;
    Ok(CowVal::owned(CelInt::from(parsed.nanoseconds())))
}

/// Patterns are translated and tried when a rule is read, so this one compiles.
fn pattern(arguments: &[CowVal<'_, '_>]) -> Result<regex::Regex, ExecutionError> {
    regex::Regex::new(text(arguments, 1)?).map_err(|error| ExecutionError::function_error("find", error))
}

fn find<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let found = pattern(&arguments)?.find(text(&arguments, 0)?).map_or("", |found| found.as_str()).to_owned();
    Ok(CowVal::owned(CelString::from(found)))
}

fn find_all<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let pattern = pattern(&arguments)?;
    let found = pattern.find_iter(text(&arguments, 0)?).map(|found| found.as_str().to_owned());
    let found: Vec<Box<dyn Val>> = found.map(|found| Box::new(CelString::from(found)) as Box<dyn Val>).collect();
    Ok(CowVal::owned(CelList::from(found)))
}

/// An address without a zone, and not one of IPv4 in the clothes of IPv6.
fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| !matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()))
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let plain = length.bytes().all(|byte| byte.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
        let most = if address.contains(':') { 128 } else { 32 };
        is_ip(address) && plain && length.parse().is_ok_and(|length: u32| length <= most)
    })
}

fn is_url(text: &str) -> bool {
    Format::of("uri").is_some_and(|format| format.holds(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_more_strictly_than_by_formats() {
        for text in ["10.0.0.1", "::1", "fe80::1"] {
            assert!(is_ip(text), "{text}");
        }
        for text in ["010.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.0/8", ""] {
            assert!(!is_ip(text), "{text}");
        }
        assert!(is_cidr("10.0.0.0/8") && is_cidr("::/0"));
        for text in ["10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/+8"] {
            assert!(!is_cidr(text), "{text}");
        }
        assert!(is_url("https://ca.example/x") && !is_url("ca.example"));
    }

    #[test]
    fn every_function_finds_its_place() {
        let mut environment = Env::stdlib();
        add(&mut environment);
        let context = cel::Context::with_env(std::sync::Arc::new(environment));
        for rule in
            ["isIP('::1')", "isCIDR('::/0')", "isURL('/a')", "'ab1'.find('[a-z]+') == 'ab'", "'a1b22'.findAll('[0-9]+') == ['1', '22']"]
        {
            let program = cel::Program::compile(rule).expect(rule);
            assert_eq!(program.execute(&context), Ok(cel::Value::Bool(true)), "{rule}");
        }
    }
}
