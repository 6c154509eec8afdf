//! Owns a cluster until its stdin closes: `hold HOME full|plain NAME temporary|session|kept`.
//!
//! Writes the URL of the database `postgres` once the server runs, and at the end how the cluster was left.

use std::io::Read;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, flavour, name, life] = &arguments[..] else { return Err("four arguments are needed".into()) };
    let flavour = if flavour == "full" { Flavour::Full } else { Flavour::Plain };
    let mut spec = ClusterSpec::named(Home::new(home), flavour, name);
    spec.life = life.parse().map_err(|()| "no such life")?;
    let cluster = Cluster::start(&spec, &|progress| eprintln!("{progress}"))?;
    println!("{}", cluster.url("postgres"));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{:?}", cluster.close()?);
    Ok(())
}
