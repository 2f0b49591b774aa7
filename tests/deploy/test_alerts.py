"""The alert rules by promtool: they are well-formed, and each fires when it should and not otherwise."""

import re
import shlex
import subprocess
from pathlib import Path

import yaml

from harness import paths
from harness.prometheus import promtool

RULES = paths.ROOT / "envoy" / "dashboards" / "alerts.yaml"
CASES = paths.ROOT / "tests" / "fixtures" / "alerts.yaml"


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_rules_are_well_formed() -> None:
    promtool("check", "rules", "--lint-fatal", RULES)


def test_rules_fire_when_they_should_and_not_otherwise() -> None:
    """See the comment in tests/fixtures/alerts.yaml."""
    promtool("test", "rules", CASES)


def test_every_rule_has_a_case_for_and_one_against_it() -> None:
    outcomes: dict[str, set[bool]] = {rule["alert"]: set() for rule in rules()}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        name = case["name"].partition(":")[0]
        outcomes[name] |= {name in str(test["exp_samples"]) for test in case["promql_expr_test"]}
    assert outcomes == {name: {True, False} for name in outcomes}


def test_every_rule_says_what_to_do() -> None:
    assert rules()
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        notes = rule["annotations"]
        assert notes["summary"] and notes["action"] and notes["runbook_url"]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_runbook_url_leads_to_a_heading_once_its_base_is_replaced(tmp_path: Path) -> None:
    """By the command that the file itself gives."""
    command = re.search(r"^#   (sed -i 's\|\S+?\|(\S+)\|') alerts\.yaml$", RULES.read_text(), re.MULTILINE)
    assert command
    copy = tmp_path / "alerts.yaml"
    copy.write_text(RULES.read_text())
    subprocess.run([*shlex.split(command[1]), copy], check=True)
    base = command[2] + "/"
    for rule in yaml.safe_load(copy.read_text())["groups"][0]["rules"]:
        url = rule["annotations"]["runbook_url"]
        assert url.startswith(base), url
        page, _, anchor = url.removeprefix(base).partition("#")
        assert anchor in anchors(paths.ROOT / "docs" / page), url
