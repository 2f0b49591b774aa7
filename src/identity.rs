//! Which headers upstream receives: verified identity, and nothing that only looks like it.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::config::{Config, CredentialKind, HeaderField, IdentityHeaders};
use crate::credential::without_query_key;
use crate::overrides;
use crate::principals::Principal;
use crate::request::{RequestHead, same_header};

/// One change to the request headers, to be applied in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every header of this name.
    Remove(Vec<u8>),
    /// Set a header that is not there, or replace the one that is.
    Set(String, String),
}

/// Removes every header that could be taken for an identity header. Done to each request, mounted or not.
pub fn clear(head: &RequestHead<'_>, names: &IdentityHeaders) -> Vec<HeaderEdit> {
    let identity = [&names.user_id, &names.key_id, &names.scopes];
    remove_spellings(head, &identity.map(HeaderField::as_str))
}

/// Removes what an upstream could take for another path, see [`crate::overrides`].
pub fn clear_overrides(head: &RequestHead<'_>) -> Vec<HeaderEdit> {
    remove_spellings(head, overrides::REMOVED)
}

/// Takes the credential out of a request where the configuration says so. A key in the query never goes on.
pub fn withhold_credential(head: &RequestHead<'_>, config: &Config) -> Vec<HeaderEdit> {
    let mut edits = if config.forward_credential {
        Vec::new()
    } else {
        remove_spellings(head, &["authorization", "x-api-key"])
    };
    if config.credentials.contains(&CredentialKind::Query) {
        let target = head.text(":path").and_then(without_query_key);
        edits.extend(target.map(|target| HeaderEdit::Set(":path".to_owned(), target)));
    }
    edits
}

/// One removal for each header name that an upstream could take for one of `names`.
fn remove_spellings(head: &RequestHead<'_>, names: &[&str]) -> Vec<HeaderEdit> {
    let mut removals: Vec<HeaderEdit> = Vec::new();
    for (present, _) in head.headers {
        let meant = names
            .iter()
            .any(|name| same_header(present, name.as_bytes()));
        let removal = || HeaderEdit::Remove(present.to_vec());
        if meant && !removals.contains(&removal()) {
            removals.push(removal());
        }
    }
    removals
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
