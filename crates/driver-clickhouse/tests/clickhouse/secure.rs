//! TLS, and what is told of a server that is not the one it should be.

use std::net::SocketAddr;
use std::sync::Arc;

use dunlin_devdb::Flavour;
use dunlin_driver::conformance::Database;
use dunlin_planner::{FailureClass, ProjectName};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::Fresh;

/// A port that speaks TLS before the server at `inner`, with a certificate of its own; its PEM.
async fn secured(inner: u16) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name is enough");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it was just made");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", inner)).await else { return };
                copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    (port, made.cert.pem())
}

/// A port that answers as one without TLS does. The server itself takes the beginning of TLS for a line of HTTP, and waits for its
/// end unless chance has put one there.
async fn plain() -> u16 {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.ok();
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_verified_unless_it_is_said_otherwise() {
    let Some(fresh) = Fresh::new(Flavour::ClickHouse) else { return };
    let (port, pem) = secured(fresh.port()).await;
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let root = dir.path().join("root.pem");
    std::fs::write(&root, pem).expect("it can be written");
    let project = ProjectName::new("p").expect("it is a name");
    let root = root.display();
    for (query, expected) in [
        (format!("sslrootcert={root}"), None),
        ("sslmode=require".to_owned(), None),
        (String::new(), Some(FailureClass::Rejected)),
        (format!("sslrootcert={root}.not"), Some(FailureClass::Misconfigured)),
    ] {
        let url = format!("https://default@localhost:{port}/{}?{query}", fresh.name());
        let ended = match fresh.driver_at(&url) {
            Ok(driver) => driver.inspect(&project).await.map(drop),
            Err(failure) => Err(failure),
        };
        assert_eq!(ended.as_ref().err().map(|failure| failure.class), expected, "{query}: {ended:?}");
    }
    // The lock's request is no different.
    let driver = fresh.driver_at(&format!("https://localhost:{port}/{}?sslrootcert={root}", fresh.name()));
    let made = driver.expect("the file is there").bootstrap(None).await;
    assert!(made.is_ok(), "{made:?}");
    assert_eq!(fresh.driver().bootstrap(None).await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_in_a_message() {
    let Some(fresh) = Fresh::new(Flavour::ClickHouse) else { return };
    let project = ProjectName::new("p").expect("it is a name");
    for (url, class) in [
        (format!("http://default:canary@127.0.0.1:{}/x", fresh.port()), FailureClass::Rejected),
        (format!("http://reader:canary@127.0.0.1:{}/{}", fresh.port(), fresh.name()), FailureClass::Rejected),
        ("http://default:canary@127.0.0.1:1/x".to_owned(), FailureClass::Unreachable),
        (format!("https://default:canary@127.0.0.1:{}/x", plain().await), FailureClass::Rejected),
    ] {
        let driver = fresh.driver_at(&url).expect("it can be read");
        let failure = driver.inspect(&project).await.expect_err("it cannot be reached so");
        assert_eq!(failure.class, class, "{failure:?}");
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }
}
