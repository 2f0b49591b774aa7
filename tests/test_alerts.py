"""The alert rules by promtool: they are well-formed, and each fires when it should and not otherwise."""

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
    asked = [test for group in yaml.safe_load(CASES.read_text())["tests"] for test in group["promql_expr_test"]]
    names = {rule["alert"] for rule in rules()}
    fired = {name for name in names for test in asked if f'"{name}"' in str(test.get("exp_samples"))}
    spared = {name for name in names for test in asked if f'"{name}"' not in str(test.get("exp_samples"))}
    assert fired == spared == names


def test_every_rule_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        notes = rule["annotations"]
        assert notes["summary"] and notes["action"] and notes["runbook"].startswith("docs/operating.md#")
