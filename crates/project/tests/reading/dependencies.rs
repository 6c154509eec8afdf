//! Dependency files in YAML and TOML, well-formed and hostile.

use insta::assert_snapshot;

use crate::fixture::{ONE_SET, catalog, shown};

fn check(name: &str, content: &str) -> String {
    let config = ONE_SET.replace("name = \"p\"", &format!("name = \"p\"\ndependencies = [\"{name}\"]"));
    let config = config.replace("path = \"m\"", "path = \".\"");
    let read = shown(&format!("{config}//- V1__a.sql\nselect 1\n//- {name}\n{content}"), catalog);
    read.lines().skip(2).collect::<Vec<_>>().join("\n")
}

#[test]
fn both_formats_say_the_same() {
    assert_snapshot!(check("d.yml", "# seed\nmigrations:\n  - version: \"20240101_001\"\n    service: \"auth-service\"\n    dependencies: []\n\n  - version: 002\n    service: user-service\n    dependencies: [\"20240101_001\", b/2]\n  - version: 20240101_003\n    service: é\n    dependencies:\n      - auth/1\n  - {version: 1.10, service: x}\n"), @r#"
d.yml:3:14 auth-service/20240101_001 needs
d.yml:7:14 user-service/002 needs 20240101_001 (d.yml:9:20) b/2 (d.yml:9:36)
d.yml:10:14 é/20240101_003 needs auth/1 (d.yml:13:9)
d.yml:14:15 x/1.10 needs
"#);
    assert_snapshot!(check("d.toml", "[[migrations]]\nversion = \"11\"\nservice = \"iot.ess\"\ndependencies = [\"a/1\", \"2\"]\n[[migrations]]\nversion = \"12\"\nservice = \"x\"\n"), @r#"
d.toml:2:11 iot.ess/11 needs a/1 (d.toml:4:17) 2 (d.toml:4:24)
d.toml:6:11 x/12 needs
"#);
    assert_snapshot!(check("e.yaml", ""), @"");
    assert_snapshot!(check("f.yaml", "migrations:\n"), @"");
}

#[test]
fn yaml_that_is_wrong_is_an_error_with_its_place() {
    let entry = "migrations:\n- version: a\n  service: b\n";
    assert_snapshot!(check("d.yml", &format!("{entry}  service: c\n")), @r#"
error[dependencies-invalid]: dependency file `d.yml`: the key `service` stands twice
  at d.yml:4:3
   |   service: c
   |   ^
  hint: remove one of them
"#);
    assert_snapshot!(check("d.yml", &format!("{entry}  dependancies: []\n")), @r#"
error[dependencies-invalid]: dependency file `d.yml`: unknown key `dependancies`; known here: version, service, dependencies
  at d.yml:4:3
   |   dependancies: []
   |   ^
  hint: did you mean `dependencies`?
"#);
    assert_snapshot!(check("d.yml", "migrations:\n- version: a\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: `service` is missing
  at d.yml:2:3
   | - version: a
   |   ^
"#);
    assert_snapshot!(check("d.yml", &format!("{entry}  dependencies: c\n")), @r#"
error[dependencies-invalid]: dependency file `d.yml`: expected sequence start
  at d.yml:4:17
   |   dependencies: c
   |                 ^
"#);
    assert_snapshot!(check("d.yml", &format!("{entry}  dependencies: [[c]]\n")), @r#"
error[dependencies-invalid]: dependency file `d.yml`: expected string scalar
  at d.yml:4:18
   |   dependencies: [[c]]
   |                  ^
"#);
    assert_snapshot!(check("d.yml", "migrations: [\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: unclosed bracket \'[\'
  at d.yml:1:13
   | migrations: [
   |             ^
"#);
    assert_snapshot!(check("d.yml", &format!("{entry}---\n{entry}")), @r#"
error[dependencies-invalid]: dependency file `d.yml`: a second document begins here
  at d.yml:5:1
   | migrations:
   | ^
"#);
    assert_snapshot!(check("d.yml", "migrations:\n- version: \"a\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: invalid indentation in multiline quoted scalar
  at d.yml:3:1
"#);
}

#[test]
fn yaml_that_attacks_is_refused() {
    assert_snapshot!(check("d.yml", "migrations: [*b]\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: alias references unknown anchor
  at d.yml:1:14
   | migrations: [*b]
   |              ^
"#);
    assert_snapshot!(check("d.yml", "migrations:\n- &a\n  version: a\n  service: b\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: anchors and aliases are not allowed here
  at d.yml:3:3
   |   version: a
   |   ^
  hint: write the value out
"#);
    assert_snapshot!(check("d.yml", "migrations:\n- version: !evil a\n  service: b\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: the tag `!evil` is not allowed here
  at d.yml:2:18
   | - version: !evil a
   |                  ^
"#);
    assert_snapshot!(check("d.yml", "migrations:\n- <<: {version: a}\n  service: b\n"), @r#"
error[dependencies-invalid]: dependency file `d.yml`: merge keys are not allowed here
  at d.yml:2:3
   | - <<: {version: a}
   |   ^
"#);
    assert_snapshot!(check("d.yml", &format!("migrations: {}\n", "[{version: ".repeat(5))), @r#"
error[dependencies-invalid]: dependency file `d.yml`: unclosed bracket \'{\'
  at d.yml:1:58
   | migrations: [{version: [{version: [{version: [{version: [{version: 
   |                                                          ^
"#);
    assert_snapshot!(check("d.yml", &"#".repeat(1_000_001)), @r#"
error[file-unreadable]: `d.yml` cannot be read: it is larger than 1000000 bytes
  at dunlin.toml:3:17
   | dependencies = ["d.yml"]
   |                 ^^^^^^^
"#);
}

#[test]
fn toml_that_is_wrong_is_an_error_with_its_place() {
    assert_snapshot!(check("d.toml", "[[migration]]\nversion = \"1\"\n"), @r#"
error[dependencies-invalid]: dependency file `d.toml`: unknown key `migration`; known here: migrations
  at d.toml:1:3
   | [[migration]]
   |   ^^^^^^^^^
  hint: did you mean `migrations`?
"#);
    assert_snapshot!(check("d.toml", "[[migrations]]\nversion = 1\ndependencies = \"a\"\nservise = \"b\"\n[[migrations]]\nversion = \"1\"\nservice = \"x\"\ndependencies = [1, \"a\"]\n"), @r#"
d.toml:6:11 x/1 needs a (d.toml:8:20)
error[dependencies-invalid]: dependency file `d.toml`: unknown key `servise`; known here: version, service, dependencies
  at d.toml:4:1
   | servise = "b"
   | ^^^^^^^
  hint: did you mean `service`?
error[dependencies-invalid]: dependency file `d.toml`: `version` must be given, as text
  at d.toml:2:11
   | version = 1
   |           ^
error[dependencies-invalid]: dependency file `d.toml`: `service` must be given, as text
  at d.toml:1:1
   | [[migrations]]
   | ^^^^^^^^^^^^^^
error[dependencies-invalid]: dependency file `d.toml`: `dependencies` must be a list of texts
  at d.toml:3:16
   | dependencies = "a"
   |                ^^^
error[dependencies-invalid]: dependency file `d.toml`: `dependencies` must be a list of texts
  at d.toml:8:16
   | dependencies = [1, "a"]
   |                ^^^^^^^^
"#);
    assert_snapshot!(check("d.toml", "migrations = 1\n"), @r#"
error[dependencies-invalid]: dependency file `d.toml`: `migrations` must be a list: [[migrations]]
  at d.toml:1:1
   | migrations = 1
   | ^^^^^^^^^^
"#);
    assert_snapshot!(check("d.toml", "[[migrations]]\nversion = \"1\"\nversion = \"2\"\n"), @r#"
error[config-syntax]: `d.toml` is not valid TOML: duplicate key
  at d.toml:3:1
   | version = "2"
   | ^^^^^^^
"#);
}

#[test]
fn files_that_are_not_there_or_not_ours_are_errors() {
    let with = |name: &str| {
        let config = ONE_SET.replace("name = \"p\"", &format!("name = \"p\"\ndependencies = [\"{name}\"]"));
        shown(&format!("{config}//- m/V1__a.sql\nselect 1\n//- d.json\n{{}}\n"), catalog)
    };
    assert_snapshot!(with("nowhere.yml"), @r#"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1tx}
    error[dependencies-unreadable]: dependency file `nowhere.yml` cannot be opened: it does not exist
      at dunlin.toml:3:17
       | dependencies = ["nowhere.yml"]
       |                 ^^^^^^^^^^^^^
      hint: write it, or take it out of `dependencies`; paths count from the project's root
    "#);
    assert_snapshot!(with("../../../../../../../../etc/passwd"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[dependencies-unreadable]: dependency file `../../../../../../../../etc/passwd` lies outside the project
  at dunlin.toml:3:17
   | dependencies = ["../../../../../../../../etc/passwd"]
   |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#);
    assert_snapshot!(with("d.json"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[dependencies-unreadable]: dependency file `d.json` is neither YAML nor TOML by its name
  at dunlin.toml:3:17
   | dependencies = ["d.json"]
   |                 ^^^^^^^^
  hint: name it .yml, .yaml or .toml
"#);
    assert_snapshot!(with("m"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[file-unreadable]: `m` cannot be read: it is not a regular file
  at dunlin.toml:3:17
   | dependencies = ["m"]
   |                 ^^^
"#);
}
