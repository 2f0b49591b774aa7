//! Requests whose body decides, under a host that lets body callbacks run while the headers are held.

use std::time::Duration;

use simulated_host::service;
use simulated_host::stream::Request;
use simulated_host::world::{CONFIGURATION, World, request};

const CREATE: (&str, &str) = (
    "POST",
    "/api/mlflow/api/2.0/mlflow/registered-models/create",
);
const NAMED: &[u8] = br#"{"name": "acme-1"}"#;
const SECOND: Duration = Duration::from_secs(1);

fn world() -> World {
    let configuration = CONFIGURATION.replacen('{', r#"{"bodies": "inspect","#, 1);
    let mut world = World::new(1, &configuration, 1);
    world.workers[0].allow_stop_iteration = true;
    world
}

/// A request whose key is limited to names, and whose body has not come.
fn reading(world: &mut World) -> u32 {
    let head = request(
        CREATE,
        Some("acme"),
        &[("content-type", "application/json")],
    );
    let more_follows = true;
    let stream = world.open(
        0,
        Request {
            more_follows,
            ..head
        },
    );
    while world.reply(0, service::valid("acme", &["model:write:acme-*"])) {}
    assert_eq!(world.result(0, stream), "waits");
    stream
}

#[test]
fn the_body_decides() {
    for (body, result) in [
        (NAMED, "forwarded"),
        (br#"{"name": "other"}"#, "403 name_not_granted"),
        (
            br#"{"name": "acme-1", "name": "other"}"#,
            "400 body_ambiguous",
        ),
        (b"", "400 body_ambiguous"),
    ] {
        for piece in [1, 5, 100] {
            let mut world = world();
            let stream = reading(&mut world);
            for bytes in body.chunks(piece) {
                world.workers[0].body(stream, bytes.to_vec(), false);
                assert_eq!(world.result(0, stream), "waits");
            }
            if piece == 5 {
                world.workers[0].trailers(stream, Vec::new());
            } else {
                world.workers[0].body(stream, Vec::new(), true);
            }
            assert_eq!(world.result(0, stream), result, "{}", body.escape_ascii());
            world.assert_sound();
        }
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let mut world = world();
    let stream = reading(&mut world);
    world.workers[0].body(stream, NAMED.to_vec(), false);
    world.advance_ticking(6 * SECOND);
    assert_eq!(world.result(0, stream), "403 body_unavailable");
    world.assert_sound();
}

/// The timer that ends the wait is the new configuration's from then on.
#[test]
fn a_body_that_does_not_come_is_not_waited_for_when_the_root_is_configured_again() {
    let mut world = world();
    let stream = reading(&mut world);
    let root = world.roots[0];
    world.workers[0].configure(root, CONFIGURATION.as_bytes());
    assert_eq!(world.result(0, stream), "503 auth_unavailable");
    world.advance_ticking(10 * SECOND);
    world.assert_sound();
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_when_the_root_is_gone() {
    let mut world = world();
    let stream = reading(&mut world);
    let root = world.roots[0];
    world.workers[0].odd_callback("proxy_on_delete", &[root]);
    assert_eq!(world.result(0, stream), "503 auth_unavailable");
    world.advance_ticking(10 * SECOND);
    world.assert_sound();
}
