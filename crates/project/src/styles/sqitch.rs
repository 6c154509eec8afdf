//! Sqitch: `deploy/`, `revert/` and `verify/`, in the order of `sqitch.plan`.
//!
//! Recognised only, so that such a project hears what is missing.

use super::file_name::{FileName, Named, Role};
use super::registry::Style;

pub(crate) const STYLE: Style =
    Style { name: "sqitch", example: "`sqitch.plan` with `deploy/`, `revert/` and `verify/`", supported: false, read };

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    file.folder_in(&["deploy", "revert", "verify"])?;
    let role = Role::Later("Sqitch's style");
    Some(Named { version: file.stem.to_owned(), name: file.stem, role, evident: true })
}
