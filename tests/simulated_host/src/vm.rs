//! One VM: a store with an instance of the built module in it. It calls exports and reports a trap as an
//! error; what a callback means is `worker`'s business.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use wasmtime::{Config, Engine, Func, InstancePre, Module, Store, Val};

use crate::abi;
use crate::host::{Guest, Host};

/// The module, compiled once in a process.
fn module() -> &'static InstancePre<Host> {
    static MODULE: OnceLock<InstancePre<Host>> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = path();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}: run scripts/build first, or name a module in MLFLOW_AUTHZ_WASM",
                path.display()
            )
        });
        let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
        let module = Module::new(&engine, bytes).expect("the module is valid");
        abi::linker(&module)
            .and_then(|linker| linker.instantiate_pre(&module))
            .expect("the module imports what the ABI has")
    })
}

/// The names that the module exports.
pub fn exports() -> Vec<String> {
    let exports = module().module().exports();
    exports.map(|export| export.name().to_owned()).collect()
}

/// Where the module is.
pub fn path() -> PathBuf {
    std::env::var_os("MLFLOW_AUTHZ_WASM").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../dist/mlflow_authz.wasm"),
        PathBuf::from,
    )
}

/// A VM.
pub struct Vm {
    store: Store<Host>,
    exports: BTreeMap<String, Func>,
}

impl Vm {
    /// Instantiates the module and initializes it.
    pub(crate) fn start(host: Host) -> Result<Self, String> {
        let pre = module();
        let mut store = Store::new(pre.module().engine(), host);
        store.set_fuel(u64::MAX).map_err(|e| text(&e))?;
        let instance = pre.instantiate(&mut store).map_err(|e| text(&e))?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or("no memory")?;
        let allocate = instance
            .get_typed_func(&mut store, "proxy_on_memory_allocate")
            .map_err(|e| text(&e))?;
        let exports = instance
            .exports(&mut store)
            .filter_map(|export| Some((export.name().to_owned(), export.into_func()?)))
            .collect();
        store.data_mut().guest = Some(Guest { memory, allocate });
        let mut vm = Self { store, exports };
        vm.call("_initialize", &[])?;
        Ok(vm)
    }

    /// Calls an export; `None` where the module has none of that name, which hosts pass over. The error is
    /// a trap, with what the module's panic hook said.
    pub(crate) fn call(&mut self, name: &str, arguments: &[u32]) -> Result<Option<u32>, String> {
        let Some(function) = self.exports.get(name) else {
            return Ok(None);
        };
        let arguments: Vec<Val> = arguments
            .iter()
            .map(|number| Val::I32(number.cast_signed()))
            .collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, &arguments, &mut results) {
            Ok(()) => Ok(Some(match results.first() {
                Some(Val::I32(number)) => number.cast_unsigned(),
                _ => 0,
            })),
            Err(error) => {
                let said = self.store.data().log.last();
                Err(format!(
                    "trap in {name}: {} (last line logged: {said:?})",
                    text(&error)
                ))
            }
        }
    }

    /// The host behind it.
    pub fn host(&self) -> &Host {
        self.store.data()
    }

    /// The host behind it.
    pub fn host_mut(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// How many instructions the module has executed, as fuel (`wasmtime::Store::get_fuel`).
    pub fn instructions(&self) -> u64 {
        u64::MAX - self.store.get_fuel().unwrap_or_default()
    }

    /// The size of its memory, which only grows.
    pub fn memory_bytes(&self) -> usize {
        let guest = self.host().guest.as_ref();
        guest.map_or(0, |guest| guest.memory.data_size(&self.store))
    }
}

fn text(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}
