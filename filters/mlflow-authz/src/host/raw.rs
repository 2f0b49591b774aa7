//! The raw imports of the proxy-wasm ABI 0.2.1, and the only `unsafe` code.
//!
//! They are here because the SDK's own wrappers panic on statuses they do not expect, and some unwrap
//! UTF-8. Each function below returns the host's status as it came. Source: proxy-wasm/spec, abi 0.2.1.
#![allow(
    unsafe_code,
    reason = "calls across the ABI; each block says why it is sound"
)]

use std::ptr::null_mut;

/// The host's status; 0 is success.
pub(super) type Status = u32;

mod import {
    use super::Status;

    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, message: *const u8, size: usize) -> Status;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> Status;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> Status;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> Status;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> Status;
        pub(super) fn proxy_remove_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
        ) -> Status;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> Status;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> Status;
        pub(super) fn proxy_send_local_response(
            status_code: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> Status;
        pub(super) fn proxy_continue_stream(stream: u32) -> Status;
        pub(super) fn proxy_close_stream(stream: u32) -> Status;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            version: *mut u32,
        ) -> Status;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            version: u32,
        ) -> Status;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> Status;
        pub(super) fn proxy_set_effective_context(context: u32) -> Status;
        pub(super) fn proxy_done() -> Status;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            name_size: usize,
            id: *mut u32,
        ) -> Status;
        pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> Status;
        pub(super) fn proxy_record_metric(id: u32, value: u64) -> Status;
    }
}

mod export {
    unsafe extern "C" {
        /// The SDK's own export, in this same module.
        pub(super) fn proxy_on_tick(context: u32);
    }
}

/// Calls a function that returns bytes the host has allocated with our exported allocator.
fn returned_bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> Status) -> (Status, Vec<u8>) {
    let mut data: *mut u8 = null_mut();
    let mut size = 0;
    let status = call(&raw mut data, &raw mut size);
    if data.is_null() || size == 0 {
        return (status, Vec::new());
    }
    // SAFETY: the host obtained `data` from the SDK's exported allocator, which leaks a boxed slice of
    // exactly `size` bytes, and gives up its claim to it by returning it.
    (status, unsafe { Vec::from_raw_parts(data, size, size) })
}

pub(super) fn log(level: u32, message: &str) -> Status {
    // SAFETY: the host only reads `message.len()` bytes during the call.
    unsafe { import::proxy_log(level, message.as_ptr(), message.len()) }
}

pub(super) fn current_time_nanoseconds() -> (Status, u64) {
    let mut time = 0;
    // SAFETY: the host writes one u64 during the call.
    let status = unsafe { import::proxy_get_current_time_nanoseconds(&raw mut time) };
    (status, time)
}

pub(super) fn buffer_bytes(buffer: u32, start: usize, max_size: usize) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host writes both out-pointers during the call.
        unsafe { import::proxy_get_buffer_bytes(buffer, start, max_size, data, size) }
    })
}

pub(super) fn header_map_pairs(map: u32) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host writes both out-pointers during the call.
        unsafe { import::proxy_get_header_map_pairs(map, data, size) }
    })
}

pub(super) fn replace_header(map: u32, name: &[u8], value: &[u8]) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe {
        import::proxy_replace_header_map_value(
            map,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    }
}

pub(super) fn remove_header(map: u32, name: &[u8]) -> Status {
    // SAFETY: the host only reads the slice during the call.
    unsafe { import::proxy_remove_header_map_value(map, name.as_ptr(), name.len()) }
}

pub(super) fn property(path: &[u8]) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host reads the path and writes both out-pointers during the call.
        unsafe { import::proxy_get_property(path.as_ptr(), path.len(), data, size) }
    })
}

pub(super) fn set_property(path: &[u8], value: &[u8]) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe { import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }
}

pub(super) fn send_local_response(
    status_code: u32,
    details: &str,
    body: &str,
    headers: &[u8],
    grpc_status: i32,
) -> Status {
    // SAFETY: the host only reads the slices during the call.
    unsafe {
        import::proxy_send_local_response(
            status_code,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    }
}

pub(super) fn continue_stream(stream: u32) -> Status {
    // SAFETY: passes a number.
    unsafe { import::proxy_continue_stream(stream) }
}

pub(super) fn close_stream(stream: u32) -> Status {
    // SAFETY: passes a number.
    unsafe { import::proxy_close_stream(stream) }
}

pub(super) fn get_shared_data(key: &str) -> (Status, Vec<u8>, u32) {
    let mut version = 0;
    let (status, value) = returned_bytes(|data, size| {
        // SAFETY: the host reads the key and writes the three out-pointers during the call.
        unsafe {
            import::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
        }
    });
    (status, value, version)
}

pub(super) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe {
        import::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    }
}

pub(super) fn set_tick_period(milliseconds: u32) -> Status {
    // SAFETY: passes a number.
    unsafe { import::proxy_set_tick_period_milliseconds(milliseconds) }
}

pub(super) fn set_effective_context(context: u32) -> Status {
    // SAFETY: passes a number.
    unsafe { import::proxy_set_effective_context(context) }
}

pub(super) fn done() -> Status {
    // SAFETY: passes nothing.
    unsafe { import::proxy_done() }
}

/// Runs the SDK's dispatcher as if the host had called the root context.
pub(super) fn enter_root(context: u32) {
    // SAFETY: an ordinary function of this module, with C's calling convention; the SDK keeps its state in
    // cells and, within a stream's callback, holds none that this one takes (proxy-wasm 0.2.5,
    // dispatcher.rs: `http_streams` is borrowed there, `roots` here).
    unsafe { export::proxy_on_tick(context) }
}

pub(super) fn define_metric(kind: u32, name: &str) -> (Status, u32) {
    let mut id = 0;
    // SAFETY: the host reads the name and writes one u32 during the call.
    let status =
        unsafe { import::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status, id)
}

pub(super) fn increment_metric(id: u32, offset: i64) -> Status {
    // SAFETY: passes numbers.
    unsafe { import::proxy_increment_metric(id, offset) }
}

pub(super) fn record_metric(id: u32, value: u64) -> Status {
    // SAFETY: passes numbers.
    unsafe { import::proxy_record_metric(id, value) }
}
