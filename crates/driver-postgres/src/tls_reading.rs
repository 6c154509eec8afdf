//! What the `ssl…` settings mean: which files count, and which combinations libpq refuses.

use std::path::PathBuf;

use crate::conninfo::ConninfoError;
use crate::options::SslMode;
use crate::reading::invalid;
use crate::settings::{Settings, Surroundings};
use crate::tls::{CertMode, Roots, TlsOptions, Versions};

/// The mode and everything else; `local` says that traffic cannot leave this machine.
pub(crate) fn read(
    settings: &Settings,
    around: &Surroundings<'_>,
    local: bool,
) -> Result<(SslMode, TlsOptions), ConninfoError> {
    let roots = roots(settings, around);
    let system = settings.get("sslrootcert") == Some("system");
    let mode = match ssl_mode(settings)? {
        Some(mode) => mode,
        None if local && !system => SslMode::Prefer,
        None => SslMode::VerifyFull,
    };
    let weak = |least, what, instead| {
        if mode < least { Err(ConninfoError::Unsupported { what, instead }) } else { Ok(()) }
    };
    if system {
        let what = "`sslrootcert=system` with an `sslmode` that does not verify names";
        weak(
            SslMode::VerifyFull,
            what,
            "anybody can have a certificate of a public authority: use `sslmode=verify-full`",
        )?;
    }
    let direct = match settings.get("sslnegotiation") {
        None | Some("postgres") => false,
        Some("direct") => true,
        Some(_) => return invalid("sslnegotiation", "postgres or direct"),
    };
    if direct {
        let what = "`sslnegotiation=direct` without TLS being required";
        weak(SslMode::Require, what, "use `sslmode=require` or more, or leave `sslnegotiation` out")?;
    }
    let options = TlsOptions {
        roots,
        system_files: (
            around.variable("SSL_CERT_FILE").map(Into::into),
            around.variable("SSL_CERT_DIR").map(Into::into),
        ),
        direct,
        certificate: certificate(settings, around),
        certificate_mode: certificate_mode(settings)?,
        crl: file(settings, around, "sslcrl", "root.crl"),
        crl_dir: settings.get("sslcrldir").map(PathBuf::from),
        sni: settings.get("sslsni") != Some("0"),
        versions: versions(settings)?,
    };
    Ok((mode, options))
}

fn ssl_mode(settings: &Settings) -> Result<Option<SslMode>, ConninfoError> {
    Ok(Some(match settings.get("sslmode") {
        None => return Ok(None),
        Some("disable") => SslMode::Disable,
        Some("allow") => SslMode::Allow,
        Some("prefer") => SslMode::Prefer,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(_) => return invalid("sslmode", "disable, allow, prefer, require, verify-ca or verify-full"),
    }))
}

/// A file that a setting names, or the usual one if it is there.
fn file(settings: &Settings, around: &Surroundings<'_>, key: &str, usual: &str) -> Option<PathBuf> {
    settings.get(key).map(PathBuf::from).or_else(|| usual_file(around, usual))
}

fn usual_file(around: &Surroundings<'_>, name: &str) -> Option<PathBuf> {
    around.home(".postgresql").map(|dir| dir.join(name)).filter(|path| path.exists())
}

fn roots(settings: &Settings, around: &Surroundings<'_>) -> Roots {
    match settings.get("sslrootcert") {
        Some("system") => Roots::None,
        _ => file(settings, around, "sslrootcert", "root.crt").map_or(Roots::None, Roots::File),
    }
}

fn certificate(settings: &Settings, around: &Surroundings<'_>) -> Option<(PathBuf, PathBuf)> {
    let certificate = file(settings, around, "sslcert", "postgresql.crt")?;
    let key = settings.get("sslkey").map(PathBuf::from);
    let usual = || around.home(".postgresql").unwrap_or_default().join("postgresql.key");
    Some((certificate, key.unwrap_or_else(usual)))
}

fn certificate_mode(settings: &Settings) -> Result<CertMode, ConninfoError> {
    match settings.get("sslcertmode") {
        None | Some("allow") => Ok(CertMode::Allow),
        Some("disable") => Ok(CertMode::Disable),
        Some("require") => Ok(CertMode::Require),
        Some(_) => invalid("sslcertmode", "disable, allow or require"),
    }
}

/// rustls speaks 1.2 and 1.3; older versions are broken, and nothing here makes them up.
fn versions(settings: &Settings) -> Result<Versions, ConninfoError> {
    let (lowest, highest) = ("ssl_min_protocol_version", "ssl_max_protocol_version");
    let version = |key: &'static str, default: u8| match settings.get(key).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(default),
        Some("tlsv1") => Ok(0),
        Some("tlsv1.1") => Ok(1),
        Some("tlsv1.2") => Ok(2),
        Some("tlsv1.3") => Ok(3),
        Some(_) => invalid(key, "TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3"),
    };
    let (min, max) = (version(lowest, 2)?, version(highest, 3)?);
    if min > max {
        return invalid(highest, "a version that is not below `ssl_min_protocol_version`");
    }
    if max < 2 {
        let instead = "these versions are broken: let the server speak TLS 1.2 or 1.3, and leave the setting out";
        return Err(ConninfoError::Unsupported { what: "a TLS version below 1.2", instead });
    }
    Ok(Versions { tls12: min <= 2, tls13: max == 3 })
}
