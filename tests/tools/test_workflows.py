"""The workflows for GitHub, which cannot run here: what they call exists, and nothing they use can change under them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths

WORKFLOWS = sorted((paths.ROOT / ".github" / "workflows").glob("*.yml"))
TOOLCHAIN = re.findall(r'^channel = "(.*)"', (paths.ROOT / "rust-toolchain.toml").read_text(), re.MULTILINE)[0]


def jobs(workflow: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(workflow.read_text())["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(workflow: Path) -> None:
    used = re.findall(r"uses: *(\S+)(.*)", workflow.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: which version is this?"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_run_scripts_of_this_repository(workflow: Path) -> None:
    for job in jobs(workflow):
        commands = [step.get("run", "") for step in job["steps"]]
        commands += job.get("strategy", {}).get("matrix", {}).get("command", [])
        called = re.findall(r"(?:^|\s)((?:scripts|\.ci)/[\w-]+)", "\n".join(commands))
        for script in called:
            assert (paths.ROOT / script).stat().st_mode & 0o111, script
        # A job without a script of ours only publishes what another one made.
        assert called or "needs" in job


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_rights_are_the_least(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text())
    assert content["permissions"] == {"contents": "read"}
    # YAML 1.1 reads the key `on` as true.
    assert "pull_request_target" not in content[True]
    for job in jobs(workflow):
        assert set(job.get("permissions", {})) <= {"contents", "issues"}
        assert job["timeout-minutes"]
        if "container" in job:
            assert job["container"] == f"rust:{TOOLCHAIN}-bookworm"
