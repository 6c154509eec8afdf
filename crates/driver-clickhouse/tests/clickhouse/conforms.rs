//! What every driver does.

use async_trait::async_trait;
use dunlin_devdb::Flavour;
use dunlin_driver::conformance::{Database, Factory, run_all};

use crate::support::Fresh;

struct Fleet(Flavour);

#[async_trait]
impl Factory for Fleet {
    async fn fresh(&self) -> Box<dyn Database> {
        Box::new(Fresh::new(self.0).expect("it was there a moment ago"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_18_conforms() {
    if Fresh::new(Flavour::ClickHouse).is_some() {
        run_all(&Fleet(Flavour::ClickHouse)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_of_today_conforms() {
    if Fresh::new(Flavour::Chdb).is_some() {
        run_all(&Fleet(Flavour::Chdb)).await;
    }
}
