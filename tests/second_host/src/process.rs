//! One proxy: the module compiled once, and what its workers share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::{GuestSpec, Host, InMemoryStoreLimits, Started, VmServices};
use proxy_wasm_host::{EngineConfig, Limits, Module};

use crate::services::{Client, Log, Store, TestClock};
use crate::worker::Worker;

/// The configuration that tests start from.
pub const CONFIGURATION: &str = r#"{
    "mounts": ["/api/mlflow"],
    "outside": "forward",
    "auth_service": {"cluster": "auth_service", "timeout": "2s"},
    "cache": {"ttl": "60s", "capacity": 100}
}"#;

/// The module on an engine whose time stands still: a busy machine must not end a callback.
fn compile() -> (Host, Module) {
    let path = path();
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: run scripts/build first, or name a module in MLFLOW_AUTHZ_WASM",
            path.display()
        )
    });
    let engine = EngineConfig::new()
        .with_external_ticks(true)
        .build()
        .unwrap();
    let module = Module::new(&engine, &bytes).expect("the module is valid");
    (Host::new(&engine).unwrap(), module)
}

/// Compiled once for all tests but those that move the engine's time.
fn compiled() -> (Host, Module) {
    static COMPILED: OnceLock<(Host, Module)> = OnceLock::new();
    COMPILED.get_or_init(compile).clone()
}

fn path() -> PathBuf {
    std::env::var_os("MLFLOW_AUTHZ_WASM").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../dist/mlflow_authz.wasm"),
        PathBuf::from,
    )
}

/// What the workers share.
pub struct Process {
    /// The log.
    pub log: Arc<Log>,
    /// The clock.
    pub clock: Arc<TestClock>,
    /// Shared data and metrics.
    pub store: Arc<Store>,
    /// The client for callouts.
    pub client: Arc<Client>,
    /// Of the crate, for each guest.
    pub limits: Limits,
    compiled: (Host, Module),
}

impl Default for Process {
    fn default() -> Self {
        Self::with_limits(Limits::default(), InMemoryStoreLimits::default())
    }
}

impl Process {
    /// A proxy with limits of its own.
    pub fn with_limits(limits: Limits, store: InMemoryStoreLimits) -> Self {
        Self {
            log: Arc::default(),
            clock: Arc::default(),
            store: Arc::new(Store::with_limits(store)),
            client: Arc::default(),
            limits,
            compiled: compiled(),
        }
    }

    /// A proxy whose engine has a time of its own.
    pub fn with_own_time(limits: Limits) -> Self {
        Self {
            compiled: compile(),
            ..Self::with_limits(limits, InMemoryStoreLimits::default())
        }
    }

    /// What each worker's VM is built from.
    pub fn spec(&self) -> GuestSpec {
        let (host, module) = &self.compiled;
        let services = VmServices::new(self.log.clone())
            .with_clock(self.clock.clone())
            .with_shared(self.store.clone())
            .with_callouts(self.client.clone())
            .with_vm_id("mlflow_authz");
        GuestSpec::new(host, module, services, &self.limits).unwrap()
    }

    /// A worker under a configuration that the module must accept.
    ///
    /// # Panics
    /// When it does not.
    pub fn worker(&self, configuration: &str) -> Worker {
        let mut guest = self.spec().build().unwrap();
        match guest.start(Worker::plugin(configuration)).unwrap() {
            Started::Serving(root) => Worker::new(guest, root, self.client.clone()),
            Started::Refused { callback, .. } => {
                panic!("{callback} refused {configuration}: {:?}", self.log.lines())
            }
        }
    }

    /// Time passes, and each worker has the ticks that it asked for.
    pub fn pass(&self, workers: &mut [&mut Worker], by: Duration) {
        let step = Duration::from_millis(50);
        let until = self.clock.now() + by;
        while self.clock.now() < until {
            self.clock.advance(step);
            for worker in &mut *workers {
                worker.tick_when_due(self.clock.now());
            }
        }
    }

    /// Moves the time of the crate's engine on by one of its periods. A callback that takes more of them than the guest may
    /// have is cut off.
    pub fn advance_engine(&self) {
        self.compiled.0.engine().increment_epoch();
    }
}
