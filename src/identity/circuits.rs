//! When no lookup is sent: one circuit for the auth service, one for each address that sends new keys.
//!
//! What fails for keys whose principal is kept is evidence about the service, if it fails for several of them:
//! a caller cannot invent those. What fails for new keys says something about their address only: inventing
//! keys that fail is cheap, and a reset before headers looks like a refused connection. So no circuit of an
//! address lets anybody keep stale rights, and the one of the service opens for nothing that new keys bring.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::address::AddressGroup;
use super::budgets::Account;
use crate::auth_service::{Breaker, KeyDigest};
use crate::bounded::bounded;
use crate::config;
use crate::principal::Timestamp;

/// The fewest keys whose failures say something about the service.
const SEVERAL: u64 = 2;

/// Addresses with failures that are remembered at most.
const MOST_ADDRESSES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Which circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenCircuit {
    Service,
    Address,
}

#[derive(Debug)]
pub(super) struct Circuits {
    of_address: config::Breaker,
    service: Breaker,
    addresses: LruCache<AddressGroup, Breaker>,
}

impl Circuits {
    pub(super) fn new(config: &config::Breaker) -> Self {
        let of_service = config::Breaker {
            failures: config.failures.max(SEVERAL),
            ..config.clone()
        };
        Self {
            of_address: config.clone(),
            service: Breaker::new(of_service),
            addresses: bounded(MOST_ADDRESSES),
        }
    }

    /// Whether the circuit of the service is open: then, and only then, stale rights count without a lookup.
    pub(super) const fn is_open(&self) -> bool {
        self.service.is_open()
    }

    /// Whether a callout may be made. While the service's circuit is open, known keys have one probe and new
    /// keys one for each address: a new key that fails must not keep everybody from trying.
    pub(super) fn admit(
        &mut self,
        account: Account,
        digest: KeyDigest,
        now: Timestamp,
    ) -> Result<(), OpenCircuit> {
        let service_is_open = self.service.is_open();
        let (circuit, admitted) = match account {
            Account::Known => (OpenCircuit::Service, self.service.admit(digest, now)),
            Account::New(_) if service_is_open && !self.service.has_rested(now) => {
                (OpenCircuit::Service, false)
            }
            Account::New(address) => {
                let admitted = match self.addresses.get_mut(&address) {
                    Some(breaker) if breaker.is_open() => breaker.admit(digest, now),
                    _ if service_is_open => self.breaker_of(address).admit_probe(digest),
                    _ => true,
                };
                (OpenCircuit::Address, admitted)
            }
        };
        admitted.then_some(()).ok_or(circuit)
    }

    /// The callout that was just admitted is not made after all.
    pub(super) fn withdraw(&mut self, account: Account, digest: KeyDigest) {
        match account {
            Account::Known => self.service.withdraw(digest),
            Account::New(address) => {
                if let Some(breaker) = self.addresses.get_mut(&address) {
                    breaker.withdraw(digest);
                }
            }
        }
    }

    /// The service has answered, whatever it says of the key.
    pub(super) fn succeeded(&mut self, account: Account) {
        self.service.succeeded();
        if let Account::New(address) = account {
            self.addresses.pop(&address);
        }
    }

    /// The service has not answered for this key.
    pub(super) fn failed(&mut self, account: Account, digest: KeyDigest, now: Timestamp) {
        match account {
            Account::Known => self.service.failed(digest, now),
            Account::New(address) => self.breaker_of(address).failed(digest, now),
        }
    }

    fn breaker_of(&mut self, address: AddressGroup) -> &mut Breaker {
        let config = &self.of_address;
        self.addresses
            .get_or_insert_mut(address, || Breaker::new(config.clone()))
    }
}
