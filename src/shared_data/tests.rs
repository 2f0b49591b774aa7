use std::cell::Cell;

use super::{LocalData, SharedData, Version, update};

/// Another VM writes between this one's reads and writes, so many times.
struct Contended {
    data: LocalData,
    writes_left: Cell<u32>,
}

impl SharedData for Contended {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        let found = self.data.get(name);
        if let Some(left) = self.writes_left.get().checked_sub(1) {
            self.writes_left.set(left);
            update(&self.data, name, |_| {
                Some(format!("other {left}").into_bytes())
            });
        }
        found
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        self.data.set(name, value, version)
    }
}

fn appended(current: &[u8]) -> Option<Vec<u8>> {
    Some([current, b"+mine"].concat())
}

fn value(data: &LocalData) -> Option<String> {
    data.get("a")
        .map(|(value, _)| String::from_utf8(value).unwrap())
}

#[test]
fn an_update_creates_changes_or_leaves() {
    let data = LocalData::default();
    assert!(update(&data, "a", |_| None));
    assert_eq!(value(&data), None, "leaving nothing creates nothing");
    assert!(update(&data, "a", appended));
    assert!(update(&data, "a", appended));
    assert!(update(&data, "a", |_| None));
    assert_eq!(value(&data).unwrap(), "+mine+mine");
}

#[test]
fn what_another_vm_wrote_meanwhile_is_not_lost() {
    for (writes, expected) in [
        (1, Some("other 0+mine")),
        (2, Some("other 0+mine")),
        (3, Some("other 0+mine")),
        (50, None),
    ] {
        let contended = Contended {
            data: LocalData::default(),
            writes_left: Cell::new(writes),
        };
        let done = update(&contended, "a", appended);
        assert_eq!(done, expected.is_some(), "{writes}");
        if let Some(expected) = expected {
            assert_eq!(value(&contended.data).unwrap(), expected, "{writes}");
        }
    }
}

#[test]
fn a_version_is_good_for_one_write() {
    let data = LocalData::default();
    assert!(data.set("a", b"1", Version::OF_NOTHING));
    assert!(
        !data.set("a", b"2", Version::OF_NOTHING),
        "creation does not overwrite"
    );
    let (_, version) = data.get("a").unwrap();
    assert!(data.set("a", b"3", version));
    assert!(!data.set("a", b"4", version));
    assert_eq!(value(&data).unwrap(), "3");
}
