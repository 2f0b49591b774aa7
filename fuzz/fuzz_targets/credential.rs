//! Any headers, one a line (`name: value`), the first line a query: never two keys, never a key left in the query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::RequestHead;
use mlflow_authz::config::CredentialKind::{Basic, Bearer, Query, XApiKey};
use mlflow_authz::credential::{extract, without_query_key};

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|b| *b == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let headers: Vec<(&[u8], &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
        .collect();
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    for kinds in [
        &[Bearer, XApiKey, Basic, Query][..],
        &[Bearer],
        &[Basic],
        &[XApiKey],
        &[Query],
    ] {
        if let Ok(key) = extract(&head, query, kinds) {
            assert_eq!(format!("{key:?}"), "ApiKey(hidden)");
            // One more credential that differs is one too many; one of the two does.
            let with_another = |value: &'static [u8]| {
                let mut more = headers.clone();
                more.push((b"x-api-key", value));
                extract(
                    &RequestHead {
                        headers: &more,
                        facts: None,
                    },
                    query,
                    kinds,
                )
                .is_ok()
            };
            assert!(!kinds.contains(&XApiKey) || !(with_another(b"one") && with_another(b"two")));
        }
    }
    if let Some(target) = query
        .map(|query| format!("/x?{query}"))
        .and_then(|t| without_query_key(&t))
    {
        assert!(without_query_key(&target).is_none(), "{target}");
    }
});
