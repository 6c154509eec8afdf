//! Owns a cluster until its stdin closes: `hold HOME full|plain NAME [kept]`; `NAME` may be `-` for a temporary one.
//!
//! Writes the cluster's name and the URL of its database `postgres` once the server runs.

use std::io::Read;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Life};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, flavour, name, rest @ ..] = &arguments[..] else {
        return Err("HOME, flavour and NAME needed".into());
    };
    let flavour = if flavour == "full" {
        Flavour::Full
    } else {
        Flavour::Plain
    };
    let mut spec = match name.as_str() {
        "-" => ClusterSpec::temporary(Home::new(home), flavour),
        _ => ClusterSpec::named(Home::new(home), flavour, name),
    };
    if !rest.is_empty() {
        spec.life = Life::Kept;
    }
    let cluster = Cluster::start(&spec, &|progress| eprintln!("{progress}"))?;
    println!("{} {}", cluster.name(), cluster.url("postgres"));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{:?}", cluster.close()?);
    Ok(())
}
