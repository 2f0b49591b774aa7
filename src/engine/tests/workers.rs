//! Several workers and one auth service: what one is told, the others need not ask.

use std::time::Duration;

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, reason, status, valid, with_key};
use crate::engine::StreamId;
use crate::shared_data::LocalData;

fn workers(more: &str) -> Shell {
    Shell::with_workers(4, "", more)
}

fn wait_everywhere(shell: &mut Shell) -> Vec<StreamId> {
    (0..40)
        .map(|number| shell.waiting(number % 4, "K1", SEARCH_RUNS))
        .collect()
}

#[test]
fn a_key_that_one_worker_knows_needs_no_callout_on_another() {
    let mut shell = workers("");
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    for worker in 1..4 {
        assert_eq!(shell.post(worker, "K1", SEARCH_RUNS), "allowed");
        assert_eq!(shell.post(worker, "K1", CREATE_RUN), "scope_missing");
    }
    assert_eq!(shell.asked, 1);
    assert_eq!(
        shell.counted("mlflow_authz_cache_lookups.result=.=shared;.;"),
        3
    );
}

#[test]
fn a_cold_burst_is_one_callout() {
    let mut shell = workers("");
    let streams = wait_everywhere(&mut shell);
    assert_eq!(shell.asked, 1);
    shell.reply(&valid(READER));
    shell.later(1);
    shell.tick_all();
    assert!(streams.iter().all(|id| shell.outcome(*id) == "allowed"));
    assert_eq!(shell.asked, 1);
}

#[test]
fn every_outcome_reaches_the_other_workers() {
    for (code, expected, more_asked) in [
        (401, "key_invalid", 0),
        (403, "key_refused", 0),
        (429, "rate_limited", 1),
        (500, "auth_unavailable", 1),
    ] {
        let mut shell = workers("");
        let streams = wait_everywhere(&mut shell);
        shell.reply(&status(code, true));
        shell.later(1);
        shell.tick_all();
        for stream in streams {
            assert_eq!(shell.outcome(stream), expected, "{code}");
        }
        // Only a refusal is remembered, and a failure for a second.
        shell.later(1_000);
        let _ = shell.post(3, "K1", SEARCH_RUNS);
        assert_eq!(shell.asked, 1 + more_asked, "{code}");
    }
}

#[test]
fn a_claimant_that_dies_is_replaced() {
    let mut shell = workers("");
    let streams = wait_everywhere(&mut shell);
    // Worker 0 is gone with its callout; the others tick.
    for _ in 0..30 {
        shell.later(10);
        (1..4).for_each(|worker| shell.tick(worker));
    }
    assert_eq!(shell.asked, 2);
    let (worker, id, callout) = shell.open.remove(1);
    assert!(
        callout.timeout < Duration::from_millis(1_800),
        "{:?}",
        callout.timeout
    );
    shell.reply_to(worker, id, &valid(READER));
    shell.later(1);
    (1..4).for_each(|worker| shell.tick(worker));
    for (number, stream) in streams.iter().enumerate() {
        let expected = if number % 4 == 0 { "ask" } else { "allowed" };
        assert_eq!(shell.outcome(*stream), expected);
    }
}

#[test]
fn a_claim_does_not_lapse_while_its_worker_waits() {
    let mut shell = workers("");
    let _ = wait_everywhere(&mut shell);
    for _ in 0..39 {
        shell.later(50);
        shell.tick_all();
    }
    assert_eq!(shell.asked, 1);
}

#[test]
fn nobody_waits_longer_for_another_worker_than_for_the_service() {
    let mut shell = workers("");
    let streams = wait_everywhere(&mut shell);
    for _ in 0..41 {
        shell.later(50);
        shell.tick_all();
    }
    for stream in streams {
        assert_eq!(shell.outcome(stream), "auth_unavailable");
    }
}

#[test]
fn shared_data_that_is_lost_costs_callouts_and_nothing_else() {
    let mut shell = workers("");
    let streams = wait_everywhere(&mut shell);
    shell.shared = LocalData::default();
    shell.tick_all();
    assert_eq!(shell.asked, 2, "one of the others asks again");
    while !shell.open.is_empty() {
        shell.reply(&valid(READER));
        shell.shared = LocalData::default();
        shell.tick_all();
    }
    assert!(streams.iter().all(|id| shell.outcome(*id) == "allowed"));
}

#[test]
fn nothing_is_shared_where_that_is_switched_off() {
    let mut shell = workers(r#", "cache": {"shared_slots": 0}"#);
    let streams = wait_everywhere(&mut shell);
    assert_eq!(shell.asked, 4);
    while !shell.open.is_empty() {
        shell.reply(&valid(READER));
    }
    assert!(streams.iter().all(|id| shell.outcome(*id) == "allowed"));
}

#[test]
fn a_busy_slot_makes_two_workers_ask() {
    let mut shell = workers(r#", "cache": {"shared_slots": 1}"#);
    let first = shell.waiting(0, "K1", SEARCH_RUNS);
    let second = shell.waiting(1, "K2", SEARCH_RUNS);
    let third = shell.waiting(2, "K2", SEARCH_RUNS);
    assert_eq!(shell.asked, 3);
    for body in [READER, WRITER, WRITER] {
        shell.reply(&valid(body));
    }
    for stream in [first, second, third] {
        assert_eq!(shell.outcome(stream), "allowed");
    }
}

#[test]
fn a_refusal_takes_back_what_was_shared() {
    let mut shell = workers(r#", "cache": {"ttl": "60s", "negative_ttl": "5s"}"#);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    shell.later(50_000);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    shell.reply(&status(401, true));
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "key_invalid");
    shell.later(5_000);
    assert_eq!(shell.post(2, "K1", SEARCH_RUNS), "ask");
}

#[test]
fn a_refusal_on_one_worker_ends_stale_rights_on_another() {
    let mut shell = workers("");
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "allowed");
    shell.later(60_000);
    let _ = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.reply(&status(401, true));
    shell.later(6_000);
    let (stream, next) = shell.headers_at(1, &with_key("K1", SEARCH_RUNS));
    assert_eq!(reason(&next), "ask");
    shell.reply(&status(500, true));
    assert_eq!(shell.outcome(stream), "auth_unavailable");
}

/// A key that is said to be neither valid nor not: what each worker holds of it ends with it.
#[test]
fn an_unclear_answer_on_one_worker_ends_stale_rights_on_all() {
    let unclear = r#"{"scopes": ["model:read"], "valid": "false"}"#;
    for waits in [true, false] {
        let mut shell = workers("");
        shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
        assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "allowed");
        shell.later(60_000);
        let asking = shell.waiting(0, "K1", SEARCH_RUNS);
        let watching = waits.then(|| shell.waiting(1, "K1", SEARCH_RUNS));
        shell.reply(&valid(unclear));
        shell.later(1);
        shell.tick_all();
        assert_eq!(shell.outcome(asking), "auth_unavailable");
        if let Some(watching) = watching {
            assert_eq!(shell.outcome(watching), "auth_unavailable");
        }
        shell.later(1_500);
        let (stream, next) = shell.headers_at(1, &with_key("K1", SEARCH_RUNS));
        assert_eq!(reason(&next), "ask", "{waits}");
        shell.reply(&status(500, true));
        assert_eq!(shell.outcome(stream), "auth_unavailable", "{waits}");
    }
}

#[test]
fn a_stale_principal_of_a_neighbour_is_served_too() {
    let mut shell = workers("");
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    shell.later(60_000);
    let stream = shell.waiting(3, "K1", SEARCH_RUNS);
    shell.reply(&status(500, true));
    assert_eq!(shell.outcome(stream), "allowed");
    assert!(shell.decided[&stream].decision().unwrap().stale);
}

#[test]
fn one_worker_refreshes_for_all() {
    let mut shell = workers(r#", "cache": {"ttl": "60s"}"#);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    for second in 0..300 {
        shell.later(1_000);
        for worker in 0..4 {
            assert_eq!(shell.post(worker, "K1", SEARCH_RUNS), "allowed", "{second}");
        }
        if !shell.open.is_empty() {
            assert_eq!(shell.open.len(), 1);
            shell.reply(&valid(READER));
        }
    }
    // 300 s in lives of 54 to 60 s, of which the last fifth is not used.
    assert!((5..=8).contains(&shell.asked), "{}", shell.asked);
}

#[test]
fn workers_with_other_auth_services_share_nothing() {
    let mut shell = workers("");
    let mut other = Shell::with_service(r#", "service_id": "other""#, "");
    shell.workers[1] = other.workers.remove(0);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "ask");
}

/// Found by the random driver of tests/simulated_host: by its time, the refusal is the older word.
#[test]
fn a_clock_that_jumps_back_does_not_let_a_word_outlast_its_refusal() {
    for refusal in [401, 403] {
        let mut shell = workers("");
        shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
        shell.now -= Duration::from_millis(1);
        let stream = shell.waiting(0, "K1", SEARCH_RUNS);
        shell.later(1);
        shell.reply(&status(refusal, true));
        assert_ne!(shell.outcome(stream), "allowed");
        shell.later(61_000);
        let stream = shell.waiting(0, "K1", SEARCH_RUNS);
        shell.reply(&status(500, true));
        assert_eq!(shell.outcome(stream), "auth_unavailable");
    }
}

#[test]
fn without_ticks_nobody_watches_another_worker() {
    let mut shell = workers("");
    let _ = shell.waiting(0, "K1", SEARCH_RUNS);
    let watching = shell.waiting(1, "K1", SEARCH_RUNS);
    assert_eq!(shell.asked, 1);
    shell.workers[1].set_ticking(false);
    shell.empty_outbox(1);
    assert_eq!(shell.asked, 2);
    assert_eq!(shell.post(1, "K2", SEARCH_RUNS), "ask");
    let (worker, id, _) = shell.open.remove(1);
    shell.reply_to(worker, id, &valid(READER));
    assert_eq!(shell.outcome(watching), "allowed");
}

#[test]
fn a_principal_too_large_to_share_is_asked_about_by_all_at_once() {
    let scopes: Vec<String> = (0..900)
        .map(|number| format!("\"scope-{number}\""))
        .collect();
    let large = format!(r#"{{"scopes": ["model:read", {}]}}"#, scopes.join(","));
    let mut shell = workers("");
    let streams = wait_everywhere(&mut shell);
    shell.later(1_000);
    shell.reply(&valid(&large));
    shell.tick_all();
    assert_eq!(shell.open.len(), 3);
    while !shell.open.is_empty() {
        shell.reply(&valid(&large));
    }
    assert!(streams.iter().all(|id| shell.outcome(*id) == "allowed"));
}

/// Worker 0 calls out for `K1` and dies; streams of worker 1 wait for it. What is left of their time is ticked away.
fn without_its_claimant(shell: &mut Shell) {
    for _ in 0..30 {
        shell.later(10);
        shell.tick(1);
    }
}

/// The next to call out is the first who still waits for this key, not the stream that has an id of one who left.
#[test]
fn a_stream_with_the_id_of_one_that_left_calls_out_for_nobody() {
    let mut shell = workers("");
    shell.waiting(0, "K1", SEARCH_RUNS);
    let left = shell.waiting(1, "K1", SEARCH_RUNS);
    let stays = shell.waiting(1, "K1", SEARCH_RUNS);
    shell.gone(left);
    let last = std::mem::replace(&mut shell.streams, left.0 - 1);
    assert_eq!(shell.waiting(1, "K2", SEARCH_RUNS), left);
    shell.streams = last;
    without_its_claimant(&mut shell);
    let (worker, id, _) = shell.open.pop().unwrap();
    shell.reply_to(worker, id, &valid(READER));
    assert_eq!(shell.asked, 3);
    assert_eq!(
        (shell.outcome(stays), shell.outcome(left)),
        ("allowed", "ask")
    );
}

/// What it is told would be kept under the key that it waited for.
#[test]
fn a_stream_that_brings_another_key_than_it_waited_for_calls_out_for_nobody() {
    let mut shell = workers("");
    shell.waiting(0, "K1", SEARCH_RUNS);
    let stream = shell.waiting(1, "K1", CREATE_RUN);
    let others = with_key("K2", CREATE_RUN).map(|(name, value)| (name.to_vec(), value.to_vec()));
    shell.requests.insert(stream, (1, others.to_vec()));
    without_its_claimant(&mut shell);
    assert_eq!(shell.outcome(stream), "auth_unavailable");
    assert_eq!(shell.asked, 1);
}

/// A reply that is too large to share leaves an older one in shared data.
#[test]
fn what_a_neighbour_was_told_before_is_not_what_it_is_told_now() {
    let mut shell = workers("");
    shell.exchange(&with_key("K1", CREATE_RUN), &valid(WRITER));
    shell.later(60_000);
    shell.waiting(0, "K1", CREATE_RUN);
    let stream = shell.waiting(1, "K1", CREATE_RUN);
    let scopes: Vec<String> = (0..1_000)
        .map(|number| format!("\"read:{number}\""))
        .collect();
    let large = format!(r#"{{"scopes": [{}]}}"#, scopes.join(","));
    shell.reply(&valid(&large));
    shell.later(1);
    shell.tick(1);
    assert_eq!(shell.outcome(stream), "ask");
    shell.reply(&valid(&large));
    assert_eq!(shell.outcome(stream), "scope_missing");
}

/// A service that cannot say whether a key is valid takes back what all workers were told of it.
#[test]
fn an_unclear_answer_takes_back_what_was_shared() {
    let mut shell = workers("");
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    shell.later(55_000);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    shell.reply(&valid(r#"{"valid": "perhaps", "scopes": ["model:read"]}"#));
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "ask");
}

/// A neighbour was told of a key that was valid then.
#[test]
fn a_word_that_is_read_after_its_end_is_not_believed() {
    let mut shell = workers("");
    shell.waiting(0, "K1", SEARCH_RUNS);
    let stream = shell.waiting(1, "K1", SEARCH_RUNS);
    let ends = shell.now.as_secs() + 1;
    shell.later(990);
    shell.tick_all();
    let body = format!(r#"{{"scopes": ["model:read"], "expires_at": {ends}}}"#);
    shell.reply(&valid(&body));
    shell.later(10);
    shell.tick(1);
    assert_eq!(shell.outcome(stream), "key_invalid");
}
