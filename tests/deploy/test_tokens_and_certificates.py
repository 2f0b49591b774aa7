"""The examples and manifests for tokens and certificates: Envoy runs them, as they are or as a control plane hands them on."""

import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths, translate_tokens
from harness.certificates import Authority, client_context
from harness.envoy import validate
from harness.envoy_config import Config, connection_manager, in_place_of_the_sample, listener, wasm_plugin
from harness.http import Client, Connection, bearer
from harness.stack import Stack
from harness.tokens import Issuer, key_set, unsigned

StartStack = Callable[..., Stack]
EXAMPLES = paths.ROOT / "envoy" / "examples"
READ = "/api/2.0/mlflow/runs/get?run_id=1"
WRITE = "/api/2.0/mlflow/runs/create"
MOUNTED = "/api/mlflow"
HOST = ("host", "mlflow.example.com")


def example(name: str) -> Config:
    return yaml.safe_load((EXAMPLES / name).read_text())


def test_the_example_of_tokens(start_stack: StartStack, tmp_path: Path) -> None:
    file = example("jwt.yaml")
    (provider,) = file_providers(file)
    issuer = Issuer(provider["issuer"])
    keys_file = tmp_path / "jwks.json"
    keys_file.write_text(key_set(issuer))
    provider["local_jwks"]["filename"] = str(keys_file)
    stack = start_stack(edit=in_place_of_the_sample(file))
    ask = stack.client
    assert ask.post(WRITE, [bearer(issuer.token(realm_access={"roles": ["data-scientist"]}))]).status == 200
    assert stack.upstream.requests()[-1].header("authorization") == []
    assert ask.get(READ, [bearer(issuer.token(scope="model:read"))]).status == 200
    assert ask.post(WRITE, [bearer(issuer.token(scope="model:read"))]).status == 403
    for refused in (issuer.token(aud="shop", scope="model:read"), unsigned(issuer.token(scope="model:read"))):
        assert ask.get(READ, [bearer(refused)]).json()["reason"] == "key_invalid"
    assert ask.get(f"{READ}&access_token={issuer.token(scope='model:read')}").json()["reason"] == "credential_missing"


def file_providers(file: Config) -> list[Config]:
    filters = connection_manager(file)["http_filters"]
    (found,) = (it["typed_config"] for it in filters if it["name"] == "envoy.filters.http.jwt_authn")
    return list(found["providers"].values())


def example_of_certificates(authority: Authority) -> Config:
    file = example("mtls.yaml")
    server = authority.server()
    common = listener(file)["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    common["tls_certificates"] = [
        {"certificate_chain": {"filename": str(server.chain_file)}, "private_key": {"filename": str(server.key_file)}}
    ]
    common["validation_context"]["trusted_ca"]["filename"] = str(authority.file)
    return file


def test_the_example_of_certificates(start_stack: StartStack, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    stack = start_stack(edit=in_place_of_the_sample(example_of_certificates(authority)))
    for name, status in [
        ("spiffe://cluster.local/ns/ml/sa/trainer", 200),
        ("spiffe://cluster.local/ns/ml/sa/reader", 403),
        ("spiffe://cluster.local/ns/shop/sa/trainer", 401),
        (None, 401),
    ]:
        certificate = authority.client(uris=(name,)) if name else None
        caller = Client(stack.envoy.host, stack.envoy.port, tls=client_context(authority, certificate))
        assert caller.post(WRITE).status == status, name


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_outlives_the_certificate_under_the_example(
    start_stack: StartStack, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Envoy verifies no certificate of a resumed session: the example has none."""
    authority = Authority(tmp_path)
    stack = start_stack(edit=in_place_of_the_sample(example_of_certificates(authority)))
    end = time.time() + 4
    trainer = authority.client(uris=("spiffe://cluster.local/ns/ml/sa/trainer",), valid_for=timedelta(seconds=4))
    context = client_context(authority, trainer)
    context.minimum_version = context.maximum_version = version
    with Connection(stack.envoy.host, stack.envoy.port, tls=context) as first:
        assert first.request("POST", WRITE).status == 200
        assert isinstance(first.socket, ssl.SSLSocket)
        session = first.socket.session
    time.sleep(max(0.0, end + 1.5 - time.time()))
    before = stack.upstream.count
    with pytest.raises((ssl.SSLError, ConnectionError)):
        later = socket.create_connection((stack.envoy.host, stack.envoy.port), timeout=10)
        with context.wrap_socket(later, server_hostname=stack.envoy.host, session=session) as resumed:
            resumed.sendall(b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" % WRITE.encode())
            assert not resumed.recv(100), "answered"
            raise ConnectionError("closed without an answer")
    assert stack.upstream.count == before


@pytest.mark.parametrize("name", ["jwt.yaml", "mtls.yaml"])
def test_envoy_accepts_the_example_but_for_its_files(tmp_path: Path, name: str) -> None:
    file = example(name)
    wasm_plugin(file)["vm_config"]["code"]["local"]["filename"] = str(paths.wasm_module())
    said = validate(file, tmp_path)
    # What is on no test machine: the key set, and the certificates.
    missing = {"jwt.yaml": "/etc/envoy/jwks.json", "mtls.yaml": "/etc/envoy/tls/"}[name]
    assert said.returncode == 0 or missing in said.stderr, said.stderr


def decides(stack: Stack, issuer: Issuer) -> None:
    """A decision of each kind under a policy of Istio or Envoy Gateway."""
    ask = stack.client
    reader = issuer.token(scope="model:read openid")
    assert ask.get(MOUNTED + READ, [HOST, bearer(reader)]).status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == ["alice"]
    assert seen.header("x-mlflow-authz-scopes") == ["model:read openid"]
    assert seen.header("authorization") == []
    denied = ask.post(MOUNTED + WRITE, [HOST, bearer(reader)])
    assert (denied.status, denied.json()["reason"]) == (403, "scope_missing")
    by_list = issuer.token(scp=["tracking:write"], groups=["other"])
    assert ask.post(MOUNTED + WRITE, [HOST, bearer(by_list)]).status == 200
    by_role = issuer.token(realm_access={"roles": ["data-scientist"]})
    assert ask.post(MOUNTED + WRITE, [HOST, bearer(by_role)]).status == 200
    missing = ask.get(MOUNTED + READ, [HOST])
    assert (missing.status, missing.json()["reason"]) == (401, "credential_missing")
    # Envoy answers these by itself.
    before = stack.upstream.count
    for bad in (issuer.token(aud="shop", scope="model:read"), unsigned(reader), "no-token"):
        assert ask.get(MOUNTED + READ, [HOST, bearer(bad)]).status in (401, 403)
    assert ask.get(f"{MOUNTED}{READ}&access_token={reader}", [HOST]).status == 401
    assert stack.upstream.count == before


@pytest.mark.parametrize("control", ["istio", "envoy-gateway"])
def test_envoy_decides_by_tokens_as_the_control_plane_configures_it(start_stack: StartStack, control: str) -> None:
    translated: dict[str, Callable[[Config, str], Any]] = {
        "istio": translate_tokens.tokens_as_istio,
        "envoy-gateway": translate_tokens.tokens_as_envoy_gateway,
    }
    issuer = Issuer("https://login.example.com/realms/ml")
    stack = start_stack(edit=lambda config: translated[control](config, key_set(issuer)))
    decides(stack, issuer)
