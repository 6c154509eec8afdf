//! TLS by rustls with ring: which roots count, and whether the server has to prove its name.

use std::sync::Arc;

use dunlin_planner::{Failure, FailureClass};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::options::Tls;

/// What a handshake goes by; without TLS it is never used.
pub(crate) fn config(tls: Option<&Tls>) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable("TLS cannot be set up", &error))?;
    match tls {
        Some(tls) if tls.verify => Ok(builder.with_root_certificates(roots(tls)?).with_no_client_auth()),
        Some(_) => {
            let anybody = Arc::new(Anybody(provider));
            Ok(builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth())
        }
        None => Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
    }
}

fn roots(tls: &Tls) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    let Some(path) = &tls.roots else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        return Ok(store);
    };
    let named = || format!("the certificates in `{}` cannot be read", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&named(), &error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&named(), &error))?;
        store.add(certificate).map_err(|error| unusable(&named(), &error))?;
    }
    if store.is_empty() {
        return Err(Failure::new(FailureClass::Misconfigured, format!("`{}` holds no certificate", path.display())));
    }
    Ok(store)
}

fn unusable(message: &str, error: &dyn std::error::Error) -> Failure {
    Failure { detail: Some(error.to_string()), ..Failure::new(FailureClass::Misconfigured, message) }
}

/// `sslmode=require`: the line is encrypted, and who is at its other end is not asked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
