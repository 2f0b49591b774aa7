//! The short form of a decision that the access log shows: JSON on one line, written on the hot path, so by hand.
//! A serializer took a seventh of all instructions of a cached request.

use crate::decision::Decision;
use crate::principal::Principal;
use crate::printable::printable_json;

/// Writes the filter-state object for the access log in place of what `field` holds.
pub(super) fn write(decision: &Decision, field: &mut Vec<u8>) {
    field.clear();
    // Words of this crate's own need no escapes.
    put(field, r#"{"decision":""#);
    put(field, decision.effect().as_str());
    put(field, r#"","reason":""#);
    put(field, decision.reason.as_str());
    put(field, r#"","operation":"#);
    match decision.operation {
        Some(operation) => quoted(field, operation.name),
        None => put(field, "null"),
    }
    if let Some(workspace) = &decision.workspace {
        put(field, r#","workspace":"#);
        text(field, workspace);
    }
    who(field, decision.principal.as_deref());
    put(field, r#","identity":"#);
    match decision.identity {
        Some(identity) => quoted(field, identity.as_str()),
        None => put(field, "null"),
    }
    put(field, r#","stale":"#);
    put(field, truth(decision.stale));
    put(field, r#","mode":""#);
    put(field, decision.terms.mode.as_str());
    put(field, r#""}"#);
}

fn who(field: &mut Vec<u8>, principal: Option<&Principal>) {
    let Some(principal) = principal else {
        put(
            field,
            r#","user_id":null,"key_id":null,"scopes":[],"roles":[],"admin":false"#,
        );
        return;
    };
    put(field, r#","user_id":"#);
    optional_text(field, principal.user_id.as_deref());
    put(field, r#","key_id":"#);
    optional_text(field, principal.key_id.as_deref());
    put(field, r#","scopes":"#);
    list(field, &principal.scopes, |field, scope| text(field, scope));
    put(field, r#","roles":"#);
    list(field, &principal.roles, |field, role| text(field, role));
    put(field, r#","admin":"#);
    put(field, truth(principal.is_admin));
    if !principal.grants.is_empty() {
        put(field, r#","grants":"#);
        list(field, &principal.grants, |field, grant| {
            put(field, r#"{"scope":"#);
            text(field, &grant.scope);
            limit(field, r#","names":"#, grant.names.as_deref());
            limit(field, r#","workspaces":"#, grant.workspaces.as_deref());
            put(field, "}");
        });
    }
    limit(field, r#","workspaces":"#, principal.workspaces.as_deref());
}

fn limit(field: &mut Vec<u8>, name: &str, patterns: Option<&[String]>) {
    if let Some(patterns) = patterns {
        put(field, name);
        list(field, patterns, |field, pattern| text(field, pattern));
    }
}

fn list<T>(field: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    field.push(b'[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            field.push(b',');
        }
        write(field, item);
    }
    field.push(b']');
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn optional_text(field: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text(field, value),
        None => put(field, "null"),
    }
}

/// Text from outside: escaped where it has to be (RFC 8259 section 7), which is seldom.
fn text(field: &mut Vec<u8>, value: &str) {
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if value.bytes().all(is_plain) {
        quoted(field, value);
    } else {
        let json = serde_json::to_string(value).unwrap_or_default();
        put(field, &printable_json(json));
    }
}

fn quoted(field: &mut Vec<u8>, plain: &str) {
    put(field, "\"");
    put(field, plain);
    put(field, "\"");
}

fn put(field: &mut Vec<u8>, text: &str) {
    field.extend_from_slice(text.as_bytes());
}
