//! A ledger of another environment.

use dunlin_tests::{Project, Server};
use insta::assert_snapshot;

use crate::support::{ONE, exits, naming, restore, transcript};

fn project(url: &str) -> Project {
    Project::of(&format!("{ONE}//- configs/prod.toml\n\n//- configs/staging.toml\n")).with("CORE", url)
}

#[test]
fn another_environments_database() {
    let server = Server::shared();
    let database = server.scratch();
    let prod = project(&database.url());
    assert_eq!(exits(&prod, "up --yes --env prod"), [0]);
    assert_snapshot!(transcript(&prod, "plan --env staging"), @"
    $ dunlin plan --env staging
    [stdout]
    error[environment-other]: `core` belongs to environment `prod`, and this is for `staging`
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; `--env prod` is what this database was migrated with

    Nothing runs in acme (staging): 1 error must be mended first.
    [exit 4]
    ");
    assert_eq!(
        exits(&prod, "status --env staging\nup --yes --env staging\ndown --set auth --yes --env staging"),
        [4, 4, 4]
    );
}

#[test]
fn a_copy_of_another_environments_database() {
    let server = Server::shared();
    let (database, spare) = (server.scratch(), server.scratch());
    assert_eq!(exits(&project(&database.url()), "up --yes --env prod"), [0]);
    restore(&server, &database.url(), &spare.url());
    let copy = naming(project(&spare.url()), "OLD", "SYSTEM", |sql| database.sql(sql));
    let oid = spare.sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    let copy = copy.hiding(format!("database {oid}"), "database NEW");
    assert_snapshot!(transcript(&copy, "plan --env staging"), @"
    $ dunlin plan --env staging
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in, which belongs to environment `prod` while this is for `staging`: that was database OLD of system SYSTEM, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; or, if this copy is to go its own way from here, say `dunlin adopt --fork --target core --reason TEXT`

    Nothing runs in acme (staging): 1 error must be mended first.
    [exit 4]
    ");
    let adopt = |how: &str| format!("adopt --{how} --target core --reason copied --yes --env staging");
    assert_snapshot!(transcript(&copy, &format!("{}\n{}", adopt("after-restore"), adopt("fork"))), @"
    $ dunlin adopt --after-restore --target core --reason copied --yes --env staging
    [stderr]
    error[adopt-refused]: `core` cannot be adopted: it belongs to environment `prod`
    hint: say `--env prod`; a copy that goes its own way is a --fork
    [exit 2]

    $ dunlin adopt --fork --target core --reason copied --yes --env staging
    [stderr]
    core
      was     database OLD of system SYSTEM, timeline 1; environment prod
      is      database NEW of system SYSTEM, timeline 1; environment staging
      ledger  RUN, which gets an identity of its own
      reason  copied
    [stdout]
    core goes its own way: its ledger is RUN
    [exit 0]
    ");
    assert_eq!(exits(&copy, "plan --env staging\nplan --env prod"), [0, 4]);
}
