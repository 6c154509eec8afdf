//! TimescaleDB: on the Apache build that tests start, and on a server under the Timescale License where one is named.

mod apache;
mod support;
mod tsl;
