use super::{host, target};

#[test]
fn a_target_is_shown_without_credentials() {
    for (sent, shown) in [
        ("/api/mlflow/x", "/api/mlflow/x"),
        ("/api/mlflow/x?api_key=SECRET", "/api/mlflow/x"),
        ("/zzz#api_key=SECRET", "/zzz"),
        // Two slashes that a proxy merged, or did not.
        ("/me:SECRET@a/api/mlflow/x", "/a/api/mlflow/x"),
        ("//me:SECRET@a/api/mlflow/x", "//a/api/mlflow/x"),
        ("/me:SE@CRET@a/x", "/a/x"),
        ("/me%3ASECRET%40a/x", "/a/x"),
        ("/me%253aSECRET%2540a/x", "/a/x"),
        ("/me:SECRET@", "/"),
        ("//me%3ASECRET%40a/x", "//a/x"),
        ("/%2Fme:SECRET@a/x", "/%2Fa/x"),
        ("/%5cme:SECRET@a/x", "/%5ca/x"),
        ("http://me%3ASECRET%40a/x", "http://a/x"),
        ("me%3ASECRET%40a:443", "a:443"),
        ("http://me:SECRET@a/x", "http://a/x"),
        // A query that was encoded once too often, and parameters of a path.
        ("/x%3Fapi_key=SECRET", "/x"),
        ("/x%3fapi_key=SECRET", "/x"),
        ("/x%253Fapi_key%253DSECRET", "/x"),
        ("/x%25253Fapi_key=SECRET", "/x"),
        ("/x%3Fa=1%26api_key%3DSECRET/y", "/x%3Fa=1"),
        ("/x;api_key=SECRET", "/x"),
        ("/x%3Bapi_key=SECRET", "/x"),
        ("/x&api_key=SECRET", "/x"),
        ("/x%26api_key=SECRET", "/x"),
        ("/x%23access_token=SECRET", "/x"),
        ("/x;%61pi_key=SECRET", "/x"),
        ("/x;API-Key=SECRET", "/x"),
        ("/x;a;api_key=SECRET/y", "/x;a"),
        ("/x;token=SECRET&a=1", "/x"),
        ("/x;password=SECRET", "/x"),
        // None of these is a credential.
        ("/x;a=1/y@2", "/x;a=1/y@2"),
        ("/x/me:note@a", "/x/me:note@a"),
        ("http://a/me:note@b", "http://a/me:note@b"),
        ("/x@2:y/z", "/x@2:y/z"),
        ("/x%3Fkeys=1", "/x%3Fkeys=1"),
        ("/x/api_key", "/x/api_key"),
        ("/x;api_key", "/x;api_key"),
        ("/a%", "/a%"),
        ("/a%25", "/a%25"),
        ("/a%2525", "/a%2525"),
        ("/a%zz%2", "/a%zz%2"),
        // Other forms of a target have an authority, in which any user information counts.
        ("/a/b@c", "/a/b@c"),
        ("/a//b@c/d", "/a//b@c/d"),
        ("http://me:SECRET@h/a@b", "http://h/a@b"),
        ("HTTPS://me:SECRET@h", "HTTPS://h"),
        ("http://SECRET@h?x", "http://h"),
        ("//SECRET@h/a", "//h/a"),
        ("SECRET@h:443", "h:443"),
        ("http://h/a@b", "http://h/a@b"),
        ("*", "*"),
        ("", ""),
    ] {
        let text = target(sent.as_bytes());
        assert_eq!(std::str::from_utf8(&text), Ok(shown), "{sent}");
    }
}

#[test]
fn a_host_is_shown_without_user_information() {
    for (sent, shown) in [
        ("registry.example:443", "registry.example:443"),
        ("me:SECRET@a", "a"),
        ("me%3ASECRET%40a", "a"),
        ("me%253ASECRET%2540a", "a"),
        ("me:SECRET@b%40a", "a"),
        ("me:SECRET%40", ""),
        ("[::1]:80", "[::1]:80"),
    ] {
        assert_eq!(host(sent.as_bytes()), shown.as_bytes(), "{sent}");
    }
}
