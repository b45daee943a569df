//! Schedules of CronJobs as Kubernetes reads them: `ParseStandard` of robfig/cron 3, with what its validation adds.
//! Source: Kubernetes, `pkg/apis/batch/validation`.

use crate::pki::GoDuration;

/// One field: its name, its smallest and largest number, and words for numbers, the first one for the smallest.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("day of the week", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// What can stand in place of the five fields.
const WORDS: &[&str] = &["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// What is wrong with a schedule, as a sentence; None where Kubernetes takes it.
pub fn schedule_problem(schedule: &str) -> Option<String> {
    if schedule.contains("TZ") {
        return Some("it names a time zone, which belongs into `timeZone`".to_owned());
    }
    if let Some(duration) = schedule.strip_prefix("@every ") {
        return duration.parse::<GoDuration>().err().map(|error| error.to_string());
    }
    if schedule.starts_with('@') {
        return (!WORDS.contains(&schedule))
            .then(|| format!("the words are {}, and `@every 1h`", crate::finding::listed(WORDS.iter().copied())));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let count = crate::finding::counted(fields.len(), "field");
        return Some(format!("it has {count}, and cron has five: minute, hour, day of the month, month, day of the week"));
    }
    fields.iter().zip(FIELDS).find_map(|(text, field)| field_problem(text, field))
}

fn field_problem(text: &str, field: Field) -> Option<String> {
    // As Go's FieldsFunc does, what stands between two commas without anything is passed over.
    let mut parts = text.split(',').filter(|part| !part.is_empty());
    parts.find_map(|part| part_problem(part, field)).map(|problem| format!("`{text}` is no {}: {problem}", field.0))
}

fn part_problem(part: &str, (_, smallest, largest, words): Field) -> Option<String> {
    let pieces: Vec<&str> = part.split('/').collect();
    let (range, step) = match pieces.as_slice() {
        [range] => (*range, None),
        [range, step] => (*range, Some(*step)),
        _ => return Some("it has more than one `/`".to_owned()),
    };
    let number = |text: &str| number(text, smallest, words).ok_or_else(|| format!("`{text}` is neither a number nor a word for one"));
    let ends: Vec<&str> = range.split('-').collect();
    let bounds = match ends.as_slice() {
        ["*" | "?", ..] => Ok((smallest, largest)),
        [one] => number(one).map(|first| (first, if step.is_some() { largest } else { first })),
        [first, last] => number(first).and_then(|first| Ok((first, number(last)?))),
        _ => Err("it has more than one `-`".to_owned()),
    };
    let (first, last) = match bounds {
        Ok(bounds) => bounds,
        Err(problem) => return Some(problem),
    };
    if step.is_some_and(|step| step.parse::<u32>().ok().is_none_or(|step| step == 0)) {
        return Some("what stands behind `/` is a number of at least 1".to_owned());
    }
    if first < smallest || last > largest {
        return Some(format!("it goes from {smallest} to {largest}"));
    }
    (first > last).then(|| "it ends before it begins".to_owned())
}

fn number(text: &str, smallest: u32, words: &[&str]) -> Option<u32> {
    let word = words.iter().position(|word| text.eq_ignore_ascii_case(word)).and_then(|index| u32::try_from(index).ok());
    word.map(|index| smallest + index).or_else(|| text.parse().ok())
}

/// Areas of the database of time zones, with the names that it keeps for older ones. Source: IANA, `backward`.
const AREAS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "SystemV",
    "US",
];

/// What is wrong with the name of a time zone. Whether a cluster knows it is the cluster's business.
pub fn time_zone_problem(name: &str) -> Option<String> {
    if name.is_empty() || name.eq_ignore_ascii_case("local") {
        return Some("Kubernetes wants the name of a time zone here".to_owned());
    }
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_+-".contains(letter));
    if !name.split('/').all(is_part) {
        return Some("no time zone has such a name".to_owned());
    }
    let (area, _) = name.split_once('/')?;
    let is_known = AREAS.iter().any(|known| known.eq_ignore_ascii_case(area));
    (!is_known).then(|| format!("the database of time zones has no area `{area}`"))
}

/// Whether a schedule that Kubernetes takes names days of months that have no such day, so that it never comes: `31 2`.
pub fn never_comes(schedule: &str) -> bool {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [_, _, days, months, weekdays] = fields.as_slice() else { return false };
    // Where both are restricted, one of them is enough.
    let is_any = |text: &str| text.split(',').any(|part| part.starts_with(['*', '?']));
    if schedule_problem(schedule).is_some() || is_any(days) || !is_any(weekdays) {
        return false;
    }
    let [_, _, of_month, of_year, _] = FIELDS;
    let earliest = values(days, of_month).into_iter().min();
    let longest = values(months, of_year).into_iter().map(|month| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    });
    earliest.zip(longest.max()).is_some_and(|(earliest, longest)| earliest > longest)
}

/// The numbers that a field means, where it is one.
fn values(text: &str, (_, smallest, largest, words): Field) -> Vec<u32> {
    let part = |part: &str| -> Vec<u32> {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, step.parse::<usize>().ok()));
        let (first, last) = match range.split_once('-') {
            _ if range.starts_with(['*', '?']) => (Some(smallest), Some(largest)),
            Some((first, last)) => (number(first, smallest, words), number(last, smallest, words)),
            None => (number(range, smallest, words), number(range, smallest, words).map(|one| if step.is_some() { largest } else { one })),
        };
        let Some((first, last)) = first.zip(last) else { return Vec::new() };
        (first..=last).step_by(step.unwrap_or(1).max(1)).collect()
    };
    text.split(',').filter(|part| !part.is_empty()).flat_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_takes_is_taken() {
        for schedule in [
            "17 3 * * *",
            "*/5 * * * *",
            "0 0 1,15 * MON-FRI",
            "0 0 ? jan-dec ?",
            "5/15 * * * *",
            "@daily",
            "@every 1h30m",
            " 1  2 3 4 5 ",
            "0 0 * * 0-6/2",
            "1,,2 * * * *",
            "*-5 * * * *",
            ", * * * *",
            "+5 * * * *",
            "*-*-* * * * *",
            "1/100 * * * *",
            "@every -1h",
        ] {
            assert_eq!(schedule_problem(schedule), None, "{schedule}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for schedule in [
            "",
            "* * * *",
            "0 3 * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "* * * * son",
            "5-1 * * * *",
            "*/0 * * * *",
            "1/2/3 * * * *",
            "1-2-3 * * * *",
            "@fortnightly",
            "@every 1d",
            "TZ=UTC 0 0 * * *",
            "CRON_TZ=UTC 0 0 * * *",
            "x * * * *",
            "-1 * * * *",
            "5- * * * *",
            "*/ * * * *",
            "0 0 0-5 * *",
            "@Daily",
            "---",
        ] {
            assert!(schedule_problem(schedule).is_some(), "{schedule}");
        }
    }

    #[test]
    fn a_day_that_no_month_has_never_comes() {
        for (schedule, never) in [
            ("0 0 31 2 *", true),
            ("0 0 30,31 feb ?", true),
            ("0 0 31 4,6-7/3 *", true),
            ("0 0 29 2 *", false),
            ("0 0 31 2 mon", false),
            ("0 0 31 */2 *", false),
            ("0 0 31 2,3 *", false),
            ("0 0 * 2 *", false),
            ("@yearly", false),
        ] {
            assert_eq!(never_comes(schedule), never, "{schedule}");
        }
    }

    #[test]
    fn time_zones_are_names() {
        for (name, fits) in [
            ("Europe/Berlin", true),
            ("US/Eastern", true),
            ("Mars/Phobos", false),
            ("Etc/GMT+1", true),
            ("UTC", true),
            ("", false),
            ("Local", false),
            ("a//b", false),
            ("../x", false),
        ] {
            assert_eq!(time_zone_problem(name).is_none(), fits, "{name}");
        }
    }
}
