//! What a request costs in WebAssembly instructions, and what the start of a VM does. `--nocapture` prints the
//! table; `docs/benchmarks/size.md` compares builds by it. The bars are a tenth above what was counted.

use std::time::Duration;

use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, WRITE, World, request};

/// Instructions of worker 0 meanwhile.
fn during(world: &mut World, go: impl FnOnce(&mut World)) -> u64 {
    let before = world.workers[0].instructions();
    go(world);
    world.workers[0].instructions() - before
}

/// A world in which worker 0 knows the key and has seen each kind of request before.
fn warm() -> World {
    let mut world = World::single();
    world.open(0, request(READ, Some("reader"), &[]));
    world.reply(0, service::valid("reader", &["model:read"]));
    world.advance_ticking(Duration::from_millis(100));
    for _ in 0..10 {
        open_and_end(&mut world, READ, Some("reader"), "forwarded");
        open_and_end(&mut world, WRITE, Some("reader"), "403 scope_missing");
    }
    world
}

const CLIENT_HEADERS: [(&str, &str); 4] = [
    ("user-agent", "mlflow-python-client/3.17.2"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("x-request-id", "7f1c3d5e-0000-4000-8000-000000000000"),
];

fn open_and_end(world: &mut World, target: (&str, &str), key: Option<&str>, result: &str) {
    let stream = world.open(0, request(target, key, &CLIENT_HEADERS));
    assert_eq!(world.result(0, stream), result);
    world.workers[0].respond(stream);
    world.workers[0].delete(stream);
}

/// The second request of its kind: the first one makes buffers grow.
fn again(target: (&str, &str), key: Option<&str>, result: &str) -> u64 {
    let mut world = warm();
    open_and_end(&mut world, target, key, result);
    during(&mut world, |world| open_and_end(world, target, key, result))
}

struct Case {
    name: &'static str,
    /// Instructions at most.
    most: u64,
    go: fn() -> u64,
}

const CASES: &[Case] = &[
    Case {
        name: "a VM's start, catalog compiled and configured",
        most: 13_900_000,
        go: || {
            let world = World::new(1, CONFIGURATION, 1);
            world.workers[0].instructions()
        },
    },
    Case {
        name: "the first request",
        most: 1_110_000,
        go: || {
            during(&mut World::single(), |world| {
                world.open(0, request(READ, Some("reader"), &[]));
                world.reply(0, service::valid("reader", &["model:read"]));
            })
        },
    },
    Case {
        name: "outside the mounts",
        most: 9_720,
        go: || again(("GET", "/shop"), None, "forwarded"),
    },
    Case {
        name: "cached allow",
        most: 27_500,
        go: || again(READ, Some("reader"), "forwarded"),
    },
    Case {
        name: "cached denial",
        most: 87_200,
        go: || again(WRITE, Some("reader"), "403 scope_missing"),
    },
    Case {
        name: "no key",
        most: 63_800,
        go: || again(READ, None, "401 credential_missing"),
    },
    Case {
        name: "cold allow",
        most: 144_500,
        go: || {
            let mut world = warm();
            world.advance(Duration::from_secs(1000));
            during(&mut world, |world| {
                world.open(0, request(READ, Some("reader"), &[]));
                world.reply(0, service::valid("reader", &["model:read"]));
                world.advance_ticking(Duration::from_millis(50));
            })
        },
    },
];

#[test]
fn instructions_of_a_request() {
    let mut too_many = Vec::new();
    for case in CASES {
        let instructions = (case.go)();
        println!("| {} | {instructions} |", case.name);
        if instructions > case.most {
            too_many.push(case.name);
        }
    }
    assert_eq!(too_many, Vec::<&str>::new());
}

const EVENTS: [&str; 3] = ["cached allow", "outside the mounts", "a tick"];

/// What one of each of [`EVENTS`] costs while so many streams wait for an answer.
fn while_so_many_wait(count: u32, configuration: &str) -> [u64; 3] {
    let mut world = World::new(1, configuration, 1);
    world.open(0, request(READ, Some("reader"), &[]));
    world.reply(0, service::valid("reader", &["model:read"]));
    for _ in 0..count {
        let waits = world.open(0, request(READ, Some("slow"), &[]));
        assert_eq!(world.result(0, waits), "waits");
    }
    let cached = during(&mut world, |world| {
        open_and_end(world, READ, Some("reader"), "forwarded");
    });
    let outside = during(&mut world, |world| {
        open_and_end(world, ("GET", "/shop"), None, "forwarded");
    });
    // One in enforcement: the claim is renewed. One in shadow mode: nobody is due.
    let tick = during(&mut world, |world| {
        world.advance_ticking(Duration::from_millis(50));
    });
    world.assert_sound();
    [cached, outside, tick]
}

#[test]
fn an_event_costs_the_same_however_many_streams_wait() {
    for mode in ["enforce", "shadow"] {
        let mode_field = format!(r#"{{"mode": "{mode}","#);
        let configuration = CONFIGURATION.replacen('{', &mode_field, 1);
        let [few, many] = [10, 3_000].map(|count| while_so_many_wait(count, &configuration));
        for (waiting, counted) in [(10, few), (3_000, many)] {
            for (event, instructions) in EVENTS.iter().zip(counted) {
                println!("| {event} while {waiting} streams wait, {mode} | {instructions} |");
            }
        }
        for (few, many) in few.into_iter().zip(many) {
            // A scan takes some ten instructions for each that waits.
            assert!(many < few + few / 5 + 3_000, "{mode}: {few} {many}");
        }
    }
}

/// The SHA-256 of `listed-key-0123456789abc`.
const LISTED: &str = "20f7f73bfac6a0257be269f3ff22a1564516fc8c8100abddd664b08b80a4d667";

/// What a request costs whose key is the last of so many in the configuration.
fn with_so_many_listed(count: u32) -> u64 {
    let others = (1..count).map(|number| format!("{number:064x}"));
    let entries: Vec<String> = others
        .chain([LISTED.to_owned()])
        .map(|digest| {
            format!(r#"{{"sha256": "{digest}", "key_id": "k{digest}", "scopes": ["model:read"]}}"#)
        })
        .collect();
    let keys = format!(r#"{{"keys": [{}],"#, entries.join(","));
    let mut world = World::new(1, &CONFIGURATION.replacen('{', &keys, 1), 1);
    let read = |world: &mut World| {
        open_and_end(world, READ, Some("listed-key-0123456789abc"), "forwarded");
    };
    read(&mut world);
    read(&mut world);
    let counted = during(&mut world, read);
    assert_eq!(world.callouts(), 0);
    counted
}

#[test]
fn a_listed_key_costs_the_same_among_however_many() {
    let [one, thousand] = [1, 1_000].map(with_so_many_listed);
    println!("| allow by a key of the configuration, one listed | {one} |");
    println!("| allow by a key of the configuration, 1000 listed | {thousand} |");
    assert!(thousand < one + one / 20, "{one} {thousand}");
}

const HEADER: &str = "x-mlflow-workspace";

/// A cached allow where `configuration` and the service's word of the key are these, and the client sends these headers.
fn cached_in_workspace(configuration: &str, reply: &str, sent: &[(&str, &str)]) -> u64 {
    let mut world = World::new(1, configuration, 1);
    let read = |world: &mut World| {
        let mut headers = CLIENT_HEADERS.to_vec();
        headers.extend(sent);
        let stream = world.open(0, request(READ, Some("reader"), &headers));
        if world.result(0, stream) == "waits" {
            assert!(world.reply(0, service::body_of(200, reply.as_bytes())));
            world.advance_ticking(Duration::from_millis(100));
        }
        assert_eq!(world.result(0, stream), "forwarded");
        world.workers[0].respond(stream);
        world.workers[0].delete(stream);
    };
    for _ in 0..10 {
        read(&mut world);
    }
    during(&mut world, read)
}

#[test]
fn workspaces_cost_a_request_no_more_than_one_header() {
    let enabled = CONFIGURATION.replacen('{', r#"{"workspaces": {"enabled": true},"#, 1);
    let plain = r#"{"scopes": ["model:read", "tracking:write"]}"#;
    let limited = r#"{"scopes": ["model:read", "tracking:write"], "workspaces": ["acme"]}"#;
    let by_scope = r#"{"scopes": ["acme/model:read", "acme/tracking:write"]}"#;
    let pinned = r#"{"scopes": ["model:read", "tracking:write"], "workspace": "acme"}"#;
    let named = &[(HEADER, "acme")];
    let mut too_many = Vec::new();
    for (name, reply, sent, most) in [
        ("a key without a limit, no header", plain, &[][..], 3_600),
        ("a key without a limit, header", plain, named, 6_900),
        (
            "a key limited to a workspace, header",
            limited,
            named,
            7_500,
        ),
        (
            "scopes limited to a workspace, header",
            by_scope,
            named,
            10_800,
        ),
        ("a pinned key, no header", pinned, &[], 4_600),
        ("a pinned key, header", pinned, named, 7_500),
    ] {
        let without = cached_in_workspace(CONFIGURATION, plain, sent);
        let counted = cached_in_workspace(&enabled, reply, sent);
        println!(
            "| cached allow, workspaces enabled, {name} | {counted} (not enabled: {without}) |"
        );
        if counted > without + most {
            too_many.push(name);
        }
    }
    assert_eq!(too_many, Vec::<&str>::new());
}
