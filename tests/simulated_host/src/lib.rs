//! A proxy-wasm host that can be made to misbehave, for the built module of `filters/mlflow-authz`.
//!
//! It imitates Envoy where a module can tell, runs on `wasmtime`, and knows nothing of the filter's code.
//! `worker` makes callbacks, `abi` answers host calls, `faults` and `host::Oddities` make them fail, `world`
//! puts several workers under one clock. The tests are in `tests/`.
//!
//! What it does not model: TCP, gRPC, shared queues, foreign functions. A module that calls one traps, and
//! the trap names the import.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "part of the tests: what goes wrong here fails one"
)]

mod abi;
pub mod callouts;
pub mod clock;
pub mod faults;
pub mod host;
mod metadata;
pub mod pairs;
pub mod service;
pub mod shared_data;
pub mod status;
pub mod stream;
pub mod vm;
pub mod worker;
pub mod world;
