//! A timestamp to the second and a phase: `20250929140000_AddBatchPhase_Expand.sql`, `_Contract`, `_Data` or `_Timescale`,
//! with `20250929140000_AddBatchPhase_Expand.down.sql` beside it. A file without suffix has no phase.

use dunlin_planner::{Kind, Phase};

use super::file_name::{Direction, FileName, Named, Role, number};
use super::registry::Style;

pub(crate) const STYLE: Style = Style {
    name: "timestamp-phase",
    example: "`20250929140000_AddBatchPhase_Expand.sql`, with `_Contract`, `_Data` or `_Timescale`",
    supported: true,
    read,
};

/// Whether a stem ends with a phase and begins with a timestamp.
pub(crate) fn has_phase(stem: &str) -> bool {
    timestamp(stem).is_some_and(|(_, name)| suffix(name).is_some())
}

fn timestamp(stem: &str) -> Option<(&str, &str)> {
    number(stem).filter(|(version, _)| version.len() == 14)
}

/// The name without its suffix, and the phase that the suffix says.
fn suffix(name: &str) -> Option<(&str, Option<Phase>)> {
    let (name, suffix) = name.rsplit_once('_')?;
    let phase = match suffix {
        "Expand" => Some(Phase::Expand),
        "Contract" => Some(Phase::Contract),
        "Data" => Some(Phase::Data),
        "Timescale" => None,
        _ => return None,
    };
    Some((name, phase))
}

fn read<'a>(file: &FileName<'a>) -> Option<Named<'a>> {
    let (stem, direction) = file.direction();
    let (version, whole) = timestamp(stem)?;
    let found = suffix(whole);
    let (name, phase) = found.unwrap_or((whole, None));
    let role = match direction {
        Some(Direction::Down) => Role::Down,
        Some(Direction::Up) | None => Role::Up { kind: Kind::Versioned, phase },
    };
    Some(Named { version: version.to_owned(), name, role, evident: found.is_some() })
}
