//! Host calls that fail on order. A struck call does nothing and returns the ordered status; the rest of
//! the host knows nothing of faults.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::status::Status;

/// Which of the calls to come fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The nth from now; the next is 1.
    Nth(u64),
    /// All, until the orders are cleared.
    Always,
}

#[derive(Debug)]
struct Order {
    call: String,
    /// How many calls still pass unharmed; `None` for all.
    wait: Option<u64>,
    status: Status,
}

/// The orders of one VM, and how often each host call was made.
#[derive(Debug, Default)]
pub struct Faults {
    orders: Vec<Order>,
    made: BTreeMap<&'static str, u64>,
    struck: u64,
}

impl Faults {
    /// Orders a status for calls of a name (`proxy_http_call`).
    pub fn order(&mut self, call: &str, when: When, status: Status) {
        let wait = match when {
            When::Nth(nth) => Some(nth.saturating_sub(1)),
            When::Always => None,
        };
        self.orders.push(Order {
            call: call.to_owned(),
            wait,
            status,
        });
    }

    /// Takes back all orders.
    pub fn clear(&mut self) {
        self.orders.clear();
    }

    /// Whether there are orders that have not struck, or strike always.
    pub const fn pending(&self) -> bool {
        !self.orders.is_empty()
    }

    /// How many calls have failed on order.
    pub const fn struck(&self) -> u64 {
        self.struck
    }

    /// How often each call was made, struck or not.
    pub const fn made(&self) -> &BTreeMap<&'static str, u64> {
        &self.made
    }

    /// How many calls were made, struck or not.
    pub fn total(&self) -> u64 {
        self.made.values().sum()
    }

    /// Counts a call; the status it has to return, if one was ordered for it.
    pub(crate) fn strike(&mut self, call: &'static str) -> Option<Status> {
        *self.made.entry(call).or_default() += 1;
        let mut struck = None;
        self.orders.retain_mut(|order| {
            if order.call != call {
                return true;
            }
            match &mut order.wait {
                None => struck = Some(order.status),
                Some(0) => {
                    struck = Some(order.status);
                    return false;
                }
                Some(wait) => *wait -= 1,
            }
            true
        });
        self.struck += u64::from(struck.is_some());
        struck
    }
}
