//! Streams and roots that go away at the worst time.

use std::time::Duration;

use simulated_host::service;
use simulated_host::stream::Request;
use simulated_host::world::{CONFIGURATION, READ, World, request};

#[test]
fn a_caller_who_leaves_while_the_auth_service_is_asked_disturbs_nobody() {
    let replies = [
        service::valid("reader", &["model:read"]),
        service::status(401),
        service::in_place(504),
        service::reset(),
    ];
    for reply in replies {
        let mut world = World::single();
        let left = world.open(0, request(READ, Some("reader"), &[]));
        let stays = world.open(0, request(READ, Some("reader"), &[]));
        world.workers[0].delete(left);
        while world.reply(0, reply.clone()) {}
        assert_eq!(world.result(0, left), "waits");
        assert_ne!(world.result(0, stays), "waits", "{reply:?}");
        world.workers[0].delete(stays);
        let later = world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        assert_ne!(world.result(0, later), "waits");
        world.assert_sound();
    }
}

#[test]
fn all_callers_leave_before_the_reply() {
    let mut world = World::single();
    for _ in 0..50 {
        let streams = [0; 5].map(|_| world.open(0, request(READ, Some("reader"), &[])));
        for stream in streams {
            world.workers[0].delete(stream);
        }
        world.settle();
    }
    world.assert_sound();
}

#[test]
fn a_stream_that_ends_as_it_is_answered_does_not_stop_the_others() {
    for reply in [service::status(401), service::reset()] {
        let mut world = World::single();
        let streams = [true, false, true].map(|hasty| {
            let request = request(READ, Some("nobody"), &[]);
            world.open(0, Request { hasty, ..request })
        });
        while world.reply(0, reply.clone()) {}
        for stream in streams {
            assert_ne!(world.result(0, stream), "waits");
        }
        world.assert_sound();
    }
}

#[test]
fn a_root_that_goes_takes_its_callouts_along() {
    let mut world = World::single();
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.workers[0].delete(stream);
    let old = world.roots[0];
    let (new, accepted) = world.workers[0].add_root(CONFIGURATION.as_bytes());
    assert!(accepted);
    world.workers[0].remove_root(old);
    world.roots[0] = new;
    assert!(!world.reply(0, service::status(401)), "cancelled");
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    world.assert_sound();
}

#[test]
fn memory_and_timers_are_what_they_were_when_all_streams_are_gone() {
    let mut world = World::single();
    let round = |world: &mut World, round: usize| {
        let mut streams = Vec::new();
        for number in 0..20 {
            // Half of the keys are new each time, as an attacker's would be.
            let key = if number % 2 == 0 {
                "reader".to_owned()
            } else {
                format!("k{round}_{number}")
            };
            let hasty = number % 3 == 0;
            let cold = request(READ, Some(&key), &[("x-request-id", &"r".repeat(200))]);
            streams.push(world.open(0, Request { hasty, ..cold }));
        }
        for stream in streams.iter().step_by(4) {
            world.workers[0].delete(*stream);
        }
        world.settle();
        for stream in streams {
            world.workers[0].delete(stream);
        }
        world.advance_ticking(Duration::from_secs(61));
        world.workers[0].gone.clear();
        world.workers[0].host_mut().log.clear();
    };
    for number in 0..50 {
        round(&mut world, number);
    }
    let warm = world.workers[0].memory_bytes();
    for number in 50..400 {
        round(&mut world, number);
    }
    assert_eq!(world.workers[0].memory_bytes(), warm);
    for root in world.workers[0].host().roots.values() {
        assert!(root.tick_period.is_zero() || root.tick_period >= Duration::from_secs(1));
    }
    world.assert_sound();
}
