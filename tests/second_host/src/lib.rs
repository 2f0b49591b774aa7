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

/// Name and value as bytes.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Pairs out of text.
pub fn pairs(text: &[(&str, &str)]) -> Vec<Pair> {
    text.iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// The first value under a name.
pub fn find<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a [u8]> {
    pairs
        .iter()
        .find(|(present, _)| present == name.as_bytes())
        .map(|(_, value)| value.as_slice())
}
