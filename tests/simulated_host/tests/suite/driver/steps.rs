//! The steps a run can take. Each is one that a host may take at that moment; what a step delivers about a
//! key is told to the oracle first.

use std::collections::BTreeMap;
use std::time::Duration;

use simulated_host::callouts::Reply;
use simulated_host::faults::When;
use simulated_host::service::{self, Verdict};
use simulated_host::status::FAILURES;
use simulated_host::stream;
use simulated_host::world::{CONFIGURATION, OUTSIDE, READ, WRITE, request};

use super::Run;
use super::oracle::Moment;

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
        let troubled = !self.calm;
        match self.random.u32(0..100) {
            0..30 => self.open(),
            30..55 => drop(self.reply_to_any()),
            55..65 => self.more_of_a_request(),
            65..73 => self.delete(),
            73..79 => self.tick(),
            79..86 => self.advance(),
            86..88 => self.replace_root(),
            // The ABI allows it, Envoy never does it; requests that wait may be refused then.
            88 if troubled => self.configure_again(),
            89 => self.lose_shared_data(),
            90..92 if troubled => self.clock_back(),
            92..97 if troubled => self.order_a_fault(),
            97..99 if troubled => self.change_of_mind(),
            99 if troubled => self.garbage_in_shared_data(),
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
        let stream = self.world.open(worker, opened);
        self.requests.push(Request {
            worker,
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
        let key = callout.key().unwrap_or_default();
        let (reply, verdict) = self.choose_reply(&key);
        self.say(format!(
            "worker {worker}: reply to {token} about {key:?}: {verdict:?}"
        ));
        let says_something = verdict.is_some();
        if let Some(verdict) = verdict {
            let asked_at = Moment {
                clock: callout.sent_at,
                passed: callout.sent_after,
            };
            let now = self.now();
            self.oracle.delivered(worker, &key, verdict, asked_at, now);
        }
        let struck = |run: &Self| run.world.workers[worker].host().faults.struck();
        let before = struck(self);
        self.world.workers[worker].reply(token, reply);
        if says_something && struck(self) > before {
            self.oracle.last_may_be_lost();
        }
        true
    }

    /// The truth, or what goes wrong; and what it says about the key, if anything.
    fn choose_reply(&mut self, key: &str) -> (Reply, Option<Verdict>) {
        let truth = self.world.service.verdict(key);
        if self.calm || self.random.bool() {
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
                self.world.workers[worker].trailers(stream);
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
            self.world.workers[worker].tick(root);
        }
    }

    fn advance(&mut self) {
        let by = *self
            .random
            .choice(&[1, 10, 100, 1000, 3000, 30_000, 61_000])
            .unwrap();
        let by = Duration::from_millis(by);
        let ticking = self.calm || self.random.bool();
        while self.calm && self.reply_to_any() {}
        self.say(format!(
            "{by:?} pass{}",
            if ticking { ", with ticks" } else { "" }
        ));
        if ticking {
            self.world.advance_ticking(by);
        } else {
            self.world.advance(by);
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
        let configuration =
            CONFIGURATION.replace("100}", if self.random.bool() { "3}" } else { "50}" });
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
        self.world.workers[worker].configure(root, CONFIGURATION.as_bytes());
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
