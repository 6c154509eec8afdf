//! What a command is about, and what it takes along.

use dunlin_planner::{Graph, Scope, Selection};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

const PROJECT: &str = "
    target core postgres
    target jobs cron
    service auth alias auth-service
    set auth core
    set crm core
    set crm.cron jobs of crm
    set web core after auth
    auth/1
    auth/2
    auth/3
    crm/1
    crm/2 needs auth/2
    crm/3
    crm.cron/1 needs crm/2
    web/1
";

fn check(command: &str) -> String {
    show(PROJECT, command)
}

#[test]
fn a_service_takes_along_what_it_needs() {
    assert_snapshot!(check("up --service crm"), @"
    apply auth/1 on core pulled in by crm/2
    apply auth/2 on core <sequence auth/1 checks auth/1 pulled in by crm/2
    apply crm/1 on core
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1
    apply crm/3 on core <sequence crm/2 checks crm/2
    apply crm.cron/1 on jobs <declared crm/2 checks crm/2*
    ");
}

#[test]
fn a_set_that_is_not_called_as_its_service() {
    for owner in ["crm.cron", "crm"] {
        let said = check(&format!("up --to {owner}/1 --set crm.cron"));
        assert!(said.contains("apply crm.cron/1 on jobs"), "{owner}: {said}");
    }
}

#[test]
fn what_a_selection_touches() {
    let fixture = Fixture::parse(&format!("{PROJECT}target off postgres off\nset far off\ntarget more cron pause *"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let touched = |services: &[&str]| {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        let selection = Selection::of(&graph, &Scope { services, ..Scope::default() }).unwrap();
        let names = |names: Vec<String>| names.join(" ");
        let targets = selection.targets(&graph).iter().map(ToString::to_string).collect();
        (names(targets), names(selection.sets(&graph).into_iter().map(ToString::to_string).collect()))
    };
    let pair = |targets: &str, sets: &str| (targets.to_owned(), sets.to_owned());
    assert_eq!(touched(&[]), pair("core jobs more", "auth crm crm.cron far web"));
    assert_eq!(touched(&["crm"]), pair("core jobs more", "auth crm crm.cron"));
    assert_eq!(touched(&["auth"]), pair("core more", "auth"));
    assert_eq!(touched(&["far"]), pair("more", "far"));
}

#[test]
fn a_service_by_its_alias() {
    assert_snapshot!(check("up --service auth-service"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    ");
}

#[test]
fn after_orders_and_takes_nothing_along() {
    assert_snapshot!(check("up --service web"), @"apply web/1 on core");
    assert_snapshot!(check("up --service web --service auth"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply web/1 on core <after auth/3
    ");
}

#[test]
fn a_set_and_a_target() {
    assert_snapshot!(check("up --set crm.cron"), @"
    apply auth/1 on core pulled in by crm.cron/1
    apply auth/2 on core <sequence auth/1 checks auth/1 pulled in by crm.cron/1
    apply crm/1 on core pulled in by crm.cron/1
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1 pulled in by crm.cron/1
    apply crm.cron/1 on jobs <declared crm/2 checks crm/2*
    ");
    assert_snapshot!(check("up --target jobs"), @"
    apply auth/1 on core pulled in by crm.cron/1
    apply auth/2 on core <sequence auth/1 checks auth/1 pulled in by crm.cron/1
    apply crm/1 on core pulled in by crm.cron/1
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1 pulled in by crm.cron/1
    apply crm.cron/1 on jobs <declared crm/2 checks crm/2*
    ");
    assert_snapshot!(check("up --target jobs --service auth"), @"");
}

#[test]
fn up_to_a_migration() {
    assert_snapshot!(check("up --to crm/2"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply crm/1 on core
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1
    ");
    assert_snapshot!(check("up --service auth --to 2"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    ");
}

#[test]
fn only_refuses_to_take_along() {
    assert_snapshot!(check("up --set crm.cron --only"), @"
    apply auth/1 on core pulled in by crm.cron/1
    apply auth/2 on core <sequence auth/1 checks auth/1 pulled in by crm.cron/1
    apply crm/1 on core pulled in by crm.cron/1
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1 pulled in by crm.cron/1
    apply crm.cron/1 on jobs <declared crm/2 checks crm/2*
    error pull-in-refused Invalid: `crm.cron/1` needs `auth/1` of service `auth`, which is pending and was not selected
      hint: run `dunlin up --service auth` first
    error pull-in-refused Invalid: `crm.cron/1` needs `auth/2` of service `auth`, which is pending and was not selected
      hint: run `dunlin up --service auth` first
    error pull-in-refused Invalid: `crm.cron/1` needs `crm/1` of service `crm`, which is pending and was not selected
      hint: run `dunlin up --service crm` first
    error pull-in-refused Invalid: `crm.cron/1` needs `crm/2` of service `crm`, which is pending and was not selected
      hint: run `dunlin up --service crm` first
    ");
}

#[test]
fn a_policy_without_pulling_in_refuses_other_services() {
    assert_snapshot!(show(&format!("{PROJECT}policy no-pull-in"), "up --set crm.cron"), @"
    apply auth/1 on core pulled in by crm.cron/1
    apply auth/2 on core <sequence auth/1 checks auth/1 pulled in by crm.cron/1
    apply crm/1 on core pulled in by crm.cron/1
    apply crm/2 on core <declared auth/2 <sequence crm/1 checks auth/2*,crm/1 pulled in by crm.cron/1
    apply crm.cron/1 on jobs <declared crm/2 checks crm/2*
    error pull-in-refused Invalid: `crm.cron/1` needs `auth/1` of service `auth`, which is pending and was not selected
      hint: run `dunlin up --service auth` first
    error pull-in-refused Invalid: `crm.cron/1` needs `auth/2` of service `auth`, which is pending and was not selected
      hint: run `dunlin up --service auth` first
    ");
}

#[test]
fn what_is_applied_need_not_be_taken_along() {
    let applied = "row core auth/1\nrow core auth/2\nrow core crm/1\nrow core crm/2\n";
    assert_snapshot!(show(&format!("{PROJECT}{applied}"), "up --set crm.cron --only"), @"apply crm.cron/1 on jobs checks crm/2*");
}

#[test]
fn names_that_are_not_there() {
    assert_snapshot!(check("up --service atuh --service nowhere --target cores --set crm.corn"), @"
    error service-unknown Invalid: there is no service `atuh`
      hint: did you mean `auth`?
    error service-unknown Invalid: there is no service `nowhere`
      hint: this project has: auth, auth-service, crm, web
    error target-unknown Invalid: there is no target `cores`
      hint: did you mean `core`?
    error set-unknown Invalid: there is no set `crm.corn`
      hint: did you mean `crm.cron`?
    ");
    assert_snapshot!(check("up --to auth/22"), @"
    error version-unknown Invalid: no selected migration is called `auth/22`
      hint: did you mean `auth/2`?
    ");
    assert_snapshot!(check("up --to 2"), @"
    error version-ambiguous Invalid: `2` is the version of several migrations: `auth/2`, `crm/2`
      hint: write the whole id, such as `auth/2`
    ");
    assert_snapshot!(check("up --service crm --to auth/2"), @"
    error version-unknown Invalid: no selected migration is called `auth/2`
      hint: `dunlin status` lists them
    ");
    assert_snapshot!(check("up --to a/b/é"), @"error version-unknown Invalid: `é` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200");
}
