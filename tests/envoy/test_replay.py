"""`mlflow-authz replay` and `matrix`: records of real traffic decided again, and what a browser shows of it."""

import contextlib
import copy
import gzip
import json
import os
import pty
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import envoy_config, keys, paths, records
from harness.browser import Browser
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.stack import MOUNT, Stack

API = MOUNT + "/api/2.0/mlflow"
CREATE_MODEL = API + "/registered-models/create"
GET_MODEL = API + "/registered-models/get"
NARROW = keys.key("narrow", ["model:write:acme-*"])
HOSTILE_TEXT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
HOSTILE = keys.key("hostile", ["model:read", HOSTILE_TEXT], key_id=HOSTILE_TEXT)


def replay(*arguments: str | Path, config: dict[str, Any], tmp_path: Path, status: int = 0) -> str:
    """The command's standard output; its exit status must be as given."""
    file = tmp_path / f"candidate-{uuid.uuid4().hex}.json"
    file.write_text(json.dumps(config))
    command = [paths.cli(), "replay", "--config", file, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout if status < 2 else done.stderr


def found(*arguments: str | Path, config: dict[str, Any], tmp_path: Path, status: int = 0) -> dict[str, Any]:
    return json.loads(replay("--format", "json", *arguments, config=config, tmp_path=tmp_path, status=status))


class Traffic:
    """What a stack recorded, as files, and the configuration that decided."""

    def __init__(self, stack: Stack) -> None:
        self.config = json.loads(envoy_config.wasm_plugin(stack.envoy.config)["configuration"]["value"])
        self.access_entries = len(stack.envoy.access_log())
        self.audit_records = len(stack.envoy.audit())
        self.audit_log = stack.envoy.process.err
        self.access_log = stack.envoy.process.out


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    """Every kind of decision once, and some oftener. Envoy has ended: its logs are whole."""
    plugin = {"audit": {"allows": True, "max_per_second": 100_000}}
    folder = tmp_path_factory.mktemp("traffic")
    with Stack(folder, keys=[*keys.STANDARD, NARROW, HOSTILE], plugin=plugin, forward_rest=True) as stack:
        client = stack.client
        for _ in range(3):
            client.get(READ_RUN + "?run_id=7", [bearer(keys.READ["key"])])
            client.post(CREATE_RUN, [bearer(keys.WRITE["key"])])
        client.post(CREATE_MODEL, [bearer(keys.WRITE["key"])])
        client.post(CREATE_RUN, [bearer(keys.READ["key"])])
        client.get(READ_RUN, [bearer(HOSTILE["key"])])
        client.post(CREATE_RUN, [bearer(HOSTILE["key"])])
        client.get(READ_RUN, [bearer(keys.ADMIN["key"])])
        client.get(READ_RUN, [bearer(keys.NO_SCOPES["key"])])
        client.get(GET_MODEL + "?name=acme-1", [bearer(NARROW["key"])])
        client.get(GET_MODEL + "?name=other", [bearer(NARROW["key"])])
        client.get(API + "/registered-models/search", [bearer(NARROW["key"])])
        client.get(MOUNT + "/health")
        client.get(READ_RUN)
        client.get(READ_RUN, [("authorization", "Bearer a b")])
        client.get(READ_RUN, [("authorization", "Bearer a"), ("x-api-key", "b")])
        client.get(READ_RUN, [bearer(keys.UNKNOWN)])
        client.get(READ_RUN, [bearer(keys.REFUSED["key"])])
        client.get(READ_RUN, [bearer(keys.LIMITED["key"])])
        client.get(MOUNT + "/a;b")
        client.get(READ_RUN, [bearer(keys.READ["key"]), ("x-original-url", "/")])
        client.post(MOUNT + "/brand/new", [bearer(keys.READ["key"])])
        client.get("/elsewhere")
        client.request(
            "OPTIONS",
            CREATE_RUN,
            [("origin", "https://a.example"), ("access-control-request-method", "POST")],
        )
        with stack.auth.faults(status=500):
            client.get(READ_RUN, [bearer("hk_live_nobody_knows")])
        recorded = Traffic(stack)
    yield recorded


def test_nothing_changes_under_the_same_configuration(traffic: Traffic, tmp_path: Path) -> None:
    assert (traffic.audit_records, traffic.access_entries) == (28, 28)
    audit = found(traffic.audit_log, config=traffic.config, tmp_path=tmp_path)
    assert (audit["changes"], audit["undecidable"]) == ([], [])
    assert audit["requests"]["requests"] == audit["read"]["audit_records"] == traffic.audit_records
    assert audit["read"]["unreadable_lines"] == 0
    access = found(traffic.access_log, config=traffic.config, tmp_path=tmp_path)
    assert access["changes"] == []
    assert access["requests"]["requests"] == access["read"]["access_log_entries"] == traffic.access_entries
    # An access log holds no names: where a grant limited to names decides, it cannot be said.
    assert [(row["why"], row["operation"], row["count"]) for row in access["undecidable"]] == [
        ("name_unknown", "GetRegisteredModel", 2)
    ]


@pytest.mark.parametrize("log", ["audit_log", "access_log"])
def test_a_stricter_configuration(traffic: Traffic, tmp_path: Path, log: str) -> None:
    strict = copy.deepcopy(traffic.config)
    strict["scopes"] = {"model:write": ["run:read", "run:write"]}
    strict["public"] = []
    report = found(getattr(traffic, log), config=strict, tmp_path=tmp_path)
    changes = {(row["change"], row["operation"], row["after"]["reason"]): row["count"] for row in report["changes"]}
    # The contributor may no longer register; for the limited key, what it was limited from is gone.
    expected = {
        ("new_denial", "CreateRegisteredModel", "scope_missing"): 1,
        ("new_denial", "GetRegisteredModel", "scope_missing"): 1,
        ("new_denial", "SearchRegisteredModels", "scope_missing"): 1,
        ("other_reason", "GetRegisteredModel", "scope_missing"): 1,
    }
    assert changes == expected
    assert report["requests"]["new_denials"] == 3
    new = {row["caller"]: row["new_denials"] for row in report["callers"] if row["new_denials"]}
    assert new == {"key_write": 1, "key_narrow": 2}
    # Nobody asked who wanted to know about the server's health.
    assert [(row["why"], row["count"]) for row in report["undecidable"]] == [("caller_unknown", 1)]
    example = next(row for row in report["changes"] if row["operation"] == "CreateRegisteredModel")["examples"][0]
    assert (example["method"], example["target"], example["key_id"]) == ("POST", CREATE_MODEL, "key_write")


def test_a_wider_configuration(traffic: Traffic, tmp_path: Path) -> None:
    wide = copy.deepcopy(traffic.config)
    wide["scopes"] = {"model:read": ["*:read", "run:write"]}
    report = found(traffic.audit_log, "--fail-on-new-denials", config=wide, tmp_path=tmp_path)
    assert [(row["change"], row["operation"], row["count"]) for row in report["changes"]] == [
        ("no_longer_denied", "CreateRun", 2)
    ]


def test_other_mounts_and_names(traffic: Traffic, tmp_path: Path) -> None:
    moved = copy.deepcopy(traffic.config)
    moved |= {"mounts": ["/other"], "outside": "forward"}
    report = found(traffic.audit_log, config=moved, tmp_path=tmp_path)
    assert {row["after"]["reason"] for row in report["changes"]} == {"outside"}
    assert report["requests"]["refused_after"] == 0 and report["requests"]["undecidable"] == 0
    moved["outside"] = "refuse"
    report = found(traffic.audit_log, config=moved, tmp_path=tmp_path)
    assert {row["after"]["reason"] for row in report["changes"]} == {"outside_mounts"}
    assert report["requests"]["refused_after"] == report["requests"]["requests"]


def test_exit_status_tells_of_new_denials(traffic: Traffic, tmp_path: Path) -> None:
    strict = {**traffic.config, "scopes": {"model:read": []}}
    words = [traffic.audit_log, "--fail-on-new-denials"]
    assert "would be refused" in replay(*words, config=strict, tmp_path=tmp_path, status=1)
    replay(traffic.audit_log, config=strict, tmp_path=tmp_path, status=0)
    replay(*words, config=traffic.config, tmp_path=tmp_path, status=0)
    empty = tmp_path / "empty.log"
    empty.write_text("nothing\n")
    error = replay(traffic.audit_log, empty, "--fail-on-new-denials", config=strict, tmp_path=tmp_path, status=2)
    assert f"{empty}: none of its 1 lines is a record of a decision" in error and error.count("\n") == 1


def test_compressed_logs_and_stdin(traffic: Traffic, tmp_path: Path) -> None:
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(traffic.access_log.read_bytes()))
    plain = found(traffic.access_log, config=traffic.config, tmp_path=tmp_path)
    unpacked = found(packed, config=traffic.config, tmp_path=tmp_path)
    assert unpacked["requests"] == plain["requests"]
    config = tmp_path / "config.json"
    config.write_text(json.dumps(traffic.config))
    with packed.open("rb") as stdin:
        command = [paths.cli(), "replay", "--config", config, "--format", "json"]
        done = subprocess.run(command, stdin=stdin, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["requests"] == plain["requests"]
    assert done.stderr == b"", "no bar where nobody sees it"


def test_a_bar_shows_how_far_it_is(tmp_path: Path) -> None:
    log, config = tmp_path / "audit.log", tmp_path / "config.json"
    with log.open("w") as out:
        records.write(out, 200_000)
    config.write_text(json.dumps({"mounts": ["/api/mlflow", "/"], "auth_service": {"cluster": "c"}}))
    terminal, stderr = pty.openpty()
    command = [paths.cli(), "replay", "--config", config, log]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr) as running:
        os.close(stderr)
        shown = b""
        with contextlib.suppress(OSError):  # How a terminal tells that its other end is closed.
            while block := os.read(terminal, 1 << 16):
                shown += block
        os.close(terminal)
        assert running.wait(timeout=60) == 0
    assert f"of {log.stat().st_size / (1 << 20):.2f} MiB".encode() in shown, shown[-500:]


def test_generated_records_are_true_to_the_defaults(tmp_path: Path) -> None:
    """What scripts/bench-replay measures is decided as the records say."""
    log = tmp_path / "audit.log"
    with log.open("w") as out:
        records.write(out, 5000)
    report = found(log, config={"mounts": ["/api/mlflow", "/"], "auth_service": {"cluster": "c"}}, tmp_path=tmp_path)
    assert (report["changes"], report["undecidable"]) == ([], [])
    assert report["requests"]["requests"] == 5000 and report["requests"]["refused_before"] > 500


def test_memory_is_flat(tmp_path: Path) -> None:
    """Ten times the records and callers, as much memory."""
    peaks = []
    config = tmp_path / "candidate.json"
    config.write_text(
        json.dumps(
            {"mounts": ["/api/mlflow", "/"], "auth_service": {"cluster": "c"}, "scopes": {"model:write": ["run:read"]}}
        )
    )
    for count in (30_000, 300_000):
        log = tmp_path / "audit.log"
        with log.open("w") as out:
            records.write(out, count, keys=count)
        script = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = ["python3", "-c", script, str(paths.cli()), "replay", "--config", str(config), str(log)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < 64 and peaks[1] < peaks[0] + 24, peaks


# --- in a browser ---


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def report(traffic: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section, and hostile text in it."""
    folder = tmp_path_factory.mktemp("report")
    strict = copy.deepcopy(traffic.config)
    strict["scopes"] = {"model:write": ["run:read", "run:write"], "model:read": ["run:write"]}
    strict["public"] = []
    broken = folder / "broken.log"
    line = {
        "method": "GET",
        "target": READ_RUN,
        "operation": HOSTILE_TEXT,
        "decision": "deny",
        "scopes": ["gone"],
    }
    line |= {
        "reason": HOSTILE_TEXT,
        "key_id": "key_crafted",
        "request_id": HOSTILE_TEXT,
        "time": HOSTILE_TEXT,
    }
    crafted = {**line, "target": MOUNT + "/" + HOSTILE_TEXT, "decision": "allow"}
    broken.write_text(json.dumps(line) + "\n" + json.dumps(crafted) + '\n{"decision":\n')
    page = folder / "report.html"
    replay(traffic.audit_log, broken, "--html", page, config=strict, tmp_path=folder)
    return page


def test_what_a_reader_of_the_report_sees(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.text("h1") == ["8 requests that were let through would be refused"]
    headings = browser.text("h2")
    assert headings == [
        "Would be refused",
        "Would no longer be refused",
        "Same answer, other reason",
        "Who would notice",
        "Cannot be decided again",
        "Decisions by operation",
        "Decisions by scope",
        "Callers refused most",
        "Use by caller",
        "What was read",
    ]
    assert browser.text("article h3")[0] == "GetRun"
    tiles = browser.text(".tiles li")
    assert tiles[0].split() == ["8", "would", "be", "refused,", "and", "were", "let", "through"]
    rows = browser.text("section:nth-of-type(4) tbody tr")
    assert any(row.startswith("key_read") for row in rows) and any(HOSTILE_TEXT in row for row in rows)
    scopes = browser.evaluate(
        "[...document.querySelectorAll('h2')].find(h => h.innerText == 'Decisions by scope').parentElement.innerText"
    )
    assert "model:write" in scopes and HOSTILE_TEXT in scopes and "(no key)" in scopes
    assert "broken.log:3" in browser.text("section:last-of-type")[0]
    # Every table has headings that say which column and row they are for.
    assert browser.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    assert browser.evaluate("[...document.querySelectorAll('tbody tr')].every(tr => tr.querySelector('th'))")
    assert browser.evaluate("[...document.querySelectorAll('svg.bar')].every(it => it.getAttribute('aria-label'))")


def test_a_report_is_text_and_nothing_else(browser: Browser, report: Path) -> None:
    """Records hold what callers wrote; nothing of it runs, and nothing is fetched."""
    browser.open(report)
    assert browser.requests == [report.as_uri()]
    assert browser.complaints == []
    assert browser.evaluate("document.title").endswith("mlflow-authz replay")
    assert browser.evaluate("document.querySelectorAll('script, img, iframe, object, [onerror], [src]').length") == 0
    assert HOSTILE_TEXT in browser.evaluate("document.body.innerText")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_and_can_be_read(browser: Browser, report: Path, tmp_path: Path, width: int, dark: bool) -> None:
    for page in (report, matrix_page(tmp_path)):
        browser.open(page, width=width, dark=dark)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, page
        assert browser.evaluate(CONTRAST) >= 4.5, page
        assert browser.complaints == []


CONTRAST = """(() => {
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour.startsWith('rgb') && !colour.endsWith(', 0)')) return parse(colour);
    }
    return [255, 255, 255];
  };
  const ratio = e => {
    const pair = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
    return (pair[0] + .05) / (pair[1] + .05);
  };
  const texts = [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(
    n => n.nodeType == 3 && n.textContent.trim()));
  return Math.min(...texts.map(ratio));
})()"""
"""The least contrast of any text with what is behind it (WCAG 2, success criterion 1.4.3)."""


def matrix_page(tmp_path: Path, config: dict[str, Any] | None = None) -> Path:
    words: list[str | Path] = [paths.cli(), "matrix", "--format", "html"]
    if config is not None:
        file = tmp_path / "matrix.json"
        file.write_text(json.dumps(config))
        words += ["--config", file]
    page = tmp_path / "matrix.html"
    page.write_bytes(subprocess.run(words, capture_output=True, timeout=30, check=True).stdout)
    return page


def test_the_matrix_shows_scopes_and_operations(browser: Browser, tmp_path: Path) -> None:
    config = {
        "mounts": ["/api/mlflow", "/"],
        "auth_service": {"cluster": "c"},
        "scopes": {HOSTILE_TEXT: ["run:read"]},
        "public": ["health"],
    }
    browser.open(matrix_page(tmp_path, config))
    assert browser.text("h1") == ["Permission matrix"]
    columns = browser.text("thead th.scope")
    assert HOSTILE_TEXT in columns and "model:write" in columns
    routes = json.loads(
        subprocess.run([paths.cli(), "routes", "--format", "json"], capture_output=True, check=True).stdout
    )
    operations = {route["operation"] for route in routes}
    named = browser.evaluate(
        "[...document.querySelectorAll('tbody tr:not(.object) th')].map(e => e.firstChild.textContent)"
    )
    assert set(named) - {"Operations granted"} == operations
    granted = browser.evaluate(
        "(() => { const columns = [...document.querySelectorAll('thead th.scope')].map(e => e.innerText.trim());"
        " const row = [...document.querySelectorAll('tbody tr')].find(e => e.innerText.startsWith('GetRun'));"
        " return columns.filter((_, i) => row.querySelectorAll('td')[i].className == 'yes'); })()"
    )
    expected = next(route["scopes"] for route in routes if route["operation"] == "GetRun")
    assert set(granted) == {*expected, HOSTILE_TEXT}
    health = next(route["operation"] for route in routes if route["public"] == "health")
    assert any(text.startswith(health) and "public" in text for text in browser.text("tbody th"))
    assert (browser.complaints, browser.evaluate("document.title")) == (
        [],
        "Permission matrix · mlflow-authz matrix",
    )


def test_pages_print(browser: Browser, report: Path) -> None:
    """On paper nothing is cut off: no region scrolls, and dark ink is on white."""
    browser.open(report, dark=True, medium="print")
    assert browser.evaluate(
        "[...document.querySelectorAll('.scroll')].every(e => getComputedStyle(e).overflowX == 'visible')"
    )
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
