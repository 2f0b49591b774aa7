//! One caller takes the auth service from nobody else, and keeps no revoked key alive.

use super::{READER, SEARCH_RUNS, Shell, reason, status, valid, with_key};
use crate::auth_service::Reply;
use crate::engine::StreamId;

const OPEN_CIRCUITS: &str = "mlflow_authz_open_circuits";
const ATTACKER: &str = "192.0.2.66";
const OTHER: &str = "192.0.2.1";

/// What a caller whose key the service has trouble with can make of it.
fn troubles() -> [Reply<'static>; 5] {
    [
        status(500, true),
        // A reset before headers, or a refused connection.
        status(503, false),
        Reply::Reset,
        status(504, false),
        status(404, true),
    ]
}

/// Keys that are known and past their time: `good`, and `revoked`, of which the service says so.
fn warm() -> Shell {
    let mut shell = Shell::new("");
    shell.client = Some(OTHER);
    for key in ["good", "revoked", "bad"] {
        shell.exchange(&with_key(key, SEARCH_RUNS), &valid(READER));
    }
    shell.later(60_000);
    shell
}

/// Every key but the attacker's is decided by the service's own answer.
fn assert_served(shell: &mut Shell, round: u32, context: &str) {
    shell.client = Some(OTHER);
    let new = format!("new{round}");
    let said: [(&str, Reply<'_>, &str); 3] = [
        ("revoked", status(401, true), "key_invalid"),
        ("good", valid(READER), "allowed"),
        (&new, valid(READER), "allowed"),
    ];
    for (key, reply, expected) in said {
        let next = shell.exchange(&with_key(key, SEARCH_RUNS), &reply);
        assert_eq!(reason(&next), expected, "{context}: {key}, round {round}");
        assert!(!next.decision().unwrap().stale, "{context}: {key}");
    }
}

#[test]
fn one_key_that_fails_takes_the_service_from_nobody() {
    for trouble in &troubles() {
        for key in ["bad", "bad_and_new"] {
            let context = format!("{key} {trouble:?}");
            let mut shell = warm();
            for round in 0..20 {
                for _ in 0..5 {
                    shell.client = Some(ATTACKER);
                    shell.exchange(&with_key(key, SEARCH_RUNS), trouble);
                    shell.later(200);
                }
                if round % 5 == 4 {
                    // It may fail as often as it likes before the others come.
                    assert_served(&mut shell, round, &context);
                }
                shell.later(60_000);
            }
            assert_eq!(shell.counted(OPEN_CIRCUITS), 0, "{context}");
        }
    }
}

#[test]
fn invented_keys_that_fail_close_their_own_address_only() {
    for trouble in &troubles() {
        let context = format!("{trouble:?}");
        let mut shell = warm();
        shell.client = Some(ATTACKER);
        for number in 0..50 {
            let key = format!("invented{number}");
            shell.exchange(&with_key(&key, SEARCH_RUNS), trouble);
        }
        assert_served(&mut shell, 0, &context);
        assert_eq!(shell.counted(OPEN_CIRCUITS), 0, "{context}");
    }
    // Five of them close it; a key that is known passes all the same.
    let mut shell = warm();
    shell.client = Some(ATTACKER);
    for number in 0..5 {
        let key = format!("invented{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &status(504, false));
    }
    assert_eq!(shell.post(0, "another", SEARCH_RUNS), "auth_unavailable");
    let closed = "mlflow_authz_cache_lookups.result=.=address_circuit;.;";
    assert_eq!(shell.counted(closed), 1);
    assert_eq!(
        reason(&shell.exchange(&with_key("good", SEARCH_RUNS), &valid(READER))),
        "allowed"
    );
    // A probe opens it again.
    shell.later(5_000);
    let next = shell.exchange(&with_key("another", SEARCH_RUNS), &status(401, true));
    assert_eq!(reason(&next), "key_invalid");
    assert_eq!(shell.post(0, "one_more", SEARCH_RUNS), "ask");
}

/// Fills what the attacker's address may have, with keys that are answered late.
fn invent(shell: &mut Shell, count: u32) -> Vec<StreamId> {
    shell.client = Some(ATTACKER);
    (0..count)
        .filter_map(|number| {
            let key = format!("slow{number}");
            let (stream, next) = shell.headers(&with_key(&key, SEARCH_RUNS));
            let is_decided = next.decision().is_some();
            assert!(!is_decided || reason(&next) == "overloaded");
            (!is_decided).then_some(stream)
        })
        .collect()
}

#[test]
fn one_address_that_invents_keys_has_half_of_what_is_open_to_new_ones() {
    for (max_in_flight, its_own) in [(64, 24), (16, 6), (4, 2), (2, 1)] {
        let mut shell = Shell::with_service(&format!(r#", "max_in_flight": {max_in_flight}"#), "");
        let waiting = invent(&mut shell, 118);
        assert_eq!(waiting.len(), its_own, "{max_in_flight}");
        let refused = i64::from(118 - u32::try_from(its_own).unwrap());
        let limit = if max_in_flight == 2 {
            "max_in_flight"
        } else {
            "address_limit"
        };
        let refusals = format!("mlflow_authz_cache_lookups.result=.={limit};.;");
        assert_eq!(shell.counted(&refusals), refused, "{max_in_flight}");
    }
    let mut shell = warm();
    let attack = invent(&mut shell, 118);
    assert_served(&mut shell, 0, "while its callouts are open");
    // Whoever joins a callout needs none.
    shell.client = Some(ATTACKER);
    assert_eq!(shell.post(0, "slow0", SEARCH_RUNS), "ask");
    for stream in &attack {
        shell.reply(&status(401, true));
        assert_eq!(shell.outcome(*stream), "key_invalid");
    }
    // What is answered may be asked again.
    assert_eq!(shell.post(0, "yet_another", SEARCH_RUNS), "ask");
}

#[test]
fn many_addresses_leave_a_quarter_to_known_keys() {
    let mut shell = warm();
    for address in ["192.0.2.66", "192.0.2.67", "192.0.2.68"] {
        shell.client = Some(address);
        for number in 0..59 {
            let key = format!("{address}_{number}");
            let _ = shell.headers(&with_key(&key, SEARCH_RUNS));
        }
    }
    assert_eq!(shell.open.len(), 48);
    shell.client = Some(OTHER);
    assert_eq!(shell.post(0, "new", SEARCH_RUNS), "overloaded");
    for (key, reply, expected) in [
        ("revoked", status(401, true), "key_invalid"),
        ("good", valid(READER), "allowed"),
    ] {
        let next = shell.exchange(&with_key(key, SEARCH_RUNS), &reply);
        assert_eq!(reason(&next), expected);
        assert!(!next.decision().unwrap().stale);
    }
}

#[test]
fn where_addresses_are_not_told_apart_new_keys_share_what_is_theirs() {
    let mut shell = Shell::with_service(r#", "per_address_limit": false"#, "");
    assert_eq!(invent(&mut shell, 118).len(), 48);
    // Nor where they cannot be read.
    let mut shell = Shell::new("");
    shell.client = None;
    let opened = (0..118)
        .filter(|number| shell.post(0, &format!("slow{number}"), SEARCH_RUNS) == "ask")
        .count();
    assert_eq!(opened, 24);
}

#[test]
fn an_ipv6_site_is_one_address() {
    let mut shell = Shell::new("");
    let mut opened = 0;
    for (number, address) in ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
        .into_iter()
        .enumerate()
    {
        shell.client = Some(address);
        opened += (0..20)
            .filter(|key| shell.post(0, &format!("{number}_{key}"), SEARCH_RUNS) == "ask")
            .count();
    }
    assert_eq!(opened, 24);
    shell.client = Some("2001:db8:0:1::1");
    assert_eq!(shell.post(0, "new", SEARCH_RUNS), "ask");
}

#[test]
fn a_real_outage_still_serves_stale_rights() {
    for down in [
        status(500, true),
        status(503, false),
        status(504, false),
        Reply::Reset,
        Reply::NotSent,
    ] {
        let mut shell = Shell::new("");
        for number in 0..20 {
            shell.exchange(
                &with_key(&format!("K{number}"), SEARCH_RUNS),
                &valid(READER),
            );
        }
        shell.later(60_000);
        let asked = shell.asked;
        for number in 0..20 {
            let next = shell.exchange(&with_key(&format!("K{number}"), SEARCH_RUNS), &down);
            assert_eq!(reason(&next), "allowed", "{down:?}");
            assert!(next.decision().unwrap().stale, "{down:?}");
        }
        assert_eq!(shell.asked, asked + 5, "then the circuit is open: {down:?}");
        assert_eq!(shell.counted(OPEN_CIRCUITS), 1, "{down:?}");
        assert_eq!(shell.post(0, "new", SEARCH_RUNS), "auth_unavailable");
    }
}

/// A success that another worker had since is a success.
#[test]
fn an_old_failure_keeps_no_revoked_key_alive() {
    let cache = r#", "cache": {"ttl": "2s"}"#;
    let mut shell = Shell::with_workers(2, "", cache);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
    shell.later(1_000);
    let asks = shell.waiting(1, "K1", SEARCH_RUNS);
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(asks), "allowed");
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    shell.later(2_000);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(401, true));
    assert_eq!(reason(&next), "key_invalid");
}

#[test]
fn a_known_key_is_not_refused_by_one_failure_however_short_the_circuit_is_open() {
    let breaker = r#", "breaker": {"open_for": "1ms"}"#;
    let mut shell = Shell::with_service(breaker, "");
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    shell.later(60_000);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
    shell.later(500);
    let (_, next) = shell.headers(&with_key("K1", SEARCH_RUNS));
    assert!(reason(&next) == "allowed" && next.decision().unwrap().stale);
}
