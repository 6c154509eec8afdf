//! TLS by rustls with ring: one client configuration per target, and the handshake.
//!
//! What is verified is the [`verifier`](crate::verifier)'s; which files count was found out when the options were read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client_key::{self, KeyError};
use crate::options::{Host, Server, SslMode};
use crate::verifier::{Verifier, VerifierError};

/// What the name of the protocol is in TLS (protocol documentation, "ALPN").
const ALPN: &[u8] = b"postgresql";
/// The SSLRequest message: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Which root certificates count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Roots {
    /// None are named: where something is to be verified, the system's.
    None,
    /// Those of a PEM file; with them every mode verifies.
    File(PathBuf),
}

/// Whether a client certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertMode {
    Disable,
    /// If the server asks and there is one.
    Allow,
    /// The server has to ask.
    Require,
}

/// Which versions are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
}

/// Everything about TLS but the mode.
#[derive(Debug, Clone)]
pub(crate) struct TlsOptions {
    pub(crate) roots: Roots,
    /// Where the system's roots are, if the environment says so: a file, and a directory.
    pub(crate) system_files: (Option<PathBuf>, Option<PathBuf>),
    pub(crate) direct: bool,
    /// The client's certificate and key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) certificate_mode: CertMode,
    pub(crate) crl: Option<PathBuf>,
    pub(crate) crl_dir: Option<PathBuf>,
    pub(crate) sni: bool,
    pub(crate) versions: Versions,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error(transparent)]
    Verifier(#[from] VerifierError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// How a handshake ended that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The server answered that it has no TLS.
    #[error("the server has no TLS")]
    NotOffered,
    /// Nothing but a yes or a no is an answer to the request.
    #[error("the server did not answer as PostgreSQL does")]
    NotPostgres,
    #[error("the server did not agree on the protocol `postgresql`, which `sslnegotiation=direct` needs")]
    NoAlpn,
    #[error("the server did not ask for a client certificate, which `sslcertmode=require` needs")]
    NotAsked,
    #[error("`{0}` is not a name that a certificate could have")]
    Name(String),
    /// The connection, or the TLS in it.
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Makes connections encrypted.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    key: Option<Arc<CertifiedKey>>,
    direct: bool,
    certificate_required: bool,
}

impl Tls {
    /// Reads certificates and keys.
    pub(crate) fn new(mode: SslMode, options: &TlsOptions) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(mode, options, &provider)?;
        let versions: Vec<&SupportedProtocolVersion> =
            [options.versions.tls13.then_some(&version::TLS13), options.versions.tls12.then_some(&version::TLS12)]
                .into_iter()
                .flatten()
                .collect();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_sni = options.sni;
        let key = client_key(options, &provider)?;
        let certificate_required = options.certificate_mode == CertMode::Require;
        Ok(Self { config: Arc::new(config), key, direct: options.direct, certificate_required })
    }

    /// Asks whether the server encrypts; with direct negotiation that shows in the handshake.
    pub(crate) async fn is_offered<S>(&self, stream: &mut S) -> Result<bool, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.direct {
            return Ok(true);
        }
        stream.write_all(&SSL_REQUEST).await?;
        match stream.read_u8().await? {
            b'S' => Ok(true),
            b'N' => Ok(false),
            _ => Err(HandshakeError::NotPostgres),
        }
    }

    /// Encrypts a connection.
    pub(crate) async fn handshake<S>(&self, server: &Server, stream: S) -> Result<TlsStream<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Host::Tcp(name) = &server.host else { return Err(HandshakeError::NotOffered) };
        let name = ServerName::try_from(name.clone()).map_err(|_| HandshakeError::Name(name.clone()))?;
        let shown = Arc::new(Shown { key: self.key.clone(), asked: AtomicBool::new(false) });
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::clone(&shown) as Arc<dyn ResolvesClientCert>;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        if self.direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(HandshakeError::NoAlpn);
        }
        if self.certificate_required && !(shown.asked.load(Ordering::Relaxed) && shown.key.is_some()) {
            return Err(HandshakeError::NotAsked);
        }
        Ok(stream)
    }
}

fn client_key(options: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<CertifiedKey>>, TlsError> {
    let pair = options.certificate.as_ref().filter(|_| options.certificate_mode != CertMode::Disable);
    let load = |(certificate, key): &(PathBuf, PathBuf)| client_key::load(certificate, key, provider);
    Ok(pair.map(load).transpose()?.map(Arc::new))
}

/// Shows the client's certificate, and remembers that it was asked for.
#[derive(Debug)]
struct Shown {
    key: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Why a PEM file cannot be used, as a sentence's end: the parser's own words would say nothing of the file.
pub(crate) fn pem_problem(error: &rustls::pki_types::pem::Error, path: &Path) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        rustls::pki_types::pem::Error::NoItemsFound => format!("`{}` has no such item in PEM", path.display()),
        other => other.to_string(),
    }
}
