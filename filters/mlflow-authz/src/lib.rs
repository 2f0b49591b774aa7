//! The proxy-wasm shell of `mlflow_authz`: contexts and host calls, no policy of its own.
//!
//! `root` reads the configuration and holds the engine of a VM, `stream` feeds it one request's events and
//! does what it says, `metrics` and `host` are how both reach the proxy.

#![expect(
    missing_docs,
    reason = "the macro below writes an exported function without a doc"
)]

mod host;
mod metrics;
mod root;
mod stream;

use proxy_wasm::traits::RootContext;

proxy_wasm::main! {{
    host::log::install();
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::<root::Root>::default() });
}}
