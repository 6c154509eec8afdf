//! The driver on a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod alone;
mod backfill;
mod broken;
mod conformance;
mod connecting;
mod cut;
mod ghost;
mod hostile;
mod jobs;
mod lost;
mod phases;
mod place;
mod pooled;
mod proxy;
mod support;
mod tls;
mod trust;
