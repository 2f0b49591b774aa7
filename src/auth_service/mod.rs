//! The wire contract of the auth service, which docs/auth-service.md describes: the request out, the reply in.
//!
//! Builds a [`Callout`] for a key and reads a [`Reply`] into a [`Verdict`]. It neither sends nor waits, and knows no
//! cache, no stream and no scope's meaning.

mod body;
mod breaker;
mod contract;
mod failure;
mod fields;
mod fingerprint;
mod lifetime;
mod mapped;
mod no_connection;
mod parsed;
mod received;
mod reply;
mod request;
mod revocations;
mod scalar;
mod unexpected_status;
mod validity;

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::config::AuthService;
use crate::credential::ApiKey;

pub use breaker::Breaker;
pub use contract::Contract;
pub use failure::{ContractError, Failure, MAX_BODY_BYTES};
pub use fields::KeyId;
pub use lifetime::Lifetime;
pub use no_connection::NoConnection;
pub use received::{Received, Remark};
pub use reply::{Reply, Verdict};
pub use revocations::{Cursor, MAX_KEY_IDS, RevocationClient, Revocations};

/// A header's name or value. Most are the same in every callout.
pub type Text = Cow<'static, str>;

/// A request for the shell to send. Its headers hold the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Callout {
    /// Envoy cluster.
    pub cluster: String,
    /// Headers, pseudo-headers first.
    pub headers: Vec<(Text, Text)>,
    /// JSON or a form; empty where the request has none.
    pub body: Vec<u8>,
    /// After which the shell reports a timeout.
    pub timeout: Duration,
}

impl std::fmt::Debug for Callout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callout({}, hidden)", self.cluster)
    }
}

/// SHA-256 over the auth service's identity, the key, and the address when it is sent: what a principal is
/// cached under. Listeners with different configurations never share an entry.
#[derive(Debug, Clone, Copy, Eq, PartialOrd, Ord)]
pub struct KeyDigest([u8; 32]);

/// By eight bytes at a time: as bytes it is a call and a loop in WebAssembly.
impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        let (words, others) = (self.0.as_chunks().0, other.0.as_chunks().0);
        let mut pairs = words.iter().zip(others);
        pairs.all(|(one, other)| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other))
    }
}

/// It is a hash already: that of a part of it costs a table less.
impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [first, second] = self.spread();
        state.write_u64(u64::from(first) << 32 | u64::from(second));
    }
}

impl KeyDigest {
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Two numbers that are even over keys.
    pub fn spread(&self) -> [u32; 2] {
        let number = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let (first, rest) = self.0.split_at(4);
        [number(first.first_chunk()), number(rest.first_chunk())]
    }
}

/// Builds callouts and digests for one configured auth service.
#[derive(Debug)]
pub struct AuthServiceClient {
    config: AuthService,
    contract: Contract,
    fingerprint: [u8; 32],
    /// The part of each digest that is the same for all keys: one block of the hash, computed once.
    keyless: Sha256,
}

impl AuthServiceClient {
    /// A client for the configured service.
    pub fn new(config: AuthService) -> Self {
        let fingerprint = fingerprint::of(&config);
        let keyless = Sha256::new()
            .chain_update(fingerprint)
            .chain_update([0; 64 - 32]);
        Self {
            contract: Contract::new(&config),
            config,
            fingerprint,
            keyless,
        }
    }

    /// What the principal of a key is cached under.
    pub fn digest(&self, key: &ApiKey<'_>, client_address: Option<&str>) -> KeyDigest {
        self.digest_of(key.expose(), self.sent_address(client_address))
    }

    /// Whether a text is the key of a digest that was made without an address.
    pub(crate) fn is_key(&self, text: &str, key: KeyDigest) -> bool {
        self.digest_of(text, None) == key
    }

    fn digest_of(&self, key: &str, address: Option<&str>) -> KeyDigest {
        let mut hash = self.keyless.clone();
        update_with(&mut hash, key.as_bytes());
        update_with(&mut hash, address.unwrap_or_default().as_bytes());
        KeyDigest(hash.finalize().into())
    }

    /// A name for the service's identity, for what is stored beside its principals.
    pub fn fingerprint(&self) -> String {
        use std::fmt::Write as _;
        self.fingerprint
            .iter()
            .take(8)
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// The request that validates a key.
    pub fn ask(&self, key: &ApiKey<'_>, client_address: Option<&str>) -> Callout {
        request::lookup(&self.config, key, self.sent_address(client_address))
    }

    /// How the service's replies are read.
    pub(crate) const fn contract(&self) -> &Contract {
        &self.contract
    }

    fn sent_address<'a>(&self, client_address: Option<&'a str>) -> Option<&'a str> {
        client_address.filter(|_| self.config.send_client_ip)
    }
}

/// Length first, so that no two lists of parts look the same.
fn update_with(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}
