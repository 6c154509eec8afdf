//! Answers in `JSONEachRow`, read leniently: releases differ in whether large numbers are quoted.

use dunlin_planner::{Failure, FailureClass};
use serde_json::{Map, Value};

use crate::reply::Refused;

pub(crate) type Row = Map<String, Value>;

/// The rows of an answer, each a line.
pub(crate) fn rows(answer: &str) -> Result<Vec<Row>, Refused> {
    let row = |line: &str| {
        serde_json::from_str(line).map_err(|error| {
            let failure = Failure::new(FailureClass::Unknown, "the server's answer cannot be read");
            Refused::without_code(Failure { detail: Some(error.to_string()), ..failure })
        })
    };
    answer.lines().filter(|line| !line.is_empty()).map(row).collect()
}

/// A text; empty where there is none.
pub(crate) fn text(row: &Row, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// A number; zero where there is none.
pub(crate) fn number<T: std::str::FromStr + Default>(row: &Row, name: &str) -> T {
    text(row, name).parse().unwrap_or_default()
}
