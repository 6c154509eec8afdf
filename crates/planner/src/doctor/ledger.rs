//! Whether there is a ledger that can be trusted, whose it is, and whether its log is as it was sealed.

use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{REFUSED, count, told};
use crate::doctor::health::{Access, Health};
use crate::doctor::server::of_server;
use crate::{Audit, Failure, Finding, Ledger, TargetFacts};

pub(crate) fn ledger(
    facts: &Result<TargetFacts, Failure>,
    health: &Health,
    log: &Result<Option<Audit>, Failure>,
) -> Vec<Check> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(failure) if of_server(failure) => return Vec::new(),
        Err(failure) => {
            let check = Check::error(Area::Ledger, failure.class.finding(), told(failure));
            return vec![Check { hint: failure.hint.clone(), ..check }];
        }
    };
    let Ledger::Present { outdated, .. } = &facts.ledger else {
        return vec![Check::ok(Area::Ledger, "there is none yet: the first run makes it")];
    };
    let access = health.role.known().map(|role| &role.ledger);
    let owner = match access {
        Some(Access::Present { owner, .. }) => format!("belongs to `{owner}`"),
        _ => "is there".to_owned(),
    };
    let mut checks = Vec::new();
    if *outdated {
        checks.push(upgrade(access));
    }
    if !facts.pausing.obligations.is_empty() {
        let paused = count(facts.pausing.obligations.len() as u64, "job");
        let hint = "`dunlin status` says by which run; the next `dunlin up` resumes what a run that is gone left";
        checks.push(Check::info(Area::Ledger, format!("{paused} paused by a run")).hint(hint));
    }
    match log {
        Err(failure) => checks.push(Check::info(Area::Ledger, format!("the log is not known: {}", told(failure)))),
        Ok(Some(audit)) if !audit.findings.is_empty() => checks.extend(audit.findings.iter().map(broken)),
        Ok(audit) => {
            let lines = audit.as_ref().map_or(0, |audit| audit.sealed);
            let sealed = if lines == 0 {
                String::new()
            } else {
                format!(", {} sealed and unchanged", count(lines as u64, "line"))
            };
            checks.push(Check::ok(Area::Ledger, format!("{owner}{sealed}")));
        }
    }
    checks
}

/// Only its owner can change its tables.
fn upgrade(access: Option<&Access>) -> Check {
    let Some(Access::Present { owner, owns: false, .. }) = access else {
        return Check::info(Area::Ledger, "it is of an older version: the next run upgrades it");
    };
    let message = format!("it is of an older version and belongs to `{owner}`, so that this role may not upgrade it");
    let hint = match owner.as_str() {
        "dunlin_owner" => {
            "as an administrator, run what `dunlin init --roles` prints in this database once more".to_owned()
        }
        _ => format!("run `dunlin up` once as `{owner}`"),
    };
    Check::error(Area::Ledger, REFUSED, message).hint(hint)
}

fn broken(finding: &Finding) -> Check {
    Check { hint: finding.hint.clone(), ..Check::error(Area::Ledger, finding.class, &finding.message) }
}
