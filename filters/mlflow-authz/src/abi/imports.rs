//! What the filter asks of the host: each function below makes one host call and returns the host's status as it came.

use super::Status;
use super::memory::returned_bytes;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> Status;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> Status;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> Status;
    fn proxy_add_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> Status;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> Status;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> Status;
    fn proxy_send_local_response(
        status_code: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> Status;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> Status;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        version: u32,
    ) -> Status;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout_milliseconds: u32,
        token: *mut u32,
    ) -> Status;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> Status;

    // These pass numbers only, so that nothing can go wrong with memory.
    pub safe fn proxy_continue_stream(stream: u32) -> Status;
    pub safe fn proxy_close_stream(stream: u32) -> Status;
    pub safe fn proxy_set_tick_period_milliseconds(period: u32) -> Status;
    pub safe fn proxy_set_effective_context(context: u32) -> Status;
    pub safe fn proxy_increment_metric(id: u32, offset: i64) -> Status;
    pub safe fn proxy_record_metric(id: u32, value: u64) -> Status;
}

pub fn log(level: u32, message: &str) -> Status {
    // SAFETY: the host only reads `message.len()` bytes during the call.
    unsafe { proxy_log(level, message.as_ptr(), message.len()) }
}

pub fn current_time_nanoseconds() -> (Status, u64) {
    let mut time = 0;
    // SAFETY: the host writes one u64 during the call.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    (status, time)
}

pub fn buffer_bytes(buffer: u32, start: usize, max_size: usize) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host writes both out-pointers during the call.
        unsafe { proxy_get_buffer_bytes(buffer, start, max_size, data, size) }
    })
}

pub fn header_map_pairs(map: u32) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host writes both out-pointers during the call.
        unsafe { proxy_get_header_map_pairs(map, data, size) }
    })
}

pub fn replace_header(map: u32, name: &[u8], value: &[u8]) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    }
}

pub fn add_header(map: u32, name: &[u8], value: &[u8]) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe {
        proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    }
}

pub fn remove_header(map: u32, name: &[u8]) -> Status {
    // SAFETY: the host only reads the slice during the call.
    unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) }
}

pub fn property(path: &[u8]) -> (Status, Vec<u8>) {
    returned_bytes(|data, size| {
        // SAFETY: the host reads the path and writes both out-pointers during the call.
        unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }
    })
}

pub fn set_property(path: &[u8], value: &[u8]) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }
}

pub fn send_local_response(
    status_code: u32,
    details: &str,
    body: &str,
    headers: &[u8],
    grpc_status: i32,
) -> Status {
    // SAFETY: the host only reads the slices during the call.
    unsafe {
        proxy_send_local_response(
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

pub fn get_shared_data(key: &str) -> (Status, Vec<u8>, u32) {
    let mut version = 0;
    let (status, value) = returned_bytes(|data, size| {
        // SAFETY: the host reads the key and writes the three out-pointers during the call.
        unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version) }
    });
    (status, value, version)
}

pub fn set_shared_data(key: &str, value: &[u8], version: u32) -> Status {
    // SAFETY: the host only reads both slices during the call.
    unsafe {
        proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    }
}

pub fn http_call(
    cluster: &str,
    headers: &[u8],
    body: &[u8],
    trailers: &[u8],
    timeout_milliseconds: u32,
) -> (Status, u32) {
    let mut token = 0;
    // SAFETY: the host reads the slices and writes one u32 during the call.
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout_milliseconds,
            &raw mut token,
        )
    };
    (status, token)
}

pub fn define_metric(kind: u32, name: &str) -> (Status, u32) {
    let mut id = 0;
    // SAFETY: the host reads the name and writes one u32 during the call.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status, id)
}
