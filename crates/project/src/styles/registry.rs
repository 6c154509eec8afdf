//! The naming styles, and which of them a set's files follow.

use super::file_name::{FileName, Named};
use super::{flyway, folders, sqitch, timestamp_phase, timestamp_service, up_down};

/// One naming style.
pub(crate) struct Style {
    /// Its name, as `naming` takes it.
    pub(crate) name: &'static str,
    /// What its files look like, for people.
    pub(crate) example: &'static str,
    /// Whether its migrations can be read, or only recognised.
    pub(crate) supported: bool,
    /// What it makes of a file; none when the file does not fit.
    pub(crate) read: for<'a> fn(&FileName<'a>) -> Option<Named<'a>>,
}

static STYLES: [Style; 6] =
    [flyway::STYLE, up_down::STYLE, timestamp_service::STYLE, timestamp_phase::STYLE, folders::STYLE, sqitch::STYLE];

/// The names that `naming` takes.
pub const NAMES: &[&str] = &["flyway", "up-down", "timestamp-service", "timestamp-phase"];

/// The style of that name.
pub(crate) fn named(name: &str) -> Option<&'static Style> {
    STYLES.iter().find(|style| style.name == name)
}

/// The styles that fit `files` best: one where it can be told, several that fit equally, none where no file fits any.
///
/// The more files a style can read the better it fits, then the more of them show what is particular to it.
pub(crate) fn detect(files: &[FileName<'_>]) -> Vec<&'static Style> {
    let fit = |style: &'static Style| {
        let named: Vec<_> = files.iter().filter_map(style.read).collect();
        (named.len(), named.iter().filter(|named| named.evident).count())
    };
    let fits: Vec<_> = STYLES.iter().map(|style| (fit(style), style)).collect();
    let best = fits.iter().map(|(fit, _)| *fit).max().filter(|(files, _)| *files > 0);
    fits.into_iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, style)| style).collect()
}

#[cfg(test)]
mod tests {
    use dunlin_planner::{Kind, Phase};

    use super::*;
    use crate::styles::Role;

    /// One line per file: `version name role`, under the names of the styles that fit.
    fn check(paths: &str, expected: &str) {
        let files: Vec<_> = paths.split_whitespace().map(|path| FileName::new(path).unwrap()).collect();
        let styles = detect(&files);
        let mut got = vec![styles.iter().map(|style| style.name).collect::<Vec<_>>().join(" ")];
        if let [style] = styles.as_slice() {
            got.extend(
                files.iter().map(|file| (style.read)(file).map_or_else(|| "-".to_owned(), |named| shown(&named))),
            );
        }
        assert_eq!(got.join("; "), expected, "{paths}");
    }

    fn shown(named: &Named<'_>) -> String {
        let role = match named.role {
            Role::Up { kind, phase } => {
                let kind = match kind {
                    Kind::Versioned => "up",
                    Kind::Repeatable => "repeatable",
                    Kind::Seed => "seed",
                };
                let phase = match phase {
                    None => "",
                    Some(Phase::Expand) => " expand",
                    Some(Phase::Data) => " data",
                    Some(Phase::Contract) => " contract",
                };
                format!("{kind}{phase}")
            }
            Role::Down => "down".to_owned(),
            Role::Later(what) => format!("later: {what}"),
        };
        format!("{} {} {role}", named.version, named.name)
    }

    #[test]
    fn flyway() {
        check("V5__core.sql U5__core.sql R__views.sql", "flyway; 5 core up; 5 core down; views views repeatable");
        check("a/b/V1_2__x.sql V1.10__y__z.sql", "flyway; 1.2 x up; 1.10 y__z up");
        check(
            "B5__base.sql afterMigrate.sql",
            "flyway; 5 base later: a Flyway baseline migration; afterMigrate afterMigrate later: a Flyway callback",
        );
        check("V1__a.sql V1_b.sql V__c.sql Vx__d.sql", "flyway; 1 a up; -; -; -");
    }

    #[test]
    fn up_and_down() {
        check("000_init.sql 001_x_UP.sql 001_x_DOWN.sql", "up-down; 000 init up; 001 x up; 001 x down");
        check("0001_a.up.sql 0001_a.down.SQL n/2_b_c.sql", "up-down; 0001 a up; 0001 a down; 2 b_c up");
        check(
            "20250929140000_Add.sql 20250929140000_Add.down.sql",
            "up-down; 20250929140000 Add up; 20250929140000 Add down",
        );
        check("001_step_up.sql", "up-down; 001 step up");
    }

    #[test]
    fn timestamp_and_service() {
        check(
            "schema/20240101_001_auth_users.sql data/20240101_002_auth_fill.sql seeds/20240101_003_auth_demo.sql \
             rollback/20240101_001_auth_users.sql",
            "timestamp-service; 20240101_001 auth_users up; 20240101_002 auth_fill up data; 20240101_003 auth_demo seed; \
             20240101_001 auth_users down",
        );
        check(
            "20240101_001_auth_x.up.sql 20240101_001_auth_x.down.sql",
            "timestamp-service; 20240101_001 auth_x up; 20240101_001 auth_x down",
        );
    }

    #[test]
    fn timestamp_and_phase() {
        check(
            "20250929140000_Add_Batch_Expand.sql 20250929140000_Add_Batch_Expand.down.sql 20250930000000_Plain.sql",
            "timestamp-phase; 20250929140000 Add_Batch up expand; 20250929140000 Add_Batch down; 20250930000000 Plain up",
        );
        check("20250930150000_X_Contract.sql", "timestamp-phase; 20250930150000 X up contract");
        check(
            "20250930150000_X_Data.sql 20250930150001_X_Timescale.sql",
            "timestamp-phase; 20250930150000 X up data; 20250930150001 X up",
        );
    }

    #[test]
    fn styles_that_are_only_recognised() {
        check(
            "2024-01-01-000000_x/up.sql 2024-01-01-000000_x/down.sql",
            "folders; 2024-01-01-000000_x 2024-01-01-000000_x later: the style with one folder per migration; 2024-01-01-000000_x 2024-01-01-000000_x later: the style with one folder per migration",
        );
        check("deploy/app.sql revert/app.sql", "sqitch; app app later: Sqitch's style; app app later: Sqitch's style");
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        check("V1__a.sql 001_b_UP.sql", "flyway up-down");
        check("setup.sql more.sql", "");
        check("V1__a.sql V2__b.sql 001_c.sql", "flyway; 1 a up; 2 b up; -");
    }

    #[test]
    fn names_are_those_of_the_styles_that_can_be_read() {
        let supported: Vec<_> = STYLES.iter().filter(|style| style.supported).map(|style| style.name).collect();
        assert_eq!(NAMES, supported);
        assert!(FileName::new("README.md").is_none());
        assert!(FileName::new("sql").is_none());
        assert!(FileName::new("é.sq").is_none());
    }
}
