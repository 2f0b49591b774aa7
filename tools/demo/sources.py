"""Who says who the callers of the story are: each source of identity, set up with real parts.

A source starts what it needs, and says how Envoy and the filter are configured for it and what each caller presents.
"""

import json
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness import keys, paths, ports
from harness.auth_service import AuthService
from harness.envoy_config import Config

SCOPES = {"reader": "model:read", "writer": "model:write"}
"""What the callers of the story may do."""


@dataclass(frozen=True)
class Caller:
    """What MLflow's client and curl are given to be this caller."""

    scopes: str
    """As the table names them."""
    environment: dict[str, str] = field(default_factory=dict)
    curl: str = ""

    @staticmethod
    def with_key(scopes: str, key: str) -> "Caller":
        return Caller(scopes, {"MLFLOW_TRACKING_TOKEN": key}, f"-H 'Authorization: Bearer {key}'")


@dataclass
class Source:
    """One source of identity, set up."""

    callers: dict[str, Caller]
    """`nobody`, `unknown`, `reader` and `writer`."""
    lookups: Callable[[], str] = lambda: "no lookup: no auth service is needed"
    """What was asked of whom."""
    auth: Any = field(default_factory=lambda: SimpleNamespace(address=(ports.HOST, 9)))
    """What has the address of the auth service."""
    plugin: Config = field(default_factory=dict)
    """Laid over the sample's plugin configuration."""
    edit: Callable[[Config], None] | None = None
    scheme: str = "http"


NO_SERVICE: Config = {"auth_service": None}


def without_cluster(config: Config) -> None:
    """Envoy with no cluster of an auth service."""
    clusters = config["static_resources"]["clusters"]
    clusters[:] = [cluster for cluster in clusters if cluster["name"] != "auth_service"]


def by_key(reader: str, writer: str, unknown: str) -> dict[str, Caller]:
    return {
        "nobody": Caller("(no key)"),
        "unknown": Caller.with_key("(unknown key)", unknown),
        "reader": Caller.with_key(SCOPES["reader"], reader),
        "writer": Caller.with_key(SCOPES["writer"], writer),
    }


def auth_service(started: ExitStack, workdir: Path) -> Source:
    """API keys that an auth service validates."""
    auth = started.enter_context(AuthService(keys.STANDARD, workdir))
    callers = by_key(keys.READ["key"], keys.WRITE["key"], keys.UNKNOWN)
    for entry in (keys.REGISTER, keys.PROMOTE, keys.DELETE, keys.NO_SCOPES, keys.ADMIN):
        grants = ", ".join(entry["scopes"]) or ("is_admin" if entry.get("is_admin") else "(no scopes)")
        callers[grants] = Caller.with_key(grants, entry["key"])
    return Source(callers, lambda: f"{auth.validations} lookups at the auth service ({auth.url}/stats)", auth)


def listed_keys(started: ExitStack, workdir: Path) -> Source:
    """API keys whose digests stand in the configuration."""

    def new(name: str, scopes: str) -> dict[str, Any]:
        command = [paths.cli(), "key", "new", "--key-id", name, "--user-id", f"{name}-bot", "--scopes", scopes]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    made = {name: new(name, scopes) for name, scopes in SCOPES.items()}
    unknown = new("unknown", "model:write")["key"]
    plugin = {**NO_SERVICE, "keys": [one["entry"] for one in made.values()]}
    callers = by_key(made["reader"]["key"], made["writer"]["key"], unknown)
    return Source(callers, plugin=plugin, edit=without_cluster)


def introspection(started: ExitStack, workdir: Path) -> Source:
    """Opaque access tokens that an OAuth server introspects: Authlib's."""
    from harness.oauth import OAuthServer, basic

    server = started.enter_context(OAuthServer(workdir / "oauth"))
    service = {
        "cluster": "auth_service",
        "authority": "oauth.internal",
        "path": "/oauth2/introspect",
        "protocol": "introspection",
        "audience": "mlflow",
        "headers": [f"authorization: {basic('proxy')}"],
        # What the sample's block has and introspection has not.
        "service_id": None,
    }
    callers = by_key(server.token("reader"), server.token("writer"), "an-opaque-token-of-nobody")
    return Source(
        callers, lambda: f"{len(server.introspections())} introspections", server, plugin={"auth_service": service}
    )


def jwt(started: ExitStack, workdir: Path) -> Source:
    """Access tokens (JWT) that Envoy's jwt_authn verifies."""
    from harness.jwt_authn import provider, verified_by
    from harness.tokens import Issuer

    issuer = Issuer()
    verify = verified_by({"issuer": provider(issuer)})

    def edit(config: Config) -> None:
        without_cluster(config)
        verify(config)

    token = {name: issuer.token(sub=f"{name}@example", scope=scopes, exp=4102444800) for name, scopes in SCOPES.items()}
    forged = Issuer().token(sub="writer@example", scope=SCOPES["writer"])
    callers = by_key(token["reader"], token["writer"], forged)
    callers["nobody"] = Caller("(no token)")
    callers["unknown"] = Caller.with_key("(forged token)", forged)
    return Source(callers, plugin={**NO_SERVICE, "jwt": {}}, edit=edit)


def mtls(started: ExitStack, workdir: Path) -> Source:
    """Client certificates that Envoy verifies."""
    from harness.certificates import Authority, Certificate, tls_listener

    authority = Authority(workdir / "certificates")
    asks_for_certificates = tls_listener(authority)

    def edit(config: Config) -> None:
        without_cluster(config)
        asks_for_certificates(config)

    def caller(scopes: str, certificate: Certificate | None) -> Caller:
        environment = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(authority.file)}
        curl = f"--cacert {authority.file}"
        if certificate is not None:
            both = certificate.chain_file.with_suffix(".pem")
            both.write_bytes(certificate.chain_file.read_bytes() + certificate.key_file.read_bytes())
            environment["MLFLOW_TRACKING_CLIENT_CERT_PATH"] = str(both)
            curl += f" --cert {both}"
        return Caller(scopes, environment, curl)

    name = "spiffe://example/ns/ml/sa/"
    callers = {role: caller(scopes, authority.client(uris=(name + role,))) for role, scopes in SCOPES.items()}
    callers["nobody"] = caller("(no certificate)", None)
    callers["unknown"] = caller("(unlisted name)", authority.client(uris=("spiffe://example/ns/shop/sa/web",)))
    principals = {name + role: {"scopes": [scopes]} for role, scopes in SCOPES.items()}
    plugin = {**NO_SERVICE, "mtls": {"by": "uri_san", "principals": principals}}
    return Source(callers, plugin=plugin, edit=edit, scheme="https")


SOURCES: dict[str, Callable[[ExitStack, Path], Source]] = {
    "auth_service": auth_service,
    "keys": listed_keys,
    "introspection": introspection,
    "jwt": jwt,
    "mtls": mtls,
}
