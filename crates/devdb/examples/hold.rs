//! Owns a cluster until its stdin closes: `hold HOME full|plain|clickhouse|chdb NAME temporary|session|kept [pooled]`.
//!
//! Writes the URL of the database `postgres` once the server runs, through a pooler if one is wanted, and at the end how
//! the cluster was left.

use std::io::Read;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Pooler};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, flavour, name, life, rest @ ..] = &arguments[..] else { return Err("four arguments are needed".into()) };
    let flavour = match flavour.as_str() {
        "full" => Flavour::Full,
        "plain" => Flavour::Plain,
        "clickhouse" => Flavour::ClickHouse,
        _ => Flavour::Chdb,
    };
    let mut spec = ClusterSpec::named(Home::new(home), flavour, name);
    spec.life = life.parse().map_err(|()| "no such life")?;
    let cluster = Cluster::start(&spec, &|progress| eprintln!("{progress}"))?;
    let pooled = !rest.is_empty();
    let pooler =
        pooled.then(|| Pooler::start(&spec.home, &cluster, 1, &|progress| eprintln!("{progress}"))).transpose()?;
    println!("{}", pooler.as_ref().map_or_else(|| cluster.url("postgres"), |pooler| pooler.url("postgres")));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(pooler);
    println!("{:?}", cluster.close()?);
    Ok(())
}
