//! Which headers upstream receives: verified identity, and nothing that only looks like it.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::config::CredentialKind;
use crate::config::{Config, IdentityHeaders};
use crate::credential::without_query_key;
use crate::principals::Principal;
use crate::request::RequestHead;

/// One change to the request headers, to be applied in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every header of this name.
    Remove(Vec<u8>),
    /// Set a header that is not there, or replace the one that is.
    Set(String, String),
}

/// Whether two header names mean the same to an upstream: WSGI servers read `X_User` as `X-User`
/// (PEP 3333), and names are case-insensitive (RFC 9110 section 5.1).
pub fn same_header(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: u8| {
        if byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

/// Removes every header that could be taken for an identity header. Done to each request, mounted or not.
pub fn clear(head: &RequestHead<'_>, names: &IdentityHeaders) -> Vec<HeaderEdit> {
    let identity = [&names.user_id, &names.key_id, &names.scopes];
    let mut removed: Vec<HeaderEdit> = Vec::new();
    for (name, _) in head.headers {
        let spoofed = identity
            .iter()
            .any(|header| same_header(name, header.as_str().as_bytes()));
        let removal = || HeaderEdit::Remove(name.to_vec());
        if spoofed && !removed.contains(&removal()) {
            removed.push(removal());
        }
    }
    removed
}

/// Takes the credential out of a request where the configuration says so. A key in the query never goes on.
pub fn withhold_credential(head: &RequestHead<'_>, config: &Config) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    if !config.forward_credential {
        for name in ["authorization", "x-api-key"] {
            if head.get(name).is_some() {
                edits.push(HeaderEdit::Remove(name.as_bytes().to_vec()));
            }
        }
    }
    if config.credentials.contains(&CredentialKind::Query) {
        let target = head.text(":path").and_then(without_query_key);
        edits.extend(target.map(|target| HeaderEdit::Set(":path".to_owned(), target)));
    }
    edits
}

/// Sets the verified identity.
pub fn assert_principal(principal: &Principal, names: &IdentityHeaders) -> Vec<HeaderEdit> {
    let scopes: Vec<&str> = principal
        .scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| is_scope_token(scope))
        .collect();
    let values = [
        (
            &names.user_id,
            principal.user_id.as_deref().map(header_value),
        ),
        (&names.key_id, principal.key_id.as_deref().map(header_value)),
        (
            &names.scopes,
            (!scopes.is_empty()).then(|| scopes.join(" ")),
        ),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| Some(HeaderEdit::Set(name.as_str().to_owned(), value?)))
        .collect()
}

/// RFC 6749 section 3.3: a scope without spaces, quotes or backslashes. Others could be read as two.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
}

/// An id as a header value: bytes outside visible ASCII, and `%`, are percent-encoded.
fn header_value(id: &str) -> String {
    let mut value = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}
