use super::{CAPACITY, Revoked, Timestamp};
use crate::auth_service::KeyId;
use crate::principals::fixtures::{MS, NOW, key_ids};

/// The ids `from..to`, each revoked a millisecond after the one before it.
fn add_many(revoked: &mut Revoked, ids: std::ops::Range<u32>) {
    for index in ids {
        revoked.add(&numbered(index), NOW + MS * index);
    }
}

fn numbered(index: u32) -> Vec<KeyId> {
    key_ids(&[&format!("key{index}")])
}

fn covered(revoked: &Revoked, asked_at: Timestamp) -> [bool; 3] {
    [Some("a"), Some("b"), None].map(|key_id| revoked.covers(key_id, asked_at))
}

#[test]
fn words_from_before_a_revocation_are_covered() {
    let mut revoked = Revoked::default();
    assert_eq!(covered(&revoked, Timestamp::ZERO), [false; 3]);
    revoked.add(&key_ids(&["a"]), NOW);
    // Neither takes back what is known.
    revoked.add(&key_ids(&["a"]), NOW - MS);
    revoked.add(&[], NOW + MS);
    for (asked_at, expected) in [
        (Timestamp::ZERO, [true, false, false]),
        (NOW, [true, false, false]),
        (NOW + MS, [false; 3]),
    ] {
        assert_eq!(covered(&revoked, asked_at), expected, "{asked_at:?}");
    }
    revoked.add(&key_ids(&["a"]), NOW + MS);
    assert_eq!(covered(&revoked, NOW + MS), [true, false, false]);
    revoked.add_all(NOW);
    revoked.add_all(NOW - MS);
    assert_eq!(covered(&revoked, NOW), [true; 3]);
    assert_eq!(covered(&revoked, NOW + MS), [true, false, false]);
}

#[test]
fn an_overflow_raises_the_watermark_to_what_it_forgets() {
    let capacity = u32::try_from(CAPACITY.get()).unwrap();
    let mut revoked = Revoked::default();
    add_many(&mut revoked, 0..capacity);
    assert!(!revoked.covers(None, Timestamp::ZERO), "it is only full");
    // One that is there already pushes nothing out, and is now the last to go.
    revoked.add(&numbered(0), NOW);
    assert!(!revoked.covers(None, Timestamp::ZERO));
    // Key 1 is forgotten, so no word from its time or before counts, whatever the key.
    add_many(&mut revoked, capacity..capacity + 1);
    for (key_id, asked_at, expected) in [
        (Some("key1"), NOW + MS, true),
        (Some("never revoked"), NOW + MS, true),
        (None, NOW + MS, true),
        (None, NOW + MS * 2, false),
        (Some("key2"), NOW + MS * 2, true),
        (Some("key2"), NOW + MS * 3, false),
        (Some("key0"), NOW + MS * 2, false),
    ] {
        let found = revoked.covers(key_id, asked_at);
        assert_eq!(found, expected, "{key_id:?} {asked_at:?}");
    }
    // Words from after every revocation count again.
    add_many(&mut revoked, capacity + 1..capacity * 3);
    assert_eq!(revoked.ids.len(), CAPACITY.get());
    assert!(revoked.covers(None, NOW + MS * (capacity * 2 - 1)));
    assert!(!revoked.covers(None, NOW + MS * (capacity * 2)));
}
