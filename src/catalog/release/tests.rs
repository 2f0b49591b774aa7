use super::{COVERS, RELEASES, Release};

#[test]
fn releases_are_parsed() {
    for (text, release) in [
        ("3.4.0", Some(Release(3, 4, 0))),
        ("3.4", Some(Release(3, 4, 0))),
        ("2.22.5", Some(Release(2, 22, 5))),
        ("", None),
        ("3", None),
        ("3.", None),
        ("3.4.", None),
        ("3.4.0.1", None),
        ("3.4.0rc1", None),
        ("v3.4.0", None),
        ("3.+4", None),
        ("3. 4", None),
        ("3.99999", None),
    ] {
        assert_eq!(Release::parse(text), release, "{text:?}");
    }
}

#[test]
fn a_patch_release_stands_for_its_minor() {
    for (release, covered) in [
        (Release(3, 4, 0), Some(Release(3, 4, 0))),
        (Release(3, 5, 0), Some(Release(3, 5, 1))),
        (Release(3, 5, 9), Some(Release(3, 5, 1))),
        (Release(2, 9, 0), Some(Release(2, 9, 2))),
        (Release(1, 30, 0), Some(Release(1, 30, 1))),
        (Release(1, 29, 0), None),
        (Release(2, 23, 0), None),
        (Release(3, 99, 0), None),
        (Release(4, 0, 0), None),
    ] {
        assert_eq!(release.covered(), covered, "{release}");
    }
}

#[test]
fn covered_releases_are_in_order_one_a_minor() {
    for pair in RELEASES.windows(2) {
        assert!(pair[0].minor() < pair[1].minor(), "{pair:?}");
    }
}

#[test]
fn what_is_covered_is_said_in_words() {
    let minors: Vec<_> = RELEASES.iter().map(|release| release.minor()).collect();
    let [before, first, .., last] = minors.as_slice() else {
        panic!("{minors:?}");
    };
    assert_eq!(*before, (1, 30));
    let words = format!("{}.{} to {}.{}", first.0, first.1, last.0, last.1);
    assert_eq!(COVERS, words);
    // The last 2.x is 2.22.
    let follows = |(major, minor)| match (major, minor) {
        (1, 30) => (2, 0),
        (2, 22) => (3, 0),
        _ => (major, minor + 1),
    };
    for pair in minors.windows(2) {
        assert_eq!(pair[1], follows(pair[0]), "{COVERS} leaves out a release");
    }
}
