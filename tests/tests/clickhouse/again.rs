//! What runs again when its text changes, and what is loaded once: views, dictionaries and seeds.

use dunlin_devdb::Flavour;
use dunlin_tests::{Column, Project};

use crate::support::ALONE;

const TABLES: &str = "//- events/V1__visits.sql
CREATE TABLE visits (site UInt64, hits UInt32) ENGINE = MergeTree ORDER BY site;
CREATE TABLE sites (site UInt64, name String) ENGINE = MergeTree ORDER BY site;
";

/// Neither has OR REPLACE in 18.16.
const VIEW: (&str, &str) =
    ("events/R__most.sql", "DROP TABLE IF EXISTS most;\nCREATE VIEW most AS SELECT max(hits) AS hits FROM visits;\n");

const DICTIONARY: (&str, &str) = (
    "events/R__names.sql",
    "CREATE OR REPLACE DICTIONARY names (site UInt64, name String DEFAULT 'unknown') PRIMARY KEY site
SOURCE(CLICKHOUSE(QUERY 'SELECT site, name FROM DATABASE.sites')) LAYOUT(FLAT()) LIFETIME(0);\n",
);

/// Named so that its folder tells what it is.
const SEEDED: &str = "//- events/schema/20240101_001_events_create_sites.sql
CREATE TABLE sites (site UInt64, name String) ENGINE = MergeTree ORDER BY site;
//- events/seeds/20240101_002_events_demo_sites.sql
-- dunlin: probe SELECT count() > 0 FROM sites
INSERT INTO sites VALUES (1, 'home'), (2, 'shop');
";

fn done(project: &Project) -> Vec<String> {
    let done = project.dunlin().run("up --yes --format json").exits(0).done();
    let _ = project.dunlin().run("status").exits(0);
    done
}

fn assert_settled(project: &Project) {
    let plan = project.dunlin().run("plan").exits(0);
    assert!(plan.stdout.contains("nothing to do"), "{}", plan.stdout);
}

#[test]
fn a_view_is_made_anew_when_its_text_changes() {
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        let Some(column) = Column::new(flavour) else { continue };
        let project = column.project(&format!("{ALONE}{TABLES}"));
        let (path, text) = VIEW;
        project.workspace().write(path, text);
        assert_eq!(done(&project), ["events/1", "events/most"], "{flavour:?}");
        let _ = column.query("INSERT INTO visits VALUES (1, 5), (1, 7)");
        assert_eq!(column.query("SELECT hits FROM most"), "7");
        project.workspace().write(path, &text.replace("max", "min"));
        assert_eq!(done(&project), ["events/most"], "{flavour:?}");
        assert_eq!(column.query("SELECT hits FROM most"), "5");
        assert_settled(&project);
    }
}

#[test]
fn a_dictionary_is_made_anew_when_its_text_changes() {
    let Some(column) = Column::new(Flavour::Chdb) else { return };
    let project = column.project(&format!("{ALONE}{TABLES}"));
    let (path, text) = DICTIONARY;
    let text = text.replace("DATABASE", column.name());
    project.workspace().write(path, &text);
    assert_eq!(done(&project), ["events/1", "events/names"]);
    let _ = column.query("INSERT INTO sites VALUES (1, 'home')");
    let name = |site: u8| column.query(&format!("SELECT dictGet('{}.names', 'name', toUInt64({site}))", column.name()));
    assert_eq!((name(1), name(2)), ("home".to_owned(), "unknown".to_owned()));
    project.workspace().write(path, &text.replace("unknown", "nowhere"));
    assert_eq!(done(&project), ["events/names"]);
    assert_eq!((name(1), name(2)), ("home".to_owned(), "nowhere".to_owned()));
    assert_settled(&project);
}

#[test]
fn seeds_are_loaded_once_and_where_they_are_wanted() {
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        let Some(column) = Column::new(flavour) else { continue };
        let project = |seeds| column.project(&format!("{ALONE}[policy]\nseeds = {seeds}\n{SEEDED}"));
        assert_eq!(done(&project(false)), ["events/20240101_001"], "{flavour:?}");
        let project = project(true);
        assert_eq!(done(&project), ["events/20240101_002"], "{flavour:?}");
        assert_settled(&project);
        assert_eq!(column.query("SELECT count() FROM sites"), "2");
    }
}
