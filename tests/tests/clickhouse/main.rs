//! ClickHouse as a target, from the outside: 18.16, and the engine of today behind an HTTP interface of its own.

mod again;
mod beside;
mod repaired;
mod replicas;
mod support;
mod together;
