//! The built module under `proxy-wasm-host`. One binary, so that it is compiled once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod bodies;
mod ends;
mod limits;
mod records;
mod requests;
mod revocation;
mod start;
mod trouble;
mod unserved;
