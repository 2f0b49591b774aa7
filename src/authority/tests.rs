use super::{host_of, read_host};
use crate::request::RequestHead;

#[test]
fn a_host_is_read_without_port_trailing_dot_and_case() {
    for (authority, host) in [
        ("registry.example", "registry.example"),
        ("Registry.EXAMPLE", "registry.example"),
        ("registry.example:443", "registry.example"),
        ("registry.example:", "registry.example"),
        ("registry.example.", "registry.example"),
        ("registry.example.:443", "registry.example"),
        ("localhost", "localhost"),
        ("my_host-1", "my_host-1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("1.example", "1.example"),
        ("0xcafe.example", "0xcafe.example"),
        ("[::1]", "[::1]"),
        ("[::1]:443", "[::1]"),
        ("[2001:DB8:0:0::0001]", "[2001:db8::1]"),
    ] {
        assert_eq!(read_host(authority).as_deref(), Some(host), "{authority}");
    }
}

#[test]
fn a_host_with_a_second_reading_is_none() {
    for authority in [
        "",
        ".",
        "..",
        ":443",
        ".example",
        "registry..example",
        "registry.example..",
        "registry.example:443:443",
        "registry.example:https",
        "me@registry.example",
        "me:secret@registry.example",
        "registry.example@other.example",
        "registry%2eexample",
        "registry.example%00",
        "registry.example/",
        "registry.example\\",
        "registry.example?x",
        "registry.example#x",
        "http://registry.example",
        "a.example,b.example",
        "a.example b.example",
        " registry.example",
        "registry.example\t",
        "b\u{fc}cher.example",
        "registry\u{3002}example",
        "registry.example\u{200b}",
        "127.1",
        "127.0.0.01",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "[::1",
        "::1",
        "[]",
        "[registry.example]",
        "[fe80::1%25eth0]",
        "[::ffff:10.0.0.1]",
        "[::1]x",
    ] {
        assert_eq!(read_host(authority), None, "{authority}");
    }
}

#[test]
fn hosts_that_differ_are_none() {
    for (headers, host) in [
        (&[][..], None),
        (&[(":authority", "a")][..], Some("a")),
        (&[("host", "a")], Some("a")),
        (&[(":authority", "a"), ("host", "A:80")], Some("a")),
        (&[(":authority", "a"), (":authority", "a.")], Some("a")),
        (&[(":authority", "a"), ("host", "b")], None),
        (&[(":authority", "a"), (":authority", "b")], None),
        (&[("host", "a"), ("host", "b")], None),
        (&[(":authority", "a"), ("Host", "b")], None),
        (&[(":authority", "a"), ("host", "")], None),
        (&[(":authority", ""), ("host", "a")], None),
        (&[(":authority", "a"), ("x-forwarded-host", "b")], Some("a")),
    ] {
        let bytes: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let head = RequestHead {
            headers: &bytes,
            facts: None,
        };
        assert_eq!(host_of(&head).as_deref(), host, "{headers:?}");
    }
    let odd: [(&[u8], &[u8]); 1] = [(b":authority", b"\xff\xfe")];
    let head = RequestHead {
        headers: &odd,
        facts: None,
    };
    assert_eq!(host_of(&head), None);
}

#[test]
fn user_information_is_cut_wherever_an_authority_stands() {
    use super::without_userinfo;
    for (authority, plain) in [
        ("a", "a"),
        ("me@a", "a"),
        ("me:SECRET@a:443", "a:443"),
        ("me@SECRET@a", "a"),
        ("@a", "a"),
        ("me:SECRET@", ""),
        ("[::1]:80", "[::1]:80"),
    ] {
        assert_eq!(
            without_userinfo(authority.as_bytes()),
            plain.as_bytes(),
            "{authority}"
        );
    }
}
