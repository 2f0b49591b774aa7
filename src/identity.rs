//! Which headers upstream receives: verified identity, and nothing that only looks like it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::config::{Config, CredentialKind, HeaderField, IdentityHeaders};
use crate::credential::without_query_key;
use crate::overrides;
use crate::principals::Principal;
use crate::request::{RequestHead, same_header};

/// Where the credential stands, unless in the query.
const CREDENTIALS: &[&str] = &["authorization", "x-api-key"];

/// One change to the request headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every header of this name.
    Remove(Cow<'static, [u8]>),
    /// Set a header that is not there, or replace the one that is.
    Set(Arc<str>, Arc<str>),
}

/// The headers that tell upstream of a principal. Made once for all of its requests.
pub type Identity = Arc<[HeaderEdit]>;

/// Changes to the request headers, to be applied in order. Few requests need more than their identity set.
#[derive(Debug, Clone, Default)]
pub struct HeaderEdits {
    own: SmallVec<[HeaderEdit; 2]>,
    identity: Option<Identity>,
}

impl HeaderEdits {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderEdit> {
        self.own
            .iter()
            .chain(self.identity.iter().flat_map(|it| it.iter()))
    }

    /// Removes every header that could be taken for an identity header. Done to each request, mounted or not.
    pub fn clear(&mut self, head: &RequestHead<'_>, names: &IdentityHeaders) {
        let identity = [&names.user_id, &names.key_id, &names.scopes];
        self.remove_spellings(head, &identity.map(HeaderField::as_str));
    }

    /// Removes what an upstream could take for another path, see [`crate::overrides`].
    pub fn clear_overrides(&mut self, head: &RequestHead<'_>) {
        self.remove_spellings(head, overrides::REMOVED);
    }

    /// Takes the credential out of a request where the configuration says so. A key in the query never goes on.
    pub fn withhold_credential(&mut self, head: &RequestHead<'_>, config: &Config) {
        if !config.forward_credential {
            self.remove_spellings(head, CREDENTIALS);
        }
        if config.credentials.contains(&CredentialKind::Query)
            && let Some(target) = head.text(":path").and_then(without_query_key)
        {
            let edit = HeaderEdit::Set(":path".into(), target.into());
            self.own.push(edit);
        }
    }

    /// Sets the verified identity, after all else.
    pub fn assert_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// One removal for each header name that an upstream could take for one of `names`.
    fn remove_spellings(&mut self, head: &RequestHead<'_>, names: &[&str]) {
        for (present, _) in head.headers {
            let is_meant = names
                .iter()
                .any(|name| same_header(present, name.as_bytes()));
            let is_removed = |edit: &HeaderEdit| matches!(edit, HeaderEdit::Remove(name) if name.as_ref() == *present);
            if is_meant && !self.own.iter().any(is_removed) {
                self.own.push(HeaderEdit::Remove(name_of(present)));
            }
        }
    }
}

/// A copy only of names that are not removed every day.
fn name_of(present: &[u8]) -> Cow<'static, [u8]> {
    let mut common = CREDENTIALS.iter().chain(overrides::REMOVED);
    common
        .find(|name| name.as_bytes() == present)
        .map_or_else(|| present.to_vec().into(), |name| name.as_bytes().into())
}

/// The headers that tell upstream of a principal.
pub fn assert_principal(principal: &Principal, names: &IdentityHeaders) -> Identity {
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
        .filter_map(|(name, value)| Some(HeaderEdit::Set(name.shared(), value?.into())))
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
