use std::time::Duration;

use super::{Lifetime, time};
use crate::json;

#[test]
fn cache_control_limits_how_long_an_answer_is_used() {
    for (header, expected) in [
        ("max-age=60", Some(60)),
        ("private, max-age=30", Some(30)),
        ("MAX-AGE=\"7\"", Some(7)),
        ("max-age=60, max-age=5", Some(5)),
        ("max-age = 9", Some(9)),
        ("no-store", Some(0)),
        ("No-Cache, max-age=60", Some(0)),
        // Nothing that can be read: the cache must not guess.
        ("max-age=soon", Some(0)),
        ("max-age", Some(0)),
        ("max-age=-1", Some(0)),
        ("max-age=99999999999999999999999", Some(u64::MAX)),
        ("private", None),
        ("s-maxage=1", None),
        ("", None),
    ] {
        let lifetime = Lifetime::default().with_cache_control(Some(header.as_bytes()));
        assert_eq!(
            lifetime.max_age,
            expected.map(Duration::from_secs),
            "{header}"
        );
    }
    assert_eq!(
        Lifetime::default()
            .with_cache_control(Some(b"\xff"))
            .max_age,
        Some(Duration::ZERO)
    );
    assert_eq!(Lifetime::default().with_cache_control(None).max_age, None);
}

#[test]
fn expiry_is_read_in_the_spellings_that_services_use() {
    const T: u64 = 1_795_255_200; // 2026-11-21T10:00:00Z
    for (json, expected) in [
        ("\"2026-11-21T10:00:00Z\"", Some(T)),
        ("\"2026-11-21T10:00:00.000000\"", Some(T)),
        ("\"2026-11-21 10:00:00\"", Some(T)),
        ("\"2026-11-21T10:00:00+00:00\"", Some(T)),
        ("\"2026-11-21T12:30:00.000+02:30\"", Some(T)),
        ("\"2026-11-21T02:00:00-08:00\"", Some(T)),
        ("1795255200", Some(T)),
        ("1795255200.0", Some(T)),
        ("-1", Some(0)),
        ("-1.5", Some(0)),
        ("\"1969-01-01T00:00:00Z\"", None),
        ("\"2026-11-21\"", None),
        ("\"never\"", None),
        ("\"\"", None),
        ("\"2026-11-21T10:00:00+0x:00\"", None),
        ("1e300", None),
        ("true", None),
        ("{}", None),
    ] {
        let read = time(&json::read(json.as_bytes()).unwrap());
        assert_eq!(read.map(|at| at.as_secs()), expected, "{json}");
    }
}

#[test]
fn limits_are_counted_from_the_question_and_begin() {
    let secs = Duration::from_secs;
    for (expires_at, expires_in, expected) in [
        (None, None, None),
        (Some(150), None, Some(150)),
        (None, Some(30), Some(130)),
        (Some(150), Some(30), Some(130)),
        (Some(120), Some(30), Some(120)),
        (Some(120), Some(u64::MAX), Some(120)),
    ] {
        let limits = Lifetime {
            expires_at: expires_at.map(secs),
            expires_in: expires_in.map(secs),
            ..Lifetime::default()
        };
        let limits = limits.since(secs(100));
        assert_eq!(limits.expires_at, expected.map(secs));
        assert_eq!(limits.expires_in, None);
    }
    for (not_before, now, is_early) in [
        (None, 0, false),
        (Some(100), 89, true),
        (Some(100), 90, false),
        (Some(100), 100, false),
        (Some(100), 101, false),
        (Some(u64::MAX), 0, true),
    ] {
        let limits = Lifetime {
            not_before: not_before.map(secs),
            ..Lifetime::default()
        };
        assert_eq!(limits.is_early(secs(now)), is_early, "{not_before:?} {now}");
    }
}
