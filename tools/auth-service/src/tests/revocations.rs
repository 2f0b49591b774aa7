//! What whoever polls is told.

use serde_json::{Value, json};

use super::super::revocations::{REMEMBERED, Revocations};
use super::{KEY, REVOCATIONS, Reply, StandIn, service};

const LOAD: [&str; 4] = [
    "--any-key-prefix",
    "load_",
    "--any-key-scopes",
    "model:read",
];

fn cursor(reply: &Reply) -> String {
    reply.json()["next"].as_str().unwrap().to_owned()
}

fn told(reply: &Reply) -> (u16, Value, Value) {
    let page = reply.json();
    (reply.status, page["key_ids"].clone(), page["more"].clone())
}

/// One that knows `key_1` to `key_4`.
fn stand_in(flags: &[&str]) -> StandIn {
    let keys: Vec<_> = (1..=4)
        .map(|n| json!({"key": format!("hk_live_{n}"), "key_id": format!("key_{n}")}))
        .collect();
    StandIn::start(&json!({ "keys": keys }), flags)
}

#[test]
fn polls_are_told_what_was_revoked_since_their_cursor() {
    let stand_in = stand_in(&[]);
    let empty = stand_in.poll(None);
    assert_eq!(told(&empty), (200, json!([]), json!(false)));
    let start = cursor(&empty);
    let visible = |cursor: &str| cursor.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(visible(&start) && !start.is_empty(), "{start}");
    assert_eq!(cursor(&stand_in.poll(Some(&start))), start);

    stand_in.revoke("key_3");
    stand_in.revoke("key_1");
    let two = stand_in.poll(Some(&start));
    assert_eq!(told(&two), (200, json!(["key_3", "key_1"]), json!(false)));

    stand_in.revoke("key_2");
    let third = stand_in.poll(Some(&cursor(&two)));
    assert_eq!(told(&third), (200, json!(["key_2"]), json!(false)));
    let none = stand_in.poll(Some(&cursor(&third)));
    assert_eq!(told(&none), (200, json!([]), json!(false)));

    // A cursor stays good, and a poll takes nothing away.
    let all = json!(["key_3", "key_1", "key_2"]);
    for since in [None, Some(start.as_str())] {
        let again = stand_in.poll(since);
        assert_eq!(told(&again), (200, all.clone(), json!(false)));
        assert_eq!(cursor(&again), cursor(&third));
    }
}

#[test]
fn a_long_list_comes_in_pages() {
    let stand_in = StandIn::with_flags(&LOAD);
    let ids: Vec<_> = (0..2_001).map(|n| format!("key_{n}")).collect();
    for id in &ids {
        assert_eq!(stand_in.revoke(id).status, 200);
    }
    let mut since = None;
    for (page, more) in [
        (0..1_000, true),
        (1_000..2_000, true),
        (2_000..2_001, false),
    ] {
        let reply = stand_in.poll(since.as_deref());
        assert_eq!(told(&reply), (200, json!(ids[page]), json!(more)));
        since = Some(cursor(&reply));
    }
    let page = stand_in.poll(None);
    let last = since.unwrap();
    assert_ne!(cursor(&page), last);

    // A page that ends with the list does not promise more.
    let flags = [&LOAD[..], &["--seed", "1"]].concat();
    let exact = StandIn::with_flags(&flags);
    for id in ids.iter().take(1_000) {
        exact.revoke(id);
    }
    assert_eq!(
        told(&exact.poll(None)),
        (200, json!(ids[..1_000]), json!(false))
    );
}

#[test]
fn a_cursor_of_another_run_is_gone() {
    // The same command line: nothing but the run differs.
    let (one, other) = (stand_in(&[]), stand_in(&[]));
    for stand_in in [&one, &other] {
        stand_in.revoke("key_1");
    }
    let foreign = cursor(&other.poll(None));
    assert_eq!(other.poll(Some(&foreign)).status, 200);
    let gone = one.poll(Some(&foreign));
    assert_eq!(gone.status, 410);
    let error = gone.json()["error"].to_string();
    assert!(error.contains("since: a cursor of another run"), "{error}");
    assert_eq!(gone.json().get("next"), None);
}

#[test]
fn a_cursor_older_than_what_is_remembered_is_gone() {
    let mut service = service(&json!({"keys": []}), &LOAD);
    service.revocations = Revocations::remembering(3);
    let stand_in = StandIn::serve(service);
    let mut cursors = vec![cursor(&stand_in.poll(None))];
    for n in 1..=5 {
        stand_in.revoke(&format!("key_{n}"));
        cursors.push(cursor(&stand_in.poll(None)));
    }
    let cases = [
        (0, None),
        (1, None),
        (2, Some(json!(["key_3", "key_4", "key_5"]))),
        (3, Some(json!(["key_4", "key_5"]))),
        (5, Some(json!([]))),
    ];
    for (place, told) in cases {
        let reply = stand_in.poll(Some(&cursors[place]));
        match told {
            Some(key_ids) => {
                assert_eq!((reply.status, &reply.json()["key_ids"]), (200, &key_ids));
                assert_eq!(cursor(&reply), cursors[5], "{place}");
            }
            None => {
                assert_eq!(reply.status, 410, "{place}");
                let error = reply.json()["error"].to_string();
                assert!(error.contains("since: older than"), "{error}");
            }
        }
    }
    let all = stand_in.poll(None).json()["key_ids"].clone();
    assert_eq!(all, json!(["key_3", "key_4", "key_5"]));
}

#[test]
fn a_hundred_thousand_are_remembered() {
    let revocations = Revocations::remembering(REMEMBERED);
    let page = |since: Option<&str>| revocations.page(since).map(|page| json!(page));
    let start = page(None).unwrap()["next"].as_str().unwrap().to_owned();
    for n in 1..=100_000 {
        revocations.note(format!("key_{n}"));
    }
    assert_eq!(page(Some(&start)).unwrap()["key_ids"][0], json!("key_1"));
    revocations.note("key_100001".to_owned());
    assert!(page(Some(&start)).is_err());
    assert_eq!(page(None).unwrap()["key_ids"][0], json!("key_2"));
}

#[test]
fn a_text_that_is_no_cursor_is_400() {
    let stand_in = stand_in(&[]);
    stand_in.revoke("key_1");
    let good = cursor(&stand_in.poll(None));
    let (run, place) = good.rsplit_once('-').unwrap();
    let cases = [
        String::new(),
        "0".to_owned(),
        "null".to_owned(),
        run.to_owned(),
        place.to_owned(),
        format!("{run}-"),
        format!("{run}-x"),
        format!("{run}--1"),
        format!("{run}-%2B1"),
        format!("{run}-01"),
        format!("{run}-1%20"),
        format!("{run}-99999999999999999999"),
        // Never given out: there was but one revocation.
        format!("{run}-2"),
        format!("{run}-{}", u64::MAX),
        format!("{good}{good}"),
        "x".repeat(5_000),
    ];
    for since in &cases {
        let reply = stand_in.poll(Some(since));
        assert_eq!(reply.status, 400, "{since}");
        let error = reply.json()["error"].to_string();
        assert!(error.contains("since"), "{since}: {error}");
    }
    for query in [format!("since={good}&since={good}"), "sinse=1".to_owned()] {
        let reply = stand_in.request("GET", &format!("{REVOCATIONS}?{query}"), "", "");
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(stand_in.poll(Some(&good)).status, 200);
}

#[test]
fn polls_need_the_credential() {
    let stand_in = stand_in(&["--revocations-credential", "X-Poll-Key: let me in"]);
    let cases = [
        ("x-poll-key: let me in\r\n", 200),
        ("X-POLL-KEY:let me in\r\n", 200),
        ("", 401),
        ("x-poll-key: \r\n", 401),
        ("x-poll-key: let me\r\n", 401),
        ("x-poll-key: LET ME IN\r\n", 401),
        ("x-poll-key: let me in too\r\n", 401),
        ("x-poll-key2: let me in\r\n", 401),
        ("authorization: let me in\r\n", 401),
        ("x-poll-key: let me in\r\nx-poll-key: let me in\r\n", 401),
    ];
    stand_in.revoke("key_1");
    for (headers, status) in cases {
        for query in ["", "?since=nonsense"] {
            let target = [REVOCATIONS, query].concat();
            let reply = stand_in.request("GET", &target, headers, "");
            let due = match (status, query) {
                (200, "?since=nonsense") => 400,
                _ => status,
            };
            assert_eq!(reply.status, due, "{headers:?} {query}");
            if due == 401 {
                assert!(!reply.head.contains("key_1"), "{headers:?}");
                let body = String::from_utf8(reply.body).unwrap();
                assert!(
                    !body.contains("key_1") && !body.contains("let me"),
                    "{body}"
                );
            }
        }
    }
    // Validations do not.
    assert_eq!(stand_in.validate("hk_live_2").status, 200);
}

#[test]
fn the_path_is_the_ordered_one() {
    let stand_in = stand_in(&["--revocations-path", "/gone", "--path", "/check"]);
    let ask = |method, path| stand_in.request(method, path, "", "").status;
    assert_eq!(ask("GET", "/gone"), 200);
    assert_eq!(ask("POST", "/gone"), 405);
    assert_eq!(ask("GET", REVOCATIONS), 404);

    let one_path = ["--revocations-path", "/keys-api", "--path", "/keys-api"];
    let stand_in = StandIn::with_flags(&one_path);
    let get = stand_in.request("GET", "/keys-api", "", "");
    assert_eq!(told(&get), (200, json!([]), json!(false)));
    let headers = super::bearer(KEY);
    let post = stand_in.request("POST", "/keys-api", &headers, r#"{"service_id":"mlflow"}"#);
    assert_eq!(post.status, 200);
}
