//! Several workers with one clock, one store of shared data and one auth service; and requests as tests
//! write them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::callouts::Reply;
use crate::host::Commons;
use crate::pairs::pairs;
use crate::service::Service;
use crate::stream::{Outcome, Request, Stream};
use crate::worker::Worker;

/// The configuration that tests start from.
pub const CONFIGURATION: &str = r#"{
    "mounts": ["/api/mlflow"],
    "outside": "forward",
    "auth_service": {"cluster": "auth_service", "timeout": "2s"},
    "cache": {"ttl": "60s", "capacity": 100}
}"#;

/// A read, as a target below the mount.
pub const READ: (&str, &str) = ("GET", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=1");
/// A write.
pub const WRITE: (&str, &str) = ("POST", "/api/mlflow/api/2.0/mlflow/runs/create");
/// Not under a mount.
pub const OUTSIDE: (&str, &str) = ("GET", "/elsewhere");

/// All of it.
pub struct World {
    /// What the workers share.
    pub commons: Rc<RefCell<Commons>>,
    /// The workers; each has one root, or two while one is replaced.
    pub workers: Vec<Worker>,
    /// Roots in force, one for each worker.
    pub roots: Vec<u32>,
    /// The auth service.
    pub service: Service,
}

impl World {
    /// Workers under a configuration that the module must accept.
    ///
    /// # Panics
    /// When it does not.
    pub fn new(workers: usize, configuration: &str, seed: u64) -> Self {
        let commons = Rc::new(RefCell::new(Commons::default()));
        let mut world = Self {
            workers: Vec::new(),
            roots: Vec::new(),
            service: Service::standard(),
            commons: Rc::clone(&commons),
        };
        for index in 0..workers {
            let worker_seed = seed.wrapping_mul(31).wrapping_add(index as u64);
            let mut worker = Worker::new(Rc::clone(&commons), worker_seed);
            let (root, accepted) = worker.add_root(configuration.as_bytes());
            assert!(
                accepted,
                "refused: {configuration}: {:?}",
                worker.host().log
            );
            world.roots.push(root);
            world.workers.push(worker);
        }
        world
    }

    /// One worker under [`CONFIGURATION`].
    pub fn single() -> Self {
        Self::new(1, CONFIGURATION, 1)
    }

    /// Opens a request at a worker.
    pub fn open(&mut self, worker: usize, request: Request) -> u32 {
        let root = self.roots[worker];
        self.workers[worker].open(root, request)
    }

    /// Replies to the oldest callout of a worker; false when it has none.
    pub fn reply(&mut self, worker: usize, reply: Reply) -> bool {
        let token = self.workers[worker]
            .host()
            .callouts
            .tokens()
            .first()
            .copied();
        if let Some(token) = token {
            self.workers[worker].reply(token, reply);
        }
        token.is_some()
    }

    /// Replies the truth to all callouts of all workers, until there are none.
    pub fn reply_to_all(&mut self) {
        for worker in &mut self.workers {
            while let Some(token) = worker.host().callouts.tokens().first().copied() {
                let callout = worker.host().callouts.get(token).unwrap();
                let reply = self.service.reply_to(callout);
                worker.reply(token, reply);
            }
        }
    }

    /// Replies the truth and lets time pass with its ticks, until no request waits or 10 s have gone by.
    pub fn settle(&mut self) {
        for _ in 0..1000 {
            self.reply_to_all();
            let mut streams = self
                .workers
                .iter()
                .flat_map(|worker| worker.host().streams.values());
            if !streams.any(Stream::waits) {
                break;
            }
            self.advance_ticking(Duration::from_millis(10));
        }
    }

    /// How many callouts were ever sent.
    pub fn callouts(&self) -> u64 {
        let sent = |worker: &Worker| worker.host().callouts.sent;
        self.workers.iter().map(sent).sum()
    }

    /// What became of a request.
    pub fn outcome(&self, worker: usize, stream: u32) -> Option<&Outcome> {
        self.workers[worker].stream(stream).outcome.as_ref()
    }

    /// What became of it in a word: `waits`, `forwarded`, `reset`, or status and reason (`403 scope_missing`).
    pub fn result(&self, worker: usize, stream: u32) -> String {
        match self.outcome(worker, stream) {
            None => "waits".to_owned(),
            Some(Outcome::Forwarded(_)) => "forwarded".to_owned(),
            Some(Outcome::Reset) => "reset".to_owned(),
            Some(Outcome::Answered(answer)) => {
                let body: serde_json::Value =
                    serde_json::from_slice(&answer.body).unwrap_or_default();
                let reason = body.get("reason").and_then(|reason| reason.as_str());
                format!("{} {}", answer.status, reason.unwrap_or("?"))
            }
        }
    }

    /// Time passes, without a tick.
    pub fn advance(&mut self, by: Duration) {
        self.commons.borrow_mut().clock.advance(by);
    }

    /// Time passes, with each tick when it is due.
    pub fn advance_ticking(&mut self, by: Duration) {
        let passed = |world: &Self| world.commons.borrow().clock.passed();
        let until = passed(self) + by;
        while let Some((due, worker, root)) = self.next_tick().filter(|(due, ..)| *due <= until) {
            self.advance(due.saturating_sub(passed(self)));
            self.workers[worker].tick(root);
        }
        self.advance(until.saturating_sub(passed(self)));
    }

    fn next_tick(&self) -> Option<(Duration, usize, u32)> {
        let ticking = self.workers.iter().enumerate().flat_map(|(index, worker)| {
            let roots = worker.host().roots.iter();
            roots
                .filter(|(_, root)| worker.trap.is_none() && !root.tick_period.is_zero())
                .map(move |(id, root)| (root.timer_began + root.tick_period, index, *id))
        });
        ticking.min()
    }

    /// What went wrong so far: traps and violations.
    pub fn faults(&self) -> Vec<String> {
        let each = self.workers.iter().flat_map(|worker| {
            let trap = worker.trap.iter();
            trap.chain(&worker.host().violations).cloned()
        });
        each.collect()
    }

    /// Asserts that nothing did.
    ///
    /// # Panics
    /// When something did.
    pub fn assert_sound(&self) {
        assert_eq!(self.faults(), Vec::<String>::new());
    }
}

/// A request with a key, and more headers.
pub fn request((method, path): (&str, &str), key: Option<&str>, more: &[(&str, &str)]) -> Request {
    let mut headers = pairs(&[
        (":method", method),
        (":path", path),
        (":authority", "registry.example"),
        (":scheme", "https"),
    ]);
    if let Some(key) = key {
        headers.extend(pairs(&[("authorization", &format!("Bearer {key}"))]));
    }
    headers.extend(pairs(more));
    Request {
        headers,
        ..Request::default()
    }
}
