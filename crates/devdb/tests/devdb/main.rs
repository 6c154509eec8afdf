//! Real servers, really killed. The home is `DUNLIN_PREFIX`, or the default one.

mod cases;
mod http;
mod lives;
mod owners;
mod pooler;
mod standby;
mod support;
