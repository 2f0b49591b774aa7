//! The request headers as a shell hands them over: bytes, in order, pseudo-headers included.

/// A header's name and value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// Whether two header names could mean the same to an upstream.
///
/// Names are case-insensitive (RFC 9110, section 5.1). CGI (RFC 3875, section 4.1.18), WSGI (PEP 3333), Rack, PHP and
/// IIS make variables of them, where `X_User` and `X-User` are both `HTTP_X_USER`; some servers map every character
/// that no variable may have, such as a dot, to `_` as well. So each character of a token that is neither a letter nor
/// a digit (RFC 9110, section 5.6.2) is read as `-`.
pub fn same_header(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: u8| match byte {
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        | b'`' | b'|' | b'~' => b'-',
        _ => byte.to_ascii_lowercase(),
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

/// What the host knows of a request beside its headers. Each fact costs a call of the host, so each is read only where
/// it is needed: no request that the cache decides pays for one.
pub trait HostFacts: std::fmt::Debug {
    /// The caller's address without its port; `None` where it cannot be told.
    fn client_address(&self) -> Option<&str>;

    /// A property of the request by its path, with a zero byte between its names: what filters before this one have
    /// left, or the names of the client's certificate.
    fn property(&self, path: &str) -> Property {
        let _ = path;
        Property::Absent
    }
}

/// What the host has of a property.
#[derive(Clone, PartialEq, Eq)]
pub enum Property {
    /// Nothing.
    Absent,
    /// The host cannot hand it over: it is null, or holds null.
    Unreadable,
    /// The host failed, so that nobody can say.
    Failed,
    /// Bytes, in the host's own encoding, which says nothing of their type.
    Is(Vec<u8>),
}

/// Claims are nobody's to read in a log.
impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Unreadable => "Unreadable",
            Self::Failed => "Failed",
            Self::Is(_) => "Is(hidden)",
        })
    }
}

/// An address that is known already.
impl HostFacts for &str {
    fn client_address(&self) -> Option<&str> {
        Some(self)
    }
}

/// A borrowed view of a request's headers. Names are in lower case, as Envoy keeps them.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// Name and value, in the order in which they arrived.
    pub headers: &'a [Header<'a>],
    /// What the host knows beside them.
    pub facts: Option<&'a dyn HostFacts>,
}

impl<'a> RequestHead<'a> {
    /// The caller's address without its port.
    pub fn client_address(&self) -> Option<&'a str> {
        self.facts.and_then(HostFacts::client_address)
    }

    /// A property of the request; see [`HostFacts::property`].
    pub(crate) fn property(&self, path: &str) -> Property {
        let facts = self.facts;
        facts.map_or(Property::Absent, |facts| facts.property(path))
    }

    /// Every value of a header.
    pub fn all(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let wanted = name.as_bytes();
        self.headers
            .iter()
            .filter(move |(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    }

    /// Every value of every header that an upstream could take for this one.
    pub fn all_spellings(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers
            .iter()
            .filter(|(present, _)| same_header(present, name.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// The first value of a header.
    pub fn get(&self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// `:method`; empty when absent or not text.
    pub fn method(&self) -> &'a str {
        self.text(":method").unwrap_or_default()
    }

    /// `:path` as it came; empty when absent.
    pub fn raw_target(&self) -> &'a [u8] {
        self.get(":path").unwrap_or_default()
    }

    /// The first value of a header, if it is UTF-8.
    pub fn text(&self, name: &'a str) -> Option<&'a str> {
        self.get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }
}
