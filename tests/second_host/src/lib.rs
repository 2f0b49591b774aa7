//! A small proxy on `proxy-wasm-host`, a proxy-wasm host that nobody here wrote, for the built module of
//! `filters/mlflow-authz`.
//!
//! The crate runs the module and answers the host calls that need no proxy. `process` is what the workers of one proxy
//! share, `worker` makes the callbacks, `streams` holds the requests and lends them to the module, `services` keeps what
//! the module logs, counts, shares and asks for. The tests are in `tests/`.
//!
//! It does not misbehave: `tests/simulated_host` does. What it can be told is to serve less than Envoy does, as
//! a proxy on this crate may.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "part of the tests: what goes wrong here fails one"
)]

pub mod process;
pub mod replies;
pub mod services;
pub mod streams;
pub mod worker;

pub use simulated_host::pairs::{Pair, find, pairs};
