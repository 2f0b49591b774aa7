//! What a host hands over of a verified token: any bytes for every claim, or the claims as JSON. No bytes trap, rights come
//! from claims of the right type alone, and a token with an end has none after it.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mlflow_authz::config::Config;
use mlflow_authz::principal::{Principal, scopes_of_text};
use mlflow_authz::token::{GivenFacts, TokenError, Tokens, looks_like_token};
use mlflow_authz::{HostFacts, Property, RequestHead, pairs};
use serde_json::Value;

const NOW: Duration = Duration::from_secs(1_000_000_000);

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let text = br#"{"mounts": ["/"], "jwt": {"is_admin": "/admin", "grants": "/grants", "key_id": ["/azp", "/sub"]}}"#;
    let config = Config::parse(text).expect("a configuration");
    Tokens::new(config.jwt.as_ref().unwrap(), config.workspaces.enabled)
});

/// A host that has these bytes at the end of every path but of `exp`.
#[derive(Debug)]
struct Bytes<'a>(&'a [u8]);

impl HostFacts for Bytes<'_> {
    fn client_address(&self) -> Option<&str> {
        None
    }

    fn property(&self, path: &str) -> Property {
        if path.ends_with("\0exp") {
            Property::Absent
        } else {
            Property::Is(self.0.to_vec())
        }
    }
}

fn caller(facts: &dyn HostFacts) -> Result<Principal, TokenError> {
    let head = RequestHead {
        headers: &[],
        facts: Some(facts),
    };
    let token = TOKENS.find(&head).expect("one token").expect("a token");
    TOKENS.caller(&token, &head, NOW).map(|it| it.principal)
}

fn is_text(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_control())
}

/// The first of these claims that is neither absent nor null, nor holds null, which a host cannot hand over.
fn first<'v>(claims: &'v Value, names: &[&str]) -> Option<&'v Value> {
    let mut found = names.iter().filter_map(|name| claims.pointer(name));
    found.find(|it| !holds_null(it))
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(holds_null),
        Value::Object(fields) => fields.values().any(holds_null),
        _ => false,
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array()?.iter();
    list.map(|it| it.as_str().filter(|it| is_text(it)).map(str::to_owned)).collect()
}

fuzz_target!(|data: &[u8]| {
    if let Ok(principal) = caller(&Bytes(data)) {
        assert!(principal.has_foreign_words);
        assert_eq!(principal.is_admin, data == [1]);
        let ids = [&principal.user_id, &principal.key_id].into_iter().flatten();
        for text in ids.chain(&principal.scopes).chain(&principal.roles) {
            assert!(is_text(text), "{text:?}");
        }
    }
    if let Some((read, rest)) = pairs::read(data) {
        let written = pairs::write(&read);
        assert_eq!(written.len() + rest.len(), data.len());
        assert_eq!(pairs::read(&written), Some((read, &[][..])));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(!looks_like_token(text) || text.matches('.').count() >= 2);
    }

    if let Ok(facts) = GivenFacts::default().with_claims("payload", data) {
        let _ = caller(&facts);
    }
    // Written again, since serde_json keeps the last of duplicated names, and here such a claim cannot be read.
    let Ok(claims @ Value::Object(_)) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let text = claims.to_string();
    let facts = GivenFacts::default().with_claims("payload", text.as_bytes());
    let found = caller(&facts.expect("an object"));
    let ends = claims.get("exp").map(|it| it.as_f64());
    match (&found, ends) {
        (Err(_), _) => return,
        (Ok(_), None) => {}
        (Ok(_), Some(end)) => assert!(end.expect("a number") > NOW.as_secs_f64(), "{claims}"),
    }
    let principal = found.unwrap();
    let scopes = match first(&claims, &["/scope", "/scp"]) {
        Some(Value::String(text)) if is_text(text) => scopes_of_text(text),
        Some(value) => texts(value).unwrap_or_default(),
        None => Vec::new(),
    };
    assert_eq!(principal.scopes, scopes, "{claims}");
    let roles = first(&claims, &["/roles", "/realm_access/roles", "/groups"]);
    assert_eq!(principal.roles, roles.and_then(texts).unwrap_or_default(), "{claims}");
    // The encoding of `true` is that of the text "\u0001".
    let admin = first(&claims, &["/admin"]);
    let is_admin = admin.is_some_and(|it| *it == Value::Bool(true) || *it == "\u{1}");
    assert_eq!(principal.is_admin, is_admin, "{claims}");
});
