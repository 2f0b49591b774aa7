//! Delay, failure rate, status; on the command line and at run time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{KEY, StandIn};

fn none() -> Value {
    json!({
        "target": null, "share": null, "count": null, "delay_ms": null, "fail_rate": null,
        "status": null, "retry_after": null, "garbage": null, "key_prefix": null,
    })
}

fn statuses(stand_in: &StandIn) -> Vec<u16> {
    (0..40).map(|_| stand_in.validate(KEY).status).collect()
}

#[test]
fn delay_holds_every_reply_back() {
    let stand_in = StandIn::with_flags(&["--delay", "150ms"]);
    for (key, status) in [(KEY, 200), ("unknown", 401)] {
        let start = Instant::now();
        assert_eq!(stand_in.validate(key).status, status);
        assert!(start.elapsed() >= Duration::from_millis(150));
    }
}

#[test]
fn fail_rate_is_a_share_that_the_seed_picks() {
    let flags = |seed| ["--fail-rate", "0.3", "--seed", seed];
    let one = statuses(&StandIn::with_flags(&flags("1")));
    let failed = one.iter().filter(|status| **status == 500).count();
    assert!((4..=24).contains(&failed), "{failed} of {}", one.len());
    assert!(one.iter().all(|status| [200, 500].contains(status)));

    assert_eq!(one, statuses(&StandIn::with_flags(&flags("1"))));
    assert_ne!(one, statuses(&StandIn::with_flags(&flags("2"))));

    for (rate, status) in [("0", 200), ("1", 500)] {
        let all = statuses(&StandIn::with_flags(&["--fail-rate", rate]));
        assert!(all.iter().all(|one| *one == status), "{rate}");
    }
}

#[test]
fn status_answers_every_validation() {
    let stand_in = StandIn::with_flags(&["--status", "503"]);
    assert_eq!(stand_in.validate(KEY).status, 503);
    assert_eq!(stand_in.validate("unknown").status, 503);
    assert_eq!(stand_in.request("POST", super::PATH, "", "").status, 503);
}

#[test]
fn the_command_line_shows_at_faults() {
    let flags = [
        "--delay",
        "2s",
        "--fail-rate",
        "0.3",
        "--status",
        "500",
        "--retry-after",
        "7",
        "--fault-target",
        "all",
        "--fault-share",
        "0.5",
        "--fault-count",
        "9",
        "--garbage",
    ];
    let stand_in = StandIn::with_flags(&flags);
    let faults = json!({
        "target": "all", "key_prefix": null, "share": 0.5, "count": 9, "delay_ms": 2000, "fail_rate": 0.3,
        "status": 500, "retry_after": 7, "garbage": "text",
    });
    assert_eq!(stand_in.request("GET", "/faults", "", "").json(), faults);
    assert_eq!(
        StandIn::with_flags(&[])
            .request("GET", "/faults", "", "")
            .json(),
        none()
    );
}

#[test]
fn faults_change_at_run_time() {
    let stand_in = StandIn::with_flags(&[]);
    assert_eq!(stand_in.validate(KEY).status, 200);

    let put = stand_in.put_faults(&json!({"status": 418}));
    assert_eq!(put.status, 200);
    assert_eq!(put.json()["status"], json!(418));
    assert_eq!(stand_in.validate(KEY).status, 418);

    // The new order replaces the old one, field by field or not named.
    assert_eq!(
        stand_in.put_faults(&json!({"garbage": "empty"})).status,
        200
    );
    let reply = stand_in.validate(KEY);
    assert_eq!((reply.status, reply.body.len()), (200, 0));

    let put = stand_in.put_faults(&json!({"fail_rate": 1, "delay_ms": 0}));
    assert_eq!(put.status, 200);
    assert_eq!(stand_in.validate(KEY).status, 500);

    let clear = stand_in.request("DELETE", "/faults", "", "");
    assert_eq!((clear.status, clear.json()), (200, none()));
    assert_eq!(stand_in.validate(KEY).status, 200);
}

#[test]
fn ordering_a_fail_rate_again_gives_the_same_run() {
    let stand_in = StandIn::with_flags(&["--seed", "7"]);
    let run = || {
        stand_in.put_faults(&json!({"fail_rate": 0.5}));
        statuses(&stand_in)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_wrong_order_is_400_names_the_field_and_changes_nothing() {
    let stand_in = StandIn::with_flags(&["--status", "503"]);
    let cases = [
        (json!({"delay": 1}), "unknown field `delay`"),
        (
            json!({"fail_rate": 1.5}),
            "fail_rate: a share is a number from 0 to 1",
        ),
        (json!({"fail_rate": "1"}), "fail_rate: "),
        (
            json!({"status": 100}),
            "status: a status is a whole number from 200 to 599",
        ),
        (json!({"status": 70000}), "status: "),
        (json!({"delay_ms": -1}), "delay_ms: "),
        (
            json!({"garbage": "nonsense"}),
            "garbage: unknown variant `nonsense`",
        ),
        (
            json!({"target": "polls"}),
            "target: unknown variant `polls`",
        ),
        (
            json!({"share": -0.5}),
            "share: a share is a number from 0 to 1",
        ),
        (json!({"count": 1.5}), "count: "),
        (json!({"retry_after": "7"}), "retry_after: "),
        (json!([1]), "not a JSON object"),
    ];
    for (order, named) in cases {
        let reply = stand_in.put_faults(&order);
        assert_eq!(reply.status, 400, "{order}");
        let error = reply.json()["error"].to_string();
        assert!(error.contains(named), "{order}: {error}");
    }
    assert_eq!(stand_in.validate(KEY).status, 503);
}

#[test]
fn faults_touch_validations_unless_the_target_says_otherwise() {
    let stand_in = StandIn::with_flags(&[]);
    let cases = [
        (json!(null), 503, 200),
        (json!("validate"), 503, 200),
        (json!("revocations"), 200, 503),
        (json!("all"), 503, 503),
    ];
    for (target, validation, poll) in cases {
        stand_in.put_faults(&json!({"target": target, "status": 503}));
        assert_eq!(stand_in.validate(KEY).status, validation, "{target}");
        assert_eq!(stand_in.poll(None).status, poll, "{target}");
    }
    let flags = ["--fault-target", "revocations", "--delay", "150ms"];
    let slow = StandIn::with_flags(&flags);
    let start = Instant::now();
    assert_eq!(slow.poll(None).status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn share_picks_by_the_seed_what_faults_touch() {
    let flags = |seed| ["--status", "503", "--fault-share", "0.3", "--seed", seed];
    let one = statuses(&StandIn::with_flags(&flags("1")));
    let touched = one.iter().filter(|status| **status == 503).count();
    assert!((4..=24).contains(&touched), "{touched} of {}", one.len());
    assert_eq!(one, statuses(&StandIn::with_flags(&flags("1"))));
    assert_ne!(one, statuses(&StandIn::with_flags(&flags("2"))));

    let stand_in = StandIn::with_flags(&[]);
    for (share, status) in [(0, 200), (1, 503)] {
        stand_in.put_faults(&json!({"share": share, "status": 503}));
        let all = statuses(&stand_in);
        assert!(all.iter().all(|one| *one == status), "{share}");
    }
    // What it does not touch is not late either.
    stand_in.put_faults(&json!({"share": 0, "delay_ms": 3_600_000, "fail_rate": 1}));
    assert_eq!(stand_in.validate(KEY).status, 200);
}

#[test]
fn count_ends_the_faults() {
    let stand_in = StandIn::with_flags(&[]);
    stand_in.put_faults(&json!({"count": 3, "status": 503}));
    // Polls are not touched, and so not counted.
    assert_eq!(stand_in.poll(None).status, 200);
    let all = statuses(&stand_in);
    let (first, rest) = all.split_at(3);
    assert!(first.iter().all(|status| *status == 503), "{first:?}");
    assert!(rest.iter().all(|status| *status == 200), "{rest:?}");
    let left = stand_in.request("GET", "/faults", "", "").json();
    assert_eq!((&left["count"], &left["status"]), (&json!(0), &json!(503)));

    // With a share, those it picks are counted.
    stand_in.put_faults(&json!({"count": 3, "share": 0.5, "status": 503}));
    let all = statuses(&stand_in);
    assert_eq!(all.iter().filter(|status| **status == 503).count(), 3);
}

#[test]
fn retry_after_goes_out_beside_the_ordered_status() {
    let stand_in = StandIn::with_flags(&["--status", "429", "--retry-after", "7"]);
    let limited = stand_in.validate(KEY);
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("7"))
    );
    for faults in [
        json!({"retry_after": 7}),
        json!({"status": 429}),
        json!({"status": 429, "retry_after": 7, "fail_rate": 1}),
    ] {
        stand_in.put_faults(&faults);
        assert_eq!(
            stand_in.validate(KEY).header("retry-after"),
            None,
            "{faults}"
        );
    }
}
