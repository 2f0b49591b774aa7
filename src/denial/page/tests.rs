use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{POLICY, STYLE};
use crate::catalog::CATALOG;
use crate::config::Config;
use crate::config::tests::least_and;
use crate::decision::{Decision, Reason};
use crate::denial::{Answer, Denials};
use crate::permission::Permission;
use crate::policy::Policy;
use crate::principal::Principal;
use crate::request::RequestHead;

/// Every tag that a page may have.
const TAGS: &[&str] = &[
    "!doctype html>",
    "html lang=\"en\">",
    "head>",
    "meta charset=\"utf-8\">",
    "meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    "meta name=\"robots\" content=\"noindex\">",
    "title>",
    "/title>",
    "style>",
    "/style>",
    "/head>",
    "body>",
    "main>",
    "h1>",
    "/h1>",
    "p>",
    "/p>",
    "dl>",
    "dt>",
    "/dt>",
    "dd>",
    "code>",
    "/code>",
    "/dd>",
    "/dl>",
    "h2>",
    "/h2>",
    "ul>",
    "li>",
    "/li>",
    "/ul>",
    "/a>",
    "/main>",
    "/body>",
    "/html>",
];

const LINK: &str = "a rel=\"noreferrer\" href=\"";

/// Fails where a page holds markup that is not the filter's own.
fn assert_own_markup(page: &str) {
    for tag in page.split('<').skip(1) {
        if let Some(href) = tag.strip_prefix(LINK) {
            let (href, rest) = href.split_once('"').expect("a closed attribute");
            assert!(rest.starts_with('>'), "{tag}");
            assert!(
                href.starts_with('/') && !href.starts_with("//") || href.starts_with("https://"),
                "{href}"
            );
        } else {
            assert!(TAGS.iter().any(|known| tag.starts_with(known)), "<{tag}");
        }
    }
    let text = page.replace(STYLE, "");
    for piece in text.split('<').skip(1) {
        let (_, content) = piece.split_once('>').expect("a closed tag");
        assert!(!content.contains(['"', '\'']), "{content}");
    }
    let entities = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    for entity in text.split('&').skip(1) {
        assert!(
            entities.iter().any(|known| entity.starts_with(known)),
            "&{entity}"
        );
    }
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

fn config(more: &str) -> Config {
    Config::parse(least_and(more).as_bytes()).unwrap()
}

fn answer(config: &Config, decision: &Decision, headers: &[(&[u8], &[u8])]) -> Answer {
    let policy = Policy::new(config);
    let mut all: Vec<(&[u8], &[u8])> = vec![(b"sec-fetch-mode", b"navigate")];
    all.extend(headers);
    let head = RequestHead {
        headers: &all,
        facts: None,
    };
    Denials {
        config,
        policy: &policy,
    }
    .answer(decision, &head)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let all = answer.headers.iter().filter(|(it, _)| *it == name);
    all.map(|(_, value)| &**value).collect()
}

const DENIALS: &[Reason] = &[
    Reason::TargetAmbiguous,
    Reason::CredentialAmbiguous,
    Reason::CredentialMissing,
    Reason::CredentialMalformed,
    Reason::KeyInvalid,
    Reason::ScopeMissing,
    Reason::NameNotGranted,
    Reason::BodyAmbiguous,
    Reason::BodyUnavailable,
    Reason::BodyTooLarge,
    Reason::OperationUnknown,
    Reason::OutsideMounts,
    Reason::KeyRefused,
    Reason::RateLimited,
    Reason::AuthUnavailable,
    Reason::Overloaded,
];

/// A decision in which every text from elsewhere is `text`.
fn decision(reason: Reason, text: &str) -> Decision {
    let operation = CATALOG.find("POST", "/api/2.0/mlflow/runs/create");
    Decision {
        operation: operation.filter(|_| reason != Reason::OperationUnknown),
        required: operation.map(|it| Permission::new(it.object, it.access)),
        mount: Some("/api/mlflow".into()),
        name: Some(text.into()),
        unclear: Some(text.into()),
        retry_after: Some(7),
        principal: Some(Arc::new(Principal {
            key_id: Some(text.to_owned()),
            user_id: Some(text.to_owned()),
            scopes: vec![
                text.to_owned(),
                format!("tracking:write:{text}"),
                text.to_owned(),
            ],
            ..Principal::default()
        })),
        ..Decision::new(reason)
    }
}

#[test]
fn every_denial_has_a_page_with_its_headers() {
    for reason in DENIALS {
        let answer = answer(
            &config(""),
            &decision(*reason, "text"),
            &[(b"x-request-id", b"r-1")],
        );
        let (status, _) = reason.denial().unwrap();
        assert_eq!(answer.status, status.as_u16());
        assert_eq!(
            header(&answer, "content-type"),
            ["text/html; charset=utf-8"]
        );
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", POLICY),
            ("vary", "Accept, Sec-Fetch-Mode"),
            ("retry-after", "7"),
        ] {
            assert_eq!(header(&answer, name), [value], "{name}");
        }
        let challenges = if status == 401 { 2 } else { 0 };
        assert_eq!(header(&answer, "www-authenticate").len(), challenges);
        for shown in [reason.as_str(), "r-1", &status.as_u16().to_string()] {
            assert!(
                answer.body.contains(&format!("<code>{shown}</code>")),
                "{shown}: {}",
                answer.body
            );
        }
        assert_own_markup(&answer.body);
    }
}

#[test]
fn a_page_says_what_is_missing_and_whom_to_ask() {
    let config = config(r#", "help_url": "https://docs.example/keys?a=1&b='2'""#);
    let mut refused = decision(Reason::ScopeMissing, "model:promote");
    refused.name = None;
    refused.unclear = None;
    let headers: &[(&[u8], &[u8])] = &[
        (b":method", b"POST"),
        (
            b":path",
            b"/api/mlflow/api/2.0/mlflow/runs/create?api_key=hk_live_secret",
        ),
    ];
    let page = answer(&config, &refused, headers).body;
    for shown in [
        "<code>run:write</code>",
        "<code>tracking:write</code>",
        "<code>model:promote</code>",
        "<code>CreateRun</code>",
        "<code>POST /api/mlflow/api/2.0/mlflow/runs/create</code>",
        "href=\"/api/mlflow/\"",
        "href=\"https://docs.example/keys?a=1&amp;b=&#39;2&#39;\"",
        "private window",
        "This is not allowed",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("hk_live_secret") && !page.contains("api_key"));
    assert!(!page.contains("<script") && !page.contains("<form"));
}

#[test]
fn who_has_no_way_to_log_in_is_not_told_to() {
    let config = config(r#", "credentials": ["bearer"]"#);
    for reason in [Reason::ScopeMissing, Reason::CredentialMissing] {
        let page = answer(&config, &decision(reason, "x"), &[]).body;
        assert!(page.contains("do not include <code>basic</code>"), "{page}");
        assert!(!page.contains("user name"), "{page}");
    }
}

#[test]
fn the_policy_names_the_style_sheet() {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    assert!(
        POLICY.contains(&format!("style-src 'sha256-{digest}';")),
        "{digest}"
    );
    assert!(POLICY.starts_with("default-src 'none';"));
    assert!(POLICY.contains("frame-ancestors 'none'"));
}

const NASTY: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='x",
    "</style><script>",
    "&lt;",
    "&#60;script&#62;",
    "<!--",
    "-->",
    "]]>",
    "\u{0}",
    "\r\nset-cookie: a=b",
    "\u{1b}[2J",
    "\u{202e}live",
    "\u{feff}",
    "javascript:alert(1)",
    "//evil.example",
    "\u{85}",
    "=\"",
    "`",
    "\u{2028}",
    "\u{10ffff}",
];

#[test]
fn nothing_from_elsewhere_is_markup() {
    let config = config("");
    for text in NASTY {
        for reason in DENIALS {
            let answer = answer(&config, &decision(*reason, text), &headers(text.as_bytes()));
            assert_own_markup(&answer.body);
        }
    }
}

/// Pieces of trouble in random order: what no list thinks of.
#[test]
fn random_text_is_no_markup() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let config = config(r#", "help_url": "https://docs.example/a&b""#);
    let rounds = if cfg!(target_arch = "wasm32") {
        50
    } else {
        2000
    };
    for _ in 0..rounds {
        let mut text = String::new();
        for _ in 0..random(12) {
            if random(3) == 0 {
                text.push_str(NASTY[random(NASTY.len())]);
            } else {
                text.push(char::from_u32(u32::try_from(random(0x3000)).unwrap()).unwrap_or('<'));
            }
        }
        let reason = DENIALS[random(DENIALS.len())];
        let bytes: Vec<u8> = (0..random(20))
            .map(|_| u8::try_from(random(256)).unwrap())
            .collect();
        for raw in [text.as_bytes(), &bytes] {
            assert_own_markup(&answer(&config, &decision(reason, &text), &headers(raw)).body);
        }
    }
}

fn headers(raw: &[u8]) -> [(&[u8], &[u8]); 5] {
    [
        (b":method", raw),
        (b":path", raw),
        (b":authority", raw),
        (b"x-request-id", raw),
        (b"origin", raw),
    ]
}

#[test]
fn a_page_stays_small() {
    let long = "x<".repeat(40_000);
    let mut refused = decision(Reason::ScopeMissing, &long);
    let scopes = vec![long.clone(); 50];
    refused.principal = Some(Arc::new(Principal {
        scopes,
        ..Principal::default()
    }));
    let page = answer(&config(""), &refused, &headers(long.as_bytes())).body;
    assert!(page.len() < 300_000, "{}", page.len());
    assert_own_markup(&page);
}
