//! A ClickHouse beside a PostgreSQL, with edges both ways.

use dunlin_devdb::Flavour;
use dunlin_tests::{Column, Project, Server};

const BOTH: &str = "//- dunlin.toml
[project]
name = \"acme\"
[targets.core]
kind = \"postgres\"
url = \"${CORE}\"
[targets.events]
kind = \"clickhouse\"
url = \"${EVENTS}\"
[services.shop]
target = \"core\"
path = \"shop\"
[services.visits]
target = \"events\"
path = \"visits\"
//- shop/V1__orders.sql
CREATE TABLE orders (id int);
//- shop/U1__orders.sql
DROP TABLE orders;
//- visits/V1__orders.sql
-- dunlin: depends shop/1
CREATE TABLE orders (id UInt32) ENGINE = MergeTree ORDER BY id;
//- visits/U1__orders.sql
DROP TABLE orders;
//- shop/V2__exported.sql
-- dunlin: depends visits/1
ALTER TABLE orders ADD COLUMN exported boolean;
//- shop/U2__exported.sql
ALTER TABLE orders DROP COLUMN exported;
//- visits/V2__exported.sql
-- dunlin: depends shop/2
ALTER TABLE orders ADD COLUMN exported UInt8;
//- visits/U2__exported.sql
ALTER TABLE orders DROP COLUMN exported;
";

#[test]
fn edges_lead_from_one_to_the_other_and_back() {
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        let Some(column) = Column::new(flavour) else { continue };
        let server = Server::shared();
        let scratch = server.scratch();
        let project = Project::of(BOTH).with("CORE", scratch.url()).with("EVENTS", column.url(column.port()));
        let dunlin = project.dunlin();
        let up = dunlin.run("up --yes --format json").exits(0);
        assert_eq!(up.done(), ["shop/1", "visits/1", "shop/2", "visits/2"]);
        let _ = dunlin.run("status").exits(0);
        let refused = dunlin.run("down --version shop/1 --yes").exits(2);
        assert!(format!("{}{}", refused.stdout, refused.stderr).contains("visits/1"), "{refused:?}");
        let down = dunlin.run("down --version visits/1 --cascade --yes --format json").exits(0);
        assert_eq!(down.done(), ["visits/2", "shop/2", "visits/1"]);
        assert_eq!(column.query("EXISTS TABLE orders"), "0");
        let up = dunlin.run("up --yes --format json").exits(0);
        assert_eq!(up.done(), ["visits/1", "shop/2", "visits/2"]);
        assert_eq!(
            column.query("SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'orders'"),
            "2"
        );
    }
}
