//! Steps of the auth service: its replies, its list of revoked keys, and what it thinks of a key.

use simulated_host::callouts::{Callout, Reply};
use simulated_host::service::{self, Verdict};

use super::oracle::HostContext;
use super::steps::SECRET;
use super::{Day, Run};

impl Run {
    /// Replies to some callout of some worker; false when there is none.
    pub fn reply_to_any(&mut self) -> bool {
        let open: Vec<(usize, u32)> = (0..self.world.workers.len())
            .flat_map(|worker| {
                let tokens = self.world.workers[worker].host().callouts.tokens();
                tokens.into_iter().map(move |token| (worker, token))
            })
            .collect();
        let Some((worker, token)) = self.random.choice(open) else {
            return false;
        };
        let host = self.world.workers[worker].host();
        let callout = host.callouts.get(token).unwrap().clone();
        if callout.key().is_none() {
            self.reply_to_poll(worker, token, &callout);
            return true;
        }
        let key = callout.key().unwrap_or_default();
        // Envoy's own reply comes in time, and none after it.
        let overdue = self.now().passed - callout.sent_after >= callout.timeout;
        let (reply, verdict) = if overdue {
            (service::in_place(504), None)
        } else {
            self.choose_reply(&key)
        };
        self.say(format!(
            "worker {worker}: reply to {token} about {key:?}: {verdict:?}"
        ));
        let says_something = verdict.is_some();
        if !says_something {
            let now = self.now();
            self.oracle.failed((worker, callout.root), &key, now);
        }
        if let Some(verdict) = verdict {
            let asked_at = HostContext {
                clock: callout.sent_at,
                passed: callout.sent_after,
            };
            let now = self.now();
            self.oracle
                .delivered((worker, callout.root), &key, verdict, asked_at, now);
        }
        // Struck, and how often headers were read: of a reply to nobody nothing is read.
        let heard = |run: &Self| {
            let faults = &run.world.workers[worker].host().faults;
            let read = faults.made().get("proxy_get_header_map_pairs");
            (faults.struck(), read.copied().unwrap_or_default())
        };
        let (struck, read) = heard(self);
        self.world.workers[worker].reply(token, reply);
        let (struck_then, read_then) = heard(self);
        let abandoned = self.abandoned.remove(&(worker, token));
        if says_something && (struck_then > struck || read_then == read || abandoned) {
            self.oracle.last_may_be_lost();
        } else if says_something {
            self.oracle.answered((worker, callout.root));
        }
        true
    }

    /// The truth, or what goes wrong; and what it says about the key, if anything.
    fn choose_reply(&mut self, key: &str) -> (Reply, Option<Verdict>) {
        let truth = self.world.service.verdict(key);
        if self.day == Day::Calm || self.random.bool() {
            return (self.world.service.reply(key), Some(truth));
        }
        match self.random.u32(0..9) {
            0 => (service::status(401), Some(Verdict::Invalid)),
            1 => (service::status(403), Some(Verdict::Refused)),
            2 => (service::status(429), Some(Verdict::RateLimited)),
            3 => (service::status(500), None),
            4 => (service::in_place(504), None),
            5 => (service::in_place(503), None),
            6 => (service::reset(), None),
            7 => {
                let reply = service::body_of(200, br#"{"keys": [], "revoked": [], "cursor": "x"}"#);
                (reply, None)
            }
            _ => (self.random.choice(service::garbage()).unwrap(), None),
        }
    }

    /// The list of revoked keys, or what goes wrong.
    fn reply_to_poll(&mut self, worker: usize, token: u32, callout: &Callout) {
        let since = callout.polls_since().expect("a poll");
        let now = self.now();
        let overdue = now.passed - callout.sent_after >= callout.timeout;
        let trouble = overdue || self.day != Day::Calm && self.random.u32(0..4) == 0;
        let reply = if trouble {
            let mut troubles = service::garbage();
            troubles.extend([
                service::reset(),
                service::in_place(504),
                service::status(410),
            ]);
            self.random.choice(troubles).unwrap()
        } else {
            self.world.service.list(since)
        };
        self.say(format!(
            "worker {worker}: poll {token} since {since}{}",
            if trouble { " fails" } else { "" }
        ));
        self.world.workers[worker].reply(token, reply);
        self.oracle.polls += 1;
        let abandoned = self.abandoned.remove(&(worker, token));
        if trouble {
            return;
        }
        // Who heard of it for sure: nobody, where calls fail and clocks jump, or others write the log.
        let sure = self.day != Day::Wild && !self.contended;
        let known = (!abandoned && sure).then_some((worker, callout.root));
        let listed = self.world.service.listed(since);
        for key in &self.world.service.revoked[since.min(listed)..listed] {
            self.oracle.revoked(key, now, known);
        }
    }

    pub(super) fn revoke(&mut self) {
        let name = *self.random.choice(&["reader", "writer"]).unwrap();
        let key = format!("{SECRET}{name}");
        self.say(format!("{name} is revoked"));
        self.world.service.revoke(&key);
        if self.random.bool() {
            // The same key is given out again.
            let scopes = Verdict::Valid(vec!["model:write"]);
            self.world.service.keys.insert(key, scopes);
        }
    }

    pub(super) fn change_of_mind(&mut self) {
        let verdicts = [
            Verdict::Invalid,
            Verdict::Valid(vec!["model:read"]),
            Verdict::Valid(vec!["model:write"]),
        ];
        let verdict = self.random.choice(verdicts).unwrap();
        let name = *self.random.choice(&["reader", "writer"]).unwrap();
        self.say(format!("{name} is now {verdict:?}"));
        self.world
            .service
            .keys
            .insert(format!("{SECRET}{name}"), verdict);
    }
}
