//! What a request costs in WebAssembly instructions, which no other load on the machine changes. Not run with the
//! others, since counting slows them all: `scripts/bench-micro`.

use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, WRITE, World, request};

/// Headers of MLflow's client and of a proxy in front of Envoy.
const CLIENT: &[(&str, &str)] = &[
    ("user-agent", "mlflow-python-client/3.17.2"),
    ("accept-encoding", "gzip, deflate"),
    ("accept", "*/*"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "b9f4b6de-4ffc-4b1e-a0c4-f3bd07b05e1b"),
];

/// The second request of its kind, from its headers to the end of its stream.
fn instructions(world: &mut World, target: (&str, &str), key: Option<&str>, result: &str) -> u64 {
    let mut spent = 0;
    for _ in ["grows buffers, defines metrics", "counted"] {
        let counted = |world: &World| {
            world.workers[0]
                .instructions()
                .expect("MLFLOW_AUTHZ_FUEL is set")
        };
        let before = counted(world);
        let stream = world.open(0, request(target, key, CLIENT));
        assert_eq!(world.result(0, stream), result);
        world.workers[0].delete(stream);
        spent = counted(world) - before;
    }
    spent
}

#[test]
#[ignore = "counts instructions"]
fn instructions_per_request() {
    let mut world = World::new(1, CONFIGURATION, 1);
    world.open(0, request(READ, Some("reader"), CLIENT));
    world.reply(0, service::valid("reader", &["model:read"]));
    println!("| request | WebAssembly instructions |\n| --- | ---: |");
    for (name, target, key, result, most) in [
        (
            "outside the mounts",
            ("GET", "/shop"),
            None,
            "forwarded",
            12_000,
        ),
        ("cached allow", READ, Some("reader"), "forwarded", 38_000),
        (
            "cached denial",
            WRITE,
            Some("reader"),
            "403 scope_missing",
            112_000,
        ),
        ("no key", READ, None, "401 credential_missing", 80_000),
    ] {
        let spent = instructions(&mut world, target, key, result);
        println!("| {name} | {spent} |");
        assert!(
            spent <= most,
            "{name}: {spent} instructions; {most} at most"
        );
    }
}
