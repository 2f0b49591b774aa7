//! The file that is shipped: what it exports, and how large it is.

use simulated_host::vm;

/// All that a host may use of the module; `filters/mlflow-authz/src/abi/exports.rs` says why. Each callback costs an
/// entry into the VM, so one that is not needed must not be there.
const EXPORTS: &[&str] = &[
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
];

/// What it may have at most, so that nothing large comes in unseen.
/// `docs/benchmarks/size.md` says what makes it so large, and what was tried.
const MOST_BYTES: u64 = 912 * 1024;

#[test]
fn exports_what_the_host_needs_and_nothing_else() {
    let mut exports = vm::exports();
    exports.sort();
    assert_eq!(exports, EXPORTS);
}

#[test]
fn is_no_larger_than_promised() {
    let bytes = std::fs::metadata(vm::path()).unwrap().len();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
