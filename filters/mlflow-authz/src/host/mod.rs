//! Every host call the filter makes, with the host's odd answers as typed errors.
//!
//! Owns what a status means and how maps and numbers are written for the host. It keeps nothing between calls and
//! knows no request: which context a call acts on is the caller's business.

mod headers;
pub mod log;
mod shared;

use std::fmt;
use std::time::Duration;

use mlflow_authz::{Property, pairs};

use crate::abi::{Status, imports as raw};

pub use headers::HeaderPairs;
pub use shared::HostData;

/// A host call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError {
    call: &'static str,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Status(u32),
    Malformed,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            Problem::Status(status) => {
                write!(f, "host call {} returned status {status}", self.call)
            }
            Problem::Malformed => write!(f, "host call {} returned malformed data", self.call),
        }
    }
}

impl std::error::Error for HostError {}

/// The maps of headers that the filter touches (ABI: `proxy_map_type_t`).
#[derive(Debug, Clone, Copy)]
pub enum HeaderMap {
    /// Of the request.
    Request = 0,
    /// Behind the body of the request.
    RequestTrailers = 1,
    /// Of the reply to a callout.
    CalloutReply = 6,
}

/// The buffers that the filter reads (ABI: `proxy_buffer_type_t`).
#[derive(Debug, Clone, Copy)]
pub enum Buffer {
    /// The request's body as far as it was held back.
    RequestBody = 0,
    /// The body of the reply to a callout.
    CalloutReply = 4,
    /// The plugin configuration.
    PluginConfiguration = 7,
}

/// How a metric behaves (ABI: `proxy_metric_type_t`).
#[derive(Debug, Clone, Copy)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// Holds a distribution.
    Histogram = 2,
}

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const SERIALIZATION_FAILURE: u32 = 3;
const EMPTY: u32 = 7;
const REQUEST_STREAM: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;
/// The encoding of a map without pairs.
const NO_PAIRS: [u8; 4] = [0; 4];

fn check(call: &'static str, status: Status) -> Result<(), HostError> {
    if status == OK {
        Ok(())
    } else {
        Err(HostError {
            call,
            problem: Problem::Status(status),
        })
    }
}

/// The host's clock: time since the UNIX epoch.
pub fn now() -> Result<Duration, HostError> {
    let (status, nanoseconds) = raw::current_time_nanoseconds();
    check("get_current_time_nanoseconds", status)?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// At most `max_size` bytes from the start of a buffer; nothing where there is no buffer.
pub fn buffer(buffer: Buffer, max_size: usize) -> Result<Vec<u8>, HostError> {
    let (status, bytes) = raw::buffer_bytes(buffer as u32, 0, max_size);
    match status {
        NOT_FOUND | EMPTY => Ok(Vec::new()),
        _ => check("get_buffer_bytes", status).map(|()| bytes),
    }
}

/// All headers of a map.
pub fn header_pairs(map: HeaderMap) -> Result<HeaderPairs, HostError> {
    let (status, bytes) = raw::header_map_pairs(map as u32);
    check("get_header_map_pairs", status)?;
    Ok(HeaderPairs::new(bytes))
}

/// Sets a request header, in place of all of its name.
pub fn set_request_header(name: &str, value: &str) -> Result<(), HostError> {
    let status = raw::replace_header(HeaderMap::Request as u32, name.as_bytes(), value.as_bytes());
    check("replace_header_map_value", status)
}

/// Adds a request header that is not there. A host that does not let the filter add one may let it set one.
pub fn add_request_header(name: &str, value: &str) -> Result<(), HostError> {
    let status = raw::add_header(HeaderMap::Request as u32, name.as_bytes(), value.as_bytes());
    if status == OK {
        return Ok(());
    }
    set_request_header(name, value)
}

/// Removes every header of a name.
pub fn remove_header(map: HeaderMap, name: &[u8]) -> Result<(), HostError> {
    check(
        "remove_header_map_value",
        raw::remove_header(map as u32, name),
    )
}

/// A property as bytes; `None` where the host has none.
pub fn property(path: &[&str]) -> Option<Vec<u8>> {
    let (status, bytes) = raw::property(path.join("\0").as_bytes());
    (status == OK && !bytes.is_empty()).then_some(bytes)
}

/// A property by its path, a zero byte between its names, whatever there is of it.
pub fn any_property(path: &str) -> Result<Property, HostError> {
    let (status, bytes) = raw::property(path.as_bytes());
    match status {
        NOT_FOUND => Ok(Property::Absent),
        SERIALIZATION_FAILURE => Ok(Property::Unreadable),
        _ => check("get_property", status).map(|()| Property::Is(bytes)),
    }
}

/// Sets a property of this stream; Envoy keeps it as filter state `wasm.<name>`.
pub fn set_property(name: &str, value: &[u8]) -> Result<(), HostError> {
    check("set_property", raw::set_property(name.as_bytes(), value))
}

/// Answers the request. `details` becomes Envoy's response code details.
pub fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(), HostError> {
    let headers = pairs::write(headers);
    let status = raw::send_local_response(status.into(), details, body, &headers, NO_GRPC_STATUS);
    check("send_local_response", status)
}

/// Lets a held request go on.
pub fn continue_request() -> Result<(), HostError> {
    check(
        "continue_stream",
        raw::proxy_continue_stream(REQUEST_STREAM),
    )
}

/// Resets the request's stream.
pub fn close_request() -> Result<(), HostError> {
    check("close_stream", raw::proxy_close_stream(REQUEST_STREAM))
}

/// Lets the host calls that follow in this callback act on another context.
pub fn set_effective_context(context: u32) -> Result<(), HostError> {
    check(
        "set_effective_context",
        raw::proxy_set_effective_context(context),
    )
}

/// Sends a request to a cluster, in the name of the active context. Returns the token that the reply comes with, to its
/// root context.
pub fn http_call(
    cluster: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    timeout: Duration,
) -> Result<u32, HostError> {
    let headers = pairs::write(headers);
    let timeout = milliseconds(timeout);
    let (status, token) = raw::http_call(cluster, &headers, body, &NO_PAIRS, timeout);
    check("http_call", status).map(|()| token)
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// How often the root of the active context ticks; `None` stops it. Below a millisecond counts as one.
pub fn set_tick_period(period: Option<Duration>) -> Result<(), HostError> {
    let period = period.map_or(0, |period| milliseconds(period).max(1));
    check(
        "set_tick_period",
        raw::proxy_set_tick_period_milliseconds(period),
    )
}

/// Defines a metric, or finds the one that has the name.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, HostError> {
    let (status, id) = raw::define_metric(kind as u32, name);
    check("define_metric", status).map(|()| id)
}

/// Adds to a counter or gauge.
pub fn increment_metric(id: u32, offset: i64) -> Result<(), HostError> {
    check("increment_metric", raw::proxy_increment_metric(id, offset))
}

/// Records a value.
pub fn record_metric(id: u32, value: u64) -> Result<(), HostError> {
    check("record_metric", raw::proxy_record_metric(id, value))
}
