//! What once went wrong, each as small as it could be made.

use std::time::Duration;

use simulated_host::faults::When;
use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, World, request};

const MILLISECOND: Duration = Duration::from_millis(1);

fn two_workers() -> World {
    World::new(2, CONFIGURATION, 1)
}

fn fail(world: &mut World, worker: usize, call: &str, when: When) {
    world.workers[worker]
        .host_mut()
        .faults
        .order(call, when, 10);
}

/// Without ticks nobody would ever look at what came of the neighbour's question.
#[test]
fn a_request_that_watches_another_worker_without_a_timer_asks_itself() {
    for when in [When::Nth(1), When::Nth(2), When::Always] {
        let mut world = two_workers();
        let asks = world.open(0, request(READ, Some("reader"), &[]));
        fail(&mut world, 1, "proxy_set_tick_period_milliseconds", when);
        let watches = world.open(1, request(READ, Some("reader"), &[]));
        world.advance_ticking(30 * MILLISECOND);
        world.settle();
        assert_eq!(world.result(0, asks), "forwarded", "{when:?}");
        assert_eq!(world.result(1, watches), "forwarded", "{when:?}");
        world.assert_sound();
    }
}

#[test]
fn a_watcher_whose_timer_fails_asks_although_the_last_to_join_it_has_left() {
    let mut world = two_workers();
    world.open(0, request(READ, Some("reader"), &[]));
    let stays = world.open(1, request(READ, Some("reader"), &[]));
    let leaves = world.open(1, request(READ, Some("reader"), &[]));
    world.workers[1].delete(leaves);
    // The next change of the period: from eager to patient.
    fail(
        &mut world,
        1,
        "proxy_set_tick_period_milliseconds",
        When::Always,
    );
    world.advance_ticking(100 * MILLISECOND);
    while world.reply(1, service::valid("reader", &["model:read"])) {}
    assert_eq!(world.result(1, stays), "forwarded");
    world.assert_sound();
}

/// The old plugin is told to abandon those who wait by the only event it will ever see again.
#[test]
fn a_root_configured_again_answers_those_who_wait_even_if_the_clock_cannot_be_read() {
    let calls = [
        "proxy_get_current_time_nanoseconds",
        "proxy_set_tick_period_milliseconds",
        "proxy_get_header_map_pairs",
        "proxy_send_local_response",
        "proxy_get_buffer_bytes",
    ];
    for call in calls {
        for nth in 1..=3 {
            let mut world = World::single();
            let root = world.roots[0];
            let stream = world.open(0, request(READ, Some("reader"), &[]));
            fail(&mut world, 0, call, When::Nth(nth));
            world.workers[0].configure(root, CONFIGURATION.as_bytes());
            world.workers[0].host_mut().faults.clear();
            world.settle();
            assert_ne!(world.result(0, stream), "waits", "{call} {nth}");
            world.assert_sound();
        }
    }
}

/// The new plugin does not know of the period that the old one had set.
#[test]
fn a_root_configured_again_does_not_tick_for_nobody() {
    for call in [
        "proxy_get_current_time_nanoseconds",
        "proxy_set_tick_period_milliseconds",
    ] {
        let mut world = World::single();
        let root = world.roots[0];
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        fail(&mut world, 0, call, When::Nth(1));
        world.workers[0].configure(root, CONFIGURATION.as_bytes());
        world.workers[0].host_mut().faults.clear();
        world.workers[0].delete(stream);
        world.settle();
        world.advance_ticking(Duration::from_secs(5));
        let period = world.workers[0].host().roots[&root].tick_period;
        assert_eq!(period, Duration::ZERO, "{call}");
        world.assert_sound();
    }
}

/// One failed call each time: the timer, then the clock while the reply is handled.
#[test]
fn a_reply_whose_event_is_lost_while_there_is_no_timer_leaves_nobody_waiting() {
    let mut world = World::single();
    fail(
        &mut world,
        0,
        "proxy_set_tick_period_milliseconds",
        When::Nth(1),
    );
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    fail(
        &mut world,
        0,
        "proxy_get_current_time_nanoseconds",
        When::Nth(1),
    );
    world.settle();
    assert_ne!(world.result(0, stream), "waits");
    world.assert_sound();
}

/// The service no longer knows the cursor while a question is open; then it says that the key is valid.
#[test]
fn a_valid_key_is_not_called_invalid_because_a_cursor_was_forgotten() {
    let revocation = r#"{"revocation": {"path": "/revoked", "every": "4s"},"#;
    let configuration = CONFIGURATION.replacen('{', revocation, 1);
    let mut world = World::new(1, &configuration, 1);
    world.advance_ticking(Duration::from_secs(1));
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    // The poll was sent before.
    assert!(world.reply(0, service::status(410)));
    world.settle();
    assert_ne!(world.result(0, stream), "401 key_invalid");
    world.assert_sound();
}

/// The switch to the root's context succeeds, the one back does not.
#[test]
fn a_request_is_never_resumed_in_the_name_of_its_root() {
    for nth in 1..=12 {
        let mut world = two_workers();
        world.open(1, request(READ, Some("reader"), &[]));
        fail(&mut world, 0, "proxy_set_effective_context", When::Nth(nth));
        world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        assert_eq!(world.faults(), Vec::<String>::new(), "{nth}");
    }
}

/// Shared data is lost, and the next list makes the log as long as it was: its readers must notice.
#[test]
fn a_log_that_was_lost_and_filled_again_is_read_again() {
    let revocation = r#"{"revocation": {"path": "/revoked", "every": "4s"},"#;
    let configuration = CONFIGURATION.replacen('{', revocation, 1);
    let mut world = World::new(2, &configuration, 1);
    world.service.revoke("other");
    let known = world.open(1, request(READ, Some("reader"), &[]));
    world.settle();
    for _ in 0..10 {
        world.advance_ticking(Duration::from_secs(1));
        world.reply_to_all();
    }
    assert_eq!(world.result(1, known), "forwarded");
    world.service.revoke("reader");
    let polled = |world: &World| {
        let mut workers = world.workers.iter();
        workers.any(|worker| !worker.host().callouts.tokens().is_empty())
    };
    while !polled(&world) {
        world.advance_ticking(50 * MILLISECOND);
    }
    // It is lost while the poll is under way, which began after the first list: the service is asked again.
    world.commons.borrow_mut().shared_data.lose_everything();
    for _ in 0..10 {
        world.reply_to_all();
        world.advance_ticking(Duration::from_secs(1));
    }
    let revoked = world.open(1, request(READ, Some("reader"), &[]));
    assert_ne!(world.result(1, revoked), "forwarded");
    world.assert_sound();
}
