//! What a host would know of a request, from data: for commands and tests that decide beside a proxy.
//!
//! Claims are handed over in the host's own encoding, so that one reader reads both.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{CLAIMS, SEPARATOR};
use crate::certificate;
use crate::config::PeerName;
use crate::json::{Document, Found};
use crate::pairs;
use crate::request::{HostFacts, Property};

/// What a host would know of a request.
#[derive(Default)]
pub struct GivenFacts<'a> {
    client_address: Option<&'a str>,
    claims: Option<(&'a str, Document<'a>)>,
    certificate: Option<(PeerName, &'a str)>,
}

/// Claims are nobody's to read in a log.
impl fmt::Debug for GivenFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenFacts(hidden)")
    }
}

impl<'a> GivenFacts<'a> {
    /// The caller's address without its port.
    #[must_use]
    pub fn with_client_address(self, address: &'a str) -> Self {
        Self {
            client_address: Some(address),
            ..self
        }
    }

    /// The claims of a verified token, a JSON object, as `jwt_authn` leaves them under `metadata_key`.
    ///
    /// # Errors
    /// Text that is no JSON object, in words that repeat none of it.
    pub fn with_claims(self, metadata_key: &'a str, claims: &'a [u8]) -> Result<Self, String> {
        let claims = Document::parse(claims).map_err(|error| error.to_string())?;
        if !claims.is_object() {
            return Err("they must be a JSON object".to_owned());
        }
        Ok(Self {
            claims: Some((metadata_key, claims)),
            ..self
        })
    }

    /// The name of a verified client certificate.
    #[must_use]
    pub fn with_certificate(self, by: PeerName, name: &'a str) -> Self {
        Self {
            certificate: Some((by, name)),
            ..self
        }
    }

    fn claim(&self, path: &str) -> Property {
        let mut names = path.split(SEPARATOR);
        let key = names.next();
        let Some((_, claims)) = self.claims.as_ref().filter(|(it, _)| Some(*it) == key) else {
            return Property::Absent;
        };
        match claims.walk(names) {
            Ok(None) => Property::Absent,
            Ok(Some(found)) => encoded(&found).map_or(Property::Unreadable, Property::Is),
            Err(_) => Property::Unreadable,
        }
    }
}

impl HostFacts for GivenFacts<'_> {
    fn client_address(&self) -> Option<&str> {
        self.client_address
    }

    fn property(&self, path: &str) -> Property {
        if let Some(path) = path.strip_prefix(CLAIMS) {
            return self.claim(path);
        }
        match self.certificate {
            Some((by, name)) if path == certificate::property_of(by) => {
                Property::Is(name.as_bytes().to_vec())
            }
            _ => Property::Absent,
        }
    }
}

/// A value in the host's encoding; `None` where it is null or holds null, which the host cannot hand over.
pub(super) fn encoded(found: &Found<'_, '_>) -> Option<Vec<u8>> {
    found.read::<Encoded>().ok().map(|it| it.0)
}

struct Encoded(Vec<u8>);

struct EncodedVisitor;

impl Encoded {
    fn of_number(number: f64) -> Self {
        Self(number.to_le_bytes().to_vec())
    }
}

impl<'de> Visitor<'de> for EncodedVisitor {
    type Value = Encoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without null")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Encoded, E> {
        Ok(Encoded(vec![flag.into()]))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "as google.protobuf.Value holds it"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<Encoded, E> {
        Ok(Encoded::of_number(number as f64))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "as google.protobuf.Value holds it"
    )]
    fn visit_i64<E>(self, number: i64) -> Result<Encoded, E> {
        Ok(Encoded::of_number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Encoded, E> {
        Ok(Encoded::of_number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Encoded, E> {
        Ok(Encoded(text.as_bytes().to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Encoded, A::Error> {
        let mut elements = Vec::new();
        while let Some(Encoded(element)) = list.next_element()? {
            elements.push((element, Vec::new()));
        }
        Ok(Encoded(pairs::write(&elements)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Encoded, A::Error> {
        let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        while let Some((name, Encoded(value))) = map.next_entry::<String, Encoded>()? {
            fields.push((name.into_bytes(), value));
        }
        Ok(Encoded(pairs::write(&fields)))
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EncodedVisitor)
    }
}
