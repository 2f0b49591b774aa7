use std::ops::Range;
use std::time::Duration;

use super::{Found, Principals, Refusal, Timestamp, Validation};
use crate::auth_service::Lifetime;
use crate::config::Cache;
use crate::principals::fixtures::{MS, NOW, digest, key_ids, validation};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn config() -> Cache {
    Cache {
        capacity: 10,
        ttl: seconds(100),
        negative_ttl: seconds(5),
        stale_if_error: seconds(50),
        shared_slots: 0,
    }
}

fn cache() -> Principals {
    Principals::new(config())
}

fn of_capacity(capacity: u64) -> Principals {
    Principals::new(Cache {
        capacity,
        ..config()
    })
}

/// Asked about at `asked_at` and fresh for exactly a minute: a `max-age` has no jitter.
fn minute(key_id: &str, asked_at: Timestamp) -> Validation {
    limited(key_id, asked_at, Some(seconds(60)), None)
}

fn limited(
    key_id: &str,
    asked_at: Timestamp,
    max_age: Option<Duration>,
    expires_at: Option<Timestamp>,
) -> Validation {
    Validation {
        lifetime: Lifetime {
            max_age,
            expires_at,
            ..Lifetime::default()
        },
        ..validation(key_id, asked_at)
    }
}

fn word(cache: &mut Principals, key: &str, now: Timestamp) -> &'static str {
    match cache.find(digest(key), now) {
        Found::Fresh { refresh: false, .. } => "fresh",
        Found::Fresh { refresh: true, .. } => "refresh",
        Found::Stale { .. } => "stale",
        Found::Refused(Refusal::Invalid) => "invalid",
        Found::Refused(Refusal::Refused) => "refused",
        Found::Nothing => "nothing",
    }
}

fn key_id(cache: &mut Principals, key: &str, now: Timestamp) -> Option<String> {
    match cache.find(digest(key), now) {
        Found::Fresh { principal, .. } | Found::Stale { principal, .. } => principal.key_id.clone(),
        _ => None,
    }
}

/// For how many milliseconds since `from` a key's principal is fresh, and usable at all.
fn ends(cache: &mut Principals, key: &str, from: Timestamp) -> (u64, u64) {
    let digest = digest(key);
    let mut end = |holds: fn(&Found) -> bool| {
        let Range { mut start, mut end } = 0..1_000_000;
        while start < end {
            let middle = u64::midpoint(start, end);
            let found = cache.find(digest, from + Duration::from_millis(middle));
            if holds(&found) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    };
    let fresh = end(|found| matches!(found, Found::Fresh { .. }));
    let usable = end(|found| matches!(found, Found::Fresh { .. } | Found::Stale { .. }));
    (fresh, usable)
}

#[test]
fn a_principal_is_fresh_then_stale_then_gone() {
    let mut cache = cache();
    assert!(cache.is_empty());
    cache.keep(digest("a"), minute("a", NOW));
    assert_eq!((cache.len(), cache.is_empty()), (1, false));
    for (age, expected) in [
        (0, "fresh"),
        (47_999, "fresh"),
        (48_000, "refresh"),
        (59_999, "refresh"),
        (60_000, "stale"),
        (109_999, "stale"),
        (110_000, "nothing"),
        (10_000_000_000, "nothing"),
        // Looking changes nothing.
        (1, "fresh"),
    ] {
        let now = NOW + Duration::from_millis(age);
        assert_eq!(word(&mut cache, "a", now), expected, "{age} ms");
    }
    assert_eq!(word(&mut cache, "a", Duration::MAX), "nothing");
    assert_eq!(word(&mut cache, "b", NOW), "nothing");
    let stale = cache.find(digest("a"), NOW + seconds(60));
    let Found::Stale { asked_at, .. } = stale else {
        panic!("{stale:?}")
    };
    assert_eq!(asked_at, NOW, "a stale principal says when it was good");
}

#[test]
fn the_shortest_limit_counts() {
    let in_seconds = |count| Some(NOW + seconds(count));
    for (stale_if_error, max_age, expires_at, expected) in [
        (50, Some(30), None, (30_000, 80_000)),
        (0, Some(30), None, (30_000, 30_000)),
        (3600, Some(30), None, (30_000, 1_000_000)),
        (50, None, in_seconds(20), (20_000, 20_000)),
        (50, Some(30), in_seconds(20), (20_000, 20_000)),
        (50, Some(30), in_seconds(40), (30_000, 40_000)),
        (50, Some(30), in_seconds(500), (30_000, 80_000)),
    ] {
        let mut cache = Principals::new(Cache {
            stale_if_error: seconds(stale_if_error),
            ..config()
        });
        let told = limited("a", NOW, max_age.map(seconds), expires_at);
        cache.keep(digest("a"), told);
        let found = ends(&mut cache, "a", NOW);
        assert_eq!(
            found, expected,
            "{stale_if_error} {max_age:?} {expires_at:?}"
        );
    }
}

#[test]
fn a_limit_beyond_the_ttl_changes_nothing() {
    let mut plain = cache();
    plain.keep(digest("a"), validation("a", NOW));
    let expected = ends(&mut plain, "a", NOW);
    let mut limited_cache = cache();
    let far = limited("a", NOW, Some(Duration::MAX), Some(Duration::MAX));
    limited_cache.keep(digest("a"), far);
    assert_eq!(ends(&mut limited_cache, "a", NOW), expected);
    assert_eq!(expected.1, expected.0 + 50_000);
}

#[test]
fn what_may_not_be_kept_leaves_nothing_behind() {
    for (max_age, expires_at) in [
        (Some(Duration::ZERO), None),
        (None, Some(NOW)),
        (None, Some(NOW - MS)),
        (None, Some(Duration::ZERO)),
    ] {
        let mut cache = cache();
        let told = || limited("a", NOW, max_age, expires_at);
        cache.keep(digest("a"), told());
        assert_eq!(cache.len(), 0, "{max_age:?} {expires_at:?}");
        // What was kept before was said to hold no longer, for good or for bad.
        cache.keep(digest("a"), minute("a", NOW - seconds(1)));
        cache.keep(digest("a"), told());
        assert_eq!(word(&mut cache, "a", NOW), "nothing", "{max_age:?}");
        cache.refuse(digest("a"), Refusal::Invalid, NOW - seconds(1));
        cache.keep(digest("a"), told());
        assert_eq!(word(&mut cache, "a", NOW), "nothing", "{max_age:?}");
    }
}

#[test]
fn jitter_shortens_the_ttl_by_up_to_a_tenth() {
    let fresh_for = |key: &str, asked_at| {
        let mut cache = cache();
        cache.keep(digest(key), validation("k", asked_at));
        ends(&mut cache, key, asked_at).0
    };
    let over_keys = (0..300).map(|index| fresh_for(&format!("key{index}"), NOW));
    let over_times = (0..300).map(|index| fresh_for("a", NOW + MS * 37 * index));
    for ends in [over_keys.collect::<Vec<_>>(), over_times.collect()] {
        let (least, most) = (*ends.iter().min().unwrap(), *ends.iter().max().unwrap());
        assert!((90_000..91_000).contains(&least), "{least}");
        assert!((99_000..=100_000).contains(&most), "{most}");
        let mean = ends.iter().sum::<u64>() / 300;
        assert!((94_000..96_000).contains(&mean), "{mean}");
    }
    for key in ["a", "b", "c"] {
        let asked_at = NOW + MS * 123;
        let another_vm = fresh_for(key, asked_at);
        assert_eq!(fresh_for(key, asked_at), another_vm, "{key}");
    }
}

#[test]
fn a_background_question_can_wait() {
    let mut cache = cache();
    for key in ["a", "b"] {
        cache.keep(digest(key), minute(key, NOW));
    }
    cache.postpone_refresh(digest("a"), NOW + seconds(55));
    cache.postpone_refresh(digest("unknown"), NOW);
    for (at, expected) in [
        (50_000, ["fresh", "refresh"]),
        (54_999, ["fresh", "refresh"]),
        (55_000, ["refresh", "refresh"]),
        (60_000, ["stale", "stale"]),
    ] {
        let now = NOW + Duration::from_millis(at);
        let words = ["a", "b"].map(|key| word(&mut cache, key, now));
        assert_eq!(words, expected, "{at}");
    }
    // A clock that has jumped back.
    cache.postpone_refresh(digest("a"), NOW - seconds(1));
    assert_eq!(word(&mut cache, "a", NOW), "refresh");
    cache.keep(digest("a"), minute("a", NOW + MS));
    assert_eq!(word(&mut cache, "a", NOW + MS), "fresh");
}

#[test]
fn an_entry_from_the_future_is_used_no_more_and_gives_way() {
    let back = NOW - seconds(3600);
    let mut valid = cache();
    valid.keep(digest("a"), minute("a", NOW));
    let mut turned_down = cache();
    turned_down.refuse(digest("a"), Refusal::Invalid, NOW);
    for (cache, expected) in [(&mut valid, "fresh"), (&mut turned_down, "invalid")] {
        assert_eq!(word(cache, "a", NOW), expected);
        assert_eq!(word(cache, "a", NOW - MS), "nothing");
        assert_eq!(word(cache, "a", Duration::ZERO), "nothing");
        assert_eq!(word(cache, "a", NOW + MS), "nothing", "and forth again");
        cache.keep(digest("a"), minute("a", back));
        assert_eq!(word(cache, "a", back), "fresh", "after {expected}");
    }
}

#[test]
fn a_refusal_holds_for_the_negative_ttl() {
    for (refusal, expected) in [(Refusal::Invalid, "invalid"), (Refusal::Refused, "refused")] {
        let mut cache = cache();
        cache.keep(digest("a"), minute("a", NOW - seconds(1)));
        cache.refuse(digest("a"), refusal, NOW);
        assert_eq!((cache.len(), cache.refusals()), (0, 1));
        for (age, expected) in [
            (0, expected),
            (4_999, expected),
            (5_000, "nothing"),
            (10_000, "nothing"),
        ] {
            let now = NOW + Duration::from_millis(age);
            assert_eq!(word(&mut cache, "a", now), expected, "{age} ms");
        }
    }
}

#[test]
fn without_a_negative_ttl_a_refusal_only_ends_the_principal() {
    let mut cache = Principals::new(Cache {
        negative_ttl: Duration::ZERO,
        ..config()
    });
    cache.keep(digest("a"), minute("a", NOW));
    cache.refuse(digest("a"), Refusal::Refused, NOW);
    assert_eq!(word(&mut cache, "a", NOW), "nothing");
    assert_eq!((cache.len(), cache.refusals()), (0, 0));
}

#[test]
fn neither_store_evicts_from_the_other() {
    let mut cache = of_capacity(3);
    let good = ["a", "b", "c"];
    for key in good {
        cache.keep(digest(key), minute(key, NOW));
    }
    for index in 0..200 {
        cache.refuse(digest(&format!("invented{index}")), Refusal::Invalid, NOW);
    }
    assert_eq!(good.map(|key| word(&mut cache, key, NOW)), ["fresh"; 3]);
    assert_eq!((cache.len(), cache.refusals()), (3, 3));
    for index in 0..200 {
        cache.keep(digest(&format!("other{index}")), minute("k", NOW));
    }
    assert_eq!((cache.len(), cache.refusals()), (3, 3));
    assert_eq!(word(&mut cache, "invented199", NOW), "invalid");
}

#[test]
fn an_older_word_does_not_replace_a_newer() {
    let no_store = |asked_at| limited("new", asked_at, Some(Duration::ZERO), None);
    for (told, expected) in [
        (minute("new", NOW - MS), Some("old")),
        (minute("new", NOW), Some("old")),
        (minute("new", NOW + MS), Some("new")),
        (no_store(NOW - MS), Some("old")),
        (no_store(NOW + MS), None),
    ] {
        let mut cache = cache();
        cache.keep(digest("a"), minute("old", NOW));
        let shown = format!("{told:?}");
        cache.keep(digest("a"), told);
        let found = key_id(&mut cache, "a", NOW + MS);
        assert_eq!(found.as_deref(), expected, "{shown}");
    }
}

#[test]
fn a_word_from_before_a_refusal_does_not_undo_it() {
    for (asked_at, expected, refusals) in [
        (NOW - MS, "invalid", 1),
        (NOW, "fresh", 0),
        (NOW + MS, "fresh", 0),
    ] {
        let mut cache = cache();
        cache.refuse(digest("a"), Refusal::Invalid, NOW);
        cache.keep(digest("a"), minute("a", asked_at));
        assert_eq!(word(&mut cache, "a", NOW + MS), expected, "{asked_at:?}");
        assert_eq!(cache.refusals(), refusals, "{asked_at:?}");
    }
}

#[test]
fn revoked_keys_are_forgotten_and_late_words_of_them_not_believed() {
    let mut cache = cache();
    for (key, asked_at) in [("a", NOW - MS), ("b", NOW), ("c", NOW + MS), ("d", NOW)] {
        cache.keep(digest(key), minute(key, asked_at));
    }
    let now = NOW + seconds(1);
    assert_eq!(cache.revoke(&key_ids(&["a", "b", "c", "nobody"]), NOW), 2);
    let left = ["a", "b", "c", "d"].map(|key| word(&mut cache, key, now));
    assert_eq!(left, ["nothing", "nothing", "fresh", "fresh"]);
    // An earlier time does not take back a later one.
    assert_eq!(cache.revoke(&key_ids(&["a"]), NOW - seconds(9)), 0);
    for (asked_at, expected) in [
        (NOW - seconds(1), "nothing"),
        (NOW, "nothing"),
        (NOW + MS, "fresh"),
    ] {
        let late = minute("a", asked_at);
        assert_eq!(cache.is_revoked(&late), expected == "nothing");
        cache.keep(digest("a"), late);
        assert_eq!(word(&mut cache, "a", now), expected, "{asked_at:?}");
    }
}

#[test]
fn when_any_key_may_be_revoked_all_older_words_go() {
    let mut cache = cache();
    let nameless = || {
        let mut told = minute("", NOW);
        told.principal = std::sync::Arc::default();
        told
    };
    cache.keep(digest("a"), minute("a", NOW - MS));
    cache.keep(digest("b"), nameless());
    cache.keep(digest("c"), minute("c", NOW + MS));
    assert_eq!(cache.revoke(&key_ids(&["a", ""]), NOW - seconds(1)), 0);
    assert_eq!(cache.revoke_all(NOW), 2);
    assert_eq!(cache.revoke_all(NOW - seconds(1)), 0);
    assert!(cache.is_in_doubt(&nameless()) && cache.is_in_doubt(&minute("z", NOW)));
    assert!(!cache.is_in_doubt(&minute("z", NOW + MS)));
    cache.keep(digest("b"), nameless());
    let now = NOW + seconds(1);
    let left = ["a", "b", "c"].map(|key| word(&mut cache, key, now));
    assert_eq!(left, ["nothing", "nothing", "fresh"]);
}

#[test]
fn the_least_recently_used_gives_way() {
    let mut cache = of_capacity(2);
    for key in ["a", "b"] {
        cache.keep(digest(key), minute(key, NOW));
    }
    assert_eq!(word(&mut cache, "a", NOW), "fresh");
    cache.keep(digest("c"), minute("c", NOW));
    assert_eq!(cache.len(), 2);
    let kept = ["a", "b", "c"].map(|key| word(&mut cache, key, NOW));
    assert_eq!(kept, ["fresh", "nothing", "fresh"]);
}

#[test]
fn a_capacity_beyond_this_machine_costs_nothing_up_front() {
    let mut cache = of_capacity(u64::from(u32::MAX));
    cache.keep(digest("a"), minute("a", NOW));
    assert_eq!(word(&mut cache, "a", NOW), "fresh");
}
