//! Exists only to be measured against: makes the host calls that the mlflow-authz filter makes for a cached request
//! that is allowed, with texts as long, and decides nothing. Between it and the empty filter lies what the host takes
//! for these calls; between it and the mlflow-authz filter, what that does itself. Which calls those are:
//! `tests/simulated_host/tests/suite/host_calls.rs` prints them. `"steps": N` in its configuration says how many kinds
//! of them are made.

#![allow(
    missing_docs,
    reason = "the SDK's macro makes a function without a comment"
)]
#![allow(
    unsafe_code,
    reason = "the SDK's wrappers copy what they get, which is not to be measured"
)]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
}

const FIELD: &str = r#"{"decision":"allow","reason":"allowed","operation":"getRun","user_id":"user_read","key_id":"key_read","scopes":["model:read"],"roles":[],"admin":false,"stale":false,"mode":"enforce"}"#;
const IDENTITY: [(&str, &str); 3] = [
    ("x-mlflow-authz-user", "user_read"),
    ("x-mlflow-authz-key", "key_read"),
    ("x-mlflow-authz-scopes", "model:read"),
];

#[derive(Clone, Copy)]
struct Root {
    steps: u8,
    metrics: [u32; 2],
}

struct Stream(Root);

impl Context for Root {}

impl RootContext for Root {
    fn on_vm_start(&mut self, _: usize) -> bool {
        for (id, name) in self.metrics.iter_mut().zip(["calls_first", "calls_second"]) {
            // SAFETY: the host reads the name and writes one u32 during the call.
            unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), id) };
        }
        true
    }

    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let name = b"\"steps\":";
        let behind = text.windows(name.len()).position(|part| part == name);
        let digit = behind.and_then(|at| text.get(at + name.len()..)?.trim_ascii_start().first());
        self.steps = digit.map_or(u8::MAX, |digit| digit.wrapping_sub(b'0'));
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(*self)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Root { steps, metrics } = self.0;
        if steps >= 1 {
            drop(headers());
        }
        if steps >= 2 {
            let mut time = 0;
            // SAFETY: the host writes one u64 during the call.
            unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
        }
        if steps >= 3 {
            for (name, value) in IDENTITY {
                // SAFETY: the host only reads both texts during the call.
                unsafe {
                    proxy_add_header_map_value(
                        0,
                        name.as_ptr(),
                        name.len(),
                        value.as_ptr(),
                        value.len(),
                    )
                };
            }
        }
        if steps >= 4 {
            for id in metrics {
                // SAFETY: passes numbers.
                unsafe { proxy_increment_metric(id, 1) };
            }
        }
        if steps >= 5 {
            let path = "mlflow_authz";
            // SAFETY: the host only reads both texts during the call.
            unsafe { proxy_set_property(path.as_ptr(), path.len(), FIELD.as_ptr(), FIELD.len()) };
        }
        Action::Continue
    }
}

fn headers() -> Vec<u8> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host writes both out-pointers during the call.
    unsafe { proxy_get_header_map_pairs(0, &raw mut data, &raw mut size) };
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the host obtained `data` from the SDK's exported allocator, which leaks a boxed slice of exactly `size`
    // bytes, and gives up its claim to it by returning it.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root { steps: 0, metrics: [0; 2] }) });
}}
