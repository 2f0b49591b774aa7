//! What a host knows while a module runs in it: contexts, callouts, the callback under way. Only the host
//! calls in `abi` and the callbacks in `worker` change it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use crate::callouts::{Callouts, Reply};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::shared_data::SharedData;
use crate::status::{OK, Status};
use crate::stream::{Answer, Stream};

/// What all VMs of a process have in common.
#[derive(Default)]
pub struct Commons {
    /// The clock.
    pub clock: Clock,
    /// Shared data.
    pub shared_data: SharedData,
    /// Counters and gauges by name; of a histogram, how many values it holds.
    pub metrics: BTreeMap<String, i64>,
}

/// A root context.
#[derive(Debug, Default)]
pub struct Root {
    /// The plugin configuration.
    pub configuration: Vec<u8>,
    /// Zero when no tick is wanted.
    pub tick_period: Duration,
    /// When the period was set or the last tick came, as [`Clock::passed`].
    pub timer_began: Duration,
    /// `proxy_on_done` returned false, and `proxy_done` has not been called since.
    pub shutting_down: bool,
}

/// What is done only once the callback under way has returned.
#[derive(Debug)]
pub(crate) enum Deferred {
    Continue(u32),
    Answer(u32, Answer),
    Reset(u32),
    /// A root has called `proxy_done`.
    Done(u32),
}

/// Answers that are legal, but odd.
#[derive(Debug, Default)]
pub struct Oddities {
    /// Bytes handed over in place of the serialized map of this type.
    pub maps: BTreeMap<u32, Vec<u8>>,
    /// What `proxy_get_header_map_pairs` returns where there is no such map: `OK` with nothing in it, or a
    /// status. Hosts differ.
    pub absent_map: Status,
}

/// The state behind one VM.
pub struct Host {
    /// Shared with the other VMs.
    pub commons: Rc<RefCell<Commons>>,
    /// Ordered failures.
    pub faults: Faults,
    /// Ordered oddities.
    pub odd: Oddities,
    /// Streams by context id.
    pub streams: BTreeMap<u32, Stream>,
    /// Root contexts by id.
    pub roots: BTreeMap<u32, Root>,
    /// Callouts under way.
    pub callouts: Callouts,
    /// Clusters that callouts can be sent to.
    pub clusters: BTreeSet<String>,
    /// What the module did that a proxy would not forgive.
    pub violations: Vec<String>,
    /// Level and text of each line logged.
    pub log: Vec<(u32, String)>,
    pub(crate) metric_names: Vec<(u32, String)>,
    pub(crate) random: fastrand::Rng,
    pub(crate) guest: Option<Guest>,
    pub(crate) callback: &'static str,
    pub(crate) current: u32,
    pub(crate) effective: u32,
    /// Set by `proxy_send_local_response`: whatever the callback returns counts as `Pause`.
    pub(crate) stop_iteration: bool,
    /// The root whose callout is replied to, during that callback.
    pub(crate) reply: Option<(u32, Reply)>,
    pub(crate) deferred: VecDeque<Deferred>,
}

/// What the host uses of the module.
pub(crate) struct Guest {
    pub(crate) memory: Memory,
    pub(crate) allocate: TypedFunc<u32, u32>,
}

impl Host {
    pub(crate) fn new(commons: Rc<RefCell<Commons>>, seed: u64) -> Self {
        Self {
            commons,
            faults: Faults::default(),
            odd: Oddities {
                maps: BTreeMap::new(),
                absent_map: OK,
            },
            streams: BTreeMap::new(),
            roots: BTreeMap::new(),
            callouts: Callouts::default(),
            clusters: BTreeSet::from(["auth_service".to_owned()]),
            violations: Vec::new(),
            log: Vec::new(),
            metric_names: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            guest: None,
            callback: "",
            current: 0,
            effective: 0,
            stop_iteration: false,
            reply: None,
            deferred: VecDeque::new(),
        }
    }

    /// The clock.
    pub fn now(&self) -> Duration {
        self.commons.borrow().clock.now()
    }

    /// The clock as it is now.
    pub fn clock(&self) -> Clock {
        self.commons.borrow().clock
    }

    /// The time that has passed since the world began, whatever the clock shows.
    pub fn passed(&self) -> Duration {
        self.commons.borrow().clock.passed()
    }

    pub(crate) fn exists(&self, context: u32) -> bool {
        self.streams.contains_key(&context) || self.roots.contains_key(&context)
    }

    /// The context that host calls act on (proxy-wasm-cpp-host, `ContextOrEffectiveContext`).
    pub(crate) fn acting(&self) -> u32 {
        if self.exists(self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    pub(crate) fn root_of(&self, context: u32) -> u32 {
        self.streams
            .get(&context)
            .map_or(context, |stream| stream.root)
    }

    pub(crate) fn violation(&mut self, text: &str) {
        let (callback, context) = (self.callback, self.current);
        self.violations
            .push(format!("{text} (in {callback} of context {context})"));
    }
}
