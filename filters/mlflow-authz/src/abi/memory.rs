//! Bytes that the host hands over: it asks for memory here, writes into it, and returns its address.

use std::alloc::{self, Layout};
use std::ptr::null_mut;

use super::Status;

/// The host's way to memory of the module's. Envoy calls it within host calls that return bytes, so it may run while
/// another callback does. Where there is no memory the host call fails, and the request with it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout's size is not zero.
        Ok(layout) if size > 0 => unsafe { alloc::alloc(layout) },
        _ => null_mut(),
    }
}

/// Makes a host call that returns bytes, and takes them over.
pub(super) fn returned_bytes(
    call: impl FnOnce(*mut *mut u8, *mut usize) -> Status,
) -> (Status, Vec<u8>) {
    let mut data: *mut u8 = null_mut();
    let mut size = 0;
    let status = call(&raw mut data, &raw mut size);
    if data.is_null() || size == 0 {
        return (status, Vec::new());
    }
    // SAFETY: the host obtained `data` from `proxy_on_memory_allocate` for exactly `size` bytes, has written all of
    // them, and gives up its claim to them by returning the address.
    (status, unsafe { Vec::from_raw_parts(data, size, size) })
}
