//! Decides who may do what to an MLflow server.
//!
//! This crate is the decision engine: pure Rust, no I/O, no clock, no proxy. A shell (the proxy-wasm
//! filter in `filters/mlflow-authz`) feeds events to an [`Engine`] and does what [`Next`] says. A request goes one way:
//!
//! | step | module |
//! |---|---|
//! | what does its head alone tell: host, mount, operation, key? | [`surface`], which gives a decision or a [`pending`] request |
//! | who presents that key? | `identity`, which gives a [`lookup`] |
//! | may that principal do it? | [`authorize`](mod@authorize), which gives the [`decision`] |
//! | is a denial answered, or only recorded? | [`enforcement`], as the decision's [`terms`] say |
//! | what goes on, or back, and what is recorded? | [`upstream`], [`trailers`], [`denial`], [`whoami`], [`audit`], [`metrics`] |
//!
//! Only the lookup waits, reads the clock and keeps anything; [`decide`](mod@decide) does all the rest in one call.
//!
//! What the steps are made of:
//!
//! | module | what it knows |
//! |---|---|
//! | [`config`], [`rules`], [`mod@pointer`] | the configuration, what it is compiled to, and where it says that a value stands |
//! | [`authority`], [`target`], [`overrides`], [`request`], [`workspace`] | how a request is read |
//! | [`catalog`], [`names`] | MLflow's operations, and what their requests name |
//! | [`permission`], [`principal`], [`policy`] | permissions, principals, and which scopes grant what |
//! | [`credential`], [`configured_keys`], [`auth_service`], [`principals`], [`shared_data`], [`trace_context`] | keys, whom to ask about them, and what is remembered |
//! | [`token`], [`certificate`], [`pairs`] | verified tokens and client certificates, as the proxy tells of them |
//! | [`shell`] | what a shell and the engine tell each other beside requests |
//! | [`config_log`] | which configuration is in force, and what it changed |

pub mod audit;
pub mod auth_service;
pub mod authority;
pub mod authorize;
mod bounded;
mod by_age;
pub mod catalog;
pub mod certificate;
pub mod config;
pub mod config_log;
pub mod configured_keys;
pub mod credential;
pub mod decide;
pub mod decision;
pub mod denial;
mod effects;
pub mod enforcement;
pub mod engine;
mod identity;
mod json;
pub mod lookup;
pub mod metrics;
pub mod names;
pub mod overrides;
pub mod pairs;
pub mod pattern;
pub mod pending;
mod per_second;
pub mod permission;
pub mod pointer;
pub mod policy;
pub mod principal;
pub mod principals;
pub mod printable;
pub mod request;
pub mod rules;
pub mod shared_data;
pub mod shell;
pub mod surface;
pub mod target;
pub mod terms;
pub mod token;
mod token_kind;
pub mod trace_context;
pub mod trailers;
pub mod upstream;
pub mod whoami;
pub mod workspace;
mod workspace_list;

pub use config::Config;
pub use decision::{Decision, Reason};
pub use engine::{CalloutId, Engine, HostContext, Next, Outbox, StreamId};
pub use request::{HostFacts, Property, RequestHead};
