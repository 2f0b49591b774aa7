//! Every host call the module makes, failing with every status, on every path on which it is made.
//!
//! The calls are not listed here: a first run of each path records them, so one that is added to the filter
//! is covered at once. What must hold: no trap; nothing goes upstream that would not have, or with other
//! headers than it would have; the request is answered or reset; and the worker is whole afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use simulated_host::callouts::Reply;
use simulated_host::faults::When;
use simulated_host::service;
use simulated_host::status::{FAILURES, Status};
use simulated_host::stream::{Outcome, Request};
use simulated_host::world::{CONFIGURATION, OUTSIDE, READ, WRITE, World, request};

/// Calls whose failure changes no decision.
const OBSERVING: &[&str] = &[
    "proxy_log",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_property",
    "proxy_set_property",
];

/// A path through the filter: what leads there, and what is done on it. Calls fail on worker 0 alone.
struct Path {
    name: &'static str,
    workers: usize,
    prepare: fn(&mut World),
    go: fn(&mut World) -> u32,
}

const PATHS: &[Path] = &[
    Path {
        workers: 1,
        name: "request outside",
        prepare: |_| {},
        go: |world| {
            world.open(
                0,
                request(OUTSIDE, None, &[("x-mlflow-authz-user", "root")]),
            )
        },
    },
    Path {
        workers: 1,
        name: "request without a key",
        prepare: |_| {},
        go: |world| world.open(0, request(READ, None, &[])),
    },
    Path {
        workers: 1,
        name: "request with a new key",
        prepare: |_| {},
        go: |world| world.open(0, request(READ, Some("reader"), SPOOF)),
    },
    Path {
        workers: 1,
        name: "request with a known key",
        prepare: know_the_reader,
        go: |world| world.open(0, request(READ, Some("reader"), SPOOF)),
    },
    Path {
        workers: 1,
        name: "refused request with a known key",
        prepare: know_the_reader,
        go: |world| world.open(0, request(WRITE, Some("reader"), SPOOF)),
    },
    Path {
        workers: 1,
        name: "reply: valid",
        prepare: |world| {
            world.open(0, request(READ, Some("reader"), SPOOF));
        },
        go: reply,
    },
    Path {
        workers: 1,
        name: "reply: scope missing",
        prepare: |world| {
            world.open(0, request(WRITE, Some("reader"), SPOOF));
        },
        go: reply,
    },
    Path {
        workers: 1,
        name: "reply: invalid, the stream ends as it is answered",
        prepare: |world| {
            let request = request(READ, Some("nobody"), &[]);
            let hasty = true;
            world.open(0, Request { hasty, ..request });
        },
        go: reply,
    },
    Path {
        workers: 1,
        name: "a reply that does not come",
        prepare: |world| {
            world.open(0, request(READ, Some("reader"), &[]));
        },
        go: |world| {
            world.advance_ticking(Duration::from_secs(3));
            world.reply(0, service::in_place(504));
            only_stream(world)
        },
    },
    Path {
        workers: 2,
        name: "watching another worker: valid",
        prepare: asked_by_a_neighbour,
        go: |world| {
            watch(
                world,
                "reader",
                Some(service::valid("reader", &["model:read"])),
            )
        },
    },
    Path {
        workers: 2,
        name: "watching another worker: invalid",
        prepare: |world| {
            world.open(1, request(READ, Some("nobody"), &[]));
        },
        go: |world| watch(world, "nobody", Some(service::status(401))),
    },
    Path {
        workers: 2,
        name: "watching another worker that goes away",
        prepare: asked_by_a_neighbour,
        go: |world| {
            let stream = watch(world, "reader", None);
            let theirs = stream_of_neighbour(world);
            world.workers[1].delete(theirs);
            let root = world.roots[1];
            world.workers[1].remove_root(root);
            world.advance_ticking(Duration::from_millis(245));
            // Whoever keeps a claim alive while nobody is there would keep this from being answered.
            world.reply(0, service::valid("reader", &["model:read"]));
            stream
        },
    },
    Path {
        workers: 2,
        name: "another worker's word",
        prepare: |world| {
            asked_by_a_neighbour(world);
            world.reply_to_all();
        },
        go: |world| world.open(0, request(READ, Some("reader"), SPOOF)),
    },
];

fn asked_by_a_neighbour(world: &mut World) {
    world.open(1, request(READ, Some("reader"), &[]));
}

fn stream_of_neighbour(world: &World) -> u32 {
    *world.workers[1].host().streams.keys().next().unwrap()
}

/// Opens a request, and has the neighbour answered after some ticks.
fn watch(world: &mut World, key: &str, answer: Option<Reply>) -> u32 {
    let stream = world.open(0, request(READ, Some(key), SPOOF));
    world.advance_ticking(Duration::from_millis(2));
    if let Some(answer) = answer {
        world.reply(1, answer);
    }
    world.advance_ticking(Duration::from_millis(6));
    stream
}

const SPOOF: &[(&str, &str)] = &[("x-mlflow-authz-user", "root")];

fn know_the_reader(world: &mut World) {
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    world.workers[0].delete(stream);
    world.workers[0].gone.clear();
    // Whatever is refreshed early is due.
    world.advance(Duration::from_secs(58));
}

fn reply(world: &mut World) -> u32 {
    world.reply_to_all();
    only_stream(world)
}

fn only_stream(world: &World) -> u32 {
    let worker = &world.workers[0];
    let mut streams = worker.host().streams.keys().chain(worker.gone.keys());
    *streams.next().expect("one stream")
}

fn made(world: &World) -> BTreeMap<&'static str, u64> {
    world.workers[0].host().faults.made().clone()
}

/// Takes a path with a fault on it. Then the fault ends, and what still waits is settled.
fn take(
    path: &Path,
    fault: Option<(&str, When, Status)>,
) -> (World, u32, BTreeMap<&'static str, u64>) {
    let mut world = World::new(path.workers, CONFIGURATION, 1);
    (path.prepare)(&mut world);
    let before = made(&world);
    if let Some((call, when, status)) = fault {
        world.workers[0].host_mut().faults.order(call, when, status);
    }
    let stream = (path.go)(&mut world);
    let mut calls = made(&world);
    calls.retain(|call, count| {
        *count -= before.get(call).copied().unwrap_or_default();
        *count > 0
    });
    world.workers[0].host_mut().faults.clear();
    world.settle();
    (world, stream, calls)
}

fn statuses() -> impl Iterator<Item = Status> {
    FAILURES.iter().map(|(status, _)| *status)
}

#[test]
fn no_failing_host_call_traps_or_lets_an_undecided_request_through() {
    let mut taken = 0;
    for path in PATHS {
        let (world, stream, calls) = take(path, None);
        let usual = world.outcome(0, stream).cloned();
        let usual_result = world.result(0, stream);
        assert!(usual.is_some(), "{}", path.name);
        world.assert_sound();
        for (call, count) in calls {
            // Of a tick's calls, made over and over, a part will do.
            let some = |nth: &u64| *nth <= 6 || nth.is_multiple_of(17) || *nth == count;
            let each = (1..=count)
                .filter(some)
                .map(When::Nth)
                .chain([When::Always]);
            for when in each {
                // What is written of statuses is tried on the paths that take one worker.
                let few = |status: &Status| path.workers == 1 || [1, 10].contains(status);
                for status in statuses().filter(few) {
                    let case = format!("{}: {call} {when:?} returns {status}", path.name);
                    let (mut world, stream, _) = take(path, Some((call, when, status)));
                    assert_eq!(world.faults(), Vec::<String>::new(), "{case}");
                    let outcome = world.outcome(0, stream).cloned();
                    match &outcome {
                        Some(Outcome::Forwarded(_)) => assert_eq!(outcome, usual, "{case}"),
                        Some(Outcome::Answered(answer)) => assert!(
                            outcome == usual || answer.status == 503,
                            "{case}: {answer:?}"
                        ),
                        // Nothing is left to try when no call that ends a request succeeds.
                        Some(Outcome::Reset) => {}
                        // A host that will not act for a stream that is there leaves no way to end it.
                        None => assert_eq!(
                            call, "proxy_set_effective_context",
                            "{case}: waits for ever"
                        ),
                    }
                    if OBSERVING.contains(&call) {
                        assert_eq!(world.result(0, stream), usual_result, "{case}");
                    }
                    let next = world.open(0, request(READ, Some("writer"), &[]));
                    world.settle();
                    assert_eq!(world.result(0, next), "forwarded", "afterwards: {case}");
                    world.assert_sound();
                    taken += 1;
                }
            }
        }
    }
    assert!(taken > 1000, "{taken}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused_and_what_only_observes_is_not_needed() {
    let mut world = World::single();
    let calls_before = made(&world);
    world.workers[0].add_root(CONFIGURATION.as_bytes());
    let mut calls = made(&world);
    calls.retain(|call, count| *count > calls_before.get(call).copied().unwrap_or_default());
    assert!(calls.contains_key("proxy_get_buffer_bytes"), "{calls:?}");
    for call in calls.into_keys() {
        for status in statuses() {
            let case = format!("{call} returns {status}");
            let mut world = World::single();
            let faults = &mut world.workers[0].host_mut().faults;
            faults.order(call, When::Always, status);
            let (root, accepted) = world.workers[0].add_root(CONFIGURATION.as_bytes());
            world.workers[0].host_mut().faults.clear();
            let stream = world.workers[0].open(root, request(READ, Some("reader"), &[]));
            world.settle();
            let expected = if accepted {
                "forwarded"
            } else {
                "503 auth_unavailable"
            };
            assert_eq!(world.result(0, stream), expected, "{case}");
            assert_eq!(accepted, call != "proxy_get_buffer_bytes", "{case}");
            world.assert_sound();
        }
    }
}

#[test]
fn a_request_that_can_neither_go_on_nor_be_answered_is_held() {
    let mut world = World::single();
    for call in [
        "proxy_continue_stream",
        "proxy_send_local_response",
        "proxy_close_stream",
    ] {
        let faults = &mut world.workers[0].host_mut().faults;
        faults.order(call, When::Always, 10);
    }
    for key in ["reader", "nobody"] {
        let stream = world.open(0, request(WRITE, Some(key), &[]));
        world.reply_to_all();
        world.advance_ticking(Duration::from_secs(5));
        assert_eq!(world.result(0, stream), "waits", "{key}");
    }
    let stream = world.open(0, request(READ, None, &[]));
    assert_eq!(world.result(0, stream), "waits");
    world.assert_sound();
}

#[test]
fn a_cluster_that_is_not_there_is_a_503() {
    let mut world = World::single();
    world.workers[0].host_mut().clusters.clear();
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.advance_ticking(Duration::from_millis(100));
    assert_eq!(world.result(0, stream), "503 auth_unavailable");
    world.assert_sound();
}
