//! What a request costs in host calls. `--nocapture` prints the table.

use std::collections::BTreeMap;
use std::time::Duration;

use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, WRITE, World, request};

type Calls = BTreeMap<&'static str, u64>;

/// Calls that a worker makes meanwhile.
fn during(world: &mut World, worker: usize, go: impl FnOnce(&mut World)) -> Calls {
    let made = |world: &World| world.workers[worker].host().faults.made().clone();
    let before = made(world);
    go(world);
    let mut calls = made(world);
    calls.retain(|call, count| {
        *count -= before.get(call).copied().unwrap_or_default();
        *count > 0
    });
    // Once in a VM's life.
    calls.remove("proxy_define_metric");
    calls
}

/// A request that ends well or with a missing scope, and what its worker is to do besides.
struct Case {
    name: &'static str,
    /// Host calls at most.
    most: u64,
    go: fn(&mut World) -> Calls,
}

fn open_and_end(world: &mut World, worker: usize, target: (&str, &str), result: &str) {
    let stream = world.open(worker, request(target, Some("reader"), &[]));
    assert_eq!(world.result(worker, stream), result);
    world.workers[worker].delete(stream);
}

fn warm(world: &mut World, worker: usize) {
    world.open(worker, request(READ, Some("reader"), &[]));
    world.reply(worker, service::valid("reader", &["model:read"]));
    world.advance_ticking(Duration::from_millis(100));
    open_and_end(world, worker, READ, "forwarded");
    open_and_end(world, worker, WRITE, "403 scope_missing");
}

/// The key is known, and forgotten again.
fn used(world: &mut World, worker: usize) {
    warm(world, worker);
    world.advance(Duration::from_secs(1000));
}

const CASES: &[Case] = &[
    Case {
        name: "cached allow",
        most: 8,
        go: |world| {
            warm(world, 0);
            during(world, 0, |world| open_and_end(world, 0, READ, "forwarded"))
        },
    },
    Case {
        name: "cached denial",
        most: 10,
        go: |world| {
            warm(world, 0);
            during(world, 0, |world| {
                open_and_end(world, 0, WRITE, "403 scope_missing");
            })
        },
    },
    Case {
        name: "cold allow, reply and last tick included",
        most: 36,
        go: |world| {
            used(world, 0);
            during(world, 0, |world| {
                let stream = world.open(0, request(READ, Some("reader"), &[]));
                world.reply(0, service::valid("reader", &["model:read"]));
                world.advance_ticking(Duration::from_millis(50));
                assert_eq!(world.result(0, stream), "forwarded");
            })
        },
    },
    Case {
        name: "one that joins it",
        most: 14,
        go: |world| {
            used(world, 0);
            world.open(0, request(READ, Some("reader"), &[]));
            // With one that joins and without: the difference is its own.
            let mut calls = during(world, 0, |world| {
                let stream = world.open(0, request(READ, Some("reader"), &[]));
                world.reply(0, service::valid("reader", &["model:read"]));
                world.advance_ticking(Duration::from_millis(50));
                assert_eq!(world.result(0, stream), "forwarded");
            });
            world.advance(Duration::from_secs(1000));
            world.open(0, request(READ, Some("reader"), &[]));
            let without = during(world, 0, |world| {
                world.reply(0, service::valid("reader", &["model:read"]));
                world.advance_ticking(Duration::from_millis(50));
            });
            for (call, count) in without {
                *calls.get_mut(call).unwrap() -= count;
            }
            calls.retain(|_, count| *count > 0);
            calls
        },
    },
    Case {
        name: "one that watches another worker for 10 ms",
        most: 48,
        go: |world| {
            used(world, 1);
            used(world, 0);
            world.open(0, request(READ, Some("reader"), &[]));
            during(world, 1, |world| {
                let stream = world.open(1, request(READ, Some("reader"), &[]));
                world.advance_ticking(Duration::from_millis(9));
                world.reply(0, service::valid("reader", &["model:read"]));
                world.advance_ticking(Duration::from_millis(1));
                assert_eq!(world.result(1, stream), "forwarded");
                world.advance_ticking(Duration::from_millis(5));
            })
        },
    },
    Case {
        name: "allow by another worker's word",
        most: 12,
        go: |world| {
            used(world, 1);
            warm(world, 0);
            during(world, 1, |world| open_and_end(world, 1, READ, "forwarded"))
        },
    },
];

#[test]
fn host_calls_of_a_request() {
    for case in CASES {
        let mut world = World::new(2, CONFIGURATION, 1);
        let calls = (case.go)(&mut world);
        let total: u64 = calls.values().sum();
        let each: Vec<String> = calls
            .iter()
            .map(|(call, count)| format!("{count} {}", call.trim_start_matches("proxy_")))
            .collect();
        println!("| {} | {total} | {} |", case.name, each.join(", "));
        assert!(total <= case.most, "{}: {total}: {calls:?}", case.name);
        world.assert_sound();
    }
}

/// A flood of denials is where their cost counts: what the record would have needed is not asked for.
#[test]
fn a_denial_that_the_audit_log_leaves_out_costs_no_host_call_for_it() {
    let audit = r#"{"audit": {"max_per_second": 1},"#;
    let mut world = World::new(1, &CONFIGURATION.replacen('{', audit, 1), 1);
    warm(&mut world, 0);
    world.advance(Duration::from_secs(2));
    let mut denial = || {
        during(&mut world, 0, |world| {
            open_and_end(world, 0, WRITE, "403 scope_missing");
        })
    };
    let recorded = denial();
    assert_eq!(recorded.get("proxy_get_property"), Some(&2));
    let left_out = denial();
    assert_eq!(left_out.get("proxy_get_property"), None);
    assert_eq!(left_out.get("proxy_log"), None);
}
