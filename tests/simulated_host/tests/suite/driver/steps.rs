//! The steps a run can take. Each is one that a host may take at that moment; what a step delivers about a
//! key is told to the oracle first.

use std::collections::BTreeMap;
use std::time::Duration;

use simulated_host::callouts::{Callout, Reply};
use simulated_host::faults::When;
use simulated_host::pairs::pairs;
use simulated_host::service::{self, Verdict};
use simulated_host::shared_data::Interloper;
use simulated_host::status::FAILURES;
use simulated_host::stream;
use simulated_host::world::{OUTSIDE, READ, WRITE, request};

use super::oracle::Moment;
use super::{Day, Run};

/// What every key starts with, and nothing else.
pub const SECRET: &str = "hk_live_";

const SPOOF: &[(&str, &str)] = &[
    ("x-mlflow-authz-user", "root"),
    ("X_MLFLOW_AUTHZ_SCOPES", "admin"),
];

/// A request that the run has opened.
#[derive(Debug)]
pub struct Request {
    pub worker: usize,
    pub root: u32,
    pub stream: u32,
    pub key: Option<String>,
    pub kind: Kind,
    pub judged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Outside,
    Read,
    Write,
}

pub fn keys() -> BTreeMap<String, Verdict> {
    let keys = [
        ("reader", Verdict::Valid(vec!["model:read"])),
        ("writer", Verdict::Valid(vec!["model:write"])),
        ("nothing", Verdict::Valid(vec![])),
        ("refused", Verdict::Refused),
        ("limited", Verdict::RateLimited),
        ("unknown", Verdict::Invalid),
    ];
    keys.into_iter()
        .map(|(name, verdict)| (format!("{SECRET}{name}"), verdict))
        .collect()
}

impl Run {
    pub fn step(&mut self) {
        let wild = self.day == Day::Wild;
        let trying = self.day != Day::Calm;
        match self.random.u32(0..100) {
            0..30 => self.open(),
            30..55 => drop(self.reply_to_any()),
            55..65 => self.more_of_a_request(),
            65..73 => self.delete(),
            73..79 => self.tick(),
            79..86 => self.advance(),
            86..88 => self.replace_root(),
            // The ABI allows it, Envoy never does it; requests that wait may be refused then.
            88 if trying => self.configure_again(),
            89 if !self.solid => self.lose_shared_data(),
            90..92 if wild => self.clock_back(),
            92..96 if wild => self.order_a_fault(),
            96 => self.revoke(),
            97 if !self.solid => self.change_interloper(),
            98 if trying => self.change_of_mind(),
            99 if wild => self.garbage_in_shared_data(),
            _ => self.open(),
        }
    }

    fn say(&mut self, text: String) {
        self.taken.push(text);
    }

    fn open(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let names: Vec<String> = self.world.service.keys.keys().cloned().collect();
        let key = (self.random.u32(0..10) > 0).then(|| self.random.choice(names).unwrap());
        let kind = *self
            .random
            .choice(&[Kind::Outside, Kind::Read, Kind::Read, Kind::Write])
            .unwrap();
        let target = match kind {
            Kind::Outside => OUTSIDE,
            Kind::Read => READ,
            Kind::Write => WRITE,
        };
        let opened = stream::Request {
            more_follows: self.random.bool(),
            hasty: self.random.bool(),
            ..request(target, key.as_deref(), SPOOF)
        };
        self.say(format!(
            "worker {worker}: open {kind:?} with {key:?}{}{}",
            if opened.more_follows {
                ", more follows"
            } else {
                ""
            },
            if opened.hasty { ", hasty" } else { "" },
        ));
        let root = self.world.roots[worker];
        let stream = self.world.open(worker, opened);
        self.requests.push(Request {
            worker,
            root,
            stream,
            key,
            kind,
            judged: false,
        });
    }

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
            let asked_at = Moment {
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

    fn revoke(&mut self) {
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

    /// Other workers of the proxy write the same names at the worst time.
    fn change_interloper(&mut self) {
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

    fn some_request(&mut self) -> Option<(usize, u32)> {
        let open: Vec<(usize, u32)> = self
            .requests
            .iter()
            .filter(|request| self.is_open(request))
            .map(|request| (request.worker, request.stream))
            .collect();
        self.random.choice(open)
    }

    fn more_of_a_request(&mut self) {
        let Some((worker, stream)) = self.some_request() else {
            return;
        };
        match self.random.u32(0..4) {
            0 => {
                self.say(format!("worker {worker}: trailers of {stream}"));
                self.world.workers[worker]
                    .trailers(stream, pairs(&[("x.mlflow.authz.user", "root")]));
            }
            1 if self.world.outcome(worker, stream).is_some() => {
                self.say(format!("worker {worker}: response to {stream}"));
                self.world.workers[worker].respond(stream);
            }
            _ => {
                self.say(format!("worker {worker}: body of {stream}"));
                self.world.workers[worker].body(stream, vec![b'x'; 10], false);
            }
        }
    }

    fn delete(&mut self) {
        if let Some((worker, stream)) = self.some_request() {
            self.say(format!("worker {worker}: delete {stream}"));
            self.world.workers[worker].delete(stream);
            self.remove_idle_roots();
        }
    }

    fn tick(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let roots: Vec<u32> = self.world.workers[worker]
            .host()
            .roots
            .keys()
            .copied()
            .collect();
        if let Some(root) = self.random.choice(roots) {
            self.say(format!("worker {worker}: tick of {root}"));
            let due = !self.world.workers[worker].host().roots[&root]
                .tick_period
                .is_zero();
            self.world.workers[worker].tick(root);
            if due {
                self.oracle.ticked((worker, root));
            }
        }
    }

    fn advance(&mut self) {
        let by = *self
            .random
            .choice(&[1, 10, 100, 1000, 3000, 30_000, 61_000])
            .unwrap();
        let by = Duration::from_millis(by);
        if self.day == Day::Calm {
            self.say(format!("{by:?} pass, with ticks and replies"));
            let mut left = by;
            while !left.is_zero() {
                while self.reply_to_any() {}
                let piece = left.min(Duration::from_millis(500));
                self.advance_ticking(piece);
                left -= piece;
            }
            return;
        }
        let ticking = self.day == Day::Trying || self.random.bool();
        self.say(format!(
            "{by:?} pass{}",
            if ticking { ", with ticks" } else { "" }
        ));
        if ticking {
            self.advance_ticking(by);
        } else {
            self.world.advance(by);
        }
    }

    /// Time passes with ticks; after a second each root has had one, where it polls.
    pub fn advance_ticking(&mut self, by: Duration) {
        self.world.advance_ticking(by);
        if by >= Duration::from_secs(1) {
            let roots: Vec<(usize, u32)> = self
                .world
                .workers
                .iter()
                .enumerate()
                .flat_map(|(index, worker)| {
                    let roots = worker.host().roots.keys();
                    roots.map(move |root| (index, *root))
                })
                .collect();
            for root in roots {
                self.oracle.ticked(root);
            }
        }
    }

    fn clock_back(&mut self) {
        let by = *self.random.choice(&[1, 1000, 120_000]).unwrap();
        let by = Duration::from_millis(by);
        self.say(format!("the clock goes back by {by:?}"));
        self.world.commons.borrow_mut().clock.go_back(by);
    }

    fn replace_root(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let capacity = if self.random.bool() { "3}" } else { "50}" };
        let configuration = self.configuration.replace("100}", capacity);
        let (root, accepted) = self.world.workers[worker].add_root(configuration.as_bytes());
        let old = std::mem::replace(&mut self.world.roots[worker], root);
        self.say(format!("worker {worker}: root {root} replaces {old}"));
        // A failed host call may have it refused; Envoy keeps the old one then.
        if !accepted {
            self.world.roots[worker] = old;
            self.replaced.push((worker, root));
        } else {
            self.replaced.push((worker, old));
        }
        self.remove_idle_roots();
    }

    fn remove_idle_roots(&mut self) {
        let idle = |(worker, root): &(usize, u32)| {
            let streams = &self.world.workers[*worker].host().streams;
            !streams.values().any(|stream| stream.root == *root)
        };
        let (idle, busy) = self.replaced.iter().partition(|replaced| idle(replaced));
        self.replaced = busy;
        for (worker, root) in idle {
            let _: (usize, u32) = (worker, root);
            self.say(format!("worker {worker}: root {root} goes"));
            self.world.workers[worker].remove_root(root);
        }
    }

    fn configure_again(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let root = self.world.roots[worker];
        self.say(format!("worker {worker}: root {root} is configured again"));
        let host = self.world.workers[worker].host();
        let of_root = |token: &u32| host.callouts.get(*token).unwrap().root == root;
        let tokens = host.callouts.tokens().into_iter().filter(of_root);
        self.abandoned.extend(tokens.map(|token| (worker, token)));
        let configuration = self.configuration.clone();
        self.world.workers[worker].configure(root, configuration.as_bytes());
        self.oracle.forgot((worker, root));
    }

    fn order_a_fault(&mut self) {
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
        let status = if call == "proxy_http_call" {
            // The only ones a host returns, see `failing_calls`.
            *self.random.choice(&[2, 10]).unwrap()
        } else {
            self.random.choice(FAILURES).unwrap().0
        };
        let nth = self.random.u64(1..=3);
        self.say(format!(
            "worker {worker}: {call} number {nth} from now returns {status}"
        ));
        let faults = &mut self.world.workers[worker].host_mut().faults;
        faults.order(call, When::Nth(nth), status);
    }

    fn change_of_mind(&mut self) {
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

    fn lose_shared_data(&mut self) {
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

    fn garbage_in_shared_data(&mut self) {
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
