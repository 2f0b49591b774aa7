//! The proxy-wasm shell of `mlflow_authz`: contexts and host calls, no policy of its own.
//!
//! | module | what it does |
//! |---|---|
//! | `root` | the root context: configuration, replies and ticks |
//! | `stream` | the context of one request |
//! | `plugin` | feeds their events to the engine and does what it says |
//! | `request`, `reply`, `courier` | a request, a callout's reply, callouts, as the host holds them |
//! | `record`, `broken` | what a decision leaves in logs; why there was none |
//! | `configured` | the audit trail of configurations |
//! | `metrics`, `host` | how all of them reach the proxy |

#![expect(
    missing_docs,
    reason = "the macro below writes an exported function without a doc"
)]

mod broken;
mod configured;
mod courier;
mod host;
mod metrics;
mod plugin;
mod record;
mod reply;
mod request;
mod root;
mod stream;

use proxy_wasm::traits::RootContext;

proxy_wasm::main! {{
    host::log::install();
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}
