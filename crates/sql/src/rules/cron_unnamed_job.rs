//! `cron.schedule` without a job name.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};

pub(super) static RULE: Rule = Rule {
    code: "cron-unnamed-job",
    summary: "each run of cron.schedule without a name makes another job",
    severity: Severity::Warning,
    bad: "SELECT cron.schedule('0 3 * * *', 'VACUUM');",
    good: "SELECT cron.schedule('nightly-vacuum', '0 3 * * *', 'VACUUM');",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    for (_, analysis) in lint.statements() {
        let jobs = analysis.calls.iter().filter_map(|call| call.cron_job());
        for job in jobs.filter(|job| !job.named) {
            findings.add(
                job.range,
                "a job without a name cannot be replaced: running this again schedules it twice",
                "give the job's name as first argument",
            );
        }
    }
}
