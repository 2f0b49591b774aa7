//! One question per key, however many ask, and whoever goes away.

use super::{CREATE_RUN, NOW, READER, SEARCH_RUNS, Shell, WRITER, status, valid};
use crate::auth_service::Reply;
use crate::engine::StreamId;

#[test]
fn all_who_wait_are_decided_from_one_reply_each_by_its_own_operation() {
    let mut shell = Shell::new("");
    let readers: Vec<StreamId> = (0..100)
        .map(|_| shell.waiting(0, "K1", SEARCH_RUNS))
        .collect();
    let writers: Vec<StreamId> = (0..100)
        .map(|_| shell.waiting(0, "K1", CREATE_RUN))
        .collect();
    assert_eq!(shell.asked, 1);
    shell.reply(&valid(READER));
    assert!(readers.iter().all(|id| shell.outcome(*id) == "allowed"));
    assert!(
        writers
            .iter()
            .all(|id| shell.outcome(*id) == "scope_missing")
    );
    assert_eq!(shell.asked, 1);
    assert_eq!(shell.engine().waiting_streams(), 0);
    assert_eq!(
        shell.counted("mlflow_authz_cache_lookups.result=.=joined;.;"),
        199
    );
}

#[test]
fn every_outcome_reaches_all_who_wait() {
    for (reply, expected) in [
        (status(401, true), "key_invalid"),
        (status(403, true), "key_refused"),
        (status(429, true), "rate_limited"),
        (status(500, true), "auth_unavailable"),
        (status(504, false), "auth_unavailable"),
        (Reply::Reset, "auth_unavailable"),
        (Reply::NotSent, "auth_unavailable"),
    ] {
        let mut shell = Shell::new("");
        let streams: Vec<_> = (0..5)
            .map(|_| shell.waiting(0, "K1", SEARCH_RUNS))
            .collect();
        shell.reply(&reply);
        for stream in streams {
            assert_eq!(shell.outcome(stream), expected, "{reply:?}");
        }
        assert_eq!(shell.asked, 1);
    }
}

#[test]
fn a_leader_that_goes_away_takes_nobody_along() {
    let mut shell = Shell::new("");
    let leader = shell.waiting(0, "K1", SEARCH_RUNS);
    let followers: Vec<_> = (0..3)
        .map(|_| shell.waiting(0, "K1", SEARCH_RUNS))
        .collect();
    shell.gone(leader);
    shell.gone(followers[1]);
    shell.reply(&valid(READER));
    assert_eq!(
        [followers[0], followers[2]].map(|id| shell.outcome(id)),
        ["allowed"; 2]
    );
    assert_eq!((shell.asked, shell.engine().waiting_streams()), (1, 0));
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_is_kept() {
    let mut shell = Shell::new("");
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.gone(stream);
    shell.reply(&valid(READER));
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, 1);
}

#[test]
fn a_callout_without_an_end_is_ended_by_a_tick() {
    for (after, expected) in [(2_049, "ask"), (2_050, "auth_unavailable")] {
        let mut shell = Shell::new("");
        let first = shell.waiting(0, "K1", SEARCH_RUNS);
        shell.later(1_900);
        let second = shell.waiting(0, "K1", SEARCH_RUNS);
        shell.later(after - 1_900);
        shell.tick(0);
        assert_eq!(shell.outcome(first), expected, "{after}");
        assert_eq!(shell.outcome(second), expected, "{after}");
    }
    // Its reply, come too late, is nobody's; the key is asked about anew.
    let mut shell = Shell::new("");
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.later(10_000);
    shell.tick(0);
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(stream), "auth_unavailable");
    shell.later(1_000);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask");
    assert!(!shell.engine().is_idle());
}

#[test]
fn nobody_waits_for_a_clock_that_jumped_back_to_catch_up() {
    let mut shell = Shell::new("");
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.now = NOW / 2;
    shell.tick(0);
    assert_eq!(shell.outcome(stream), "ask");
    shell.later(2_050);
    shell.tick(0);
    assert_eq!(shell.outcome(stream), "auth_unavailable");
}

#[test]
fn ticks_are_wanted_only_while_something_is_open() {
    let mut shell = Shell::new("");
    let period = |shell: &mut Shell| {
        let now = shell.now;
        shell
            .engine()
            .tick_period(now)
            .map(|period| period.as_millis())
    };
    assert_eq!(period(&mut shell), None);
    let _ = shell.waiting(0, "K1", SEARCH_RUNS);
    assert_eq!(period(&mut shell), Some(50));
    shell.reply(&valid(READER));
    assert_eq!(period(&mut shell), None);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    assert_eq!(period(&mut shell), None);
}

#[test]
fn a_stream_that_never_waited_is_not_woken() {
    let mut shell = Shell::new("");
    let head = crate::request::RequestHead {
        headers: &[],
        facts: None,
    };
    let context = crate::engine::HostContext {
        now: NOW,
        shared: &shell.shared,
    };
    assert!(
        shell.workers[0]
            .on_woken(StreamId(7), &context, &head)
            .is_none()
    );
}

#[test]
fn giving_up_answers_all() {
    let mut shell = Shell::new("");
    let streams = [
        shell.waiting(0, "K1", SEARCH_RUNS),
        shell.waiting(0, "K1", SEARCH_RUNS),
        shell.waiting(0, "K2", SEARCH_RUNS),
    ];
    let now = shell.now;
    shell.engine().abandon(now);
    shell.empty_outbox(0);
    assert_eq!(streams.map(|id| shell.outcome(id)), ["auth_unavailable"; 3]);
    assert!(shell.engine().is_idle());
}

/// A host may use an id again: what comes of the lookup that the stream before waited for is not for the one after.
#[test]
fn a_stream_whose_id_was_another_s_is_told_of_its_own_key_only() {
    let mut shell = Shell::new("");
    let before = shell.waiting(0, "K1", CREATE_RUN);
    shell.gone(before);
    shell.streams -= 1;
    let after = shell.waiting(0, "K2", CREATE_RUN);
    assert_eq!(before, after);
    shell.reply(&valid(WRITER));
    assert_eq!(shell.outcome(after), "ask");
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(after), "scope_missing");
}
