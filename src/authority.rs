//! Authorities (RFC 3986 section 3.2): which host a request is for.
//!
//! A configuration with `hosts` forwards requests to other hosts without a decision, so a host counts as another one
//! only where it has exactly one reading. `host_of` gives `None` for every other: no host, user information, an
//! escape, a byte that no host name holds, an empty label, a number that could be an address, two hosts that differ.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::request::{RequestHead, same_header};

/// Host and port of an authority; the port is empty where there is none.
pub fn host_and_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    }
}

/// An authority without its user information, which may hold a password.
fn without_userinfo(authority: &[u8]) -> &[u8] {
    memchr::memrchr(b'@', authority)
        .and_then(|at| authority.get(at + 1..))
        .unwrap_or(authority)
}

/// `:authority` without its user information; `None` where it has none.
pub fn plain_authority<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    let authority = head.get(":authority")?;
    let plain = without_userinfo(authority);
    if plain.len() == authority.len() {
        return None;
    }
    Some(std::str::from_utf8(plain).unwrap_or_default())
}

/// Every value that names a host.
fn authorities<'a>(head: &RequestHead<'a>) -> impl Iterator<Item = &'a [u8]> {
    let is_authority = |name: &[u8]| name == b":authority" || same_header(name, b"host");
    let headers = head.headers.iter();
    headers.filter_map(move |(name, value)| is_authority(name).then_some(*value))
}

/// Whether a host holds what ends an authority in a URL. MLflow up to 3.13 takes the path from the URL that is put
/// together of the host and the target (starlette, before 1.0), and by the path the workspace; no such host is valid.
pub(crate) fn begins_a_path(head: &RequestHead<'_>) -> bool {
    authorities(head).any(|host| host.iter().any(|b| matches!(b, b'/' | b'?' | b'#')))
}

/// The host that a request is for, as [`read_host`] reads it; `None` where there is none, or where two differ.
pub(crate) fn host_of<'a>(head: &RequestHead<'a>) -> Option<Cow<'a, str>> {
    let mut hosts = authorities(head).map(|value| read_host(std::str::from_utf8(value).ok()?));
    let first = hosts.next()??;
    hosts
        .all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

/// The host of an authority in lower case, without its port and without a trailing dot; addresses in the spelling of
/// RFC 5952. `None` where it has no single reading.
pub(crate) fn read_host(authority: &str) -> Option<Cow<'_, str>> {
    let (host, _) = host_and_port(authority);
    if let Some(address) = bracketed(host) {
        let address: Ipv6Addr = address.parse().ok()?;
        let is_plain = address.to_ipv4_mapped().is_none();
        return is_plain.then(|| format!("[{address}]").into());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_name_byte);
    if !name.split('.').all(is_label) {
        return None;
    }
    // A resolver reads `127.1` and `0x7f000001` as addresses too.
    if ends_in_number(name) && name.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    Some(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    })
}

/// What is between the brackets of an IPv6 address.
pub(crate) fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// A byte of a host name's label. Underscores are no part of host names, and stand in many.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// WHATWG URL, "ends in a number checker".
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
