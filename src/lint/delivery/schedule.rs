//! CronJobs: their schedules, time zones and names. Source: Kubernetes, `pkg/apis/batch/validation`.

use super::super::Lint;
use super::super::object::is_filled_in_later;
use crate::finding::{Level, SCHEDULE_INVALID};
use crate::manifest::{never_comes, schedule_problem, time_zone_problem};
use crate::yaml::Path;

/// Characters of a name; what is appended for each run takes the rest of 63.
const MAX_NAME: usize = 52;

/// Judges every CronJob.
pub(super) fn check(lint: &mut Lint<'_>) {
    let jobs: Vec<_> = lint.objects_of("batch", "CronJob").filter(|job| lint.is_followed(job.document)).collect();
    for job in jobs {
        let mut problems: Vec<(Path, String, &str)> = Vec::new();
        let text = |path: &str| job.text(path).filter(|text| !is_filled_in_later(text));
        if let Some(schedule) = text("spec.schedule")
            && let Some(problem) = schedule_problem(schedule)
        {
            let message = format!("`{schedule}` is no schedule of a CronJob: {problem}");
            problems.push((Path::of(["spec", "schedule"]), message, "write it as `17 3 * * *`, which is every day at 03:17"));
        }
        if let Some(schedule) = text("spec.schedule").filter(|schedule| never_comes(schedule)) {
            let message = format!("`{schedule}` never comes: none of those months has such a day");
            let help = "write a day that there is; `0 0 28 * *` is close to the end of every month";
            lint.report_at(Level::Warning, &SCHEDULE_INVALID, job.document, &Path::of(["spec", "schedule"]), (message, help));
        }
        if let Some(zone) = text("spec.timeZone")
            && let Some(problem) = time_zone_problem(zone)
        {
            let message = format!("`{zone}` is no time zone: {problem}");
            problems.push((Path::of(["spec", "timeZone"]), message, "write a name such as `Etc/UTC` or `Europe/Berlin`"));
        }
        if job.name().len() > MAX_NAME {
            let message = format!("`{}` is too long for the name of a CronJob, which has at most {MAX_NAME} characters", job.name());
            problems.push((Path::of(["metadata", "name"]), message, "give it a shorter name: Kubernetes appends to it for each run"));
        }
        for (path, message, help) in problems {
            lint.report(&SCHEDULE_INVALID, job.document, &path, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    fn of(name: &str, spec: &str) -> Vec<String> {
        let text = format!("apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: {name}, namespace: web}}\nspec:\n{spec}");
        places("schedule-invalid", "", &[("jobs/a.yaml", &text)])
    }

    #[test]
    fn schedule_zone_and_name_are_judged_where_they_stand() {
        assert_eq!(of("a", "  schedule: 17 3 * * *\n  timeZone: Etc/UTC\n"), [""; 0]);
        assert_eq!(of("a", "  schedule: 17 3 * *\n"), ["5:13"]);
        assert_eq!(of("a", "  schedule: 17 3 * * 7\n  timeZone: Local\n"), ["5:13", "6:13"]);
        assert_eq!(of("a", "  schedule: 0 0 31 2 *\n  timeZone: Mars/Phobos\n"), ["5:13", "6:13"]);
        assert_eq!(of(&"a".repeat(53), "  schedule: '@daily'\n"), ["3:18"]);
    }

    #[test]
    fn what_is_filled_in_later_is_not_judged() {
        assert_eq!(of("a", "  schedule: ${SCHEDULE}\n"), [""; 0]);
    }
}
