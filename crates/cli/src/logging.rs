//! Debug logs on stderr, for whoever asks with `-vv` or DUNLIN_LOG.

use tracing_subscriber::EnvFilter;

use crate::args::{Global, LogFormat};

/// Starts logging for the whole process; without `-vv` or DUNLIN_LOG nothing is logged.
pub(crate) fn start(global: &Global) {
    let asked = std::env::var("DUNLIN_LOG").ok();
    let filter = match asked.as_deref() {
        Some(filter) => EnvFilter::new(filter),
        None if global.verbose > 1 => EnvFilter::new("dunlin=debug"),
        None => return,
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(anstream::stderr);
    match global.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}
