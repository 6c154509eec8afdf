//! Files that are no SQL, or not all of it: each is refused at its place, whether it is held or streamed.

use insta::assert_snapshot;

use crate::fixture::{Fixture, ONE_SET, findings};

/// What is found in a file of these bytes.
fn check(bytes: &[u8]) -> String {
    let mut fixture = Fixture::new(ONE_SET);
    fixture.write("m/V1__a.sql", bytes);
    let held = findings(&fixture.read(None).unwrap());
    fixture.held = 0;
    assert_eq!(findings(&fixture.read(None).unwrap()), held);
    held
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let utf_16 =
        |bytes: fn(u16) -> [u8; 2]| check(&"\u{feff}SELECT 1;".encode_utf16().flat_map(bytes).collect::<Vec<_>>());
    assert_snapshot!(utf_16(u16::to_le_bytes), @"
    error[sql-invalid]: the file is UTF-16, not UTF-8
      at m/V1__a.sql:1:1
      hint: save the file as UTF-8 text
    ");
    assert_eq!(utf_16(u16::to_be_bytes), utf_16(u16::to_le_bytes));
    assert_snapshot!(check(b"select 1;\nselect 'gr\xC3\xB6\xFF\xC3e';"), @"
    error[sql-invalid]: invalid UTF-8 at 2:12 (byte 22)
      at m/V1__a.sql:2:12
       | select 'grö
       |            ^
      hint: save the file as UTF-8 text
    ");
    assert_snapshot!(check(b"select 1;\r\nselect '\0';"), @"
    error[sql-invalid]: NUL byte at 2:9 (byte 19)
      at m/V1__a.sql:2:9
       | select '
       |         ^
      hint: save the file as UTF-8 text
    ");
    assert_snapshot!(check(b"\xEF\xBB\xBFselect 1;\r\n"), @"");
    assert_snapshot!(check("select 1;\n\u{feff}select 2;".as_bytes()), @"
    error[sql-invalid]: byte order mark in the middle of the text
      at m/V1__a.sql:2:1
       | ﻿select 2;
       | ^
      hint: remove it; it is invisible in most editors
    ");
    assert_snapshot!(check(b"select '\x1b[2J\x07").replace(['\x1b', '\x07'], "^"), @"
    error[sql-invalid]: string that begins here is never closed
      at m/V1__a.sql:1:8
       | select '^[2J^
       |        ^
    ");
}

#[test]
fn what_is_opened_and_never_closed_is_refused_where_it_opens() {
    let opened = ["'a;", "E'a\\';", "\"a;", "$x$ a; $$", "/* a; /* */", "(a;", "$$"];
    let places = opened.map(|opened| check(format!("select 1;\nselect {opened}\nselect 2;\n").as_bytes()));
    assert_snapshot!(places.concat(), @r#"
    error[sql-invalid]: string that begins here is never closed
      at m/V1__a.sql:2:8
       | select 'a;
       |        ^
    error[sql-invalid]: string that begins here is never closed
      at m/V1__a.sql:2:8
       | select E'a\';
       |        ^
    error[sql-invalid]: quoted identifier that begins here is never closed
      at m/V1__a.sql:2:8
       | select "a;
       |        ^
    error[sql-invalid]: dollar-quoted string that begins here is never closed
      at m/V1__a.sql:2:8
       | select $x$ a; $$
       |        ^
    error[sql-invalid]: comment that begins here is never closed
      at m/V1__a.sql:2:8
       | select /* a; /* */
       |        ^
    error[sql-invalid]: parenthesis that begins here is never closed
      at m/V1__a.sql:2:8
       | select (a;
       |        ^
    error[sql-invalid]: dollar-quoted string that begins here is never closed
      at m/V1__a.sql:2:8
       | select $$
       |        ^
    "#);
    assert_snapshot!(check(b"create function f() returns int begin atomic select 1;\n"), @"
    error[sql-invalid]: `BEGIN ATOMIC` that begins here has no END
      at m/V1__a.sql:1:39
       | create function f() returns int begin atomic select 1;
       |                                       ^
    ");
    assert_snapshot!(check(b"copy t from stdin;\n1\n"), @r#"
    error[sql-invalid]: data of this COPY does not end with a line `\.`
      at m/V1__a.sql:1:1
       | copy t from stdin;
       | ^
      hint: end the data with a line that holds only `\.`
    "#);
}
