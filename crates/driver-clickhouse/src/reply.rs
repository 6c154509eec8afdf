//! What a server answers when it refuses, and what that means for a step.
//!
//! Every version writes `Code: N` and a text into the body, some also into a header, and some behind output that began with
//! `200 OK`. All are read here; which statement it was and what the catalog shows is for others to weigh.

use dunlin_planner::{Failure, FailureClass};

/// A failure, with the server's number where it gave one.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) code: Option<u32>,
    pub(crate) failure: Failure,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

impl Refused {
    /// Something that no server said.
    pub(crate) fn without_code(failure: Failure) -> Self {
        Self { code: None, failure }
    }

    /// Whether a replica refuses its part of a statement that runs on a cluster.
    pub(crate) fn is_of_a_replica(&self) -> bool {
        self.failure.message.starts_with("There was an error on [")
    }

    /// Whether the server refuses this before it does anything (ClickHouse, `ErrorCodes.cpp`); `small` says that the statement
    /// is so short that its rows are one block, which is read to its end before any of it is written.
    pub(crate) fn is_before_anything(&self, small: bool) -> bool {
        if small && matches!(self.code, Some(6 | 26 | 27 | 38 | 41 | 69 | 70 | 72 | 117 | 130 | 131 | 349 | 469)) {
            return true;
        }
        matches!(
            self.code,
            Some(
                15 | 16
                    | 20
                    | 42
                    | 43
                    | 44
                    | 46
                    | 47
                    | 48
                    | 50
                    | 51
                    | 53
                    | 56
                    | 57
                    | 58
                    | 59
                    | 60
                    | 62
                    | 78
                    | 80
                    | 81
                    | 82
                    | 110
                    | 115
                    | 164
                    | 170
                    | 180
                    | 192
                    | 193
                    | 194
                    | 195
                    | 202
                    | 215
                    | 216
                    | 344
                    | 372
                    | 373
                    | 392
                    | 452
                    | 479
                    | 497
                    | 516
                    | 524
                    | 701
            )
        )
    }
}

/// What each number means for the step; what is not here is a refusal.
fn class_of(code: u32) -> FailureClass {
    match code {
        // Too many queries, too many parts, a session or an identifier in use, a deadlock avoided.
        202 | 252 | 216 | 373 | 473 => FailureClass::Busy,
        // A replica that takes no writes, no coordination.
        225 | 242 | 723 => FailureClass::Unreachable,
        // Timeouts, lost connections between servers, a status that nobody knows, cancelled: it may have happened.
        159 | 160 | 209 | 210 | 236 | 279 | 319 | 394 | 519 | 999 => FailureClass::Unknown,
        _ => FailureClass::Rejected,
    }
}

fn hint(code: u32) -> Option<&'static str> {
    Some(match code {
        57 | 44 | 15 | 82 => {
            "it is there already without the ledger knowing: write `IF NOT EXISTS` where that is right, or remove what is in the way"
        }
        81 => "let the target's URL name another database, or say `create = true` for it to be made",
        115 => "this server does not know that setting: remove it, or upgrade the server",
        164 => "this user may only read: let the target's URL name one that may change tables",
        192 | 193 | 194 | 516 => "see to user and password of the target",
        497 => "the user of this target lacks a privilege: the text names the GRANT that gives it",
        241 => "the server's limit of memory was reached; what the statement wrote before stays written",
        341 => {
            "a mutation failed and is tried again by the server for ever: mend what it says, or end it with `KILL MUTATION WHERE …`"
        }
        62 => "the server's version may not know this yet",
        170 | 701 => "the server knows no cluster of that name",
        _ => return None,
    })
}

/// Reads what a server says when it refuses; none where it says nothing of the kind.
pub(crate) fn refusal(header: Option<&str>, body: &str) -> Option<Refused> {
    let at = body.match_indices("Code: ").map(|(at, _)| at).find(|at| {
        let digits = body[at + 6..].bytes().take_while(u8::is_ascii_digit).count();
        let before = body[..*at].bytes().next_back().is_none_or(|byte| byte == b'\n');
        let after = &body[at + 6 + digits..];
        digits > 0
            && (before || header.is_some())
            && (after.starts_with(". DB::") || after.starts_with(", e.displayText"))
    });
    let code = header.and_then(|code| code.trim().parse().ok());
    let text = at.map_or(body.trim(), |at| body[at..].trim());
    let code: u32 = match (code, at) {
        (Some(code), _) => code,
        (None, Some(_)) => text[6..].split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()?,
        (None, None) => return None,
    };
    let message = format!("{} (code {code})", said(text));
    let failure = Failure { hint: hint(code).map(str::to_owned), ..Failure::new(class_of(code), message) };
    Some(Refused { code: Some(code), failure })
}

/// The server's own words, without number, class and version around them.
fn said(text: &str) -> String {
    let text = ["DB::Exception: ", "DB::NetException: ", "Coordination::Exception: "]
        .iter()
        .find_map(|word| text.split_once(word))
        .map_or(text, |(_, said)| said);
    let text = text.split(", e.what() = ").next().unwrap_or(text).trim();
    let text = text.find(" (version ").map_or(text, |at| &text[..at]);
    // The number has a name in capitals, which the newer servers put behind it.
    let named = text.rsplit_once(" (").filter(|(_, name)| {
        let name = name.trim_end_matches(')');
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    named.map_or(text, |(said, _)| said).trim_end_matches('.').to_owned()
}

/// The byte, from 0, at which the server could read no further.
pub(crate) fn position(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("failed at position ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_every_age_are_read() {
        let old =
            "Code: 57, e.displayText() = DB::Exception: Table default.t already exists., e.what() = DB::Exception\n";
        let new = "Code: 57. DB::Exception: Table default.t already exists. (TABLE_ALREADY_EXISTS) (version 26.9.2.1)";
        for body in [old, new, &format!("1\n2\n{old}"), &format!("{{\"a\":1}}\n{new}")] {
            let refused = refusal(None, body).expect("it is a refusal");
            assert_eq!((refused.code, refused.failure.class), (Some(57), FailureClass::Rejected));
            assert_eq!(refused.failure.message, "Table default.t already exists (code 57)");
        }
        let refused = refusal(Some("159"), "Timeout exceeded").expect("the header says so");
        assert_eq!((refused.code, refused.failure.class), (Some(159), FailureClass::Unknown));
    }

    #[test]
    fn what_is_data_is_no_refusal() {
        for body in
            ["", "1\n", "a Code: 57, e.displayText() = x", "Code: 57 is a number\n", "{\"message\":\"Code: 1. DB::\"}"]
        {
            assert!(refusal(None, body).is_none(), "{body}");
        }
    }

    #[test]
    fn the_position_counts_bytes() {
        assert_eq!(position("Syntax error: failed at position 15: bar. Expected one of: x"), Some(14));
        assert_eq!(position("Syntax error: failed at position 8 (bar) (line 2, col 3): bar"), Some(7));
        assert_eq!(position("Unknown table"), None);
    }
}
