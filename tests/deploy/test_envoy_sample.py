"""envoy/envoy.yaml and envoy/examples: Envoy accepts them, and their safety settings are in place."""

import json
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import envoy_config, paths
from harness.checks import access_log_entry
from harness.envoy import validate
from harness.http import bearer
from harness.keys import READ
from harness.stack import Stack

EXAMPLES = sorted((paths.ROOT / "envoy" / "examples").glob("*.json"))


def on_this_machine(config: envoy_config.Config, workdir: Path) -> envoy_config.Config:
    """The only edits: paths that are none of this machine, of the module, of the authorities and of the certificate."""
    plugin = envoy_config.wasm_plugin(config)
    plugin["vm_config"]["code"]["local"]["filename"] = str(paths.wasm_module())
    auth_tls(config)["validation_context"]["trusted_ca"] = {"inline_string": self_signed(workdir)}
    listener_tls(config)["tls_certificates"] = [own_certificate(workdir)]
    return config


def listener_tls(config: envoy_config.Config) -> envoy_config.Config:
    return envoy_config.listener(config)["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]


def own_certificate(workdir: Path) -> envoy_config.Config:
    """What `self_signed` made."""
    files = {"certificate_chain": "cert.pem", "private_key": "key.pem"}
    return {name: {"filename": str(workdir / file)} for name, file in files.items()}


def auth_tls(config: envoy_config.Config) -> envoy_config.Config:
    clusters = {cluster["name"]: cluster for cluster in config["static_resources"]["clusters"]}
    return clusters["auth_service"]["transport_socket"]["typed_config"]["common_tls_context"]


def check(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([paths.cli(), "check", config], capture_output=True, text=True, timeout=30, check=False)


def test_envoy_accepts_the_file_as_it_is(tmp_path: Path) -> None:
    result = validate(on_this_machine(envoy_config.load_sample(), tmp_path), tmp_path)
    assert result.returncode == 0, result.stderr


def test_envoy_accepts_what_the_harness_makes_of_it(tmp_path: Path) -> None:
    options = envoy_config.EnvoyOptions(
        mlflow=("127.0.0.1", 1),
        auth=("127.0.0.1", 2),
        allow_on_headers_stop_iteration=True,
        per_connection_buffer_limit_bytes=1 << 15,
        normalize=False,
        reject_underscores=False,
        use_remote_address=False,
        forward_rest=True,
    )
    result = validate(envoy_config.render(options), tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_way_to_the_auth_service_is_encrypted_to_a_known_name() -> None:
    # Without both of these, Envoy encrypts to whoever answers.
    trust = auth_tls(envoy_config.load_sample())["validation_context"]
    assert trust["trusted_ca"] and trust["match_typed_subject_alt_names"]


def test_the_listener_is_encrypted(start_stack: Callable[..., Stack], tmp_path: Path) -> None:
    sample = on_this_machine(envoy_config.load_sample(), tmp_path)
    encrypted = envoy_config.listener(sample)["filter_chains"][0]["transport_socket"]

    def edit(config: envoy_config.Config) -> None:
        envoy_config.listener(config)["filter_chains"][0]["transport_socket"] = encrypted

    stack = start_stack(edit=edit)
    trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    # The certificate's name is none of this machine's.
    trust.check_hostname = False
    target = "/api/mlflow/api/2.0/mlflow/runs/get"
    name, value = bearer(READ["key"])
    request = urllib.request.Request(stack.envoy.url.replace("http:", "https:", 1) + target, headers={name: value})
    with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
        assert answer.status == 200
    assert stack.upstream.count == 1
    with pytest.raises(OSError):
        urllib.request.urlopen(stack.envoy.url + target, timeout=10)
    assert stack.upstream.count == 1


def self_signed(workdir: Path) -> str:
    """A certificate, since the machine's own list of authorities may be elsewhere or missing."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(workdir / "key.pem"), "-out", str(workdir / "cert.pem")]
    subprocess.run([*command, *files, "-subj", "/CN=test"], check=True, capture_output=True)
    return (workdir / "cert.pem").read_text()


def test_safety_settings() -> None:
    config = envoy_config.load_sample()
    manager = envoy_config.connection_manager(config)
    assert manager["use_remote_address"] is True
    assert manager["normalize_path"] is True
    assert manager["merge_slashes"] is True
    assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "REJECT_REQUEST"
    assert config["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_the_filter_fails_closed_and_before_the_router() -> None:
    config = envoy_config.load_sample()
    plugin = envoy_config.wasm_plugin(config)
    assert plugin["failure_policy"] == "FAIL_RELOAD"
    # Unset, not false: Envoy reads "unset" and "false" alike, people do not.
    assert "allow_on_headers_stop_iteration" not in plugin
    assert plugin["configuration"]["@type"].endswith("google.protobuf.StringValue")
    names = [f["name"] for f in envoy_config.connection_manager(config)["http_filters"]]
    assert names == ["mlflow_authz", "envoy.filters.http.router"]


def test_nothing_in_the_access_log_has_the_query_or_a_credential() -> None:
    manager = envoy_config.connection_manager(envoy_config.load_sample())
    fields = manager["access_log"][0]["typed_config"]["log_format"]["json_format"]
    for name, value in fields.items():
        assert "REQ(:PATH" not in value.upper(), name
        assert "AUTHORIZATION" not in value.upper() and "API-KEY" not in value.upper(), name


def test_routes_do_not_depend_on_headers() -> None:
    manager = envoy_config.connection_manager(envoy_config.load_sample())
    for host in manager["route_config"]["virtual_hosts"]:
        for route in host["routes"]:
            assert set(route["match"]) <= {"prefix", "path"}, route
            if "redirect" in route:
                assert route["redirect"] == {"path_redirect": "/api/mlflow/"}, route
                continue
            assert route["route"]["timeout"] == "0s", route
            assert "retry_policy" not in route["route"], route


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_check_accepts_the_examples(example: Path) -> None:
    result = check(example)
    assert result.returncode == 0, result.stderr


def test_check_accepts_the_configuration_in_the_sample(tmp_path: Path) -> None:
    config = tmp_path / "plugin.json"
    config.write_text(json.dumps(envoy_config.sample_plugin_config()))
    result = check(config)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_filter_accepts_the_examples(tmp_path: Path, example: Path) -> None:
    config = envoy_config.load_sample()
    envoy_config.wasm_plugin(config)["configuration"]["value"] = example.read_text()
    result = validate(on_this_machine(config, tmp_path), tmp_path)
    assert result.returncode == 0, result.stderr


def test_labels_of_metrics_become_prometheus_labels(stack: Stack) -> None:
    assert stack.client.get("/api/mlflow/api/2.0/mlflow/runs/get", [bearer(READ["key"])]).status == 200
    custom = [line for line in stack.envoy.prometheus().splitlines() if line.startswith("mlflow_authz")]
    assert custom
    # A label that no stats_tag took out is still part of the metric's name.
    assert not [line for line in custom if "__" in line.partition("{")[0]], custom
    labels = {"decision": "allow", "reason": "allowed", "object": "run", "access": "read"}
    assert stack.envoy.metric("mlflow_authz_decisions", **labels) >= 1


def test_the_access_log_has_the_decision_and_not_the_query(stack: Stack) -> None:
    target = "/api/mlflow/api/2.0/mlflow/runs/get?run_id=access_log_probe"
    stack.client.get(target, [bearer(READ["key"]), ("user-agent", "access-log-probe")])
    entry = access_log_entry(stack, user_agent="access-log-probe")
    assert entry["path"] == "/api/mlflow/api/2.0/mlflow/runs/get"
    assert entry["response_code_details"] == "via_upstream"
    assert entry["authz"]["decision"] == "allow"
    assert READ["key"] not in json.dumps(entry)
