use super::unsafe_names;
use crate::config::IdentityHeaders;

#[test]
fn what_could_be_taken_for_an_identity_a_credential_or_another_path_is_found() {
    for (name, everywhere, mounted) in [
        ("x-mlflow-authz-user", true, true),
        ("X.Mlflow.Authz.User", true, true),
        ("x_mlflow_authz_key", true, true),
        ("x~mlflow|authz-scopes", true, true),
        ("authorization", true, true),
        ("proxy_authorization", true, true),
        ("x.api.key", true, true),
        ("x-original-url", false, true),
        ("x.http.method.override", false, true),
        ("script_name", false, true),
        ("x-forwarded-prefix", false, true),
        ("cookie", true, true),
        ("x-mlflow-workspace", false, true),
        ("X_MLflow.Workspace", false, true),
        ("content-type", false, true),
        ("content_encoding", false, true),
        ("host", false, true),
        ("x-mlflow-authz-users", false, false),
        ("cookies", false, false),
        ("x-mlflow-workspaces", false, false),
        ("grpc-status", false, false),
        ("x-checksum", false, false),
        ("", false, false),
    ] {
        let trailers = [(name.as_bytes(), b"x".as_slice()); 2];
        let names = IdentityHeaders::default();
        for (is_mounted, expected) in [(false, everywhere), (true, mounted)] {
            let found = unsafe_names(&trailers, &names, is_mounted);
            let wanted = if expected {
                vec![name.as_bytes()]
            } else {
                vec![]
            };
            assert_eq!(found, wanted, "{name} {is_mounted}");
        }
    }
    assert!(unsafe_names(&[(b"\xff", b"\xfe")], &IdentityHeaders::default(), true).is_empty());
}
