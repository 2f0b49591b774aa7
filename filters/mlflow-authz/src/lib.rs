//! The proxy-wasm shell of `mlflow_authz`: contexts and host calls, no policy of its own.
//!
//! | module | what it does |
//! |---|---|
//! | `abi` | the proxy-wasm ABI: exports, imports, memory; all `unsafe` code |
//! | `contexts` | which root contexts and streams there are |
//! | `root`, `stream` | what a root context and a stream return to the host |
//! | `plugin` | feeds their events to the engine and does what it says |
//! | `request`, `reply`, `callouts` | a request, a callout's reply, callouts in flight, as the host holds them |
//! | `record`, `filter_error` | what a decision leaves in logs; why there was none |
//! | `configured` | the audit trail of configurations |
//! | `metrics`, `host` | how all of them reach the proxy |
//!
//! A callback goes from top to bottom: `abi::exports` finds the context in `contexts`, that hands the event to
//! `plugin`, and what the engine says is done through `host`.

mod abi;
mod callouts;
mod configured;
mod contexts;
mod filter_error;
mod host;
mod metrics;
mod plugin;
mod record;
mod reply;
mod request;
mod root;
mod stream;
