//! The WASI imports that Rust's standard library brings along, as Envoy answers them: no arguments, no
//! environment, output goes to the log. Random bytes come from the world's seed.

use wasmtime::{Caller, Linker, bail};

use super::{read, write};
use crate::host::Host;
use crate::status::Status;

const WASI: &str = "wasi_snapshot_preview1";
/// `__WASI_EFAULT`.
const FAULT: Status = 21;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "random_get",
        |mut caller: Caller<'_, Host>, at: u32, size: u32| {
            let mut bytes = vec![0; size as usize];
            caller.data_mut().random.fill(&mut bytes);
            errno(write(&mut caller, at, &bytes))
        },
    )?;
    linker.func_wrap(WASI, "clock_time_get", clock_time_get)?;
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(
        WASI,
        "environ_get",
        |_: Caller<'_, Host>, _: u32, _: u32| 0_u32,
    )?;
    linker.func_wrap(WASI, "environ_sizes_get", no_sizes)?;
    linker.func_wrap(WASI, "args_get", |_: Caller<'_, Host>, _: u32, _: u32| {
        0_u32
    })?;
    linker.func_wrap(WASI, "args_sizes_get", no_sizes)?;
    linker.func_wrap(
        WASI,
        "proc_exit",
        |_: Caller<'_, Host>, code: u32| -> wasmtime::Result<()> { bail!("proc_exit({code})") },
    )?;
    Ok(())
}

fn errno(result: Result<(), Status>) -> Status {
    result.map_or(FAULT, |()| 0)
}

fn no_sizes(mut caller: Caller<'_, Host>, count: u32, size: u32) -> Status {
    let written = write(&mut caller, count, &[0; 4]);
    errno(written.and_then(|()| write(&mut caller, size, &[0; 4])))
}

fn clock_time_get(mut caller: Caller<'_, Host>, _clock: u32, _precision: u64, at: u32) -> Status {
    let now = u64::try_from(caller.data().now().as_nanos()).unwrap_or(u64::MAX);
    errno(write(&mut caller, at, &now.to_le_bytes()))
}

fn fd_write(
    mut caller: Caller<'_, Host>,
    fd: u32,
    vectors: u32,
    count: u32,
    written: u32,
) -> Status {
    let mut text = Vec::new();
    let number = |bytes: &[u8]| {
        bytes
            .first_chunk()
            .map_or(0, |four| u32::from_le_bytes(*four))
    };
    for index in 0..count {
        let Ok(vector) = read(&caller, vectors + index * 8, 8) else {
            return FAULT;
        };
        let Ok(bytes) = read(&caller, number(&vector[..4]), number(&vector[4..])) else {
            return FAULT;
        };
        text.extend(bytes);
    }
    let size = u32::try_from(text.len()).unwrap();
    let line = String::from_utf8_lossy(&text).into_owned();
    caller
        .data_mut()
        .log
        .push((if fd == 2 { 4 } else { 2 }, line));
    errno(write(&mut caller, written, &size.to_le_bytes()))
}
