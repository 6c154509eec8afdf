//! Fills `${VAR}` and `${VAR:-default}` into a text; `$${` is a `${` that stays.
//!
//! As in a shell, `:-` also counts for a variable that is empty, and so a plain `${VAR}` needs one that is not.

/// Why a text could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError {
    /// A variable without value and without default.
    #[error("`{0}` is not set")]
    Missing(String),
    /// `${` without a name and `}`.
    #[error("`${{` is not followed by a variable's name and `}}`")]
    Malformed,
}

/// `text` with its variables filled in.
pub(crate) fn fill(text: &str, variables: &dyn Fn(&str) -> Option<String>) -> Result<String, FillError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            filled.push_str(&rest[..at]);
            filled.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        filled.push_str(&rest[..at]);
        let end = rest[at..].find('}').ok_or(FillError::Malformed)? + at;
        let inner = &rest[at + 2..end];
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(FillError::Malformed);
        }
        let value = variables(name).filter(|value| !value.is_empty()).or_else(|| default.map(str::to_owned));
        filled.push_str(&value.ok_or_else(|| FillError::Missing(name.to_owned()))?);
        rest = &rest[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let variables = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "B" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let filled = fill(text, &variables).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(filled, expected, "{text}");
    }

    #[test]
    fn variables_are_filled_in_once() {
        check("", "");
        check("a$b{c}", "a$b{c}");
        check("x${A}y${A}", "x1y1");
        check("${B}", "${A}");
        check("${NO:-d}${EMPTY:-e}${A:-f}${NO:-}", "de1");
        check("$${A} $$${A}", "${A} $${A}");
        check("${NO}", "error: `NO` is not set");
        check("${EMPTY}", "error: `EMPTY` is not set");
        for malformed in ["${", "${A", "${}", "${a b}", "${:-x}"] {
            check(malformed, "error: `${` is not followed by a variable's name and `}`");
        }
    }
}
