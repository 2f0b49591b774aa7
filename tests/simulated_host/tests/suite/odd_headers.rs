//! Headers that no well-behaved client sends, and header maps that no well-behaved host hands over.

use simulated_host::pairs::{Pair, pairs, serialize};
use simulated_host::service;
use simulated_host::stream::{Outcome, Request};
use simulated_host::world::{READ, World, request};

const REQUEST_HEADERS: u32 = 0;
const CALLOUT_REPLY_HEADERS: u32 = 6;

fn with(more: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
    let mut headers = request(READ, Some("reader"), &[]).headers;
    headers.extend(more);
    headers
}

fn without(name: &str) -> Vec<Pair> {
    let mut headers = with([]);
    headers.retain(|(present, _)| present != name.as_bytes());
    headers
}

#[test]
fn odd_request_headers() {
    let odd = b"\xff\xfe".to_vec();
    let cases: Vec<(&str, Vec<Pair>, &[&str])> = vec![
        (
            "none at all",
            vec![],
            &["forwarded", "400 target_ambiguous"],
        ),
        (
            "no path",
            without(":path"),
            &["forwarded", "400 target_ambiguous"],
        ),
        ("no method", without(":method"), &["400 target_ambiguous"]),
        ("no authority", without(":authority"), &["forwarded"]),
        ("no scheme", without(":scheme"), &["forwarded"]),
        (
            "two paths",
            with(pairs(&[(":path", "/elsewhere")])),
            &["forwarded", "400 target_ambiguous"],
        ),
        (
            "two keys",
            with(pairs(&[("x-api-key", "writer")])),
            &["400 credential_ambiguous"],
        ),
        (
            "one name 1000 times",
            with(vec![
                (b"authorization".to_vec(), b"Bearer reader".to_vec());
                1000
            ]),
            &["400 credential_ambiguous"],
        ),
        (
            "10000 headers",
            with((0..10_000).map(|n| (format!("x-{n}").into_bytes(), b"v".to_vec()))),
            &["forwarded"],
        ),
        (
            "10000 identity headers",
            with(vec![
                (b"x-mlflow-authz-user".to_vec(), b"root".to_vec());
                10_000
            ]),
            &["forwarded"],
        ),
        (
            "a name of no bytes",
            with([(vec![], vec![])]),
            &["forwarded"],
        ),
        (
            "a name that is not UTF-8",
            with([(odd.clone(), odd.clone())]),
            &["forwarded"],
        ),
        (
            "a value that is not UTF-8",
            with([(b"x-request-id".to_vec(), odd.clone())]),
            &["forwarded"],
        ),
        (
            "a path that is not UTF-8",
            [
                without(":path"),
                vec![(b":path".to_vec(), [b"/api/mlflow/", &odd[..]].concat())],
            ]
            .concat(),
            &["400 target_ambiguous"],
        ),
        (
            "a method that is not UTF-8",
            [without(":method"), vec![(b":method".to_vec(), odd.clone())]].concat(),
            &["400 target_ambiguous"],
        ),
        (
            "a key that is not UTF-8",
            [
                without("authorization"),
                vec![(b"authorization".to_vec(), odd)],
            ]
            .concat(),
            &["401 credential_malformed"],
        ),
        (
            "a megabyte",
            with([(b"cookie".to_vec(), vec![b'c'; 1 << 20])]),
            &["forwarded"],
        ),
    ];
    for (case, headers, expected) in cases {
        let mut world = World::single();
        let stream = world.open(
            0,
            Request {
                headers,
                ..Request::default()
            },
        );
        world.settle();
        let result = world.result(0, stream);
        assert!(expected.contains(&result.as_str()), "{case}: {result}");
        if let Some(Outcome::Forwarded(headers)) = world.outcome(0, stream) {
            let root = headers.iter().filter(|(_, value)| value == b"root").count();
            assert_eq!(root, 0, "{case}");
        }
        world.assert_sound();
    }
}

/// A good map of 1 and 200 pairs, cut and bent in many ways.
fn malformed_maps() -> Vec<Vec<u8>> {
    let good = serialize(&with(pairs(&[("x-more", "value")])));
    let cuts = (1..good.len()).step_by(3);
    let mut maps: Vec<Vec<u8>> = cuts.map(|size| good[..size].to_vec()).collect();
    let numbers = [
        0_u32,
        1,
        2,
        100,
        0x1000_0000,
        0x2000_0000,
        0x7fff_ffff,
        u32::MAX,
    ];
    // The count, and the sizes of the first two pairs.
    for at in [0, 4, 8, 12, 16] {
        for number in numbers {
            let mut map = good.clone();
            map[at..at + 4].copy_from_slice(&number.to_le_bytes());
            if map != good {
                maps.push(map);
            }
        }
    }
    maps.push(vec![0xff; 4]);
    maps.push(vec![0xff; 4096]);
    maps
}

#[test]
fn a_malformed_map_of_request_headers_never_goes_upstream_undecided() {
    for (number, map) in malformed_maps().into_iter().enumerate() {
        let mut world = World::single();
        let odd = &mut world.workers[0].host_mut().odd;
        odd.maps.insert(REQUEST_HEADERS, map);
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        world.workers[0].host_mut().odd.maps.clear();
        world.settle();
        let result = world.result(0, stream);
        assert_ne!(result, "waits", "{number}");
        // Cut or bent it cannot name a caller, so at most a request outside all mounts is left of it.
        let asked = world.workers[0].host().callouts.sent;
        assert!(
            result != "forwarded" || asked == 0 || number > 0,
            "{number}"
        );
        let next = world.open(0, request(READ, Some("reader"), &[]));
        world.settle();
        assert_eq!(world.result(0, next), "forwarded", "{number}");
        world.assert_sound();
    }
}

#[test]
fn a_malformed_map_while_the_reply_is_handled_never_goes_upstream_undecided() {
    for (number, map) in malformed_maps().into_iter().enumerate() {
        for kind in [REQUEST_HEADERS, CALLOUT_REPLY_HEADERS] {
            let mut world = World::single();
            let stream = world.open(0, request(READ, Some("nobody"), &[]));
            let odd = &mut world.workers[0].host_mut().odd;
            odd.maps.insert(kind, map.clone());
            world.reply(0, service::status(401));
            world.workers[0].host_mut().odd.maps.clear();
            world.settle();
            let result = world.result(0, stream);
            assert!(
                [
                    "401 key_invalid",
                    "503 auth_unavailable",
                    "400 target_ambiguous"
                ]
                .contains(&result.as_str()),
                "{kind} {number}: {result}"
            );
            world.assert_sound();
        }
    }
}

#[test]
fn a_reply_without_headers_where_the_host_has_no_map_for_it() {
    // Envoy hands over an empty map; another host may say that there is none.
    for absent in [0, 1, 2] {
        let mut world = World::single();
        world.workers[0].host_mut().odd.absent_map = absent;
        let stream = world.open(0, request(READ, Some("reader"), &[]));
        world.reply(0, service::reset());
        assert_eq!(world.result(0, stream), "503 auth_unavailable", "{absent}");
        world.assert_sound();
    }
}
