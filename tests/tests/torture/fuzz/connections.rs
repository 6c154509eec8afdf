//! Connection strings, and the files that they lead to.

use std::fmt::Display;
use std::os::unix::fs::PermissionsExt;

use dunlin_driver::TargetUrl;
use dunlin_driver_postgres::{ConnectOptions, ConninfoError, Surroundings};
use fs_err as fs;
use tempfile::TempDir;

use super::changes::changed;
use crate::simulation::random::Random;
use crate::splitter::trials::catching;

/// A password, which nobody may read in a message.
const CANARY: &str = "Xc4naryX";

const STRINGS: &[&str] = &[
    "postgres://app:Xc4naryX@db.example:6432/core?sslmode=verify-full&connect_timeout=5",
    "postgresql://app:Xc4naryX@a:1,b:2,[::1]:3/core?target_session_attrs=read-write&load_balance_hosts=random",
    "postgres://%2Frun%2Fpg:5433/core?user=app&password=Xc4naryX&application_name=x%20y",
    "host=db port=5432 dbname='my db' user=app password='Xc4naryX\\'' keepalives_idle=30 channel_binding=require",
    "hostaddr=127.0.0.1,::1 host=a,b sslrootcert=system require_auth=scram-sha-256,!password options='-c a=b'",
    "host=/run/pg user=app password=Xc4naryX requirepeer=postgres gssencmode=disable client_encoding=auto",
];

const PASSFILE: &str = "# passwords\ndb:5432:core:app:Xc4naryX\n*:*:*:*:a\\:b\\\\Xc4naryX\n\\:\\:1:*:*:app:Xc4naryX\n";

const SERVICES: &str =
    "# services\n[other]\nhost=x\n\n[core]\nhost=db\nport=5432\npassword=Xc4naryX\nsslmode=disable\n[core]\n";

pub(crate) fn of_strings(random: &mut Random) -> Result<(), String> {
    let texts: Vec<Vec<u8>> = STRINGS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let text = random.one_of(STRINGS);
    let text = String::from_utf8_lossy(&changed(random, text.as_bytes(), &texts)).into_owned();
    catching(|| judge(&text, &Surroundings::NONE)).map_err(|what| format!("{what}\n{text:?}"))
}

pub(crate) fn of_files(random: &mut Random) -> Result<(), String> {
    let dir = TempDir::new().unwrap();
    let texts = [PASSFILE.as_bytes().to_vec(), SERVICES.as_bytes().to_vec()];
    let [passwords, services] = [PASSFILE, SERVICES].map(|text| changed(random, text.as_bytes(), &texts));
    let (passfile, servicefile) = (dir.path().join(".pgpass"), dir.path().join("services"));
    fs::write(&passfile, &passwords).unwrap();
    fs::set_permissions(&passfile, PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&servicefile, &services).unwrap();
    let variables = |name: &str| match name {
        "HOME" => Some(dir.path().display().to_string()),
        "PGSERVICEFILE" => Some(servicefile.display().to_string()),
        _ => None,
    };
    let around = Surroundings { variable: &variables, user: Some("app"), names_server: true };
    let judged = ["host=db dbname=core user=app", "service=core dbname=core", "postgres://[::1]/core?user=app"]
        .iter()
        .try_for_each(|text| catching(|| judge(text, &around)));
    judged.map_err(|what| {
        let [passwords, services] = [passwords, services].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        format!("{what}\n{passwords:?}\n{services:?}")
    })
}

/// Reads it twice, and looks into every message.
fn judge(text: &str, around: &Surroundings<'_>) -> Result<(), String> {
    let url = TargetUrl::new(text);
    let [first, second] = [(); 2].map(|()| ConnectOptions::read(&url, around));
    match (first, second) {
        // A key is told, and where a value has become one, there is no knowing.
        (Err(ConninfoError::UnknownKey(_)), Err(_)) => Ok(()),
        (Err(error), Err(again)) if error == again => silent(&error).and_then(|()| silent(&error.hint())),
        (Ok(options), Ok(_)) => {
            options.warnings().iter().try_for_each(silent)?;
            let named = format!("{}{}", options.user(), options.database()).contains(CANARY);
            if named || options.address().contains(CANARY) { Ok(()) } else { silent(&format!("{options:?}")) }
        }
        (first, second) => Err(format!("read twice: {first:?}, {second:?}")),
    }
}

fn silent(message: &impl Display) -> Result<(), String> {
    let message = message.to_string();
    if message.contains(CANARY) { Err(format!("a password is told: {message}")) } else { Ok(()) }
}
