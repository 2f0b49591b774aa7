//! What a host sees on an ordinary day: decisions, callouts, what goes upstream.

use std::time::Duration;

use simulated_host::faults::When;
use simulated_host::pairs::{Pair, find, pairs};
use simulated_host::service;
use simulated_host::stream::{Outcome, Request};
use simulated_host::world::{CONFIGURATION, OUTSIDE, READ, WRITE, World, request};

const SPOOFED: &[(&str, &str)] = &[
    ("x-mlflow-authz-user", "root"),
    ("x_mlflow_authz_key", "root"),
    ("X-MLflow-Authz-Scopes", "admin"),
];

const UNSAFE_TRAILERS: &[(&str, &str)] = &[
    ("x-mlflow-authz-user", "root"),
    ("x.mlflow.authz.key", "root"),
    ("x_mlflow_authz_scopes", "admin"),
    ("authorization", "Bearer other"),
    ("x-original-url", "/other"),
];

const KEPT_TRAILERS: &[(&str, &str)] = &[("x-checksum", "1"), ("grpc-status", "0")];

fn trailers() -> Vec<Pair> {
    pairs(&[UNSAFE_TRAILERS, KEPT_TRAILERS].concat())
}

fn forwarded(world: &World, stream: u32) -> &[Pair] {
    match world.outcome(0, stream) {
        Some(Outcome::Forwarded(headers)) => headers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_key_costs_one_callout_and_goes_on_with_its_identity() {
    let mut world = World::single();
    let stream = world.open(0, request(READ, Some("reader"), SPOOFED));
    assert_eq!(world.result(0, stream), "waits");
    let callouts = &world.workers[0].host().callouts;
    let tokens = callouts.tokens();
    assert_eq!(tokens.len(), 1);
    let callout = callouts.get(tokens[0]).unwrap();
    assert_eq!(callout.key().as_deref(), Some("reader"));
    assert_eq!(callout.cluster, "auth_service");
    assert_eq!(callout.timeout.as_millis(), 2000);
    assert_eq!(find(&callout.headers, ":method"), Some(&b"POST"[..]));

    world.settle();
    let mut expected = request(READ, Some("reader"), &[]).headers;
    expected.extend(pairs(&[
        ("x-mlflow-authz-user", "user_reader"),
        ("x-mlflow-authz-key", "id_reader"),
        ("x-mlflow-authz-scopes", "model:read"),
    ]));
    assert_eq!(forwarded(&world, stream), expected);

    let warm = world.open(0, request(READ, Some("reader"), &[]));
    assert_eq!(forwarded(&world, warm), expected);
    assert_eq!(world.workers[0].host().callouts.sent, 1);
    world.assert_sound();
}

#[test]
fn results_by_key_and_operation() {
    for (target, key, result) in [
        (READ, Some("reader"), "forwarded"),
        (WRITE, Some("reader"), "403 scope_missing"),
        (READ, Some("writer"), "forwarded"),
        (WRITE, Some("writer"), "forwarded"),
        (WRITE, Some("refused"), "403 key_refused"),
        (READ, Some("limited"), "429 rate_limited"),
        (READ, Some("nobody"), "401 key_invalid"),
        (READ, None, "401 credential_missing"),
        (OUTSIDE, None, "forwarded"),
        (OUTSIDE, Some("nobody"), "forwarded"),
        (("GET", "/api/mlflow/health"), None, "forwarded"),
        (
            ("GET", "/api/mlflow/%2e%2e/health"),
            None,
            "400 target_ambiguous",
        ),
    ] {
        let mut world = World::single();
        let stream = world.open(0, request(target, key, SPOOFED));
        world.settle();
        assert_eq!(world.result(0, stream), result, "{target:?} {key:?}");
        if let Some(Outcome::Forwarded(headers)) = world.outcome(0, stream) {
            for (name, spoofed) in SPOOFED {
                assert_ne!(find(headers, name), Some(spoofed.as_bytes()), "{target:?}");
            }
        }
        world.workers[0].delete(stream);
        world.assert_sound();
    }
}

#[test]
fn what_is_no_good_reply_is_a_503() {
    let mut replies = service::garbage();
    replies.extend([
        service::reset(),
        service::in_place(503),
        service::in_place(504),
        service::status(500),
    ]);
    for (number, reply) in replies.into_iter().enumerate() {
        let mut world = World::single();
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        assert!(world.reply(0, reply));
        assert_eq!(world.result(0, stream), "503 auth_unavailable", "{number}");
        // The key is not asked about again at once, so that it does not take the service from others.
        let asked = world.workers[0].host().callouts.sent;
        let soon = world.open(0, request(READ, Some("reader"), &[]));
        assert_eq!(world.result(0, soon), "503 auth_unavailable", "{number}");
        assert_eq!(world.workers[0].host().callouts.sent, asked, "{number}");
        world.advance(Duration::from_secs(1));
        // Nothing of it is remembered as an answer about the key.
        let next = world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        assert_eq!(world.result(0, next), "forwarded", "{number}");
        world.assert_sound();
    }
}

#[test]
fn a_refusal_makes_the_filter_forget_what_it_knew() {
    // Asked about twice at once, where the filter does that: the second answer is a refusal.
    let mut world = World::single();
    for _ in 0..2 {
        world.open(0, request(READ, Some("reader"), &[]));
    }
    world.reply(0, service::valid("reader", &["model:read"]));
    if world.reply(0, service::status(401)) {
        let next = world.open(0, request(READ, Some("reader"), &[]));
        assert_ne!(world.result(0, next), "forwarded");
    }
    // Asked about in advance, where it does that.
    let mut world = World::single();
    world.open(0, request(READ, Some("reader"), &[]));
    world.settle();
    world.advance(Duration::from_secs(53));
    let early = world.open(0, request(READ, Some("reader"), &[]));
    if world.reply(0, service::status(401)) {
        assert_eq!(world.result(0, early), "forwarded");
        let next = world.open(0, request(READ, Some("reader"), &[]));
        assert_ne!(world.result(0, next), "forwarded");
    }
    world.assert_sound();
}

#[test]
fn bodies_and_trailers_are_held_until_the_decision_under_either_setting() {
    for stop_iteration in [false, true] {
        for (key, result) in [("writer", "forwarded"), ("reader", "403 scope_missing")] {
            let mut world = World::single();
            world.workers[0].allow_stop_iteration = stop_iteration;
            let upload = Request {
                more_follows: true,
                ..request(WRITE, Some(key), &[])
            };
            let stream = world.open(0, upload);
            for _ in 0..3 {
                world.workers[0].body(stream, vec![b'x'; 1000], false);
                assert_eq!(world.result(0, stream), "waits", "{stop_iteration}");
            }
            world.workers[0].trailers(stream, trailers());
            assert_eq!(world.result(0, stream), "waits", "{stop_iteration}");
            world.settle();
            assert_eq!(world.result(0, stream), result, "{stop_iteration}");
            if result == "forwarded" {
                let sent = &world.workers[0].host().streams[&stream].trailers;
                assert_eq!(*sent, pairs(KEPT_TRAILERS), "{stop_iteration}");
            }
            // What comes later passes, or is of no interest any more.
            world.workers[0].body(stream, vec![b'x'; 1000], true);
            world.workers[0].delete(stream);
            world.assert_sound();
        }
    }
}

#[test]
fn trailers_of_a_request_that_went_on_are_cleaned_and_one_whose_are_not_is_reset() {
    for (target, kept) in [(READ, &[][..]), (OUTSIDE, &[("x-original-url", "/other")])] {
        let mut world = World::single();
        world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        let with_trailers = || Request {
            more_follows: true,
            ..request(target, Some("reader"), &[])
        };
        let stream = world.open(0, with_trailers());
        world.workers[0].trailers(stream, trailers());
        assert_eq!(world.result(0, stream), "forwarded", "{target:?}");
        let sent = &world.workers[0].host().streams[&stream].trailers;
        assert_eq!(*sent, pairs(&[kept, KEPT_TRAILERS].concat()), "{target:?}");
        for call in [
            "proxy_get_header_map_pairs",
            "proxy_remove_header_map_value",
        ] {
            let stream = world.open(0, with_trailers());
            let faults = &mut world.workers[0].host_mut().faults;
            faults.order(call, When::Always, 10);
            world.workers[0].trailers(stream, trailers());
            world.workers[0].host_mut().faults.clear();
            world.settle();
            assert_eq!(
                world.outcome(0, stream),
                Some(&Outcome::Reset),
                "{target:?} {call}"
            );
        }
        world.assert_sound();
    }
}

#[test]
fn every_stream_is_refused_where_the_configuration_was() {
    for configuration in ["", "{", "{}", "\n\u{4}abcd", r#"{"auth_service": {}}"#] {
        let mut world = World::single();
        let (root, accepted) = world.workers[0].add_root(configuration.as_bytes());
        assert!(!accepted, "{configuration}");
        for target in [READ, OUTSIDE] {
            let stream = world.workers[0].open(root, request(target, Some("reader"), &[]));
            assert_eq!(
                world.result(0, stream),
                "503 auth_unavailable",
                "{configuration}"
            );
        }
        // The one in force is not touched.
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        assert_eq!(world.result(0, stream), "forwarded", "{configuration}");
        world.assert_sound();
    }
}

#[test]
fn a_new_configuration_takes_over_and_the_old_one_finishes_its_requests() {
    let mut world = World::single();
    let old = world.open(0, request(WRITE, Some("reader"), &[]));
    let granting = CONFIGURATION.replacen('{', r#"{"scopes": {"model:read": ["*:*"]},"#, 1);
    let (root, accepted) = world.workers[0].add_root(granting.as_bytes());
    assert!(accepted);
    let new = world.workers[0].open(root, request(WRITE, Some("reader"), &[]));
    world.settle();
    assert_eq!(world.result(0, old), "403 scope_missing");
    assert_eq!(world.result(0, new), "forwarded");
    world.workers[0].delete(old);
    let replaced = world.roots[0];
    world.workers[0].remove_root(replaced);
    world.workers[0].delete(new);
    world.workers[0].remove_root(root);
    assert!(world.workers[0].host().roots.is_empty());
    world.assert_sound();
    assert_eq!(gauges(&world), []);
}

/// Gauges of what there is, where they are not zero.
fn gauges(world: &World) -> Vec<(String, i64)> {
    let metrics = &world.commons.borrow().metrics;
    let left = metrics.iter().filter(|(name, value)| {
        **value != 0 && (name.contains("cache_entries") || name.contains("_info"))
    });
    left.map(|(name, value)| (name.clone(), *value)).collect()
}

#[test]
fn a_root_that_is_configured_again_while_the_auth_service_is_asked_counts_nothing_twice() {
    let mut world = World::single();
    let root = world.roots[0];
    let stream = world.open(0, request(READ, Some("reader"), &[]));
    assert!(world.workers[0].configure(root, CONFIGURATION.as_bytes()));
    world.settle();
    assert_ne!(world.result(0, stream), "waits");
    world.workers[0].delete(stream);
    world.workers[0].remove_root(root);
    world.assert_sound();
    assert_eq!(gauges(&world), []);
}
