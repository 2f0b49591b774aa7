"""What this filter is compared with: Envoy's own ways to authorize, and a middleware in Python."""

import copy
import os
from pathlib import Path

from bench.comparison import issued
from harness import jwt_authn, keys, paths, ports
from harness.envoy_config import Address, Config, connection_manager
from harness.http import Client
from harness.processes import Process
from harness.stack import MOUNT

FOLDER = paths.ROOT / "bench" / "alternatives"
EXTENSIONS = "type.googleapis.com/envoy.extensions"
STATIC_KEYS = 50
"""Keys of each kind in RBAC's lists; the one that is sent stands in the middle, for they are compared one by one."""

_ADMIN = "/(users|permissions|secrets|webhooks)(/|$)"
_READ_BY_POST = "/(search|list)|/get-latest-versions$|/batchGetInfos$"


def use(config: Config, http_filter: Config) -> None:
    """Puts a filter before the router."""
    connection_manager(config)["http_filters"].insert(0, http_filter)


def lua(config: Config) -> None:
    """Envoy's Lua filter with bench/alternatives/authz.lua."""
    script = {"default_source_code": {"filename": str(FOLDER / "authz.lua")}}
    typed = {"@type": f"{EXTENSIONS}.filters.http.lua.v3.Lua", **script}
    use(config, {"name": "envoy.filters.http.lua", "typed_config": typed})


def ext_authz(config: Config) -> None:
    """Envoy's ext_authz filter, asking over HTTP; see tools/auth-service/src/ext_authz.rs."""
    service = {
        "server_uri": {"uri": "http://auth.internal", "cluster": "auth_service", "timeout": "2s"},
        "path_prefix": "/ext-authz",
        "authorization_response": {
            "allowed_upstream_headers": {"patterns": [{"prefix": "x-mlflow-authz-"}]},
        },
    }
    typed = {"@type": f"{EXTENSIONS}.filters.http.ext_authz.v3.ExtAuthz", "http_service": service}
    use(config, {"name": "envoy.filters.http.ext_authz", "typed_config": typed})


def ext_authz_grpc(config: Config) -> None:
    """Envoy's ext_authz filter, asking over gRPC; see tools/auth-service/src/grpc.rs."""
    clusters = config["static_resources"]["clusters"]
    over_http2 = copy.deepcopy(next(cluster for cluster in clusters if cluster["name"] == "auth_service"))
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    protocol = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
    over_http2 |= {"name": "auth_service_grpc", "typed_extension_protocol_options": {options: protocol}}
    clusters.append(over_http2)
    service = {"envoy_grpc": {"cluster_name": "auth_service_grpc"}, "timeout": "2s"}
    typed = {"@type": f"{EXTENSIONS}.filters.http.ext_authz.v3.ExtAuthz", "grpc_service": service}
    typed |= {"transport_api_version": "V3"}
    use(config, {"name": "envoy.filters.http.ext_authz", "typed_config": typed})


def rbac(config: Config) -> None:
    """Envoy's RBAC filter with lists of keys."""
    _use_rbac(config, readers=_holders(keys.READ, "reader"), writers=_holders(keys.WRITE, "writer"))


def tokens_alone(config: Config) -> None:
    """Envoy's jwt_authn filter: a request needs a valid token, and nobody looks at its scopes."""
    use(config, jwt_authn.jwt_authn(_providers(), {"provider_name": "issuer"}))


def tokens_rbac(config: Config) -> None:
    """Envoy's jwt_authn filter, and its RBAC filter with the scopes of the verified token."""
    _use_rbac(config, readers=[_granted(issued.READ)], writers=[_granted(issued.WRITE)])
    tokens_alone(config)


def tokens_filter(config: Config) -> None:
    """Envoy's jwt_authn filter, and this filter with `jwt`."""
    jwt_authn.verified_by(_providers())(config)


def _providers() -> Config:
    return {"issuer": jwt_authn.provider(issued.issuer())}


def _granted(scope: str) -> Config:
    """Whoever has a token with this scope: one text, with spaces between several."""
    matcher = {
        "filter": jwt_authn.NAME,
        "path": [{"key": jwt_authn.PAYLOAD}, {"key": "scope"}],
        "value": {"string_match": {"safe_regex": {"regex": f"(.* )?{scope}( .*)?"}}},
    }
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def _use_rbac(config: Config, readers: list[Config], writers: list[Config]) -> None:
    typed = {"@type": f"{EXTENSIONS}.filters.http.rbac.v3.RBAC", "rules": _rules(readers, writers)}
    use(config, {"name": "envoy.filters.http.rbac", "typed_config": typed})


def _rules(readers: list[Config], writers: list[Config]) -> Config:
    below = {"url_path": {"path": {"prefix": f"{MOUNT}/"}}}
    no_admin = {"not_rule": {"url_path": {"path": {"safe_regex": {"regex": f".*{_ADMIN}.*"}}}}}
    search = {"url_path": {"path": {"safe_regex": {"regex": f".*({_READ_BY_POST}).*"}}}}
    by_post = {"and_rules": {"rules": [_header(":method", "POST"), search]}}
    reading = {"or_rules": {"rules": [_header(":method", "GET"), _header(":method", "HEAD"), by_post]}}
    return {
        "action": "ALLOW",
        "policies": {
            "readers": {
                "permissions": [{"and_rules": {"rules": [below, no_admin, reading]}}],
                "principals": readers,
            },
            "writers": {
                "permissions": [{"and_rules": {"rules": [below, no_admin]}}],
                "principals": writers,
            },
        },
    }


def _header(name: str, value: str) -> Config:
    return {"header": {"name": name, "string_match": {"exact": value}}}


def _holders(key: keys.Key, name: str) -> list[Config]:
    listed = [f"hk_live_{name}_{number}" for number in range(STATIC_KEYS)]
    listed[STATIC_KEYS // 2] = key["key"]
    return [_header("authorization", f"Bearer {text}") for text in listed]


class Middleware:
    """bench/alternatives/middleware.py under uvicorn: one process, httptools, uvloop, no access log."""

    def __init__(self, mlflow: Address, auth: Address, workdir: Path) -> None:
        port = ports.free_port()
        self.url = f"http://{ports.HOST}:{port}"
        command = [python(), "-m", "uvicorn", "middleware:app", "--app-dir", FOLDER]
        command += ["--host", ports.HOST, "--port", str(port), "--workers", "1", "--backlog", "2048"]
        command += ["--loop", "uvloop", "--http", "httptools", "--ws", "none"]
        command += ["--no-access-log", "--log-level", "warning"]
        environment = {"MLFLOW": _url(mlflow), "AUTH_SERVICE": _url(auth), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = Process("middleware", command, workdir, environment)
        try:
            # 401: a request without a key.
            self.process.wait_ready(lambda: Client(ports.HOST, port).get("/").status == 401, timeout=60)
        except BaseException:
            self.process.stop()
            raise


def _url(address: Address) -> str:
    return f"http://{address[0]}:{address[1]}"


def python() -> Path:
    """$MIDDLEWARE_PYTHON, as scripts/lib.sh exports it, or else the environment it made."""
    if given := os.environ.get("MIDDLEWARE_PYTHON"):
        return Path(given)
    made = sorted((paths.ROOT / ".tools").glob("middleware-*/bin/python"))
    if not made:
        raise FileNotFoundError("the middleware's Python environment is missing: run scripts/bench")
    return made[-1]


def versions() -> str:
    """What the middleware runs on."""
    lines = (FOLDER / "requirements.txt").read_text().splitlines()
    return ", ".join(line.replace("==", " ") for line in lines if not line.startswith("#"))
