//! The host calls of ABI 0.2.1 that the module makes or is about to make, as Envoy carries them out. A call
//! that is not modelled traps and names itself. Source: Envoy's `source/extensions/common/wasm/context.cc`
//! and proxy-wasm-cpp-host's `src/exports.cc`.

mod contexts;
mod maps;
mod observe;
mod store;
mod wasi;

use wasmtime::{Caller, Linker, Module};

use crate::host::Host;
use crate::status::{INTERNAL_FAILURE, INVALID_MEMORY_ACCESS, OK, Status};

/// A linker with every import of the module.
pub(crate) fn linker(module: &Module) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(module.engine());
    contexts::define(&mut linker)?;
    maps::define(&mut linker)?;
    observe::define(&mut linker)?;
    store::define(&mut linker)?;
    wasi::define(&mut linker)?;
    linker.define_unknown_imports_as_traps(module)?;
    Ok(linker)
}

/// Carries out a host call, unless it was ordered to fail.
fn run(
    mut caller: Caller<'_, Host>,
    name: &'static str,
    act: impl FnOnce(&mut Caller<'_, Host>) -> Result<(), Status>,
) -> Status {
    if let Some(status) = caller.data_mut().faults.strike(name) {
        return status;
    }
    act(&mut caller).err().unwrap_or(OK)
}

fn read(caller: &Caller<'_, Host>, at: u32, size: u32) -> Result<Vec<u8>, Status> {
    let guest = caller.data().guest.as_ref().ok_or(INTERNAL_FAILURE)?;
    let range = at as usize..at as usize + size as usize;
    let bytes = guest.memory.data(caller).get(range);
    bytes.map(<[u8]>::to_vec).ok_or(INVALID_MEMORY_ACCESS)
}

fn write(caller: &mut Caller<'_, Host>, at: u32, bytes: &[u8]) -> Result<(), Status> {
    let guest = caller.data().guest.as_ref().ok_or(INTERNAL_FAILURE)?;
    let memory = guest.memory;
    memory
        .write(caller, at as usize, bytes)
        .map_err(|_| INVALID_MEMORY_ACCESS)
}

/// Hands bytes over in memory that the module allocates; nothing is a null pointer.
fn give(caller: &mut Caller<'_, Host>, bytes: &[u8], data: u32, size: u32) -> Result<(), Status> {
    let length = u32::try_from(bytes.len()).map_err(|_| INTERNAL_FAILURE)?;
    let mut at = 0;
    if length > 0 {
        let guest = caller.data().guest.as_ref().ok_or(INTERNAL_FAILURE)?;
        let allocate = guest.allocate.clone();
        at = allocate
            .call(&mut *caller, length)
            .map_err(|_| INTERNAL_FAILURE)?;
        write(caller, at, bytes)?;
    }
    write(caller, data, &at.to_le_bytes())?;
    write(caller, size, &length.to_le_bytes())
}
