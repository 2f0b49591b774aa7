//! Fields that take one word of a few. serde's derived reading of an enum would also take `{"inspect": null}`,
//! and calls a number a syntax error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::{
    AccessLog, Bodies, CredentialKind, GraphQl, Method, Mode, Outside, PeerName, Protocol,
};

/// The words of one field, and what each stands for.
struct Words<T: 'static>(&'static [(&'static str, T)]);

impl<T: Copy> Visitor<'_> for Words<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (word, _)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "one of" } else { "," };
            write!(f, "{comma} {word:?}")?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let found = self.0.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

macro_rules! read_from_words {
    ($type:ty: $($word:literal => $value:ident),+) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Words(&[$(($word, Self::$value)),+]))
            }
        }
    };
}

read_from_words!(Mode: "enforce" => Enforce, "shadow" => Shadow);
read_from_words!(Outside: "refuse" => Refuse, "forward" => Forward);
read_from_words!(GraphQl: "read" => Read, "deny" => Deny);
read_from_words!(AccessLog: "all" => All, "denials" => Denials, "none" => None);
read_from_words!(Bodies: "ignore" => Ignore, "inspect" => Inspect);
read_from_words!(CredentialKind: "bearer" => Bearer, "x-api-key" => XApiKey, "basic" => Basic, "query" => Query);
read_from_words!(Protocol: "keys" => Keys, "introspection" => Introspection);
read_from_words!(PeerName: "uri_san" => UriSan, "dns_san" => DnsSan, "subject" => Subject);
read_from_words!(Method: "POST" => Post, "GET" => Get);
