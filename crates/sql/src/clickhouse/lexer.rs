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
}

impl<'a> Lexer<'a> {
    pub(crate) fn within(text: &'a str, part: &Range<usize>) -> Self {
        Self { text, at: part.start, end: part.end }
    }

    /// Goes on elsewhere.
    pub(crate) fn jump(&mut self, at: usize) {
        self.at = at;
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.text[self.at..self.end];
        let first = rest.chars().next()?;
        let (kind, length, unclosed) = scan(rest, first);
        let range = self.at..self.at + length;
        self.at = range.end;
        Some(Token { kind, text: &self.text[range.clone()], range, unclosed })
    }
}

fn scan(rest: &str, first: char) -> (Kind, usize, Option<&'static str>) {
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
        '.' => closed(Kind::Dot, 1),
        '$' => heredoc(rest).unwrap_or_else(|| closed(Kind::Word, word(rest))),
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

/// A number with its exponent, whose sign is part of it.
fn number(rest: &str) -> usize {
    let length = word(rest);
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let exponent = if hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
    if rest[..length].ends_with(exponent) && rest[length..].starts_with(['+', '-']) {
        return length + 1 + word(&rest[length + 1..]);
    }
    length
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
