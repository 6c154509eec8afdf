//! Questions at a terminal: what is asked, and what follows from each answer.

use dunlin_tests::Server;

use crate::support::project;

const ONE: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
";

#[test]
fn nothing_is_changed_without_a_yes() {
    let server = Server::shared();
    let base = server.scratch();
    let project = project(&base, ONE);
    let there = || base.sql("SELECT to_regclass('users') IS NOT NULL");
    for (keys, code, is_there) in [("n", 75, "f"), ("\r", 75, "f"), ("\x03", 75, "f"), ("y", 0, "t")] {
        let run = project.dunlin().at_terminal("up", keys).exits(code);
        assert!(run.stdout.contains("Apply 1 migration in 1 database?"), "{keys:?}: {}", run.stdout);
        assert!(run.stdout.rfind("\x1b[?25h") > run.stdout.rfind("\x1b[?25l"), "the cursor is hidden: {}", run.stdout);
        assert_eq!(there(), is_there, "{keys:?}: {}", run.stdout);
    }

    let accept = "repair forget auth/1 --reason seen";
    for (keys, code, rows) in [("n", 75, "1"), ("y", 0, "0")] {
        let run = project.dunlin().at_terminal(accept, keys).exits(code);
        assert!(run.stdout.contains("Write down that `auth/1` is reverted?"), "{}", run.stdout);
        assert_eq!(base.sql("SELECT count(*) FROM dunlin.ledger WHERE state = 'applied'"), rows);
    }
}
