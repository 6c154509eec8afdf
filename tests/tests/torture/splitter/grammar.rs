//! Random scripts from the grammar of SQL, with a semicolon wherever one does not end a statement.
//!
//! Each name in braces stands for any line of its table; `~` is a gap. What comes out is mostly right by the server's
//! grammar, though nothing of it means anything.

use crate::simulation::random::Random;

/// How deep a name is replaced by what holds names again.
const DEPTH: usize = 5;

const STATEMENTS: &[&str] = &[
    "{query}",
    "{change}",
    "create~{orreplace}function~{name}({params})~returns~int~language~sql~as~{string}",
    "create~{orreplace}function~{name}({params})~returns~{name}~language~sql~{body}",
    "create~{orreplace}function~{name}()~returns~table~({name}~int)~immutable~set~{name}~to~{string}~{body}",
    "create~{orreplace}procedure~{name}({params})~{body}",
    "create~{orreplace}procedure~{name}({params})~language~sql~{body}",
    "create~{orreplace}function~{name}({params})~returns~int~return~{expr}",
    "create~{orreplace}function~{name}({params})~returns~trigger~as~{string},~{string}~language~c",
    "do~{string}",
    "do~language~plpgsql~{string}",
    "create~{orreplace}rule~{name}~as~on~insert~to~{name}~do~also~({change};~{change};~{query})",
    "create~rule~{name}~as~on~update~to~{name}~where~{expr}~do~instead~(~;{change}~;;~)",
    "create~rule~{name}~as~on~delete~to~{name}~do~instead~nothing",
    "create~table~{name}~({name}~int~default~{expr},~{name}~text~check~({expr}))",
    "create~table~{name}~as~{query}",
    "create~{orreplace}view~{name}~as~{query}",
    "create~index~concurrently~{name}~on~{name}~(({expr}))~where~{expr}",
    "alter~table~{name}~add~{name}~int~default~({expr}),~drop~column~{name}",
    "create~trigger~{name}~before~insert~on~{name}~for~each~row~when~({expr})~execute~function~{name}({string})",
    "create~schema~{name}~create~table~{name}~({name}~int)~create~view~{name}~as~{query}",
    "create~type~{name}~as~enum~({plain},~{plain})",
    "create~operator~{operator}~(function~=~{name},~leftarg~=~int)",
    "create~policy~{name}~on~{name}~using~({expr})",
    "comment~on~table~{name}~is~{string}",
    "prepare~{name}~as~{query}",
    "declare~{name}~cursor~for~{query}",
    "explain~(analyze)~{query}",
    "set~{name}~to~{string}",
    "set~{name}.{name}~=~{plain},~{number}",
    "vacuum~(full)~{name}",
    "call~{name}({expr},~{name}~=>~{expr})",
    "merge~into~{name}~using~{name}~on~{expr}~when~matched~then~update~set~{name}~=~{expr}~when~not~matched~then~do~nothing",
    "copy~{name}~({name})~from~'/dev/null'~with~(format~csv,~delimiter~';')",
    "copy~({query})~to~{string}",
    "grant~select~on~{name}~to~{name}",
    "begin",
    "begin~isolation~level~serializable",
    "start~transaction",
    "commit",
    "commit~and~chain",
    "end",
    "abort",
    "rollback",
    "savepoint~{name}",
    "rollback~to~{name}",
    "rollback~work~to~savepoint~{name}",
    "release~{name}",
    "prepare~transaction~{plain}",
    "commit~prepared~{plain}",
    "rollback~prepared~{plain}",
    "set~transaction~read~only",
    "{anything}",
];

const BODY: &[&str] = &[
    "begin~atomic~end",
    "begin~atomic~{inner};~end",
    "begin~atomic~{inner};~{inner};~end",
    "begin~atomic~;;~{inner}~;;{inner};~end",
];

const INNER: &[&str] = &[
    "{query}",
    "{query}",
    "{change}",
    "{change}",
    "return~{expr}",
    "select~{label}",
    "create~function~{name}()~returns~int~language~sql~{body}",
    "create~table~{name}~({name}~int)",
    "create~rule~{name}~as~on~insert~to~{name}~do~({change};~{change})",
    "copy~{name}~from~stdin",
    "begin",
    "commit",
];

const CHANGE: &[&str] = &[
    "insert~into~{name}~values~({expr},~{expr})",
    "insert~into~{name}~as~{name}~{query}~on~conflict~do~nothing~returning~{label}",
    "update~{name}~set~{name}~=~{expr}~where~{expr}",
    "delete~from~{name}~using~{name}~where~{expr}~returning~*",
    "notify~{name},~{plain}",
];

const QUERY: &[&str] = &[
    "select~{expr}",
    "select~{label}",
    "select~{label},~{label}~from~{name}~{name}~where~{expr}~order~by~{expr}~limit~{number}",
    "values~({expr}),~({expr})",
    "table~{name}",
    "with~{name}~as~({query})~select~{label}~from~{name}",
    "({query})~union~all~({query})",
    "select~{expr}~from~{name}~join~lateral~({query})~as~{name}~on~{expr}",
];

const LABEL: &[&str] = &[
    "{expr}",
    "{expr}~as~{keyword}",
    "({expr})~{keyword}",
    "{name}.{keyword}",
    "{number}~{keyword}",
    "{plain}~{name}",
];

const KEYWORD: &[&str] = &[
    "end", "case", "begin", "atomic", "when", "stdin", "copy", "do", "create", "select", "commit", "return", "{name}",
];

const EXPR: &[&str] = &[
    "{number}",
    "{string}",
    "{name}",
    "{name}.{keyword}",
    "$1",
    "$23",
    "{expr}::{name}",
    "({expr})",
    "({query})",
    "{expr}~{operator}~{expr}",
    "{number}{operator}~{name}",
    "case~when~{expr}~then~{expr}~else~{expr}~end",
    "case~{expr}~when~{expr}~then~{expr}~end",
    "array[{expr},~{expr}][{number}:{number}]",
    "({expr})[{expr}:{expr}]",
    "{name}({expr},~{name}~=>~{expr})",
    "exists~({query})",
    "not~{expr}",
    "interval~{plain}",
    "cast({expr}~as~int)",
    "row({expr},~{expr})",
    "{expr}~is~not~null",
    "U&'d\\0061;!' ",
    "U&'d!0061;'~uescape~'!'",
];

const NAME: &[&str] = &[
    "t",
    "a",
    "_b1",
    "begin",
    "atomic",
    "copy",
    "stdin",
    "function",
    "replace",
    "procedure",
    "language",
    "größe",
    "表",
    "a$b$",
    "x$1$",
    "\u{1F600}$a$",
    "\u{a0}",
    "e",
    "u",
    "n",
    "b",
    "x",
    "\"q\"",
    "\"q;\"\"r;'\"",
    "\"--;\"",
    "\"/*;\"",
    "\"$$;\"",
    "\"end\"",
    "U&\"d\\0061;\"",
    "u&\"d!0061;\"~uescape~'!'",
    "\"\\;\"",
];

const PLAIN: &[&str] = &[
    "'a'",
    "';'",
    "'a;''b;'",
    "';\\'",
    "'\\\\;'",
    "'--;'",
    "'/*;'",
    "'$$;'",
    "'\";'",
    "E'\\';'",
    "e';\\\\'",
    "E';''\\'\\\\;'",
    "E'a'\n'\\';b'",
    "E'a' -- c'\n  '\\';b'\n';\\\\'",
    "'a'\n';b\\'",
    "'a' -- '\n';'",
    "'é;\u{1F600}'",
    "';\n;\r;'",
    "';\n\\! ;\n'",
];

const STRING: &[&str] = &[
    "{plain}",
    "{plain}",
    "{plain}",
    "$${anything};$$",
    "$a${anything};$$;$b$;$a$",
    "$a$;$a;$ab$;$A$;$a$",
    "$_1$;$_$;$_1$",
    "$é$;$e$;$é$",
    "$\u{1F600}$;$\u{1F600}$",
    "$${string}$$",
    "$body$begin;~end;~-- '\n$body$",
    "$$\n\\.\n;$$",
];

const OTHER: &[&str] = &["N';'", "n'a;''b'", "B'01'", "b'0;'", "X'1f'", "x';'"];

const NUMBER: &[&str] =
    &["0", "1", "42", "1.5", "1.", ".5", "1e3", "1.5E-3", "0x1F", "0b01", "0o17", "1_000", "1.e+5", "007"];

const OPERATOR: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "<=",
    "<>",
    "!=",
    "||",
    "->",
    "->>",
    "#>>",
    "@>",
    "<@",
    "&&",
    "|/",
    "^",
    "%",
    "=",
    "@-@",
    "?|",
    "@@",
    "<->",
    "+/* ; */",
    "*/* /*;*/ */",
    "-/*'*/",
    "+--;\n",
    "@--'\n",
    "/-- */\n",
    "operator(a.+)",
];

const ANYTHING: &[&str] = &[
    "",
    "select~1",
    "{query}",
    "{string}",
    "begin",
    "end",
    "1e",
    "0x",
    "1_",
    "1a;",
    "$0",
    "@",
    "{other}",
    "a.b.",
    "..",
    "((",
    "))",
    "]",
    ":",
    "?",
    "create",
    "create~function",
    "begin~atomic",
    "as~end",
    "\\",
    "{operator}",
    "'",
    "\"",
    "$$",
    "/*",
    "--",
];

const GAP: &[&str] = &[
    " ",
    " ",
    " ",
    " ",
    " ",
    " ",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\u{c}",
    " \n ",
    "/* c */",
    "/*;*/",
    "/* ; /* ' */ ; */",
    "/*/ ;*/",
    "/**;**/",
    " -- c\n",
    " --;\n",
    "--'$$\n",
    "-- /*\r",
];

const PARAMS: &[&str] = &["", "{name}~int", "{name}~int,~out~{name}~text", "begin~int,~{name}~text~default~{expr}"];

/// A random script.
pub(crate) fn script(random: &mut Random) -> String {
    let mut text = gap(random, 30);
    for _ in 0..random.below(6) {
        let start = text.len();
        expand(random, "{statement}", DEPTH, &mut text);
        if random.percent(25) {
            text[start..].make_ascii_uppercase();
        }
        text += &gap(random, 20);
        text += random.one_of(&[";", ";", ";", ";", ";", ";", ";;", "; ;\n", ";--;\n"]);
        text += &gap(random, 50);
        if random.percent(8) {
            text += "copy t from stdin;\n;\n'\n\\.x\n\\.\n";
        }
    }
    if random.percent(20) {
        text.truncate(text.trim_end_matches([';', ' ', '\n']).len());
    }
    text
}

fn expand(random: &mut Random, template: &str, depth: usize, to: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find(['{', '~']) {
        to.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if template.as_bytes()[template.len() - rest.len() - 1] == b'~' {
            to.push_str(random.one_of(GAP));
        } else {
            let (name, behind) = rest.split_once('}').expect("a name ends");
            let line = random.one_of(lines(name, depth));
            expand(random, line, depth.saturating_sub(1), to);
            rest = behind;
        }
    }
    to.push_str(rest);
}

/// What a name may stand for; at the end of the depth, something without names.
fn lines(name: &str, depth: usize) -> &'static [&'static str] {
    match (name, depth) {
        ("statement", _) => STATEMENTS,
        ("body", 1..) => BODY,
        ("body", 0) => &BODY[..1],
        ("inner" | "query", 0) => &["select 1", "values (1)"],
        ("inner", _) => INNER,
        ("query", _) => QUERY,
        ("change", 0) => &["delete from t", "insert into t default values"],
        ("change", _) => CHANGE,
        ("label", 0) => &["a as end", "1 case", "b"],
        ("label", _) => LABEL,
        ("expr", 0) => NUMBER,
        ("expr", _) => EXPR,
        ("string", 0) | ("plain", _) => PLAIN,
        ("string", _) => STRING,
        ("anything", 0) => &["", "1e", "\""],
        ("anything", _) => ANYTHING,
        ("keyword", 0) => &KEYWORD[..KEYWORD.len() - 1],
        ("keyword", _) => KEYWORD,
        ("params", 0) => &PARAMS[..1],
        ("params", _) => PARAMS,
        ("orreplace", _) => &["", "or~replace~"],
        ("name", _) => NAME,
        ("number", _) => NUMBER,
        ("operator", _) => OPERATOR,
        ("other", _) => OTHER,
        _ => panic!("no table is called `{name}`"),
    }
}

/// A gap, or now and then none.
fn gap(random: &mut Random, percent: usize) -> String {
    if random.percent(percent) { random.one_of(GAP).to_owned() } else { String::new() }
}
