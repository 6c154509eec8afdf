//! A number in front and the direction behind: `001_x_UP.sql` with `001_x_DOWN.sql`, `0001_x.up.sql` with
//! `0001_x.down.sql`, and plain `001_x.sql` beside them.

use super::file_name::{Direction, FileName, Named, Role, day_and_number, number};
use super::registry::Style;
use super::timestamp_phase;

pub(crate) const STYLE: Style = Style {
    name: "up-down",
    example: "`001_x_UP.sql` and `001_x_DOWN.sql`, `0001_x.up.sql` and `0001_x.down.sql`, or plain `001_x.sql`",
    supported: true,
    read,
};

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    let (stem, direction) = file.direction();
    if day_and_number(stem).is_some() || timestamp_phase::has_phase(stem) {
        return None;
    }
    let (version, name) = number(stem)?;
    let role = match direction {
        Some(Direction::Down) => Role::Down,
        Some(Direction::Up) | None => Role::VERSIONED,
    };
    Some(Named { version: version.to_owned(), name, role, evident: true })
}
