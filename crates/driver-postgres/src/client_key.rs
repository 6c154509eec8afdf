//! The client's certificate and key, with libpq's check of who may read the key.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::tls::pem_problem;

/// Why a client certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the client certificate `{}` cannot be read: {why}", path.display())]
    Certificate { path: PathBuf, why: String },
    #[error("the client key `{}` cannot be read: {why}", path.display())]
    Key { path: PathBuf, why: String },
    #[error("the client key `{}` is open to others (chmod 0600, or 0640 if root owns it)", .0.display())]
    Open(PathBuf),
    #[error(
        "the client key `{path}` is encrypted, which is not supported (openssl pkey -in {path} -out NEW writes it in the clear)",
        path = .0.display()
    )]
    Encrypted(PathBuf),
    #[error("the client key does not belong to the client certificate `{}`", path.display())]
    Mismatch { path: PathBuf, source: rustls::Error },
}

pub(crate) fn load(certificate: &Path, key: &Path, provider: &Arc<CryptoProvider>) -> Result<CertifiedKey, KeyError> {
    let unreadable = |why| KeyError::Certificate { path: certificate.to_owned(), why };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(pem_problem(&error, certificate)))?;
    if chain.is_empty() {
        return Err(unreadable("it has no certificate in PEM".to_owned()));
    }
    let key = private_key(key)?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| KeyError::Mismatch { path: certificate.to_owned(), source })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, KeyError> {
    let unreadable = |why: String| KeyError::Key { path: path.to_owned(), why };
    let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !meta.is_file() {
        return Err(unreadable("it is not a plain file".to_owned()));
    }
    let open = if meta.uid() == 0 { 0o037 } else { 0o077 };
    if meta.mode() & open != 0 {
        return Err(KeyError::Open(path.to_owned()));
    }
    let text = std::fs::read(path).map_err(|error: io::Error| unreadable(error.to_string()))?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(_) if is_encrypted(&text) => Err(KeyError::Encrypted(path.to_owned())),
        Ok(key) => Ok(key),
        Err(_) if is_encrypted(&text) => Err(KeyError::Encrypted(path.to_owned())),
        Err(error) => Err(unreadable(pem_problem(&error, path))),
    }
}

/// As PKCS#8 says it, and as the older form does.
fn is_encrypted(pem: &[u8]) -> bool {
    let has = |needle: &[u8]| pem.windows(needle.len()).any(|window| window == needle);
    has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}
