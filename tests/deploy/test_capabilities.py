"""envoy/capabilities.yaml: under it the filter does all it does, and can do no more."""

from collections.abc import Callable
from typing import Any

import yaml

from harness import envoy_config, keys, paths, wasm
from harness.auth_service import AuthService
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.processes import wait_until
from harness.stack import Stack

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
StartStack = Callable[..., Stack]
RESTRICTED = "Attempted call to restricted proxy-wasm capability"


def restriction() -> dict[str, Any]:
    return yaml.safe_load((paths.ROOT / "envoy" / "capabilities.yaml").read_text())


def allowed() -> set[str]:
    return set(restriction()["capability_restriction_config"]["allowed_capabilities"])


def restricted(*left_out: str) -> Callable[[envoy_config.Config], None]:
    """An edit of envoy.yaml: the block in its place, less some names."""

    def edit(config: envoy_config.Config) -> None:
        block = restriction()
        for name in left_out:
            del block["capability_restriction_config"]["allowed_capabilities"][name]
        envoy_config.wasm_plugin(config).update(block)

    return edit


def test_what_is_allowed_is_what_the_module_has() -> None:
    """Nothing else is imported, so the module can do no more without the restriction. What is exported besides is no
    callback of a proxy: the memory, the ABI's version, and WASI's set-up."""
    imported, exported = wasm.functions(paths.wasm_module())
    callbacks = exported - {"memory", "_initialize", "proxy_abi_version_0_2_1"}
    assert len(imported) > 20 and len(callbacks) > 5
    assert allowed() == imported | callbacks


def test_the_filter_does_everything_under_it(start_stack: StartStack) -> None:
    plugin = {
        "revocation": {"path": "/api/v1/keys/revocations", "every": "500ms"},
        "audit": {"allows": True, "max_per_second": 1000},
        "bodies": "inspect",
    }
    options = {"allow_on_headers_stop_iteration": True, "concurrency": 2, "edit": restricted()}
    stack = start_stack(plugin=plugin, **options)
    client, names = stack.client, {"x-mlflow-authz-user": "someone"}.items()
    for _ in range(2):
        forwarded = client.get(READ_RUN, [bearer(READ), *names])
        assert forwarded.status == 200
        assert client.post(CREATE_RUN, [bearer(READ)]).json()["reason"] == "scope_missing"
        assert client.post(CREATE_RUN, [bearer(WRITE)]).status == 200
    assert client.get("/api/mlflow/../x/%2e%2e/", [bearer(READ)]).status >= 400
    # Callouts of the root context, ticks and shared data.
    stack.auth.revoke(keys.READ["key_id"])
    wait_until(lambda: client.get(READ_RUN, [bearer(READ)]).status == 401, "the refusal", timeout=10)
    assert stack.envoy.metric("mlflow_authz_decisions", decision="allow") > 0
    assert {entry["decision"] for entry in stack.envoy.audit()} == {"allow", "deny"}
    assert stack.envoy.metric("mlflow_authz_callout_ms_count") >= 0
    errors = [text for level, text in stack.envoy.wasm_log() if level in ("error", "critical")]
    assert not errors
    assert RESTRICTED not in stack.envoy.log()


def test_an_unreachable_auth_service_under_it(start_stack: StartStack, auth_service: AuthService) -> None:
    def unreachable(config: envoy_config.Config) -> None:
        restricted()(config)
        (cluster,) = (c for c in config["static_resources"]["clusters"] if c["name"] == "auth_service")
        del cluster["load_assignment"]["endpoints"]

    stack = start_stack(auth=auth_service, edit=unreachable)
    assert stack.client.get(READ_RUN, [bearer(READ)]).json()["reason"] == "auth_unavailable"


def test_a_call_that_is_left_out_fails(start_stack: StartStack, auth_service: AuthService) -> None:
    """Envoy really restricts: without callouts no key is known, without properties nothing is in the access log."""
    stack = start_stack(auth=auth_service, edit=restricted("proxy_http_call"))
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 503
    assert f"{RESTRICTED}: proxy_http_call" in stack.envoy.log()
    stack = start_stack(auth=auth_service, edit=restricted("proxy_set_property"))
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200
    assert [entry["authz"] for entry in stack.envoy.access_log()] == [None]
