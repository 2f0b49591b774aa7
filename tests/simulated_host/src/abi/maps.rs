//! Header maps and buffers. A request's headers are there until it goes on, a reply's during its callback.

use wasmtime::{Caller, Linker};

use super::{give, read, run};
use crate::host::Host;
use crate::pairs::{Pair, serialize};
use crate::status::{BAD_ARGUMENT, NOT_FOUND, OK, Status};

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const CALLOUT_REPLY_HEADERS: u32 = 6;
const LAST_MAP: u32 = 7;
const REQUEST_BODY: u32 = 0;
const CALLOUT_REPLY_BODY: u32 = 4;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const LAST_BUFFER: u32 = 8;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_get_header_map_pairs", get_pairs)?;
    linker.func_wrap("env", "proxy_get_header_map_value", get_value)?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |caller: Caller<'_, Host>, map: u32, key: u32, key_size: u32, value: u32, size: u32| {
            run(caller, "proxy_replace_header_map_value", |caller| {
                let key = read(caller, key, key_size)?;
                let value = read(caller, value, size)?;
                replace(change(caller.data_mut(), map)?, &key, value);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_add_header_map_value",
        |caller: Caller<'_, Host>, map: u32, key: u32, key_size: u32, value: u32, size: u32| {
            run(caller, "proxy_add_header_map_value", |caller| {
                let key = read(caller, key, key_size)?.to_ascii_lowercase();
                let value = read(caller, value, size)?;
                change(caller.data_mut(), map)?.push((key, value));
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, Host>, map: u32, key: u32, key_size: u32| {
            run(caller, "proxy_remove_header_map_value", |caller| {
                let key = read(caller, key, key_size)?;
                change(caller.data_mut(), map)?
                    .retain(|(name, _)| !name.eq_ignore_ascii_case(&key));
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_buffer_bytes", get_buffer)?;
    Ok(())
}

/// The pairs of a map; `None` where the acting context has no such map now.
fn pairs_of(host: &Host, map: u32) -> Option<&[Pair]> {
    let acting = host.acting();
    match map {
        REQUEST_HEADERS => {
            let stream = host.streams.get(&acting)?;
            stream.readable.then_some(stream.headers.as_slice())
        }
        REQUEST_TRAILERS => {
            let stream = host.streams.get(&acting)?;
            stream
                .trailers_readable
                .then_some(stream.trailers.as_slice())
        }
        CALLOUT_REPLY_HEADERS => {
            let (root, reply) = host.reply.as_ref()?;
            (*root == host.root_of(acting)).then_some(reply.headers.as_slice())
        }
        _ => None,
    }
}

fn change(host: &mut Host, map: u32) -> Result<&mut Vec<Pair>, Status> {
    let acting = host.acting();
    match host.streams.get_mut(&acting) {
        Some(stream) if map == REQUEST_HEADERS && stream.readable => Ok(&mut stream.headers),
        Some(stream) if map == REQUEST_TRAILERS && stream.trailers_readable => {
            Ok(&mut stream.trailers)
        }
        _ => Err(BAD_ARGUMENT),
    }
}

fn replace(pairs: &mut Vec<Pair>, key: &[u8], value: Vec<u8>) {
    let same = |(name, _): &Pair| name.eq_ignore_ascii_case(key);
    let at = pairs.iter().position(same).unwrap_or(pairs.len());
    pairs.retain(|pair| !same(pair));
    pairs.insert(at, (key.to_ascii_lowercase(), value));
}

fn get_pairs(caller: Caller<'_, Host>, map: u32, data: u32, size: u32) -> Status {
    run(caller, "proxy_get_header_map_pairs", |caller| {
        let host = caller.data();
        if map > LAST_MAP {
            return Err(BAD_ARGUMENT);
        }
        let bytes = match (pairs_of(host, map), host.odd.maps.get(&map)) {
            (None, _) if host.odd.absent_map != OK => return Err(host.odd.absent_map),
            (None, _) => Vec::new(),
            (Some(_), Some(odd)) => odd.clone(),
            (Some(pairs), None) => serialize(pairs),
        };
        give(caller, &bytes, data, size)
    })
}

fn get_value(
    caller: Caller<'_, Host>,
    map: u32,
    key: u32,
    key_size: u32,
    data: u32,
    size: u32,
) -> Status {
    run(caller, "proxy_get_header_map_value", |caller| {
        let key = read(caller, key, key_size)?;
        let pairs = pairs_of(caller.data(), map).ok_or(NOT_FOUND)?;
        let found = pairs
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&key));
        let value = found.ok_or(NOT_FOUND)?.1.clone();
        give(caller, &value, data, size)
    })
}

fn get_buffer(
    caller: Caller<'_, Host>,
    buffer: u32,
    start: u32,
    length: u32,
    data: u32,
    size: u32,
) -> Status {
    run(caller, "proxy_get_buffer_bytes", |caller| {
        if buffer > LAST_BUFFER {
            return Err(BAD_ARGUMENT);
        }
        let end = start.checked_add(length).ok_or(BAD_ARGUMENT)?;
        let host = caller.data();
        let acting = host.acting();
        let bytes = match buffer {
            REQUEST_BODY => host.streams.get(&acting).map(|stream| &stream.body),
            CALLOUT_REPLY_BODY => host
                .reply
                .as_ref()
                .filter(|(root, _)| *root == host.root_of(acting))
                .map(|(_, reply)| &reply.body),
            PLUGIN_CONFIGURATION if host.callback == "proxy_on_configure" => {
                host.roots.get(&acting).map(|root| &root.configuration)
            }
            VM_CONFIGURATION => Some(const { &Vec::new() }),
            _ => None,
        };
        let bytes = bytes.ok_or(NOT_FOUND)?;
        let end = bytes.len().min(end as usize);
        let part = bytes.get(start as usize..end).unwrap_or_default().to_vec();
        if part.is_empty() {
            // Envoy writes nothing then.
            return Ok(());
        }
        give(caller, &part, data, size)
    })
}
