//! Flyway: `V5__core.sql`, `U5__core.sql`, `R__views.sql`, folders of any depth, versions with dots or underscores.

use dunlin_planner::Kind;

use super::file_name::{FileName, Named, Role};
use super::registry::Style;

pub(crate) const STYLE: Style =
    Style { name: "flyway", example: "`V5__core.sql`, `U5__core.sql`, `R__views.sql`", supported: true, read };

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    if is_callback(file.stem) {
        let role = Role::Later("a Flyway callback");
        return Some(Named { version: file.stem.to_owned(), name: file.stem, role, evident: true });
    }
    let (head, name) = file.stem.split_once("__")?;
    if name.is_empty() {
        return None;
    }
    if head == "R" {
        let role = Role::Up { kind: Kind::Repeatable, phase: None };
        return Some(Named { version: name.to_owned(), name, role, evident: true });
    }
    let version = head.get(1..).filter(|version| is_version(version))?;
    let role = match head.as_bytes()[0] {
        b'V' => Role::VERSIONED,
        b'U' => Role::Down,
        b'B' => Role::Later("a Flyway baseline migration"),
        _ => return None,
    };
    Some(Named { version: version.replace('_', "."), name, role, evident: true })
}

fn is_version(text: &str) -> bool {
    text.split(['.', '_']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_callback(stem: &str) -> bool {
    let name = stem.split("__").next().unwrap_or(stem);
    let event = name.strip_prefix("before").or_else(|| name.strip_prefix("after"));
    event.is_some_and(|event| event.starts_with(|c: char| c.is_ascii_uppercase()))
}
