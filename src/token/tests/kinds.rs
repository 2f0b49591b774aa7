//! Tokens that are no access tokens for whoever bears them.

use super::caller;
use crate::token::TokenError;

#[test]
fn a_token_of_another_kind_or_bound_to_a_key_is_none() {
    for (claims, expected) in [
        (r#""typ": "Bearer""#, None),
        (r#""typ": "JWT""#, None),
        (r#""typ": "at+jwt""#, None),
        (r#""typ": null"#, None),
        (r#""token_use": "access""#, None),
        (r#""typ": "Refresh""#, Some("typ")),
        (r#""typ": "Offline""#, Some("typ")),
        (r#""typ": "ID""#, Some("typ")),
        (r#""typ": 1"#, Some("typ")),
        (r#""typ": ["Refresh", null]"#, Some("typ")),
        (r#""token_use": "id""#, Some("token_use")),
        (r#""token_type": "DPoP""#, Some("token_type")),
        (r#""cnf": {"jkt": "a"}"#, Some("cnf")),
        (r#""cnf": {"jkt": "a", "x": null}"#, Some("cnf")),
    ] {
        let found = caller("{}", &format!(r#"{{"sub": "a", "scope": "a", {claims}}}"#));
        let expected = expected.map_or(Ok(()), |it| Err(TokenError::OtherKind(it)));
        assert_eq!(found.map(|_| ()), expected, "{claims}");
    }
}
