//! Decides who may do what to an MLflow server.
//!
//! This crate is the decision engine: pure Rust, no I/O, no clock, no proxy. A shell (the proxy-wasm
//! filter in `filters/mlflow-authz`, the `mlflow-authz` command) feeds events to an [`Engine`] and does
//! what [`Next`] says. A request goes one way, one module a step:
//!
//! | step | module |
//! |---|---|
//! | is it for MLflow, and what is its one path? | [`authority`], [`target`], [`overrides`] |
//! | what does it ask MLflow to do? | [`catalog`] |
//! | which key does it present? | [`credential`] |
//! | who is that key? | [`principals`], [`shared_data`], [`auth_service`], [`trace_context`] |
//! | do its scopes grant that? | [`policy`] |
//! | is a denial answered, or only recorded? | [`enforcement`] |
//! | what goes on, or back, and what is recorded? | [`identity`], [`trailers`], [`denial`], [`whoami`], [`audit`], [`metrics`] |
//! | which configuration is in force, and what did it change? | [`config_log`] |

pub mod audit;
pub mod auth_service;
pub mod authority;
mod bounded;
pub mod catalog;
pub mod config;
pub mod config_log;
pub mod credential;
pub mod decision;
pub mod denial;
pub mod enforcement;
pub mod engine;
pub mod identity;
mod json;
pub mod metrics;
pub mod names;
pub mod overrides;
pub mod pattern;
pub mod permission;
pub mod policy;
pub mod principal;
pub mod principals;
pub mod printable;
pub mod request;
pub mod shared_data;
pub mod target;
pub mod terms;
pub mod trace_context;
pub mod trailers;
pub mod whoami;

pub use config::Config;
pub use decision::{Decision, Reason};
pub use engine::{CalloutId, Engine, Moment, Next, Outbox, StreamId};
pub use request::{ClientAddress, RequestHead};
