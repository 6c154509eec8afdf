//! Verifies a server's certificate as its `sslmode` asks, by webpki, with libpq's rules where webpki is narrower.
//!
//! A name may be the common name of a certificate without alternative names. A server that shows one of the configured
//! roots itself is accepted as pinned. What stays refused, with a message: X.509 version 1.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

use crate::certificate;
use crate::options::SslMode;
use crate::tls::{Roots, TlsOptions, pem_problem};

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifierError {
    #[error("the root certificates in `{}` cannot be read: {why}", path.display())]
    Roots { path: PathBuf, why: String },
    #[error("the system has no root certificates to verify the server with: `sslrootcert` names a file of them")]
    NoSystemRoots,
    #[error("the revocation list `{}` cannot be read: {why}", path.display())]
    Crl { path: PathBuf, why: String },
    #[error("the root certificates or revocation lists cannot be used: {0}")]
    Unusable(rustls::client::VerifierBuilderError),
}

#[derive(Debug)]
pub(crate) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None verifies nothing: `prefer` and `require` without root certificates encrypt only.
    inner: Option<Arc<WebPkiServerVerifier>>,
    roots: Vec<CertificateDer<'static>>,
    check_name: bool,
}

impl Verifier {
    pub(crate) fn new(
        mode: SslMode,
        options: &TlsOptions,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierError> {
        let (mut roots, mut inner) = (Vec::new(), None);
        if mode >= SslMode::VerifyCa || options.roots != Roots::None {
            roots = load_roots(options)?;
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots.iter().cloned());
            if store.is_empty() {
                return Err(no_roots(options));
            }
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
            let built = builder.with_crls(load_crls(options)?).build();
            inner = Some(built.map_err(VerifierError::Unusable)?);
        }
        Ok(Self { provider: Arc::clone(provider), inner, roots, check_name: mode == SslMode::VerifyFull })
    }

    /// A root that is shown by the server itself, which webpki refuses as an end entity.
    fn verify_pinned(&self, shown: &CertificateDer<'_>, now: UnixTime) -> Option<Result<(), Error>> {
        let pinned = self.roots.iter().any(|root| root.as_ref() == shown.as_ref());
        pinned.then(|| certificate::check_validity(shown, now))
    }
}

fn load_roots(options: &TlsOptions) -> Result<Vec<CertificateDer<'static>>, VerifierError> {
    let Roots::File(path) = &options.roots else {
        let (file, dir) = &options.system_files;
        let named = file.is_some() || dir.is_some();
        let found = if named { load_certs_from_paths(file.as_deref(), dir.as_deref()) } else { load_native_certs() };
        return Ok(found.certs);
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| VerifierError::Roots { path: path.clone(), why: pem_problem(&error, path) })
}

fn no_roots(options: &TlsOptions) -> VerifierError {
    match &options.roots {
        Roots::None => VerifierError::NoSystemRoots,
        Roots::File(path) => {
            VerifierError::Roots { path: path.clone(), why: "it has no certificate in PEM".to_owned() }
        }
    }
}

/// The lists of the file, and of every file in the directory that has any.
fn load_crls(options: &TlsOptions) -> Result<Vec<CertificateRevocationListDer<'static>>, VerifierError> {
    let mut lists = Vec::new();
    if let Some(path) = &options.crl {
        let read = CertificateRevocationListDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        lists = read.map_err(|error| VerifierError::Crl { path: path.clone(), why: pem_problem(&error, path) })?;
    }
    if let Some(dir) = &options.crl_dir {
        let unreadable = |error: std::io::Error| VerifierError::Crl { path: dir.clone(), why: error.to_string() };
        for entry in std::fs::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let found = CertificateRevocationListDer::pem_file_iter(path);
            lists.extend(found.into_iter().flatten().filter_map(Result::ok));
        }
    }
    Ok(lists)
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
            // Names are looked at last, so that everything else is in order; ours follow libpq's rules.
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(error @ Error::InvalidCertificate(CertificateError::Other(_))) => {
                self.verify_pinned(end_entity, now).ok_or(error)??;
            }
            Err(error) => return Err(error),
        }
        if self.check_name {
            certificate::check_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
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
