//! TLS against a server with a certificate for `localhost`, made by an authority of the test's own.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Home};
use dunlin_driver::{Bench, Driver};
use dunlin_driver_postgres::PostgresSettings;
use dunlin_planner::{Failure, FailureClass, LaneKind, ProjectName};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::support::{Fresh, driver, options, raw, server};

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    (certificate, Issuer::new(params, key))
}

/// Certificates in files: the server's, its authority's, and another authority's. The key belongs to whom the server runs as.
fn write_certificates(dir: &Path) {
    let (ca, issuer) = authority();
    let (other, _) = authority();
    let key = KeyPair::generate().unwrap();
    let server_certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = key.serialize_pem();
    for (name, text) in
        [("ca.pem", &ca), ("other.pem", &other), ("server.pem", &server_certificate.pem()), ("server.key", &key)]
    {
        std::fs::write(dir.join(name), text).unwrap();
    }
    let account = std::fs::metadata(server().log()).unwrap();
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).unwrap();
    let key = dir.join("server.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    chown(&key, Some(account.uid()), Some(account.gid())).unwrap();
}

async fn connected(url: &str) -> Result<(), Failure> {
    let project = ProjectName::new("p").unwrap();
    driver(PostgresSettings::new(options(url))).inspect(&project).await.map(drop)
}

fn encrypting_server() -> (tempfile::TempDir, Cluster) {
    let dir = tempfile::tempdir().unwrap();
    write_certificates(dir.path());
    let mut spec = ClusterSpec::temporary(Home::new(Home::default_dir()), Flavour::Full);
    let file = |name: &str| dir.path().join(name).display().to_string();
    let settings =
        [("ssl", "on".to_owned()), ("ssl_cert_file", file("server.pem")), ("ssl_key_file", file("server.key"))];
    spec.settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let server = Cluster::start(&spec, &|_| {}).unwrap();
    (dir, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_cancel_is_encrypted_too() {
    let (dir, server) = encrypting_server();
    server.psql("postgres", "CREATE ROLE app LOGIN CREATEROLE; CREATE DATABASE app OWNER app").unwrap();
    let root = dir.path().join("ca.pem");
    let url =
        format!("postgres://app@localhost:{}/app?sslmode=verify-full&sslrootcert={}", server.port(), root.display());
    // Its own database is of no interest: only connections are made, and those lead to the server above.
    let bench = Bench::new("TLS", Box::new(Fresh::new().with(PostgresSettings::new(options(&url)))));
    bench.bootstrap().await;
    let mut session = bench.session(LaneKind::Main).await;
    let canceller = session.canceller();
    let cancel = async {
        while !server.psql("postgres", ENCRYPTED_SLEEPER).unwrap().starts_with('1') {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        canceller.cancel().await;
    };
    let step = raw("a/1", "SELECT pg_sleep(30)");
    let (ended, ()) = tokio::join!(bench.apply_on(&mut *session, &step), cancel);
    assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Interrupted));
}

const ENCRYPTED_SLEEPER: &str = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE ssl AND usename = 'app' AND query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'";

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified_as_sslmode_says() {
    let (dir, server) = encrypting_server();
    let root = |name: &str| format!("sslrootcert={}", dir.path().join(name).display());
    for (host, parameters, refused) in [
        ("localhost", format!("sslmode=verify-full&{}", root("ca.pem")), None),
        ("127.0.0.1", format!("sslmode=verify-ca&{}", root("ca.pem")), None),
        ("127.0.0.1", format!("sslmode=require&{}", root("ca.pem")), None),
        ("127.0.0.1", "sslmode=require".to_owned(), None),
        ("127.0.0.1", "sslmode=prefer".to_owned(), None),
        ("127.0.0.1", "sslmode=disable".to_owned(), None),
        ("127.0.0.1", format!("sslmode=verify-full&{}", root("ca.pem")), Some("the certificate names another host")),
        ("localhost", format!("sslmode=verify-full&{}", root("other.pem")), Some("give the issuer's certificate")),
        ("localhost", format!("sslmode=require&{}", root("other.pem")), Some("give the issuer's certificate")),
        ("localhost", "sslmode=verify-full".to_owned(), Some("give the issuer's certificate")),
    ] {
        let url = format!("postgres://postgres@{host}:{}/postgres?{parameters}", server.port());
        match (connected(&url).await, refused) {
            (Ok(()), None) => {}
            (Err(failure), Some(hint)) => {
                assert_eq!(failure.class, FailureClass::Rejected, "{url}: {failure:?}");
                assert!(failure.hint.clone().unwrap_or_default().contains(hint), "{url}: {failure:?}");
            }
            (ended, _) => panic!("{url}: {ended:?}"),
        }
    }
}

#[test]
fn unreadable_root_certificates_are_said_at_once() {
    let options = options("postgres://db/core?sslrootcert=/nowhere/ca.pem");
    let target = dunlin_planner::TargetName::new("target").unwrap();
    let plain = std::sync::Arc::new(dunlin_driver_postgres::Plain);
    let made = dunlin_driver_postgres::PostgresDriver::new(target, PostgresSettings::new(options), plain);
    let message = made.err().map(|failure| failure.message).unwrap_or_default();
    assert!(message.starts_with("the root certificates in `/nowhere/ca.pem` cannot be read: "), "{message}");
}
