//! Callbacks that no sound host makes: for contexts that are not there, twice, too late, out of order. What must hold:
//! no trap, nothing goes upstream undecided, and the worker is whole afterwards.

use simulated_host::service;
use simulated_host::stream::{Outcome, Request};
use simulated_host::world::{CONFIGURATION, READ, WRITE, World, request};

const CONTINUE: Option<u32> = Some(0);
const PAUSE: Option<u32> = Some(1);
const REFUSED: &str = "503 auth_unavailable";
/// A context that was never created.
const NOWHERE: u32 = 4711;

fn odd(world: &mut World, name: &'static str, arguments: &[u32]) -> Option<u32> {
    world.workers[0].odd_callback(name, arguments)
}

fn waiting(world: &mut World, key: &str) -> u32 {
    let stream = world.open(0, request(READ, Some(key), &[]));
    assert_eq!(world.result(0, stream), "waits");
    stream
}

/// A request with a good key is decided as ever, in all states that the cache may be in.
fn assert_whole(world: &mut World, case: &str) {
    for key in ["reader", "writer"] {
        let stream = world.open(0, request(READ, Some(key), &[]));
        world.settle();
        assert_eq!(world.result(0, stream), "forwarded", "{case}");
        world.workers[0].delete(stream);
    }
    let stream = world.open(0, request(WRITE, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, stream), "403 scope_missing", "{case}");
    assert_eq!(world.workers[0].trap, None, "{case}");
}

#[test]
fn a_stream_whose_context_was_never_created_is_refused() {
    let mut world = World::single();
    world.workers[0].forgets_to_create = true;
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.workers[0].body(stream, b"{}".to_vec(), true);
    assert_eq!(world.result(0, stream), REFUSED);
    world.workers[0].delete(stream);
    world.workers[0].forgets_to_create = false;
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// What was in force when a stream began decides about it no more.
#[test]
fn a_stream_whose_root_is_configured_before_its_headers_come_is_refused() {
    let mut world = World::single();
    assert_whole(&mut world, "before");
    world.workers[0].configures_between = Some(CONFIGURATION.into());
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, stream), REFUSED);
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

#[test]
fn a_stream_under_a_root_that_is_not_there_is_refused() {
    let mut world = World::single();
    let stream = world.workers[0].open(NOWHERE, request(READ, Some("reader"), &[]));
    assert_eq!(world.result(0, stream), REFUSED);
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Body and trailers for a context without headers, and for one that is gone: held back.
#[test]
fn parts_of_a_request_that_was_never_decided_are_held_back() {
    for (name, arguments) in [
        ("proxy_on_request_headers", [NOWHERE, 4, 1].as_slice()),
        ("proxy_on_request_body", &[NOWHERE, 2, 1]),
        ("proxy_on_request_trailers", &[NOWHERE, 1]),
    ] {
        let mut world = World::single();
        assert_eq!(odd(&mut world, name, arguments), PAUSE, "{name}");
        world.workers[0].host_mut().violations.clear();

        let stream = world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        world.workers[0].delete(stream);
        let mut arguments = arguments.to_vec();
        arguments[0] = stream;
        assert_eq!(odd(&mut world, name, &arguments), PAUSE, "{name}, deleted");
        world.workers[0].host_mut().violations.clear();
        assert_whole(&mut world, name);
        world.assert_sound();
    }
}

#[test]
fn a_body_before_its_headers_is_held_back() {
    let mut world = World::single();
    let root = world.roots[0];
    let known = waiting(&mut world, "reader");
    world.settle();
    assert_eq!(world.result(0, known), "forwarded");
    odd(&mut world, "proxy_on_context_create", &[NOWHERE, root]);
    assert_eq!(
        odd(&mut world, "proxy_on_request_body", &[NOWHERE, 2, 0]),
        PAUSE
    );
    assert_eq!(
        odd(&mut world, "proxy_on_request_trailers", &[NOWHERE, 1]),
        PAUSE
    );
    world.workers[0].host_mut().violations.clear();
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Ids that are used again: what was decided for the stream before says nothing about the one after.
#[test]
fn a_context_created_a_second_time_is_decided_anew() {
    let mut world = World::single();
    let root = world.roots[0];
    let stream = waiting(&mut world, "reader");
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    assert_eq!(
        odd(&mut world, "proxy_on_request_body", &[stream, 2, 0]),
        CONTINUE
    );
    odd(&mut world, "proxy_on_context_create", &[stream, root]);
    assert_eq!(
        odd(&mut world, "proxy_on_request_body", &[stream, 2, 0]),
        PAUSE
    );
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

#[test]
fn a_second_header_block_does_not_decide_again() {
    let mut world = World::single();
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    assert_eq!(
        odd(&mut world, "proxy_on_request_headers", &[stream, 4, 1]),
        PAUSE
    );
    assert_eq!(world.callouts(), 1);
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    assert_eq!(
        odd(&mut world, "proxy_on_request_headers", &[stream, 4, 1]),
        CONTINUE
    );
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Envoy creates the root context of a plugin that lives in this VM a second time (`WasmBase::start`).
#[test]
fn a_root_created_a_second_time_stays_as_it_is() {
    let mut world = World::single();
    let root = world.roots[0];
    let stream = waiting(&mut world, "reader");
    odd(&mut world, "proxy_on_context_create", &[root, 0]);
    let late = waiting(&mut world, "writer");
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    assert_eq!(world.result(0, late), "forwarded");
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

#[test]
fn what_is_deleted_twice_or_was_never_there_disturbs_nobody() {
    let mut world = World::single();
    let root = world.roots[0];
    let gone = waiting(&mut world, "reader");
    let stays = waiting(&mut world, "reader");
    world.workers[0].delete(gone);
    for context in [gone, gone, NOWHERE, 0] {
        odd(&mut world, "proxy_on_delete", &[context]);
    }
    odd(&mut world, "proxy_on_tick", &[NOWHERE]);
    odd(&mut world, "proxy_on_tick", &[stays]);
    assert_eq!(
        odd(&mut world, "proxy_on_configure", &[NOWHERE, 10]),
        Some(0)
    );
    assert_eq!(world.result(0, stays), "waits");
    world.settle();
    assert_eq!(world.result(0, stays), "forwarded");
    let old = world.workers[0].add_root(CONFIGURATION.as_bytes()).0;
    world.workers[0].remove_root(old);
    odd(&mut world, "proxy_on_delete", &[old]);
    assert!(world.workers[0].host().roots.contains_key(&root));
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Tokens that were never given, that belong to another root, or come back a second time.
#[test]
fn a_reply_to_no_callout_decides_nothing() {
    let mut world = World::single();
    let stream = waiting(&mut world, "nobody");
    let token = world.workers[0].host().callouts.tokens()[0];
    let root = world.roots[0];
    let (other, _) = world.workers[0].add_root(CONFIGURATION.as_bytes());
    for (root, token) in [
        (root, NOWHERE),
        (other, token),
        (NOWHERE, token),
        (stream, token),
    ] {
        odd(
            &mut world,
            "proxy_on_http_call_response",
            &[root, token, 3, 9, 0],
        );
        assert_eq!(world.result(0, stream), "waits", "{root} {token}");
    }
    world.reply(0, service::status(401));
    assert_eq!(world.result(0, stream), "401 key_invalid");
    odd(
        &mut world,
        "proxy_on_http_call_response",
        &[root, token, 3, 9, 0],
    );
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Envoy keeps a root as long as one of its streams lives. Elsewhere its replies and ticks would never come.
#[test]
fn streams_of_a_root_that_is_deleted_are_refused() {
    let mut world = World::single();
    let old = world.roots[0];
    let waits = waiting(&mut world, "reader");
    odd(&mut world, "proxy_on_context_create", &[NOWHERE, old]);
    let hasty = request(READ, Some("reader"), &[]);
    let ends = world.open(
        0,
        Request {
            hasty: true,
            ..hasty
        },
    );
    odd(&mut world, "proxy_on_delete", &[old]);
    assert_eq!(world.result(0, waits), REFUSED);
    assert_eq!(world.result(0, ends), REFUSED);
    // A stream that has not begun has a plugin that sees no more events.
    assert_eq!(
        odd(&mut world, "proxy_on_request_headers", &[NOWHERE, 4, 1]),
        PAUSE
    );
    let last = world.workers[0].host_mut().violations.pop();
    assert!(last.is_some_and(|it| it.contains("answers what is not a request")));
    world.roots[0] = world.workers[0].add_root(CONFIGURATION.as_bytes()).0;
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

#[test]
fn memory_that_cannot_be_had_is_no_trap() {
    let mut world = World::single();
    for size in [0, u32::MAX, 3 << 30] {
        assert_eq!(
            odd(&mut world, "proxy_on_memory_allocate", &[size]),
            Some(0),
            "{size}"
        );
    }
    assert_ne!(odd(&mut world, "proxy_on_memory_allocate", &[1]), Some(0));
    assert_whole(&mut world, "afterwards");
    world.assert_sound();
}

/// Any callback, for any context, at any time.
#[test]
fn no_order_of_callbacks_traps_or_lets_an_undecided_request_through() {
    const CALLBACKS: &[(&str, usize)] = &[
        ("proxy_on_context_create", 2),
        ("proxy_on_configure", 2),
        ("proxy_on_delete", 1),
        ("proxy_on_request_headers", 3),
        ("proxy_on_request_body", 3),
        ("proxy_on_request_trailers", 2),
        ("proxy_on_http_call_response", 5),
        ("proxy_on_tick", 1),
    ];
    let mut random = fastrand::Rng::with_seed(15);
    let mut refused = 0;
    for round in 0..40 {
        let mut world = World::single();
        let root = world.roots[0];
        for _ in 0..200 {
            let (name, count) = CALLBACKS[random.usize(..CALLBACKS.len())];
            let mut arguments: Vec<u32> = (0..count).map(|_| random.u32(0..7)).collect();
            // Mostly under the root that is there.
            if name == "proxy_on_context_create" && random.u32(0..3) > 0 {
                arguments[1] = root;
            }
            if random.u32(0..8) == 0 {
                let key = ["nobody", "reader"][random.usize(..2)];
                world.open(0, request(WRITE, Some(key), &[]));
            }
            let action = odd(&mut world, name, &arguments);
            assert_eq!(world.workers[0].trap, None, "{round}: {name} {arguments:?}");
            if name.starts_with("proxy_on_request") {
                assert_eq!(action, PAUSE, "{round}: {name} {arguments:?}");
            }
            if random.u32(0..8) == 0 {
                world.reply_to_all();
            }
        }
        let streams = world.workers[0].host().streams.values();
        for stream in streams.chain(world.workers[0].gone.values()) {
            assert!(
                !matches!(stream.outcome, Some(Outcome::Forwarded(_))),
                "{round}"
            );
            refused += u32::from(stream.outcome.is_some());
        }
        world.workers[0].host_mut().violations.clear();
        world.roots[0] = world.workers[0].add_root(CONFIGURATION.as_bytes()).0;
        assert_whole(&mut world, "afterwards");
    }
    assert!(refused > 100, "{refused}");
}

/// The first callout's reply can no longer be told from the second's: who waits for it is refused. Not within the other
/// stream's callback, after which the host would not hold that other stream.
#[test]
fn a_token_given_twice_loses_the_first_lookup_only() {
    let mut world = World::single();
    let first = waiting(&mut world, "reader");
    world.workers[0].host_mut().callouts.repeats_a_token = true;
    let second = waiting(&mut world, "writer");
    assert_eq!(world.result(0, first), "waits");
    let root = world.roots[0];
    world.workers[0].tick(root);
    assert_eq!(world.result(0, first), REFUSED);
    assert_eq!(world.result(0, second), "waits");
    world.settle();
    assert_eq!(world.result(0, second), "forwarded");
    world.assert_sound();
}
