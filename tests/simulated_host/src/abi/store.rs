//! Shared data and callouts: what leaves the VM.

use std::time::Duration;

use wasmtime::{Caller, Linker};

use super::{give, read, run, write};
use crate::callouts::Callout;
use crate::host::Host;
use crate::pairs::{deserialize, find};
use crate::status::{BAD_ARGUMENT, NOT_FOUND, OK, Status};

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_get_shared_data", get_shared_data)?;
    linker.func_wrap("env", "proxy_set_shared_data", set_shared_data)?;
    linker.func_wrap("env", "proxy_http_call", http_call)?;
    Ok(())
}

fn get_shared_data(
    caller: Caller<'_, Host>,
    key: u32,
    key_size: u32,
    data: u32,
    size: u32,
    cas_at: u32,
) -> Status {
    run(caller, "proxy_get_shared_data", |caller| {
        let key = read(caller, key, key_size)?;
        let found = caller.data().commons.borrow_mut().shared_data.get(&key);
        let (value, cas) = found.ok_or(NOT_FOUND)?;
        give(caller, &value, data, size)?;
        write(caller, cas_at, &cas.to_le_bytes())
    })
}

fn set_shared_data(
    caller: Caller<'_, Host>,
    key: u32,
    key_size: u32,
    value: u32,
    size: u32,
    cas: u32,
) -> Status {
    run(caller, "proxy_set_shared_data", |caller| {
        let key = read(caller, key, key_size)?;
        let value = read(caller, value, size)?;
        let mut commons = caller.data().commons.borrow_mut();
        match commons.shared_data.set(&key, &value, cas) {
            OK => Ok(()),
            failed => Err(failed),
        }
    })
}

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn http_call(
    caller: Caller<'_, Host>,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    token_at: u32,
) -> Status {
    run(caller, "proxy_http_call", |caller| {
        let cluster = read(caller, cluster, cluster_size)?;
        let cluster = String::from_utf8_lossy(&cluster).into_owned();
        let headers = deserialize(&read(caller, headers, headers_size)?).unwrap_or_default();
        let body = read(caller, body, body_size)?;
        read(caller, trailers, trailers_size)?;
        write(caller, token_at, &[0; 4])?;
        let host = caller.data_mut();
        let complete = [":path", ":method", ":authority"]
            .iter()
            .all(|name| find(&headers, name).is_some());
        if !complete || !host.clusters.contains(&cluster) || i32::try_from(timeout).is_err() {
            return Err(BAD_ARGUMENT);
        }
        let callout = Callout {
            root: host.root_of(host.acting()),
            cluster,
            headers,
            body,
            timeout: Duration::from_millis(timeout.into()),
            sent_at: host.now(),
            sent_after: host.passed(),
        };
        let token = host.callouts.add(callout);
        write(caller, token_at, &token.to_le_bytes())
    })
}
