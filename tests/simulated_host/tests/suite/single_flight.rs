//! One question per key, whoever asks and whoever leaves.

use std::time::Duration;

use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, WRITE, World, request};

/// After so long without a renewal a claim has lapsed.
const LEASE: Duration = Duration::from_millis(250);

/// Each worker's requests for `reader`, as many as there are to a worker, opened in turn.
fn open(world: &mut World, each: usize) -> Vec<(usize, u32)> {
    let mut streams = Vec::new();
    for _ in 0..each {
        for worker in 0..world.workers.len() {
            let stream = world.open(worker, request(READ, Some("reader"), &[]));
            streams.push((worker, stream));
        }
    }
    streams
}

fn assert_all(world: &World, streams: &[(usize, u32)], result: &str) {
    for (worker, stream) in streams {
        assert_eq!(world.result(*worker, *stream), result, "{worker} {stream}");
    }
}

#[test]
fn a_key_that_is_cold_everywhere_costs_one_callout() {
    for workers in 1..=4 {
        for each in [1, 2, 50] {
            let mut world = World::new(workers, CONFIGURATION, 1);
            let streams = open(&mut world, each);
            assert_eq!(world.callouts(), 1, "{workers} × {each}");
            // The answer takes its time; those who watch tick meanwhile.
            world.advance_ticking(Duration::from_millis(1500));
            assert_eq!(world.callouts(), 1, "{workers} × {each}");
            assert_all(&world, &streams, "waits");
            world.reply(0, service::valid("reader", &["model:read"]));
            world.advance_ticking(Duration::from_millis(5));
            assert_all(&world, &streams, "forwarded");
            let warm = open(&mut world, each);
            assert_all(&world, &warm, "forwarded");
            assert_eq!(world.callouts(), 1, "{workers} × {each}");
            world.assert_sound();
        }
    }
}

#[test]
fn every_outcome_reaches_those_who_wait_on_all_workers() {
    for (reply, result) in [
        (service::status(401), "401 key_invalid"),
        (service::status(403), "403 key_refused"),
        (service::status(429), "429 rate_limited"),
        (service::status(500), "503 auth_unavailable"),
        (service::reset(), "503 auth_unavailable"),
    ] {
        let mut world = World::new(3, CONFIGURATION, 1);
        let streams = open(&mut world, 5);
        world.advance_ticking(Duration::from_millis(100));
        world.reply(0, reply);
        world.advance_ticking(Duration::from_millis(5));
        assert_all(&world, &streams, result);
        assert_eq!(world.callouts(), 1, "{result}");
        world.assert_sound();
    }
}

#[test]
fn the_same_answer_is_judged_for_each_request_on_its_own() {
    let mut world = World::new(2, CONFIGURATION, 1);
    let mut expected = Vec::new();
    for worker in [0, 1] {
        for (target, result) in [(READ, "forwarded"), (WRITE, "403 scope_missing")] {
            let stream = world.open(worker, request(target, Some("reader"), &[]));
            expected.push((worker, stream, result));
        }
    }
    world.settle();
    for (worker, stream, result) in expected {
        assert_eq!(world.result(worker, stream), result);
    }
    assert_eq!(world.callouts(), 1);
    world.assert_sound();
}

#[test]
fn whoever_has_asked_may_leave_and_the_others_are_answered() {
    for workers in [1, 3] {
        for (reply, result) in [
            (service::valid("reader", &["model:read"]), "forwarded"),
            (service::status(401), "401 key_invalid"),
        ] {
            let mut world = World::new(workers, CONFIGURATION, 1);
            let mut streams = open(&mut world, 4);
            let (worker, leader) = streams.remove(0);
            world.workers[worker].delete(leader);
            world.advance_ticking(Duration::from_millis(100));
            world.reply(0, reply);
            world.advance_ticking(Duration::from_millis(5));
            assert_all(&world, &streams, result);
            assert_eq!(world.callouts(), 1, "{workers} {result}");
            world.assert_sound();
        }
    }
}

#[test]
fn when_the_worker_that_asks_goes_another_asks_once_more() {
    for workers in [2, 4] {
        let mut world = World::new(workers, CONFIGURATION, 1);
        let streams = open(&mut world, 10);
        let (gone, stay): (Vec<_>, Vec<_>) = streams.iter().partition(|(worker, _)| *worker == 0);
        for (worker, stream) in gone {
            world.workers[worker].delete(stream);
        }
        let root = world.roots[0];
        world.workers[0].remove_root(root);
        assert!(world.workers[0].host().roots.is_empty());
        world.advance_ticking(LEASE - Duration::from_millis(10));
        assert_eq!(world.callouts(), 1, "{workers}: the claim holds");
        world.advance_ticking(Duration::from_millis(20));
        assert_eq!(world.callouts(), 2, "{workers}: one of them asks");
        world.settle();
        assert_all(&world, &stay, "forwarded");
        assert_eq!(world.callouts(), 2, "{workers}");
        world.assert_sound();
    }
}

#[test]
fn nobody_waits_longer_than_the_timeout_and_a_tenth_of_a_second() {
    let limit = Duration::from_millis(2100);
    // Nobody ever answers. Requests come while others wait already, on all workers.
    for workers in [1, 2, 4] {
        for apart in [1, 7, 260, 700] {
            let mut world = World::new(workers, CONFIGURATION, 1);
            for _ in 0..20 {
                for worker in 0..workers {
                    world.open(worker, request(READ, Some("reader"), &[]));
                }
                world.advance_ticking(Duration::from_millis(apart));
            }
            world.advance_ticking(limit);
            for worker in &world.workers {
                for stream in worker.host().streams.values() {
                    let decided = stream.decided_at.expect("decided").passed();
                    let waited = decided - stream.opened_at.passed();
                    assert!(waited <= limit, "{waited:?}, {workers} workers, {apart} ms");
                }
            }
            world.assert_sound();
        }
    }
}

/// The one who asks goes away at any moment: who takes over has only the time that is left.
#[test]
fn nobody_waits_longer_when_the_question_changes_hands() {
    for after in [0, 100, 1000, 1700, 1900, 2000] {
        let mut world = World::new(2, CONFIGURATION, 1);
        let asks = world.open(0, request(READ, Some("reader"), &[]));
        let waits = world.open(1, request(READ, Some("reader"), &[]));
        world.advance_ticking(Duration::from_millis(after));
        world.workers[0].delete(asks);
        let root = world.roots[0];
        world.workers[0].remove_root(root);
        world.advance_ticking(Duration::from_millis(2100 - after));
        assert_eq!(world.result(1, waits), "503 auth_unavailable", "{after}");
        world.assert_sound();
    }
}
