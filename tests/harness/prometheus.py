"""A real Prometheus that scrapes Envoys, and promtool."""

import json
import math
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from . import paths, ports
from .envoy import Envoy
from .processes import Process

Sample = tuple[dict[str, str], float]


class Prometheus:
    """Prometheus on a free loopback port, scraping each Envoy four times a second, until `stop`."""

    def __init__(self, workdir: Path, envoys: dict[str, Envoy], rules: dict[str, Any]) -> None:
        """Starts it and waits until it answers. The names of `envoys` become their `instance`."""
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / "rules.yaml").write_text(yaml.safe_dump(rules))
        scrape = {
            "job_name": "envoy",
            "metrics_path": "/stats/prometheus",
            "static_configs": [
                {"targets": [envoy.admin_address], "labels": {"instance": name}} for name, envoy in envoys.items()
            ],
        }
        timing = {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "500ms"}
        config = {"global": timing, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
        (workdir / "prometheus.yaml").write_text(yaml.safe_dump(config))
        address = f"{ports.HOST}:{ports.free_port()}"
        self.url = f"http://{address}"
        self._instances = set(envoys)
        self.process = Process(
            "prometheus",
            [
                paths.prometheus(),
                *("--config.file", "prometheus.yaml", "--storage.tsdb.path", "tsdb"),
                *("--web.listen-address", address, "--log.level", "warn"),
            ],
            workdir,
        )
        try:
            self.process.wait_ready(self._scrapes, timeout=30)
        except BaseException:
            self.process.stop()
            raise

    def _scrapes(self) -> bool:
        return {labels["instance"] for labels, value in self.query("up") if value} == self._instances

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def query(self, expression: str) -> list[Sample]:
        """What the expression is now: the labels and value of each series that has one."""
        result = self._get("query", query=expression)["result"]
        samples = [(entry["metric"], float(entry["value"][1])) for entry in result]
        return [(labels, value) for labels, value in samples if math.isfinite(value)]

    def label_values(self, label: str, series: str) -> list[str]:
        """The values that a label has on the series."""
        return self._get(f"label/{label}/values", **{"match[]": series})

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire: name and instance."""
        alerts = self._get("alerts")["alerts"]
        return {
            (alert["labels"]["alertname"], alert["labels"].get("instance", ""))
            for alert in alerts
            if alert["state"] == "firing"
        }

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def promtool(*arguments: str | Path) -> str:
    """What promtool says; AssertionError with its words if it is not content."""
    command = [str(paths.prometheus("promtool")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
