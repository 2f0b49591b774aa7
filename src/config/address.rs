//! Hosts and URLs in a configuration, and how an error repeats them.

use crate::authority::{self, host_and_port};

/// A value as an error repeats it: what may be a user's password stays out of logs.
pub(super) fn quoted(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((_, behind)) => format!("{:?}", format!("…@{behind}")),
        None => format!("{value:?}"),
    }
}

/// RFC 3986 section 3.2, without the user.
pub(super) fn is_host_and_port(authority: &str) -> bool {
    let (host, port) = host_and_port(authority);
    let of_address = |b: u8| b.is_ascii_hexdigit() || b":.".contains(&b);
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b);
    let is_host = match authority::bracketed(host) {
        Some(address) => !address.is_empty() && address.bytes().all(of_address),
        None => !host.is_empty() && host.bytes().all(of_name),
    };
    is_host && port.len() <= 5
}
