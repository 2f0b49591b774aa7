//! The steps a run can take, and those of requests. Each is one that a host may take at that moment; what a step
//! delivers about a key is told to the oracle first.

use std::collections::BTreeMap;
use std::time::Duration;

use simulated_host::pairs::pairs;
use simulated_host::service::Verdict;
use simulated_host::stream;
use simulated_host::world::{OUTSIDE, READ, WRITE, request};

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

    pub(super) fn say(&mut self, text: String) {
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
}
