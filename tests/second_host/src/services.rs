//! What a proxy gives to all its workers: a log, a clock, shared data and metrics, and a client for callouts. Each keeps
//! what the module left there, so that tests can look at it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::types::{LogLevel, MetricType, Status};
use proxy_wasm_host::abi::v0_2_1::{
    CalloutId, Callouts, Clock, ContextId, GuestId, HeaderPairs, HttpCall, HttpCallRefusal,
    InMemoryStore, InMemoryStoreLimits, Invocation, LogContext, LogSink, MetricId, SharedServices,
    SharedValue,
};

use crate::Pair;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// The log, by line.
#[derive(Default)]
pub struct Log(Mutex<Vec<(LogLevel, String)>>);

impl Log {
    /// All lines so far.
    pub fn lines(&self) -> Vec<(LogLevel, String)> {
        lock(&self.0).clone()
    }

    /// The lines that hold a text.
    pub fn with(&self, text: &str) -> Vec<String> {
        let lines = self.lines().into_iter().map(|(_, line)| line);
        lines.filter(|line| line.contains(text)).collect()
    }
}

impl LogSink for Log {
    fn log(&self, _: LogContext<'_>, level: LogLevel, message: &[u8]) {
        lock(&self.0).push((level, String::from_utf8_lossy(message).into_owned()));
    }
}

/// A clock that the tests move.
pub struct TestClock(AtomicU64);

impl Default for TestClock {
    fn default() -> Self {
        // 2026-11-29, in nanoseconds.
        Self(AtomicU64::new(1_795_910_400_000_000_000))
    }
}

impl TestClock {
    /// Time passes.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap();
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Time since the UNIX epoch.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for TestClock {
    fn realtime_nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.realtime_nanos()
    }
}

/// The crate's own store, and what is in it: the crate shows nobody.
#[derive(Default)]
pub struct Store {
    inner: InMemoryStore,
    data: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    metrics: Mutex<BTreeMap<MetricId, String>>,
}

impl Store {
    /// A store of the crate with these limits.
    pub fn with_limits(limits: InMemoryStoreLimits) -> Self {
        Self {
            inner: InMemoryStore::new().with_limits(limits),
            ..Self::default()
        }
    }

    /// Shared data, names and values.
    pub fn data(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        lock(&self.data).clone()
    }

    /// Metrics with their values; a histogram has none.
    pub fn metrics(&self, call: Invocation) -> BTreeMap<String, Option<u64>> {
        let names = lock(&self.metrics).clone();
        let read = |id| self.inner.get_metric(call, id).ok();
        names
            .into_iter()
            .map(|(id, name)| (name, read(id)))
            .collect()
    }
}

impl SharedServices for Store {
    fn get_shared_data(
        &self,
        call: Invocation,
        vm_id: &[u8],
        key: &[u8],
    ) -> Result<SharedValue, Status> {
        self.inner.get_shared_data(call, vm_id, key)
    }

    fn set_shared_data(
        &self,
        call: Invocation,
        vm_id: &[u8],
        key: &[u8],
        value: &[u8],
        cas: Option<u32>,
    ) -> Result<(), Status> {
        self.inner.set_shared_data(call, vm_id, key, value, cas)?;
        lock(&self.data).insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn define_metric(
        &self,
        call: Invocation,
        vm_id: &[u8],
        kind: MetricType,
        name: &[u8],
    ) -> Result<MetricId, Status> {
        let id = self.inner.define_metric(call, vm_id, kind, name)?;
        let name = String::from_utf8_lossy(name).into_owned();
        lock(&self.metrics).insert(id, name);
        Ok(id)
    }

    fn record_metric(&self, call: Invocation, metric: MetricId, value: u64) -> Result<(), Status> {
        self.inner.record_metric(call, metric, value)
    }

    fn increment_metric(
        &self,
        call: Invocation,
        metric: MetricId,
        delta: i64,
    ) -> Result<(), Status> {
        self.inner.increment_metric(call, metric, delta)
    }

    fn get_metric(&self, call: Invocation, metric: MetricId) -> Result<u64, Status> {
        self.inner.get_metric(call, metric)
    }
}

/// A callout that nobody has replied to.
#[derive(Debug, Clone)]
pub struct Callout {
    /// The guest that sent it: the ids of each begin at one.
    pub guest: GuestId,
    /// Its id there.
    pub id: CalloutId,
    /// The context that sent it.
    pub context: ContextId,
    /// What it asks for.
    pub call: HttpCall<'static>,
}

impl Callout {
    /// A header of it.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.call.headers.iter();
        let mut found = headers.filter(|(present, _)| present.as_ref() == name.as_bytes());
        let (_, value) = found.next()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The key it asks about.
    pub fn key(&self) -> Option<String> {
        let value = self.header("authorization")?;
        Some(value.strip_prefix("Bearer ")?.to_owned())
    }
}

/// The client for callouts: the tests reply.
#[derive(Default)]
pub struct Client {
    open: Mutex<Vec<Callout>>,
    sent: AtomicU64,
    refusal: Mutex<Option<HttpCallRefusal>>,
}

impl Client {
    /// Those that wait for a reply, the oldest first.
    pub fn open(&self) -> Vec<Callout> {
        lock(&self.open).clone()
    }

    /// How many were ever sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Refuses callouts from now on.
    pub fn refuse(&self, refusal: Option<HttpCallRefusal>) {
        *lock(&self.refusal) = refusal;
    }

    /// The oldest of a guest, which is not open any more.
    pub fn take(&self, guest: GuestId) -> Option<Callout> {
        let mut open = lock(&self.open);
        let at = open.iter().position(|callout| callout.guest == guest)?;
        Some(open.remove(at))
    }
}

impl Callouts for Client {
    fn http_call(
        &self,
        call: Invocation,
        callout: CalloutId,
        request: HttpCall<'_>,
    ) -> Result<(), HttpCallRefusal> {
        if let Some(refusal) = *lock(&self.refusal) {
            return Err(refusal);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        lock(&self.open).push(Callout {
            guest: call.guest,
            id: callout,
            context: call.context,
            call: request.into_owned(),
        });
        Ok(())
    }
}

/// Header pairs as this crate's own.
pub fn owned(pairs: &HeaderPairs<'_>) -> Vec<Pair> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}
