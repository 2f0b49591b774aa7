//! Workspaces as the host sees them: which header goes upstream, and what that costs.

use std::time::Duration;

use simulated_host::service::{self, body_of};
use simulated_host::stream::Outcome;
use simulated_host::world::{CONFIGURATION, OUTSIDE, READ, WRITE, World, request};

const HEADER: &str = "x-mlflow-workspace";

/// Workspaces as a header that could be taken for the one that selects them.
fn upstream(world: &World, stream: u32) -> Vec<(String, String)> {
    let Some(Outcome::Forwarded(headers)) = world.outcome(0, stream) else {
        panic!("{:?}", world.outcome(0, stream));
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let spelled = |name: &[u8]| text(name).to_lowercase().replace(['_', '.'], "-");
    headers
        .iter()
        .filter(|(name, _)| spelled(name) == HEADER)
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn enabled() -> String {
    CONFIGURATION.replacen('{', r#"{"workspaces": {"enabled": true},"#, 1)
}

/// A world that knows `reader`, of which the service has said so.
fn knowing(configuration: &str, reply: &str) -> World {
    let mut world = World::new(1, configuration, 1);
    world.open(0, request(READ, Some("reader"), &[]));
    assert!(world.reply(0, body_of(200, reply.as_bytes())));
    world.advance_ticking(Duration::from_millis(100));
    world
}

#[test]
fn upstream_receives_one_header_by_one_name() {
    let everywhere = r#"{"scopes": ["model:write"]}"#;
    let pinned = r#"{"scopes": ["model:write"], "workspace": "acme"}"#;
    for (reply, sent, expected) in [
        (everywhere, &[][..], "default"),
        (everywhere, &[(HEADER, "")], "default"),
        (everywhere, &[(HEADER, "beta")], "beta"),
        (everywhere, &[(HEADER, " beta\t")], "beta"),
        (everywhere, &[("X-MLFLOW-WORKSPACE", "beta")], "beta"),
        (everywhere, &[("x_mlflow_workspace", "beta")], "beta"),
        (everywhere, &[("x.mlflow.workspace", " ")], "default"),
        (pinned, &[], "acme"),
        (pinned, &[("x_mlflow_workspace", "")], "acme"),
        (pinned, &[(HEADER, "acme")], "acme"),
    ] {
        let mut world = knowing(&enabled(), reply);
        for target in [READ, WRITE] {
            let stream = world.open(0, request(target, Some("reader"), sent));
            let expected = (HEADER.to_owned(), expected.to_owned());
            assert_eq!(upstream(&world, stream), [expected], "{reply} {sent:?}");
        }
        // Not for MLflow: as it came.
        let outside = world.open(0, request(OUTSIDE, None, sent));
        assert_eq!(upstream(&world, outside).len(), sent.len());
        world.assert_sound();
    }
}

#[test]
fn other_workspaces_are_refused() {
    for (reply, sent, result) in [
        (
            r#"{"scopes": ["acme/model:write"]}"#,
            &[(HEADER, "acme")][..],
            "forwarded",
        ),
        (
            r#"{"scopes": ["acme/model:write"]}"#,
            &[],
            "403 workspace_not_granted",
        ),
        (
            r#"{"scopes": ["model:write"], "workspace": "acme"}"#,
            &[(HEADER, "beta")],
            "403 workspace_not_granted",
        ),
        (
            r#"{"scopes": ["model:write"]}"#,
            &[(HEADER, "beta"), ("x_mlflow_workspace", "acme")],
            "400 workspace_ambiguous",
        ),
        (
            r#"{"scopes": ["model:write"]}"#,
            &[(HEADER, "Beta")],
            "400 workspace_ambiguous",
        ),
    ] {
        let mut world = knowing(&enabled(), reply);
        let stream = world.open(0, request(WRITE, Some("reader"), sent));
        assert_eq!(world.result(0, stream), result, "{reply} {sent:?}");
        world.assert_sound();
    }
}

#[test]
fn without_workspaces_the_header_goes_on_as_it_came_and_limits_grant_nothing() {
    let mut world = knowing(CONFIGURATION, r#"{"scopes": ["model:write"]}"#);
    for sent in [
        &[][..],
        &[(HEADER, " Beta ")],
        &[(HEADER, "a"), ("x_mlflow_workspace", "b")],
    ] {
        let stream = world.open(0, request(WRITE, Some("reader"), sent));
        assert_eq!(upstream(&world, stream).len(), sent.len());
    }
    world.assert_sound();
    let mut world = knowing(CONFIGURATION, r#"{"scopes": ["*/model:write"]}"#);
    let stream = world.open(0, request(WRITE, Some("reader"), &[]));
    assert_eq!(world.result(0, stream), "403 scope_missing");
}

/// Another worker's word of a key has its limits.
#[test]
fn limits_are_shared_between_workers() {
    let mut world = World::new(2, &enabled(), 1);
    world.open(0, request(READ, Some("reader"), &[]));
    let reply = r#"{"scopes": ["model:write"], "workspace": "acme"}"#;
    assert!(world.reply(0, body_of(200, reply.as_bytes())));
    for (sent, result) in [
        (&[][..], "forwarded"),
        (&[(HEADER, "acme")], "forwarded"),
        (&[(HEADER, "beta")], "403 workspace_not_granted"),
    ] {
        let stream = world.open(1, request(WRITE, Some("reader"), sent));
        assert_eq!(world.result(1, stream), result, "{sent:?}");
    }
    assert_eq!(world.workers[1].host().callouts.sent, 0);
    world.assert_sound();
}

/// One header's write, and none where the client has sent it as it must be.
#[test]
fn a_request_costs_at_most_one_host_call_more() {
    let calls = |configuration: &str, sent: &[(&str, &str)]| {
        let mut world = World::new(1, configuration, 1);
        world.open(0, request(READ, Some("reader"), &[]));
        world.reply(0, service::valid("reader", &["model:read"]));
        world.advance_ticking(Duration::from_millis(100));
        let made = |world: &World| -> u64 { world.workers[0].host().faults.made().values().sum() };
        let before = made(&world);
        let stream = world.open(0, request(READ, Some("reader"), sent));
        assert_eq!(world.result(0, stream), "forwarded");
        made(&world) - before
    };
    let without = calls(CONFIGURATION, &[]);
    assert_eq!(calls(CONFIGURATION, &[(HEADER, "beta")]), without);
    assert_eq!(calls(&enabled(), &[(HEADER, "beta")]), without);
    assert_eq!(calls(&enabled(), &[]), without + 1);
}
