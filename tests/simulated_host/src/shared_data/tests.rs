use super::SharedData;
use crate::status::{CAS_MISMATCH, OK};

#[test]
fn one_counter_for_all_keys_and_compare_and_swap_as_envoy_does_it() {
    let mut data = SharedData::default();
    assert_eq!(data.get(b"a"), None);
    assert_eq!(data.set(b"a", b"1", 77), OK, "absent: any cas");
    assert_eq!(data.get(b"a"), Some((b"1".to_vec(), 1)));
    assert_eq!(data.set(b"b", b"2", 0), OK);
    assert_eq!(data.get(b"b"), Some((b"2".to_vec(), 2)));
    assert_eq!(data.set(b"a", b"3", 2), CAS_MISMATCH);
    assert_eq!(data.set(b"a", b"3", 1), OK);
    assert_eq!(data.set(b"a", b"4", 0), OK, "unconditional");
    assert_eq!(data.get(b"a"), Some((b"4".to_vec(), 4)));
    data.lose(b"a");
    assert_eq!(data.keys(), [b"b"]);
    assert_eq!(data.bytes(), 2);
    data.lose_everything();
    assert!(data.keys().is_empty());
}

#[test]
fn another_worker_may_write_between_a_read_and_a_write() {
    let mut data = SharedData::default();
    data.set(b"a", b"1", 0);
    data.between_get_and_set(Some(Box::new(|_, _| Some(b"theirs".to_vec()))));
    let (_, cas) = data.get(b"a").unwrap();
    assert_eq!(data.set(b"a", b"mine", cas), CAS_MISMATCH);
    data.between_get_and_set(None);
    assert_eq!(data.get(b"a").unwrap().0, b"theirs");
}
