use std::time::Duration;

use super::{Cursor, News, RING, RevocationLog, SKEW, Timestamp};
use crate::principals::fixtures::{Bounded, Lossy, MS, NOW, Racing, Recording, key_ids, put};
use crate::shared_data::{LocalData, SharedData, Version};

const AGAIN: Duration = Duration::from_secs(10);

fn vm() -> RevocationLog {
    RevocationLog::new("f")
}

fn cursor(text: &str) -> Cursor {
    serde_json::from_value(text.into()).unwrap()
}

/// One id a batch, its number; batch `n` comes `n` milliseconds after [`NOW`].
fn append(shared: &dyn SharedData, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let ids = key_ids(&[&number.to_string()]);
        vm().append(shared, Some(&ids), Some(&cursor("c")), NOW + MS * number);
    }
}

/// The first id of each batch; `any` for any key.
fn ids(news: &News) -> Vec<&str> {
    news.batches
        .iter()
        .map(|batch| {
            batch
                .key_ids
                .as_ref()
                .map_or("any", |ids| ids.first().unwrap().as_str())
        })
        .collect()
}

fn later() -> Timestamp {
    NOW + Duration::from_secs(60)
}

#[test]
fn every_vm_sees_each_batch_once_and_in_order() {
    let data = LocalData::default();
    let (mut poller, mut other) = (vm(), vm());
    assert_eq!(poller.news(&data, NOW), News::default());
    let batch = key_ids(&["1", "one more"]);
    poller.append(&data, Some(&batch), Some(&cursor("c1")), NOW);
    poller.append(&data, None, None, NOW + MS);
    for log in [&mut poller, &mut other] {
        let news = log.news(&data, later());
        assert_eq!((ids(&news), news.missed_until), (vec!["1", "any"], None));
        assert_eq!(news.batches[0].key_ids.as_ref(), Some(&batch));
        let times: Vec<Timestamp> = news.batches.iter().map(|batch| batch.at).collect();
        assert_eq!(times, [NOW, NOW + MS]);
        assert_eq!(log.news(&data, later()), News::default());
    }
    append(&data, 3..=5);
    assert_eq!(ids(&other.news(&data, later())), ["3", "4", "5"]);
    append(&data, 6..=6);
    assert_eq!(ids(&other.news(&data, later())), ["6"]);
    assert_eq!(ids(&poller.news(&data, later())), ["3", "4", "5", "6"]);
}

#[test]
fn the_cursor_is_the_last_polls() {
    let (data, mut log) = (LocalData::default(), vm());
    assert_eq!(log.cursor(&data), None);
    let some = key_ids(&["1"]);
    for (ids, next, batches) in [
        (Some(&some[..]), Some(cursor("c1")), 1),
        // Nothing was revoked: that is no news.
        (Some(&[][..]), Some(cursor("c2")), 0),
        (None, None, 1),
        (Some(&[][..]), Some(cursor("c3")), 0),
    ] {
        log.append(&data, ids, next.as_ref(), NOW);
        assert_eq!(vm().cursor(&data), next);
        assert_eq!(log.news(&data, NOW).batches.len(), batches, "{next:?}");
    }
}

#[test]
fn who_was_away_for_longer_than_the_ring_remembers_missed_something() {
    let ring = u32::try_from(RING).unwrap();
    for (seen, written, first, missed) in [
        (0, ring, 1, false),
        (0, ring + 1, 2, true),
        (1, ring + 1, 2, false),
        (1, ring + 2, 3, true),
        (5, ring * 3, ring * 2 + 1, true),
        (ring, ring * 2, ring + 1, false),
    ] {
        let (data, mut log) = (LocalData::default(), vm());
        append(&data, 1..=seen);
        log.news(&data, later());
        append(&data, seen + 1..=written);
        let news = log.news(&data, later());
        let expected: Vec<String> = (first..=written).map(|n| n.to_string()).collect();
        assert_eq!(ids(&news), expected, "{seen} {written}");
        let oldest_readable = NOW + MS * first;
        let expected = missed.then_some(oldest_readable);
        assert_eq!(news.missed_until, expected, "{seen} {written}");
        assert_eq!(log.news(&data, later()), News::default());
    }
}

#[test]
fn a_batch_that_is_overwritten_while_it_is_read_was_missed() {
    let ring = u32::try_from(RING).unwrap();
    let (data, mut log) = (LocalData::default(), vm());
    append(&data, 1..=2);
    let racing = Racing::new(&data, "head", |data| append(data, 3..=ring + 1));
    let news = log.news(&racing, later());
    assert_eq!(ids(&news), ["2"], "what took the place of 1 comes in order");
    assert_eq!(news.missed_until, Some(NOW + MS * (ring + 1)));
    let news = log.news(&data, later());
    let expected: Vec<String> = (3..=ring + 1).map(|n| n.to_string()).collect();
    assert_eq!((ids(&news), news.missed_until), (ids_of(&expected), None));
}

fn ids_of(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

#[test]
fn a_batch_that_cannot_be_read_may_have_named_any_key() {
    let older = serde_json::json!({"sequence": 1, "at": NOW, "key_ids": ["x"]}).to_string();
    for garbage in ["", "x", "null", "{}", older.as_str()] {
        for (broken, others) in [(1, ["2", "3"]), (2, ["1", "3"]), (3, ["1", "2"])] {
            let (data, mut log) = (LocalData::default(), vm());
            append(&data, 1..=3);
            if broken == 1 && garbage == older {
                continue;
            }
            put(&data, &log.batch_name(broken), garbage.as_bytes());
            let news = log.news(&data, later());
            assert_eq!(ids(&news), others, "{broken} {garbage}");
            assert_eq!(news.missed_until, Some(later()), "{broken} {garbage}");
            assert_eq!(log.news(&data, later()), News::default());
        }
    }
}

#[test]
fn lost_data_is_filled_again() {
    let (data, mut log) = (LocalData::default(), vm());
    append(&data, 1..=5);
    log.news(&data, later());
    for garbage in ["", "x", "null", "[]", r#"{"sequence": -1, "cursor": null}"#] {
        let data = LocalData::default();
        put(&data, &log.name("head"), garbage.as_bytes());
        assert_eq!(log.news(&data, later()), News::default(), "{garbage}");
        assert_eq!(log.cursor(&data), None, "{garbage}");
        append(&data, 1..=2);
        assert_eq!(ids(&log.news(&data, later())), ["1", "2"], "{garbage}");
    }
    // It was lost and is filled again before this VM looks.
    let (data, mut log) = (LocalData::default(), vm());
    append(&data, 1..=5);
    log.news(&data, later());
    let data = LocalData::default();
    append(&data, 1..=1);
    assert_eq!(ids(&log.news(&data, later())), ["1"]);
}

#[test]
fn a_cursor_that_no_service_gave_is_not_sent() {
    let (data, log) = (LocalData::default(), vm());
    for text in ["a&b", "a b", "\r\nx: y", ""] {
        let head = serde_json::json!({"sequence": 0, "cursor": text}).to_string();
        put(&data, &log.name("head"), head.as_bytes());
        assert_eq!(log.cursor(&data), None, "{text:?}");
    }
    let head = serde_json::json!({"sequence": 0, "cursor": "c"}).to_string();
    put(&data, &log.name("head"), head.as_bytes());
    assert_eq!(log.cursor(&data), Some(cursor("c")));
}

/// Takes heads, and refuses batches.
struct NoBatches(LocalData);

impl SharedData for NoBatches {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        self.0.get(name)
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        !name.contains("/batch/") && self.0.set(name, value, version)
    }
}

#[test]
fn where_a_batch_cannot_be_written_the_cursor_stays() {
    let (data, mut log) = (NoBatches(LocalData::default()), vm());
    log.append(&data, Some(&[]), Some(&cursor("before")), NOW);
    log.append(&data, None, Some(&cursor("c")), NOW);
    assert_eq!(log.cursor(&data), Some(cursor("before")));
    assert_eq!(log.news(&data, NOW), News::default());
    for lies in [false, true] {
        let (lossy, mut log) = (Lossy { lies }, vm());
        log.append(&lossy, None, Some(&cursor("c")), NOW);
        assert_eq!(log.cursor(&lossy), None);
        assert_eq!(log.news(&lossy, NOW), News::default());
        assert!(!log.take_poll(&lossy, NOW, AGAIN));
    }
}

/// The end of what two appended at once is the later one's: what its cursor does not cover is told again.
#[test]
fn of_two_that_append_at_once_the_last_is_whole() {
    let (data, mut log) = (LocalData::default(), vm());
    append(&data, 1..=1);
    log.news(&data, NOW);
    let racing = Racing::new(&data, "head", |data| {
        let rivals = key_ids(&["rival"]);
        vm().append(data, Some(&rivals), Some(&cursor("rival")), NOW);
    });
    let ids = key_ids(&["mine"]);
    log.append(&racing, Some(&ids), Some(&cursor("mine")), NOW);
    let news = log.news(&data, NOW);
    assert_eq!(news.batches.last().unwrap().key_ids.as_ref(), Some(&ids));
    assert_eq!(news.missed_until, None);
    assert_eq!(log.cursor(&data), Some(cursor("mine")));
}

#[test]
fn one_vm_polls_at_a_time() {
    let data = LocalData::default();
    for (after, taken) in [
        (Duration::ZERO, true),
        (Duration::ZERO, false),
        (AGAIN - MS, false),
        (AGAIN, true),
        (AGAIN + MS, false),
        (AGAIN * 5, true),
        // A VM that looked at the clock a moment before the one that took the poll.
        (AGAIN * 5 - MS, false),
        (AGAIN * 5 - SKEW, false),
        // The clock has jumped back.
        (AGAIN * 5 - SKEW - MS, true),
        (AGAIN * 5 - SKEW - MS, false),
    ] {
        let found = vm().take_poll(&data, NOW + after, AGAIN);
        assert_eq!(found, taken, "{after:?}");
    }
    assert!(
        vm().take_poll(&data, NOW - AGAIN, AGAIN),
        "the clock is back"
    );
    assert!(!vm().take_poll(&data, NOW - AGAIN, AGAIN));
    vm().set_due(&data, NOW - AGAIN);
    assert!(vm().take_poll(&data, NOW - AGAIN, AGAIN), "asked for");
    assert!(!vm().take_poll(&data, NOW - AGAIN, AGAIN));
    put(&data, &vm().name("due"), b"garbage");
    assert!(vm().take_poll(&data, NOW, AGAIN), "nobody knows when");
}

#[test]
fn of_two_that_find_the_poll_due_at_once_one_polls() {
    for polled_before in [false, true] {
        let data = LocalData::default();
        if polled_before {
            assert!(vm().take_poll(&data, NOW - AGAIN, AGAIN));
        }
        let rival = |data: &LocalData| assert!(vm().take_poll(data, NOW, AGAIN));
        let racing = Racing::new(&data, "due", rival);
        assert!(!vm().take_poll(&racing, NOW, AGAIN), "{polled_before}");
    }
}

#[test]
fn each_auth_service_has_a_log_of_so_many_names() {
    let recording = Recording::default();
    append(&recording, 1..=100);
    assert!(vm().take_poll(&recording, NOW, AGAIN));
    let mut other = RevocationLog::new("g");
    assert_eq!(other.news(&recording, NOW), News::default());
    assert_eq!(other.cursor(&recording), None);
    assert!(other.take_poll(&recording, NOW, AGAIN));
    let written = recording.written.borrow();
    let mine = written.keys().filter(|name| name.contains("/f/")).count();
    assert_eq!(mine, usize::try_from(RING).unwrap() + 2);
}

fn bounded(names: usize) -> Bounded {
    Bounded {
        data: Recording::default(),
        names,
        bytes: 200,
    }
}

#[test]
fn a_log_whose_names_were_reserved_has_room_when_others_have_filled_the_store() {
    let data = bounded(20);
    assert!(vm().reserve(&data));
    assert!(vm().reserve(&data), "a second VM");
    for number in 0..100 {
        data.set(&format!("other/{number}"), b"x", Version(0));
    }
    let mut other = vm();
    let ids_of_one = key_ids(&["1"]);
    assert!(vm().append(&data, Some(&ids_of_one), Some(&cursor("c")), NOW));
    assert_eq!(ids(&other.news(&data, later())), ["1"]);
    assert!(vm().take_poll(&data, NOW, AGAIN));
    assert!(!vm().take_poll(&data, NOW, AGAIN));
}

#[test]
fn reserving_overwrites_nothing() {
    let data = LocalData::default();
    append(&data, 1..=3);
    assert!(vm().reserve(&data));
    assert_eq!(ids(&vm().news(&data, later())), ["1", "2", "3"]);
}

#[test]
fn where_there_is_no_room_it_is_told() {
    let data = bounded(10);
    assert!(!vm().reserve(&data));
    let full = bounded(0);
    let ids_of_one = key_ids(&["1"]);
    assert!(!vm().append(&full, Some(&ids_of_one), Some(&cursor("c")), NOW));
}

#[test]
fn a_list_that_is_too_long_for_the_host_may_be_about_any_key() {
    let data = bounded(100);
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(vm().append(&data, Some(&key_ids(&many)), Some(&cursor("c")), NOW));
    let mut other = vm();
    assert_eq!(ids(&other.news(&data, later())), ["any"]);
    assert_eq!(other.cursor(&data), Some(cursor("c")));
}
