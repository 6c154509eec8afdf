//! The driver on real servers: ClickHouse 18.16, and the engine of today behind an HTTP interface of its own.

mod conforms;
mod doubts;
mod secure;
mod support;
mod trust;
