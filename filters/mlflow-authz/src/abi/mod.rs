//! The proxy-wasm ABI 0.2.1: what the host calls, what it can be called for, and how memory goes across.
//!
//! Owns every `unsafe` line of the filter. It turns pointers into slices and numbers into calls, and knows neither
//! requests nor policy: what a callback means is `contexts`' business, what a status means is `host`'s.
//! Source: proxy-wasm/spec, abi-versions/v0.2.1.
#![allow(
    unsafe_code,
    reason = "calls across the ABI; each block says why it is sound"
)]

mod exports;
pub mod imports;
mod memory;

/// The host's status; 0 is success.
pub type Status = u32;
