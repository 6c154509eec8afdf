//! How targets are reached, and what is missing for it.

use dunlin_project::ReadFailure;
use insta::assert_snapshot;

use crate::fixture::{Fixture, connections, shown, shown_in};

#[test]
fn variables_files_and_commands_are_filled_in() {
    assert_snapshot!(shown(
        "A_URL=postgres://a PASSWORD=p@ss:/word AUTH_HOST=auth AUTH_DB=auth_db AUTH_PASSWORD=x I_HOST=b,c I_PORT=1,2 I_NAME=one I_DATABASE=two I_USER=u I_PASSWORD_FILE=secret I_SSLMODE=require I_SSLROOTCERT=/ca.pem
//- dunlin.toml
[project]
name = \"p\"
[targets.a]
url = \"${A_URL}\"
direct_url = \"${A_DIRECT:-postgres://direct}\"
[targets.b]
host = \"h\"
port = \"${B_PORT:-6432}\"
database = \"d\"
user = \"u\"
password = \"${PASSWORD}\"
sslmode = \"require\"
[targets.c]
host = \"h\"
port = 5433
password = { file = \"secret\" }
[targets.d]
url = { command = \"echo postgres://$((1+1))\" }
[targets.e]
url = \"embedded\"
[targets.f]
url = \"embedded\"
database = \"postgres\"
[targets.g]
env_prefix = \"AUTH\"
user = \"mine\"
[targets.h]
service = \"metrics\"
sslrootcert = \"system\"
parameters = { sslcert = \"keys/client.pem\", sslkey = \"${KEYS:-/run}/client.key\" }
[targets.i]
env_prefix = \"I\"
//- secret
s3cret
",
        connections
    ), @r#"
a: url postgres://a, directly postgres://direct
b: dbname=d host=h port=6432 sslmode=require user=u password=p@ss:/word
c: host=h port=5433 password=s3cret
d: url postgres://2
e: embedded e
f: embedded postgres
g: dbname=auth_db host=auth user=mine password=x
h: service=metrics sslcert=ROOT/keys/client.pem sslkey=/run/client.key sslrootcert=system
i: dbname=one host=b,c port=1,2 sslmode=require sslrootcert=/ca.pem user=u password=s3cret
"#);
}

#[test]
fn what_is_missing_is_said_when_the_target_is_used() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[project]
name = \"p\"
[targets.a]
url = \"${A_URL}\"
[targets.b]
host = \"${B_HOST}\"
password = \"x${B_PASSWORD}\"
[targets.e]
env_prefix = \"E\"
[targets.f]
[targets.i]
user = \"u\"
[targets.j]
url = \"\"",
        connections
    ), @r#"
a: error[variable-missing]: `A_URL` is not set, and `targets.a.url` needs it
  at dunlin.toml:4:7
   | url = "${A_URL}"
   |       ^^^^^^^^^^
  hint: export A_URL=…, or give a default in the file: `${A_URL:-…}`
b: error[variable-missing]: `B_HOST` is not set, and `targets.b.host` needs it
  at dunlin.toml:6:8
   | host = "${B_HOST}"
   |        ^^^^^^^^^^^
  hint: export B_HOST=…, or give a default in the file: `${B_HOST:-…}`
error[variable-missing]: `B_PASSWORD` is not set, and `targets.b.password` needs it
  at dunlin.toml:7:12
   | password = …
   |            ^
  hint: export B_PASSWORD=…, or give a default in the file: `${B_PASSWORD:-…}`
e: error[variable-missing]: neither `E_URL` nor `E_HOST` is set, and target `e` needs one
  at dunlin.toml:9:1
   | env_prefix = "E"
   | ^^^^^^^^^^
  hint: export E_HOST=…, E_DB=…, E_USER=… and E_PASSWORD=…
f: error[target-without-url]: target `f` has neither `url` nor `host`
  at dunlin.toml:10:10
   | [targets.f]
   |          ^
  hint: set `url` or `host` in [targets.f]
i: error[target-without-url]: target `i` has no `host`
  at dunlin.toml:11:10
   | [targets.i]
   |          ^
  hint: set `url` or `host` in [targets.i]
j: error[target-without-url]: the `url` of target `j` is empty
  at dunlin.toml:13:10
   | [targets.j]
   |          ^
  hint: set `url` or `host` in [targets.j]
"#);
}

#[test]
fn what_cannot_be_had_is_said_too() {
    assert_snapshot!(shown(
        "PORT=x
//- dunlin.toml
[project]
name = \"p\"
[targets.c]
host = \"h\"
password = { file = \"nowhere\" }
[targets.d]
url = { command = \"echo hunter2; echo no such entry >&2; exit 3\" }
[targets.g]
host = \"h\"
port = \"${PORT}\"
[targets.h]
url = \"${A URL}hunter2\"
[targets.i]
host = \"h\"
parameters = { dbname = \"hunter2\" }",
        connections
    ), @r#"
error[config-conflict]: `targets.i.parameters` has `dbname`, which is a key of the target itself
  at dunlin.toml:15:1
   | parameters = { dbname = …
   | ^^^^^^^^^^
  hint: write it as `database` in [targets.i]
c: error[secret-unavailable]: a secret cannot be had: failed to open file `ROOT/nowhere`: No such file or directory (os error 2)
  at dunlin.toml:5:12
   | password = { file = "nowhere" }
   |            ^^^^^^^^^^^^^^^^^^^^
d: error[secret-unavailable]: a secret cannot be had: its command failed (exit status: 3); run it by hand to see what it says
  at dunlin.toml:7:7
   | url = { command = …
   |       ^^^^^^^^^^^^
g: error[config-value]: the port of target `g` is not a number from 1 to 65535
  at dunlin.toml:10:8
   | port = "${PORT}"
   |        ^^^^^^^^^
h: error[config-value]: `targets.h.url`: `${` is not followed by a variable's name and `}`
  at dunlin.toml:12:7
   | url = …
   |       ^
  hint: write `$${` for a `${` that is meant as it stands
i: host=h
"#);
}

#[test]
fn usual_variables_reach_the_only_target() {
    let one = "//- dunlin.toml\n[project]\nname = \"p\"\n[targets.db]\n[targets.side]\nkind = \"clickhouse\"\nenabled = false\n";
    let with = |variables: &str| shown(&format!("{variables}\n{one}"), connections);
    assert_snapshot!(with("DATABASE_URL=postgres://x POSTGRES_HOST=h"), @r#"
db: url postgres://x
side: error[target-without-url]: target `side` has neither `url` nor `host`
  at dunlin.toml:4:10
   | [targets.side]
   |          ^^^^
  hint: set `url` or `host` in [targets.side]
"#);
    assert_snapshot!(with("POSTGRES_HOST=h POSTGRES_PORT=1 POSTGRES_DB=d POSTGRES_USER=u POSTGRES_PASSWORD=p"), @r#"
db: dbname=d host=h port=1 user=u password=p
side: error[target-without-url]: target `side` has neither `url` nor `host`
  at dunlin.toml:4:10
   | [targets.side]
   |          ^^^^
  hint: set `url` or `host` in [targets.side]
"#);
    assert_snapshot!(with("PGHOST=h PGDATABASE=d PGSSLMODE=require"), @r#"
db: 
side: error[target-without-url]: target `side` has neither `url` nor `host`
  at dunlin.toml:4:10
   | [targets.side]
   |          ^^^^
  hint: set `url` or `host` in [targets.side]
"#);
    assert_snapshot!(with(""), @r#"
db: error[target-without-url]: target `db` has neither `url` nor `host`
  at dunlin.toml:3:10
   | [targets.db]
   |          ^^
  hint: set `url` in [targets.db], or DATABASE_URL, POSTGRES_HOST or PGHOST in the environment
side: error[target-without-url]: target `side` has neither `url` nor `host`
  at dunlin.toml:4:10
   | [targets.side]
   |          ^^^^
  hint: set `url` or `host` in [targets.side]
"#);
    assert_snapshot!(shown(&format!("DATABASE_URL=postgres://x\n{one}[targets.two]\n"), connections), @r#"
db: error[target-without-url]: target `db` has neither `url` nor `host`
  at dunlin.toml:3:10
   | [targets.db]
   |          ^^
  hint: set `url` or `host` in [targets.db]
side: error[target-without-url]: target `side` has neither `url` nor `host`
  at dunlin.toml:4:10
   | [targets.side]
   |          ^^^^
  hint: set `url` or `host` in [targets.side]
two: error[target-without-url]: target `two` has neither `url` nor `host`
  at dunlin.toml:7:10
   | [targets.two]
   |          ^^^
  hint: set `url` or `host` in [targets.two]
"#);
}

#[test]
fn an_environment_may_name_the_server_in_the_other_way() {
    let base = "//- dunlin.toml\n[project]\nname = \"p\"\n[targets.a]\nurl = \"${A}\"\n[targets.b]\nhost = \"h\"\nuser = \"u\"\n";
    let over = "//- configs/dev.toml\n[targets.a]\nhost = \"dev\"\n[targets.b]\nurl = \"embedded\"\n";
    assert_snapshot!(shown_in(&format!("{base}{over}"), Some("dev"), connections), @r#"
a: host=dev
b: embedded b
"#);
}

#[test]
fn nothing_prints_a_secret() {
    let text = "S=hunter2\n//- dunlin.toml\n[project]\nname = \"p\"\n[targets.a]\nurl = \"postgres://u:hunter2@h/d\"\ndirect_url = \"${S}\"\n[targets.b]\nhost = \"h\"\npassword = \"hunter2\"\nuser = \"${NO}\"\n[targets.c]\nurl = \"x\"\nhost = \"hunter2\"\n[policy]\nbackup = \"required\"\n[backup]\ncommand = \"echo hunter2\"\n";
    let project = Fixture::new(text).read(None).unwrap();
    let debugged = format!("{:?} {:?}", project.connections, project.catalog);
    assert!(!debugged.contains("hunter2"), "{debugged}");
    let broken = Fixture::new(&text.replace("[policy]", "[policy")).read(None);
    let Err(ReadFailure { findings }) = broken else { panic!("a broken file is a failure") };
    assert!(!format!("{findings:?}").contains("hunter2"));
}
