//! TLS by rustls with ring: one client configuration per target, with the verification that its `sslmode` asks for.
//!
//! What rustls refuses and libpq accepts: a certificate with a common name alone (verify-full needs a subject alternative
//! name; verify-ca does not). A server certificate that is itself among the configured roots is accepted as pinned.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{ConnectOptions, SslMode};

/// Where trusted root certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaSource {
    /// The operating system.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file of root certificates cannot be read.
    #[error("the root certificates in `{}` cannot be read", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// There is no root certificate to verify with.
    #[error("there are no root certificates to verify the server with")]
    NoRoots,
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up")]
    Setup(#[from] Error),
}

pub(crate) fn connector(options: &ConnectOptions) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(options, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None verifies nothing: `prefer`, and `require` without root certificates, encrypt only.
    inner: Option<Arc<WebPkiServerVerifier>>,
    roots: Vec<CertificateDer<'static>>,
    check_name: bool,
}

impl Verifier {
    fn new(options: &ConnectOptions, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mode = match options.ssl_mode() {
            SslMode::Require if options.ca.is_some() => SslMode::VerifyCa,
            mode => mode,
        };
        let (mut roots, mut inner) = (Vec::new(), None);
        if mode >= SslMode::VerifyCa {
            roots = load(options.ca.as_ref().unwrap_or(&CaSource::System))?;
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots.iter().cloned());
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
            inner = Some(built.map_err(|_| TlsError::NoRoots)?);
        }
        Ok(Self { provider: Arc::clone(provider), inner, roots, check_name: mode == SslMode::VerifyFull })
    }
}

fn load(source: &CaSource) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match source {
        CaSource::System => Ok(rustls_native_certs::load_native_certs().certs),
        CaSource::File(path) => {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            read.map_err(|source| TlsError::Roots { path: path.clone(), source })
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(ServerCertVerified::assertion()),
            // Pinned: the server shows one of the roots itself, which webpki refuses as an end entity.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.roots.contains(&end_entity.clone().into_owned()) =>
            {
                if self.check_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
