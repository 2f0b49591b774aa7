"""docs/hosts.md is about the releases that scripts/versions.env names."""

import re

from harness import paths
from harness.envoy_releases import LEFT_OUT, REPORT

ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| \d+ \| 0 \| \d+ \|", re.MULTILINE)


def test_every_release_is_verified() -> None:
    versions = paths.versions()
    named = [*versions["OLDER_ENVOY_VERSIONS"].split(), versions["ENVOY_VERSION"]]
    assert ROW.findall(REPORT.read_text()) == named


def test_no_minor_release_is_missing() -> None:
    versions = paths.versions()
    minors = [int(version.split(".")[1]) for version in versions["OLDER_ENVOY_VERSIONS"].split()]
    newest = int(versions["ENVOY_VERSION"].split(".")[1])
    assert [*minors, newest] == list(range(36, newest + 1))


def test_what_is_left_out_exists_and_is_documented() -> None:
    for name, why in LEFT_OUT.items():
        assert (paths.ROOT / "tests" / name).exists(), name
        assert f"- `{name}`: {why}" in REPORT.read_text()
