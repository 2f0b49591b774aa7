//! The built module under a host that can be made to misbehave. One binary, so that it is compiled once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod bodies;
mod bounds;
mod clock;
mod deletions;
mod driver;
mod failing_calls;
mod host_calls;
mod instructions;
mod module;
mod odd_callbacks;
mod odd_headers;
mod ordinary;
mod regressions;
mod single_flight;
mod verified;
mod workspaces;
