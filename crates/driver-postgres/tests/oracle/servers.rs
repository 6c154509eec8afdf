//! The servers that rows are tried on: a primary whose certificate and settings change, a standby of it, a port where nobody
//! answers; and the files that connection strings name.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home, Standby};
use nix::unistd::{Uid, User, geteuid};
use tempfile::TempDir;

const HBA: &str = "\
local all postgres trust
local all trusty trust
local all scram scram-sha-256
local all all reject
host replication postgres 127.0.0.1/32 trust
host all postgres,trusty 127.0.0.1/32 trust
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all plain 127.0.0.1/32 password
hostssl all certy 127.0.0.1/32 cert
hostssl all somebody 127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl all scramca 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl all tlsonly 127.0.0.1/32 scram-sha-256
hostnossl all clearonly 127.0.0.1/32 scram-sha-256
";

const ROLES: &str = "\
SET password_encryption = 'md5';
CREATE ROLE md5 LOGIN PASSWORD 'canary';
SET password_encryption = 'scram-sha-256';
CREATE ROLE trusty LOGIN REPLICATION; CREATE ROLE certy LOGIN; CREATE ROLE rejected LOGIN PASSWORD 'canary';
CREATE ROLE scram LOGIN PASSWORD 'canary'; CREATE ROLE plain LOGIN PASSWORD 'canary';
CREATE ROLE somebody LOGIN PASSWORD 'canary'; CREATE ROLE scramca LOGIN PASSWORD 'canary';
CREATE ROLE tlsonly LOGIN PASSWORD 'canary'; CREATE ROLE clearonly LOGIN PASSWORD 'canary';
";

const SERVICES: &str = "\
# comment
[local]
host=localhost
user=trusty

[broken]
host=localhost
nonsense
[nested]
service=local
";

/// The files of home directories: path, mode, text; a text that begins with `=` is another file's.
const FILES: &[(&str, u32, &str)] = &[
    ("home-empty/nothing", 0o600, ""),
    ("home-root/.postgresql/root.crt", 0o644, "=ca.pem"),
    ("home-other-root/.postgresql/root.crt", 0o644, "=other.pem"),
    ("home-crl/.postgresql/root.crt", 0o644, "=ca.pem"),
    ("home-crl/.postgresql/root.crl", 0o644, "=ca.crl"),
    ("home-client/.postgresql/postgresql.crt", 0o644, "=client.pem"),
    ("home-client/.postgresql/postgresql.key", 0o600, "=client.key"),
    ("home-pass/.pgpass", 0o600, "# comment\nelsewhere:*:*:*:wrong\nlocalhost:*:postgres:scram:canary\n"),
    ("home-pass-open/.pgpass", 0o644, "*:*:*:*:canary\n"),
    ("home-service/.pg_service.conf", 0o644, SERVICES),
    ("home-sysconf/pg_service.conf", 0o644, "[system]\nhost=localhost\nuser=trusty\n"),
    ("rows.txt", 0o644, "no certificate\n"),
];

/// All servers; they end with this value.
pub(crate) struct Servers {
    standby: Standby,
    primary: Cluster,
    dir: TempDir,
    silent: TcpListener,
    account: User,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/zoo.sh");
        let zoo = dir.path().to_owned();
        let made = thread::spawn(move || Command::new("sh").arg(script).arg(zoo).status().unwrap());
        let mut spec = ClusterSpec::temporary(Home::new(Home::default_dir()), Flavour::Full);
        let file = |name: &str| dir.path().join(name).display().to_string();
        let user = User::from_uid(geteuid()).unwrap().unwrap().name;
        fs::write(file("hba"), format!("{HBA}host all \"{user}\" 127.0.0.1/32 trust\n")).unwrap();
        spec.settings = vec![("hba_file".to_owned(), file("hba"))];
        let primary = Cluster::start(&spec, &|_| {}).unwrap();
        let uid = fs::metadata(primary.log()).unwrap().uid();
        let account = User::from_uid(Uid::from_raw(uid)).unwrap().unwrap();
        let own = if user == "postgres" { String::new() } else { format!("CREATE ROLE \"{user}\" LOGIN;") };
        primary.psql("postgres", &format!("{ROLES}{own}")).unwrap();
        assert!(made.join().unwrap().success(), "the certificates were not made");
        keep_for(&account, dir.path());
        write_files(dir.path());
        let standby = Standby::of(&primary).unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { standby, primary, dir, silent, account }
    }

    /// Sets the primary up as a group wants it, and waits until it is.
    pub(crate) fn set(&self, settings: &[(&str, &str)]) {
        let file = |name: &str| self.dir.path().join("server").join(name).display().to_string();
        let mut all: BTreeMap<&str, String> =
            [("ssl", "on".to_owned()), ("ssl_ca_file", file("ca.pem"))].into_iter().collect();
        let given = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        all.extend([("ssl_cert_file", "good".to_owned())].into_iter().chain(given));
        let certificate = all["ssl_cert_file"].clone();
        all.insert("ssl_cert_file", file(&format!("{certificate}.pem")));
        all.insert("ssl_key_file", file(&format!("{certificate}.key")));
        let loaded = || self.primary.psql("postgres", "SELECT pg_conf_load_time()").unwrap();
        let before = loaded();
        let statements: String =
            all.iter().map(|(name, value)| format!("ALTER SYSTEM SET {name} = '{value}';\n")).collect();
        let script = format!("ALTER SYSTEM RESET ALL;\n{statements}SELECT pg_reload_conf()");
        self.primary.psql("postgres", &script).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while loaded() == before {
            assert!(Instant::now() < deadline, "the server did not take its settings");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn psql(&self) -> PathBuf {
        self.primary.bin("psql")
    }

    /// What placeholders other than files stand for.
    pub(crate) fn values(&self) -> BTreeMap<&'static str, String> {
        let socket = self.primary.psql("postgres", "SHOW unix_socket_directories").unwrap();
        BTreeMap::from([
            ("port", self.primary.port().to_string()),
            ("standby", self.standby.port().to_string()),
            ("silent", self.silent.local_addr().unwrap().port().to_string()),
            ("server-user", self.account.name.clone()),
            ("socket-encoded", socket.replace('/', "%2F")),
            ("socket", socket),
        ])
    }
}

/// Copies of all certificates and keys that the server's account may read.
fn keep_for(account: &User, dir: &Path) {
    let server = dir.join("server");
    fs::create_dir(&server).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pem" || extension == "key") {
            let copy = server.join(path.file_name().unwrap());
            fs::copy(&path, &copy).unwrap();
            fs::set_permissions(&copy, PermissionsExt::from_mode(0o600)).unwrap();
            chown(&copy, Some(account.uid.as_raw()), Some(account.gid.as_raw())).unwrap();
        }
    }
}

fn write_files(dir: &Path) {
    for (path, mode, text) in FILES {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix('=') {
            Some(other) => fs::copy(dir.join(other), &path).map(drop).unwrap(),
            None => fs::write(&path, text).unwrap(),
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(*mode)).unwrap();
    }
}
