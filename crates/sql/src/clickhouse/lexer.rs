//! ClickHouse's tokens, as far as they tell where something ends.
//!
//! Every byte belongs to one token, and nothing is refused: what no server would take is a token of its own.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    /// With `--`, `//`, `# ` or `#!` up to the end of the line, or between `/*` and `*/`, also one in another.
    Comment,
    /// A keyword, a name or a number.
    Word,
    /// A name in backquotes or double quotes.
    Name,
    /// A literal in single quotes or between `$tag$`.
    String,
    Semicolon,
    Open,
    Close,
    Comma,
    Dot,
    Other,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    pub(crate) text: &'a str,
    /// It is opened and not closed; what was opened, for people.
    pub(crate) unclosed: Option<&'static str>,
}

impl Token<'_> {
    /// Is it this unquoted word, in lower case here?
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_trivia(&self) -> bool {
        matches!(self.kind, Kind::Space | Kind::Comment)
    }
}

/// The tokens of a part of a text.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    before: Before,
}

/// What stands before a token, as far as it tells whether a dot and digits are a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A name, a number, or what a bracket closes.
    Operand,
    Dot,
    Else,
}

impl<'a> Lexer<'a> {
    pub(crate) fn within(text: &'a str, part: &Range<usize>) -> Self {
        Self { text, at: part.start, end: part.end, before: Before::Else }
    }

    /// Goes on elsewhere.
    pub(crate) fn jump(&mut self, at: usize) {
        (self.at, self.before) = (at, Before::Else);
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.text[self.at..self.end];
        let first = rest.chars().next()?;
        let (kind, length, unclosed) = scan(rest, first, self.before);
        let range = self.at..self.at + length;
        self.at = range.end;
        let token = Token { kind, text: &self.text[range.clone()], range, unclosed };
        self.before = match kind {
            Kind::Space | Kind::Comment => self.before,
            Kind::Dot => Before::Dot,
            Kind::Word | Kind::Name | Kind::Close => Before::Operand,
            _ if token.text == "]" => Before::Operand,
            _ => Before::Else,
        };
        Some(token)
    }
}

fn scan(rest: &str, first: char, before: Before) -> (Kind, usize, Option<&'static str>) {
    let closed = |kind, length| (kind, length, None);
    let line = || closed(Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    match first {
        _ if first.is_whitespace() => {
            closed(Kind::Space, rest.find(|char: char| !char.is_whitespace()).unwrap_or(rest.len()))
        }
        '-' if rest.starts_with("--") => line(),
        '/' if rest.starts_with("//") => line(),
        '#' if rest.starts_with("# ") || rest.starts_with("#!") => line(),
        '/' if rest.starts_with("/*") => block_comment(rest),
        '\'' => quoted(rest, b'\'', Kind::String, "string"),
        '"' => quoted(rest, b'"', Kind::Name, "quoted name"),
        '`' => quoted(rest, b'`', Kind::Name, "quoted name"),
        '‘' => curly(rest, '’', Kind::String, "string"),
        '“' => curly(rest, '”', Kind::Name, "quoted name"),
        ';' => closed(Kind::Semicolon, 1),
        '(' => closed(Kind::Open, 1),
        ')' => closed(Kind::Close, 1),
        ',' => closed(Kind::Comma, 1),
        '.' if before != Before::Operand && rest[1..].starts_with(|char: char| char.is_ascii_digit()) => {
            closed(Kind::Word, exponent(rest, digits(rest, 1, false), ['e', 'E']))
        }
        '.' => closed(Kind::Dot, 1),
        '$' => heredoc(rest).unwrap_or_else(|| closed(Kind::Word, word(rest))),
        '0'..='9' if before == Before::Dot => closed(Kind::Word, tail(rest, digits(rest, 0, false))),
        '0'..='9' => closed(Kind::Word, number(rest)),
        _ if is_word(first) => closed(Kind::Word, word(rest)),
        _ => closed(Kind::Other, first.len_utf8()),
    }
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '$'
}

fn word(rest: &str) -> usize {
    rest.find(|char| !is_word(char)).unwrap_or(rest.len())
}

/// A number with its fraction and its exponent, whose sign is part of it, or a name that begins with digits.
fn number(rest: &str) -> usize {
    let begins = |prefix: [&str; 2], digit: fn(char) -> bool| {
        prefix.iter().any(|prefix| rest.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(digit)))
    };
    let is_hexadecimal = begins(["0x", "0X"], |char| char.is_ascii_hexdigit());
    let is_binary = begins(["0b", "0B"], |char| matches!(char, '0' | '1'));
    let mut at = digits(rest, if is_hexadecimal || is_binary { 2 } else { 0 }, is_hexadecimal);
    if rest[at..].starts_with('.') {
        at = digits(rest, at + 1, is_hexadecimal);
    }
    tail(rest, exponent(rest, at, if is_hexadecimal { ['p', 'P'] } else { ['e', 'E'] }))
}

/// The end of the digits that begin at `at`, with `_` between two of them.
fn digits(rest: &str, at: usize, is_hexadecimal: bool) -> usize {
    let is_digit = |byte: &u8| if is_hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let bytes = rest.as_bytes();
    let separates = |end: usize| end > at && bytes[end] == b'_' && bytes.get(end + 1).is_some_and(is_digit);
    (at..bytes.len()).find(|end| !is_digit(&bytes[*end]) && !separates(*end)).unwrap_or(bytes.len())
}

/// The end of the exponent at `at`, if one is there.
fn exponent(rest: &str, at: usize, letters: [char; 2]) -> usize {
    if !rest[at..].starts_with(letters) || rest.len() == at + 1 {
        return at;
    }
    let is_signed = rest[at + 1..].starts_with(['+', '-']) && rest.len() > at + 2;
    digits(rest, at + 1 + usize::from(is_signed), false)
}

/// The end of the letters behind a number, which make it a name.
fn tail(rest: &str, at: usize) -> usize {
    rest[at..].find(|char| !is_word(char) || char == '$').map_or(rest.len(), |length| at + length)
}

/// A quote is written as two, or behind a backslash.
fn quoted(rest: &str, quote: u8, kind: Kind, what: &'static str) -> (Kind, usize, Option<&'static str>) {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return (kind, at + 1, None),
            _ => at += 1,
        }
    }
    (kind, rest.len(), Some(what))
}

/// Typographic quotes know no escape.
fn curly(rest: &str, close: char, kind: Kind, what: &'static str) -> (Kind, usize, Option<&'static str>) {
    match rest.find(close) {
        Some(at) => (kind, at + close.len_utf8(), None),
        None => (kind, rest.len(), Some(what)),
    }
}

fn heredoc(rest: &str) -> Option<(Kind, usize, Option<&'static str>)> {
    let name = rest[1..].find('$')?;
    let tag = &rest[..name + 2];
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    if !tag[1..tag.len() - 1].chars().all(plain) {
        return None;
    }
    let end = rest[tag.len()..].find(tag)?;
    Some((Kind::String, tag.len() + end + tag.len(), None))
}

fn block_comment(rest: &str) -> (Kind, usize, Option<&'static str>) {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1_usize);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return (Kind::Comment, at, None);
        }
    }
    (Kind::Comment, rest.len(), Some("comment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let tokens: Vec<_> = Lexer::within(text, &(0..text.len())).collect();
        assert_eq!(tokens.iter().map(|token| token.text).collect::<String>(), text, "lossless");
        let shown: Vec<_> = tokens.iter().filter(|token| !token.is_trivia()).map(|token| token.text).collect();
        assert_eq!(shown.join(" "), expected, "{text}");
    }

    #[test]
    fn tokens_are_those_of_the_server() {
        check("a /* b /* c */ ; */ d", "a d");
        check("a -- ; \nb // ; \nc # ; \nd #! ;\ne #;", "a b c d e # ;");
        check(r"'a\';' 'b'';' `c\`;` `d``;` x", r"'a\';' 'b'';' `c\`;` `d``;` x");
        check("$t$ ; $ $t$ $$;$$ $a;b$", "$t$ ; $ $t$ $$;$$ $a ; b$");
        check("a$b$;$b$", "a$b$ ; $b$");
        check("‘a;b’“c;d”", "‘a;b’ “c;d”");
        check("1e--x\n0x1p-2 1e-5", "1e- - x 0x1p-2 1e-5");
        check("1ee--;\n1_e--;\n1e_--;\n0xp--;\n0b2e--;\n1e1--;\na", "1ee 1_e 1e_ 0xp 0b2e 1e1 a");
        check(
            "1_1e-1_0 1.5e-3 1.e-5, .5e-1, x.5e--;\n[1].5e--;\n(1) . 5e--;\na",
            "1_1e-1_0 1.5e-3 1.e-5 , .5e-1 , x . 5e [ 1 ] . 5e ( 1 ) . 5e a",
        );
        check("1$$;$$ 1a$b 1e$$;$$ x.1$$;$$ 0x1F.8p+1 1e", "1 $$;$$ 1a $b 1e $$;$$ x . 1 $$;$$ 0x1F.8p+1 1e");
        check("1 −\u{a0}2", "1 − 2");
    }

    #[test]
    fn what_is_opened_and_not_closed_is_told() {
        for (text, what) in [("'a", "string"), ("`a\\`", "quoted name"), ("/* /* */", "comment"), ("‘a", "string")] {
            let token = Lexer::within(text, &(0..text.len())).next().unwrap();
            assert_eq!((token.unclosed, token.text), (Some(what), text));
        }
    }
}
