"""A real OAuth server's introspection endpoint (RFC 7662) as the auth service, through the real Envoy.

The filter's own credential comes from the plugin configuration (`auth_service.headers`), or from a file by SDS that
Envoy's credential_injector adds in the cluster: then the plugin configuration holds no secret.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.checks import CREATE_RUN, READ_RUN
from harness.envoy_config import Config
from harness.http import bearer
from harness.oauth import OAuthServer, basic
from harness.processes import wait_until
from harness.stack import Stack
from harness.upstream import EchoUpstream

SERVICE = {
    "cluster": "auth_service",
    "authority": "oauth.internal",
    "path": "/oauth2/introspect",
    "protocol": "introspection",
    "audience": "mlflow",
}
MISCONFIGURED = "mlflow_authz_auth_service_misconfigured"


@pytest.fixture(scope="module")
def oauth(session_dir: Path) -> Iterator[OAuthServer]:
    with OAuthServer(session_dir / "oauth") as server:
        yield server


@pytest.fixture
def start(start_stack: Callable[..., Stack], oauth: OAuthServer, echo: EchoUpstream) -> Callable[..., Stack]:
    """Call it with further fields of auth_service for a stack in front of the OAuth server."""

    def started(edit: Callable[[Config], None] | None = None, plugin: Any = None, **more: Any) -> Stack:
        wanted = {
            "mounts": ["/api/mlflow"],
            "auth_service": {**SERVICE, **more},
            "cache": {"ttl": "200ms", "negative_ttl": "0s"},
            **(plugin or {}),
        }
        # Word for word: laid over the sample, null would remove a field.
        return start_stack(auth=oauth, upstream=echo, plugin_text=json.dumps(wanted), edit=edit)

    return started


@pytest.fixture
def stack(start: Callable[..., Stack]) -> Stack:
    return start(headers=[f"authorization: {basic('proxy')}"])


def decided(stack: Stack, target: str, token: str, method: str = "GET") -> tuple[int, str | None]:
    """The status, and the reason of a denial."""
    body = b"{}" if method == "POST" else None
    response = stack.client.request(method, target, [bearer(token)], body)
    return response.status, None if response.status == 200 else response.json()["reason"]


def test_a_token_may_what_its_scopes_say(stack: Stack, oauth: OAuthServer) -> None:
    reader, trainer = oauth.token("reader"), oauth.token("trainer")
    assert decided(stack, READ_RUN, reader) == (200, None)
    assert decided(stack, CREATE_RUN, reader, "POST") == (403, "scope_missing")
    assert decided(stack, CREATE_RUN, trainer, "POST") == (200, None)
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == ["service-account-trainer"]
    assert seen.header("x-mlflow-authz-key") == ["trainer"]
    assert seen.header("x-mlflow-authz-scopes") == ["tracking:write"]


def test_the_endpoint_gets_a_request_of_the_rfc(stack: Stack, oauth: OAuthServer) -> None:
    token = oauth.token("reader")
    assert decided(stack, READ_RUN, token) == (200, None)
    seen = oauth.introspections()[-1]
    assert seen["form"] == {"token": [token], "token_type_hint": ["access_token"]}
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["authorization"] == basic("proxy")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "x-api-key" not in headers


@pytest.mark.parametrize(
    "token",
    ["unknown", "a+b&c=%41;d", "token_type_hint=x", "&token=", "%00%ff", "'\"\\<>", "~!@#$^*()_`{}|:?,./"],
)
def test_a_key_arrives_as_it_is_and_is_not_valid(stack: Stack, oauth: OAuthServer, token: str) -> None:
    """`,` in Authorization is two credentials to the filter, so the key is in its own header."""
    response = stack.client.get(READ_RUN, [("x-api-key", token)])
    assert (response.status, response.json()["reason"]) == (401, "key_invalid")
    assert oauth.introspections()[-1]["form"]["token"] == [token]


def test_words_of_other_applications_are_no_rights(start: Callable[..., Stack], oauth: OAuthServer) -> None:
    credential = [f"authorization: {basic('proxy')}"]
    token = oauth.token("foreign")
    assert decided(start(headers=credential), READ_RUN, token) == (403, "scope_missing")
    named = start(headers=credential, plugin={"scopes": {"admin": ["*:read"]}})
    assert decided(named, READ_RUN, token) == (200, None)
    assert decided(named, CREATE_RUN, token, "POST") == (403, "scope_missing")


def test_a_token_for_another_audience_is_not_valid(
    stack: Stack, start: Callable[..., Stack], oauth: OAuthServer
) -> None:
    for client in ("other", "nobody"):
        assert decided(stack, READ_RUN, oauth.token(client)) == (401, "key_invalid")
    unchecked = start(headers=[f"authorization: {basic('proxy')}"], audience=None)
    assert decided(unchecked, READ_RUN, oauth.token("other")) == (200, None)


def test_a_revoked_token_ends_with_its_cache_entry(stack: Stack, oauth: OAuthServer) -> None:
    token = oauth.token("reader")
    assert decided(stack, READ_RUN, token) == (200, None)
    oauth.revoke(token, "reader")
    wait_until(lambda: decided(stack, READ_RUN, token) == (401, "key_invalid"), "the token is refused", timeout=5)


def test_a_reply_is_cached_for_the_configured_time(start: Callable[..., Stack], oauth: OAuthServer) -> None:
    """Though Authlib says `no-store`, as OAuth servers do with all their replies."""
    stack = start(headers=[f"authorization: {basic('proxy')}"], plugin={"cache": {"ttl": "60s"}})
    token = oauth.token("reader")
    before = len(oauth.introspections())
    assert [decided(stack, READ_RUN, token) for _ in range(5)] == [(200, None)] * 5
    assert len(oauth.introspections()) == before + 1


@pytest.mark.parametrize(
    "credential",
    [[], [f"authorization: {basic('proxy', 'wrong')}"], [f"authorization: {basic('nobody at all')}"]],
    ids=["none", "wrong", "unknown client"],
)
def test_the_filters_own_credential_is_never_the_callers_fault(
    start: Callable[..., Stack], oauth: OAuthServer, credential: list[str]
) -> None:
    stack = start(headers=credential)
    token = oauth.token("reader")
    assert decided(stack, READ_RUN, token) == (503, "auth_unavailable")
    log = stack.envoy.log()
    assert "auth_service.headers" in log
    assert any(stack.envoy.stats(MISCONFIGURED).values())
    for secret in (token, basic("proxy"), basic("proxy", "wrong")):
        assert secret not in log


def _injected(secret_file: Path) -> Callable[[Config], None]:
    """The cluster's own filter that adds the credential, which Envoy reads from a file (SDS)."""

    def edit(config: Config) -> None:
        # Envoy wants them for every secret that it reads by SDS.
        config["node"] = {"id": "proxy", "cluster": "proxy"}
        cluster = next(it for it in config["static_resources"]["clusters"] if it["name"] == "auth_service")
        injector = {
            "name": "envoy.filters.http.credential_injector",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
                "credential": {
                    "name": "envoy.http.injected_credentials.generic",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
                        "credential": {
                            "name": "introspection",
                            "sds_config": {"path_config_source": {"path": str(secret_file)}},
                        },
                    },
                },
            },
        }
        codec = {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
            },
        }
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}},
                "http_filters": [injector, codec],
            }
        }

    return edit


def _write_secret(path: Path, value: str) -> None:
    secret = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": "introspection",
        "generic_secret": {"secret": {"inline_string": value}},
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"resources": [secret]}))
    fresh.rename(path)


def test_envoy_injects_the_credential_from_a_secret_file(
    start: Callable[..., Stack], oauth: OAuthServer, tmp_path: Path
) -> None:
    """A file that is replaced is a new credential, without a restart."""
    secret = tmp_path / "secret.json"
    _write_secret(secret, basic("proxy"))
    stack = start(edit=_injected(secret))
    token = oauth.token("reader")
    assert decided(stack, READ_RUN, token) == (200, None)
    headers = {name.lower(): value for name, value in oauth.introspections()[-1]["headers"].items()}
    assert headers["authorization"] == basic("proxy")
    _write_secret(secret, basic("proxy", "rotated"))
    fresh = iter(oauth.token("reader") for _ in range(100))
    wait_until(lambda: decided(stack, READ_RUN, next(fresh))[0] == 503, "the new secret is used", timeout=10, every=0.2)
    _write_secret(secret, basic("proxy"))
    wait_until(
        lambda: decided(stack, READ_RUN, token)[0] == 200, "the right secret is used again", timeout=20, every=0.2
    )
