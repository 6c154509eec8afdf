//! What a server's certificate says: names, times, and the digest that SCRAM binds a login to.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ContextSpecific, ObjectIdentifier};
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_RSASSA_PSS, ID_SHA_256, ID_SHA_384, ID_SHA_512,
    SHA_1_WITH_RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use x509_cert::der::{AnyRef, Decode, Encode, Reader, TagNumber};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierRef;

fn parsed(der: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding.into())
}

/// Whether the certificate is for the host, by libpq's rules: its alternative names, and its common name where none of
/// them is of the host's kind.
pub(crate) fn check_name(der: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    let certificate = parsed(der)?;
    let text = host.to_str();
    let address = text.parse::<IpAddr>().ok();
    let alternatives = certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten();
    let alternatives = alternatives.map(|(_, SubjectAltName(names))| names).unwrap_or_default();
    let mut common_name_counts = true;
    for name in &alternatives {
        let matches = match name {
            GeneralName::DnsName(name) => {
                common_name_counts &= address.is_some();
                name_matches(name.as_str(), &text, address.is_some())
            }
            GeneralName::IpAddress(octets) => {
                common_name_counts &= address.is_none();
                address.is_some_and(|address| match address {
                    IpAddr::V4(address) => octets.as_bytes() == address.octets(),
                    IpAddr::V6(address) => octets.as_bytes() == address.octets(),
                })
            }
            _ => false,
        };
        if matches {
            return Ok(());
        }
    }
    let common_name = common_name(&certificate).filter(|_| common_name_counts);
    if common_name.is_some_and(|name| name_matches(&name, &text, address.is_some())) {
        return Ok(());
    }
    Err(CertificateError::NotValidForName.into())
}

fn common_name(certificate: &Certificate) -> Option<String> {
    let attributes = certificate.tbs_certificate.subject.0.iter().flat_map(|name| name.0.iter());
    let value = attributes.into_iter().find(|attribute| attribute.oid == COMMON_NAME)?;
    String::from_utf8(value.value.value().to_vec()).ok()
}

/// A `*` stands for one whole label, the first.
fn name_matches(pattern: &str, host: &str, is_address: bool) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(pattern), Some((label, domain))) => {
            !is_address && !label.is_empty() && pattern.eq_ignore_ascii_case(domain)
        }
        _ => false,
    }
}

/// What webpki would check of a certificate that is trusted as it is.
pub(crate) fn check_validity(der: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let validity = parsed(der)?.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// The digest for `tls-server-end-point` (RFC 5929, section 4.1); a signature without a hash of its own has none.
pub(crate) fn binding(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let signature = &certificate.signature_algorithm;
    let hash = if signature.oid == ID_RSASSA_PSS {
        pss_hash(&signature.parameters.as_ref()?.to_der().ok()?)?
    } else {
        signature.oid
    };
    Some(match hash {
        ECDSA_WITH_SHA_256 | SHA_256_WITH_RSA_ENCRYPTION | SHA_1_WITH_RSA_ENCRYPTION | ID_SHA_256 => {
            Sha256::digest(der).to_vec()
        }
        ECDSA_WITH_SHA_384 | SHA_384_WITH_RSA_ENCRYPTION | ID_SHA_384 => Sha384::digest(der).to_vec(),
        ECDSA_WITH_SHA_512 | SHA_512_WITH_RSA_ENCRYPTION | ID_SHA_512 => Sha512::digest(der).to_vec(),
        _ => return None,
    })
}

/// `RSASSA-PSS-params` begins with the hash (RFC 4055, section 3.1).
fn pss_hash(parameters: &[u8]) -> Option<ObjectIdentifier> {
    let parameters = AnyRef::from_der(parameters).ok()?;
    let hash = parameters.sequence(|reader| {
        let hash = ContextSpecific::<AlgorithmIdentifierRef<'_>>::decode_explicit(reader, TagNumber::N0)?;
        reader.read_slice(reader.remaining_len())?;
        Ok(hash.map(|hash| hash.value.oid))
    });
    hash.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        for (pattern, host, expected) in [
            ("db.example", "DB.example", true),
            ("*.example", "db.example", true),
            ("*.example", "a.db.example", false),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("d*.example", "db.example", false),
            ("*", "db", false),
        ] {
            assert_eq!(name_matches(pattern, host, false), expected, "{pattern} {host}");
        }
        assert!(!name_matches("*.0.0.1", "127.0.0.1", true));
    }
}
