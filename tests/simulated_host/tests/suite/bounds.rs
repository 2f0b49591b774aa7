//! What is bounded: trust, patience with a service that is down, callouts, memory.

use std::time::Duration;

use simulated_host::service;
use simulated_host::world::{CONFIGURATION, READ, World, request};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn open(world: &mut World, key: &str) -> u32 {
    world.open(0, request(READ, Some(key), &[]))
}

/// Opens a request and has its callout fail.
fn fail(world: &mut World, key: &str) {
    open(world, key);
    assert!(world.reply(0, service::in_place(503)), "{key}");
}

#[test]
fn a_refusal_is_believed_for_its_time() {
    for (refusal, result) in [(401, "401 key_invalid"), (403, "403 key_refused")] {
        for workers in [1, 2] {
            let mut world = World::new(workers, CONFIGURATION, 1);
            let last = workers - 1;
            open(&mut world, "reader");
            world.reply(0, service::status(refusal));
            world.advance(5 * SECOND - MILLISECOND);
            let believed = world.open(last, request(READ, Some("reader"), &[]));
            assert_eq!(world.result(last, believed), result, "{workers}");
            world.advance(MILLISECOND);
            let asks = world.open(last, request(READ, Some("reader"), &[]));
            assert_eq!(world.result(last, asks), "waits", "{workers}");
            assert_eq!(world.callouts(), 2);
            world.assert_sound();
        }
    }
}

#[test]
fn rights_are_stale_for_their_time_and_only_while_the_service_is_down() {
    for (age, down, result) in [
        (61, false, "401 key_invalid"),
        (61, true, "forwarded"),
        // Freshness may end a tenth of its minute early.
        (353, true, "forwarded"),
        (360, true, "503 auth_unavailable"),
    ] {
        let mut world = World::single();
        open(&mut world, "reader");
        world.settle();
        world.advance(age * SECOND);
        let stale = open(&mut world, "reader");
        assert_eq!(world.result(0, stale), "waits", "{age}");
        let reply = if down {
            service::in_place(503)
        } else {
            service::status(401)
        };
        world.reply(0, reply);
        assert_eq!(world.result(0, stale), result, "{age} {down}");
        world.assert_sound();
    }
}

#[test]
fn five_failures_open_the_circuit_and_then_one_callout_at_a_time_probes() {
    let mut world = World::single();
    for number in 0..5 {
        fail(&mut world, &format!("k{number}"));
    }
    assert_eq!(world.callouts(), 5);
    for number in 0..20 {
        let stream = open(&mut world, &format!("more{number}"));
        assert_eq!(world.result(0, stream), "503 auth_unavailable");
    }
    world.advance(5 * SECOND - MILLISECOND);
    let early = open(&mut world, "reader");
    assert_eq!(world.result(0, early), "503 auth_unavailable");
    assert_eq!(world.callouts(), 5, "the circuit is open");
    world.advance(MILLISECOND);
    let probe = open(&mut world, "reader");
    for number in 0..20 {
        let stream = open(&mut world, &format!("more{number}"));
        assert_eq!(world.result(0, stream), "503 auth_unavailable");
    }
    assert_eq!(world.callouts(), 6, "one probe");
    world.settle();
    assert_eq!(world.result(0, probe), "forwarded");
    open(&mut world, "writer");
    open(&mut world, "refused");
    assert_eq!(world.callouts(), 8, "closed again");
    world.assert_sound();
}

#[test]
fn so_many_callouts_and_no_more() {
    let mut world = World::single();
    let streams: Vec<u32> = (0..80)
        .map(|number| open(&mut world, &format!("k{number}")))
        .collect();
    // New keys leave a quarter of 64 to known ones, and those of one address half of the rest.
    assert_eq!(world.callouts(), 24);
    for (number, stream) in streams.into_iter().enumerate() {
        let result = if number < 24 {
            "waits"
        } else {
            "503 overloaded"
        };
        assert_eq!(world.result(0, stream), result, "{number}");
    }
    // Who joins needs none.
    let joins = open(&mut world, "k0");
    assert_eq!(world.result(0, joins), "waits");
    world.reply(0, service::status(401));
    assert_eq!(world.result(0, joins), "401 key_invalid");
    let next = open(&mut world, "reader");
    assert_eq!(world.result(0, next), "waits");
    world.assert_sound();
}

#[test]
fn memory_is_flat_over_a_thousand_configurations() {
    let mut world = World::single();
    let replace = |world: &mut World| {
        let streams = ["reader", "writer", "nobody"].map(|key| open(world, key));
        world.settle();
        let configuration = CONFIGURATION.replace("100}", "90}");
        let (new, accepted) = world.workers[0].add_root(configuration.as_bytes());
        assert!(accepted);
        let old = std::mem::replace(&mut world.roots[0], new);
        for stream in streams {
            world.workers[0].delete(stream);
        }
        world.workers[0].remove_root(old);
        world.workers[0].gone.clear();
        world.workers[0].host_mut().log.clear();
        world.advance_ticking(SECOND);
    };
    for _ in 0..50 {
        replace(&mut world);
    }
    let warm = world.workers[0].memory_bytes();
    for _ in 0..1000 {
        replace(&mut world);
    }
    println!("{warm} bytes of VM memory after 50 configurations");
    assert_eq!(world.workers[0].memory_bytes(), warm);
    assert_eq!(world.workers[0].host().roots.len(), 1);
    world.assert_sound();
}

/// What docs/operating.md says of capacity: a VM's memory for each principal and for each refused key.
#[test]
fn memory_per_key_is_what_the_operators_guide_says() {
    const KEYS: usize = 40_000;
    let configuration = CONFIGURATION.replace("100}", &format!(r#"{KEYS}, "shared_slots": 0}}"#));
    for (valid, at_most) in [(true, 650), (false, 150)] {
        let mut world = World::new(1, &configuration, 1);
        let mut ask = |number: usize| {
            let key = format!("hk_live_{number:024}");
            let stream = world.open(0, request(READ, Some(&key), &[]));
            let scopes = ["model:read", "tracking:write", "model:write:acme-*"];
            let reply = if valid {
                service::valid(&key, &scopes)
            } else {
                service::status(401)
            };
            assert!(world.reply(0, reply), "{number}");
            world.workers[0].delete(stream);
            world.workers[0].gone.clear();
            world.workers[0].host_mut().log.clear();
            world.workers[0].memory_bytes()
        };
        let before = ask(0);
        let after = (1..KEYS).map(&mut ask).last().unwrap();
        let each = (after - before) / KEYS;
        println!("{each} bytes for each of {KEYS} keys, valid: {valid}; {before} before");
        assert!(0 < each && each <= at_most, "{each}, valid: {valid}");
    }
}

#[test]
fn memory_and_shared_data_are_bounded_over_a_hundred_thousand_keys() {
    const KEYS: usize = 100_000;
    let configuration = CONFIGURATION.replace("100}", r#"500, "shared_slots": 256}"#);
    let mut world = World::new(2, &configuration, 1);
    let scopes = ["model:read"];
    let mut figures = Vec::new();
    for number in 0..KEYS {
        let worker = number % 2;
        let key = format!("hk_live_{number:024}");
        let stream = world.open(worker, request(READ, Some(&key), &[]));
        // Half are valid.
        let reply = match number % 4 {
            0 | 1 => service::valid(&key, &scopes),
            _ => service::status(401),
        };
        assert!(world.reply(worker, reply), "{number}");
        world.workers[worker].delete(stream);
        world.workers[worker].gone.clear();
        world.workers[worker].host_mut().log.clear();
        world.advance(MILLISECOND);
        if number % (KEYS / 10) == KEYS / 10 - 1 {
            let memory = world.workers.iter().map(|worker| worker.memory_bytes());
            let data = &world.commons.borrow().shared_data;
            figures.push((
                memory.max().unwrap(),
                data.keys().len(),
                data.bytes() / 1024,
            ));
        }
    }
    println!("VM bytes, names and KiB of shared data, ten times: {figures:?}");
    assert!(
        figures
            .iter()
            .skip(1)
            .all(|(memory, ..)| *memory == figures[1].0),
        "{figures:?}"
    );
    // A principal and a question for each slot, and the history of configurations.
    assert!(
        figures.iter().all(|(_, names, _)| *names <= 2 * 256 + 1),
        "{figures:?}"
    );
    assert!(figures.iter().all(|(.., kib)| *kib <= 128), "{figures:?}");
    assert!(figures[9].0 <= 4 << 20, "{figures:?}");
    let entries = world.commons.borrow().metrics.clone();
    let kept = entries
        .iter()
        .find(|(name, _)| name.contains("cache_entries"));
    assert_eq!(kept.map(|(_, kept)| *kept), Some(1000), "{entries:?}");
    world.assert_sound();
}
