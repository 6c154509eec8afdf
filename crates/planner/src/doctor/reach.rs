//! The way to a server: hosts, encryption, and a pooler in between.

use crate::Class;
use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::each;
use crate::doctor::health::{Direct, Encryption, Health, HostSeen, Line, Route, ServerRole, Verified};

pub(crate) fn hosts(health: &Health) -> Vec<Check> {
    health.hosts.iter().map(host).collect()
}

fn host(host: &HostSeen) -> Check {
    let name = &host.name;
    match &host.answer {
        Ok(ServerRole::Primary) => Check::ok(Area::Reach, format!("{name} answers and takes writes")),
        Ok(ServerRole::Standby) => Check::info(Area::Reach, format!("{name} answers and is a standby")),
        Ok(ServerRole::ReadOnly) => Check::warning(Area::Reach, format!("{name} answers and is set to read only"))
            .hint("`default_transaction_read_only` is on: Dunlin asks for transactions that write, and of several hosts passes this one over; see that it is meant"),
        Err(why) => Check::warning(Area::Reach, format!("{name} does not answer: {why}"))
            .hint("another host of the target is used instead"),
    }
}

pub(crate) fn encryption(health: &Health) -> Vec<Check> {
    each(Area::Encryption, &health.line, |line| vec![line_check(line)])
}

fn line_check(line: &Line) -> Check {
    let Line { host, way, encryption } = line;
    let verify = "let the target's URL say `sslmode=verify-full`, with `sslrootcert` where the issuer is your own";
    match (way, encryption) {
        (Route::Socket, _) => Check::ok(Area::Encryption, "not encrypted, through a socket of this machine"),
        (Route::Loopback, None) => Check::ok(Area::Encryption, "not encrypted, within this machine"),
        (Route::Network, None) => {
            Check::warning(Area::Encryption, format!("not encrypted: whoever is between here and {host} reads along"))
                .hint(verify)
        }
        (Route::Loopback | Route::Network, Some(encryption)) => encrypted(*way, encryption, verify),
    }
}

fn encrypted(way: Route, encryption: &Encryption, verify: &str) -> Check {
    let version = &encryption.version;
    match (encryption.verified, way) {
        (Verified::Name, _) => Check::ok(Area::Encryption, format!("{version}, the server's name is verified")),
        (Verified::Issuer, Route::Network) => {
            let message = format!("{version}, verified is who issued the certificate, and not the server's name");
            Check::info(Area::Encryption, message).hint("`sslmode=verify-full` verifies the name too")
        }
        (Verified::Issuer, _) => Check::ok(Area::Encryption, format!("{version}, the issuer is verified")),
        (Verified::Nothing, Route::Network) => {
            Check::warning(Area::Encryption, format!("{version}, and nobody verifies whose certificate it is"))
                .hint(verify)
        }
        (Verified::Nothing, _) => Check::ok(Area::Encryption, format!("{version} within this machine, not verified")),
    }
}

pub(crate) fn pooler(health: &Health) -> Vec<Check> {
    each(Area::Pooler, &health.pooled, |pooled| {
        let check = match (pooled, &health.direct) {
            (_, Direct::Failed(why)) => {
                Check::error(Area::Pooler, Class::Blocked, format!("`direct_url` does not lead to the server: {why}"))
                    .hint("index builds and whatever needs a session of its own take that way")
            }
            (true, Direct::Reached) => {
                Check::ok(Area::Pooler, "there is one; what needs a session of its own goes past it")
            }
            (true, Direct::None) => Check::warning(
                Area::Pooler,
                "there is one, and no way past it: what needs a session of its own is held back",
            )
            .hint("give the target a `direct_url` that leads to the server itself"),
            (false, Direct::Reached) => Check::ok(Area::Pooler, "none on either way"),
            (false, Direct::None) => Check::ok(Area::Pooler, "none"),
        };
        vec![check]
    })
}
