//! The example fleet reads without an error, in every environment.

use std::path::Path;

use dunlin_planner::{Bodies, Finding};
use dunlin_project::{Project, Request, read};

fn fleet(environment: &str) -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let variables = |_: &str| None;
    read(&Request {
        config: None,
        start_dir: root,
        environment: Some(environment.to_owned()),
        variables: &variables,
        held: dunlin_project::MAX_HELD,
    })
    .unwrap()
}

#[test]
fn the_fleet_reads_without_errors() {
    for environment in ["dev", "staging", "production"] {
        let project = fleet(environment);
        let errors: Vec<_> = project.catalog.findings.iter().filter(|finding| finding.is_error()).map(shown).collect();
        assert!(errors.is_empty(), "{environment}: {errors:#?}");
        assert!(project.catalog.sets.values().all(|set| !set.style.is_empty()));
    }
}

fn shown(finding: &Finding) -> String {
    format!("{:?} {}: {}", finding.place, finding.code, finding.message)
}

#[test]
fn every_body_can_be_opened_and_its_statements_lie_in_it() {
    let project = fleet("dev");
    for migration in &project.catalog.migrations {
        let bodies = [Some(&migration.up), migration.down.as_ref()].into_iter().flatten();
        for body in bodies.filter(|body| body.jobs.is_none()) {
            let text = project.bodies.open(&body.path, &body.digest).unwrap();
            assert!(!body.statements.is_empty(), "{}", body.path);
            for statement in &body.statements {
                assert_eq!(dunlin_planner::Digest::of(text[statement.range.clone()].as_bytes()), statement.digest);
            }
        }
    }
}

#[test]
fn development_needs_no_variables_and_production_does() {
    let ready =
        |environment| fleet(environment).connections.values().all(|connection| connection.problems().is_empty());
    assert!(ready("dev"));
    assert!(!ready("production"));
}
