"""The dashboard and the alerts against a real Prometheus that scrapes a real Envoy: every query has data.

One Envoy sees requests of every kind, an auth service in trouble, and a crash of the filter. Two others let
traffic through without a decision: there the filter is off on the route, or not there at all.
"""

import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import envoy_config, keys, paths
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.http2 import Http2
from harness.processes import wait_until
from harness.prometheus import Prometheus
from harness.stack import MOUNT, Stack
from harness.trapping import trapping_module

DASHBOARDS = paths.ROOT / "envoy" / "dashboards"
DASHBOARD = json.loads((DASHBOARDS / "mlflow-authz.json").read_text())
RULES = yaml.safe_load((DASHBOARDS / "alerts.yaml").read_text())

DELETE_RUN = MOUNT + "/api/2.0/mlflow/runs/delete"
OBSERVABILITY = (paths.ROOT / "docs" / "observability.md").read_text()

LISTED = "mk_listed_0123456789abcdefgh"
PLUGIN = {
    "outside": "forward",
    "overrides": [{"match": {"access": "delete"}, "mode": "shadow"}],
    "auth_service": {"timeout": "300ms", "breaker": {"failures": 3, "open_for": "500ms"}, "max_in_flight": 4},
    "cache": {"ttl": "1s", "negative_ttl": "1s", "stale_if_error": "5m"},
    "revocation": {"path": "/api/v1/keys/revocations", "every": "200ms"},
    "keys": [{"sha256": hashlib.sha256(LISTED.encode()).hexdigest(), "key_id": "listed", "scopes": ["model:read"]}],
}
REVOKED = keys.key("revoked_later", ["model:read"])
NARROW = keys.key("narrow", ["model:write:acme-*"])
ROUNDS = 4


class Scene:
    """The Envoys and their Prometheus."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        def stack(name: str, **options: Any) -> Stack:
            return started.enter_context(Stack(folder / name, **options))

        folder.mkdir(exist_ok=True)
        crashing = trapping_module("proxy_on_request_trailers", folder)
        entries = [*keys.STANDARD, REVOKED, NARROW]
        self.guarded = stack("guarded", keys=entries, plugin=PLUGIN, wasm=crashing, forward_rest=True)
        others = {"auth": self.guarded.auth, "upstream": self.guarded.upstream}
        self.off = stack("off", edit=_switch_off, **others)
        self.bare = stack("bare", with_filter=False, **others)
        envoys = {name: getattr(self, name).envoy for name in ("guarded", "off", "bare")}
        self.prometheus = started.enter_context(Prometheus(folder / "prometheus", envoys, _at_once(RULES)))
        # Prometheus's rates do not see the first count of a series: it must have been there at a scrape.
        for number in range(ROUNDS):
            self._traffic()
            self._trouble(number)
        assert self.prometheus.query("min(up)") == [({}, 1)], "Prometheus read every scrape"

    def _traffic(self) -> None:
        client = self.guarded.client
        for key in (keys.READ, keys.NO_SCOPES, keys.WRITE, keys.REFUSED, keys.LIMITED, REVOKED, NARROW):
            client.get(READ_RUN, [bearer(key["key"])])
            client.post(CREATE_RUN, [bearer(key["key"])])
            client.post(MOUNT + "/brand/new", [bearer(key["key"])])
            client.post(DELETE_RUN, [bearer(key["key"])])
        for target in (READ_RUN, MOUNT + "/health", MOUNT + "/a;b", "/elsewhere"):
            client.get(target)
        client.get(READ_RUN, [bearer(keys.UNKNOWN)])
        client.get(READ_RUN, [bearer(LISTED)])
        client.request("PROPFIND", "/elsewhere")  # The echo upstream answers 501.
        for _ in range(20):  # What lies outside every mount reaches MLflow too; it is to be a small part.
            client.get(MOUNT + "/health")
        for other in (self.off, self.bare):
            for _ in range(10):
                assert other.client.post(CREATE_RUN).status == 200

    def _trouble(self, number: int) -> None:
        auth, client = self.guarded.auth, self.guarded.client
        auth.revoke(REVOKED["key_id"])
        time.sleep(0.4)  # Two polls.
        auth.put_keys(REVOKED)
        with auth.faults(status=404):
            client.get(READ_RUN, [bearer(f"hk_live_nobody_{number}")])
        with auth.faults(target="all", status=500):
            time.sleep(1.1)  # Principals become stale, a poll fails.
            for count in range(4):
                client.get(READ_RUN, [bearer(f"hk_live_other_{number}_{count}")])
            for known in (keys.READ, keys.NO_SCOPES, keys.WRITE, NARROW):
                client.get(READ_RUN, [bearer(known["key"])])
        probes = (client.get(READ_RUN, [bearer(f"hk_live_probe_{number}_{n}")]) for n in itertools.count())
        wait_until(lambda: next(probes).status == 401, "the circuit to close", every=0.1)
        if number == 0:
            for _ in range(2):  # Envoy replaces the first VM at once, the second after a second.
                self._crash()
                wait_until(lambda: client.get(MOUNT + "/health").status == 200, "another VM", every=0.2)

    def _crash(self) -> None:
        envoy = self.guarded.envoy
        with Http2(envoy.host, envoy.port) as connection:
            stream = connection.start("POST", CREATE_RUN, [bearer(keys.WRITE["key"])], end=False)
            connection.send_trailers(stream, [("x-trailer", "crash")])
            assert connection.wait(stream).status == 503


def _switch_off(config: dict[str, Any]) -> None:
    """Somebody's shortcut: the filter disabled on MLflow's route."""
    routes = envoy_config.connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    routes[0]["typed_per_filter_config"] = {"mlflow_authz": off}


def _at_once(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules, without the time that they wait before they fire."""
    groups = [{**group, "rules": [{**rule, "for": "0s"} for rule in group["rules"]]} for group in rules["groups"]]
    return {"groups": groups}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as started:
        yield Scene(tmp_path_factory.mktemp("dashboard"), started)


# --- the dashboard as a file ---


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def test_what_grafana_imports_is_whole() -> None:
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    # An id, or a data source by name, would be those of one installation.
    assert "id" not in DASHBOARD
    assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(everything))) == {"${datasource}"}
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        used = re.findall(r"\$(?!__)\{?(\w+)", json.dumps(panel))
        assert set(used) <= variables, panel["title"]
    for panel in panels():
        assert panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel["title"]


# --- queries ---


def filled_in(expression: str) -> str:
    """A query as Grafana sends it, for the Envoy that has the filter."""
    values = {"$__rate_interval": "1m", "$__range": "1m", "$job": ".*", "$instance": "guarded"}
    for name, value in {**values, "$mlflow_cluster": "mlflow"}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


QUERIES = [(panel["title"], target) for panel in panels() for target in panel["targets"]]


@pytest.mark.parametrize(("title", "target"), QUERIES, ids=[title for title, _ in QUERIES])
def test_every_query_has_data_under_its_labels(scene: Scene, title: str, target: dict[str, Any]) -> None:
    found = scene.prometheus.query(filled_in(target["expr"]))
    assert found, target["expr"]
    wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    wanted |= set(",".join(re.findall(r"by \(([^)]*)\)", target["expr"])).replace(" ", "").split(","))
    wanted -= {"", "le"}
    for labels, _ in found:
        assert all(labels.get(label) for label in wanted), (wanted, labels)


QUIET = {"Crashes of the filter", "Open circuits", "VMs", "Enforcing"}
"""Where zero is what is hoped for, or no change is the news."""


def test_what_happened_is_seen(scene: Scene) -> None:
    """Queries show more than zero: every kind of trouble was made."""
    for title, target in QUERIES:
        if title not in QUIET:
            found = scene.prometheus.query(filled_in(target["expr"]))
            assert any(value > 0 for _, value in found), (title, target["expr"], found)
    crashes = "sum(increase(envoy_wasm_mlflow_authz_vm_reload_{}[1m]))"
    for kind in ("success", "backoff"):
        assert scene.prometheus.query(crashes.format(kind))[0][1] > 0, kind
    assert scene.prometheus.query("max_over_time(mlflow_authz_open_circuits[1m]) > 0")


def test_queries_and_alerts_ask_for_values_that_there_are() -> None:
    """`outcome=~"time_out"` would find nothing for ever, or with `!~` everything."""
    answers = (paths.ROOT / "docs" / "requests.md").read_text()
    texts = [target["expr"] for _, target in QUERIES]
    texts += [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
    asked = re.findall(r'(?:decision|reason|outcome|result)[!=]~?"([a-z_|]+)"', " ".join(texts))
    assert len(asked) > 20
    for value in {value for values in asked for value in values.split("|")}:
        assert re.search(rf"\b{value}\b", OBSERVABILITY + answers), value


def test_missing_permissions_are_told(scene: Scene) -> None:
    target = next(target for title, target in QUERIES if title == "Missing permissions")
    found = {labels["permission"] for labels, _ in scene.prometheus.query(filled_in(target["expr"]))}
    assert {"run:read", "run:write", "*:admin"} <= found


def test_variables_have_values(scene: Scene) -> None:
    found = {}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            form = r"label_values\((.*), (\w+)\)"
            series, label = re.fullmatch(form, variable["query"]["query"]).groups()
            found[variable["name"]] = scene.prometheus.label_values(label, filled_in(series))
    assert found == {"job": ["envoy"], "instance": ["bare", "guarded", "off"]}


# --- alerts ---


def test_expressions_of_alerts_name_what_exists(scene: Scene) -> None:
    """Each selector of an alert, by itself and without its range, finds series."""
    for rule in (rule for group in RULES["groups"] for rule in group["rules"]):
        selectors = re.findall(r"(?:mlflow_authz|envoy)_\w+(?:\{[^}]*\})?", rule["expr"])
        assert selectors, rule["alert"]
        for selector in selectors:
            assert scene.prometheus.query(selector), (rule["alert"], selector)


def test_traffic_without_decisions_is_noticed(scene: Scene) -> None:
    rule = "MlflowAuthzTrafficWithoutDecision"

    def noticed() -> bool:
        firing = scene.prometheus.firing()
        return {(rule, "off"), (rule, "bare")} <= firing

    wait_until(noticed, "the alert", timeout=10)
    assert (rule, "guarded") not in scene.prometheus.firing()


def test_a_crash_is_noticed(scene: Scene) -> None:
    rule = "MlflowAuthzVmReload"
    wait_until(lambda: (rule, "guarded") in scene.prometheus.firing(), "the alert", timeout=10)
    assert {name for alert, name in scene.prometheus.firing() if alert == rule} == {"guarded"}


# --- names and labels ---

LABELS = r"\b(?:decision|reason|object|access|operation|permission|identity|result|outcome|version|covers|hash)\b"


def scraped(scene: Scene) -> dict[str, set[str]]:
    """The filter's metrics and their labels, as Envoy shows them."""
    found: dict[str, set[str]] = {}
    for line in scene.guarded.envoy.prometheus().splitlines():
        if "mlflow_authz" in line and not line.startswith(("#", "envoy_wasm_")):
            name, _, rest = line.partition("{")
            name = re.sub(r"_(bucket|sum|count)$", "", name)
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', rest) if "le=" not in rest else [])
    return found


def documented() -> dict[str, set[str]]:
    """The same, by the table of docs/observability.md."""
    rows = re.findall(
        r"^\| `(mlflow_authz_\w+)` \| (?:counter|gauge|histogram) \|(.*)\|$",
        OBSERVABILITY,
        re.MULTILINE,
    )
    # "result: hit, miss", "version; the value is …", or words about a metric that has no label.
    return {name: set(re.findall(LABELS, re.split("[:;]", text)[0])) for name, text in rows}


def test_names_and_labels_are_those_of_the_documents(scene: Scene) -> None:
    found, table = scraped(scene), documented()
    assert found == table


def test_no_label_is_left_in_a_name(scene: Scene) -> None:
    text = scene.guarded.envoy.prometheus()
    for mark in ("=.=", ";.;", "wasmcustom"):
        assert mark not in text, mark
    # What Prometheus makes of names it does not like: labels glued to the name.
    for name in scraped(scene):
        metric = max((each for each in documented() if name.startswith(each)), key=len, default="")
        assert not re.search(LABELS, name.removeprefix(metric).replace("_", " ")), name


def test_values_of_labels_survive_whole(scene: Scene) -> None:
    """Dots, digits, underscores, colons and stars."""
    query = scene.prometheus.query
    assert query('mlflow_authz_build_info{version=~"[0-9]+\\\\.[0-9]+\\\\.[0-9]+"}')
    assert query('mlflow_authz_build_info{covers="2.0 to 3.18"}')
    assert query('mlflow_authz_config_info{hash=~"[0-9a-f]{8}"}')
    assert query('mlflow_authz_denials{operation="CreateRun",reason="scope_missing",permission="run:write"}')
    assert query('mlflow_authz_denials{operation="unknown",reason="operation_unknown",permission="*:admin"}')
    assert query('mlflow_authz_cache_lookups{result="hit"}')
