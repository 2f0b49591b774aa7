use super::{LENGTH, MOST, RevokedDigests, SLOTS, digest};
use crate::principals::fixtures::{key_ids, put};
use crate::shared_data::{LocalData, SharedData};

fn known(data: &LocalData, id: &str) -> bool {
    RevokedDigests::new("f").all(data).contains(&digest(id))
}

#[test]
fn each_vm_reads_what_another_has_added() {
    let data = LocalData::default();
    let digests = RevokedDigests::new("f");
    assert!(digests.all(&data).is_empty());
    digests.add(&data, &key_ids(&["a", "b"]));
    digests.add(&data, &key_ids(&["b", "c"]));
    digests.add(&data, &[]);
    assert!(known(&data, "a") && known(&data, "b") && known(&data, "c") && !known(&data, "d"));
    assert_eq!(digests.all(&data).len(), 3);
    assert!(RevokedDigests::new("another").all(&data).is_empty());
}

#[test]
fn the_last_ones_are_kept_in_bounded_room() {
    let data = LocalData::default();
    let digests = RevokedDigests::new("f");
    let count = 2 * MOST * usize::from(SLOTS);
    let ids: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    for some in ids.chunks(1000) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        digests.add(&data, &key_ids(&some));
    }
    for slot in 0..SLOTS {
        let (value, _) = data.get(&digests.name(slot)).unwrap();
        assert_eq!(value.len(), MOST * LENGTH, "{slot}");
    }
    // The same number fall to each slot, give or take.
    assert!(
        ids[count - count / 4..]
            .iter()
            .all(|id| known_in(&digests, &data, id))
    );
    assert!(!known(&data, "0"));
}

fn known_in(digests: &RevokedDigests, data: &LocalData, id: &str) -> bool {
    let wanted = digest(id);
    let (value, _) = data.get(&digests.name(wanted[0] % SLOTS)).unwrap();
    value.as_chunks::<LENGTH>().0.contains(&wanted)
}

/// Anybody may have written there.
#[test]
fn what_is_no_digest_is_passed_over() {
    let data = LocalData::default();
    let digests = RevokedDigests::new("f");
    for slot in 0..SLOTS {
        put(&data, &digests.name(slot), b"short");
    }
    assert!(digests.all(&data).is_empty());
    digests.add(&data, &key_ids(&["a"]));
    assert_eq!(digests.all(&data), [digest("a")]);
}
