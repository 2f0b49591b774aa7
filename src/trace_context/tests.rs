use super::headers;
use crate::request::{Header, RequestHead};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What goes on of these headers, as `name: value` lines.
fn carried(sent: &[(&str, &[u8])]) -> Vec<String> {
    let sent: Vec<Header<'_>> = sent.iter().map(|(n, v)| (n.as_bytes(), *v)).collect();
    let head = RequestHead {
        headers: &sent,
        facts: None,
    };
    headers(&head)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn what_belongs_to_a_trace_goes_on_and_nothing_else() {
    let sent: [(&str, &[u8]); 6] = [
        ("authorization", b"Bearer hk_live_secret"),
        ("x-request-id", b"cf4aa6c8-6e53-457b-8c72-cb0cbc129f4a"),
        ("tracestate", b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
        ("traceparent", PARENT.as_bytes()),
        ("b3", b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
        ("baggage", b"user=alice"),
    ];
    let expected = [
        format!("traceparent: {PARENT}"),
        "tracestate: congo=t61rcWkgMzE,rojo=00f067aa0ba902b7".to_owned(),
        "x-request-id: cf4aa6c8-6e53-457b-8c72-cb0cbc129f4a".to_owned(),
    ];
    assert_eq!(carried(&sent), expected);
    assert_eq!(carried(&[]), [""; 0]);
}

#[test]
fn traceparents_by_their_grammar() {
    let later = |more: &str| format!("01{}{more}", &PARENT[2..]);
    for well_formed in [
        PARENT.to_owned(),
        PARENT.replace("-01", "-ff"),
        later(""),
        later("-what-is_to come"),
        later(&format!("-{}", "a".repeat(200))),
        later("-"),
    ] {
        let expected = [format!("traceparent: {well_formed}")];
        assert_eq!(
            carried(&[("traceparent", well_formed.as_bytes())]),
            expected
        );
    }
    let parent = PARENT.as_bytes();
    for malformed in [
        b"".as_slice(),
        &parent[..54],
        &[parent, b"-"].concat(),
        &[parent, b"-00"].concat(),
        &[parent, b" "].concat(),
        &[b" ", parent].concat(),
        &[parent, b",", parent].concat(),
        b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        b"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\xff\xfe",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\n",
        later(&format!("-{}", "a".repeat(201))).as_bytes(),
        later("-a\tb").as_bytes(),
        later("-\u{e9}").as_bytes(),
        later("x").as_bytes(),
    ] {
        let sent = [
            ("traceparent", malformed),
            ("tracestate", b"a=b".as_slice()),
        ];
        assert_eq!(carried(&sent), [""; 0], "{}", malformed.escape_ascii());
    }
    let twice = [("traceparent", parent), ("traceparent", parent)];
    assert_eq!(carried(&twice), [""; 0], "two parents are none");
}

#[test]
fn tracestates_are_short_visible_and_one_line() {
    let with_parent = |lines: &[&[u8]]| {
        let mut sent = vec![("traceparent", PARENT.as_bytes())];
        sent.extend(lines.iter().map(|line| ("tracestate", *line)));
        carried(&sent).split_off(1)
    };
    let longest = format!("a={}", "b".repeat(510));
    for (lines, expected) in [
        (vec!["a=b"], "a=b"),
        (vec!["a=b, c@d=e f"], "a=b, c@d=e f"),
        (vec!["a=b", "c=d"], "a=b,c=d"),
        (vec![longest.as_str()], longest.as_str()),
    ] {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(with_parent(&lines), [format!("tracestate: {expected}")]);
    }
    for lines in [
        vec![b"".as_slice()],
        vec![format!("{longest}b").as_bytes()],
        vec![&longest.as_bytes()[..510], b"c=d"],
        vec![b"a=\xff\xfe"],
        vec![b"a=b", b"c=\xff"],
        vec!["a=\u{e9}".as_bytes()],
        vec![b"a=b\tc"],
        vec![b"a=\x7f"],
        vec![b"a=b\r\nx: y"],
    ] {
        assert_eq!(with_parent(&lines), [""; 0], "{lines:?}");
    }
    assert_eq!(carried(&[("tracestate", b"a=b")]), [""; 0], "no parent");
}

#[test]
fn request_ids_are_short_and_one_word() {
    let longest = "a".repeat(128);
    for id in ["1", "~!", &longest] {
        let expected = [format!("x-request-id: {id}")];
        assert_eq!(carried(&[("x-request-id", id.as_bytes())]), expected);
    }
    for id in [
        b"".as_slice(),
        b"two words",
        b"\xff",
        b"a\r\nb",
        &[b'a'; 129],
    ] {
        assert_eq!(carried(&[("x-request-id", id)]), [""; 0], "{id:?}");
    }
    let twice = [("x-request-id", b"a".as_slice()), ("x-request-id", b"a")];
    assert_eq!(carried(&twice), [""; 0]);
}
