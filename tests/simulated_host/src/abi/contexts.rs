//! Calls that steer contexts and streams. What they do to a stream is put off until the callback returns.

use std::time::Duration;

use wasmtime::{Caller, Linker};

use super::{read, run};
use crate::host::{Deferred, Host};
use crate::pairs::deserialize;
use crate::status::{BAD_ARGUMENT, NOT_FOUND, Status};
use crate::stream::Answer;

const REQUEST: u32 = 0;
const LAST_STREAM_TYPE: u32 = 3;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_set_effective_context", set_effective_context)?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, Host>, period: u32| {
            run(caller, "proxy_set_tick_period_milliseconds", |caller| {
                set_tick_period(caller.data_mut(), period)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_done", |caller: Caller<'_, Host>| {
        run(caller, "proxy_done", |caller| done(caller.data_mut()))
    })?;
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |caller: Caller<'_, Host>, kind: u32| {
            run(caller, "proxy_continue_stream", |caller| {
                continue_stream(caller.data_mut(), kind)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_close_stream",
        |caller: Caller<'_, Host>, kind: u32| {
            run(caller, "proxy_close_stream", |caller| {
                close_stream(caller.data_mut(), kind)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_send_local_response", send_local_response)?;
    Ok(())
}

fn set_effective_context(caller: Caller<'_, Host>, context: u32) -> Status {
    run(caller, "proxy_set_effective_context", |caller| {
        let host = caller.data_mut();
        if context != 0 && !host.exists(context) {
            return Err(BAD_ARGUMENT);
        }
        host.effective = context;
        Ok(())
    })
}

fn set_tick_period(host: &mut Host, period: u32) -> Result<(), Status> {
    let (now, root) = (host.passed(), host.root_of(host.acting()));
    let root = host.roots.get_mut(&root).ok_or(BAD_ARGUMENT)?;
    root.tick_period = Duration::from_millis(period.into());
    root.timer_began = now;
    Ok(())
}

fn done(host: &mut Host) -> Result<(), Status> {
    let id = host.acting();
    match host.roots.get(&id) {
        Some(root) if root.shutting_down => {
            host.deferred.push_back(Deferred::Done(id));
            Ok(())
        }
        _ => Err(NOT_FOUND),
    }
}

fn continue_stream(host: &mut Host, kind: u32) -> Result<(), Status> {
    if kind > LAST_STREAM_TYPE {
        return Err(BAD_ARGUMENT);
    }
    let id = host.acting();
    match host.streams.get_mut(&id) {
        Some(stream) if kind == REQUEST => {
            stream.readable = false;
            host.deferred.push_back(Deferred::Continue(id));
        }
        _ => host.violation("continues what is not a request"),
    }
    Ok(())
}

fn close_stream(host: &mut Host, kind: u32) -> Result<(), Status> {
    if kind > LAST_STREAM_TYPE {
        return Err(BAD_ARGUMENT);
    }
    let id = host.acting();
    if kind == REQUEST && host.streams.contains_key(&id) {
        host.deferred.push_back(Deferred::Reset(id));
    } else {
        host.violation("resets what is not a request");
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn send_local_response(
    caller: Caller<'_, Host>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    _grpc_status: u32,
) -> Status {
    run(caller, "proxy_send_local_response", |caller| {
        let details = read(caller, details, details_size)?;
        let body = read(caller, body, body_size)?;
        let headers = deserialize(&read(caller, headers, headers_size)?);
        let host = caller.data_mut();
        host.stop_iteration = true;
        let id = host.acting();
        if headers.is_none() {
            host.violation("answers with malformed headers");
        }
        if !host.streams.contains_key(&id) {
            host.violation("answers what is not a request");
            return Ok(());
        }
        let answer = Answer {
            status,
            details: String::from_utf8_lossy(&details).into_owned(),
            headers: headers.unwrap_or_default(),
            body,
        };
        host.deferred.push_back(Deferred::Answer(id, answer));
        Ok(())
    })
}
