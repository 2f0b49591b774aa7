//! Things in the order in which they began to wait, so that those whose time has passed are found without a
//! look at the others.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::principal::Timestamp;

/// Insertion and removal take the time of O(log n), and a look at those that are due that of their number.
#[derive(Debug)]
pub(crate) struct ByAge<K> {
    in_order: BTreeSet<(Timestamp, K)>,
}

impl<K> Default for ByAge<K> {
    fn default() -> Self {
        Self {
            in_order: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> ByAge<K> {
    pub(crate) fn insert(&mut self, since: Timestamp, key: K) {
        self.in_order.insert((since, key));
    }

    /// `since` is what it was inserted with.
    pub(crate) fn remove(&mut self, since: Timestamp, key: K) {
        self.in_order.remove(&(since, key));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// When the last of them began.
    pub(crate) fn latest(&self) -> Option<Timestamp> {
        self.in_order.last().map(|(since, _)| *since)
    }

    /// Those that began so long ago. A clock that jumped back must not make anybody wait until it has caught
    /// up: who began in the future is among them.
    pub(crate) fn passed(&self, time: Duration, now: Timestamp) -> impl Iterator<Item = K> {
        let is_over = move |since: Timestamp| now.checked_sub(since).is_some_and(|age| age >= time);
        let over = self
            .in_order
            .iter()
            .take_while(move |(since, _)| is_over(*since));
        let in_future = self
            .in_order
            .iter()
            .rev()
            .take_while(move |(since, _)| *since > now);
        over.chain(in_future).map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ByAge;

    #[test]
    fn those_are_found_whose_time_has_passed_or_not_come() {
        let seconds = Duration::from_secs;
        let mut by_age = ByAge::default();
        for begun in [30, 10, 20, 99] {
            by_age.insert(seconds(begun), begun);
        }
        for (now, expected) in [
            (10, vec![99, 30, 20]),
            (15, vec![10, 99, 30, 20]),
            (25, vec![10, 20, 99, 30]),
            (34, vec![10, 20, 99]),
            (104, vec![10, 20, 30, 99]),
        ] {
            let found: Vec<_> = by_age.passed(seconds(5), seconds(now)).collect();
            assert_eq!(found, expected, "{now}");
        }
        assert_eq!(by_age.latest(), Some(seconds(99)));
        by_age.remove(seconds(99), 99);
        assert_eq!(by_age.latest(), Some(seconds(30)));
        let left: Vec<_> = by_age.in_order.iter().map(|(_, key)| *key).collect();
        assert_eq!(left, [10, 20, 30]);
    }
}
