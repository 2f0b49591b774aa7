//! Steps that a host takes only when something is wrong: failing calls, clocks, and what others do to shared data.

use std::time::Duration;

use simulated_host::faults::When;
use simulated_host::shared_data::Interloper;
use simulated_host::status::FAILURES;

use super::{Day, Run};

impl Run {
    /// Other workers of the proxy write the same names at the worst time.
    pub(super) fn change_interloper(&mut self) {
        let rate = *self.random.choice(&[0, 0, 2, 4, 10]).unwrap();
        self.say(format!("others write after one read in {rate}"));
        self.contended |= rate > 0;
        let mut random = self.random.fork();
        let wild = self.day == Day::Wild;
        let mut commons = self.world.commons.borrow_mut();
        commons.shared_data.between_get_and_set((rate > 0).then(|| {
            let other = move |_: &[u8], value: &[u8]| {
                // The same again, so that the next write fails; or nothing.
                let value = if wild && random.u32(0..20) == 0 {
                    Vec::new()
                } else {
                    value.to_vec()
                };
                (random.u32(0..rate) == 0).then_some(value)
            };
            Box::new(other) as Interloper
        }));
    }

    pub(super) fn clock_back(&mut self) {
        let by = *self.random.choice(&[1, 1000, 120_000]).unwrap();
        let by = Duration::from_millis(by);
        self.say(format!("the clock goes back by {by:?}"));
        self.world.commons.borrow_mut().clock.go_back(by);
    }

    pub(super) fn order_a_fault(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let host = self.world.workers[worker].host_mut();
        // One at a time: when every way to end a request fails at once, it cannot end. And a host that
        // refuses to act for a stream that is there (`proxy_set_effective_context`) leaves no way either.
        if host.faults.pending() {
            return;
        }
        let calls: Vec<&'static str> = host
            .faults
            .made()
            .keys()
            .copied()
            .filter(|call| *call != "proxy_set_effective_context")
            .collect();
        let Some(call) = self.random.choice(calls) else {
            return;
        };
        let status = self.random.choice(FAILURES).unwrap().0;
        let nth = self.random.u64(1..=3);
        self.say(format!(
            "worker {worker}: {call} number {nth} from now returns {status}"
        ));
        let faults = &mut self.world.workers[worker].host_mut().faults;
        faults.order(call, When::Nth(nth), status);
    }

    pub(super) fn lose_shared_data(&mut self) {
        let mut commons = self.world.commons.borrow_mut();
        let key = self.random.choice(commons.shared_data.keys());
        match key.filter(|_| self.random.bool()) {
            Some(key) => commons.shared_data.lose(&key),
            None => commons.shared_data.lose_everything(),
        }
        drop(commons);
        self.oracle.log_lost();
        self.say("shared data is lost".to_owned());
    }

    pub(super) fn garbage_in_shared_data(&mut self) {
        let mut commons = self.world.commons.borrow_mut();
        if let Some(key) = self.random.choice(commons.shared_data.keys()) {
            let mut value = commons.shared_data.get(&key).unwrap_or_default().0;
            if self.random.bool() {
                value.truncate(value.len() / 2);
            } else {
                self.random.fill(&mut value);
            }
            commons.shared_data.set(&key, &value, 0);
            drop(commons);
            self.say("garbage in shared data".to_owned());
        }
    }
}
