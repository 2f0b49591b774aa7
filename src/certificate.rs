//! Client certificates that the listener has verified, compiled: the name of a certificate finds what its owner may do.
//!
//! Only the host's own view of the connection is read, never a header. Whether the listener verifies certificates cannot
//! be seen here.

#[cfg(test)]
mod tests;

use crate::config::{Mtls, PeerName, PeerRights};
use crate::pattern::Pattern;
use crate::principal::Principal;
use crate::request::{Property, RequestHead};

/// The callers of a configuration by the names of their certificates.
#[derive(Debug)]
pub struct Certificates {
    by: PeerName,
    /// Names first, then patterns, the longest first: the first match counts.
    entries: Vec<(Pattern, PeerRights)>,
}

/// What a connection shows of its client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// No certificate, or none that has such a name.
    Nothing,
    /// Its name.
    Name(String),
    /// A name that is no text.
    Unreadable,
    /// The host failed.
    HostFailed,
}

/// Where the host has the name of a verified client certificate.
pub(crate) const fn property_of(by: PeerName) -> &'static str {
    match by {
        PeerName::UriSan => "connection\0uri_san_peer_certificate",
        PeerName::DnsSan => "connection\0dns_san_peer_certificate",
        PeerName::Subject => "connection\0subject_peer_certificate",
    }
}

impl Certificates {
    /// By a configuration.
    pub fn new(mtls: &Mtls) -> Self {
        let rank = |name: &str| (!is_pattern(name), name.len());
        let mut entries: Vec<(Pattern, PeerRights)> = Vec::new();
        for (name, rights) in &mtls.principals {
            let at = entries.partition_point(|(it, _)| rank(it.as_str()) >= rank(name));
            entries.insert(at, (Pattern::new(name), rights.clone()));
        }
        Self {
            by: mtls.by,
            entries,
        }
    }

    /// The name that a request's connection shows.
    pub fn shown(&self, head: &RequestHead<'_>) -> Shown {
        let bytes = match head.property(property_of(self.by)) {
            Property::Absent => return Shown::Nothing,
            Property::Unreadable => return Shown::Unreadable,
            Property::Failed => return Shown::HostFailed,
            Property::Is(bytes) => bytes,
        };
        let has_control = bytes.iter().any(u8::is_ascii_control);
        match String::from_utf8(bytes) {
            Ok(name) if name.is_empty() => Shown::Nothing,
            Ok(mut name) if !has_control => {
                if self.by == PeerName::DnsSan {
                    name.make_ascii_lowercase();
                }
                Shown::Name(name)
            }
            _ => Shown::Unreadable,
        }
    }

    /// Who has a certificate of this name; `None` where no entry matches.
    pub fn caller(&self, name: &str) -> Option<Principal> {
        // What stands behind a backslash is part of a value: `CN=a\,O=acme` is in no organisation, and a pattern cannot tell.
        let is_plain = !name.contains('\\');
        let is_meant =
            |entry: &Pattern| entry.as_str() == name || (is_plain && entry.matches(name));
        let (_, rights) = self.entries.iter().find(|(entry, _)| is_meant(entry))?;
        let principal = Principal {
            user_id: Some(name.to_owned()),
            key_id: Some(name.to_owned()),
            scopes: rights.scopes.clone(),
            roles: rights.roles.clone(),
            is_admin: rights.is_admin,
            ..Principal::default()
        };
        Some(principal.within(rights.workspaces.clone(), rights.workspace.clone()))
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}
