"""What stands in MLflow's place when a proxy is measured."""

from pathlib import Path

import yaml

from bench.comparison.alternatives import EXTENSIONS
from harness import paths, ports
from harness.envoy_config import Address, Config
from harness.http import Client
from harness.processes import Process


class Upstream:
    """An Envoy that answers every request itself, once it has all of its body."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir()
        self.address: Address = (ports.HOST, ports.free_port())
        config_file = workdir / "upstream.yaml"
        config_file.write_text(yaml.safe_dump(self._config()))
        command = [paths.envoy_binary(), "-c", config_file, "--concurrency", "1", "--disable-hot-restart"]
        self.process = Process("upstream", [*command, "--log-level", "warning"], workdir)
        self.process.wait_ready(lambda: Client(*self.address).get("/").status == 200, timeout=30)

    def _config(self) -> Config:
        answer = {"status": 200, "body": {"inline_string": '{"run": {}}'}}
        # An answer that came before the whole request would end the connection.
        buffer = {"@type": f"{EXTENSIONS}.filters.http.buffer.v3.Buffer", "max_request_bytes": 65536}
        router = {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"}
        manager = {
            "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "upstream",
            "http_filters": [
                {"name": "envoy.filters.http.buffer", "typed_config": buffer},
                {"name": "envoy.filters.http.router", "typed_config": router},
            ],
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "direct_response": answer}],
                    }
                ]
            },
        }
        network_filter = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        host, port = self.address
        listener = {
            "address": {"socket_address": {"address": host, "port_value": port}},
            "filter_chains": [{"filters": [network_filter]}],
        }
        return {"static_resources": {"listeners": [listener]}}
