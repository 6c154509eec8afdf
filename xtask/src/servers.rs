//! Real servers for the tests and the demo.
//!
//! They live where `DUNLIN_PREFIX` says, or in the usual place; the same rule as the binary's.

use std::env;

use anyhow::{Error, Result};
use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Home};

/// The name of the variable that says where servers live.
pub(crate) const PREFIX: &str = "DUNLIN_PREFIX";

/// Where servers live.
pub(crate) fn home() -> Home {
    env::var_os(PREFIX).map_or_else(|| Home::new(Home::default_dir()), Home::new)
}

/// Installs the server programs, once, before many tests would wait for the first of them to do so. Without Python the tests
/// that need the engine of ClickHouse today are skipped, by name.
pub(crate) fn install() -> Result<()> {
    for flavour in [Flavour::Full, Flavour::ClickHouse] {
        dunlin_devdb::install(&home(), flavour, &say).map_err(explain)?;
    }
    if let Err(error) = dunlin_devdb::install(&home(), Flavour::Chdb, &say) {
        say(&format!("tests on the engine of ClickHouse today are skipped: {}", explain(error)));
    }
    Ok(())
}

/// A server of one's own, which is gone with its data when the last who uses it has left, however that happens.
pub(crate) fn temporary() -> Result<Cluster> {
    Cluster::start(&ClusterSpec::temporary(home(), Flavour::Full), &say).map_err(explain)
}

/// The ClickHouse that embedded targets find beside that server.
pub(crate) fn sidecar(beside: &Cluster) -> Result<Cluster> {
    let name = format!("{}-clickhouse", beside.name());
    let spec = ClusterSpec { name, ..ClusterSpec::temporary(home(), Flavour::ClickHouse) };
    Cluster::start(&spec, &say).map_err(explain)
}

/// Removes a server whose users have left, whatever they wanted to become of it.
pub(crate) fn remove(cluster: Cluster) -> Result<()> {
    let name = cluster.name().to_owned();
    cluster.close().map_err(explain)?;
    Cluster::destroy(&home(), &name).map(drop).map_err(explain)?;
    let left = Cluster::list(&home()).map_err(explain)?;
    anyhow::ensure!(left.iter().all(|other| other.name != name), "server `{name}` is left behind");
    Ok(())
}

fn say(progress: &str) {
    eprintln!("{progress}");
}

fn explain(error: DevdbError) -> Error {
    let details = error.details().map(|details| format!("\n{details}")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    anyhow::anyhow!("{error}{details}{hint}")
}
