//! A day, a number and a service: `20240101_001_auth_create_users_table.sql`, in folders that say the type: `schema/`,
//! `data/`, `seeds/` and `rollback/`. A rollback takes back the file of the same version.

use dunlin_planner::{Kind, Phase};

use super::file_name::{Direction, FileName, Named, Role, day_and_number};
use super::registry::Style;

pub(crate) const STYLE: Style = Style {
    name: "timestamp-service",
    example: "`20240101_001_auth_x.sql` in `schema/`, `data/`, `seeds/` and `rollback/`",
    supported: true,
    read,
};

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    let (stem, direction) = file.direction();
    let (version, name) = day_and_number(stem)?;
    let folder = file.folder_in(&["schema", "data", "seeds", "rollback"]);
    let role = match folder {
        _ if direction == Some(Direction::Down) => Role::Down,
        Some("rollback") => Role::Down,
        Some("data") => Role::Up { kind: Kind::Versioned, phase: Some(Phase::Data) },
        Some("seeds") => Role::Up { kind: Kind::Seed, phase: None },
        _ => Role::VERSIONED,
    };
    Some(Named { version: version.to_owned(), name, role, evident: true })
}
