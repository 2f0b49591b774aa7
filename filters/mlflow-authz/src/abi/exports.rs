//! What the host calls: one function for each callback that the filter needs, and no other. The host passes over a
//! callback that is missing as if it had returned "continue", and saves the entry into the VM; so responses, logging
//! and the end of a stream before its deletion cost nothing.
//!
//! Sizes and counts that the host passes along are left unread where the host is asked for the data anyway.

use crate::contexts;
use crate::host::log;

unsafe extern "C" {
    /// What runs before anything else: wasi-libc's constructors. Without a call of it the linker would wrap one around
    /// each export.
    fn __wasm_call_ctors();
}

/// Tells the host which ABI this is.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Called once, before all else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the host calls this once, before any other export.
    unsafe { __wasm_call_ctors() };
    log::install();
}

/// A root context begins, or a stream under one.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    match root {
        0 => contexts::create_root(context),
        _ => contexts::create_stream(context, root),
    }
}

/// A root context is given its configuration. Refusing it keeps a proxy from serving with a wrong one.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    contexts::root(root)
        .is_some_and(|root| root.on_configure(size))
        .into()
}

/// A context is gone: a stream's place in a lookup and its memory are given back, a root's waiting streams answered.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    contexts::delete(context);
}

/// Nothing goes upstream before the decision, which is made here.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: u32, end_of_stream: u32) -> u32 {
    contexts::stream(context).on_request_headers(end_of_stream != 0) as u32
}

/// Holds back a body while undecided, and reads it for name-scoped grants.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    contexts::stream(context).on_request_body(size, end_of_stream != 0) as u32
}

/// Takes identity and credentials out of trailers, holds them back while undecided, and ends a body that is read.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _count: u32) -> u32 {
    contexts::stream(context).on_request_trailers() as u32
}

/// The auth service's reply. It comes to the root context, whichever context was active when the callout was sent.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    root: u32,
    token: u32,
    headers: u32,
    _body_size: usize,
    _trailers: u32,
) {
    if let Some(root) = contexts::root(root) {
        root.on_http_call_response(token, headers);
    }
}

/// Time-outs, refreshes, polls, and what other workers have learned.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    if let Some(root) = contexts::root(root) {
        root.on_tick();
    }
}
