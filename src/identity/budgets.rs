//! Who may have how many of a VM's callouts open.
//!
//! A quarter is left to keys that were validated before, so that no number of new keys takes it from them. Of
//! the rest, which new keys may use, one address has half.

use std::collections::HashMap;

use super::address::AddressGroup;

/// On whose account a callout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// Of a key whose principal is kept.
    Known,
    /// Of a key that the service has not validated, from this address.
    New(AddressGroup),
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// That of all callouts, or of those about new keys.
    InFlight,
    /// That of one address.
    Address,
}

/// The callouts that are open, by account.
#[derive(Debug)]
pub(super) struct Budgets {
    max_in_flight: u64,
    per_address_limit: bool,
    known: u64,
    new: u64,
    /// No more entries than there are callouts.
    by_address: HashMap<AddressGroup, u64>,
}

impl Budgets {
    pub(super) fn new(max_in_flight: u64, per_address_limit: bool) -> Self {
        Self {
            max_in_flight,
            per_address_limit,
            known: 0,
            new: 0,
            by_address: HashMap::new(),
        }
    }

    /// Whether any callout may be opened, whoever it is for.
    pub(super) fn is_full(&self) -> bool {
        self.known + self.new >= self.max_in_flight
    }

    /// Whether one more may be opened on this account.
    pub(super) fn admit(&self, account: Account) -> Result<(), Excess> {
        let Account::New(address) = account else {
            return if self.is_full() {
                Err(Excess::InFlight)
            } else {
                Ok(())
            };
        };
        if self.is_full() || self.new >= self.open_to_new() {
            return Err(Excess::InFlight);
        }
        let its_own = self.by_address.get(&address).copied().unwrap_or_default();
        if self.per_address_limit && its_own >= self.open_to_new().div_ceil(2) {
            return Err(Excess::Address);
        }
        Ok(())
    }

    /// Whether one more may be opened for nobody who waits: half of all, and half of what is left to known
    /// keys, stays with those who do.
    pub(super) fn admits_background(&self) -> bool {
        let left = self.max_in_flight.saturating_sub(self.known + self.new);
        self.known < self.max_in_flight.div_ceil(2) && left > self.reserved() / 2
    }

    pub(super) fn open(&mut self, account: Account) {
        match account {
            Account::Known => self.known += 1,
            Account::New(address) => {
                self.new += 1;
                *self.by_address.entry(address).or_default() += 1;
            }
        }
    }

    pub(super) fn close(&mut self, account: Account) {
        match account {
            Account::Known => self.known = self.known.saturating_sub(1),
            Account::New(address) => {
                self.new = self.new.saturating_sub(1);
                if let Some(count) = self.by_address.get_mut(&address) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.by_address.remove(&address);
                    }
                }
            }
        }
    }

    fn reserved(&self) -> u64 {
        (self.max_in_flight / 4).max(1)
    }

    fn open_to_new(&self) -> u64 {
        self.max_in_flight.saturating_sub(self.reserved())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Account, Budgets, Excess};
    use crate::identity::address::AddressGroup;

    fn from(host: u8) -> Account {
        Account::New(AddressGroup::V4(Ipv4Addr::new(192, 0, 2, host)))
    }

    /// Opens as many as are admitted; how many, and what stopped it.
    fn fill(budgets: &mut Budgets, account: Account) -> (u64, Excess) {
        let mut opened = 0;
        loop {
            match budgets.admit(account) {
                Ok(()) => budgets.open(account),
                Err(excess) => return (opened, excess),
            }
            opened += 1;
        }
    }

    #[test]
    fn new_keys_leave_a_quarter_and_one_address_half_of_the_rest() {
        for (max_in_flight, first, second, known) in [
            (2, 1, 0, 1),
            (3, 1, 1, 1),
            (4, 2, 1, 1),
            (8, 3, 3, 2),
            (64, 24, 24, 16),
        ] {
            let mut budgets = Budgets::new(max_in_flight, true);
            let expected = if second == 0 {
                Excess::InFlight
            } else {
                Excess::Address
            };
            assert_eq!(
                fill(&mut budgets, from(1)),
                (first, expected),
                "{max_in_flight}"
            );
            assert_eq!(fill(&mut budgets, from(2)).0, second, "{max_in_flight}");
            assert_eq!(
                fill(&mut budgets, from(3)),
                (0, Excess::InFlight),
                "{max_in_flight}"
            );
            assert_eq!(
                fill(&mut budgets, Account::Known),
                (known, Excess::InFlight)
            );
        }
    }

    #[test]
    fn known_keys_may_use_all() {
        let mut budgets = Budgets::new(64, true);
        assert_eq!(fill(&mut budgets, Account::Known).0, 64);
        assert_eq!(budgets.admit(from(1)), Err(Excess::InFlight));
    }

    #[test]
    fn addresses_are_not_limited_where_they_are_not_told_apart() {
        let mut budgets = Budgets::new(64, false);
        let shared = Account::New(AddressGroup::Shared);
        assert_eq!(fill(&mut budgets, shared), (48, Excess::InFlight));
    }

    #[test]
    fn background_leaves_room_for_those_who_wait() {
        for (max_in_flight, new, expected) in [
            (2, 0, 1),
            (4, 0, 2),
            (64, 0, 32),
            (64, 24, 32),
            (64, 48, 8),
            (8, 6, 1),
        ] {
            let mut budgets = Budgets::new(max_in_flight, false);
            (0..new).for_each(|_| budgets.open(Account::New(AddressGroup::Shared)));
            let mut opened = 0;
            while budgets.admits_background() {
                budgets.open(Account::Known);
                opened += 1;
            }
            assert_eq!(opened, expected, "{max_in_flight} {new}");
        }
    }

    #[test]
    fn what_is_closed_may_be_opened_again_and_leaves_nothing() {
        let mut budgets = Budgets::new(8, true);
        for account in [from(1), from(2), Account::Known] {
            let (opened, _) = fill(&mut budgets, account);
            (0..opened).for_each(|_| budgets.close(account));
            assert_eq!(fill(&mut budgets, account).0, opened);
            (0..opened).for_each(|_| budgets.close(account));
        }
        assert!(budgets.by_address.is_empty() && budgets.known + budgets.new == 0);
    }
}
