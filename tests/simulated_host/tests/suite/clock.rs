//! A clock that jumps.

use std::time::Duration;

use simulated_host::faults::When;
use simulated_host::service;
use simulated_host::status::INTERNAL_FAILURE;
use simulated_host::world::{READ, WRITE, World, request};

const TTL: Duration = Duration::from_secs(60);

/// A world in which `reader` is known since this moment.
fn warm() -> World {
    let mut world = World::single();
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, stream), "forwarded");
    world
}

#[test]
fn a_principal_is_trusted_for_its_ttl_and_no_longer() {
    for (age, result) in [
        (Duration::ZERO, "forwarded"),
        (TTL / 2, "forwarded"),
        (TTL, "waits"),
        (TTL * 100, "waits"),
    ] {
        let mut world = warm();
        world.advance(age);
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        assert_eq!(world.result(0, stream), result, "{age:?}");
        world.settle();
        assert_eq!(world.result(0, stream), "forwarded", "{age:?}");
        world.assert_sound();
    }
}

#[test]
fn a_clock_that_jumps_back_never_prolongs_a_principal() {
    for back in [1, 60_000, 3_600_000, u64::MAX / 1_000_000] {
        let mut world = warm();
        let back = Duration::from_millis(back);
        world.commons.borrow_mut().clock.go_back(back);
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        assert_eq!(
            world.result(0, stream),
            "waits",
            "known from the future, {back:?}"
        );
        world.settle();
        assert_eq!(world.result(0, stream), "forwarded", "{back:?}");
        world.assert_sound();
    }
}

/// It cannot be told from one that came before the key was revoked.
#[test]
fn a_reply_that_comes_at_no_known_time_is_not_believed() {
    let mut world = World::single();
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    world.workers[0].host_mut().faults.order(
        "proxy_get_current_time_nanoseconds",
        When::Always,
        INTERNAL_FAILURE,
    );
    world.reply(0, service::valid("reader", &["model:read"]));
    world.workers[0].host_mut().faults.clear();
    assert_eq!(world.result(0, stream), "503 auth_unavailable");
    world.advance_ticking(Duration::from_secs(2));
    let next = world.open(0, request(READ, Some("reader"), &[]));
    assert_eq!(world.result(0, next), "waits");
}

#[test]
fn a_clock_that_jumps_while_a_request_waits() {
    let jumps: [fn(&mut World); 4] = [
        |world| {
            world
                .commons
                .borrow_mut()
                .clock
                .go_back(Duration::from_secs(3600))
        },
        |world| world.commons.borrow_mut().clock.jump_to(Duration::ZERO),
        |world| world.advance(Duration::from_secs(400 * 365 * 86_400)),
        |world| {
            world
                .commons
                .borrow_mut()
                .clock
                .jump_to(Duration::from_nanos(u64::MAX))
        },
    ];
    for (number, jump) in jumps.iter().enumerate() {
        for target in [READ, WRITE] {
            let mut world = World::single();
            let stream = world.open(0, request(target, Some("reader"), &[]));
            jump(&mut world);
            world.settle();
            let result = world.result(0, stream);
            assert!(
                ["forwarded", "403 scope_missing"].contains(&result.as_str()),
                "{number}: {result}"
            );
            let next = world.open(0, request(target, Some("reader"), &[]));
            world.settle();
            assert_eq!(world.result(0, next), result, "{number}");
            world.assert_sound();
        }
    }
}

#[test]
fn what_a_key_was_before_a_clock_went_back_does_not_outlast_its_refusal() {
    let cases = [
        (401, "401 key_invalid", 0),
        (403, "403 key_refused", 0),
        (401, "401 key_invalid", 1),
        (403, "403 key_refused", 1),
        (403, "403 key_refused", 100),
    ];
    for (refusal, result, asked_for) in cases {
        let mut world = warm();
        world
            .commons
            .borrow_mut()
            .clock
            .go_back(Duration::from_millis(1));
        let refused = world.open(0, request(READ, Some("reader"), &[]));
        // By the time of the reply the clock may have caught up.
        world.advance_ticking(Duration::from_millis(asked_for));
        world.reply(0, service::status(refusal));
        assert_eq!(world.result(0, refused), result);
        // Neither memory is fresh any more, and the service is down.
        world.advance(TTL + Duration::from_secs(1));
        let later = world.open(0, request(READ, Some("reader"), &[]));
        while world.reply(0, service::status(500)) {}
        assert_eq!(
            world.result(0, later),
            "503 auth_unavailable",
            "{refusal} {asked_for}"
        );
        world.assert_sound();
    }
}
