//! Makes text from outside safe to print: what a server or a file says must not steer a terminal.
//!
//! Control characters and the invisible ones that reverse the reading direction become `\u{…}`; line feeds and tabs stay.
//! Names need none of this (the planner restricts them).

use std::borrow::Cow;

/// `text` with control and direction characters escaped; line feeds and tabs stay.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) { Cow::Owned(escaped(text)) } else { Cow::Borrowed(text) }
}

/// `text` on one line: cleaned, with every run of white space as one space.
pub(crate) fn one_line(text: &str) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

fn is_unsafe(letter: char) -> bool {
    let turns_direction = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns_direction || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.replace("\r\n", "\n").chars() {
        if is_unsafe(letter) { safe.extend(letter.escape_unicode()) } else { safe.push(letter) }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        for (text, safe) in [
            ("größer\n\tals", "größer\n\tals"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("a\r\nb\rc", "a\nb\\u{d}c"),
            ("\u{9b}2J\u{202e}", "\\u{9b}2J\\u{202e}"),
        ] {
            assert_eq!(clean(text), safe);
        }
        assert_eq!(one_line("two\n  lines\u{0}"), "two lines\\u{0}");
    }
}
