//! Calls that only observe: log, metrics, properties, time. None of them may change what becomes of a request.

use wasmtime::{Caller, Linker};

use super::{give, read, run, write};
use crate::host::Host;
use crate::metadata;
use crate::status::{BAD_ARGUMENT, NOT_FOUND, Status};

const CRITICAL: u32 = 5;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
/// An id's lowest bits tell the type (`kMetricTypeMask`).
const TYPE_MASK: u32 = 3;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |caller: Caller<'_, Host>, level: u32, text: u32, size: u32| {
            run(caller, "proxy_log", |caller| {
                let text = read(caller, text, size)?;
                if level > CRITICAL {
                    return Err(BAD_ARGUMENT);
                }
                let line = String::from_utf8_lossy(&text).into_owned();
                caller.data_mut().log.push((level, line));
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |caller: Caller<'_, Host>, at: u32| {
            run(caller, "proxy_get_current_time_nanoseconds", |caller| {
                let now = u64::try_from(caller.data().now().as_nanos()).unwrap_or(u64::MAX);
                write(caller, at, &now.to_le_bytes())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_define_metric", define_metric)?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |caller: Caller<'_, Host>, id: u32, offset: i64| {
            run(caller, "proxy_increment_metric", |caller| {
                increment(caller.data_mut(), id, offset)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |caller: Caller<'_, Host>, id: u32, value: u64| {
            run(caller, "proxy_record_metric", |caller| {
                record(caller.data_mut(), id, value)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_property", get_property)?;
    linker.func_wrap("env", "proxy_set_property", set_property)?;
    Ok(())
}

fn define_metric(caller: Caller<'_, Host>, kind: u32, name: u32, size: u32, id: u32) -> Status {
    run(caller, "proxy_define_metric", |caller| {
        let name = read(caller, name, size)?;
        if kind > HISTOGRAM {
            return Err(BAD_ARGUMENT);
        }
        let names = &mut caller.data_mut().metric_names;
        // Envoy gives out a new id each time; the metric behind it is the same.
        let new = u32::try_from(names.len() + 1).unwrap() * (TYPE_MASK + 1) + kind;
        names.push((new, String::from_utf8_lossy(&name).into_owned()));
        write(caller, id, &new.to_le_bytes())
    })
}

fn value(host: &mut Host, id: u32, change: impl FnOnce(&mut i64)) -> Result<(), Status> {
    let (_, name) = host
        .metric_names
        .iter()
        .find(|(known, _)| *known == id)
        .ok_or(NOT_FOUND)?;
    let mut commons = host.commons.borrow_mut();
    change(commons.metrics.entry(name.clone()).or_default());
    Ok(())
}

fn increment(host: &mut Host, id: u32, offset: i64) -> Result<(), Status> {
    match id & TYPE_MASK {
        COUNTER if offset > 0 => value(host, id, |value| *value += offset),
        GAUGE => value(host, id, |value| *value += offset),
        _ => Err(BAD_ARGUMENT),
    }
}

fn record(host: &mut Host, id: u32, recorded: u64) -> Result<(), Status> {
    let recorded = i64::try_from(recorded).unwrap_or(i64::MAX);
    value(host, id, |value| {
        *value = match id & TYPE_MASK {
            COUNTER => *value + recorded,
            HISTOGRAM => *value + 1,
            _ => recorded,
        };
    })
}

fn get_property(
    caller: Caller<'_, Host>,
    path: u32,
    path_size: u32,
    data: u32,
    size: u32,
) -> Status {
    run(caller, "proxy_get_property", |caller| {
        let path = read(caller, path, path_size)?;
        let host = caller.data();
        let stream = host.streams.get(&host.acting()).ok_or(NOT_FOUND)?;
        let metadata = path.strip_prefix(b"metadata\0filter_metadata\0");
        let value = match (stream.properties.get(&path), metadata) {
            (Some(value), _) => value.clone(),
            (None, Some(path)) => metadata::get(&stream.metadata, path)?,
            (None, None) => return Err(NOT_FOUND),
        };
        give(caller, &value, data, size)
    })
}

fn set_property(
    caller: Caller<'_, Host>,
    path: u32,
    path_size: u32,
    value: u32,
    size: u32,
) -> Status {
    run(caller, "proxy_set_property", |caller| {
        let path = [b"wasm.", read(caller, path, path_size)?.as_slice()].concat();
        let value = read(caller, value, size)?;
        let host = caller.data_mut();
        let acting = host.acting();
        let stream = host.streams.get_mut(&acting).ok_or(NOT_FOUND)?;
        stream.properties.insert(path, value);
        Ok(())
    })
}
