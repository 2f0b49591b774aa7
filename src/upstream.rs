//! Which headers upstream receives: verified identity, and nothing that only looks like it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::authority;
use crate::config::{Config, CredentialKind, IdentityHeaders};
use crate::credential::without_query_key;
use crate::decision::Decision;
use crate::overrides;
use crate::principal::Principal;
use crate::request::{Header, RequestHead, same_header};
use crate::workspace;

/// Where the credential stands, unless in the query.
const CREDENTIALS: &[&str] = &["authorization", "x-api-key"];

/// One change to the request headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderEdit<'a> {
    /// Remove every header of this name.
    Remove(&'a [u8]),
    /// Set a header that is not there, or replace the one that is.
    Set(&'a str, &'a str),
    /// Add a header that is not there, or not any more. Envoy takes less for it than for one that may be there.
    Add(&'a str, &'a str),
}

/// Changes to the request headers, to be applied in order. Few requests need more than their identity set.
#[derive(Debug, Clone, Default)]
pub struct HeaderEdits {
    removed: SmallVec<[Cow<'static, [u8]>; 2]>,
    /// `:authority` without user information.
    authority: Option<String>,
    /// `:path` without the key in it.
    target: Option<String>,
    workspace: Option<Arc<str>>,
    identity: Option<(Arc<Principal>, Arc<IdentityValues>, IdentityHeaders)>,
}

impl HeaderEdits {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = HeaderEdit<'_>> {
        let removed = self.removed.iter();
        let authority = self.authority.as_deref();
        let target = self.target.as_deref();
        let workspace = self.workspace.as_deref();
        let identity = self.identity.iter();
        removed
            .map(|name| HeaderEdit::Remove(name))
            .chain(authority.map(|authority| HeaderEdit::Set(":authority", authority)))
            .chain(target.map(|target| HeaderEdit::Set(":path", target)))
            .chain(workspace.map(|name| HeaderEdit::Set(workspace::HEADER, name)))
            .chain(
                identity.flat_map(|(principal, identity, names)| identity.edits(principal, names)),
            )
    }

    /// Those of a request that goes on. `values` is what upstream is told of the decision's principal, where it is worked
    /// out.
    pub fn of(
        config: &Config,
        decision: &Decision,
        values: Option<Arc<IdentityValues>>,
        head: &RequestHead<'_>,
    ) -> Self {
        let names = &config.identity_headers;
        let mut edits = Self::default();
        edits.clear(head, names);
        edits.clear_userinfo(head);
        if decision.mount.is_some() {
            edits.clear_overrides(head);
            edits.withhold_credential(head, config);
        }
        if let Some(name) = &decision.workspace {
            edits.select_workspace(head, name);
        }
        if let Some(principal) = &decision.principal {
            let values = values.unwrap_or_else(|| IdentityValues::of(principal).into());
            edits.assert_principal(Arc::clone(principal), values, names);
        }
        edits
    }

    /// Removes every header that could be taken for an identity header. Done to each request, mounted or not.
    pub fn clear(&mut self, head: &RequestHead<'_>, names: &IdentityHeaders) {
        self.remove_spellings(head, &names.names());
    }

    /// Removes user information from `:authority`: logs on the way would show it.
    pub fn clear_userinfo(&mut self, head: &RequestHead<'_>) {
        self.authority = authority::plain_authority(head).map(str::to_owned);
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
        if config.credentials.contains(&CredentialKind::Query) {
            self.target = head.text(":path").and_then(without_query_key);
        }
    }

    /// Lets upstream see one workspace, in one spelling of the header. A header that is so already stays.
    pub fn select_workspace(&mut self, head: &RequestHead<'_>, name: &Arc<str>) {
        let is_spelling = |it: &&Header<'_>| same_header(it.0, workspace::HEADER.as_bytes());
        let mut present = head.headers.iter().filter(is_spelling);
        match (present.next(), present.next()) {
            (None, _) => {}
            (Some((spelled, value)), None) if *spelled == workspace::HEADER.as_bytes() => {
                if *value == name.as_bytes() {
                    return;
                }
            }
            _ => self.remove_spellings(head, &[workspace::HEADER]),
        }
        self.workspace = Some(Arc::clone(name));
    }

    /// Adds the verified identity, after all else: [`Self::clear`] has removed what looks like it. `identity` must be the
    /// principal's.
    pub fn assert_principal(
        &mut self,
        principal: Arc<Principal>,
        identity: Arc<IdentityValues>,
        names: &IdentityHeaders,
    ) {
        self.identity = Some((principal, identity, names.clone()));
    }

    /// One removal for each header name that an upstream could take for one of `names`.
    fn remove_spellings(&mut self, head: &RequestHead<'_>, names: &[&str]) {
        for (present, _) in head.headers {
            let is_meant = names
                .iter()
                .any(|name| same_header(present, name.as_bytes()));
            if is_meant && !self.removed.iter().any(|name| name.as_ref() == *present) {
                self.removed.push(name_of(present));
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

/// What upstream is told of a principal as far as it is not said in the principal itself: made once for all of its
/// requests, and small, since a cache holds many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityValues {
    user_id: Option<Box<str>>,
    key_id: Option<Box<str>>,
    scopes: Option<Box<str>>,
}

impl IdentityValues {
    /// What upstream is told of this one.
    pub fn of(principal: &Principal) -> Self {
        let escaped = |id: &Option<String>| id.as_deref().and_then(escaped).map(Into::into);
        let scopes = principal.scopes.iter().map(String::as_str);
        let scopes: Vec<&str> = scopes.filter(|scope| is_scope_token(scope)).collect();
        Self {
            user_id: escaped(&principal.user_id),
            key_id: escaped(&principal.key_id),
            scopes: (!scopes.is_empty()).then(|| scopes.join(" ").into()),
        }
    }

    fn edits<'a>(
        &'a self,
        principal: &'a Principal,
        names: &'a IdentityHeaders,
    ) -> impl Iterator<Item = HeaderEdit<'a>> {
        let user_id = self.user_id.as_deref().or(principal.user_id.as_deref());
        let key_id = self.key_id.as_deref().or(principal.key_id.as_deref());
        let values = [
            (&names.user_id, user_id),
            (&names.key_id, key_id),
            (&names.scopes, self.scopes.as_deref()),
        ];
        values
            .into_iter()
            .filter_map(|(name, value)| Some(HeaderEdit::Add(name.as_str(), value?)))
    }
}

/// RFC 6749 section 3.3: a scope without spaces, quotes or backslashes. Others could be read as two.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
}

/// An id as a header value, where it cannot be one as it is: bytes outside visible ASCII, and `%`, are
/// percent-encoded.
fn escaped(id: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    if id.bytes().all(is_plain) {
        return None;
    }
    let mut value = String::with_capacity(id.len());
    for byte in id.bytes() {
        if is_plain(byte) {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}");
        }
    }
    Some(value)
}
