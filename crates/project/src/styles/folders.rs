//! One folder per migration, as Diesel and Prisma have it: `2024-01-01-000000_x/up.sql`, `20240101_x/migration.sql`.
//!
//! Recognised only, so that such a project hears what is missing.

use super::file_name::{FileName, Named, Role};
use super::registry::Style;

pub(crate) const STYLE: Style =
    Style { name: "folders", example: "`2024-01-01-000000_x/up.sql` and `down.sql`", supported: false, read };

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    let folder = file.folders.rsplit('/').next().filter(|folder| folder.starts_with(|c: char| c.is_ascii_digit()))?;
    let role = Role::Later("the style with one folder per migration");
    let fits = ["up", "down", "migration"].contains(&file.stem);
    fits.then(|| Named { version: folder.to_owned(), name: folder, role, evident: true })
}
