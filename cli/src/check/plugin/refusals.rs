//! Every field that the filter refuses. Its parser stops at the first: that field is taken out, and the rest read again.

use mlflow_authz::Config;
use mlflow_authz::config::ConfigError;
use serde_json::{Value, json};

/// More than these are not read in one go.
const MOST: usize = 50;

/// A digest.
const ANY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The error of a text, and those behind it.
pub fn all(text: &str, first: ConfigError) -> Vec<ConfigError> {
    let Ok(mut rest) = serde_json::from_str::<Value>(text) else {
        return vec![first];
    };
    let mut found = Vec::new();
    let mut next = first;
    for _ in 0..MOST {
        let mended = next
            .field_name()
            .is_some_and(|field| mend(&mut rest, field));
        if !found.contains(&next) && !found.iter().any(|other| explains(other, &next)) {
            found.push(next);
        }
        match Config::parse(rest.to_string().as_bytes()) {
            Err(error) if mended => next = error,
            _ => break,
        }
    }
    found
}

/// Whether a field is missing only because its name is misspelled, or because its value was taken out.
fn explains(earlier: &ConfigError, missing: &ConfigError) -> bool {
    if let ConfigError::Field { field, problem, .. } = missing
        && problem.starts_with("is missing")
        && earlier.field_name() == Some(field)
    {
        return true;
    }
    let (
        ConfigError::UnknownField {
            field,
            nearest: Some(nearest),
            ..
        },
        ConfigError::Field {
            field: wanted,
            problem,
            ..
        },
    ) = (earlier, missing)
    else {
        return false;
    };
    let meant = match field.rsplit_once('.') {
        Some((holder, _)) => format!("{holder}.{nearest}"),
        None => nearest.clone(),
    };
    problem.starts_with("is missing") && *wanted == meant
}

/// Takes a field out, or puts a good value in the place of one that must be there. Whether that changes anything.
fn mend(config: &mut Value, field: &str) -> bool {
    let before = config.clone();
    match field {
        "mounts" => put(config, "mounts", json!(["/"])),
        // Without its path the rest of it cannot be.
        "revocation.path" => take_out(config, "revocation"),
        _ if field.starts_with("mounts[") => put(config, "mounts", json!(["/"])),
        // Another key must be there where no auth service is.
        _ if field.starts_with("keys") => {
            put(config, "keys", json!([{"sha256": ANY, "key_id": "k"}]))
        }
        "auth_service" => put(config, "auth_service", json!({"cluster": "c"})),
        "auth_service.cluster" => {
            if let Some(service) = config.get_mut("auth_service") {
                put(service, "cluster", json!("c"));
            }
        }
        _ => take_out(config, field),
    }
    *config != before
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// An item of a list goes with the whole list: those behind it would be called by other numbers.
fn take_out(holder: &mut Value, field: &str) {
    let Some(fields) = holder.as_object_mut() else {
        return;
    };
    // A name may hold dots and brackets, as those of scopes may.
    let starts = |name: &&String| {
        let behind = field.strip_prefix(name.as_str());
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
    };
    let name = fields.keys().filter(starts).max_by_key(|name| name.len());
    let Some(name) = name.cloned() else {
        return;
    };
    let behind = field.get(name.len()..).unwrap_or_default();
    match (behind.strip_prefix('.'), fields.get_mut(&name)) {
        (Some(inner), Some(next)) if next.is_object() => take_out(next, inner),
        _ => {
            fields.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use mlflow_authz::Config;

    use super::all;

    #[test]
    fn each_field_is_told_once() {
        for (text, fields) in [
            (
                r#"{"mount":["/"],"auth_service":{"clutser":"c"}}"#,
                &["mount", "auth_service.clutser"][..],
            ),
            (
                r#"{"mounts":["/"],"auth_service":{"cluster":"c"},"scopes":{"a.b":["x"],"a":["y"]}}"#,
                &["scopes.a[0]", "scopes.a.b[0]"],
            ),
            (r#"{"mounts":["/"],"auth_service":5}"#, &["auth_service"]),
            (
                r#"{"mounts":["/"],"auth_service":{"cluster":"c","path":"/i","protocol":"introspection","audience":""}}"#,
                &["auth_service.audience"],
            ),
            (
                r#"{"mounts":["/"],"auth_service":{"cluster":"c"},"revocation":{"path":5}}"#,
                &["revocation.path"],
            ),
        ] {
            let first = Config::parse(text.as_bytes()).unwrap_err();
            let mut found: Vec<String> = all(text, first)
                .iter()
                .map(|error| error.field_name().unwrap().to_owned())
                .collect();
            found.sort();
            let mut fields = fields.to_vec();
            fields.sort_unstable();
            assert_eq!(found, fields, "{text}");
        }
    }
}
